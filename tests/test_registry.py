from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from maphc2f import registry as module
from maphc2f.errors import UserError
from maphc2f.registry import Registry, near


def test_entries_load_on_first_use_and_once() -> None:
    calls: list[str] = []

    def load() -> object:
        calls.append("loaded")
        return object()

    registry: Registry[object] = Registry("thing", {"a": load, "b": load})
    assert list(registry) == ["a", "b"]
    assert len(registry) == 2
    assert not calls
    assert registry["a"] is registry["a"]
    assert calls == ["loaded"]


def test_missing_key_is_a_key_error() -> None:
    registry: Registry[int] = Registry("thing", {"a": lambda: 1})
    assert "b" not in registry
    with pytest.raises(KeyError):
        registry["b"]


def test_resolve_names_near_entries() -> None:
    registry: Registry[int] = Registry("defect family", {"crack": lambda: 1, "corrosion": lambda: 2})
    assert registry.resolve("crack", where="--defects") == 1
    with pytest.raises(UserError) as caught:
        registry.resolve("crak", where="--defects")
    assert str(caught.value) == (
        "--defects: unknown defect family 'crak'; it must be a registered name; did you mean crack?"
    )


def test_near_lists_all_when_nothing_is_close() -> None:
    assert near("xyz", ["b", "a"]) == "choose one of a, b"
    assert near("stel", ["steel", "glass"]) == "did you mean steel?"


def test_entry_points_join_but_never_replace_built_in_names(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("pi", "math:pi", "things"),
        EntryPoint("crack", "math:tau", "things"),
        EntryPoint("e", "math:e", "things"),
    ]
    monkeypatch.setattr(module, "entry_points", lambda group: points if group == "things" else [])
    registry: Registry[float] = Registry("thing", {"crack": lambda: 1.0}, entry_point_group="things")
    assert list(registry) == ["crack", "e", "pi"]
    assert registry["crack"] == 1.0
    assert registry["pi"] == pytest.approx(3.14159, abs=1e-5)

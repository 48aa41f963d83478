"""A small dataset of all families, made once; tests copy it before they change anything."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.support import call, write_manifest


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of 20 samples: an object and two textures, all families."""
    return write_manifest(tmp_path_factory.mktemp("manifest") / "tiny.toml")


@pytest.fixture(scope="session")
def reference(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of ``manifest``, made in one go by this process; nobody may change it."""
    out = tmp_path_factory.mktemp("reference") / "ds"
    result = call("generate", "--manifest", manifest, "--workers", 1, "--out", out)
    assert result.code == 0, result.err
    return out


@pytest.fixture
def copied(reference: Path, tmp_path: Path) -> Path:
    """A copy of the reference dataset to damage."""
    return shutil.copytree(reference, tmp_path / "copied")


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Set the rows of a shard for runs in this process: a few samples then fill several shards."""

    def set_rows(rows: int) -> None:
        monkeypatch.setattr("maphc2f.generate.plan.rows_per_shard", lambda *_: rows)

    return set_rows

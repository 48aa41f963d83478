from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from maphc2f.errors import UserError
from maphc2f.lengths import parse_length
from maphc2f.spec import (
    CategorySpec,
    DatasetSpec,
    DefectSpec,
    Frozen,
    MaterialSpec,
    SizeSpec,
    SourceSpec,
    canonical_digest,
    manifest_digest,
    recipe_digest,
)

STEEL = MaterialSpec(
    name="steel",
    title="Steel",
    source="test",
    youngs_modulus=2e11,
    poisson_ratio=0.3,
    density=7850.0,
    fracture_energy=5e3,
    tensile_strength=5e8,
)


def category(**changes: Any) -> CategorySpec:
    values: dict[str, Any] = {
        "name": "nut",
        "count": 10,
        "source": {"kind": "folder", "path": "nuts"},
        "kind": "object",
        "material": "steel",
        "pixel_size": 4e-5,
        "native_size": (700, 500),
        "defects": ({"family": "crack"},),
    }
    return CategorySpec(**{**values, **changes})


def dataset(*categories: CategorySpec, **changes: Any) -> DatasetSpec:
    return DatasetSpec(categories=categories or (category(),), materials={"steel": STEEL}, **changes)


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("50um", 5e-5),
        ("0.05mm", 5e-5),
        ("5e-05m", 5e-5),
        ("50 µm", 5e-5),
        (" .05mm ", 5e-5),
        ("3nm", 3e-9),
        ("2cm", 0.02),
    ],
)
def test_lengths_are_exact_whatever_their_unit(text: str, metres: float) -> None:
    """Bit equality matters: pixel_size enters the recipe digest."""
    assert parse_length(text, where="x") == metres


@pytest.mark.parametrize(
    "text", ["", "50", "um", "-5um", "0um", "5 px", "1e400um", "1e-400um", "1e9999um", "5um2", "nan m"]
)
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_length(text, where="--pixel-size")
    assert str(caught.value).startswith(f"--pixel-size: '{text}' is not a length".rstrip())


@given(st.floats(1e-9, 1e-2, allow_nan=False))
def test_any_length_written_in_metres_is_read_back(value: float) -> None:
    assert parse_length(f"{value!r}m", where="x") == value


def test_specs_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        category().count = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "changes",
    [
        {"count": 0},
        {"count": 100_000_001},
        {"pixel_size": 0.0},
        {"pixel_size": math.nan},
        {"pixel_size": math.inf},
        {"native_size": (8, 100)},
        {"kind": "thing"},
        {"defects": ()},
        {"severity": (0.8, 0.2)},
        {"severity": (0.2, 1.5)},
        {"severity": (0.0, 0.0)},
        {"severity": (-0.1, 0.5)},
        {"foreground": "folder"},
        {"name": "Nut"},
        {"name": "n" * 65},
        {"material": "../steel"},
        {"colour": "red"},
    ],
    ids=str,
)
def test_wrong_categories_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        category(**changes)


@pytest.mark.parametrize("weight", [0.0, -1.0, math.inf, math.nan])
def test_weights_are_positive_and_finite(weight: float) -> None:
    with pytest.raises(ValidationError):
        DefectSpec(family="crack", weight=weight)


def test_size_needs_both_sides_or_none() -> None:
    assert SizeSpec().native
    assert not SizeSpec(width=64, height=32).native
    with pytest.raises(ValidationError, match="both width and height"):
        SizeSpec(width=64)


def test_field_of_view_is_the_shorter_side() -> None:
    assert category().field_of_view == 500 * 4e-5


def test_material_properties() -> None:
    assert not STEEL.corrodes
    assert not STEEL.yields
    changed = STEEL.model_copy(update={"solid_concentration": 1.0, "yield_stress": 1.0})
    assert changed.corrodes
    assert changed.yields


def test_dataset_refuses_doubled_names_and_unknown_materials() -> None:
    with pytest.raises(ValidationError, match="doubled: nut"):
        dataset(category(), category())
    with pytest.raises(ValidationError, match="unknown material gold"):
        dataset(category(material="gold"))


def test_dataset_totals_and_finds() -> None:
    spec = dataset(category(), category(name="bolt", count=5))
    assert spec.total == 15
    assert spec.category("bolt").count == 5
    with pytest.raises(KeyError):
        spec.category("screw")


def test_canonical_digest_ignores_order_and_layout_only() -> None:
    assert canonical_digest({"a": 1, "b": [1.5, "é"]}) == canonical_digest({"b": [1.5, "é"], "a": 1})
    assert canonical_digest([1, 2]) != canonical_digest([2, 1])
    assert canonical_digest(1) != canonical_digest("1")
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_digest(math.nan)


def test_canonical_digest_is_pinned() -> None:
    """Stored datasets rely on it: ``generate`` refuses to resume a folder whose recipe digest differs."""
    value = {"b": [1, 2.5, None, True], "a": "ü"}
    assert json.loads(json.dumps(value)) == value
    assert canonical_digest(value) == "016a42b8cab958d1ab0e8d320efe7edf0046f9615095ae25f338ee8b24ef2296"


OTHERS = {
    "kind": "texture",
    "pixel_size": 5e-5,
    "native_size": (700, 501),
    "pixel_size_assumed": True,
    "foreground": "full",
    "defects": ({"family": "crack", "weight": 2.0},),
    "severity": (0.25, 0.9),
    "substrate_symmetry": "flips",
    "hypothesis": "hypersphere",
    "min_visible_share": 0.0,
    "combined": 0.5,
    "per_sample": (1, 2),
    "calibration": {"crack": {"contrast": (2.0, 3.0)}},
    "dataset": "visa",
    "name": "bolt",
    "source": {"kind": "folder", "path": "nuts", "licence": "MIT"},
}


@pytest.mark.parametrize("key", sorted(OTHERS))
def test_every_key_of_a_stanza_changes_its_recipe(key: str) -> None:
    mix = ({"family": "crack"}, {"family": "corrosion"})
    before, after = category(defects=mix), category(**{"defects": mix, key: OTHERS[key]})
    assert recipe_digest(dataset(before), before) != recipe_digest(dataset(after), after)


def test_all_keys_but_count_and_material_are_tried() -> None:
    assert set(OTHERS) == set(CategorySpec.model_fields) - {"count", "material"}


@pytest.mark.parametrize(
    "changes", [{"seed": 1}, {"size": SizeSpec(width=64, height=64)}, {"snapshots": 1}, {"stages": "npcf"}], ids=str
)
def test_shared_values_change_every_recipe(changes: dict[str, Any]) -> None:
    assert recipe_digest(dataset(), category()) != recipe_digest(dataset(**changes), category())


def test_material_changes_the_recipe() -> None:
    tougher = STEEL.model_copy(update={"fracture_energy": 6e3})
    other = DatasetSpec(categories=(category(),), materials={"steel": tougher})
    assert recipe_digest(dataset(), category()) != recipe_digest(other, category())


def test_count_and_folders_change_no_recipe() -> None:
    moved = category(count=99, source=SourceSpec(kind="folder", path="elsewhere/nuts", foreground_path="masks"))
    assert recipe_digest(dataset(moved), moved) == recipe_digest(dataset(), category())
    assert manifest_digest(dataset(moved)) != manifest_digest(dataset())
    there, here = (category(source=SourceSpec(kind="folder", path="nuts", keep_out_path=p)) for p in ("a", "b"))
    assert recipe_digest(dataset(there), there) == recipe_digest(dataset(here), here)
    assert recipe_digest(dataset(there), there) != recipe_digest(dataset(), category())


def test_manifest_digest_ignores_the_order_of_categories() -> None:
    a, b = category(), category(name="bolt")
    assert manifest_digest(dataset(a, b)) == manifest_digest(dataset(b, a))
    assert manifest_digest(dataset(a, b)) != manifest_digest(dataset(a))


@pytest.mark.parametrize("model", [MaterialSpec, CategorySpec, DefectSpec, SourceSpec, SizeSpec, DatasetSpec])
def test_all_specs_are_frozen_and_strict_about_keys(model: type[Frozen]) -> None:
    assert model.model_config["frozen"]
    assert model.model_config["extra"] == "forbid"

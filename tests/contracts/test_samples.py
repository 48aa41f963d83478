"""What every finished sample promises, for all scenarios, through ``maphc2f.synthesize`` and in batches."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import maphc2f
from maphc2f.defects import FAMILIES
from maphc2f.errors import IncompleteDatasetError, UserError
from maphc2f.generate.compose import quantise
from maphc2f.generate.group import make_groups
from maphc2f.generate.plan import plan_groups
from maphc2f.generate.profile import Clock
from maphc2f.generate.rows import defect_row
from maphc2f.quality.invariants import change_shares
from maphc2f.rng import stream
from maphc2f.sample import LABELS, MAPS, Sample, least_visible_share
from maphc2f.shards.schema import DEFECT_COLUMNS, SQE_TERMS
from maphc2f.shards.writer import table_of
from maphc2f.spec import DefectSpec, SourceSpec
from tests.builders import category, context_of, dataset
from tests.contracts.test_families import CASES, PIXEL, SIDE, entry, material_for

BRIGHT = {"gray": (np.uint8, ()), "gray16": (np.uint16, ()), "rgb": (np.uint8, (3,))}


@cache
def part(mode: str = "rgb") -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return a round part on a dark ground with fine grain, and where it is."""
    dtype, channels = BRIGHT[mode]
    rng = stream(2, "contract picture", mode)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    mask = np.hypot(rows - SIDE / 2 + 0.5, columns - SIDE / 2 + 0.5) <= 0.47 * SIDE
    grain = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE, *channels)), (0, 0), 1.2)
    grain += 0.15 * rng.standard_normal(grain.shape)
    value = np.where(mask.reshape(SIDE, SIDE, *(1 for _ in channels)), 0.55, 0.12) + 0.06 * grain
    pixels = np.rint(np.iinfo(dtype).max * np.clip(value, 0, 1)).astype(dtype)
    for array in (pixels, mask):
        array.setflags(write=False)
    return pixels, mask


def make(family: str, scenario: str, *, seed: int = 1, mode: str = "rgb", **options: Any) -> Sample:
    image, mask = part(mode)
    material = material_for(entry(family, scenario))
    return maphc2f.synthesize(
        image, mask, family, material, 0.8, seed=seed, scenario=scenario, pixel_size=PIXEL, **options
    )


@cache
def sample(family: str, scenario: str) -> Sample:
    return make(family, scenario)


every_case = pytest.mark.parametrize(("family", "scenario"), CASES, ids=[f"{f}.{s}" for f, s in CASES])


def same(first: Sample, second: Sample) -> None:
    for name in ("image", "mask", "soft_mask"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert dict(first.row) == dict(second.row)
    assert set(first.maps) == set(second.maps)
    for name, values in first.maps.items():
        assert values.tobytes() == second.maps[name].tobytes(), name


@every_case
def test_mask_and_soft_mask_agree(family: str, scenario: str) -> None:
    made, (image, mask) = sample(family, scenario), part()
    assert made.mask.dtype == made.soft_mask.dtype == np.uint8
    assert made.mask.shape == made.soft_mask.shape == mask.shape
    assert made.image.shape == image.shape
    assert made.image.dtype == image.dtype
    np.testing.assert_array_equal(made.mask, np.where(made.soft_mask >= 128, 255, 0))
    assert made.mask.any()
    assert not made.mask[mask].all()
    soft = made.soft_mask[(made.soft_mask > 0) & (made.soft_mask < 255)]
    assert soft.size > 0, "the footprint has a rim"


@every_case
def test_nothing_changes_beside_the_part(family: str, scenario: str) -> None:
    """Where a piece is gone, the blur of the old outline goes with it: a border that the row states."""
    made, (image, mask) = sample(family, scenario), part()
    border = int(json.loads(made.row["defects"][0]["parameters"]).get("uncovered_border", 0))
    assert border <= 2
    beside = cv2.dilate(mask.astype(np.uint8), np.ones((2 * border + 1, 2 * border + 1), np.uint8)) == 0
    np.testing.assert_array_equal(made.image[beside], image[beside])
    assert not made.mask[beside].any()
    for name in ("depth", "displacement_y", "displacement_x"):
        assert not made.maps[name][~mask].any()


@every_case
def test_the_change_is_visible_and_inside_the_mask(family: str, scenario: str) -> None:
    """Measured on the whole finished picture, not on the window that the generator checked."""
    made, (image, _) = sample(family, scenario), part()
    parameters = json.loads(made.row["defects"][0]["parameters"])
    shares = change_shares(
        image, made.image, made.mask, parameters["noise"], parameters["change_radius"], parameters["is_line"]
    )
    assert shares.inside >= FAMILIES[family].min_change_inside - 1e-6
    assert shares.visible >= least_visible_share(FAMILIES[family], scenario) - 1e-6


@every_case
def test_the_change_stays_near_the_mask(family: str, scenario: str) -> None:
    """No pixel farther from the mask than the declared support of a defect can reach."""
    made, (image, _) = sample(family, scenario), part()
    changed = (made.image != image).any(2)
    rows, columns = np.nonzero(made.mask)
    reach = 12 if family != "deformation" else 0.6 * max(np.ptp(rows), np.ptp(columns)) + 24
    distance = cv2.distanceTransform(255 - made.mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    assert distance[changed].max() <= reach


@every_case
def test_the_same_call_makes_the_same_sample_and_leaves_its_arguments(family: str, scenario: str) -> None:
    image, mask = (array.copy() for array in part())
    legacy, threads = np.random.get_state()[1].copy(), torch.get_num_threads()  # noqa: NPY002  # must not move
    torch_state = torch.get_rng_state()
    same(make(family, scenario), sample(family, scenario))
    np.testing.assert_array_equal(np.random.get_state()[1], legacy)  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert torch.get_num_threads() == threads
    np.testing.assert_array_equal(part()[0], image)
    np.testing.assert_array_equal(part()[1], mask)


@every_case
def test_rows_are_in_range_and_fit_the_schema(family: str, scenario: str) -> None:
    from maphc2f.shards.schema import defect_schema

    made = sample(family, scenario)
    row = made.row
    for name in ("severity", "area_fraction", "sqe_score", *(f"sqe_{term}" for term in SQE_TERMS)):
        assert 0 <= row[name] <= 1, name
    assert row["severity"] > 0
    assert row["defect_family"] == family
    assert row["label"] == (LABELS.index(family) if family in LABELS else row["label"])
    defect = row["defects"][0]
    assert (defect["family"], defect["scenario"]) == (family, scenario)
    assert all(defect[name] >= 0 for name in ("width_m", "depth_m", "length_m", "opening_max_m", "visible_width_m"))
    json.dumps(json.loads(defect["parameters"]), allow_nan=False)
    full = defect_row(made, MAPS)
    assert set(full) <= {column.name for column in DEFECT_COLUMNS}
    table = table_of([full], defect_schema())
    assert table.num_rows == 1
    assert all(table.column(name).null_count == 0 for name in full)


@every_case
def test_another_seed_makes_another_sample(family: str, scenario: str) -> None:
    assert not np.array_equal(make(family, scenario, seed=2).image, sample(family, scenario).image)


@pytest.mark.parametrize("mode", ["gray", "gray16"])
@pytest.mark.parametrize("family", list(FAMILIES))
def test_gray_and_sixteen_bits_stay_as_they_are(family: str, mode: str) -> None:
    scenario = next(iter(FAMILIES[family].scenarios))
    made, (image, mask) = make(family, scenario, mode=mode), part(mode)
    assert (made.image.dtype, made.image.shape) == (image.dtype, image.shape)
    assert (made.row["mode"], made.row["bit_depth"]) == ("gray", 16 if mode == "gray16" else 8)
    np.testing.assert_array_equal(made.image[~mask], image[~mask])
    assert (made.image != image).any()


@pytest.mark.parametrize("stages", ["coarse", "npcf", "npcf++"])
@pytest.mark.parametrize("family", list(FAMILIES))
def test_each_last_stage_gives_a_valid_sample(family: str, stages: str) -> None:
    scenario = next(iter(FAMILIES[family].scenarios))
    made = make(family, scenario, stages=stages)
    np.testing.assert_array_equal(made.mask, np.where(made.soft_mask >= 128, 255, 0))
    assert made.mask.any()


@pytest.mark.parametrize("mode", list(BRIGHT))
def test_codes_outside_the_support_are_those_of_the_good_picture(mode: str) -> None:
    """Whatever the renderer left there, and although 0 .. 1 in float32 cannot hold every 16-bit code exactly."""
    original, support = part(mode)
    values = stream(3, "values").random((SIDE, SIDE, original.shape[2] if original.ndim == 3 else 1), np.float32)
    values = 2 * values - np.float32(0.5)
    codes = quantise(values, original, support)
    assert (codes.dtype, codes.shape) == (original.dtype, original.shape)
    np.testing.assert_array_equal(codes[~support], original[~support])
    peak = np.iinfo(original.dtype).max
    wanted = np.clip(values.astype(np.float64).reshape(original.shape), 0, 1) * peak
    assert np.abs(codes[support] - wanted[support]).max() <= 0.51


# -- batches -----------------------------------------------------------------------------------------------------------


def test_a_sample_does_not_depend_on_its_batch() -> None:
    """Eight groups, 32 samples of all families, together and one by one: the same pixels, maps and rows."""
    stanza = category(
        "mix",
        count=32,
        source=SourceSpec(kind="procedural", generator="metal_nut", pool=6, licence="CC0-1.0"),
        material="steel",
        kind="object",
        foreground="auto",
        native_size=(128, 128),
        substrate_symmetry="dihedral",
        defects=tuple(DefectSpec(family=family) for family in FAMILIES if _suits(family)),
    )
    spec = dataset(stanza, snapshots=4, seed=5, size=stanza_size())
    groups = plan_groups(stanza, 4)
    assert len({group.family for group in groups}) >= 4
    together, failures = make_groups(context_of(spec, "mix"), groups, Clock())
    assert len(together) + len(failures) == 32
    assert len(together) >= 28
    single = [made for group in reversed(groups) for made in make_groups(context_of(spec, "mix"), [group], Clock())[0]]
    by_id = {made.row["sample_id"]: made for made in single}
    assert set(by_id) == {made.row["sample_id"] for made in together}
    for made in together:
        same(made, by_id[made.row["sample_id"]])
        first, second = (defect_row(m, MAPS) for m in (made, by_id[made.row["sample_id"]]))
        assert first == second


def _suits(family: str) -> bool:
    from maphc2f.bundled import find_material

    return any(scenario.suits(find_material("steel")) for scenario in FAMILIES[family].scenarios.values())


def stanza_size() -> Any:
    from maphc2f.spec import SizeSpec

    return SizeSpec(width=128, height=128)


# -- wrong calls -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image": np.zeros((64, 64), np.float32)}, "image: float32 array"),
        ({"image": np.zeros((64, 64, 4), np.uint8)}, "image: uint8 array of shape"),
        ({"image": np.zeros((64, 64, 3), np.uint16)}, "image: uint16 array"),
        ({"image": np.zeros((31, 64), np.uint8)}, "at least 32 px"),
        ({"image": np.zeros((64,), np.uint8)}, "image: uint8 array"),
        ({"foreground": np.zeros((SIDE, SIDE), bool)}, "foreground: empty"),
        ({"foreground": np.ones((SIDE, SIDE - 1), bool)}, "foreground: bool array of shape"),
        ({"foreground": np.ones((SIDE, SIDE), np.uint8)}, "foreground: uint8 array"),
        ({"family": "krack"}, "unknown defect family 'krack'.*did you mean crack"),
        ({"scenario": "edge"}, "unknown scenario"),
        ({"material": "stel"}, "unknown material 'stel'.*steel"),
        ({"material": "glass", "family": "corrosion", "scenario": None}, "does not suit"),
        ({"severity": 0.0}, "severity.*0 .. 1"),
        ({"severity": 1.5}, "severity"),
        ({"severity": float("nan")}, "severity"),
        ({"pixel_size": 0.0}, "pixel_size"),
        ({"pixel_size": -1.0}, "pixel_size"),
        ({"seed": -1}, "seed"),
        ({"stages": "all"}, "stages"),
        ({"parameters": {"nonsense": (0.0, 1.0)}}, "unknown parameter 'nonsense'"),
        ({"parameters": {"turn": (1.0, 0.0)}}, "parameters"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_wrong_arguments_are_said_in_one_line(changes: dict[str, Any], words: str) -> None:
    image, mask = part()
    call: dict[str, Any] = {
        "image": image,
        "foreground": mask,
        "family": "crack",
        "material": "steel",
        "severity": 0.5,
        "seed": 0,
        "scenario": "through_crack",
        **changes,
    }
    if "image" in changes:
        call["foreground"] = None
    with pytest.raises(UserError, match=words) as caught:
        maphc2f.synthesize(**call)
    assert "\n" not in str(caught.value)


def test_a_part_too_small_for_the_defect_is_said() -> None:
    image, _ = part()
    speck = np.zeros((SIDE, SIDE), bool)
    speck[70:74, 70:74] = True
    with pytest.raises(IncompleteDatasetError, match="no valid deformation sample on this picture"):
        maphc2f.synthesize(image, speck, "deformation", "steel", 1.0, seed=0, scenario="dent")


def test_a_call_without_a_seed_is_refused() -> None:
    image, mask = part()
    with pytest.raises(TypeError, match="seed"):
        maphc2f.synthesize(image, mask, "crack", "steel", 0.5)  # type: ignore[call-arg]

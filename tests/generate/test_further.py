"""Several defects in one picture: the same family several times, or two families."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from maphc2f.generate.group import make_groups
from maphc2f.generate.plan import (
    COMBINED,
    Group,
    defects_wanted,
    family_weights,
    group_families,
    mix_weights,
    plan_groups,
)
from maphc2f.generate.profile import Clock
from maphc2f.generate.recheck import checked_windows, own_masks
from maphc2f.quality.invariants import check_sample
from maphc2f.sample import LABELS, Sample
from maphc2f.spec import CategorySpec, DatasetSpec, DefectSpec, SizeSpec, SourceSpec, recipe_digest
from tests.builders import category, context_of, dataset

MIX = (DefectSpec(family="corrosion", scenario="pit"), DefectSpec(family="deformation", scenario="dent"))
SEVERAL: dict[str, Any] = {"combined": 0.5, "per_sample": (1, 3)}


def part(**changes: Any) -> CategorySpec:
    values = {
        "count": 12,
        "source": SourceSpec(kind="procedural", generator="metal_nut", pool=4, licence="CC0-1.0"),
        "kind": "object",
        "material": "steel",
        "foreground": "auto",
        "native_size": (128, 128),
        "severity": (0.2, 0.4),
        "defects": MIX,
    }
    return category("part", **{**values, **changes})


def spec_of(**changes: Any) -> DatasetSpec:
    return dataset(part(**changes), seed=4, size=SizeSpec(width=128, height=128))


@cache
def made(several: bool = True) -> tuple[Sample, ...]:
    spec = spec_of(**(SEVERAL if several else {}))
    stanza = spec.categories[0]
    samples, failures = make_groups(context_of(spec, "part"), plan_groups(stanza, spec.snapshots), Clock())
    assert not failures
    return tuple(samples)


def families(sample: Sample) -> list[str]:
    return [defect["family"] for defect in sample.row["defects"]]


def test_the_plan_gives_combined_samples_their_share() -> None:
    stanza = part(**SEVERAL, count=400)
    assert family_weights(stanza) == pytest.approx({"corrosion": 0.25, "deformation": 0.25, COMBINED: 0.5})
    groups = plan_groups(stanza, 2)
    assert sum(g.family == COMBINED for g in groups) == pytest.approx(100, abs=1)
    assert family_weights(part()) == mix_weights(part())


def test_two_families_are_drawn_by_their_weights() -> None:
    mix = (*MIX, DefectSpec(family="crack", weight=8.0))
    stanza = part(defects=mix, combined=0.5)
    pairs = [group_families(0, stanza, Group(g, COMBINED, "train", 0, 2)) for g in range(300)]
    assert all(len(set(pair)) == 2 for pair in pairs)
    assert np.mean([pair[0] == "crack" for pair in pairs]) == pytest.approx(0.8, abs=0.08)
    assert group_families(0, stanza, Group(3, "crack", "train", 0, 2)) == ("crack",)


def test_numbers_are_drawn_from_the_range_and_cover_the_families() -> None:
    stanza = part(per_sample=(1, 3))
    wanted = [defects_wanted(0, stanza, 1, index) for index in range(200)]
    assert {least for least, _ in wanted} == {1}
    assert {number for _, number in wanted} == {1, 2, 3}
    assert {defects_wanted(0, stanza, 2, index)[1] for index in range(200)} == {2, 3}
    assert defects_wanted(0, part(), 1, 5) == (1, 1)
    assert defects_wanted(0, part(per_sample=(2, 2)), 1, 5) == (2, 2)


def test_rows_list_every_defect_and_the_mask_is_their_union() -> None:
    seen: set[int] = set()
    for sample in made():
        defects = sample.row["defects"]
        seen.add(len(defects))
        assert 1 <= len(defects) <= 3
        assert sum(defect["area_px"] for defect in defects) == int((sample.mask > 0).sum())
        assert len({defect["simulation_id"] for defect in defects}) == len(defects)
        assert sample.row["severity"] == max(defect["severity"] for defect in defects)
        np.testing.assert_array_equal(sample.mask == 255, sample.soft_mask >= 128)
        combined = sample.row["defect_family"] == COMBINED
        assert sample.row["label"] == LABELS.index(sample.row["defect_family"])
        assert len(set(families(sample))) == (2 if combined else 1)
        for defect in defects:
            x, y, width, height = defect["bbox"]
            assert (sample.mask[y : y + height, x : x + width] > 0).sum() >= defect["area_px"]
    assert len(seen) > 1
    assert sum(sample.row["defect_family"] == COMBINED for sample in made()) == 6


def test_samples_do_not_depend_on_their_batch() -> None:
    spec = spec_of(**SEVERAL)
    context = context_of(spec, "part")
    alone = [s for g in plan_groups(spec.categories[0], 2) for s in make_groups(context, [g], Clock())[0]]
    assert len(alone) == len(made())
    for one, together in zip(alone, made(), strict=True):
        assert one.image.tobytes() == together.image.tobytes()
        assert dict(one.row) == dict(together.row)


def test_the_first_defect_is_what_it_would_be_alone() -> None:
    """Up to the plan: with the same families, further defects are only added."""
    spec = spec_of(per_sample=(2, 2))
    samples, _ = make_groups(context_of(spec, "part"), plan_groups(spec.categories[0], 2), Clock())
    for several, single in zip(samples, made(several=False), strict=True):
        first, only = several.row["defects"][0], single.row["defects"][0]
        assert first == only
        changed = single.mask > 0
        np.testing.assert_array_equal(several.image[changed], single.image[changed])
        assert len(several.row["defects"]) == 2
        np.testing.assert_array_equal(several.mask[changed], single.mask[changed])


def test_a_number_that_finds_no_room_fails_with_a_reason() -> None:
    spec = spec_of(per_sample=(8, 8), severity=(1.0, 1.0), defects=MIX[:1])
    small = spec.model_copy(update={"size": SizeSpec(width=40, height=40)})
    samples, failures = make_groups(context_of(small, "part"), [Group(0, "corrosion", "train", 0, 1)], Clock())
    assert not samples
    assert [bool(failure.reason) for failure in failures] == [True]


# --- checking what was committed -----------------------------------------------------------------------------------


def goods() -> dict[str, tuple[Any, Any]]:
    spec = spec_of(**SEVERAL)
    pool = context_of(spec, "part").pool
    return {p.substrate_id: (p.image, p.foreground) for p in map(pool.get, pool.accepted)}


def problems(sample: Sample, image: Any) -> list[str]:
    good = goods()[sample.row["substrate_id"]]
    windows = checked_windows(sample.row, None, good, (image, sample.mask))
    return [line for window in windows for line in check_sample(window).violations]


def several() -> Sequence[Sample]:
    return [sample for sample in made() if len(sample.row["defects"]) > 1]


def test_committed_samples_pass_and_a_lost_defect_is_found() -> None:
    found = 0
    for sample in several():
        assert problems(sample, sample.image) == []
        for own in own_masks(sample.row["defects"], sample.mask):
            erased = sample.image.copy()
            good = goods()[sample.row["substrate_id"]][0]
            near = own > 0
            erased[near] = good[near]
            found += near.any() and any("visible share" in line for line in problems(sample, erased))
    assert found >= len(several())


def test_masks_are_told_apart_by_their_boxes() -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[2:6, 2:6], mask[20:30, 20:30], mask[22:24, 34:36] = 255, 255, 255
    boxes = [{"bbox": [2, 2, 4, 4]}, {"bbox": [20, 20, 10, 10]}, {"bbox": [18, 18, 20, 20]}]
    first, second, third = own_masks(boxes, mask)
    assert first.sum() == 16 * 255
    assert not second.any(), "it lies in two boxes"
    assert not third.any(), "a part of it may be the second's"


# --- recipes -------------------------------------------------------------------------------------------------------


def test_controls_that_are_not_used_leave_the_recipe_alone() -> None:
    stated = part(combined=0.0, per_sample=(1, 1), calibration={})
    assert recipe_digest(spec_of(), stated) == recipe_digest(spec_of(), part())
    assert "combined" not in json.dumps(recipe_digest(spec_of(), part()))
    assert recipe_digest(spec_of(), part(per_sample=(1, 2))) != recipe_digest(spec_of(), part())


@pytest.mark.parametrize(
    "wrong", [{"per_sample": (3, 1)}, {"per_sample": (0, 1)}, {"per_sample": (1, 9)}, {"combined": 1.5}]
)
def test_wrong_controls_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        part(**wrong)
    with pytest.raises(ValidationError, match="two families"):
        part(defects=MIX[:1], combined=0.5)

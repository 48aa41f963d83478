"""Deliberate faults: pure, repeatable, stored as pictures are stored, and each what its name says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maphc2f.quality.invariants import visible_threshold
from maphc2f.quality.judged import JudgedPicture, judged_terms, signed_distance
from maphc2f.quality.spoil import (
    LABEL_FAULTS,
    LEAST_SHARE,
    MOST_OVERLAP,
    PICTURE_FAULTS,
    SPOILINGS,
    spoil,
)
from maphc2f.render.contrast import MAX_AMPLITUDE
from maphc2f.rng import stream
from tests.quality.judged import judged

MASK_ONLY = ("shifted_mask", "turned_mask", "dilated_mask", "eroded_mask", "cut_mask", "hull_mask")
PICTURE_ONLY = (*(function.__name__ for function in PICTURE_FAULTS), "ghost")


def made(kind: str, item: JudgedPicture | None = None, seed: int = 0) -> JudgedPicture:
    """The first draw of a stream that shows."""
    draws = (spoil(kind, item or judged(), stream(seed, "test", kind, k)) for k in range(6))
    return next(spoiled for spoiled in draws if spoiled is not None)


def overlap(one: JudgedPicture, other: JudgedPicture) -> float:
    both, either = (one.mask & other.mask).sum(), (one.mask | other.mask).sum()
    return float(both) / float(either)


def strength(item: JudgedPicture, where: np.ndarray) -> float:
    return float(np.quantile(np.abs(item.change[where > 0]).max(axis=1), 0.75))


def test_there_are_enough_kinds_of_both_sorts() -> None:
    assert len(SPOILINGS) == len(LABEL_FAULTS) + len(PICTURE_FAULTS) >= 8


@pytest.mark.parametrize("kind", SPOILINGS)
def test_every_kind_can_be_made_of_a_region(kind: str) -> None:
    item = judged()
    spoiled = made(kind, item)
    codes = spoiled.picture * 255
    assert np.abs(codes - np.rint(codes)).max() < 1e-3, "values are codes"
    assert spoiled.picture.dtype == np.float32
    assert spoiled.mask.dtype == np.uint8
    assert set(np.unique(spoiled.mask)) <= {0, 1}
    assert spoiled.mask.sum() >= 12
    assert np.array_equal(spoiled.original, item.original)
    altered = np.abs(spoiled.picture - item.picture).sum() / np.abs(item.change).sum()
    assert overlap(item, spoiled) <= MOST_OVERLAP or altered >= LEAST_SHARE


@pytest.mark.parametrize("kind", SPOILINGS)
def test_spoiling_is_pure_and_repeatable(kind: str) -> None:
    item = judged()
    before = item.picture.copy(), item.mask.copy()
    first, second, others = made(kind, item), made(kind, item), [made(kind, item, seed=k) for k in (1, 2, 3)]
    assert np.array_equal(item.picture, before[0])
    assert np.array_equal(item.mask, before[1])
    assert np.array_equal(first.picture, second.picture)
    assert np.array_equal(first.mask, second.mask)
    same = [np.array_equal(first.picture, o.picture) and np.array_equal(first.mask, o.mask) for o in others]
    assert not all(same), "another stream gives another fault"


@pytest.mark.parametrize("kind", MASK_ONLY)
def test_label_faults_leave_the_picture(kind: str) -> None:
    item = judged()
    spoiled = made(kind, item)
    assert np.array_equal(spoiled.picture, item.picture)
    assert overlap(item, spoiled) <= MOST_OVERLAP


@pytest.mark.parametrize("kind", PICTURE_ONLY)
def test_picture_faults_leave_the_mask(kind: str) -> None:
    item = judged()
    assert np.array_equal(made(kind, item).mask, item.mask)


REGION_ONLY = ("eroded_mask", "wrong_noise", "texture_scale", "flat", "misplaced")


@pytest.mark.parametrize("kind", [kind for kind in SPOILINGS if kind not in REGION_ONLY])
def test_most_kinds_can_be_made_of_a_line(kind: str) -> None:
    assert made(kind, judged("stroke")).mask.any()


def test_a_line_has_no_middle_to_keep() -> None:
    assert spoil("eroded_mask", judged("stroke"), stream(0, "test")) is None


def test_gray_pictures_have_no_wrong_colour() -> None:
    assert spoil("wrong_colour", judged(channels=1), stream(0, "test")) is None


def test_a_speck_is_not_spoiled() -> None:
    item = judged()
    mask = np.zeros_like(item.mask)
    mask[40:43, 40:43] = 1
    assert all(spoil(kind, replace(item, mask=mask), stream(0, kind)) is None for kind in SPOILINGS)


def test_what_would_not_show_is_not_made() -> None:
    item = judged()
    assert spoil("blurred_inside", item, stream(0, "x")) is not None
    unchanged = replace(item, picture=item.original)
    assert spoil("too_strong", unchanged, stream(0, "x")) is None, "there is no change to make stronger"
    faint = replace(item, picture=spoil("too_weak", item, stream(0, "x")).picture)  # type: ignore[union-attr]
    assert spoil("too_weak", faint, stream(0, "x")) is None, "it cannot become much weaker"


def test_dilated_holds_and_eroded_lies_in_the_mask() -> None:
    item = judged()
    assert (made("dilated_mask", item).mask >= item.mask).all()
    assert (made("eroded_mask", item).mask <= item.mask).all()
    assert (made("cut_mask", item).mask <= item.mask).all()
    assert (made("hull_mask", judged("stroke")).mask >= judged("stroke").mask).all()


def test_strong_and_weak_are() -> None:
    item = judged()
    strong, weak = made("too_strong", item), made("too_weak", item)
    assert strength(strong, item.mask) >= 1.3 * max(MAX_AMPLITUDE, strength(item, item.mask))
    assert strength(weak, item.mask) <= 1.3 * visible_threshold(item.statistics.noise) + 1 / 255


def test_halo_lies_outside_and_noise_inside() -> None:
    item = judged()
    distance = signed_distance(item.mask)
    halo, noise = (np.abs(made(kind, item).picture - item.picture).max(axis=2) for kind in ("halo", "wrong_noise"))
    assert halo[distance < 0].max() == 0.0
    assert halo[(distance > 0) & (distance < 2)].min() > 0.02
    assert noise[distance > 5].max() == 0.0
    assert noise[distance < -2].mean() > 4 / 255


def test_sharp_edge_has_no_transition() -> None:
    item = judged()
    distance, spoiled = signed_distance(item.mask), made("sharp_edge", item)
    just_in, just_out = (distance > -1.0) & (distance < 0), (distance > 0) & (distance < 1.0)
    assert np.abs(spoiled.change[just_in]).mean() > 0.9 * np.abs(spoiled.change[distance < -4]).mean()
    assert np.abs(spoiled.change[just_out]).max() == 0.0
    assert np.abs(item.change[just_out]).mean() > 0.02


def test_ghost_is_a_second_one_off_the_label() -> None:
    item = judged()
    spoiled = made("ghost", item)
    outside = signed_distance(item.mask) > 5
    assert np.abs(spoiled.change[outside]).sum() > 0.5 * np.abs(item.change).sum()
    assert judged_terms(spoiled)["agreement"] < judged_terms(item)["agreement"] - 0.1


def test_misplaced_lies_beside_the_part() -> None:
    item = judged()
    part = item.foreground.copy()
    part[:, 48:] = 0
    spoiled = made("misplaced", replace(item, foreground=part))
    assert part[spoiled.mask > 0].mean() <= 0.5
    assert spoil("misplaced", replace(item, foreground=np.ones_like(part)), stream(0, "x")) is None


def test_sixteen_bits_stay_sixteen_bits() -> None:
    item = replace(judged(), peak=65535)
    codes = made("too_weak", item).picture.astype(np.float64) * 65535
    assert np.abs(codes - np.rint(codes)).max() < 0.05
    assert np.abs(codes / 257 - np.rint(codes / 257)).max() > 0.1, "finer than 8 bits"


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        spoil("nonsense", judged(), stream(0, "x"))

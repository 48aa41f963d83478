"""What the learned estimator sees: named, finite, the same however it is asked, and moved by what it stands for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maphc2f.features import load
from maphc2f.quality.judged import (
    INPUTS,
    MAX_SIDE,
    READ_TERMS,
    JudgedPicture,
    judged_terms,
    named,
    observe,
    signed_distance,
)
from maphc2f.quality.sqe import ScoredWindow, sqe_terms
from tests.quality.judged import judged, turned

BACKBONE = load("scattering")


def seen(item: JudgedPicture) -> dict[str, float]:
    return dict(named(observe(item, BACKBONE)[0]))


def test_inputs_have_names_of_their_own() -> None:
    assert len(set(INPUTS)) == len(INPUTS)


@pytest.mark.parametrize("kind", ["blob", "stroke"])
@pytest.mark.parametrize("channels", [1, 3])
def test_inputs_are_finite_and_as_many_as_names(kind: str, channels: int) -> None:
    vector, _ = observe(judged(kind, channels=channels), BACKBONE)
    assert vector.shape == (len(INPUTS),)
    assert np.isfinite(vector).all()


def test_signed_distance_is_half_a_pixel_beside_the_contour() -> None:
    mask = np.zeros((7, 9), np.uint8)
    mask[:, 4:] = 1
    assert signed_distance(mask)[3].tolist() == pytest.approx([3.5, 2.5, 1.5, 0.5, -0.5, -1.5, -2.5, -3.5, -4.5])


def test_terms_are_those_of_sqe_on_the_whole_picture() -> None:
    item = judged()
    whole = ScoredWindow(
        original=item.original,
        picture=item.picture,
        soft_mask=item.mask.astype(np.float32),
        foreground=item.foreground,
        statistics=item.statistics,
        residuals={},
        solver_residual=0.0,
        change_radius=item.change_radius,
        severity=item.severity,
        is_line=item.is_line,
    )
    expected = {**sqe_terms(whole), "physics": 0.9}
    assert judged_terms(item) == pytest.approx(expected, abs=1e-6)
    inputs = seen(item)
    assert [inputs[name] for name in READ_TERMS] == pytest.approx([expected[name] for name in READ_TERMS], abs=1e-6)


def test_good_maps_may_be_kept() -> None:
    item = judged()
    first, maps = observe(item, BACKBONE)
    again, kept = observe(item, BACKBONE, maps)
    assert np.array_equal(first, again)
    assert kept is maps


def test_maps_of_another_window_are_not_used() -> None:
    item = judged()
    _, maps = observe(item, BACKBONE)
    moved = replace(item, mask=np.roll(item.mask, 9, axis=0))
    assert np.array_equal(observe(moved, BACKBONE, maps)[0], observe(moved, BACKBONE)[0])


def test_a_turned_picture_reads_nearly_alike() -> None:
    item = judged()
    first, second = observe(item, BACKBONE)[0], observe(turned(item), BACKBONE)[0]
    assert np.abs(first - second).max() < 0.2
    shifted = observe(replace(item, mask=np.roll(item.mask, 9, axis=0)), BACKBONE)[0]
    assert np.abs(first - shifted).max() > 0.5, "while a wrong mask does not"


def test_profile_follows_the_change() -> None:
    inputs = seen(judged())
    assert inputs["change:-6..-3"] > 0.8
    assert inputs["change:6..12"] == 0.0
    assert inputs["changed:-3..-1.5"] == 1.0
    assert inputs["slope:-1.5..0"] > 3 * inputs["slope:3..6"]


def test_empty_bands_repeat_those_nearer_to_the_contour() -> None:
    inputs = seen(judged("stroke"))
    assert inputs["change:-inf..-6"] == inputs["change:-6..-3"] == inputs["change:-3..-1.5"]


def test_colour_shows_in_chroma() -> None:
    item = judged()
    tinted = item.picture + item.mask[:, :, None] * np.array([0.1, -0.05, -0.05], np.float32)
    assert seen(replace(item, picture=tinted.astype(np.float32)))["chroma"] > seen(item)["chroma"] + 0.2
    assert seen(judged(channels=1))["chroma"] == 0.0


def test_an_unlabelled_change_far_away_is_seen() -> None:
    item = judged()
    other = item.picture.copy()
    other[4:16, 60:80] -= 0.25
    assert seen(replace(item, picture=other))["agreement"] < seen(item)["agreement"] - 0.1


def test_large_windows_are_cut() -> None:
    small, large = judged(), judged(side=512)
    everywhere = large.original.copy()
    everywhere[::8] += np.float32(8 / 255)
    _, maps = observe(replace(large, picture=everywhere), BACKBONE)
    top, left, bottom, right = maps.box
    assert (bottom - top, right - left) == (MAX_SIDE, MAX_SIDE)
    assert large.mask[top:bottom, left:right].sum() == large.mask.sum()
    top, left, bottom, right = observe(small, BACKBONE)[1].box
    assert max(bottom - top, right - left) < 96


def test_an_empty_mask_is_refused() -> None:
    empty = replace(judged(), mask=np.zeros((96, 96), np.uint8))
    with pytest.raises(ValueError, match="mask is empty"):
        observe(empty, BACKBONE)
    with pytest.raises(ValueError, match="mask is empty"):
        judged_terms(empty)

"""Every invariant holds for what the pipeline makes and is seen violated by a planted error."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from maphc2f.kernels.distance import euclidean_distance
from maphc2f.quality.invariants import (
    CheckedWindow,
    Shares,
    centreline,
    change_shares,
    check_sample,
    disk,
    visible_threshold,
)
from maphc2f.refine.pipeline import synthesise
from maphc2f.render.window import WindowInputs
from tests.refine.fields import all_kinds, line_fields, region_fields, window

MINIMA = {"crack": (0.7, 0.95), "corrosion": (0.8, 0.95), "deformation": (0.3, 0.8), "texture_overlay": (0.0, 0.95)}


def checked(item: WindowInputs, dtype: type = np.uint8, stage: str = "npcf++") -> CheckedWindow:
    result = synthesise([item], stage)[0]
    peak = np.iinfo(dtype).max
    soft = np.rint(255 * result.soft_mask).astype(np.uint8)
    visible, inside = MINIMA[item.family]
    return CheckedWindow(
        original=np.rint(item.picture * peak).astype(dtype),
        picture=np.rint(result.picture * peak).astype(dtype),
        mask=np.where(soft >= 128, 255, 0).astype(np.uint8),
        soft_mask=soft,
        support=item.fields.support,
        allowed=item.foreground >= 0.5,
        noise=item.statistics.noise,
        change_radius=result.change_radius,
        is_line=item.fields.is_line,
        min_visible_share=visible,
        min_change_inside=inside,
    )


@pytest.fixture(scope="module")
def pit() -> CheckedWindow:
    return checked(window(region_fields(96), family="corrosion"))


@pytest.fixture(scope="module")
def crack() -> CheckedWindow:
    return checked(window(line_fields(96)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("stage", ["coarse", "npcf", "npcf++"])
def test_what_the_pipeline_makes_is_valid(dtype: type, channels: int, stage: str) -> None:
    for item in all_kinds(96, channels):
        verdict = check_sample(checked(item, dtype, stage))
        assert verdict.violations == [], item.family
        assert verdict.shares.agreement > 0.5


def violations(sample: CheckedWindow) -> str:
    return "; ".join(check_sample(sample).violations)


def test_mask_must_be_binary_and_that_of_the_soft_mask(pit: CheckedWindow) -> None:
    gray = pit.mask.copy()
    gray[0, 0] = 7
    assert "soft_mask >= 128" in violations(replace(pit, mask=gray))
    assert "soft_mask >= 128" in violations(replace(pit, mask=np.roll(pit.mask, 1, 0)))


def test_mask_must_not_be_empty_or_whole(pit: CheckedWindow) -> None:
    none, full = np.zeros_like(pit.mask), np.full_like(pit.mask, 255)
    assert "empty" in violations(replace(pit, mask=none, soft_mask=none))
    assert "whole part" in violations(replace(pit, mask=full, soft_mask=full))


def test_nothing_may_change_outside_support_and_part(pit: CheckedWindow) -> None:
    touched = pit.picture.copy()
    touched[0, 0] ^= 1  # a single code is enough
    assert "1 pixels changed outside the support" in violations(replace(pit, picture=touched))
    part = pit.allowed.copy()
    part[40:] = False
    found = violations(replace(pit, allowed=part))
    assert "changed outside the part" in found
    assert "mask lie outside the part" in found


def test_shares_below_their_minimum(pit: CheckedWindow, crack: CheckedWindow) -> None:
    assert "visible share" in violations(replace(pit, picture=pit.original))
    far = np.roll(pit.mask, 30, 0)
    assert "share of the change" in violations(replace(pit, mask=far, soft_mask=far))
    half = crack.picture.copy()
    half[:48] = crack.original[:48]
    assert "visible share" in violations(replace(crack, picture=half))


def test_form_must_be_that_of_the_good_picture(pit: CheckedWindow) -> None:
    assert "form" in violations(replace(pit, picture=pit.picture.astype(np.uint16)))
    assert "form" in violations(replace(pit, picture=pit.picture[:-1]))


def test_threshold() -> None:
    assert visible_threshold(0.0) == 2 / 255
    assert visible_threshold(0.02) == 0.04


def test_shares_of_a_known_change() -> None:
    original = np.full((40, 40), 100, np.uint8)
    mask, picture = np.zeros((40, 40), np.uint8), original.copy()
    mask[10:20, 10:20] = 255
    picture[10:20, 10:15] = 50  # half of the mask
    picture[30:35, 30:35] = 50  # a third of the change lies elsewhere
    shares = change_shares(original, picture, mask, 0.0, 2.0, False)
    assert shares == Shares(0.5, pytest.approx(2 / 3))
    assert shares.agreement == pytest.approx(2 * 0.5 * (2 / 3) / (0.5 + 2 / 3))
    picture[30:35, 30:35] = 99  # below the threshold of two gray levels
    assert change_shares(original, picture, mask, 0.0, 2.0, False).inside == 1.0


def test_any_channel_counts() -> None:
    original = np.full((20, 20, 3), 100, np.uint8)
    picture, mask = original.copy(), np.full((20, 20), 255, np.uint8)
    picture[:, :10, 2] = 60
    assert change_shares(original, picture, mask, 0.0, 1.0, False).visible == 0.5


def test_centreline_of_a_bar() -> None:
    bar = np.zeros((30, 40), np.uint8)
    bar[12:17, 5:35] = 1
    ridge = centreline(bar)
    assert ridge[14, 8:32].all()
    assert ridge.sum() < 0.4 * bar.sum()


@pytest.mark.parametrize("radius", [0.5, 1.0, 2.9, 3.0, 5.0**0.5, 4.2426, 9.7])
def test_dilation_by_a_disk_is_a_limit_of_the_distance(radius: float) -> None:
    mask = (np.random.default_rng(5).random((70, 50)) > 0.995).astype(np.uint8)
    near = np.asarray(cv2.dilate(mask, disk(radius))) > 0
    assert np.array_equal(near, euclidean_distance(1 - mask) <= radius)
    assert not np.asarray(cv2.dilate(np.zeros_like(mask), disk(radius))).any()

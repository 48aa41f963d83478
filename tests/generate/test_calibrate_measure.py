"""What is read from pictures of known looks."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import erf

from maphc2f.generate.calibrate_lines import LEAST_WIDTH, strip_width
from maphc2f.generate.calibrate_measure import measure_picture, surface_statistics
from maphc2f.render.contrast import contrast_unit
from maphc2f.render.statistics import estimate_statistics

SIDE = 192
NOISE = 0.012
LEVEL = 0.6


def ground(seed: int = 0, noise: float = NOISE) -> NDArray[np.float32]:
    """Return a sharp grained surface: optics that blur by 0.5 px at most, which is what estimates fall back to."""
    rng = np.random.default_rng(seed)
    return (LEVEL + noise * rng.standard_normal((SIDE, SIDE))).astype(np.float32)


def crack_picture(width: float, depth: float, blur: float = 0.9, tilt: float = 0.3) -> tuple[Any, Any]:
    """Return a picture with a straight strip through a Gaussian, and its mask, 3 px wider."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    across = (y - SIDE / 2) * math.cos(tilt) - (x - SIDE / 2) * math.sin(tilt)
    along = (y - SIDE / 2) * math.sin(tilt) + (x - SIDE / 2) * math.cos(tilt)
    scale = math.sqrt(2.0) * blur
    coverage = 0.5 * (erf((width / 2 - across) / scale) + erf((width / 2 + across) / scale))
    coverage *= np.abs(along) < 60
    mask = (np.abs(across) < width / 2 + 1.5) & (np.abs(along) < 60)
    picture = ground() - depth * coverage
    return picture[:, :, None].astype(np.float32), mask


def disk_picture(radius: float, change: float, sigma: float, rough: float = 0.0) -> tuple[Any, Any]:
    """Return a picture with a disk whose rim is blurred by ``sigma``, and its mask."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    distance = np.hypot(y - 90.3, x - 101.6) - radius
    coverage = 0.5 * (1 - erf(distance / (math.sqrt(2.0) * sigma)))
    inside = rough * np.random.default_rng(5).standard_normal((SIDE, SIDE)) * coverage
    picture = ground() + change * coverage + inside
    return picture[:, :, None].astype(np.float32), distance < 0


@pytest.mark.parametrize("width", [3.0, 5.0])
def test_width_and_contrast_of_a_crack(width: float) -> None:
    blur = 0.9
    image, mask = crack_picture(width, 0.2, blur)
    (found,) = measure_picture(image, mask, line=True)
    statistics = estimate_statistics(image, ~mask)
    assert found.width == pytest.approx(width, abs=0.6)
    peak = 0.2 * erf(width / 2 / (math.sqrt(2) * blur))
    assert found.contrast == pytest.approx(peak / contrast_unit(statistics), rel=0.15)
    assert not found.bright
    assert found.size == pytest.approx(120, rel=0.12)


def test_the_width_of_a_strip_is_read_through_the_optics() -> None:
    x = np.arange(-12, 12, 0.001)
    for width, sigma in ((1.0, 0.8), (3.0, 0.9), (6.0, 1.5)):
        seen = erf((width / 2 - x) / (math.sqrt(2) * sigma)) + erf((width / 2 + x) / (math.sqrt(2) * sigma))
        full = 0.001 * float((seen > seen.max() / 2).sum())
        assert strip_width(full, sigma) == pytest.approx(width, abs=0.02)
    assert strip_width(1.0, 1.0) == pytest.approx(LEAST_WIDTH)


def test_a_wide_mask_does_not_widen_a_crack_and_a_bright_one_is_bright() -> None:
    image, mask = crack_picture(2.0, -0.15)
    thick = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    (narrow,), (wide,) = (measure_picture(image, each, line=True) for each in (mask, thick))
    assert narrow.bright
    assert wide.bright
    assert narrow.width is not None
    assert wide.width == pytest.approx(narrow.width, abs=0.5)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_rim_size_and_contrast_of_a_region(sigma: float) -> None:
    image, mask = disk_picture(16.0, -0.2, sigma)
    (found,) = measure_picture(image, mask, line=False)
    statistics = estimate_statistics(image, ~mask)
    own = math.sqrt(max(sigma**2 - statistics.psf_sigma**2 - 1 / 12, 0))
    assert found.edge == pytest.approx(own, abs=0.35)
    assert found.size == pytest.approx(32.0, rel=0.03)
    assert found.contrast == pytest.approx(0.2 / contrast_unit(statistics), rel=0.12)
    assert not found.bright


def test_roughness_is_that_of_the_texture_inside() -> None:
    image, mask = disk_picture(20.0, -0.2, 1.0, rough=2 * NOISE)
    (found,) = measure_picture(image, mask, line=False)
    assert found.roughness == pytest.approx(math.sqrt(5.0), rel=0.15)
    smooth, mask = disk_picture(20.0, -0.2, 1.0)
    (found,) = measure_picture(smooth, mask, line=False)
    assert found.roughness == pytest.approx(1.0, rel=0.15)


def test_what_does_not_stand_out_tells_nothing() -> None:
    image, mask = crack_picture(2.0, 0.0)
    assert measure_picture(image, mask, line=True) == []
    image, mask = disk_picture(12.0, 0.005, 1.0)
    assert measure_picture(image, mask, line=False) == []


def test_broken_parts_are_one_defect_and_specks_none() -> None:
    image, mask = crack_picture(3.0, 0.2, tilt=0.0)
    mask[:, 80:82] = False
    mask[4:6, 4:6] = True
    assert len(measure_picture(image, mask, line=True)) == 1
    mask[:, 70:92] = False
    assert len(measure_picture(image, mask, line=True)) == 2


def test_a_crack_and_what_lies_beside_it_are_told_apart() -> None:
    """A core 3 px wide in a mouth of 7 px a third as dark, and a shade of a tenth for 4 px beside that."""
    y = np.mgrid[:SIDE, :SIDE][0].astype(float) - SIDE / 2
    profile = np.select([np.abs(y) <= 1, np.abs(y) <= 3, np.abs(y) <= 7], [1.0, 0.35, 0.1], 0.0)
    soft = cv2.GaussianBlur(profile, (0, 0), 0.5)
    for shade in (0.0, 1.0):
        change = np.where(np.abs(y) <= 3.5, soft, shade * soft)
        image = (ground(noise=0.002) - 0.25 * change)[:, :, None].astype(np.float32)
        (found,) = measure_picture(image, np.abs(y) <= 3, line=True)
        assert found.width is not None
        assert found.width == pytest.approx(3.0, abs=0.6)
        assert found.shade == pytest.approx(0.08 * shade, abs=0.03)


def test_unevenness_is_the_spread_of_depth_along_a_crack() -> None:
    image, mask = crack_picture(3.0, 0.25, tilt=0.0)
    (even,) = measure_picture(image, mask, line=True)
    x = np.mgrid[:SIDE, :SIDE][1]
    depth = np.where((x // 15) % 2 == 0, 1.0, 0.4)[:, :, None]
    base = float(np.median(image))
    (patchy,) = measure_picture((base + depth * (image - base)).astype(np.float32), mask, line=True)
    assert even.unevenness is not None
    assert even.unevenness < 0.15
    assert patchy.unevenness == pytest.approx(0.3 / 0.7, abs=0.08)


def test_tones_and_darkening_of_a_region() -> None:
    flat, mask = disk_picture(20.0, -0.3, 1.0)
    (even,) = measure_picture(flat, mask, line=False)
    x = np.mgrid[:SIDE, :SIDE][1]
    halves = flat + np.where(mask & (x > 101), 0.2, 0.0)[:, :, None].astype(np.float32)
    (sided,) = measure_picture(halves, mask, line=False)
    assert even.darkening == pytest.approx(0.3 / LEVEL, rel=0.1)
    assert even.variation is not None
    assert sided.variation is not None
    amplitude = (0.5 * (0.3**4 + 0.1**4)) ** 0.25
    assert sided.variation == pytest.approx(0.2 / amplitude, rel=0.2)
    assert even.variation < 0.5 * sided.variation


def test_colour_is_a_change_of_chromaticity_alone() -> None:
    gray, mask = disk_picture(20.0, -0.3, 1.0)
    assert measure_picture(gray, mask, line=False)[0].colour is None
    same = np.repeat(gray, 3, axis=2) * np.array([1.0, 0.8, 0.6], np.float32)
    (darker,) = measure_picture(same, mask, line=False)
    assert darker.colour == pytest.approx(0.0, abs=0.02)
    tint = np.where(mask[:, :, None], np.array([1.2, 1.0, 1 / 1.2], np.float32), 1.0)
    (rusty,) = measure_picture((same * tint).astype(np.float32), mask, line=False)
    assert rusty.colour == pytest.approx(math.sqrt(2.0) * math.log(1.2), rel=0.1)


def test_other_defects_are_neither_measured_nor_taken_for_surface() -> None:
    image, mask = disk_picture(12.0, -0.2, 1.0)
    (alone,) = measure_picture(image, mask, line=False)
    beside = np.zeros_like(mask)
    beside[70:112, 118:140] = True
    spoiled = image - np.where(beside, 0.3, 0.0)[:, :, None].astype(np.float32)
    (told,) = measure_picture(spoiled, mask, line=False, other=beside)
    (untold,) = measure_picture(spoiled, mask, line=False)
    assert told.contrast == pytest.approx(alone.contrast, rel=0.05)
    assert abs(untold.contrast - alone.contrast) > abs(told.contrast - alone.contrast)


def test_a_part_of_a_picture_measures_as_the_whole() -> None:
    image, mask = disk_picture(12.0, -0.2, 1.0)
    (whole,) = measure_picture(image, mask, line=False)
    box = slice(90 - 36, 90 + 37), slice(101 - 36, 101 + 37)
    statistics = surface_statistics(image, mask)
    (part,) = measure_picture(image[box], mask[box], line=False, statistics=statistics)
    assert part == whole

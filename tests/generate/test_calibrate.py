"""Calibration: what is measured on pictures of known looks, what is fitted to it, and the file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import erf

from maphc2f.errors import ManifestError, PictureError
from maphc2f.generate.calibrate import (
    CalibrationFile,
    calibration_text,
    check_cell,
    fit,
    load_calibration,
    load_calibrations,
    read_examples,
    write_calibration,
)
from maphc2f.generate.calibrate_measure import LEAST_WIDTH, Measured, black_width, measure_picture, strip_width
from maphc2f.render.contrast import contrast_unit
from maphc2f.render.statistics import estimate_statistics
from maphc2f.spec import CalibrationSpec

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


# --- measuring -----------------------------------------------------------------------------------------------------


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


def test_a_dark_groove_is_as_wide_as_its_darkness_needs() -> None:
    """Black in linear light, 1 px wide, seen through a Gaussian of 1 px."""
    covered = erf(1.0 / (2 * math.sqrt(2.0)))
    contrast = 1 - math.sqrt(1 - 0.97 * covered)
    assert black_width(contrast, 1.0) == pytest.approx(1.0, abs=1e-6)
    assert black_width(0.0, 1.0) == 0.0
    assert black_width(1.0, 1.0) < 4.0


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


# --- fitting -------------------------------------------------------------------------------------------------------

GLOSS = (0.5, 0.5)


def some(number: int, **values: Any) -> list[Measured]:
    rng = np.random.default_rng(7)
    drawn = np.exp(rng.uniform(np.log(2.0), np.log(8.0), number))
    return [Measured(**{"contrast": float(c), "bright": False, "size": 10 * float(c), **values}) for c in drawn]


def test_the_range_of_uniform_draws_is_found_again() -> None:
    fitted = fit(some(400), 1e-4, GLOSS)
    assert fitted.contrast is not None
    assert fitted.contrast == pytest.approx((2.0, 8.0), rel=0.06)
    assert fitted.size == pytest.approx((2e-3, 8e-3), rel=0.06)
    assert fitted.bright == pytest.approx(0.5 / 401, rel=1e-3)
    assert fitted.width is fitted.edge is fitted.roughness is None


def test_few_examples_do_not_make_a_range_far_beyond_them() -> None:
    outlying = [Measured(contrast=c, bright=True, size=5.0) for c in (3.0, 3.0, 3.0, 12.0)]
    low, high = fit(outlying, 1e-4, GLOSS).contrast or (0, 0)
    beyond = 4.0 ** (1 / 3)
    assert low >= 3.0 / beyond - 1e-3
    assert high <= 12.0 * beyond + 1e-3
    low, high = fit(outlying, 1e-4, GLOSS).size or (0, 0)
    assert low < 5e-4 < high, "equal examples still leave a range"


def test_roughness_is_what_the_surface_leaves_unexplained() -> None:
    fitted = fit(some(3, roughness=1.3, edge=2.0), 1e-4, GLOSS)
    assert fitted.roughness == pytest.approx((0.95 * 1.2, 1.05 * 1.2), rel=1e-3)
    assert fitted.edge == pytest.approx((1.9e-4, 2.1e-4), rel=1e-3)
    assert fit(some(3, roughness=0.4), 1e-4, GLOSS).roughness == (0.0, 0.0)


def test_two_defects_are_too_few() -> None:
    with pytest.raises(PictureError, match=r"2 defects.*at least 3"):
        fit(some(2), 1e-4, GLOSS)


# --- the file and its errors ---------------------------------------------------------------------------------------

LOOKS = CalibrationSpec(contrast=(2.0, 4.0), bright=0.1, width=(1e-5, 2e-4), size=(1e-3, 2e-2))
FILE = CalibrationFile(family="crack", pixel_size=4e-5, pictures=5, defects=7, looks=LOOKS)


def test_the_file_reads_back_and_explains_every_key(tmp_path: Path) -> None:
    path = tmp_path / "params.toml"
    write_calibration(path, FILE)
    assert load_calibration(path) == FILE
    assert load_calibrations([path]) == {"crack": LOOKS}
    lines = calibration_text(FILE).split("[looks]\n")[1].splitlines()
    assert [line.split(" = ")[0] for line in lines] == ["contrast", "bright", "width", "size"]
    assert all("  # " in line for line in lines)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("family = ", "cannot be read"),
        (calibration_text(FILE).replace("contrast = [2.0, 4.0]", "contrast = [4.0, 2.0]"), "must rise"),
        (calibration_text(FILE).replace("contrast =", "contrst ="), "unknown key 'contrst'"),
        (calibration_text(FILE).replace("size = [0.001", "size = [0.0"), "greater than 0"),
        (calibration_text(FILE).replace('"crack"', '"Crack"'), "must match"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "params.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError, match=says) as caught:
        load_calibration(path)
    assert "\n" not in str(caught.value)
    assert "--calibration" in str(caught.value)


def test_one_family_twice_and_missing_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "params.toml"
    write_calibration(path, FILE)
    with pytest.raises(ManifestError, match="comes twice"):
        load_calibrations([path, path])
    with pytest.raises(ManifestError, match="No such file"):
        load_calibration(tmp_path / "none.toml")


def test_families_are_looked_up() -> None:
    assert check_cell("crack") == ("crack", None)
    assert check_cell("crack.chip") == ("crack", "chip")
    with pytest.raises(ManifestError, match=r"unknown scenario 'chap'.*chip"):
        check_cell("crack.chap")


def test_folders_are_paired_by_name(tmp_path: Path) -> None:
    images, masks = tmp_path / "images", tmp_path / "masks"
    images.mkdir()
    masks.mkdir()
    image, mask = disk_picture(14.0, -0.2, 1.0)
    for name in ("a", "b", "alone"):
        cv2.imwrite(str(images / f"{name}.png"), np.rint(255 * image[:, :, 0]).astype(np.uint8))
    for name in ("a", "b"):
        cv2.imwrite(str(masks / f"{name}.png"), 255 * mask.astype(np.uint8))
    examples = read_examples(images, masks, line=False)
    assert (examples.pictures, len(examples.measured)) == (2, 2)
    assert len(examples.unusable) == 1
    assert examples.unusable[0].startswith("alone.png: no mask")
    with pytest.raises(PictureError, match="no such folder"):
        read_examples(images, tmp_path / "nowhere", line=False)

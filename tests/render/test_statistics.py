"""Estimates on pictures whose noise, blur, light and direction are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maphc2f.render.statistics import DEFAULT_TILT, estimate_statistics

FULL = np.ones((192, 192), bool)


def squares(sigma: float, noise: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    picture = np.full((192, 192), 0.35, np.float32)
    picture[30:90, 40:110] = 0.7
    picture[110:170, 60:170] = 0.6
    picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    return (picture + noise * rng.standard_normal(picture.shape)).astype(np.float32)[:, :, None]


@pytest.mark.parametrize("noise", [0.005, 0.02])
def test_noise(noise: float) -> None:
    assert estimate_statistics(squares(1.0, noise), FULL).noise == pytest.approx(noise, rel=0.12)


@pytest.mark.parametrize("sigma", [0.8, 1.2, 1.8])
def test_psf(sigma: float) -> None:
    assert estimate_statistics(squares(sigma, 0.001), FULL).psf_sigma == pytest.approx(sigma, rel=0.2)


@pytest.mark.parametrize("angle", [0.3, 1.2, 2.5])
def test_texture_direction(angle: float) -> None:
    y, x = np.mgrid[0:192, 0:192]
    across = np.sin(angle) * x - np.cos(angle) * y
    picture = (0.5 + 0.1 * np.sin(across / 1.7)).astype(np.float32)[:, :, None]
    found = estimate_statistics(picture, FULL)
    # One full turn of the doubled angle is one turn of the direction.
    assert abs(np.angle(np.exp(2j * (found.direction - angle)))) < 0.06
    assert found.coherence > 0.9


@pytest.mark.parametrize(("dy", "dx"), [(0.0, 1.0), (-1.0, 0.0), (0.7, 0.7)])
def test_light_comes_from_the_bright_side(dy: float, dx: float) -> None:
    y, x = (np.mgrid[0:192, 0:192] - 96) / 192
    picture = (0.5 + 0.4 * (dy * y + dx * x)).astype(np.float32)[:, :, None]
    light = estimate_statistics(picture, FULL).light
    assert np.linalg.norm(light) == pytest.approx(1.0, abs=1e-6)
    assert (light[0] * dy + light[1] * dx) / np.hypot(light[0], light[1]) / np.hypot(dy, dx) > 0.95


def test_an_even_picture_gets_fallbacks() -> None:
    found = estimate_statistics(np.full((64, 64, 3), 0.5, np.float32), np.ones((64, 64), bool))
    assert found.light[0] / found.light[1] == pytest.approx(DEFAULT_TILT[0] / DEFAULT_TILT[1])
    assert found.noise == 0
    assert all(np.isfinite([found.psf_sigma, found.ambient, found.local_std, found.direction, found.coherence]))
    assert found.mean == pytest.approx((0.5, 0.5, 0.5))


def test_the_background_does_not_count() -> None:
    picture, mask = squares(1.0, 0.005), np.zeros((192, 192), bool)
    mask[:, :96] = True
    spoiled = picture.copy()
    spoiled[:, 110:] = np.random.default_rng(1).random((192, 82, 1), dtype=np.float32)
    clean, other = estimate_statistics(picture, mask), estimate_statistics(spoiled, mask)
    assert other.noise == pytest.approx(clean.noise, rel=0.05)
    assert other.mean == clean.mean


def test_large_pictures_are_read_in_part() -> None:
    large = np.tile(squares(1.2, 0.01), (6, 6, 1))
    found = estimate_statistics(large, np.ones(large.shape[:2], bool))
    assert found.noise == pytest.approx(0.01, rel=0.12)
    assert found.psf_sigma == pytest.approx(1.2, rel=0.25)


def test_texture_is_not_inflated_by_outlines() -> None:
    """A striped part of noise 0.01: the stripes dominate the local deviation, not the texture."""
    rng = np.random.default_rng(4)
    image = (0.4 + 0.01 * rng.standard_normal((128, 128, 1))).astype(np.float32)
    image[:, ::32] += 0.5
    found = estimate_statistics(image, np.ones((128, 128), bool))
    assert found.texture_std == pytest.approx(0.01, rel=0.15)
    assert found.local_std > 3 * found.texture_std

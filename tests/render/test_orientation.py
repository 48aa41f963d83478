"""Directions of textures whose direction is known, and of some that have none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from maphc2f.render.orientation import OrientationField, direction_of, orientation_field

SIDE = 192
FULL = np.ones((SIDE, SIDE), bool)


def turn(first: float, second: float) -> float:
    return abs((first - second + np.pi / 2) % np.pi - np.pi / 2)


def stripes(angle: float, side: int = SIDE, period: float = 7.0) -> NDArray[np.float32]:
    y, x = np.mgrid[:side, :side]
    return (0.5 + 0.1 * np.sin(2 * np.pi * (np.sin(angle) * x - np.cos(angle) * y) / period)).astype(np.float32)


def grain(seed: int, sigma: float, deviation: float = 0.05) -> NDArray[np.float32]:
    """Isotropic: white noise, low-passed."""
    noise = np.random.default_rng(seed).standard_normal((SIDE, SIDE)).astype(np.float32)
    if sigma:
        noise = cv2.GaussianBlur(noise, (0, 0), sigma)
    return (0.5 + deviation * noise / noise.std()).astype(np.float32)


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2, np.pi / 2, 2.5])
@pytest.mark.parametrize("period", [5.0, 9.0])
def test_lines_give_their_direction_everywhere(angle: float, period: float) -> None:
    field = orientation_field(stripes(angle, period=period), FULL)
    direction, coherence = field.overall
    assert turn(direction, angle) < np.deg2rad(1)
    assert coherence > 0.95
    points = np.array([[5.0, 5.0], [96.0, 96.0], [20.0, 180.0], [191.0, 100.0]])
    there, sure = field.at(points)
    assert max(turn(float(d), angle) for d in there) < np.deg2rad(2)
    assert sure.min() > 0.85


@pytest.mark.parametrize("sigma", [0.0, 1.0, 2.0, 3.0])
def test_isotropic_grain_has_no_direction(sigma: float) -> None:
    fields = [orientation_field(grain(seed, sigma), FULL) for seed in range(5)]
    assert max(field.overall[1] for field in fields) < 0.06
    assert float(np.mean([np.abs(field.values).mean() for field in fields])) < 0.04


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_marks_are_found_below_noise(ratio: float) -> None:
    """Marks of standard deviation 0.07 under noise as strong or twice as strong: the direction stays, the coherence
    sinks."""
    noisy = stripes(0.6) + 0.07 * ratio * np.random.default_rng(2).standard_normal((SIDE, SIDE)).astype(np.float32)
    direction, coherence = orientation_field(noisy.astype(np.float32), FULL).overall
    assert turn(direction, 0.6) < np.deg2rad(3)
    assert 0.2 < coherence < orientation_field(stripes(0.6), FULL).overall[1] - 0.1


def test_each_half_has_its_own_direction() -> None:
    picture = np.where(np.arange(SIDE)[None, :] < SIDE // 2, stripes(0.0), stripes(np.pi / 2)).astype(np.float32)
    field = orientation_field(picture, FULL)
    direction, coherence = field.at(np.array([[96.0, 30.0], [96.0, 160.0]]))
    assert turn(float(direction[0]), 0.0) < np.deg2rad(3)
    assert turn(float(direction[1]), np.pi / 2) < np.deg2rad(3)
    assert coherence.min() > 0.8
    assert field.overall[1] < 0.05


@pytest.mark.parametrize("blur", [0.0, 1.2, 2.0])
def test_an_outline_is_no_texture(blur: float) -> None:
    """A strip, bright on dark, with isotropic noise: its long straight sides do not count."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[:, 60:130] = True
    picture = np.where(mask, 0.7, 0.1).astype(np.float32)
    picture = cv2.GaussianBlur(picture, (0, 0), blur) if blur else picture
    noisy = (picture + 0.01 * np.random.default_rng(3).standard_normal(picture.shape)).astype(np.float32)
    assert np.abs(orientation_field(noisy, mask).values).max() < 0.15
    assert np.abs(orientation_field(noisy, FULL).values).max() > 0.3, "without its mask the outline would be a mark"


def test_shading_is_no_texture() -> None:
    """A ramp in 8-bit codes has contour lines, but of one code each."""
    ramp = np.rint(255 * (0.3 + 0.4 * np.mgrid[:SIDE, :SIDE][1] / SIDE)) / 255
    assert orientation_field(ramp.astype(np.float32), FULL).overall[1] < 0.1


def test_a_printed_line_does_not_outvote_the_grain() -> None:
    """Its contrast is twenty times the grain's, its direction another."""
    lined = stripes(0.0) * 0.2 + 0.2
    lined[:, 90:94] = 1.0
    direction, coherence = orientation_field(lined.astype(np.float32), FULL).overall
    assert turn(direction, 0.0) < np.deg2rad(2)
    assert coherence > 0.6


def test_a_flat_picture_and_an_empty_part_have_none() -> None:
    flat = np.full((64, 64), 0.5, np.float32)
    for mask in (np.ones((64, 64), bool), np.zeros((64, 64), bool)):
        field = orientation_field(flat, mask)
        assert np.all(field.values == 0)
        assert field.overall == (0.0, 0.0)


@pytest.mark.parametrize("shape", [(5, 90), (13, 13), (90, 33)])
def test_any_shape_is_measured(shape: tuple[int, int]) -> None:
    field = orientation_field(stripes(0.3)[: shape[0], : shape[1]].copy(), np.ones(shape, bool))
    assert field.values.shape == tuple(-(-length // 8) for length in shape)
    assert np.isfinite(field.values).all()
    assert np.isfinite(field.at(np.array([[0.0, 0.0], [500.0, -3.0]]))).all()


def test_a_large_picture_is_read_reduced() -> None:
    large = stripes(0.4, side=1536, period=14.0)
    field = orientation_field(large, np.ones(large.shape, bool))
    assert field.cell == 16.0
    direction, coherence = field.at(np.array([[700.0, 1400.0]]))
    assert turn(float(direction[0]), 0.4) < np.deg2rad(2)
    assert coherence[0] > 0.85


@pytest.mark.parametrize("flips", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_turned_field_is_that_of_the_turned_picture(flips: tuple[bool, bool], turns: int) -> None:
    y, x = np.mgrid[:SIDE, :SIDE]
    picture = (0.5 + 0.1 * np.sin(np.hypot(y + 40, 0.6 * x - 10) / 1.2)).astype(np.float32)
    expected = np.rot90(picture, turns)[:: -1 if flips[0] else 1, :: -1 if flips[1] else 1]
    found = orientation_field(picture, FULL).turned(*flips, turns)
    again = orientation_field(np.ascontiguousarray(expected), FULL)
    np.testing.assert_allclose(found.values, again.values, atol=0.02)
    assert abs(found.mean - again.mean) < 0.01


def test_values_between_cells_are_interpolated() -> None:
    values = np.array([[1.0, 0.0], [1.0, 1j]], np.complex64)
    field = OrientationField(values, 8.0, 0.5 + 0j)
    direction, coherence = field.at(np.array([[3.5, 3.5], [3.5, 7.5], [11.5, 7.5], [11.5, 40.0]]))
    np.testing.assert_allclose(coherence, [1.0, 0.5, np.sqrt(0.5), 1.0], atol=1e-6)
    np.testing.assert_allclose(direction, [0.0, 0.0, np.pi / 8, np.pi / 4], atol=1e-6)
    assert direction_of(1j) == pytest.approx(np.pi / 4)
    assert direction_of(-1j) == pytest.approx(3 * np.pi / 4)

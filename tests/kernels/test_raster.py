"""Rasterised polylines against their twin and against exact geometry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from maphc2f.kernels.raster import rasterise_segments, rasterise_segments_numpy

FAR = 32.0
SHAPE = (20, 24)

coordinate = st.floats(-8, 30, width=32)
segment_lists = st.lists(
    st.tuples(coordinate, coordinate, st.floats(0, 2, width=32), coordinate, coordinate, st.floats(0, 2, width=32)),
    min_size=1,
    max_size=5,
)


def raster(function: Any, segments: NDArray[Any], band: float, shape: tuple[int, int] = SHAPE) -> list[NDArray[Any]]:
    lengths = np.hypot(*(segments[:, 1, :2] - segments[:, 0, :2]).T)
    start = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.float32)
    out = [np.full(shape, FAR, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)]
    function(segments.astype(np.float32), start, band, *out)
    return out


@pytest.mark.kernel
@settings(max_examples=25, deadline=None, derandomize=True)
@given(segment_lists, st.sampled_from([1.5, 6.0, 14.0]))
def test_kernel_equals_its_twin(values: list[tuple[float, ...]], band: float) -> None:
    segments = np.array(values, np.float32).reshape(-1, 2, 3)
    distance, value, arclength = raster(rasterise_segments, segments, band)
    want = raster(rasterise_segments_numpy, segments, band)
    # Pixels at the very edge of the band, and ties of two segments, may fall either way by a rounding.
    near = (distance < FAR) & (want[0] < FAR)
    assert ((distance < FAR) != (want[0] < FAR)).mean() < 0.01
    np.testing.assert_allclose(distance[near], want[0][near], atol=1e-4)
    agree = np.isclose(value[near], want[1][near], atol=1e-3) & np.isclose(arclength[near], want[2][near], atol=1e-3)
    assert agree.size == 0 or agree.mean() > 0.97


@pytest.mark.parametrize("degrees", [0, 17, 45, 90, 133, 180, 261])
def test_distance_value_and_arclength_of_one_segment_are_exact(degrees: float) -> None:
    angle, length = np.deg2rad(degrees), 9.0
    along = np.array([np.sin(angle), np.cos(angle)])
    start = np.array([10.3, 11.7]) - along * length / 2
    segment = np.array([[[*start, 1.0], [*(start + along * length), 3.0]]])
    distance, value, arclength = raster(rasterise_segments, segment, 6.0)
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    offset = np.stack([rows - start[0], columns - start[1]])
    position = np.clip(np.einsum("i,ihw->hw", along, offset), 0, length)
    exact = np.hypot(*(offset - along[:, None, None] * position))
    near = exact < 5.999
    np.testing.assert_allclose(distance[near], exact[near], atol=2e-5)
    np.testing.assert_allclose(value[near], 1 + 2 * position[near] / length, atol=1e-5)
    np.testing.assert_allclose(arclength[near], position[near], atol=2e-5)
    assert np.all(distance[exact > 6.001] == FAR)
    assert np.all(value[exact > 6.001] == 0)


def test_arclength_runs_on_from_segment_to_segment() -> None:
    segments = np.array([[[5, 2, 1], [5, 10, 1]], [[5, 10, 1], [13, 10, 1]]], float)
    arclength = raster(rasterise_segments, segments, 3.0)[2]
    assert arclength[5, 6] == 4
    assert arclength[9, 10] == 12


def test_a_tie_keeps_the_earlier_segment() -> None:
    segments = np.array([[[4, 2, 1], [4, 20, 1]], [[8, 2, 2], [8, 20, 2]]], float)
    distance, value, _ = raster(rasterise_segments, segments, 5.0)
    assert np.all(distance[6, 4:18] == 2)
    assert np.all(value[6, 4:18] == 1)
    assert np.all(value[7, 4:18] == 2)


def test_a_point_is_a_segment() -> None:
    distance = raster(rasterise_segments, np.array([[[6, 7, 1], [6, 7, 1]]], float), 4.0)[0]
    assert distance[6, 7] == 0
    assert distance[9, 7] == 3
    assert np.isfinite(distance).all()


def test_segments_beside_the_window_reach_in_or_not_at_all() -> None:
    inside = raster(rasterise_segments, np.array([[[-3, 5, 1], [-3, 15, 1]]], float), 4.0)[0]
    assert inside[1, 10] == 4
    assert inside[2, 10] == FAR
    beyond = raster(rasterise_segments, np.array([[[-9, 5, 1], [-9, 15, 1]], [[40, 5, 1], [60, 90, 1]]], float), 4.0)[0]
    assert np.all(beyond == FAR)

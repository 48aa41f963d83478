"""Placement geometry: poses, windows, resampled regions, rasterised lines, signed distances."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from maphc2f.render.place import (
    MARGIN_LINE,
    ORIGIN_STEP,
    SIZE_CLASSES,
    Pose,
    Window,
    bounding_box,
    choose_window,
    place,
    signed_distance,
)
from maphc2f.sample import DISTANCE_CAP, Snapshot
from tests.builders import PIXEL, disk_snapshot, line_snapshot

WINDOW = Window(0, 0, 64, 64)
CENTRE = (31.3, 30.6)

poses = st.builds(
    Pose,
    anchor=st.tuples(st.floats(-50, 400), st.floats(-50, 400)),
    angle=st.floats(-7, 7),
    flip=st.booleans(),
    pixel_size=st.floats(2e-5, 5e-4),
)


def pose(angle: float = 0.0, *, flip: bool = False, pixel_size: float = PIXEL) -> Pose:
    return Pose(CENTRE, angle, flip, pixel_size)


# -- poses -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("angle", "flip", "point", "want"),
    [
        (0.0, False, (2, 3), (2, 3)),
        (0.0, True, (2, 3), (2, -3)),
        # A positive turn takes +y (down) to +x... the frame's y axis goes to (cos, -sin), its x axis to (sin, cos).
        (np.pi / 2, False, (1, 0), (0, -1)),
        (np.pi / 2, False, (0, 1), (1, 0)),
        (np.pi / 2, True, (0, 1), (-1, 0)),
        (np.pi, False, (2, 3), (-2, -3)),
        (np.pi / 6, False, (1, 0), (np.sqrt(3) / 2, -0.5)),
    ],
)
def test_a_pose_maps_known_points(angle: float, flip: bool, point: Any, want: Any) -> None:
    mapped = pose(angle, flip=flip).apply(np.asarray(point, float) * PIXEL)
    np.testing.assert_allclose(mapped - np.asarray(CENTRE), want, atol=1e-12)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(poses, st.lists(st.tuples(st.floats(-0.01, 0.01), st.floats(-0.01, 0.01)), min_size=2, max_size=6))
def test_a_pose_is_a_similarity(placed: Pose, points: list[tuple[float, float]]) -> None:
    before, after = np.array(points), placed.apply(np.array(points))
    lengths = np.hypot(*(before[1:] - before[:-1]).T), np.hypot(*(after[1:] - after[:-1]).T)
    np.testing.assert_allclose(lengths[1] * placed.pixel_size, lengths[0], atol=1e-12)
    turn = np.linalg.det(placed.matrix) * placed.pixel_size**2
    assert turn == pytest.approx(-1 if placed.flip else 1)
    np.testing.assert_allclose(placed.apply(np.zeros(2)), placed.anchor)


# -- windows -----------------------------------------------------------------------------------------------------------


@settings(max_examples=120, deadline=None, derandomize=True)
@given(poses, st.booleans(), st.integers(32, 500), st.integers(32, 500), st.floats(0, 2e-3))
def test_windows_start_on_the_step_have_class_sizes_and_hold_the_defect(
    placed: Pose, is_line: bool, height: int, width: int, line_width: float
) -> None:
    snapshot = line_snapshot([[-0.004, -0.002], [0, 0], [0.003, 0.004]]) if is_line else disk_snapshot(0.002)
    window = choose_window(snapshot, placed, (height, width), line_width)
    assert window.top % ORIGIN_STEP == window.left % ORIGIN_STEP == 0
    assert {window.height, window.width} <= set(SIZE_CLASSES)
    assert 0 <= window.top < height
    assert 0 <= window.left < width
    # Whatever of the defect lies on the picture lies in the window.
    top, left, bottom, right = bounding_box(snapshot, placed, 0.0)
    if bottom >= 0 and top <= height - 1:
        assert window.top <= max(top, 0)
        assert window.top + window.height > min(bottom, height - 1)
    if right >= 0 and left <= width - 1:
        assert window.left <= max(left, 0)
        assert window.left + window.width > min(right, width - 1)


def test_the_window_is_the_smallest_class_that_holds_the_box() -> None:
    snapshot = disk_snapshot(10 * PIXEL)
    window = choose_window(snapshot, Pose((128.0, 128.0), 0.0, False, PIXEL), (256, 256))
    assert (window.height, window.width) == (64, 64)
    larger = choose_window(snapshot, Pose((128.0, 128.0), 0.0, False, PIXEL / 3), (256, 256))
    assert (larger.height, larger.width) == (128, 128)


def test_a_wide_mouth_widens_the_window_and_the_support() -> None:
    snapshot = line_snapshot([[0, -10 * PIXEL], [0, 10 * PIXEL]])
    thin, wide = (choose_window(snapshot, pose(), (400, 400), w) for w in (0.0, 30 * PIXEL))
    assert wide.height > thin.height or wide.top < thin.top
    support = [place(snapshot, pose(), Window(0, 0, 96, 96), w).support[:, 30] for w in (0.0, 30 * PIXEL)]
    assert support[1].sum() - support[0].sum() == pytest.approx(30, abs=2)


# -- regions -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 2, 2.7])
@pytest.mark.parametrize("scale", [0.25, 0.7, 1.0, 1.9, 3.3])
def test_the_area_of_a_region_is_conserved(angle: float, flip: bool, scale: float) -> None:
    """A disk of 12 px has its area within 1 % at any turn, for cells of a quarter to three pixels."""
    snapshot = disk_snapshot(12 * PIXEL, spacing=scale * PIXEL)
    placed = place(snapshot, pose(angle, flip=flip), WINDOW)
    area = float(np.clip(0.5 - placed.distance, 0, 1).sum())
    assert area == pytest.approx(np.pi * 12**2, rel=0.01)


def test_a_region_lands_where_its_pose_says() -> None:
    side, at = 41, (-9 * PIXEL, 5 * PIXEL)
    axis = PIXEL * (np.arange(side) - 20)
    bump = np.exp(-((axis[:, None] - at[0]) ** 2 + (axis[None] - at[1]) ** 2) / (2 * (3 * PIXEL) ** 2))
    snapshot = Snapshot(1e-3, PIXEL, (axis[0], axis[0]), bump.astype(np.float32), 0.5, depth=-bump.astype(np.float32))
    for placed in (pose(0.0), pose(1.1), pose(-2.0, flip=True)):
        fields = place(snapshot, placed, WINDOW)
        rows, columns = np.mgrid[:64, :64]
        total = fields.extent.sum()
        centre = (rows * fields.extent).sum() / total, (columns * fields.extent).sum() / total
        np.testing.assert_allclose(centre, placed.apply(np.array(at)), atol=0.05)
        np.testing.assert_allclose(fields.depth, -fields.extent, atol=0.02)


@pytest.mark.parametrize(("angle", "flip"), [(0.0, False), (np.pi / 2, False), (1.0, True), (-0.6, False)])
def test_displacements_turn_with_the_defect(angle: float, flip: bool) -> None:
    """A uniform displacement of (2, 3) px inside the region becomes the pose's linear part of it."""
    snapshot = disk_snapshot(15 * PIXEL)
    inside = np.ones_like(snapshot.extent)
    inside[:2], inside[-2:], inside[:, :2], inside[:, -2:] = 0, 0, 0, 0
    moved = np.stack([2 * PIXEL * inside, 3 * PIXEL * inside]).astype(np.float32)
    placed = pose(angle, flip=flip)
    fields = place(disk_snapshot(15 * PIXEL, displacement=moved), placed, WINDOW)
    want = placed.matrix @ np.array([2 * PIXEL, 3 * PIXEL])
    np.testing.assert_allclose(fields.displacement[:, 31, 31], want, atol=1e-4)
    assert np.all(fields.displacement[:, 0] == 0)
    assert np.all(fields.displacement[:, ~fields.support] == 0)


@pytest.mark.parametrize("angle", [0.0, 0.7])
@pytest.mark.parametrize("scale", [0.3, 1.0, 2.5])
def test_nothing_lies_outside_the_support(angle: float, scale: float) -> None:
    bare = disk_snapshot(10 * PIXEL, spacing=scale * PIXEL)
    snapshot = disk_snapshot(10 * PIXEL, spacing=scale * PIXEL, depth=-bare.extent, product=bare.extent)
    fields = place(snapshot, pose(angle), WINDOW)
    for field in (fields.extent, fields.depth, fields.product):
        assert np.abs(field[~fields.support]).max() <= 2e-3
    # The field ends 4 cells outside the circle of 10 px; interpolation adds 2 cells, blur and dilation up to 6 px.
    rows, columns = np.nonzero(fields.support)
    assert np.hypot(rows - CENTRE[0], columns - CENTRE[1]).max() < 10 + 6 * scale + 6


# -- signed distance ---------------------------------------------------------------------------------------------------


def circle(radius: float, centre: tuple[float, float], width: float) -> tuple[NDArray[Any], NDArray[Any]]:
    rows, columns = np.mgrid[:64, :64].astype(float)
    exact = np.hypot(rows - centre[0], columns - centre[1]) - radius
    return np.clip(0.5 - exact / width, 0, 1).astype(np.float32), exact


@pytest.mark.parametrize("radius", [6.0, 12.4, 25.0])
@pytest.mark.parametrize("centre", [(32.0, 32.0), (31.37, 32.81)])
@pytest.mark.parametrize("width", [3.0, 8.0])
def test_signed_distance_is_sub_pixel_near_the_contour(
    radius: float, centre: tuple[float, float], width: float
) -> None:
    field, exact = circle(radius, centre, width)
    error = np.abs(signed_distance(field, 0.5) - exact)
    assert error[np.abs(exact) < 1.0].max() < 0.1
    assert error[(exact < 20) & (exact > -0.8 * radius)].max() < 0.75
    np.testing.assert_array_equal(signed_distance(field, 0.5) < 0, field > 0.5)


def test_signed_distance_follows_the_threshold() -> None:
    field, exact = circle(12.0, (31.5, 32.2), 10.0)
    for threshold in (0.3, 0.5, 0.7):
        want = exact - 10.0 * (0.5 - threshold)
        near = np.abs(want) < 1
        assert np.abs(signed_distance(field, threshold) - want)[near].max() < 0.1


def test_signed_distance_of_nothing_and_everything_is_the_cap() -> None:
    assert np.all(signed_distance(np.zeros((40, 40), np.float32), 0.5) == DISTANCE_CAP)
    assert np.all(signed_distance(np.ones((40, 40), np.float32), 0.5) == -DISTANCE_CAP)


# -- lines -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 2, 2.5])
def test_distances_to_a_trace_are_exact(angle: float, flip: bool) -> None:
    nodes = PIXEL * np.array([[-11.0, -9.0], [2.0, -3.0], [6.0, 12.0]])
    placed = pose(angle, flip=flip)
    fields = place(line_snapshot(nodes), placed, WINDOW)
    ends = placed.apply(nodes)
    pixels = np.stack(np.mgrid[:64, :64], -1).astype(float)
    exact = np.full((64, 64), np.inf)
    for a, b in pairwise(ends):
        along = np.clip(((pixels - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
        exact = np.minimum(exact, np.linalg.norm(pixels - (a + along[..., None] * (b - a)), axis=-1))
    near = exact < 13.5
    np.testing.assert_allclose(fields.distance[near], exact[near], atol=1e-4)
    assert np.all(fields.distance[exact > 15] == DISTANCE_CAP)
    np.testing.assert_array_equal(fields.support, fields.distance <= MARGIN_LINE - 2 + 0.5 * 1e-5 / PIXEL)


def test_a_hairline_far_below_a_pixel_keeps_its_opening_and_place() -> None:
    """0.02 px wide: no grid could hold it, the trace does."""
    snapshot = line_snapshot([[0.25 * PIXEL, -15 * PIXEL], [0.25 * PIXEL, 15 * PIXEL]], opening=0.02 * PIXEL)
    fields = place(snapshot, pose(), WINDOW)
    assert fields.is_line
    assert fields.distance[31, 30] == pytest.approx(0.55, abs=1e-5)
    assert fields.distance[32, 30] == pytest.approx(0.45, abs=1e-5)
    assert fields.opening[31, 30] == pytest.approx(0.02 * PIXEL)
    assert fields.arclength[31, 40] - fields.arclength[31, 30] == pytest.approx(10, abs=1e-4)


def test_opening_is_interpolated_along_the_segment() -> None:
    snapshot = line_snapshot([[0, -10 * PIXEL], [0, 10 * PIXEL]])
    assert snapshot.trace is not None
    snapshot.trace[0, :, 2] = (0.0, 4e-5)
    fields = place(snapshot, Pose((32.0, 32.0), 0.0, False, PIXEL), WINDOW)
    np.testing.assert_allclose(fields.opening[32, [22, 27, 32, 37, 42]], [0, 1e-5, 2e-5, 3e-5, 4e-5], atol=1e-10)


def test_the_window_only_cuts() -> None:
    """The same pixel has the same fields whatever window it is seen through, up to rounding of float32."""
    snapshot, placed = disk_snapshot(9 * PIXEL, spacing=1.3 * PIXEL), pose(0.5)
    whole, part = place(snapshot, placed, WINDOW), place(snapshot, placed, Window(8, 16, 48, 40))
    # OpenCV samples positions in 1/32 px.
    np.testing.assert_allclose(part.extent, whole.extent[8:56, 16:56], atol=0.02)
    line = line_snapshot([[-8 * PIXEL, -9 * PIXEL], [7 * PIXEL, 9 * PIXEL]])
    whole, part = place(line, placed, WINDOW), place(line, placed, Window(8, 16, 48, 40))
    np.testing.assert_allclose(part.distance, whole.distance[8:56, 16:56], atol=1e-4)


def test_a_reduced_region_has_no_aliases() -> None:
    """A fine checkerboard in the extent of a snapshot ten times finer than the picture averages out."""
    board = (np.indices((400, 400)).sum(0) % 2).astype(np.float32)
    snapshot = Snapshot(4e-3, PIXEL / 10, (-20 * PIXEL, -20 * PIXEL), board, 0.25)
    extent = place(snapshot, pose(0.3), WINDOW).extent
    assert np.abs(extent[25:38, 25:38] - 0.5).max() < 0.02


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.5, 0.5), (0.25, 0.4)])
@pytest.mark.parametrize("diameter", [0.8, 1.5, 3.0])
def test_regions_finer_than_a_pixel_keep_one(diameter: float, shift: tuple[float, float]) -> None:
    """Two spots on a grid four times finer than the pixels, wherever they fall between them."""
    cell, size = PIXEL / 4, 97
    y, x = np.mgrid[0:size, 0:size].astype(np.float64) - size // 2
    level = np.minimum(np.hypot(y, x - 20), np.hypot(y, x + 20)) * cell - diameter * PIXEL / 2
    extent = np.clip(0.5 - level / (2 * cell), 0, 1).astype(np.float32)
    origin = (-(size // 2) * cell, -(size // 2) * cell)
    snapshot = Snapshot(size=diameter * PIXEL, spacing=cell, origin=origin, extent=extent, threshold=0.5, depth=-extent)
    spot = Pose((30.0 + shift[0], 30.0 + shift[1]), 0.3, flip=False, pixel_size=PIXEL)
    inside = place(snapshot, spot, WINDOW).distance <= 0
    assert inside[:, :30].any()
    assert inside[:, 31:].any()
    assert inside.sum() <= 2 * (np.pi / 4 * (diameter + 1.5) ** 2)

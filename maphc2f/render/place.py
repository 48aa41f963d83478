"""Placing a snapshot on a picture: metres to pixels, rotated and flipped, on the smallest window that holds it.

* :class:`Pose` is the affine map from the snapshot's frame to the picture.
* :func:`choose_window` gives the window (contract: the window is the definition, not an optimisation).
* :func:`place` resamples the snapshot onto a window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.kernels.distance import euclidean_distance
from maphc2f.kernels.raster import rasterise_segments
from maphc2f.sample import DISTANCE_CAP, Float32, PlacedFields, Snapshot

SIZE_CLASSES = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384)
"""Window sides, px: few, so that windows of many samples share a batch."""

ORIGIN_STEP = 8
MARGIN_LINE = 10.0
MARGIN_REGION = 6.0
"""Room round the defect for optics, relaxation and the blend, px."""

SUPPORT_EPSILON = 1e-3
"""A field below this share of its maximum counts as zero."""

FINE_CELL = 0.75
"""Grids finer than this, px, give the contour themselves."""

LEAST_CORE = 0.7
"""Depth of the innermost point of a region below its contour, px: half the diagonal of a pixel."""

REACH_OF_PART = 2.0
"""How far round a widened part its distances are shifted, px."""

CELL_SMOOTHING = 0.5
"""Gaussian sigma for magnified grids, cells: a defect of one cell keeps an extent of 0.47 of its own."""

BAND = 14.0
"""Distances to a centreline are exact up to here, px; beyond, they are DISTANCE_CAP."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Similarity from a snapshot's frame (m) to picture pixels: ``p = anchor + R(angle) diag(flip, 1) q / pixel_size``.

    Attributes:
        anchor: (y, x) of the snapshot's origin in the picture, px.
        angle: Rotation, rad; positive turns the frame's y axis towards -x.
        flip: Whether the frame's x axis is mirrored first.
        pixel_size: Effective, m.
    """

    anchor: tuple[float, float]
    angle: float
    flip: bool
    pixel_size: float

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(2, 2) linear part acting on (y, x) columns, px per m."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        rotation = np.array([[cos, sin], [-sin, cos]])
        mirror = np.diag([1.0, -1.0 if self.flip else 1.0])
        return np.asarray(rotation @ mirror / self.pixel_size)

    def apply(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map (..., 2) points (y, x) in m to picture pixels."""
        return np.asarray(points @ self.matrix.T + np.asarray(self.anchor))


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of the picture; it may reach beyond the picture's border."""

    top: int
    left: int
    height: int
    width: int


def _size_class(extent: int) -> int:
    return next(side for side in SIZE_CLASSES if side >= extent)


def _active(snapshot: Snapshot) -> NDArray[np.bool_]:
    active = snapshot.extent > SUPPORT_EPSILON
    for field in (snapshot.depth, snapshot.product):
        if field is not None:
            magnitude = np.abs(field)
            active |= magnitude > SUPPORT_EPSILON * max(float(magnitude.max()), 1e-30)
    if snapshot.displacement is not None:
        magnitude = np.hypot(*snapshot.displacement)
        active |= magnitude > SUPPORT_EPSILON * max(float(magnitude.max()), 1e-30)
    return active


def _corner_points(snapshot: Snapshot) -> NDArray[np.float64]:
    """Points (n, 2) in m whose hull holds everything the snapshot can change."""
    if snapshot.trace is not None:
        return snapshot.trace[:, :, :2].reshape(-1, 2).astype(np.float64)
    rows, columns = np.nonzero(_active(snapshot))
    y = snapshot.origin[0] + snapshot.spacing * np.array([rows.min() - 1, rows.max() + 1])
    x = snapshot.origin[1] + snapshot.spacing * np.array([columns.min() - 1, columns.max() + 1])
    return np.array([[y[0], x[0]], [y[0], x[1]], [y[1], x[0]], [y[1], x[1]]])


def bounding_box(snapshot: Snapshot, pose: Pose, margin: float) -> tuple[float, float, float, float]:
    """Return (top, left, bottom, right) of the placed snapshot with ``margin`` px round it, picture pixels."""
    points = pose.apply(_corner_points(snapshot))
    low, high = points.min(0) - margin, points.max(0) + margin
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def choose_window(snapshot: Snapshot, pose: Pose, shape: tuple[int, int], line_width: float = 0.0) -> Window:
    """Return the window of ``snapshot`` in a picture of ``shape``: its box clipped to the picture, snapped, padded.

    Each side has its own size class; origins are multiples of ORIGIN_STEP. ``line_width`` is the width of a crack as it
    will be drawn, m (at least its opening is taken).
    """
    margin = MARGIN_REGION
    if snapshot.trace is not None:
        margin = MARGIN_LINE + _half_width(snapshot.trace, pose, line_width)
    top, left, bottom, right = bounding_box(snapshot, pose, margin)
    sides = []
    for low, high, length in ((top, bottom, shape[0]), (left, right, shape[1])):
        start = int(min(max(np.floor(low), 0), max(length - 1, 0)))
        stop = int(max(min(np.ceil(high), length - 1), start)) + 1
        start -= start % ORIGIN_STEP
        sides.append((start, _size_class(stop - start)))
    return Window(sides[0][0], sides[1][0], sides[0][1], sides[1][1])


def _half_width(trace: Float32, pose: Pose, line_width: float) -> float:
    half = 0.5 * max(float(trace[:, :, 2].max()), line_width) / pose.pixel_size
    return min(half, DISTANCE_CAP - BAND)


def place(snapshot: Snapshot, pose: Pose, window: Window, line_width: float = 0.0) -> PlacedFields:
    """Resample ``snapshot`` onto ``window``; ``line_width`` as in :func:`choose_window`.

    Grids are interpolated (cubic when magnified, low-passed before when reduced); traces are rasterised exactly, so a
    crack is as fine as the picture allows, whatever the solver's grid was.
    """
    sampler = _Sampler.make(snapshot, pose, window)
    extent = np.clip(sampler(snapshot.extent), 0, 1)
    shape = extent.shape
    zeros = np.zeros(shape, np.float32)
    depth = zeros if snapshot.depth is None else sampler(snapshot.depth)
    product = zeros if snapshot.product is None else np.maximum(sampler(snapshot.product), 0)
    displacement = np.zeros((2, *shape), np.float32)
    if snapshot.displacement is not None:
        parts = np.stack([sampler(component) for component in snapshot.displacement])
        displacement = np.einsum("ij,jhw->ihw", pose.matrix.astype(np.float32), parts)
    if snapshot.trace is not None:
        half = _half_width(snapshot.trace, pose, line_width)
        distance, opening, arclength = _line_fields(snapshot.trace, pose, window, BAND + half)
        support = distance <= MARGIN_LINE - 2 + half
        distance, opening = _hollow(snapshot, pose, distance, opening)
    else:
        distance, opening, arclength = _region_distance(snapshot, sampler, extent), zeros, zeros
        active = sampler(_active(snapshot).astype(np.float32)) > 1e-3
        support = cv2.dilate(active.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    return PlacedFields(
        is_line=snapshot.trace is not None,
        distance=distance,
        opening=opening,
        arclength=arclength,
        extent=extent,
        depth=depth,
        displacement=displacement,
        product=product,
        support=support,
        removed=None if snapshot.removed is None else np.clip(sampler(snapshot.removed), 0, 1),
        axis=_axis(pose),
    )


def _axis(pose: Pose) -> tuple[float, float]:
    """Return the unit vector (y, x) in the picture along the frame's x axis."""
    y, x = pose.matrix[:, 1] * pose.pixel_size
    return float(y), float(x)


@dataclass(frozen=True, slots=True)
class _Sampler:
    matrix: NDArray[np.float64]
    size: tuple[int, int]
    blur: float
    interpolation: int

    @classmethod
    def make(cls, snapshot: Snapshot, pose: Pose, window: Window) -> _Sampler:
        """Return the sampler of window pixels in grid cells: ``cell = M [x, y, 1]`` in OpenCV's (x, y) order."""
        inverse = np.linalg.inv(pose.matrix) / snapshot.spacing
        corner = np.array([window.top, window.left], float) - np.asarray(pose.anchor)
        offset = inverse @ corner - np.asarray(snapshot.origin) / snapshot.spacing
        matrix = np.array(
            [
                [inverse[1, 1], inverse[1, 0], offset[1]],
                [inverse[0, 1], inverse[0, 0], offset[0]],
            ]
        )
        cell = snapshot.spacing / pose.pixel_size
        # Below 0.6 px a cell, pixels would skip cells: low-pass to half a pixel first.
        # Above 1.5, the solver's cells would show as a staircase: low-pass by half a cell.
        blur = 0.5 / cell if cell < 0.6 else CELL_SMOOTHING if cell > 1.5 else 0.0
        interpolation = cv2.INTER_CUBIC if cell > 1.0 else cv2.INTER_LINEAR
        return cls(matrix, (window.width, window.height), blur, interpolation)

    def __call__(self, field: Float32) -> Float32:
        source = field if self.blur == 0 else np.asarray(cv2.GaussianBlur(field, (0, 0), self.blur), np.float32)
        return self.warp(source, self.interpolation, 0.0)

    def warp(self, source: Float32, interpolation: int, beyond: float) -> Float32:
        """Return ``source`` on the window, without a low-pass; ``beyond`` outside its grid."""
        warped = cv2.warpAffine(
            source,
            self.matrix,
            self.size,
            flags=interpolation | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=beyond,
        )
        return np.asarray(warped, np.float32)


def _region_distance(snapshot: Snapshot, sampler: _Sampler, extent: Float32) -> Float32:
    """Return the signed distance to a region's contour on the window, px.

    A grid finer than the pixels is measured itself and its distances are sampled: low-passed to the pixels, the extent
    of a pit of two pixels would sink below its threshold and the pit would be lost.
    """
    cell = 1.0 / float(np.sqrt(abs(np.linalg.det(sampler.matrix[:, :2]))))
    if cell > FINE_CELL:
        return signed_distance(extent, snapshot.threshold)
    own = signed_distance(snapshot.extent, snapshot.threshold, DISTANCE_CAP / cell) * np.float32(cell)
    distance = sampler.warp(own - _seen_wider(own, cell), cv2.INTER_LINEAR, DISTANCE_CAP)
    return np.clip(distance, -DISTANCE_CAP, DISTANCE_CAP).astype(np.float32)


def _line_fields(trace: Float32, pose: Pose, window: Window, band: float) -> tuple[Float32, Float32, Float32]:
    segments = trace.astype(np.float64)
    segments[:, :, :2] = pose.apply(segments[:, :, :2]) - np.array([window.top, window.left])
    lengths = np.hypot(*(segments[:, 1, :2] - segments[:, 0, :2]).T)
    start = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    shape = (window.height, window.width)
    distance = np.full(shape, DISTANCE_CAP, np.float32)
    opening, arclength = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    rasterise_segments(segments.astype(np.float32), start.astype(np.float32), band, distance, opening, arclength)
    return distance, opening, arclength


def _hollow(snapshot: Snapshot, pose: Pose, distance: Float32, opening: Float32) -> tuple[Float32, Float32]:
    """Return distance and opening where a trace crosses holes: what is wider than the crack is hollow, at distance 0.

    Otherwise a hole, the widest point by far, would make the crack's mouth look closed beside it.
    """
    cracks = snapshot.measures.get("opening_max", math.inf)
    if snapshot.trace is None or snapshot.trace[..., 2].max() <= 1.001 * cracks:
        return distance, opening
    beyond = np.maximum(opening - np.float32(cracks), 0) / np.float32(2 * pose.pixel_size)
    return np.maximum(distance - beyond, 0), np.minimum(opening, np.float32(cracks))


def _seen_wider(own: Float32, cell: float) -> Float32:
    """Return by how much parts finer than a pixel are widened, px, on the snapshot's grid.

    The innermost point of every part comes LEAST_CORE below its contour: a pixel's middle is never farther from it, so
    that what the optics spread over a pixel is labelled there.
    """
    count, found = cv2.connectedComponents((own < 0).astype(np.uint8))
    labels = np.asarray(found, dtype=np.intp)
    core = np.zeros(count, np.float32)
    np.maximum.at(core, labels.ravel(), -own.ravel())
    missing = np.maximum(LEAST_CORE - core, 0).astype(np.float32)
    missing[0] = 0.0
    if not missing.any():
        return np.zeros_like(own)
    reach = 2 * int(np.ceil(REACH_OF_PART / cell)) + 1
    return np.asarray(cv2.dilate(missing[labels], np.ones((reach, reach), np.uint8)), np.float32)


def signed_distance(extent: Float32, threshold: float, cap: float = DISTANCE_CAP) -> Float32:
    """Return the signed distance (H, W) in px to the contour ``extent = threshold``, negative where it is higher.

    Away from the contour: Euclidean distance transform of the thresholded field; within 1.5 px of it: first-order
    distance (threshold - extent) / |grad extent|. On a disk whose rim rises over 3 px or more its error is below
    0.06 px within 1 px of the contour. Distances are capped at ``cap``.
    """
    inside = (extent >= threshold).astype(np.uint8)
    outer = euclidean_distance(1 - inside)
    inner = euclidean_distance(inside)
    coarse = np.where(inside > 0, 0.5 - inner, outer - 0.5)
    fine = (threshold - extent) / np.maximum(np.hypot(_steepest(extent, 0), _steepest(extent, 1)), 1e-6)
    near = (np.abs(coarse) < 1.5) & (np.abs(fine) < 2.0)
    distance = np.where(near, fine, coarse)
    return np.clip(distance, -cap, cap).astype(np.float32)


def _steepest(field: Float32, axis: int) -> Float32:
    """Return the larger of the two one-sided slopes along ``axis``.

    Beside a rim of few pixels the field is flat on one side: a central difference would halve its slope.
    """
    steps = np.abs(np.diff(field, axis=axis))
    before = np.insert(steps, 0, 0, axis=axis)
    after = np.insert(steps, steps.shape[axis], 0, axis=axis)
    return np.maximum(before, after)

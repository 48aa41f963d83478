"""Where a defect goes on a picture.

* :func:`draw_pose` draws place, rotation and flip so that the defect lies on the part.
* :func:`probe_points` and :func:`inside_share` say how much of it does.

Which way it lies is for :mod:`maphc2f.generate.bearing`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maphc2f.generate.bearing import FREE, Bearing, local_texture
from maphc2f.generate.pictures import Outline, PreparedPicture, outline
from maphc2f.render.place import Pose
from maphc2f.sample import Placement, Snapshot

PROPOSALS = 24
"""Draws of one attempt: the first good one is taken, so the cheap test decides before anything is rendered."""

MIN_INSIDE_LINE = 0.75
MIN_INSIDE_REGION = 0.9
MIN_INSIDE_EDGE = 0.65
MIN_INSIDE_PICTURE = 0.1
"""Least share of the defect on the part: cracks may end at the outline, pits and dents are whole, a mask over the
whole picture is cut by the part."""

OUTSIDE, MAX_BEYOND = 2.0, 0.15
"""Just beyond the outline, px, most of a piece's overlap that may lie on the part: where that is hollow, pieces in a
row would be holes in it."""

Propose = Callable[[np.random.Generator], Pose]

ANCHOR_DRAWS = 64
MAX_POINTS = 400
MAX_WEIGHED = 600
"""Points of an outline, at most, that are weighed against each other."""


def probe_points(snapshot: Snapshot) -> NDArray[np.float64]:
    """Return at most MAX_POINTS points (y, x), m, spread over the defect."""
    if snapshot.trace is not None:
        points: NDArray[np.float64] = snapshot.trace[:, :, :2].mean(1).astype(np.float64)
    else:
        cells = np.argwhere(snapshot.extent >= snapshot.threshold)
        points = np.asarray(snapshot.origin) + snapshot.spacing * cells
    step = max(1, len(points) // MAX_POINTS)
    return points[::step]


def inside_share(points: NDArray[np.float64], foreground: NDArray[np.bool_]) -> float:
    """Return the share of picture points (y, x) that lie on the part."""
    cells = np.rint(points).astype(np.intp)
    height, width = foreground.shape
    within = (cells >= 0).all(1) & (cells[:, 0] < height) & (cells[:, 1] < width)
    hits = foreground[cells[within, 0], cells[within, 1]]
    return float(hits.sum()) / max(len(points), 1)


def draw_pose(
    snapshot: Snapshot,
    placement: Placement,
    prepared: PreparedPicture,
    rng: np.random.Generator,
    bearing: Bearing = FREE,
) -> Pose | None:
    """Draw a pose with enough of the defect on the part, or None if no proposal has.

    Args:
        snapshot: The defect.
        placement: ``edge`` puts the anchor on the outline with the frame's y axis into the part; ``picture`` lays the
            defect's grid over the picture, in one of its eight orientations.
        prepared: The picture.
        rng: The sample's placement stream.
        bearing: Which way it lies; on an outline, where it starts: at points from which it runs the way it should.
    """
    probes = probe_points(snapshot)
    if placement == "picture":
        return _over_picture(snapshot, probes, prepared, rng)
    least = MIN_INSIDE_LINE if snapshot.trace is not None else MIN_INSIDE_REGION
    least = MIN_INSIDE_EDGE if placement == "edge" and snapshot.trace is None else least
    free = prepared.free
    if len(probes) == 0 or not free.any():
        return None
    propose = _proposals(prepared, placement, bearing, probes.mean(0))
    beyond = _beyond(snapshot, probes, prepared.pixel_size) if placement == "edge" else probes[:0]
    if propose is None:
        return None
    for _ in range(PROPOSALS):
        pose = propose(rng)
        placed = pose.apply(probes)
        hollow = inside_share(pose.apply(beyond), prepared.foreground) > MAX_BEYOND
        if inside_share(placed, free) >= least and not hollow and _keeps_out(placed, prepared.keep_out):
            return pose
    return None


def _beyond(snapshot: Snapshot, probes: NDArray[np.float64], pixel_size: float) -> NDArray[np.float64]:
    """Return the points of a region that overlaps the outline, moved OUTSIDE px away from the part; none of a crack."""
    if snapshot.trace is not None:
        return probes[:0]
    over = probes[probes[:, 0] < 0]
    return np.stack([np.minimum(over[:, 0], -OUTSIDE * pixel_size), over[:, 1]], axis=1)


def _proposals(
    prepared: PreparedPicture, placement: Placement, bearing: Bearing, middle: NDArray[np.float64]
) -> Propose | None:
    return _on_outline(prepared, bearing, middle) if placement == "edge" else _on_part(prepared, bearing)


def _over_picture(
    snapshot: Snapshot, probes: NDArray[np.float64], prepared: PreparedPicture, rng: np.random.Generator
) -> Pose | None:
    """Draw one of the eight orientations of a grid in the middle of the picture; along a longer side it may shift."""
    shape = np.array(prepared.free.shape)
    room = np.maximum(shape - snapshot.spacing * max(snapshot.extent.shape) / prepared.pixel_size, 0.0)
    for _ in range(PROPOSALS):
        shift, flip, turns = rng.random(2) - 0.5, bool(rng.integers(2)), int(rng.integers(4))
        y, x = 0.5 * (shape - 1) + shift * room
        pose = Pose((float(y), float(x)), 0.5 * np.pi * turns, flip, prepared.pixel_size)
        if inside_share(pose.apply(probes), prepared.free) >= MIN_INSIDE_PICTURE:
            return pose
    return None


def _free_border(prepared: PreparedPicture) -> Outline:
    """Return the part's outline where nothing is kept out; a region that is kept out has no outline of its own."""
    border = outline(prepared.foreground)
    if prepared.keep_out is None:
        return border
    open_ = ~prepared.keep_out[border.points[:, 0], border.points[:, 1]]
    return Outline(border.points[open_], border.normals[open_])


def _keeps_out(points: NDArray[np.float64], keep_out: NDArray[np.bool_] | None) -> bool:
    """Whether no picture point (y, x) lies where defects are kept out."""
    return keep_out is None or inside_share(points, keep_out) == 0.0


def _bounding_box(foreground: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return (top, left, height, width) of the foreground."""
    rows, columns = np.flatnonzero(foreground.any(1)), np.flatnonzero(foreground.any(0))
    return int(rows[0]), int(columns[0]), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def _draw_anchor(
    foreground: NDArray[np.bool_], box: tuple[int, int, int, int], rng: np.random.Generator
) -> tuple[float, float]:
    """Draw a point of the part, uniform over it: points of its bounding box until one hits."""
    top, left, height, width = box
    for y, x in rng.random((ANCHOR_DRAWS, 2)):
        row, column = top + y * height, left + x * width
        if foreground[int(row), int(column)]:
            break
    # A part that fills next to nothing of its box leaves the last draw, which the share on the part then refuses.
    return float(row - 0.5), float(column - 0.5)


def _on_part(prepared: PreparedPicture, bearing: Bearing) -> Propose:
    """Return the draw of a pose anywhere on the part."""
    free, pixel_size = prepared.free, prepared.pixel_size
    box = _bounding_box(free)

    def propose(rng: np.random.Generator) -> Pose:
        anchor = _draw_anchor(free, box, rng)
        flip, reverse = bool(rng.integers(2)), bool(rng.integers(2))
        turn = float(rng.standard_normal() if bearing.weighs else rng.random())
        texture = local_texture(prepared.statistics, anchor) if bearing.local else None
        return Pose(anchor, bearing.angle(texture, flip, reverse, turn), flip, pixel_size)

    return propose


def _on_outline(prepared: PreparedPicture, bearing: Bearing, middle: NDArray[np.float64]) -> Propose | None:
    """Return the draw of a pose on the outline, or None if there is none.

    Args:
        prepared: The picture.
        bearing: By which the points are weighed.
        middle: Of the defect in its frame, (y, x) in m: the texture there decides.
    """
    border = _free_border(prepared)
    if len(border.points) == 0:
        return None
    if bearing.weighs:
        step = 1 + len(border.points) // MAX_WEIGHED
        border = Outline(border.points[::step], border.normals[::step])
    # R(angle) maps the frame's +y axis to (cos, -sin): make that the inward normal.
    angles = np.arctan2(-border.normals[:, 1], border.normals[:, 0]).astype(np.float64)
    chances = _chances(prepared, bearing, border, angles, middle) if bearing.weighs else None

    def propose(rng: np.random.Generator) -> Pose:
        if chances is None:
            i, flip = int(rng.integers(len(angles))), bool(rng.integers(2))
        else:
            place = int(np.searchsorted(chances, float(rng.random()), side="right"))
            i, flip = min(place, 2 * len(angles) - 1) % len(angles), place >= len(angles)
        anchor = float(border.points[i, 0]), float(border.points[i, 1])
        square = Pose(anchor, float(angles[i]), flip, prepared.pixel_size)
        if not (bearing.tilts and bearing.weighs):
            return square
        texture = local_texture(prepared.statistics, square.apply(middle))
        return replace(square, angle=square.angle + bearing.tilt(texture, square.angle, flip, rng.standard_normal()))

    return propose


def _chances(
    prepared: PreparedPicture,
    bearing: Bearing,
    border: Outline,
    angles: NDArray[np.float64],
    middle: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the cumulated chances (2 n,) of the outline's points, first those without, then those with a flip."""
    inward = np.stack([np.cos(angles), -np.sin(angles)], axis=1) * (middle[0] / prepared.pixel_size)
    texture = local_texture(prepared.statistics, border.points + inward)
    weights = [bearing.weights(texture, angles, flip=flip) for flip in (False, True)]
    cumulated = np.cumsum(np.concatenate(weights))
    return np.asarray(cumulated / cumulated[-1])

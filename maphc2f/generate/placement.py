"""Where a defect goes on a picture.

* :func:`draw_pose` draws place, rotation and flip so that the defect lies on the part.
* :func:`frame_axis` says which way an oriented defect lies.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maphc2f.generate.pictures import Outline, PreparedPicture, outline
from maphc2f.render.place import Pose
from maphc2f.render.window import PictureStatistics
from maphc2f.sample import Orientation, Placement, Snapshot

PROPOSALS = 24
"""Draws of one attempt: the first good one is taken, so the cheap test decides before anything is rendered."""

MIN_INSIDE_LINE = 0.75
MIN_INSIDE_REGION = 0.9
MIN_INSIDE_EDGE = 0.65
MIN_INSIDE_PICTURE = 0.1
"""Least share of the defect on the part: cracks may end at the outline, pits and dents are whole, a mask over the
whole picture is cut by the part."""

ANCHOR_DRAWS = 64
MAX_POINTS = 400
AXIS_COHERENCE = 0.15
"""Above this a picture counts as having a direction that oriented defects follow."""

AXIS_SPREAD = float(np.deg2rad(8.0))
"""How far an oriented defect may deviate from its axis, rad; an upright one not at all."""


def probe_points(snapshot: Snapshot) -> NDArray[np.float64]:
    """Return at most MAX_POINTS points (y, x), m, spread over the defect."""
    if snapshot.trace is not None:
        points = snapshot.trace[:, :, :2].mean(1).astype(np.float64)
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
    axis: float | None = None,
    *,
    reversible: bool = True,
    spread: float = AXIS_SPREAD,
) -> Pose | None:
    """Draw a pose with enough of the defect on the part, or None if no proposal has.

    Args:
        snapshot: The defect.
        placement: ``edge`` puts the anchor on the outline with the frame's y axis into the part; ``picture`` lays the
            defect's grid over the picture, in one of its eight orientations.
        prepared: The picture.
        rng: The sample's placement stream.
        axis: For oriented defects: direction of the frame's x axis in the picture, rad from x towards y (clockwise
            as seen), as :attr:`PictureStatistics.direction`. None: any direction.
        reversible: Whether the frame may also lie the other way round along the axis.
        spread: How far it may deviate from the axis, rad.
    """
    probes = probe_points(snapshot)
    if placement == "picture":
        return _over_picture(snapshot, probes, prepared, rng)
    least = MIN_INSIDE_LINE if snapshot.trace is not None else MIN_INSIDE_REGION
    least = MIN_INSIDE_EDGE if placement == "edge" and snapshot.trace is None else least
    free = prepared.free
    border = _free_border(prepared) if placement == "edge" else None
    if len(probes) == 0 or not free.any() or (border is not None and len(border.points) == 0):
        return None
    box = _bounding_box(free)
    for _ in range(PROPOSALS):
        if border is not None:
            pose = _on_outline(border, prepared.pixel_size, rng)
        else:
            anchor = _draw_anchor(free, box, rng)
            pose = _inside(anchor, prepared.pixel_size, axis, rng, spread, reversible=reversible)
        placed = pose.apply(probes)
        if inside_share(placed, free) >= least and _keeps_out(placed, prepared.keep_out):
            return pose
    return None


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


def _on_outline(border: Outline, pixel_size: float, rng: np.random.Generator) -> Pose:
    i, flip = int(rng.integers(len(border.points))), bool(rng.integers(2))
    anchor, (ny, nx) = border.points[i], border.normals[i]
    # R(angle) maps the frame's +y axis to (cos, -sin): make that the inward normal.
    return Pose((float(anchor[0]), float(anchor[1])), float(np.arctan2(-nx, ny)), flip, pixel_size)


def frame_axis(orientation: Orientation, statistics: PictureStatistics) -> float | None:
    """Return the direction of the frame's x axis that an orientation asks for on a picture, rad; None: any."""
    if orientation in ("gravity", "upright"):
        return 0.0
    if orientation == "texture" and statistics.coherence > AXIS_COHERENCE:
        return statistics.direction
    return None


def _inside(
    anchor: tuple[float, float],
    pixel_size: float,
    axis: float | None,
    rng: np.random.Generator,
    spread: float,
    *,
    reversible: bool,
) -> Pose:
    flip, reverse, turn = bool(rng.integers(2)), bool(rng.integers(2)), float(rng.random())
    angle = 2 * np.pi * turn
    if axis is not None:
        # R(angle) maps +x to (sin, cos) in (y, x), which is the direction at +angle from x towards y.
        angle = axis + spread * (2 * turn - 1) + (np.pi if reverse and reversible else 0.0)
    return Pose(anchor, float(angle), flip, pixel_size)

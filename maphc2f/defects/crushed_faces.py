"""What a crushed edge looks like: movement, relief and missing material in the picture's coordinates.

* :class:`Crushed` is what one stage leaves, in cells; :class:`SnapshotGrid` takes it to metres.
* :func:`crushed_face` gives the snapshot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.defects.relief import slopes
from maphc2f.errors import SimulationRejected
from maphc2f.sample import Float32, SimulationRequest, Snapshot

Float64 = NDArray[np.float64]

OUTER_ROWS = 5
"""Rows of the grid beyond the edge, in which what is moved falls to nothing."""

FALL_CELLS = 14.0
"""Cells along the held borders in which the fields fall to nothing: what the holding does to them is not the part's."""

SLOPE_LIMIT = math.tan(math.radians(1.2))
MOVE_LIMIT_MOUTHS, MOVE_LIMIT_PIXELS = 0.012, 0.5
"""What is visibly changed: slope of the face, or movement over the mouth's width and over a pixel, above these."""

EXTENT_THRESHOLD = 0.5
SLIVER = 0.3
"""Movement, over what is just visible, above which missing material counts."""

FADE = 0.3
"""Movement, over what is just visible, below which the picture stays where it is."""

FINEST = 3
"""Largest refinement of the snapshot's grid."""

SMOOTHING = 0.5
"""Gaussian sigma that rounds the interpolated fields, cells of the solver."""

INVERSION_STEPS = 24
RELAXATION = 0.6


@dataclass(frozen=True, slots=True)
class Crushed:
    """What one stage leaves; cells.

    Attributes:
        displacement: Of the material's points, (y, x), (2, ny, nx).
        edge: How far each face of the edge stays driven in, (nx,).
        stretch: Thickness strain, (ny, nx).
        strain: Largest equivalent plastic strain.
        force: On the body, E cells².
        mouth: Width at a tenth of the depth.
        deepest: Depth of the notch.
        area: Of the notch.
        residual: How much the plate may still move, relative.
    """

    displacement: Float64
    edge: Float64
    stretch: Float64
    strain: float
    force: float
    mouth: float
    deepest: float
    area: float
    residual: float

    def progress(self, last: Crushed) -> float:
        """Return how far this is on the way to ``last``: the root of the ratio of the notches' areas."""
        return math.sqrt(self.area / last.area)


@dataclass(frozen=True, slots=True)
class SnapshotGrid:
    """How the stages go from cells to metres.

    Attributes:
        spacing: Of the solver's cells, m.
        finer: Cells of the snapshot along one of the solver's: about one a pixel.
        limit: Least movement that is seen, m.
    """

    spacing: float
    finer: int
    limit: float

    @classmethod
    def of(cls, request: SimulationRequest, mouth: float) -> SnapshotGrid:
        """Choose the cell such that a mouth of so many cells has the size asked for."""
        spacing = request.size / mouth
        finer = int(np.clip(math.ceil(spacing / request.pixel_size), 1, FINEST))
        limit = max(MOVE_LIMIT_MOUTHS * request.size, MOVE_LIMIT_PIXELS * request.pixel_size)
        return cls(spacing, finer, limit)


def crushed_face(crushed: Crushed, thickness: float, grid: SnapshotGrid, size: float) -> Snapshot:
    """Return a stage on a finer grid that reaches beyond the edge, in the picture's coordinates.

    Args:
        crushed: The stage.
        thickness: Of the plate, cells.
        grid: Scale.
        size: Size that the stage reached, m.

    Raises:
        SimulationRejected: Nothing of it would be seen.
    """
    spacing, finer = grid.spacing, grid.finer
    fields, fine = _in_place(crushed, finer), spacing / finer
    rows = np.arange(fields.shape[1], dtype=np.float32) - np.float32(OUTER_ROWS * finer - 0.5)
    # Where the point that would be seen here lies beyond the edge, nothing is left to see.
    origin_row = rows[:, None] - fields[0] * finer
    steepness = np.maximum(np.abs(np.gradient(origin_row, axis=0)), 0.5)
    part = np.clip(rows + 0.5, 0, 1)[:, None]
    removed = np.clip(0.5 - origin_row / steepness, 0, 1)
    # Beyond the outline the hole goes on as it is at the edge: the outline's own blur goes with the piece.
    first = OUTER_ROWS * finer
    removed[:first] = removed[first] * np.clip(np.arange(first, dtype=np.float32)[:, None] / finer - 1.0, 0, 1)
    window = _window(fields.shape[1], fields.shape[2], finer)
    moves = fields[:2] * (window * spacing)
    height = window * 0.5 * thickness * spacing * fields[2]
    moved = np.hypot(*moves) / grid.limit
    # The window's own fall makes no mask.
    level = np.hypot(moved, window * np.hypot(*slopes(height, fine)) / SLOPE_LIMIT)
    # What is gone is seen, but for slivers beside the mouth that are thinner than a fraction of what is just visible.
    level = part * np.maximum(level, np.minimum(removed / 0.5, moved / SLIVER))
    if (part * moved).max() < 1:
        msg = "too small to be seen"
        raise SimulationRejected(msg)
    shown = _smooth_step(moved - FADE, 1 - FADE)
    return Snapshot(
        size=size,
        spacing=fine,
        origin=(float(rows[0]) * fine, -0.5 * (fields.shape[2] - 1) * fine),
        extent=(level / (1 + level)).astype(np.float32),
        threshold=EXTENT_THRESHOLD,
        depth=height.astype(np.float32),
        displacement=(shown * moves).astype(np.float32),
        removed=removed.astype(np.float32),
        measures={"depth": crushed.deepest * spacing, "width": crushed.mouth * spacing},
    )


def _in_place(crushed: Crushed, finer: int) -> Float32:
    """Return displacement (y, x; cells) and stretch where the points come to lie, on the fine grid, (3, ., .).

    The displacement seen at x is that of the point X with X + u(X) = x, found by relaxed substitution. Beyond the edge
    the fields go on as they are at the edge.
    """
    top = np.stack([crushed.edge, crushed.displacement[1, 0]])[:, None]
    outer = np.repeat(top, OUTER_ROWS, axis=1)
    u = np.concatenate([outer, crushed.displacement], axis=1).astype(np.float32)
    y, x = np.mgrid[: u.shape[1], : u.shape[2]].astype(np.float32)
    both = np.ascontiguousarray(np.moveaxis(u, 0, -1))
    at = np.zeros_like(both)
    for _ in range(INVERSION_STEPS):
        found = cv2.remap(both, x - at[..., 1], y - at[..., 0], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        at += RELAXATION * (found - at)
    stretch = np.pad(crushed.stretch.astype(np.float32), ((OUTER_ROWS, 0), (0, 0)), mode="edge")
    seen = cv2.remap(stretch, x - at[..., 1], y - at[..., 0], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    fields = np.dstack([at, seen])
    fields = cv2.resize(fields, (finer * u.shape[2], finer * u.shape[1]), interpolation=cv2.INTER_CUBIC)
    # Cubic pieces bend by jumps: their slopes would show the coarse cells as stripes.
    fields = cv2.GaussianBlur(fields, (0, 0), SMOOTHING * finer, borderType=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(np.moveaxis(fields, -1, 0), np.float32)


def _window(ny: int, nx: int, finer: int) -> Float32:
    """Return 1 in the part, falling smoothly to exactly 0 at all borders; beyond the edge within ``OUTER_ROWS``."""
    row, column = np.arange(ny, dtype=np.float32), np.arange(nx, dtype=np.float32)
    side = _smooth_step(np.minimum(column, column[::-1]), FALL_CELLS * finer)
    return np.outer(_smooth_step(row, 0.9 * OUTER_ROWS * finer) * _smooth_step(row[::-1], FALL_CELLS * finer), side)


def _smooth_step(x: Float32, reach: float) -> Float32:
    """Return a quintic from 0 at x <= 0 to 1 at x >= reach."""
    t = np.clip(x / np.float32(reach), 0, 1)
    return np.asarray(t**3 * (t * (6 * t - 15) + 10))

"""From a height field to a snapshot: windowing, in-plane displacement, extent.

* :func:`border_taper` falls smoothly to exactly 0 at the border of a grid.
* :func:`slopes` differentiates a height field.
* :func:`relief_extent` maps depth and slope to [0, 1] such that the mask of the contract is its level set.
* :func:`relief_snapshot` assembles the snapshot of a deformation.
* :func:`equivalent_diameter` and :func:`profile_length` measure where a field exceeds a level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.sample import Float32, Snapshot

Float64 = NDArray[np.float64]

DEPTH_SHARE = 0.1
SLOPE_LIMIT = math.tan(math.radians(2.0))
EXTENT_THRESHOLD = 0.5
TAPER_SHARE, TAPER_CELLS = 0.12, 9.0


@dataclass(frozen=True, slots=True)
class Relief:
    """A height change and its in-plane displacement, m, on a grid whose anchor is given in cells.

    Attributes:
        height: Negative into the part, (ny, nx).
        displacement: (y, x), (2, ny, nx).
        spacing: Grid spacing, m.
        anchor: Cell coordinates (y, x) of the anchor.
    """

    height: Float64
    displacement: Float64
    spacing: float
    anchor: tuple[float, float]


def border_taper(shape: tuple[int, int]) -> Float64:
    """Return a window that is 1 inside, falls as a quintic near the border and is exactly 0 at the border."""

    def side(n: int) -> Float64:
        reach = max(3.0, min(TAPER_SHARE * n, TAPER_CELLS))
        t = np.minimum(np.minimum(np.arange(n), np.arange(n)[::-1]) / reach, 1.0)
        return np.asarray(t**3 * (t * (6 * t - 15) + 10))

    return np.outer(side(shape[0]), side(shape[1]))


def slopes(height: Float64, spacing: float = 1.0) -> Float64:
    """Return ∂z/∂y and ∂z/∂x by central differences, (2, ny, nx)."""
    along_y, along_x = np.gradient(height, spacing)
    return np.stack([along_y, along_x])


def relief_extent(height: Float64, taper: Float64, spacing: float) -> Float32:
    """Return e / (1 + e) with e = max(|z| / (0.1 max |z|), |∇z| / tan 2°): 0.5 on the contour of the mask.

    Args:
        height: Windowed height change, m, (ny, nx), not all zero.
        taper: Its window; the slope counts in proportion, so that the window's own fall makes no mask.
        spacing: Grid spacing, m.
    """
    slope_y, slope_x = np.gradient(height, spacing)
    level = np.maximum(
        np.abs(height) / (DEPTH_SHARE * np.abs(height).max()), taper * np.hypot(slope_y, slope_x) / SLOPE_LIMIT
    )
    # The crest between groove and ridge is level and no deeper than the threshold, but it is part of the mark.
    level = cv2.morphologyEx(level, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return (level / (1 + level)).astype(np.float32)


def relief_snapshot(relief: Relief, size: float, measures: dict[str, float]) -> Snapshot:
    """Window a relief and return it as a snapshot with its extent and its depth among the measures."""
    taper = border_taper((relief.height.shape[0], relief.height.shape[1]))
    height = relief.height * taper
    extent = relief_extent(height, taper, relief.spacing)
    y, x = relief.anchor
    return Snapshot(
        size=size,
        spacing=relief.spacing,
        origin=(-y * relief.spacing, -x * relief.spacing),
        extent=extent,
        threshold=EXTENT_THRESHOLD,
        depth=height.astype(np.float32),
        displacement=(relief.displacement * taper).astype(np.float32),
        measures={"depth": float(-height.min()), **measures},
    )


def equivalent_diameter(field: Float64, level: float) -> float:
    """Return the diameter in cells of the circle with the area where ``field`` exceeds ``level``.

    Cells on the contour count in part, by a ramp one cell wide, so that the diameter is smooth in the load.
    """
    gy, gx = np.gradient(field)
    cover = np.clip(0.5 + (field - level) / np.maximum(np.hypot(gy, gx), 1e-30), 0, 1)
    return 2 * math.sqrt(float(cover.sum()) / math.pi)


def profile_length(field: Float64, level: float) -> float:
    """Return over how many cells along x the largest value of a column exceeds ``level``, to a fraction of a cell."""
    profile = field.max(axis=0)
    cover = np.clip(0.5 + (profile - level) / np.maximum(np.abs(np.gradient(profile)), 1e-30), 0, 1)
    return float(cover.sum())

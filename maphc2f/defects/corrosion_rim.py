"""The rim of an attack: metal breaks off between flaws, so that outlines are ragged below the solver's grid.

* :func:`wander` is the field by which the rim moves; :func:`crumble` moves all fields of a growing attack with it.

Streaks that dissolve or spall readily run along the working direction (x), so that outlines end in spikes along it. One
field moves all snapshots: what was attacked stays attacked.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.defects.corrosion_surface import noise
from maphc2f.sample import Float32, Snapshot

REFINED = 2
"""Cells of the ragged fields to a cell of the solver."""

SPIKES = (((0.02, 0.1), 0.55), ((0.06, 0.16), 0.85))
"""Correlation lengths across and along the working direction, over the size, of the movements along it, and their
shares: teeth, and what they sit on."""

FRAGMENTS = ((0.025, 0.3), (0.08, 0.6))
"""Correlation lengths over the size of the movements without a direction, and their shares."""

LIMIT = 2.5
"""Longest movement in standard deviations."""

STILL = 0.15
"""Width of the frame in which the movement fades, over the side of the grid: fields end inside it."""


def wander(shape: tuple[int, int], size: float, ragged: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the movement (2, ny, nx) as (y, x), in cells.

    Args:
        shape: Of the grid.
        size: Of the defect, cells.
        ragged: Standard deviation of the movement along the working direction, over the size.
        rng: Source of chance.
    """
    moved = np.zeros((2, *shape), np.float32)
    ramps = [np.clip(np.minimum(k := np.arange(side), side - 1 - k) / (STILL * side), 0, 1) for side in shape]
    for (across, along), share in SPIKES:
        moved[1] += np.float32(share) * noise(rng, shape, (across * size, along * size))
    for length, share in FRAGMENTS:
        for axis in range(2):
            moved[axis] += np.float32(share) * noise(rng, shape, (length * size, length * size))
    return np.asarray(np.clip(moved, -LIMIT, LIMIT) * (ragged * size * np.outer(*ramps)), np.float32)


def crumble(snapshots: list[Snapshot], ragged: float, rng: np.random.Generator) -> list[Snapshot]:
    """Return the snapshots with ragged rims, on grids REFINED times as fine; the same ones for ``ragged`` = 0.

    Args:
        snapshots: Of one attack, on one grid, by size.
        ragged: See :func:`wander`.
        rng: Source of chance.
    """
    if ragged <= 0:
        return snapshots
    last = snapshots[-1]
    ny, nx = (REFINED * (side - 1) + 1 for side in last.extent.shape)
    moved = wander((ny, nx), REFINED * last.size / last.spacing, ragged, rng)
    rows = (np.arange(ny, dtype=np.float32)[:, None] - moved[0]) / np.float32(REFINED)
    columns = (np.arange(nx, dtype=np.float32) - moved[1]) / np.float32(REFINED)
    return [_moved(snapshot, rows, columns) for snapshot in snapshots]


def _moved(snapshot: Snapshot, rows: Float32, columns: Float32) -> Snapshot:
    def read(field: Float32) -> Float32:
        # Linear: what was attacked early stays so, whatever grows beside it.
        return np.asarray(cv2.remap(field, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), np.float32)

    depth, product = snapshot.depth, snapshot.product
    return replace(
        snapshot,
        spacing=snapshot.spacing / REFINED,
        extent=read(snapshot.extent),
        depth=None if depth is None else read(depth),
        product=None if product is None else read(product),
    )

"""Holes that cracks start from and join: pores and drillings, part of the defect.

* :class:`Hole` is a disc; :func:`place_holes` puts two on a sheet.
* :func:`discs` are their cells.
* :func:`thread` leads a centreline through them, :func:`chords` gives its opening there.

A hole is drawn as the line that crosses it, as wide at each point as its chord: a strip of half width √(R² - r²) along
a diameter is the disc. Lengths are in cells, positions (y, x) with the corner of cell [0, 0] at (0, 0).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maphc2f.solvers.ridge import Centreline

Float64 = NDArray[np.float64]

LARGEST_PIXELS = 30.0
"""Largest diameter of a hole in pixels of the picture: a line is drawn up to 36 px wide."""

SMALLEST = 3.0
"""Smallest diameter of a hole, cells."""

HALO = 1.5
"""Reach of d > 0.5 round a hole (2 ell (1 - √0.5) = 1.2 at ell = 2), cells: points within belong to the hole."""

MIN_PIECE = 3
"""Pieces of centreline of fewer points beside a hole are remnants of its halo."""

RADIUS_POINTS = 9
"""Points along a radius."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A disc: centre (y, x) and radius, cells."""

    centre: tuple[float, float]
    radius: float

    def distance(self, points: Float64) -> Float64:
        """Return the distance of (n, 2) points from the centre."""
        return np.asarray(np.hypot(*(points - np.asarray(self.centre)).T))

    def rim(self, angle: float) -> tuple[float, float]:
        """Return the point of the rim at ``angle`` from +y towards +x."""
        y, x = self.centre
        return y + self.radius * math.cos(angle), x + self.radius * math.sin(angle)


def place_holes(shape: tuple[int, int], cells: float, largest: float, drawn: Mapping[str, float]) -> tuple[Hole, Hole]:
    """Return two holes on a line through the middle that runs along y up to the drawn tilt.

    Args:
        shape: Grid (ny, nx).
        cells: Cells that the defect's size spans.
        largest: Largest diameter, cells.
        drawn: ``hole_share``, ``hole_ratio``, ``gap_share`` and ``tilt``.
    """
    first = max(min(drawn["hole_share"] * cells, largest), SMALLEST)
    radii = 0.5 * first, 0.5 * max(first * drawn["hole_ratio"], SMALLEST)
    gap, tilt = drawn["gap_share"] * cells, drawn["tilt"]
    middle, way = np.array(shape) / 2, np.array([math.cos(tilt), math.sin(tilt)])
    upper, lower = middle - (0.5 * gap + radii[0]) * way, middle + (0.5 * gap + radii[1]) * way
    return Hole((float(upper[0]), float(upper[1])), radii[0]), Hole((float(lower[0]), float(lower[1])), radii[1])


def discs(holes: tuple[Hole, ...], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the cells whose centre lies in a hole."""
    y, x = np.arange(shape[0])[:, None] + 0.5, np.arange(shape[1]) + 0.5
    inside = np.zeros(shape, bool)
    for hole in holes:
        inside |= np.hypot(y - hole.centre[0], x - hole.centre[1]) <= hole.radius
    return inside


def _outside(line: Centreline, holes: tuple[Hole, ...]) -> list[tuple[Float64, NDArray[np.bool_]]]:
    """Return the pieces of ``line`` beyond the holes' halos: points and whether each is a tip."""
    clear = np.ones(len(line.points), bool)
    for hole in holes:
        clear &= hole.distance(line.points) > hole.radius + HALO
    pieces: list[tuple[Float64, NDArray[np.bool_]]] = []
    for a, b in zip(line.starts[:-1], line.starts[1:], strict=True):
        cuts = np.flatnonzero(np.diff(clear[a:b])) + 1
        runs = np.split(np.arange(a, b), cuts)
        pieces += [(line.points[r], line.tips[r]) for r in runs if clear[r[0]] and len(r) >= MIN_PIECE]
    return pieces


def _meet(
    points: Float64, tips: NDArray[np.bool_], holes: tuple[Hole, ...], entries: list[list[Float64]]
) -> tuple[Float64, NDArray[np.bool_]]:
    """Carry the ends of a piece on to the rim of a hole beside them, and note where in ``entries``."""
    for end in (0, -1):
        for hole, found in zip(holes, entries, strict=True):
            way = points[end] - np.asarray(hole.centre)
            apart = float(np.hypot(*way))
            if apart < hole.radius + 2 * HALO:
                rim = np.asarray(hole.centre) + hole.radius / apart * way
                points = np.concatenate([rim[None], points] if end == 0 else [points, rim[None]])
                tips = np.concatenate([[False], tips] if end == 0 else [tips, [False]])
                found.append(rim)
                break
    return points, tips & ~_near(points, holes)


def _near(points: Float64, holes: tuple[Hole, ...]) -> NDArray[np.bool_]:
    return np.asarray(np.any([hole.distance(points) < hole.radius + 2 * HALO for hole in holes], axis=0))


def _diameter(hole: Hole, entries: list[Float64]) -> Float64:
    """Return points from one entry through the centre to another, or to the far side: (2 n - 1, 2)."""
    centre = np.asarray(hole.centre)
    first = entries[0] if entries else np.asarray(hole.rim(0.0))
    last = max(entries[1:], key=lambda e: float(np.hypot(*(e - first))), default=2 * centre - first)
    # Closer towards the rim, where the chord falls like a square root.
    share = np.sin(np.linspace(0, math.pi / 2, RADIUS_POINTS))[:, None]
    inwards, outwards = centre + share[::-1] * (first - centre), centre + share * (last - centre)
    return np.concatenate([inwards, outwards[1:]])


def thread(line: Centreline, holes: tuple[Hole, ...]) -> Centreline:
    """Return ``line`` without what thinning made of the holes, its cracks led to their rims, and a diameter of each."""
    entries: list[list[Float64]] = [[] for _ in holes]
    pieces = [_meet(points, tips, holes, entries) for points, tips in _outside(line, holes)]
    for hole, found in zip(holes, entries, strict=True):
        across = _diameter(hole, found)
        pieces.append((across, np.zeros(len(across), bool)))
    starts = np.concatenate([[0], np.cumsum([len(points) for points, _ in pieces])])
    points, tips = (np.concatenate([piece[i] for piece in pieces]) for i in (0, 1))
    return Centreline(points, starts.astype(np.int32), tips)


def chords(line: Centreline, holes: tuple[Hole, ...]) -> Float64:
    """Return the chord 2 √(R² - r²) of the hole round each point, cells; 0 outside and on the rim."""
    out = np.zeros(len(line.points))
    for hole in holes:
        apart = hole.distance(line.points)
        inside = apart < (1 - 1e-6) * hole.radius
        out[inside] = 2 * np.sqrt(hole.radius**2 - apart[inside] ** 2)
    return out

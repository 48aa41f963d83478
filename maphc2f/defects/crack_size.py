"""The size of a growing crack: a cheap estimate at every check, the traced centreline only near a target.

* :func:`trace` is the centreline of a scenario's cracks, its holes crossed by their diameters.
* :class:`Gauge` tells when a stage's size is reached, and keeps the centreline of each stage.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.defects.crack_holes import Hole, discs, thread
from maphc2f.defects.crack_sheets import Recipe
from maphc2f.solvers.fracture import State
from maphc2f.solvers.ridge import LEVEL, Centreline, centreline

Float32 = NDArray[np.float32]

_AREA_PER_LENGTH = 2.6
"""First guess of the cells with d > 0.5 per cell of crack length at ell = 2 (the AT1 profile alone has 2.34)."""

SLACK = 0.97
"""Share of a stage's size that counts as reached: a tip moves up to a cell between two checks."""

EDGE_MARGIN = 5.0
"""Free ends nearer to the part's outline than this have run out of it, cells."""

SURFACE = 6
"""Rows below the outline of a shocked edge in which the flaws that never grew lie."""


def _spread_of_line(line: Centreline) -> float:
    """Return the root mean square distance of the crack's length from its middle, cells."""
    steps = line.steps[line.inner]
    if len(steps) == 0:
        return 0.0
    middles = 0.5 * (line.points[:-1] + line.points[1:])[line.inner]
    centre = np.average(middles, axis=0, weights=steps)
    return math.sqrt(float(np.average(np.square(middles - centre).sum(1), weights=steps)))


def _spread_of_cells(broken: NDArray[np.bool_]) -> float:
    """Return the same from the broken cells."""
    moments = cv2.moments(broken.view(np.uint8), True)
    return math.sqrt((moments["mu20"] + moments["mu02"]) / moments["m00"]) if moments["m00"] > 0 else 0.0


def trace(recipe: Recipe, holes: tuple[Hole, ...], damage: Float32) -> Centreline:
    """Return the centreline of the cracks, through the holes they start from."""
    edge_margin = 0.0 if recipe.fixed[0] else EDGE_MARGIN
    if recipe.measure == "depth":
        # Flaws that are left behind merge their halos along the outline; cracks run straight through these.
        damage = damage.copy()
        damage[:SURFACE] = damage[SURFACE]
    line = centreline(damage, spur=4 if recipe.single else 5, passes=3, edge_margin=edge_margin)
    return thread(line, holes) if holes else line


class Gauge:
    """Reads the size of a growing crack and keeps the centreline of each stage.

    The estimate (cells with d > LEVEL, or their extent) over the traced size is learnt during the run, so that two or
    three tracings a stage are enough.
    """

    def __init__(self, recipe: Recipe, holes: tuple[Hole, ...], n_stages: int) -> None:
        self._recipe, self._holes, self._n_stages = recipe, holes, n_stages
        self._ratio = _AREA_PER_LENGTH if recipe.measure == "length" else 1.0
        # A hole counts by its diameter, as if it were crack.
        across = _AREA_PER_LENGTH * sum(2 * hole.radius for hole in holes)
        self._offset = across - float(np.count_nonzero(discs(holes, recipe.shape)))
        self._next, self._last = 0.0, 0.0
        self.lines: list[Centreline] = []

    def size(self, line: Centreline) -> float:
        """Return the size that ``request.size`` means, cells."""
        if self._recipe.measure == "depth":
            return float(line.points[:, 0].max(initial=0.0))
        return line.length if self._recipe.measure == "length" else self._recipe.spread * _spread_of_line(line)

    def _estimate(self, broken: NDArray[np.bool_]) -> float:
        if self._recipe.measure == "depth":
            return float(np.flatnonzero(broken.any(axis=1)).max(initial=-1) + 1)
        if self._recipe.measure == "length":
            return float(np.count_nonzero(broken)) + self._offset
        return self._recipe.spread * _spread_of_cells(broken)

    def reached(self, state: State, target: float) -> bool:
        """Return whether the crack has grown to ``target`` cells; if so, keep its centreline."""
        # A crack that leapt past a stage spreads the remaining ones over what is left.
        room = (self._recipe.cells - self._last) / (self._n_stages - len(self.lines))
        wanted = max(SLACK * target, self._last + 0.4 * room, 1.02 * self._last)
        estimate = self._estimate(state.damage > LEVEL)
        if estimate < max(wanted * self._ratio, self._next):
            return False
        line = trace(self._recipe, self._holes, state.damage)
        size = self.size(line)
        self._ratio = estimate / max(size, 0.7 * estimate / self._ratio)
        self._next = 1.02 * estimate
        if size < wanted:
            return False
        self._next, self._last = 0.0, size
        self.lines.append(line)
        return True

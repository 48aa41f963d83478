"""Films lifted by the pressure below them: clamped plates that stretch, one for each delaminated region.

* :class:`Skin` states film and pressure in SI units; :func:`inflate` returns the :class:`Bulge` over a region.

    D Δ²w - N Δw = p   in the region,   w = ∂w/∂n = 0 on its rim,   N = Ē t / (2A) ∫ |∇w|² dA:

bending with the mean tension that the deflection itself makes (Berger 1955, J. Appl. Mech. 22:465, neglects the second
invariant of the membrane strains), Ē = E / (1 - ν²), D = Ē t³ / 12. Each connected region has its own N.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from maphc2f.kernels.blister import edge_weights, solve_film

Float64 = NDArray[np.float64]
Regions = NDArray[np.int64]

EIGHT = np.ones((3, 3), dtype=np.int8)
NEWTON_STEPS = 12


@dataclass(frozen=True, slots=True)
class Skin:
    """A film and what lifts it.

    Attributes:
        modulus: E of the film as it is, wet, Pa.
        poisson_ratio: ν.
        thickness: t, m.
        pressure: p below it over that above, Pa.
    """

    modulus: float
    poisson_ratio: float
    thickness: float
    pressure: float

    def __post_init__(self) -> None:
        """Refuse constants without meaning."""
        if min(self.modulus, self.thickness) <= 0 or self.pressure < 0:
            msg = f"modulus and thickness must be > 0, pressure >= 0, got {self}"
            raise ValueError(msg)

    @property
    def stretching(self) -> float:
        """Ē t, N/m."""
        return self.modulus * self.thickness / (1 - self.poisson_ratio**2)

    @property
    def bending(self) -> float:
        """D = Ē t³ / 12, N m."""
        return self.stretching * self.thickness**2 / 12


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Stopping rules: relative residual, conjugate gradient steps a solve, relative change of the tension, rounds."""

    tolerance: float = 3e-3
    max_steps: int = 600
    change: float = 0.02
    max_rounds: int = 4


@dataclass(frozen=True, slots=True)
class Bulge:
    """A lifted film.

    Attributes:
        height: w, m, >= 0, float64 (ny, nx).
        strain: Mean membrane strain N / (Ē t) of each region.
        regions: Number of the region of each cell, 0 where the film holds.
        iterations: Conjugate gradient steps.
        residual: Relative residual of the last solve.
    """

    height: Float64
    strain: Float64
    regions: Regions
    iterations: int
    residual: float


def stretched_area(w: Float64, grip: Float64, regions: Regions) -> Float64:
    """Return ∫ |∇w|² dA of each region: Σ (w_i - w_j)² over the faces of its cells, w² / (½ + l) where one is held.

    Args:
        w: Deflection, 0 where held, (ny, nx).
        grip: b of :func:`maphc2f.kernels.blister.edge_weights`, which corrects the faces to held cells.
        regions: Number of the region of each free cell, 0 where held.
    """
    total = _by_region(grip * w * w, regions)
    for axis in (0, 1):
        behind, ahead = np.delete(regions, -1, axis), np.delete(regions, 0, axis)
        total += _by_region(np.diff(w, axis=axis) ** 2, np.maximum(behind, ahead))
    return total


def _amplitude(bending: Float64, stretching: Float64, work: Float64) -> Float64:
    """Return the root α > 0 of α B + α³ M = C: how far a given shape rises; Newton from above the root."""
    alpha = np.maximum(work / np.maximum(bending, 1e-30), 1e-30)
    alpha = np.minimum(alpha, np.cbrt(work / np.maximum(stretching, 1e-30)))
    for _ in range(NEWTON_STEPS):
        alpha -= (alpha * (bending + stretching * alpha**2) - work) / (bending + 3 * stretching * alpha**2)
    return np.asarray(alpha)


def _by_region(values: Float64, regions: Regions) -> Float64:
    """Return the sum of ``values`` over each region, 1 first."""
    return np.asarray(np.bincount(regions.ravel(), weights=values.ravel())[1:], np.float64)


def inflate(
    share: Float64, spacing: float, skin: Skin, accuracy: Accuracy | None = None, guess: Float64 | None = None
) -> Bulge:
    """Return the equilibrium of a film over cells delaminated to ``share``.

    Each round solves the linear problem at the present tensions for the shape, then the scalar balance of each region
    for its amplitude and tension: in the limits of pure bending and of pure tension the second round changes nothing.

    Args:
        share: Delaminated share in [0, 1], float64 (ny, nx), below 1 on two cells along the border. Cells of share 1
            are free; the film's edge lies where the share of the cells around says.
        spacing: h, m.
        skin: Film and pressure.
        accuracy: Stopping rules.
        guess: Height to start from, m, (ny, nx), or None.
    """
    accuracy = accuracy or Accuracy()
    window = _window(share)
    start = np.zeros_like(share) if guess is None else guess
    bulge = _inflate(share[window], spacing, skin, accuracy, start[window])
    height, regions = np.zeros_like(share), np.zeros(share.shape, np.int64)
    height[window], regions[window] = bulge.height, bulge.regions
    return replace(bulge, height=height, regions=regions)


def _window(share: Float64) -> tuple[slice, slice]:
    """Return the box round the free cells with the two held cells on each side that the operator asks for."""
    free = share >= 1.0
    lines = (np.flatnonzero(free.any(axis=1)), np.flatnonzero(free.any(axis=0)))
    if len(lines[0]) == 0:
        return slice(0, 0), slice(0, 0)
    rows, columns = (slice(int(line[0]) - 2, int(line[-1]) + 3) for line in lines)
    return rows, columns


def _inflate(share: Float64, spacing: float, skin: Skin, accuracy: Accuracy, guess: Float64) -> Bulge:
    free = (share >= 1.0).astype(np.uint8)
    weight, grip, area = edge_weights(share)
    numbered, count = ndimage.label(free, structure=EIGHT)
    regions = np.asarray(numbered, np.int64)
    # Cells that are held in part belong to the region beside them.
    owners = np.asarray(ndimage.maximum_filter(regions, size=3), np.int64)
    areas = _by_region(share, owners) * spacing**2
    # A circular membrane of the same area gives the first tension; the rounds below correct it.
    tension = np.cbrt(skin.stretching * skin.pressure**2 * areas / (16 * math.pi))
    w = np.where(free == 1, guess, 0.0)
    load = area * (skin.pressure * spacing**4 / skin.bending)
    steps, residual = 0, 0.0
    for _ in range(accuracy.max_rounds if count else 0):
        field = np.concatenate([[0.0], tension * spacing**2 / skin.bending])[regions]
        made, residual = solve_film(w, free, weight, grip, field, load, accuracy.tolerance, accuracy.max_steps)
        steps += made
        gradients = stretched_area(w, grip, regions)
        work = skin.pressure * spacing**2 * _by_region(area * w, regions)
        # Where w solves the linear problem, its bending energy is what the load did not spend on tension.
        bending = np.maximum(work - tension * gradients, 0.0)
        stiffness = skin.stretching / (2 * areas) * gradients
        alpha = _amplitude(bending, stiffness * gradients, work)
        fresh = stiffness * alpha**2
        w *= np.concatenate([[0.0], alpha])[regions]
        change = np.abs(fresh - tension) * gradients / np.maximum(work, 1e-300)
        tension = fresh
        if float(change.max()) < accuracy.change:
            break
    return Bulge(w, tension / skin.stretching, regions, steps, float(residual))

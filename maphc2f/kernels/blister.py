"""A clamped film under pressure: conjugate gradients on the bending and tension operator, compiled.

* :func:`solve_film` finds the deflection; :func:`apply_film` applies its operator.
* :func:`edge_weights` puts the film's edge where the delaminated share of the cells says.
* :func:`apply_film_numpy` and :func:`solve_film_numpy` are the dense twins.

With the five-point Laplacian Δ, tension n of each cell over D/h² and deflections that vanish on all held cells,

    Δ (B Δ w) - n (Δ w - b w) = p,

B is 1 where the film is free. A held cell of share l has the edge at s = l - ½ beyond its centre. There the film is
w = ½ κ x² in the distance x from the edge, so that its first free cell rests (B w₁ = κ) if B = 1 / l, to second order:
l = ½ is the mirrored film of an edge through the centre, B = 2. Tension acts over the distance ½ + l to the edge
instead of 1, which b = Σ 1 / (½ + l) - 1 over the held neighbours adds.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from maphc2f.sample import UInt8

Float64 = NDArray[np.float64]

LEAST_SHARE = 0.1
"""Delaminated share below which a held cell counts as this: keeps the weights finite."""


@njit(cache=True)
def apply_film(
    w: Float64, free: UInt8, weight: Float64, grip: Float64, tension: Float64, curvature: Float64, out: Float64
) -> None:
    """Write Δ (B Δ w) - n (Δ w - b w) on the free cells and 0 elsewhere.

    Args:
        w: Deflection, 0 where held, float64 (ny, nx).
        free: 1 where the film is free, uint8 (ny, nx); 0 on two cells along the border.
        weight: B, (ny, nx), and
        grip: b, (ny, nx), as :func:`edge_weights` makes them.
        tension: n, float64 (ny, nx).
        curvature: Scratch that holds 0 on its border, (ny, nx).
        out: Written but for its border, (ny, nx).
    """
    ny, nx = w.shape
    for i in range(1, ny - 1):
        for j in range(1, nx - 1):
            bend = w[i - 1, j] + w[i + 1, j] + w[i, j - 1] + w[i, j + 1] - 4.0 * w[i, j]
            curvature[i, j] = weight[i, j] * bend
    for i in range(1, ny - 1):
        for j in range(1, nx - 1):
            force = 0.0
            if free[i, j] == 1:
                force = curvature[i - 1, j] + curvature[i + 1, j] + curvature[i, j - 1] + curvature[i, j + 1]
                force += tension[i, j] * grip[i, j] * w[i, j] - (4.0 + tension[i, j]) * curvature[i, j]
            out[i, j] = force


@njit(cache=True)
def solve_film(
    w: Float64,
    free: UInt8,
    weight: Float64,
    grip: Float64,
    tension: Float64,
    pressure: Float64,
    tolerance: float,
    max_steps: int,
) -> tuple[int, float]:
    """Improve ``w`` in place by conjugate gradients until |residual| <= tolerance |pressure|.

    Args:
        w: First guess, 0 where held; on return the deflection, float64 (ny, nx).
        free: As in :func:`apply_film`.
        weight: As there.
        grip: As there.
        tension: n >= 0, the same on all cells of a connected free region.
        pressure: p h⁴/D, float64 (ny, nx).
        tolerance: Relative residual at which to stop.
        max_steps: Most iterations.

    Returns:
        Iterations made, and the relative residual of the recurrence.
    """
    ny, nx = w.shape
    curvature, image = np.zeros((ny, nx)), np.zeros((ny, nx))
    residual, direction = np.zeros((ny, nx)), np.zeros((ny, nx))
    apply_film(w, free, weight, grip, tension, curvature, image)
    load, square = 0.0, 0.0
    for i in range(ny):
        for j in range(nx):
            if free[i, j] == 1:
                residual[i, j] = pressure[i, j] - image[i, j]
                direction[i, j] = residual[i, j]
                load += pressure[i, j] * pressure[i, j]
                square += residual[i, j] * residual[i, j]
    target = tolerance * tolerance * load
    steps = 0
    while steps < max_steps and square > target:
        steps += 1
        apply_film(direction, free, weight, grip, tension, curvature, image)
        work = 0.0
        for i in range(1, ny - 1):
            for j in range(1, nx - 1):
                work += direction[i, j] * image[i, j]
        length = square / work
        fresh = 0.0
        for i in range(1, ny - 1):
            for j in range(1, nx - 1):
                w[i, j] += length * direction[i, j]
                r = residual[i, j] - length * image[i, j]
                residual[i, j] = r
                fresh += r * r
        ratio = fresh / square
        for i in range(1, ny - 1):
            for j in range(1, nx - 1):
                direction[i, j] = residual[i, j] + ratio * direction[i, j]
        square = fresh
    return steps, np.sqrt(square / load) if load > 0.0 else 0.0


def edge_weights(share: Float64) -> tuple[Float64, Float64, Float64]:
    """Return B and b of the operator, and the area of each cell that its load acts on.

    Args:
        share: Delaminated share in [0, 1], (ny, nx); cells of share 1 are free.
    """
    held = np.maximum(share, LEAST_SHARE)
    weight = np.where(share >= 1.0, 1.0, 1.0 / held)
    lacking = np.where(share >= 1.0, 0.0, 1.0 / (0.5 + held) - 1.0)
    grip, area = np.zeros_like(weight), np.zeros_like(weight)
    grip[1:-1, 1:-1] = _around(lacking)
    # Half of the way to the edge belongs to the cell, as half of the way to a neighbour does.
    area[1:-1, 1:-1] = 1.0 + 0.5 * _around(np.where(share >= 1.0, 0.0, held - 0.5))
    return weight, grip, area


def _around(field: Float64) -> Float64:
    return np.asarray(field[:-2, 1:-1] + field[2:, 1:-1] + field[1:-1, :-2] + field[1:-1, 2:])


def _laplacian(field: Float64) -> Float64:
    out = np.zeros_like(field)
    out[1:-1, 1:-1] = _around(field) - 4 * field[1:-1, 1:-1]
    return out


def apply_film_numpy(w: Float64, free: UInt8, weight: Float64, grip: Float64, tension: Float64) -> Float64:
    """Twin of :func:`apply_film`; returns the force."""
    bend = _laplacian(w)
    return np.asarray(free * (_laplacian(weight * bend) - tension * (bend - grip * w)))


def solve_film_numpy(free: UInt8, weight: Float64, grip: Float64, tension: Float64, pressure: Float64) -> Float64:
    """Twin of :func:`solve_film`: the dense matrix, column by column, and a direct solution; for small grids."""
    cells = np.flatnonzero(free)
    matrix = np.empty((len(cells), len(cells)))
    for column, cell in enumerate(cells):
        unit = np.zeros(free.size)
        unit[cell] = 1.0
        image = apply_film_numpy(unit.reshape(free.shape), free, weight, grip, tension)
        matrix[:, column] = image.ravel()[cells]
    w = np.zeros(free.size)
    w[cells] = np.linalg.solve(matrix, pressure.ravel()[cells])
    return w.reshape(free.shape)

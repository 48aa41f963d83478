"""NumPy twin of :mod:`maphc2f.kernels.plasticity`, written as whole-array operations on (ny + 2, nx + 2) grids.

* :func:`press_numpy` is the twin of ``press``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maphc2f.kernels.plasticity import _FLUSH, SLOW_THICKNESS, Body, Law

Float32 = NDArray[np.float32]
INNER = (slice(1, -1), slice(1, -1))


def _ahead(a: Float32, axis: int) -> Float32:
    """Return a[p + 1] - a[p] along ``axis``, 0 at the end."""
    out = np.zeros_like(a)
    np.subtract(a[:, 1:] if axis else a[1:], a[:, :-1] if axis else a[:-1], out=out[:, :-1] if axis else out[:-1])
    return out


def _behind(a: Float32, axis: int) -> Float32:
    """Return a[p] - a[p - 1] along ``axis``, 0 at the start."""
    out = np.zeros_like(a)
    np.subtract(a[:, 1:] if axis else a[1:], a[:, :-1] if axis else a[:-1], out=out[:, 1:] if axis else out[1:])
    return out


def _mean(a: Float32, *, before: bool) -> Float32:
    out = np.zeros_like(a)
    mean = 0.25 * (a[:-1, :-1] + a[:-1, 1:] + a[1:, :-1] + a[1:, 1:])
    out[(slice(1, None), slice(1, None)) if before else (slice(None, -1), slice(None, -1))] = mean
    return out


def _excess(dx: Float32, dy: Float32, shear: Float32, bound: Float32) -> Float32:
    stress = np.sqrt(dx**2 + dy**2 + dx * dy + shear**2)
    return np.asarray(np.maximum(stress - bound, 0) / np.maximum(stress, np.float32(1e-20)), np.float32)


def press_numpy(body: Body, scratch: Float32, law: Law, gaps: Float32, n_steps: int) -> None:
    """Make the same steps as :func:`maphc2f.kernels.plasticity.press`, in place; arrays and arguments are the same."""
    grids = Body(*(a.reshape(law.ny + 2, law.nx + 2) for a in body))
    for step in range(n_steps):
        _update_deviator(grids, law)
        _return(grids, law)
        pressure = law.bulk * grids.cells * (_ahead(grids.ux, 1) + _ahead(grids.uy, 0) + grids.ez)
        sxx, syy = pressure + grids.dx, pressure + grids.dy
        for row, stress in ((6, sxx), (7, syy), (10, pressure)):
            scratch[row] = stress.ravel()
        _accelerate(grids.vx, _behind(sxx, 1) + _ahead(grids.shear, 0), grids.free_x, law)
        _accelerate(grids.vy, _behind(syy, 0) + _ahead(grids.shear, 1), grids.free_y, law)
        if law.stretch >= 0:
            _stretch(grids, pressure, law)
        grids.ux[...] += law.dt * grids.vx
        grids.uy[...] += law.dt * grids.vy
        gap = gaps[0] + np.float32((step + 1) / n_steps) * (gaps[1] - gaps[0])
        edge, speed = grids.uy[1, 1:-1], grids.vy[1, 1:-1]
        push = np.maximum(gap - edge, 0)
        speed += push / law.dt
        np.maximum(edge, gap, out=edge)


def _update_deviator(g: Body, law: Law) -> None:
    exx, eyy, ezz = law.dt * _ahead(g.vx, 1), law.dt * _ahead(g.vy, 0), law.dt * g.vz
    third = (exx + eyy + ezz) / 3
    g.dx[...] += 2 * law.shear * g.cells * (exx - third)
    g.dy[...] += 2 * law.shear * g.cells * (eyy - third)
    g.shear[...] += law.shear * law.dt * g.corners * (_behind(g.vx, 0) + _behind(g.vy, 1))


def _return(g: Body, law: Law) -> None:
    bound = law.yield_shear + law.hardening * g.flow
    mean_flow = _mean(g.flow, before=True)
    at_corners = _excess(
        _mean(g.dx, before=True), _mean(g.dy, before=True), g.shear, law.yield_shear + law.hardening * mean_flow
    )
    in_cells = _excess(g.dx, g.dy, _mean(g.shear, before=False), bound)
    g.flow[...] += in_cells * bound / ((1 - in_cells) * (law.shear + law.hardening))
    back = law.shear / (law.shear + law.hardening)
    g.dx[...] *= 1 - back * in_cells
    g.dy[...] *= 1 - back * in_cells
    g.shear[...] *= 1 - back * at_corners


def _accelerate(v: Float32, force: Float32, free: Float32, law: Law, inertia: float = 1.0) -> None:
    half = 0.5 * law.damping * law.dt
    new = ((1 - half) * v + law.dt / inertia * force) / (1 + half)
    v[INNER] = (free * ((new + np.float32(_FLUSH)) - np.float32(_FLUSH)))[INNER]


def _stretch(g: Body, pressure: Float32, law: Law) -> None:
    g.ez[0, 1:-1] = g.ez[1, 1:-1]
    laplacian = np.zeros_like(g.ez)
    e = g.ez
    laplacian[INNER] = e[:-2, 1:-1] + e[2:, 1:-1] + e[1:-1, :-2] + e[1:-1, 2:] - 4 * e[INNER]
    force = law.shear * law.stretch * laplacian - pressure + g.dx + g.dy
    _accelerate(g.vz, force, g.cells, law, law.stretch + SLOW_THICKNESS)
    g.ez[...] += law.dt * g.vz

"""Whole-array twins of :mod:`maphc2f.kernels.phase_field`; equations and layout are stated there.

* :func:`advance_numpy` is the twin of ``advance``, :func:`relax_damage_numpy` that of ``relax_damage``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maphc2f.kernels.phase_field import RESIDUAL_STIFFNESS, WORST_SHARE, Constants, Fields

Float32 = NDArray[np.float32]


def _plane(flat: Float32, constants: Constants) -> Float32:
    return flat.reshape(constants.ny + 2, constants.nx + 2)


def _damage_law_numpy(ell: float, at2: bool) -> tuple[float, float, float]:
    return (ell, 1 / ell + 4 * ell, 0.0) if at2 else (0.75 * ell, 3 * ell, 0.375 / ell)


def _walls_numpy(mask: Float32, spread: float) -> Float32:
    """Return what voids add to the sum of d's coefficients, inner cells (ny, nx)."""
    void = np.pad(mask[1:-1, 1:-1] == 0, 1).astype(np.float32)
    beside = void[:-2, 1:-1] + void[2:, 1:-1] + void[1:-1, :-2] + void[1:-1, 2:]
    return np.where(void[1:-1, 1:-1] > 0, np.inf, -spread * beside).astype(np.float32)


def _jacobi_numpy(
    d: Float32, loads: tuple[Float32, Float32 | float], gc: Float32, law: tuple[float, float, float], nucleation: float
) -> Float32:
    """Make one pass; ``loads`` holds the drive and the walls."""
    drive, walls = loads
    spread, total, threshold = law
    d = np.pad(d[1:-1, 1:-1], 1, mode="edge")
    neighbours = d[:-2, 1:-1] + d[2:, 1:-1] + d[1:-1, :-2] + d[1:-1, 2:]
    here, p, g = d[1:-1, 1:-1], drive[1:-1, 1:-1], gc[1:-1, 1:-1]
    onset = np.where(neighbours + here > 0, threshold, threshold * nucleation)
    trial = (p + g * (spread * neighbours - onset)) / (p + (total + walls) * g)
    d[1:-1, 1:-1] = np.maximum(here, np.minimum(1.0, trial))
    return d


def _compression_numpy(
    exx: Float32, eyy: Float32, intact: Float32, c: Constants
) -> tuple[Float32, Float32, Float32, Float32]:
    """Return stresses xx, yy, xy and twice the energy of the compressed part, unmasked, (ny + 2, nx + 2)."""
    shear = np.pad(intact, ((0, 1), (0, 1)))
    exy = 0.5 * 0.25 * (shear[:-1, :-1] + shear[:-1, 1:] + shear[1:, :-1] + shear[1:, 1:]) / c.c66
    strain = np.stack([np.stack([exx, exy], -1), np.stack([exy, eyy], -1)], -1)
    values, axes = np.linalg.eigh(strain)
    values = np.minimum(values, 0)
    trace = np.minimum(exx + eyy, 0)
    part = np.einsum("...ia,...a,...ja->...ij", axes, values, axes)
    stress = 2 * c.c66 * part + c.c12 * trace[..., None, None] * np.eye(2)
    twice = c.c12 * trace**2 + 2 * c.c66 * (values**2).sum(axis=-1)
    return stress[..., 0, 0], stress[..., 1, 1], stress[..., 0, 1], twice


def _spectral_numpy(f: Fields, c: Constants, linear: tuple[Float32, ...], g: Float32) -> tuple[Float32, ...]:
    """Return sxx, syy, what is added to sxy, and what is taken from the drive; ``linear`` holds exx, eyy, intact."""
    exx, eyy, intact = linear
    mask = _plane(f.cell_mask, c)
    tx, ty, txy, twice = (mask * part for part in _compression_numpy(exx, eyy, intact, c))
    sxx = g * (c.c11 * exx + c.c12 * eyy) + (1 - g) * tx
    syy = g * (c.c22 * eyy + c.c12 * exx) + (1 - g) * ty
    held = (1 - g) * txy
    added = np.zeros_like(held)
    added[1:, 1:] = 0.25 * (held[1:, 1:] + held[:-1, 1:] + held[1:, :-1] + held[:-1, :-1])
    return sxx, syy, added * _plane(f.corner_mask, c), twice


def _stress_numpy(f: Fields, c: Constants, load: float) -> tuple[Float32, Float32, Float32, Float32]:
    """Return sxx, syy (cells), sxy (corners) and the damage drive, each (ny + 2, nx + 2)."""
    ux, uy, d = _plane(f.ux, c), _plane(f.uy, c), _plane(f.damage, c)
    d = np.pad(d[1:-1, 1:-1], 1, mode="edge")
    exx, eyy, intact = np.zeros_like(ux), np.zeros_like(ux), np.zeros_like(ux)
    exx[:, :-1] = ux[:, 1:] - ux[:, :-1]
    eyy[:-1] = uy[1:] - uy[:-1]
    exx += np.float32(load) * _plane(f.eigen_x, c)
    eyy += np.float32(load) * _plane(f.eigen_y, c)
    t = _plane(f.cell_mask, c) * c.bulk * np.minimum(exx + eyy, 0)
    g = _plane(f.cell_mask, c) * ((1 - d) ** 2 + RESIDUAL_STIFFNESS)
    sxx = g * (c.c11 * exx + c.c12 * eyy - t) + t
    syy = g * (c.c22 * eyy + c.c12 * exx - t) + t
    intact[1:, 1:] = ux[1:, 1:] - ux[:-1, 1:] + uy[1:, 1:] - uy[1:, :-1]
    intact *= _plane(f.corner_mask, c) * c.c66
    left = np.ones_like(d)
    around = np.stack([d[1:, 1:], d[:-1, 1:], d[1:, :-1], d[:-1, :-1]])
    left[1:, 1:] = 1 - (1 - WORST_SHARE) * around.mean(axis=0) - WORST_SHARE * around.max(axis=0)
    square = intact**2
    corner = np.zeros_like(d)
    corner[:-1, :-1] = square[:-1, :-1] + square[:-1, 1:] + square[1:, :-1] + square[1:, 1:]
    drive = c.c11 * exx**2 + c.c22 * eyy**2 + 2 * c.c12 * exx * eyy + 0.25 / c.c66 * corner
    drive -= t**2 / c.bulk if c.bulk > 0 else 0
    sxy = (left**2 + RESIDUAL_STIFFNESS) * intact
    if c.spectral:
        sxx, syy, added, taken = _spectral_numpy(f, c, (exx, eyy, intact), g)
        sxy, drive = sxy + added, np.maximum(drive - taken, 0)
    return sxx, syy, sxy.astype(np.float32), drive.astype(np.float32)


def advance_numpy(f: Fields, constants: Constants, load: float, n_steps: int) -> Fields:
    """Twin of :func:`maphc2f.kernels.phase_field.advance`; returns new fields and leaves ``f`` alone."""
    c = constants
    half = 0.5 * c.damping * c.dt
    keep, push = (1 - half) / (1 + half), c.dt / (1 + half)
    law = _damage_law_numpy(c.ell, c.at2)
    walls = _walls_numpy(_plane(f.cell_mask, c), law[0])
    for _ in range(n_steps):
        sxx, syy, sxy, drive = _stress_numpy(f, c, load)
        ux, uy = _plane(f.ux, c), _plane(f.uy, c)
        fx, fy = np.zeros_like(ux), np.zeros_like(ux)
        fx[1:-1, 1:] = sxx[1:-1, 1:] - sxx[1:-1, :-1] + sxy[2:, 1:] - sxy[1:-1, 1:] - c.k * ux[1:-1, 1:]
        fy[1:, 1:-1] = syy[1:, 1:-1] - syy[:-1, 1:-1] + sxy[1:, 2:] - sxy[1:, 1:-1] - c.k * uy[1:, 1:-1]
        vx = (_plane(f.free_x, c) * (keep * _plane(f.vx, c) + push * fx)).astype(np.float32)
        vy = (_plane(f.free_y, c) * (keep * _plane(f.vy, c) + push * fy)).astype(np.float32)
        d, gc = _plane(f.damage, c), _plane(f.gc, c)
        for _pass in range(2):
            d = _jacobi_numpy(d, (drive, walls), gc, law, c.nucleation).astype(np.float32)
        f = f._replace(
            ux=(ux + np.float32(c.dt) * vx).ravel(),
            uy=(uy + np.float32(c.dt) * vy).ravel(),
            vx=vx.ravel(),
            vy=vy.ravel(),
            damage=d.ravel(),
        )
    return f


def relax_damage_numpy(
    damage: Float32, gc: Float32, ell: float, shape: tuple[int, int], n_passes: int, at2: bool = False
) -> Float32:
    """Twin of :func:`maphc2f.kernels.phase_field.relax_damage`; returns the relaxed field."""
    padded = (shape[0] + 2, shape[1] + 2)
    d, g = damage.reshape(padded), gc.reshape(padded)
    for _ in range(2 * (n_passes // 2)):
        d = _jacobi_numpy(d, (np.zeros_like(d), 0.0), g, _damage_law_numpy(ell, at2), 1.0).astype(np.float32)
    return d.ravel()

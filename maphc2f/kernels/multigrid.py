"""Geometric multigrid for the frozen elastic sheet: equilibrium of a damaged, stretched film on a foundation.

* :func:`build_levels` makes the hierarchy for a damage field, :func:`v_cycle` is one V-cycle in place.
* :func:`residual`, :func:`smooth`, :func:`restrict`, :func:`prolong` and their twins ``*_numpy`` are its parts.

The operator is that of :mod:`maphc2f.kernels.phase_field` with damage frozen and without the compression split:
``A u = k u - div(g C : e(u))``. Arrays are padded planes (ny + 2, nx + 2) with the layout of that module. A coarse cell
is 2 x 2 fine cells, so its differences carry 1 / 4 per level; its stiffness is 0.8 of the harmonic plus 0.2 of the
arithmetic mean: the harmonic mean keeps a crack open on the coarse grid, alone it opens too softly and diverges.
Smoother: Chebyshev iteration on D⁻¹ A (Adams, Brezina, Hu, Tuminaro 2003, doi 10.1016/S0021-9991(03)00194-3).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from maphc2f.kernels.phase_field import RESIDUAL_STIFFNESS, WORST_SHARE

Float32 = NDArray[np.float32]

HARMONIC_SHARE = 0.8
COARSEST = 8
UPPER = 4.0
"""Bound of the spectrum of D⁻¹ A (Gershgorin, for a block of intact and broken cells)."""

SMOOTHING = {2: (0.6, UPPER), 3: (0.4, UPPER)}
"""Interval of D⁻¹ A that is damped, by number of Chebyshev steps (the best of those tried on cracked films)."""


class Level(NamedTuple):
    """One level: normal stiffness share ``g`` (cells), shear share ``b`` (corners, 0 on the border), free faces."""

    g: Float32
    b: Float32
    free_x: Float32
    free_y: Float32
    c11: float
    c22: float
    c12: float
    c66: float
    k: float


@njit(cache=True, error_model="numpy")
def residual(ux, uy, fx, fy, level, rx, ry):  # type: ignore[no-untyped-def]
    """Write ``r = f - A u`` into ``rx``, ``ry`` (padded planes, float32); rows and columns as in the module."""
    c11, c22 = np.float32(level.c11), np.float32(level.c22)
    c12, c66, k = np.float32(level.c12), np.float32(level.c66), np.float32(level.k)
    g, b = level.g, level.b
    h, w = ux.shape
    sxx, syy, sxy = np.zeros_like(ux), np.zeros_like(ux), np.zeros_like(ux)
    for i in range(1, h - 1):
        for j in range(1, w - 1):
            x, y = ux[i, j + 1] - ux[i, j], uy[i + 1, j] - uy[i, j]
            sxx[i, j] = g[i, j] * (c11 * x + c12 * y)
            syy[i, j] = g[i, j] * (c22 * y + c12 * x)
            sxy[i, j] = b[i, j] * c66 * (ux[i, j] - ux[i - 1, j] + uy[i, j] - uy[i, j - 1])
    for i in range(1, h):
        for j in range(1, w):
            below = sxy[i + 1, j] if i + 1 < h else np.float32(0.0)
            right = sxy[i, j + 1] if j + 1 < w else np.float32(0.0)
            ax = k * ux[i, j] - (sxx[i, j] - sxx[i, j - 1] + below - sxy[i, j])
            ay = k * uy[i, j] - (syy[i, j] - syy[i - 1, j] + right - sxy[i, j])
            rx[i, j] = level.free_x[i, j] * (fx[i, j] - ax)
            ry[i, j] = level.free_y[i, j] * (fy[i, j] - ay)


def residual_numpy(ux: Float32, uy: Float32, fx: Float32, fy: Float32, level: Level) -> tuple[Float32, Float32]:
    """Twin of :func:`residual`; returns (rx, ry)."""
    x, y, gamma = np.zeros_like(ux), np.zeros_like(ux), np.zeros_like(ux)
    x[:, :-1] = ux[:, 1:] - ux[:, :-1]
    y[:-1] = uy[1:] - uy[:-1]
    gamma[1:, 1:] = ux[1:, 1:] - ux[:-1, 1:] + uy[1:, 1:] - uy[1:, :-1]
    sxx, syy = level.g * (level.c11 * x + level.c12 * y), level.g * (level.c22 * y + level.c12 * x)
    sxy = np.pad(level.b * level.c66 * gamma, ((0, 1), (0, 1)))
    rx, ry = np.zeros_like(ux), np.zeros_like(ux)
    rx[:, 1:] = sxx[:, 1:] - sxx[:, :-1] + sxy[1:, 1:-1] - sxy[:-1, 1:-1]
    ry[1:] = syy[1:] - syy[:-1] + sxy[1:-1, 1:] - sxy[1:-1, :-1]
    total_x, total_y = level.free_x * (fx - level.k * ux + rx), level.free_y * (fy - level.k * uy + ry)
    return total_x.astype(np.float32), total_y.astype(np.float32)


@njit(cache=True, error_model="numpy")
def _scale_by_diagonal(rx, ry, level):  # type: ignore[no-untyped-def]
    c11, c22, c66, k = np.float32(level.c11), np.float32(level.c22), np.float32(level.c66), np.float32(level.k)
    g, b = level.g, level.b
    h, w = rx.shape
    for i in range(1, h):
        for j in range(1, w):
            here = b[i, j]
            below = b[i + 1, j] if i + 1 < h else np.float32(0.0)
            right = b[i, j + 1] if j + 1 < w else np.float32(0.0)
            if level.free_x[i, j] > 0:
                rx[i, j] /= c11 * (g[i, j] + g[i, j - 1]) + c66 * (below + here) + k
            if level.free_y[i, j] > 0:
                ry[i, j] /= c22 * (g[i, j] + g[i - 1, j]) + c66 * (right + here) + k


@njit(cache=True, error_model="numpy")
def smooth(ux, uy, fx, fy, level, interval, n_steps):  # type: ignore[no-untyped-def]
    """Make ``n_steps`` Chebyshev steps on ``A u = f`` in place, damping D⁻¹ A between the two ends of ``interval``."""
    low, high = interval
    middle, half = 0.5 * (high + low), 0.5 * (high - low)
    sigma = middle / half
    rho = 1.0 / sigma
    rx, ry = np.zeros_like(ux), np.zeros_like(ux)
    px, py = np.zeros_like(ux), np.zeros_like(ux)
    keep, gain = np.float32(0.0), np.float32(1.0 / middle)
    for _ in range(n_steps):
        residual(ux, uy, fx, fy, level, rx, ry)
        _scale_by_diagonal(rx, ry, level)
        for i in range(ux.shape[0]):
            for j in range(ux.shape[1]):
                px[i, j] = keep * px[i, j] + gain * rx[i, j]
                py[i, j] = keep * py[i, j] + gain * ry[i, j]
                ux[i, j] += px[i, j]
                uy[i, j] += py[i, j]
        rho_next = 1.0 / (2.0 * sigma - rho)
        keep, gain = np.float32(rho_next * rho), np.float32(2.0 * rho_next / half)
        rho = rho_next


def diagonal_numpy(level: Level) -> tuple[Float32, Float32]:
    """Return the diagonal of A on both kinds of faces, 1 where a face is fixed."""
    b = np.pad(level.b, ((0, 1), (0, 1)))
    before_x = np.pad(level.g, ((0, 0), (1, 0)))[:, :-1]
    before_y = np.pad(level.g, ((1, 0), (0, 0)))[:-1]
    dx = level.c11 * (level.g + before_x) + level.c66 * (b[1:, :-1] + b[:-1, :-1]) + level.k
    dy = level.c22 * (level.g + before_y) + level.c66 * (b[:-1, 1:] + b[:-1, :-1]) + level.k
    return np.where(level.free_x > 0, dx, 1).astype(np.float32), np.where(level.free_y > 0, dy, 1).astype(np.float32)


def smooth_numpy(
    u: tuple[Float32, Float32], f: tuple[Float32, Float32], level: Level, interval: tuple[float, float], n_steps: int
) -> tuple[Float32, Float32]:
    """Twin of :func:`smooth`; returns the new displacement."""
    middle, half = 0.5 * (interval[1] + interval[0]), 0.5 * (interval[1] - interval[0])
    rho = half / middle
    dx, dy = diagonal_numpy(level)
    px, py = np.zeros_like(u[0]), np.zeros_like(u[0])
    keep, gain = 0.0, 1.0 / middle
    for _ in range(n_steps):
        rx, ry = residual_numpy(*u, *f, level)
        px, py = keep * px + gain * rx / dx, keep * py + gain * ry / dy
        u = (u[0] + px).astype(np.float32), (u[1] + py).astype(np.float32)
        rho_next = 1.0 / (2.0 * middle / half - rho)
        keep, gain = rho_next * rho, 2.0 * rho_next / half
        rho = rho_next
    return u


@njit(cache=True)
def restrict(fine, coarse):  # type: ignore[no-untyped-def]
    """Average a field on vertical faces to the coarse: 1/4 1/2 1/4 along x, mean of two across (pass ``.T`` for y)."""
    quarter, half = np.float32(0.125), np.float32(0.25)
    for i in range(1, coarse.shape[0] - 1):
        for j in range(1, coarse.shape[1]):
            a, b, r = 2 * i - 1, 2 * i, 2 * j - 1
            after = fine[a, r + 1] + fine[b, r + 1] if r + 1 < fine.shape[1] else np.float32(0.0)
            coarse[i, j] = quarter * (fine[a, r - 1] + fine[b, r - 1] + after) + half * (fine[a, r] + fine[b, r])


def restrict_numpy(fine: Float32) -> Float32:
    """Twin of :func:`restrict`; returns the coarse field."""
    rows = 0.5 * (fine[1:-1:2] + fine[2:-1:2])
    rows = np.pad(rows, ((1, 1), (0, 1)))
    coarse = np.zeros((rows.shape[0], rows.shape[1] // 2 + 1), np.float32)
    coarse[:, 1:] = 0.25 * (rows[:, 0:-2:2] + rows[:, 2::2]) + 0.5 * rows[:, 1:-1:2]
    return coarse


@njit(cache=True)
def prolong(coarse, fine):  # type: ignore[no-untyped-def]
    """Add the interpolant of a coarse field on vertical faces to ``fine``: linear along x, 3/4 and 1/4 across."""
    far, near, half = np.float32(0.25), np.float32(0.75), np.float32(0.5)
    h, w = coarse.shape
    for i in range(1, h - 1):
        up, down = max(i - 1, 1), min(i + 1, h - 2)
        for j in range(1, w):
            a, b = 2 * i - 1, 2 * j - 1
            upper = near * coarse[i, j] + far * coarse[up, j]
            lower = near * coarse[i, j] + far * coarse[down, j]
            fine[a, b] += upper
            fine[a + 1, b] += lower
            if j + 1 < w:
                fine[a, b + 1] += half * (upper + near * coarse[i, j + 1] + far * coarse[up, j + 1])
                fine[a + 1, b + 1] += half * (lower + near * coarse[i, j + 1] + far * coarse[down, j + 1])


def prolong_numpy(coarse: Float32, fine: Float32) -> Float32:
    """Twin of :func:`prolong`; returns ``fine`` plus the interpolant."""
    core = coarse[1:-1, 1:]
    ends = np.pad(core, ((1, 1), (0, 0)), mode="edge")
    rows = np.zeros((2 * core.shape[0], core.shape[1]), np.float32)
    rows[0::2], rows[1::2] = 0.75 * core + 0.25 * ends[:-2], 0.75 * core + 0.25 * ends[2:]
    out = fine.copy()
    out[1:-1, 1::2] += rows
    out[1:-1, 2:-1:2] += 0.5 * (rows[:, 1:] + rows[:, :-1])
    return out


def coarse_stiffness(g: Float32) -> Float32:
    """Return the stiffness share of cells twice as large, (ny + 2, nx + 2) -> (ny / 2 + 2, nx / 2 + 2)."""
    blocks = np.stack([g[1:-1:2, 1:-1:2], g[2:-1:2, 1:-1:2], g[1:-1:2, 2:-1:2], g[2:-1:2, 2:-1:2]])
    harmonic = 4.0 / (1.0 / blocks).sum(axis=0)
    mixed = HARMONIC_SHARE * harmonic + (1 - HARMONIC_SHARE) * blocks.mean(axis=0)
    return np.pad(mixed, 1).astype(np.float32)


def corner_mean(cells: Float32) -> Float32:
    """Return the mean of the four cells round each inner corner, 0 on the border, padded plane."""
    out = np.zeros_like(cells)
    inner = cells[1:-1, 1:-1]
    out[2:-1, 2:-1] = 0.25 * (inner[1:, 1:] + inner[:-1, 1:] + inner[1:, :-1] + inner[:-1, :-1])
    return out


def corner_damage(damage: Float32) -> Float32:
    """Return the damage of each inner corner, as the steps of a run see it; 0 on the border, padded plane."""
    out = np.zeros_like(damage)
    inner = damage[1:-1, 1:-1]
    rows = np.maximum(inner[1:], inner[:-1])
    out[2:-1, 2:-1] = np.maximum(rows[:, 1:], rows[:, :-1])
    return np.asarray((1 - WORST_SHARE) * corner_mean(damage) + WORST_SHARE * out, damage.dtype)


def free_faces(shape: tuple[int, int], fixed: tuple[bool, bool, bool, bool]) -> tuple[Float32, Float32]:
    """Return the masks of moving faces; ``fixed`` holds the normal displacement of (top, bottom, left, right)."""
    ny, nx = shape
    free_x, free_y = np.zeros((ny + 2, nx + 2), np.float32), np.zeros((ny + 2, nx + 2), np.float32)
    free_x[1:-1, 1:], free_y[1:, 1:-1] = 1, 1
    top, bottom, left, right = fixed
    free_y[1], free_y[-1] = (0 if top else free_y[1]), (0 if bottom else free_y[-1])
    free_x[:, 1], free_x[:, -1] = (0 if left else free_x[:, 1]), (0 if right else free_x[:, -1])
    return free_x, free_y


def build_levels(
    damage: Float32, stiffness: tuple[float, float, float, float], k: float, fixed: tuple[bool, bool, bool, bool]
) -> list[Level]:
    """Return the hierarchy, finest first.

    Args:
        damage: Padded plane (ny + 2, nx + 2); ny and nx even down to the coarsest level wanted.
        stiffness: (c11, c22, c12, c66).
        k: Foundation stiffness.
        fixed: See :func:`free_faces`.
    """
    inside = np.zeros_like(damage)
    inside[1:-1, 1:-1] = 1
    g = (inside * ((1 - damage) ** 2 + RESIDUAL_STIFFNESS)).astype(np.float32)
    b = (corner_mean(inside) > 0) * ((1 - corner_damage(damage)) ** 2 + RESIDUAL_STIFFNESS)
    levels, scale = [Level(g, b.astype(np.float32), *free_faces(_shape(g), fixed), *stiffness, k)], 1.0
    while min(_shape(g)) > COARSEST and not any(n % 2 for n in _shape(g)):
        g, scale = coarse_stiffness(g), scale / 4
        c11, c22, c12, c66 = (c * scale for c in stiffness)
        levels.append(Level(g, corner_mean(g), *free_faces(_shape(g), fixed), c11, c22, c12, c66, k))
    return levels


def _shape(padded: Float32) -> tuple[int, int]:
    return padded.shape[0] - 2, padded.shape[1] - 2


def v_cycle(u: tuple[Float32, Float32], f: tuple[Float32, Float32], levels: list[Level], depth: int = 0) -> None:
    """Improve ``u`` in place by one cycle for ``A u = f`` on ``levels[depth]``: V(2,3) on top, V(3,3) below."""
    level = levels[depth]
    if depth == len(levels) - 1:
        smooth(*u, *f, level, (0.06, UPPER), 12)
        return
    before = 2 if depth == 0 else 3
    smooth(*u, *f, level, SMOOTHING[before], before)
    rx, ry = np.zeros_like(u[0]), np.zeros_like(u[0])
    residual(*u, *f, level, rx, ry)
    coarse = levels[depth + 1]
    fx, fy = np.zeros_like(coarse.g), np.zeros_like(coarse.g)
    restrict(rx, fx)
    restrict(ry.T, fy.T)
    ex, ey = np.zeros_like(coarse.g), np.zeros_like(coarse.g)
    v_cycle((ex, ey), (coarse.free_x * fx, coarse.free_y * fy), levels, depth + 1)
    prolong(ex, u[0])
    prolong(ey.T, u[1].T)
    np.multiply(u[0], level.free_x, out=u[0])
    np.multiply(u[1], level.free_y, out=u[1])
    smooth(*u, *f, level, SMOOTHING[3], 3)

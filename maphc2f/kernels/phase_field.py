"""Explicit damped dynamics of a plane sheet on a foundation, coupled with AT1 or AT2 damage.

* :class:`Fields`, :class:`Constants` group the arrays and numbers of a sheet.
* :func:`advance` makes steps of the coupled system.
* :func:`relax_damage` lets a seeded notch take its profile.

Twins are in :mod:`maphc2f.kernels.phase_field_reference`.

Cells are unit squares. Every array is flat with row stride ``W = nx + 2`` and ``(ny + 2) * W`` entries: cell (i, j)
sits at ``p = (i + 1) W + j + 1``; the face on its left (``ux``), the face above it (``uy``) and its upper left corner
(shear) share that index. Damage, toughness, normal strain and normal stress belong to cells. A cell whose mask is 0 is
a void: it carries no normal stress, is not damaged, and no damage flows into it (∂d/∂n = 0 on its sides).
The damage of a corner lies between the mean and the largest of its four cells (:data:`WORST_SHARE`).

Equations (E = rho = h = 1, numerical length ell; g = (1 - d)² + eps):

    rho ü + c u̇ = div sigma - k u,        e = sym(∇u) + s e0
    sigma = g [C : e - K⟨tr e⟩₋ I] + K⟨tr e⟩₋ I,        2 psi⁺ = e : C : e - K⟨tr e⟩₋²
    AT1:  (3 Gc / 8)(1/ell - 2 ell ∇²d) = 2 (1 - d) psi⁺,     ḋ >= 0,     d <= 1
    AT2:  Gc (d/ell - ell ∇²d) = 2 (1 - d) psi⁺,              ḋ >= 0

AT1: Pham, Amor, Marigo, Maurini 2011, doi 10.1177/1056789510386852. AT2: Bourdin, Francfort, Marigo 2000,
doi 10.1016/S0022-5096(99)00028-9. Split by K, the bulk modulus: Amor, Marigo, Maurini 2009,
doi 10.1016/j.jmps.2009.04.011; K = 0 is no split, and a sheet's own modulus in its plane is
(c11 + c22 + 2 c12) / 4. Spectral split, for isotropic sheets: Miehe, Hofacker, Welschinger 2010,
doi 10.1016/j.cma.2010.04.011; there psi⁻ = c12 ⟨tr e⟩₋² / 2 + c66 ∑ ⟨e_a⟩₋² over the principal strains e_a of a cell,
whose shear is the mean of its corners', and sigma = g C : e + (1 - g) ∂psi⁻/∂e.

Loops write one array each, so that the compiler needs few overlap checks and turns them into vector code.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

RESIDUAL_STIFFNESS = 1e-4
"""Stiffness share left in a broken cell."""

WORST_SHARE = 0.85
"""Weight of the most broken of four cells in the damage of their corner, beside their mean. The mean alone leaves the
stairs of an oblique crack stiff in shear, so that networks prefer the axes 1.6 times; the largest alone lets cracks
along the axes run 7 % below Griffith's load."""

# Adding and taking away this number sets |v| < 4e-18 to zero: squares stay above the smallest normal float32.
_FLUSH = 1e-10


class Fields(NamedTuple):
    """State and coefficients of a sheet; all float32, flat, padded by one (see the module's layout)."""

    ux: Float32
    uy: Float32
    vx: Float32
    vy: Float32
    damage: Float32
    gc: Float32
    eigen_x: Float32
    eigen_y: Float32
    cell_mask: Float32
    corner_mask: Float32
    free_x: Float32
    free_y: Float32


class Constants(NamedTuple):
    """Numbers of a run: stiffness, foundation ``k``, length ``ell``, time step, damping, nucleation factor, size.

    ``bulk`` is the modulus K of the compression split (0: none); ``at2`` takes AT2 in place of AT1; ``spectral`` takes
    the spectral split, with ``bulk`` 0.
    """

    c11: float
    c22: float
    c12: float
    c66: float
    k: float
    ell: float
    dt: float
    damping: float
    nucleation: float
    nx: int
    ny: int
    bulk: float
    at2: bool
    spectral: bool


@njit(cache=True)
def _strain(u, eigen, load, shift, out):  # type: ignore[no-untyped-def]
    n = out.shape[0] - shift
    a, b, e, o = u[:n], u[shift:], eigen[:n], out[:n]
    for i in range(n):
        o[i] = b[i] - a[i] + load * e[i]


@njit(cache=True)
def _negative_pressure(exx, eyy, mask, bulk, out):  # type: ignore[no-untyped-def]
    zero = np.float32(0.0)
    for i in range(out.shape[0]):
        out[i] = mask[i] * bulk * min(exx[i] + eyy[i], zero)


@njit(cache=True, error_model="numpy")
def _compression(exx, eyy, shear, mask, c12, c66, w, out):  # type: ignore[no-untyped-def]
    """Write the stresses xx, yy, xy and twice the energy of the strain's compressed part into the four ``out``."""
    n = exx.shape[0] - w - 1
    s00, s10 = shear[: n + 1], shear[w:]
    tx, ty, txy, twice = out
    zero, half, eighth = np.float32(0.0), np.float32(0.5), np.float32(0.125)
    for i in range(n):
        middle, apart = half * (exx[i] + eyy[i]), half * (exx[i] - eyy[i])
        exy = eighth * (s00[i] + s00[i + 1] + s10[i] + s10[i + 1]) / c66
        radius = np.sqrt(apart * apart + exy * exy)
        first, second = min(middle + radius, zero), min(middle - radius, zero)
        volume = c12 * min(middle + middle, zero)
        spread = (first - second) / radius if radius > zero else zero
        tx[i] = mask[i] * (volume + c66 * (first + second + spread * apart))
        ty[i] = mask[i] * (volume + c66 * (first + second - spread * apart))
        txy[i] = mask[i] * c66 * spread * exy
        twice[i] = mask[i] * (volume * min(middle + middle, zero) + (c66 + c66) * (first * first + second * second))


@njit(cache=True)
def _add_compressed_shear(g, txy, mask, w, out):  # type: ignore[no-untyped-def]
    n = out.shape[0] - w - 1
    one, quarter = np.float32(1.0), np.float32(0.25)
    for i in range(n):
        upper = (one - g[i]) * txy[i] + (one - g[i + 1]) * txy[i + 1]
        lower = (one - g[i + w]) * txy[i + w] + (one - g[i + w + 1]) * txy[i + w + 1]
        out[i + w + 1] += mask[i + w + 1] * quarter * (upper + lower)


@njit(cache=True)
def _take_away(part, out):  # type: ignore[no-untyped-def]
    zero = np.float32(0.0)
    for i in range(out.shape[0]):
        out[i] = max(out[i] - part[i], zero)


@njit(cache=True)
def _degradation(d, mask, out):  # type: ignore[no-untyped-def]
    one, eps = np.float32(1.0), np.float32(RESIDUAL_STIFFNESS)
    for i in range(out.shape[0]):
        out[i] = mask[i] * ((one - d[i]) * (one - d[i]) + eps)


@njit(cache=True)
def _normal_stress(along, across, g, t, c_along, c_across, out):  # type: ignore[no-untyped-def]
    for i in range(out.shape[0]):
        out[i] = g[i] * (c_along * along[i] + c_across * across[i] - t[i]) + t[i]


@njit(cache=True)
def _intact_shear(ux, uy, mask, c66, w, out):  # type: ignore[no-untyped-def]
    n = out.shape[0] - w
    a, a_up, b, b_left, m, o = ux[w:], ux[:n], uy[w:], uy[w - 1 :], mask[w:], out[w:]
    for i in range(n):
        o[i] = m[i] * c66 * (a[i] - a_up[i] + b[i] - b_left[i])


@njit(cache=True)
def _shear_stress(d, intact, w, out):  # type: ignore[no-untyped-def]
    n = out.shape[0] - w - 1
    d00, d01, d10, d11 = d[:n], d[1:], d[w:], d[w + 1 :]
    s, o = intact[w + 1 :], out[w + 1 :]
    one, quarter, eps = np.float32(1.0), np.float32(0.25), np.float32(RESIDUAL_STIFFNESS)
    worst = np.float32(WORST_SHARE)
    for i in range(n):
        mean = quarter * (d00[i] + d01[i] + d10[i] + d11[i])
        m = one - (mean + worst * (max(d00[i], d01[i], d10[i], d11[i]) - mean))
        o[i] = (m * m + eps) * s[i]


@njit(cache=True)
def _drive(exx, eyy, t, shear, c, w, out):  # type: ignore[no-untyped-def]
    n = out.shape[0] - w - 1
    s00, s10 = shear[: n + 1], shear[w:]
    c11, c22, two_c12, over_bulk, quarter_over_c66 = c
    for i in range(n):
        x, y = exx[i], eyy[i]
        corner = s00[i] * s00[i] + s00[i + 1] * s00[i + 1] + s10[i] * s10[i] + s10[i + 1] * s10[i + 1]
        out[i] = c11 * x * x + c22 * y * y + two_c12 * x * y - over_bulk * t[i] * t[i] + quarter_over_c66 * corner


@njit(cache=True)
def _accelerate(u, v, normal, shear, free, shifts, c):  # type: ignore[no-untyped-def]
    normal_shift, shear_shift = shifts
    keep, push, k = c
    w = max(normal_shift, shear_shift)
    # Up to the last row of faces: of uy that is the bottom side, of ux the padding below the last row of cells.
    n = u.shape[0] - w - shear_shift
    uu, vv, ff = u[w:], v[w : w + n], free[w:]
    here, before = normal[w:], normal[w - normal_shift :]
    s_here, s_after = shear[w:], shear[w + shear_shift :]
    flush = np.float32(_FLUSH)
    for i in range(n):
        force = here[i] - before[i] + s_after[i] - s_here[i] - k * uu[i]
        vv[i] = ff[i] * ((keep * vv[i] + push * force + flush) - flush)


@njit(cache=True)
def _move(u, v, dt):  # type: ignore[no-untyped-def]
    for i in range(u.shape[0]):
        u[i] += dt * v[i]


@njit(cache=True)
def _mirror(d, nx, ny):  # type: ignore[no-untyped-def]
    w = nx + 2
    for j in range(w):
        d[j] = d[w + j]
        d[(ny + 1) * w + j] = d[ny * w + j]
    for i in range(ny + 2):
        d[i * w] = d[i * w + 1]
        d[i * w + w - 1] = d[i * w + w - 2]


@njit(cache=True)
def _damage_law(ell, at2):  # type: ignore[no-untyped-def]
    """Return what a neighbour weighs, the sum of d's coefficients without load, and the threshold; each over Gc."""
    length = np.float32(ell)
    if at2:
        one, four = np.float32(1.0), np.float32(4.0)
        return length, one / length + four * length, np.float32(0.0)
    return np.float32(0.75) * length, np.float32(3.0) * length, np.float32(0.375) / length


@njit(cache=True)
def _count_voids(mask, nx, ny):  # type: ignore[no-untyped-def]
    count = 0
    for i in range(1, ny + 1):
        row = mask[i * (nx + 2) + 1 : (i + 1) * (nx + 2) - 1]
        for j in range(row.shape[0]):
            count += row[j] == 0
    return count


@njit(cache=True)
def _walls(mask, spread, nx, ny, out):  # type: ignore[no-untyped-def]
    """Write what voids add to the sum of d's coefficients: none of a neighbour's share beside one, all within."""
    w = nx + 2
    for i in range(1, ny + 1):
        for j in range(1, nx + 1):
            p = i * w + j
            if mask[p] == 0:
                out[p] = np.inf
                continue
            # The padding is a mirror, no void.
            count = np.float32((i > 1 and mask[p - w] == 0) + (i < ny and mask[p + w] == 0))
            count += np.float32((j > 1 and mask[p - 1] == 0) + (j < nx and mask[p + 1] == 0))
            out[p] = -spread * count


# error_model: the zero-division test of Python would keep this loop from becoming vector code.
@njit(cache=True, error_model="numpy")
def _damage_pass(d, drive, walls, gc, law, nucleation, w, out):  # type: ignore[no-untyped-def]
    n = d.shape[0] - 2 * w
    up, left, here, down = d[:n], d[w - 1 :], d[w:], d[2 * w :]
    p, g, o, v = drive[w:], gc[w:], out[w:], walls[w:]
    zero, one = np.float32(0.0), np.float32(1.0)
    spread, total, onset = law
    for i in range(n):
        neighbours = up[i] + down[i] + left[i] + left[i + 2]
        threshold = onset if neighbours + here[i] > zero else onset * nucleation
        trial = (p[i] + g[i] * (spread * neighbours - threshold)) / (p[i] + (total + v[i]) * g[i])
        o[i] = max(here[i], min(one, trial))


@njit(cache=True)
def advance(f, scratch, constants, load, n_steps):  # type: ignore[no-untyped-def]
    """Make ``n_steps`` explicit steps in place.

    Args:
        f: :class:`Fields`; displacement, velocity and damage are changed.
        scratch: float32 (9, size), contents arbitrary on the first call if zero, kept between calls. Rows 4, 5 and 7
            hold the stresses sxx, syy (cells) and sxy (corners) that acted in the last step.
        constants: :class:`Constants`.
        load: Factor s of the eigenstrain.
        n_steps: Number of steps.

    The time step must satisfy dt <= 2 / sqrt(4 (max c + c66) + 4 (c12 + c66)) (no damping, no foundation).
    """
    exx, eyy, t, g, sxx, syy, intact, sxy, drive = (
        scratch[0],
        scratch[1],
        scratch[2],
        scratch[3],
        scratch[4],
        scratch[5],
        scratch[6],
        scratch[7],
        scratch[8],
    )
    c11, c22 = np.float32(constants.c11), np.float32(constants.c22)
    c12, c66 = np.float32(constants.c12), np.float32(constants.c66)
    bulk = np.float32(constants.bulk)
    over_bulk = np.float32(1.0) / bulk if constants.bulk > 0.0 else np.float32(0.0)
    energy = (c11, c22, np.float32(2.0) * c12, over_bulk, np.float32(0.25) / c66)
    half = 0.5 * constants.damping * constants.dt
    motion = (
        np.float32((1.0 - half) / (1.0 + half)),
        np.float32(constants.dt / (1.0 + half)),
        np.float32(constants.k),
    )
    dt, nucleation = np.float32(constants.dt), np.float32(constants.nucleation)
    law = _damage_law(constants.ell, constants.at2)
    s = np.float32(load)
    w = constants.nx + 2
    other, walls = np.zeros_like(f.damage), np.zeros_like(f.damage)
    if _count_voids(f.cell_mask, constants.nx, constants.ny) > 0:
        _walls(f.cell_mask, law[0], constants.nx, constants.ny, walls)
    spectral = constants.spectral
    extra = np.zeros((3, f.damage.size if spectral else 0), np.float32)
    ty, txy, twice = (extra[0] if spectral else t), extra[1], extra[2]
    for _ in range(n_steps):
        _mirror(f.damage, constants.nx, constants.ny)
        _strain(f.ux, f.eigen_x, s, 1, exx)
        _strain(f.uy, f.eigen_y, s, w, eyy)
        _degradation(f.damage, f.cell_mask, g)
        _intact_shear(f.ux, f.uy, f.corner_mask, c66, w, intact)
        if spectral:
            _compression(exx, eyy, intact, f.cell_mask, c12, c66, w, (t, ty, txy, twice))
        else:
            _negative_pressure(exx, eyy, f.cell_mask, bulk, t)
        _normal_stress(exx, eyy, g, t, c11, c12, sxx)
        _normal_stress(eyy, exx, g, ty, c22, c12, syy)
        _shear_stress(f.damage, intact, w, sxy)
        _drive(exx, eyy, t, intact, energy, w, drive)
        if spectral:
            _add_compressed_shear(g, txy, f.corner_mask, w, sxy)
            _take_away(twice, drive)
        _accelerate(f.ux, f.vx, sxx, sxy, f.free_x, (1, w), motion)
        _accelerate(f.uy, f.vy, syy, sxy, f.free_y, (w, 1), motion)
        _move(f.ux, f.vx, dt)
        _move(f.uy, f.vy, dt)
        _damage_pass(f.damage, drive, walls, f.gc, law, nucleation, w, other)
        _mirror(other, constants.nx, constants.ny)
        _damage_pass(other, drive, walls, f.gc, law, nucleation, w, f.damage)


@njit(cache=True)
def relax_damage(damage, gc, ell, shape, n_passes, at2=False):  # type: ignore[no-untyped-def]
    """Relax seeded damage to its profile without load, in place, by ``2 * (n_passes // 2)`` Jacobi passes.

    Args:
        damage: float32, flat; cells with 1 are broken and stay so.
        gc: Toughness, float32, flat.
        ell: Length scale in cells.
        shape: (ny, nx).
        n_passes: Number of passes.
        at2: Whether the profile is that of AT2.
    """
    ny, nx = shape
    nothing = np.zeros_like(damage)
    other = np.zeros_like(damage)
    law, one = _damage_law(ell, at2), np.float32(1.0)
    for _ in range(n_passes // 2):
        _mirror(damage, nx, ny)
        _damage_pass(damage, nothing, nothing, gc, law, one, nx + 2, other)
        _mirror(other, nx, ny)
        _damage_pass(other, nothing, nothing, gc, law, one, nx + 2, damage)

"""Explicit damped dynamics of an elastic-plastic plate in its own plane, pressed at its upper edge.

* :class:`Body`, :class:`Law` group the arrays and numbers of a plate; :func:`make_body` lays the arrays out.
* :func:`press` makes steps of it; its twin is in :mod:`maphc2f.kernels.plasticity_reference`.

Cells are unit squares. Every array is flat with row stride ``W = nx + 2`` and ``(ny + 2) * W`` entries: cell (i, j)
sits at ``p = (i + 1) W + j + 1``; the face on its left (``ux``), the face above it (``uy``) and its upper left corner
(shear) share that index. Normal stress, thickness strain and plastic flow belong to cells. Row 0 of the cells lies
below the edge, whose faces ``uy`` the tool meets.

Equations (E = rho = h = 1; s the deviator, sum over the repeated in-plane indices; t the thickness):

    rho ü + c rho u̇ = div sigma,        sigma = K tr(e) I + s,        ṡ = 2 G (dev ė - ė_p)
    e_zz:  (t² / 12) (ë_zz + c ė_zz) = (t² / 12) G ∇²e_zz - sigma_zz
    √J2(s) <= k + H γ,   ė_p = γ̇ s / (2 √J2),   γ̇ >= 0
    tool:  u_y >= g on the edge, without friction

The second line is the first-order theory of a plate's stretching, which goes from plane stress (t small) to plane
strain (t large): Kane, Mindlin 1956, J. Appl. Mech. 23, 277. Its inertia is raised by ``SLOW_THICKNESS``, for only
states of rest are wanted. The flow rule is integrated by radial return (Wilkins 1964, in Methods in Computational
Physics 3; Simo, Hughes 1998, Computational Inelasticity, box 3.2), in cells with the mean shear of their corners and at
corners with the mean deviator of the cells round them. Each place returns what belongs to it, so both plastic powers
are non-negative by themselves, and a pattern of alternating signs still yields where its stress lives. Pressure and
shear sit half a cell apart, which keeps plastic flow, whose volume is constant, from locking.

Loops write one array each, so that the compiler needs few overlap checks and turns them into vector code.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

SLOW_THICKNESS = 1.0
"""Added to t² / 12 in the inertia of the thickness strain, cells²: its own oscillation must not limit the step."""

ROWS = 11
"""Rows of scratch that :func:`press` needs."""

NO_TOOL = -1e9
"""A tool that is nowhere near, as ``gap``."""

# Adding and taking away this number sets |v| < 4e-18 to zero: squares stay above the smallest normal float32.
_FLUSH = 1e-10
_TINY = 1e-20


class Body(NamedTuple):
    """State and masks of a plate; all float32, flat, padded by one (see the module's layout).

    ``ez`` is the thickness strain, ``dx`` and ``dy`` the deviator's normal parts, ``shear`` the stress xy, ``flow`` γ.
    Masks are 1 where a cell has material, a corner carries shear, a face may move.
    """

    ux: Float32
    uy: Float32
    ez: Float32
    vx: Float32
    vy: Float32
    vz: Float32
    dx: Float32
    dy: Float32
    shear: Float32
    flow: Float32
    cells: Float32
    corners: Float32
    free_x: Float32
    free_y: Float32


class Law(NamedTuple):
    """Numbers of a run: moduli K and G, yield stress in shear k, its rise H with γ, t² / 12 (< 0: plane strain).

    ``dt`` and ``damping`` (c) are those of the steps, ``nx`` and ``ny`` the cells.
    """

    bulk: float
    shear: float
    yield_shear: float
    hardening: float
    stretch: float
    dt: float
    damping: float
    nx: int
    ny: int


def make_body(shape: tuple[int, int], *, sides: tuple[bool, bool] = (True, True), base: bool = True) -> Body:
    """Return a plate at rest with a free upper edge.

    Args:
        shape: Cells (ny, nx).
        sides: Whether the left and the right border are clamped; otherwise they slide along it.
        base: Whether the lower border is clamped; otherwise it slides.
    """
    ny, nx = shape
    arrays = np.zeros((len(Body._fields), ny + 2, nx + 2), np.float32)
    cells, corners, free_x, free_y = arrays[-4:]
    cells[1:-1, 1:-1] = 1
    corners[2:, 1:] = 1
    corners[-1] *= base
    corners[:, 1] *= sides[0]
    corners[:, -1] *= sides[1]
    free_x[1:-1, 2:-1] = 1
    free_y[1:-1, 1:-1] = 1
    return Body(*arrays.reshape(len(Body._fields), -1))


@njit(cache=True)
def _rate(v, step, shift, out):  # type: ignore[no-untyped-def]
    n = out.shape[0] - shift
    a, b, o = v[:n], v[shift:], out[:n]
    for i in range(n):
        o[i] = step * (b[i] - a[i])


@njit(cache=True)
def _deviator(along, across, vz, cells, c, out):  # type: ignore[no-untyped-def]
    two, step, third = c
    for i in range(out.shape[0]):
        out[i] += cells[i] * two * (along[i] - third * (along[i] + across[i] + step * vz[i]))


@njit(cache=True)
def _shear(vx, vy, corners, c, w, out):  # type: ignore[no-untyped-def]
    n = out.shape[0] - w
    a, a_up, b, b_left, m, o = vx[w:], vx[:n], vy[w:], vy[w - 1 :], corners[w:], out[w:]
    for i in range(n):
        o[i] += m[i] * c * (a[i] - a_up[i] + b[i] - b_left[i])


@njit(cache=True)
def _mean(field, w, before, out):  # type: ignore[no-untyped-def]
    """Write the mean of four neighbours: from cells to corners if ``before``, else from corners to cells."""
    n = out.shape[0] - w - 1
    f00, f01, f10, f11 = field[:n], field[1:], field[w:], field[w + 1 :]
    o = out[w + 1 :] if before else out[:n]
    quarter = np.float32(0.25)
    for i in range(n):
        o[i] = quarter * (f00[i] + f01[i] + f10[i] + f11[i])


@njit(cache=True, error_model="numpy")
def _excess(dx, dy, shear, flow, c, out):  # type: ignore[no-untyped-def]
    """Write what the trial stress is beyond the yield stress, over itself."""
    yield_shear, hardening = c
    zero, tiny = np.float32(0.0), np.float32(_TINY)
    for i in range(out.shape[0]):
        stress = np.sqrt(dx[i] * dx[i] + dy[i] * dy[i] + dx[i] * dy[i] + shear[i] * shear[i]) + tiny
        out[i] = max(stress - yield_shear - hardening * flow[i], zero) / stress


@njit(cache=True, error_model="numpy")
def _flow(excess, bound, share, out):  # type: ignore[no-untyped-def]
    """Add γ: the trial stress is (k + H γ) / (1 - excess)."""
    one = np.float32(1.0)
    yield_shear, hardening = bound
    for i in range(out.shape[0]):
        out[i] += share * excess[i] * (yield_shear + hardening * out[i]) / (one - excess[i])


@njit(cache=True)
def _scale_back(excess, back, out):  # type: ignore[no-untyped-def]
    one = np.float32(1.0)
    for i in range(out.shape[0]):
        out[i] *= one - back * excess[i]


@njit(cache=True)
def _pressure(ux, uy, ez, cells, bulk, w, out):  # type: ignore[no-untyped-def]
    """Write K tr e, positive in tension."""
    n = out.shape[0] - w
    right, below = ux[1:], uy[w:]
    for i in range(n):
        out[i] = cells[i] * bulk * (right[i] - ux[i] + below[i] - uy[i] + ez[i])


@njit(cache=True)
def _sum(a, b, out):  # type: ignore[no-untyped-def]
    for i in range(out.shape[0]):
        out[i] = a[i] + b[i]


@njit(cache=True)
def _accelerate(v, normal, shear, free, shifts, c):  # type: ignore[no-untyped-def]
    normal_shift, shear_shift = shifts
    keep, push = c
    w = max(normal_shift, shear_shift)
    n = v.shape[0] - 2 * w
    vv, ff = v[w : w + n], free[w:]
    here, before = normal[w:], normal[w - normal_shift :]
    s_here, s_after = shear[w:], shear[w + shear_shift :]
    flush = np.float32(_FLUSH)
    for i in range(n):
        force = here[i] - before[i] + s_after[i] - s_here[i]
        vv[i] = ff[i] * ((keep * vv[i] + push * force + flush) - flush)


@njit(cache=True)
def _stretch(vz, ez, pressure, dx, dy, cells, c, w):  # type: ignore[no-untyped-def]
    keep, push, spread = c
    n = vz.shape[0] - 2 * w
    v, m = vz[w : w + n], cells[w:]
    up, left, here, down = ez[:n], ez[w - 1 :], ez[w:], ez[2 * w :]
    p, x, y = pressure[w:], dx[w:], dy[w:]
    four, flush = np.float32(4.0), np.float32(_FLUSH)
    for i in range(n):
        force = spread * (up[i] + down[i] + left[i] + left[i + 2] - four * here[i]) - p[i] + x[i] + y[i]
        v[i] = m[i] * ((keep * v[i] + push * force + flush) - flush)


@njit(cache=True)
def _move(u, v, dt):  # type: ignore[no-untyped-def]
    for i in range(u.shape[0]):
        u[i] += dt * v[i]


@njit(cache=True)
def _meet_tool(uy, vy, gap, dt, w):  # type: ignore[no-untyped-def]
    """Push the edge out of the tool; ``gap`` holds its depth now."""
    for j in range(gap.shape[0]):
        p = w + j + 1
        if uy[p] < gap[j]:
            vy[p] += (gap[j] - uy[p]) / dt
            uy[p] = gap[j]


@njit(cache=True)
def press(body, scratch, law, gaps, n_steps):  # type: ignore[no-untyped-def]
    """Make ``n_steps`` explicit steps in place, in which the tool goes evenly from ``gaps[0]`` to ``gaps[1]``.

    Args:
        body: :class:`Body`; all but the masks is changed.
        scratch: float32 (ROWS, size), zero on the first call. Rows 6, 7 and 10 hold the stresses xx and yy
            and K tr e that acted in the last step.
        law: :class:`Law`.
        gaps: Depth of the tool's surface over each face of the edge at the start and at the end, float32 (2, nx).
        n_steps: Number of steps.

    The time step must satisfy dt < 1 / √(2 (K + 4 G / 3)).
    """
    exx, eyy, mean_x, mean_y, mean_shear, mean_flow, sxx, syy, in_cells, at_corners, pressure = (
        scratch[0],
        scratch[1],
        scratch[2],
        scratch[3],
        scratch[4],
        scratch[5],
        scratch[6],
        scratch[7],
        scratch[8],
        scratch[9],
        scratch[10],
    )
    w = law.nx + 2
    half = 0.5 * law.damping * law.dt
    keep, push = np.float32((1.0 - half) / (1.0 + half)), np.float32(law.dt / (1.0 + half))
    dt, modulus, hardening = np.float32(law.dt), np.float32(law.shear), np.float32(law.hardening)
    elastic = (np.float32(2.0) * modulus, dt, np.float32(1.0 / 3.0))
    bound = (np.float32(law.yield_shear), hardening)
    back = np.float32(law.shear / (law.shear + law.hardening))
    share = np.float32(1.0 / (law.shear + law.hardening))
    stretch = (
        keep,
        np.float32(push / (law.stretch + SLOW_THICKNESS)) if law.stretch >= 0.0 else np.float32(0.0),
        np.float32(law.shear * law.stretch),
    )
    gap = np.empty(law.nx, np.float32)
    for step in range(n_steps):
        _rate(body.vx, dt, 1, exx)
        _rate(body.vy, dt, w, eyy)
        _deviator(exx, eyy, body.vz, body.cells, elastic, body.dx)
        _deviator(eyy, exx, body.vz, body.cells, elastic, body.dy)
        _shear(body.vx, body.vy, body.corners, modulus * dt, w, body.shear)
        _mean(body.dx, w, True, mean_x)
        _mean(body.dy, w, True, mean_y)
        _mean(body.flow, w, True, mean_flow)
        _mean(body.shear, w, False, mean_shear)
        _excess(mean_x, mean_y, body.shear, mean_flow, bound, at_corners)
        _excess(body.dx, body.dy, mean_shear, body.flow, bound, in_cells)
        _flow(in_cells, bound, share, body.flow)
        _scale_back(in_cells, back, body.dx)
        _scale_back(in_cells, back, body.dy)
        _scale_back(at_corners, back, body.shear)
        _pressure(body.ux, body.uy, body.ez, body.cells, np.float32(law.bulk), w, pressure)
        _sum(pressure, body.dx, sxx)
        _sum(pressure, body.dy, syy)
        _accelerate(body.vx, sxx, body.shear, body.free_x, (1, w), (keep, push))
        _accelerate(body.vy, syy, body.shear, body.free_y, (w, 1), (keep, push))
        if law.stretch >= 0.0:
            body.ez[1 : w - 1] = body.ez[w + 1 : 2 * w - 1]
            _stretch(body.vz, body.ez, pressure, body.dx, body.dy, body.cells, stretch, w)
            _move(body.ez, body.vz, dt)
        _move(body.ux, body.vx, dt)
        _move(body.uy, body.vy, dt)
        way = np.float32((step + 1.0) / n_steps)
        for j in range(law.nx):
            gap[j] = gaps[0, j] + way * (gaps[1, j] - gaps[0, j])
        _meet_tool(body.uy, body.vy, gap, dt, w)

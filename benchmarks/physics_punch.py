"""In-plane plasticity: Prandtl's punch, compression of a block, order of the elastic error.

* :func:`punch_rows`: limit load of a smooth rigid punch on a half plane, and the volume that it raises.
* :func:`squeeze_rows`: compression without spreading in the plane, of a thick and of a thin plate.
* :func:`elastic_rows`: order of the elastic error against an exact solution of Navier's equations.

References are closed forms written here; the solver knows none of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.physics_table import Row
from maphc2f.kernels.plasticity import NO_TOOL, ROWS, Body, Law, make_body, press
from maphc2f.solvers.plasticity import Plate, at_rest, edge_depth, edge_pressure, make_plate, press_on

Float64 = NDArray[np.float64]

PRANDTL = 2 + math.pi
YIELD = 0.005 * math.sqrt(3)
POISSON = 0.3

BOX = (4, 2)
"""Width of half the box and its depth, half widths of the punch: the slip lines reach 3 and √2."""

PUSH = 20.0
"""Final depth of the punch, k a / G: the load has long stopped rising."""

CALM = 0.3
"""Damping over the slowest wave's critical one: its drag is what the load has beyond the limit, with the speed."""


@dataclass(frozen=True, slots=True)
class Punched:
    """What a run gives.

    Attributes:
        cells: Half width of the punch, cells.
        load: Mean pressure over k at the end.
        rise: Share by which the load still rose over the last tenth of the way.
        raised: Volume raised beside the punch over that pushed in, during the last tenth.
    """

    cells: int
    load: float
    rise: float
    raised: float


def push_punch(cells: int, steps: int) -> Punched:
    """Push a punch of half width ``cells`` (the left border is its axis) in ``steps`` a cell."""
    shape = (BOX[1] * cells, BOX[0] * cells)
    plate = calmed(make_plate(shape, poisson_ratio=POISSON, yield_stress=YIELD, sides=(False, True)))
    under = np.arange(shape[1]) < cells
    depth = PUSH * plate.law.yield_shear * cells / plate.law.shear
    state, loads, profiles = at_rest(plate), [], []
    for start, end in ((0.0, 0.9), (0.9, 1.0)):
        gaps = np.where(under, np.array([[start * depth], [end * depth]]), NO_TOOL)
        state = press_on(plate, state, gaps, round((end - start) * steps * cells))
        loads.append(float(edge_pressure(plate, state)[:cells].mean()) / plate.law.yield_shear)
        profiles.append(edge_depth(plate, state).astype(np.float64))
    sunk = profiles[1] - profiles[0]
    raised = -float(sunk[~under].sum()) / float(sunk[under].sum())
    return Punched(cells, loads[1], loads[1] / loads[0] - 1, raised)


def calmed(plate: Plate) -> Plate:
    """Return the plate with the benchmark's damping."""
    slowest = math.pi * math.sqrt(plate.law.shear) / plate.law.ny
    return replace(plate, law=plate.law._replace(damping=CALM * slowest))


def extrapolated(runs: list[Punched]) -> float:
    """Return the load at h = 0 of a straight line in h through the finest two: the jump at the punch costs O(h)."""
    coarse, fine = runs[-2:]
    return fine.load + (fine.load - coarse.load) / (fine.cells / coarse.cells - 1)


def punch_rows(full: bool) -> list[Row]:
    """Prandtl 1920: a smooth rigid punch of half width a sinks into a rigid-plastic half plane at q = (2 + π) k.

    Box and punch keep their proportions while the grid gets finer. The load comes from below as h falls; the drag of
    the moving plate, which goes with the speed, adds to it. Plastic flow keeps its volume: at a load that no longer
    rises what is pushed in comes out beside.
    """
    sizes, steps = ((8, 16, 32), 6000) if full else ((4, 8, 16), 2000)
    runs = [push_punch(cells, steps) for cells in sizes]
    rows = [Row(f"punch: q/k at a = {run.cells} h", press, PRANDTL, run.load, 0.03) for run in runs]
    return [
        *rows,
        Row("punch: q/k at h = 0", press, PRANDTL, extrapolated(runs), 0.02),
        Row("punch: rise of the load at the end", press, 0.0, runs[-1].rise, 2e-3, relative=False),
        Row("punch: volume raised over volume pushed in", press, 1.0, runs[-1].raised, 0.01),
    ]


def squeeze(thickness: float, strain: float) -> float:
    """Compress a block that cannot spread in the plane to ``strain`` and return the pressure over E."""
    cells = 6
    plate = make_plate(
        (cells, cells),
        poisson_ratio=POISSON,
        yield_stress=YIELD,
        thickness=thickness,
        sides=(False, False),
        base=False,
    )
    gaps = np.array([np.zeros(cells), np.full(cells, strain * cells)])
    state = press_on(calmed(plate), at_rest(plate), gaps, 30000)
    return float(edge_pressure(plate, state).mean())


def squeeze_rows(full: bool) -> list[Row]:
    """Compression ε with e_xx = 0, of a plate with e_zz = 0 and of one with s_zz = 0.

    Thick: p = (K + 4 G / 3) ε until ε = √3 k / (2 G), then p = K ε + 2 k / √3. Thin: p = E ε / (1 - ν²), and at last
    p = 2 k, the strength in plane strain: the free direction is the thickness.
    """
    del full
    shear, bulk = 0.5 / (1 + POISSON), 1 / (3 * (1 - 2 * POISSON))
    k = YIELD / math.sqrt(3)
    small, large = 0.25 * k / shear, 40 * k / shear
    thick = [squeeze(math.inf, strain) for strain in (small, large)]
    thin = [squeeze(1e-3, strain) for strain in (small, large)]
    return [
        Row("thick block, elastic: p / E", press, (bulk + 4 * shear / 3) * small, thick[0], 1e-3),
        Row("thick block, plastic: (p - K e) / k", press, 2 / math.sqrt(3), (thick[1] - bulk * large) / k, 0.01),
        Row("thin block, elastic: p / E", press, small / (1 - POISSON**2), thin[0], 1e-3),
        Row("thin block, plastic: p / 2 k", press, 1.0, thin[1] / (2 * k), 0.01),
    ]


def navier(y: Float64, x: Float64) -> tuple[Float64, Float64]:
    """Return (u_y, u_x) with (λ + G) ∇ div u + G ∇²u = 0 in plane strain.

    Papkovich and Neuber: 2 G u = y ∇ψ - (3 - 4 ν) ψ e_y with ∇²ψ = 0; here ψ = e^(-2 y) cos 2 x, G = 1 / 2.
    """
    psi, other = np.exp(-2 * y) * np.cos(2 * x), np.exp(-2 * y) * np.sin(2 * x)
    return -2 * y * psi - (3 - 4 * POISSON) * psi, -2 * y * other


def elastic_error(n: int, steps: int) -> float:
    """Return the largest error of ``navier`` on the unit square with n² cells and its values on the border."""
    plate = make_plate((n, n), poisson_ratio=POISSON, yield_stress=1e9)
    law = plate.law._replace(damping=2 * math.pi * math.sqrt(2 * plate.law.shear) / n)
    body = make_body((n, n))
    body.corners.reshape(n + 2, n + 2)[1:, 1:] = 1
    body.free_y.reshape(n + 2, n + 2)[1] = 0
    low, middle = (np.arange(n + 2) - 1) / n, (np.arange(n + 2) - 0.5) / n
    exact_y = n * navier(low[:, None], middle[None])[0]
    exact_x = n * navier(middle[:, None], low[None])[1]
    for u, free, exact in ((body.uy, body.free_y, exact_y), (body.ux, body.free_x, exact_x)):
        u[:] = (exact.ravel() * (1 - free)).astype(np.float32)
    _take_deviator(body, law)
    press(body, np.zeros((ROWS, body.ux.size), np.float32), law, np.full((2, n), NO_TOOL, np.float32), steps)
    off_y = np.abs(body.uy - exact_y.ravel()) * body.free_y
    off_x = np.abs(body.ux - exact_x.ravel()) * body.free_x
    return float(max(off_y.max(), off_x.max())) / n


def _take_deviator(body: Body, law: Law) -> None:
    """Give a plate at rest the deviator that belongs to its displacement."""
    shape = (law.ny + 2, law.nx + 2)
    ux, uy, dx, dy, shear = (a.reshape(shape) for a in (body.ux, body.uy, body.dx, body.dy, body.shear))
    inner = (slice(1, -1), slice(1, -1))
    exx, eyy = np.diff(ux, axis=1)[1:-1, 1:], np.diff(uy, axis=0)[1:, 1:-1]
    dx[inner], dy[inner] = (2 * law.shear / 3) * (2 * exx - eyy), (2 * law.shear / 3) * (2 * eyy - exx)
    shear[1:, 1:] = law.shear * (np.diff(ux, axis=0)[:, 1:] + np.diff(uy, axis=1)[1:])


def elastic_rows(full: bool) -> list[Row]:
    """An exact elastic field, held at the border: the error must fall as h²."""
    del full
    # On finer grids the error comes near the rounding of single precision.
    sizes = (16, 32, 64)
    errors = [elastic_error(n, 60 * n) for n in sizes]
    slope = -float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])
    return [
        Row("elastic field: order of the error", press, 2.0, slope, 0.1, relative=False),
        Row("elastic field: error on the finest grid", press, 0.0, errors[-1], 1e-4, relative=False),
    ]


def plasticity_rows(full: bool) -> list[Row]:
    """All of the above."""
    return [*punch_rows(full), *squeeze_rows(full), *elastic_rows(full)]

"""Plane elasticity of the fracture solver: hole in a sheet, point load on an edge, manufactured solution.

* :func:`equilibrium` solves a sheet by the production multigrid; :class:`Plane` says which.
* :func:`hole_error`, :func:`edge_error`, :func:`manufactured_error` compare its stresses or displacements with closed
  forms, which are given here and nowhere in the solver.
* :func:`hole_rows`, :func:`point_load_rows`, :func:`order_rows` are rows of the table.

Cells are unit squares, E = 1. Positions: the normal stresses belong to cells, ux to vertical faces, uy to horizontal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.physics_table import Row
from maphc2f.kernels.multigrid import Level, build_levels, residual, v_cycle
from maphc2f.kernels.phase_field import RESIDUAL_STIFFNESS
from maphc2f.solvers.fracture import Elasticity, Sheet, load_vector

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Pair = tuple[Float32, Float32]

POISSON_RATIO = 0.25
SHEET = Elasticity.orthotropic(POISSON_RATIO)
"""Isotropic, plane stress: c66 = (1 - nu) c11 / 2."""

WOOD = Elasticity.orthotropic(0.3, stiffness_ratio=0.6, shear_ratio=0.25)


@dataclass(frozen=True, slots=True)
class Plane:
    """A sheet without foundation.

    Attributes:
        damage: (ny, nx), sides even down to the coarsest level.
        elasticity: Its stiffness.
        fixed: Whether the normal displacement of (top, bottom, left, right) is held.
    """

    damage: Float32
    elasticity: Elasticity
    fixed: tuple[bool, bool, bool, bool]

    def levels(self) -> list[Level]:
        """Return the multigrid hierarchy."""
        return build_levels(np.pad(self.damage, 1), self.elasticity.tuple, 0.0, self.fixed)


def equilibrium(levels: list[Level], f: Pair, held: Pair | None = None, cycles: int = 40) -> Pair:
    """Return displacements of A u = f, padded planes; those of held faces are taken from ``held``.

    Stops when a cycle no longer lowers the residual, which single precision limits.
    """
    top = levels[0]
    start = held or (np.zeros_like(top.g), np.zeros_like(top.g))
    rx, ry = np.zeros_like(top.g), np.zeros_like(top.g)
    residual(*start, *f, top, rx, ry)
    f, u = (rx.copy(), ry.copy()), (np.zeros_like(top.g), np.zeros_like(top.g))
    best = math.inf
    for _ in range(cycles):
        v_cycle(u, f, levels)
        residual(*u, *f, top, rx, ry)
        size = float(np.square(rx).sum(dtype=np.float64) + np.square(ry).sum(dtype=np.float64))
        if size > 0.9 * best:
            break
        best = size
    return start[0] + u[0], start[1] + u[1]


def normal_stress(level: Level, u: Pair, strain: float = 0.0) -> tuple[Float64, Float64]:
    """Return (sxx, syy) of the cells, (ny, nx), with a uniform eigenstrain along x."""
    exx = np.diff(u[0][1:-1, 1:].astype(np.float64), axis=1) + strain
    eyy = np.diff(u[1][1:, 1:-1].astype(np.float64), axis=0)
    g = level.g[1:-1, 1:-1]
    return g * (level.c11 * exx + level.c12 * eyy), g * (level.c22 * eyy + level.c12 * exx)


def _middles(n: int) -> Float64:
    """Return the middles of n cells in a row."""
    return np.arange(n, dtype=np.float64) + 0.5


def _mesh(x: Float64, y: Float64) -> tuple[Float64, Float64]:
    first, second = np.meshgrid(x, y)
    return first, second


def solid_share(n: int, radius: float, fine: int = 8) -> Float64:
    """Return the share of each of n x n cells that lies outside a circle round their upper left corner."""
    centre = (np.arange(n * fine) + 0.5) / fine
    outside = np.hypot(centre[:, None], centre) > radius
    share: Float64 = outside.reshape(n, fine, n, fine).mean(axis=(1, 3))
    return share


def hole_stress(x: Float64, y: Float64, radius: float) -> Float64:
    """Kirsch 1898: sxx / S round a hole under tension S along x, r >= a.

    sxx / S = 1 - a²/r² (3/2 cos 2θ + cos 4θ) + 3/2 a⁴/r⁴ cos 4θ; on the equator x = 0: 1 + a²/2y² + 3a⁴/2y⁴.
    """
    share, angle = radius**2 / (x**2 + y**2), np.arctan2(y, x)
    stress: Float64 = 1 - share * (1.5 * np.cos(2 * angle) + np.cos(4 * angle)) + 1.5 * share**2 * np.cos(4 * angle)
    return stress


def hole_error(n: int, radius: float) -> tuple[float, float]:
    """Stretch a quarter of a sheet with a hole (damage 1) in its corner, window 2 n.

    Returns:
        Largest relative error of sxx on the equator from a + 2 to 6 a, and sxx at the first of these cells over its
        reference.
    """
    damage = (1 - np.sqrt(solid_share(n, radius))).astype(np.float32)
    one = np.ones((n, n), np.float32)
    fixed = (True, False, True, True)
    sheet = Sheet(SHEET, one, one, 0 * one, damage > 2, 0.0, fixed)
    levels = Plane(damage, SHEET, fixed).levels()
    u = equilibrium(levels, load_vector(levels[0], sheet, 1.0))
    sxx, _ = normal_stress(levels[0], u, 1.0)
    y = _middles(n)
    beside = (y > radius + 2) & (y < 6 * radius)
    ratio = sxx[beside, 0] / hole_stress(np.full(n, 0.5), y, radius)[beside]
    return float(np.abs(ratio - 1).max()), float(ratio[0])


def edge_displacement(x: Float64, y: Float64) -> tuple[Float64, Float64]:
    """Flamant 1892 (Timoshenko & Goodier, section 36): displacements (ux, uy) by a unit load into the half-plane y > 0.

    u_r = -(2 cos θ ln r + (1 - nu) θ sin θ) / π,   u_θ = (2 sin θ ln r + (1 + nu) sin θ - (1 - nu) θ cos θ) / π,
    θ from the load's axis.
    """
    r, angle = np.hypot(x, y), np.arctan2(x, y)
    sine, cosine, nu = np.sin(angle), np.cos(angle), POISSON_RATIO
    radial = -(2 * cosine * np.log(r) + (1 - nu) * angle * sine) / np.pi
    around = (2 * sine * np.log(r) + (1 + nu) * sine - (1 - nu) * angle * cosine) / np.pi
    return radial * sine + around * cosine, radial * cosine - around * sine


def edge_shear(x: Float64, y: Float64) -> Float64:
    """Shear stress of the same: sigma_r sin θ cos θ with sigma_r = -2 cos θ / (π r)."""
    shear: Float64 = -2 * x * y**2 / (np.pi * (x**2 + y**2) ** 2)
    return shear


def edge_error(n: int) -> tuple[float, float]:
    """Press on one face of the free upper edge of n x n cells; the other sides follow the half-plane.

    Their normal displacement is held at the closed form's and its shear traction is put on.

    Returns:
        Error of sxx + syy = sigma_r = -2 P cos θ / (π r) over 2 P / (π r): root mean square for r from 4 to 8 cells,
        where the width of the loaded face is felt as 0.9 / r² below the load, and largest from there to n / 3.
    """
    load = n // 2 + 0.5
    levels = Plane(np.zeros((n, n), np.float32), SHEET, (False, True, True, True)).levels()
    side, middle = np.arange(n + 1, dtype=np.float64), _middles(n)
    held, f = [np.zeros((n + 2, n + 2), np.float32) for _ in "xy"], [np.zeros((n + 2, n + 2), np.float32) for _ in "xy"]
    for column, place in ((1, -load), (n + 1, n - load)):
        held[0][1:-1, column] = edge_displacement(np.full(n, place), middle)[0]
        face = min(column, n)
        f[1][1:, face] = (1 if column > 1 else -1) * edge_shear(np.full(n + 1, place), side)
    held[1][n + 1, 1:-1] = edge_displacement(middle - load, np.full(n, float(n)))[1]
    f[0][n, 1:] = edge_shear(side - load, np.full(n + 1, float(n)))
    f[1][1, n // 2 + 1] += 1
    u = equilibrium(levels, (f[0], f[1]), (held[0], held[1]))
    sxx, syy = normal_stress(levels[0], u)
    x, y = _mesh(middle - load, middle)
    r = np.hypot(x, y)
    error = (sxx + syy) * np.pi * r / 2 + y / r
    near, far = error[(r > 4) & (r <= 8)], error[(r > 8) & (r < n / 3)]
    return float(np.sqrt(np.mean(near**2))), float(np.abs(far).max())


@dataclass(frozen=True, slots=True)
class Wave:
    """A product of a sine (where odd) or cosine along x and one along y; wave numbers in half turns of the side."""

    kx: float
    ky: float
    odd_x: bool = False
    odd_y: bool = False

    def at(self, place: tuple[Float64, Float64], dx: int = 0, dy: int = 0) -> Float64:
        """Return ∂^dx/∂x^dx ∂^dy/∂y^dy of the wave."""
        along = (self.kx * np.pi) ** dx * np.cos(self.kx * np.pi * place[0] + 0.5 * np.pi * (dx - self.odd_x))
        across = (self.ky * np.pi) ** dy * np.cos(self.ky * np.pi * place[1] + 0.5 * np.pi * (dy - self.odd_y))
        product: Float64 = along * across
        return product


WAVES = Wave(1, 2, odd_x=True), Wave(3, 1, odd_y=True)
"""ux = sin πx cos 2πy, uy = cos 3πx sin πy on the unit square: no normal displacement and no shear on its sides."""

DAMAGE = Wave(1, 1)
"""d = 0.3 + s cos πx cos πy, s the swing."""


def manufactured_force(place: tuple[Float64, Float64], along: int, swing: float) -> Float64:
    """Return -div (g C e) of the waves, component ``along`` (0: x, 1: y).

    For x: -[g,x (c11 ux,x + c12 uy,y) + g (c11 ux,xx + c12 uy,xy) + c66 (g,y γ + g (ux,yy + uy,xy))].
    """
    me, other = WAVES if along == 0 else WAVES[::-1]
    normal = WOOD.c11 if along == 0 else WOOD.c22

    def of(wave: Wave, mine: int, its: int) -> Float64:
        return wave.at(place, mine, its) if along == 0 else wave.at(place, its, mine)

    intact = 0.7 - swing * DAMAGE.at(place)
    g, steep = intact**2 + RESIDUAL_STIFFNESS, -2 * intact * swing
    stretch = normal * of(me, 1, 0) + WOOD.c12 * of(other, 0, 1)
    mixed = of(other, 1, 1)
    force: Float64 = -(
        steep * of(DAMAGE, 1, 0) * stretch
        + g * (normal * of(me, 2, 0) + WOOD.c12 * mixed)
        + WOOD.c66 * (steep * of(DAMAGE, 0, 1) * (of(me, 0, 1) + of(other, 1, 0)) + g * (of(me, 0, 2) + mixed))
    )
    return force


def manufactured_error(n: int, swing: float = 0.0) -> float:
    """Return the error of the waves on n x n cells, root mean square of both components over that of the waves."""
    side, middle = np.arange(n + 1, dtype=np.float64) / n, _middles(n) / n
    vertical, horizontal = _mesh(side, middle), _mesh(middle, side)
    damage = 0.3 + swing * DAMAGE.at(_mesh(middle, middle))
    levels = Plane(damage.astype(np.float32), WOOD, (True, True, True, True)).levels()
    f = np.zeros((n + 2, n + 2), np.float32), np.zeros((n + 2, n + 2), np.float32)
    f[0][1:-1, 1:] = manufactured_force(vertical, 0, swing) / n**2
    f[1][1:, 1:-1] = manufactured_force(horizontal, 1, swing) / n**2
    u = equilibrium(levels, f)
    exact = WAVES[0].at(vertical), WAVES[1].at(horizontal)
    wrong = np.sum((u[0][1:-1, 1:] - exact[0]) ** 2) + np.sum((u[1][1:, 1:-1] - exact[1]) ** 2)
    return float(np.sqrt(wrong / (np.sum(exact[0] ** 2) + np.sum(exact[1] ** 2))))


def hole_rows(full: bool) -> list[Row]:
    """D3: stress beside a hole (Kirsch). The rim itself is not judged: its staircase has no 3."""
    rows = []
    for n, radius in ((128, 8.0), (128, 12.0), *(((256, 16.0), (256, 24.0)) if full else ())):
        worst, first = hole_error(n, radius)
        name = f"hole of radius {radius:g} in a sheet of {2 * n}²"
        rows.append(Row(f"{name}: stress 2 h beside it", v_cycle, 1.0, first, 0.05))
        rows.append(Row(f"{name}: worst stress up to 6 a", v_cycle, 0.0, worst, 0.05, relative=False))
    return rows


def point_load_rows(full: bool) -> list[Row]:
    """D2: stress round a point load on the edge of a half-plane (Flamant)."""
    n = 256 if full else 128
    near, far = edge_error(n)
    name = f"point load on an edge, {n}²"
    return [
        Row(f"{name}: stress, 4 h < r < 8 h", v_cycle, 0.0, near, 0.02, relative=False),
        Row(f"{name}: worst stress, r > 8 h", v_cycle, 0.0, far, 0.02, relative=False),
    ]


def order_rows(full: bool) -> list[Row]:
    """D4: order of the displacements' error, three grids; damage 0.3, orthotropic stiffness."""
    sizes = np.array([32, 64, 128] if full else [16, 32, 64])
    errors = np.array([manufactured_error(int(n)) for n in sizes])
    order = -float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])
    cap = 6.0 / float(sizes[-1]) ** 2
    return [
        Row("order of the sheet, manufactured solution", v_cycle, 2.0, order, 0.1, relative=False),
        Row(f"error of the sheet, {sizes[-1]}²", v_cycle, 0.0, float(errors[-1]), cap, relative=False),
    ]

"""Plate benchmarks through the production solver: closed forms, manufactured solution, limit load, springback, dent.

* :func:`supported_deflection`, :func:`clamped_deflection`, :func:`manufactured_error`, :func:`strip_moment`,
  :func:`limit_load`, :func:`dent` solve one problem each.
* :func:`plate_rows`, :func:`order_rows`, :func:`springback_rows`, :func:`limit_rows`, :func:`dent_rows`,
  :func:`unloading_rows` are rows of the table.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.physics_table import Row
from maphc2f.defects import pressing, relief
from maphc2f.errors import SimulationRejected
from maphc2f.kernels import plate as kernels
from maphc2f.solvers.plate import NewtonOptions, PlateReport, equilibrate, make_plate, release, rest

Float64 = NDArray[np.float64]

NU = 0.3
TIGHT = NewtonOptions(tolerance=1e-8, forcing=1e-3, max_inner=2000)
SMALL = 1e-9
"""Load far below yield."""


def uniform_base(shape: tuple[int, int], stiffness: float, crush: float = 1e30, ratio: float = 0.03) -> Float64:
    """Return the same base everywhere: stiffness, crushing pressure, tangent ratio, (3, ny, nx)."""
    return np.stack([np.full(shape, v) for v in (stiffness, crush, ratio)])


def odd_extension(load: Float64) -> Float64:
    """Continue a load on the inner nodes of a plate to a period of twice its side: its edges are simply supported."""
    n = load.shape[0] + 1
    full = np.zeros((2 * n, 2 * n))
    full[1:n, 1:n] = load
    full[n + 1 :, 1:n] = -load[::-1]
    full[1:n, n + 1 :] = -load[:, ::-1]
    full[n + 1 :, n + 1 :] = load[::-1, ::-1]
    return full


def supported_deflection(n: int, load: Float64) -> float:
    """Return the deflection in the middle of a simply supported square of n cells, load (n - 1, n - 1)."""
    plate = make_plate(uniform_base((2 * n, 2 * n), 1e-4 / n**4), poisson_ratio=NU)
    state, _ = equilibrate(plate, rest((2 * n, 2 * n)), pressure=odd_extension(load), options=TIGHT)
    return float(state.w[n // 2, n // 2])


def clamped_deflection(n: int, load: Float64) -> float:
    """Hold all nodes outside with a stiff base; the plate's edge lies half a cell beyond the first held node."""
    size = n + 9
    base = uniform_base((size, size), 1e5)
    base[0, 5 : n + 4, 5 : n + 4] = 0
    pressure = np.zeros((size, size))
    pressure[5 : n + 4, 5 : n + 4] = load
    plate = make_plate(base, poisson_ratio=NU)
    state, _ = equilibrate(plate, rest((size, size)), pressure=pressure, options=TIGHT)
    return float(state.w[4 + n // 2, 4 + n // 2])


def point(n: int) -> Float64:
    """Return a point load in the middle."""
    load = np.zeros((n - 1, n - 1))
    load[n // 2 - 1, n // 2 - 1] = SMALL
    return load


def manufactured_error(n: int) -> float:
    """Solve D ∇⁴w + k w = p for w = sin 2πx cos 4πy + cos(2π(x + y)) on the unit torus, k = 300, h = 1/n."""
    y, x = np.mgrid[:n, :n] / n
    modes = (
        (np.sin(2 * np.pi * x) * np.cos(4 * np.pi * y), 20 * np.pi**2),
        (np.cos(2 * np.pi * (x + y)), 8 * np.pi**2),
    )
    exact = sum(mode for mode, _ in modes)
    load = sum((q2**2 + 300) * mode for mode, q2 in modes)
    plate = make_plate(uniform_base((n, n), 300 / n**4), poisson_ratio=NU)
    state, _ = equilibrate(plate, rest((n, n)), pressure=SMALL * load / n**4, options=TIGHT)
    return float(np.sqrt(np.mean((state.w / SMALL - exact) ** 2)))


def strip_moment(curvature: float) -> float:
    """Bend a strip (Myy = 0) to ``curvature`` κ_y in one step; return Mxx in units of D κ_y."""
    low, high = -curvature, 0.0
    for _ in range(80):
        across = 0.5 * (low + high)
        kappa = np.array([curvature, across, 0.0]).reshape(3, 1, 1)
        moments, fresh, tangent, peak = np.empty((3, 1, 1)), np.empty((3, 1, 1)), np.empty((5, 1, 1)), np.empty((1, 1))
        kernels.bend(kappa, np.zeros((3, 1, 1)), np.ones((1, 1)), NU, 0.0, moments, tangent, fresh, peak)
        low, high = (across, high) if moments[1, 0, 0] < 0 else (low, across)
    return float(moments[0, 0, 0])


def limit_load(n: int) -> float:
    """Return the last load, in M_p / a², that a simply supported plate carries; steps of 1 %."""
    plate = make_plate(uniform_base((2 * n, 2 * n), 1e-4 / n**4), poisson_ratio=NU)
    state, options = rest((2 * n, 2 * n)), NewtonOptions(tolerance=1e-3, forcing=0.05, max_steps=40, max_inner=400)
    unit = 1.5 * (1 - NU**2) / n**2
    carried, first = 0.0, 0.0
    for load in 16.0 * 1.01 ** np.arange(60):
        try:
            state, _ = equilibrate(
                plate, state, pressure=odd_extension(np.full((n - 1, n - 1), load * unit)), options=options
            )
        except SimulationRejected:
            return carried
        first = first or state.w[n // 2, n // 2]
        if state.w[n // 2, n // 2] > 100 * first:
            return carried
        carried = float(load)
    return carried


def dent(refine: int, steps: int, options: NewtonOptions, depth: float = 1.0) -> tuple[float, float, PlateReport]:
    """Press a ball into a steel-like sheet and release it; depth in units of the coarse grid, size in its cells."""
    n = 64 * refine
    y, x = (np.mgrid[:n, :n] - 0.5 * (n - 1)) / refine
    ell, peak = 2.5 * refine, 900.0 * refine**2
    stiffness = ell**-4
    plate = make_plate(
        uniform_base((n, n), stiffness, stiffness * 0.1 * peak),
        poisson_ratio=NU,
        hardening=0.005,
        contact_stiffness=(0.02 + 2.5**-4) / refine**4,
    )
    tool, state = peak * (x**2 + 1.4 * y**2) / 11**2, rest((n, n))
    for stage in np.linspace(0, 1, steps + 1)[1:]:
        state, _ = equilibrate(plate, state, indenter=depth * peak * stage**2 - tool, options=options)
    residual, report = release(plate, state, options=options)
    deepest = float(residual.w.max())
    return deepest / refine**2, relief.equivalent_diameter(residual.w, 0.1 * deepest) / refine, report


def unload(n: int = 32) -> tuple[float, float, float]:
    """Press a plate past yield, release it and press it again.

    Returns:
        Residual depth over loaded depth; how far the shape at half the load is from the mean of both; how far the shape
        pressed again is from the first: the last two as largest differences over the loaded depth.
    """
    y, x = np.mgrid[:n, :n] - n / 2
    plate = make_plate(uniform_base((n, n), 3.0**-4), poisson_ratio=NU, hardening=0.01)
    pressure = 1.0 * np.exp(-(x**2 + y**2) / 12)
    loaded, _ = equilibrate(plate, rest((n, n)), pressure=pressure, options=TIGHT)
    half, _ = equilibrate(plate, loaded, pressure=0.5 * pressure, options=TIGHT)
    free, _ = release(plate, half, options=TIGHT)
    again, _ = equilibrate(plate, free, pressure=pressure, options=TIGHT)
    depth = float(loaded.w.max())
    middle = float(np.abs(half.w - 0.5 * (loaded.w + free.w)).max())
    return float(free.w.max()) / depth, middle / depth, float(np.abs(again.w - loaded.w).max()) / depth


SUPPORTED = (0.0040624, 0.0116008)
CLAMPED = (0.0012653, 0.005612)
"""Deflection in the middle over q a⁴/D and P a²/D: Timoshenko & Woinowsky-Krieger 1959, tables 8, 23, 35, 37."""


def plate_rows(full: bool) -> list[Row]:
    """Square plates under uniform and point load, in units of the load and the side."""
    n, m = (96, 80) if full else (48, 40)
    ours = (
        ("simply supported, uniform", SUPPORTED[0], supported_deflection(n, np.full((n - 1, n - 1), SMALL)) / n**4),
        ("simply supported, point", SUPPORTED[1], supported_deflection(n, point(n)) / n**2),
        ("clamped, uniform", CLAMPED[0], clamped_deflection(m, np.full((m - 1, m - 1), SMALL)) / (m + 1) ** 4),
        ("clamped, point", CLAMPED[1], clamped_deflection(m, point(m)) / (m + 1) ** 2),
    )
    return [Row(f"deflection of a plate, {name} load", equilibrate, known, w / SMALL, 0.02) for name, known, w in ours]


def order_rows(full: bool) -> list[Row]:
    """Order of convergence on a manufactured solution, from three grids."""
    sizes = np.array([48, 96, 192] if full else [24, 48, 96])
    errors = np.array([manufactured_error(int(n)) for n in sizes])
    slope = -float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])
    return [Row("order of the plate, manufactured solution", equilibrate, 2.0, slope, 0.1, relative=False)]


def fibre_springback(ratio: float) -> float:
    """Return k_res / k of a bent strip from 4000 elastic-perfectly plastic fibres; k / k_y = ``ratio``."""
    depth = (np.arange(4000) + 0.5) / 4000
    return 1 - 3 * float(np.mean(depth * np.minimum(ratio * depth, 1.0))) / ratio


def springback(ratio: float) -> float:
    """Return k_res / k of a strip bent to ``ratio`` k_y and released, with the plate's bending law."""
    return 1 - strip_moment(ratio) / ((1 - NU**2) * ratio)


def springback_rows(full: bool) -> list[Row]:
    """Springback against the sum over fibres."""
    ratios = (1.2, 2.0, 5.0, 20.0) if full else (2.0, 5.0)
    return [
        Row(
            f"springback of a strip bent to {r:g} k_y: k_res / k",
            kernels.bend,
            fibre_springback(r),
            springback(r),
            0.02,
        )
        for r in ratios
    ]


def limit_rows(full: bool) -> list[Row]:
    """Limit load of a simply supported square, M_p / a².

    25.0 for von Mises (between 24.86 and 26.54, Hodge & Belytschko, J. Appl. Mech. 35 (1968) 796); the yield lines of
    Johansen give 24.
    """
    carried = limit_load(24 if full else 12)
    return [
        Row("limit load of a plate, von Mises", equilibrate, 25.0, carried, 0.05),
        Row("limit load of a plate, yield lines", equilibrate, 24.0, carried, 0.05),
    ]


def dent_rows(full: bool) -> list[Row]:
    """A dent at the production setting against twice the grid, four times the steps and a tight tolerance."""
    depth, size, _ = dent(1, 4, pressing.OPTIONS)
    accurate = NewtonOptions(tolerance=1e-4, forcing=0.05, max_inner=200)
    fine_depth, fine_size, _ = dent(2 if full else 1, 16 if full else 12, accurate)
    against = "finer grid and steps" if full else "finer steps"
    return [
        Row(f"residual depth of a dent, against {against}", release, fine_depth, depth, 0.05),
        Row(f"diameter of a dent, against {against}", release, fine_size, size, 0.05),
    ]


def unloading_rows(full: bool) -> list[Row]:
    """Unloading after yield is linear, and loading again comes back to the same shape; over the loaded depth."""
    _, middle, again = unload(64 if full else 32)
    return [
        Row("unloading of a plate: shape at half the load", release, 0.0, middle, 1e-5, relative=False),
        Row("unloading of a plate: shape when loaded again", release, 0.0, again, 1e-5, relative=False),
    ]

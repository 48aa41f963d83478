"""Pitting benchmarks through the production solver: pencil electrode, crossover, slit pit, mass balance.

* :func:`pencil`, :func:`crossover`, :func:`semicircle`, :func:`mass_balance` solve one problem each.
* :func:`stefan_rate`, :func:`front_tracking` are references that share nothing with the solver.
* :func:`pencil_rows`, :func:`crossover_rows`, :func:`slit_rows`, :func:`mass_rows` are rows of the table.

All call :func:`maphc2f.solvers.pitting.advance`, the step that makes datasets; only grid and accuracy differ.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_banded
from scipy.optimize import brentq
from scipy.special import erf

from benchmarks.physics_table import Row
from maphc2f.solvers import pitting

Float64 = NDArray[np.float64]

STEEL = {"solid_concentration": 143e3, "saturation_concentration": 5.1e3, "diffusivity": 8.5e-10}
ACCURATE = pitting.StepControl(target=0.1, tolerance=1e-5, max_sweeps=2000, omega=1.9)


def pencil(medium: pitting.Electrolyte, depth: float, cells: int, control: pitting.StepControl) -> pitting.Pits:
    """A wire whose end corrodes: one cell wide, open at the top, so that only depth matters."""
    size = 1.1 * depth / cells
    grid = pitting.PitGrid((cells, 1, 1), size, size)
    pits = pitting.intact(grid, medium, np.ones(grid.shape, np.float32), np.zeros((1, 1), np.float32))
    pits.step = 1e-3
    pitting.break_film(pits, np.array([0]), np.array([0]))
    while pits.dissolved * size < depth:
        pitting.advance(pits, control)
    return pits


def stefan_rate(medium: pitting.Electrolyte) -> float:
    """s/√t of the one-phase Stefan problem: s = 2λ√(Dt), √π λ exp(λ²) erf(λ) = Csat / (Csolid − Csat)."""
    number = medium.saturation_concentration / (medium.solid_concentration - medium.saturation_concentration)
    root = brentq(lambda x: np.sqrt(np.pi) * x * np.exp(x * x) * erf(x) - number, 1e-4, 2.0)
    return float(2 * root * np.sqrt(medium.diffusivity))


def front_tracking(ratio: float, velocity: float, times: Float64, nodes: int = 60) -> Float64:
    """Depths of the moving-boundary problem on a grid that is stretched to the front, D = Csat = 1.

    With ξ = x/s(t):  c_t = c_ξξ/s² + ξ (s'/s) c_ξ,  c(0) = 0,  c_ξ(1)/s = (ratio − c) v, where v = velocity while
    c(1) < 1, else c(1) = 1.
    Implicit in c, explicit in s; independent of the fixed-grid scheme under test.
    """
    xi = np.linspace(0, 1, nodes)
    d = xi[1]
    c, s, t, depths = np.zeros(nodes), 1e-3 / velocity * 0.05, 0.0, []
    speed = velocity
    for end in times:
        while t < end:
            dt = min(0.01 * s / speed, end - t)
            a, b = dt / (s * d) ** 2, dt * speed * xi / (s * 2 * d)
            bands = np.zeros((3, nodes))
            bands[0, 2:], bands[1, 1:-1], bands[2, :-2] = -(a + b[1:-1]), 1 + 2 * a, -(a - b[1:-1])
            bands[1, 0] = 1.0
            right = c.copy()
            right[0] = 0.0
            for saturated in (False, True):
                # One-sided second-order slope would widen the band; a ghost node keeps it tridiagonal.
                slope = s * velocity
                bands[1, -1] = 1.0 if saturated else 1 + 2 * a + (a + b[-1]) * 2 * d * slope
                bands[2, -2] = 0.0 if saturated else -2 * a
                right[-1] = 1.0 if saturated else c[-1] + (a + b[-1]) * 2 * d * slope * ratio
                new = solve_banded((1, 1), bands, right)
                if new[-1] <= 1.0:
                    break
            flux = (3 * new[-1] - 4 * new[-2] + new[-3]) / (2 * d * s)
            speed = flux / (ratio - 1) if saturated else velocity
            c, s, t = new, s + dt * speed, t + dt
        depths.append(s)
    return np.array(depths)


def semicircle(spacing: float, rate: float, depth: float) -> tuple[float, float, float]:
    """Grow a pit below a tight film from a slit of 5 um; returns radii downwards, sideways and diagonally, m."""
    columns, layers = 2 * int(70e-6 / spacing) + 1, int(depth / spacing) + 6
    grid = pitting.PitGrid((layers, 1, columns), spacing, spacing)
    medium = pitting.Electrolyte(**STEEL, reaction_rate=rate)
    pits = pitting.intact(grid, medium, np.ones(grid.shape, np.float32), np.zeros((1, columns), np.float32))
    slit = columns // 2 + np.arange(round(5e-6 / spacing)) - round(5e-6 / spacing) // 2
    pitting.break_film(pits, np.zeros_like(slit), slit)
    control = pitting.StepControl(target=0.2, tolerance=1e-4, max_sweeps=300, omega=1.9)
    middle = columns // 2
    liquid = pits.liquid.reshape(grid.padded)[1:-1, 1, 1:-1]
    while liquid[:, middle].sum() * spacing < depth:
        pitting.advance(pits, control)
    reach = min(layers, middle)
    steps = np.arange(reach)
    diagonal = 0.5 * (liquid[steps, middle + steps].sum() + liquid[steps, middle - steps].sum()) * np.sqrt(2)
    return liquid[:, middle].sum() * spacing, liquid[0].sum() / 2 * spacing, diagonal * spacing


def wire(velocity: float) -> pitting.Pits:
    """Return a wire of 66 cells whose end is bare: cell 1, D = 1, Csolid and Csat of steel."""
    grid = pitting.PitGrid((66, 1, 1), 1.0, 1.0)
    medium = pitting.Electrolyte(143e3, 5.1e3, 1.0, velocity)
    pits = pitting.intact(grid, medium, np.ones(grid.shape, np.float32), np.zeros((1, 1), np.float32))
    pits.step = 0.1 / velocity
    pitting.break_film(pits, np.array([0]), np.array([0]))
    return pits


def crossover(cells: float) -> tuple[Float64, Float64]:
    """Return depths of a wire that turns saturated near s = D Csat / (v (Csolid - Csat)) = ``cells``.

    Returns:
        The solver's depths near 8, 20, 40 and 60 cells, and those of :func:`front_tracking` at the same times.
    """
    ratio = 143 / 5.1
    velocity = 1 / (cells * (ratio - 1))
    pits = wire(velocity)
    times, depths = [], []
    for stop in (8.0, 20.0, 40.0, 60.0):
        while pits.dissolved < stop:
            pitting.advance(pits, ACCURATE)
        times.append(pits.time)
        depths.append(pits.dissolved)
    return np.array(depths), front_tracking(ratio, velocity, np.array(times))


def mass_balance(control: pitting.StepControl) -> pitting.Pits:
    """Return a pit of 60 steps in heterogeneous metal below a half open film."""
    rng = np.random.default_rng(3)
    grid = pitting.PitGrid((8, 20, 20), 1e-5, 1.5e-5)
    activity = np.exp(rng.normal(0, 0.8, grid.shape)).astype(np.float32)
    medium = pitting.Electrolyte(**STEEL, reaction_rate=1e-6, boundary_layer=2e-5)
    pits = pitting.intact(grid, medium, activity, np.full((20, 20), 0.5, np.float32))
    pitting.break_film(pits, np.array([10, 10, 11]), np.array([9, 10, 10]))
    for _ in range(60):
        pitting.advance(pits, control)
    return pits


def pencil_rows(full: bool) -> list[Row]:
    """K1: depth over √t under diffusion control, µm/√s, at three saturations and three diffusivities."""
    rows = []
    for saturation in (2e3, 5.1e3, 12e3):
        for diffusivity in (3e-10, 8.5e-10, 2e-9):
            if not full and saturation != 5.1e3 and diffusivity != 8.5e-10:
                continue
            medium = pitting.Electrolyte(143e3, saturation, diffusivity, reaction_rate=1.0)
            pits = pencil(medium, 118.2e-6, 50, ACCURATE)
            ours = 1e6 * pits.dissolved * pits.grid.layer / np.sqrt(pits.seconds)
            name = f"pencil electrode, Csat {1e-3 * saturation:g} mol/L, D {diffusivity:g} m²/s: s/√t"
            rows.append(Row(name, pitting.advance, 1e6 * stefan_rate(medium), float(ours), 0.02))
    return rows


def crossover_rows(full: bool) -> list[Row]:
    """K2: depth at the worst of four times through the crossover, over that of independent front tracking."""
    rows = []
    for cells in (5.0, 15.0, 40.0) if full else (15.0,):
        ratio = np.divide(*crossover(cells))
        worst = float(ratio[np.argmax(np.abs(ratio - 1))])
        rows.append(Row(f"crossover to diffusion control at {cells:g} of 60 cells", pitting.advance, 1.0, worst, 0.03))
    return rows


def slit_rows(full: bool) -> list[Row]:
    """K3: a pit below a slit of 5 µm stays semicircular."""
    rows = []
    for rate, name in ((1.0, "diffusion"), (1e-7, "activation")):
        down, sideways, diagonal = semicircle(1e-6, rate, 50e-6) if full else semicircle(2.5e-6, rate, 40e-6)
        rows.append(
            Row(f"semicircular pit, {name} control: down / sideways", pitting.advance, 1.0, down / sideways, 0.05)
        )
        rows.append(
            Row(f"semicircular pit, {name} control: diagonal / down", pitting.advance, 1.0, diagonal / down, 0.05)
        )
    return rows


def mass_rows(full: bool) -> list[Row]:
    """Ions held and escaped over ions dissolved, however far the relaxation went."""
    controls = {"accurate": ACCURATE, "one sweep a step": pitting.StepControl(max_sweeps=1)}
    rows = []
    for name, control in controls.items() if full else list(controls.items())[1:]:
        pits = mass_balance(control)
        held = float(pits.store.sum() + pits.escaped) / (pits.dissolved * pits.ratio)
        rows.append(Row(f"dissolved mass = flux, {name}", pitting.advance, 1.0, held, 1e-3))
    return rows

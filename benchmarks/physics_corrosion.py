"""Corrosion beyond single fronts: a pit against a phase field, a shrinking circle, blisters, fields that die out.

* :func:`grown_pit`, :func:`grown_reference`, :func:`shrunk_circle`, :func:`blister`, :func:`fading_costs` solve one
  problem each; :func:`von_karman_height` is a reference that shares nothing with the solver.
* :func:`opening_rows`, :func:`circle_rows`, :func:`blister_rows`, :func:`fading_rows` are rows of the table.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_bvp

from benchmarks import kks
from benchmarks.physics_pitting import ACCURATE, STEEL, wire
from benchmarks.physics_table import Kernel, Row
from maphc2f.kernels import diffusion
from maphc2f.refine import npcf
from maphc2f.solvers import pitting
from maphc2f.solvers.blister import Accuracy, Skin, inflate

Float64 = NDArray[np.float64]

HALF_SLIT, HALF_BOX, BOX_DEPTH = 4e-6, 64e-6, 56e-6
FROM, TO = 16e-6, 40e-6
"""Depths between which the pit's growth is timed, m: one starts from a seed, the other from a bare slit."""

NU = 0.3
FAINT = 1e-39
"""Strength of a dying field: below the smallest normal number of 32 bits, 1.2e-38."""

EXACT = Accuracy(tolerance=1e-9, max_steps=20000, change=1e-7, max_rounds=40)


def _crossing(target: float, before: tuple[float, float, float], now: tuple[float, float, float]) -> Float64:
    """Interpolate (depth, time, half width) to the depth ``target`` and return time and half width."""
    share = (target - before[0]) / (now[0] - before[0])
    return np.array([a + share * (b - a) for a, b in zip(before[1:], now[1:], strict=True)])


def _passed(measure: Callable[[], tuple[float, float, float]], advance: Callable[[], None]) -> Float64:
    """Advance until the depths FROM and TO are passed; return time and half width at both, (2, 2)."""
    rows, before = [], (0.0, 0.0, 0.0)
    for target in (FROM, TO):
        while (now := measure())[0] < target:
            before = now
            advance()
        rows.append(_crossing(target, before, now))
    return np.array(rows)


def grown_pit(spacing: float) -> Float64:
    """Grow a pit below a tight film from a slit with the production solver; returns as :func:`_passed`."""
    columns, layers = 2 * round(HALF_BOX / spacing), round(BOX_DEPTH / spacing)
    grid = pitting.PitGrid((layers, 1, columns), spacing, spacing)
    medium = pitting.Electrolyte(**STEEL, reaction_rate=1.0)
    pits = pitting.intact(grid, medium, np.ones(grid.shape, np.float32), np.zeros((1, columns), np.float32))
    half = round(HALF_SLIT / spacing)
    slit = columns // 2 + np.arange(-half, half)
    pitting.break_film(pits, np.zeros_like(slit), slit)
    liquid = pits.liquid.reshape(grid.padded)[1:-1, 1, 1:-1]

    def measure() -> tuple[float, float, float]:
        depth, width = liquid[:, columns // 2].sum(), 0.5 * liquid[0].sum()
        return float(depth) * spacing, pits.seconds, float(width) * spacing

    return _passed(measure, lambda: pitting.advance(pits, ACCURATE))


def grown_reference(spacing: float) -> Float64:
    """Grow the same pit with the phase field; half of it, for it is symmetric.

    A quarter of the published surface energy: the whole one lowers the saturation at a radius of 10 µm by a quarter
    (Gibbs-Thomson), which the sharp-front model has not. The front is as thick as published over the same cells.
    """
    columns, layers = round(HALF_BOX / spacing), round(BOX_DEPTH / spacing)
    alloy = kks.scaled(kks.published(), thickness=spacing / 1e-6, energy=0.25, speed=0.3)
    y, x = (np.mgrid[:layers, :columns] + 0.5) * spacing
    state = kks.sound_metal(alloy, spacing, np.hypot(y, x) < 9e-6, x[0] < HALF_SLIT)
    return _passed(
        lambda: (kks.depth_below(state, 0), state.time, kks.half_width(state)),
        lambda: kks.corrode(state, state.time + 0.5),
    )


def opening_rows(full: bool) -> list[Row]:
    """A pit below an opening: growth from 16 to 40 µm and its shape at the end, against the phase field."""
    spacing = 1e-6 if full else 2e-6
    ours, reference = grown_pit(spacing), grown_reference(spacing)
    times = float(ours[1, 0] - ours[0, 0]), float(reference[1, 0] - reference[0, 0])
    widths = float(ours[1, 1]) / TO, float(reference[1, 1]) / TO
    kernel = pitting.advance
    return [
        Row("pit below an opening, 16 to 40 µm: s, against KKS", kernel, times[1], times[0], 0.05),
        Row("pit below an opening: half width / depth, against KKS", kernel, widths[1], widths[0], 0.02),
    ]


def _disc_area(level: Float64) -> float:
    """Return the area below level 0; cells on the contour count by their distance to it."""
    gy, gx = np.gradient(level)
    return float(np.clip(0.5 - level / np.maximum(np.hypot(gy, gx), 0.2), 0, 1).sum())


def shrunk_circle(radius: float, interface: float) -> tuple[float, float, float]:
    """Let a free circle shrink by 2.5 px; return R² at start and end and the time between, px².

    With a = (1 + u)/2, g = 1 and λ = 0 the relaxation a_t = Δa - a (1 - a) (1 - 2a) / δ² reads
    u_t = Δu + (u - u³) / (2δ²): Allen-Cahn with ε = √2 δ, whose circles obey R² = R₀² - 2t. By 2.5 px the front stays
    in the band in which the level set moves.
    """
    n = 2 * math.ceil(radius) + 24
    y, x = np.mgrid[:n, :n] - 0.5 * (n - 1)
    level = torch.as_tensor(np.hypot(y, x) - radius, dtype=torch.float32)[None, None]
    steps = round(0.5 * (radius**2 - (radius - 2.5) ** 2) / npcf.TIME_STEP)
    even = torch.ones_like(level)
    moved, _ = npcf.relax_region(level, even, steps, interface=interface, data_weight=0.0)
    start, end = (_disc_area(field[0, 0].double().numpy()) / math.pi for field in (level, moved))
    return start, end, steps * npcf.TIME_STEP


def circle_rows(full: bool) -> list[Row]:
    """K4: R² of a free circle, at the production interface and, as its rate, at ε = 1.5 px."""
    rows = []
    for radius in (14.0, 20.0, 30.0) if full else (20.0,):
        start, end, passed = shrunk_circle(radius, npcf.INTERFACE_WIDTH)
        name = f"shrinking circle, R₀ = {radius:g} px, ε = 1 px: R²"
        rows.append(Row(name, npcf.relax_region, start - 2 * passed, end, 0.02))
        start, end, passed = shrunk_circle(radius, 1.5 / math.sqrt(2))
        name = f"shrinking circle, R₀ = {radius:g} px, ε = 1.5 px: -dR²/dt"
        rows.append(Row(name, npcf.relax_region, 2.0, (start - end) / passed, 0.02))
    return rows


def blister(radius: float, skin: Skin, spacing: float, offset: tuple[float, float] = (0.3, 0.2)) -> float:
    """Return the height of a circular blister, m; ``radius`` in cells, its middle off the grid's by ``offset``."""
    n, fine = 2 * math.ceil(radius) + 9, 16
    y, x = (np.mgrid[: n * fine, : n * fine] + 0.5) / fine - 0.5 * n
    inside = np.hypot(y - offset[0], x - offset[1]) < radius
    share = inside.reshape(n, fine, n, fine).mean(axis=(1, 3))
    return float(inflate(share, spacing, skin, EXACT).height.max())


def von_karman_height(load: float) -> float:
    """Return w₀ / t of a clamped, immovable circular plate for load = p a⁴ / (64 D t), by collocation.

    Von Kármán's equations in r/a, w/t, with slope s and membrane force n = N_r a²/D (Timoshenko & Woinowsky-Krieger,
    Theory of Plates and Shells, 2nd ed., § 100):

        s'' + s'/r - s/r² = n s + 32 load r,      r (n'' + 3 n'/r) = -6 (1 - ν²) s²/r,
        s(0) = n'(0) = s(1) = 0,                  n'(1) + (1 - ν) n(1) = 0  (no displacement of the rim).
    """
    first = 1e-3

    def slopes(r: Float64, y: Float64) -> Float64:
        s, ds, n, dn, _ = y
        bend = n * s + 32 * load * r
        return np.stack([ds, bend - ds / r + s / r**2, dn, -3 * dn / r - 6 * (1 - NU**2) * s**2 / r**2, s])

    def ends(left: Float64, right: Float64) -> Float64:
        return np.array([left[0] - first * left[1], left[3], right[0], right[3] + (1 - NU) * right[2], right[4]])

    r = np.linspace(first, 1, 200)
    guess = np.stack([4 * r * (r**2 - 1), 12 * r**2 - 4, 1 + 0 * r, 0 * r, (1 - r**2) ** 2]) * min(load, 1.0)
    solution = solve_bvp(slopes, ends, r, guess, tol=1e-8, max_nodes=20000)
    assert solution.success
    return float(solution.y[4, 0])


def blister_rows(full: bool) -> list[Row]:
    """A circular blister: clamped plate (w₀ = p a⁴ / 64 D), membrane with mean tension, von Kármán's plate between.

    Membrane: N Δw = -p gives w = p (a² - r²) / 4N and ∫ |∇w|² dA = π p² a⁴ / 8N², so N = Ē t ∫ / (2π a²) means
    N³ = Ē t p² a² / 16, w₀ = p a² / 4N.
    """
    spacing, rows = 5e-5, []
    for radius in (12.0, 15.0, 25.0) if full else (15.0,):
        a, name = radius * spacing, f"blister of radius {radius:g} h"
        stiff = Skin(2e9, NU, 1e-3, 10.0)
        exact = stiff.pressure * a**4 / (64 * stiff.bending)
        rows.append(Row(f"{name}, bending: height, m", inflate, exact, blister(radius, stiff, spacing), 0.02))
        thin = Skin(2e9, NU, 1e-8, 1e3)
        tension = math.cbrt(thin.stretching * thin.pressure**2 * a**2 / 16)
        exact = thin.pressure * a**2 / (4 * tension)
        rows.append(Row(f"{name}, tension: height, m", inflate, exact, blister(radius, thin, spacing), 0.02))
        for load in (2.0, 12.0) if full else (4.0,):
            film = Skin(2e9, NU, 6e-5, 0.0)
            film = Skin(2e9, NU, 6e-5, 64 * load * film.bending * film.thickness / a**4)
            ours = blister(radius, film, spacing) / film.thickness
            rows.append(Row(f"{name}, p a⁴/64Dt = {load:g}: w₀/t", inflate, von_karman_height(load), ours, 0.06))
    return rows


def _cost_ratio(work: Callable[[float], object], repeats: int = 9) -> float:
    """Return the time of ``work`` on a field of strength FAINT over that on one of strength 1, by their fastest runs.

    Both run in turn on the same arrays, so that neither the load of the machine nor their place in memory differs.
    """
    seconds: dict[float, list[float]] = {1.0: [], FAINT: []}
    for _ in range(repeats):
        for strength, times in seconds.items():
            start = time.perf_counter()
            work(strength)
            times.append(time.perf_counter() - start)
    return min(seconds[FAINT]) / min(seconds[1.0])


def layer_cost() -> float:
    """Cost of the wet layer: 20 sweeps whose ions decay over 1.5 cells from a source in the middle."""
    n = 64
    ions, oxygen, source = np.zeros((n, n), np.float32), np.ones((n, n), np.float32), np.zeros((n, n), np.float32)
    wet = np.ones((n, n), np.float32)

    def work(strength: float) -> None:
        source[n // 2, n // 2] = ions[:] = strength
        diffusion.relax_layer(ions, oxygen, source, wet, 1.5, 3.0, 0.0, 0.0, 20)

    return _cost_ratio(work)


def wire_cost() -> float:
    """Cost of pits: three steps of a passive wire of 60 liquid cells."""
    pits = wire(1e-3)
    while pits.dissolved < 60:
        pitting.advance(pits, ACCURATE)
    pits.velocity[pits.velocity > 0] = 0.0
    control = pitting.StepControl(tolerance=-1.0, max_sweeps=100, omega=1.0)
    conc, store = pits.conc.copy(), pits.store.copy()

    def work(strength: float) -> None:
        np.multiply(conc, strength, out=pits.conc, dtype=np.float32, casting="same_kind")
        np.multiply(store, strength, out=pits.store, dtype=np.float32, casting="same_kind")
        pits.step = 1.0
        for _ in range(3):
            pitting.advance(pits, control)

    return _cost_ratio(work)


def fading_costs() -> dict[str, float]:
    """Return the cost of a dying field over a live one; denormal numbers would make it several times as high."""
    return {"wet layer": layer_cost(), "pits": wire_cost()}


def fading_rows(full: bool) -> list[Row]:
    """Cost of a field that dies out over a live one; below 1 counts as 1. The full setting takes the best of five."""
    runs = [fading_costs() for _ in range(5 if full else 1)]
    best = {name: max(1.0, min(run[name] for run in runs)) for name in runs[0]}
    kernels: dict[str, Kernel] = {"wet layer": diffusion.relax_layer, "pits": pitting.advance}
    return [
        Row(f"cost of a dying field over a live one, {name}", kernel, 1.0, best[name], 0.2)
        for name, kernel in kernels.items()
    ]

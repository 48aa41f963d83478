"""Benchmarks of the production pitting kernel: K1 pencil electrode, K2 crossover, K3 semicircular pit, mass balance.

All call :func:`maphc2f.solvers.pitting.advance`, the step that makes datasets; only grid and accuracy differ.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import solve_banded
from scipy.optimize import brentq
from scipy.special import erf

from maphc2f.defects.corrosion_growth import CONTROL
from maphc2f.kernels import pitting as kernel
from maphc2f.solvers import pitting

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
    return 2 * root * np.sqrt(medium.diffusivity)


def test_stefan_rate_is_the_published_one():
    assert stefan_rate(pitting.Electrolyte(**STEEL, reaction_rate=1.0)) == pytest.approx(7.881e-6, rel=1e-3)


@pytest.mark.parametrize("saturation", [2e3, 5.1e3, 12e3])
@pytest.mark.parametrize("diffusivity", [3e-10, 8.5e-10, 2e-9])
def test_pencil_electrode_under_diffusion_control(saturation, diffusivity):
    medium = pitting.Electrolyte(143e3, saturation, diffusivity, reaction_rate=1.0)
    pits = pencil(medium, 118.2e-6, 50, ACCURATE)
    rate = pits.dissolved * pits.grid.layer / np.sqrt(pits.seconds)
    assert rate == pytest.approx(stefan_rate(medium), rel=0.02)


def test_pencil_electrode_converges_with_the_time_step():
    medium = pitting.Electrolyte(**STEEL, reaction_rate=1.0)
    targets = np.array([0.2, 0.1, 0.05])
    errors = []
    for target in targets:
        control = pitting.StepControl(target=target, tolerance=1e-6, max_sweeps=4000, omega=1.9)
        pits = pencil(medium, 118.2e-6, 50, control)
        errors.append(abs(pits.dissolved * pits.grid.layer / np.sqrt(pits.seconds) / stefan_rate(medium) - 1))
    slope = np.polyfit(np.log(targets), np.log(errors), 1)[0]
    assert 0.8 < slope < 2.2  # implicit Euler: at least first order
    assert errors[-1] < 5e-3


def test_production_accuracy_on_the_pencil_electrode():
    medium = pitting.Electrolyte(**STEEL, reaction_rate=1.0)
    pits = pencil(medium, 118.2e-6, 12, CONTROL)
    rate = pits.dissolved * pits.grid.layer / np.sqrt(pits.seconds)
    assert rate == pytest.approx(stefan_rate(medium), rel=0.05)  # the bias stated in docs/methods/corrosion.md


def front_tracking(ratio: float, velocity: float, times: NDArray[np.float64], nodes: int = 60) -> NDArray[np.float64]:
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


def test_front_tracking_oracle_has_both_limits():
    ratio = 143 / 5.1
    early = front_tracking(ratio, 1.0, np.array([1e-2]))[0]
    assert early == pytest.approx(1e-2, rel=0.02)  # slow start: s = v t
    late = front_tracking(ratio, 100.0, np.array([4000.0]))[0]
    exact = stefan_rate(pitting.Electrolyte(**STEEL, reaction_rate=1.0)) / np.sqrt(8.5e-10)
    assert late / np.sqrt(4000.0) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("crossover", [5.0, 15.0, 40.0])
def test_crossover_from_activation_to_diffusion_control(crossover):
    """The front turns saturated near s = D Csat / (v (Csolid - Csat)), here at so many cells of 60."""
    ratio, velocity = 143 / 5.1, 1 / (crossover * (143 / 5.1 - 1))
    medium = pitting.Electrolyte(143e3, 5.1e3, 1.0, velocity)
    grid = pitting.PitGrid((66, 1, 1), 1.0, 1.0)
    pits = pitting.intact(grid, medium, np.ones(grid.shape, np.float32), np.zeros((1, 1), np.float32))
    pits.step = 0.1 / velocity
    pitting.break_film(pits, np.array([0]), np.array([0]))
    times, depths = [], []
    for stop in (8.0, 20.0, 40.0, 60.0):
        while pits.dissolved < stop:
            pitting.advance(pits, ACCURATE)
        times.append(pits.time)
        depths.append(pits.dissolved)
    assert np.array(depths) == pytest.approx(front_tracking(ratio, velocity, np.array(times)), rel=0.03)


def test_activation_control_grows_linearly():
    """K2: far below the crossover depth the front keeps its velocity; exponent 1, slope proportional to the rate."""
    depths = np.array([10.0, 20.0, 40.0, 60.0])
    slopes = []
    for velocity in (1e-6, 4e-6):
        medium = pitting.Electrolyte(143e3, 5.1e3, 1.0, velocity)
        grid = pitting.PitGrid((66, 1, 1), 1.0, 1.0)
        pits = pitting.intact(grid, medium, np.ones(grid.shape, np.float32), np.zeros((1, 1), np.float32))
        pits.step = 0.05 / velocity
        pitting.break_film(pits, np.array([0]), np.array([0]))
        times = []
        for depth in depths:
            while pits.dissolved < depth:
                pitting.advance(pits, ACCURATE)
            times.append(pits.time * depth / pits.dissolved)
        assert 0.98 < np.polyfit(np.log(times), np.log(depths), 1)[0] < 1.02
        slopes.append(depths[-1] / times[-1])
    assert slopes[0] == pytest.approx(1e-6, rel=0.02)
    assert slopes[1] / slopes[0] == pytest.approx(4.0, rel=1e-3)


def test_activation_speed_survives_steps_that_overshoot_cells():
    """Three steps a cell end inside the next one; the time left over in a step must not be lost."""
    medium = pitting.Electrolyte(143e3, 5.1e3, 1.0, 1e-6)
    grid = pitting.PitGrid((66, 1, 1), 1.0, 1.0)
    pits = pitting.intact(grid, medium, np.ones(grid.shape, np.float32), np.zeros((1, 1), np.float32))
    pits.step = 0.4e6
    pitting.break_film(pits, np.array([0]), np.array([0]))
    control = pitting.StepControl(target=0.4, tolerance=1e-9, max_sweeps=500, omega=1.9)
    while pits.dissolved < 60:
        pitting.advance(pits, control)
    assert pits.dissolved / pits.time == pytest.approx(1e-6, rel=0.02)


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


@pytest.mark.parametrize("rate", [1.0, 1e-7])
def test_pit_below_a_slit_stays_semicircular(rate):
    down, sideways, diagonal = semicircle(2.5e-6, rate, 40e-6)
    assert down / sideways == pytest.approx(1.0, abs=0.05)
    assert diagonal / down == pytest.approx(1.0, abs=0.05)


@pytest.mark.slow
def test_fine_pit_below_a_slit_stays_semicircular():
    down, sideways, diagonal = semicircle(1e-6, 1.0, 50e-6)
    assert down / sideways == pytest.approx(1.0, abs=0.02)
    assert diagonal / down == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("control", [CONTROL, pitting.StepControl(max_sweeps=1)], ids=["production", "one sweep"])
def test_dissolved_mass_equals_boundary_flux(control):
    """Ions dissolved = ions in solution + ions that left, whatever the accuracy of the relaxation."""
    rng = np.random.default_rng(3)
    grid = pitting.PitGrid((8, 20, 20), 1e-5, 1.5e-5)
    activity = np.exp(rng.normal(0, 0.8, grid.shape)).astype(np.float32)
    medium = pitting.Electrolyte(**STEEL, reaction_rate=1e-6, boundary_layer=2e-5)
    pits = pitting.intact(grid, medium, activity, np.full((20, 20), 0.5, np.float32))
    pitting.break_film(pits, np.array([10, 10, 11]), np.array([9, 10, 10]))
    for _ in range(60):
        pitting.advance(pits, control)
    released = pits.dissolved * pits.ratio
    assert pits.dissolved > 20
    assert pits.store.sum() + pits.escaped == pytest.approx(released, rel=1e-3)
    assert pits.dissolved == pytest.approx(pits.liquid.sum(), rel=1e-4)
    stretch = grid.layer / grid.spacing
    assert pitting.collect(pits).sum() == pytest.approx(pits.escaped * stretch, rel=1e-4)


def test_the_benchmarked_kernel_is_the_production_kernel():
    assert pitting.kernel is kernel
    assert {"relax", "dissolve"} <= set(pitting.advance.__code__.co_names)

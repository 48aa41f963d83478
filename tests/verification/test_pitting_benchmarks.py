"""Benchmarks of the production pitting kernel: K1 pencil electrode, K2 crossover, K3 semicircular pit, mass balance.

All call :func:`maphc2f.solvers.pitting.advance`, the step that makes datasets; only grid and accuracy differ.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.physics_pitting import (
    ACCURATE,
    STEEL,
    crossover,
    front_tracking,
    mass_balance,
    pencil,
    semicircle,
    stefan_rate,
)
from maphc2f.defects.corrosion_growth import CONTROL
from maphc2f.kernels import pitting as kernel
from maphc2f.solvers import pitting


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


def test_front_tracking_oracle_has_both_limits():
    ratio = 143 / 5.1
    early = front_tracking(ratio, 1.0, np.array([1e-2]))[0]
    assert early == pytest.approx(1e-2, rel=0.02)  # slow start: s = v t
    late = front_tracking(ratio, 100.0, np.array([4000.0]))[0]
    exact = stefan_rate(pitting.Electrolyte(**STEEL, reaction_rate=1.0)) / np.sqrt(8.5e-10)
    assert late / np.sqrt(4000.0) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("cells", [5.0, 15.0, 40.0])
def test_crossover_from_activation_to_diffusion_control(cells):
    """The front turns saturated near s = D Csat / (v (Csolid - Csat)), here at so many cells of 60."""
    depths, tracked = crossover(cells)
    assert depths == pytest.approx(tracked, rel=0.03)


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
    pits = mass_balance(control)
    released = pits.dissolved * pits.ratio
    assert pits.dissolved > 20
    assert pits.store.sum() + pits.escaped == pytest.approx(released, rel=1e-3)
    assert pits.dissolved == pytest.approx(pits.liquid.sum(), rel=1e-4)
    stretch = pits.grid.layer / pits.grid.spacing
    assert pitting.collect(pits).sum() == pytest.approx(pits.escaped * stretch, rel=1e-4)


def test_the_benchmarked_kernel_is_the_production_kernel():
    assert pitting.kernel is kernel
    assert {"relax", "dissolve"} <= set(pitting.advance.__code__.co_names)

"""The pitting kernels against their dense twins, and what they cost when fields die out."""

from __future__ import annotations

import time

import numpy as np
import pytest

from maphc2f.kernels.pitting_reference import Box, Metal, dissolve_numpy, relax_numpy
from maphc2f.solvers import pitting

STEEL = pitting.Electrolyte(143e3, 5.1e3, 8.5e-10, 1e-6, boundary_layer=1e-5)
EXACT = pitting.StepControl(target=0.35, tolerance=1e-7, max_sweeps=500, omega=1.3)


def small_pit(steps: int, control: pitting.StepControl = EXACT) -> pitting.Pits:
    rng = np.random.default_rng(5)
    grid = pitting.PitGrid((4, 7, 8), 1e-5, 1.4e-5)
    activity = np.exp(rng.normal(0, 0.7, grid.shape)).astype(np.float32)
    activity[:, 2, 3] = 0.0
    pits = pitting.intact(grid, STEEL, activity, rng.uniform(0.1, 0.9, (7, 8)).astype(np.float32))
    pitting.break_film(pits, np.array([3, 3]), np.array([3, 4]))
    for _ in range(steps):
        pitting.advance(pits, control)
    return pits


def dense(pits: pitting.Pits) -> Metal:
    shape = pits.grid.padded
    return Metal(
        liquid=pits.liquid.reshape(shape).copy(),
        store=pits.store.reshape(shape).copy(),
        state=pits.state.reshape(shape).copy(),
        velocity=np.maximum(pits.velocity, 0).reshape(shape),
        openness=pits.openness.reshape(shape[1:]).copy(),
        lead=pits.lead.reshape(shape).copy(),
    )


@pytest.mark.kernel
@pytest.mark.parametrize("steps", [0, 6, 14])
def test_step_equals_dense_twin(steps):
    pits = small_pit(steps)
    metal, conc = dense(pits), pits.conc.reshape(pits.grid.padded).astype(np.float64)
    box = Box(pits.grid.layer / pits.grid.spacing, STEEL.boundary_layer / pits.grid.spacing, pits.ratio, pits.step)
    escaped, dissolved = pits.escaped, pits.dissolved
    pitting.advance(pits, EXACT)
    conc = relax_numpy(conc, metal, box, 4000)
    liquid, store, out = dissolve_numpy(conc, metal, box)
    finished = pits.liquid.reshape(liquid.shape) == 1.0
    assert np.abs(pits.liquid.reshape(liquid.shape) - liquid).max() < 2e-4
    assert np.abs(np.where(finished, 0, pits.store.reshape(liquid.shape) - store)).max() < 2e-3
    assert pits.escaped - escaped == pytest.approx(out.sum(), rel=1e-3)
    assert pits.dissolved - dissolved == pytest.approx((liquid - metal.liquid).sum(), rel=1e-3, abs=1e-4)
    assert pits.liquid.sum() > 0.01 * steps


@pytest.mark.kernel
def test_concentration_stays_between_nothing_and_saturation():
    pits = small_pit(25, pitting.StepControl(target=0.4, tolerance=5e-3, max_sweeps=3, omega=1.6))
    assert pits.conc.min() >= 0.0
    assert pits.conc.max() <= 1.0
    assert pits.liquid.min() >= 0.0
    assert pits.liquid.max() <= 1.0
    assert pits.liquid.reshape(pits.grid.padded)[1:-1, 3, 4].max() == 0.0  # inert metal stays
    rim = np.ones(pits.grid.padded, dtype=bool)
    rim[1:-1, 1:-1, 1:-1] = False
    assert not pits.state.reshape(pits.grid.padded)[rim].any()


def drained(hours: float, steps: int) -> tuple[float, float]:
    """A grown pit that falls asleep and drains into clean solution: seconds per step, largest concentration left."""
    grid = pitting.PitGrid((10, 40, 40), 1e-5, 1e-5)
    pits = pitting.intact(grid, STEEL, np.ones(grid.shape, np.float32), np.full((40, 40), 0.9, np.float32))
    control = pitting.StepControl(target=0.35, tolerance=0.0, max_sweeps=10, omega=1.5)
    pitting.break_film(pits, np.array([20]), np.array([20]))
    for _ in range(50):
        pitting.advance(pits, control)
    pits.velocity[pits.velocity > 0] = 0.0
    pits.step = hours * 3600 * STEEL.diffusivity / grid.spacing**2
    times = []
    for _ in range(steps):
        start = time.process_time()
        pitting.advance(pits, control)
        times.append(time.process_time() - start)
        assert not np.any((pits.conc > 0) & (pits.conc < 1e-18))  # floored before they turn denormal
    return float(np.median(times[-10:])), float(pits.conc.max())


def test_decayed_concentrations_cost_no_more_than_live_ones():
    live, conc = drained(1e-6, 30)
    assert conc > 1e-3
    decayed, conc = drained(0.02, 60)
    assert conc < 1e-12
    # Denormals cost some ten times as much; a factor of three tells them from the noise of a busy machine.
    assert decayed <= 3.0 * live + 2e-5

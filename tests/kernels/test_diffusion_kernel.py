"""The wet-layer kernel against its dense twin, an exact solution and denormal numbers."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.special import k0

from maphc2f.kernels.diffusion import relax_layer, relax_layer_numpy


def fields(n: int, seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    source = np.zeros((n, n), np.float32)
    source[n // 2, n // 2] = source[n // 3, n // 2] = 0.5
    wet = np.exp(0.5 * rng.normal(size=(n, n))).astype(np.float32)
    return np.zeros((n, n), np.float32), np.ones((n, n), np.float32), source, wet


@pytest.mark.kernel
@pytest.mark.parametrize(("demand", "run"), [(0.0, 0.0), (20.0, 0.0), (20.0, 0.7)])
def test_layer_equals_dense_twin(demand, run):
    ions, oxygen, source, wet = fields(11, 1)
    twin = ions.copy(), oxygen.copy()
    relax_layer(ions, oxygen, source, wet, 3.0, 2.0, demand, run, 300)
    relax_layer_numpy(*twin, source, wet, 3.0, 2.0, demand, run, 1500)
    assert np.abs(ions - twin[0]).max() < 1e-4 * ions.max()
    assert np.abs(oxygen - twin[1]).max() < 1e-4
    assert ions.max() > 0.01


def test_point_source_decays_like_a_bessel_function():
    """Plenty of oxygen, even layer: q − r² ∇²q = r² J has the solution K₀(ρ / r) / 2π."""
    n, reach = 81, 6.0
    source = np.zeros((n, n), np.float32)
    source[n // 2, n // 2] = 1.0
    ions, oxygen = np.zeros((n, n), np.float32), np.ones((n, n), np.float32)
    relax_layer(ions, oxygen, source, np.ones((n, n), np.float32), reach, 5.0, 0.0, 0.0, 600)
    rho = np.arange(4, 20)
    exact = k0(rho / reach) / (2 * np.pi)
    assert ions[n // 2, n // 2 + rho] == pytest.approx(exact, rel=0.03)
    assert ions.sum() / reach**2 == pytest.approx(1.0, abs=0.01)  # all that is released settles


def test_oxygen_is_short_where_ions_are_many():
    ions, oxygen, source, wet = fields(41, 2)
    relax_layer(ions, oxygen, source, np.ones_like(wet), 5.0, 3.0, 40.0, 0.0, 400)
    assert oxygen.min() > 0.0
    assert oxygen.max() <= 1.0
    assert oxygen[20, 20] < 0.5 < oxygen[2, 2]


def test_run_carries_ions_downwards():
    ions, oxygen, source, wet = fields(41, 3)
    relax_layer(ions, oxygen, source, np.ones_like(wet), 4.0, 3.0, 0.0, 1.0, 400)
    assert ions[30, 20] > 5 * ions[4, 20]


def test_decayed_tail_costs_no_more_than_a_live_field():
    def cost(reach: float) -> float:
        ions, oxygen, source, _ = fields(96, 4)
        wet = np.ones_like(source)
        relax_layer(ions, oxygen, source, wet, reach, 3.0, 1.0, 0.0, 60)
        times = []
        for _ in range(9):
            start = time.process_time()
            relax_layer(ions, oxygen, source, wet, reach, 3.0, 1.0, 0.0, 10)
            times.append(time.process_time() - start)
        if reach < 1:
            assert ions[48, 48] > 0.0
            assert not np.any((ions > 0) & (ions < 1e-19))
        return float(np.median(times))

    cost(20.0)
    # Denormals cost some ten times as much; a factor of three tells them from the noise of a busy machine.
    assert cost(0.4) <= 3.0 * cost(20.0)


def test_over_relaxation_settles_in_a_third_of_the_sweeps():
    """Plain sweeps are still wrong by a tenth here, after as many: three of ours a step can follow a stain."""
    _, _, source, wet = fields(41, 4)
    even = np.ones_like(wet)
    exact, ions = np.zeros_like(wet), np.zeros_like(wet)
    relax_layer(exact, even.copy(), source, even, 3.0, 3.0, 0.0, 0.0, 800)
    relax_layer(ions, even.copy(), source, even, 3.0, 3.0, 0.0, 0.0, 12)
    assert np.abs(ions - exact).max() < 0.04 * exact.max()

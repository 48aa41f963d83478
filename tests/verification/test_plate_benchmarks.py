"""The production plate solver against closed forms: Timoshenko & Woinowsky-Krieger, limit analysis, springback."""

import math

import numpy as np
import pytest

from benchmarks.physics_plate import (
    CLAMPED,
    NU,
    SMALL,
    SUPPORTED,
    TIGHT,
    clamped_deflection,
    dent,
    fibre_springback,
    limit_load,
    manufactured_error,
    point,
    springback,
    supported_deflection,
    uniform_base,
)
from maphc2f.defects import pressing
from maphc2f.kernels import plate as kernels
from maphc2f.solvers import plate as solver
from maphc2f.solvers.plate import NewtonOptions, elastic_rebound, equilibrate, make_plate, release, rest


def test_production_uses_the_kernels_that_are_verified_here():
    assert pressing.equilibrate is solver.equilibrate
    assert solver.kernels is kernels


@pytest.mark.parametrize(
    ("load", "factor"), [(np.full((47, 47), SMALL), SUPPORTED[0] * 48**2), (point(48), SUPPORTED[1])]
)
def test_simply_supported_square_plate(load, factor):
    """w = 0.00406 q a⁴/D and 0.01160 P a²/D in the middle (Timoshenko & Woinowsky-Krieger 1959, tables 8 and 23)."""
    assert supported_deflection(48, load) == pytest.approx(factor * SMALL * 48**2, rel=0.02)


@pytest.mark.parametrize(("load", "factor"), [(np.full((39, 39), SMALL), CLAMPED[0] * 41**2), (point(40), CLAMPED[1])])
def test_clamped_square_plate(load, factor):
    """w = 0.00126 q a⁴/D and 0.00560 P a²/D in the middle (same book, tables 35 and 37)."""
    assert clamped_deflection(40, load) == pytest.approx(factor * SMALL * 41**2, rel=0.02)


def test_manufactured_solution_converges_at_second_order():
    sizes = np.array([24, 48, 96])
    errors = np.array([manufactured_error(n) for n in sizes])
    slope = -np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert 1.9 < slope < 2.1
    assert errors[-1] < 5e-3


@pytest.mark.parametrize("ratio", [1.2, 2.0, 5.0, 20.0])
def test_springback_of_a_strip(ratio):
    """k_res/k = 1 - 3/2 (k_y/k) + 1/2 (k_y/k)³; checked against fibres of elastic-perfectly plastic material, too."""
    assert springback(ratio) == pytest.approx(1 - 1.5 / ratio + 0.5 / ratio**3, rel=0.02)
    assert springback(ratio) == pytest.approx(fibre_springback(ratio), rel=0.02)


def test_limit_load_of_a_simply_supported_square_plate():
    """25.0 M_p / a² for von Mises (between 24.86 and 26.54, Hodge & Belytschko, J. Appl. Mech. 35 (1968) 796); the
    yield lines of Johansen give 24."""
    carried = limit_load(24)
    assert carried == pytest.approx(25.0, rel=0.05)
    assert carried == pytest.approx(24.0, rel=0.05)


@pytest.mark.slow
def test_dent_has_converged_at_the_production_setting():
    depth, size, _ = dent(1, 4, pressing.OPTIONS)
    fine_depth, fine_size, _ = dent(2, 16, NewtonOptions(tolerance=1e-4, forcing=0.05, max_inner=200))
    assert depth == pytest.approx(fine_depth, rel=0.05)
    assert size == pytest.approx(fine_size, rel=0.05)


def test_residual_depth_grows_with_the_load():
    depths = [dent(1, 4, pressing.OPTIONS, depth=d)[0] for d in (0.3, 0.5, 0.8, 1.2)]
    assert np.all(np.diff(depths) > 0.05 * depths[-1])


def test_unloading_is_elastic_and_reversible():
    """Half the load lies half way between loaded and released shape, and loading again brings the loaded shape back."""
    n = 32
    y, x = np.mgrid[:n, :n] - n / 2
    plate = make_plate(uniform_base((n, n), 3.0**-4), poisson_ratio=NU, hardening=0.01)
    pressure = 1.0 * np.exp(-(x**2 + y**2) / 12)
    loaded, pressed = equilibrate(plate, rest((n, n)), pressure=pressure, options=TIGHT)
    assert pressed.yielding > 20
    half, report = equilibrate(plate, loaded, pressure=0.5 * pressure, options=TIGHT)
    free, freed = release(plate, half, options=TIGHT)
    again, _ = equilibrate(plate, free, pressure=pressure, options=TIGHT)
    assert report.yielding == freed.yielding == 0
    assert free.w.max() > 0.05 * loaded.w.max()
    np.testing.assert_allclose(half.w, 0.5 * (loaded.w + free.w), rtol=0, atol=1e-5 * loaded.w.max())
    np.testing.assert_allclose(elastic_rebound(plate, loaded), free.w, rtol=0, atol=1e-5 * loaded.w.max())
    np.testing.assert_allclose(again.w, loaded.w, rtol=0, atol=1e-5 * loaded.w.max())


def test_load_balances_the_base():
    """Without plasticity of the base the pressure's resultant is that of the base: ∫p = ∫k w."""
    n = 32
    pressure = np.zeros((n, n))
    pressure[10:14, 12:20] = 0.3
    plate = make_plate(uniform_base((n, n), 3.0**-4), poisson_ratio=NU)
    state, _ = equilibrate(plate, rest((n, n)), pressure=pressure, options=TIGHT)
    assert 3.0**-4 * state.w.sum() == pytest.approx(pressure.sum(), rel=1e-6)
    assert math.isclose(state.peak.min(), 1.0)

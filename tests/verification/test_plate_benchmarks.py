"""The production plate solver against closed forms: Timoshenko & Woinowsky-Krieger, limit analysis, springback."""

import math

import numpy as np
import pytest

from maphc2f.defects import pressing
from maphc2f.errors import SimulationRejected
from maphc2f.kernels import plate as kernels
from maphc2f.solvers import plate as solver
from maphc2f.solvers.plate import NewtonOptions, elastic_rebound, equilibrate, make_plate, release, rest

NU = 0.3
TIGHT = NewtonOptions(tolerance=1e-8, forcing=1e-3, max_inner=2000)
SMALL = 1e-9
"""Load far below yield."""


def uniform_base(shape, stiffness, crush=1e30, ratio=0.03):
    return np.stack([np.full(shape, v) for v in (stiffness, crush, ratio)])


def odd_extension(load):
    """Continue a load on the inner nodes of a plate to a period of twice its side: its edges are simply supported."""
    n = load.shape[0] + 1
    full = np.zeros((2 * n, 2 * n))
    full[1:n, 1:n] = load
    full[n + 1 :, 1:n] = -load[::-1]
    full[1:n, n + 1 :] = -load[:, ::-1]
    full[n + 1 :, n + 1 :] = load[::-1, ::-1]
    return full


def supported_deflection(n, load):
    plate = make_plate(uniform_base((2 * n, 2 * n), 1e-4 / n**4), poisson_ratio=NU)
    state, _ = equilibrate(plate, rest((2 * n, 2 * n)), pressure=odd_extension(load), options=TIGHT)
    return state.w[n // 2, n // 2]


def clamped_deflection(n, load):
    """Hold all nodes outside with a stiff base; the plate's edge lies half a cell beyond the first held node."""
    size = n + 9
    base = uniform_base((size, size), 1e5)
    base[0, 5 : n + 4, 5 : n + 4] = 0
    pressure = np.zeros((size, size))
    pressure[5 : n + 4, 5 : n + 4] = load
    plate = make_plate(base, poisson_ratio=NU)
    state, _ = equilibrate(plate, rest((size, size)), pressure=pressure, options=TIGHT)
    return state.w[4 + n // 2, 4 + n // 2]


def point(n):
    load = np.zeros((n - 1, n - 1))
    load[n // 2 - 1, n // 2 - 1] = SMALL
    return load


def test_production_uses_the_kernels_that_are_verified_here():
    assert pressing.equilibrate is solver.equilibrate
    assert solver.kernels is kernels


@pytest.mark.parametrize(("load", "factor"), [(np.full((47, 47), SMALL), 0.0040624 * 48**2), (point(48), 0.0116008)])
def test_simply_supported_square_plate(load, factor):
    """w = 0.00406 q a⁴/D and 0.01160 P a²/D in the middle (Timoshenko & Woinowsky-Krieger 1959, tables 8 and 23)."""
    assert supported_deflection(48, load) == pytest.approx(factor * SMALL * 48**2, rel=0.02)


@pytest.mark.parametrize(("load", "factor"), [(np.full((39, 39), SMALL), 0.0012653 * 41**2), (point(40), 0.005612)])
def test_clamped_square_plate(load, factor):
    """w = 0.00126 q a⁴/D and 0.00560 P a²/D in the middle (same book, tables 35 and 37)."""
    assert clamped_deflection(40, load) == pytest.approx(factor * SMALL * 41**2, rel=0.02)


def manufactured_error(n):
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


def test_manufactured_solution_converges_at_second_order():
    sizes = np.array([24, 48, 96])
    errors = np.array([manufactured_error(n) for n in sizes])
    slope = -np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert 1.9 < slope < 2.1
    assert errors[-1] < 5e-3


def strip_moment(curvature):
    """Bend a strip (Myy = 0) to ``curvature`` κ_y in one step; return Mxx in units of D κ_y."""
    low, high = -curvature, 0.0
    for _ in range(80):
        across = 0.5 * (low + high)
        kappa = np.array([curvature, across, 0.0]).reshape(3, 1, 1)
        moments, fresh, tangent, peak = np.empty((3, 1, 1)), np.empty((3, 1, 1)), np.empty((5, 1, 1)), np.empty((1, 1))
        kernels.bend(kappa, np.zeros((3, 1, 1)), np.ones((1, 1)), NU, 0.0, moments, tangent, fresh, peak)
        low, high = (across, high) if moments[1, 0, 0] < 0 else (low, across)
    return moments[0, 0, 0]


@pytest.mark.parametrize("ratio", [1.2, 2.0, 5.0, 20.0])
def test_springback_of_a_strip(ratio):
    """k_res/k = 1 - 3/2 (k_y/k) + 1/2 (k_y/k)³; checked against fibres of elastic-perfectly plastic material, too."""
    residual = 1 - strip_moment(ratio) / ((1 - NU**2) * ratio)
    assert residual == pytest.approx(1 - 1.5 / ratio + 0.5 / ratio**3, rel=0.02)
    depth = (np.arange(4000) + 0.5) / 4000
    fibres = 3 * np.mean(depth * np.minimum(ratio * depth, 1.0))
    assert residual == pytest.approx(1 - fibres / ratio, rel=0.02)


def limit_load(n):
    """Return the last load, in M_p / a², that a simply supported plate carries; steps of 1 %."""
    plate = make_plate(uniform_base((2 * n, 2 * n), 1e-4 / n**4), poisson_ratio=NU)
    state, options = rest((2 * n, 2 * n)), NewtonOptions(tolerance=1e-3, forcing=0.05, max_steps=40, max_inner=400)
    unit = 1.5 * (1 - NU**2) / n**2
    carried, first = 0.0, None
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
        carried = load
    return carried


def test_limit_load_of_a_simply_supported_square_plate():
    """25.0 M_p / a² for von Mises (between 24.86 and 26.54, Hodge & Belytschko, J. Appl. Mech. 35 (1968) 796); the
    yield lines of Johansen give 24."""
    carried = limit_load(24)
    assert carried == pytest.approx(25.0, rel=0.05)
    assert carried == pytest.approx(24.0, rel=0.05)


def dent(refine, steps, options, depth=1.0):
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
    deepest = residual.w.max()
    return deepest / refine**2, pressing.equivalent_diameter(residual.w, 0.1 * deepest) / refine, report


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

"""The plate under a tool: equilibrium, unloading, energy, thin and thick plates."""

from __future__ import annotations

import math

import numpy as np
import pytest

from maphc2f.solvers.plasticity import (
    Plate,
    State,
    at_rest,
    cell_fields,
    edge_depth,
    edge_pressure,
    make_plate,
    press_on,
    release,
    unbalance,
    unrest,
)

SHAPE = (20, 40)
X = np.arange(SHAPE[1]) - 0.5 * (SHAPE[1] - 1)


def gaps(*depths: float) -> np.ndarray:
    return np.stack([depth - 0.05 * X**2 for depth in depths])


def plate(**choices) -> Plate:
    return make_plate(SHAPE, **({"poisson_ratio": 0.3, "yield_stress": 0.01, "hardening": 0.01} | choices))


def loaded(some: Plate, depth: float = 2.0, steps: int = 600) -> State:
    return press_on(some, at_rest(some), gaps(0.0, depth), steps)


def strain_energy(some: Plate, state: State) -> float:
    """Half of stress times elastic strain, summed: tr² / 18 K + s : s / 4 G in cells, shear² / 2 G at corners."""
    pressure, body, law = state.scratch[10].astype(float), state.body, some.law
    normal = body.dx.astype(float) ** 2 + body.dy.astype(float) ** 2 + body.dx.astype(float) * body.dy
    return float((pressure**2 / (2 * law.bulk) + (normal + body.shear.astype(float) ** 2) / (2 * law.shear)).sum())


def test_states_are_not_changed_in_place():
    some = plate()
    first = loaded(some)
    kept = [a.copy() for a in first.body]
    press_on(some, first, gaps(2.0, 3.0), 50)
    release(some, first, 50)
    assert all(np.array_equal(a, b) for a, b in zip(first.body, kept, strict=True))


def test_the_edge_stays_out_of_the_tool():
    some = plate()
    depth = edge_depth(some, loaded(some))
    assert (depth >= gaps(2.0)[0] - 1e-5).all()
    assert depth.max() == pytest.approx(gaps(2.0).max(), abs=0.1)


def test_release_comes_to_rest_in_equilibrium_with_residual_stress():
    some = plate()
    state = loaded(some)
    short, long = release(some, state, 60), release(some, state, 1500)
    assert unbalance(some, long) < 0.02 < unbalance(some, short)
    assert unrest(some, long) < 1e-3 < unrest(some, short)
    assert np.abs(long.body.shear).max() > 0.1 * some.law.yield_shear
    assert 0.3 * 2 < edge_depth(some, long).max() < edge_depth(some, state).max()


def test_a_hard_plate_springs_back_whole():
    some = plate(yield_stress=10.0)
    released = release(some, loaded(some), 3000)
    assert np.abs(released.body.uy).max() < 2e-3 * 2.0
    assert not released.body.flow.any()


def test_unloading_gives_back_what_the_yield_stress_allows():
    """Springback goes with σ_y / E: three times the stress gives back about three times as much."""
    backs = []
    for stress in (0.003, 0.009):
        some = plate(yield_stress=stress, hardening=0.0)
        state = loaded(some, steps=4000)
        backs.append(edge_depth(some, state).max() - edge_depth(some, release(some, state, 2000)).max())
    assert backs[1] / backs[0] == pytest.approx(3.0, rel=0.15)


@pytest.mark.parametrize("thickness", [math.inf, 8.0])
def test_work_is_stored_or_dissipated(thickness):
    """The tool's work is the elastic energy and what flow takes, which is positive.

    k γ is the power of the cells' flow. Shear flows at the corners by itself and takes more near the tool's edge.
    """
    some = plate(thickness=thickness, hardening=0.0)
    state, work, before = at_rest(some), 0.0, np.zeros(SHAPE[1])
    for depth in np.linspace(0, 2, 41)[1:]:
        state = press_on(some, state, gaps(depth - 0.05, depth), 200)
        now = edge_depth(some, state).astype(float)
        touched = now <= gaps(depth)[0] + 1e-4
        work += float((edge_pressure(some, state) * (now - before))[touched].sum())
        before = now
    stored = strain_energy(some, state)
    dissipated = some.law.yield_shear * float(state.body.flow.sum())
    assert 0.05 * work < stored < 0.3 * work
    assert 0.8 * work < stored + dissipated < work


def test_plastic_strain_keeps_the_volume():
    """What is pushed in comes out again but for the elastic part: K tr e = 3 p in the whole plate."""
    some = plate(thickness=math.inf, yield_stress=0.002, hardening=0.0)
    state = loaded(some, steps=3000)
    volume = float(state.scratch[10].sum(dtype=float)) / some.law.bulk
    assert volume == pytest.approx(-float(edge_depth(some, state).sum(dtype=float)), abs=0.05)
    assert abs(volume) < 0.1 * 2.0 * 12


def test_thickness_strain_obeys_its_equation():
    """(t² / 12) G ∇²e_zz = s_zz inside, at rest."""
    some = plate(thickness=6.0, yield_stress=10.0)
    state = press_on(some, loaded(some, 0.5), gaps(0.5, 0.5), 6000)
    shape = (SHAPE[0] + 2, SHAPE[1] + 2)
    ez = state.body.ez.reshape(shape).astype(float)
    stress = (state.scratch[10] - state.body.dx - state.body.dy).reshape(shape).astype(float)
    inner = (slice(2, -2), slice(2, -2))
    laplacian = ez[1:-3, 2:-2] + ez[3:-1, 2:-2] + ez[2:-2, 1:-3] + ez[2:-2, 3:-1] - 4 * ez[inner]
    assert np.abs(stress[inner]).max() > 1e-3
    np.testing.assert_allclose(some.law.shear * some.law.stretch * laplacian, stress[inner], atol=2e-5)


def test_thin_plates_thicken_and_thick_ones_do_not():
    thick, thin = (cell_fields(some, loaded(some)) for some in (plate(), plate(thickness=1.0)))
    assert not thick.stretch.any()
    assert thin.stretch.max() > 0.05
    assert -thick.displacement[0].min() > 2 * -thin.displacement[0].min()


def test_the_same_steps_give_the_same_bytes():
    some = plate(thickness=5.0)
    assert loaded(some).body.ux.tobytes() == loaded(some).body.ux.tobytes()

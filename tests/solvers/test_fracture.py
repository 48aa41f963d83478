"""Load control: targets, reports, units."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from maphc2f.solvers.fracture import (
    Elasticity,
    LoadControl,
    Sheet,
    State,
    energies,
    grow,
    onset_strain,
    opening_unit,
    strain_unit,
    surface_density,
)

ONE = np.ones((48, 48), np.float32)
CONTROL = LoadControl(first=0.3, last=1.2)


def sheet():
    notch = np.zeros((48, 48), bool)
    notch[17:31, 24] = True
    return Sheet(Elasticity.orthotropic(0.25), ONE, ONE, 0.2 * ONE, notch, 25.0, nucleation=3.0)


def longer(state, target):
    return np.count_nonzero(state.damage > 0.5) >= target


def test_growth_passes_its_targets_in_order_and_stops():
    result = grow(sheet(), CONTROL, (60, 75, 90), longer)
    assert result.stop == "target"
    cells = [np.count_nonzero(s.damage > 0.5) for s in result.states]
    assert all(target <= n < target + 12 for target, n in zip((60, 75, 90), cells, strict=True))
    assert result.states[0].step < result.states[-1].step == result.steps
    assert (result.states[1].damage >= result.states[0].damage).all()
    assert 0 < result.residual < 0.5
    assert 0.3 < result.load < 1.2


def test_two_runs_give_the_same_bits():
    a, b = (grow(sheet(), CONTROL, (60, 90), longer).states[-1] for _ in range(2))
    for name in ("damage", "ux", "uy"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_too_weak_a_load_ends_quietly():
    result = grow(sheet(), dataclasses.replace(CONTROL, last=0.31, checks=60), (90,), longer)
    assert result.stop == "quiet"
    assert result.states == ()
    # At rest the sheet is in equilibrium, up to the damping that is left.
    assert result.residual < 0.02


def test_step_cap_ends_a_run():
    assert grow(sheet(), dataclasses.replace(CONTROL, max_steps=40), (1000,), longer).stop == "step_cap"


def test_fracture_energy_grows_by_the_new_surface():
    """Toughness 1: the growth of the AT1 energy is the growth of the crack, within the wake's 15 %."""
    result = grow(sheet(), CONTROL, (60, 100), longer)
    first, last = (surface_density(s.damage, 2.0) for s in result.states)
    rows = [np.ptp(np.flatnonzero((s.damage > 0.5).any(axis=1))) for s in result.states]
    assert (last - first) / (rows[1] - rows[0]) == pytest.approx(1.0, abs=0.15)
    assert energies(result.states[-1], sheet())[2] == pytest.approx(last, rel=1e-4)


def test_energies_of_a_uniform_state():
    state = State(0 * ONE, np.zeros((48, 49), np.float32), np.zeros((49, 48), np.float32), 0.5, 0)
    s = sheet()
    e = s.elasticity
    expected = 0.5 * 0.25 * 48**2 * (e.c11 + 0.04 * e.c22 + 0.4 * e.c12)
    elastic, ground, fracture = energies(state, s)
    assert elastic == pytest.approx(expected * (1 + 1e-4), rel=1e-5)
    assert ground == fracture == 0


def test_orthotropic_constants_invert_to_the_engineering_ones():
    e = Elasticity.orthotropic(0.3, 0.1, 0.08)
    compliance = np.linalg.inv([[e.c11, e.c12], [e.c12, e.c22]])
    assert 1 / compliance[0, 0] == pytest.approx(1.0)
    assert 1 / compliance[1, 1] == pytest.approx(0.1)
    assert -compliance[0, 1] == pytest.approx(0.3)


def test_units_agree_with_griffith():
    """One unit of strain times one unit of length is one unit of opening; E e² h = Gc."""
    E, Gc, h = 70e9, 8.0, 2e-5
    assert strain_unit(E, Gc, h) * h == pytest.approx(opening_unit(E, Gc, h))
    assert E * strain_unit(E, Gc, h) ** 2 * h == pytest.approx(Gc)
    assert onset_strain(Elasticity(1, 1, 0, 0.5), 2.0, (1, 0)) == pytest.approx(np.sqrt(3 / 16))

"""Phase field against Stefan and against the production pit, shrinking circle, blister limits, dying fields."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import kks
from benchmarks.physics_corrosion import (
    FAINT,
    blister_rows,
    circle_rows,
    fading_costs,
    grown_pit,
    grown_reference,
    opening_rows,
    von_karman_height,
)
from benchmarks.physics_pitting import ACCURATE, STEEL, pencil, stefan_rate, wire
from maphc2f.kernels import diffusion
from maphc2f.solvers import pitting

TINIEST = np.finfo(np.float32).tiny


def wire_reference(spacing: float, depth: float, until: tuple[float, ...]) -> np.ndarray:
    """Corrode a wire from a seed of 6 µm with the phase field; depths at the times ``until``, m."""
    cells = round(depth / spacing)
    liquid = (np.arange(cells)[:, None] + 0.5) * spacing < 6e-6
    alloy = kks.scaled(kks.published(), spacing / 1e-6, 1.0, 0.3)
    state = kks.sound_metal(alloy, spacing, liquid, np.array([True]))
    depths = []
    for time in until:
        kks.corrode(state, time)
        depths.append(kks.depth_below(state, 0))
    return np.array(depths)


def slope(depths: np.ndarray, times: tuple[float, ...]) -> float:
    """Return k of s² = k² (t - t₀), m/√s."""
    return float(np.sqrt(np.polyfit(times, depths**2, 1)[0]))


def test_the_phase_field_reproduces_stefan() -> None:
    """K1 by the reference itself: 7.881 µm/√s, here 1 % at an interface twice as thick as published."""
    times = (15.0, 25.0, 35.0)
    rate = stefan_rate(pitting.Electrolyte(**STEEL, reaction_rate=1.0))
    assert slope(wire_reference(2e-6, 80e-6, times), times) == pytest.approx(rate, rel=0.015)


@pytest.mark.slow
def test_the_phase_field_reaches_118_micrometres_in_225_seconds() -> None:
    """From a seed of 6 µm the clock starts 0.58 s late: s² = s₀² + k² t is used to correct for it."""
    depth = wire_reference(1e-6, 150e-6, (225.0,))[0]
    assert np.sqrt(depth**2 - 6e-6**2) == pytest.approx(118.2e-6, rel=0.01)


def test_phase_field_and_production_agree_on_the_wire() -> None:
    times = (15.0, 25.0, 35.0)
    pits = pencil(pitting.Electrolyte(**STEEL, reaction_rate=1.0), 60e-6, 50, ACCURATE)
    ours = pits.dissolved * pits.grid.layer / np.sqrt(pits.seconds)
    assert ours == pytest.approx(slope(wire_reference(2e-6, 80e-6, times), times), rel=0.03)


def test_the_phase_field_keeps_its_mass() -> None:
    """With the mouth closed nothing is lost."""
    liquid = np.zeros((20, 1), bool)
    liquid[:5] = True
    state = kks.sound_metal(kks.scaled(kks.published(), 2.0, 1.0, 0.3), 2e-6, liquid, np.array([False]))
    kks.corrode(state, 1.0)
    assert state.content.sum() == pytest.approx(15.0, rel=1e-12)


def test_a_pit_below_an_opening_agrees_with_the_phase_field() -> None:
    assert [row.quantity for row in opening_rows(full=False) if not row.passes] == []


def test_the_comparison_sees_a_slower_pit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A diffusivity 8 % too low in the production solver falls outside the band."""
    times = grown_reference(2e-6)[:, 0]
    monkeypatch.setitem(STEEL, "diffusivity", 0.92 * STEEL["diffusivity"])
    ours = grown_pit(2e-6)[:, 0]
    assert abs((ours[1] - ours[0]) / (times[1] - times[0]) - 1) > 0.05


@pytest.mark.slow
def test_a_fine_pit_below_an_opening_agrees_with_the_phase_field() -> None:
    assert [row.quantity for row in opening_rows(full=True) if not row.passes] == []


@pytest.mark.parametrize("full", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_circles_shrink_and_blisters_rise_as_they_must(full: bool) -> None:
    assert [row.quantity for row in (*circle_rows(full), *blister_rows(full)) if not row.passes] == []


def test_von_karman_is_linear_at_first_and_then_as_published() -> None:
    assert von_karman_height(1e-3) == pytest.approx(1e-3, rel=1e-3)
    # Weil & Newmark (1956), J. Appl. Mech. 23:371: w₀/t at p a⁴/(E t⁴) = 1, 6 and 15; p a⁴/(64 D t) is 0.1706 of it.
    for load, height in ((1.0, 0.169), (6.0, 0.761), (15.0, 1.279)):
        assert von_karman_height(0.1875 * (1 - 0.3**2) * load) == pytest.approx(height, rel=0.02)


def test_a_dying_field_costs_no_more_than_a_live_one() -> None:
    """The limit leaves room for a busy machine: denormal numbers cost ten times as much on many processors."""
    runs = [fading_costs() for _ in range(3)]
    assert all(min(run[name] for run in runs) < 1.5 for name in runs[0])


def test_dying_fields_end_at_zero() -> None:
    """Whatever they cost here: no denormal number is left in either kernel's fields."""
    ions, oxygen, source = (np.full((12, 12), value, np.float32) for value in (FAINT, 1.0, 0.0))
    diffusion.relax_layer(ions, oxygen, source, np.ones_like(ions), 1.5, 3.0, 0.0, 0.0, 2)
    pits = wire(1e-3)
    while pits.dissolved < 20:
        pitting.advance(pits, ACCURATE)
    pits.velocity[pits.velocity > 0] = 0.0
    pits.conc[:], pits.store[:] = pits.conc * np.float32(FAINT), pits.store * np.float32(FAINT)
    pitting.advance(pits, ACCURATE)
    for field in (ions[1:-1, 1:-1], pits.conc):
        assert not ((field > 0) & (field < TINIEST)).any()

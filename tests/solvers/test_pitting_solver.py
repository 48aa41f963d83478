"""Behaviour of the pitting solver that the benchmarks do not cover: film, repassivation, what is seen from above."""

from __future__ import annotations

import numpy as np
import pytest

from maphc2f.kernels import pitting as kernel
from maphc2f.solvers import pitting

STEEL = pitting.Electrolyte(143e3, 5.1e3, 8.5e-10, 1e-6, boundary_layer=2e-5)
CONTROL = pitting.StepControl()


def block(n: int = 24, layers: int = 8, cover: float = 0.5, medium: pitting.Electrolyte = STEEL) -> pitting.Pits:
    grid = pitting.PitGrid((layers, n, n), 1e-5, 1e-5)
    return pitting.intact(grid, medium, np.ones(grid.shape, np.float32), np.full((n, n), cover, np.float32))


def grown(pits: pitting.Pits, steps: int) -> pitting.Pits:
    middle = np.array([pits.grid.shape[1] // 2])
    pitting.break_film(pits, middle, middle)
    for _ in range(steps):
        pitting.advance(pits, CONTROL)
    return pits


def test_nothing_happens_below_an_intact_film():
    pits = block()
    pitting.advance(pits, CONTROL)
    assert pits.dissolved == 0
    assert not pitting.seen_depth(pits).any()


def test_depth_never_recovers():
    pits = grown(block(), 1)
    before = pitting.seen_depth(pits)
    for _ in range(40):
        pitting.advance(pits, CONTROL)
        depth = pitting.seen_depth(pits)
        assert (depth >= before).all()
        before = depth
    assert before.max() > 4e-5


def test_single_pit_keeps_the_symmetry_of_the_grid():
    pits = grown(block(25), 40)
    depth = pitting.seen_depth(pits)
    largest = depth.max()
    for turned in (depth[::-1], depth[:, ::-1], depth.T):
        assert np.abs(depth - turned).max() < 0.02 * largest


def test_a_tight_film_slows_growth_and_narrows_the_mouth():
    open_pit, covered = grown(block(cover=0.95), 50), grown(block(cover=0.02), 50)
    rate_open, rate_covered = (p.dissolved / p.seconds for p in (open_pit, covered))
    assert rate_covered < 0.8 * rate_open


def test_dilute_walls_repassivate_and_concentrated_ones_stay_bare():
    pits = grown(block(), 40)
    pits.protection[:] = 2.0
    pitting.repassivate(pits)
    dissolved = pits.dissolved
    for _ in range(5):
        pitting.advance(pits, CONTROL)
    assert pits.dissolved == pytest.approx(dissolved, rel=1e-6)
    pits.protection[:] = 0.0
    pitting.repassivate(pits)
    pitting.advance(pits, CONTROL)
    assert pits.dissolved > dissolved * (1 + 1e-6)


def test_partial_repassivation_stops_the_dilute_walls_only():
    pits = grown(block(), 40)
    front = pits.cells[: pits.count][pits.state[pits.cells[: pits.count]] == 1]
    pits.protection[:] = np.median(pits.conc[front])
    pitting.repassivate(pits)
    asleep = pits.asleep[front]
    assert 0.1 < asleep.mean() < 0.7  # many walls are saturated alike
    assert pits.conc[front][asleep].max() <= pits.conc[front][~asleep].min()


def test_a_repassivated_wall_wakes_only_well_above_its_protection_concentration():
    pits = grown(block(), 30)
    front = pits.cells[: pits.count][pits.state[pits.cells[: pits.count]] == 1]
    pits.protection[:] = 0.5
    for conc, asleep in ((0.6, False), (0.49, True), (0.6, True), (0.64, True), (0.66, False)):
        pits.conc[front] = conc
        pitting.repassivate(pits)
        assert (pits.asleep[front] == asleep).all()
        assert ((pits.velocity[front] == 0) == asleep).all()


def test_seen_depth_stops_at_the_first_metal():
    pits = block(4, 5)
    liquid = pits.liquid.reshape(pits.grid.padded)
    liquid[1:4, 1, 1] = (1.0, 1.0, 0.25)
    liquid[1:4, 2, 2] = (0.5, 1.0, 1.0)  # a cavity below a lid
    liquid[1:6, 3, 3] = 1.0
    depth = pitting.seen_depth(pits) / pits.grid.layer
    assert depth[0, 0] == pytest.approx(2.25)
    assert depth[1, 1] == pytest.approx(0.5)
    assert depth[2, 2] == pytest.approx(5.0)
    assert depth.sum() == pytest.approx(7.75)


def test_seconds_do_not_depend_on_the_units_of_the_grid():
    """The same pit on a grid of half the spacing takes as long to reach the same depth, within the grid's error."""
    times = []
    for cells in (20, 40):
        grid = pitting.PitGrid((cells, 1, 1), 1e-4 / cells, 1e-4 / cells)
        pits = pitting.intact(grid, STEEL, np.ones(grid.shape, np.float32), np.zeros((1, 1), np.float32))
        pitting.break_film(pits, np.array([0]), np.array([0]))
        control = pitting.StepControl(target=0.05, tolerance=1e-5, max_sweeps=900, omega=1.8)
        while pits.dissolved < 0.8 * cells:
            pitting.advance(pits, control)
        times.append(pits.seconds)
    assert times[0] == pytest.approx(times[1], rel=0.02)


@pytest.mark.parametrize(
    "bad", [{"diffusivity": 0.0}, {"reaction_rate": -1.0}, {"boundary_layer": -1e-6}, {"saturation_concentration": 2e5}]
)
def test_constants_without_meaning_are_refused(bad):
    good = {"solid_concentration": 143e3, "saturation_concentration": 5e3, "diffusivity": 1e-9, "reaction_rate": 1e-7}
    with pytest.raises(ValueError, match="must"):
        pitting.Electrolyte(**{**good, **bad})


def lid(width: int, span: float) -> pitting.Pits:
    """A film of openness 0.6 over a hollow ``width`` cells wide and one layer deep, just before its first step."""
    grid = pitting.PitGrid((3, 31, 31), 1e-5, 1e-5)
    pits = pitting.intact(grid, STEEL, np.ones(grid.shape, np.float32), np.full((31, 31), 0.6, np.float32), span)
    liquid = pits.liquid.reshape(grid.padded)
    first = 16 - width // 2
    liquid[1, first : first + width, first : first + width] = 1.0
    pits.undercut[:] = liquid[1]
    pitting.advance(pits, CONTROL)
    return pits


def test_a_lid_is_tight_at_its_rim_and_open_inside():
    openness = lid(19, 2e-5).openness.reshape(33, 33)
    assert openness[16, 16] == pytest.approx(0.6, rel=1e-3)
    assert openness[16, 7] < 0.2 * 0.6  # half a cell inside the rim
    assert 0.3 * 0.6 < openness[16, 9] < 0.9 * 0.6
    assert openness[16, :7].max() == 0.0
    assert lid(3, 2e-5).openness.max() < 0.1 * 0.6  # a small lid holds all over
    assert lid(3, 0.0).openness.reshape(33, 33)[16, 16] == pytest.approx(0.6)


def test_lids_are_those_of_the_end_of_the_step():
    pits = lid(9, 1e-5)
    liquid = pits.liquid.reshape(pits.grid.padded)
    now = pits.openness.copy()
    pits.undercut[:] = 0.5 * liquid[1]  # it dissolved half of itself in the last step
    pits.step = pits.last_step
    liquid[1] *= 0.75
    pitting.advance(pits, CONTROL)
    assert pits.openness == pytest.approx(now, abs=1e-6)


@pytest.mark.parametrize("stretch", [0.5, 2.0])
def test_a_film_narrows_the_still_solution_and_not_the_cell(stretch):
    """From the centre of a liquid cell to the bulk: half the cell and, m times as narrow, the boundary layer."""
    state, openness = np.full(4, 2, np.uint8), np.array([0.25, 1.0], np.float32)
    ways = [
        1.0 / (stretch * kernel._mouth(np.ones(4, np.float32), state, openness, p, 2, stretch, 3.0)) for p in (2, 3)
    ]
    assert ways == pytest.approx([0.5 * stretch + 12.0, 0.5 * stretch + 3.0])

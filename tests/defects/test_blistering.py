"""Blisters: delamination from flaws, kinetics of the front, heights, rejection."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import label

from maphc2f.bundled import load_materials
from maphc2f.defects import blistering
from maphc2f.defects.corrosion import FAMILY, SCENARIOS
from maphc2f.defects.corrosion_scenarios import draw_numbers
from maphc2f.errors import SimulationRejected
from maphc2f.rng import stream
from maphc2f.sample import Simulation, SimulationRequest
from maphc2f.solvers import pitting

PAINT = load_materials()["paint"]
STAGES = (0.4, 0.6, 0.8, 1.0)
ONE_FLAW = {"pits": (1.0, 1.0), "heterogeneity": (0.0, 0.0), "permeability": (0.0, 0.0)}


def made(seed: int = 1, size: float = 3e-3, **parameters: tuple[float, float]) -> Simulation:
    request = SimulationRequest("blister", PAINT, size, STAGES, 256 * 5e-5, 5e-5, parameters)
    for attempt in range(6):
        try:
            return FAMILY.simulate(request, stream(seed, "blister", attempt))
        except SimulationRejected:
            continue
    pytest.fail(f"seed {seed}: six rejections in a row")


def test_films_that_yield_blister() -> None:
    suited = {name for name, material in load_materials().items() if SCENARIOS["blister"].suits(material)}
    assert {"paint", "solder_resist", "leather"} <= suited
    assert not {"steel", "glaze", "glass", "wood"} & suited


@pytest.mark.parametrize("seed", range(3))
def test_the_film_rises_where_it_lost_its_hold(seed: int) -> None:
    for snapshot in made(seed).snapshots:
        assert snapshot.depth is not None
        assert snapshot.product is None
        inside = snapshot.extent >= snapshot.threshold
        assert snapshot.depth.min() >= 0
        assert snapshot.depth[inside].sum() > 0.97 * snapshot.depth.sum()
        # Even at the rim, where the film lies flat: most of the mask is lifted.
        assert (snapshot.depth[inside] > 0.02 * snapshot.depth.max()).mean() > 0.7


def test_stages_grow_in_one_history() -> None:
    simulation = made(2)
    for early, late in pairwise(simulation.snapshots):
        assert early.size < late.size
        assert (early.extent <= late.extent + 1e-3).all()
        assert early.depth is not None
        assert late.depth is not None
        assert early.depth.max() < late.depth.max()


def test_height_is_the_radius_times_the_root_of_the_strain() -> None:
    """A lone round blister under the pressure for strain ε rises by about a √ε: what ``strain`` promises."""
    simulation = made(3, strain=(0.02, 0.02), **ONE_FLAW)
    ratio = simulation.parameters["height"] / (0.5 * simulation.snapshots[-1].size)
    assert ratio == pytest.approx(np.sqrt(0.02), rel=0.12)
    assert simulation.parameters["pressure"] < blistering.MOLAR_PRESSURE


def test_neighbouring_blisters_coalesce() -> None:
    counts = []
    for seed in range(6):
        simulation = made(seed, pits=(8.0, 8.0), scatter=(0.2, 0.2), lag=(0.1, 0.1))
        counts.append([label(s.extent >= s.threshold)[1] for s in simulation.snapshots])
    assert max(max(row) for row in counts) >= 3
    assert any(row[-1] < max(row) for row in counts)


@pytest.mark.parametrize(("control", "low", "high"), [(20.0, 0.9, 1.1), (0.002, 0.4, 0.6)])
def test_delamination_is_linear_under_reaction_and_a_root_under_transport(
    control: float, low: float, high: float
) -> None:
    """The front of a straight strip that starts from an open side: exponent 1 and ½ (Leng et al. 1998)."""
    size, spacing = 60.0 * 5e-5, 5e-5
    medium = blistering.medium({"bond": 20.0, "control": control, "flaw": 8.0}, size, spacing)
    grid = pitting.PitGrid((1, 1, 90), spacing, spacing)
    pits = pitting.intact(grid, medium, np.ones(grid.shape, np.float32), np.zeros((1, 90), np.float32))
    pitting.break_film(pits, np.array([0]), np.array([0]))
    times, depths = [], []
    while pits.dissolved < 60:
        pitting.advance(pits, pitting.StepControl(target=0.2, tolerance=1e-5, max_sweeps=500, omega=1.9))
        times.append(pits.seconds)
        depths.append(pits.dissolved)
    late = np.array(depths) > 15
    exponent = np.polyfit(np.log(np.array(times)[late]), np.log(np.array(depths)[late]), 1)[0]
    assert low < exponent < high


def test_a_stiff_film_over_a_small_blister_is_rejected() -> None:
    thick = PAINT.model_copy(update={"coating_thickness": 2e-3})
    request = SimulationRequest("blister", thick, 1e-3, (1.0,), 256 * 5e-5, 5e-5, ONE_FLAW)
    with pytest.raises(SimulationRejected, match="stays flat"):
        FAMILY.simulate(request, stream(0, "stiff"))


def test_borders_are_intact() -> None:
    for snapshot in made(4).snapshots:
        rim = np.ones(snapshot.extent.shape, dtype=bool)
        rim[1:-1, 1:-1] = False
        assert not snapshot.extent[rim].any()
        assert snapshot.depth is not None
        assert not snapshot.depth[rim].any()


@pytest.mark.parametrize("permeability", [0.0, 0.02, 0.3])
def test_sound_film_conducts_the_stated_share_of_a_flaw(permeability: float) -> None:
    """Whatever the flaw: ``permeability`` is the conductance of film over that of a flaw, cell by cell."""
    numbers = {**draw_numbers(SCENARIOS["blister"], {}, stream(1, "share")), "permeability": permeability, "flaw": 5.0}
    asked = SimulationRequest("blister", PAINT, 3e-3, STAGES, 256 * 5e-5, 5e-5)
    pits = blistering._bonded(asked, numbers, 40, stream(2, "share"))
    layer, cover = pits.medium.boundary_layer / pits.grid.spacing, pits.cover.reshape(42, 42)[1:-1, 1:-1]
    share = (0.5 + layer) / (0.5 + layer / np.maximum(cover, 1e-30))
    assert np.median(share) == pytest.approx(permeability, rel=0.2, abs=1e-12)

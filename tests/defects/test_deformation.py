"""The deformation family: every scenario repeats, grows, ends at its size and keeps the contract of its fields."""

import numpy as np
import pytest
from scipy import ndimage

from maphc2f.defects import marking, wrinkling
from maphc2f.defects.deformation import FAMILY, SCENARIOS
from maphc2f.defects.relief import SLOPE_LIMIT, equivalent_diameter, profile_length
from maphc2f.errors import SimulationRejected, UserError
from maphc2f.manifest import load_materials
from maphc2f.rng import stream
from maphc2f.sample import SimulationRequest

STAGES = (0.4, 0.7, 1.0)
MATERIALS = {"dent": "steel", "crease": "aluminium", "imprint": "abs", "scratch": "ferrite", "wrinkle": "leather"}


def ask(scenario, material=None, size=3e-3, stages=STAGES, **parameters):
    return SimulationRequest(
        scenario, load_materials()[material or MATERIALS[scenario]], size, stages, 12.8e-3, 5e-5, parameters
    )


INTERIOR = sorted(name for name, scenario in SCENARIOS.items() if scenario.placement == "interior")


@pytest.fixture(scope="module", params=INTERIOR)
def simulation(request):
    return FAMILY.simulate(ask(request.param), stream(7, "deformation"))


def test_a_simulation_repeats(simulation):
    again = FAMILY.simulate(ask(simulation.scenario), stream(7, "deformation"))
    assert again.parameters == simulation.parameters
    for one, two in zip(simulation.snapshots, again.snapshots, strict=True):
        assert one.depth.tobytes() == two.depth.tobytes()
        assert one.displacement.tobytes() == two.displacement.tobytes()


def test_snapshots_grow_to_the_size_asked_for(simulation):
    sizes = [s.size for s in simulation.snapshots]
    assert sizes == pytest.approx([3e-3 * stage for stage in STAGES], rel=0.25)
    assert sizes[-1] == pytest.approx(3e-3, rel=1e-6)
    assert np.all(np.diff(sizes) > 0)
    areas = [np.sum(s.extent >= s.threshold) * s.spacing**2 for s in simulation.snapshots]
    assert np.all(np.diff(areas) > 0)


def test_fields_vanish_exactly_at_the_border(simulation):
    for snapshot in simulation.snapshots:
        for field in (snapshot.depth, *snapshot.displacement):
            edge = np.concatenate([field[0], field[-1], field[:, 0], field[:, -1]])
            assert np.all(edge == 0)
            assert np.abs(field[[1, -2]]).max() < 0.02 * max(np.abs(field).max(), 1e-30)


def test_mask_is_where_depth_or_slope_exceeds_the_contract(simulation):
    for snapshot in simulation.snapshots:
        depth = snapshot.depth.astype(float)
        slope = np.hypot(*np.gradient(depth, snapshot.spacing))
        rule = (np.abs(depth) > 0.1 * np.abs(depth).max()) | (slope > SLOPE_LIMIT)
        # A crest up to two cells wide between two slopes belongs to them.
        rule = ndimage.binary_closing(rule, np.ones((3, 3)))
        mask = snapshot.extent >= snapshot.threshold
        # The window's own fall, near the border, makes no mask.
        assert np.mean(rule[10:-10, 10:-10] != mask[10:-10, 10:-10]) < 2e-3


def test_extent_and_fields_have_their_form(simulation):
    for snapshot in simulation.snapshots:
        assert snapshot.extent.dtype == snapshot.depth.dtype == snapshot.displacement.dtype == np.float32
        assert snapshot.displacement.shape == (2, *snapshot.depth.shape)
        assert snapshot.extent.min() >= 0
        assert snapshot.extent.max() <= 1
        assert snapshot.measures["depth"] == pytest.approx(-snapshot.depth.min(), rel=1e-5)
        assert np.isfinite(snapshot.displacement).all()


def test_displacement_is_small(simulation):
    last = simulation.snapshots[-1]
    assert np.abs(last.displacement).max() < 2 * np.abs(last.depth).max()


def test_parameters_are_numbers_or_words(simulation):
    assert all(isinstance(v, (float, str)) for v in simulation.parameters.values())
    # A film is still settling when production stops; the others have converged.
    assert 0 <= simulation.residual < (0.2 if simulation.scenario == "wrinkle" else 0.06)
    assert simulation.iterations > 0


def test_dent_has_the_diameter_asked_for():
    last = FAMILY.simulate(ask("dent"), stream(3, "dent")).snapshots[-1]
    depth = -last.depth.astype(float)
    assert equivalent_diameter(depth, 0.1 * depth.max()) * last.spacing == pytest.approx(3e-3, rel=0.03)


def test_crease_has_the_length_asked_for():
    last = FAMILY.simulate(ask("crease"), stream(3, "crease")).snapshots[-1]
    depth = -last.depth.astype(float)
    assert profile_length(depth, 0.1 * depth.max()) * last.spacing == pytest.approx(3e-3, rel=0.03)


def imprint(material, seed, **parameters):
    return FAMILY.simulate(ask("imprint", material, **parameters), stream(seed, "imprint"))


@pytest.mark.parametrize("seed", range(4))
def test_imprint_has_the_diameter_asked_for(seed):
    """Where it is deeper than a fiftieth of its depth; the rounding of its edge by a cell costs a few per cent."""
    last = imprint("copper", seed).snapshots[-1]
    depth = -last.depth.astype(float)
    assert equivalent_diameter(depth, 0.02 * depth.max()) * last.spacing == pytest.approx(3e-3, rel=0.04)


def test_load_of_a_metal_is_hardness_times_area_and_that_of_leather_is_less_plastic():
    """P = H A where E* is far above H (Tabor); the elastic rim of a soft material carries more on top."""
    ratios = {}
    for name in ("copper", "leather"):
        numbers = imprint(name, 3).parameters
        ratios[name] = numbers["load"] / (numbers["hardness"] * np.pi * 3e-3**2 / 4)
    assert ratios["copper"] == pytest.approx(1, rel=0.04)
    assert ratios["leather"] > 1.08


def test_recovery_follows_hardness_over_stiffness():
    recoveries = [imprint(name, 3).parameters["elastic_recovery"] for name in ("copper", "abs", "leather")]
    assert recoveries[0] < 0.15
    assert np.all(np.diff(recoveries) > 0)


def test_a_flat_imprint_that_springs_back_is_rejected():
    with pytest.raises(SimulationRejected, match="springs back"):
        imprint("leather", 3, depth_ratio=(1e-3, 1e-3))


def test_a_scratch_springs_back_as_its_point_does():
    """More in ABS than in steel, and all the residual depth scales with what is left."""
    steel, abs_ = (FAMILY.simulate(ask("scratch", name), stream(1, "scratch")).parameters for name in ("steel", "abs"))
    assert steel["elastic_recovery"] < 0.05
    assert 0.08 < abs_["elastic_recovery"] < 0.4


@pytest.mark.slow
def test_wrinkles_at_the_production_steps_have_nearly_settled(monkeypatch):
    """Against ten times as many steps: mean error of the height over six patches."""
    errors = []
    for seed in range(6):
        quick = FAMILY.simulate(ask("wrinkle"), stream(seed, "bias")).snapshots[-1]
        monkeypatch.setattr(wrinkling, "FIRST_STEPS", 200)
        monkeypatch.setattr(wrinkling, "STAGE_STEPS", 150)
        settled = FAMILY.simulate(ask("wrinkle"), stream(seed, "bias")).snapshots[-1]
        monkeypatch.undo()
        errors.append(quick.depth.std() / settled.depth.std() - 1)
    assert abs(np.mean(errors)) < 0.1


@pytest.mark.slow
def test_imprint_at_the_production_grid_has_converged(monkeypatch):
    """Against a grid four times as fine: depth and load of the worst of four tools and materials."""
    for seed, name in enumerate(("steel", "pet", "paint", "aluminium")):
        coarse = FAMILY.simulate(ask("imprint", name, size=1.5e-3), stream(seed, "bias"))
        monkeypatch.setattr(marking, "IMPRINT_GRID", (256, 256))
        fine = FAMILY.simulate(ask("imprint", name, size=1.5e-3), stream(seed, "bias"))
        monkeypatch.undo()
        depths = [s.snapshots[-1].measures["depth"] for s in (coarse, fine)]
        assert depths[0] == pytest.approx(depths[1], rel=0.06)
        assert coarse.parameters["load"] == pytest.approx(fine.parameters["load"], rel=0.03)


def test_an_imprint_in_metal_keeps_its_volume():
    depth = imprint("copper", 3).snapshots[-1].depth
    assert depth[depth > 0].sum() == pytest.approx(-depth[depth < 0].sum(), rel=0.1)


def test_scratch_piles_up_what_it_digs_out():
    """Steel flows: the ridges hold the groove's volume, less the share of elastic recovery and the window."""
    depth = FAMILY.simulate(ask("scratch", "steel"), stream(1, "scratch")).snapshots[-1].depth
    assert depth[depth > 0].sum() == pytest.approx(-depth[depth < 0].sum(), rel=0.05)


def test_wood_compacts_where_steel_flows():
    rims = {
        name: FAMILY.simulate(ask("imprint", name), stream(1, "imprint")).snapshots[-1].depth.max()
        for name in ("wood", "steel")
    }
    assert rims["wood"] < 0.5 * rims["steel"]


def test_scenarios_suit_materials_that_yield():
    materials = load_materials()
    assert all(SCENARIOS[name].suits(materials["steel"]) for name in ("dent", "crease", "imprint", "scratch"))
    assert not any(scenario.suits(materials["glass"]) for scenario in SCENARIOS.values())
    assert SCENARIOS["wrinkle"].suits(materials["leather"])
    assert not SCENARIOS["wrinkle"].suits(materials["steel"])


def test_parameter_ranges_can_be_overridden():
    simulation = FAMILY.simulate(ask("imprint", depth_ratio=(0.07, 0.07)), stream(1, "imprint"))
    assert simulation.parameters["depth_ratio"] == 0.07


def test_a_sheet_that_springs_back_is_rejected():
    with pytest.raises(SimulationRejected, match="springs back"):
        FAMILY.simulate(ask("dent", "abs", depth_ratio=(1e-6, 1e-6)), stream(1, "dent"))


@pytest.mark.parametrize("scenario", ["dent", "scratch", "wrinkle"])
def test_a_material_that_does_not_suit_is_a_user_error(scenario):
    with pytest.raises(UserError, match="the material must have"):
        FAMILY.simulate(ask(scenario, "glass"), stream(1, "dent"))


@pytest.mark.slow
@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_few_simulations_are_rejected(scenario):
    materials = [m for m in load_materials().values() if SCENARIOS[scenario].suits(m)]
    rejected = 0
    for seed in range(60):
        low, high = (12.8e-3 * share for share in SCENARIOS[scenario].size_range)
        # A dataset asks for no series whose first stage would have fewer pixels.
        low = max(low, SCENARIOS[scenario].min_pixels * 5e-5 / STAGES[0])
        size = low + (high - low) * seed / 60
        material = materials[seed % len(materials)]
        try:
            FAMILY.simulate(ask(scenario, material.name, size=size), stream(seed, scenario))
        except SimulationRejected:
            rejected += 1
    assert rejected <= 2

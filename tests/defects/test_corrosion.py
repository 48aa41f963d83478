"""The corrosion family: contract of its snapshots, growth, determinism, budget."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import label

from maphc2f.defects import corrosion, corrosion_growth
from maphc2f.defects import corrosion_surface as surface
from maphc2f.defects.corrosion import FAMILY, SCENARIOS
from maphc2f.defects.corrosion_scenarios import draw_numbers
from maphc2f.errors import SimulationRejected, UserError
from maphc2f.rng import stream
from maphc2f.sample import Simulation, SimulationRequest
from maphc2f.spec import MaterialSpec

STAGES = (0.4, 0.6, 0.8, 1.0)
FIELD = 256 * 50e-6
STEEL = MaterialSpec(
    name="steel",
    title="Steel",
    source="test",
    youngs_modulus=2e11,
    poisson_ratio=0.3,
    density=7850,
    fracture_energy=5e3,
    tensile_strength=5e8,
    solid_concentration=143e3,
    saturation_concentration=5.1e3,
    ion_diffusivity=8.5e-10,
    reaction_rate=1e-6,
    product_volume_ratio=2.9,
)


def request(scenario: str, share: float = 0.6, **changes) -> SimulationRequest:
    size = share * SCENARIOS[scenario].size_range[1] * FIELD
    values = {"scenario": scenario, "material": STEEL, "size": size, "stages": STAGES, "field_of_view": FIELD}
    return SimulationRequest(**{**values, "pixel_size": 50e-6, **changes})


def made(scenario: str, seed: int, **changes) -> Simulation:
    for attempt in range(5):
        try:
            return FAMILY.simulate(request(scenario, **changes), stream(seed, scenario, attempt))
        except SimulationRejected:
            continue
    pytest.fail(f"{scenario} {seed}: five rejections in a row")


OF_METAL = sorted(set(SCENARIOS) - {"blister"})
"""Blisters have tests of their own."""


@pytest.fixture(scope="module", params=OF_METAL)
def simulation(request) -> Simulation:
    return made(request.param, 1)


def test_name_and_needs():
    assert FAMILY.name == "corrosion"
    inert = STEEL.model_copy(update={"solid_concentration": 0.0})
    assert all(s.suits(STEEL) != (s.name == "blister") and not s.suits(inert) for s in FAMILY.scenarios.values())
    no_product = STEEL.model_copy(update={"product_volume_ratio": 0.0})
    assert {s.name for s in SCENARIOS.values() if s.suits(no_product)} == {"pit", "pit_cluster"}
    coated = inert.model_copy(update={"coating_thickness": 6e-5, "yield_stress": 4e7})
    assert {s.name for s in SCENARIOS.values() if s.suits(coated)} == {"blister"}


def test_snapshots_follow_the_contract(simulation):
    for snapshot in simulation.snapshots:
        shape = snapshot.extent.shape
        assert snapshot.extent.dtype == np.float32
        assert snapshot.extent.min() >= 0
        assert snapshot.extent.max() <= 1
        assert snapshot.extent.max() > snapshot.threshold
        for field in (snapshot.depth, snapshot.product):
            assert field is None or (field.shape == shape and field.dtype == np.float32 and np.isfinite(field).all())
        assert snapshot.displacement is None
        assert snapshot.trace is None
        assert snapshot.measures["width"] == snapshot.size
    assert all(isinstance(v, float) for v in simulation.parameters.values())
    assert simulation.parameters["exposure_time"] > 0


def test_borders_are_exactly_intact(simulation):
    rim = np.ones(simulation.snapshots[0].extent.shape, dtype=bool)
    rim[1:-1, 1:-1] = False
    for snapshot in simulation.snapshots:
        for field in (snapshot.extent, snapshot.depth, snapshot.product):
            assert field is None or not field[rim].any()
        edge = np.ones_like(rim)
        edge[3:-3, 3:-3] = False
        assert (snapshot.extent[edge] < snapshot.threshold).all()


def test_snapshots_grow(simulation):
    sizes = [snapshot.size for snapshot in simulation.snapshots]
    assert len(sizes) == len(STAGES)
    assert all(a < b for a, b in pairwise(sizes))
    final = request(simulation.scenario).size
    for size, stage in zip(sizes, STAGES, strict=True):
        assert stage * final <= size < (stage + 0.45) * final  # a satellite that appears makes the extent jump
    for early, late in pairwise(simulation.snapshots):
        assert (early.extent <= late.extent + 1e-3).all()
        assert early.depth is None or (late.depth <= early.depth + 1e-9).all()
        assert early.product is None or (late.product >= early.product - 1e-12).all()


def test_outline_is_where_metal_or_product_says(simulation):
    last = simulation.snapshots[-1]
    inside = last.extent >= last.threshold
    if last.product is None:
        layer = simulation.parameters["spacing"] * 1.5
        assert -last.depth[inside].max() > 0.2 * layer
        assert -last.depth[~inside].min() < 3 * layer
    else:
        thick = last.product >= simulation.parameters["visible"]
        assert (inside & thick).sum() > 0.85 * thick.sum()


@pytest.mark.parametrize("scenario", OF_METAL)
def test_same_stream_same_bytes(scenario):
    first, second = made(scenario, 7), made(scenario, 7)
    other = made(scenario, 8)
    for a, b in zip(first.snapshots, second.snapshots, strict=True):
        assert a.extent.tobytes() == b.extent.tobytes()
        assert a.depth is None or a.depth.tobytes() == b.depth.tobytes()
        assert a.product is None or a.product.tobytes() == b.product.tobytes()
    assert first.parameters == second.parameters != other.parameters


def test_pits_are_deep_and_steep():
    simulation = made("pit", 3, share=1.0)
    last = simulation.snapshots[-1]
    assert 0.1 < last.measures["depth"] / last.size < 0.55
    depth = -last.depth
    slope = np.hypot(*np.gradient(depth, last.spacing))
    assert np.percentile(slope[depth > 0.1 * depth.max()], 90) > 1.0  # walls steeper than 45 degrees


def test_clusters_hold_sound_metal():
    solidities = []
    for seed in range(4):
        inside = made("pit_cluster", seed, share=0.9).snapshots[-1].extent >= 0.5
        rows, columns = np.nonzero(inside)
        box = inside[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        solidities.append(box.mean())
    assert 0.2 < np.mean(solidities) < 0.75


def test_the_attacked_layer_ends_at_an_uneven_depth():
    """Floors of clusters are rough because the metal below that depth holds; nothing active lies below it."""
    numbers = {"heterogeneity": 0.5, "grain": 0.08, "banding": 3.0, "inert": 0.0, "floor": 0.8}
    shape, sound = (10, 40, 60), 3
    active = surface.activity(shape, numbers, 30.0, stream(5, "floor"))[:, sound:-sound, sound:-sound] > 0
    depths = active.sum(axis=0)
    assert (np.diff(active.astype(int), axis=0) <= 0).all()
    assert depths.min() <= 3
    assert depths.max() == 10
    assert 1.2 < depths.std() < 3.5  # evenly spread over 2 .. 10 would be 2.3
    even = surface.activity(shape, {**numbers, "floor": 0.0}, 30.0, stream(5, "floor"))
    assert (even[:, sound:-sound, sound:-sound] > 0).all()


def test_product_reaches_beyond_the_pits():
    last = made("rust_patch", 2).snapshots[-1]
    pitted = last.depth < -0.5 * last.spacing
    stained = last.extent >= last.threshold
    assert stained.sum() > 1.2 * pitted.sum()


def test_product_volume_is_that_of_the_metal_lost(monkeypatch):
    """Pilling-Bedworth: product = ratio x metal x retained share, up to what the ions in the pits still hold."""
    seen = []
    start = corrosion.start
    monkeypatch.setattr(corrosion, "start", lambda *args: seen.append(start(*args)) or seen[-1])
    simulation = FAMILY.simulate(request("rust_patch"), stream(2, "volume"))
    attack = seen[-1]
    pits, product = attack.pits, attack.rust.product * attack.thickness
    stretch = pits.grid.layer / pits.grid.spacing
    left = (pits.escaped * stretch - pits.escape.sum()) / pits.ratio * attack.spacing
    expected = 2.9 * simulation.parameters["retained"] * left
    assert product.sum() == pytest.approx(expected, rel=1e-3)
    assert left < pits.dissolved * stretch * attack.spacing


def test_film_breaks_at_the_look_nearest_to_its_strength():
    """Looks are rare: breaking only once the strength is passed would delay it by half the time between two."""
    numbers = draw_numbers(SCENARIOS["stain"], {}, stream(3, "nearest"))
    attack = corrosion_growth.start(request("stain"), numbers, stream(4, "nearest"))
    attack.dose_unit = 1.0
    attack.strength[:] = np.inf
    attack.strength[20, 20:23] = (1.2, 1.6, 0.9)
    attack.rust.dose[:] = 1.0
    attack.rust.latest[:] = 0.8
    corrosion_growth._break_weak(attack, attack.rust)
    assert np.isinf(attack.strength[20, [20, 22]]).all()
    assert attack.strength[20, 21] == pytest.approx(1.6)
    assert attack.sources[20, 20:23].tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("pixels", [0.5, 1.0, 2.0])
def test_the_first_opening_is_as_large_on_every_grid(pixels):
    one = {"pits": (1.0, 1.0), "inert": (0.0, 0.0), "elongation": (1.0, 1.0)}
    asked = request("pit", parameters=one, pixel_size=50e-6 * pixels)
    attack = corrosion_growth.start(asked, draw_numbers(SCENARIOS["pit"], one, stream(3, "m")), stream(4, "m"))
    side = np.sqrt(np.count_nonzero(attack.pits.cover >= 1.0)) * attack.spacing / asked.size
    assert side == pytest.approx(corrosion_growth.BOXES["pit"].mouth, abs=0.5 * attack.spacing / asked.size)


def test_run_leads_downwards():
    last = made("rust_run", 4).snapshots[-1]
    rows, columns = np.nonzero(last.extent >= last.threshold)
    assert np.ptp(rows) > 1.2 * np.ptp(columns)


def test_parameters_can_be_overridden():
    simulation = made("pit", 5, parameters={"pits": (1.0, 1.0), "inert": (0.0, 0.0), "elongation": (1.0, 1.0)})
    assert simulation.parameters["pits"] == 1.0
    assert label(simulation.snapshots[-1].extent >= 0.5)[1] == 1


def test_unknown_override_is_refused_with_a_near_name():
    with pytest.raises(UserError, match="potential"):
        FAMILY.simulate(request("pit", parameters={"potentials": (1.0, 1.0)}), stream(0, "unknown"))


def test_dead_metal_is_rejected():
    with pytest.raises(SimulationRejected):
        FAMILY.simulate(request("pit", parameters={"repassivation": (50.0, 50.0)}), stream(0, "dead"))


def test_largest_extent_of_known_shapes():
    field = np.zeros((20, 20), dtype=bool)
    assert corrosion_growth.largest_extent(field) == 0
    field[5, 3:13] = True
    assert corrosion_growth.largest_extent(field) == pytest.approx(10)
    diagonal = np.eye(20, dtype=bool)
    assert corrosion_growth.largest_extent(diagonal) == pytest.approx(19 * np.sqrt(2) + 1)


def test_the_worked_example_of_the_page_is_true(capsys):
    page = (Path(__file__).parents[2] / "docs" / "methods" / "corrosion.md").read_text(encoding="utf-8")
    code, printed = re.search(r"```python\n(.*?)```\s*```text\n(.*?)```", page, re.DOTALL).groups()
    exec(compile(code, "corrosion.md", "exec"), {})  # noqa: S102  # our own page
    ours, stated = (re.findall(r"[\d.]+", text) for text in (capsys.readouterr().out, printed))
    assert [float(x) for x in ours] == pytest.approx([float(x) for x in stated], rel=0.02)

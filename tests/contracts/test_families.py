"""What every defect family promises, for all scenarios of all registered families: a new one is tested by registering.

Materials: the first bundled one that suits the scenario. Sizes: the middle of the scenario's range on a small picture.
"""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from maphc2f.bundled import load_materials
from maphc2f.defects import FAMILIES
from maphc2f.errors import SimulationRejected
from maphc2f.rng import stream
from maphc2f.sample import Scenario, Simulation, SimulationRequest
from maphc2f.spec import MaterialSpec

CASES = [(family, scenario) for family in FAMILIES for scenario in FAMILIES[family].scenarios]
SIDE = 160
PIXEL = 1e-4
STAGES = (0.4, 0.7, 1.0)
ATTEMPTS = 12
"""As many redraws as the generator allows."""


def entry(family: str, scenario: str) -> Scenario:
    return FAMILIES[family].scenarios[scenario]


def material_for(scenario: Scenario) -> MaterialSpec:
    return next(material for material in load_materials().values() if scenario.suits(material))


def request_for(family: str, scenario: str) -> SimulationRequest:
    described, view = entry(family, scenario), SIDE * PIXEL
    low, high = (share * view for share in described.size_range)
    size = min(high, max(0.5 * (low + high), described.min_pixels * PIXEL / STAGES[0]))
    return SimulationRequest(scenario, material_for(described), size, STAGES, view, PIXEL)


def run(family: str, scenario: str, attempt: int) -> Simulation:
    return FAMILIES[family].simulate(request_for(family, scenario), stream(11, family, scenario, attempt))


@cache
def grown(family: str, scenario: str) -> tuple[Simulation, int]:
    """Return the first simulation that grows and its attempt."""
    for attempt in range(ATTEMPTS):
        try:
            return run(family, scenario, attempt), attempt
        except SimulationRejected:
            continue
    pytest.fail(f"{family}.{scenario}: none of {ATTEMPTS} attempts grew")


def every_case(test):
    return pytest.mark.parametrize(("family", "scenario"), CASES, ids=[f"{f}.{s}" for f, s in CASES])(test)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_a_family_describes_itself(name: str) -> None:
    family = FAMILIES[name]
    assert family.name == name
    assert re.fullmatch(r"[a-z0-9_]+", name)
    assert 0 <= family.min_visible_share <= 1
    assert 0 <= family.min_change_inside <= 1
    assert family.scenarios
    with pytest.raises(TypeError):
        family.scenarios["new"] = None  # type: ignore[index]


@every_case
def test_a_scenario_describes_itself(family: str, scenario: str) -> None:
    described = entry(family, scenario)
    assert described.name == scenario
    assert re.fullmatch(r"[a-z0-9_]+", scenario)
    assert described.title.strip()
    assert "\n" not in described.title
    assert 0 < described.size_range[0] <= described.size_range[1] <= 1
    assert described.weight > 0
    assert described.min_pixels > 0
    assert all(low <= high for low, high in described.parameters.values())
    assert any(described.suits(material) for material in load_materials().values())


@every_case
def test_the_same_stream_gives_the_same_bytes(family: str, scenario: str) -> None:
    first, attempt = grown(family, scenario)
    again = run(family, scenario, attempt)
    assert first.parameters == again.parameters
    assert (first.iterations, first.residual) == (again.iterations, again.residual)
    for a, b in zip(first.snapshots, again.snapshots, strict=True):
        assert (a.size, a.spacing, a.origin, a.threshold, dict(a.measures)) == (
            b.size,
            b.spacing,
            b.origin,
            b.threshold,
            dict(b.measures),
        )
        for name in ("extent", "trace", "depth", "displacement", "product"):
            left, right = getattr(a, name), getattr(b, name)
            assert (left is None) == (right is None)
            assert left is None or left.tobytes() == right.tobytes(), name


@every_case
def test_another_stream_gives_another_defect(family: str, scenario: str) -> None:
    first, attempt = grown(family, scenario)
    for other in range(attempt + 1, attempt + 1 + ATTEMPTS):
        try:
            second = run(family, scenario, other)
        except SimulationRejected:
            continue
        assert dict(first.parameters) != dict(second.parameters) or not np.array_equal(
            first.snapshots[-1].extent, second.snapshots[-1].extent
        )
        return
    pytest.fail("no second simulation grew")


LEAPING = {("crack", "craquelure"), ("crack", "channel")}
"""Films crack in leaps all over a patch: an early stage may come out larger than asked, as its row then says."""


@every_case
def test_snapshots_are_as_many_as_asked_and_grow(family: str, scenario: str) -> None:
    simulation, _ = grown(family, scenario)
    asked = request_for(family, scenario)
    described = entry(family, scenario)
    assert (simulation.family, simulation.scenario) == (family, scenario)
    assert simulation.placement == described.placement
    assert len(simulation.snapshots) == len(STAGES)
    sizes = [snapshot.size for snapshot in simulation.snapshots]
    assert all(small < large for small, large in pairwise(sizes))
    for size, stage in zip(sizes, STAGES, strict=True):
        least = 0.65 * stage * asked.size - 3 * PIXEL
        largest = 1.35 * (1.0 if (family, scenario) in LEAPING else stage) * asked.size + 3 * PIXEL
        assert least <= size <= largest
    areas = [float((s.extent >= s.threshold).sum()) * s.spacing**2 for s in simulation.snapshots]
    if simulation.snapshots[0].trace is None:
        assert areas[-1] > areas[0]


@every_case
def test_fields_have_shapes_types_and_ranges(family: str, scenario: str) -> None:
    simulation, _ = grown(family, scenario)
    for snapshot in simulation.snapshots:
        assert snapshot.spacing > 0
        assert np.isfinite(snapshot.origin).all()
        assert 0 < snapshot.threshold < 1
        assert snapshot.extent.dtype == np.float32
        assert snapshot.extent.ndim == 2
        assert snapshot.extent.min() >= 0
        assert snapshot.extent.max() <= 1
        for grid in (snapshot.depth, snapshot.product):
            assert grid is None or (grid.dtype == np.float32 and grid.shape == snapshot.extent.shape)
            assert grid is None or np.isfinite(grid).all()
        assert snapshot.product is None or snapshot.product.min() >= 0
        assert set(snapshot.measures) <= {"depth", "length", "width", "opening_max"}
        assert all(np.isfinite(value) and value >= 0 for value in snapshot.measures.values())
        assert snapshot.trace is not None or (snapshot.extent >= snapshot.threshold).any()


@every_case
def test_a_depth_is_a_dent_of_believable_size(family: str, scenario: str) -> None:
    """No deeper than the defect is wide: a metre where micrometres are meant would show."""
    simulation, _ = grown(family, scenario)
    for snapshot in simulation.snapshots:
        if snapshot.depth is not None and np.any(snapshot.depth):
            assert np.abs(snapshot.depth).max() < snapshot.size


@every_case
def test_displacements_end_before_the_border(family: str, scenario: str) -> None:
    """Exactly 0 there, so that a warp joins the picture without a seam."""
    simulation, _ = grown(family, scenario)
    for snapshot in simulation.snapshots:
        moved = snapshot.displacement
        if moved is None:
            continue
        assert moved.dtype == np.float32
        assert moved.shape == (2, *snapshot.extent.shape)
        assert np.isfinite(moved).all()
        for side in (moved[:, 0], moved[:, -1], moved[:, :, 0], moved[:, :, -1]):
            assert not side.any()


@every_case
def test_regions_end_before_the_border(family: str, scenario: str) -> None:
    """A region cut by its own grid would show a straight edge; picture-level families fill what they are given."""
    simulation, _ = grown(family, scenario)
    if simulation.snapshots[0].trace is not None or simulation.placement == "picture":
        pytest.skip("lines and picture-level families have no rim on the grid")
    for snapshot in simulation.snapshots:
        hard = snapshot.extent >= snapshot.threshold
        assert not np.concatenate([hard[0], hard[-1], hard[:, 0], hard[:, -1]]).any()


@every_case
def test_traces_are_finite_inside_their_grid_and_open(family: str, scenario: str) -> None:
    simulation, _ = grown(family, scenario)
    for snapshot in simulation.snapshots:
        trace = snapshot.trace
        if trace is None:
            continue
        assert trace.dtype == np.float32
        assert trace.ndim == 3
        assert trace.shape[1:] == (2, 3)
        assert len(trace) >= 1
        assert np.isfinite(trace).all()
        assert trace[:, :, 2].min() >= 0
        assert trace[:, :, 2].max() > 0
        low = np.asarray(snapshot.origin) - snapshot.spacing
        high = low + snapshot.spacing * (np.asarray(snapshot.extent.shape) + 1)
        points = trace[:, :, :2].reshape(-1, 2)
        assert (points >= low).all()
        assert (points <= high).all()


@every_case
def test_edge_defects_lie_in_the_part(family: str, scenario: str) -> None:
    """The part is at y > 0, and the defect begins at the anchor."""
    simulation, _ = grown(family, scenario)
    if simulation.placement != "edge":
        pytest.skip("an interior defect")
    for snapshot in simulation.snapshots:
        if snapshot.trace is not None:
            points = snapshot.trace[:, :, :2].reshape(-1, 2)
        else:
            cells = np.argwhere(snapshot.extent >= snapshot.threshold)
            points = np.asarray(snapshot.origin) + snapshot.spacing * cells
        assert points[:, 0].min() > -3 * snapshot.spacing
        assert np.hypot(*points.T).min() < 4 * snapshot.spacing


@every_case
def test_parameters_explain_the_simulation_in_json(family: str, scenario: str) -> None:
    simulation, _ = grown(family, scenario)
    text = json.dumps(dict(simulation.parameters), allow_nan=False, sort_keys=True)
    assert json.loads(text) == dict(simulation.parameters)
    assert simulation.iterations >= 0
    assert simulation.residual >= 0
    assert np.isfinite(simulation.residual)
    json.dumps({"iterations": int(simulation.iterations), "residual": float(simulation.residual)}, allow_nan=False)


@every_case
def test_parameter_ranges_can_be_overridden(family: str, scenario: str) -> None:
    """A range of one point is what is used, for every parameter that the scenario names."""
    from dataclasses import replace

    described = entry(family, scenario)
    for name, (low, high) in described.parameters.items():
        point = low + 0.37 * (high - low)
        asked = replace(request_for(family, scenario), parameters={name: (point, point)})
        for attempt in range(ATTEMPTS):
            try:
                used = FAMILIES[family].simulate(asked, stream(12, family, scenario, name, attempt)).parameters
            except SimulationRejected:
                continue
            if name in used:
                assert used[name] == pytest.approx(point, rel=1e-5, abs=1e-9), name
            break
        else:
            pytest.fail(f"nothing grew with {name} = {point}")


@every_case
def test_a_single_stage_can_be_asked(family: str, scenario: str) -> None:
    from dataclasses import replace

    asked = replace(request_for(family, scenario), stages=(1.0,))
    for attempt in range(ATTEMPTS):
        try:
            simulation = FAMILIES[family].simulate(asked, stream(13, family, scenario, attempt))
        except SimulationRejected:
            continue
        assert len(simulation.snapshots) == 1
        return
    pytest.fail("nothing grew")

"""Requests to families: sizes, stages, redraws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from maphc2f.errors import SimulationRejected
from maphc2f.generate import plan, simulate
from maphc2f.generate.plan import FIRST_STAGE, Group
from maphc2f.generate.simulate import (
    MAX_SIMULATIONS,
    draw_request,
    nominal_pixel_size,
    simulate_alone,
    simulate_group,
)
from maphc2f.rng import stream
from maphc2f.sample import Scenario, Simulation, SimulationRequest
from maphc2f.spec import CategorySpec, DatasetSpec, DefectSpec, SizeSpec
from tests.builders import PIXEL, category, dataset, disk_snapshot

GROUP = Group(5, "spot", "train", 20, 4)


@dataclass
class Spot:
    """A family that says what it was asked and rejects its first ``rejects`` requests."""

    rejects: int = 0
    lose: int = 0
    asked: list[SimulationRequest] = field(default_factory=list)
    name: str = "spot"
    min_visible_share: float = 0.5
    min_change_inside: float = 0.9

    @property
    def scenarios(self) -> Mapping[str, Scenario]:
        return {"dot": Scenario("dot", "A dot", (0.05, 0.5), min_pixels=2.0)}

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> Simulation:
        self.asked.append(request)
        if len(self.asked) <= self.rejects:
            msg = "did not grow"
            raise SimulationRejected(msg)
        snapshots = tuple(disk_snapshot(f * request.size / 2) for f in request.stages)[self.lose :]
        return Simulation("spot", "dot", "interior", snapshots, {"draw": float(rng.random())}, 1, 0.0)


@pytest.fixture
def spot(monkeypatch: pytest.MonkeyPatch) -> Spot:
    family = Spot()
    for module in (plan, simulate):
        monkeypatch.setattr(module, "FAMILIES", {"spot": family})
    return family


def spec(**changes: object) -> tuple[DatasetSpec, CategorySpec]:
    stanza = category(
        **{"defects": (DefectSpec(family="spot", parameters={"a": (1, 2)}),), "native_size": (640, 320), **changes}
    )
    made = dataset(stanza, snapshots=4, seed=9, size=SizeSpec(width=128, height=128))
    return made, stanza


@pytest.mark.parametrize(
    ("size", "scale"),
    [
        (SizeSpec(), 1.0),
        (SizeSpec(width=64, height=64), 10.0),
        (SizeSpec(width=64, height=64, fit="crop"), 5.0),
        (SizeSpec(width=640, height=160), 2.0),
    ],
)
def test_nominal_pixel_size_follows_the_fit(size: SizeSpec, scale: float) -> None:
    stanza = category(native_size=(640, 320), pixel_size=3e-5)
    assert nominal_pixel_size(dataset(stanza, size=size), stanza) == pytest.approx(3e-5 * scale)


def test_requests_stay_in_the_severity_range_and_are_spread_log_evenly(spot: Spot) -> None:
    made, stanza = spec(severity=(0.3, 0.9))
    size_max = 0.5 * 320 * 2 * PIXEL
    severities = []
    for seed in range(400):
        request, _ = draw_request(made, stanza, GROUP, 1.0, stream(seed, "request"))
        severities.append(request.size / size_max)
        assert request.stages[-1] == 1.0
        assert list(request.stages) == sorted(request.stages)
        assert request.stages[0] * request.size / size_max >= 0.3 - 1e-9, "no stage leaves the range"
        assert request.parameters == {"a": (1, 2)}
        assert request.field_of_view == pytest.approx(320 * 2 * PIXEL)
    # A series ends at 1.5 times the least severity or above, so that its stages differ.
    assert 0.45 <= min(severities) < 0.47
    assert 0.87 < max(severities) <= 0.9
    logs = (np.log(severities) - np.log(0.45)) / (np.log(0.9) - np.log(0.45))
    assert np.mean(logs) == pytest.approx(0.5, abs=0.05)
    assert np.var(logs) == pytest.approx(1 / 12, abs=0.02)
    assert not spot.asked


def test_stages_are_those_of_the_contract_where_the_range_is_wide(spot: Spot) -> None:
    del spot
    made, stanza = spec(severity=(0.05, 1.0))
    size_max, wide = 0.5 * 320 * 2 * PIXEL, 0
    for seed in range(50):
        request, _ = draw_request(made, stanza, GROUP, 1.0, stream(seed, "request"))
        if FIRST_STAGE * request.size / size_max >= 0.05:
            np.testing.assert_allclose(request.stages, [0.4, 0.6, 0.8, 1.0])
            wide += 1
    assert wide > 40


def test_stages_rise_and_keep_to_a_narrow_range(spot: Spot) -> None:
    del spot
    made, stanza = spec(severity=(0.5, 0.8))
    size_max = 0.5 * 320 * 2 * PIXEL
    for seed in range(50):
        request, _ = draw_request(made, stanza, GROUP, 1.0, stream(seed, "request"))
        assert request.stages[0] * request.size / size_max == pytest.approx(0.5)
        assert np.all(np.diff(request.stages) > 0.03)
        assert request.size / size_max <= 0.8 + 1e-9


def test_a_short_last_group_asks_for_all_stages(spot: Spot) -> None:
    """So that a larger count keeps its samples."""
    del spot
    made, stanza = spec()
    whole, short = (
        draw_request(made, stanza, Group(5, "spot", "train", 20, n), 1.0, stream(0, "r"))[0] for n in (4, 1)
    )
    assert short == whole
    assert len(short.stages) == 4


def test_the_first_stage_can_be_seen(spot: Spot) -> None:
    del spot
    made, stanza = spec(severity=(0.0, 1.0), native_size=(64, 64))
    for seed in range(100):
        request, _ = draw_request(made, stanza, GROUP, 1.0, stream(seed, "request"))
        assert request.stages[0] * request.size >= (2.0 - 1e-6) * request.pixel_size


def test_a_fixed_severity_is_met(spot: Spot) -> None:
    del spot
    made, stanza = spec(severity=(0.7, 0.7))
    request, _ = draw_request(made, stanza, GROUP, 1.0, stream(0, "request"))
    assert request.size == pytest.approx(0.7 * 0.5 * 320 * 2 * PIXEL)


@pytest.mark.usefixtures("spot")
def test_sizes_of_a_defect_replace_the_severity_range() -> None:
    field_of_view = 320 * 2 * PIXEL
    # The smallest that can be seen at the first stage is 0.078 of the view; a series ends at 1.5 times the least.
    for asked, least, most in (((0.1, 0.2), 0.15, 0.2), ((0.001, 0.2), 0.117, 0.2), ((0.4, 3.0), 0.5, 0.5)):
        sizes = (asked[0] * field_of_view, asked[1] * field_of_view)
        made, stanza = spec(severity=(0.9, 1.0), defects=(DefectSpec(family="spot", size=sizes),))
        drawn = [
            draw_request(made, stanza, GROUP, 1.0, stream(seed, "request"))[0].size / field_of_view
            for seed in range(100)
        ]
        assert least - 1e-3 <= min(drawn) < 1.2 * least
        assert most / 1.2 < max(drawn) <= most + 1e-9


def test_a_simulation_does_not_depend_on_the_group_it_is_made_with(spot: Spot) -> None:
    made, stanza = spec()
    first, again = simulate_group(made, stanza, GROUP), simulate_group(made, stanza, GROUP)
    assert first is not None
    assert again is not None
    assert first.simulation.parameters == again.simulation.parameters
    assert first.identity == "part-sim-000005-0"
    assert first.size_max == pytest.approx(0.5 * 320 * 2 * PIXEL)
    other = simulate_group(made, stanza, Group(6, "spot", "train", 24, 4))
    assert other is not None
    assert other.simulation.parameters != first.simulation.parameters
    assert len(spot.asked) == 3


def test_rejections_are_redrawn_and_counted(spot: Spot) -> None:
    made, stanza = spec()
    spot.rejects = 3
    result = simulate_group(made, stanza, GROUP)
    assert result is not None
    assert (result.attempt, result.identity) == (3, "part-sim-000005-3")
    assert len({request.size for request in spot.asked}) == 4, "each attempt draws anew"


def test_a_family_that_never_grows_gives_up(spot: Spot) -> None:
    made, stanza = spec()
    spot.rejects = 10**6
    assert simulate_group(made, stanza, GROUP) is None
    assert len(spot.asked) == MAX_SIMULATIONS
    assert simulate_alone(made, stanza, GROUP, 21, 0) is None


def test_too_few_snapshots_count_as_rejected(spot: Spot) -> None:
    made, stanza = spec()
    spot.lose = 1
    assert simulate_group(made, stanza, GROUP) is None


def test_simulations_of_their_own_shrink_and_have_one_stage(spot: Spot) -> None:
    made, stanza = spec(severity=(1.0, 1.0))
    results = [simulate_alone(made, stanza, GROUP, 21, retry) for retry in range(3)]
    assert [len(request.stages) for request in spot.asked] == [1, 1, 1]
    size_max = 0.5 * 320 * 2 * PIXEL
    np.testing.assert_allclose([request.size / size_max for request in spot.asked], [0.5, 0.25, 0.125])
    assert [r.identity for r in results if r] == [f"part-sim-000005-21-{retry}" for retry in range(3)]

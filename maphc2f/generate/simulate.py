"""Running a group's simulation, redrawing the ones that fail.

* :func:`simulate_group` gives the simulation whose snapshots become the samples of a group.
* :func:`simulate_alone` gives a smaller one for a sample that found no place.
* :func:`simulate_further` gives the second and any further defect of a sample.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from maphc2f.defects import FAMILIES
from maphc2f.errors import SimulationRejected
from maphc2f.generate.plan import (
    FIRST_STAGE,
    Group,
    draw_scenario,
    group_families,
    simulation_id,
    stage_fractions,
)
from maphc2f.render.calibration import calibration_for
from maphc2f.rng import stream
from maphc2f.sample import Scenario, Simulation, SimulationRequest
from maphc2f.spec import CategorySpec, DatasetSpec, DefectSpec

STAGE_SPREAD = 1.5
"""A series of growing stages ends at least at this times the least size asked for: else its stages would be equal."""

MAX_SIMULATIONS = 12
"""Attempts at one simulation before its samples count as failed."""


@dataclass(frozen=True, slots=True)
class GroupSimulation:
    """A simulation with its identity and the scale of severity.

    Attributes:
        simulation: The result.
        identity: ``simulation_id``.
        attempt: Number of redraws before it.
        size_max: Largest size of the scenario, m: severity is size over this.
        alignment: How it lies to the texture in place of the material's, or None.
    """

    simulation: Simulation
    identity: str
    attempt: int
    size_max: float
    alignment: float | None = None


def nominal_pixel_size(dataset: DatasetSpec, category: CategorySpec) -> float:
    """Return the nominal pixel size of prepared pictures, m, which needs no picture."""
    size = dataset.size
    if size.width is None or size.height is None:
        return category.pixel_size
    ratios = category.native_size[0] / size.width, category.native_size[1] / size.height
    return category.pixel_size * (max(ratios) if size.fit == "letterbox" else min(ratios))


def draw_request(
    dataset: DatasetSpec, category: CategorySpec, group: Group, scale: float, rng: np.random.Generator
) -> tuple[SimulationRequest, Scenario]:
    """Draw scenario, final size and stages of a simulation; ``scale`` shrinks the size for retries.

    The final severity is log-uniform between a and b, the category's severity range, or that of the sizes it was
    calibrated to; a is raised to the scenario's smallest size, and to where the first stage has the scenario's
    ``min_pixels``.
    """
    request, scenario, _ = _draw(dataset, category, group, scale, rng)
    return request, scenario


def _draw(
    dataset: DatasetSpec, category: CategorySpec, group: Group, scale: float, rng: np.random.Generator
) -> tuple[SimulationRequest, Scenario, DefectSpec]:
    """Return what :func:`draw_request` does and the stanza of the mix that it was drawn from."""
    material = dataset.materials[category.material]
    name, stanza = draw_scenario(category, group.family, material, rng)
    scenario = FAMILIES[group.family].scenarios[name]
    size_max = scenario.size_range[1] * category.field_of_view
    bounds = _severity_range(category, category.defects[stanza], scenario, size_max)
    low, high = bounds
    smallest = scenario.size_range[0] / scenario.size_range[1]
    seen = scenario.min_pixels * nominal_pixel_size(dataset, category) / (FIRST_STAGE * size_max)
    low = min(max(low, smallest, seen), high)
    if dataset.snapshots > 1 and scale >= 1:
        low = min(STAGE_SPREAD * low, high)
    severity = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    # All K stages even where the last group is shorter, so that a larger count keeps its samples.
    fractions = stage_fractions(1 if scale < 1 else dataset.snapshots, float(rng.random()))
    fractions = _within(fractions, min(1.0, bounds[0] / severity))
    size = severity * size_max * scale * fractions[-1]
    request = SimulationRequest(
        scenario=name,
        material=material,
        size=size,
        stages=tuple(f / fractions[-1] for f in fractions),
        field_of_view=category.field_of_view,
        pixel_size=nominal_pixel_size(dataset, category),
        parameters=category.defects[stanza].parameters,
    )
    return request, scenario, category.defects[stanza]


def _within(fractions: tuple[float, ...], least: float) -> tuple[float, ...]:
    """Return rising fractions brought between ``least`` and the last one: stages keep to the range and differ."""
    first, last = fractions[0], fractions[-1]
    if first >= least:
        return fractions
    if first == last:
        return tuple(max(f, least) for f in fractions)
    return tuple(least + (f - first) * (last - least) / (last - first) for f in fractions)


def _severity_range(
    category: CategorySpec, defect: DefectSpec, scenario: Scenario, size_max: float
) -> tuple[float, float]:
    """Return the range of final sizes over ``size_max``, m, that the category asks of a scenario.

    Measured sizes go before those of the defect's own stanza; both are clipped to what the scenario can have.
    """
    measured = calibration_for(category.calibration, defect.family, scenario.name)
    sizes = defect.size if measured is None or measured.size is None else measured.size
    if sizes is None:
        return category.severity
    smallest = scenario.size_range[0] / scenario.size_range[1]
    low, high = (min(max(size / size_max, smallest), 1.0) for size in sizes)
    return low, high


def simulate_group(dataset: DatasetSpec, category: CategorySpec, group: Group) -> GroupSimulation | None:
    """Return the group's simulation, or None if MAX_SIMULATIONS draws were rejected; of two families, the first's."""
    own = replace(group, family=group_families(dataset.seed, category, group)[0])
    for attempt in range(MAX_SIMULATIONS):
        rng = stream(dataset.seed, category.name, "simulation", group.number, attempt)
        identity = simulation_id(category.name, group.number, attempt)
        result = _run(dataset, category, own, 1.0, rng)
        if result is not None:
            return replace(result, identity=identity, attempt=attempt)
    return None


def simulate_alone(
    dataset: DatasetSpec, category: CategorySpec, group: Group, index: int, retry: int
) -> GroupSimulation | None:
    """Return a simulation of its own for sample ``index``: half, a quarter, an eighth of the size for retry 0, 1, 2."""
    rng = stream(dataset.seed, category.name, "simulation", group.number, index, retry)
    own = replace(group, family=group_families(dataset.seed, category, group)[0])
    result = _run(dataset, category, own, 0.5 ** (retry + 1), rng)
    if result is None:
        return None
    return replace(result, identity=f"{category.name}-sim-{group.number:06d}-{index}-{retry}")


def simulate_further(
    dataset: DatasetSpec, category: CategorySpec, group: Group, index: int, part: int, retry: int
) -> GroupSimulation | None:
    """Return the simulation of defect ``part`` (1: the second) of sample ``index``, one of its own; None if rejected.

    Families take turns; retry 0 has the size asked for, each later one half of the one before.
    """
    families = group_families(dataset.seed, category, group)
    own = replace(group, family=families[part % len(families)])
    alone = dataset.model_copy(update={"snapshots": 1})
    for attempt in range(MAX_SIMULATIONS):
        rng = stream(dataset.seed, category.name, "simulation", group.number, index, "part", part, retry, attempt)
        result = _run(alone, category, own, 0.5**retry, rng)
        if result is not None:
            identity = f"{category.name}-sim-{group.number:06d}-{index}-part{part}-{retry}-{attempt}"
            return replace(result, identity=identity, attempt=attempt)
    return None


def _run(
    dataset: DatasetSpec, category: CategorySpec, group: Group, scale: float, rng: np.random.Generator
) -> GroupSimulation | None:
    """Return a simulation that has no identity yet, or None if it was rejected."""
    request, scenario, stanza = _draw(dataset, category, group, scale, rng)
    try:
        simulation = FAMILIES[group.family].simulate(request, rng)
    except SimulationRejected:
        return None
    if len(simulation.snapshots) != len(request.stages):
        return None
    return GroupSimulation(simulation, "", 0, scenario.size_range[1] * category.field_of_view, stanza.alignment)

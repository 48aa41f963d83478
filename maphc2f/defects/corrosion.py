"""Corrosion: pits and clusters from solved ion transport, patches and stains from product that settles, blisters.

* :data:`FAMILY` is the plug-in; :class:`Corrosion` runs the solvers for one request.
* ``request.size`` is the largest extent of the attacked or stained region.

Parameters are explained in :mod:`maphc2f.defects.corrosion_scenarios`, the physics in ``docs/methods/corrosion.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from maphc2f.defects.blistering import simulate_blister
from maphc2f.defects.corrosion_growth import THRESHOLD, Attack, grow, start
from maphc2f.defects.corrosion_rim import crumble
from maphc2f.defects.corrosion_scenarios import SCENARIOS, draw_numbers
from maphc2f.errors import SimulationRejected
from maphc2f.sample import Scenario, Simulation, SimulationRequest, Snapshot

__all__ = ["FAMILY", "SCENARIOS", "Corrosion"]


def _snapshot(attack: Attack, size: float) -> Snapshot:
    extent, depth, product = attack.extent(), attack.depth(), attack.product()
    measures = {"width": size}
    if depth is not None:
        measures["depth"] = float(-depth.min())
    half = -0.5 * (attack.n - 1) * attack.spacing
    return Snapshot(
        size=size,
        spacing=attack.spacing,
        origin=(half, half),
        extent=extent,
        threshold=THRESHOLD,
        depth=depth,
        product=product,
        measures=measures,
    )


def _centred(snapshots: list[Snapshot]) -> tuple[Snapshot, ...]:
    """Move the anchor to the middle of the last outline."""
    last = snapshots[-1]
    rows, columns = np.nonzero(last.extent >= THRESHOLD)
    middle = tuple(0.5 * float(axis.min() + axis.max()) * last.spacing for axis in (rows, columns))
    return tuple(replace(snapshot, origin=(-middle[0], -middle[1])) for snapshot in snapshots)


@dataclass(frozen=True, slots=True)
class Corrosion:
    """The family: see the module docstring."""

    name: str = "corrosion"
    min_visible_share: float = 0.8
    min_change_inside: float = 0.95

    @property
    def scenarios(self) -> Mapping[str, Scenario]:
        """Scenarios by name."""
        return SCENARIOS

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> Simulation:
        """Grow one attack and keep a snapshot whenever its largest extent passes a stage.

        Raises:
            SimulationRejected: It repassivated, or did not reach nine tenths of the size.
        """
        scenario = SCENARIOS[request.scenario]
        numbers = draw_numbers(scenario, request.parameters, rng)
        if "bond" in numbers:
            return simulate_blister(request, scenario, numbers, rng)
        attack = start(request, numbers, rng)
        snapshots: list[Snapshot] = []
        for reached in grow(attack):
            largest = snapshots[-1].size if snapshots else 0.0
            if reached >= request.stages[len(snapshots)] * request.size and reached > largest:
                snapshots.append(_snapshot(attack, reached))
            if len(snapshots) == len(request.stages):
                break
        if len(snapshots) < len(request.stages):
            msg = f"{request.scenario} stopped growing at {len(snapshots)} of {len(request.stages)} stages"
            raise SimulationRejected(msg)
        snapshots = crumble(snapshots, numbers.get("ragged", 0.0), rng)
        field = attack.pits if attack.pits is not None else attack.rust
        assert field is not None
        return Simulation(
            family=self.name,
            scenario=request.scenario,
            placement=scenario.placement,
            snapshots=_centred(snapshots),
            parameters={**numbers, "exposure_time": attack.seconds, "spacing": attack.spacing},
            iterations=attack.steps,
            residual=float(field.residual),
        )


FAMILY = Corrosion()

"""Deformation: dents, creases, imprints, scratches and wrinkles as residual shapes after unloading.

* :class:`Deformation` is the family, :data:`FAMILY` its instance.
* :data:`SCENARIOS` lists what it makes and the ranges of its numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from maphc2f.defects.crushing import simulate_edge_dent
from maphc2f.defects.marking import simulate_imprint, simulate_scratch
from maphc2f.defects.pressing import simulate_crease, simulate_dent
from maphc2f.defects.wrinkling import simulate_wrinkle
from maphc2f.errors import UserError
from maphc2f.sample import Scenario, Simulation, SimulationRequest

Simulate = Callable[[SimulationRequest, Scenario, np.random.Generator], Simulation]

_DENT = Scenario(
    name="dent",
    title="Pressed-in sheet with its residual bowl",
    size_range=(0.08, 0.45),
    needs=("yields",),
    weight=1.5,
    parameters={
        "depth_ratio": (0.05, 0.18),
        "thickness_ratio": (0.015, 0.08),
        "support": (0.01, 0.8),
        "crush_factor": (0.5, 2.0),
    },
    min_pixels=10.0,
)
_CREASE = Scenario(
    name="crease",
    title="Line-shaped fold left by an edge",
    size_range=(0.12, 0.6),
    needs=("yields",),
    parameters={
        "depth_ratio": (0.02, 0.07),
        "thickness_ratio": (0.006, 0.025),
        "support": (0.005, 0.8),
        "crush_factor": (0.5, 2.0),
        "sharpness": (6.0, 14.0),
    },
    min_pixels=14.0,
)
_IMPRINT = Scenario(
    name="imprint",
    title="Hard local imprint with a raised rim",
    size_range=(0.04, 0.2),
    needs=("yields",),
    parameters={"depth_ratio": (0.05, 0.16), "flow_width": (0.12, 0.3)},
    min_pixels=8.0,
)
_SCRATCH = Scenario(
    name="scratch",
    title="Long narrow ploughed groove with ridges",
    size_range=(0.1, 0.6),
    needs=("yields",),
    parameters={
        "width_ratio": (0.003, 0.014),
        "flank_slope": (0.35, 0.85),
        "flow_width": (0.15, 0.35),
        "lift_widths": (1.0, 8.0),
        "turn": (-0.5, 0.5),
        "waver": (0.0, 0.06),
        "unevenness": (0.05, 0.6),
    },
    min_pixels=14.0,
    orientation="texture",
)

_WRINKLE = Scenario(
    name="wrinkle",
    title="Patch of film or skin buckled into waves",
    size_range=(0.2, 0.6),
    needs=("wrinkles",),
    parameters={
        "wavelength_ratio": (0.1, 0.2),
        "overstrain": (3.0, 6.0),
        "biaxiality": (0.0, 1.0),
        "wander": (0.1, 0.8),
    },
    min_pixels=20.0,
)

_EDGE_DENT = Scenario(
    name="edge_dent",
    title="Edge or corner crushed by a blow",
    size_range=(0.04, 0.16),
    placement="edge",
    needs=("crushes",),
    weight=0.7,
    parameters={"depth_ratio": (0.1, 0.32), "thickness_ratio": (0.2, 1.0), "slant": (-0.436, 0.436)},
    min_pixels=8.0,
)

SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {s.name: s for s in (_DENT, _CREASE, _IMPRINT, _SCRATCH, _WRINKLE, _EDGE_DENT)}
)
_SIMULATORS: Mapping[str, Simulate] = MappingProxyType(
    {
        "dent": simulate_dent,
        "crease": simulate_crease,
        "imprint": simulate_imprint,
        "scratch": simulate_scratch,
        "wrinkle": simulate_wrinkle,
        "edge_dent": simulate_edge_dent,
    }
)


@dataclass(frozen=True, slots=True)
class Deformation:
    """The deformation family."""

    name: str = "deformation"
    min_visible_share: float = 0.3
    min_change_inside: float = 0.8

    @property
    def scenarios(self) -> Mapping[str, Scenario]:
        """Scenarios by name."""
        return SCENARIOS

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> Simulation:
        """Run the physics of ``request.scenario``.

        Raises:
            UserError: The material lacks what the scenario needs.
            SimulationRejected: It did not grow, is empty, or a solver did not converge.
        """
        scenario = SCENARIOS[request.scenario]
        if not scenario.suits(request.material):
            raise UserError(
                f"{scenario.name} in {request.material.name}",
                where="deformation",
                rule=f"the material must have: {', '.join(scenario.needs)}",
                remedy="choose another scenario, or a material with a yield stress",
            )
        return _SIMULATORS[scenario.name](request, scenario, rng)


FAMILY = Deformation()

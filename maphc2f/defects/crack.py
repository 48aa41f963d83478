"""Cracks by phase-field fracture: edge and through cracks, stars, craquelure, channel cracks, cracks along the grain.

* :data:`FAMILY` is the plug-in; :data:`SCENARIOS` lists its scenarios, their sizes and default parameter ranges.
* :class:`CrackFamily` draws a sheet for the scenario, grows the crack and turns the states into snapshots.

``request.size`` is the centreline length for single cracks (``edge_crack``, ``through_crack``, ``grain``) and the
diameter of the pattern for ``star``, ``craquelure`` and ``channel``: that of the disc, or of the radial arms, over
which length is spread alike. The grid is laid so that this size spans a fixed number of cells, h = size / cells; the
AT1 length is 2 h, a numerical one (see docs/methods/crack.md). Openings in metres are w = w_sim sqrt(Gc h / E), strains
are e = e_sim sqrt(Gc / (E h)) (:mod:`maphc2f.solvers.fracture`).

Parameters, drawn uniformly from their ranges:

* ``load_limit``: largest load over the AT1 onset load, -.
* ``biaxiality``: load stress along the crack over that across it, -; the nearer to 1, the more a crack wanders.
* ``toughness_scale``: factor on the material's coefficient of variation of Gc, -.
* ``flaw_angle``: tilt of the seeded flaw against the direction of growth, rad.
* ``foundation_cells``: shear-lag length ls = sqrt(E' t / k), cells.
* ``arms``: number of arms of a star's flaw, -.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from maphc2f.defects.crack_sheets import RECIPES, Drawn, Recipe, make_sheet
from maphc2f.errors import SimulationRejected, UserError
from maphc2f.registry import near
from maphc2f.sample import Scenario, Simulation, SimulationRequest, Snapshot
from maphc2f.solvers.fracture import (
    FractureResult,
    Sheet,
    State,
    grow,
    normal_strain,
    onset_strain,
    opening_unit,
    strain_unit,
)
from maphc2f.solvers.ridge import LEVEL, Centreline, centreline, opening_field, openings, segments

Float32 = NDArray[np.float32]

SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        s.name: s
        for s in (
            Scenario(
                "edge_crack",
                "single crack that runs in from the part's outline",
                (0.10, 0.70),
                {
                    "load_limit": (1.0, 1.3),
                    "biaxiality": (0.0, 0.6),
                    "toughness_scale": (1.0, 1.6),
                    "flaw_angle": (-0.4, 0.4),
                    "foundation_cells": (30.0, 60.0),
                },
                placement="edge",
                weight=1.5,
                min_pixels=10.0,
            ),
            Scenario(
                "through_crack",
                "long single crack with two free tips",
                (0.15, 0.75),
                {
                    "load_limit": (1.0, 1.3),
                    "biaxiality": (0.0, 0.9),
                    "toughness_scale": (1.0, 1.6),
                    "flaw_angle": (-0.6, 0.6),
                    "foundation_cells": (25.0, 60.0),
                },
                weight=1.5,
                min_pixels=10.0,
            ),
            Scenario(
                "star",
                "impact star of three to six uneven arms",
                (0.08, 0.50),
                {
                    "load_limit": (1.6, 2.2),
                    "biaxiality": (0.9, 1.0),
                    "toughness_scale": (1.0, 1.5),
                    "arms": (3.0, 6.0),
                    "foundation_cells": (12.0, 25.0),
                },
                min_pixels=14.0,
            ),
            Scenario(
                "craquelure",
                "network of cracks in a coating, glaze or paint film",
                (0.15, 0.60),
                {
                    "load_limit": (2.6, 3.2),
                    "biaxiality": (0.85, 1.0),
                    "toughness_scale": (0.8, 1.3),
                    "foundation_cells": (7.0, 10.0),
                },
                needs=("coating_thickness",),
                min_pixels=24.0,
            ),
            Scenario(
                "channel",
                "roughly parallel channel cracks in a coating",
                (0.15, 0.60),
                {
                    "load_limit": (2.6, 3.2),
                    "biaxiality": (0.0, 0.35),
                    "toughness_scale": (0.8, 1.3),
                    "foundation_cells": (7.0, 11.0),
                },
                weight=0.7,
                needs=("coating_thickness",),
                min_pixels=20.0,
            ),
            Scenario(
                "grain",
                "split along the fibres of an orthotropic material",
                (0.15, 0.75),
                {
                    "load_limit": (0.8, 1.1),
                    "biaxiality": (0.0, 0.5),
                    "toughness_scale": (1.0, 1.5),
                    "flaw_angle": (-0.15, 0.15),
                    "foundation_cells": (25.0, 50.0),
                },
                weight=1.5,
                needs=("has_grain",),
                min_pixels=10.0,
                orientation="texture",
            ),
        )
    }
)


_AREA_PER_LENGTH = 2.6
"""First guess of the cells with d > 0.5 per cell of crack length at ell = 2 (the AT1 profile alone has 2.34)."""

OVERSHOOT = 1.12
"""Largest final size over the one asked for; beyond it, two cracks have joined at the end and the run is redrawn."""

SLACK = 0.97
"""Share of a stage's size that counts as reached: a tip moves up to a cell between two checks."""


def _draw(scenario: Scenario, request: SimulationRequest, rng: np.random.Generator) -> Drawn:
    unknown = sorted(set(request.parameters) - set(scenario.parameters))
    if unknown:
        raise UserError(
            f"unknown parameter '{unknown[0]}'",
            where=f"crack.{scenario.name}",
            rule="it must be a parameter of the scenario",
            remedy=near(unknown[0], list(scenario.parameters)),
        )
    ranges = {**scenario.parameters, **request.parameters}
    return {name: float(rng.uniform(*ranges[name])) for name in sorted(ranges)}


def _spread_of_line(line: Centreline) -> float:
    """Return the root mean square distance of the crack's length from its middle, cells."""
    steps = line.steps[line.inner]
    if len(steps) == 0:
        return 0.0
    middles = 0.5 * (line.points[:-1] + line.points[1:])[line.inner]
    centre = np.average(middles, axis=0, weights=steps)
    return math.sqrt(float(np.average(np.square(middles - centre).sum(1), weights=steps)))


def _spread_of_cells(broken: NDArray[np.bool_]) -> float:
    """Return the same from the broken cells, by moments of their row and column counts."""
    variance = 0.0
    for axis in (0, 1):
        count = np.count_nonzero(broken, axis=axis)
        total = count.sum()
        if total == 0:
            return 0.0
        at = np.arange(count.size)
        variance += float((count * at * at).sum() / total - ((count * at).sum() / total) ** 2)
    return math.sqrt(variance)


class Gauge:
    """Reads the size of a growing crack: a cheap estimate at every check, the traced centreline only near a target.

    The estimate (cells with d > LEVEL, or their extent) over the traced size is learnt during the run, so that two or
    three tracings a stage are enough.
    """

    def __init__(self, scenario: str, recipe: Recipe, n_stages: int) -> None:
        self._recipe, self._scenario, self._n_stages = recipe, scenario, n_stages
        self._ratio = _AREA_PER_LENGTH if recipe.single else 1.0
        self._next, self._last = 0.0, 0.0
        self.lines: list[Centreline] = []

    def size(self, line: Centreline) -> float:
        """Return the size that ``request.size`` means, cells."""
        return line.length if self._recipe.single else self._recipe.spread * _spread_of_line(line)

    def reached(self, state: State, target: float) -> bool:
        """Return whether the crack has grown to ``target`` cells; if so, keep its centreline."""
        # A crack that leapt past a stage spreads the remaining ones over what is left.
        room = (self._recipe.cells - self._last) / (self._n_stages - len(self.lines))
        wanted = max(SLACK * target, self._last + 0.4 * room, 1.02 * self._last)
        broken = state.damage > LEVEL
        estimate = (
            float(np.count_nonzero(broken)) if self._recipe.single else self._recipe.spread * _spread_of_cells(broken)
        )
        if estimate < max(wanted * self._ratio, self._next):
            return False
        line = _trace(self._scenario, self._recipe, state.damage)
        size = self.size(line)
        self._ratio = estimate / max(size, 0.7 * estimate / self._ratio)
        self._next = 1.02 * estimate
        if size < wanted:
            return False
        self._next, self._last = 0.0, size
        self.lines.append(line)
        return True


def _trace(scenario: str, recipe: Recipe, damage: Float32) -> Centreline:
    return centreline(
        damage, spur=4 if recipe.single else 5, passes=3, edge_margin=5.0 if scenario == "edge_crack" else 0.0
    )


def _snapshot(state: State, line: Centreline, size: float, sheet: Sheet, request: SimulationRequest) -> Snapshot:
    cell = request.size / RECIPES[request.scenario].cells
    width = openings(line, opening_field(*normal_strain(state, sheet), state.damage))
    anchor = _anchor(line, request.scenario)
    metres = segments(Centreline(line.points - anchor, line.starts, line.tips), width)
    metres[..., :2] *= np.float32(cell)
    metres[..., 2] *= np.float32(opening_unit(request.material.youngs_modulus, request.material.fracture_energy, cell))
    opening = metres[..., 2]
    return Snapshot(
        size=size * cell,
        spacing=cell,
        origin=(float((0.5 - anchor[0]) * cell), float((0.5 - anchor[1]) * cell)),
        extent=state.damage,
        threshold=LEVEL,
        trace=metres,
        measures={
            "length": line.length * cell,
            "width": float(opening.mean()),
            "opening_max": float(opening.max()),
        },
    )


def _anchor(line: Centreline, scenario: str) -> NDArray[np.float64]:
    """Return the frame's origin in cells: the mouth on the outline, or the middle of the crack's box."""
    if scenario == "edge_crack":
        mouth = line.points[np.argmin(line.points[:, 0])]
        if mouth[0] > 0:
            msg = "edge_crack: the crack does not reach the outline"
            raise SimulationRejected(msg)
        return np.array([0.0, mouth[1]])
    return np.asarray(0.5 * (line.points.min(0) + line.points.max(0)))


def _parameters(
    request: SimulationRequest, recipe: Recipe, sheet: Sheet, drawn: Drawn, result: FractureResult
) -> dict[str, float | str]:
    material, cell = request.material, request.size / recipe.cells
    onset = onset_strain(sheet.elasticity, sheet.ell, (float(sheet.eigen_x.max()), float(sheet.eigen_y.max())))
    return {
        **drawn,
        "cell": cell,
        "length_scale": sheet.ell * cell,
        "foundation_length": drawn["foundation_cells"] * cell,
        "youngs_modulus": material.youngs_modulus,
        "fracture_energy": material.fracture_energy,
        "load": result.load,
        "strain": result.load * onset * strain_unit(material.youngs_modulus, material.fracture_energy, cell),
        "stop": result.stop,
    }


@dataclass(frozen=True, slots=True)
class CrackFamily:
    """The plug-in; see the module's docstring."""

    name: str = "crack"
    scenarios: Mapping[str, Scenario] = field(default_factory=lambda: SCENARIOS)
    min_visible_share: float = 0.7
    min_change_inside: float = 0.95

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> Simulation:
        """Grow a crack to ``request.size`` and keep a snapshot at each stage.

        Raises:
            SimulationRejected: It did not reach the smallest stage, or left no trace.
        """
        scenario, recipe = self.scenarios[request.scenario], RECIPES[request.scenario]
        drawn = _draw(scenario, request, rng)
        sheet = make_sheet(request, drawn, rng)
        control = replace(recipe.control, last=max(drawn["load_limit"], recipe.control.first))
        targets = tuple(stage * recipe.cells for stage in request.stages)
        gauge = Gauge(scenario.name, recipe, len(targets))
        result = grow(sheet, control, targets, gauge.reached)
        if len(result.states) < len(targets):
            msg = f"{request.scenario}: {len(result.states)} of {len(targets)} stages reached ({result.stop})"
            raise SimulationRejected(msg)
        if gauge.size(gauge.lines[-1]) > OVERSHOOT * recipe.cells:
            msg = f"{request.scenario}: the last leap overshot the size by more than {OVERSHOOT - 1:.0%}"
            raise SimulationRejected(msg)
        return Simulation(
            family=self.name,
            scenario=scenario.name,
            placement=scenario.placement,
            snapshots=tuple(
                _snapshot(state, line, gauge.size(line), sheet, request)
                for state, line in zip(result.states, gauge.lines, strict=True)
            ),
            parameters=_parameters(request, recipe, sheet, drawn, result),
            iterations=result.steps,
            residual=result.residual,
        )


FAMILY = CrackFamily()

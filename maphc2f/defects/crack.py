"""Cracks by phase-field fracture: single cracks, stars, networks in films, arrays of thermal shock, cracks at holes.

* :data:`FAMILY` is the plug-in; :data:`SCENARIOS` lists its scenarios, their sizes and default parameter ranges.
* :class:`CrackFamily` draws a sheet for the scenario, grows the crack and turns the states into snapshots.

``request.size`` is the centreline length for single cracks (``edge_crack``, ``through_crack``, ``grain``; for
``between_holes`` with the diameters of the holes), the depth of the deepest crack for ``thermal_shock`` and the
diameter of the pattern for ``star``, ``craquelure`` and ``channel``: that of the disc, or of the radial arms, over
which length is spread alike. The grid is laid so that this size spans a fixed number of cells, h = size / cells; the
AT1 length is 2 h, a numerical one (see docs/methods/crack.md). Openings in metres are w = w_sim sqrt(Gc h / E), strains
are e = e_sim sqrt(Gc / (E h)) (:mod:`maphc2f.solvers.fracture`).

Parameters, drawn uniformly from their ranges:

* ``load_limit``: largest load over the AT1 onset load, -.
* ``biaxiality``: load stress along the crack over that across it, -; the nearer to 1, the more a crack wanders.
* ``skew``: relative change of the load over one size across the crack, as of bending in the plane: it makes the path
  an arc, -.
* ``toughness_scale``: factor on the material's coefficient of variation of Gc, -.
* ``roughness``: how far the path strays over the size of the microstructure, over that size, where cv(Gc) >= 0.4, -
  (:mod:`maphc2f.defects.crack_roughness`); it moves the drawn path alone, not the field that was solved.
* ``flaw_angle``: tilt of the seeded flaw against the direction of growth, rad.
* ``foundation_cells``: shear-lag length ls = sqrt(E' t / k), cells.
* ``arms``: number of arms of a star's flaw, -.
* ``hole_share``, ``hole_ratio``: diameter of the first hole over the size, of the second over the first, -.
* ``gap_share``: ligament between the holes over the size, -.
* ``tilt``: angle between the line through the holes and the one square to the load, rad.
* ``quench``: strain of the shocked surface over the AT1 onset strain, -.
* ``front_cells``: depth δ of the strain erfc(y / 2 δ) at unit load, cells; ``load_limit`` is how far it may run.
* ``flaw_pitch``: mean gap between the flaws of a shocked edge, cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from maphc2f.defects.chipping import CHIP, simulate_chip
from maphc2f.defects.crack_holes import Hole, chords
from maphc2f.defects.crack_roughness import Guard, Roughness, Scale, Waves, draw_waves, roughen, roughness_of
from maphc2f.defects.crack_sheets import RECIPES, Drawn, holes_of, make_sheet
from maphc2f.defects.crack_size import Gauge
from maphc2f.errors import SimulationRejected, UserError
from maphc2f.registry import near
from maphc2f.sample import Scenario, Simulation, SimulationRequest, Snapshot
from maphc2f.solvers.fracture import FractureResult, State, grow, normal_strain
from maphc2f.solvers.ridge import LEVEL, Centreline, opening_field, openings, segments
from maphc2f.solvers.sheet import Sheet, onset_strain, opening_unit, strain_unit

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

ROUGHNESS = (0.4, 0.7)
"""Default range of ``roughness`` in every scenario."""

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
                    "biaxiality": (0.2, 0.95),
                    "skew": (-0.8, 0.8),
                    "toughness_scale": (1.0, 1.6),
                    "roughness": ROUGHNESS,
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
                    "biaxiality": (0.2, 1.0),
                    "skew": (-0.8, 0.8),
                    "toughness_scale": (1.0, 1.6),
                    "roughness": ROUGHNESS,
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
                    "roughness": ROUGHNESS,
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
                    "roughness": ROUGHNESS,
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
                    "roughness": ROUGHNESS,
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
                    "roughness": ROUGHNESS,
                    "flaw_angle": (-0.15, 0.15),
                    "foundation_cells": (25.0, 50.0),
                },
                weight=1.5,
                needs=("has_grain",),
                min_pixels=10.0,
                orientation="texture",
            ),
            Scenario(
                "thermal_shock",
                "array of parallel cracks of uneven depth from a quenched or dried edge",
                (0.06, 0.25),
                {
                    "load_limit": (6.0, 8.0),
                    "biaxiality": (0.0, 0.5),
                    "toughness_scale": (1.0, 1.6),
                    "roughness": ROUGHNESS,
                    "foundation_cells": (20.0, 45.0),
                    "quench": (1.8, 2.5),
                    "front_cells": (4.0, 6.0),
                    "flaw_pitch": (6.0, 10.0),
                },
                placement="edge",
                weight=0.8,
                needs=("brittle",),
                min_pixels=8.0,
            ),
            Scenario(
                "between_holes",
                "crack that joins two pores or drilled holes",
                (0.12, 0.5),
                {
                    "load_limit": (1.0, 1.4),
                    "biaxiality": (0.0, 0.6),
                    "toughness_scale": (1.0, 1.6),
                    "roughness": ROUGHNESS,
                    "foundation_cells": (25.0, 60.0),
                    "hole_share": (0.12, 0.20),
                    "hole_ratio": (0.6, 1.0),
                    "gap_share": (0.45, 0.60),
                    "tilt": (-0.25, 0.25),
                },
                weight=0.7,
                needs=("brittle",),
                min_pixels=14.0,
            ),
            CHIP,
        )
    }
)


CRUSHED = 6.8
"""Broken cells per cell of a pattern's length (usual: 4 to 6) above which a region, not lines, has broken: redrawn."""

OVERSHOOT = 1.12
"""Largest final size over the one asked for; beyond it, two cracks have joined at the end and the run is redrawn."""


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


@dataclass(frozen=True, slots=True)
class _Run:
    """What all snapshots of a simulation share."""

    request: SimulationRequest
    scenario: Scenario
    sheet: Sheet
    holes: tuple[Hole, ...]
    cell: float
    law: Roughness
    waves: Waves

    @property
    def unit(self) -> float:
        """Metres of a unit of opening."""
        material = self.request.material
        return opening_unit(material.youngs_modulus, material.fracture_energy, self.cell)


def _opening(state: State, line: Centreline, run: _Run) -> tuple[Float64, Float64]:
    """Return the crack's opening and the width of what is drawn, holes as their chords, at the line's points, m."""
    width = openings(line, opening_field(*normal_strain(state, run.sheet), state.damage))
    across = chords(line, run.holes)
    # Across a hole the strain is its change of shape; the crack's own opening ends at the rim.
    opening = run.unit * np.minimum(width, width[across == 0].max(initial=0.0))
    return opening, np.maximum(opening, run.cell * across)


def _snapshot(state: State, line: Centreline, size: float, run: _Run) -> Snapshot:
    cell = run.cell
    opening, width = _opening(state, line, run)
    guard = Guard(run.scenario.placement == "edge", run.holes)
    rows = roughen(segments(line, width), run.law, run.waves, guard)
    anchor = _anchor(rows[..., :2].reshape(-1, 2), run.scenario)
    rows[..., :2] = (rows[..., :2] - anchor) * cell
    own = opening[width <= opening].astype(np.float32)
    return Snapshot(
        size=size * cell,
        spacing=cell,
        origin=(float((0.5 - anchor[0]) * cell), float((0.5 - anchor[1]) * cell)),
        extent=state.damage,
        threshold=LEVEL,
        trace=rows,
        measures={
            "length": float(np.hypot(*(rows[:, 1, :2] - rows[:, 0, :2]).T.astype(np.float64)).sum()),
            "width": float(own.mean()),
            "opening_max": float(own.max()),
        },
    )


def _anchor(points: Float32, scenario: Scenario) -> NDArray[np.float64]:
    """Return the frame's origin in cells: the mouth on the outline that is nearest the middle, or the box's middle."""
    middle = np.asarray(0.5 * (points.min(0) + points.max(0)), np.float64)
    if scenario.placement == "interior":
        return middle
    mouths = points[points[:, 0] <= 0, 1]
    if len(mouths) == 0:
        msg = f"{scenario.name}: the crack does not reach the outline"
        raise SimulationRejected(msg)
    return np.array([0.0, mouths[np.argmin(np.abs(mouths - middle[1]))]])


def _parameters(run: _Run, drawn: Drawn, result: FractureResult) -> dict[str, float | str]:
    material, cell, sheet = run.request.material, run.cell, run.sheet
    top = float(sheet.eigen_x.max()), float(sheet.eigen_y.max())
    largest = max(top) if sheet.front > 0 else result.load * onset_strain(sheet.elasticity, sheet.ell, top)
    return {
        **drawn,
        **({"largest_hole": drawn["largest_hole"] * cell} if "largest_hole" in drawn else {}),
        "cell": cell,
        "length_scale": sheet.ell * cell,
        "foundation_length": drawn["foundation_cells"] * cell,
        "roughness_deviation": run.law.deviation,
        "roughness_grain": run.law.grain * cell,
        "youngs_modulus": material.youngs_modulus,
        "fracture_energy": material.fracture_energy,
        "load": result.load,
        "strain": largest * strain_unit(material.youngs_modulus, material.fracture_energy, cell),
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
        scenario = self.scenarios[request.scenario]
        drawn = _draw(scenario, request, rng)
        if scenario.name == CHIP.name:
            return simulate_chip(request, drawn, rng)
        recipe = RECIPES[request.scenario]
        sheet = make_sheet(request, drawn, rng)
        control = replace(recipe.control, last=max(drawn["load_limit"], recipe.control.first))
        targets = tuple(stage * recipe.cells for stage in request.stages)
        holes = holes_of(recipe, drawn) if "hole_share" in drawn else ()
        gauge = Gauge(recipe, holes, len(targets))
        result = grow(sheet, control, targets, gauge.reached)
        if len(result.states) < len(targets):
            msg = f"{request.scenario}: {len(result.states)} of {len(targets)} stages reached ({result.stop})"
            raise SimulationRejected(msg)
        if gauge.size(gauge.lines[-1]) > OVERSHOOT * recipe.cells:
            msg = f"{request.scenario}: the last leap overshot the size by more than {OVERSHOOT - 1:.0%}"
            raise SimulationRejected(msg)
        broken = np.count_nonzero(result.states[-1].damage > LEVEL)
        if not recipe.single and broken > CRUSHED * gauge.lines[-1].length:
            msg = f"{request.scenario}: cells between cracks broke as a whole"
            raise SimulationRejected(msg)
        cell = request.size / recipe.cells
        law = roughness_of(
            request.material, drawn["roughness"], drawn["toughness_scale"], Scale(cell, request.pixel_size)
        )
        run = _Run(request, scenario, sheet, holes, cell, law, draw_waves(law, rng))
        return Simulation(
            family=self.name,
            scenario=scenario.name,
            placement=scenario.placement,
            snapshots=tuple(
                _snapshot(state, line, gauge.size(line), run)
                for state, line in zip(result.states, gauge.lines, strict=True)
            ),
            parameters=_parameters(run, drawn, result),
            iterations=result.steps,
            residual=result.residual,
        )


FAMILY = CrackFamily()

"""Cracks by phase-field fracture: edge and through cracks, stars, craquelure, channel cracks, cracks along the grain.

* :data:`FAMILY` is the plug-in; :data:`SCENARIOS` lists its scenarios, their sizes and default parameter ranges.
* :class:`CrackFamily` draws a sheet for the scenario, grows the crack and turns the states into snapshots.

``request.size`` is the centreline length for single cracks (``edge_crack``, ``through_crack``, ``grain``) and the
patch's diameter (that of the disc over which the length is spread alike) for ``star``, ``craquelure``, ``channel``. The grid is laid so that this size spans a fixed number of
cells, h = size / cells; the AT1 length is 2 h, a numerical one (see docs/methods/crack.md). Openings in metres are
w = w_sim sqrt(Gc h / E), strains e = e_sim sqrt(Gc / (E h)) (:mod:`maphc2f.solvers.fracture`).

Parameters, drawn uniformly from their ranges:

* ``load_limit``: largest load over the AT1 onset load, -.
* ``biaxiality``: strain along the crack over the strain across it, -; the nearer to 1, the more a crack wanders.
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

from maphc2f.errors import SimulationRejected
from maphc2f.sample import Scenario, Simulation, SimulationRequest, Snapshot
from maphc2f.solvers.fracture import (
    Elasticity,
    FractureResult,
    LoadControl,
    Sheet,
    State,
    grow,
    normal_strain,
    onset_strain,
    opening_unit,
    strain_unit,
)
from maphc2f.solvers.random_fields import gaussian_field, lognormal_toughness, voronoi_boundaries
from maphc2f.solvers.ridge import LEVEL, Centreline, centreline, opening_field, openings, segments
from maphc2f.spec import MaterialSpec

Float32 = NDArray[np.float32]
Drawn = dict[str, float]

SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        s.name: s
        for s in (
            Scenario(
                "edge_crack", "single crack that runs in from the part's outline", (0.10, 0.70),
                {"load_limit": (1.0, 1.3), "biaxiality": (0.0, 0.6), "toughness_scale": (1.0, 1.6),
                 "flaw_angle": (-0.4, 0.4), "foundation_cells": (30.0, 60.0)},
                placement="edge", weight=1.5,
            ),
            Scenario(
                "through_crack", "long single crack with two free tips", (0.15, 0.75),
                {"load_limit": (1.0, 1.3), "biaxiality": (0.0, 0.8), "toughness_scale": (1.0, 1.6),
                 "flaw_angle": (-0.6, 0.6), "foundation_cells": (25.0, 60.0)},
                weight=1.5,
            ),
            Scenario(
                "star", "impact star of three to six uneven arms", (0.08, 0.50),
                {"load_limit": (1.6, 2.2), "biaxiality": (0.9, 1.0), "toughness_scale": (1.0, 1.5),
                 "arms": (3.0, 6.0), "foundation_cells": (12.0, 25.0)},
            ),
            Scenario(
                "craquelure", "network of cracks in a coating, glaze or paint film", (0.15, 0.60),
                {"load_limit": (2.2, 2.8), "biaxiality": (0.85, 1.0), "toughness_scale": (0.8, 1.3),
                 "foundation_cells": (7.0, 10.0)},
                needs=("coating_thickness",),
            ),
            Scenario(
                "channel", "roughly parallel channel cracks in a coating", (0.15, 0.60),
                {"load_limit": (2.2, 2.8), "biaxiality": (0.0, 0.35), "toughness_scale": (0.8, 1.3),
                 "foundation_cells": (7.0, 11.0)},
                weight=0.7, needs=("coating_thickness",),
            ),
            Scenario(
                "grain", "split along the fibres of an orthotropic material", (0.15, 0.75),
                {"load_limit": (0.8, 1.1), "biaxiality": (0.0, 0.1), "toughness_scale": (1.0, 1.5),
                 "flaw_angle": (-0.15, 0.15), "foundation_cells": (25.0, 50.0)},
                weight=1.5, needs=("has_grain",),
            ),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Numbers of a scenario that are not drawn.

    Attributes:
        shape: Grid (ny, nx); even down to about 8 cells for multigrid.
        cells: Cells that ``request.size`` spans.
        control: Load control; its ``last`` is replaced by the drawn ``load_limit``.
        nucleation: See :class:`~maphc2f.solvers.fracture.Sheet`; 1 where cracks must start by themselves.
        spread: Diameter over the spread of length (root mean square distance from the middle) that size means for
            patterns: sqrt(8) for a disc evenly filled, sqrt(12) for radial arms; 0 where size is the centreline length.
    """

    shape: tuple[int, int]
    cells: float
    control: LoadControl
    nucleation: float
    spread: float = 0.0

    @property
    def single(self) -> bool:
        """Whether size is the centreline length."""
        return self.spread == 0


_SINGLE = LoadControl(first=0.22, last=1.0, pace=1.0, damping=1.0)
_NETWORK = LoadControl(first=0.6, last=1.6, pace=2.0, damping=0.5, quiet=0.08, checks=6, max_steps=1200)

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "edge_crack": Recipe((96, 64), 56, _SINGLE, 3.0),
        "through_crack": Recipe((128, 80), 64, _SINGLE, 3.0),
        "star": Recipe((96, 96), 58, replace(_SINGLE, pace=2.0, first=0.3), 2.5, math.sqrt(12)),
        "craquelure": Recipe((128, 128), 92, _NETWORK, 1.0, math.sqrt(8)),
        "channel": Recipe((128, 128), 92, _NETWORK, 1.0, math.sqrt(8)),
        "grain": Recipe((64, 128), 64, _SINGLE, 3.0),
    }
)

FLAW_SHARE = 0.22
"""Seeded flaw over the final size of a single crack."""

_AREA_PER_LENGTH = 2.6
"""First guess of the cells with d > 0.5 per cell of crack length at ell = 2 (the AT1 profile alone has 2.34)."""

BORDER = 10.0
"""Cells over which the load fades towards the grid's borders."""

SLACK = 0.97
"""Share of a stage's size that counts as reached: a tip moves up to a cell between two checks."""


def _draw(scenario: Scenario, request: SimulationRequest, rng: np.random.Generator) -> Drawn:
    ranges = {**scenario.parameters, **request.parameters}
    return {name: float(rng.uniform(*ranges[name])) for name in sorted(ranges)}


def _wiggly(
    start: tuple[float, float], angle: float, length: float, roughness: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return points every half cell of a path that turns at random: (n, 2), angle from +y towards +x."""
    n = max(int(2 * length), 2)
    turns = angle + roughness * np.cumsum(rng.standard_normal(n)) / math.sqrt(n)
    steps = 0.5 * np.stack([np.cos(turns), np.sin(turns)], 1)
    return np.asarray(np.asarray(start) + np.concatenate([np.zeros((1, 2)), np.cumsum(steps, 0)]))


def _rasterise(paths: list[NDArray[np.float64]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    notch = np.zeros(shape, bool)
    cells = np.floor(np.concatenate(paths)).astype(int)
    keep = (cells >= 0).all(1) & (cells < np.asarray(shape)).all(1)
    notch[cells[keep, 0], cells[keep, 1]] = True
    return notch


def _flaw(name: str, recipe: Recipe, drawn: Drawn, rng: np.random.Generator) -> NDArray[np.bool_]:
    ny, nx = recipe.shape
    length = FLAW_SHARE * recipe.cells
    if name == "edge_crack":
        path = _wiggly((0.0, nx / 2), drawn["flaw_angle"], length, 0.4, rng)
        return _rasterise([path], recipe.shape)
    if name in {"through_crack", "grain"}:
        along = drawn["flaw_angle"] + (math.pi / 2 if name == "grain" else 0.0)
        middle = (ny / 2, nx / 2)
        halves = [_wiggly(middle, along + turn, length / 2, 0.3, rng) for turn in (0.0, math.pi)]
        return _rasterise(halves, recipe.shape)
    if name == "star":
        return _rasterise(_star_arms(recipe, round(drawn["arms"]), rng), recipe.shape)
    return np.zeros(recipe.shape, bool)


def _star_arms(recipe: Recipe, arms: int, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Return the flaw's arms: uneven angles at least half the even gap apart, uneven lengths."""
    gaps = 0.5 + rng.dirichlet(np.full(arms, 2.0)) * 0.5 * arms
    angles = rng.uniform(0, 2 * math.pi) + np.cumsum(gaps) * 2 * math.pi / arms
    lengths = recipe.cells * rng.uniform(0.09, 0.18, arms)
    middle = (recipe.shape[0] / 2, recipe.shape[1] / 2)
    return [_wiggly(middle, a, n, 0.2, rng) for a, n in zip(angles, lengths, strict=True)]


def _toughness(name: str, material: MaterialSpec, recipe: Recipe, cell: float, drawn: Drawn, rng: np.random.Generator) -> Float32:
    cv = float(np.clip(material.toughness_cv * drawn["toughness_scale"], 0.12, 0.55))
    xi = float(np.clip(material.toughness_correlation / cell, 3.0, 6.0))
    correlation = (0.7 * xi, 4 * xi) if name == "grain" else (xi, xi)
    gc = lognormal_toughness(gaussian_field(recipe.shape, correlation, rng), cv)
    grain = material.grain_size / cell
    drawn["toughness_cv"], drawn["toughness_correlation"] = cv, xi * cell
    if grain >= 4 and material.grain_boundary_toughness < 1:
        weak = voronoi_boundaries(recipe.shape, min(grain, 16.0), rng)
        gc = gc * (1 - (1 - material.grain_boundary_toughness) * weak)
    return (gc / gc.mean()).astype(np.float32)


def _window(name: str, recipe: Recipe, rng: np.random.Generator) -> Float32:
    """Return the share of the load at each cell, 0 .. 1: full in the middle, fading towards the borders.

    Single cracks see a load that fades only near the borders, so that these never attract a crack. A star's load
    falls off from the point of impact. A film's shrinkage is strongest in an irregular patch and spreads outwards as it
    rises.
    """
    ny, nx = recipe.shape
    y, x = np.arange(ny, dtype=np.float32)[:, None] + 0.5, np.arange(nx, dtype=np.float32) + 0.5
    below = ny - y if name == "edge_crack" else np.minimum(y, ny - y)
    border = np.clip(np.minimum(below, np.minimum(x, nx - x)) / BORDER, 0.3, 1)
    if recipe.single:
        return border.astype(np.float32)
    wobble = gaussian_field(recipe.shape, (24.0, 24.0), rng)
    stretch = rng.uniform(0.8, 1.25)
    radius = np.hypot((y - ny / 2) * stretch, (x - nx / 2) / stretch) / (recipe.cells / 2)
    if name == "star":
        return (border * np.exp(-0.5 * np.square(radius * (1 + 0.1 * wobble)))).astype(np.float32)
    edge = radius * (1 + 0.15 * wobble)
    return (border * np.clip(1.05 - 0.45 * edge**2 - np.maximum(edge - 1, 0), 0.05, 1)).astype(np.float32)


def _sheet(request: SimulationRequest, recipe: Recipe, drawn: Drawn, rng: np.random.Generator) -> Sheet:
    material, name = request.material, request.scenario
    cell = request.size / recipe.cells
    load = _window(name, recipe, rng)
    along = np.float32(drawn["biaxiality"]) * load
    elasticity = Elasticity.orthotropic(material.poisson_ratio, material.stiffness_ratio, material.shear_ratio)
    if name in {"craquelure", "channel"} or material.stiffness_ratio == 1.0:
        elasticity = Elasticity.orthotropic(material.poisson_ratio, 1.0, 0.5 * (1 - material.poisson_ratio))
    # The shear-lag length counts along the strain that opens the crack, across the fibres for grain.
    across = elasticity.c22 / elasticity.c11 if name == "grain" else 1.0
    # Single cracks run along y (opened by the strain along x), the grain is x.
    eigen_x, eigen_y = (along, load) if name == "grain" else (load, along)
    return Sheet(
        elasticity=elasticity, gc=_toughness(name, material, recipe, cell, drawn, rng), eigen_x=eigen_x, eigen_y=eigen_y,
        notch=_flaw(name, recipe, drawn, rng), foundation_length=drawn["foundation_cells"] / math.sqrt(across),
        fixed=(name != "edge_crack", True, True, True), nucleation=recipe.nucleation,
    )


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
        estimate = float(np.count_nonzero(broken)) if self._recipe.single else self._recipe.spread * _spread_of_cells(broken)
        if estimate < max(wanted * self._ratio, self._next):
            return False
        line = _trace(self._scenario, self._recipe, state.damage)
        size = self.size(line)
        self._ratio = estimate / max(size, 0.7 * estimate / self._ratio)
        self._next = 1.01 * estimate
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
        size=size * cell, spacing=cell, origin=(float((0.5 - anchor[0]) * cell), float((0.5 - anchor[1]) * cell)),
        extent=state.damage, threshold=LEVEL, trace=metres,
        measures={
            "length": line.length * cell, "width": float(opening.mean()), "opening_max": float(opening.max()),
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


def _parameters(request: SimulationRequest, recipe: Recipe, sheet: Sheet, drawn: Drawn, result: FractureResult) -> dict[str, float | str]:
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
        sheet = _sheet(request, recipe, drawn, rng)
        control = replace(recipe.control, last=max(drawn["load_limit"], recipe.control.first))
        targets = tuple(stage * recipe.cells for stage in request.stages)
        gauge = Gauge(scenario.name, recipe, len(targets))
        result = grow(sheet, control, targets, gauge.reached)
        if len(result.states) < len(targets):
            msg = f"{request.scenario}: {len(result.states)} of {len(targets)} stages reached ({result.stop})"
            raise SimulationRejected(msg)
        return Simulation(
            family=self.name, scenario=scenario.name, placement=scenario.placement,
            snapshots=tuple(
                _snapshot(state, line, gauge.size(line), sheet, request)
                for state, line in zip(result.states, gauge.lines, strict=True)
            ),
            parameters=_parameters(request, recipe, sheet, drawn, result), iterations=result.steps,
            residual=result.residual,
        )


FAMILY = CrackFamily()

"""The sheets that crack: grid, flaw, toughness and load of each crack scenario.

* :class:`Recipe` and :data:`RECIPES` hold what is not drawn.
* :func:`make_sheet` draws the rest and returns a :class:`~maphc2f.solvers.sheet.Sheet`.
* :func:`holes_of` are the holes of the drawn numbers.

Lengths are in cells, positions (y, x) with the corner of cell [0, 0] at (0, 0).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from maphc2f.defects.crack_holes import LARGEST_PIXELS, Hole, discs, place_holes
from maphc2f.sample import SimulationRequest
from maphc2f.solvers.fracture import LoadControl
from maphc2f.solvers.random_fields import gaussian_field, lognormal_toughness, voronoi_boundaries
from maphc2f.solvers.sheet import Elasticity, Sheet, onset_strain
from maphc2f.spec import MaterialSpec

Float32 = NDArray[np.float32]
Drawn = dict[str, float]
Measure = Literal["length", "diameter", "depth"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Numbers of a scenario that are not drawn.

    Attributes:
        shape: Grid (ny, nx); even down to about 8 cells for multigrid.
        cells: Cells that ``request.size`` spans.
        control: Load control; its ``last`` is replaced by the drawn ``load_limit``.
        nucleation: See :class:`~maphc2f.solvers.sheet.Sheet`; 1 where cracks must start by themselves.
        measure: What ``request.size`` means: length of the centreline, diameter of the pattern, deepest point.
        spread: Diameter over the spread of length (root mean square distance from the middle) that size means for
            patterns: sqrt(8) for a disc evenly filled, sqrt(12) for radial arms.
        fixed: Sides whose normal displacement is held (top, bottom, left, right); a free top is the part's outline.
    """

    shape: tuple[int, int]
    cells: float
    control: LoadControl
    nucleation: float
    measure: Measure = "length"
    spread: float = 0.0
    fixed: tuple[bool, bool, bool, bool] = (True, True, True, True)

    @property
    def single(self) -> bool:
        """Whether cracks run along one direction, rather than in a pattern."""
        return self.measure != "diameter"


# The slower a crack runs (pace) and the less its motion is damped, the nearer its load is to that of slow loading; the
# paces here are what 20 ms a simulation, on average, allow (docs/methods/bias.md).
_SINGLE = LoadControl(first=0.22, last=1.0, pace=0.4, damping=0.8, rise=0.06)
_SPLIT = replace(_SINGLE, pace=0.27)
_STAR = replace(_SINGLE, first=0.3, pace=0.4, rise=0.08, max_steps=1600)
_NETWORK = LoadControl(first=0.6, last=1.6, pace=0.3, damping=0.7, rise=0.04, quiet=0.08, checks=6, max_steps=1600)
_CHANNEL = replace(_NETWORK, pace=0.12, damping=0.4)
_SHOCK = LoadControl(first=0.5, last=6.0, pace=0.9, damping=0.3, rise=0.06, quiet=0.05, max_steps=1800)
_FREE_EDGE = (False, True, True, True)

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "edge_crack": Recipe((96, 64), 56, _SINGLE, 5.0, fixed=_FREE_EDGE),
        "through_crack": Recipe((112, 72), 56, _SINGLE, 5.0),
        "star": Recipe((96, 96), 58, _STAR, 4.0, "diameter", math.sqrt(12)),
        "craquelure": Recipe((112, 112), 72, _NETWORK, 1.0, "diameter", math.sqrt(8)),
        "channel": Recipe((112, 112), 72, _CHANNEL, 1.0, "diameter", math.sqrt(8)),
        "grain": Recipe((64, 128), 64, _SPLIT, 5.0),
        "between_holes": Recipe((128, 80), 64, _SINGLE, 5.0),
        "thermal_shock": Recipe((64, 128), 40, _SHOCK, 12.0, "depth", fixed=_FREE_EDGE),
    }
)

FLAW_SHARE = 0.22
"""Seeded flaw over the final size of a single crack."""

ELL = 2.0
"""Length scale of the damage, cells."""

BORDER = 10.0
"""Cells over which the load fades towards the grid's borders."""


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
    if name == "thermal_shock":
        return _rasterise(_edge_flaws(recipe, drawn["flaw_pitch"], rng), recipe.shape)
    if name == "between_holes":
        holes = holes_of(recipe, drawn)
        return discs(holes, recipe.shape) | _rasterise(_rim_flaws(holes, drawn, rng), recipe.shape)
    if name == "star":
        return _rasterise(_star_arms(recipe, round(drawn["arms"]), rng), recipe.shape)
    return np.zeros(recipe.shape, bool)


def _edge_flaws(recipe: Recipe, pitch: float, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Return flaws that run in from the outline, uneven in gap, depth and tilt."""
    nx = recipe.shape[1]
    gaps = pitch * rng.uniform(0.6, 1.4, math.ceil(nx / (0.6 * pitch)))
    places = BORDER * rng.uniform(0.8, 1.2) + np.cumsum(gaps)
    places = places[places < nx - BORDER]
    depths, tilts = rng.uniform(1.5, 6.0, len(places)), rng.normal(0.0, 0.15, len(places))
    return [_wiggly((0.0, x), tilt, depth, 0.2, rng) for x, tilt, depth in zip(places, tilts, depths, strict=True)]


def _rim_flaws(holes: tuple[Hole, Hole], drawn: Drawn, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Return short cracks at the holes' rims towards each other."""
    flaws = []
    for hole, turn in zip(holes, (0.0, math.pi), strict=True):
        angle = turn + drawn["tilt"] + rng.normal(0.0, 0.25)
        flaws.append(_wiggly(hole.rim(angle), angle, rng.uniform(2.0, 5.0), 0.2, rng))
    return flaws


def holes_of(recipe: Recipe, drawn: Drawn) -> tuple[Hole, Hole]:
    """Return the two holes of the drawn numbers; ``largest_hole`` is the diameter that can be drawn, cells."""
    return place_holes(recipe.shape, recipe.cells, drawn["largest_hole"], drawn)


def _star_arms(recipe: Recipe, arms: int, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Return the flaw's arms: uneven angles at least half the even gap apart, uneven lengths."""
    gaps = 0.5 + rng.dirichlet(np.full(arms, 2.0)) * 0.5 * arms
    angles = rng.uniform(0, 2 * math.pi) + np.cumsum(gaps) * 2 * math.pi / arms
    lengths = recipe.cells * rng.uniform(0.09, 0.18, arms)
    middle = (recipe.shape[0] / 2, recipe.shape[1] / 2)
    return [_wiggly(middle, a, n, 0.2, rng) for a, n in zip(angles, lengths, strict=True)]


def _toughness(
    name: str, material: MaterialSpec, recipe: Recipe, cell: float, drawn: Drawn, rng: np.random.Generator
) -> Float32:
    cv = float(np.clip(material.toughness_cv * drawn["toughness_scale"], 0.12, 0.55))
    xi = float(np.clip(material.toughness_correlation / cell, 3.0, 6.0))
    correlation = (xi, xi)
    if material.has_grain and recipe.single:
        correlation = (0.7 * xi, 4 * xi) if name == "grain" else (4 * xi, 0.7 * xi)
    gc = lognormal_toughness(gaussian_field(recipe.shape, correlation, rng), cv)
    grain = material.grain_size / cell
    drawn["toughness_cv"], drawn["toughness_correlation"] = cv, xi * cell
    if grain >= 4 and material.grain_boundary_toughness < 1:
        weak = voronoi_boundaries(recipe.shape, min(grain, 16.0), rng)
        gc = gc * (1 - (1 - material.grain_boundary_toughness) * weak)
    return np.asarray(gc / gc.mean(), np.float32)


def _window(name: str, recipe: Recipe, rng: np.random.Generator) -> Float32:
    """Return the share of the load at each cell, 0 .. 1: full in the middle, fading towards the borders.

    Single cracks see a load that fades only near the borders, so that these never attract a crack. A star's load
    falls off from the point of impact, that of two holes from the ligament, a thermal shock towards the sides of the
    array. A film's shrinkage is strongest in an irregular patch and spreads outwards as it rises.
    """
    ny, nx = recipe.shape
    y, x = np.arange(ny, dtype=np.float32)[:, None] + 0.5, np.arange(nx, dtype=np.float32) + 0.5
    if name == "thermal_shock":
        # The blow of water ends somewhere: cracks get shorter towards both sides.
        sides = rng.uniform(0.15, 0.35, 2) * nx
        share = np.clip(np.minimum(x / sides[0], (nx - x) / sides[1]), 0.1, 1) ** 0.7
        return np.broadcast_to(share.astype(np.float32), recipe.shape)
    below = np.minimum(y, ny - y) if recipe.fixed[0] else ny - y
    border = np.clip(np.minimum(below, np.minimum(x, nx - x)) / BORDER, 0.3, 1)
    if name == "between_holes":
        border = border * (0.6 + 0.4 * np.exp(-0.5 * np.square((y - ny / 2) / (0.25 * recipe.cells))))
    if recipe.single:
        return np.asarray(border, np.float32)
    wobble = gaussian_field(recipe.shape, (24.0, 24.0), rng)
    stretch = rng.uniform(0.8, 1.25)
    # Turned at random: an oval along the axes would turn the cracks, too.
    turn = rng.uniform(0, math.pi)
    down, right = y - ny / 2, x - nx / 2
    long = down * math.cos(turn) - right * math.sin(turn)
    short = down * math.sin(turn) + right * math.cos(turn)
    radius = np.hypot(long * stretch, short / stretch) / (recipe.cells / 2)
    if name == "star":
        return np.asarray(border * np.exp(-0.5 * np.square(radius * (1 + 0.1 * wobble))), np.float32)
    edge = radius * (1 + 0.15 * wobble)
    return np.asarray(border * np.clip(1.05 - 0.3 * edge**2 - np.maximum(edge - 1, 0), 0.05, 1), np.float32)


def _skewed(recipe: Recipe, skew: float) -> Float32:
    """Return the factor 1 + skew x / size on the load, (nx,), x from the middle: bending in the plane turns a crack."""
    across = (np.arange(recipe.shape[1]) + 0.5 - recipe.shape[1] / 2) / recipe.cells
    return (1 + skew * across).astype(np.float32)


def _elasticity(name: str, material: MaterialSpec) -> tuple[Elasticity, float]:
    """Return the stiffness and its share across a single crack: cracks run along the fibres, films are isotropic."""
    if name in {"craquelure", "channel"} or not material.has_grain:
        return Elasticity.orthotropic(material.poisson_ratio, 1.0, 0.5 * (1 - material.poisson_ratio)), 1.0
    e = Elasticity.orthotropic(material.poisson_ratio, material.stiffness_ratio, material.shear_ratio)
    if name == "star":
        return e, 1.0
    if name == "grain":
        return e, material.stiffness_ratio
    return Elasticity(e.c22, e.c11, e.c12, e.c66), material.stiffness_ratio


def make_sheet(request: SimulationRequest, drawn: Drawn, rng: np.random.Generator) -> Sheet:
    """Return the sheet of ``request.scenario``: elasticity, toughness, load, flaw and sides.

    Args:
        request: What is asked for.
        drawn: The drawn parameters; those of the toughness field are added.
        rng: Source of the toughness, the flaw and the patch.
    """
    recipe = RECIPES[request.scenario]
    material, name = request.material, request.scenario
    cell = request.size / recipe.cells
    elasticity, across = _elasticity(name, material)
    if name == "between_holes":
        drawn["largest_hole"] = LARGEST_PIXELS * request.pixel_size / cell
    load = _window(name, recipe, rng) * _skewed(recipe, drawn.get("skew", 0.0))
    if name == "thermal_shock":
        onset = onset_strain(elasticity, ELL, (1.0, drawn["biaxiality"] * across))
        load = np.float32(drawn["quench"] * onset) * load
    # Equal strain along stiff fibres would be the larger stress and tear them: the ratio is one of stresses.
    along = np.float32(drawn["biaxiality"] * across) * load
    # Single cracks run along y, opened by the strain along x; those of the grain scenario along x.
    eigen_x, eigen_y = (along, load) if name == "grain" else (load, along)
    return Sheet(
        elasticity=elasticity,
        gc=_toughness(name, material, recipe, cell, drawn, rng),
        eigen_x=eigen_x,
        eigen_y=eigen_y,
        notch=_flaw(name, recipe, drawn, rng),
        foundation_length=drawn["foundation_cells"] / math.sqrt(across),
        fixed=recipe.fixed,
        ell=ELL,
        nucleation=recipe.nucleation,
        front=drawn.get("front_cells", 0.0),
    )

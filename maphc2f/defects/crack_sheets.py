"""The sheets that crack: grid, flaw, toughness and load of each crack scenario.

* :class:`Recipe` and :data:`RECIPES` hold what is not drawn.
* :func:`make_sheet` draws the rest and returns a :class:`~maphc2f.solvers.fracture.Sheet`.

Lengths are in cells, positions (y, x) with the corner of cell [0, 0] at (0, 0).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from maphc2f.sample import SimulationRequest
from maphc2f.solvers.fracture import Elasticity, LoadControl, Sheet
from maphc2f.solvers.random_fields import gaussian_field, lognormal_toughness, voronoi_boundaries
from maphc2f.spec import MaterialSpec

Float32 = NDArray[np.float32]
Drawn = dict[str, float]


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
        "edge_crack": Recipe((96, 64), 56, _SINGLE, 5.0),
        "through_crack": Recipe((128, 80), 64, _SINGLE, 5.0),
        "star": Recipe((96, 96), 58, replace(_SINGLE, pace=2.0, first=0.3), 4.0, math.sqrt(12)),
        "craquelure": Recipe((128, 128), 82, _NETWORK, 1.0, math.sqrt(8)),
        "channel": Recipe((128, 128), 82, _NETWORK, 1.0, math.sqrt(8)),
        "grain": Recipe((64, 128), 64, _SINGLE, 5.0),
    }
)

FLAW_SHARE = 0.22
"""Seeded flaw over the final size of a single crack."""

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
    falls off from the point of impact. A film's shrinkage is strongest in an irregular patch and spreads outwards as it
    rises.
    """
    ny, nx = recipe.shape
    y, x = np.arange(ny, dtype=np.float32)[:, None] + 0.5, np.arange(nx, dtype=np.float32) + 0.5
    below = ny - y if name == "edge_crack" else np.minimum(y, ny - y)
    border = np.clip(np.minimum(below, np.minimum(x, nx - x)) / BORDER, 0.3, 1)
    if recipe.single:
        return np.asarray(border, np.float32)
    wobble = gaussian_field(recipe.shape, (24.0, 24.0), rng)
    stretch = rng.uniform(0.8, 1.25)
    radius = np.hypot((y - ny / 2) * stretch, (x - nx / 2) / stretch) / (recipe.cells / 2)
    if name == "star":
        return np.asarray(border * np.exp(-0.5 * np.square(radius * (1 + 0.1 * wobble))), np.float32)
    edge = radius * (1 + 0.15 * wobble)
    return np.asarray(border * np.clip(1.05 - 0.45 * edge**2 - np.maximum(edge - 1, 0), 0.05, 1), np.float32)


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
    load = _window(name, recipe, rng)
    elasticity, across = _elasticity(name, material)
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
        fixed=(name != "edge_crack", True, True, True),
        nucleation=recipe.nucleation,
    )

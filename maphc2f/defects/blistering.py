"""Blisters under a film: solution that gets in through flaws, adhesion that it takes, and the film that it lifts.

* :func:`simulate_blister` grows the delaminated region and lifts the film over it at each stage.
* :func:`medium` gives the constants of the delamination.

Below the film the delaminated region is a thin gap of solution. A bond breaks once a given amount of ions has reached
it, so with c the *lack* of ions (c = 0 in a flaw, the bulk's c₀ at most) the gap obeys

    ∂c/∂t = D ∇²c,     (S c₀ - c) v_n = -D ∂c/∂n,     v_n = v while c < c₀  and  c = c₀ where transport limits:

the moving boundary problem of a pit, which :mod:`maphc2f.solvers.pitting` solves, in one layer. Delamination is linear
in time while reaction limits it and follows √t once transport does, as measured for the cathodic delamination of
polymers from iron (Leng, Streckel & Stratmann 1998, Corros. Sci. 41:547). The film then bulges as
:mod:`maphc2f.solvers.blister` says.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label

from maphc2f.defects import corrosion_surface as surface
from maphc2f.defects.corrosion_growth import DOMAIN, THRESHOLD, largest_extent
from maphc2f.defects.corrosion_scenarios import Numbers
from maphc2f.errors import SimulationRejected
from maphc2f.sample import Float32, Scenario, Simulation, SimulationRequest, Snapshot
from maphc2f.solvers import pitting
from maphc2f.solvers.blister import Bulge, Skin, inflate
from maphc2f.spec import MaterialSpec

ION_DIFFUSIVITY = 1.33e-9
"""Na⁺ in water, m²/s (CRC Handbook of Chemistry and Physics): the slow one of common salt."""

MOLAR_PRESSURE = 4.9e6
"""Osmotic pressure 2 R T c of common salt at 1 mol/L and 298 K, Pa (van 't Hoff)."""

CELLS = (20, 44)
"""Fewest and most cells across the final size."""

MAX_STEPS = 260
CONTROL = pitting.StepControl(target=0.4, tolerance=5e-3, max_sweeps=8, omega=1.5)
MIN_FREE = 12
"""Fewest delaminated cells at which a stage counts: fewer have no shape."""

LEAST_RISE = 0.01
"""Height over the radius of the largest blister below which nothing would be seen."""

SMOOTHING = 0.6
"""Gaussian sigma of outline and height, cells: takes the stairs out."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """When a flaw of the film lets solution in, s, and the cells below it, (k, 2)."""

    opens: float
    cells: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Stage:
    """The delaminated share of the cells, (n, n), when the largest extent passed a stage, and that extent, m."""

    size: float
    share: Float32


def medium(numbers: Numbers, size: float, spacing: float) -> pitting.Electrolyte:
    """Return the constants of the delamination in the terms of the pitting solver.

    ``bond`` is S, the ions that a bond takes over those in the gap; ``control`` the distance over ``size`` at which
    transport takes over from reaction, D / (v (S - 1)). A flaw of 2 x 2 cells passes ions like ``flaw`` squares of the
    gap: each cell conducts flaw / 4 = 1 / (½ + δ/h), which gives the boundary layer δ of the solver.
    """
    velocity = ION_DIFFUSIVITY / ((numbers["bond"] - 1.0) * numbers["control"] * size)
    layer = (4.0 / numbers["flaw"] - 0.5) * spacing
    return pitting.Electrolyte(numbers["bond"], 1.0, ION_DIFFUSIVITY, velocity, layer)


def skin_of(material: MaterialSpec, numbers: Numbers, radius: float) -> Skin:
    """Return the wet film and the osmotic pressure below it.

    The pressure is what would raise a circle of that radius by a √ε, against bending (64 D w/a⁴) and the tension Ē t ε
    (4 N w/a²) together, but at most that of a molar solution. What the film does under it, the solver says.

    Args:
        material: Gives the film.
        numbers: Give ``strain`` ε and ``softening``.
        radius: a, of the largest blister, m.
    """
    modulus, thickness = material.youngs_modulus * numbers["softening"], material.coating_thickness
    still = Skin(modulus, material.poisson_ratio, thickness, 0.0)
    stiffness = 64.0 * still.bending / radius**4 + 4.0 * still.stretching * numbers["strain"] / radius**2
    pressure = min(stiffness * radius * math.sqrt(numbers["strain"]), MOLAR_PRESSURE)
    return Skin(modulus, material.poisson_ratio, thickness, pressure)


def largest_radius(share: Float32, spacing: float) -> float:
    """Return the radius of the circle with the area of the largest delaminated region, m."""
    regions, _ = label(share >= THRESHOLD)
    return math.sqrt(float(np.bincount(regions.ravel())[1:].max()) / math.pi) * spacing


def _bonded(request: SimulationRequest, numbers: Numbers, n: int, rng: np.random.Generator) -> pitting.Pits:
    spacing = DOMAIN * request.size / n
    grid = pitting.PitGrid((1, n, n), spacing, spacing)
    weakness = surface.activity(grid.shape, numbers, n / DOMAIN, rng)
    pores = numbers["permeability"] * np.exp(0.5 * surface.noise(rng, (n, n), (2.0, 2.0)))
    constants = medium(numbers, request.size, spacing)
    layer = constants.boundary_layer / spacing
    # The openness m at which a cell conducts ``pores`` times what it does in a flaw: ½ + δ/m = (½ + δ) / pores.
    cover = layer * pores / (layer + 0.5 - 0.5 * np.minimum(pores, 1.0))
    return pitting.intact(grid, constants, weakness, cover.astype(np.float32))


def _flaws(pits: pitting.Pits, numbers: Numbers, size: float, rng: np.random.Generator) -> list[Flaw]:
    """Return when each flaw lets solution in, and its cells; incubation is exponential with a mean of ``lag`` growths.

    The wet spot spreads from the middle, so the flaws nearest to it open first, the first at once.
    """
    n = pits.grid.shape[1]
    rows, columns = surface.start_cells(n, numbers, n / DOMAIN, rng)
    cells = np.stack([rows, columns], axis=1).reshape(4, -1, 2).swapaxes(0, 1)
    half = 0.5 * size
    growth = half / pits.medium.reaction_rate + 0.5 * numbers["bond"] * half**2 / pits.medium.diffusivity
    times = np.sort(rng.exponential(numbers["lag"] * growth, len(cells)))
    order = np.argsort(np.abs(cells[:, 0] - 0.5 * n).max(axis=1), kind="stable")
    return [Flaw(float(time - times[0]), cells[k]) for time, k in zip(times, order, strict=True)]


def delaminate(pits: pitting.Pits, flaws: list[Flaw]) -> Iterator[float]:
    """Step the delamination, open each flaw when it is due, in their order, and yield the largest extent, cells.

    Raises:
        SimulationRejected: The region left the grid.
    """
    waiting = list(flaws)
    edge = surface.MARGIN + 1
    while pits.steps < MAX_STEPS:
        while waiting and waiting[0].opens <= pits.seconds:
            cells = waiting.pop(0).cells
            pitting.break_film(pits, cells[:, 0], cells[:, 1])
        pitting.advance(pits, CONTROL)
        inside = pitting.mouth(pits) >= THRESHOLD
        if inside[:edge].any() or inside[-edge:].any() or inside[:, :edge].any() or inside[:, -edge:].any():
            msg = "the delaminated region left the simulated square"
            raise SimulationRejected(msg)
        if pits.steps % 2 == 0:
            yield largest_extent(inside)


def _grow(request: SimulationRequest, pits: pitting.Pits, flaws: list[Flaw]) -> list[Stage]:
    stages: list[Stage] = []
    for cells in delaminate(pits, flaws):
        reached = cells * pits.grid.spacing
        share = pitting.mouth(pits)
        due = reached >= request.stages[len(stages)] * request.size and int((share >= 1.0).sum()) >= MIN_FREE
        if due and (not stages or reached > stages[-1].size):
            stages.append(Stage(reached, share))
        if len(stages) == len(request.stages):
            return stages
    msg = f"blister stopped growing at {len(stages)} of {len(request.stages)} stages"
    raise SimulationRejected(msg)


def _lift(stages: list[Stage], spacing: float, skin: Skin) -> list[Bulge]:
    """Lift the film at each stage, warm-started from the one before."""
    bulges: list[Bulge] = []
    for stage in stages:
        guess = bulges[-1].height if bulges else None
        bulges.append(inflate(stage.share.astype(np.float64), spacing, skin, guess=guess))
    return bulges


def _snapshot(stage: Stage, bulge: Bulge, spacing: float, origin: tuple[float, float]) -> Snapshot:
    return Snapshot(
        size=stage.size,
        spacing=spacing,
        origin=origin,
        extent=gaussian_filter(stage.share, SMOOTHING),
        threshold=THRESHOLD,
        # A stiff film would dip by a hair in narrow corners; the metal below stops it.
        depth=np.maximum(gaussian_filter(bulge.height, SMOOTHING), 0.0).astype(np.float32),
        measures={"width": stage.size},
    )


def _anchor(stage: Stage, spacing: float) -> tuple[float, float]:
    rows, columns = np.nonzero(stage.share >= THRESHOLD)
    middle = (0.5 * float(axis.min() + axis.max()) * spacing for axis in (rows, columns))
    return -next(middle), -next(middle)


def simulate_blister(
    request: SimulationRequest, scenario: Scenario, numbers: Numbers, rng: np.random.Generator
) -> Simulation:
    """Grow the delaminated region through the stages and lift the film over it; ``size`` is its largest extent.

    Args:
        request: Material and size.
        scenario: Gives name and placement.
        numbers: The drawn parameters.
        rng: Source of flaws and bond strengths.

    Raises:
        SimulationRejected: It did not reach its size, or left the grid.
    """
    n = round(DOMAIN * float(np.clip(2 * request.size / request.pixel_size, *CELLS)))
    pits = _bonded(request, numbers, n, rng)
    stages = _grow(request, pits, _flaws(pits, numbers, request.size, rng))
    spacing = pits.grid.spacing
    radius = largest_radius(stages[-1].share, spacing)
    skin = skin_of(request.material, numbers, radius)
    bulges, origin = _lift(stages, spacing, skin), _anchor(stages[-1], spacing)
    height = float(bulges[-1].height.max())
    if height < LEAST_RISE * radius:
        msg = f"a film of {skin.thickness:.2g} m stays flat over a blister of radius {radius:.2g} m"
        raise SimulationRejected(msg)
    derived = {
        "exposure_time": pits.seconds,
        "spacing": spacing,
        "pressure": skin.pressure,
        "height": height,
        "film_strain": float(bulges[-1].strain.max()),
        "thickness": skin.thickness,
    }
    return Simulation(
        family="corrosion",
        scenario=scenario.name,
        placement=scenario.placement,
        snapshots=tuple(_snapshot(s, b, spacing, origin) for s, b in zip(stages, bulges, strict=True)),
        parameters={**numbers, **derived},
        iterations=pits.steps + sum(bulge.iterations for bulge in bulges),
        residual=max(bulge.residual for bulge in bulges),
    )

"""What the plots of the methods pages show, computed by the production solvers in the set-ups of the benchmarks.

* :func:`pull_plates`: notched plates in tension and in shear.
* :func:`corrode_wires`, :func:`cross_over`, :func:`dig_pit`: depths and outlines of corroding metal.
* :func:`press_balls`, :func:`stretch_hole`: pressure below a ball, stress beside a hole.
* :func:`push_punches`, :func:`bend_strips`, :func:`load_plate`: plastic flow.
* :func:`grow_networks`: directions of cracks.

References come from `benchmarks/physics_*.py`, where they are derived or cited; published marks are repeated here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import (
    kks,
    physics_contact,
    physics_corrosion,
    physics_network,
    physics_pitting,
    physics_plane,
    physics_plate,
    physics_punch,
)
from benchmarks.physics_notched import Notched, Pull, pull
from maphc2f.defects import crack
from maphc2f.errors import SimulationRejected
from maphc2f.rng import stream
from maphc2f.sample import SimulationRequest
from maphc2f.solvers import pitting, plasticity
from maphc2f.solvers.fracture import Sheet, load_vector
from maphc2f.solvers.half_space import indent, make_half_space
from maphc2f.solvers.plate import NewtonOptions, equilibrate, make_plate, rest

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


class Curve(NamedTuple):
    """Points (x, y) of a line."""

    x: Float64
    y: Float64


PUBLISHED_PEAKS = {"tension": ((5.58e-3, 0.6915), (5.55e-3, 0.701)), "shear": ((9.4e-3, 0.531),)}
"""Displacement (mm) and force (kN) at the peak; sources in `benchmarks.physics_notched`."""


def pull_plates(n: int = 257, rise: float = 0.004, steps: int = 250) -> dict[str, Pull]:
    """Pull and shear notched plates of n cells a side until the force has fallen by a tenth from its peak."""
    return {
        "tension, no split": pull(Notched("tension", n, "none", 3e-3, 8e-3, rise, steps)),
        "tension, spectral split": pull(Notched("tension", n, "spectral", 3e-3, 8e-3, rise, steps)),
        "shear, spectral split": pull(Notched("shear", n, "spectral", 3e-3, 12e-3, rise, steps)),
    }


@dataclass(frozen=True, slots=True)
class Wire:
    """Depth (µm) of a pencil electrode over √t (√s), and Stefan's rate, µm/√s."""

    ours: Curve
    rate: float


def corrode_wires(saturations: Sequence[float] = (2.0, 5.1, 12.0), cells: int = 50) -> dict[float, Wire]:
    """Corrode wires to 118.2 µm under diffusion control, at saturations in mol/L; D = 8.5e-10 m²/s."""
    wires = {}
    for saturation in saturations:
        medium = pitting.Electrolyte(143e3, 1e3 * saturation, 8.5e-10, reaction_rate=1.0)
        size = 1.1 * 118.2e-6 / cells
        grid = pitting.PitGrid((cells, 1, 1), size, size)
        pits = pitting.intact(grid, medium, np.ones(grid.shape, np.float32), np.zeros((1, 1), np.float32))
        pits.step = 1e-3
        pitting.break_film(pits, np.array([0]), np.array([0]))
        passed = _followed(pits, 118.2e-6 / size)
        ours = Curve(np.sqrt(pits.seconds / pits.time * passed.x), 1e6 * size * passed.y)
        wires[saturation] = Wire(ours, 1e6 * physics_pitting.stefan_rate(medium))
    return wires


def _followed(pits: pitting.Pits, depth: float) -> Curve:
    """Return depths (cells) over times (solver's units) of a wire until ``depth`` is reached."""
    times, depths = [], []
    while pits.dissolved < depth:
        pitting.advance(pits, physics_pitting.ACCURATE)
        times.append(pits.time)
        depths.append(pits.dissolved)
    return Curve(np.array(times), np.array(depths))


@dataclass(frozen=True, slots=True)
class Crossover:
    """Wires that turn saturated: depth over the crossover's depth, time over that at which full speed reaches it.

    Attributes:
        ours: Per depth of the crossover in cells, from EARLIEST on.
        reference: Front tracking, which knows no cells.
    """

    ours: dict[float, Curve]
    reference: Curve


EARLIEST = 0.025
"""Depth over the crossover's from which wires are shown: front tracking starts with a seed of a twentieth of it."""


def cross_over(cells: Sequence[float] = (5.0, 15.0, 40.0), stop: float = 60.0) -> Crossover:
    """Corrode wires to ``stop`` cells, whose crossovers lie near the depths ``cells``."""
    ratio, ours = 143 / 5.1, {}
    for length in cells:
        velocity = 1 / (length * (ratio - 1))
        line = _followed(physics_pitting.wire(velocity), stop)
        shown = line.y >= EARLIEST * length
        ours[length] = Curve(line.x[shown] * velocity / length, line.y[shown] / length)
    times = np.geomspace(*_range([line.x for line in ours.values()]), 60)
    velocity = 1 / (ratio - 1)
    depths = physics_pitting.front_tracking(ratio, velocity, times / velocity)
    return Crossover(ours, Curve(times, depths))


def _range(arrays: Sequence[Float64]) -> tuple[float, float]:
    return min(float(a.min()) for a in arrays), max(float(a.max()) for a in arrays)


@dataclass(frozen=True, slots=True)
class Growth:
    """A pit below an opening.

    Attributes:
        depth: Depth (µm) over time since the first of the depths asked for (s).
        outlines: For each of these depths the share of metal, (ny, nx) from the axis of the pit to the right.
        spacing: µm.
    """

    depth: Curve
    outlines: list[Float64]
    spacing: float


Measure = Callable[[], tuple[float, float, Float64]]


def dig_pit(spacing: float = 1e-6, depths: Sequence[float] = (16.0, 24.0, 32.0, 40.0)) -> tuple[Growth, Growth]:
    """Return the pit of `benchmarks.physics_corrosion.opening_rows` by the production solver and by the phase field."""
    pits, liquid = _opened_film(spacing)
    half = liquid.shape[1] // 2
    state = _seeded_metal(spacing)

    def ours() -> tuple[float, float, Float64]:
        return pits.seconds, float(liquid[:, half].sum()), 1.0 - liquid[:, half:]

    def reference() -> tuple[float, float, Float64]:
        return state.time, kks.depth_below(state, 0) / spacing, state.phase

    return (
        _grown(ours, lambda: pitting.advance(pits, physics_pitting.ACCURATE), spacing, depths),
        _grown(reference, lambda: kks.corrode(state, state.time + 0.5), spacing, depths),
    )


def _opened_film(spacing: float) -> tuple[pitting.Pits, Float32]:
    setup = physics_corrosion
    columns, layers = 2 * round(setup.HALF_BOX / spacing), round(setup.BOX_DEPTH / spacing)
    grid = pitting.PitGrid((layers, 1, columns), spacing, spacing)
    medium = pitting.Electrolyte(**physics_pitting.STEEL, reaction_rate=1.0)
    pits = pitting.intact(grid, medium, np.ones(grid.shape, np.float32), np.zeros((1, columns), np.float32))
    half = round(setup.HALF_SLIT / spacing)
    slit = columns // 2 + np.arange(-half, half)
    pitting.break_film(pits, np.zeros_like(slit), slit)
    return pits, pits.liquid.reshape(grid.padded)[1:-1, 1, 1:-1]


def _seeded_metal(spacing: float) -> kks.Corroding:
    setup = physics_corrosion
    alloy = kks.scaled(kks.published(), thickness=spacing / 1e-6, energy=0.25, speed=0.3)
    y, x = (np.mgrid[: round(setup.BOX_DEPTH / spacing), : round(setup.HALF_BOX / spacing)] + 0.5) * spacing
    return kks.sound_metal(alloy, spacing, np.hypot(y, x) < 9e-6, x[0] < setup.HALF_SLIT)


def _grown(measure: Measure, advance: Callable[[], object], spacing: float, depths: Sequence[float]) -> Growth:
    """Advance past each depth (µm); times count from the first."""
    micron, outlines, passed = 1e6 * spacing, [], []
    for target in depths:
        while measure()[1] * micron < target:
            passed.append((measure()[0], measure()[1] * micron))
            advance()
        outlines.append(measure()[2].astype(np.float64))
    passed.append((measure()[0], measure()[1] * micron))
    times, reached = np.array(passed).T
    since = times - np.interp(depths[0], reached, times)
    return Growth(Curve(since[since >= 0], reached[since >= 0]), outlines, micron)


def press_balls(sizes: Sequence[int] = (32, 128)) -> dict[int, Curve]:
    """Press balls to a contact radius of 0.3 of the window; return p/p0 over r/a of all cells out to 1.5 a.

    a and p0 are Hertz's at the load that was found, as in `benchmarks.physics_contact.hertz_rows`.
    """
    profiles = {}
    for n in sizes:
        curvature, r = physics_contact.CURVATURE_RADIUS * n, physics_contact.distance(n)
        approach = (0.3 * n) ** 2 / curvature
        tolerance = physics_contact.TOLERANCE
        contact = indent(make_half_space((n, n)), r**2 / (2 * curvature), approach, tolerance=tolerance)
        load = float(contact.pressure.sum())
        radius = (0.75 * load * curvature) ** (1 / 3)
        peak = 1.5 * load / (np.pi * radius**2)
        near = r < 1.5 * radius
        order = np.argsort(r[near], kind="stable")
        profiles[n] = Curve(r[near][order] / radius, contact.pressure[near][order] / peak)
    return profiles


@dataclass(frozen=True, slots=True)
class Hole:
    """A quarter of a stretched sheet with a hole: sxx / S in cells (ny, nx), and on the equator over y / a."""

    stress: Float64
    equator: Curve
    radius: float


def stretch_hole(n: int = 256, radius: float = 24.0) -> Hole:
    """Stretch a sheet of 2 n cells a side with a hole of ``radius`` cells, as `benchmarks.physics_plane.hole_error`."""
    damage = (1 - np.sqrt(physics_plane.solid_share(n, radius))).astype(np.float32)
    one, fixed = np.ones((n, n), np.float32), (True, False, True, True)
    sheet = Sheet(physics_plane.SHEET, one, one, 0 * one, damage > 2, 0.0, fixed)
    levels = physics_plane.Plane(damage, physics_plane.SHEET, fixed).levels()
    u = physics_plane.equilibrium(levels, load_vector(levels[0], sheet, 1.0))
    stress, _ = physics_plane.normal_stress(levels[0], u, 1.0)
    y = np.arange(n) + 0.5
    beside = y < 6 * radius
    return Hole(stress, Curve(y[beside] / radius, stress[beside, 0]), radius)


@dataclass(frozen=True, slots=True)
class Punches:
    """Prandtl's punch.

    Attributes:
        load: q/k over h/a, coarse to fine.
        limit: The straight line through the finest two at h = 0.
        slip: Equivalent plastic strain of the finest run but one, (ny, nx) cells from the punch's axis.
        cells: Half width of that punch, cells.
    """

    load: Curve
    limit: float
    slip: Float64
    cells: int


def push_punches(sizes: Sequence[int] = (4, 8, 16, 32), steps: int = 6000) -> Punches:
    """Push punches of half widths ``sizes`` into the box of `benchmarks.physics_punch`."""
    runs = [physics_punch.push_punch(cells, steps) for cells in sizes]
    load = Curve(np.array([1 / run.cells for run in runs]), np.array([run.load for run in runs]))
    cells = sizes[-2]
    return Punches(load, physics_punch.extrapolated(runs), _slip(cells, steps), cells)


def _slip(cells: int, steps: int) -> Float64:
    """Return the equivalent plastic strain below a punch that has sunk to the depth of the benchmark."""
    setup = physics_punch
    shape = (setup.BOX[1] * cells, setup.BOX[0] * cells)
    plate = setup.calmed(
        plasticity.make_plate(shape, poisson_ratio=setup.POISSON, yield_stress=setup.YIELD, sides=(False, True))
    )
    depth = setup.PUSH * plate.law.yield_shear * cells / plate.law.shear
    under = np.arange(shape[1]) < cells
    gaps = np.where(under, np.array([[0.0], [depth]]), setup.NO_TOOL)
    state = plasticity.press_on(plate, plasticity.at_rest(plate), gaps, steps * cells)
    return plasticity.cell_fields(plate, state).strain.astype(np.float64)


def bend_strips(ratios: Float64) -> tuple[Curve, Curve]:
    """Return k_res / k over k / k_y by the plate's bending law, and by the sum over fibres."""
    ours = np.array([physics_plate.springback(float(r)) for r in ratios])
    return Curve(ratios, ours), Curve(ratios, np.array([physics_plate.fibre_springback(float(r)) for r in ratios]))


def load_plate(n: int = 24) -> Curve:
    """Load a simply supported square until it no longer carries: load in M_p/a² over the deflection at 10 M_p/a²."""
    plate = make_plate(physics_plate.uniform_base((2 * n, 2 * n), 1e-4 / n**4), poisson_ratio=physics_plate.NU)
    options = NewtonOptions(tolerance=1e-3, forcing=0.05, max_steps=40, max_inner=400)
    unit, state = 1.5 * (1 - physics_plate.NU**2) / n**2, rest((2 * n, 2 * n))
    deflections, loads = [0.0], [0.0]
    for load in np.concatenate([np.arange(10.0, 20.0, 1.0), np.arange(20.0, 30.0, 0.1)]):
        pressure = physics_plate.odd_extension(np.full((n - 1, n - 1), load * unit))
        try:
            state, _ = equilibrate(plate, state, pressure=pressure, options=options)
        except SimulationRejected:
            break
        deflections.append(float(state.w[n // 2, n // 2]))
        loads.append(float(load))
        if deflections[-1] > 12 * deflections[1]:
            break
    return Curve(np.array(deflections) / deflections[1], np.array(loads))


@dataclass(frozen=True, slots=True)
class Networks:
    """Networks under equal strains.

    Attributes:
        count: How many.
        angles: Direction of each piece of crack, rad.
        lengths: Its length, cells.
        ratio: Length near the axes over length near the diagonals.
        extent: Phase field of the first network, (ny, nx).
    """

    count: int
    angles: Float64
    lengths: Float64
    ratio: float
    extent: Float32


def grow_networks(seeds: int = 96) -> Networks:
    """Grow the networks of `benchmarks.physics_network`, from seed 0 upwards."""
    lines = [physics_network.network(seed) for seed in range(seeds)]
    angles, lengths = (np.concatenate(parts) for parts in zip(*map(physics_network.directions, lines), strict=True))
    return Networks(seeds, angles, lengths, physics_network.axis_to_diagonal(lines), _network_field())


def _network_field() -> Float32:
    """Return the field of the first network that grows."""
    field = physics_network.FIELD
    fixed = {"biaxiality": (1.0, 1.0)}
    request = SimulationRequest("craquelure", physics_network.GLAZE, 0.36 * field, (1.0,), field, 1e-4, fixed)
    for attempt in range(8):
        try:
            return crack.FAMILY.simulate(request, stream(0, "network", attempt)).snapshots[0].extent
        except SimulationRejected:
            continue
    msg = "no network grew"
    raise RuntimeError(msg)

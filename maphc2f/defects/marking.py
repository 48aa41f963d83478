"""Hard imprints and scratches: contact with a hardness law and volume-conserving pile-up.

* :func:`simulate_imprint` presses a hard body into the surface, deeper from stage to stage.
* :func:`simulate_scratch` draws a bundle of hard points along a slightly bent path, farther from stage to stage.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.defects.indenters import Ranges, draw_tool, level_of_area
from maphc2f.defects.relief import Relief, equivalent_diameter, relief_snapshot, slopes
from maphc2f.errors import SimulationRejected
from maphc2f.kernels.contact import FAR, sweep_tool
from maphc2f.sample import Scenario, Simulation, SimulationRequest, Snapshot
from maphc2f.solvers.contact import PileUp, constraint_factor, flow_share, pile_up
from maphc2f.solvers.half_space import Contact, indent, make_half_space
from maphc2f.spec import MaterialSpec

Float64 = NDArray[np.float64]

IMPRINT_GRID = (64, 96)
IMPRINT_VIEW = 3.0
#: Share of the deepest point at which a plastic zone ends, and the least share of the indentation that must stay.
FOOT, LEAST_RESIDUE = 0.02, 0.05
#: Times a stage is pressed until its zone has the diameter asked for, how near is enough, and the largest step.
CORRECTIONS, SIZE_TOLERANCE, LARGEST_CORRECTION = 6, 0.12, 1.25
SCRATCH_CELLS = 260
CELLS_ACROSS = 3.2
STEP = 0.5
MARGIN = 10.0
LEAST_ASPECT = 22.0
#: Grid on which one point of a stylus is pressed in, and the radius of its contact, cells.
POINT_GRID, POINT_RADIUS = 40, 8.0
#: Amplitude of stick-slip over the unevenness, and how many scratches have it.
CHATTER, CHATTER_SHARE = 0.35, 0.3
#: Share of the flow that is left where cell walls and fibres fold into their own pores.
FIBROUS_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class HardContact:
    """What the material does under a hard flank.

    Attributes:
        hardness: H, Pa: the material's own, or constraint factor times yield stress.
        reduced_modulus: E* = E / (1 - ν²), Pa.
        share: Share of the dug volume that rises around the contact.
    """

    hardness: float
    reduced_modulus: float
    share: float


def hard_contact(material: MaterialSpec, flank_slope: float) -> HardContact:
    """Return hardness, stiffness and the share that flows to the surface for a flank of slope tan β.

    A material whose hardness is hardly above its yield stress (foam) compacts instead of flowing sideways: the lower
    one of the two constraint factors, its own and that of the expanding cavity, decides. Fibres fold and pack, too.
    """
    reduced = material.youngs_modulus / (1 - material.poisson_ratio**2)
    stiffness = reduced * flank_slope / material.yield_stress
    factor = constraint_factor(stiffness)
    hardness = material.hardness or factor * material.yield_stress
    compact = float(np.clip((hardness / material.yield_stress - 1) / (factor - 1), 0, 1))
    if material.has_grain:
        compact *= FIBROUS_SHARE
    return HardContact(hardness, reduced, compact * flow_share(stiffness))


def simulate_imprint(request: SimulationRequest, scenario: Scenario, rng: np.random.Generator) -> Simulation:
    """Press a hard body into the surface; ``size`` is the diameter of what it leaves at the original surface.

    The contact has no length of its own, so the cell size is set after the last stage such that its imprint has the
    size asked for; the load follows.

    Raises:
        SimulationRejected: The material springs back, or a solver did not converge.
    """
    ranges = Ranges.of(scenario, request)
    n = int(np.clip(round(IMPRINT_VIEW * request.size / request.pixel_size), *IMPRINT_GRID))
    radius = n / (2 * IMPRINT_VIEW)
    y, x = (np.mgrid[:n, :n] - 0.5 * (n - 1)) / radius
    kind, tool = draw_tool(y, x, rng)
    level = level_of_area(tool, math.pi * radius**2)
    tool *= 2 * radius * ranges.uniform("depth_ratio", rng) / level
    slope = _flank_slope(tool, level_of_area(tool, math.pi * radius**2))
    contact = hard_contact(request.material, slope)
    width = ranges.uniform("flow_width", rng)
    presses = _press(tool, [stage * radius for stage in request.stages], contact.hardness / contact.reduced_modulus)
    spacing = request.size / presses[-1].diameter
    snapshots, pile = [], None
    for press in presses:
        flow, size = 0.5 * width * press.diameter, press.diameter * spacing
        gap = spacing * press.gap
        pile = pile_up(gap, share=contact.share, width=flow, guess=None if pile is None else pile.potential)
        relief = _relief(pile, flow, spacing, (0.5 * (n - 1), 0.5 * (n - 1)))
        snapshots.append(relief_snapshot(relief, size, {"width": size}))
    last = presses[-1]
    numbers = ranges.drawn | {
        "tool": kind,
        "flank_slope": slope,
        "load": last.force * contact.reduced_modulus * spacing**2,
        "elastic_recovery": last.recovery,
    }
    return _finish("imprint", snapshots, numbers, contact, pile)


@dataclass(frozen=True, slots=True)
class Press:
    """A tool pressed in and lifted off, in cells and in units of E*.

    Attributes:
        gap: Gap under load, minus the plastic depth where the tool overlaps the deformed surface, (ny, nx).
        diameter: Diameter of the circle with the area of the plastic zone.
        force: Load over E*, cells².
        recovery: Share of the indentation that springs back.
    """

    gap: Float64
    diameter: float
    force: float
    recovery: float


def _press(tool: Float64, radii: list[float], hardness: float) -> list[Press]:
    """Press ``tool`` into an elastic-plastic half-space of ``hardness`` H / E* until its imprints have about ``radii``.

    The rim of a zone of radius a under the even pressure H sinks by 4 H a / (π E*) (Johnson, Contact Mechanics, 1985,
    eq. 3.29): that much more than the tool's own height there it is pressed in, and farther where part of the zone
    stays elastic.
    """
    space = make_half_space((tool.shape[0], tool.shape[1]))
    presses: list[Press] = []
    pressure = np.zeros(tool.shape)
    for radius in radii:
        indentation = level_of_area(tool, math.pi * radius**2) + 4 / math.pi * hardness * radius
        for _ in range(CORRECTIONS):
            contact = indent(space, tool, indentation, hardness=hardness, guess=pressure)
            pressure, press = contact.pressure, _lift(contact, indentation)
            ratio = 2 * radius / max(press.diameter, radius)
            if abs(ratio - 1) < SIZE_TOLERANCE:
                break
            indentation *= min(ratio, LARGEST_CORRECTION)
        _check(pressure, press)
        presses.append(press)
    return presses


def _lift(contact: Contact, indentation: float) -> Press:
    depth = float(contact.overlap.max())
    diameter = equivalent_diameter(contact.overlap, FOOT * depth) if depth > 0 else 0.0
    return Press(contact.gap, diameter, float(contact.pressure.sum()), 1 - depth / indentation)


def _check(pressure: Float64, press: Press) -> None:
    if press.recovery > 1 - LEAST_RESIDUE:
        msg = f"the surface springs back by {press.recovery:.1%} of the indentation"
        raise SimulationRejected(msg)
    if np.any(pressure[[0, -1]]) or np.any(pressure[:, [0, -1]]):
        msg = "the tool touches the surface beyond the grid"
        raise SimulationRejected(msg)


def _flank_slope(tool: Float64, level: float) -> float:
    gy, gx = np.gradient(tool)
    band = (tool > 0.6 * level) & (tool < 1.4 * level)
    return float(np.hypot(gy, gx)[band].mean())


def _moving_load(contact: HardContact, width: float) -> float:
    """Return the normal load H π w² / 8, N: a point that moves rests on the front half of its circle."""
    return contact.hardness * math.pi * width**2 / 8


def _relief(pile: PileUp, width: float, spacing: float, anchor: tuple[float, float]) -> Relief:
    """Round the crests by one cell and add the mean displacement of the flowing layer, u = -λ ∇φ."""
    height = cv2.GaussianBlur(pile.height, (0, 0), 0.7, borderType=cv2.BORDER_REFLECT)
    return Relief(np.asarray(height), -width * slopes(pile.potential), spacing, anchor)


def _finish(
    name: str, snapshots: list[Snapshot], numbers: dict[str, float | str], contact: HardContact, pile: PileUp | None
) -> Simulation:
    assert pile is not None, "a request has at least one stage"
    derived = {"hardness": contact.hardness, "flow_share": contact.share}
    return Simulation(
        family="deformation",
        scenario=name,
        placement="interior",
        snapshots=tuple(snapshots),
        parameters=numbers | derived,
        iterations=pile.iterations * len(snapshots),
        residual=pile.residual,
    )


@dataclass(frozen=True, slots=True)
class Stylus:
    """A bundle of hard points that travels, in cells.

    Attributes:
        slope: Slope of the flanks.
        tip: Rounding height of the points.
        across: Width of the groove of the lowest point at the mean load.
        points: Offset across the path and lift above the lowest point, (m, 2).
    """

    slope: float
    tip: float
    across: float
    points: Float64

    @property
    def depth(self) -> float:
        """Depth at which the lowest point is ``across`` wide at the surface."""
        return math.hypot(0.5 * self.slope * self.across, self.tip) - self.tip


@dataclass(frozen=True, slots=True)
class Track:
    """A path on its grid.

    Attributes:
        path: y, x, normal y, normal x in cells, every half cell, (n, 4).
        loads: Relative depth of each point along the path, about 1, (m, n).
        shape: Grid that holds it with a margin.
    """

    path: Float64
    loads: Float64
    shape: tuple[int, int]


def simulate_scratch(request: SimulationRequest, scenario: Scenario, rng: np.random.Generator) -> Simulation:
    """Draw a hard tool over the surface; ``size`` is the length of its path.

    Raises:
        SimulationRejected: The material springs back, or a solver did not converge.
    """
    ranges = Ranges.of(scenario, request)
    width = min(ranges.log_uniform("width_ratio", rng) * request.field_of_view, request.size / LEAST_ASPECT)
    spacing = max(request.pixel_size / 2, request.size / SCRATCH_CELLS)
    stylus = _draw_stylus(max(width / spacing, CELLS_ACROSS), ranges.uniform("flank_slope", rng), rng)
    ramp = ranges.uniform("lift_widths", rng) * stylus.across
    track = _draw_track(request.size / spacing, stylus, ranges, rng)
    contact = hard_contact(request.material, stylus.slope)
    recovery = _point_recovery(stylus, contact.hardness / contact.reduced_modulus)
    flow = ranges.uniform("flow_width", rng) * stylus.across
    snapshots, pile = [], None
    for stage in request.stages:
        surface = (1 - recovery) * spacing * _dig(track, stylus, stage, ramp)
        pile = pile_up(surface, share=contact.share, width=flow, guess=None if pile is None else pile.potential)
        relief = _relief(pile, flow, spacing, _middle(track, stage))
        measures = {"length": stage * request.size, "width": stylus.across * spacing}
        snapshots.append(relief_snapshot(relief, stage * request.size, measures))
    numbers = ranges.drawn | {
        "asperities": float(len(stylus.points)),
        "load": _moving_load(contact, stylus.across * spacing),
        "elastic_recovery": recovery,
    }
    return _finish("scratch", snapshots, numbers, contact, pile)


def _draw_stylus(across: float, slope: float, rng: np.random.Generator) -> Stylus:
    """Draw one to five points side by side: the lowest in the middle, the others higher up."""
    count = int(rng.choice(5, p=(0.34, 0.26, 0.2, 0.12, 0.08)))
    offsets = rng.uniform(0.25, 0.95, count) * across * rng.choice((-1.0, 1.0), count)
    lifts = rng.uniform(0.1, 0.6, count) * 0.5 * slope * across
    points = np.stack([np.append(0.0, offsets), np.append(0.0, lifts)], axis=1)
    return Stylus(slope, 0.25 * slope * across, across, points)


def _point_recovery(stylus: Stylus, hardness: float) -> float:
    """Return the share of its indentation by which the imprint of the stylus's lowest point springs back."""
    y, x = np.mgrid[:POINT_GRID, :POINT_GRID] - 0.5 * (POINT_GRID - 1)
    scale = 2 * POINT_RADIUS / stylus.across
    tool = np.hypot(stylus.slope * np.hypot(y, x), scale * stylus.tip) - scale * stylus.tip
    return _press(tool, [POINT_RADIUS], hardness)[0].recovery


def _draw_track(length: float, stylus: Stylus, ranges: Ranges, rng: np.random.Generator) -> Track:
    """Draw a path of ``length`` cells whose heading turns evenly and wavers a little, with an uneven load."""
    s = np.linspace(0, 1, max(int(length / STEP), 16))
    turn, waver = ranges.uniform("turn", rng), ranges.uniform("waver", rng)
    heading = turn * (s - 0.5) + waver * np.sin(2 * math.pi * (rng.uniform(0.7, 2.5) * s + rng.uniform()))
    step = length / s.size
    y, x = np.cumsum(np.sin(heading)) * step, np.cumsum(np.cos(heading)) * step
    margin = MARGIN + 2 * stylus.across + float(np.ptp(stylus.points[:, 0]))
    path = np.stack([y - y.min() + margin, x - x.min() + margin, np.cos(heading), -np.sin(heading)], axis=1)
    shape = (int(np.ptp(y) + 2 * margin) + 2, int(np.ptp(x) + 2 * margin) + 2)
    uneven, grain = ranges.uniform("unevenness", rng), rng.uniform(1.0, 4.0) * stylus.across / STEP
    common = _draw_load(s, uneven, rng)
    own = [_wander(s.size, grain, rng) for _ in stylus.points]
    return Track(path, np.stack([common + 0.3 * uneven * each for each in own]), shape)


def _draw_load(s: Float64, unevenness: float, rng: np.random.Generator) -> Float64:
    """Return the load along the path: a trend, slow swings, sometimes stick-slip; where it is low it may lift off."""
    trend = rng.uniform(-0.6, 0.6) * (s - 0.5)
    swing = np.sin(2 * math.pi * (rng.uniform(1.0, 3.5) * s + rng.uniform())) + 0.6 * _wander(s.size, s.size / 9, rng)
    rate = rng.uniform(15, 40) * (1 + 0.35 * _wander(s.size, s.size / 12, rng))
    slip = np.cos(2 * math.pi * np.cumsum(rate) / s.size) * np.maximum(_wander(s.size, s.size / 8, rng), 0)
    chatter = CHATTER if rng.uniform() < CHATTER_SHARE else 0.0
    return np.asarray(1 + trend + unevenness * (0.35 * swing + chatter * slip))


def _wander(n: int, correlation: float, rng: np.random.Generator) -> Float64:
    """Return ``n`` values of Gaussian noise of unit variance, smooth over ``correlation`` steps."""
    half = math.ceil(2.5 * correlation)
    window = np.exp(-0.5 * (np.arange(-half, half + 1) / correlation) ** 2)
    noise = np.convolve(rng.normal(size=n + 2 * half), window, mode="valid")
    return np.asarray(noise / math.sqrt(float((window**2).sum())))


def _dig(track: Track, stylus: Stylus, stage: float, ramp: float) -> Float64:
    """Return the envelope of the tool up to a stage, cells; it comes down and lifts off over ``ramp`` cells."""
    last = max(round(stage * track.loads.shape[1]), 2)
    s = np.arange(last) * STEP
    ends = np.sqrt(np.minimum(np.minimum(s, s[::-1]) / ramp, 1.0))
    surface, part = np.full(track.shape, FAR), np.empty(track.shape)
    for point, load in zip(stylus.points, track.loads, strict=True):
        depth = stylus.depth * np.clip(load[:last], 0, 2) * ends
        path = np.column_stack([track.path[:last], depth])
        reach = 1.5 * (stylus.across - 2 * point[1] / stylus.slope) + 2
        sweep_tool(path, point[None], stylus.slope, stylus.tip, reach, part)
        np.minimum(surface, part, out=surface)
    return surface


def _middle(track: Track, stage: float) -> tuple[float, float]:
    y, x = track.path[int(0.5 * stage * len(track.path)), :2]
    return float(y), float(x)

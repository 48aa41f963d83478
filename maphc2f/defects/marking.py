"""Hard imprints and scratches: contact with a hardness law and volume-conserving pile-up.

* :func:`simulate_imprint` presses a hard body into the surface, deeper from stage to stage.
* :func:`simulate_scratch` draws a hard point along a slightly bent path, farther from stage to stage.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.defects.indenters import Ranges, draw_tool, level_of_area
from maphc2f.defects.relief import Relief, relief_snapshot, slopes
from maphc2f.kernels.contact import sweep_tool
from maphc2f.sample import Scenario, Simulation, SimulationRequest, Snapshot
from maphc2f.solvers.contact import PileUp, constraint_factor, elastic_recovery, flow_share, pile_up
from maphc2f.spec import MaterialSpec

Float64 = NDArray[np.float64]

IMPRINT_GRID = (64, 96)
IMPRINT_VIEW = 3.0
SCRATCH_CELLS = 260
CELLS_ACROSS = 3.2
STEP = 0.5
MARGIN = 10.0
#: Share of the flow that is left where cell walls and fibres fold into their own pores.
FIBROUS_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class HardContact:
    """What the material does under a hard flank.

    Attributes:
        hardness: H, Pa: the material's own, or constraint factor times yield stress.
        share: Share of the dug volume that rises around the contact.
        recovery: Share of the depth that springs back.
    """

    hardness: float
    share: float
    recovery: float


def hard_contact(material: MaterialSpec, flank_slope: float) -> HardContact:
    """Return hardness, share that flows to the surface, and elastic recovery for a flank of slope tan β.

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
    return HardContact(hardness, compact * flow_share(stiffness), elastic_recovery(hardness, reduced, flank_slope))


def simulate_imprint(request: SimulationRequest, scenario: Scenario, rng: np.random.Generator) -> Simulation:
    """Press a hard body into the surface; ``size`` is the diameter of the contact at the original surface.

    Raises:
        SimulationRejected: The pile-up did not converge.
    """
    ranges = Ranges.of(scenario, request)
    n = int(np.clip(round(IMPRINT_VIEW * request.size / request.pixel_size), *IMPRINT_GRID))
    radius = n / (2 * IMPRINT_VIEW)
    y, x = (np.mgrid[:n, :n] - 0.5 * (n - 1)) / radius
    kind, tool = draw_tool(y, x, rng)
    tool *= ranges.uniform("depth_ratio", rng) * request.size / level_of_area(tool, math.pi * radius**2)
    spacing = request.size / (2 * radius)
    slope = _flank_slope(tool, level_of_area(tool, math.pi * radius**2), spacing)
    contact = hard_contact(request.material, slope)
    width = ranges.uniform("flow_width", rng)
    snapshots, pile = [], None
    for stage in request.stages:
        level = level_of_area(tool, math.pi * (stage * radius) ** 2)
        pile = pile_up(
            (1 - contact.recovery) * (tool - level),
            share=contact.share,
            width=width * stage * radius,
            guess=None if pile is None else pile.potential,
        )
        relief = _relief(pile, width * stage * radius, spacing, (0.5 * (n - 1), 0.5 * (n - 1)))
        snapshots.append(relief_snapshot(relief, stage * request.size, {"width": stage * request.size}))
    numbers = ranges.drawn | {"tool": kind, "flank_slope": slope, "load": _load(contact, request.size, 1.0)}
    return _finish("imprint", snapshots, numbers, contact, pile)


def _flank_slope(tool: Float64, level: float, spacing: float) -> float:
    gy, gx = np.gradient(tool, spacing)
    band = (tool > 0.6 * level) & (tool < 1.4 * level)
    return float(np.hypot(gy, gx)[band].mean())


def _load(contact: HardContact, width: float, engaged: float) -> float:
    """Return the normal load H · engaged · π w² / 4, N; half of the circle is engaged when a point moves."""
    return contact.hardness * engaged * math.pi * width**2 / 4


def _relief(pile: PileUp, width: float, spacing: float, anchor: tuple[float, float]) -> Relief:
    """Round the crests by one cell and add the mean displacement of the flowing layer, u = -λ ∇φ."""
    height = cv2.GaussianBlur(pile.height, (0, 0), 0.7, borderType=cv2.BORDER_REFLECT)
    return Relief(np.asarray(height), -width * slopes(pile.potential), spacing, anchor)


def _finish(
    name: str, snapshots: list[Snapshot], numbers: dict[str, float | str], contact: HardContact, pile: PileUp | None
) -> Simulation:
    assert pile is not None, "a request has at least one stage"
    derived = {"hardness": contact.hardness, "flow_share": contact.share, "elastic_recovery": contact.recovery}
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
class Track:
    """A path on its grid.

    Attributes:
        points: y, x, normal y, normal x in cells, every half cell, (n, 4).
        load: Relative depth along the path, about 1, (n,).
        shape: Grid that holds it with a margin.
    """

    points: Float64
    load: Float64
    shape: tuple[int, int]


def simulate_scratch(request: SimulationRequest, scenario: Scenario, rng: np.random.Generator) -> Simulation:
    """Draw a hard point over the surface; ``size`` is the length of its path.

    Raises:
        SimulationRejected: The pile-up did not converge.
    """
    ranges = Ranges.of(scenario, request)
    width = ranges.log_uniform("width_ratio", rng) * request.field_of_view
    slope, ramp = ranges.uniform("flank_slope", rng), ranges.uniform("lift_widths", rng)
    spacing = max(request.pixel_size / 2, request.size / SCRATCH_CELLS)
    across = max(width / spacing, CELLS_ACROSS)
    tip = 0.25 * slope * across
    asperities = _draw_asperities(across, slope, rng)
    track = _draw_track(request.size / spacing, MARGIN + 2 * across + float(np.ptp(asperities[:, 0])), ranges, rng)
    contact = hard_contact(request.material, slope)
    flow = ranges.uniform("flow_width", rng) * across
    snapshots, pile = [], None
    for stage in request.stages:
        depth = _point_depth(track, stage, across, slope, tip, ramp)
        surface = (1 - contact.recovery) * spacing * _dig(track, depth, asperities, (slope, tip, across))
        pile = pile_up(surface, share=contact.share, width=flow, guess=None if pile is None else pile.potential)
        relief = _relief(pile, flow, spacing, _middle(track, stage))
        measures = {"length": stage * request.size, "width": across * spacing}
        snapshots.append(relief_snapshot(relief, stage * request.size, measures))
    numbers = ranges.drawn | {"asperities": float(len(asperities)), "load": _load(contact, across * spacing, 0.5)}
    return _finish("scratch", snapshots, numbers, contact, pile)


def _draw_track(length: float, margin: float, ranges: Ranges, rng: np.random.Generator) -> Track:
    """Draw a path of ``length`` cells whose heading turns evenly and wavers a little, with an uneven load."""
    s = np.linspace(0, 1, max(int(length / STEP), 16))
    turn, waver = ranges.uniform("turn", rng), ranges.uniform("waver", rng)
    heading = turn * (s - 0.5) + waver * np.sin(2 * math.pi * (rng.uniform(0.7, 2.5) * s + rng.uniform()))
    step = length / s.size
    y, x = np.cumsum(np.sin(heading)) * step, np.cumsum(np.cos(heading)) * step
    points = np.stack([y - y.min() + margin, x - x.min() + margin, np.cos(heading), -np.sin(heading)], axis=1)
    shape = (int(np.ptp(y) + 2 * margin) + 2, int(np.ptp(x) + 2 * margin) + 2)
    return Track(points, _draw_load(s, ranges.uniform("unevenness", rng), rng), shape)


def _draw_load(s: Float64, unevenness: float, rng: np.random.Generator) -> Float64:
    """Return the load along the path: a trend, slow swings and stick-slip chatter; it may lift off where it is low."""
    trend = rng.uniform(-0.6, 0.6) * (s - 0.5)
    swing = np.sin(2 * math.pi * (rng.uniform(1.5, 5) * s + rng.uniform()))
    chatter = np.sin(2 * math.pi * (rng.uniform(20, 45) * s + rng.uniform()))
    grain = np.interp(s, np.linspace(0, 1, 40), rng.normal(size=40))
    return np.asarray(1 + trend + unevenness * (0.5 * swing + 0.25 * chatter + 0.5 * grain))


def _draw_asperities(across: float, slope: float, rng: np.random.Generator) -> Float64:
    """Draw one to three points side by side: offset across the path in cells and lift."""
    count = int(rng.choice(3, p=(0.55, 0.3, 0.15))) + 1
    offsets = np.concatenate([[0.0], rng.uniform(0.6, 1.6, count - 1) * across * rng.choice((-1.0, 1.0), count - 1)])
    lifts = np.concatenate([[0.0], rng.uniform(0.1, 0.5, count - 1) * 0.5 * slope * across])
    return np.stack([offsets, lifts], axis=1)


def _point_depth(track: Track, stage: float, across: float, slope: float, tip: float, ramp: float) -> Float64:
    """Return the depth of the point along the path of a stage: it comes down and lifts off over ``ramp`` widths."""
    last = max(round(stage * track.load.size), 2)
    full = math.sqrt((0.5 * slope * across) ** 2 + tip**2) - tip
    s = np.arange(last) * STEP
    ends = np.minimum(np.minimum(s, s[::-1]) / (ramp * across), 1.0)
    return np.asarray(full * np.clip(track.load[:last], 0, 2) * np.sqrt(ends))


def _dig(track: Track, depth: Float64, asperities: Float64, tool: tuple[float, float, float]) -> Float64:
    """Return the envelope of the tool, cells."""
    slope, tip, across = tool
    path = np.column_stack([track.points[: depth.size], depth])
    surface = np.empty(track.shape)
    sweep_tool(path, asperities, slope, tip, 1.5 * across + 1, surface)
    return surface


def _middle(track: Track, stage: float) -> tuple[float, float]:
    y, x = track.points[int(0.5 * stage * track.load.size), :2]
    return float(y), float(x)

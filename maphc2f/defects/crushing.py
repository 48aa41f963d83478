"""Crushed edges: a rigid body is driven into the free edge of a part, in its plane, and taken away.

* :func:`simulate_edge_dent` is the scenario.
* :func:`draw_blow` draws plate and body, :func:`strike` drives it in.
* :func:`draw_profile` draws the body's outline: wedge, cylinder, flat with rounded corners, stone.

The problem is scale-free: with lengths in cells and stresses in Young's moduli the cell size can be chosen after the
run, so that the last mouth has exactly the size asked for. A point of the face moves in its plane by u and, since a
plate thickens where it is compressed, out of it by t e_zz / 2. What the moved face no longer covers is gone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maphc2f.defects.crushed_faces import Crushed, SnapshotGrid, crushed_face
from maphc2f.defects.indenters import Ranges, level_of_area
from maphc2f.defects.relief import profile_length
from maphc2f.errors import SimulationRejected
from maphc2f.sample import Float32, Scenario, Simulation, SimulationRequest
from maphc2f.solvers.plasticity import (
    Plate,
    State,
    at_rest,
    cell_fields,
    edge_depth,
    edge_pressure,
    make_plate,
    press_on,
    release,
    unrest,
)

Float64 = NDArray[np.float64]
Profile = Callable[[Float64, np.random.Generator], Float64]

SHAPE = (36, 72)
MOUTH_CELLS = 18.0
LOADING_STEPS, REBOUND_STEPS = 560, 140
STEPS_OF_A_TOUCH = 30
SOFTEST = 0.003
"""Least yield stress over Young's modulus that is simulated: below, sound is too slow beside the tool (`_mimic`)."""

SPONGE_CELLS = 9
"""Cells along the held borders that swallow sound."""

MOUTH_SHARE = 0.1
"""Depth over the deepest at which the mouth is measured."""

LEVELS = 64
LEAST_SHARE = 0.5
"""Least depth of a stage over that of a wedge: a flat body is as wide from the start."""

ELASTIC_MOUTHS = 1.5
"""Springback of an edge over its mouth and yield strain, about."""

MIN_STAYING = 0.3
MIN_LENGTH_CELLS = 2.0


def _wedge(x: Float64, rng: np.random.Generator) -> Float64:
    left, right = rng.uniform(0.6, 1.5, 2)
    tip = rng.uniform(0.05, 0.3)
    return np.asarray(tip * np.logaddexp(right * x / tip, -left * x / tip))


def _cylinder(x: Float64, rng: np.random.Generator) -> Float64:
    radius = rng.uniform(1.1, 2.5)
    return np.asarray(radius - np.sqrt(np.maximum(radius**2 - x**2, 0.0)) + np.maximum(np.abs(x) - radius, 0.0))


def _flat(x: Float64, rng: np.random.Generator) -> Float64:
    half, flank, tilt = rng.uniform(0.45, 0.75), rng.uniform(1.5, 4.0), rng.uniform(-0.3, 0.3)
    corner = rng.uniform(0.04, 0.12)
    return np.asarray(flank * corner * np.logaddexp(0.0, (np.abs(x) - half) / corner) + tilt * x)


def _stone(x: Float64, rng: np.random.Generator) -> Float64:
    number, phase = rng.uniform(1.5, 5.0, 4), rng.uniform(0, 2 * math.pi, 4)
    bumps = rng.normal(size=4) / number
    return np.asarray(0.6 * x**2 + 0.35 * np.sum(bumps[:, None] * np.cos(np.outer(number, x) + phase[:, None]), axis=0))


PROFILES: Mapping[str, Profile] = {"wedge": _wedge, "cylinder": _cylinder, "flat": _flat, "stone": _stone}


@dataclass(frozen=True, slots=True)
class Blow:
    """A plate and the body that is driven into it; lengths in cells, stresses in Young's moduli.

    Attributes:
        plate: The part near its edge.
        profile: Height of the body above its foremost point, over each face of the edge, (nx,).
        drift: Sideways travel over depth.
        depth: Deepest position of the foremost point, less what will spring back.
        elastic: Depth that is about given back.
        thickness: Of the plate.
        mimicry: True over simulated σ_y / E: the share of the simulated springback that is real.
    """

    plate: Plate
    profile: Float64
    drift: float
    depth: float
    elastic: float
    thickness: float
    mimicry: float

    def gap(self, depth: float) -> Float32:
        """Return the depth of the body's surface over each face when its foremost point is at ``depth``."""
        x = np.arange(self.profile.size, dtype=np.float64)
        # Profiles grow outwards, so what lies beyond their ends is no nearer.
        moved = np.interp(x - self.drift * (depth - 0.5 * self.depth), x, self.profile)
        return (depth - moved).astype(np.float32)


def simulate_edge_dent(request: SimulationRequest, scenario: Scenario, rng: np.random.Generator) -> Simulation:
    """Drive a body into the part's edge; ``size`` is the width of the notch at a tenth of its depth.

    Raises:
        SimulationRejected: It springs back, or the notch does not grow.
    """
    ranges = Ranges.of(scenario, request)
    blow = draw_blow(request, ranges, rng)
    crushed, steps = strike(blow, request.stages)
    last = crushed[-1]
    if last.deepest < MIN_STAYING * blow.depth or last.mouth < MIN_LENGTH_CELLS:
        msg = "the edge springs back"
        raise SimulationRejected(msg)
    reached = [0.0] + [c.progress(last) for c in crushed]
    if any(b <= a for a, b in itertools.pairwise(reached)):
        msg = "the notch did not grow with the load"
        raise SimulationRejected(msg)
    grid = SnapshotGrid.of(request, last.mouth)
    sizes = [share * request.size for share in reached[1:]]
    return Simulation(
        family="deformation",
        scenario=scenario.name,
        placement=scenario.placement,
        snapshots=tuple(crushed_face(c, blow.thickness, grid, s) for c, s in zip(crushed, sizes, strict=True)),
        parameters=ranges.drawn | _derived(request, blow, last, grid.spacing),
        iterations=steps,
        residual=max(c.residual for c in crushed),
    )


def draw_profile(x: Float64, rng: np.random.Generator) -> tuple[str, Float64]:
    """Draw a body and return its kind and its height above its foremost point, over ``x`` in half mouths."""
    kind = list(PROFILES)[int(rng.integers(len(PROFILES)))]
    height = PROFILES[kind](x, rng)
    return kind, height - height.min()


def draw_blow(request: SimulationRequest, ranges: Ranges, rng: np.random.Generator) -> Blow:
    """Draw body, depth, thickness and slant, and centre the mouth on the anchor."""
    material, nx = request.material, SHAPE[1]
    x = (np.arange(nx, dtype=np.float64) - 0.5 * (nx - 1)) / (0.5 * MOUTH_CELLS)
    ranges.drawn["tool"], height = draw_profile(x, rng)
    depth = ranges.log_uniform("depth_ratio", rng) * MOUTH_CELLS
    thickness = ranges.log_uniform("thickness_ratio", rng) * MOUTH_CELLS
    drift = math.tan(ranges.uniform("slant", rng))
    height = height * (depth / level_of_area(height, MOUTH_CELLS))
    inside = np.flatnonzero(height < depth)
    height = np.roll(height, round(0.5 * (nx - 1) - float(inside.mean())))
    stress, hardening, mimicry = _mimic(
        material.yield_stress / material.youngs_modulus, material.hardening_modulus / material.youngs_modulus
    )
    plate = make_plate(
        SHAPE,
        poisson_ratio=material.poisson_ratio,
        yield_stress=stress,
        hardening=hardening,
        thickness=thickness,
    )
    plate = replace(plate, sponge=SPONGE_CELLS)
    elastic = ELASTIC_MOUTHS * stress * mimicry * MOUTH_CELLS
    return Blow(plate, height, drift, depth, elastic, thickness, mimicry)


def _mimic(yield_ratio: float, hardening_ratio: float) -> tuple[float, float, float]:
    """Return σ_y / E and E_p / E to simulate, and the share of the springback that is real.

    A crushed edge is deep in plastic flow, where stresses go with σ_y and elastic strain only gives itself back: a
    material of tiny σ_y / E is simulated as a softer one of the same σ_y and E_p, and its springback, which is linear
    in the stress, is scaled.
    """
    simulated = max(yield_ratio, SOFTEST)
    return simulated, hardening_ratio * simulated / yield_ratio, yield_ratio / simulated


def strike(blow: Blow, stages: tuple[float, ...], finer: int = 1) -> tuple[list[Crushed], int]:
    """Drive the body from stage to stage, unloading a copy of each; also return the steps made.

    Args:
        blow: Plate and body.
        stages: Rising shares of the last notch.
        finer: Steps over those of production.
    """
    state, depth, steps = at_rest(blow.plate), 0.0, 0
    crushed = []
    for stage in stages:
        target = _depth_of(blow, stage)
        n_steps = finer * STEPS_OF_A_TOUCH + round(
            finer * LOADING_STEPS * (target - depth) / (blow.depth + blow.elastic)
        )
        state = press_on(blow.plate, state, np.stack([blow.gap(depth), blow.gap(target)]), n_steps)
        released = release(blow.plate, state, finer * REBOUND_STEPS)
        crushed.append(_measure(blow, state, released))
        depth, steps = target, steps + n_steps + finer * REBOUND_STEPS
    return crushed, steps


def _depth_of(blow: Blow, stage: float) -> float:
    """Return the depth at which the root of the notch's area is ``stage`` of the last, and what springs back on top."""
    levels = np.linspace(0.0, blow.depth, LEVELS)
    areas = np.maximum(levels[:, None] - blow.profile, 0.0).sum(axis=1)
    level = float(np.interp(stage**2, areas / areas[-1], levels))
    return max(level, LEAST_SHARE * stage * blow.depth) + stage * blow.elastic


def _measure(blow: Blow, loaded: State, released: State) -> Crushed:
    before, after = cell_fields(blow.plate, loaded), cell_fields(blow.plate, released)
    share = blow.mimicry
    edge = _between(edge_depth(blow.plate, loaded), edge_depth(blow.plate, released), share)
    deepest = float(edge.max())
    mouth = profile_length(edge[None], MOUTH_SHARE * deepest) if deepest > 0 else 0.0
    return Crushed(
        displacement=_between(before.displacement, after.displacement, share),
        edge=edge,
        stretch=_between(before.stretch, after.stretch, share),
        strain=float(after.strain.max()),
        force=float(edge_pressure(blow.plate, loaded).sum(dtype=np.float64)) * blow.thickness,
        mouth=mouth,
        deepest=deepest,
        area=float(np.maximum(edge, 0.0).sum()),
        residual=unrest(blow.plate, released),
    )


def _between(first: Float32, second: Float32, share: float) -> Float64:
    return np.asarray(first + share * (second.astype(np.float64) - first))


def _derived(request: SimulationRequest, blow: Blow, last: Crushed, spacing: float) -> dict[str, float]:
    """Return the physical problem that was solved, SI."""
    # Forces go with the yield stress, not with Young's modulus: see _mimic.
    stiffness = request.material.youngs_modulus * blow.mimicry
    return {
        "thickness": blow.thickness * spacing,
        "indentation": (blow.depth + blow.elastic) * spacing,
        "load": last.force * stiffness * spacing**2,
        "peak_strain": last.strain,
    }

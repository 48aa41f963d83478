"""The two cracks that free a chip: one in the plane of the surface, one in a section across the edge.

* :func:`solve_plan` lets a flaw under the outline run until both tips are back at it: the :class:`Plan`.
* :func:`solve_section` lets a flaw under a contact run from the surface to the side face: the :class:`Section`.
* :class:`Plan`, :class:`Section` are the cracks as curves over the outline and over the distance from it.

Both are sheets of :mod:`maphc2f.solvers.fracture`, solved in cells and read without units: a chip has no length of its
own. Edge chips are similar at all sizes, the load going like Gc^(1/2) E^(1/2) size^(3/2) (Chai, Lawn, Acta Mater. 55
(2007) 2555, doi 10.1016/j.actamat.2006.10.061), so that one solution serves every size of one material.

Load: a push towards the outline. Between flaw and body lies a pad that swells, eigenstrain -s across the flaw and +ν s
along it, so that it pushes without spreading; compression passes through the crack, which the split of the energy keeps
stiff. The pad stands for the tool or neighbour that pushes, so what lies beyond the flaw is TOUGH times as tough and
does not break. A crack near a free surface that is pushed open turns towards it, for the strip bends away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from maphc2f.errors import SimulationRejected
from maphc2f.solvers.fracture import FractureResult, LoadControl, State, grow
from maphc2f.solvers.random_fields import gaussian_field, lognormal_toughness
from maphc2f.solvers.ridge import sample
from maphc2f.solvers.sheet import Elasticity, Sheet
from maphc2f.spec import MaterialSpec

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

PLAN_SHAPE = (40, 80)
SECTION_SHAPE = (40, 32)
PLAN_DISTANCE = 9.0
"""Distance of the flaw's middle from the outline, cells."""

SECTION_DISTANCE = 12.0
SECTION_FLAW = 12.0
"""Depth of the flaw under the contact, cells: the corner of the median crack that the contact leaves."""

CONTACT_DEPTH = 3.0
CONTACT_SPREAD = 4.0
PAD_WIDTH = 4.2
"""Standard deviation of the push along the flaw, cells."""

PAD_REACH = 6.0
"""Thickness of the pad on the body's side, cells, and on the chip's."""

PAD_EDGE = 2.0
TOUGH = 60.0
PLAN_GAP = 5.0
SECTION_GAP = 3.5
"""Distances beyond the flaw from which the body does not break, cells."""

CONFINED = (20.0, 24.0)
"""Depth and half length of the rim that is pressed, cells."""

CORRELATION = 4.0
NUCLEATION = 50.0
LEVEL = 0.5
HALF_WIDTH = 2.0 * 2.0 * (1.0 - math.sqrt(LEVEL))
"""Half width at LEVEL of the AT1 profile d = (1 - |x| / 2 ell)² for ell = 2: the crack is that far inside, cells."""

NEAR_SURFACE = 4
"""A tip this near a free surface has reached it, cells: the damage has no room for a profile (2 ell wide) beside it."""

SLACK = 6
"""How far the crack may reach beyond the place where it comes up, cells."""

SMOOTHING = 1.2
"""Standard deviation, cells, over which the steps of the grid are taken out of a curve."""

CONTROL = LoadControl(first=1.0, last=90.0, damping=0.5, rise=0.1, max_steps=900)
SAMPLES = 129
ANGLES = np.linspace(0.0, math.pi, SAMPLES)
RAY_STEP = 0.25
RAY_SMOOTHING = 3.0
"""Standard deviation, rays: about the width of the crack at ten cells."""

FLANK = 0.25
"""Least distance of the contact from the ends of the chord over the chord."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """The flaw under the outline and the push that opens it.

    Attributes:
        length: Over its distance from the outline.
        angle: Tilt against the outline, rad.
        push_offset: Where along it the push acts, over half its length.
        confinement: Swelling along the outline over that of the pad: the contact also presses the rim along itself,
            and a crack that runs along a compression keeps to it (Cotterell, Rice, Int. J. Fracture 16 (1980) 155,
            doi 10.1007/BF00012619).
    """

    length: float
    angle: float
    push_offset: float
    confinement: float


@dataclass(frozen=True, slots=True)
class Plan:
    """The crack seen from above, as a curve round the contact; lengths over the chord that it cuts from the outline.

    One radius a direction: the region is star-shaped about the contact, so that chips of one shape and growing size lie
    in each other.

    Attributes:
        radius: Float64 (SAMPLES,), at angles 0 (along the outline, +x) .. pi (-x); the part is at pi / 2. > 0, the
            first and the last together 1.
        load: Load at break-out over the AT1 onset.
        steps: Solver steps.
        residual: The solver's.
    """

    radius: Float64
    load: float
    steps: int
    residual: float

    @property
    def reach(self) -> float:
        """Largest distance from the outline over the chord."""
        return float((self.radius * np.sin(ANGLES)).max())

    def __call__(self, angle: NDArray[np.floating]) -> Float64:
        """Return the radius at angles from the outline, rad in 0 .. pi, any shape."""
        return np.interp(angle, ANGLES, self.radius)


@dataclass(frozen=True, slots=True)
class Section:
    """The crack in a section across the edge, lengths over the distance of its mouth from the outline.

    Attributes:
        fall: Float64 (SAMPLES,), depth at distances 0 .. 1 from the outline, falling to 0 at 1.
        load, steps, residual: As in :class:`Plan`.
    """

    fall: Float64
    load: float
    steps: int
    residual: float

    def __call__(self, distance: NDArray[np.floating]) -> Float64:
        """Return the depth at ``distance`` from the outline, any shape; beyond 0 .. 1 the nearest end's."""
        return np.interp(distance, np.linspace(0.0, 1.0, SAMPLES), self.fall)


def _toughness(beyond: NDArray[np.floating], gap: float, cv: float, rng: np.random.Generator) -> Float32:
    gc = lognormal_toughness(gaussian_field((beyond.shape[0], beyond.shape[1]), (CORRELATION, CORRELATION), rng), cv)
    return np.asarray(gc / gc.mean() * (1 + TOUGH / (1 + np.exp(gap - beyond))), np.float32)


def _push(along: NDArray[np.floating], beyond: NDArray[np.floating]) -> Float32:
    """Return the swelling of the pad, 0 .. 1, from offsets along the flaw, in widths, and across it, in cells."""
    across = np.where(beyond < 0, beyond / PAD_EDGE, beyond / PAD_REACH)
    return np.exp(-0.5 * along**2 - across**2).astype(np.float32)


def _notch(
    middle: tuple[float, float], way: tuple[float, float], ends: tuple[float, float], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Return the cells of a straight flaw from ``ends[0]`` to ``ends[1]`` along the unit vector ``way`` (y, x)."""
    reach = np.linspace(*ends, math.ceil(4 * (ends[1] - ends[0])) + 1)[:, None]
    cells = np.floor(np.asarray(middle) + reach * np.asarray(way)).astype(int)
    notch = np.zeros(shape, bool)
    notch[cells[:, 0], cells[:, 1]] = True
    return notch


def _run(sheet: Sheet, *, both: bool) -> tuple[FractureResult, State]:
    """Load the sheet until the crack is back at the free surface y = 0, at one end or at both."""

    def reached(state: State, target: float) -> bool:
        del target
        broken = state.damage > LEVEL
        up, all_over = np.flatnonzero(broken[:NEAR_SURFACE].any(0)), np.flatnonzero(broken.any(0))
        if len(up) == 0 or up[-1] < all_over[-1] - SLACK:
            return False
        return not both or up[0] <= all_over[0] + SLACK

    result = grow(sheet, CONTROL, (1.0,), reached)
    if not result.states:
        msg = f"chip: the crack did not come back to the edge ({result.stop})"
        raise SimulationRejected(msg)
    return result, result.states[-1]


def _lowest(damage: Float32) -> Float64:
    """Return, column by column, how far below y = 0 the crack reaches (d = LEVEL), 0 where there is none."""
    ny, nx = damage.shape
    deepest = ny - 1 - np.argmax(damage[::-1] > LEVEL, axis=0)
    columns = np.arange(nx)
    here, below = damage[deepest, columns], damage[np.minimum(deepest + 1, ny - 1), columns]
    depth = deepest + 0.5 + (here - LEVEL) / np.maximum(here - below, 1e-6)
    return np.where((damage > LEVEL).any(0), depth, 0.0)


def solve_plan(material: MaterialSpec, cv: float, flaw: Flaw, rng: np.random.Generator) -> Plan:
    """Return the crack that frees the chip, seen from above (plane stress).

    Args:
        material: Its Poisson's ratio.
        cv: Coefficient of variation of the toughness.
        flaw: Where it lies and how it is pushed.
        rng: Source of the toughness.

    Raises:
        SimulationRejected: A tip did not come back to the outline.
    """
    ny, nx = PLAN_SHAPE
    half, angle, centre = 0.5 * flaw.length * PLAN_DISTANCE, flaw.angle, nx / 2
    y, x = np.arange(ny)[:, None] + 0.5, np.arange(nx) + 0.5
    contact = centre + flaw.push_offset * half
    beyond = y - PLAN_DISTANCE - (x - centre) * math.tan(angle)
    push = _push((x - contact) / PAD_WIDTH, beyond)
    rim = np.exp(-(((x - contact) / CONFINED[1]) ** 2) - (y / CONFINED[0]) ** 2).astype(np.float32)
    nu = material.poisson_ratio
    sheet = Sheet(
        elasticity=Elasticity.orthotropic(nu, 1.0, 0.5 * (1 - nu)),
        gc=_toughness(beyond, PLAN_GAP, cv, rng),
        eigen_x=np.float32(nu) * push - np.float32(flaw.confinement) * rim,
        eigen_y=-push,
        notch=_notch((PLAN_DISTANCE, centre), (math.sin(angle), math.cos(angle)), (-half, half), PLAN_SHAPE),
        foundation_length=0.0,
        fixed=(False, True, True, True),
        nucleation=NUCLEATION,
    )
    result, state = _run(sheet, both=True)
    return _plan(state.damage, contact, result)


def _plan(damage: Float32, contact: float, result: FractureResult) -> Plan:
    """Return the plan: along rays from the contact, the last place that is gone, less the crack's own half width."""
    columns = np.flatnonzero((damage > LEVEL).any(0))
    # The contact stays inside the chord: a chip has two flanks.
    chord = columns[-1] + 1 - columns[0]
    origin = float(np.clip(contact, columns[0] + FLANK * chord, columns[-1] + 1 - FLANK * chord))
    reach = np.arange(0.0, math.hypot(*damage.shape), RAY_STEP)
    ways = np.stack([np.sin(ANGLES), np.cos(ANGLES)], -1)
    points = np.array([0.0, origin]) + reach[:, None, None] * ways
    inside = (points[..., 1] > 0) & (points < damage.shape).all(-1)
    # What lies between crack and outline has gone with the piece.
    gone = np.ascontiguousarray(np.maximum.accumulate(damage[::-1], axis=0)[::-1])
    broken = (sample(gone, points.reshape(-1, 2)).reshape(inside.shape) > LEVEL) & inside
    last = reach[len(reach) - 1 - np.argmax(broken[::-1], axis=0)]
    radius = gaussian_filter1d(np.maximum(last - HALF_WIDTH, 1.0), RAY_SMOOTHING, mode="nearest")
    return Plan(radius / (radius[0] + radius[-1]), result.load, result.steps, result.residual)


def solve_section(material: MaterialSpec, cv: float, slant: float, rng: np.random.Generator) -> Section:
    """Return the crack that frees the chip, in the section across the edge (plane strain).

    The sheet is turned so that the side face is its free top and the surface its free left side.

    Args:
        material: Its Poisson's ratio.
        cv: Coefficient of variation of the toughness.
        slant: Tilt of the flaw under the contact towards the side face, rad.
        rng: Source of the toughness.

    Raises:
        SimulationRejected: The crack did not reach the side face.
    """
    ny, nx = SECTION_SHAPE
    y, x = np.arange(ny)[:, None] + 0.5, np.arange(nx) + 0.5
    beyond = y - SECTION_DISTANCE + x * math.tan(slant)
    push = _push((x - CONTACT_DEPTH) / CONTACT_SPREAD, beyond)
    nu = material.poisson_ratio
    sheet = Sheet(
        elasticity=Elasticity.plane_strain(nu),
        gc=_toughness(beyond, SECTION_GAP, cv, rng),
        # Plane strain: no stress along the flaw when the pad swells freely, e_x / e_y = -nu / (1 - nu).
        eigen_x=np.float32(nu / (1 - nu)) * push,
        eigen_y=-push,
        notch=_notch((SECTION_DISTANCE, 0.0), (-math.sin(slant), math.cos(slant)), (0.0, SECTION_FLAW), SECTION_SHAPE),
        foundation_length=0.0,
        fixed=(False, True, False, True),
        nucleation=NUCLEATION,
    )
    result, state = _run(sheet, both=False)
    return _section(state.damage, result)


def _section(damage: Float32, result: FractureResult) -> Section:
    """Return the profile: how deep the crack lies at each distance (row) from the side face, never rising outwards."""
    depth = _lowest(np.ascontiguousarray(damage.T))
    rows = np.flatnonzero(depth)
    mouth = float(rows[-1] + 1)
    at = np.concatenate([np.arange(rows[-1] + 1) + 0.5, [mouth]])
    # Above the place where it comes out, the chip is gone down to that place.
    falling = np.maximum.accumulate(np.concatenate([depth[: rows[-1] + 1], [0.0]])[::-1])[::-1]
    fall = np.interp(np.linspace(0.0, mouth, SAMPLES), at, falling)
    smooth = gaussian_filter1d(fall, SMOOTHING * (SAMPLES - 1) / mouth, mode="nearest")
    smooth -= smooth[-1] * np.linspace(0.0, 1.0, SAMPLES)
    return Section(np.maximum(smooth, 0.0) / mouth, result.load, result.steps, result.residual)

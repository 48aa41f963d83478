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

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from maphc2f.defects.chip_flaws import Flaw, flaw_cells
from maphc2f.errors import SimulationRejected
from maphc2f.solvers.fracture import FractureResult, LoadControl, State, grow
from maphc2f.solvers.random_fields import gaussian_field, lognormal_toughness
from maphc2f.solvers.sheet import Elasticity, Sheet
from maphc2f.spec import MaterialSpec

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

SECTION_SHAPE = (40, 32)
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

TIP_ZONE = NEAR_SURFACE + HALF_WIDTH
"""Distance from the outline below which the contour is the crack's continuation, cells."""

SLACK = 6
"""How far the crack may reach beyond the place where it comes up, cells."""

SMOOTHING = 1.2
"""Standard deviation, cells, over which the steps of the grid are taken out of a curve."""

CONTROL = LoadControl(first=1.0, last=90.0, damping=0.5, rise=0.12, max_steps=1200)
SAMPLES = 129
ANGLES = np.linspace(0.0, math.pi, SAMPLES)
RAY_STEP = 0.25
RAY_SMOOTHING = 3.0
"""Standard deviation, rays: about the width of the crack at ten cells."""

FLANK = 0.25
"""Least distance of the contact from the ends of the chord over the chord."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The crack seen from above, as a curve round the contact; lengths over the chord that it cuts from the outline.

    With distances from the outline divided by ``flatness``, a sliver is as round as a shell, and one radius a direction
    describes both. The region is star-shaped about the contact, so that chips of one shape and growing size lie in
    each other.

    Attributes:
        radius: Float64 (SAMPLES,), at angles 0 (along the outline, +x) .. pi (-x) of the stretched plane; the part is
            at pi / 2. > 0, the first and the last together 1.
        load: Load at break-out over the AT1 onset.
        steps: Solver steps.
        residual: The solver's.
        flatness: Reach over half the chord, about.
    """

    radius: Float64
    load: float
    steps: int
    residual: float
    flatness: float = 1.0

    @property
    def reach(self) -> float:
        """Largest distance from the outline over the chord."""
        return self.flatness * float((self.radius * np.sin(ANGLES)).max())

    def __call__(self, angle: NDArray[np.floating]) -> Float64:
        """Return the radius at angles from the outline in the stretched plane, rad in 0 .. pi, any shape."""
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


def _run(sheet: Sheet, control: LoadControl, *, both: bool) -> tuple[FractureResult, State]:
    """Load the sheet until the crack is back at the free surface y = 0, at one end or at both."""

    def reached(state: State, target: float) -> bool:
        del target
        # Most looks are before the first tip is back: the few rows that say so are read alone.
        up = np.flatnonzero((state.damage[:NEAR_SURFACE] > LEVEL).any(0))
        if len(up) == 0:
            return False
        all_over = np.flatnonzero((state.damage > LEVEL).any(0))
        if up[-1] < all_over[-1] - SLACK:
            return False
        return not both or up[0] <= all_over[0] + SLACK

    result = grow(sheet, control, (1.0,), reached)
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


def solve_plan(
    material: MaterialSpec, cv: float, flaw: Flaw, rng: np.random.Generator, control: LoadControl = CONTROL
) -> Plan:
    """Return the crack that frees the chip, seen from above (plane stress).

    Args:
        material: Its Poisson's ratio.
        cv: Coefficient of variation of the toughness.
        flaw: Where it lies and how it is pushed.
        rng: Source of flaw and toughness.
        control: How the load rises.

    Raises:
        SimulationRejected: A tip did not come back to the outline.
    """
    ny, nx = flaw.shape
    half, centre = 0.5 * flaw.length * flaw.distance, nx / 2
    y, x = np.arange(ny)[:, None] + 0.5, np.arange(nx) + 0.5
    contact = centre + flaw.push_offset * half
    cover = flaw.cover(rng)
    beyond = y - cover
    push = _push((x - contact) / PAD_WIDTH, beyond)
    rim = np.exp(-(((x - contact) / CONFINED[1]) ** 2) - (y / CONFINED[0]) ** 2).astype(np.float32)
    nu = material.poisson_ratio
    sheet = Sheet(
        elasticity=Elasticity.orthotropic(nu, 1.0, 0.5 * (1 - nu)),
        gc=_toughness(beyond, PLAN_GAP, cv, rng),
        eigen_x=np.float32(nu) * push - np.float32(flaw.confinement) * rim,
        eigen_y=-push,
        notch=flaw_cells(cover, (centre - half, centre + half), (ny, nx)),
        foundation_length=0.0,
        fixed=(False, True, True, True),
        nucleation=NUCLEATION,
    )
    result, state = _run(sheet, control, both=True)
    return _plan(state.damage, contact, flaw.emergence, result)


def _plan(damage: Float32, contact: float, emergence: float, result: FractureResult) -> Plan:
    """Return the plan: along rays from the contact, the last place that is gone, less the crack's own half width."""
    columns = np.flatnonzero((damage > LEVEL).any(0))
    # The contact stays inside the chord: a chip has two flanks.
    chord = columns[-1] + 1 - columns[0]
    origin = float(np.clip(contact, columns[0] + FLANK * chord, columns[-1] + 1 - FLANK * chord))
    # What lies between crack and outline has gone with the piece.
    gone = np.ascontiguousarray(np.maximum.accumulate(damage[::-1], axis=0)[::-1])
    flatness = 2.0 * (float(_lowest(gone).max()) - HALF_WIDTH) / chord
    reach = np.arange(0.0, damage.shape[1], RAY_STEP)
    ways = np.stack([flatness * np.sin(ANGLES), np.cos(ANGLES)], -1)
    points = (np.array([0.0, origin]) + reach[:, None, None] * ways).astype(np.float32) - np.float32(0.5)
    # Above the middle of the first row the outline's own value goes on; beyond the sheet nothing is gone.
    rows = np.maximum(points[..., 0], 0.0)
    broken = cv2.remap(gone, points[..., 1], rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) > LEVEL
    last = reach[len(reach) - 1 - np.argmax(broken[::-1], axis=0)]
    # Along a ray, the half width of the crack that lies across it like the rim of an ellipse.
    width = HALF_WIDTH * np.hypot(np.sin(ANGLES) / flatness, np.cos(ANGLES))
    radius = _feathered(np.maximum(last - width, 1.0), flatness, emergence)
    radius = gaussian_filter1d(radius, RAY_SMOOTHING, mode="nearest")
    return Plan(radius / (radius[0] + radius[-1]), result.load, result.steps, result.residual, flatness)


def _feathered(radius: Float64, flatness: float, emergence: float) -> Float64:
    """Return the radii with both flanks going on straight from TIP_ZONE under the outline, at ``emergence`` to it.

    The line through (x₀, y₀) that comes up at the angle α meets the ray (r cos φ, q r sin φ) at
    r = (x₀ + y₀ cot α) / (cos φ + q sin φ cot α), q the flatness.
    """
    cotangent = 1.0 / math.tan(emergence)
    out = radius.copy()
    for flank in (out, out[::-1]):
        half = flank[: SAMPLES // 2]
        sine, cosine = np.sin(ANGLES[: half.size]), np.cos(ANGLES[: half.size])
        depth = flatness * half * sine
        first = int(np.argmax(depth >= TIP_ZONE)) or half.size - 1
        foot = half[first] * cosine[first] + depth[first] * cotangent
        half[:first] = foot / (cosine[:first] + flatness * sine[:first] * cotangent)
    return out


def solve_section(
    material: MaterialSpec, cv: float, slant: float, rng: np.random.Generator, control: LoadControl = CONTROL
) -> Section:
    """Return the crack that frees the chip, in the section across the edge (plane strain).

    The sheet is turned so that the side face is its free top and the surface its free left side.

    Args:
        material: Its Poisson's ratio.
        cv: Coefficient of variation of the toughness.
        slant: Tilt of the flaw under the contact towards the side face, rad.
        rng: Source of the toughness.
        control: How the load rises.

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
    result, state = _run(sheet, control, both=False)
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

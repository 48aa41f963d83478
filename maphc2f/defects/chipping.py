"""Chips: a piece broken out at the part's edge, with its fracture face and, where it goes through, what lies behind.

* :data:`CHIP` is the scenario; :func:`simulate_chip` runs it.
* :func:`fracture_face` gives extent, depth and missing part of one stage.

``request.size`` is the chord: the length of outline that is lost. Parameters, drawn uniformly from their ranges:

* ``flaw_length``: length of the flaw over its distance from the outline, -.
* ``flaw_angle``: its tilt against the outline, rad.
* ``push_offset``: where along the flaw it is pushed, over half its length, -.
* ``confinement``: pressure along the outline over the push, -.
* ``slant``: tilt of the crack under the contact towards the side face, rad.
* ``toughness_scale``: factor on the material's coefficient of variation of Gc, -.
* ``face_roughness``: standard deviation of the fracture face over the chip's reach into the part, for cv(Gc) = 0.3, -.
* ``thickness_share``: thickness of the part at the edge over the material's ``sheet_thickness``, -.

The piece is similar at all sizes (:mod:`maphc2f.defects.chip_sheets`), so a stage is the same solution scaled, and the
stages lie in each other. With the radius R(θ) of the crack round the contact, its reach D into the part and the section
P(τ), the face lies z = -D P(r / R(θ)) deep: every section through the contact is the solved one, scaled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from maphc2f.defects.chip_sheets import Flaw, Plan, Section, solve_plan, solve_section
from maphc2f.sample import Float32, Scenario, Simulation, SimulationRequest, Snapshot

CHIP = Scenario(
    "chip",
    "piece broken out at the part's edge",
    (0.05, 0.45),
    {
        "flaw_length": (1.4, 3.6),
        "flaw_angle": (-0.3, 0.3),
        "push_offset": (-0.35, 0.35),
        "confinement": (0.0, 0.15),
        "slant": (0.2, 0.6),
        "toughness_scale": (1.0, 1.6),
        "face_roughness": (0.02, 0.05),
        "thickness_share": (0.25, 1.2),
    },
    placement="edge",
    weight=1.5,
    needs=("brittle",),
    min_pixels=8.0,
)

CELLS = (40, 192)
"""Fewest and most cells along the chord; between them a cell is a nominal pixel."""

MARGIN = 6
"""Cells round the chip; the depth goes on beyond the outline by as many, so that its blur meets no step there."""

OVERLAP = 2.0
"""Cells by which the chip reaches beyond the outline, which is never quite straight."""

RIM_SIGMA = 1.2
"""Standard deviation that turns the piece's outline into a smooth extent, cells."""

THRESHOLD = 0.5
HURST = 0.8
"""Exponent of fracture faces, nearly the same for all materials (Bouchaud, J. Phys. Condens. Matter 9 (1997) 4319,
doi 10.1088/0953-8984/9/21/002)."""

REFERENCE_CV = 0.3
CV_LIMITS = (0.1, 0.55)
HACKLE_SHARE = 0.35
"""Share of the roughness that lies in ridges spreading from the contact."""

RAYS = 256
HACKLED = 192
"""Directions over which ridges are drawn, and how many of them lie between one end of the chord and the other."""

RAGGED = 0.7
"""Roughness of the rim in the plane over that of the face out of it."""

CALM_RIM = 0.15
"""Share of the radius, from the rim inwards, over which the roughness sets in: the crack starts as a smooth mirror."""


@dataclass(frozen=True, slots=True)
class Face:
    """One chip at its full size, cells; planes are float32 (ny, nx) with the outline at row ``origin``.

    Attributes:
        extent: Smooth indicator of the piece, ending just beyond the outline.
        piece: The same, going on beyond it.
        depth: Depth of the face over the chord, <= 0, without roughness.
        rough: Roughness over the chord, 0 at the rim.
        origin: (row, column) of the contact.
        cells: Cells along the chord.
    """

    extent: Float32
    piece: Float32
    depth: Float32
    rough: Float32
    origin: tuple[float, float]
    cells: float


def simulate_chip(request: SimulationRequest, drawn: dict[str, float], rng: np.random.Generator) -> Simulation:
    """Break a piece of chord ``request.size`` out and scale it to each stage.

    Args:
        request: What is asked for.
        drawn: The drawn parameters of :data:`CHIP`.
        rng: Source of the toughness and of the roughness.

    Raises:
        SimulationRejected: A crack did not come back to the edge.
    """
    material = request.material
    cv = float(np.clip(material.toughness_cv * drawn["toughness_scale"], *CV_LIMITS))
    plan = solve_plan(material, cv, _flaw(drawn), rng)
    section = solve_section(material, cv, drawn["slant"], rng)
    cells = float(np.clip(math.ceil(request.size / request.pixel_size), *CELLS))
    face = make_face(plan, section, cells, drawn["face_roughness"] * cv / REFERENCE_CV, rng)
    thickness = drawn["thickness_share"] * material.sheet_thickness
    return Simulation(
        family="crack",
        scenario=CHIP.name,
        placement=CHIP.placement,
        snapshots=tuple(fracture_face(face, plan, stage, request.size, thickness) for stage in request.stages),
        parameters={
            **drawn,
            "toughness_cv": cv,
            "thickness": thickness,
            "cell": request.size / cells,
            "reach_over_chord": plan.reach,
            "depth_over_chord": plan.reach * float(section.fall[0]),
            "load_plan": plan.load,
            "load_section": section.load,
            "youngs_modulus": material.youngs_modulus,
            "fracture_energy": material.fracture_energy,
        },
        iterations=plan.steps + section.steps,
        residual=max(plan.residual, section.residual),
    )


def _flaw(drawn: dict[str, float]) -> Flaw:
    return Flaw(drawn["flaw_length"], drawn["flaw_angle"], drawn["push_offset"], drawn["confinement"])


def make_face(plan: Plan, section: Section, cells: float, roughness: float, rng: np.random.Generator) -> Face:
    """Return the chip on a grid of ``cells`` along its chord.

    Args:
        plan: The crack seen from above.
        section: The crack in section.
        cells: Cells along the chord.
        roughness: Standard deviation of the face over the reach.
        rng: Source of the roughness.
    """
    angles = np.linspace(0.0, math.pi, 181)
    radius = plan(angles) * cells
    left, right = float((radius * np.cos(angles)).min()), float((radius * np.cos(angles)).max())
    rows = math.ceil(float((radius * np.sin(angles)).max())) + 2 * MARGIN
    columns = math.ceil(right - left) + 2 * MARGIN
    origin = (MARGIN - 0.5, MARGIN - 0.5 - left)
    y = np.arange(rows)[:, None] - origin[0]
    x = np.arange(columns) - origin[1]
    # Beyond the outline the chip goes on as its mirror image, as far as it overlaps.
    theta, r = np.arctan2(np.abs(y), x), np.hypot(y, x)
    ridges = self_affine((1, RAYS), rng)[0]
    hackle = np.interp(theta, np.linspace(0.0, math.pi, HACKLED), ridges[:HACKLED])
    # The rim is the trace of the face's own ridges.
    rim = plan(theta) * cells * (1.0 + RAGGED * roughness * hackle)
    share = r / rim
    piece = cv2.GaussianBlur(np.clip(0.5 + rim - r, 0.0, 1.0).astype(np.float32), (0, 0), RIM_SIGMA)
    extent = np.clip(piece * np.clip(1.0 + 0.5 * (y + OVERLAP), 0.0, 1.0), 0, 1)
    depth = -plan.reach * section(np.clip(share, 0.0, 1.0))
    calm = np.clip((1.0 - share) / CALM_RIM, 0.0, 1.0)
    texture = _roughness(hackle, share, rng) * (calm * roughness * plan.reach)
    return Face(
        np.asarray(extent, np.float32),
        np.clip(piece, 0, 1).astype(np.float32),
        depth.astype(np.float32),
        texture.astype(np.float32),
        (float(origin[0]), float(origin[1])),
        cells,
    )


def _roughness(
    hackle: NDArray[np.float64], share: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return a self-affine field with ridges that spread from the contact, about unit variance, (ny, nx)."""
    field = self_affine(hackle.shape, rng)
    ridges = hackle * np.clip(share, 0.0, 1.0) * math.sqrt(2.0)
    return np.asarray(math.sqrt(1 - HACKLE_SHARE) * field + math.sqrt(HACKLE_SHARE) * ridges)


def self_affine(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a periodic normal field of mean 0 and variance 1 whose power falls like k^-(2 H + n), n its dimensions.

    Steps over a distance δ then grow like δ^H, H = HURST (Peitgen, Saupe, The Science of Fractal Images, 1988, ch. 2).

    Args:
        shape: (ny, nx); with ny = 1 a line, n = 1.
        rng: Source of the ny * nx draws.
    """
    noise = rng.standard_normal(shape)
    ky, kx = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])
    k = np.hypot(ky, kx)
    k[0, 0] = np.inf
    dimensions = 1 if shape[0] == 1 else 2
    field = fft.irfft2(fft.rfft2(noise) * k ** (-HURST - 0.5 * dimensions), s=shape)
    return np.asarray(field / field.std())


def fracture_face(face: Face, plan: Plan, stage: float, size: float, thickness: float) -> Snapshot:
    """Return one stage of a chip.

    Lengths scale with the stage s; the roughness, self-affine, with s^H of its own height.

    Args:
        face: The chip at its full size.
        plan: Gives the reach.
        stage: s, 0 .. 1.
        size: Chord at full size, m.
        thickness: Of the part, m: where the crack would lie deeper, the part is gone (``depth`` stays the
            crack's own: what is behind the hole is not known here).
    """
    chord = stage * size
    cell = chord / face.cells
    bowl = np.minimum(face.depth + face.rough * np.float32(stage ** (HURST - 1.0)), 0) * np.float32(chord)
    # One cell of depth is the softness of the rim of the hole: its slope is near 1.
    through = np.clip(0.5 - (face.depth * np.float32(chord) + np.float32(thickness)) / np.float32(cell), 0, 1)
    removed = np.minimum(through, face.piece).astype(np.float32)
    deepest = float(-bowl[face.extent >= THRESHOLD].min())
    return Snapshot(
        size=chord,
        spacing=cell,
        origin=(-face.origin[0] * cell, -face.origin[1] * cell),
        extent=face.extent,
        threshold=THRESHOLD,
        depth=bowl.astype(np.float32),
        removed=removed if float(removed.max()) >= THRESHOLD else None,
        measures={"length": chord, "width": plan.reach * chord, "depth": min(deepest, thickness)},
    )

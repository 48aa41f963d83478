"""The fracture face of one chip: extent and depth from its plan and its section, rough, on a grid.

* :func:`make_face` gives the :class:`Face` of a piece at its full size.
* :func:`fracture_face` gives extent, depth and missing part of one stage of it.

With the radius R(θ) of the crack round the contact, its reach D into the part and the section P(τ), the face lies
z = -D P(r / R(θ)) deep: every section through the contact is the solved one, scaled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from maphc2f.defects.chip_sheets import Plan, Section
from maphc2f.defects.roughness import HURST, self_affine
from maphc2f.sample import Float32, Snapshot

MARGIN = 6
"""Cells round the chip; the depth goes on beyond the outline by as many, so that its blur meets no step there."""

OVERLAP = 2.0
"""Cells by which the chip reaches beyond the outline, which is never quite straight."""

RIM_SIGMA = 1.0
"""Standard deviation that turns the piece's outline into a smooth extent, cells."""

THRESHOLD = 0.5
HACKLE_SHARE, RIPPLE_SHARE = 0.2, 0.55
"""Shares of the roughness that lie in ridges spreading from the contact, and in ripples round it."""

RIPPLES = 1024
RIPPLE_LENGTH = 0.12
"""Longest ripples, over the radius: what is longer is the bowl itself."""

RIPPLE_FADES = (0.5, 0.8)
"""Mean strength of ripples and how much it varies over the face: they come and go."""

RIPPLE_SWAY = 0.05
"""How far a ripple strays from the rim's own shape, over the radius: the front runs ahead and behind."""

RAYS = 512
HACKLED = 384
"""Directions over which ridges are drawn, and how many of them lie between one end of the chord and the other."""

CALM_RIM = 0.15
"""Share of the radius, from the rim inwards, over which the roughness sets in: the crack starts as a smooth mirror."""


@dataclass(frozen=True, slots=True)
class Roughness:
    """How rough a chip is.

    Attributes:
        face: Standard deviation of the face over the reach.
        rim: Standard deviation of the rim's radius over the radius.
    """

    face: float
    rim: float


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


def make_face(plan: Plan, section: Section, cells: float, roughness: Roughness, rng: np.random.Generator) -> Face:
    """Return the chip on a grid of ``cells`` along its chord.

    Args:
        plan: The crack seen from above.
        section: The crack in section.
        cells: Cells along the chord.
        roughness: Of face and rim.
        rng: Source of the roughness.
    """
    ridges = self_affine((1, RAYS), rng)[0][:HACKLED]
    spread = np.linspace(0.0, math.pi, HACKLED)
    # The rim is the trace of the face's own ridges.
    rim_radius = plan(spread) * cells * np.maximum(1.0 + roughness.rim * ridges, 0.3)
    x, y, origin = _axes(rim_radius, spread, plan.flatness)
    # Beyond the outline the chip goes on as its mirror image, as far as it overlaps.
    stretched = np.abs(y) / plan.flatness
    theta, r = np.arctan2(stretched, x), np.hypot(stretched, x)
    rim = np.interp(theta, spread, rim_radius)
    share = r / rim
    piece = cv2.GaussianBlur(_inside(share, rim), (0, 0), RIM_SIGMA)
    extent = np.clip(piece * np.clip(1.0 + 0.5 * (y + OVERLAP), 0.0, 1.0), 0, 1)
    depth = -plan.reach * section(np.clip(share, 0.0, 1.0))
    calm = np.clip((1.0 - share) / CALM_RIM, 0.0, 1.0)
    texture = _texture(np.interp(theta, spread, ridges), share, rng) * (calm * roughness.face * plan.reach)
    return Face(
        np.asarray(extent, np.float32),
        np.clip(piece, 0, 1).astype(np.float32),
        depth.astype(np.float32),
        texture.astype(np.float32),
        origin,
        cells,
    )


def _axes(
    radius: NDArray[np.float64], angle: NDArray[np.float64], flatness: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[float, float]]:
    """Return columns (nx,), rows (ny, 1) and the contact's place, cells, of a grid that holds the piece."""
    along = radius * np.cos(angle)
    left, right = float(along.min()), float(along.max())
    rows = math.ceil(flatness * float((radius * np.sin(angle)).max())) + 2 * MARGIN
    columns = math.ceil(right - left) + 2 * MARGIN
    origin = (MARGIN - 0.5, MARGIN - 0.5 - left)
    x, y = np.arange(columns, dtype=np.float64), np.arange(rows, dtype=np.float64)
    return x - origin[1], y[:, None] - origin[0], origin


def _inside(share: NDArray[np.float64], rim: NDArray[np.float64]) -> Float32:
    """Return how much of each cell lies inside the rim: the distance to it is (1 - share) over |∇share|."""
    slope = np.maximum(np.hypot(*np.gradient(share)), 0.25 / np.maximum(rim, 1.0))
    return np.clip(0.5 + (1.0 - share) / slope, 0.0, 1.0).astype(np.float32)


def _texture(hackle: NDArray[np.float64], share: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a self-affine field with ridges that spread from the contact and ripples, about unit variance, (ny, nx).

    Ripples are former positions of the crack front (arrest lines), or where the stress waves that it sent out turned it
    (Wallner, Z. Phys. 114 (1939) 368, doi 10.1007/BF01337002): contours of the share of the way to the rim, swayed.
    """
    field = self_affine((hackle.shape[0], hackle.shape[1]), rng)
    ridges = hackle * np.clip(share, 0.0, 1.0) * math.sqrt(2.0)
    # Half of the periodic line: ripples at the contact and at the rim have nothing to do with each other.
    where = (share + RIPPLE_SWAY * (field + hackle)) * (0.5 * RIPPLES)
    line = self_affine((1, RIPPLES), rng)[0]
    line -= gaussian_filter1d(line, RIPPLE_LENGTH * 0.5 * RIPPLES, mode="wrap")
    fade = np.clip(RIPPLE_FADES[0] + RIPPLE_FADES[1] * field, 0.0, None)
    ripples = fade * line[np.clip(where, 0, RIPPLES - 1).astype(np.intp)]
    shares = 1.0 - HACKLE_SHARE - RIPPLE_SHARE, HACKLE_SHARE, RIPPLE_SHARE
    parts = zip(shares, (field, ridges, ripples), strict=True)
    return np.asarray(sum(math.sqrt(part) * plane for part, plane in parts))


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
    removed = gone_through(face.depth * np.float32(chord), face.piece, thickness, cell)
    deepest = float(-bowl[face.extent >= THRESHOLD].min())
    return Snapshot(
        size=chord,
        spacing=cell,
        origin=(-face.origin[0] * cell, -face.origin[1] * cell),
        extent=face.extent,
        threshold=THRESHOLD,
        depth=bowl.astype(np.float32),
        removed=removed,
        measures={"length": chord, "width": plan.reach * chord, "depth": min(deepest, thickness)},
    )


def gone_through(depth: Float32, piece: Float32, thickness: float, cell: float) -> Float32 | None:
    """Return the share of each cell where the part is gone, or None if it is nowhere.

    Args:
        depth: Of the face without roughness, m.
        piece: Indicator of the piece.
        thickness: Of the part, m.
        cell: Spacing, m: the softness of the hole's rim, whose slope is near 1.
    """
    through = np.clip(0.5 - (depth + np.float32(thickness)) / np.float32(cell), 0, 1)
    removed = np.minimum(through, piece).astype(np.float32)
    return removed if float(removed.max()) >= THRESHOLD else None

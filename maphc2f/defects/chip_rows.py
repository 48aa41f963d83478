"""Several chips in a row along the outline: where they lie, how they grow and what they leave together.

* :func:`lay_out` places pieces side by side; :class:`Piece` is one of them.
* :func:`lost` is the outline that is lost at a time; :func:`time_of` the time at which so much is lost.
* :func:`row_face` gives extent, depth and missing part of one stage.

Neighbours come off one after the other: piece k starts at the time t_k and grows to its full size at time 1, round a
contact that stays where it is, so that the union of the pieces at one time lies in that of any later one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from maphc2f.defects.chip_faces import MARGIN, THRESHOLD, Face, gone_through
from maphc2f.defects.chip_sheets import Plan
from maphc2f.defects.roughness import HURST
from maphc2f.sample import Float32, Snapshot

SHARES = (0.3, 0.9)
"""Chord of a neighbour over that of the first piece."""

STARTS = (0.15, 0.6)
"""Times at which neighbours start."""

TIMES = np.linspace(0.0, 1.0, 65)


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a row; lengths over the outline that all lose at time 1.

    Attributes:
        plan: Its contour.
        contact: Position of its contact along the outline, the row's middle at 0.
        chord: Its chord at time 1.
        start: Time at which it starts.
    """

    plan: Plan
    contact: float
    chord: float
    start: float

    def grown(self, time: float) -> float:
        """Return its size at a time over that at time 1."""
        return max(time - self.start, 0.0) / (1.0 - self.start)

    def span(self, time: float) -> tuple[float, float]:
        """Return the two ends of what it takes of the outline."""
        size = self.chord * self.grown(time)
        return self.contact - size * float(self.plan.radius[-1]), self.contact + size * float(self.plan.radius[0])


def lay_out(plans: Sequence[Plan], gap: float, rng: np.random.Generator) -> tuple[Piece, ...]:
    """Place pieces side by side, the first among its neighbours, on one side or on both.

    Args:
        plans: The first piece and its neighbours.
        gap: Outline between two pieces over the smaller one's chord; negative: they overlap.
        rng: Source of sizes, sides and times.
    """
    row = [Piece(plans[0], 0.0, 1.0, 0.0)]
    ends = list(row[0].span(1.0))
    for plan in plans[1:]:
        chord, start, side = float(rng.uniform(*SHARES)), float(rng.uniform(*STARTS)), int(rng.integers(2))
        left, right = chord * float(plan.radius[-1]), chord * float(plan.radius[0])
        contact = ends[1] + gap * chord + left if side else ends[0] - gap * chord - right
        row.append(Piece(plan, contact, chord, start))
        ends[side] = contact + right if side else contact - left
    total, middle = lost(row, 1.0), 0.5 * (ends[0] + ends[1]) if len(row) > 1 else 0.0
    return tuple(replace(p, contact=(p.contact - middle) / total, chord=p.chord / total) for p in row)


def lost(row: Sequence[Piece], time: float) -> float:
    """Return the length of outline that is lost at a time: that of the union of the pieces' chords."""
    total, reached = 0.0, -np.inf
    for left, right in sorted(p.span(time) for p in row if time > p.start):
        total += max(right - max(left, reached), 0.0)
        reached = max(reached, right)
    return float(total)


def time_of(row: Sequence[Piece], share: float) -> float:
    """Return the time at which the share of the outline is lost."""
    return float(np.interp(share, [lost(row, float(t)) for t in TIMES], TIMES))


def row_face(
    row: Sequence[Piece], faces: Sequence[Face], stage: float, scale: tuple[float, float], thickness: float
) -> Snapshot:
    """Return one stage of a row of chips, on the grid of its full size.

    Args:
        row: The pieces.
        faces: Their faces at full size, one a piece.
        stage: Outline lost over that at the end, 0 .. 1.
        scale: Outline lost at the end, m, and cells along it.
        thickness: Of the part, m.
    """
    size, cells = scale
    time, cell = time_of(row, stage), size / cells
    now = [(p, face, p.grown(time)) for p, face in zip(row, faces, strict=True) if time > p.start]
    canvas = _Canvas.of(now, cells)
    extents, pieces, depths, roughs = zip(*(canvas.paste(p, face, grown) for p, face, grown in now), strict=True)
    # Where pieces overlap, the deeper crack is what is seen.
    extent, depth = np.maximum.reduce(extents), np.minimum.reduce(depths) * np.float32(size)
    bowl = np.minimum.reduce([np.minimum(d + r, 0) for d, r in zip(depths, roughs, strict=True)]) * np.float32(size)
    return Snapshot(
        size=stage * size,
        spacing=cell,
        origin=(-canvas.origin[0] * cell, -canvas.origin[1] * cell),
        extent=extent,
        threshold=THRESHOLD,
        depth=bowl,
        removed=gone_through(depth, np.maximum.reduce(pieces), thickness, cell),
        measures={
            "length": stage * size,
            "width": max(p.plan.reach * p.chord * grown for p, _, grown in now) * size,
            "depth": min(float(-bowl[extent >= THRESHOLD].min()), thickness),
        },
    )


@dataclass(frozen=True, slots=True)
class _Canvas:
    """The grid of one stage.

    Attributes:
        shape: (ny, nx).
        origin: (row, column) of the anchor.
        cells: Cells along the whole chord.
    """

    shape: tuple[int, int]
    origin: tuple[float, float]
    cells: float

    @classmethod
    def of(cls, now: Sequence[tuple[Piece, Face, float]], cells: float) -> _Canvas:
        """Return a grid that holds the pieces as they are now."""
        left, right, deepest = 0.0, 0.0, 0.0
        for p, face, grown in now:
            ends = p.contact * cells - grown * face.origin[1], face.extent.shape[1] - face.origin[1]
            left = min(left, ends[0])
            right = max(right, p.contact * cells + grown * ends[1])
            deepest = max(deepest, grown * (face.extent.shape[0] - face.origin[0]))
        origin = (MARGIN - 0.5, MARGIN - left)
        return cls((math.ceil(deepest + origin[0]) + 2, math.ceil(right + origin[1]) + MARGIN), origin, cells)

    def paste(self, piece: Piece, face: Face, grown: float) -> tuple[Float32, Float32, Float32, Float32]:
        """Return extent, piece, depth and roughness, the last two over the whole chord, on this grid."""
        scale = grown * piece.chord * self.cells / face.cells
        contact = self.origin[0], self.origin[1] + piece.contact * self.cells
        # From here to the face: its contact lies at its own origin, and it is smaller by the scale.
        back = np.array(
            [
                [1 / scale, 0, face.origin[1] - contact[1] / scale],
                [0, 1 / scale, face.origin[0] - contact[0] / scale],
            ]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        extent, whole, depth, rough = (
            np.asarray(cv2.warpAffine(plane, back, self.shape[::-1], flags=flags), np.float32)
            for plane in (face.extent, face.piece, face.depth, face.rough)
        )
        chord = np.float32(piece.chord * grown)
        return extent, whole, depth * chord, rough * (chord * np.float32(grown ** (HURST - 1.0)))

"""From a phase field to the centreline of its cracks: a sub-cell trace with opening.

* :func:`centreline` is the whole way: threshold, thinning, pruning, sub-cell shift, smoothing, tips.
* :func:`opening_field` integrates the strain across the crack into an opening.
* :class:`Centreline` holds points chain after chain; :func:`segments` turns them into trace segments.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.kernels.ridge import links, thin, walk

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

LEVEL = 0.5
"""Damage above which a cell belongs to a crack."""

MIN_CHAIN = 4
"""Free pieces of fewer pixels are no cracks."""

REACH = 4.0
"""Longest way a tip may be carried on to the contour, cells."""

OPENING_SIGMA = 2.0
"""Width of the kernel that gathers the strain across a crack, cells."""

TAPER = 5.0
"""Length over which the opening grows from a tip like sqrt(r), cells."""


@dataclass(frozen=True, slots=True)
class Centreline:
    """Points of all chains, cells, centre of cell [0, 0] at (0.5, 0.5).

    Attributes:
        points: (n, 2), (y, x), chain after chain.
        starts: (m + 1,) first point of each chain, then n.
        tips: bool (n,), a free end inside the body.
    """

    points: Float64
    starts: NDArray[np.int32]
    tips: NDArray[np.bool_]

    @property
    def length(self) -> float:
        """Total length, cells."""
        return float(self.steps[self.inner].sum())

    @property
    def steps(self) -> Float64:
        """(n - 1,) distance from each point to the next, also across chains."""
        return np.asarray(np.hypot(*np.diff(self.points, axis=0).T))

    @property
    def inner(self) -> NDArray[np.bool_]:
        """(n - 1,) whether a point and the next belong to one chain."""
        joined = np.ones(max(len(self.points) - 1, 0), bool)
        joined[self.starts[1:-1] - 1] = False
        return joined


def _prune(skeleton: NDArray[np.uint8], spur: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Remove spurs and crumbs in place and return the chains that are left."""
    points, starts = walk(links(skeleton))
    for _ in range(3):
        first, last = points[starts[:-1], 2], points[starts[1:] - 1, 2]
        count = np.diff(starts)
        crumb = (first == 1) & (last == 1) & (count < MIN_CHAIN)
        short = (np.minimum(first, last) == 1) & (np.maximum(first, last) > 2) & (count <= spur)
        doomed = crumb | short
        if not doomed.any():
            break
        gone = points[np.repeat(doomed, count)]
        gone = gone[gone[:, 2] <= 2]
        skeleton[gone[:, 0], gone[:, 1]] = 0
        points, starts = walk(links(thin(skeleton)))
    return points, starts


def _smooth(points: Float64, held: NDArray[np.bool_], passes: int) -> Float64:
    for _ in range(passes):
        mean = 0.25 * (points[:-2] + points[2:]) + 0.5 * points[1:-1]
        points = points.copy()
        points[1:-1] = np.where(held[1:-1, None], points[1:-1], mean)
    return points


def sample(plane: Float32, points: Float64) -> Float32:
    """Return ``plane`` at (n, 2) points (y, x) in cells, bilinear, the border's value outside."""
    y = np.clip(points[:, 0] - 0.5, 0, plane.shape[0] - 1.001)
    x = np.clip(points[:, 1] - 0.5, 0, plane.shape[1] - 1.001)
    i, j = y.astype(np.int64), x.astype(np.int64)
    v, u = y - i, x - j
    upper = (1 - u) * plane[i, j] + u * plane[i, j + 1]
    lower = (1 - u) * plane[i + 1, j] + u * plane[i + 1, j + 1]
    return np.asarray((1 - v) * upper + v * lower, np.float32)


def _tangents(points: Float64, starts: NDArray[np.int32]) -> Float64:
    """Return unit tangents by central differences, one-sided at the ends of chains."""
    after, before = np.minimum(np.arange(len(points)) + 2, len(points) - 1), np.maximum(np.arange(len(points)) - 2, 0)
    chain = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    after, before = np.minimum(after, starts[1:][chain] - 1), np.maximum(before, starts[:-1][chain])
    way = points[after] - points[before]
    return np.asarray(way / np.maximum(np.hypot(*way.T), 1e-9)[:, None])


def _to_ridge(damage: Float32, points: Float64, tangents: Float64) -> Float64:
    """Shift each point along its normal to the centroid of the damage profile across the crack.

    The profile is symmetric about the crack in both AT1 and the quasi-static limit, so its centroid is the centreline.
    """
    normal = np.stack([-tangents[:, 1], tangents[:, 0]], 1)
    offsets = np.arange(-2.5, 2.51, 0.5)
    where = points[:, None, :] + offsets[:, None] * normal[:, None, :]
    profile = sample(damage, where.reshape(-1, 2)).reshape(len(points), -1)
    # Only the core counts: tails of a neighbouring crack would pull.
    weight = np.square(np.maximum(profile - 0.25, 0.0)) + 1e-9
    shift = (weight * offsets).sum(1) / weight.sum(1)
    return np.asarray(points + shift[:, None] * normal)


def _carry_tips(damage: Float32, line: Centreline, edge_margin: float) -> Centreline:
    """Carry free ends on to the contour d = LEVEL, or to the border if that is nearer than ``edge_margin``."""
    points, tips = line.points.copy(), line.tips.copy()
    tangents = _tangents(points, line.starts)
    chain_first = np.zeros(len(points), bool)
    chain_first[line.starts[:-1]] = True
    at = np.flatnonzero(tips)
    outward = np.where(chain_first[at, None], -tangents[at], tangents[at])
    reach = np.arange(0.25, REACH, 0.25)
    beyond = points[at, None] + reach[:, None] * outward[:, None]
    inside = sample(damage, beyond.reshape(-1, 2)).reshape(len(at), len(reach)) > LEVEL
    # Steps of a quarter cell up to the first that lies outside.
    run = np.logical_and.accumulate(inside, axis=1).sum(axis=1)
    points[at] += 0.25 * run[:, None] * outward
    out_of_edge = at[points[at, 0] < edge_margin]
    points[out_of_edge, 0], tips[out_of_edge] = 0.0, False
    return Centreline(points, line.starts, tips)


def centreline(damage: Float32, *, spur: int = 5, passes: int = 6, edge_margin: float = 0.0) -> Centreline:
    """Return the centreline of the cracks in a phase field.

    Args:
        damage: float32 (ny, nx), 0 intact, 1 broken.
        spur: Side branches of at most this many pixels are artefacts of thinning.
        passes: Rounds of 1/4 1/2 1/4 smoothing along chains; 6 rounds are a Gaussian of sigma 1.7 points.
        edge_margin: Ends nearer than this to y = 0 run out of the body there.

    Returns:
        The centreline; it may be empty.
    """
    # The thinning treats the outermost ring as background; mirrored cells let a crack reach the border.
    padded = np.pad(damage, 2, mode="edge")
    padded[[0, -1]], padded[:, [0, -1]] = 0, 0
    skeleton = thin((padded > LEVEL).astype(np.uint8))
    chains, starts = _prune(skeleton, spur)
    points = chains[:, :2].astype(np.float64) - 1.5
    if len(points) < 2:
        return Centreline(np.zeros((0, 2)), np.zeros(1, np.int32), np.zeros(0, bool))
    ends = np.zeros(len(points), bool)
    ends[starts[:-1]], ends[starts[1:] - 1] = True, True
    points = _smooth(points, ends, 2)
    for _ in range(2):
        moved = _to_ridge(damage, points, _tangents(points, starts))
        # Junctions stay, so that the chains that meet there still meet.
        points = np.where((ends & (chains[:, 2] != 1))[:, None], points, moved)
        points = _smooth(points, ends, 2)
    points = _smooth(points, ends, passes)
    return _carry_tips(damage, Centreline(points, starts, ends & (chains[:, 2] == 1)), edge_margin)


def opening_field(exx: Float32, eyy: Float32, damage: Float32) -> Float32:
    """Return the opening of the crack nearest to each cell, cell units of displacement.

    The elastic strain localises in broken cells, so the jump across a crack is the integral of its trace over the
    normal: w = ∫ ⟨exx + eyy⟩₊ [d > LEVEL] dn. A Gaussian K of width sigma gathers it without knowing the normal:
    w = sqrt(2 pi) sigma (K * integrand) on a straight crack.
    """
    jump = np.where(damage > LEVEL, np.maximum(exx + eyy, 0), 0).astype(np.float32)
    blurred = cv2.GaussianBlur(jump, (0, 0), OPENING_SIGMA, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred * np.float32(math.sqrt(2 * math.pi) * OPENING_SIGMA), np.float32)


def tip_distance(line: Centreline) -> Float64:
    """Return the distance of each point from the nearer tip of its chain along it, cells; inf without tips."""
    out = np.full(len(line.points), np.inf)
    arc = np.concatenate([[0.0], np.cumsum(line.steps)])
    for a, b in zip(line.starts[:-1], line.starts[1:], strict=True):
        if line.tips[a]:
            out[a:b] = arc[a:b] - arc[a]
        if line.tips[b - 1]:
            out[a:b] = np.minimum(out[a:b], arc[b - 1] - arc[a:b])
    return out


def openings(line: Centreline, field: Float32) -> Float64:
    """Return the opening at each point, falling to 0 at tips like sqrt(r) over TAPER cells (Irwin's near field)."""
    w = np.asarray(sample(field, line.points), np.float64)
    floor = 0.02 * w.max(initial=0.0)
    return np.asarray(np.maximum(w, floor) * np.sqrt(np.minimum(tip_distance(line) / TAPER, 1.0)))


def segments(line: Centreline, opening: Float64) -> Float32:
    """Return float32 (n, 2, 3) segments: two ends of (y, x, opening), neighbours in a chain adjacent."""
    rows = np.column_stack([line.points, opening])
    pairs = np.stack([rows[:-1], rows[1:]], axis=1)[line.inner]
    return np.ascontiguousarray(pairs, np.float32)

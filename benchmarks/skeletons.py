"""Skeletons of thin masks: thinning, the graph of a skeleton, pruning.

* :func:`thin` is the thinning of Zhang and Suen, Comm. ACM 27 (1984) 236, doi 10.1145/357994.358023.
* :func:`crossing_number` counts the lines that meet at each pixel.
* :func:`graph` gives the skeleton's pixels and the lengths of the steps between them.
* :func:`prune` cuts short end branches; :func:`longest_path` follows the longest of the shortest paths.

Masks are bool (H, W); lengths are pixels: 1 a straight step, sqrt 2 a diagonal one.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

Mask = NDArray[np.bool_]

RING = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""The eight neighbours (y, x) in turn from the upper one; bit k of a code is neighbour k."""

EIGHT = np.ones((3, 3), bool)


def _codes(mask: Mask) -> NDArray[np.intp]:
    """Return the neighbours of each pixel as the bits of a code; beyond the border is background."""
    padded = np.pad(mask, 1).astype(np.intp)
    height, width = mask.shape
    return sum(
        (padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width] << k for k, (dy, dx) in enumerate(RING)),
        start=np.zeros(mask.shape, np.intp),
    )


@cache
def _tables() -> tuple[Mask, Mask, NDArray[np.intp]]:
    """Return by code: whether the first and the second half step of thinning may take the pixel, and the crossings."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    crossings = ((bits == 0) & (np.roll(bits, -1, axis=1) == 1)).sum(1)
    north, east, south, west = (bits[:, k] == 1 for k in (0, 2, 4, 6))
    count = bits.sum(1)
    # The paper's lower bound is 2, which eats diagonal lines of two pixels' width from their ends.
    may = (count >= 3) & (count <= 6) & (crossings == 1)
    first = may & ~(north & east & south) & ~(east & south & west)
    second = may & ~(north & east & west) & ~(north & south & west)
    return first, second, crossings


def _cut_corners(skeleton: Mask) -> Mask:
    """Return the skeleton without the corners of its stairs, whose two neighbours touch each other anyway.

    Thinning by half steps leaves them; with them, diagonal lines would be longer than they are.
    """
    out = skeleton
    for turn in range(4):
        square = np.pad(np.rot90(out, turn), 1)
        here, north, east = square[1:-1, 1:-1], square[:-2, 1:-1], square[1:-1, 2:]
        beyond = square[2:, 1:-1] | square[1:-1, :-2] | square[2:, :-2]
        out = np.rot90(here & ~(north & east & ~beyond), -turn)
    return np.ascontiguousarray(out)


def thin(mask: Mask) -> Mask:
    """Return the skeleton of a mask: lines one pixel wide, of the same connectivity."""
    out = mask.copy()
    first, second, _ = _tables()
    before = -1
    while before != (before := int(out.sum())):
        for table in (first, second):
            out &= ~table[_codes(out)]
    return _cut_corners(out)


def crossing_number(skeleton: Mask) -> NDArray[np.intp]:
    """Return for each pixel of the skeleton how many lines meet there (1: an end, 2: on a line), 0 elsewhere."""
    return np.where(skeleton, _tables()[2][_codes(skeleton)], 0)


def branch_points(skeleton: Mask) -> int:
    """Return the number of junctions: three or more lines meet; touching ones are one."""
    return int(ndimage.label(crossing_number(skeleton) >= 3, EIGHT)[1])


def graph(skeleton: Mask) -> tuple[NDArray[np.intp], csr_array]:
    """Return the pixels (n, 2) and the symmetric matrix (n, n) of step lengths.

    A diagonal step is left out where two straight ones join the same pixels: it is no way of its own.
    """
    pixels = np.argwhere(skeleton)
    number = np.full(np.add(skeleton.shape, 2), -1, np.intp)
    number[pixels[:, 0] + 1, pixels[:, 1] + 1] = np.arange(len(pixels))
    y, x = pixels[:, 0] + 1, pixels[:, 1] + 1
    starts, ends, lengths = [], [], []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        other = number[y + dy, x + dx]
        joined = other >= 0
        if dy and dx:
            joined &= (number[y + dy, x] < 0) & (number[y, x + dx] < 0)
        starts.append(np.flatnonzero(joined))
        ends.append(other[joined])
        lengths.append(np.full(int(joined.sum()), np.hypot(dy, dx)))
    rows, columns, values = np.concatenate(starts), np.concatenate(ends), np.concatenate(lengths)
    both = (np.r_[rows, columns], np.r_[columns, rows])
    return pixels, csr_array((np.r_[values, values], both), shape=(len(pixels), len(pixels)))


def length(skeleton: Mask) -> float:
    """Return the length of all steps of the skeleton, px."""
    return float(graph(skeleton)[1].sum() / 2)


def prune(skeleton: Mask, shortest: float) -> Mask:
    """Return the skeleton without end branches shorter than ``shortest`` px.

    A branch runs from an end to the first junction; the shortest goes first, so that of a forked end the longer prong
    stays. Lines without a junction stay whatever their length.
    """
    out = skeleton
    while (branch := _shortest_branch(out, shortest)) is not None:
        out = thin(out & ~branch)
    return out


def _shortest_branch(skeleton: Mask, limit: float) -> Mask | None:
    """Return the pixels of the shortest end branch below ``limit`` px, or None.

    Branches are told apart beyond the junctions' neighbours, which touch each other.
    """
    crossings = crossing_number(skeleton)
    near = ndimage.binary_dilation(crossings >= 3, EIGHT) & skeleton
    stubs = near & (crossings == 1)
    if stubs.any():
        return np.asarray(stubs)
    branches, _ = ndimage.label(skeleton & ~near, EIGHT)
    touching = branches[ndimage.binary_dilation(near, EIGHT) & (branches > 0)]
    ending = np.intersect1d(touching, branches[(crossings == 1) & (branches > 0)])
    # Two steps more than its own: to the junction's neighbour and into the junction.
    lengths = [length(branches == branch) + 2 for branch in ending]
    if not lengths or min(lengths) >= limit:
        return None
    own = branches == ending[int(np.argmin(lengths))]
    # The neighbour goes too, if nothing else hangs on it.
    return np.asarray(own | (ndimage.binary_dilation(own, EIGHT) & near & (crossings == 2)))


def longest_path(skeleton: Mask) -> NDArray[np.intp]:
    """Return the pixels (n, 2) along the longest shortest path between two ends of a connected skeleton.

    A skeleton without ends is searched from its first pixel and from the one farthest from it.
    """
    pixels, steps = graph(skeleton)
    ends = np.flatnonzero(crossing_number(skeleton)[pixels[:, 0], pixels[:, 1]] == 1)
    if len(ends) == 0:
        reach = dijkstra(steps, indices=[0])[0]
        ends = np.array([int(np.argmax(np.where(np.isfinite(reach), reach, -1.0)))])
    reach, before = dijkstra(steps, indices=ends, return_predecessors=True)
    reach = np.where(np.isfinite(reach), reach, -1.0)
    source, last = np.unravel_index(int(np.argmax(reach)), reach.shape)
    path = [int(last)]
    while before[source, path[-1]] >= 0:
        path.append(int(before[source, path[-1]]))
    return pixels[path[::-1]]

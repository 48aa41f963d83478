"""Thinning of a binary picture to a skeleton, and walking the skeleton as chains of pixels.

* :func:`thin` is the parallel thinning of Zhang and Suen (1984), doi 10.1145/357994.358023; twin :func:`thin_numpy`.
* :func:`links` gives each skeleton pixel its neighbours, without short cuts across corners; twin :func:`links_numpy`.
* :func:`walk` orders the pixels into chains between ends and junctions; twin :func:`walk_numpy`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

UInt8 = NDArray[np.uint8]
Int32 = NDArray[np.int32]

STEPS = np.array([(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)], np.int64)
"""The eight neighbours (dy, dx), clockwise from above: bit k of :func:`links`; (k + 4) % 8 lies opposite."""


@njit(cache=True)
def thin(mask):  # type: ignore[no-untyped-def]
    """Return the skeleton of ``mask`` (uint8 0/1, (ny, nx)); pixels on the array's border count as background."""
    ny, nx = mask.shape
    out = mask.copy()
    out[0, :] = 0
    out[ny - 1, :] = 0
    out[:, 0] = 0
    out[:, nx - 1] = 0
    drop = np.zeros((ny * nx, 2), np.int32)
    n = np.zeros(8, np.uint8)
    changed = True
    while changed:
        changed = False
        for phase in range(2):
            count = 0
            for y in range(1, ny - 1):
                for x in range(1, nx - 1):
                    if out[y, x] == 0:
                        continue
                    total, rises = 0, 0
                    for k in range(8):
                        n[k] = out[y + STEPS[k, 0], x + STEPS[k, 1]]
                        total += n[k]
                    for k in range(8):
                        rises += (n[k] == 0) & (n[(k + 1) % 8] == 1)
                    if phase == 0:
                        open_side = n[0] * n[2] * n[4] == 0 and n[2] * n[4] * n[6] == 0
                    else:
                        open_side = n[0] * n[2] * n[6] == 0 and n[0] * n[4] * n[6] == 0
                    if 2 <= total <= 6 and rises == 1 and open_side:
                        drop[count, 0] = y
                        drop[count, 1] = x
                        count += 1
            for k in range(count):
                out[drop[k, 0], drop[k, 1]] = 0
            changed = changed or count > 0
    return out


def _neighbours(mask: UInt8) -> UInt8:
    padded = np.pad(mask, 1)
    ny, nx = mask.shape
    return np.stack([padded[1 + dy : 1 + dy + ny, 1 + dx : 1 + dx + nx] for dy, dx in STEPS])


def thin_numpy(mask: UInt8) -> UInt8:
    """Twin of :func:`thin`."""
    out = np.pad(mask[1:-1, 1:-1], 1)
    while True:
        before = out.copy()
        for phase in range(2):
            n = _neighbours(out)
            total = n.sum(axis=0)
            rises = ((n == 0) & (np.roll(n, -1, axis=0) == 1)).sum(axis=0)
            if phase == 0:
                open_side = (n[0] * n[2] * n[4] == 0) & (n[2] * n[4] * n[6] == 0)
            else:
                open_side = (n[0] * n[2] * n[6] == 0) & (n[0] * n[4] * n[6] == 0)
            out[(out == 1) & (total >= 2) & (total <= 6) & (rises == 1) & open_side] = 0
        if np.array_equal(before, out):
            return out


@njit(cache=True)
def links(skeleton):  # type: ignore[no-untyped-def]
    """Return the neighbour bits of each pixel, uint8: a diagonal is no link where a corner pixel joins both ends.

    So a staircase has two links a pixel, and a pixel with one link is an end, with three or more a junction. The
    skeleton's border pixels must be 0.
    """
    ny, nx = skeleton.shape
    out = np.zeros((ny, nx), np.uint8)
    for y in range(1, ny - 1):
        for x in range(1, nx - 1):
            if skeleton[y, x] == 0:
                continue
            bits = 0
            for k in range(8):
                if skeleton[y + STEPS[k, 0], x + STEPS[k, 1]] == 0:
                    continue
                if k % 2 == 1:
                    a, b = k - 1, (k + 1) % 8
                    if skeleton[y + STEPS[a, 0], x + STEPS[a, 1]] or skeleton[y + STEPS[b, 0], x + STEPS[b, 1]]:
                        continue
                bits |= 1 << k
            out[y, x] = bits
    return out


def links_numpy(skeleton: UInt8) -> UInt8:
    """Twin of :func:`links`."""
    n = _neighbours(skeleton)
    out = np.zeros(skeleton.shape, np.int64)
    for k in range(8):
        linked = n[k] == 1
        if k % 2 == 1:
            linked &= (n[k - 1] == 0) & (n[(k + 1) % 8] == 0)
        out |= np.where(linked & (skeleton == 1), 1 << k, 0)
    return out.astype(np.uint8)


@njit(cache=True)
def _degree(bits):  # type: ignore[no-untyped-def]
    count = 0
    for k in range(8):
        count += (bits >> k) & 1
    return count


@njit(cache=True)
def walk(bits):  # type: ignore[no-untyped-def]
    """Order the pixels of a skeleton into chains.

    Args:
        bits: Output of :func:`links`.

    Returns:
        points: int32 (n, 3): y, x and number of links, chain after chain; a junction appears in each chain it ends.
        starts: int32 (m + 1,): first point of each chain, then n. Chains run between pixels that have not two links,
            in row order; closed loops without junction follow, their first point repeated at the end.
    """
    ny, nx = bits.shape
    left = bits.copy()
    degree = np.zeros((ny, nx), np.int32)
    total = 0
    for y in range(ny):
        for x in range(nx):
            degree[y, x] = _degree(bits[y, x])
            total += degree[y, x]
    points = np.zeros((2 * total + 2, 3), np.int32)
    starts = np.zeros(total + 2, np.int32)
    n, m = 0, 0
    for loops in range(2):
        for y in range(ny):
            for x in range(nx):
                if (degree[y, x] == 2) != (loops == 1):
                    continue
                for first in range(8):
                    if not (left[y, x] >> first) & 1:
                        continue
                    starts[m] = n
                    m += 1
                    i, j, k = y, x, first
                    points[n, 0], points[n, 1], points[n, 2] = i, j, degree[i, j]
                    n += 1
                    while True:
                        left[i, j] &= 255 ^ (1 << k)
                        i, j = i + STEPS[k, 0], j + STEPS[k, 1]
                        left[i, j] &= 255 ^ (1 << ((k + 4) % 8))
                        points[n, 0], points[n, 1], points[n, 2] = i, j, degree[i, j]
                        n += 1
                        if degree[i, j] != 2 or left[i, j] == 0:
                            break
                        k = 0
                        while not (left[i, j] >> k) & 1:
                            k += 1
    starts[m] = n
    return points[:n].copy(), starts[: m + 1].copy()


def walk_numpy(bits: UInt8) -> tuple[Int32, Int32]:
    """Twin of :func:`walk`: the same chains from a graph held as a mapping."""
    graph = {
        (int(y), int(x)): [(int(y + STEPS[k, 0]), int(x + STEPS[k, 1])) for k in range(8) if (bits[y, x] >> k) & 1]
        for y, x in np.argwhere(bits)
    }
    used: set[frozenset[tuple[int, int]]] = set()
    chains: list[list[tuple[int, int]]] = []
    for on_loop in (False, True):
        for node in (p for p, near in graph.items() if (len(near) == 2) == on_loop):
            for follower in graph[node]:
                if frozenset((node, follower)) in used:
                    continue
                chain, here = [node], follower
                used.add(frozenset((node, follower)))
                chain.append(here)
                while len(graph[here]) == 2:
                    onward = [q for q in graph[here] if frozenset((here, q)) not in used]
                    if not onward:
                        break
                    used.add(frozenset((here, onward[0])))
                    here = onward[0]
                    chain.append(here)
                chains.append(chain)
    points = np.array([(y, x, len(graph[y, x])) for chain in chains for y, x in chain], np.int32).reshape(-1, 3)
    return points, np.cumsum([0, *(len(c) for c in chains)]).astype(np.int32)

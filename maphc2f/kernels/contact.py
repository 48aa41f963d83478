"""Rigid-plastic contact: the surface a travelling tool leaves, and the material it squeezes up, compiled and as NumPy.

* :func:`sweep_tool` gives the lower envelope of a tool along a path; :func:`sweep_tool_numpy` is its twin.
* :func:`squeeze_out` relaxes the pile-up equation by red-black over-relaxation; :func:`squeeze_out_numpy` is its twin.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

#: Height of the tool where it never passes.
FAR = 1e30


@njit(cache=True)
def sweep_tool(path: Float64, asperities: Float64, slope: float, tip: float, reach: float, out: Float64) -> None:
    """Write the lowest height of a tool over each cell as it travels along a path.

    The tool is a bundle of rounded cones: f(r) = √((slope r)² + tip²) - tip above each asperity's point.

    Args:
        path: Positions along the path, (n, 5): y, x in cells, unit normal (y, x), depth of the point.
        asperities: (m, 2): offset across the path in cells, lift above the deepest point.
        slope: Slope of the flanks, height per cell.
        tip: Rounding height of the points.
        reach: Radius about each point within which the tool is evaluated, cells.
        out: Written, (ny, nx): height of the envelope, negative into the part; 1e30 where the tool never passes.
    """
    ny, nx = out.shape
    out[:] = FAR
    for p in range(path.shape[0]):
        for m in range(asperities.shape[0]):
            cy = path[p, 0] + asperities[m, 0] * path[p, 2]
            cx = path[p, 1] + asperities[m, 0] * path[p, 3]
            low = asperities[m, 1] - path[p, 4]
            for i in range(max(0, math.ceil(cy - reach)), min(ny, math.floor(cy + reach) + 1)):
                for j in range(max(0, math.ceil(cx - reach)), min(nx, math.floor(cx + reach) + 1)):
                    r2 = (i - cy) ** 2 + (j - cx) ** 2
                    height = low + math.sqrt(slope * slope * r2 + tip * tip) - tip
                    out[i, j] = min(out[i, j], height)


def sweep_tool_numpy(path: Float64, asperities: Float64, slope: float, tip: float, reach: float, out: Float64) -> None:
    """Write the same envelope as :func:`sweep_tool` with whole-array operations."""
    out[:] = FAR
    y, x = np.mgrid[: out.shape[0], : out.shape[1]].astype(np.float64)
    for py, px, normal_y, normal_x, depth in path:
        for offset, lift in asperities:
            dy, dx = y - (py + offset * normal_y), x - (px + offset * normal_x)
            height = (lift - depth) + np.sqrt(slope * slope * (dy**2 + dx**2) + tip * tip) - tip
            near = (np.abs(dy) <= reach) & (np.abs(dx) <= reach)
            np.minimum(out, np.where(near, height, FAR), out=out)


@njit(cache=True)
def squeeze_out(phi: Float64, surface: Float64, share: float, width2: float, omega: float, sweeps: int) -> float:
    """Relax -λ² ∇²φ + m(φ) = 0 in place, no flux through the border; return the largest residual of the last sweep.

    m is the height left behind: ``share`` * surface where the tool dug (surface < 0), else the lower one of the tool's
    flank and of the risen material, min(surface, φ). m never falls as φ rises, so the equation has one solution.

    Args:
        phi: First guess, overwritten with the solution, (ny, nx).
        surface: Height of the tool's envelope, (ny, nx).
        share: Share of the dug volume that rises again.
        width2: λ² in cells².
        omega: Over-relaxation, 1 .. 2.
        sweeps: Number of red-black sweeps.
    """
    ny, nx = phi.shape
    stiff = width2 * np.arange(5.0)
    free, flank = 1.0 / (stiff + 1.0), 1.0 / np.maximum(stiff, width2)
    worst = 0.0
    for sweep in range(sweeps):
        worst = 0.0
        for colour in range(2):
            for i in range(ny):
                for j in range((i + colour) % 2, nx, 2):
                    if 0 < i < ny - 1 and 0 < j < nx - 1:
                        count = 4
                        total = phi[i - 1, j] + phi[i + 1, j] + phi[i, j - 1] + phi[i, j + 1]
                    else:
                        count, total = 0, 0.0
                        for k, m in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
                            if 0 <= k < ny and 0 <= m < nx:
                                total += phi[k, m]
                                count += 1
                    g = surface[i, j]
                    new = width2 * total * free[count]
                    if g < 0.0:
                        new = (width2 * total - share * g) * flank[count]
                    elif new > g:
                        new = (width2 * total - g) * flank[count]
                    change = new - phi[i, j]
                    if sweep == sweeps - 1:
                        worst = max(worst, abs(change))
                    phi[i, j] += omega * change
    return worst


def squeeze_out_numpy(phi: Float64, surface: Float64, share: float, width2: float, omega: float, sweeps: int) -> float:
    """Relax the same equation as :func:`squeeze_out`, one colour at a time with whole-array operations."""
    ny, nx = phi.shape
    chequer = np.add.outer(np.arange(ny), np.arange(nx)) % 2
    edges_y, edges_x = np.full(ny, 2.0), np.full(nx, 2.0)
    edges_y[[0, -1]] -= 1
    edges_x[[0, -1]] -= 1
    stiffness = width2 * np.add.outer(edges_y, edges_x)
    worst = 0.0
    for _ in range(sweeps):
        worst = 0.0
        for colour in range(2):
            total = np.zeros_like(phi)
            total[1:] += phi[:-1]
            total[:-1] += phi[1:]
            total[:, 1:] += phi[:, :-1]
            total[:, :-1] += phi[:, 1:]
            total *= width2
            held = total / (stiffness + 1)
            flank = (total - np.where(surface < 0, share * surface, surface)) / stiffness
            new = np.where((surface >= 0) & (held <= surface), held, flank)
            change = np.where(chequer == colour, new - phi, 0)
            worst = max(worst, float(np.abs(change).max()))
            phi += omega * change
    return worst

"""Steady transport of metal ions and oxygen in the thin layer of solution on a surface, and where they meet.

* :func:`relax_layer` relaxes both fields in place by projected Gauss-Seidel sweeps.
* :func:`relax_layer_numpy` is its dense twin: damped Jacobi passes over whole arrays.

Unknowns are the ions q and the oxygen o (share of saturation), in units of the grid spacing:

    ∇·(w ∇q) − ∂_y(w P q) − w o q / r² + J = 0,        ∇·(w ∇o) + w [(1 − o) − B o q] / s² = 0,

w is the local thickness of the layer over its mean, P the Péclet number of a run along +y, r the reach of the ions
where oxygen is plenty, s that of the oxygen from the air, B the ions' demand for oxygen and J the source of ions. Both
equations are M-matrix problems with a coupling of one sign, so the sweeps keep q ≥ 0 and 0 ≤ o ≤ 1.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from maphc2f.sample import Float32

OMEGA = 1.5
"""Over-relaxation on a level surface. A run carries ions along the sweeps: there plain sweeps are the faster ones."""


@njit(cache=True)
def relax_layer(
    ions: Float32,
    oxygen: Float32,
    source: Float32,
    wet: Float32,
    reach: float,
    supply: float,
    demand: float,
    run: float,
    sweeps: int,
) -> float:
    """Relax ``ions`` and ``oxygen`` in place; the rim of the arrays is never changed and should hold 0 and 1.

    Args:
        ions: q >= 0, (ny, nx).
        oxygen: o in [0, 1], (ny, nx).
        source: J >= 0, (ny, nx).
        wet: Relative thickness w > 0, (ny, nx).
        reach: r, grid spacings.
        supply: s, grid spacings.
        demand: B.
        run: P >= 0, towards larger y.
        sweeps: Number of sweeps, alternating forwards and backwards.

    Returns:
        Largest change of q in the last sweep over the largest q.
    """
    ny, nx = ions.shape
    a, b = 1.0 / (reach * reach), 1.0 / (supply * supply)
    omega = OMEGA if run == 0.0 else 1.0
    change, peak = 0.0, 1e-30
    for sweep in range(sweeps):
        change, peak = 0.0, 1e-30
        for jj in range(1, ny - 1):
            j = jj if sweep % 2 == 0 else ny - 1 - jj
            for ii in range(1, nx - 1):
                i = ii if sweep % 2 == 0 else nx - 1 - ii
                w = wet[j, i]
                north, south = 0.5 * (w + wet[j - 1, i]), 0.5 * (w + wet[j + 1, i])
                west, east = 0.5 * (w + wet[j, i - 1]), 0.5 * (w + wet[j, i + 1])
                total = north + south + west + east
                inflow = (
                    north * (1.0 + run) * ions[j - 1, i]
                    + south * ions[j + 1, i]
                    + west * ions[j, i - 1]
                    + east * ions[j, i + 1]
                    + source[j, i]
                )
                q = inflow / (total + run * south + w * a * oxygen[j, i])
                q = ions[j, i] + omega * (q - ions[j, i])
                if q < 1e-18:
                    q = 0.0  # denormal numbers in the tail would cost a hundred times more
                change = max(change, abs(q - ions[j, i]))
                peak = max(peak, q)
                ions[j, i] = q
                air = (
                    north * oxygen[j - 1, i]
                    + south * oxygen[j + 1, i]
                    + west * oxygen[j, i - 1]
                    + east * oxygen[j, i + 1]
                    + w * b
                )
                share = air / (total + w * b * (1.0 + demand * q))
                oxygen[j, i] = min(1.0, max(0.0, oxygen[j, i] + omega * (share - oxygen[j, i])))
    return change / peak


def relax_layer_numpy(
    ions: Float32,
    oxygen: Float32,
    source: Float32,
    wet: Float32,
    reach: float,
    supply: float,
    demand: float,
    run: float,
    sweeps: int,
) -> float:
    """Twin of :func:`relax_layer`: whole-array passes that converge, more slowly, to the same fields."""
    a, b = 1.0 / reach**2, 1.0 / supply**2
    w = wet[1:-1, 1:-1]
    north, south = 0.5 * (w + wet[:-2, 1:-1]), 0.5 * (w + wet[2:, 1:-1])
    west, east = 0.5 * (w + wet[1:-1, :-2]), 0.5 * (w + wet[1:-1, 2:])
    total = north + south + west + east
    change = 0.0

    def gather(field: Float32, drift: float) -> Float32:
        upper = north * (1.0 + drift) * field[:-2, 1:-1]
        inflow: Float32 = upper + south * field[2:, 1:-1] + west * field[1:-1, :-2] + east * field[1:-1, 2:]
        return inflow

    for _ in range(sweeps):
        q = (gather(ions, run) + source[1:-1, 1:-1]) / (total + run * south + w * a * oxygen[1:-1, 1:-1])
        q[q < 1e-18] = 0.0
        change = float(np.abs(q - ions[1:-1, 1:-1]).max() / max(float(q.max()), 1e-30))
        o = (gather(oxygen, 0.0) + w * b) / (total + w * b * (1.0 + demand * q))
        ions[1:-1, 1:-1] = q
        oxygen[1:-1, 1:-1] = o
    return change

"""One implicit time step of dissolution with ion transport: an obstacle problem on a list of wet cells.

* :func:`expose` takes solid cells that touch solution into the list.
* :func:`relax` solves the ion balance of all wet cells by projected over-relaxation.
* :func:`dissolve` moves the front by the fluxes found and takes in the cells it lays bare.

Their dense whole-array twins are in :mod:`maphc2f.kernels.pitting_reference`.

Unknowns per cell are the dissolved share ``liquid`` (l, 0 .. 1) and the ion concentration ``conc`` (c, in units of
saturation). Lengths are in units of the lateral spacing h, times in h²/D, S = Csolid / Csat. The conserved content of a
cell is H = S (1 − l) + l c, and one step reads, with faces j of conductance g_j,

    l' c' − l c − S (l' − l) = Δt Σ_j g_j (c_j' − c'),    0 ≤ l' − l ≤ min(v Δt A/V, 1 − l),    c' ≤ 1,

where dissolution runs at its activation-controlled velocity v while c' < 1 and at the rate that diffusion carries away
once c' = 1: the interface condition (Csolid − c) v_n = −D ∂c/∂n with c ≤ Csat. It is an obstacle problem with an
M-matrix, so projected relaxation converges (Cryer 1971, SIAM J. Control 9:385, doi 10.1137/0309028).

Arrays are flat over a grid of shape (nz + 2, ny + 2, nx + 2); the rim of one cell is sealed and never wet. ``state`` is
0 solid, 1 interface (solid with a wet face), 2 liquid. ``link`` is the conductance that a cell offers a liquid
neighbour: 0 solid, 1 / (½ + l) interface (the distance from the neighbour's centre to the front), 1 liquid.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from maphc2f.sample import Float32

Int32 = NDArray[np.int32]
UInt8 = NDArray[np.uint8]

SOLID, INTERFACE, LIQUID = 0, 1, 2
FULL = 0.9999
"""A cell dissolved so far is taken as liquid: rounding must not leave a last crumb for another step."""


@njit(cache=True)
def _exposed_area(state: UInt8, p: int, sy: int, sz: int, stretch: float, top: float) -> float:
    """Front area per cell volume, 1/h: √(e_x² + e_y² + (e_z/stretch)²) with e = 1 where a face of that axis is wet.

    It is exact for fronts along axes and both kinds of diagonals; counting faces would speed diagonals up by √2 and √3.
    """
    area = 0.0
    if state[p - 1] == 2 or state[p + 1] == 2:
        area += 1.0
    if state[p - sy] == 2 or state[p + sy] == 2:
        area += 1.0
    if state[p - sz] == 2 or state[p + sz] == 2 or top > 0.0:
        area += 1.0 / (stretch * stretch)
    return np.sqrt(area)


@njit(cache=True)
def expose(state: UInt8, link: Float32, conc: Float32, cells: Int32, count: int, p: int, guess: float) -> int:
    """Turn solid cell ``p`` into an interface cell that starts from c = ``guess``; returns the new count."""
    if state[p] != 0:
        return count
    state[p] = 1
    link[p] = 2.0
    conc[p] = guess
    cells[count] = p
    return count + 1


@njit(cache=True)
def _mouth(liquid: Float32, state: UInt8, openness: Float32, p: int, sz: int, stretch: float, layer: float) -> float:
    """Conductance of the face to the bulk solution, 1/h²: 1 / (stretch (depth of node + boundary layer / openness)).

    The film narrows the way through the still solution above it, not the one through the cell: a factor on both would
    make the pit's exchange depend on the height of its cells.
    """
    if p >= 2 * sz:
        return 0.0
    m = openness[p - sz]
    if m <= 0.0 or (state[p] == 1 and m < 1.0):
        return 0.0
    # A film that is only porous does not lay bare the metal below it: its cell drains once it is liquid.
    path = 0.5 * stretch if state[p] == 2 else max(liquid[p], 0.02) * stretch
    return 1.0 / (stretch * (path + layer / m))


@njit(cache=True)
def _inflow(conc: Float32, state: UInt8, p: np.uint64, sx: np.uint64, sy: np.uint64, sz: np.uint64, az: float) -> float:
    """Sum of the liquid neighbours' concentrations, weighted by direction, for interface cell ``p``."""
    flow = 0.0
    for q in (p - sx, p + sx, p - sy, p + sy):
        if state[q] == 2:
            flow += conc[q]
    for q in (p - sz, p + sz):
        if state[q] == 2:
            flow += az * conc[q]
    return flow


@njit(cache=True)
def _prepare(
    liquid: Float32,
    store: Float32,
    state: UInt8,
    link: Float32,
    openness: Float32,
    velocity: Float32,
    lead: Float32,
    cells: Int32,
    count: int,
    work: Float32,
    sy: int,
    sz: int,
    stretch: float,
    layer: float,
    ratio: float,
    dt: float,
) -> None:
    """Fill ``work`` with what stays fixed in the sweeps: gain of ions, inverse diagonal, weight of the inflow."""
    az = 1.0 / (stretch * stretch)
    for n in range(count):
        p = cells[n]
        top = _mouth(liquid, state, openness, p, sz, stretch, layer)
        if state[p] == 2:
            total = link[p - 1] + link[p + 1] + link[p - sy] + link[p + sy] + az * (link[p - sz] + link[p + sz]) + top
            work[3 * n] = store[p]
            work[3 * n + 1] = 1.0 / (1.0 + dt * total)
            work[3 * n + 2] = dt
        else:
            lateral = 0.0
            for q in (p - 1, p + 1, p - sy, p + sy):
                if state[q] == 2:
                    lateral += 1.0
            vertical = 0.0
            for q in (p - sz, p + sz):
                if state[q] == 2:
                    vertical += az
            total = link[p] * (lateral + vertical) + top
            area = _exposed_area(state, p, sy, sz, stretch, top)
            gain = min(velocity[p] * (dt + lead[p]) * area, 1.0 - liquid[p])
            work[3 * n] = store[p] + ratio * gain
            work[3 * n + 1] = 1.0 / max(liquid[p] + gain + dt * total, 1e-12)
            work[3 * n + 2] = dt * link[p]


@njit(cache=True)
def relax(
    liquid: Float32,
    conc: Float32,
    store: Float32,
    state: UInt8,
    link: Float32,
    openness: Float32,
    velocity: Float32,
    lead: Float32,
    cells: Int32,
    count: int,
    work: Float32,
    sy: int,
    sz: int,
    stretch: float,
    layer: float,
    ratio: float,
    dt: float,
    omega: float,
    tolerance: float,
    max_sweeps: int,
) -> tuple[int, float]:
    """Solve for the concentrations at the end of a step of length ``dt``; ``conc`` is changed in place.

    Args:
        liquid: l at the start of the step.
        conc: First guess of c'; on return c'.
        store: Ions in each cell at the start, l c (it also carries what earlier steps left unbalanced).
        state: 0, 1, 2 as in the module docstring.
        link: Conductance offered to liquid neighbours.
        openness: Share of the surface above each surface cell that is open to the solution, flat (ny + 2)(nx + 2).
        velocity: Activation-controlled dissolution velocity, D/h; 0 where passive, -1 on the rim.
        lead: Time for which a cell was bare before the step, because the one before it was used up early, h²/D.
        cells: Indices of interface and liquid cells, in the order in which they got wet.
        count: Number of valid entries of ``cells``.
        work: Scratch, 3 values for each entry of ``cells``.
        sy: Index distance of neighbours in y.
        sz: Index distance of neighbours in z.
        stretch: Vertical over lateral spacing.
        layer: Thickness of the boundary layer of the solution above the surface, h.
        ratio: S = Csolid / Csat.
        dt: Time step, h²/D.
        omega: Over-relaxation factor, 1 .. 2.
        tolerance: Stop when no concentration changes by more than this in a sweep.
        max_sweeps: Stop after so many sweeps.

    Returns:
        Sweeps made, and the largest change in the last.
    """
    _prepare(
        liquid, store, state, link, openness, velocity, lead, cells, count, work, sy, sz, stretch, layer, ratio, dt
    )
    az = 1.0 / (stretch * stretch)
    # Unsigned indices spare the compiler the check for negative ones on every access: a third of the time.
    one, uy, uz = np.uint64(1), np.uint64(sy), np.uint64(sz)
    change = 0.0
    sweeps = 0
    while sweeps < max_sweeps:
        sweeps += 1
        change = 0.0
        for m in range(count):
            n = m if sweeps % 2 == 1 else count - 1 - m
            p = np.uint64(cells[n])
            if state[p] == 2:
                flow = (
                    link[p - one] * conc[p - one]
                    + link[p + one] * conc[p + one]
                    + link[p - uy] * conc[p - uy]
                    + link[p + uy] * conc[p + uy]
                    + az * (link[p - uz] * conc[p - uz] + link[p + uz] * conc[p + uz])
                )
            else:
                flow = _inflow(conc, state, p, one, uy, uz, az)
            step = (work[3 * n] + work[3 * n + 2] * flow) * work[3 * n + 1] - conc[p]
            new = min(1.0, conc[p] + omega * step)
            # Decaying tails would otherwise sink into denormal numbers, which cost a hundred times more.
            if new < 1e-18:
                new = 0.0
            delta = abs(new - conc[p])
            change = max(change, delta)
            conc[p] = new
        if change < tolerance:
            break
    # Interface cells end in balance with their neighbours, so that their rate is that of the interface condition.
    for n in range(count):
        p = np.uint64(cells[n])
        if state[p] == 1:
            flow = _inflow(conc, state, p, one, uy, uz, az)
            new = min(1.0, (work[3 * n] + work[3 * n + 2] * flow) * work[3 * n + 1])
            conc[p] = new if new >= 1e-18 else 0.0
    return sweeps, change


@njit(cache=True)
def _take_in(
    liquid: Float32,
    conc: Float32,
    store: Float32,
    state: UInt8,
    link: Float32,
    velocity: Float32,
    lead: Float32,
    cells: Int32,
    count: int,
    sy: int,
    sz: int,
    ratio: float,
) -> tuple[int, float]:
    """Turn dissolved interface cells liquid and expose the metal behind; returns count and the rounding dissolved."""
    rest = 0.0
    for n in range(count):
        p = cells[n]
        if state[p] != 1:
            continue
        if liquid[p] <= FULL:
            link[p] = 1.0 / (0.5 + liquid[p])
            continue
        rest += 1.0 - liquid[p]
        store[p] += ratio * (1.0 - liquid[p])
        liquid[p] = 1.0
        state[p] = 2
        link[p] = 1.0
        for q in (p - 1, p + 1, p - sy, p + sy, p - sz, p + sz):
            if velocity[q] >= 0.0:
                if state[q] == 0:
                    lead[q] = lead[p]
                count = expose(state, link, conc, cells, count, q, conc[p])
    return count, rest


@njit(cache=True)
def dissolve(
    liquid: Float32,
    conc: Float32,
    store: Float32,
    state: UInt8,
    link: Float32,
    openness: Float32,
    velocity: Float32,
    lead: Float32,
    cells: Int32,
    count: int,
    escape: Float32,
    sy: int,
    sz: int,
    stretch: float,
    layer: float,
    ratio: float,
    dt: float,
) -> tuple[int, float, float, float, float]:
    """Move ions and front by the fluxes of :func:`relax`, and take in the solid cells that are laid bare.

    Fluxes are booked in ``store`` on both sides of each face, so ions are conserved to rounding whatever the accuracy
    of the relaxation; what it left unbalanced enters the next step. Arguments are those of :func:`relax`, and
    ``escape`` (flat (ny + 2)(nx + 2)), to which the ions that left through each surface cell are added, in h³ Csat.

    Returns:
        New count, dissolved metal (cell volumes), ions that left through the mouth (cell volumes times Csat), and the
        largest share lost by a cell that is left and by one that is used up.
    """
    az = 1.0 / (stretch * stretch)
    gone, left, most, whole = 0.0, 0.0, 0.0, 0.0
    for n in range(count):
        p = cells[n]
        top = _mouth(liquid, state, openness, p, sz, stretch, layer)
        c = conc[p]
        flux = dt * top * c
        if top > 0.0:
            escape[p - sz] += flux * stretch
            left += flux
        if state[p] == 2:
            lateral = (
                link[p - 1] * (c - conc[p - 1])
                + link[p + 1] * (c - conc[p + 1])
                + link[p - sy] * (c - conc[p - sy])
                + link[p + sy] * (c - conc[p + sy])
            )
            vertical = link[p - sz] * (c - conc[p - sz]) + link[p + sz] * (c - conc[p + sz])
            store[p] -= flux + dt * (lateral + az * vertical)
            continue
        lateral, vertical = 0.0, 0.0
        for q in (p - 1, p + 1, p - sy, p + sy):
            if state[q] == 2:
                lateral += c - conc[q]
        for q in (p - sz, p + sz):
            if state[q] == 2:
                vertical += c - conc[q]
        flux += dt * link[p] * (lateral + az * vertical)
        # The balance of the cell solved for what dissolved: it is conservative whatever c' is.
        limit = velocity[p] * (dt + lead[p]) * _exposed_area(state, p, sy, sz, stretch, top)
        left_over = 1.0 - liquid[p]
        share = max(0.0, min((liquid[p] * c - store[p] + flux) / (ratio - c), limit, left_over))
        if liquid[p] + share <= FULL:
            most = max(most, share * dt / (dt + lead[p]))
            lead[p] = 0.0
        else:
            # Used up before the step ended: the metal behind has been bare for the rest of it.
            lead[p] = min(dt, (dt + lead[p]) * (1.0 - share / limit))
            whole = max(whole, share)
        store[p] += ratio * share - flux
        liquid[p] += share
        gone += share
    count, rest = _take_in(liquid, conc, store, state, link, velocity, lead, cells, count, sy, sz, ratio)
    return count, gone + rest, left, most, whole

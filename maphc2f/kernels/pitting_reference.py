"""Dense twins of the pitting kernels: whole arrays, shifted views, no list of cells and no order of sweeps.

* :func:`relax_numpy` converges by Jacobi passes to the fields of :func:`maphc2f.kernels.pitting.relax`.
* :func:`dissolve_numpy` books the same fluxes as :func:`maphc2f.kernels.pitting.dissolve`.

Arrays are 3-D here, with the rim; :class:`Box` holds the kernels' scalars, :class:`Metal` the state before a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from maphc2f.sample import Float32

Array = NDArray[np.float64]
UInt8 = NDArray[np.uint8]
Scalar = TypeVar("Scalar", np.float64, np.bool_)


@dataclass(frozen=True, slots=True)
class Box:
    """The scalars of a step, as in :func:`maphc2f.kernels.pitting.relax`."""

    stretch: float
    layer: float
    ratio: float
    dt: float


@dataclass(frozen=True, slots=True)
class Metal:
    """State at the start of a step, arrays (nz + 2, ny + 2, nx + 2) except ``openness`` (ny + 2, nx + 2)."""

    liquid: Float32
    store: Float32
    state: UInt8
    velocity: Float32
    openness: Float32
    lead: Float32


def _neighbours(field: NDArray[Scalar]) -> list[NDArray[Scalar]]:
    """Return the values of the neighbours -x, +x, -y, +y, -z, +z; what wraps around is the sealed rim."""
    return [np.roll(field, shift, axis) for axis in (2, 1, 0) for shift in (1, -1)]


def _conductances(metal: Metal, box: Box) -> tuple[list[Array], Array]:
    """Return the conductance to each neighbour and to the mouth, 1/h²; 0 for cells that are solid."""
    wet, front = metal.state == 2, metal.state == 1
    link = np.where(wet, 1.0, np.where(front, 1.0 / (0.5 + metal.liquid.astype(np.float64)), 0.0))
    weights = [1.0] * 4 + [box.stretch**-2] * 2
    faces = [
        weight * np.where(wet, other, np.where(front & near, link, 0.0))
        for weight, other, near in zip(weights, _neighbours(link), _neighbours(wet), strict=True)
    ]
    path = np.where(wet[1], 0.5, np.maximum(metal.liquid[1], 0.02)) * box.stretch
    open_share = np.where(front[1] & (metal.openness < 1), 0.0, metal.openness) * (metal.state[1] > 0)
    top = np.zeros(metal.state.shape)
    share = np.maximum(open_share, 1e-30)
    top[1] = np.where(open_share > 0, 1.0 / (box.stretch * (path + box.layer / share)), 0.0)
    return faces, top


def _room(metal: Metal, box: Box, top: Array) -> Array:
    """Return the most that each interface cell can dissolve in the step."""
    near = _neighbours(metal.state == 2)
    vertical = near[4] | near[5] | (top > 0)
    area = np.sqrt((near[0] | near[1]) * 1.0 + (near[2] | near[3]) * 1.0 + vertical / box.stretch**2)
    room: Array = np.minimum(metal.velocity * (box.dt + metal.lead) * area, 1.0 - metal.liquid) * (metal.state == 1)
    return room


def relax_numpy(conc: Array, metal: Metal, box: Box, passes: int) -> Array:
    """Return c' after so many Jacobi passes from ``conc``."""
    faces, top = _conductances(metal, box)
    room = _room(metal, box, top)
    volume = np.where(metal.state == 2, 1.0, metal.liquid) + room
    diagonal = np.maximum(volume + box.dt * (sum(faces) + top), 1e-12)
    for _ in range(passes):
        inflow = sum(face * c for face, c in zip(faces, _neighbours(conc), strict=True))
        conc = np.minimum(1.0, (metal.store + box.ratio * room + box.dt * inflow) / diagonal) * (metal.state > 0)
    return conc


def dissolve_numpy(conc: Array, metal: Metal, box: Box) -> tuple[Array, Array, Array]:
    """Return dissolved share and store after the step, and the ions that left through the mouth, cell by cell."""
    faces, top = _conductances(metal, box)
    out = box.dt * top * conc
    flux = out + box.dt * sum(face * (conc - c) for face, c in zip(faces, _neighbours(conc), strict=True))
    needed = (metal.liquid * conc - metal.store + flux) / (box.ratio - conc)
    share = np.clip(needed, 0.0, _room(metal, box, top)) * (metal.state == 1)
    store = np.where(metal.state > 0, metal.store + box.ratio * share - flux, metal.store)
    return metal.liquid + share, store, out

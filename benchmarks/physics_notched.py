"""Single-edge-notched plates in tension and shear, solved by the production fracture kernel with AT2 in plane strain.

* :class:`Notched` says what is pulled or sheared; :func:`pull` follows the load past its peak and returns a
  :class:`Pull`.
* :func:`tension_rows`, :func:`shear_rows` are the rows of the table.

Set-up of Miehe, Hofacker and Welschinger 2010 (doi 10.1016/j.cma.2010.04.011): a square of 1 mm, E = 210 GPa, nu = 0.3,
Gc = 2.7 N/mm, ell = 0.015 mm, notched from the left edge to the middle; the bottom is held, the top is moved upwards
(tension; it may slide, the sides are free) or sideways (shear; no vertical displacement there and on the sides). The
notch is geometric: a row of voids. Displacements are in mm, forces in kN for a thickness of 1 mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.physics_table import Row
from maphc2f.kernels.phase_field import Constants, Fields, advance
from maphc2f.solvers.fracture import (
    Elasticity,
    EnergySplit,
    opening_unit,
    stable_time_step,
    strain_unit,
)

Float32 = NDArray[np.float32]

YOUNGS_MODULUS = 210e9
POISSON_RATIO = 0.3
FRACTURE_ENERGY = 2.7e3
LENGTH = 0.015
SIDE = 1e-3
"""Side of the square, m."""


@dataclass(frozen=True, slots=True)
class Notched:
    """A notched plate and how fast it is loaded.

    Attributes:
        mode: Direction in which the top is moved.
        n: Cells along a side, odd, so that the notch lies in the middle row.
        split: Energy split.
        first: Displacement at the start, mm; no damage of note before it.
        last: Displacement at which to give up, mm.
        rise: Relative rise of the displacement per increment.
        steps: Explicit steps per increment.
    """

    mode: Literal["tension", "shear"]
    n: int
    split: EnergySplit
    first: float
    last: float
    rise: float = 0.004
    steps: int = 120


@dataclass(frozen=True, slots=True)
class Pull:
    """Displacements (mm) and forces (kN) passed, and the damage at the end, (rows, columns)."""

    displacement: NDArray[np.float64]
    force: NDArray[np.float64]
    damage: Float32

    @property
    def peak(self) -> tuple[float, float]:
        """Largest force and its displacement."""
        top = int(np.argmax(self.force))
        return float(self.force[top]), float(self.displacement[top])


def plate_shape(mode: Literal["tension", "shear"], n: int) -> tuple[int, int]:
    """Return rows and columns of cells: the sides of a sheared plate run through the middle of its outer columns."""
    return n, n + (mode == "shear")


def notched_fields(mode: Literal["tension", "shear"], n: int) -> Fields:
    """Return the plate at the uniform strain of unit displacement, its first and last row held.

    The displacement along a held row sits half a cell inside it. The value of the row itself is kept beyond it, where
    nothing moves, and a weight of 2 on the corners there makes the shear strain (u - u_side) / (h / 2). The moved row
    of the plate in tension may slide: its corners carry no shear.

    The sheared plate has u_y = 0 on its sides, too: uy is held in the outer columns, whose cells are voids, so that u_x
    feels a free side in the middle of the column.
    """
    ny, nx = plate_shape(mode, n)
    row, tip = 1 + n // 2, 1 + (n + (mode == "shear")) // 2
    cells = np.pad(np.ones((ny, nx), np.float32), 1)
    cells[row, 1:tip] = 0
    corners = np.zeros_like(cells)
    corners[1:, 1:] = np.minimum.reduce([cells[1:, 1:], cells[:-1, 1:], cells[1:, :-1], cells[:-1, :-1]])
    ux, uy, free_x, free_y = (np.zeros_like(cells) for _ in range(4))
    free_x[1:-1, 1:], free_y[2:-1, 1:-1] = 1, 1
    corners[1, 2:-1] = 2
    if mode == "tension":
        uy[1:, 1:-1] = (np.arange(n + 1) / n)[:, None]
    else:
        corners[-1, 2:-1] = 2
        ux[1:-1, 1:] = ((np.arange(n) + 0.5) / n)[:, None]
        ux[-1, 1:] = 1
        cells[:, [1, -2]] = free_y[:, [1, -2]] = free_x[:, [1, -1]] = 0
    zero, gc = np.zeros(cells.size, np.float32), np.ones(cells.size, np.float32)
    planes = (ux, uy, zero, zero, zero, gc, zero, zero, cells, corners, free_x, free_y)
    return Fields(*(plane.ravel().copy() for plane in planes))


def notched_constants(mode: Literal["tension", "shear"], n: int, split: EnergySplit) -> Constants:
    """Return the numbers of a plate n cells high: AT2, plane strain, damping of about half the critical one."""
    e = Elasticity.plane_strain(POISSON_RATIO)
    bulk = e.bulk_modulus if split == "volumetric_deviatoric" else 0.0
    ell, step = LENGTH * 1e-3 / SIDE * n, stable_time_step(e)
    ny, nx = plate_shape(mode, n)
    return Constants(*e.tuple, 0.0, ell, step, np.pi / n, 1.0, nx, ny, bulk, at2=True, spectral=split == "spectral")


def pull(plate: Notched) -> Pull:
    """Raise the displacement in small steps, holding each, until the force has fallen by a tenth from its peak."""
    n = plate.n
    fields, constants = notched_fields(plate.mode, n), notched_constants(plate.mode, n, plate.split)
    scratch = np.zeros((9, fields.ux.size), np.float32)
    cell = SIDE / n
    unit = opening_unit(YOUNGS_MODULUS, FRACTURE_ENERGY, cell) * 1e3
    _scale(fields, plate.first / unit)
    advance(fields, scratch, constants, 0.0, 8 * n)
    displacement, forces = plate.first, []
    displacements = []
    while displacement < plate.last:
        advance(fields, scratch, constants, 0.0, plate.steps)
        forces.append(reaction(plate, scratch))
        displacements.append(displacement)
        if forces[-1] < 0.9 * max(forces):
            break
        displacement *= 1 + plate.rise
        _scale(fields, 1 + plate.rise)
    # Stress over E times cells, times E, times the cell, per metre of thickness: N/m = 1e-6 kN/mm.
    newtons = YOUNGS_MODULUS * strain_unit(YOUNGS_MODULUS, FRACTURE_ENERGY, cell) * cell
    damage = _plane(fields.damage, plate)[1:-1, 1:-1].copy()
    return Pull(np.array(displacements), 1e-6 * newtons * np.array(forces), damage)


def _plane(flat: Float32, plate: Notched) -> Float32:
    ny, nx = plate_shape(plate.mode, plate.n)
    return flat.reshape(ny + 2, nx + 2)


def _scale(fields: Fields, factor: float) -> None:
    for plane in (fields.ux, fields.uy, fields.vx, fields.vy):
        np.multiply(plane, np.float32(factor), out=plane)


def reaction(plate: Notched, scratch: Float32) -> float:
    """Return the mean of the forces at the first and the last row, from the stresses of the last step."""
    stress = _plane(scratch[5 if plate.mode == "tension" else 7], plate)
    stress = stress[1:-1, 1:-1] if plate.mode == "tension" else stress[1:, 2:-1]
    return 0.5 * float(stress[0].sum(dtype=np.float64) + stress[-1].sum(dtype=np.float64))


def tension_rows(full: bool) -> list[Row]:
    """C1: peak force of the plate in tension.

    Without a split 0.6915 kN at 5.58e-3 mm (a run of phasefieldx, its top free to slide); with a split 0.701 kN at
    5.55e-3 mm (curve of Miehe et al. 2010, digitised in that project's reference solutions).
    """
    n, rise, steps = (257, 0.004, 250) if full else (161, 0.006, 150)
    splits: tuple[EnergySplit, ...] = ("none", "volumetric_deviatoric", *(("spectral",) if full else ()))
    rows = []
    for split in splits:
        force, place, allowed = (0.6915, 5.58e-3, 0.03) if split == "none" else (0.701, 5.55e-3, 0.05)
        peak = pull(Notched("tension", n, split, 3e-3, 8e-3, rise, steps)).peak
        name = f"notch in tension, AT2, {split}, {n}²"
        rows.append(Row(f"{name}: kN", advance, force, peak[0], allowed))
        rows.append(Row(f"{name}: mm", advance, place, peak[1], 0.03))
    return rows


def crack_rise(damage: Float32) -> float:
    """Return how far a crack has left the notch's line over how far it has run along it: 0 is straight."""
    row, tip = damage.shape[0] // 2, damage.shape[1] // 2
    rows, columns = np.nonzero(damage > 0.9)
    ahead = columns >= tip
    if not ahead.any():
        return 0.0
    far = int(np.argmax(np.hypot(rows[ahead] - row, columns[ahead] - tip)))
    return float(row - rows[ahead][far]) / max(float(columns[ahead][far] - tip), 1.0)


def shear_rows(full: bool) -> list[Row]:
    """C2: peak force of the plate in shear, and the path.

    0.531 kN at 9.4e-3 mm (curve of Miehe et al. 2010, spectral split, digitised in the reference solutions of
    phasefieldx). The crack must turn into the half that is stretched, towards the held side: at 70° to the notch by the
    maximum hoop stress of mode II (Erdogan & Sih 1963, doi 10.1115/1.3656897), less once it has left the tip. The band
    is 45° to 80°; the path is judged on the finer grid alone, for below ell = 3 h a crack keeps to the axes.
    """
    n, first, last, rise, steps = (257, 3e-3, 12e-3, 0.004, 250) if full else (161, 6e-3, 10e-3, 0.008, 300)
    result = pull(Notched("shear", n, "spectral", first, last, rise, steps))
    name = f"notch in shear, AT2, spectral, {n}²"
    rows = [
        Row(f"{name}: kN", advance, 0.531, result.peak[0], 0.06),
        Row(f"{name}: mm", advance, 9.4e-3, result.peak[1], 0.05),
    ]
    if full:
        angle = float(np.degrees(np.arctan(crack_rise(result.damage))))
        rows.append(Row(f"{name}: path, degrees", advance, 62.5, angle, 17.5, relative=False))
    return rows

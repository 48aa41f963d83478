"""Single-edge-notched plates in tension and shear, solved by the production fracture kernel with AT2 in plane strain.

* :class:`Notched` says what is pulled or sheared; :func:`pull` follows the load past its peak and returns a
  :class:`Pull`.
* :func:`tension_rows`, :func:`shear_rows` are the rows of the table.

Set-up of Miehe, Hofacker and Welschinger 2010 (doi 10.1016/j.cma.2010.04.011): a square of 1 mm, E = 210 GPa, nu = 0.3,
Gc = 2.7 N/mm, ell = 0.015 mm, notched from the left edge to the middle; the bottom is held, the top is moved upwards
(tension, sides free) or sideways (shear, vertical displacement 0 on the sides too). The notch is geometric: a row of
cells without stiffness. Displacements are in mm, forces in kN for a thickness of 1 mm.
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

TOUGH = 1e6
"""Toughness of the notch's cells: they carry no stress and must not be damaged by their opening."""


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
    """Displacements (mm) and forces (kN) passed, and the damage at the end, (n, n)."""

    displacement: NDArray[np.float64]
    force: NDArray[np.float64]
    damage: Float32

    @property
    def peak(self) -> tuple[float, float]:
        """Largest force and its displacement."""
        top = int(np.argmax(self.force))
        return float(self.force[top]), float(self.displacement[top])


def notched_fields(mode: Literal["tension", "shear"], n: int) -> Fields:
    """Return the plate at the uniform strain of unit displacement, its first and last row held.

    The displacement along a side sits half a cell inside it. The value of the side itself is kept beyond it, where
    nothing moves, and a weight of 2 on the corners there makes the shear strain (u - u_side) / (h / 2). On the two
    other sides of the sheared plate the weight is 1, which puts the line without vertical displacement half a cell
    outside: there both displacements enter the shear strain.
    """
    cells = np.pad(np.ones((n, n), np.float32), 1)
    cells[1 + n // 2, 1 : 1 + n // 2] = 0
    corners = np.zeros_like(cells)
    corners[1:, 1:] = np.minimum.reduce([cells[1:, 1:], cells[:-1, 1:], cells[1:, :-1], cells[:-1, :-1]])
    ux, uy, free_x, free_y = (np.zeros_like(cells) for _ in range(4))
    free_x[1:-1, 1:], free_y[2:-1, 1:-1] = 1, 1
    corners[1, 2:-1] = corners[-1, 2:-1] = 2
    if mode == "tension":
        uy[1:, 1:-1] = (np.arange(n + 1) / n)[:, None]
    else:
        ux[1:-1, 1:] = ((np.arange(n) + 0.5) / n)[:, None]
        ux[-1, 1:] = 1
        corners[2:-1, 1] = corners[2:-1, -1] = 1
        corners[[1, 1, -1, -1], [1, -1, 1, -1]] = 2
        corners[1 + n // 2 : 3 + n // 2, 1] = 0
    zero, gc = np.zeros(cells.size, np.float32), np.where(cells > 0, 1, TOUGH).astype(np.float32)
    gc[0] = gc[-1] = gc[:, 0] = gc[:, -1] = 1
    planes = (
        ux,
        uy,
        zero.copy(),
        zero.copy(),
        zero.copy(),
        gc,
        zero.copy(),
        zero.copy(),
        cells,
        corners,
        free_x,
        free_y,
    )
    return Fields(*(plane.ravel() for plane in planes))


def notched_constants(n: int, split: EnergySplit) -> Constants:
    """Return the numbers of a plate of n x n cells: AT2, plane strain, damping of about half the critical one."""
    e = Elasticity.plane_strain(POISSON_RATIO)
    bulk = e.bulk_modulus if split == "volumetric_deviatoric" else 0.0
    ell, step = LENGTH * 1e-3 / SIDE * n, stable_time_step(e)
    return Constants(*e.tuple, 0.0, ell, step, np.pi / n, 1.0, n, n, bulk, at2=True, spectral=split == "spectral")


def pull(plate: Notched) -> Pull:
    """Raise the displacement in small steps, holding each, until the force has fallen by a tenth from its peak."""
    n = plate.n
    fields, constants = notched_fields(plate.mode, n), notched_constants(n, plate.split)
    scratch = np.zeros((9, fields.ux.size), np.float32)
    cell = SIDE / n
    unit = opening_unit(YOUNGS_MODULUS, FRACTURE_ENERGY, cell) * 1e3
    _scale(fields, plate.first / unit)
    advance(fields, scratch, constants, 0.0, 8 * n)
    displacement, forces = plate.first, []
    displacements = []
    while displacement < plate.last:
        advance(fields, scratch, constants, 0.0, plate.steps)
        forces.append(_reaction(plate, scratch))
        displacements.append(displacement)
        if forces[-1] < 0.9 * max(forces):
            break
        displacement *= 1 + plate.rise
        _scale(fields, 1 + plate.rise)
    # Stress over E times cells, times E, times the cell, per metre of thickness: N/m = 1e-6 kN/mm.
    newtons = YOUNGS_MODULUS * strain_unit(YOUNGS_MODULUS, FRACTURE_ENERGY, cell) * cell
    damage = fields.damage.reshape(n + 2, n + 2)[1:-1, 1:-1].copy()
    return Pull(np.array(displacements), 1e-6 * newtons * np.array(forces), damage)


def _scale(fields: Fields, factor: float) -> None:
    for plane in (fields.ux, fields.uy, fields.vx, fields.vy):
        np.multiply(plane, np.float32(factor), out=plane)


def _reaction(plate: Notched, scratch: Float32) -> float:
    """Return the mean of the forces at the first and the last row, from the stresses of the last step."""
    shape = (plate.n + 2, plate.n + 2)
    stress = scratch[5 if plate.mode == "tension" else 7].reshape(shape)
    stress = stress[1:-1, 1:-1] if plate.mode == "tension" else stress[1:, 2:-1]
    return 0.5 * float(stress[0].sum(dtype=np.float64) + stress[-1].sum(dtype=np.float64))


def tension_rows(full: bool) -> list[Row]:
    """C1: peak force of the plate in tension.

    Without a split 0.6915 kN at 5.58e-3 mm (a run of phasefieldx); with a split 0.701 kN at 5.55e-3 mm (curve of Miehe
    et al. 2010, digitised in that project's reference solutions).
    """
    n, rise, steps = (257, 0.004, 250) if full else (129, 0.006, 150)
    splits: tuple[EnergySplit, ...] = ("none", "volumetric_deviatoric", *(("spectral",) if full else ()))
    rows = []
    for split in splits:
        force, place, allowed = (0.6915, 5.58e-3, 0.03) if split == "none" else (0.701, 5.55e-3, 0.05)
        peak = pull(Notched("tension", n, split, 1e-3, 8e-3, rise, steps)).peak
        name = f"notch in tension, AT2, {split}, {n}²"
        rows.append(Row(f"{name}: kN", advance, force, peak[0], allowed))
        rows.append(Row(f"{name}: mm", advance, place, peak[1], 0.03))
    return rows


def crack_rise(damage: Float32) -> float:
    """Return how far a crack has left the notch's line over how far it has run along it: 0 is straight."""
    n = damage.shape[0]
    rows, columns = np.nonzero(damage > 0.9)
    ahead = columns >= n // 2
    if not ahead.any():
        return 0.0
    far = int(np.argmax(np.hypot(rows[ahead] - n // 2, columns[ahead] - n // 2)))
    return float(n // 2 - rows[ahead][far]) / max(float(columns[ahead][far] - n // 2), 1.0)


def shear_rows(full: bool) -> list[Row]:
    """C2: peak force of the plate in shear, and the path.

    0.531 kN at 9.4e-3 mm (curve of Miehe et al. 2010, digitised in the reference solutions of phasefieldx). The crack
    must turn into the half that is stretched, towards the held side: at 70° to the notch by the maximum hoop stress of
    mode II (Erdogan & Sih 1963, doi 10.1115/1.3656897), less once it has left the tip. The band is 45° to 80°.
    """
    n, rise, steps = (257, 0.004, 250) if full else (129, 0.006, 150)
    splits: tuple[EnergySplit, ...] = ("spectral", *(("volumetric_deviatoric",) if full else ()))
    rows = []
    for split in splits:
        result = pull(Notched("shear", n, split, 2e-3, 13e-3, rise, steps))
        name = f"notch in shear, AT2, {split}, {n}²"
        angle = float(np.degrees(np.arctan(crack_rise(result.damage))))
        rows += [
            Row(f"{name}: kN", advance, 0.531, result.peak[0], 0.06),
            Row(f"{name}: mm", advance, 9.4e-3, result.peak[1], 0.05),
            Row(f"{name}: path, degrees", advance, 62.5, angle, 17.5, relative=False),
        ]
    return rows

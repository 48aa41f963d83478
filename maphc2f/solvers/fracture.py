"""Load control for the phase-field fracture kernels: grow a crack to a wanted length, keeping stages on the way.

* :class:`LoadControl` says how the load rises; what is solved is a :class:`~maphc2f.solvers.sheet.Sheet`.
* :func:`grow` runs until the wanted length, the load limit or the step cap.
* :func:`make_fields`, :func:`make_constants` are what the kernel works on.
* :func:`energies`, :func:`surface_density`, :func:`normal_strain`, :func:`force_residual` read a state.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from maphc2f.kernels.multigrid import Level, build_levels, corner_damage, corner_mean, free_faces, residual, v_cycle
from maphc2f.kernels.phase_field import RESIDUAL_STIFFNESS, Constants, Fields, advance, relax_damage
from maphc2f.solvers.sheet import (
    CrackGeometric,
    Elasticity,
    EnergySplit,
    Sheet,
    onset_strain,
    opening_unit,
    strain_unit,
)

__all__ = [
    "CrackGeometric",
    "Elasticity",
    "EnergySplit",
    "FractureResult",
    "LoadControl",
    "Sheet",
    "State",
    "energies",
    "force_residual",
    "grow",
    "load_vector",
    "make_constants",
    "make_fields",
    "normal_strain",
    "onset_strain",
    "opening_unit",
    "stable_time_step",
    "strain_unit",
    "surface_density",
]

Float32 = NDArray[np.float32]
Stop = Literal["target", "quiet", "load_limit", "step_cap", "unstable"]

START_CYCLES = 4
NOTCH_PASSES = 24
CHECK_STEPS = 4
"""Steps between two looks at the growth."""

TIME_STEP = 0.66


@dataclass(frozen=True, slots=True)
class LoadControl:
    """How the load rises while nothing runs.

    Attributes:
        first: Load at the start over the AT1 onset strain.
        last: Load limit over the AT1 onset strain.
        pace: Growth in units of one tip at 0.19 cells a step below which the load rises (a).
        damping: Damping in units of the foundation's critical one (beta).
        rise: Relative rise of the load per check when nothing grows (delta).
        quiet: Growth (cells of damage a step) below which a run at the load limit is finished.
        checks: Checks in a row that must be quiet.
        max_steps: Step cap.
    """

    first: float
    last: float
    pace: float = 1.0
    damping: float = 1.0
    rise: float = 0.06
    quiet: float = 0.03
    checks: int = 6
    max_steps: int = 2400


@dataclass(frozen=True, slots=True)
class State:
    """A moment of a run: inner planes, float32; ``damage`` (ny, nx), ``ux`` (ny, nx + 1), ``uy`` (ny + 1, nx)."""

    damage: Float32
    ux: Float32
    uy: Float32
    load: float
    step: int


@dataclass(frozen=True, slots=True)
class FractureResult:
    """What a run gave.

    Attributes:
        states: One per reached target, in order.
        steps: Explicit steps made.
        residual: |force residual| / |load vector| of the last state.
        energies: Elastic, foundation and fracture energy of the last state, cell units.
        load: Load of the last state over the AT1 onset strain (with a front: the load itself).
        stop: Why it ended.
    """

    states: tuple[State, ...]
    steps: int
    residual: float
    energies: tuple[float, float, float]
    load: float
    stop: Stop


def surface_density(damage: Float32, ell: float, crack_geometric: CrackGeometric = "AT1") -> float:
    """Return the crack length, cells: AT1 (3/8) sum(d / ell + ell |∇d|²), AT2 (1/2) sum(d² / ell + ell |∇d|²)."""
    gradient = float(np.square(np.diff(damage, axis=0)).sum() + np.square(np.diff(damage, axis=1)).sum())
    weight, local = (0.5, np.square(damage)) if crack_geometric == "AT2" else (0.375, damage)
    return weight * (float(local.sum(dtype=np.float64)) / ell + ell * gradient)


def normal_strain(state: State, sheet: Sheet) -> tuple[Float32, Float32]:
    """Return the elastic strains (exx, eyy) of the cells, (ny, nx): total strain plus the load's eigenstrain."""
    factor, (ex, ey) = np.float32(sheet.factor(state.load)), sheet.shape(state.load)
    return np.diff(state.ux, axis=1) + factor * ex, np.diff(state.uy, axis=0) + factor * ey


def _flat(plane: Float32) -> Float32:
    return np.pad(np.asarray(plane, np.float32), 1).ravel()


def make_fields(sheet: Sheet) -> Fields:
    """Return the kernel's arrays for a sheet at rest, its notch broken."""
    ny, nx = sheet.gc.shape
    zero = np.zeros((ny + 2) * (nx + 2), np.float32)
    inside = np.pad(np.ones((ny, nx), np.float32), 1)
    corners = (corner_mean(inside) > 0).astype(np.float32)
    free_x, free_y = free_faces((ny, nx), sheet.fixed)
    return Fields(
        ux=zero.copy(),
        uy=zero.copy(),
        vx=zero.copy(),
        vy=zero.copy(),
        damage=_flat(sheet.notch.astype(np.float32)),
        gc=np.pad(np.asarray(sheet.gc, np.float32), 1, constant_values=1).ravel(),
        eigen_x=_flat(sheet.eigen_x),
        eigen_y=_flat(sheet.eigen_y),
        cell_mask=inside.ravel(),
        corner_mask=corners.ravel(),
        free_x=free_x.ravel(),
        free_y=free_y.ravel(),
    )


def stable_time_step(elasticity: Elasticity) -> float:
    """Return the time step: 0.66 / sqrt(max c), at most 0.93 of the limit 2 / sqrt(4 (max c + c66) + 4 (c12 + c66))."""
    top = max(elasticity.c11, elasticity.c22)
    limit = 1.0 / math.sqrt(top + elasticity.c12 + 2 * elasticity.c66)
    return min(TIME_STEP / math.sqrt(top), 0.93 * limit)


def make_constants(sheet: Sheet, control: LoadControl) -> Constants:
    """Return the kernel's numbers for a sheet and the damping of ``control``.

    Raises:
        ValueError: The spectral split is asked for a sheet that is not isotropic.
    """
    ny, nx = sheet.gc.shape
    length = sheet.foundation_length or float(max(ny, nx))
    e = sheet.elasticity
    if sheet.energy_split == "spectral" and not e.isotropic:
        msg = f"energy_split spectral needs an isotropic sheet (c11 = c22 = c12 + 2 c66), got {e}"
        raise ValueError(msg)
    return Constants(
        e.c11,
        e.c22,
        e.c12,
        e.c66,
        sheet.stiffness,
        sheet.ell,
        stable_time_step(e),
        2 * control.damping / length,
        sheet.nucleation,
        nx,
        ny,
        e.bulk_modulus if sheet.energy_split == "volumetric_deviatoric" else 0.0,
        sheet.crack_geometric == "AT2",
        sheet.energy_split == "spectral",
    )


def load_vector(level: Level, sheet: Sheet, load: float) -> tuple[Float32, Float32]:
    """Return div(g C e0) at ``load`` on the faces of the finest level, padded planes."""
    g, e = np.float32(sheet.factor(load)) * level.g, sheet.elasticity
    ex, ey = (np.pad(plane, 1) for plane in sheet.shape(load))
    sx, sy = g * (e.c11 * ex + e.c12 * ey), g * (e.c22 * ey + e.c12 * ex)
    fx, fy = np.zeros_like(g), np.zeros_like(g)
    fx[:, 1:], fy[1:] = sx[:, 1:] - sx[:, :-1], sy[1:] - sy[:-1]
    return (level.free_x * fx).astype(np.float32), (level.free_y * fy).astype(np.float32)


def _start(fields: Fields, sheet: Sheet, load: float) -> None:
    """Give the notch its profile and the sheet its equilibrium at the first load."""
    ny, nx = sheet.gc.shape
    relax_damage(fields.damage, fields.gc, sheet.ell, (ny, nx), NOTCH_PASSES, sheet.crack_geometric == "AT2")
    shape = (ny + 2, nx + 2)
    levels = _levels(fields.damage.reshape(shape)[1:-1, 1:-1], sheet)
    f = load_vector(levels[0], sheet, load)
    for _ in range(START_CYCLES):
        v_cycle((fields.ux.reshape(shape), fields.uy.reshape(shape)), f, levels)


def _levels(damage: Float32, sheet: Sheet) -> list[Level]:
    return build_levels(np.pad(damage, 1), sheet.elasticity.tuple, sheet.stiffness, sheet.fixed)


def force_residual(state: State, sheet: Sheet) -> float:
    """Return |div sigma - k u| over the same norm at u = 0: 0 in equilibrium, larger while a crack runs."""
    level = _levels(state.damage, sheet)[0]
    f = load_vector(level, sheet, state.load)
    ux, uy = np.pad(state.ux, ((1, 1), (1, 0))), np.pad(state.uy, ((1, 0), (1, 1)))
    rx, ry = np.zeros_like(f[0]), np.zeros_like(f[0])
    residual(ux, uy, *f, level, rx, ry)
    size = math.sqrt(float(np.square(f[0]).sum() + np.square(f[1]).sum()))
    return math.sqrt(float(np.square(rx).sum() + np.square(ry).sum())) / max(size, 1e-30)


def energies(state: State, sheet: Sheet) -> tuple[float, float, float]:
    """Return elastic (without the compression split), foundation and fracture energy of a state, cell units."""
    exx, eyy = (e.astype(np.float64) for e in normal_strain(state, sheet))
    e, d = sheet.elasticity, state.damage.astype(np.float64)
    g = (1 - d) ** 2 + RESIDUAL_STIFFNESS
    gamma = np.diff(state.ux[:, 1:-1], axis=0) + np.diff(state.uy[1:-1], axis=1)
    corner = corner_damage(np.pad(d, 1))[2:-1, 2:-1]
    normal = 0.5 * (g * (e.c11 * exx**2 + e.c22 * eyy**2 + 2 * e.c12 * exx * eyy)).sum()
    shear = 0.5 * e.c66 * (((1 - corner) ** 2 + RESIDUAL_STIFFNESS) * gamma.astype(np.float64) ** 2).sum()
    motion = np.square(state.ux, dtype=np.float64).sum() + np.square(state.uy, dtype=np.float64).sum()
    ground = 0.5 * sheet.stiffness * motion
    gradient = np.square(np.diff(d, axis=0)).sum() + np.square(np.diff(d, axis=1)).sum()
    weight, local = (0.5, d * d) if sheet.crack_geometric == "AT2" else (0.375, d)
    fracture = weight * ((sheet.gc * local).sum() / sheet.ell + sheet.ell * float(sheet.gc.mean()) * gradient)
    return float(normal + shear), float(ground), float(fracture)


class _Run:
    """A sheet in motion: fields, load and the growth seen at the last check."""

    def __init__(self, sheet: Sheet, control: LoadControl) -> None:
        self.sheet, self.control = sheet, control
        self.constants = make_constants(sheet, control)
        eigen = float(np.abs(sheet.eigen_x).max()), float(np.abs(sheet.eigen_y).max())
        unit = 1.0 if sheet.front > 0 else onset_strain(sheet.elasticity, sheet.ell, eigen)
        self.unit, self.load, self.limit = unit, control.first * unit, control.last * unit
        # One tip counts half; a wide sheet on a short foundation has independent regions, each with its tip.
        regions = max(1.0, min(sheet.gc.shape) / (3 * (sheet.foundation_length or np.inf))) ** 2
        self.running = 0.5 * control.pace * regions
        self.fields = make_fields(sheet)
        self._strain()
        _start(self.fields, sheet, self.load)
        self.scratch = np.zeros((9, self.fields.ux.size), np.float32)
        self.step, self.calm_checks, self.growth = 0, 0, 0.0
        self.damage = float(self.fields.damage.sum())

    def advance(self) -> None:
        """Make the steps up to the next check and note the growth."""
        advance(self.fields, self.scratch, self.constants, self.sheet.factor(self.load), CHECK_STEPS)
        self.step += CHECK_STEPS
        damage = float(self.fields.damage.sum())
        growth = (damage - self.damage) / CHECK_STEPS
        calm = self.load >= self.limit and growth < self.control.quiet and growth <= self.growth
        self.calm_checks = self.calm_checks + 1 if calm else 0
        self.damage, self.growth = damage, growth

    def _strain(self) -> None:
        """Bring the eigenstrain of a front to the load."""
        if self.sheet.front > 0:
            for flat, plane in zip(
                (self.fields.eigen_x, self.fields.eigen_y), self.sheet.shape(self.load), strict=True
            ):
                flat.reshape(plane.shape[0] + 2, -1)[1:-1, 1:-1] = plane

    def raise_load(self) -> None:
        """Raise the load unless cracks run; the motion scales with it, as equilibrium is linear at fixed damage."""
        if self.load >= self.limit or self.growth >= self.running:
            return
        factor = min(1 + self.control.rise * (1 - max(self.growth, 0.0) / self.running), self.limit / self.load)
        self.load *= factor
        if self.sheet.front > 0:
            self._strain()
            return
        for plane in (self.fields.ux, self.fields.uy, self.fields.vx, self.fields.vy):
            np.multiply(plane, np.float32(factor), out=plane)

    def state(self, *, copy: bool) -> State:
        """Return the present state, as views or as copies."""
        ny, nx = self.sheet.gc.shape
        f, shape = self.fields, (ny + 2, nx + 2)
        planes = (f.damage.reshape(shape)[1:-1, 1:-1], f.ux.reshape(shape)[1:-1, 1:], f.uy.reshape(shape)[1:, 1:-1])
        d, ux, uy = (p.copy() for p in planes) if copy else planes
        return State(d, ux, uy, self.load, self.step)

    @property
    def ended(self) -> Stop | None:
        """Why the run must end now, if it must."""
        if not math.isfinite(self.damage):
            return "unstable"
        if self.calm_checks >= self.control.checks:
            return "quiet"
        return "step_cap" if self.step >= self.control.max_steps else None


def grow(
    sheet: Sheet, control: LoadControl, targets: Sequence[float], reached: Callable[[State, float], bool]
) -> FractureResult:
    """Grow the crack, keeping a state whenever the next target is reached.

    Args:
        sheet: What is broken.
        control: How the load rises: load factors are relative to :func:`onset_strain` of the largest eigenstrain, or
            to 1 where a front carries the strain.
        targets: Rising sizes at which a state is kept; the run ends at the last.
        reached: Whether a state has the size given; called with views that are valid during the call only.

    Returns:
        The states kept (perhaps fewer than targets), steps, residual and energies.
    """
    run = _Run(sheet, control)
    states: list[State] = []
    stop: Stop | None = None
    while stop is None:
        run.advance()
        if run.growth > 0 and reached(run.state(copy=False), targets[len(states)]):
            states.append(run.state(copy=True))
        stop = "target" if len(states) == len(targets) else run.ended
        run.raise_load()
    last = states[-1] if stop == "target" else run.state(copy=True)
    return FractureResult(
        tuple(states), run.step, force_residual(last, sheet), energies(last, sheet), last.load / run.unit, stop
    )

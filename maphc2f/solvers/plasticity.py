"""A plate pressed into at its edge, in its own plane: elastic-plastic, quasi-static, with unloading.

* :func:`make_plate` gives the numbers of a :class:`Plate`, :func:`at_rest` its first :class:`State`.
* :func:`press_on` lets a rigid tool go deeper, :func:`release` takes it away.
* :func:`edge_pressure`, :func:`edge_depth`, :func:`unbalance` and :func:`unrest` measure.
* :func:`cell_fields` gives displacement, stretch and strain.

Lengths are cells and stresses Young's moduli. The problem is solved by damped dynamics
(:mod:`maphc2f.kernels.plasticity`), slow enough that inertia and damping carry a small share of the load.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maphc2f.kernels.plasticity import NO_TOOL, ROWS, Body, Law, make_body, press

Float32 = NDArray[np.float32]

COURANT = 0.9
"""Time step over the limit of stability."""

LOADING_DAMPING, REBOUND_DAMPING = 0.1, 1.5
"""Damping over the frequency of the slowest shear wave between edge and base.

Loading is slow beside sound and must not be braked; a released plate has to come to rest within a few crossings.
"""


SPONGE_STRENGTH = 0.2
"""Share of the speed that a sponge takes at the border in a step."""


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate and how it is held.

    Attributes:
        law: Numbers of the kernel while the plate is loaded.
        sides: Whether its left and right border are clamped; else they slide along the border.
        base: The same of the lower border.
        sponge: Cells along the clamped borders that swallow sound; a state of rest does not feel them.
    """

    law: Law
    sides: tuple[bool, bool] = (True, True)
    base: bool = True
    sponge: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """What a plate is and how it moves; never changed in place.

    Attributes:
        body: Fields in the kernel's layout.
        scratch: The kernel's, with the stresses of the last step.
        steps: Made so far.
    """

    body: Body
    scratch: Float32
    steps: int = 0


@dataclass(frozen=True, slots=True)
class CellFields:
    """Fields at the middle of cells, (ny, nx) float32.

    Attributes:
        displacement: (y, x), cells, (2, ny, nx).
        stretch: Thickness strain e_zz.
        strain: Equivalent plastic strain γ / √3.
    """

    displacement: Float32
    stretch: Float32
    strain: Float32


def make_plate(
    shape: tuple[int, int],
    *,
    poisson_ratio: float,
    yield_stress: float,
    hardening: float = 0.0,
    thickness: float = math.inf,
    sides: tuple[bool, bool] = (True, True),
    base: bool = True,
) -> Plate:
    """Return a plate.

    In shear the uniaxial law σ_y + E_p ε̄ reads k + H γ with k = σ_y / √3, H = E_p / 3, γ = √3 ε̄.

    Args:
        shape: Cells (ny, nx).
        poisson_ratio: ν in (-1, 1/2).
        yield_stress: σ_y over Young's modulus, uniaxial.
        hardening: E_p over Young's modulus.
        thickness: Cells; infinite is plane strain, near 0 plane stress.
        sides: Whether the left and the right border are clamped; else they slide along the border.
        base: The same of the lower border.
    """
    shear, bulk = 0.5 / (1 + poisson_ratio), 1 / (3 * (1 - 2 * poisson_ratio))
    law = Law(
        bulk=bulk,
        shear=shear,
        yield_shear=yield_stress / math.sqrt(3),
        hardening=hardening / 3,
        stretch=thickness**2 / 12 if math.isfinite(thickness) else -1.0,
        dt=COURANT / math.sqrt(2 * (bulk + 4 * shear / 3)),
        damping=LOADING_DAMPING * _slowest(shape[0], shear),
        nx=shape[1],
        ny=shape[0],
    )
    return Plate(law, sides, base)


def _slowest(ny: int, shear: float) -> float:
    """Return twice the angular frequency of a shear wave of wavelength 4 ny: critical damping of it."""
    return math.pi * math.sqrt(shear) / ny


def at_rest(plate: Plate) -> State:
    """Return the plate before anything touched it."""
    body = make_body((plate.law.ny, plate.law.nx), sides=plate.sides, base=plate.base)
    if plate.sponge:
        # A mask below 1 takes that share of the speed away in each step.
        kept = _kept_speed(plate).ravel()
        body.free_x[:] *= kept
        body.free_y[:] *= kept
    return State(body, np.zeros((ROWS, body.ux.size), np.float32))


def _kept_speed(plate: Plate) -> Float32:
    """Return the share of its speed that a place keeps in a step: falling as a parabola towards clamped borders."""
    column, row = np.arange(plate.law.nx + 2), np.arange(plate.law.ny + 2)[:, None]
    far = np.full((plate.law.ny + 2, plate.law.nx + 2), plate.sponge)
    walls = (plate.sides[0], column), (plate.sides[1], column[::-1]), (plate.base, row[::-1])
    for clamped, distance in walls:
        far = np.minimum(far, distance) if clamped else far
    return (1 - SPONGE_STRENGTH * (1 - far / plate.sponge) ** 2).astype(np.float32)


def press_on(plate: Plate, state: State, gaps: Float32, n_steps: int) -> State:
    """Return the plate after the tool went evenly from ``gaps[0]`` to ``gaps[1]`` in ``n_steps``.

    Args:
        plate: The plate.
        state: Where it stands.
        gaps: Depth of the tool's surface beyond the edge's first place, cells, (2, nx); very negative: no tool.
        n_steps: How slowly.
    """
    body, scratch = Body(*(a.copy() for a in state.body)), state.scratch.copy()
    press(body, scratch, plate.law, np.ascontiguousarray(gaps, np.float32), n_steps)
    return State(body, scratch, state.steps + n_steps)


def release(plate: Plate, state: State, n_steps: int) -> State:
    """Return the plate at rest without a tool: it springs back, and may yield in doing so."""
    damping = REBOUND_DAMPING * _slowest(plate.law.ny, plate.law.shear)
    slowed = replace(plate, law=plate.law._replace(damping=damping))
    still = {name: np.zeros_like(state.body.vx) for name in ("vx", "vy", "vz")}
    resting = State(state.body._replace(**still), state.scratch, state.steps)
    return press_on(slowed, resting, np.full((2, plate.law.nx), NO_TOOL, np.float32), n_steps)


def edge_pressure(plate: Plate, state: State) -> Float32:
    """Return what presses on each face of the edge, over Young's modulus, (nx,)."""
    return -_grid(plate, state.scratch[7])[1, 1:-1]


def unbalance(plate: Plate, state: State) -> float:
    """Return the norm of the forces that are left over that of all normal forces: 0 in equilibrium without a tool."""
    sxx, syy = _grid(plate, state.scratch[6]), _grid(plate, state.scratch[7])
    shear = _grid(plate, state.body.shear)
    free_x, free_y = _grid(plate, state.body.free_x)[1:-1, 1:-1], _grid(plate, state.body.free_y)[1:-1, 1:-1]
    along, across = (np.diff(sxx, axis=1)[1:-1, :-1], np.diff(syy, axis=0)[:-1, 1:-1])
    left_x = free_x * (along + np.diff(shear, axis=0)[1:, 1:-1])
    left_y = free_y * (across + np.diff(shear, axis=1)[1:-1, 1:])
    total = math.hypot(_norm(free_x * along), _norm(free_y * across))
    return math.hypot(_norm(left_x), _norm(left_y)) / max(total, 1e-30)


def unrest(plate: Plate, state: State) -> float:
    """Return how far the plate would go at its present speed while a shear wave crosses it, over how far it went."""
    crossing = plate.law.ny / math.sqrt(plate.law.shear)
    speed = math.hypot(_norm(state.body.vx), _norm(state.body.vy))
    return speed * crossing / max(math.hypot(_norm(state.body.ux), _norm(state.body.uy)), 1e-30)


def cell_fields(plate: Plate, state: State) -> CellFields:
    """Return displacement, thickness strain and plastic strain at the middle of cells."""
    ux, uy = _grid(plate, state.body.ux), _grid(plate, state.body.uy)
    displacement = np.stack([0.5 * (uy[1:-1, 1:-1] + uy[2:, 1:-1]), 0.5 * (ux[1:-1, 1:-1] + ux[1:-1, 2:])])
    strain = _grid(plate, state.body.flow)[1:-1, 1:-1] / np.float32(math.sqrt(3))
    return CellFields(displacement, _grid(plate, state.body.ez)[1:-1, 1:-1].copy(), strain)


def edge_depth(plate: Plate, state: State) -> Float32:
    """Return how far each face of the edge was driven in, cells, (nx,)."""
    return _grid(plate, state.body.uy)[1, 1:-1].copy()


def _grid(plate: Plate, flat: Float32) -> Float32:
    return flat.reshape(plate.law.ny + 2, plate.law.nx + 2)


def _norm(field: Float32) -> float:
    return float(np.linalg.norm(field.astype(np.float64)))

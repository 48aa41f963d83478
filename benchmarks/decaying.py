"""Does a field that dies away cost more than a live one? It would if its tails sank into denormal numbers.

* :func:`decays` times the kernels whose fields decay, live and decayed, with the same number of cells and sweeps.
* :class:`Decay` is one row: best of several repetitions, microseconds.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from maphc2f.kernels.contact import squeeze_out
from maphc2f.kernels.diffusion import relax_layer
from maphc2f.kernels.phase_field import advance
from maphc2f.rng import stream
from maphc2f.solvers import pitting
from maphc2f.solvers.fracture import LoadControl, make_constants, make_fields
from maphc2f.solvers.sheet import Elasticity, Sheet

Work = Callable[[], Callable[[], object]]
"""Prepares fresh arrays and returns what is timed."""

REPETITIONS = 9


@dataclass(frozen=True, slots=True)
class Decay:
    """Times of a kernel on a live and on a decayed field, us."""

    name: str
    live: float
    decayed: float

    @property
    def ratio(self) -> float:
        """Decayed over live; the goal is at most 1.2."""
        return self.decayed / self.live


def compare(name: str, live: Work, decayed: Work) -> Decay:
    """Time both in turns, so that a busy machine slows them alike; a first run compiles."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(REPETITIONS + 1):
        for prepare, own in zip((live, decayed), times, strict=True):
            work = prepare()
            start = time.perf_counter()
            work()
            own.append(1e6 * (time.perf_counter() - start))
    return Decay(name, min(times[0][1:]), min(times[1][1:]))


def _layer(reach: float, strength: float) -> Work:
    """Ions from a source in the middle of 70 x 70 cells: over a short reach they fall below any float32."""
    n = 70
    wet = np.ones((n, n), np.float32)
    source = np.zeros((n, n), np.float32)
    source[n // 2, n // 2] = strength

    def prepare() -> Callable[[], object]:
        ions, oxygen = np.zeros((n, n), np.float32), np.ones((n, n), np.float32)
        return lambda: relax_layer(ions, oxygen, source, wet, reach, 10.0, 5.0, 0.0, 40)

    return prepare


def _pit() -> pitting.Pits:
    medium = pitting.Electrolyte(1.43e5, 5.1e3, 8.5e-10, 1e-4, 1e-5)
    grid = pitting.PitGrid((14, 41, 41), 1e-5, 1e-5)
    pits = pitting.intact(grid, medium, np.ones(grid.shape, np.float32), np.full((41, 41), 0.3, np.float32))
    pitting.break_film(pits, np.array([20]), np.array([20]))
    control = pitting.StepControl()
    for _ in range(60):
        pitting.advance(pits, control)
    return pits


def _pit_step(pits: pitting.Pits) -> Work:
    control = pitting.StepControl(tolerance=0.0, max_sweeps=30)

    def prepare() -> Callable[[], object]:
        fresh = copy.deepcopy(pits)
        return lambda: pitting.advance(fresh, control)

    return prepare


def _asleep(pits: pitting.Pits) -> pitting.Pits:
    """Return the same pit asleep, its solution all but washed out."""
    fade = np.float32(1e-36)
    return replace(copy.deepcopy(pits), conc=pits.conc * fade, store=pits.store * fade, velocity=0 * pits.velocity)


def _sheet_steps(load: float, settle: int) -> Work:
    """A sheet on a stiff foundation that swings from a random start; after ``settle`` steps without load it rests."""
    n = 96
    one = np.ones((n, n), np.float32)
    sheet = Sheet(Elasticity.orthotropic(0.25), one, one, one, np.zeros((n, n), bool), 8.0, nucleation=50.0)
    constants = make_constants(sheet, LoadControl(0.5, 1.0))
    fields = make_fields(sheet)
    rng = stream(0, "decaying sheet")
    fields.ux[:] = 1e-3 * rng.standard_normal(fields.ux.size) * fields.free_x
    fields.uy[:] = 1e-3 * rng.standard_normal(fields.uy.size) * fields.free_y
    scratch = np.zeros((9, fields.ux.size), np.float32)
    advance(fields, scratch, constants, load, 4)
    if settle:
        advance(fields, scratch, constants, load, settle)

    def prepare() -> Callable[[], object]:
        fresh = type(fields)(*(plane.copy() for plane in fields))
        return lambda: advance(fresh, scratch, constants, load, 100)

    return prepare


def _pile(width: float) -> Work:
    """A groove at one end of a long strip: with a thin flowing layer the potential falls off steeply."""
    surface = np.full((48, 400), 1e30)
    surface[20:28, 3:10] = -1.0

    def prepare() -> Callable[[], object]:
        phi = np.zeros_like(surface)
        return lambda: squeeze_out(phi, surface, 0.8, width**2, 1.0, 200)

    return prepare


def decays() -> list[Decay]:
    """Time all of them."""
    pits = _pit()
    return [
        compare("kernels.diffusion.relax_layer, reach 0.3 h", _layer(12.0, 1.0), _layer(0.3, 1e-6)),
        compare("kernels.pitting, a pit washed out", _pit_step(pits), _pit_step(_asleep(pits))),
        compare("kernels.phase_field.advance, at rest under load", _sheet_steps(0.05, 0), _sheet_steps(0.05, 4000)),
        compare("kernels.phase_field.advance, at rest, no load", _sheet_steps(0.05, 0), _sheet_steps(0.0, 4000)),
        compare("kernels.contact.squeeze_out, layer 0.35 h", _pile(6.0), _pile(0.35)),
    ]

"""Fracture benchmarks through the production solver: film, bar and profile.

* :func:`channel_load` runs a channel crack through a film on a foundation.
* :func:`bar` pulls a uniform bar, :func:`profile_energy` relaxes the profile of one crack.
* :func:`channel_rows`, :func:`strength_rows`, :func:`profile_rows` are rows of the table.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from benchmarks.physics_table import Row
from maphc2f.kernels.phase_field import advance, relax_damage
from maphc2f.solvers.fracture import (
    CrackGeometric,
    Elasticity,
    LoadControl,
    Sheet,
    State,
    grow,
    make_constants,
    make_fields,
    onset_strain,
    surface_density,
)

SLOW = LoadControl(0.3, 1.0, pace=0.03, rise=0.002, quiet=0.0, max_steps=40_000)
"""Loading slow enough for the film's crack to run at Griffith's load."""

NU = 0.3


def rows_broken(state: State, target: float) -> bool:
    """Tell whether the crack crosses ``target`` rows."""
    return bool(np.count_nonzero((state.damage > 0.5).any(axis=1)) >= target)


def channel_load(ls: float, control: LoadControl) -> float:
    """Load at which a long channel crack runs, over that of G = Gc, in a film of width 2 L held at both sides.

    Ahead of the crack the film is at e0; behind it u = e0 ls sinh((L - x) / ls) / cosh(L / ls), so the energy released
    per length is G = (c11 e0 / 2) 2 u(0) = c11 e0² ls tanh(L / ls) (shear lag: Xia, Hutchinson 2000,
    doi 10.1016/S0022-5096(99)00081-2; the finite width is derived here).
    """
    ny, nx = 64, 96
    one = np.ones((ny, nx), np.float32)
    notch = np.zeros((ny, nx), bool)
    notch[:30, nx // 2] = True
    sheet = Sheet(Elasticity.orthotropic(0.25), one, one, 0 * one, notch, ls)
    result = grow(sheet, control, (40,), rows_broken)
    if result.stop != "target":
        return math.nan
    critical = 1 / math.sqrt(sheet.elasticity.c11 * ls * math.tanh(nx / 2 / ls))
    return result.load * onset_strain(sheet.elasticity, sheet.ell, (1.0, 0.0)) / critical


def channel_rows(full: bool) -> list[Row]:
    """C6: G / Gc at which a channel crack runs under slow loading."""
    lengths = (12.0, 20.0, 30.0) if full else (20.0,)
    return [
        Row(f"channel crack in a film, ls = {ls:.0f} h: G / Gc", grow, 1.0, channel_load(ls, SLOW) ** 2, 0.05)
        for ls in lengths
    ]


def bar(model: CrackGeometric, ell: float, strains: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """Return the stresses of a uniform bar under uniaxial stress, E = Gc = 1, loaded in order.

    The load e0 = s (1, -nu) makes the stress of the intact bar E s along x and 0 across.
    """
    one = np.ones((8, 8), np.float32)
    notch = np.zeros((8, 8), bool)
    sheet = Sheet(Elasticity.orthotropic(NU), one, one, -NU * one, notch, 8.0, ell=ell, crack_geometric=model)
    fields, constants = make_fields(sheet), make_constants(sheet, LoadControl(0.5, 1.0))
    scratch = np.zeros((9, fields.ux.size), np.float32)
    stresses = []
    for strain in strains:
        # The stress of a step is that of the damage before it, so a last step reads what the others relaxed.
        advance(fields, scratch, constants, strain, steps)
        stresses.append(scratch[4].reshape(10, 10)[4, 4])
    return np.array(stresses, np.float64)


def bar_peak(model: CrackGeometric, ell: float, expected: float, steps: int) -> tuple[float, float]:
    """Return largest stress and its strain, looked for within 10 % of the ``expected`` strain in steps of 0.25 %."""
    strains = expected * np.arange(0.9, 1.1, 0.0025)
    stresses = bar(model, ell, strains, steps)
    top = int(np.argmax(stresses))
    return float(stresses[top]), float(strains[top])


def strength_rows(full: bool) -> list[Row]:
    """C3: strength of a bar.

    AT1: the threshold 2 psi = 3 Gc / (4 ell) ... (1 - d)(E e²) = 3 Gc / (8 ell) at d = 0 gives sqrt(3 E Gc / (8 ell)).
    AT2: d = 1 / (1 + Gc / (ell E e²)), so sigma = E e (1 - d)² is largest at e² = Gc / (3 E ell), where d = 1/4 and
    sigma = (9 / 16) sqrt(E Gc / (3 ell)) (Pham et al. 2011, doi 10.1177/1056789510386852).
    """
    rows = []
    for ell in (2.0, 4.0) if full else (2.0,):
        first = math.sqrt(3 / (8 * ell))
        rows.append(
            Row(f"strength of a bar, AT1, ell = {ell:.0f} h", advance, first, bar_peak("AT1", ell, first, 40)[0], 0.01)
        )
        second = math.sqrt(1 / (3 * ell))
        stress, strain = bar_peak("AT2", ell, second, 600)
        rows.append(Row(f"strength of a bar, AT2, ell = {ell:.0f} h", advance, 9 / 16 * second, stress, 0.01))
        rows.append(Row(f"strain at that strength, AT2, ell = {ell:.0f} h", advance, second, strain, 0.02))
    return rows


def profile_energy(model: CrackGeometric, ell: float) -> tuple[float, NDArray[np.float32]]:
    """Return the energy over Gc and length, and the profile (64,), of a straight crack in column 32."""
    n, rows = 64, 16
    notch = np.zeros((rows, n), bool)
    notch[:, n // 2] = True
    one = np.ones((rows, n), np.float32)
    fields = make_fields(Sheet(Elasticity.orthotropic(NU), one, one, one, notch, 8.0, ell=ell))
    relax_damage(fields.damage, fields.gc, ell, (rows, n), 2000, model == "AT2")
    damage = fields.damage.reshape(rows + 2, n + 2)[1:-1, 1:-1]
    return surface_density(damage, ell, model) / rows, damage[rows // 2]


def profile_rows(full: bool) -> list[Row]:
    """C4: energy of a crack's relaxed profile, (1 - |x| / 2 ell)² for AT1 and exp(-|x| / ell) for AT2, over Gc."""
    models: tuple[CrackGeometric, ...] = ("AT1", "AT2")
    return [
        Row(
            f"energy per length of a profile, {model}, ell = {ell:.0f} h",
            relax_damage,
            1.0,
            profile_energy(model, ell)[0],
            0.03,
        )
        for model in models
        for ell in ((4.0, 6.0) if full else (6.0,))
    ]

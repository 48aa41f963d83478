"""Twins and invariants of the fracture step; the exact 1-D AT1 problems."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from maphc2f.kernels.phase_field import Fields, advance, relax_damage
from maphc2f.kernels.phase_field_reference import advance_numpy, relax_damage_numpy
from maphc2f.solvers.fracture import (
    Elasticity,
    LoadControl,
    Sheet,
    make_constants,
    make_fields,
    onset_strain,
    surface_density,
)


def sheet(shape=(10, 12), *, gc=None, notch=None, eigen=(1.0, 0.6), nucleation=1.0, ell=2.0, foundation=8.0, **model):
    one = np.ones(shape, np.float32)
    notch = np.zeros(shape, bool) if notch is None else notch
    return Sheet(
        Elasticity.plane_strain(0.3) if model else Elasticity.orthotropic(0.3),
        one if gc is None else gc,
        eigen[0] * one,
        eigen[1] * one,
        notch,
        foundation,
        nucleation=nucleation,
        ell=ell,
        **model,
    )


def noisy_sheet(shape=(10, 12), **kwargs):
    gc = np.exp(0.3 * np.random.default_rng(4).standard_normal(shape)).astype(np.float32)
    notch = np.zeros(shape, bool)
    notch[4:6, 4:8] = True
    return sheet(shape, gc=gc, notch=notch, **kwargs)


def run(s, load, n_steps):
    f, c = make_fields(s), make_constants(s, LoadControl(0.5, 1.0))
    advance(f, np.zeros((9, f.ux.size), np.float32), c, load, n_steps)
    return f, c


def inner(plane, c):
    return plane.reshape(c.ny + 2, c.nx + 2)[1:-1, 1:-1]


@pytest.mark.kernel
@pytest.mark.parametrize("nucleation", [1.0, 3.0])
@pytest.mark.parametrize("eigen", [(1.0, 0.6), (-0.4, 0.9)])  # the second brings the compression split into play
def test_step_equals_its_twin(nucleation, eigen):
    s = noisy_sheet(nucleation=nucleation, eigen=eigen)
    c = make_constants(s, LoadControl(0.5, 1.0))
    fields = make_fields(s)
    expected = advance_numpy(Fields(*(a.copy() for a in fields)), c, 0.5, 12)
    advance(fields, np.zeros((9, fields.ux.size), np.float32), c, 0.5, 12)
    assert np.abs(fields.ux).max() > 0.05
    for name, got, want in zip(Fields._fields, fields, expected, strict=True):
        np.testing.assert_allclose(inner(got, c), inner(want, c), atol=3e-6, err_msg=name)


def faces(f, c):
    """All faces of a sheet, those of its sides included: ux (ny, nx + 1), uy (ny + 1, nx)."""
    shape = (c.ny + 2, c.nx + 2)
    return f.ux.reshape(shape)[1:-1, 1:], f.uy.reshape(shape)[1:, 1:-1]


SIDES = list(itertools.product([True, False], repeat=4))


@pytest.mark.kernel
@pytest.mark.parametrize("fixed", SIDES, ids=lambda fixed: "".join("h" if held else "f" for held in fixed))
def test_held_and_free_sides_equal_the_twins(fixed):
    s = dataclasses.replace(noisy_sheet(), fixed=fixed)
    c = make_constants(s, LoadControl(0.5, 1.0))
    fields = make_fields(s)
    expected = advance_numpy(Fields(*(a.copy() for a in fields)), c, 0.5, 12)
    advance(fields, np.zeros((9, fields.ux.size), np.float32), c, 0.5, 12)
    for got, want in zip(faces(fields, c), faces(expected, c), strict=True):
        np.testing.assert_allclose(got, want, atol=3e-6)
    ux, uy = faces(fields, c)
    for held, side in zip(fixed, (uy[0], uy[-1], ux[:, 0], ux[:, -1]), strict=True):
        moved = np.abs(side).max()
        assert moved == 0 if held else moved > 0.05


@pytest.mark.parametrize("side", range(4))
def test_one_free_side_is_as_good_as_another(side):
    """A sheet turned so that its one free side lies elsewhere moves alike, to the last bits of the sums."""
    s = noisy_sheet((12, 12), eigen=(1.0, 1.0))
    free = tuple(i != side for i in range(4))
    # Quarter turns that bring the top to the bottom, the left and the right.
    turns = (0, 2, 1, 3)[side]
    turned = dataclasses.replace(s, gc=np.rot90(s.gc, turns), notch=np.rot90(s.notch, turns), fixed=free)
    (top, _), (f, c) = run(dataclasses.replace(s, fixed=(False, True, True, True)), 0.5, 12), run(turned, 0.5, 12)
    np.testing.assert_allclose(np.rot90(inner(f.damage, c), -turns), inner(top.damage, c), atol=2e-5)
    ux, uy = faces(f, c)
    moved = [np.abs(edge).max() for edge in (uy[0], uy[-1], ux[:, 0], ux[:, -1])]
    assert moved[side] > 0.05
    assert moved[side] == pytest.approx(np.abs(faces(top, c)[1][0]).max(), rel=1e-4)


@pytest.mark.kernel
@pytest.mark.parametrize("split", ["none", "volumetric_deviatoric", "spectral"])
@pytest.mark.parametrize("eigen", [(1.0, 0.6), (-0.4, 0.9), (-1.0, -0.7)])
def test_at2_with_each_split_equals_its_twin(split, eigen):
    s = noisy_sheet(eigen=eigen, crack_geometric="AT2", energy_split=split)
    c = make_constants(s, LoadControl(0.5, 1.0))
    fields = make_fields(s)
    # Held sides: the corners on the border carry shear, too.
    corners = fields.corner_mask.reshape(12, 14)
    corners[1, 2:-1] = corners[-1, 2:-1] = 2
    fields.ux.reshape(12, 14)[-1] = 0.3
    expected = advance_numpy(Fields(*(a.copy() for a in fields)), c, 0.5, 12)
    advance(fields, np.zeros((9, fields.ux.size), np.float32), c, 0.5, 12)
    assert np.abs(inner(fields.ux, c)).max() > 0.05
    for name, got, want in zip(Fields._fields, fields, expected, strict=True):
        np.testing.assert_allclose(inner(got, c), inner(want, c), atol=3e-6, err_msg=name)


@pytest.mark.kernel
@pytest.mark.parametrize("at2", [False, True])
def test_relaxation_equals_its_twin(at2):
    s = noisy_sheet()
    f = make_fields(s)
    expected = relax_damage_numpy(f.damage.copy(), f.gc, 2.0, (10, 12), 8, at2)
    relax_damage(f.damage, f.gc, 2.0, (10, 12), 8, at2)
    np.testing.assert_allclose(f.damage.reshape(12, 14)[1:-1, 1:-1], expected.reshape(12, 14)[1:-1, 1:-1], atol=1e-6)


def test_uniform_film_rests_below_onset_and_breaks_above():
    """A uniform held film has u = 0; it is damaged once e0 : C : e0 s² exceeds 3 / (8 ell) (AT1 threshold)."""
    s = sheet((16, 16))
    onset = onset_strain(s.elasticity, s.ell, (1.0, 0.6))
    f, c = run(s, 0.999 * onset, 50)
    assert np.abs(f.ux).max() == 0
    assert np.abs(f.uy).max() == 0
    assert inner(f.damage, c).max() == 0
    f, c = run(s, 1.001 * onset, 1)
    assert inner(f.damage, c).min() > 0


def test_strength_of_a_bar_is_that_of_at1():
    """Uniaxial stress: sigma_c = sqrt(3 E Gc / (8 ell)) (Pham et al. 2011); C3. Bisection on the imposed strain.

    With E = Gc = 1 and eyy = -nu exx the stress is E exx, so the load at first damage is the strength.
    """
    nu = 0.3
    low, high = 0.1, 1.0
    for _ in range(20):
        middle = 0.5 * (low + high)
        f, c = run(sheet((8, 8), eigen=(1.0, -nu)), middle, 1)
        low, high = (low, middle) if inner(f.damage, c).max() > 0 else (middle, high)
    assert middle == pytest.approx(np.sqrt(3 / (8 * 2.0)), rel=1e-3)


def test_profile_and_energy_of_a_crack():
    """C4: d = (1 - |x| / (2 ell))² on |x| < 2 ell, energy Gc per length; the broken column adds 3 h / (8 ell)."""
    ell, n = 6.0, 64
    notch = np.zeros((16, n), bool)
    notch[:, n // 2] = True
    s = sheet((16, n), notch=notch, ell=ell)
    f = make_fields(s)
    relax_damage(f.damage, f.gc, ell, (16, n), 2000)
    d = f.damage.reshape(18, n + 2)[1:-1, 1:-1]
    x = np.abs(np.arange(n) - n // 2)
    np.testing.assert_allclose(d[8], np.maximum(1 - x / (2 * ell), 0) ** 2, atol=0.02)
    assert surface_density(d, ell) / 16 == pytest.approx(1.0, rel=0.03)


def test_damage_never_heals_and_stays_in_bounds():
    s = noisy_sheet((24, 24), nucleation=2.0)
    f, c = make_fields(s), make_constants(s, LoadControl(0.5, 1.0))
    scratch = np.zeros((9, f.ux.size), np.float32)
    before = inner(f.damage, c).copy()
    for load in (0.3, 0.7, 0.1, 1.2, 0.0):
        advance(f, scratch, c, load, 25)
        now = inner(f.damage, c)
        assert np.isfinite(f.ux).all()
        assert (now >= before).all()
        assert now.max() <= 1
        before = now.copy()
    assert before.mean() > 0.2


def test_nucleation_factor_keeps_intact_regions_intact():
    load = 1.2 * onset_strain(Elasticity.orthotropic(0.3), 2.0, (1.0, 0.6))
    f, c = run(sheet((12, 12), nucleation=2.0), load, 5)
    assert inner(f.damage, c).max() == 0
    f, c = run(sheet((12, 12), nucleation=1.0), load, 5)
    assert inner(f.damage, c).min() > 0


def squeezed(split):
    """Damage of a sheet compressed along both axes, and of one sheared as much, after five steps of AT2."""
    pressed, _ = run(sheet((8, 8), eigen=(-1.0, -1.0), crack_geometric="AT2", energy_split=split), 0.6, 5)
    sheared, c = run(sheet((8, 8), eigen=(-1.0, 1.0), crack_geometric="AT2", energy_split=split), 0.6, 5)
    return inner(pressed.damage, c).max(), inner(sheared.damage, c).max()


def test_splits_tell_compression_from_tension():
    """No split damages what is squeezed; the others do not. Of pure shear the spectral split takes half the energy."""
    pressed, sheared = zip(*(squeezed(split) for split in ("none", "volumetric_deviatoric", "spectral")), strict=True)
    assert pressed[0] > 0.1
    assert pressed[1] == pytest.approx(0, abs=1e-6)
    assert pressed[2] == 0
    assert sheared[0] == sheared[1] > 1.3 * sheared[2] > 0.05


def test_a_broken_cell_carries_compression_only():
    """Stress of a broken sheet: eps times the intact one in tension, the intact one in uniaxial-strain compression."""
    for split, share in (("none", 1e-4), ("volumetric_deviatoric", None), ("spectral", 1.0)):
        s = sheet((6, 6), notch=np.ones((6, 6), bool), eigen=(1.0, 0.0), crack_geometric="AT2", energy_split=split)
        f, c = make_fields(s), make_constants(s, LoadControl(0.5, 1.0))
        scratch = np.zeros((9, f.ux.size), np.float32)
        stress = []
        for load in (0.1, -0.1):
            advance(f, scratch, c, load, 1)
            stress.append(inner(scratch[4], c)[3, 3] / load)
        e = s.elasticity
        assert stress[0] == pytest.approx(1e-4 * e.c11, rel=1e-3)
        expected = e.bulk_modulus + 1e-4 * (e.c11 - e.bulk_modulus) if share is None else share * e.c11
        assert stress[1] == pytest.approx(expected, rel=1e-3)


def test_the_spectral_split_needs_an_isotropic_sheet():
    s = dataclasses.replace(sheet(energy_split="spectral"), elasticity=Elasticity.orthotropic(0.3, 0.5))
    with pytest.raises(ValueError, match="isotropic"):
        make_constants(s, LoadControl(0.5, 1.0))


def test_at2_profile_is_exponential():
    """C4: d = exp(-|x| / ell); the mesh adds ell (coth, tanh) terms of 0.35 % at ell = 6."""
    ell, n = 6.0, 64
    notch = np.zeros((16, n), bool)
    notch[:, n // 2] = True
    f = make_fields(sheet((16, n), notch=notch, ell=ell))
    relax_damage(f.damage, f.gc, ell, (16, n), 2000, True)
    d = f.damage.reshape(18, n + 2)[1:-1, 1:-1]
    np.testing.assert_allclose(d[8], np.exp(-np.abs(np.arange(n) - n // 2) / ell), atol=0.01)
    assert surface_density(d, ell, "AT2") / 16 == pytest.approx(1.0, rel=0.01)

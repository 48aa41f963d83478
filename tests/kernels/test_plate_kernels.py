"""The compiled plate kernels against their NumPy twins, and the tangent against differences."""

import numpy as np
import pytest

from maphc2f.kernels import plate, plate_reference

SHAPE = (7, 9)
NU, HARDENING = 0.3, 0.02


def bend(kappa, plastic, peak):
    moments, fresh, tangent, fresh_peak = (
        np.empty((3, *SHAPE)),
        np.empty((3, *SHAPE)),
        np.empty((5, *SHAPE)),
        np.empty(SHAPE),
    )
    count = plate.bend(kappa, plastic, peak, NU, HARDENING, moments, tangent, fresh, fresh_peak)
    return moments, fresh, fresh_peak, tangent, count


@pytest.fixture
def rng():
    return np.random.Generator(np.random.Philox(3))


@pytest.mark.kernel
def test_differences_agree_with_their_twins(rng):
    w, moments = rng.normal(size=SHAPE), rng.normal(size=(3, *SHAPE))
    kappa, force = np.empty((3, *SHAPE)), np.empty(SHAPE)
    plate.curvatures(w, kappa)
    plate.div_div(moments, force)
    np.testing.assert_allclose(kappa, plate_reference.curvatures(w), rtol=0, atol=1e-13)
    np.testing.assert_allclose(force, plate_reference.div_div(moments), rtol=0, atol=1e-13)


def test_div_div_is_the_adjoint_of_curvatures(rng):
    w, moments = rng.normal(size=SHAPE), rng.normal(size=(3, *SHAPE))
    kappa, force = np.empty((3, *SHAPE)), np.empty(SHAPE)
    plate.curvatures(w, kappa)
    plate.div_div(moments, force)
    work = (moments[:2] * kappa[:2]).sum() + 2 * (moments[2] * kappa[2]).sum()
    assert (force * w).sum() == pytest.approx(work, rel=1e-12)


@pytest.mark.kernel
@pytest.mark.parametrize("size", [0.5, 3.0, 300.0])
def test_bend_agrees_with_its_twin_over_two_steps(rng, size):
    plastic, peak = np.zeros((3, *SHAPE)), np.ones(SHAPE)
    for _ in range(2):
        kappa = size * rng.normal(size=(3, *SHAPE))
        moments, fresh, fresh_peak, _, _ = bend(kappa, plastic, peak)
        twin = plate_reference.bend(kappa, plastic, peak, NU, HARDENING)
        np.testing.assert_allclose(moments, twin.moments, rtol=0, atol=1e-8 * max(size, 1))
        np.testing.assert_allclose(fresh, twin.plastic, rtol=0, atol=1e-7 * max(size, 1))
        np.testing.assert_allclose(fresh_peak, twin.peak, rtol=1e-7)
        plastic, peak = fresh, fresh_peak


def test_moments_stay_on_the_yield_surface(rng):
    moments, _, peak, _, count = bend(50 * rng.normal(size=(3, *SHAPE)), np.zeros((3, *SHAPE)), np.ones(SHAPE))
    xx, yy, xy = moments
    equivalent = np.sqrt(xx**2 - xx * yy + yy**2 + 3 * xy**2)
    assert count == peak.size
    np.testing.assert_allclose(equivalent, plate_reference.strength(peak, NU, HARDENING), rtol=1e-9)


def test_tangent_is_the_derivative_of_the_moments(rng):
    _, plastic, peak, _, _ = bend(3 * rng.normal(size=(3, *SHAPE)), np.zeros((3, *SHAPE)), np.ones(SHAPE))
    kappa, step = 4 * rng.normal(size=(3, *SHAPE)), 1e-6 * rng.normal(size=(3, *SHAPE))
    tangent = bend(kappa, plastic, peak)[3]
    change = 0.5 * (bend(kappa + step, plastic, peak)[0] - bend(kappa - step, plastic, peak)[0])

    def split(m):
        return np.stack([(m[0] + m[1]) / 2, (m[0] - m[1]) / 2, m[2]])

    strain = split(step)
    linear = np.stack([tangent[0], tangent[1], tangent[1]]) * strain - tangent[2:] * (tangent[2:] * strain).sum(axis=0)
    np.testing.assert_allclose(split(change), linear, rtol=0, atol=1e-6 * np.abs(linear).max())


@pytest.mark.kernel
def test_press_agrees_with_its_twin(rng):
    w, crushed = rng.normal(size=SHAPE), np.abs(rng.normal(size=SHAPE))
    indenter = rng.normal(size=SHAPE)
    base = np.stack([np.full(SHAPE, 0.7), np.full(SHAPE, 0.1), np.full(SHAPE, 0.05)])
    out = np.empty(SHAPE), np.empty(SHAPE), np.empty(SHAPE)
    touching = plate.press(w, crushed, indenter, base, 0.3, *out)
    for value, twin in zip(out, plate_reference.press(w, crushed, indenter, base, 0.3), strict=True):
        np.testing.assert_allclose(value, twin, rtol=0, atol=1e-13)
    assert touching == np.count_nonzero(indenter > w)


@pytest.mark.kernel
def test_tangent_force_agrees_with_its_twin(rng):
    dw, tangent, local = rng.normal(size=SHAPE), rng.normal(size=(5, *SHAPE)), rng.normal(size=SHAPE)
    out = np.empty(SHAPE)
    plate.tangent_force(dw, tangent, local, np.empty((3, *SHAPE)), out)
    np.testing.assert_allclose(out, plate_reference.tangent_force(dw, tangent, local), rtol=0, atol=1e-12)

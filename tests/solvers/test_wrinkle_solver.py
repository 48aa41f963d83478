"""The film solver at equilibrium: wavelength and amplitude of an endless film, and the threshold."""

import math

import numpy as np
import pytest

from maphc2f.solvers.wrinkle import amplitude, critical_strain, make_film, relax


def seed(n):
    return 0.1 * np.random.Generator(np.random.Philox(2)).normal(size=(16, n))


def test_wavelength_at_onset_is_the_classical_one():
    """λ = 2π (D/k)^¼: the strongest wave of a film just above buckling, grown from noise, fits λ within 3 %."""
    v, _ = relax(make_film((16, 240), 12.0), seed(240), np.full((16, 240), 1.05), 1500)
    spectrum = np.abs(np.fft.rfft(v.mean(axis=0)))
    assert 240 / int(np.argmax(spectrum)) == pytest.approx(12.0, rel=0.03)


def test_amplitude_relieves_the_strain_above_the_critical_one():
    """A = t √(2/3 (ε/ε_c - 1)); v = √12 w / t; the finite grid of the strip mean costs less than 3 %."""
    v, change = relax(make_film((16, 96), 12.0), seed(96), np.full((16, 96), 1.5), 1500)
    assert np.abs(v).max() / math.sqrt(12) == pytest.approx(amplitude(1.0, 1.5), rel=0.03)
    assert change < 2e-4


def test_a_film_below_the_threshold_stays_flat():
    v, _ = relax(make_film((16, 96), 12.0), seed(96), np.full((16, 96), 0.9), 600)
    assert np.abs(v).max() < 1e-3


def test_critical_strain_follows_from_force_and_stiffness():
    """ε_c = N_c / (Ē t) with N_c = 2 √(k D), k = D q⁴, D = Ē t³ / 12."""
    thickness, wavelength = 0.05, 1.0
    q, stiffness = 2 * math.pi / wavelength, thickness**3 / 12
    assert critical_strain(thickness, wavelength) == pytest.approx(2 * stiffness * q**2 / thickness)

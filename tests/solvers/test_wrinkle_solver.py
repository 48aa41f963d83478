"""The film solver: wavelength, amplitude and threshold of an endless film, directions, and the energy that falls."""

import math

import numpy as np
import pytest

from maphc2f.rng import stream
from maphc2f.solvers import wrinkle
from maphc2f.solvers.wrinkle import amplitude, compression, critical_strain, energy, make_film, relax


def seed(*shape):
    return 0.1 * stream(2, "wrinkle").normal(size=shape)


def along_x(shape, overload):
    return compression(np.full(shape, overload), 0.0, 0.0)


def test_wavelength_at_onset_is_the_classical_one():
    """λ = 2π (D/k)^¼: the strongest wave of a film just above buckling, grown from noise, fits λ within 3 %."""
    v, _ = relax(make_film((16, 240), 12.0), seed(16, 240), along_x((16, 240), 1.05), 1500)
    spectrum = np.abs(np.fft.rfft(v.mean(axis=0)))
    assert 240 / int(np.argmax(spectrum)) == pytest.approx(12.0, rel=0.03)


def test_amplitude_relieves_the_strain_above_the_critical_one():
    """A = t √(2/3 (ε/ε_c - 1)); v = √12 w / t; the strip mean costs less than 1 %."""
    wave = np.tile(0.1 * np.cos(2 * np.pi * np.arange(96) / 12), (16, 1))
    v, change = relax(make_film((16, 96), 12.0), wave, along_x((16, 96), 1.5), 1500)
    # From the spectrum, for the crest may come to lie between two cells.
    height = 2 * np.abs(np.fft.rfft(v.mean(axis=0)))[8] / 96
    assert height / math.sqrt(12) == pytest.approx(amplitude(1.0, 1.5), rel=0.01)
    assert change < 2e-4


def test_a_film_below_the_threshold_stays_flat():
    v, _ = relax(make_film((16, 96), 12.0), seed(16, 96), along_x((16, 96), 0.9), 600)
    assert np.abs(v).max() < 1e-3


@pytest.mark.parametrize("degrees", [0, 30, 90, 135])
def test_waves_run_along_the_largest_compression(degrees):
    """To one wave more or less over the height of the grid, which turns eight waves by seven degrees."""
    angle = math.radians(degrees)
    v, _ = relax(make_film((64, 64), 8.0), seed(64, 64), compression(np.full((64, 64), 2.0), angle, 0.3), 120)
    power = np.abs(np.fft.fft2(v)) ** 2
    qy, qx = np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64), indexing="ij")
    second = np.angle(np.sum(power * np.exp(2j * np.arctan2(qy, qx)))) / 2
    assert abs((second - angle + math.pi / 2) % math.pi - math.pi / 2) < math.radians(8)


def test_even_compression_has_no_direction():
    """Stripes put all their power on two opposite spots; a labyrinth spreads it over the circle."""
    shares = []
    for biaxiality in (0.0, 1.0):
        overload = compression(np.full((64, 64), 2.5), 0.0, biaxiality)
        v, _ = relax(make_film((64, 64), 8.0), seed(64, 64), overload, 60)
        power = np.abs(np.fft.fft2(v)) ** 2
        qy, qx = np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64), indexing="ij")
        shares.append(abs(np.sum(power * np.exp(2j * np.arctan2(qy, qx)))) / power.sum())
    assert shares[0] > 0.9
    assert shares[1] < 0.4


def test_compression_has_the_principal_values_and_direction_asked_for():
    xx, yy, xy = compression(np.array([[3.0]]), np.array([[0.4]]), 0.25)[:, 0, 0]
    values, vectors = np.linalg.eigh([[xx, xy], [xy, yy]])
    assert values == pytest.approx([0.75, 3.0])
    assert abs(vectors[:, 1] @ [math.cos(0.4), math.sin(0.4)]) == pytest.approx(1)


@pytest.mark.parametrize("biaxiality", [0.0, 0.5, 1.0])
def test_every_step_lowers_the_energy(biaxiality):
    y, x = np.mgrid[:64, :64] - 31.5
    overload = compression(5 * np.exp(-(x**2 + y**2) / 400), 0.02 * x, biaxiality)
    film, v = make_film((64, 64), 8.0), seed(64, 64)
    energies = [energy(film, v, overload)]
    for _ in range(40):
        v, _ = relax(film, v, overload, 1)
        energies.append(energy(film, v, overload))
    assert np.all(np.diff(energies) < 0)
    assert energies[-1] < 0


def test_energy_is_what_the_flow_follows():
    """dE/ds along a direction is that direction times the residual force, by a finite difference."""
    film, (v, w) = make_film((32, 32), 8.0), stream(3, "wrinkle").normal(size=(2, 32, 32))
    overload = compression(np.full((32, 32), 3.0), 0.5, 0.4)
    slope = (energy(film, v + 1e-4 * w, overload) - energy(film, v - 1e-4 * w, overload)) / 2e-4
    assert slope == pytest.approx(-float(np.vdot(w, rate_of(film, v, overload))), rel=1e-3)


def rate_of(film, v, overload):
    """dv/dt of the flow: what a vanishing step would change."""
    spectrum = np.fft.rfft2(v)
    force = (film.critical_force * overload).astype(np.float32)
    flux = wrinkle._flux(film, spectrum.astype(np.complex64), force).astype(float)
    rate = -film.decay * spectrum - (film.gradient * np.fft.rfft2(flux)).sum(axis=0)
    return np.fft.irfft2(rate, s=film.shape)


def test_critical_strain_follows_from_force_and_stiffness():
    """ε_c = N_c / (Ē t) with N_c = 2 √(k D), k = D q⁴, D = Ē t³ / 12."""
    thickness, wavelength = 0.05, 1.0
    q, stiffness = 2 * math.pi / wavelength, thickness**3 / 12
    assert critical_strain(thickness, wavelength) == pytest.approx(2 * stiffness * q**2 / thickness)

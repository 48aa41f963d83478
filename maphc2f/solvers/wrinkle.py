"""Wrinkles of a compressed film on an elastic base: weakly nonlinear von Karman film, spectral.

* :func:`make_film` sets up a :class:`Film`; :func:`relax` lowers its energy towards equilibrium.
* :func:`compression` gives the force of a misfit that differs along and across a direction; :func:`energy` what falls.
* :func:`critical_strain` and :func:`amplitude` are the closed forms for an endless even film.

With the compression N₀(x), a tensor, base stiffness k and the membrane force relieved by the wrinkles' own slope,
averaged over a strip ⟨·⟩ about a wavelength wide:

    D ∇⁴w + k w + ∇·(N ∇w) = 0,   N = N₀ - Ē t [(1 - ν) s + ν tr(s) I],   s = ⟨½ ∇w ⊗ ∇w⟩.

Wavelength at onset λ = 2π (D/k)^¼ and N_c = 2 √(k D) (Huang & Suo, J. Appl. Phys. 91 (2002) 1135,
doi 10.1063/1.1427407 treat the same film); a single wave relieves all strain above ε_c, so A² q² / 4 = ε - ε_c.
Compression along one direction makes stripes that follow it; in all directions, labyrinths and zigzags.

Lengths are in cells, D = 1 and the deflection is v = √12 w / t, so that Ē t / D leaves the equation. Tensors are
ordered xx, yy, xy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from maphc2f.errors import SimulationRejected

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]
Complex64 = NDArray[np.complex64]

STEP, IMPLICIT_SHARE = 2.0, 0.75
MOMENTUM = np.float32(0.85)
STRIP_WAVELENGTHS = 0.5
POISSON_RATIO = 0.35


@dataclass(frozen=True, slots=True)
class Film:
    """A film on its base, on a periodic grid.

    Attributes:
        shape: (ny, nx), even.
        wavelength: λ at onset, cells.
        decay: |q|⁴ + k on the half spectrum.
        gradient: i q_x and i q_y on the half spectrum, (2, ny, nx // 2 + 1).
    """

    shape: tuple[int, int]
    wavelength: float
    decay: Float32
    gradient: Complex64

    @property
    def critical_force(self) -> float:
        """N_c = 2 √(k D) = 2 (2π / λ)²."""
        return 2 * (2 * math.pi / self.wavelength) ** 2


def make_film(shape: tuple[int, int], wavelength: float) -> Film:
    """Set up a film whose wavelength at onset is ``wavelength`` cells, (ny, nx) = ``shape``."""
    qy, qx = np.meshgrid(2 * math.pi * np.fft.fftfreq(shape[0]), 2 * math.pi * np.fft.rfftfreq(shape[1]), indexing="ij")
    decay = (qy**2 + qx**2) ** 2 + (2 * math.pi / wavelength) ** 4
    return Film(shape, wavelength, decay.astype(np.float32), (1j * np.stack([qx, qy])).astype(np.complex64))


def compression(strength: Float64, angle: Float64 | float, biaxiality: float) -> Float64:
    """Return N₀ / N_c with ``strength`` along the direction ``angle`` and ``biaxiality`` times it across, (3, ny, nx).

    Args:
        strength: Largest principal compression over N_c, (ny, nx).
        angle: From the x axis, radians, (ny, nx) or one for all.
        biaxiality: Smaller over larger principal compression.
    """
    mean, half = 0.5 * (1 + biaxiality), 0.5 * (1 - biaxiality)
    c, s = np.cos(np.multiply(2, angle)), np.sin(np.multiply(2, angle))
    return np.stack([strength * (mean + half * c), strength * (mean - half * c), strength * (half * s)])


def relax(film: Film, v: Float64, overload: Float64, steps: int) -> tuple[Float64, float]:
    """Lower the energy by ``steps`` semi-implicit steps with momentum, in single precision.

    The momentum is Nesterov's, dropped whenever it runs against the force (O'Donoghue & Candès, Found. Comput. Math. 15
    (2015) 715, doi 10.1007/s10208-013-9150-3).

    Args:
        film: The film.
        v: Scaled deflection to start from, (ny, nx).
        overload: N₀ / N_c at each cell, (3, ny, nx).
        steps: Number of steps, each twice the growth time at N₀ = 2 N_c.

    Returns:
        The scaled deflection, and the last step's change but for its momentum over the deflection, both as root mean
        squares.

    Raises:
        SimulationRejected: The steps diverged.
    """
    force = (film.critical_force * overload).astype(np.float32)
    dt = np.float32(STEP / (2 * (2 * math.pi / film.wavelength) ** 4))
    # Most of the largest compression, taken implicitly, bounds the tension of wrinkles that overshoot.
    steady = np.float32(-IMPLICIT_SHARE * float(_largest(overload).max()) * film.critical_force) * (
        film.gradient**2
    ).real.sum(0)
    factor = dt / (1 + dt * (film.decay + steady))
    spectrum = np.asarray(scipy.fft.rfft2(v.astype(np.float32)), np.complex64)
    momentum, change = np.zeros_like(spectrum), 0.0
    for _ in range(steps):
        ahead = spectrum + momentum
        drive = -film.decay * ahead - (film.gradient * scipy.fft.rfft2(_flux(film, ahead, force))).sum(axis=0)
        descent = factor * drive
        fresh = np.asarray(ahead + descent, np.complex64)
        step = fresh - spectrum
        momentum = MOMENTUM * step if np.vdot(drive, step).real > 0 else np.zeros_like(step)
        change = float(np.linalg.norm(descent) / max(float(np.linalg.norm(fresh)), 1e-30))
        spectrum = fresh
    if not math.isfinite(change):
        msg = "the film's deflection grew without bound"
        raise SimulationRejected(msg)
    return scipy.fft.irfft2(spectrum, s=film.shape).astype(np.float64), change


def energy(film: Film, v: Float64, overload: Float64) -> float:
    """Return the scaled energy that :func:`relax` lowers: ½ v·(∇⁴ + k) v - ½ N₀ : ∇v∇v + ½ s : (N₀ - N)."""
    spectrum = scipy.fft.rfft2(v)
    slope = scipy.fft.irfft2(film.gradient * spectrum, s=film.shape)
    square = 0.5 * np.stack([slope[0] ** 2, slope[1] ** 2, slope[0] * slope[1]])
    relief = _membrane(np.stack([_strip_mean(part.astype(np.float32), film.wavelength) for part in square]))
    bending = 0.5 * float(np.vdot(v, scipy.fft.irfft2(film.decay * spectrum, s=film.shape)))
    doubled = np.array([1.0, 1.0, 2.0])[:, None, None] * square
    return bending + float(np.sum(doubled * (0.5 * relief - film.critical_force * overload)))


def _flux(film: Film, spectrum: Complex64, force: Float32) -> Float32:
    """Return N ∇v, (2, ny, nx) as x, y."""
    x, y = scipy.fft.irfft2(film.gradient * spectrum, s=film.shape)
    half = np.float32(0.5)
    means = [_strip_mean(part, film.wavelength) for part in (half * x * x, half * y * y, half * x * y)]
    xx, yy, xy = force - _membrane(np.stack(means))
    return np.stack([xx * x + xy * y, xy * x + yy * y])


def _membrane(strain: Float32) -> Float32:
    """Return (1 - ν) s + ν tr(s) I."""
    xx, yy, xy = strain
    nu = np.float32(POISSON_RATIO)
    return np.stack([xx + nu * yy, yy + nu * xx, (1 - nu) * xy])


def _largest(tensor: Float64) -> Float64:
    xx, yy, xy = tensor
    return np.asarray(0.5 * (xx + yy) + np.hypot(0.5 * (xx - yy), xy))


def critical_strain(thickness: float, wavelength: float) -> float:
    """Return ε_c = N_c / (Ē t) = (2π t / λ)² / 6."""
    return (2 * math.pi * thickness / wavelength) ** 2 / 6


def amplitude(thickness: float, overstrain: float) -> float:
    """Return A = t √(2/3 (ε/ε_c - 1)) of an endless even film, from A² q² / 4 = ε - ε_c."""
    return thickness * math.sqrt(max(2 / 3 * (overstrain - 1), 0.0))


def _strip_mean(field: Float32, wavelength: float) -> Float32:
    """Return a Gaussian mean; mirrored at the border, for a mean square has no phase."""
    sigma = STRIP_WAVELENGTHS * wavelength
    half = math.ceil(2 * sigma)
    return np.asarray(cv2.GaussianBlur(field, (2 * half + 1, 2 * half + 1), sigma, borderType=cv2.BORDER_REFLECT))

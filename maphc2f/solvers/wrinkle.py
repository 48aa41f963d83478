"""Wrinkles of a compressed film on an elastic base: weakly nonlinear von Karman film, spectral.

* :func:`make_film` sets up a :class:`Film`; :func:`relax` follows its gradient flow towards equilibrium.
* :func:`critical_strain` and :func:`amplitude` are the closed forms for an endless even film.

With compression N₀(x) along x, base stiffness k and the membrane force relieved by the wrinkles' own slope, averaged
over a strip ⟨·⟩ about a wavelength wide:

    D ∇⁴w + k w + ∂x (N ∂x w) = 0,   N = N₀ - Ē t ⟨½ (∂x w)²⟩.

Wavelength at onset λ = 2π (D/k)^¼ and N_c = 2 √(k D) (Huang & Suo, J. Appl. Phys. 91 (2002) 1135,
doi 10.1063/1.1427407 treat the same film); a single wave relieves all strain above ε_c, so A² q² / 4 = ε - ε_c.

Lengths are in cells, D = 1 and the deflection is v = √12 w / t, so that Ē t / D leaves the equation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

STEP = 0.6
STRIP_WAVELENGTHS = 0.5


@dataclass(frozen=True, slots=True)
class Film:
    """A film on its base, on a periodic grid.

    Attributes:
        wavelength: λ at onset, cells.
        decay: Λ(q) + k on the half spectrum.
        derivative: i q_x on the half spectrum.
    """

    wavelength: float
    decay: Float64
    derivative: NDArray[np.complex128]

    @property
    def critical_force(self) -> float:
        """N_c = 2 √(k D) = 2 (2π / λ)²."""
        return 2 * (2 * math.pi / self.wavelength) ** 2


def make_film(shape: tuple[int, int], wavelength: float) -> Film:
    """Set up a film whose wavelength at onset is ``wavelength`` cells, (ny, nx) = ``shape``."""
    qy = 2 * math.pi * np.fft.fftfreq(shape[0])[:, None]
    qx = 2 * math.pi * np.fft.rfftfreq(shape[1])[None, :]
    stiffness = (2 * math.pi / wavelength) ** 4
    return Film(wavelength, (qy**2 + qx**2) ** 2 + stiffness, np.asarray(1j * qx + 0 * qy, np.complex128))


def relax(film: Film, v: Float64, overstrain: Float64, steps: int) -> tuple[Float64, float]:
    """Follow the gradient flow for ``steps`` semi-implicit steps.

    Args:
        film: The film.
        v: Scaled deflection to start from, (ny, nx).
        overstrain: N₀ / N_c = ε / ε_c at each cell, (ny, nx).
        steps: Number of steps, each 0.6 of the growth time at N₀ = 2 N_c.

    Returns:
        The scaled deflection, and the last step's change over the deflection, both as root mean squares.
    """
    force = film.critical_force * overstrain
    dt = STEP / (2 * (2 * math.pi / film.wavelength) ** 4)
    # Half the largest compression, taken implicitly, keeps the flow stable at any step.
    steady = -0.5 * float(force.max()) * film.derivative**2
    denominator = 1 + dt * (film.decay + steady)
    change = 0.0
    for _ in range(steps):
        spectrum = scipy.fft.rfft2(v)
        slope = scipy.fft.irfft2(film.derivative * spectrum, s=v.shape)
        relieved = (force - _strip_mean(0.5 * slope**2, film.wavelength)) * slope
        drive = steady * spectrum - film.derivative * scipy.fft.rfft2(relieved)
        fresh = scipy.fft.irfft2((spectrum + dt * drive) / denominator, s=v.shape)
        change = float(np.linalg.norm(fresh - v) / max(float(np.linalg.norm(fresh)), 1e-30))
        v = fresh
    return v, change


def critical_strain(thickness: float, wavelength: float) -> float:
    """Return ε_c = N_c / (Ē t) = (2π t / λ)² / 6."""
    return (2 * math.pi * thickness / wavelength) ** 2 / 6


def amplitude(thickness: float, overstrain: float) -> float:
    """Return A = t √(2/3 (ε/ε_c - 1)) of an endless even film, from A² q² / 4 = ε - ε_c."""
    return thickness * math.sqrt(max(2 / 3 * (overstrain - 1), 0.0))


def _strip_mean(field: Float64, wavelength: float) -> Float64:
    sigma = STRIP_WAVELENGTHS * wavelength
    half = math.ceil(2 * sigma)
    # Mirrored at the border: a mean square has no phase, so this is as good as wrapping it round.
    blurred = cv2.GaussianBlur(field, (2 * half + 1, 2 * half + 1), sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred)

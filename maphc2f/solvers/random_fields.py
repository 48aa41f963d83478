"""Random toughness: correlated log-normal fields and Voronoi grains with weak boundaries.

* :func:`gaussian_field` gives a normal field of given correlation lengths.
* :func:`lognormal_toughness` maps one to a field of mean 1 and given coefficient of variation.
* :func:`voronoi_boundaries` gives the distance-to-boundary measure of a random grain structure.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Float32 = NDArray[np.float32]


def gaussian_field(shape: tuple[int, int], correlation: tuple[float, float], rng: np.random.Generator) -> Float32:
    """Return a periodic normal field of mean 0 and variance 1.

    White noise is filtered in Fourier space so that the correlation is exp(-(y/xi_y)² - (x/xi_x)²).

    Args:
        shape: (ny, nx).
        correlation: (xi_y, xi_x) in cells, >= 0.
        rng: Source of the ny * nx draws.
    """
    noise = rng.standard_normal(shape, dtype=np.float32)
    ky, kx = fft.fftfreq(shape[0]), fft.rfftfreq(shape[1])
    # The square root of the spectrum of the correlation above.
    decay_y = np.exp(-((math.pi * correlation[0] * ky) ** 2) / 2)
    decay_x = np.exp(-((math.pi * correlation[1] * kx) ** 2) / 2)
    gain = (decay_y[:, None] * decay_x).astype(np.float32)
    full_x = decay_x[np.abs(np.rint(fft.fftfreq(shape[1]) * shape[1])).astype(int)]
    power = float(np.mean(decay_y**2)) * float(np.mean(full_x**2))
    field = fft.irfft2(fft.rfft2(noise) * gain, s=shape)
    return np.asarray(field / math.sqrt(power), np.float32)


def lognormal_toughness(field: Float32, cv: float, floor: float = 0.3) -> Float32:
    """Return exp(sigma field - sigma² / 2) with sigma² = ln(1 + cv²): mean 1, coefficient of variation ``cv``.

    Values are clipped to ``floor`` .. 1 / ``floor``.
    """
    sigma = math.sqrt(math.log1p(cv * cv))
    return np.asarray(np.clip(np.exp(sigma * field - 0.5 * sigma * sigma), floor, 1 / floor), np.float32)


def voronoi_boundaries(shape: tuple[int, int], diameter: float, rng: np.random.Generator) -> Float32:
    """Return 0 inside grains, rising to 1 on grain boundaries, float32 (ny, nx).

    Seeds are one per cell of a jittered lattice of pitch ``diameter``; the value is
    exp(-((r2 - r1) / 1.6)²) with r1, r2 the distances to the nearest two seeds, so boundaries are about two cells wide.

    Args:
        shape: (ny, nx).
        diameter: Mean grain diameter in cells, >= 3.
        rng: Source of the seeds.
    """
    ny, nx = shape
    rows, columns = math.ceil(ny / diameter) + 4, math.ceil(nx / diameter) + 4
    jitter = rng.random((rows, columns, 2), dtype=np.float32)
    y, x = (
        np.arange(ny, dtype=np.float32) / np.float32(diameter),
        np.arange(nx, dtype=np.float32) / np.float32(diameter),
    )
    i, j = y.astype(np.int64)[:, None], x.astype(np.int64)[None, :]
    first, second = np.full(shape, np.inf, np.float32), np.full(shape, np.inf, np.float32)
    # The two nearest of a jittered lattice lie at most two lattice cells away, but for rare corners.
    for di in range(5):
        for dj in range(5):
            seed = jitter[i + di, j + dj]
            across = seed[..., 0] + (i + np.float32(di - 2)) - y[:, None]
            along = seed[..., 1] + (j + np.float32(dj - 2)) - x[None, :]
            square = across * across + along * along
            second = np.minimum(second, np.maximum(first, square))
            first = np.minimum(first, square)
    gap = np.float32(diameter) * (np.sqrt(second) - np.sqrt(first))
    return np.asarray(np.exp(-np.square(gap / np.float32(1.6))), np.float32)

"""Self-affine fields, the shape of fracture faces and of the flaws they start from.

* :func:`self_affine` draws one on a grid or along a line.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

HURST = 0.8
"""Exponent of fracture faces, nearly the same for all materials (Bouchaud, J. Phys. Condens. Matter 9 (1997) 4319,
doi 10.1088/0953-8984/9/21/002)."""


def self_affine(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a periodic normal field of mean 0 and variance 1 whose power falls like k^-(2 H + n), n its dimensions.

    Steps over a distance δ then grow like δ^H, H = HURST (Peitgen, Saupe, The Science of Fractal Images, 1988, ch. 2).

    Args:
        shape: (ny, nx); with ny = 1 a line, n = 1.
        rng: Source of the ny * nx draws.
    """
    noise = rng.standard_normal(shape)
    ky, kx = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])
    k = np.hypot(ky, kx)
    k[0, 0] = np.inf
    dimensions = 1 if shape[0] == 1 else 2
    field = fft.irfft2(fft.rfft2(noise) * k ** (-HURST - 0.5 * dimensions), s=shape)
    return np.asarray(field / field.std())

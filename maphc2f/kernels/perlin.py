"""Gradient noise on a rotated square, compiled and as NumPy.

* :func:`gradient_noise` evaluates Perlin noise with a quintic fade at the cells of a square grid.
* :func:`gradient_noise_numpy` is its NumPy twin.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from maphc2f.sample import Float32

Float64 = NDArray[np.float64]


@njit(cache=True)
def gradient_noise(angles: Float64, n: int, rotation: float) -> Float32:
    """Evaluate gradient noise on n x n cells of the unit square, turned about its middle.

    With lattice gradients g = (sin θ, cos θ), offsets o from the four corners of a lattice cell and the fade
    f(t) = 6t⁵ - 15t⁴ + 10t³ the noise is √2 · blend_f(g · o): Perlin, ACM SIGGRAPH 2002, doi 10.1145/566654.566636.

    Args:
        angles: Gradient angle θ at each lattice node, (a + 1, b + 1), rad: a cells along y, b along x.
        n: Cells along each side.
        rotation: Angle by which the pattern is turned, rad.

    Returns:
        Noise, float32 (n, n), about -1 .. 1; exactly 0 at points that turn out of the square.
    """
    a, b = angles.shape[0] - 1, angles.shape[1] - 1
    gy, gx = np.sin(angles), np.cos(angles)
    out = np.zeros((n, n), np.float32)
    c, s = math.cos(rotation), math.sin(rotation)
    for i in range(n):
        y0 = (i + 0.5) / n - 0.5
        for j in range(n):
            x0 = (j + 0.5) / n - 0.5
            y = c * y0 - s * x0 + 0.5
            x = s * y0 + c * x0 + 0.5
            if y < 0.0 or y >= 1.0 or x < 0.0 or x >= 1.0:
                continue
            v, u = y * a, x * b
            k, m = min(int(v), a - 1), min(int(u), b - 1)
            v -= k
            u -= m
            fv = v * v * v * (v * (6.0 * v - 15.0) + 10.0)
            fu = u * u * u * (u * (6.0 * u - 15.0) + 10.0)
            n00 = gy[k, m] * v + gx[k, m] * u
            n01 = gy[k, m + 1] * v + gx[k, m + 1] * (u - 1.0)
            n10 = gy[k + 1, m] * (v - 1.0) + gx[k + 1, m] * u
            n11 = gy[k + 1, m + 1] * (v - 1.0) + gx[k + 1, m + 1] * (u - 1.0)
            top = n00 + fu * (n01 - n00)
            bottom = n10 + fu * (n11 - n10)
            out[i, j] = np.float32(math.sqrt(2.0) * (top + fv * (bottom - top)))
    return out


def gradient_noise_numpy(angles: Float64, n: int, rotation: float) -> Float32:
    """Evaluate the same noise as :func:`gradient_noise` with whole-array operations."""
    a, b = angles.shape[0] - 1, angles.shape[1] - 1
    centre = (np.arange(n) + 0.5) / n - 0.5
    y0, x0 = np.meshgrid(centre, centre, indexing="ij")
    c, s = math.cos(rotation), math.sin(rotation)
    y, x = c * y0 - s * x0 + 0.5, s * y0 + c * x0 + 0.5
    inside = (y >= 0) & (y < 1) & (x >= 0) & (x < 1)
    v, u = np.where(inside, y, 0) * a, np.where(inside, x, 0) * b
    k, m = np.minimum(v.astype(int), a - 1), np.minimum(u.astype(int), b - 1)
    v, u = v - k, u - m

    def corner(dk: int, dm: int) -> Float64:
        theta = angles[k + dk, m + dm]
        return np.sin(theta) * (v - dk) + np.cos(theta) * (u - dm)

    fade_v = v**3 * (v * (6 * v - 15) + 10)
    fade_u = u**3 * (u * (6 * u - 15) + 10)
    top = corner(0, 0) + fade_u * (corner(0, 1) - corner(0, 0))
    bottom = corner(1, 0) + fade_u * (corner(1, 1) - corner(1, 0))
    blended = math.sqrt(2) * (top + fade_v * (bottom - top))
    return np.where(inside, blended, 0).astype(np.float32)

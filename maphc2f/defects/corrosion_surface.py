"""Random surfaces that corrosion grows on: local reaction rate, inclusion bands, weak sites of the film, wet layer.

* :func:`noise` is the Gaussian field below all of them.
* :func:`activity` is the local factor on the reaction rate; :func:`start_cells` is where the film breaks first.
* :func:`strength` is what the film withstands; :func:`wet_layer` is the relative thickness of the solution on it.

Lengths are in cells. All randomness comes from the generator that is passed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import erf

from maphc2f.defects.corrosion_scenarios import Numbers
from maphc2f.sample import Float32

MARGIN = 3
"""Cells along the border that never corrode, so that fields end inside the grid."""


def noise(rng: np.random.Generator, shape: tuple[int, ...], lengths: tuple[float, ...]) -> Float32:
    """Return a Gaussian field of zero mean and unit deviation with the given correlation lengths, in cells."""
    field = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), lengths, mode="wrap", truncate=3.0)
    centred: Float32 = (field - field.mean()) / max(float(field.std()), 1e-6)
    return centred


def activity(shape: tuple[int, int, int], numbers: Numbers, size: float, rng: np.random.Generator) -> Float32:
    """Return the local factor on the reaction rate, (nz, ny, nx); ``size`` in cells."""
    length = max(0.6, numbers["grain"] * size)
    along = math.sqrt(numbers["banding"])
    # Turning from one field into another with depth keeps the statistics of each layer and costs no 3-D filter.
    turn = np.linspace(0.0, 0.5 * math.pi, shape[0], dtype=np.float32)[:, None, None]
    upper, lower = (noise(rng, shape[1:], (length / along, length * along)) for _ in range(2))
    field = np.cos(turn) * upper + np.sin(turn) * lower
    factor = np.exp(np.float32(numbers["heterogeneity"]) * field)
    if numbers["inert"] > 0:
        factor[field < np.quantile(field[0], numbers["inert"])] = 0.0
    if "floor" in numbers:
        factor *= _floor(shape, numbers["floor"], (length / along, length * along), rng)
    if numbers.get("elongation", 1.0) > 1.2:
        factor *= _band(shape[1:], 0.5 * size / numbers["elongation"], rng)
    factor[:, :MARGIN] = factor[:, -MARGIN:] = 0.0
    factor[:, :, :MARGIN] = factor[:, :, -MARGIN:] = 0.0
    return factor


def _floor(
    shape: tuple[int, int, int], unevenness: float, lengths: tuple[float, float], rng: np.random.Generator
) -> Float32:
    """Return 1 down to the depth at which the attacked layer ends and 0 below; that depth follows a banded field.

    It lies between ``1 - unevenness`` of the box and the whole of it, evenly spread. Grinding leaves a cold-worked
    layer that dissolves more readily than the metal below and is not of the same thickness everywhere.
    """
    rank = 0.5 * (1.0 + erf(noise(rng, shape[1:], lengths) / math.sqrt(2.0)))
    end = shape[0] * (1.0 - unevenness * rank)
    through: Float32 = (np.arange(shape[0])[:, None, None] < np.maximum(np.rint(end), 1.0)).astype(np.float32)
    return through


def _band(shape: tuple[int, int], half_width: float, rng: np.random.Generator) -> Float32:
    """Return 1 on an inclusion band along x that wanders and varies in width, 0.01 off it."""
    ny, nx = shape
    middle, width = (noise(rng, (nx,), (nx / 10,)) for _ in range(2))
    distance = np.abs(np.arange(ny)[:, None] - ny / 2 - 0.5 * half_width * middle) / (half_width * np.exp(0.3 * width))
    band: Float32 = np.maximum(1.0 / (1.0 + distance**8), 0.01).astype(np.float32)
    return band


def start_cells(
    n: int, numbers: Numbers, size: float, rng: np.random.Generator, side: int = 2
) -> tuple[NDArray[np.intp], ...]:
    """Return rows and columns of the first film breakdowns (``side`` x ``side`` cells each); ``size`` in cells."""
    count = round(numbers["pits"])
    deviation = numbers["scatter"] * size * (count > 1)
    flat = math.sqrt(numbers.get("elongation", 1.0))
    places = rng.normal(0.0, 1.0, (count, 2)) * (deviation / flat, deviation * flat)
    limit = 0.35 * size
    middle = np.array([n / 2 - numbers.get("high", 0.0) * size, n / 2])
    places = np.clip(places - places.mean(axis=0), -limit, limit) + middle
    corner = np.clip(places - 0.5 * (side - 2), MARGIN + 1, n - MARGIN - 1 - side).astype(np.intp)
    cells = np.concatenate([corner + np.array(shift) for shift in np.ndindex(side, side)])
    return cells[:, 0], cells[:, 1]


def strength(numbers: Numbers, n: int, rng: np.random.Generator) -> Float32:
    """Return the dose at which the film of each cell breaks: exponential at weak sites, infinite elsewhere."""
    weak = rng.random((n, n)) < numbers["sites"]
    weak[: MARGIN + 1] = weak[-MARGIN - 1 :] = False
    weak[:, : MARGIN + 1] = weak[:, -MARGIN - 1 :] = False
    draw = rng.exponential(numbers["breakdown"], (n, n))
    return np.where(weak, draw, np.inf).astype(np.float32)


def wet_layer(numbers: Numbers, n: int, size: float, rng: np.random.Generator) -> Float32:
    """Return the relative thickness of the solution, (n, n): puddles, and grains that make the product mottled."""
    puddles = noise(rng, (n, n), (0.07 * size * numbers.get("rivulets", 1.0), 0.07 * size))
    grains = noise(rng, (n, n), (0.7, 0.7))
    wet: Float32 = np.exp(np.float32(numbers["wetness"]) * (puddles + np.float32(0.4) * grains)).astype(np.float32)
    return wet

"""Which way the texture of a part runs, place by place.

* :func:`orientation_field` measures it; :class:`OrientationField` holds it.
* :meth:`OrientationField.at` reads direction and coherence at points, :attr:`OrientationField.overall` the whole part.

Directions are undirected: rad from the x towards the y axis (clockwise as seen), in [0, π). They are averaged in the
doubled angle (Bigün and Granlund 1987; Knutsson 1989), where a line and its reverse are one. Coherence is how much the
directions agree, |mean of exp(2iθ)|, 0 .. 1; in a texture without a direction it is 0 but for rare chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.sample import Float32

MAX_SIDE = 768
"""Larger pictures are reduced to this side, px."""

GRADIENT_SIGMA = 1.0
SHADING_SIDE = 15
"""Marks are coarser than the first (sigma, px) and finer than the second (side of a square, px): the rest is noise, or
shading and shape."""

RIM = 3
"""What lies nearer to the part's outline, px, is left out: the lens mixes it with what lies behind."""

OUTLINE_MARGIN = 7
"""Marks count this far from the outline, px: its own step is no texture."""

CELL = 8
"""Side of a cell, px: each has one vote, so that a dent or a printed line cannot outvote the texture round it."""

REACH = 2.5
"""Gaussian sigma over which votes are averaged, cells: with cells of 8 px about a block of 70 px."""

REACH_CELLS = 6
"""Half the side of that average, cells."""

LEAST_GRADIENT = 0.6 / 255
"""What a gradient is weighed against, display units per px: steps of the 8-bit codes of an even surface have less."""

CHANCE = 3.0
"""The squared mean of n votes of no common direction exceeds this many times its expectation by exp(-3) = 5 %."""

LEAST_CELLS = 4.0
"""With fewer votes (effective number) a direction is not known."""

BoolArray = NDArray[np.bool_]
Complex = NDArray[np.complex64]


@dataclass(frozen=True, slots=True, eq=False)
class OrientationField:
    """Directions of a texture on a grid of cells.

    Attributes:
        values: coherence · exp(2iθ) per cell, complex64 (rows, columns).
        cell: Side of a cell, px of the picture: cell (0, 0) covers the picture from its upper left corner.
        mean: The same for the whole part.
    """

    values: Complex
    cell: float
    mean: complex

    def at(self, points: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return direction and coherence (n,) at points (n, 2), (y, x) in px; beyond the picture, of its nearest cell.

        Between the middles of cells the values are interpolated linearly.
        """
        where = np.clip((np.asarray(points, np.float64) + 0.5) / self.cell - 0.5, 0, np.array(self.values.shape) - 1)
        low = np.minimum(where.astype(np.intp), np.maximum(np.array(self.values.shape) - 2, 0))
        high = np.minimum(low + 1, np.array(self.values.shape) - 1)
        (ty, tx), (y0, x0), (y1, x1) = (where - low).T, low.T, high.T
        upper = (1 - tx) * self.values[y0, x0] + tx * self.values[y0, x1]
        lower = (1 - tx) * self.values[y1, x0] + tx * self.values[y1, x1]
        found = (1 - ty) * upper + ty * lower
        return 0.5 * np.angle(found) % math.pi, np.abs(found).astype(np.float64)

    @property
    def overall(self) -> tuple[float, float]:
        """Direction and coherence of the whole part."""
        return direction_of(self.mean), abs(self.mean)

    def turned(self, flip_y: bool, flip_x: bool, quarter_turns: int) -> Self:
        """Return the field of the picture turned counter-clockwise, then flipped, as the picture's own array is.

        A quarter turn takes exp(2iθ) to its negative, a flip to its conjugate.
        """
        values = np.rot90(self.values, quarter_turns) * np.complex64((-1) ** quarter_turns)
        mean = self.mean * (-1) ** quarter_turns
        if flip_y:
            values = values[::-1]
        if flip_x:
            values = values[:, ::-1]
        if flip_y != flip_x:
            values, mean = values.conj(), mean.conjugate()
        return replace(self, values=np.ascontiguousarray(values), mean=mean)


def direction_of(value: complex) -> float:
    """Return θ of exp(2iθ), in [0, π)."""
    return 0.5 * math.atan2(value.imag, value.real) % math.pi


def orientation_field(gray: Float32, mask: BoolArray) -> OrientationField:
    """Measure which way a texture runs.

    Every cell votes with v = -Σ g² / Σ |g|², g = ∂I/∂x + i ∂I/∂y of the picture without its shading, where the
    sign turns the direction across the marks into that along them. Of the mean of votes of weights k the part that
    chance explains is taken off: c² = max(0, |Σ k v|² - 3 Σ k² |v|²) / ((Σ k)² - Σ k²).

    Args:
        gray: (H, W) float32 in [0, 1].
        mask: (H, W) bool, True on the part.
    """
    scale = max(1.0, max(gray.shape) / MAX_SIDE)
    if scale > 1.0:
        size = (max(1, round(gray.shape[1] / scale)), max(1, round(gray.shape[0] / scale)))
        gray = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.float32)
        mask = np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)) > 0
    votes, weights = _votes(gray, mask)
    reach = cv2.getGaussianKernel(2 * REACH_CELLS + 1, REACH).astype(np.float32)
    kernel = reach @ reach.T
    sums = [_around(part, kernel) for part in (weights * votes.real, weights * votes.imag, weights)]
    squares = [_around(part, kernel * kernel) for part in ((weights * np.abs(votes)) ** 2, weights * weights)]
    values = _beyond_chance(sums[0] + 1j * sums[1], squares[0], sums[2], squares[1])
    whole = [np.array(part.sum(dtype=np.float64)) for part in (weights, weights**2, (weights * np.abs(votes)) ** 2)]
    mean = _beyond_chance(np.array((weights * votes).sum(dtype=np.complex128)), whole[2], whole[0], whole[1])
    return OrientationField(values.astype(np.complex64), CELL * scale, complex(mean))


def _around(field: Float32, kernel: Float32) -> Float32:
    return np.asarray(cv2.filter2D(field, -1, kernel, borderType=cv2.BORDER_CONSTANT), np.float32)


def _beyond_chance(
    total: NDArray[np.complexfloating],
    squares: NDArray[np.floating],
    weight: NDArray[np.floating],
    own: NDArray[np.floating],
) -> NDArray[np.complexfloating]:
    """Return the mean vote with its length shortened by what chance explains; 0 where too few vote."""
    length = np.abs(total)
    pairs = weight**2 - own
    known = weight**2 >= LEAST_CELLS * own
    excess = np.where(known & (pairs > 0), length**2 - CHANCE * squares, 0.0)
    coherence = np.minimum(np.sqrt(np.maximum(excess, 0.0) / np.where(pairs > 0, pairs, 1.0)), 1.0)
    return np.asarray(coherence * total / np.maximum(length, 1e-12))


def _votes(gray: Float32, mask: BoolArray) -> tuple[Complex, Float32]:
    """Return the vote of each cell, complex64, and its weight, the share of its pixels that count."""
    real, imaginary, size, inner = _gradients(gray, mask)
    rows, columns = (max(1, math.ceil(length / CELL)) for length in gray.shape)
    sums = [_cells(part, rows, columns) for part in (real, imaginary, size, inner)]
    count = np.maximum(sums[3], 1.0)
    floor = np.float32(LEAST_GRADIENT**2)
    votes = -(sums[0] + 1j * sums[1]) / (sums[2] + floor * count)
    return votes.astype(np.complex64), (sums[3] / np.float32(CELL * CELL)).astype(np.float32)


def _cells(field: Float32, rows: int, columns: int) -> Float32:
    padded = np.zeros((rows * CELL, columns * CELL), np.float32)
    padded[: field.shape[0], : field.shape[1]] = field
    return np.asarray(padded.reshape(rows, CELL, columns, CELL).sum(axis=(1, 3)))


def _gradients(gray: Float32, mask: BoolArray) -> tuple[Float32, Float32, Float32, Float32]:
    """Return real and imaginary part of g², |g|² and where they count, all zero elsewhere."""
    part = _inside(mask, RIM)
    shading = _mean(gray * part) / np.maximum(_mean(part), 1e-3)
    fine = cv2.GaussianBlur((gray - shading) * part, (0, 0), GRADIENT_SIGMA, borderType=cv2.BORDER_REFLECT_101)
    gx = cv2.Scharr(fine, cv2.CV_32F, 1, 0, scale=1 / 32, borderType=cv2.BORDER_REFLECT_101)
    gy = cv2.Scharr(fine, cv2.CV_32F, 0, 1, scale=1 / 32, borderType=cv2.BORDER_REFLECT_101)
    inner = _inside(mask, OUTLINE_MARGIN)
    square = (gx * gx + gy * gy) * inner
    return (gx * gx - gy * gy) * inner, 2 * gx * gy * inner, square, inner


def _inside(mask: BoolArray, margin: int) -> Float32:
    """Return 1 where the part reaches ``margin`` px on; the picture's border is no outline."""
    box = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    return cv2.erode(mask.astype(np.uint8), box, borderType=cv2.BORDER_CONSTANT, borderValue=1).astype(np.float32)


def _mean(field: Float32) -> Float32:
    return np.asarray(cv2.blur(field, (SHADING_SIDE, SHADING_SIDE), borderType=cv2.BORDER_REFLECT_101), np.float32)

"""Coordinates and smooth random fields: the paper that procedural pictures are drawn on.

* :class:`Grid`, :func:`make_grid`, :func:`posed`, :func:`nudged`, :func:`folded`, :func:`cropped`: where pixels lie
  in a part's own frame.
* :func:`lattice_noise`, :func:`fractal`, :func:`cells`: random fields whose look does not depend on the resolution.
* :func:`linear`, :func:`mix`, :func:`smoothstep`: colours and ramps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Grid:
    """Pixel centres in a frame whose unit is half the picture's shorter side.

    Attributes:
        x: Rightwards, float32 (H, W); in an unposed grid 0 is the middle and the shorter side spans -1 .. 1.
        y: Downwards, likewise.
        px: Size of a pixel in that unit.
        affine: float64 (2, 3) with (x, y) = affine @ (column, row, 1), or None if the plane is folded.
    """

    x: Float32
    y: Float32
    px: float
    affine: NDArray[np.float64] | None

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self.x.shape[0], self.x.shape[1]

    @property
    def extent(self) -> tuple[float, float]:
        """Half width and half height of the picture in units of the unposed frame."""
        return self.shape[1] * self.px / 2, self.shape[0] * self.px / 2


def make_grid(width: int, height: int) -> Grid:
    """Return the grid of a picture of ``width`` x ``height`` pixels."""
    px = 2.0 / min(width, height)
    affine = np.array([[px, 0.0, (1 - width) * px / 2], [0.0, px, (1 - height) * px / 2]])
    return _grid((height, width), px, affine)


def posed(grid: Grid, x: float, y: float, angle: float = 0.0) -> Grid:
    """Return the coordinates in a frame centred at (x, y) and turned by ``angle`` rad clockwise on the screen."""
    cos, sin = np.cos(angle), np.sin(angle)
    if grid.affine is None:
        dx, dy = grid.x - np.float32(x), grid.y - np.float32(y)
        return folded(grid, cos * dx + sin * dy, cos * dy - sin * dx)
    turn = np.array([[cos, sin], [-sin, cos]])
    return _grid(grid.shape, grid.px, turn @ (grid.affine - [[0, 0, x], [0, 0, y]]))


def nudged(grid: Grid, rng: np.random.Generator, spread: float, angle: float = 0.0) -> Grid:
    """Return a frame turned by ``angle`` and moved at random by ``spread``, as a part never lies twice the same."""
    x, y = rng.normal(0, spread, 2)
    return posed(grid, float(x), float(y), angle)


def folded(grid: Grid, x: NDArray[Any], y: NDArray[Any]) -> Grid:
    """Return a grid with coordinates of its own, such as those of a repeated cell."""
    return Grid(as_float32(x), as_float32(y), grid.px, None)


def affine_of(grid: Grid) -> NDArray[np.float64]:
    """Return the map from pixel indices to coordinates.

    Raises:
        ValueError: The plane is folded, so there is none.
    """
    if grid.affine is None:
        msg = "a folded grid has no place for a window"
        raise ValueError(msg)
    return grid.affine


def cropped(grid: Grid, rows: slice, columns: slice) -> Grid:
    """Return the grid of a window of the picture."""
    whole = affine_of(grid)
    corner = whole @ [columns.start, rows.start, 1]
    affine = np.column_stack([whole[:, :2], corner])
    return Grid(grid.x[rows, columns], grid.y[rows, columns], grid.px, affine)


def as_float32(value: NDArray[Any]) -> Float32:
    """Return ``value`` as float32, without a copy if it is."""
    return np.asarray(value, np.float32)


def _grid(shape: tuple[int, int], px: float, affine: NDArray[np.float64]) -> Grid:
    rows, columns = np.arange(shape[0]), np.arange(shape[1])
    x, y = (
        (line[1] * rows + line[2]).astype(np.float32)[:, None] + (line[0] * columns).astype(np.float32)[None, :]
        for line in affine
    )
    return Grid(x, y, px, affine)


def lattice_noise(grid: Grid, rng: np.random.Generator, cells_x: float, cells_y: float | None = None) -> Float32:
    """Return smooth noise of about unit variance with ``cells`` bumps per unit length, float32 (H, W).

    Normal values on a lattice, interpolated with cubics; unequal cell numbers stretch the bumps.
    """
    (half_x, half_y), (height, width) = grid.extent, grid.shape
    columns = int(np.clip(np.ceil(2 * half_x * cells_x), 2, width))
    rows = int(np.clip(np.ceil(2 * half_y * (cells_y or cells_x)), 2, height))
    lattice = rng.standard_normal((rows, columns), dtype=np.float32)
    # 1.3: cubic interpolation between independent values keeps about 0.6 of their variance.
    return as_float32(1.3 * cv2.resize(lattice, (width, height), interpolation=cv2.INTER_CUBIC))


def fractal(grid: Grid, rng: np.random.Generator, cells: float, octaves: int = 4, gain: float = 0.5) -> Float32:
    """Return a sum of :func:`lattice_noise` at doubling frequencies, of about unit variance, float32 (H, W)."""
    total = np.zeros(grid.shape, np.float32)
    for octave in range(octaves):
        total += np.float32(gain**octave) * lattice_noise(grid, rng, cells * 2**octave)
    return as_float32(total / np.sqrt(sum(gain ** (2 * octave) for octave in range(octaves))))


def cells(grid: Grid, rng: np.random.Generator, per_unit: float) -> tuple[Float32, NDArray[np.int32]]:
    """Return the distance to the nearest of random points, in units, and that point's number, each (H, W)."""
    (half_x, half_y), (height, width) = grid.extent, grid.shape
    columns, rows = max(1, round(2 * half_x * per_unit)), max(1, round(2 * half_y * per_unit))
    jitter = rng.random((2, rows, columns))
    px = np.minimum(((np.arange(columns) + jitter[0]) * width / columns).astype(np.intp), width - 1)
    py = np.minimum(((np.arange(rows)[:, None] + jitter[1]) * height / rows).astype(np.intp), height - 1)
    seeds = np.ones((height, width), np.uint8)
    seeds[py, px] = 0
    distance, label = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    return distance.astype(np.float32) * np.float32(grid.px), label.astype(np.int32)


def linear(colour: str, channels: int = 3) -> Float32:
    """Return ``"#rrggbb"`` as linear light, float32 (3,), or its luminance (1,)."""
    code = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float64) / 255
    light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    if channels == 1:
        return np.array([light @ [0.2126, 0.7152, 0.0722]], np.float32)
    return light.astype(np.float32)


def mix(first: Float32, second: Float32, share: NDArray[Any]) -> Float32:
    """Return ``first`` where ``share`` (H, W) is 0, ``second`` where it is 1; colours are (C,) or (H, W, C)."""
    return as_float32(first + (second - first) * as_float32(share)[..., None])


def smoothstep(value: NDArray[Any], low: float, high: float) -> Float32:
    """Return the cubic ramp from 0 at ``low`` to 1 at ``high``."""
    t = as_float32(np.clip((value - np.float32(low)) * np.float32(1 / (high - low)), 0.0, 1.0))
    return as_float32(t * t * (3.0 - 2.0 * t))


def jittered(colour: Float32, rng: np.random.Generator, spread: float = 0.05) -> Float32:
    """Return a colour with batch variation: brightness by ``spread``, hue by a third of it."""
    return (colour * np.exp(rng.normal(0, spread) + rng.normal(0, spread / 3, colour.shape))).astype(np.float32)

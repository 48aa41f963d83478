"""Toy shapes to be beaten: masks with the size and width of a given mask, and no physics.

* :func:`tapered_arc`: a piece of a circle, widest in the middle.
* :func:`random_walk`: the track of a correlated random walk, of one width.
* :func:`ellipse`: the smooth blot that pits are often drawn as.
* :class:`Size` is what they take from the mask that they stand against.

Directions, turns and places are drawn; the bool mask (H, W) lies wholly on the picture, or as far as it fits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.shape_metrics import Metrics

Mask = NDArray[np.bool_]
Track = NDArray[np.float64]

DRAWS = 40
STEP = 0.5
"""Distance of the points of a track, px."""

TURN = math.pi
"""An arc turns by at most this angle over its length."""

PERSISTENCE = (0.5, 8.0)
"""Length over which a walk forgets its direction, in lengths of the walk, log-uniform: much less is a tangle."""

SHIFT = 4
"""Bits of a pixel's fraction when discs are drawn."""


@dataclass(frozen=True, slots=True)
class Size:
    """Length and mean width of a shape on a picture of (height, width), px.

    Attributes:
        length: Of the skeleton, or of the whole shape.
        width: Area over length.
        shape: Of the picture.
        whole: Whether the length is that of the whole shape, round ends and all.
    """

    length: float
    width: float
    shape: tuple[int, int]
    whole: bool = False

    @classmethod
    def of_crack(cls, metrics: Metrics, shape: tuple[int, int]) -> Size:
        """Return skeleton length and mean width of a crack."""
        return cls(metrics["skeleton_length_rel"] * max(shape), metrics["mean_width_px"], shape)

    @classmethod
    def of_region(cls, metrics: Metrics, shape: tuple[int, int]) -> Size:
        """Return the longer axis of the ellipse with a region's area and eccentricity, and its mean width."""
        ratio = math.sqrt(max(1 - metrics["eccentricity"] ** 2, 0.01))
        length = metrics["equiv_diameter_px"] / math.sqrt(ratio)
        return cls(length, 0.25 * math.pi * length * ratio, shape, whole=True)


def _stamp(track: Track, widths: Track, shape: tuple[int, int]) -> Mask:
    """Return the union of discs of the given widths at the points (y, x) of a track."""
    mask = np.zeros(shape, np.uint8)
    scale = 1 << SHIFT
    for (y, x), width in zip(np.rint(track * scale).astype(int), widths, strict=True):
        # A disc of radius r drawn on pixels is about 2 r + 1 of them wide.
        radius = max(0, round((width / 2 - 0.5) * scale))
        cv2.circle(mask, (int(x), int(y)), radius, 1, -1, cv2.LINE_8, SHIFT)
    return mask > 0


def _placed(track: Track, shape: tuple[int, int], rng: np.random.Generator) -> Track:
    """Turn and shift a track at random until it lies on the picture; at last, take the best of the draws."""
    best, most = track, -1.0
    for _ in range(DRAWS):
        angle = rng.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        moved = (track - track.mean(0)) @ turn.T + rng.random(2) * np.array(shape)
        inside = float(((moved >= 0) & (moved <= np.array(shape) - 1)).all(1).mean())
        if inside > most:
            best, most = moved, inside
        if inside == 1.0:
            break
    return best


def _points(length: float) -> int:
    return max(2, math.ceil(length / STEP) + 1)


def tapered_arc(size: Size, rng: np.random.Generator) -> Mask:
    """Return an arc whose width falls from 3/2 of the mean in the middle as a parabola to its ends."""
    along = np.linspace(0, 1, _points(size.length))
    heading = rng.uniform(-TURN, TURN) * along
    steps = np.stack([np.sin(heading), np.cos(heading)], axis=1) * (size.length / (len(along) - 1))
    widths = 6 * size.width * along * (1 - along)
    return _stamp(_placed(np.cumsum(steps, axis=0), size.shape, rng), widths, size.shape)


def random_walk(size: Size, rng: np.random.Generator) -> Mask:
    """Return the track of a walk whose heading diffuses: d<cos> / ds = -<cos> / persistence.

    It is reflected at the picture's border, so tracks of any length fit.
    """
    length, width = _spine(size) if size.whole else (size.length, size.width)
    count = _points(length)
    persistence = max(length, STEP) * float(np.exp(rng.uniform(*np.log(PERSISTENCE))))
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, math.sqrt(2 * STEP / persistence), count))
    track = np.cumsum(STEP * np.stack([np.sin(heading), np.cos(heading)], axis=1), axis=0)
    track += rng.random(2) * np.array(size.shape)
    limit = np.array(size.shape) - 1.0
    folded = np.abs((track + limit) % (2 * limit) - limit)
    return _stamp(folded, np.full(count, width), size.shape)


def _spine(size: Size) -> tuple[float, float]:
    """Return length and width of the straight track whose stroke has the area and eccentricity of a whole shape.

    A stroke of length s and width w = 2 r with round ends has the area A = s w + π r², and the second moments
    w s³ / 12 + π r² s² / 4 + 4 s r³ / 3 + π r⁴ / 4 along and s w³ / 12 + π r⁴ / 4 across.
    """
    area, ratio = size.length * size.width, min(4 * size.width / (math.pi * size.length), 1.0)

    def moments_ratio(slender: float) -> float:
        round_ends = math.pi / 64
        along = slender**3 / 12 + math.pi * slender**2 / 16 + slender / 6 + round_ends
        return math.sqrt((slender / 12 + round_ends) / along)

    low, high = 0.0, 100.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if moments_ratio(middle) > ratio else (low, middle)
    width = math.sqrt(area / (low + 0.25 * math.pi))
    return low * width, width


def ellipse(size: Size, rng: np.random.Generator) -> Mask:
    """Return a smooth ellipse with the axes of ``size``."""
    along = np.linspace(-0.5, 0.5, _points(size.length)) * size.length
    axis = _placed(np.stack([0 * along, along], axis=1), size.shape, rng)
    centre, direction = axis.mean(0), axis[-1] - axis[0]
    direction /= np.hypot(*direction)
    rows, columns = np.mgrid[: size.shape[0], : size.shape[1]]
    y, x = rows - centre[0], columns - centre[1]
    main, cross = y * direction[0] + x * direction[1], y * direction[1] - x * direction[0]
    return np.asarray((2 * main / size.length) ** 2 + (0.5 * math.pi * cross / size.width) ** 2 <= 1)


Rival = Callable[[Size, np.random.Generator], Mask]
CRACK_RIVALS: dict[str, Rival] = {"tapered arc": tapered_arc, "random walk": random_walk}
REGION_RIVALS: dict[str, Rival] = {**CRACK_RIVALS, "ellipse": ellipse}

"""One defect and its surroundings, as measurements see them.

* :class:`Measured` is what is read from a defect.
* :class:`View` cuts a defect out; :func:`defects_of` separates those of a mask.
* :func:`profiles` reads gray values across a rim or a line; :func:`fourth_power_mean`, :func:`spaced`,
  :func:`dilated` are shared helpers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.kernels.distance import euclidean_distance
from maphc2f.sample import Float32

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

LEAST_AREA = 8
"""Smaller components of a mask, px, are no defects."""

JOIN = 3
"""Components nearer than this, px, are one defect."""

RING = (3.0, 11.0)
"""Sound surface beside a defect lies this far outside its mask, px."""

MARGIN = 21
"""Surroundings that are cut out with a defect, px: what profiles and the ring need."""

STEP = 0.25
TANGENTIAL = (-2.0, -1.0, 0.0, 1.0, 2.0)
LEAST_GRAY, LEAST_RING = 6.0 / 255.0, 0.75
"""Profiles with less amplitude than these, display units and standard deviations of the ring, tell nothing."""

MAX_PROFILES = 400
MEASURING_BLUR = 0.5
"""Blur (sigma) that reading profiles adds, px: interpolation and the mean over tangential positions."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One defect as it looks; None where the picture does not tell.

    Attributes:
        contrast: Fourth-power mean of its change over the picture's unit of contrast.
        bright: Whether it is brighter than its surroundings.
        size: Length of a line, or diameter of the disk of a region's area, px.
        width: Width of a line at half its depth, without the optics' blur, px.
        shade: Mean change beside the mouth of a line over its amplitude: positive is of its own sign.
        unevenness: Spread of a line's depth along it, over its mean.
        darkening: Fourth-power mean of a region's change over the level of its surroundings.
        edge: Softness (sigma) of a region's rim besides the optics' blur, px.
        roughness: Fine texture inside a region over the surface's own.
        variation: Tones of a region from its 10th to its 90th percentile, over its amplitude: 0 is one even tone.
        colour: Change of a region's chromaticity, as the norm of its logarithms.
    """

    contrast: float
    bright: bool
    size: float
    width: float | None = None
    shade: float | None = None
    unevenness: float | None = None
    darkening: float | None = None
    edge: float | None = None
    roughness: float | None = None
    variation: float | None = None
    colour: float | None = None


@dataclass(frozen=True, slots=True)
class View:
    """The surroundings of one defect.

    Attributes:
        image: (H, W, C) float32 in [0, 1].
        gray: (H, W), mean of the channels.
        mask: Of the defect.
        ring: Sound surface beside it.
        level: Median gray of the ring.
        spread: Its standard deviation.
    """

    image: Float32
    gray: Float32
    mask: Mask
    ring: Mask
    level: float
    spread: float

    @classmethod
    def of(cls, image: Float32, every: Mask, part: Mask) -> View:
        """Cut ``part`` out of a picture (H, W, C) in which ``every`` is no sound surface."""
        rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
        box = (
            slice(max(0, rows[0] - MARGIN), rows[-1] + MARGIN + 1),
            slice(max(0, columns[0] - MARGIN), columns[-1] + MARGIN + 1),
        )
        gray = np.ascontiguousarray(image[box].mean(axis=2, dtype=np.float32))
        own, others = np.ascontiguousarray(part[box]), every[box] & ~part[box]
        outside = euclidean_distance(1 - own.astype(np.uint8))
        ring = (outside >= RING[0]) & (outside <= RING[1]) & ~dilated(others, int(RING[0]))
        # A mask that fills its surroundings leaves no ring: then all that is not defect, or everything.
        ring = next(choice for choice in (ring, ~own, np.ones_like(own)) if choice.any())
        values = gray[ring]
        return cls(image[box], gray, own, ring, float(np.median(values)), float(values.std()))

    @property
    def least(self) -> float:
        """Amplitude from which a profile tells something, display units."""
        return max(LEAST_GRAY, LEAST_RING * self.spread)


def dilated(mask: Mask, radius: int) -> Mask:
    """Return a mask grown by ``radius`` px to all sides, squares included."""
    side = 2 * radius + 1
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0, np.bool_)


def defects_of(mask: Mask) -> Iterator[Mask]:
    """Yield the defects of a mask: groups of components less than JOIN px apart, of at least LEAST_AREA."""
    count, labels = cv2.connectedComponents(dilated(mask, JOIN // 2 + 1).astype(np.uint8))
    for label in range(1, count):
        part = mask & (labels == label)
        if int(part.sum()) >= LEAST_AREA:
            yield part


def spaced(points: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return at most MAX_PROFILES of the points, evenly."""
    return points[:: max(1, -(-len(points) // MAX_PROFILES))]


def profiles(view: View, points: Floats, normals: Floats, reach: Floats) -> Float32:
    """Return gray values (n, len(reach)) along ``normals`` (n, 2) from ``points`` (n, 2), (y, x)."""
    tangents = np.stack([-normals[:, 1], normals[:, 0]], axis=1)
    total = np.zeros((len(points), len(reach)), np.float32)
    for shift in TANGENTIAL:
        start = points + shift * tangents
        place = start[:, None, :] + reach[None, :, None] * normals[:, None, :]
        y, x = (np.ascontiguousarray(place[..., axis], np.float32) for axis in (0, 1))
        total += cv2.remap(view.gray, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(total / np.float32(len(TANGENTIAL)), np.float32)


def fourth_power_mean(values: NDArray[np.floating]) -> float:
    """Return the fourth root of the mean fourth power: near the strongest values, without resting on one."""
    return float(np.mean(np.asarray(values, np.float64) ** 4) ** 0.25)

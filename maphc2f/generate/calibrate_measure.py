"""How one real defect looks, measured along the normals of its mask.

* :func:`measure_picture` gives one :class:`Measured` for each defect of a picture.

Contrasts are multiples of the picture's unit of contrast, as the renderer takes them; lengths are pixels. The fine
structure of a mask drawn by hand says little, so widths and rims are read from the picture: profiles are averaged over
five tangential positions, and a crack is looked for within DRIFT px of the ridge of its mask.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import erfinv

from maphc2f.kernels.distance import euclidean_distance
from maphc2f.quality.invariants import centreline
from maphc2f.render.contrast import contrast_unit
from maphc2f.render.line import MAX_ABSORPTION
from maphc2f.render.operators import PIXEL_VARIANCE
from maphc2f.render.statistics import TEXTURE_SIGMA, estimate_statistics
from maphc2f.render.window import PictureStatistics
from maphc2f.sample import Float32

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

LEAST_AREA = 8
"""Smaller components of a mask, px, are no defects."""

JOIN = 3
"""Components nearer than this, px, are one defect."""

RING = (3.0, 11.0)
"""Sound surface beside a defect lies this far outside its mask, px."""

CLEAR = 12
"""Statistics of the surface are taken this far from every mask, px."""

STEP = 0.25
ACROSS_LINE = 10.0
INTO, OUT_OF = 6.0, 8.0
"""Profiles reach this far to both sides of a ridge, into a region and out of it, px."""

TANGENTIAL = (-2.0, -1.0, 0.0, 1.0, 2.0)
DRIFT = 3.0
LEAST_GRAY, LEAST_RING = 6.0 / 255.0, 0.75
"""Profiles with less amplitude than these, display units and standard deviations of the ring, tell nothing."""

MAX_PROFILES = 400
MEASURING_BLUR = 0.5
"""Blur (sigma) that the measurement of a rim adds, px: interpolation and the mean over tangential positions."""

BISECTIONS = 30
MOST_COVERED = 0.95
"""Coverage beyond which darkness says no more about width."""

WIDTH_10_90 = 2.563
"""10-90 % width of a step blurred by a Gaussian, in sigmas."""

LEAST_WIDTH = 0.4
"""No crack that is seen is taken for narrower, px: below the optics, width and contrast cannot be told apart."""

CORE = 2.0
LEAST_CORE = 24
"""Texture inside a region is read this far from its rim, px, if so many pixels lie there."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One defect as it looks; None where the picture does not tell.

    Attributes:
        contrast: Fourth-power mean of its change over the picture's unit of contrast.
        bright: Whether it is brighter than its surroundings.
        size: Length of a line, or diameter of the disk of a region's area, px.
        width: Width of a line without the optics' blur, px.
        edge: Softness (sigma) of a region's rim besides the optics' blur, px.
        roughness: Fine texture inside a region over the surface's own.
    """

    contrast: float
    bright: bool
    size: float
    width: float | None = None
    edge: float | None = None
    roughness: float | None = None


def measure_picture(image: Float32, mask: Mask, *, line: bool) -> list[Measured]:
    """Measure every defect of a picture.

    Args:
        image: (H, W, C) float32 in [0, 1].
        mask: bool (H, W), True on the defects.
        line: Whether they are cracks, else regions.

    Returns:
        One entry for each group of mask components less than JOIN px apart; those below LEAST_AREA, or of which no
        profile stands out from its surroundings, are left out.
    """
    statistics = estimate_statistics(image, ~_dilated(mask, CLEAR))
    gray = np.ascontiguousarray(image.mean(axis=2, dtype=np.float32))
    found = []
    for part in _defects(mask):
        view = _View.of(gray, mask, part)
        measured = _line(view, statistics) if line else _region(view, statistics)
        if measured is not None:
            found.append(measured)
    return found


@dataclass(frozen=True, slots=True)
class _View:
    """The surroundings of one defect: gray (H, W), its own mask, distance outside it, ring of sound surface."""

    gray: Float32
    mask: Mask
    outside: Float32
    level: float
    spread: float

    @classmethod
    def of(cls, gray: Float32, every: Mask, part: Mask) -> _View:
        rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
        margin = int(ACROSS_LINE + RING[1])
        box = (
            slice(max(0, rows[0] - margin), rows[-1] + margin + 1),
            slice(max(0, columns[0] - margin), columns[-1] + margin + 1),
        )
        own, others = np.ascontiguousarray(part[box]), every[box] & ~part[box]
        outside = euclidean_distance(1 - own.astype(np.uint8))
        ring = (outside >= RING[0]) & (outside <= RING[1]) & ~_dilated(others, int(RING[0]))
        values = gray[box][ring] if ring.any() else gray[box][~own]
        values = values if values.size else gray.ravel()
        return cls(np.ascontiguousarray(gray[box]), own, outside, float(np.median(values)), float(values.std()))

    @property
    def least(self) -> float:
        """Amplitude from which a profile tells something, display units."""
        return max(LEAST_GRAY, LEAST_RING * self.spread)


def _dilated(mask: Mask, radius: int) -> Mask:
    side = 2 * radius + 1
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0, np.bool_)


def _defects(mask: Mask) -> Iterator[Mask]:
    count, labels = cv2.connectedComponents(_dilated(mask, JOIN // 2 + 1).astype(np.uint8))
    for label in range(1, count):
        part = mask & (labels == label)
        if int(part.sum()) >= LEAST_AREA:
            yield part


def _spaced(points: NDArray[np.intp]) -> NDArray[np.intp]:
    return points[:: max(1, -(-len(points) // MAX_PROFILES))]


def _profiles(view: _View, points: Floats, normals: Floats, reach: Floats) -> Float32:
    """Return gray values (n, len(reach)) along ``normals`` (n, 2) from ``points`` (n, 2), (y, x)."""
    tangents = np.stack([-normals[:, 1], normals[:, 0]], axis=1)
    total = np.zeros((len(points), len(reach)), np.float32)
    for shift in TANGENTIAL:
        start = points + shift * tangents
        place = start[:, None, :] + reach[None, :, None] * normals[:, None, :]
        y, x = (np.ascontiguousarray(place[..., axis], np.float32) for axis in (0, 1))
        total += cv2.remap(view.gray, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(total / np.float32(len(TANGENTIAL)), np.float32)


def _fourth_power_mean(values: NDArray[np.floating]) -> float:
    return float(np.mean(np.asarray(values, np.float64) ** 4) ** 0.25)


# --- lines ---------------------------------------------------------------------------------------------------------


def _line(view: _View, statistics: PictureStatistics) -> Measured | None:
    ridge = np.argwhere(centreline(view.mask.astype(np.uint8)))
    points = _spaced(ridge)
    reach = np.arange(-ACROSS_LINE, ACROSS_LINE + STEP / 2, STEP)
    profiles = _profiles(view, points.astype(np.float64), _across(view.mask, points), reach)
    base = np.median(profiles[:, np.abs(reach) >= ACROSS_LINE - DRIFT], axis=1, keepdims=True)
    change, near = profiles - base, np.abs(reach) <= DRIFT
    sign = -1.0 if float(np.median(change[:, near].mean(1))) < 0 else 1.0
    change = sign * change
    peaks = np.where(near, change, -np.inf).argmax(1)
    heights = change[np.arange(len(change)), peaks]
    usable = heights >= view.least
    if not usable.any():
        return None
    widths = [_full_width(row, peak) for row, peak in zip(change[usable], peaks[usable], strict=True)]
    blur = statistics.psf_sigma**2 + PIXEL_VARIANCE + MEASURING_BLUR**2
    amplitude, sigma = _fourth_power_mean(heights[usable]), math.sqrt(blur)
    width = strip_width(float(np.median(widths)), sigma)
    if sign < 0:
        width = max(width, black_width(amplitude / view.level, sigma))
    return Measured(
        contrast=amplitude / contrast_unit(statistics),
        bright=sign > 0,
        size=_length(view.mask),
        width=width,
    )


def strip_width(full_width: float, sigma: float) -> float:
    """Return the width w, px, of a strip that a Gaussian of ``sigma`` px shows ``full_width`` px wide at half its peak.

    The strip is seen as c(x) = ½ [erf((w/2 - x) / (√2 σ)) + erf((w/2 + x) / (√2 σ))]; w solves c(F/2) = c(0) / 2 by
    bisection. Below 2.355 σ, what a line without width shows, it is LEAST_WIDTH.
    """
    scale, middle = math.sqrt(2.0) * sigma, 0.5 * full_width
    low, high = LEAST_WIDTH, max(2.0 * full_width, LEAST_WIDTH)
    for _ in range(BISECTIONS):
        half = 0.25 * (low + high)
        at_half = 0.5 * (math.erf((half - middle) / scale) + math.erf((half + middle) / scale))
        if at_half > 0.5 * math.erf(half / scale):
            high = 2.0 * half
        else:
            low = 2.0 * half
    return 0.5 * (low + high)


def black_width(contrast: float, sigma: float) -> float:
    """Return the least width, px, of a dark groove that shows ``contrast`` = A / I through a Gaussian of ``sigma`` px.

    A black groove covers α = erf(w / (2 √2 σ)) of what a pixel at its middle sees, and display codes go like the square
    root of light: k α = 1 - (1 - A / I)² with the renderer's largest absorption k. A narrower one could not be drawn.
    """
    covered = (1.0 - max(1.0 - contrast, 0.0) ** 2) / MAX_ABSORPTION
    return 2.0 * math.sqrt(2.0) * sigma * float(erfinv(min(covered, MOST_COVERED)))


def _across(mask: Mask, points: NDArray[np.intp]) -> Floats:
    """Return unit vectors (n, 2), (y, x), across a thin mask: its structure tensor, so that stairs do not turn them."""
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5)
    dy, dx = np.gradient(soft)
    jyy, jxx, jxy = (cv2.GaussianBlur(product, (0, 0), 3.0) for product in (dy * dy, dx * dx, dx * dy))
    angle = 0.5 * np.arctan2(2.0 * jxy, jxx - jyy)[points[:, 0], points[:, 1]].astype(np.float64)
    return np.stack([np.sin(angle), np.cos(angle)], axis=1)


def _full_width(change: Float32, peak: int) -> float:
    """Return the width, px, over which a profile stays above half of its peak."""
    low = change < 0.5 * change[peak]
    left, right = np.flatnonzero(low[:peak]), np.flatnonzero(low[peak:])
    start = int(left[-1]) + 1 if len(left) else 0
    stop = peak + int(right[0]) if len(right) else len(change)
    return (stop - start) * STEP


def _length(mask: Mask) -> float:
    """Return area over mean width: the length of a thin mask, px.

    On the ridge of the distance r to the border, 2 r - 1 is the width of odd strips and 1 px less than that of even
    ones: 2 r - ½ errs by half a pixel at most.
    """
    inner = euclidean_distance(np.pad(mask.astype(np.uint8), 1))[1:-1, 1:-1]
    highest = np.asarray(cv2.dilate(inner, np.ones((3, 3), np.uint8)))
    return float(mask.sum()) / float(2.0 * inner[mask & (inner >= highest)].mean() - 0.5)


# --- regions -------------------------------------------------------------------------------------------------------


def _region(view: _View, statistics: PictureStatistics) -> Measured | None:
    smooth = cv2.GaussianBlur(view.gray, (0, 0), 1.0)
    change = (smooth - view.level)[view.mask]
    amplitude = _fourth_power_mean(change)
    if amplitude < LEAST_GRAY:
        return None
    return Measured(
        contrast=amplitude / contrast_unit(statistics),
        bright=float(change.mean()) > 0,
        size=2.0 * math.sqrt(float(view.mask.sum()) / math.pi),
        edge=_edge(view, statistics),
        roughness=_roughness(view, statistics),
    )


def _edge(view: _View, statistics: PictureStatistics) -> float | None:
    """Return the softness of the rim, px: σ_e² = (w / 2.563)² - σ_psf² - 1/12 - σ_m² with 10-90 % width w."""
    hard = view.mask.astype(np.uint8)
    points = _spaced(np.argwhere(view.mask & (cv2.erode(hard, np.ones((3, 3), np.uint8)) == 0)))
    soft = cv2.GaussianBlur(hard.astype(np.float32), (0, 0), 2.0)
    gradient = np.stack(np.gradient(soft), axis=-1)[points[:, 0], points[:, 1]].astype(np.float64)
    length = np.linalg.norm(gradient, axis=1, keepdims=True)
    usable = length[:, 0] > 1e-3
    reach = np.arange(-OUT_OF, INTO + STEP / 2, STEP)
    profiles = _profiles(view, points[usable].astype(np.float64), gradient[usable] / length[usable], reach)
    widths = [width for row in profiles if (width := _transition(row, view.least)) is not None]
    if not widths:
        return None
    sigma = float(np.median(widths)) / WIDTH_10_90
    blur = statistics.psf_sigma**2 + PIXEL_VARIANCE + MEASURING_BLUR**2
    return math.sqrt(max(sigma * sigma - blur, 0.0))


def _transition(profile: Float32, least: float) -> float | None:
    """Return the 10-90 % width, px, from the median of the outer 4 px to the extreme value inside; None if too weak."""
    outer = round(OUT_OF / STEP)
    base = float(np.median(profile[: round(4.0 / STEP)]))
    change = profile - base
    peak = outer - round(2.0 / STEP) + int(np.abs(change[outer - round(2.0 / STEP) :]).argmax())
    if abs(change[peak]) < least:
        return None
    share = change / change[peak]
    high = np.flatnonzero(share[: peak + 1] < 0.9)
    low = np.flatnonzero(share[: peak + 1] < 0.1)
    if not len(high) or not len(low):
        return None
    return (float(high[-1]) - float(low[-1])) * STEP


def _roughness(view: _View, statistics: PictureStatistics) -> float | None:
    """Return the standard deviation of what is finer than TEXTURE_SIGMA px well inside, over the surface's own."""
    hard = np.pad(view.mask.astype(np.uint8), 1)
    core = euclidean_distance(hard)[1:-1, 1:-1] > CORE
    if int(core.sum()) < LEAST_CORE or statistics.texture_std <= 0:
        return None
    weight = core.astype(np.float32)
    share = np.maximum(cv2.GaussianBlur(weight, (0, 0), TEXTURE_SIGMA), 1e-6)
    fine = view.gray - cv2.GaussianBlur(view.gray * weight, (0, 0), TEXTURE_SIGMA) / share
    return float(fine[core].std()) / statistics.texture_std

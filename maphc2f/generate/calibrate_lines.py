"""How a real crack looks, read from profiles across the ridge of its mask.

* :func:`measure_line` measures one; :func:`strip_width` takes the optics out of a width.

Masks drawn by hand are generous, so a crack is looked for within DRIFT px of the ridge of its mask.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.generate.calibrate_view import (
    MEASURING_BLUR,
    STEP,
    Floats,
    Mask,
    Measured,
    View,
    fourth_power_mean,
    profiles,
    spaced,
)
from maphc2f.kernels.distance import euclidean_distance
from maphc2f.quality.invariants import centreline
from maphc2f.render.contrast import contrast_unit
from maphc2f.render.operators import PIXEL_VARIANCE
from maphc2f.render.window import PictureStatistics
from maphc2f.sample import Float32

ACROSS = 10.0
"""Profiles reach this far to both sides of a ridge, px."""

DRIFT = 3.0
BASE = 3.0
"""The outermost part of a profile, px, is taken for the sound surface."""

MOUTH_LEVEL = 0.25
"""Depth over that of the middle down to which the mouth reaches."""

BESIDE = (1.0, 4.0)
"""Shade is read this far beyond the mouth, px."""

BISECTIONS = 30
LEAST_WIDTH = 0.4
"""No crack that is seen is taken for narrower, px: below the optics, width and contrast cannot be told apart."""


def measure_line(view: View, statistics: PictureStatistics) -> Measured | None:
    """Return how a crack looks, or None if no profile stands out from its surroundings."""
    ridge = np.argwhere(centreline(view.mask.astype(np.uint8)))
    points = spaced(ridge)
    reach = np.arange(-ACROSS, ACROSS + STEP / 2, STEP)
    read = profiles(view, points.astype(np.float64), _across(view.mask, points), reach)
    base = np.median(read[:, np.abs(reach) >= ACROSS - BASE], axis=1, keepdims=True)
    change, near = read - base, np.abs(reach) <= DRIFT
    sign = -1.0 if float(np.median(change[:, near].mean(1))) < 0 else 1.0
    change = sign * change
    peaks = np.where(near, change, -np.inf).argmax(1)
    heights = change[np.arange(len(change)), peaks]
    usable = heights >= view.least
    if not usable.any():
        return None
    amplitude = fourth_power_mean(heights[usable])
    widths = [_full_width(row, peak, 0.5) for row, peak in zip(change[usable], peaks[usable], strict=True)]
    blur = statistics.psf_sigma**2 + PIXEL_VARIANCE + MEASURING_BLUR**2
    return Measured(
        contrast=amplitude / contrast_unit(statistics),
        bright=sign > 0,
        size=_length(view.mask),
        width=strip_width(float(np.median(widths)), math.sqrt(blur)),
        shade=_shade(_aligned(change[usable], peaks[usable])),
        unevenness=float(heights.std() / max(float(heights.mean()), 1e-6)),
    )


def _aligned(change: Float32, peaks: NDArray[np.intp]) -> Float32:
    """Return the mean of profiles (n, m) shifted so that their peaks lie in the middle, less DRIFT px at either end."""
    half = change.shape[1] // 2 - round(DRIFT / STEP)
    places = peaks[:, None] + np.arange(-half, half + 1)[None, :]
    return np.asarray(np.take_along_axis(change, places, axis=1).mean(axis=0), np.float32)


def _shade(mean: Float32) -> float:
    """Return the mean change beside the mouth over the depth, of a mean profile."""
    middle = len(mean) // 2
    mouth = _full_width(mean, middle, MOUTH_LEVEL)
    away = np.abs(np.arange(len(mean)) - middle) * STEP - 0.5 * mouth
    beside = (away >= BESIDE[0]) & (away <= BESIDE[1])
    return float(mean[beside].mean() / mean[middle]) if beside.any() else 0.0


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


def _across(mask: Mask, points: NDArray[np.intp]) -> Floats:
    """Return unit vectors (n, 2), (y, x), across a thin mask: its structure tensor, so that stairs do not turn them."""
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5)
    dy, dx = np.gradient(soft)
    jyy, jxx, jxy = (cv2.GaussianBlur(product, (0, 0), 3.0) for product in (dy * dy, dx * dx, dx * dy))
    angle = 0.5 * np.arctan2(2.0 * jxy, jxx - jyy)[points[:, 0], points[:, 1]].astype(np.float64)
    return np.stack([np.sin(angle), np.cos(angle)], axis=1)


def _full_width(change: Float32, peak: int, level: float) -> float:
    """Return the width, px, over which a profile stays above ``level`` times its peak."""
    low = change < level * change[peak]
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

"""How one real defect looks, measured along the normals of its mask.

* :func:`measure_picture` gives one :class:`~maphc2f.generate.calibrate_view.Measured` for each defect of a picture.
* :func:`surface_statistics` are those of the sound surface, in whose units contrasts are given.

Contrasts are multiples of the picture's unit of contrast, as the renderer takes them; lengths are pixels. The fine
structure of a mask drawn by hand says little, so widths and rims are read from the picture: profiles are averaged over
five tangential positions.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from maphc2f.generate.calibrate_lines import measure_line
from maphc2f.generate.calibrate_view import (
    LEAST_GRAY,
    MEASURING_BLUR,
    STEP,
    Mask,
    Measured,
    View,
    defects_of,
    dilated,
    fourth_power_mean,
    profiles,
    spaced,
)
from maphc2f.kernels.distance import euclidean_distance
from maphc2f.render.contrast import contrast_unit
from maphc2f.render.operators import PIXEL_VARIANCE
from maphc2f.render.statistics import TEXTURE_SIGMA, estimate_statistics
from maphc2f.render.window import PictureStatistics
from maphc2f.sample import Float32

CLEAR = 12
"""Statistics of the surface are taken this far from every mask, px."""

INTO, OUT_OF = 6.0, 8.0
"""Profiles reach this far into a region and out of it, px."""

WIDTH_10_90 = 2.563
"""10-90 % width of a step blurred by a Gaussian, in sigmas."""

TONES = (10.0, 90.0)
"""Percentiles of the change between which the tones of a region lie."""

CORE = 2.0
LEAST_CORE = 24
"""Texture inside a region is read this far from its rim, px, if so many pixels lie there."""

LEAST_CODE = 0.02
"""Display value below which colours are not told apart."""


def surface_statistics(image: Float32, defects: Mask) -> PictureStatistics:
    """Return the statistics of a picture (H, W, C) where it is CLEAR px away from its ``defects``, bool (H, W)."""
    return estimate_statistics(image, ~dilated(defects, CLEAR))


def measure_picture(
    image: Float32,
    mask: Mask,
    *,
    line: bool,
    other: Mask | None = None,
    statistics: PictureStatistics | None = None,
) -> list[Measured]:
    """Measure every defect of a picture.

    Args:
        image: (H, W, C) float32 in [0, 1].
        mask: bool (H, W), True on the defects.
        line: Whether they are cracks, else regions.
        other: What is neither sound surface nor to be measured, bool (H, W); None: nothing.
        statistics: Of the surface, where ``image`` is only a part of the picture; None: estimated.

    Returns:
        One entry for each group of mask components less than JOIN px apart; those below LEAST_AREA, or of which no
        profile stands out from its surroundings, are left out.
    """
    every = mask if other is None else mask | other
    statistics = statistics or surface_statistics(image, every)
    found = []
    for part in defects_of(mask):
        view = View.of(image, every, part)
        measured = measure_line(view, statistics) if line else _region(view, statistics)
        if measured is not None:
            found.append(measured)
    return found


def _region(view: View, statistics: PictureStatistics) -> Measured | None:
    smooth = cv2.GaussianBlur(view.gray, (0, 0), 1.0)
    change = (smooth - view.level)[view.mask]
    amplitude = fourth_power_mean(change)
    if amplitude < LEAST_GRAY:
        return None
    low, high = np.percentile(change, TONES)
    return Measured(
        contrast=amplitude / contrast_unit(statistics),
        bright=float(change.mean()) > 0,
        size=2.0 * math.sqrt(float(view.mask.sum()) / math.pi),
        darkening=amplitude / max(view.level, LEAST_CODE),
        edge=_edge(view, statistics),
        roughness=_roughness(view, statistics),
        variation=float(high - low) / amplitude,
        colour=_colour(view),
    )


def _colour(view: View) -> float | None:
    """Return |c| with c_k = ln(I_k / I_k⁰) less its mean over the channels k; I inside, I⁰ beside; None if gray."""
    if view.image.shape[2] == 1:
        return None
    inside, beside = (np.maximum(view.image[where].mean(axis=0), LEAST_CODE) for where in (view.mask, view.ring))
    change = np.log(inside / beside)
    return float(np.linalg.norm(change - change.mean()))


def _edge(view: View, statistics: PictureStatistics) -> float | None:
    """Return the softness of the rim, px: σ_e² = (w / 2.563)² - σ_psf² - 1/12 - σ_m² with 10-90 % width w."""
    hard = view.mask.astype(np.uint8)
    points = spaced(np.argwhere(view.mask & (cv2.erode(hard, np.ones((3, 3), np.uint8)) == 0)))
    soft = cv2.GaussianBlur(hard.astype(np.float32), (0, 0), 2.0)
    gradient = np.stack(np.gradient(soft), axis=-1)[points[:, 0], points[:, 1]].astype(np.float64)
    length = np.linalg.norm(gradient, axis=1, keepdims=True)
    usable = length[:, 0] > 1e-3
    reach = np.arange(-OUT_OF, INTO + STEP / 2, STEP)
    read = profiles(view, points[usable].astype(np.float64), gradient[usable] / length[usable], reach)
    widths = [width for row in read if (width := _transition(row, view.least)) is not None]
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


def _roughness(view: View, statistics: PictureStatistics) -> float | None:
    """Return the standard deviation of what is finer than TEXTURE_SIGMA px well inside, over the surface's own."""
    hard = np.pad(view.mask.astype(np.uint8), 1)
    core = euclidean_distance(hard)[1:-1, 1:-1] > CORE
    if int(core.sum()) < LEAST_CORE or statistics.texture_std <= 0:
        return None
    weight = core.astype(np.float32)
    share = np.maximum(cv2.GaussianBlur(weight, (0, 0), TEXTURE_SIGMA), 1e-6)
    fine = view.gray - cv2.GaussianBlur(view.gray * weight, (0, 0), TEXTURE_SIGMA) / share
    return float(fine[core].std()) / statistics.texture_std

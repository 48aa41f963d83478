"""SQE v1: six terms in [0, 1] and their weighted geometric mean, without weights learnt from data.

* :class:`ScoredWindow`: what is scored.
* :func:`physics_term`, :func:`boundary_term`, :func:`texture_term`, :func:`visibility_term`, :func:`placement_term`,
  :func:`agreement_term`: one question each, see their docstrings.
* :func:`sqe_terms`: all six by name; :func:`upper_quartile`: a quantile of the visibility term.
* :func:`sqe_score`: one number of them.

NumPy and OpenCV only, in a fixed order of operations: the same bits with or without any optional package.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from maphc2f.quality.invariants import change_shares, visible_threshold
from maphc2f.render.contrast import contrast_unit
from maphc2f.render.window import PictureStatistics
from maphc2f.sample import Float32, UInt8

WEIGHTS: Mapping[str, float] = {
    "physics": 1.0,
    "boundary": 1.5,
    "texture": 1.0,
    "visibility": 1.5,
    "placement": 1.0,
    "agreement": 2.0,
}
"""Exponents of the geometric mean. What a detector learns first (does the label say what the picture shows, can it be
seen, is its rim that of a picture) weighs most. They are a choice, not a fit."""

TERM_FLOOR = 0.02
"""A term below this counts as this: one hopeless term sinks a sample without erasing the others."""

SOLVER_SCALE = 0.1
RESIDUAL_SCALE = 4.0
"""Relative residuals at which the physics term has fallen to one half."""

SHARP_TOLERANCE = 0.45
SOFT_TOLERANCE = 0.9
TEXTURE_TOLERANCE = 0.6
"""Natural logarithm of the ratio (to the expected) at which a term has fallen to exp(-1/2). No lens gives an edge
sharper than itself, but a dent or a stain may well be softer."""

VISIBILITY_RISE = (0.4, 1.2)
VISIBILITY_FALL = (9.0, 18.0)
"""Contrast to noise: invisible below the first, plain from the second, less and less credible from the third on."""

GARISH_SCORE = 0.3
SEVERITY_DEMAND = 1.0
"""How much more contrast a defect of severity 1 must have to count as plain than one of severity 0."""

PLAUSIBLE_AREA = 0.5
"""Share of the part above which a defect is less plausible."""

CLEAR_SHARE = 0.5
"""Share of the contour that must show a change for the boundary to be judged at full weight."""

DIFFERENCE_VARIANCE = 1.0 / 3.0
"""What a central difference adds to the variance of a step's slope, px²."""

SQUARE = np.ones((3, 3), np.uint8)
NEIGHBOURHOOD = np.ones((7, 7), np.uint8)
"""Inside and outside of the contour are read within 3 px of it."""

RING = (2.0, 8.0)
"""Distances from the mask between which the surroundings are read, px."""

BESIDE = (1.5, 4.0)
"""The same for the texture beside a line, which has no inside but its own profile."""

ROUGH_SHARE = 0.35
"""Share of the unit of contrast that exposed, rough material may bring into the finest band."""


@dataclass(frozen=True, slots=True)
class ScoredWindow:
    """A finished window with what is known about it; float32 (H, W) in [0, 1] unless said.

    Attributes:
        original: Good picture (H, W, C).
        picture: Finished picture (H, W, C).
        soft_mask: Its soft mask.
        foreground: 1 on the part.
        statistics: Of the whole picture.
        residuals: Of the refinement, by name.
        solver_residual: Of the simulation, relative.
        change_radius: See :class:`~maphc2f.render.window.WindowResult`.
        severity: 0 .. 1.
        is_line: Whether the defect is a line.
        part_area: Area of the whole foreground of the picture, px; 0: that of the window.
    """

    original: Float32
    picture: Float32
    soft_mask: Float32
    foreground: Float32
    statistics: PictureStatistics
    residuals: Mapping[str, float]
    solver_residual: float
    change_radius: float
    severity: float
    is_line: bool
    part_area: float = 0.0


def _gray(picture: Float32) -> Float32:
    """Return the mean of the channels, (H, W); channel by channel, which is faster than a reduction of length 3."""
    total = picture[:, :, 0]
    for channel in range(1, picture.shape[2]):
        total = total + picture[:, :, channel]
    return np.ascontiguousarray(total * np.float32(1.0 / picture.shape[2]))


def _hard(window: ScoredWindow) -> UInt8:
    return np.asarray(window.soft_mask >= 0.5, dtype=np.uint8)


def _eroded(hard: UInt8) -> UInt8:
    """Return the hard mask less its outermost pixels, or whole where nothing would be left."""
    inner = np.asarray(cv2.erode(hard, SQUARE), dtype=np.uint8)
    return inner if inner.any() else hard


def _ring(mask: UInt8, distances: tuple[float, float]) -> UInt8:
    """Return the pixels between two distances from the mask."""
    distance = np.asarray(cv2.distanceTransform(1 - mask, cv2.DIST_L2, cv2.DIST_MASK_3))
    return np.asarray((distance > distances[0]) & (distance <= distances[1]), dtype=np.uint8)


def _log_normal(ratio: float, tolerance: float) -> float:
    """Return exp(-ln²(ratio) / 2 tolerance²): 1 at ratio 1, the same for twice and half."""
    return math.exp(-0.5 * (math.log(max(ratio, 1e-6)) / tolerance) ** 2)


def physics_term(window: ScoredWindow) -> float:
    """Return whether solver and refinement converged: geometric mean of 1 / (1 + r / r₀) over their residuals."""
    scores = [1.0 / (1.0 + max(window.solver_residual, 0.0) / SOLVER_SCALE)]
    scores += [1.0 / (1.0 + max(value, 0.0) / RESIDUAL_SCALE) for _, value in sorted(window.residuals.items())]
    return float(math.prod(scores) ** (1.0 / len(scores)))


def boundary_term(window: ScoredWindow) -> float:
    """Return whether the transition at the contour matches the optics.

    At pixels of the contour the width σ = A / (|∇u| √(2π)) is read, A being the span of the change within 3 px; its
    median over σ of lens, rim and pixel scores by a log-normal. A sharp paste and a soft halo are far from it, and a
    contour that lies beside the change has little change to read: the share of clear pixels is a factor.
    """
    change, hard = _gray(window.picture) - _gray(window.original), _hard(window)
    if not hard.any():
        return 0.0
    inner = np.zeros_like(hard) if window.is_line else np.asarray(cv2.erode(hard, SQUARE))
    contour = np.asarray(cv2.dilate(hard, SQUARE)) > inner
    span = np.asarray(cv2.dilate(change, NEIGHBOURHOOD)) - np.asarray(cv2.erode(change, NEIGHBOURHOOD))
    clear = contour & (span > visible_threshold(window.statistics.noise))
    if not clear.any():
        return 0.0
    # The steepest of the neighbourhood belongs to the transition; the contour may lie half a pixel beside it.
    steepest = np.asarray(cv2.dilate(_slope(change), SQUARE))
    widths = span[clear] / np.maximum(steepest[clear] * math.sqrt(2.0 * math.pi), 1e-6)
    # The change radius is one pixel and two sigmas of lens, rim and pixel.
    expected = math.hypot(0.5 * (window.change_radius - 1.0), math.sqrt(DIFFERENCE_VARIANCE))
    share = float(clear.sum()) / float(contour.sum())
    ratio = float(np.median(widths)) / expected
    score = _log_normal(ratio, SHARP_TOLERANCE if ratio < 1.0 else SOFT_TOLERANCE)
    return min(1.0, share / CLEAR_SHARE) * score


def _slope(change: Float32) -> Float32:
    """Return |∇u| by central differences, (H, W), 0 on the border."""
    slope = np.zeros_like(change)
    dy = change[2:, 1:-1] - change[:-2, 1:-1]
    dx = change[1:-1, 2:] - change[1:-1, :-2]
    slope[1:-1, 1:-1] = np.float32(0.5) * np.sqrt(dy * dy + dx * dx)
    return slope


def texture_term(window: ScoredWindow) -> float:
    """Return whether the finest detail of the defect is that of this picture and of rough material.

    The mean absolute diagonal difference inside the mask (beside it for lines) is compared with those of the good
    picture at the same place and in a ring round it: anywhere between them, and up to ROUGH_SHARE of the unit of
    contrast, is right. The ratio to the nearest right value scores by a log-normal: smooth fails as noisy does.
    """
    before, after, hard = _detail(window.original), _detail(window.picture), _hard(window)
    where = _ring(hard, BESIDE) if window.is_line else _eroded(hard)
    now, here, round_it = (
        _masked_mean(after, where),
        _masked_mean(before, where),
        _masked_mean(before, _ring(hard, RING)),
    )
    floor = 0.5 * window.statistics.noise + 0.5 / 255.0
    finest = max(here, round_it, 0.0 if window.is_line else ROUGH_SHARE * contrast_unit(window.statistics))
    expected = min(max(now, min(here, round_it)), finest)
    return _log_normal((now + floor) / (expected + floor), TEXTURE_TOLERANCE)


def _detail(picture: Float32) -> Float32:
    """Return the absolute diagonal differences (H - 1, W - 1), in units of the noise of white noise."""
    gray = _gray(picture)
    down = gray[:-1] - gray[1:]
    return np.asarray(np.float32(0.5) * np.abs(down[:, :-1] - down[:, 1:]), dtype=np.float32)


def _masked_mean(band: Float32, where: UInt8) -> float:
    used = band[where[:-1, :-1] > 0]
    return float(used.mean(dtype=np.float64)) if used.size else 0.0


def upper_quartile(values: Float32) -> float:
    """Return ``np.quantile(values, 0.75)`` of at least one value, to the bit, at a tenth of its cost."""
    last = values.size - 1
    position = 0.75 * last
    low = int(position)
    high, share = min(low + 1, last), position - low
    parted = np.partition(values, (low, high))
    below, above = parted[low], parted[high]
    span = above - below
    # Counted from the nearer end, as NumPy does.
    return float(below + span * share if share < 0.5 else above - span * (1.0 - share))


def visibility_term(window: ScoredWindow) -> float:
    """Return whether the defect can be seen, is as plain as its severity asks, and is not garish.

    Contrast to noise is the 75 % quantile of |u| in the mask over the larger of the unit of contrast (the picture's own
    texture, see :func:`~maphc2f.render.contrast.contrast_unit`) and the noise threshold. The score rises linearly,
    stays 1, falls to GARISH_SCORE; the more severe, the later it is plain.
    """
    inside = window.soft_mask >= 0.5
    if not inside.any():
        return 0.0
    change = np.abs(window.picture[inside] - window.original[inside]).max(axis=1)
    unit = max(contrast_unit(window.statistics), visible_threshold(window.statistics.noise))
    contrast = upper_quartile(change) / unit
    plain = VISIBILITY_RISE[1] + SEVERITY_DEMAND * window.severity
    rise = (contrast - VISIBILITY_RISE[0]) / (plain - VISIBILITY_RISE[0])
    fall = (contrast - VISIBILITY_FALL[0]) / (VISIBILITY_FALL[1] - VISIBILITY_FALL[0])
    return min(max(rise, 0.0), 1.0) * (1.0 - (1.0 - GARISH_SCORE) * min(max(fall, 0.0), 1.0))


def placement_term(window: ScoredWindow) -> float:
    """Return the share of the mask on the part, times the plausibility of its size.

    The size factor is 1 up to PLAUSIBLE_AREA of the part and falls with its inverse beyond.
    """
    weight = float(window.soft_mask.sum(dtype=np.float64))
    if weight == 0.0:
        return 0.0
    part = window.foreground >= 0.5
    inside = float((window.soft_mask * part).sum(dtype=np.float64)) / weight
    area = window.part_area or float(part.sum())
    return inside * min(1.0, PLAUSIBLE_AREA * area / weight)


def agreement_term(window: ScoredWindow) -> float:
    """Return the harmonic mean of the visibly changed share of the mask and the share of the change in the mask."""
    return change_shares(
        window.original, window.picture, _hard(window), window.statistics.noise, window.change_radius, window.is_line
    ).agreement


def sqe_terms(window: ScoredWindow) -> dict[str, float]:
    """Return the six terms by name, each in [0, 1]."""
    return {
        "physics": physics_term(window),
        "boundary": boundary_term(window),
        "texture": texture_term(window),
        "visibility": visibility_term(window),
        "placement": placement_term(window),
        "agreement": agreement_term(window),
    }


def sqe_score(terms: Mapping[str, float]) -> float:
    """Return Π tᵢ^(wᵢ / Σ w) of the terms, floored at TERM_FLOOR each: no term can be bought off by another.

    Raises:
        ValueError: A term is missing or unknown.
    """
    if set(terms) != set(WEIGHTS):
        msg = f"terms must be {', '.join(sorted(WEIGHTS))}, got {', '.join(sorted(terms))}"
        raise ValueError(msg)
    total = sum(WEIGHTS.values())
    logarithm = sum(WEIGHTS[name] * math.log(max(terms[name], TERM_FLOOR)) for name in WEIGHTS)
    return min(1.0, math.exp(logarithm / total))

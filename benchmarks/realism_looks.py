"""What gives synthetic defects away: measures that people can see, of real crops and of synthetic ones.

* :data:`LOOKS` are the measures, each a function of a crop; :func:`looks` takes all of them.
* :func:`ranked` orders them by how well each alone tells the two apart; :class:`Look` is one line of that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from benchmarks.realism_crops import Crop

Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

NEAR, FAR = 3, 14
"""The surroundings: what lies between these distances from the mask, px."""

LEAST = 8
"""Fewest pixels that a statistic is taken of."""

QUIET = 2.0
"""Least standard deviation that contrast is counted in, gray levels."""


@dataclass(frozen=True, slots=True)
class Surface:
    """A crop as the measures see it.

    Attributes:
        gray: (H, W) gray levels.
        lab: (H, W, 3) CIE L*a*b*, the colours in units of their own scale.
        distance: Signed distance from the mask's outline, px, positive outside.
        inside: The mask.
        around: The surroundings.
    """

    gray: Float64
    lab: Float64
    distance: Float64
    inside: Mask
    around: Mask

    @classmethod
    def of(cls, crop: Crop) -> Surface:
        """Take it from a crop."""
        mask = crop.mask.astype(np.uint8)
        outside, inside = (
            cv2.distanceTransform(part, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).astype(np.float64)
            for part in (1 - mask, mask)
        )
        lab = cv2.cvtColor(crop.pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).astype(np.float64)
        around = (outside > NEAR) & (outside <= FAR)
        gray = cv2.cvtColor(crop.pixels, cv2.COLOR_RGB2GRAY).astype(np.float64)
        return cls(gray, lab, outside - inside, crop.mask, around)

    @property
    def unit(self) -> float:
        """Standard deviation of the surroundings, gray levels."""
        return max(float(self.gray[self.around].std()), QUIET)

    @property
    def level(self) -> float:
        """Median of the surroundings."""
        return float(np.median(self.gray[self.around]))


def _contrast(s: Surface) -> float:
    return (float(s.gray[s.inside].mean()) - s.level) / s.unit


def _darkest(s: Surface) -> float:
    return (float(np.percentile(s.gray[s.inside], 5)) - s.level) / s.unit


def _brightest(s: Surface) -> float:
    return (float(np.percentile(s.gray[s.inside], 95)) - s.level) / s.unit


def _black(s: Surface) -> float:
    """Darkest part in gray levels: a hole is black whatever lies round it."""
    return float(np.percentile(s.gray[s.inside], 5))


def _variation(s: Surface) -> float:
    return float(s.gray[s.inside].std()) / s.unit


def _grain(s: Surface) -> float:
    """Finest texture inside over that outside, well clear of the outline."""
    fine = np.abs(cv2.Laplacian(s.gray, cv2.CV_64F))
    core = s.distance < -1.5
    return float(fine[core].mean() / max(fine[s.around].mean(), 0.5)) if core.sum() >= LEAST else math.nan


def _edge(s: Surface) -> float:
    """Steepest slope near the outline over the step across it, 1 / px: the inverse of the transition's width."""
    slope = np.hypot(cv2.Sobel(s.gray, cv2.CV_64F, 1, 0) / 8, cv2.Sobel(s.gray, cv2.CV_64F, 0, 1) / 8)
    step = abs(float(np.percentile(s.gray[s.inside], 20)) - s.level)
    return float(np.percentile(slope[np.abs(s.distance) <= 2], 90)) / max(step, QUIET)


def _rim(s: Surface) -> float:
    """How much brighter the ground is right beside the defect than farther off."""
    beside = (s.distance > 0) & (s.distance <= NEAR)
    return (float(np.percentile(s.gray[beside], 90)) - float(np.percentile(s.gray[s.around], 90))) / s.unit


def _halo(s: Surface) -> float:
    """Mean change right beside the mask: negative if the defect's shade reaches beyond its mask."""
    beside = (s.distance > 0) & (s.distance <= NEAR)
    return (float(s.gray[beside].mean()) - s.level) / s.unit


def _colour(s: Surface) -> float:
    change = s.lab[s.inside][:, 1:].mean(axis=0) - s.lab[s.around][:, 1:].mean(axis=0)
    return float(np.hypot(*change))


def _width(s: Surface) -> float:
    """Area over half the length of the outline, px."""
    outline = (s.distance < 0) & (s.distance >= -1)
    return 2.0 * float(s.inside.sum()) / max(float(outline.sum()), 1.0)


def _evenness(s: Surface) -> float:
    """Spread of the depth below the surroundings along the middle of the defect, over its mean: 0 is one even tone."""
    depth = np.maximum(s.level - cv2.GaussianBlur(s.gray, (0, 0), 1.0), 0)
    ridge = s.inside & (cv2.dilate(-s.distance, np.ones((3, 3))) <= -s.distance)
    values = depth[ridge]
    return float(values.std() / max(values.mean(), 1.0)) if len(values) >= LEAST else math.nan


def _crossing(s: Surface) -> float:
    """Sine of the angle between the defect's long axis and the lines of the surroundings: 0 along, 1 across."""
    points = np.argwhere(s.inside).astype(np.float64)
    if len(points) < LEAST:
        return math.nan
    long_axis = np.linalg.eigh(np.cov(points.T))[1][:, -1]
    gy, gx = cv2.Sobel(s.gray, cv2.CV_64F, 0, 1)[s.around], cv2.Sobel(s.gray, cv2.CV_64F, 1, 0)[s.around]
    lines = np.linalg.eigh(np.array([[gy @ gy, gy @ gx], [gy @ gx, gx @ gx]]))[1][:, 0]
    return float(math.sqrt(max(0.0, 1.0 - float(long_axis @ lines) ** 2)))


LOOKS: Mapping[str, Callable[[Surface], float]] = {
    "contrast": _contrast,
    "darkest part": _darkest,
    "brightest part": _brightest,
    "black level": _black,
    "variation inside": _variation,
    "grain inside": _grain,
    "edge steepness": _edge,
    "bright rim": _rim,
    "shade beyond the mask": _halo,
    "colour change": _colour,
    "width": _width,
    "unevenness along": _evenness,
    "across the texture": _crossing,
}


def looks(crop: Crop) -> dict[str, float]:
    """Return all measures of a crop; NaN where it is too small for one."""
    surface = Surface.of(crop)
    if surface.inside.sum() < LEAST or surface.around.sum() < LEAST:
        return dict.fromkeys(LOOKS, math.nan)
    return {name: measure(surface) for name, measure in LOOKS.items()}


@dataclass(frozen=True, slots=True)
class Look:
    """One measure of real and of synthetic crops.

    Attributes:
        name: In :data:`LOOKS`.
        auroc: Probability that a synthetic crop has more of it than a real one.
        real: 10th, 50th and 90th percentile.
        synthetic: The same.
    """

    name: str
    auroc: float
    real: tuple[float, float, float]
    synthetic: tuple[float, float, float]


def _quantiles(values: Float64) -> tuple[float, float, float]:
    low, middle, high = np.percentile(values, (10, 50, 90))
    return float(low), float(middle), float(high)


def ranked(real: Sequence[Crop], synthetic: Sequence[Crop]) -> list[Look]:
    """Return the measures, what tells the two apart best first."""
    tables = [[looks(crop) for crop in side] for side in (real, synthetic)]
    out = []
    for name in LOOKS:
        first, second = (np.array([row[name] for row in table]) for table in tables)
        first, second = first[np.isfinite(first)], second[np.isfinite(second)]
        if len(first) and len(second):
            share = float(mannwhitneyu(second, first).statistic) / (len(first) * len(second))
            out.append(Look(name, share, _quantiles(first), _quantiles(second)))
    return sorted(out, key=lambda look: -abs(look.auroc - 0.5))

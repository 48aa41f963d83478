"""What is fitted to real defects: parameters of the renderer, and the measurements that follow them.

* :class:`Look` is one of them; :func:`looks_to_fit` lists those of a line or a region.
* :class:`Knob` is a range by its middle and half width.
* :class:`Spread` holds the measured values of one look, as logarithms, and compares two of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from maphc2f.generate.calibrate_view import Measured
from maphc2f.render.appearance import Looks

LEAST_DEFECTS = 3
"""Fewer say nothing of how much defects differ."""

LEAST_ERROR = 0.03
"""Standard error of a median at least, of the logarithm: measurements do not agree better."""

MEDIAN_ERROR = math.sqrt(math.pi / 2.0)
"""Standard error of a median over that of a mean, for a normal distribution."""

SPREAD_ERRORS = 2.0
"""Standard errors within which two deviations count as equal: that error holds for normal values, and looks have tails.
"""

LEAST_SHARE = 0.25
"""Values below minus the resolution are taken for this share of it above: a logarithm needs more than nothing."""

DIGITS = 4

Span = tuple[float, float]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Look:
    """Something that is fitted.

    Attributes:
        name: Field of :class:`~maphc2f.spec.CalibrationSpec`, a range.
        measure: Field of :class:`~maphc2f.generate.calibrate_view.Measured` that follows it.
        resolution: x₀, in units of the measure.
        logarithmic: Whether it is drawn log-uniform instead of uniform.
        most: Largest value that the renderer takes.
    """

    name: str
    measure: str
    resolution: float
    logarithmic: bool = False
    most: float = math.inf


CONTRAST = Look("contrast", "contrast", 0.0, logarithmic=True)
DARKENING = Look("darkening", "darkening", 0.0, logarithmic=True, most=1.0)
LINES = (
    CONTRAST,
    Look("width", "width", 0.0, logarithmic=True),
    Look("shade", "shade", 0.3, most=1.0),
    Look("bridging", "unevenness", 0.1, most=1.0),
)
EDGE = Look("edge", "edge", 0.5)
ROUGHNESS = Look("roughness", "roughness", 0.1)
FACETS = Look("facets", "roughness", 0.1, most=1.0)
RELIEF = Look("relief", "variation", 0.1, most=1.0)
TINT = Look("tint", "colour", 0.02, most=1.0)


def looks_to_fit(looks: Looks, *, line: bool) -> tuple[Look, ...]:
    """Return what is fitted of defects with ``looks``: each measurement to the parameter that moves it most.

    Attacked metal is as rough as its facets make it, and as strong as its darkening, where it has them.
    """
    if line:
        return LINES
    strength = CONTRAST if looks.darkening is None else DARKENING
    rough = FACETS if looks.facets[1] > 0 else ROUGHNESS
    return (strength, EDGE, rough, RELIEF, *((TINT,) if looks.tint[1] > 0 else ()))


@dataclass(frozen=True, slots=True)
class Knob:
    """A range by its middle and half width: of the logarithm, or relative to the middle if drawn uniform."""

    centre: float
    half: float

    @classmethod
    def of(cls, span: Span, look: Look) -> Knob | None:
        """Return the knob of a range, None of one that is zero."""
        low, high = span
        if look.logarithmic:
            return cls(math.sqrt(low * high), 0.5 * math.log(high / low)) if low > 0 else None
        middle = 0.5 * (low + high)
        return cls(middle, 0.5 * (high - low) / middle) if middle > 0 else None

    def span(self, look: Look) -> Span:
        """Return the range, rounded, within what the renderer takes."""
        if look.logarithmic:
            ends = self.centre * math.exp(-self.half), self.centre * math.exp(self.half)
        else:
            ends = self.centre * (1.0 - self.half), self.centre * (1.0 + self.half)
        low, high = (float(f"{min(max(end, 0.0), look.most):.{DIGITS}g}") for end in ends)
        return low, high


@dataclass(frozen=True, slots=True)
class Spread:
    """Values t = ln(x + x₀) of one look of some defects."""

    values: Floats

    @classmethod
    def of(cls, measured: Sequence[Measured], look: Look) -> Spread:
        """Take the values that the pictures tell."""
        found = [getattr(m, look.measure) for m in measured]
        plain = np.array([value for value in found if value is not None], np.float64)
        return cls(np.log(np.maximum(plain + look.resolution, max(LEAST_SHARE * look.resolution, 1e-9))))

    @property
    def enough(self) -> bool:
        """Whether there are enough to tell how much they differ."""
        return len(self.values) >= LEAST_DEFECTS

    @property
    def middle(self) -> float:
        """Median."""
        return float(np.median(self.values))

    @property
    def deviation(self) -> float:
        """Standard deviation, at most that of a uniform distribution little beyond the extreme values."""
        number = len(self.values)
        widest = float(np.ptp(self.values)) * (number + 1) / (number - 1) / math.sqrt(12.0)
        return max(min(float(self.values.std(ddof=1)), widest), 1e-3)

    @property
    def error(self) -> float:
        """Standard error of the median."""
        return max(MEDIAN_ERROR * self.deviation / math.sqrt(len(self.values)), LEAST_ERROR)

    def gap(self, other: Spread) -> float:
        """Return how much the median of ``other`` must rise to lie within the standard error of this one's."""
        gap = self.middle - other.middle
        return math.copysign(max(abs(gap) - self.error, 0.0), gap)

    def spread_gap(self, other: Spread) -> float:
        """Return the same for the logarithm of the deviation and SPREAD_ERRORS of its errors, 1 / √(2 (n - 1)) each."""
        error = SPREAD_ERRORS / math.sqrt(2.0 * (len(self.values) - 1))
        gap = math.log(self.deviation / other.deviation)
        return math.copysign(max(abs(gap) - error, 0.0), gap)

    def distance(self, other: Spread) -> float:
        """Return the area between the two distribution functions, in standard errors of this one's median."""
        if not len(other.values):
            return math.inf
        return float(wasserstein_distance(self.values, other.values)) / self.error

    def holds(self, other: Spread) -> bool:
        """Whether median and deviation of ``other`` lie within the standard errors."""
        return self.gap(other) == 0 and self.spread_gap(other) == 0

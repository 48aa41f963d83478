"""Ranges of looks corrected until defects that are rendered with them measure as real ones do.

* :func:`close` runs the loop; :class:`Closed` is its result, :class:`Row` one line of it.

What a measurement reads on a rendered defect is not the parameter it was drawn with: optics, relief, the wavelet block
and exposure stand between them. So the parameters are not set to what is measured on real defects, but moved until the
same measurement reads the same on both. All distances are between logarithms, t = ln(x + x₀), with the resolution x₀ of
the measurement.

1. Defects are rendered with the defaults and measured. A look whose median and spread lie within the standard errors of
   the examples is left alone.
2. Each other look is moved alone by the factor PROBE; the mean change of every t over the samples, which are the same
   but for that, is a column of the Jacobian J = ∂t / ∂ln c. A look that does not move its own measurement keeps its
   default.
3. Rounds of damped Gauss-Newton steps for the middles c = c₀ exp(x) of the ranges: the step leads to the least
   Σ ((g - J Δx) / e)² + Σ (x / PRIOR)², with the standard errors e of the examples, the gaps g between the medians as
   far as they exceed e, and the defaults as a prior. The half width h makes up for what the variance of t lacks,
   likewise beyond its error: (b h)² / 3, b on the diagonal of J. The round nearest to the examples is kept.
4. A look that is not nearer than with the defaults is given back its default, and the rest is rendered again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from maphc2f.generate.calibrate_looks import DIGITS, LEAST_DEFECTS, Floats, Knob, Look, Span, Spread
from maphc2f.generate.calibrate_view import Measured
from maphc2f.spec import CalibrationSpec

ROUNDS = 4
DAMPING = 0.7
PROBE = 1.5
"""Factor by which a look is moved to see whether its measurement follows."""

LEAST_SENSITIVITY = 0.25
CERTAIN = 2.0
"""A sensitivity counts if it exceeds LEAST_SENSITIVITY, and its own standard error this many times: what has to be
doubled for a fifth more is saturated."""

PRIOR = math.log(2.0)
"""Standard deviation of ln c round the default, before any example is seen."""

LONGEST_STEP = math.log(3.0)
"""Most that the middle of a range moves in one round, logarithm."""

FARTHEST = math.log(4.0)
"""Most that it moves from the default at all."""

SPREAD_CHANGE = 1.5
"""Factor by which the half width of a range changes at most: a few examples say little of how much defects differ."""

Rendering = Sequence[Sequence[Measured]]
"""The measured defects of each sample."""

Render = Callable[[CalibrationSpec], Rendering]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the result.

    Attributes:
        name: Of the look.
        real: 10th, 50th and 90th percentile of the examples, in units of the measure; None if too few tell.
        before: The same of defects rendered with the defaults.
        after: The same with what was fitted.
        default: Range of the parameter by default.
        fitted: Fitted range, None where the default is kept.
        note: Why it is kept.
    """

    name: str
    real: tuple[float, ...] | None
    before: tuple[float, ...] | None
    after: tuple[float, ...] | None
    default: Span | float
    fitted: Span | float | None
    note: str


@dataclass(frozen=True, slots=True)
class Closed:
    """Result of the loop: looks that differ from the defaults, a row for each, and the number of renderings."""

    looks: CalibrationSpec
    rows: tuple[Row, ...]
    renderings: int


@dataclass(slots=True)
class _Loop:
    """State of :func:`close`.

    Attributes:
        real: Values of the examples, of the looks that they tell of.
        defaults: Ranges without calibration, of those that the renderer has.
        fixed: What is settled beforehand.
        render: See :func:`close`.
        renderings: How often it was called.
        notes: Why looks keep their defaults.
    """

    real: Mapping[Look, Spread]
    defaults: Mapping[Look, Knob]
    fixed: CalibrationSpec
    render: Render
    renderings: int = 0
    notes: dict[Look, str] = field(default_factory=dict)

    def run(self, knobs: Mapping[Look, Knob]) -> Rendering:
        """Render with some ranges and the defaults of all others."""
        self.renderings += 1
        return self.render(self.spec(knobs))

    def spec(self, knobs: Mapping[Look, Knob]) -> CalibrationSpec:
        """Return the looks with some ranges."""
        return self.fixed.model_copy(update={look.name: knob.span(look) for look, knob in knobs.items()})

    def samples(self, rendering: Rendering) -> dict[Look, Spread]:
        """Return what was measured of each look."""
        flat = _flat(rendering)
        return {look: Spread.of(flat, look) for look in self.real}

    def total(self, rendering: Rendering) -> float:
        """Return the mean distance from the examples over all looks that they tell of."""
        drawn = self.samples(rendering)
        return float(np.mean([self.real[look].distance(drawn[look]) for look in self.real])) if self.real else 0.0


@dataclass(frozen=True, slots=True)
class _Jacobian:
    """∂t / ∂ln c: ``columns`` by the look that is moved, then by the look that is measured."""

    columns: Mapping[Look, Mapping[Look, float]]

    def of(self, look: Look) -> float:
        """Return how much a look moves its own measurement."""
        return self.columns[look][look]

    def matrix(self, rows: Sequence[Look]) -> Floats:
        """Return (measured, moved)."""
        return np.array([[column.get(row, 0.0) for column in self.columns.values()] for row in rows])


def close(
    real: Sequence[Measured],
    defaults: Mapping[Look, Span],
    render: Render,
    bright: float,
) -> Closed:
    """Fit the ranges of looks in the closed loop that the module describes.

    The share of bright defects is counted: unless it lies within its standard error of what is rendered, it becomes
    (k + ½) / (n + 1) for k of n, the mean of its posterior under Jeffreys' prior; three dark examples do not rule a
    bright one out.

    Args:
        real: Measured examples.
        defaults: Looks to fit with the range that each has now, in units of the calibration.
        render: Renders defects with some looks, the same ones but for the looks, and measures them.
        bright: Probability of a bright defect now.

    Returns:
        What was fitted.
    """
    before = render(CalibrationSpec())
    fixed = CalibrationSpec(bright=_counted(real, _flat(before)))
    told = {look: sample for look in defaults if (sample := Spread.of(real, look)).enough}
    knobs = {look: knob for look in told if (knob := Knob.of(defaults[look], look)) is not None}
    loop = _Loop(told, knobs, fixed, render)
    for look in defaults:
        if look not in told:
            loop.notes[look] = "the examples do not tell"
        elif look not in knobs:
            loop.notes[look] = "the renderer has none of it"
    start = before if fixed.bright is None else loop.run({})
    jacobian = _jacobian(loop, start)
    fitted, after = _rounds(loop, start, jacobian) if jacobian.columns else ({}, start)
    fitted, after = _without_worse(loop, start, fitted, after)
    rows = [
        _row(look, defaults[look], real, (before, after), fitted.get(look), loop.notes.get(look, ""))
        for look in defaults
    ]
    rows.append(_polarity_row(real, (before, after), bright, fixed.bright))
    return Closed(loop.spec(fitted), tuple(rows), loop.renderings + 1)


def _counted(real: Sequence[Measured], drawn: Sequence[Measured]) -> float | None:
    """Return the share of bright examples; None if that of the drawn defects lies within its error."""
    if not drawn:
        return None
    number = len(real)
    share = (sum(m.bright for m in real) + 0.5) / (number + 1)
    rendered = sum(m.bright for m in drawn) / len(drawn)
    near = abs(share - rendered) <= math.sqrt(share * (1.0 - share) / number)
    return None if near else float(f"{share:.{DIGITS}g}")


def _polarity_row(
    real: Sequence[Measured], renderings: tuple[Rendering, Rendering], default: float, fitted: float | None
) -> Row:
    real_share, before, after = (_bright_share(side) for side in (real, _flat(renderings[0]), _flat(renderings[1])))
    note = "as measured already" if fitted is None else ""
    return Row("bright", real_share, before, after, default, fitted, note)


def _bright_share(measured: Sequence[Measured]) -> tuple[float, ...] | None:
    return (sum(m.bright for m in measured) / len(measured),) if measured else None


def _flat(rendering: Rendering) -> list[Measured]:
    return [measured for sample in rendering for measured in sample]


def _jacobian(loop: _Loop, start: Rendering) -> _Jacobian:
    """Probe each look that is off; note why the others keep their defaults."""
    columns: dict[Look, dict[Look, float]] = {}
    drawn = loop.samples(start)
    for look, knob in loop.defaults.items():
        if not drawn[look].enough:
            loop.notes[look] = "rendered defects do not tell"
        elif loop.real[look].holds(drawn[look]):
            loop.notes[look] = "as measured already"
        else:
            up = loop.real[look].middle >= drawn[look].middle
            factor = PROBE if up else 1.0 / PROBE
            probe = loop.run({look: Knob(knob.centre * factor, knob.half)})
            slopes = {other: _slope(other, start, probe, math.log(factor)) for other in loop.real}
            mean, error = slopes[look]
            if mean > max(LEAST_SENSITIVITY, CERTAIN * error):
                columns[look] = {other: slope for other, (slope, error) in slopes.items() if abs(slope) > error}
            else:
                loop.notes[look] = "its measurement does not follow it"
    return _Jacobian(columns)


def _slope(look: Look, start: Rendering, moved: Rendering, step: float) -> tuple[float, float]:
    """Return the mean change of t over the samples measured both times, over ``step``, and its standard error."""
    changes = []
    for first, second in zip(start, moved, strict=True):
        values = [Spread.of(side, look).values for side in (first, second)]
        if all(len(value) for value in values):
            changes.append((float(values[1].mean()) - float(values[0].mean())) / step)
    if len(changes) < LEAST_DEFECTS:
        return 0.0, math.inf
    return float(np.mean(changes)), float(np.std(changes, ddof=1)) / math.sqrt(len(changes))


def _rounds(loop: _Loop, start: Rendering, jacobian: _Jacobian) -> tuple[dict[Look, Knob], Rendering]:
    """Return the ranges of the round that came nearest, the defaults of round 0 included, and its rendering."""
    knobs = {look: loop.defaults[look] for look in jacobian.columns}
    nearest: tuple[float, dict[Look, Knob], Rendering] = (loop.total(start), {}, start)
    rendering = start
    for _ in range(ROUNDS):
        drawn = loop.samples(rendering)
        if all(loop.real[look].holds(drawn[look]) for look in knobs):
            break
        steps = _steps(loop, knobs, drawn, jacobian)
        knobs = {
            look: Knob(_centre(loop, look, knob, steps[look]), _half(loop, look, knob, drawn[look], jacobian.of(look)))
            for look, knob in knobs.items()
        }
        rendering = loop.run(knobs)
        total = loop.total(rendering)
        if total < nearest[0]:
            nearest = total, knobs, rendering
    return nearest[1], nearest[2]


def _steps(
    loop: _Loop, knobs: Mapping[Look, Knob], drawn: Mapping[Look, Spread], jacobian: _Jacobian
) -> dict[Look, float]:
    """Return the damped Gauss-Newton step of each middle, as a logarithm."""
    rows = [look for look in loop.real if drawn[look].enough]
    errors = np.array([loop.real[look].error for look in rows])
    gaps = np.array([loop.real[look].gap(drawn[look]) for look in rows]) / errors
    weighted = jacobian.matrix(rows) / errors[:, None]
    away = np.array([math.log(knob.centre / loop.defaults[look].centre) for look, knob in knobs.items()])
    normal = weighted.T @ weighted + np.eye(len(knobs)) / PRIOR**2
    full = np.linalg.solve(normal, weighted.T @ gaps - away / PRIOR**2)
    steps = np.clip(DAMPING * full, -LONGEST_STEP, LONGEST_STEP)
    return {look: float(step) for look, step in zip(knobs, steps, strict=True)}


def _centre(loop: _Loop, look: Look, knob: Knob, step: float) -> float:
    """Return the next middle, at most FARTHEST from the default and within what the renderer takes."""
    default = loop.defaults[look].centre
    away = float(np.clip(math.log(knob.centre / default) + step, -FARTHEST, FARTHEST))
    return min(default * math.exp(away), look.most)


def _half(loop: _Loop, look: Look, knob: Knob, drawn: Spread, sensitivity: float) -> float:
    """Return the next half width; it stays if the spread is that of the examples within its error."""
    real, default = loop.real[look], loop.defaults[look].half
    gap = real.spread_gap(drawn) if drawn.enough else 0.0
    if gap == 0:
        return knob.half
    own = (sensitivity * knob.half) ** 2 / 3.0
    lacking = max(own + drawn.deviation**2 * math.expm1(2.0 * gap), 0.0)
    half = knob.half + DAMPING * (math.sqrt(3.0 * lacking) / sensitivity - knob.half)
    most = default * SPREAD_CHANGE if look.logarithmic else min(default * SPREAD_CHANGE, 1.0)
    return float(np.clip(half, default / SPREAD_CHANGE, most))


def _without_worse(
    loop: _Loop, start: Rendering, fitted: dict[Look, Knob], after: Rendering
) -> tuple[dict[Look, Knob], Rendering]:
    """Give looks back their defaults until each that is left is nearer than with them, and so is the whole."""
    before = loop.samples(start)
    while fitted:
        now = loop.samples(after)
        worse = [look for look in fitted if not _nearer(loop.real[look], now[look], before[look])]
        if not worse and loop.total(after) >= loop.total(start):
            worse = [max(fitted, key=lambda look: loop.real[look].distance(now[look]))]
        if not worse:
            return fitted, after
        loop.notes.update(dict.fromkeys(worse, "no nearer than the default"))
        fitted = {look: knob for look, knob in fitted.items() if look not in worse}
        after = loop.run(fitted) if fitted else start
    return {}, start


def _nearer(real: Spread, now: Spread, before: Spread) -> bool:
    """Whether a look is nearer to the examples than before, and not by its spread alone at the cost of its median."""
    if real.distance(now) >= real.distance(before):
        return False
    return abs(real.gap(now)) <= max(abs(real.gap(before)), real.error)


def _row(
    look: Look,
    default: Span,
    real: Sequence[Measured],
    renderings: tuple[Rendering, Rendering],
    fitted: Knob | None,
    note: str,
) -> Row:
    if fitted is not None:
        note = ""
    elif not note:
        note = "no nearer than the default"
    return Row(
        name=look.name,
        real=quantiles(real, look.measure),
        before=quantiles(_flat(renderings[0]), look.measure),
        after=quantiles(_flat(renderings[1]), look.measure),
        default=default,
        fitted=None if fitted is None else fitted.span(look),
        note=note,
    )


def quantiles(measured: Sequence[Measured], name: str) -> tuple[float, ...] | None:
    """Return the 10th, 50th and 90th percentile of a field of measured defects, None if there is no value."""
    values = [float(value) for m in measured if (value := getattr(m, name)) is not None]
    return tuple(float(q) for q in np.percentile(values, (10, 50, 90))) if values else None

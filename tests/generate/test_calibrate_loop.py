"""The closed loop of calibration, with renderers whose answer is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from maphc2f.generate import calibrate_loop
from maphc2f.generate.calibrate_looks import (
    CONTRAST,
    EDGE,
    FACETS,
    LINES,
    RELIEF,
    ROUGHNESS,
    TINT,
    Knob,
    Look,
    Spread,
    looks_to_fit,
)
from maphc2f.generate.calibrate_loop import Closed, Row, close
from maphc2f.generate.calibrate_view import Measured
from maphc2f.render.appearance import looks_of
from maphc2f.spec import CalibrationSpec

WIDTH, SHADE = LINES[1], LINES[2]
DEFAULTS = {CONTRAST: (2.0, 6.0), WIDTH: (1e-4, 3e-4), SHADE: (0.3, 0.6)}
PIXEL = 5e-5
NUMBER = 40

World = Callable[[float, float, float], tuple[float, float, float]]
"""Contrast, width (px) and shade of a defect to what is measured on it."""


def plain(contrast: float, width: float, shade: float) -> tuple[float, float, float]:
    """Optics swallow contrast, and widen what is narrow."""
    return 0.5 * contrast * math.erf(width / 4), math.hypot(width, 1.5), 0.6 * shade


def renderer(world: World, number: int = NUMBER, seed: int = 3, bright: float = 0.0) -> Any:
    """Return a renderer of ``number`` defects, and the list of the looks that it was asked for."""
    chance = np.random.default_rng(seed).random((number, 4))
    asked: list[CalibrationSpec] = []

    def render(looks: CalibrationSpec) -> list[list[Measured]]:
        asked.append(looks)
        spans = [getattr(looks, look.name) or span for look, span in DEFAULTS.items()]
        chance_bright = bright if looks.bright is None else looks.bright
        out = []
        for u in chance:
            contrast, width = (a * (b / a) ** x for (a, b), x in zip(spans[:2], u, strict=False))
            shade = spans[2][0] + (spans[2][1] - spans[2][0]) * u[2]
            seen = world(contrast, width / PIXEL, shade)
            out.append([Measured(seen[0], bool(u[3] < chance_bright), 20.0, width=seen[1], shade=seen[2])])
        return out

    return render, asked


def examples(number: int = 8, world: World = plain, **spans: tuple[float, float]) -> list[Measured]:
    render, _ = renderer(world, number, seed=11)
    return [m for sample in render(CalibrationSpec(**spans)) for m in sample]


def rows(closed: Closed) -> dict[str, Row]:
    return {row.name: row for row in closed.rows}


def distance(real: list[Measured], drawn: list[list[Measured]]) -> float:
    flat = [m for sample in drawn for m in sample]
    return float(np.mean([Spread.of(real, look).distance(Spread.of(flat, look)) for look in DEFAULTS]))


def test_the_parameter_is_found_where_its_measurement_reads_something_else() -> None:
    """Contrast is read at less than half of what was asked for: an open loop would give half of it."""
    truth = {"contrast": (5.0, 14.0), "width": (2e-4, 5e-4)}
    real = examples(60, **truth)
    render, _ = renderer(plain)
    closed = close(real, DEFAULTS, render, 0.0)
    assert closed.looks.contrast is not None
    assert closed.looks.width is not None
    for name, tolerance in (("contrast", 0.15), ("width", 0.15)):
        found, wanted = (math.sqrt(a * b) for a, b in (getattr(closed.looks, name), truth[name]))
        assert found == pytest.approx(wanted, rel=tolerance)
    read = float(np.median([m.contrast for m in real]))
    assert read < 0.6 * math.sqrt(5.0 * 14.0)
    row = rows(closed)["contrast"]
    assert row.real is not None
    assert row.before is not None
    assert row.after is not None
    assert abs(row.after[1] - row.real[1]) < 0.3 * abs(row.before[1] - row.real[1])
    assert row.fitted == closed.looks.contrast
    assert row.note == ""


def test_what_is_as_measured_already_is_left_alone_without_a_further_rendering() -> None:
    render, asked = renderer(plain)
    real = [m for sample in renderer(plain)[0](CalibrationSpec()) for m in sample]
    closed = close(real, DEFAULTS, render, 0.0)
    assert closed.looks == CalibrationSpec()
    assert len(asked) == closed.renderings == 1
    assert {row.note for row in closed.rows} == {"as measured already"}


def test_a_parameter_that_moves_nothing_keeps_its_default_and_says_so() -> None:
    def stuck(contrast: float, width: float, shade: float) -> tuple[float, float, float]:
        return 3.0 + 0.01 * contrast, plain(1.0, width, shade)[1], plain(1.0, width, shade)[2]

    render, _ = renderer(stuck)
    closed = close(examples(contrast=(9.0, 12.0)), DEFAULTS, render, 0.0)
    assert closed.looks.contrast is None
    assert rows(closed)["contrast"].note == "its measurement does not follow it"


def test_a_fit_that_comes_no_nearer_gives_the_default_back() -> None:
    """It answers to the probe, and fails wherever the rounds go."""

    def brittle(contrast: float, width: float, shade: float) -> tuple[float, float, float]:
        seen = plain(contrast, width, shade)
        return (seen[0] if contrast < 9.5 else 0.1, *seen[1:])

    real = examples(contrast=(12.0, 18.0))
    render, asked = renderer(brittle)
    closed = close(real, DEFAULTS, render, 0.0)
    assert closed.looks.contrast is None
    assert rows(closed)["contrast"].note == "no nearer than the default"
    assert len(asked) > 2, "it was tried"


@pytest.mark.parametrize("seed", range(6))
def test_it_is_never_farther_than_the_defaults(seed: int) -> None:
    """Worlds in which everything depends on everything, and few examples."""
    rng = np.random.default_rng(seed)
    powers = np.eye(3) * rng.uniform(0.1, 1.0, 3) + rng.normal(0, 0.4, (3, 3))

    def tangled(contrast: float, width: float, shade: float) -> tuple[float, float, float]:
        logs = powers @ np.log([contrast, width, shade])
        first, second, third = np.exp(np.clip(logs, -4.0, 4.0))
        return float(first), float(second), float(third)

    real = examples(5, tangled, contrast=(1.0, 9.0), width=(5e-5, 9e-4), shade=(0.1, 0.9))
    render, _ = renderer(tangled)
    closed = close(real, DEFAULTS, render, 0.0)
    before, after = render(CalibrationSpec()), render(closed.looks)
    assert distance(real, after) <= distance(real, before)
    for look in DEFAULTS:
        if getattr(closed.looks, look.name) is not None:
            sides = [Spread.of([m for s in side for m in s], look) for side in (before, after)]
            told = Spread.of(real, look)
            assert told.distance(sides[1]) < told.distance(sides[0])


def test_the_examples_may_not_tell() -> None:
    real = [Measured(m.contrast, m.bright, m.size, shade=m.shade) for m in examples(contrast=(9.0, 12.0))]
    render, _ = renderer(plain)
    closed = close(real, DEFAULTS, render, 0.0)
    row = rows(closed)["width"]
    assert row.real is None
    assert row.note == "the examples do not tell"
    assert closed.looks.width is None
    assert closed.looks.contrast is not None


def test_what_the_renderer_has_none_of_is_left_so() -> None:
    render, _ = renderer(plain)
    closed = close(examples(width=(5e-4, 6e-4)), {**DEFAULTS, WIDTH: (0.0, 0.0)}, render, 0.0)
    assert rows(closed)["width"].note == "the renderer has none of it"
    assert closed.looks.width is None


def test_a_wider_spread_widens_the_range_within_reason() -> None:
    render, _ = renderer(plain)
    real = [m for sample in render(CalibrationSpec(contrast=(0.5, 24.0))) for m in sample]
    closed = close(real, DEFAULTS, render, 0.0)
    assert closed.looks.contrast is not None
    low, high = closed.looks.contrast
    assert high / low == pytest.approx(3.0**1.5, rel=0.01), "1.5 times the logarithm of the default's 3"


@pytest.mark.parametrize(("bright", "share"), [(0.0, None), (1.0, 8.5 / 9)])
def test_bright_ones_are_counted(bright: float, share: float | None) -> None:
    real = [Measured(m.contrast, bool(bright), m.size, width=m.width, shade=m.shade) for m in examples()]
    render, asked = renderer(plain)
    closed = close(real, DEFAULTS, render, 0.0)
    assert closed.looks.bright == pytest.approx(share, abs=1e-4)
    assert rows(closed)["bright"].real == (bright,)
    assert all(looks.bright == closed.looks.bright for looks in asked[1:])


def test_where_nothing_can_be_rendered_the_defaults_are_kept() -> None:
    closed = close(examples(), DEFAULTS, lambda _: [[] for _ in range(NUMBER)], 0.0)
    assert closed.looks == CalibrationSpec()
    assert {row.note for row in closed.rows} <= {"rendered defects do not tell", "as measured already"}
    assert {row.after for row in closed.rows} == {None}


def test_it_is_a_function_of_its_input() -> None:
    real = examples(contrast=(9.0, 12.0), shade=(0.7, 0.9))
    first, second = (close(real, DEFAULTS, renderer(plain)[0], 0.0) for _ in range(2))
    assert first == second


def test_ranges_stay_within_what_the_renderer_takes() -> None:
    assert Knob(0.9, 0.5).span(SHADE) == (0.45, 1.0)
    assert Knob.of((0.0, 0.0), EDGE) is None
    for look, span in ((CONTRAST, (2.0, 8.0)), (EDGE, (0.0, 0.4)), (ROUGHNESS, (0.3, 1.0))):
        knob = Knob.of(span, look)
        assert knob is not None
        assert knob.span(look) == pytest.approx(span)


def test_regions_are_fitted_by_what_moves_them() -> None:
    assert looks_to_fit(looks_of("crack", ""), line=True) == LINES
    pits = looks_of("corrosion", "pit")
    names = {look.name for look in looks_to_fit(pits, line=False)}
    assert ("darkening" in names) == (pits.darkening is not None)
    assert (FACETS.name in names) == (pits.facets[1] > 0)
    dents = looks_to_fit(looks_of("deformation", "dent"), line=False)
    assert set(dents) >= {CONTRAST, EDGE, ROUGHNESS, RELIEF}
    assert (TINT in dents) == (looks_of("deformation", "dent").tint[1] > 0)
    measures: list[Look] = [look for look in looks_to_fit(pits, line=False) if look.measure == "roughness"]
    assert len(measures) == 1, "one parameter a measurement"


def test_the_loop_is_bounded() -> None:
    """At most the start, one probe a look, the rounds, and a rendering for each look that is given back."""
    render, asked = renderer(plain)
    close(examples(contrast=(20.0, 30.0), width=(9e-4, 1e-3), shade=(0.9, 1.0)), DEFAULTS, render, 0.0)
    assert len(asked) <= 1 + 2 * len(DEFAULTS) + calibrate_loop.ROUNDS

"""The table of angles: defects drawn at known angles on stripes of a known direction."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.direction import Lie, lie_of, report

SIDE = 192


def striped(degrees: float) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE]
    angle = np.deg2rad(degrees)
    return (0.5 + 0.1 * np.sin((np.sin(angle) * x - np.cos(angle) * y) / 1.2)).astype(np.float32)


def bar(degrees: float, half: tuple[int, int] = (30, 8)) -> np.ndarray:
    """A filled rectangle turned from x towards y."""
    box = cv2.boxPoints(((96.0, 96.0), (2.0 * half[0], 2.0 * half[1]), degrees))
    return np.asarray(cv2.fillPoly(np.zeros((SIDE, SIDE), np.uint8), [box.astype(np.int32)], 1)) > 0


@pytest.mark.parametrize("texture", [20.0, 110.0])
@pytest.mark.parametrize("turn", [0.0, 30.0, 90.0])
@pytest.mark.parametrize("inner", [0.0, 60.0])
def test_angles_are_measured(texture: float, turn: float, inner: float) -> None:
    mask = bar(texture + turn)
    picture = np.where(mask, 0.5 * striped(texture + inner), striped(texture)).astype(np.float32)
    found = lie_of(picture, picture, mask, "s")
    assert found is not None
    assert found.axis == pytest.approx(np.cos(2 * np.deg2rad(turn)), abs=0.08)
    assert found.lines == pytest.approx(np.cos(2 * np.deg2rad(inner)), abs=0.12)
    assert found.coherence > 0.8


def test_what_has_no_direction_is_left_out() -> None:
    noise = (0.5 + 0.05 * np.random.default_rng(0).standard_normal((SIDE, SIDE))).astype(np.float32)
    assert lie_of(noise, noise, bar(0.0)) is None
    square = lie_of(striped(0.0), striped(0.0), bar(0.0, (10, 10)))
    assert square is not None
    assert np.isnan(square.axis)
    thin = lie_of(striped(0.0), striped(0.0), bar(0.0, (30, 1)))
    assert thin is not None
    assert np.isnan(thin.lines)


def test_the_table_has_a_line_for_each_side() -> None:
    real = [Lie(0.5, float("nan"), 0.4, name) for name in ("a", "b")]
    lines = report([("magnetic_tile_crack", real, [Lie(-0.5, 0.25, 0.6, "")])]).split("\n")
    assert len(lines) == 3
    assert lines[1].startswith("tile_crack real (2 specimens)")
    assert lines[1].split()[4:] == ["0.40", "2", "0.50", "0.50", "0.50", "0.50", "0"]
    assert lines[2].split()[2:5] == ["0.60", "1", "-0.50"]
    assert lines[2].endswith("0.25")
    assert "nan" in report([("crackforest", real, [])])

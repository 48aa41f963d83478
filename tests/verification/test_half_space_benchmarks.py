"""The half-space against Hertz: order of the pressure, and the scale invariance of a plastic cone."""

import math

import numpy as np
import pytest

from maphc2f.solvers.half_space import indent, make_half_space


def pressure_error(n):
    """Root mean square error of the pressure over p0, ball with a contact radius of 0.3 n."""
    y, x = np.mgrid[:n, :n] - 0.5 * (n - 1)
    r2, a, curvature = x**2 + y**2, 0.3 * n, 15.0 * n
    contact = indent(make_half_space((n, n)), r2 / (2 * curvature), a**2 / curvature, tolerance=1e-5)
    peak = 2 * a / (math.pi * curvature)
    return math.sqrt(np.mean((contact.pressure / peak - np.sqrt(np.maximum(1 - r2 / a**2, 0))) ** 2))


def test_pressure_under_a_ball_converges():
    """√(1 - r²/a²) at the rim limits the order to between 1 and 2."""
    sizes = np.array([32, 64, 128])
    errors = np.array([pressure_error(n) for n in sizes])
    order = -np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert 0.85 < order < 2.0
    assert errors[-1] < 0.01


def test_a_plastic_cone_is_self_similar():
    """Residual depth over contact radius does not depend on how deep a cone is pressed in."""
    y, x = np.mgrid[:96, :96] - 47.5
    tool, space = 0.3 * np.hypot(y, x), make_half_space((96, 96))
    shapes = []
    for depth in (4.0, 8.0):
        contact = indent(space, tool, depth, hardness=0.06, tolerance=1e-4)
        shapes.append(contact.overlap.max() / math.sqrt(np.count_nonzero(contact.pressure > 0)))
    # The tip lies between four cells; 0.2 of a cell is missing from a depth of 3.
    assert shapes[0] == pytest.approx(shapes[1], rel=0.06)

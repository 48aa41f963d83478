"""Twins and invariants of the elastic-plastic step."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from maphc2f.kernels.plasticity import NO_TOOL, ROWS, Body, press
from maphc2f.kernels.plasticity_reference import press_numpy
from maphc2f.solvers.plasticity import Plate, State, at_rest, make_plate

SHAPE = (9, 14)


def plate(**choices) -> Plate:
    defaults = {"poisson_ratio": 0.3, "yield_stress": 0.01, "hardening": 0.05}
    return make_plate(SHAPE, **(defaults | choices))


def ball(depth: float) -> np.ndarray:
    x = np.arange(SHAPE[1]) - 6.2
    return np.stack([-0.06 * x**2, depth - 0.06 * x**2]).astype(np.float32)


def pressed(some: Plate, kernel=press, depth: float = 1.2, steps: int = 120) -> State:
    state = at_rest(some)
    kernel(state.body, state.scratch, some.law, ball(depth), steps)
    return state


@pytest.mark.kernel
@pytest.mark.parametrize("thickness", [math.inf, 0.2, 6.0])
def test_step_equals_its_twin(thickness):
    some = plate(thickness=thickness)
    ours, twin = pressed(some), pressed(some, press_numpy)
    assert ours.body.flow.max() > 0.01
    assert (ours.body.ez.max() > 0.01) == math.isfinite(thickness)
    for name in Body._fields:
        np.testing.assert_allclose(getattr(ours.body, name), getattr(twin.body, name), atol=5e-6, err_msg=name)
    np.testing.assert_allclose(ours.scratch[[6, 7, 10]], twin.scratch[[6, 7, 10]], atol=2e-6)


def test_no_stress_leaves_the_yield_surface():
    """Perfectly plastic: √J2 <= k in every cell and at every corner, each with the mean of its neighbours' part."""
    some = plate(hardening=0.0, thickness=math.inf)
    body = pressed(some).body
    dx, dy, shear = (a.reshape(SHAPE[0] + 2, -1) for a in (body.dx, body.dy, body.shear))
    cells = np.sqrt(dx**2 + dy**2 + dx * dy)
    corners = np.abs(shear)
    k = some.law.yield_shear
    assert cells.max() <= k * (1 + 1e-5)
    assert corners.max() <= k * (1 + 1e-5)
    assert max(cells.max(), corners.max()) > 0.95 * k


def test_flow_only_grows():
    some = plate(thickness=6.0)
    state = pressed(some)
    away = np.full((2, SHAPE[1]), NO_TOOL, np.float32)
    history = [state.body.flow.copy()]
    for gaps in (ball(1.2)[[1, 1]], np.stack([ball(1.2)[1], ball(1.6)[1]]), away):
        press(state.body, state.scratch, some.law, gaps, 40)
        history.append(state.body.flow.copy())
    assert all((later >= earlier).all() for earlier, later in itertools.pairwise(history))
    assert history[2].max() > 1.05 * history[1].max()


def test_a_symmetric_tool_leaves_a_symmetric_plate():
    some = plate()
    state = at_rest(some)
    x = np.arange(SHAPE[1]) - 0.5 * (SHAPE[1] - 1)
    press(state.body, state.scratch, some.law, np.stack([-0.1 * x**2, 1 - 0.1 * x**2]).astype(np.float32), 150)
    uy = state.body.uy.reshape(SHAPE[0] + 2, -1)[1:-1, 1:-1]
    ux = state.body.ux.reshape(SHAPE[0] + 2, -1)[1:-1, 1:]
    np.testing.assert_allclose(uy, uy[:, ::-1], atol=2e-5)
    np.testing.assert_allclose(ux, -ux[:, ::-1], atol=2e-5)


def test_rest_stays_rest_and_what_is_clamped_stays():
    some = plate()
    state = at_rest(some)
    press(state.body, state.scratch, some.law, np.full((2, SHAPE[1]), NO_TOOL, np.float32), 10)
    assert not any(a.any() for a in state.body[:10])
    body = pressed(some).body
    for u, free in ((body.ux, body.free_x), (body.uy, body.free_y)):
        assert u[free == 1].any()
        assert not u[free == 0].any()


def test_no_tool_means_no_denormals():
    """A quiet plate costs what a loud one costs: speeds are flushed to zero."""
    some = plate()
    state = pressed(some)
    press(state.body, state.scratch, some.law._replace(damping=2.0), np.full((2, SHAPE[1]), NO_TOOL, np.float32), 6000)
    tiny = np.finfo(np.float32).tiny
    for name in ("vx", "vy", "vz", "dx", "dy", "shear"):
        values = np.abs(getattr(state.body, name))
        assert not ((values > 0) & (values < tiny)).any(), name


def test_scratch_is_large_enough():
    assert at_rest(plate()).scratch.shape[0] == ROWS

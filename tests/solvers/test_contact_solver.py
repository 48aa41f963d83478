"""Pile-up: volume, support, growth; hardness law at its limits."""

import math

import numpy as np
import pytest

from maphc2f.errors import SimulationRejected
from maphc2f.solvers.contact import constraint_factor, flow_share, pile_up


def bowl(n=72, radius=14.0):
    y, x = np.mgrid[:n, :n] - 0.5 * (n - 1)
    return (x**2 + 1.3 * y**2) / radius**2 - 1


def volumes(height):
    return -height[height < 0].sum(), height[height > 0].sum()


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_risen_volume_is_the_share_of_the_dug_volume(share):
    dug, risen = volumes(pile_up(bowl(), share=share, width=5.0, tolerance=1e-7).height)
    assert risen == pytest.approx(share * dug, rel=1e-4)


def test_production_tolerance_keeps_the_volume_within_one_per_cent():
    dug, risen = volumes(pile_up(bowl(), share=1.0, width=5.0).height)
    assert risen == pytest.approx(dug, rel=0.01)


def test_no_share_no_rim():
    assert pile_up(bowl(), share=0.0, width=5.0).height.max() == 0


def test_the_rim_touches_the_tool_and_then_falls_off():
    """Material follows the tool's flank up to its crest and decays over the layer's width: no clipped rim."""
    surface = bowl()
    pile = pile_up(surface, share=1.0, width=5.0, tolerance=1e-6)
    row = pile.height[36]
    crest = int(np.argmax(row))
    assert np.all(pile.height <= surface + 1e-12)
    assert np.abs(np.diff(row)).max() < 2.2 * np.abs(np.diff(surface[36]))[row[:-1] < 0].max()
    assert 0 < row[2] < 0.1 * row[crest]


def test_pile_up_does_not_depend_on_the_first_guess():
    first = pile_up(bowl(radius=10.0), share=1.0, width=4.0, tolerance=1e-8)
    cold = pile_up(bowl(), share=1.0, width=5.0, tolerance=1e-8)
    warm = pile_up(bowl(), share=1.0, width=5.0, tolerance=1e-8, guess=first.potential)
    np.testing.assert_allclose(warm.height, cold.height, rtol=0, atol=1e-5)


def test_a_tool_above_the_surface_is_rejected():
    with pytest.raises(SimulationRejected, match="did not touch"):
        pile_up(bowl() + 2, share=1.0, width=5.0)


def test_constraint_factor_spans_first_yield_to_full_plasticity():
    assert constraint_factor(0.1) == pytest.approx(1.1)
    assert constraint_factor(30.0) == pytest.approx(2 / 3 * (1 + math.log(10)))
    assert constraint_factor(1e5) == pytest.approx(2.8)
    assert flow_share(0.1) == pytest.approx(0.0)
    assert flow_share(1e5) == pytest.approx(1.0)

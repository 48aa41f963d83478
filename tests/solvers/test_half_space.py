"""The half-space: influence, convolution, contact conditions, energy, and what a plastic contact leaves."""

import math

import numpy as np
import pytest

from maphc2f.errors import SimulationRejected
from maphc2f.rng import stream
from maphc2f.solvers import half_space
from maphc2f.solvers.half_space import displace, indent, influence, make_half_space


def radius(n):
    y, x = np.mgrid[:n, :n] - 0.5 * (n - 1)
    return np.hypot(y, x)


def dense(shape):
    """K as a matrix, from the influence of every cell on every other, without a transform."""
    quarter = influence(*shape)
    y, x = (g.ravel() for g in np.indices(shape))
    return quarter[np.abs(y[:, None] - y), np.abs(x[:, None] - x)]


def test_influence_is_the_integral_of_the_point_load():
    """Twenty by twenty point loads in a cell give Love's value beside and beyond it."""
    s = (np.arange(20) + 0.5) / 20 - 0.5
    for b, a in ((0, 1), (1, 1), (2, 3)):
        sampled = np.mean(1 / np.hypot(b + s[:, None], a + s)) / math.pi
        assert influence(4, 5)[b, a] == pytest.approx(sampled, rel=1e-3)
    assert influence(4, 5)[0, 0] == pytest.approx(4 * math.log(1 + math.sqrt(2)) / math.pi, rel=1e-12)


def test_convolution_is_the_sum_over_all_cells():
    pressure = stream(1, "pressure").uniform(size=(9, 13))
    expected = dense((9, 13)) @ pressure.ravel()
    np.testing.assert_allclose(displace(make_half_space((9, 13)), pressure).ravel(), expected, rtol=1e-12)


def test_displacement_is_reciprocal():
    """Betti: the work of one load on the other's displacement is mutual."""
    rng, space = stream(2, "pressure"), make_half_space((12, 8))
    one, two = rng.uniform(size=(2, 12, 8))
    assert np.vdot(one, displace(space, two)) == pytest.approx(np.vdot(two, displace(space, one)), rel=1e-12)


@pytest.mark.parametrize("hardness", [math.inf, 0.2, 0.1, 0.03, 0.004])
def test_contact_conditions_hold(hardness):
    tool = 0.02 * radius(32) ** 2 + 0.3 * stream(3, "rough").normal(size=(32, 32))
    tool -= tool.min()
    contact = indent(make_half_space((32, 32)), tool, 2.0, hardness=hardness, tolerance=1e-4)
    p, g = contact.pressure, contact.gap
    assert p.min() >= 0
    assert p.max() <= hardness
    assert g[p == 0].min() >= -2e-4
    assert g[p >= hardness].max(initial=-1.0) <= 2e-4
    assert np.abs(g[(p > 0) & (p < hardness)]).max(initial=0.0) <= 2e-4
    np.testing.assert_allclose(g, tool - 2.0 + displace(make_half_space((32, 32)), p), atol=1e-12)


def test_contact_minimises_the_energy_among_admissible_pressures():
    """½ p·K p + p·(f - δ) rises on the way to any other pressure within the bounds."""
    tool, hardness = 0.3 * radius(14), 0.06
    contact = indent(make_half_space((14, 14)), tool, 1.5, hardness=hardness, tolerance=1e-6)
    stiffness, load = dense((14, 14)), (tool - 1.5).ravel()

    def energy(p):
        return 0.5 * p @ stiffness @ p + p @ load

    found = contact.pressure.ravel()
    rng = stream(4, "pressure")
    for _ in range(20):
        other = np.clip(found + 0.01 * rng.normal(size=found.size), 0, hardness)
        assert energy(other) > energy(found)


def test_a_warm_start_ends_at_the_same_contact():
    space, tool = make_half_space((40, 40)), 0.3 * radius(40)
    first = indent(space, tool, 2.0, hardness=0.08)
    cold = indent(space, tool, 3.0, hardness=0.08, tolerance=1e-5)
    warm = indent(space, tool, 3.0, hardness=0.08, tolerance=1e-5, guess=first.pressure)
    np.testing.assert_allclose(warm.gap, cold.gap, atol=1e-4)


def test_the_same_contact_has_the_same_bits():
    one, two = (indent(make_half_space((24, 24)), 0.3 * radius(24), 2.0, hardness=0.05) for _ in range(2))
    assert one.pressure.tobytes() == two.pressure.tobytes()
    assert one.gap.tobytes() == two.gap.tobytes()


def works(hardness, steps=24, n=32):
    """Work of pressing a cone in and work returned, by the trapezoidal rule over as many steps each way."""
    space, tool = make_half_space((n, n)), 0.3 * radius(n)

    def load(shape, depth, limit):
        return indent(space, shape, depth, hardness=limit, tolerance=1e-4).pressure.sum() if depth > shape.min() else 0

    depths = np.linspace(tool.min(), 0.075 * n, steps)
    last = indent(space, tool, depths[-1], hardness=hardness, tolerance=1e-4)
    worn = tool + last.overlap
    back = np.linspace(worn.min(), depths[-1], steps)
    done = np.trapezoid([load(tool, d, hardness) for d in depths], depths)
    return done, np.trapezoid([load(worn, d, math.inf) for d in back], back)


@pytest.mark.parametrize(("hardness", "low", "high"), [(math.inf, 0.99, 1.01), (0.1, 0.3, 0.9), (0.01, 0.01, 0.2)])
def test_no_more_work_is_returned_than_was_done(hardness, low, high):
    """All of it from an elastic contact, less and less of it the softer the material."""
    done, returned = works(hardness)
    assert low < returned / done < high


def test_a_harder_material_keeps_a_shallower_imprint():
    space, tool = make_half_space((48, 48)), 0.3 * radius(48)
    depths = [indent(space, tool, 3.6, hardness=h).overlap.max() for h in (0.01, 0.05, 0.1, 0.2)]
    assert np.all(np.diff(depths) < 0)
    assert indent(space, tool, 3.6).overlap.max() < 2e-3 * 3.6


def test_recovery_of_glass_and_steel():
    """A Vickers imprint in glass (H/E* = 0.075) springs back by more than a third, one in steel by a tenth at most."""
    flank = math.tan(math.radians(22))
    tool, space = flank * radius(48), make_half_space((48, 48))

    def recovery(hardness):
        indentation = flank * 12 + 4 / math.pi * hardness * 12
        return 1 - indent(space, tool, indentation, hardness=hardness).overlap.max() / indentation

    assert 1 / 3 < recovery(5.5 / 73) < 0.5
    assert 0.01 < recovery(1.15 / 230) < 0.1


def test_pressure_under_an_even_load_is_known_at_centre_and_rim():
    """A circle under the pressure p sinks by 2 p a in the middle and 4 p a / π at the rim (Johnson, eq. 3.29)."""
    r = radius(65)
    u = displace(make_half_space((65, 65)), (r <= 20.2).astype(float))
    a = math.sqrt(np.count_nonzero(r <= 20.2) / math.pi)
    assert u[32, 32] == pytest.approx(2 * a, rel=2e-3)
    # The slope is infinite at the rim, so that a mean over the cells about it stands for it.
    assert u[np.abs(r - a) < 0.7].mean() == pytest.approx(4 * a / math.pi, rel=0.01)


def test_a_tool_above_the_surface_is_rejected():
    with pytest.raises(SimulationRejected, match="does not touch"):
        indent(make_half_space((8, 8)), radius(8), 0.5)


def test_a_contact_that_takes_too_long_is_rejected(monkeypatch):
    monkeypatch.setattr(half_space, "MAX_ITERATIONS", 3)
    with pytest.raises(SimulationRejected, match="did not converge in 3"):
        indent(make_half_space((16, 16)), 0.01 * radius(16) ** 2, 1.0)

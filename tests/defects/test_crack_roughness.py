"""Roughness below the solver's cells: the law, what stays, stages on one path."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import j0

from maphc2f.defects.crack import FAMILY
from maphc2f.defects.crack_holes import Hole
from maphc2f.defects.crack_roughness import (
    EXPONENT,
    Guard,
    Roughness,
    Scale,
    displacement,
    draw_waves,
    roughen,
    roughness_of,
)
from maphc2f.errors import SimulationRejected
from maphc2f.materials import get
from maphc2f.rng import stream
from maphc2f.sample import SimulationRequest

LAW = Roughness(deviation=0.5, grain=2.0, shortest=0.6, longest=3.0)
WIDE = Roughness(deviation=0.5, grain=2.0, shortest=0.1, longest=5e4)
GLASS_PIXEL = 2.8e-4


def chain(n=80):
    """A bent chain of n segments that starts on the outline, with openings."""
    y = np.linspace(0.0, 60.0, n + 1)
    points = np.stack([y, 4 * np.sin(y / 12), 1 + 0.01 * y], 1).astype(np.float32)
    return np.stack([points[:-1], points[1:]], 1)


def height_differences(law, distances, draws=60):
    """Root mean square difference of one component over each distance, along lines in four directions."""
    square = np.zeros(len(distances))
    for seed in range(draws):
        waves = draw_waves(law, stream(seed, "rough"))
        for angle in np.arange(4) * math.pi / 4:
            way = np.array([math.cos(angle), math.sin(angle)])
            along = np.linspace(0, 400, 60)[:, None] * way
            start = displacement(waves, along)
            for k, r in enumerate(distances):
                square[k] += np.mean(np.square(displacement(waves, along + r * way) - start)) / (4 * draws)
    return np.sqrt(square)


def test_height_differences_grow_with_the_exponent_and_the_size_of_the_law():
    """Δh(r) = ρ d (r / d)^ζ over two decades of a wide band: slope within 0.04 of ζ, level within 8 %."""
    r = np.array([1.0, 3.0, 10.0, 30.0, 100.0])
    found = height_differences(WIDE, r)
    slope = np.polyfit(np.log(r), np.log(found), 1)[0]
    assert EXPONENT - 0.04 < slope < EXPONENT + 0.04
    expected = WIDE.deviation * WIDE.grain * (r / WIDE.grain) ** EXPONENT
    np.testing.assert_allclose(found, expected, rtol=0.08)


def test_a_band_holds_its_share_of_the_law():
    """Only the band's own waves: Δh² over r is the law's integral over the band alone, by quadrature."""
    r = 1.5
    # Beyond the last wave number counted one by one, J₀ has no mean.
    full = quad(lambda x: math.exp(-2 * EXPONENT * x) * (1 - j0(math.exp(x) * r)), -12, 3, limit=400)[0]
    full += math.exp(-6 * EXPONENT) / (2 * EXPONENT)
    limits = math.log(2 * math.pi / LAW.longest), math.log(2 * math.pi / LAW.shortest)
    part = quad(lambda x: math.exp(-2 * EXPONENT * x) * (1 - j0(math.exp(x) * r)), *limits)[0]
    expected = LAW.deviation * LAW.grain * (r / LAW.grain) ** EXPONENT * math.sqrt(part / full)
    assert height_differences(LAW, np.array([r]))[0] == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize("law", [Roughness(0.0, 2.0, 0.6), Roughness(0.5, 2.0, 3.0)])
def test_no_amplitude_and_no_band_change_nothing(law):
    rows = chain()
    assert roughen(rows, law, draw_waves(law, stream(0, "x")), Guard()) is rows


def test_segments_stay_joined_and_openings_stay_on_them():
    rows = chain()
    rough = roughen(rows, LAW, draw_waves(LAW, stream(1, "x")), Guard())
    assert rough.dtype == np.float32
    np.testing.assert_array_equal(rough[:-1, 1], rough[1:, 0])
    assert rough[0, 0, 2] == rows[0, 0, 2]
    assert rough[..., 2].max() == rows[..., 2].max()
    assert (np.diff(rough[:, 0, 2]) > 0).all()
    moved = np.hypot(*(rough[0, 0, :2] - rows[0, 0, :2]))
    assert 0.05 < moved < 2


def test_mouths_stay_on_the_outline_and_holes_where_they_are():
    holes = (Hole((40.0, 4 * math.sin(40 / 12)), 5.0),)
    rows = chain()
    rough = roughen(rows, LAW, draw_waves(LAW, stream(2, "x")), Guard(outline=True, holes=holes))
    assert rough[0, 0, 0] == 0
    assert (rough[..., 0] >= 0).all()
    middles = rough.mean(axis=1)[:, :2].astype(float)
    inside = holes[0].distance(middles) < 4.5
    assert np.count_nonzero(inside) > 20
    off_path = np.abs(middles[:, 1] - 4 * np.sin(middles[:, 0] / 12))
    assert off_path[inside].max() < 0.03
    assert off_path[holes[0].distance(middles) > 9].max() > 0.15


def test_rough_materials_are_rough_and_glass_is_smooth():
    """Over 3 px: asphalt at 1 mm a pixel strays by more than a pixel, glass and silicon by less than a tenth."""

    def strays(name, pixel):
        law = roughness_of(get(name), 0.55, 1.0, Scale(pixel, pixel))
        return law.deviation * law.grain * (3 / law.grain) ** EXPONENT

    assert 1.0 < strays("asphalt", 1e-3) < 3.0
    assert strays("glass", GLASS_PIXEL) < 0.1
    assert strays("silicon", GLASS_PIXEL) < 0.1


def grown(stages, seed=3):
    pixel = 1e-3
    request = SimulationRequest("edge_crack", get("asphalt"), 0.4, stages, 0.6, pixel, {"biaxiality": (0.3, 0.3)})
    for attempt in range(6):
        try:
            return FAMILY.simulate(request, stream(seed, "stages", attempt))
        except SimulationRejected:
            continue
    pytest.fail("rejected six times")


def positions(snapshot):
    """Middles of segments, m, in the frame of the grid."""
    return snapshot.trace[..., :2].mean(axis=1) - np.array(snapshot.origin)


def distances(points, path):
    """Distance of each point to the nearest of the segments (n, 2, 2)."""
    a, way = path[:, 0], path[:, 1] - path[:, 0]
    share = ((points[:, None] - a) * way).sum(-1) / np.maximum((way * way).sum(-1), 1e-30)
    near = a + np.clip(share, 0, 1)[..., None] * way
    return np.hypot(*np.moveaxis(points[:, None] - near, -1, 0)).min(axis=1)


def test_part_of_a_path_becomes_part_of_the_rough_path():
    rows, waves = chain(), draw_waves(LAW, stream(4, "x"))
    whole, part = (roughen(r, LAW, waves, Guard(outline=True)) for r in (rows, rows[:30]))
    np.testing.assert_array_equal(part, whole[: len(part)])


@pytest.mark.parametrize("seed", [0, 1])
def test_a_stage_lies_on_the_path_of_the_next(seed):
    """Nine tenths within 0.12 cells away from the tip, as the solved paths do; two draws lie 0.3 apart."""
    early, late = grown((0.5, 1.0), seed).snapshots
    points = positions(early) / early.spacing
    path = (late.trace[..., :2] - np.array(late.origin)) / late.spacing
    tip = points[:, 0].max()
    apart = distances(points[points[:, 0] < tip - 5], path)
    assert len(apart) > 50
    assert np.quantile(apart, 0.9) < 0.12


def test_the_field_that_was_solved_is_not_touched_and_what_was_drawn_is_told():
    simulation = grown((1.0,))
    p = simulation.parameters
    cv = get("asphalt").toughness_cv * p["toughness_scale"]
    assert p["roughness_deviation"] == pytest.approx(p["roughness"] * min(1, cv / 0.4) ** 2)
    assert p["roughness_grain"] == pytest.approx(5e-3)
    snapshot = simulation.snapshots[0]
    assert snapshot.measures["length"] > 1.02 * snapshot.size
    steps = np.hypot(*(snapshot.trace[:, 1, :2] - snapshot.trace[:, 0, :2]).T)
    assert steps.mean() < 2.2e-3

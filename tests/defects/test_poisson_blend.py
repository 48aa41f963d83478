"""NSA: sides and scales of the method, growth of the stages."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from maphc2f.bundled import find_material
from maphc2f.defects.poisson_blend import FAMILY, draw_scale, draw_side
from maphc2f.rng import stream
from maphc2f.sample import SimulationRequest

VIEW, PIXEL = 25.6e-3, 1e-4


def request(scenario: str = "seamless", stages: tuple[float, ...] = (0.4, 0.6, 0.8, 1.0)) -> SimulationRequest:
    return SimulationRequest(scenario, find_material("steel"), VIEW, stages, VIEW, PIXEL)


def areas_of(seed: int) -> list[float]:
    snapshots = FAMILY.simulate(request(), stream(seed, "nsa")).snapshots
    return [float(np.count_nonzero(s.extent >= s.threshold)) * (s.spacing / VIEW) ** 2 for s in snapshots]


def test_sides_are_gamma_distributed() -> None:
    """0.06 + Gamma(2, 0.1): mean 0.26, standard deviation 0.141, median 0.06 + 0.1678; the cut at 0.8 hardly counts."""
    rng = stream(0, "sides")
    sides = np.array([draw_side(rng) for _ in range(4000)])
    assert sides.mean() == pytest.approx(0.26, abs=0.007)
    assert np.median(sides) == pytest.approx(0.2278, abs=0.007)
    assert sides.std() == pytest.approx(0.140, abs=0.007)
    assert sides.min() >= 0.06
    assert sides.max() <= 0.8


def test_scales_are_normal_and_cut() -> None:
    """P(Normal(1, 0.5) < 0.7) = 0.274 lie at either end, the rest between."""
    rng = stream(0, "scales")
    scales = np.array([draw_scale((0.7, 1.3), rng) for _ in range(3000)])
    assert np.mean(scales == 0.7) == pytest.approx(0.274, abs=0.025)
    assert np.mean(scales == 1.3) == pytest.approx(0.274, abs=0.025)
    assert scales.mean() == pytest.approx(1.0, abs=0.015)


def test_the_mean_area_over_the_stages_is_that_of_the_method() -> None:
    """0.26² = 0.0676 for two sides drawn by themselves; its scatter over 200 draws is about 0.0045."""
    areas = np.array([areas_of(seed) for seed in range(200)])
    assert areas.mean() == pytest.approx(0.0676, abs=0.01)


def test_stages_grow_in_proportion() -> None:
    for seed in range(5):
        areas = areas_of(seed)
        assert all(small < large for small, large in itertools.pairwise(areas))
        assert areas[0] == pytest.approx(0.4 * areas[-1], rel=0.06)


def test_no_side_outgrows_the_picture() -> None:
    shares = [FAMILY.simulate(request(), stream(seed, "large")).parameters for seed in range(300)]
    sides = np.array([[p["height_share"], p["width_share"]] for p in shares])
    assert sides.max() == pytest.approx(0.8)


def test_scenarios_say_which_gradients_they_take() -> None:
    found = [FAMILY.simulate(request(name), stream(0, "g")).parameters["gradients"] for name in FAMILY.scenarios]
    assert found == ["source", "mixed"]

"""Lifted films: limits, scaling, independence of regions, stopping rules."""

from __future__ import annotations

import numpy as np
import pytest

from maphc2f.solvers.blister import Accuracy, Skin, inflate

EXACT = Accuracy(tolerance=1e-9, max_steps=20000, change=1e-8, max_rounds=40)
PAINT = Skin(modulus=5e8, poisson_ratio=0.35, thickness=6e-5, pressure=5e4)
SPACING = 6e-5


def disc(radius: float, n: int = 40, middle: tuple[float, float] = (20.0, 20.0)) -> np.ndarray:
    fine = 8
    y, x = (np.mgrid[: n * fine, : n * fine] + 0.5) / fine
    return (np.hypot(y - middle[0], x - middle[1]) < radius).reshape(n, fine, n, fine).mean(axis=(1, 3))


def test_height_follows_the_load_with_power_one_in_bending_and_a_third_in_tension() -> None:
    heights = []
    for pressure in (1e-3, 1e-2, 1e9, 1e10):
        skin = Skin(PAINT.modulus, PAINT.poisson_ratio, PAINT.thickness, pressure)
        heights.append(inflate(disc(12), SPACING, skin, EXACT).height.max())
    assert heights[1] / heights[0] == pytest.approx(10, rel=1e-3)
    assert heights[3] / heights[2] == pytest.approx(10 ** (1 / 3), rel=0.02)


def test_halving_the_grid_changes_little() -> None:
    coarse = inflate(disc(9.0), 2 * SPACING, PAINT, EXACT).height.max()
    fine = inflate(disc(18.0, 64, (32.0, 32.0)), SPACING, PAINT, EXACT).height.max()
    assert coarse == pytest.approx(fine, rel=0.02)


def test_the_film_holds_where_it_is_bonded_and_rises_elsewhere() -> None:
    share = disc(10)
    bulge = inflate(share, SPACING, PAINT)
    assert not bulge.height[share < 1].any()
    assert (bulge.height[share >= 1] > 0).all()
    assert bulge.height.argmax() in [i * 40 + j for i in (19, 20) for j in (19, 20)]


def test_the_energy_balance_holds() -> None:
    """Virtual work: p ∫ w dA = bending work + N ∫ |∇w|² dA; N from the strain that the deflection makes."""
    bulge = inflate(disc(14), SPACING, PAINT, EXACT)
    gradient = sum((np.diff(bulge.height, axis=axis) ** 2).sum() for axis in (0, 1))
    area = disc(14).sum() * SPACING**2
    assert float(bulge.strain[0]) == pytest.approx(gradient / (2 * area), rel=0.05)  # faces to the rim are not whole


def test_regions_know_nothing_of_each_other() -> None:
    small, large = disc(5, middle=(8.0, 8.0)), disc(11, middle=(26.0, 26.0))
    both = inflate(small + large, SPACING, PAINT, EXACT)
    alone = inflate(small, SPACING, PAINT, EXACT).height + inflate(large, SPACING, PAINT, EXACT).height
    assert both.regions.max() == 2
    np.testing.assert_allclose(both.height, alone, rtol=0, atol=1e-5 * alone.max())
    assert both.strain[0] < both.strain[1]


def test_a_larger_region_bulges_higher_everywhere() -> None:
    heights = [inflate(disc(radius), SPACING, PAINT, EXACT).height for radius in (7, 10, 14)]
    assert heights[0].max() < heights[1].max() < heights[2].max()


def test_production_accuracy_is_within_two_per_cent_and_a_guess_does_not_matter() -> None:
    exact = inflate(disc(14), SPACING, PAINT, EXACT).height
    cold = inflate(disc(14), SPACING, PAINT)
    warm = inflate(disc(14), SPACING, PAINT, guess=inflate(disc(12), SPACING, PAINT).height)
    assert np.abs(cold.height - exact).max() < 0.02 * exact.max()
    assert np.abs(warm.height - exact).max() < 0.02 * exact.max()
    assert max(cold.residual, warm.residual) <= Accuracy().tolerance


def test_nothing_delaminated_is_flat() -> None:
    bulge = inflate(np.zeros((9, 9)), SPACING, PAINT)
    assert not bulge.height.any()
    assert bulge.strain.size == 0


@pytest.mark.parametrize("changes", [{"modulus": 0.0}, {"thickness": -1e-6}, {"pressure": -1.0}])
def test_constants_without_meaning_are_refused(changes: dict[str, float]) -> None:
    values = {"modulus": 1e9, "poisson_ratio": 0.3, "thickness": 1e-4, "pressure": 1.0}
    with pytest.raises(ValueError, match="must be > 0"):
        Skin(**{**values, **changes})

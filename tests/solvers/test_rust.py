"""Product of corrosion: conservation, spread and shortage of oxygen."""

from __future__ import annotations

import numpy as np
import pytest

from maphc2f.solvers import rust


def spot(n: int = 41) -> np.ndarray:
    released = np.zeros((n, n), np.float32)
    released[n // 2 - 1 : n // 2 + 2, n // 2 - 1 : n // 2 + 2] = 0.3
    return released


def state(layer: rust.WetLayer, n: int = 41) -> rust.Rust:
    return rust.dry(layer, np.ones((n, n), np.float32))


def test_all_that_is_released_settles():
    layer = state(rust.WetLayer(4.0, 3.0, 10.0))
    for _ in range(7):
        rust.settle(layer, spot(), 5)
    assert layer.product.sum() == pytest.approx(7 * spot().sum(), rel=1e-4)
    assert layer.product.min() >= 0


def test_nothing_released_nothing_settles():
    layer = state(rust.WetLayer(4.0, 3.0, 10.0))
    rust.settle(layer, np.zeros((41, 41), np.float32), 5)
    assert not layer.product.any()
    assert not layer.dose.any()


def test_product_spreads_with_the_reach():
    widths = []
    for reach in (2.0, 5.0):
        layer = state(rust.WetLayer(reach, 3.0, 0.0))
        rust.settle(layer, spot(), 200)
        y = np.arange(41) - 20
        widths.append(np.sqrt((layer.product.sum(1) * y**2).sum() / layer.product.sum()))
    # The second moment of K0 in the plane is 4 r^2, that of one coordinate 2 r^2; the wider one feels the border.
    assert widths[0] == pytest.approx(2.0 * np.sqrt(2), rel=0.1)
    assert widths[1] > 1.9 * widths[0]


def test_shortage_of_oxygen_makes_a_ring():
    """Evans' drop: ions at the centre find no oxygen and settle further out."""
    plenty, short = (state(rust.WetLayer(3.0, 6.0, demand)) for demand in (0.0, 300.0))
    for layer in (plenty, short):
        rust.settle(layer, spot(), 300)
    centre, ring = (20, 20), (20, 27)
    assert plenty.product[centre] > 3 * plenty.product[ring]
    assert short.product[centre] / short.product[ring] < 0.5 * plenty.product[centre] / plenty.product[ring]


def test_busiest_share_is_a_share():
    layer = state(rust.WetLayer(4.0, 3.0, 0.0))
    rust.spread(layer, spot(), 60)
    assert 1 / layer.ions.size < rust.peak_share(layer) < 1
    before = layer.product.copy()
    assert not before.any()

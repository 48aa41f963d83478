"""Rims crumble along the working direction, and an attack that grew still has grown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maphc2f.defects.corrosion_rim import LIMIT, REFINED, crumble, wander
from maphc2f.rng import stream
from maphc2f.sample import Float32, Snapshot

N, SPACING = 60, 1e-5


def disc(radius: float) -> Snapshot:
    """A disc of ``radius`` cells whose rim rises over two cells, with a depth and product to match."""
    y, x = np.mgrid[0:N, 0:N] - (N - 1) / 2
    extent = np.clip(0.5 + 0.5 * (radius - np.hypot(y, x)), 0, 1).astype(np.float32)
    half = -0.5 * (N - 1) * SPACING
    return Snapshot(
        size=2 * radius * SPACING,
        spacing=SPACING,
        origin=(half, half),
        extent=extent,
        threshold=0.5,
        depth=-extent * np.float32(1e-4),
        product=extent * np.float32(1e-6),
    )


def outline_wander(extent: Float32, axis: int) -> float:
    """Return how far the ends of rows (axis 1) or columns (axis 0) differ from those of their neighbours, cells."""
    inside = extent >= 0.5
    first = np.argmax(inside, axis=axis)[inside.any(axis=axis)].astype(float)
    middle = slice(len(first) // 3, -(len(first) // 3))
    return float(np.abs(np.diff(first[middle])).mean())


def test_nothing_moves_unless_asked() -> None:
    snapshots = [disc(10), disc(16)]
    assert crumble(snapshots, 0.0, stream(0, "rim")) is snapshots


def test_without_movement_the_finer_grid_shows_the_same() -> None:
    found = crumble([disc(16)], 1e-9, stream(0, "rim"))[0]
    assert found.spacing == SPACING / REFINED
    assert found.extent.shape == (REFINED * (N - 1) + 1,) * 2
    np.testing.assert_allclose(found.extent[::REFINED, ::REFINED], disc(16).extent, atol=1e-5)


def test_grown_attacks_have_grown_and_borders_are_intact() -> None:
    early, late = crumble([disc(10), disc(16)], 0.06, stream(0, "rim"))
    assert (early.extent <= late.extent + 1e-6).all()
    assert early.depth is not None
    assert late.depth is not None
    assert (late.depth <= early.depth + 1e-10).all()
    assert early.product is not None
    assert late.product is not None
    assert (late.product >= early.product - 1e-12).all()
    frame = np.ones_like(late.extent, dtype=bool)
    frame[2:-2, 2:-2] = False
    for field in (late.extent, late.depth, late.product):
        assert not field[frame].any()
    assert late.depth.min() >= -1e-4


def test_rims_are_ragged_along_the_working_direction() -> None:
    smooth = crumble([disc(16)], 1e-9, stream(1, "rim"))[0].extent
    ragged = [crumble([disc(16)], 0.05, stream(k, "rim"))[0].extent for k in range(6)]
    along, across = (np.mean([outline_wander(extent, axis) for extent in ragged]) for axis in (1, 0))
    assert along > 4 * outline_wander(smooth, 1)
    assert along > 1.3 * across


@pytest.mark.parametrize("ragged", [0.02, 0.06])
def test_movement_has_the_spread_asked_for(ragged: float) -> None:
    moved = np.stack([wander((121, 121), 70.0, ragged, stream(k, "wander")) for k in range(8)])
    middle = moved[:, :, 30:-30, 30:-30]
    assert 0.8 < middle[:, 1].std() / (ragged * 70) < 1.4
    assert middle[:, 0].std() < 0.75 * middle[:, 1].std()
    assert np.abs(moved).max() <= LIMIT * ragged * 70 * 1.0001
    assert not moved[:, :, 0].any()
    assert not moved[:, :, :, -1].any()


def test_same_stream_same_bytes() -> None:
    first, second = (crumble([replace(disc(12))], 0.04, stream(3, "rim"))[0].extent for _ in range(2))
    assert first.tobytes() == second.tobytes()

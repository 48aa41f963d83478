"""Pieces that break out at the outline lie across it: where it is hollow, they would be holes in the part."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from maphc2f.generate.pictures import PreparedPicture
from maphc2f.generate.placement import MAX_BEYOND, draw_pose, inside_share
from maphc2f.rng import stream
from maphc2f.sample import Snapshot
from tests.builders import PIXEL, picture_of

SIDE, OVERLAP, REACH = 128, 2, 8


def piece(chord: int) -> Snapshot:
    """A piece ``chord`` px along the outline, REACH px into the part and OVERLAP px beyond the outline."""
    extent = np.zeros((OVERLAP + REACH + 4, chord + 4), np.float32)
    extent[2:-2, 2:-2] = 1.0
    return Snapshot(
        size=chord * PIXEL,
        spacing=PIXEL,
        origin=(-(OVERLAP + 1.5) * PIXEL, -0.5 * (chord + 3) * PIXEL),
        extent=extent,
        threshold=0.5,
        measures={},
    )


def picture(part: NDArray[np.bool_]) -> PreparedPicture:
    return picture_of(stream(1, "flat").integers(100, 130, part.shape, dtype=np.uint8), part)


def radius() -> NDArray[np.float64]:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return np.hypot(rows - SIDE / 2, columns - SIDE / 2)


def anchors(part: NDArray[np.bool_], chord: int, draws: int) -> NDArray[np.float64]:
    """Distances from the middle of the picture of the places that are found."""
    found = (draw_pose(piece(chord), "edge", picture(part), stream(seed, "place")) for seed in range(draws))
    return np.array([np.hypot(*(np.array(pose.anchor) - SIDE / 2)) for pose in found if pose is not None])


@pytest.mark.parametrize("chord", [8, 30])
def test_a_bulging_outline_takes_pieces_of_any_size(chord: int) -> None:
    assert len(anchors(radius() < 50, chord, 12)) == 12


def test_a_hollow_outline_takes_small_pieces_alone() -> None:
    """Round a hole of radius 16, whose outline is a sixth of all; the picture's own border is straight."""
    ring = radius() > 16
    assert (anchors(ring, 6, 60) < 20).sum() >= 4
    wide = anchors(ring, 40, 60)
    assert len(wide) == 60
    assert (wide > 20).all()


def test_the_limit_is_on_what_lies_beyond_the_outline() -> None:
    part, chord = radius() < 50, 30
    pose = draw_pose(piece(chord), "edge", picture(part), stream(3, "place"))
    assert pose is not None
    along = np.linspace(-chord / 2, chord / 2, 61) * PIXEL
    beyond = pose.apply(np.stack([np.full_like(along, -2.0 * PIXEL), along], axis=1))
    assert inside_share(beyond, part) <= MAX_BEYOND

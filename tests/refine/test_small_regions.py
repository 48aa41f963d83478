"""Small regions survive all stages, and edges of the picture cut none in two."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from maphc2f.refine import npcf
from maphc2f.refine.pipeline import synthesise
from maphc2f.render.window import WindowInputs
from maphc2f.sample import DISTANCE_CAP
from tests.refine.fields import region_fields, window

CENTRES = ((20.0, 20.0), (20.3, 40.4), (40.5, 22.0), (43.2, 44.7))


def spots(diameter: float, size: int = 64) -> WindowInputs:
    """Disks at the given centres, some of them between pixels, 2 px or more across."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float64)
    level = np.min([np.hypot(y - cy, x - cx) - diameter / 2 for cy, cx in CENTRES], axis=0)
    base = region_fields(size)
    inside = np.clip(0.5 - level, 0, 1).astype(np.float32)
    fields = replace(
        base,
        distance=np.clip(level, -DISTANCE_CAP, DISTANCE_CAP).astype(np.float32),
        extent=inside,
        depth=(-1e-4 * inside).astype(np.float32),
        support=level < 10,
    )
    return window(fields, family="corrosion")


def parts(soft: np.ndarray) -> int:
    return cv2.connectedComponents((soft >= 0.5).astype(np.uint8))[0] - 1


@pytest.mark.parametrize("diameter", [2.0, 2.5, 3.0, 4.0, 6.0])
@pytest.mark.parametrize("stage", ["npcf", "npcf++"])
def test_small_spots_survive(diameter: float, stage: str) -> None:
    item = spots(diameter)
    result = synthesise([item], stage)[0]
    assert parts(result.coarse_mask) == len(CENTRES)
    assert parts(result.soft_mask) == len(CENTRES)
    moved = (result.soft_mask >= 0.5) != (result.coarse_mask >= 0.5)
    assert np.abs(item.fields.distance[moved]).max(initial=0.0) <= 0.5 + 1e-5


def test_motion_is_limited_and_leaves_something() -> None:
    start = torch.full((1, 1, 9, 9), 3.0)
    start[..., 4, 4] = -0.4
    start[..., 3:6, 3:6] = torch.minimum(start[..., 3:6, 3:6], torch.tensor(0.6))
    for push in (5.0, -5.0):
        moved = npcf.limit_motion(start, start + push)
        assert torch.abs(moved - start).max() <= 0.5 + 1e-6
        assert moved[0, 0, 4, 4] < 0
    assert torch.equal(npcf.limit_motion(start, start), start)


def test_an_edge_of_the_picture_does_not_cut_a_region() -> None:
    item = window(region_fields(96), family="corrosion")
    picture = item.picture.copy()
    picture[:, 47:49] = 0.95
    item = replace(item, picture=picture)
    for stage in ("npcf", "npcf++"):
        soft = synthesise([item], stage)[0].soft_mask
        assert parts(soft) == 1
        assert (soft[item.fields.distance < -1.0] >= 0.5).all()

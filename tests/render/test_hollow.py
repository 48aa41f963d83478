"""Holes that a crack joins: dark, the wall that faces the light lit, nothing where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from maphc2f.render.batch import WindowBatch, stack
from maphc2f.render.coarse import render_coarse
from maphc2f.render.hollow import BOTTOM, darken_holes, hole_coverage
from maphc2f.render.operators import decode
from maphc2f.render.window import WindowInputs
from tests.refine.fields import line_fields, window

SIDE, RADIUS, MIDDLE = 96, 9.0, (30.0, 40.0)


def apart() -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.hypot(y - MIDDLE[0], x - MIDDLE[1])


def with_hole(polarity: float = -1.0, light: tuple[float, float, float] = (0.0, -0.714, 0.7)) -> WindowInputs:
    fields = line_fields(SIDE)
    distance = np.maximum(np.minimum(fields.distance, apart() - RADIUS), 0).astype(np.float32)
    item = window(replace(fields, distance=distance, support=fields.support | (apart() < RADIUS + 4)), contrast=3.0)
    looks = replace(item.appearance, polarity=polarity)
    return replace(item, statistics=replace(item.statistics, light=light), appearance=looks)


def light_ratio(batch: WindowBatch) -> np.ndarray:
    """Linear light over that of the good picture."""
    return (decode(render_coarse(batch).picture) / decode(batch.picture))[0, 0].numpy()


def test_a_hole_covers_its_disc_and_a_centreline_nothing() -> None:
    covered = hole_coverage(stack([with_hole()]).distance)
    assert float(covered.sum()) == pytest.approx(np.pi * RADIUS**2, rel=0.05)
    thin = torch.full((1, 1, 40, 40), 5.0)
    thin[..., 20, :] = 0.0
    assert torch.equal(hole_coverage(thin), torch.zeros_like(thin))


def test_light_without_holes_is_untouched() -> None:
    batch = stack([window(line_fields(SIDE))])
    batch = replace(batch, distance=batch.distance + 0.1)
    light = decode(batch.picture)
    assert torch.equal(darken_holes(batch, light), light)


@pytest.mark.parametrize("polarity", [-1.0, 1.0])
def test_a_hole_is_dark_whatever_its_crack_is(polarity: float) -> None:
    ratio = light_ratio(stack([with_hole(polarity)]))
    assert ratio[apart() < RADIUS - 5].max() < 2 * BOTTOM


def test_the_wall_that_faces_the_light_is_lit() -> None:
    """Light from the left: the right wall faces it."""
    ratio = light_ratio(stack([with_hole()]))
    rows = slice(int(MIDDLE[0]) - 2, int(MIDDLE[0]) + 3)
    right = ratio[rows, int(MIDDLE[1] + RADIUS) - 1].mean()
    left = ratio[rows, int(MIDDLE[1] - RADIUS) + 1].mean()
    assert right > 1.3 * left

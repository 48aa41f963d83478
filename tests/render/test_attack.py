"""Attacked metal: facets with flecks along the working direction, deeper colour, floors darker at the foot of walls."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from maphc2f.refine.pipeline import synthesise
from maphc2f.render.appearance import draw_appearance
from maphc2f.render.attack import WALL_PLACE, WALL_REACH, deepen, facets, stretched, wall
from maphc2f.render.batch import WindowBatch, stack
from maphc2f.render.operators import luminance
from maphc2f.render.relief import WALL_RADII, occlusion
from tests.refine.fields import region_fields, window
from tests.render.test_appearance import STEEL


def batch_of(*, facet: float = 0.3, channels: int = 1, tint: float = 0.0, angle: float = 0.0) -> WindowBatch:
    fields = replace(region_fields(128, radius=0.3), axis=(math.sin(angle), math.cos(angle)))
    return stack([window(fields, 2, channels, family="corrosion", facets=facet, tint=tint)])


def lit(batch: WindowBatch) -> torch.Tensor:
    weight = (batch.distance < 0).to(torch.float32)
    level, amplitude = torch.full((1, 1, 1, 1), 0.5), torch.full((1, 1, 1, 1), 0.25)
    return facets(batch, weight, level, amplitude)


def test_whole_metal_has_no_facets_and_no_deeper_colour() -> None:
    batch = batch_of(channels=3)
    level = torch.full((1, 1, 1, 1), 0.5)
    nothing = torch.zeros_like(batch.distance)
    assert (facets(batch, nothing, level, 0.5 * level) == 1).all()
    assert (deepen(batch, batch.picture, luminance(batch.picture), nothing) == 1).all()


def test_facets_have_the_spread_asked_for_and_bright_flecks() -> None:
    light = lit(batch_of())[0, 0]
    inside = batch_of().distance[0, 0] < 0
    values = ((light - 1) / (0.3 * 0.5))[inside].numpy()
    assert 0.75 < values.std() < 1.7
    assert (light[~inside] == 1).all()
    # Mirroring facets are rare and bright: the upper tail is the longer one.
    assert np.percentile(values, 99) > 1.2 * -np.percentile(values, 1)


@pytest.mark.parametrize("angle", [0.0, 0.6, 1.9])
def test_cells_are_drawn_out_along_the_axis(angle: float) -> None:
    noise = torch.randn(1, 1, 128, 128, generator=torch.Generator().manual_seed(1))
    axis = torch.full((1, 1, 1, 1), math.sin(angle)), torch.full((1, 1, 1, 1), math.cos(angle))
    drawn = stretched(noise, axis, 9.0, 3.0)[0, 0].numpy()
    gy, gx = np.gradient(drawn[8:-8, 8:-8])
    along, across = gx * math.cos(angle) + gy * math.sin(angle), gy * math.cos(angle) - gx * math.sin(angle)
    assert (across**2).mean() > 4 * (along**2).mean()
    assert 0.7 < drawn.std() < 1.3


def test_facets_follow_the_frame_of_the_defect() -> None:
    assert not torch.equal(lit(batch_of(angle=0.0)), lit(batch_of(angle=1.2)))


def test_darkened_metal_keeps_and_deepens_its_own_colour() -> None:
    batch = batch_of(channels=3)
    brown = torch.tensor([0.5, 0.42, 0.3]).reshape(1, 3, 1, 1).expand_as(batch.picture)
    change = deepen(batch, brown, luminance(brown), torch.full_like(batch.distance, 0.4))[0, :, 0, 0]
    assert change[0] > 1 > change[2]
    gray = torch.full_like(brown, 0.4)
    same = deepen(batch, gray, luminance(gray), torch.ones_like(batch.distance))
    assert torch.allclose(same, torch.ones(1), atol=1e-5)


def test_product_tints_hollows() -> None:
    plain, tinted = (
        deepen(b, torch.full_like(b.picture, 0.5), *2 * (torch.full_like(b.distance, 0.5),))[0, :, 0, 0]
        for b in (batch_of(channels=3), batch_of(channels=3, tint=0.5))
    )
    assert tinted[0] > plain[0] + 0.02
    assert tinted[2] < plain[2] - 0.02


def test_gray_pictures_have_no_colour_to_deepen() -> None:
    batch = batch_of(tint=0.5)
    assert torch.allclose(
        deepen(batch, batch.picture, luminance(batch.picture), torch.ones_like(batch.distance)),
        torch.ones(1),
        atol=1e-6,
    )


def test_a_flat_floor_is_dark_only_at_the_foot_of_its_wall() -> None:
    x = torch.arange(64, dtype=torch.float32)
    depth = torch.where((x > 16) & (x < 48), -6.0, 0.0).expand(1, 1, 64, 64)
    seen = occlusion(depth, WALL_RADII)[0, 0, 32]
    assert seen[17] < 0.7
    assert seen[32] == 1
    assert seen[10] == 1


def test_attacked_metal_is_darker_by_a_share_of_its_own_light() -> None:
    """The same pit in the same picture at half the light: half the change."""
    item = window(region_fields(96, radius=0.25), 3, family="corrosion", facets=0.1, contrast=9.0, gloss_loss=0.0)
    dim = replace(item, picture=(item.picture * np.float32(0.6)).astype(np.float32))
    inside = item.fields.distance < -2
    full, less = (
        (w.picture - synthesise([w], "coarse")[0].picture)[inside].mean() / w.picture[inside].mean()
        for w in (item, dim)
    )
    assert full > 0.15
    assert less == pytest.approx(full, rel=0.1)


def test_facets_are_evenly_lit() -> None:
    """Steps are small on a facet and large between facets: further apart than those of Gaussian noise (0.29)."""
    light = lit(batch_of())[0, 0]
    inside = batch_of().distance[0, 0] < -2
    steps = (light[:, 1:] - light[:, :-1])[inside[:, 1:] & inside[:, :-1]].abs().numpy()
    assert np.median(steps) < 0.2 * np.percentile(steps, 98)


def test_the_foot_of_a_wall_is_dark_inside_the_rim_and_nowhere_else() -> None:
    fields = region_fields(128, radius=0.3)
    batch = stack([window(fields, 2, 1, family="corrosion", facets=0.1, rim_shadow=0.5)])
    level = torch.full((1, 1, 1, 1), 0.5)
    dark = 1 - wall(batch, level, 0.4 * level)[0, 0]
    distance = batch.distance[0, 0]
    at_rim = (distance - WALL_PLACE).abs() < 0.3
    assert dark[at_rim].mean() == pytest.approx(0.5 * 0.4, rel=0.15)
    assert (dark[(distance - WALL_PLACE).abs() > WALL_REACH] == 0).all()
    assert dark[at_rim].std() > 0.02
    none = stack([window(fields, 2, 1, family="corrosion", facets=0.1, rim_shadow=0.0)])
    assert (wall(none, level, level) == 1).all()


@pytest.mark.parametrize("side", [33, 64])
def test_facets_fit_windows_of_any_size(side: int) -> None:
    batch = stack([window(region_fields(side, radius=0.3), 2, 1, family="corrosion", facets=0.3)])
    assert lit(batch).shape == batch.distance.shape


def test_pits_in_oxide_have_smoother_walls_than_in_metal() -> None:
    item = window(region_fields(64, radius=0.3), 2)
    rims = []
    for concentration in (1.4e5, 0.0):
        material = STEEL.model_copy(update={"solid_concentration": concentration})
        draws = np.random.Generator(np.random.PCG64(4))
        rims.append(draw_appearance("corrosion", "pit", material, 0.5, item.statistics, draws).rim_shadow)
    assert rims[1] > 2 * rims[0] > 0

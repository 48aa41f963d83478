"""The coarse picture: optics of lines, shading of relief, colour of product, exactness where nothing is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from maphc2f.render import relief
from maphc2f.render.batch import WindowBatch, stack
from maphc2f.render.coarse import compose, render_coarse
from maphc2f.render.groove import strip_coverage
from maphc2f.render.line import least_mouth, local_level, render_line, smooth_noise
from maphc2f.render.operators import luminance
from tests.refine.fields import all_kinds, line_fields, region_fields, window


def change(batch: WindowBatch) -> torch.Tensor:
    return luminance(render_coarse(batch).picture - batch.picture)


@pytest.mark.parametrize("width", [0.3, 0.7, 1.0, 1.5, 4.0])
def test_a_strip_keeps_its_integral(width: float) -> None:
    d = torch.arange(-20, 20, 0.05).reshape(1, 1, 1, -1)
    coverage = strip_coverage(d.abs(), torch.tensor(width / 2), torch.tensor(0.85))
    assert float(coverage.sum()) * 0.05 == pytest.approx(width, rel=1e-3)
    assert float(coverage.max()) <= 1.0


def test_a_crack_is_dark_tapers_and_is_widest_in_the_middle() -> None:
    batch = stack([window(line_fields(96))])
    half_width = render_line(batch).half_width
    relative = batch.opening / batch.opening.amax()
    near = batch.distance < 2
    assert float(half_width[near & (relative > 0.9)].mean()) > 2 * float(half_width[near & (relative < 0.2)].mean())
    inside = change(batch)[batch.distance < 0.5]
    assert float(inside.mean()) < -0.05


def test_a_crack_reaches_its_contrast() -> None:
    item = window(line_fields(96), contrast=5.0, lip=0.0)
    batch = stack([item])
    darkest = -float(change(batch).amin())
    assert 0.8 * 5.0 * 0.03 < darkest < 1.5 * 5.0 * 0.03


def test_a_fine_mouth_is_widened_only_as_far_as_its_contrast_needs() -> None:
    fine, faint = (window(line_fields(96), edge_width=1e-6, contrast=c) for c in (6.0, 1.0))
    widths = [float(least_mouth(b, local_level(b))) for b in (stack([fine]), stack([faint]))]
    assert 0.1 < widths[1] < 0.5 * widths[0] < 1.5


def test_the_lip_away_from_the_light_is_lit() -> None:
    item = window(line_fields(96, tilt=0.0), lip=1.0, edge_width=3e-4)
    statistics = replace(item.statistics, light=(0.0, -0.714, 0.7))  # from the left; the crack is vertical
    batch = stack([replace(item, statistics=statistics)])
    plain = stack([replace(item, statistics=statistics, appearance=replace(item.appearance, lip=0.0))])
    lip = (render_coarse(batch).picture - render_coarse(plain).picture)[0, 0]
    assert float(lip[30:66, 48:].mean()) > 0.0002
    assert float(lip[30:66, :46].mean()) < 0.0


def test_flat_ground_is_evenly_lit() -> None:
    light = tuple(torch.tensor(v) for v in (-0.43, -0.57, 0.7))
    depth = torch.zeros(1, 1, 16, 16)
    shaded = relief.shade(depth, light, torch.tensor(0.35), relief.occlusion(depth))
    assert torch.allclose(shaded, torch.ones_like(shaded), atol=1e-6)


def test_a_slope_towards_the_light_is_brighter_by_lamberts_law() -> None:
    y = torch.arange(32.0).reshape(1, 1, -1, 1).expand(1, 1, 32, 32)
    light = (torch.tensor(0.6), torch.tensor(0.0), torch.tensor(0.8))
    # A plane that falls towards larger y faces the light there: n = (0.5, 0, 1) / sqrt(1.25).
    shaded = relief.shade(-0.5 * y, light, torch.tensor(0.0), torch.ones_like(y))[..., 1:-1, :]
    assert torch.allclose(shaded, torch.tensor((0.5 * 0.6 + 0.8) / np.sqrt(1.25) / 0.8, dtype=torch.float32))


def test_deep_pits_see_less_sky() -> None:
    pit = torch.from_numpy(region_fields(48).depth)[None, None] / 5e-5
    seen = relief.occlusion(pit)[0, 0]
    deeper = relief.occlusion(2 * pit)[0, 0]
    rim = (slice(8, 40), slice(8, 40))
    assert float(deeper[rim].min()) < float(seen[rim].min()) < 1.0
    assert float(seen[:4].min()) == 1.0


def test_warp_moves_by_the_displacement_and_keeps_still_pixels() -> None:
    picture = torch.rand(1, 2, 16, 20, generator=torch.Generator().manual_seed(0))
    moved = torch.zeros(1, 2, 16, 20)
    moved[:, 1, 4:12, 5:15] = 2.0
    warped = relief.warp(picture, moved)
    assert torch.allclose(warped[..., 5:11, 8:14], picture[..., 5:11, 6:12], atol=1e-6)
    still = (moved == 0).all(dim=1)[0]
    assert torch.equal(warped[..., still], picture[..., still])


def test_thick_product_has_its_own_colour_and_thin_product_tints() -> None:
    colour = torch.tensor([0.22, 0.11, 0.05]).reshape(1, 3, 1, 1)
    light, even = torch.full((1, 3, 1, 1), 0.4), torch.ones(1, 1, 1, 1)
    thick = relief.absorb(light, torch.tensor(50.0), colour, even)
    thin = relief.absorb(light, torch.tensor(0.02), colour, even).flatten()
    assert torch.allclose(thick, colour, atol=1e-6)
    assert 0.4 > float(thin[0]) > float(thin[1]) > float(thin[2]) > 0.05
    assert torch.equal(relief.absorb(light, torch.tensor(0.0), colour, even), light)


def test_a_stain_is_brown() -> None:
    batch = stack([window(region_fields(64, depth=0.0, product=1e-5), channels=3, family="corrosion")])
    inside = (batch.distance < -3)[:, 0]
    red, _, blue = (render_coarse(batch).picture[:, c][inside].mean() for c in range(3))
    assert float(red) > 1.3 * float(blue)


def test_overlay_is_the_blend_of_glass() -> None:
    item = all_kinds(64)[-1]
    batch = stack([item])
    middle = (item.fields.distance < -6)[..., None]
    expected = (1 - item.opacity) * item.picture + item.opacity * item.overlay
    found = render_coarse(batch).picture[0].permute(1, 2, 0).numpy()
    assert np.abs(found - expected)[middle[..., 0]].max() < 1e-6


def test_nothing_changes_outside_the_allowed_region() -> None:
    for item in all_kinds(64):
        part = item.foreground.copy()
        part[:, :24] = 0
        batch = stack([replace(item, foreground=part)])
        same = (render_coarse(batch).picture == batch.picture)[0].all(dim=0).numpy()
        assert same[~item.fields.support].all()
        assert same[:, :24].all()
        assert not same.all()


def test_compose_is_exact_where_nothing_is_allowed() -> None:
    x = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(compose(x, x + 7, torch.zeros(1, 1, 8, 8)), x)


def test_smooth_noise_has_unit_variance() -> None:
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 1, 256, 256)).astype(np.float32))
    assert float(smooth_noise(noise, 1.5).std()) == pytest.approx(1.0, abs=0.05)


def test_windows_of_different_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape and kind"):
        stack([window(line_fields(64)), window(region_fields(64))])


@pytest.mark.parametrize("name", ["shade", "occlusion", "strip", "absorb"])
def test_gradients(name: str) -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(1, 1, 7, 7, dtype=torch.float64, generator=generator).requires_grad_()
    one = torch.tensor(1.0, dtype=torch.float64)
    functions = {
        "shade": lambda v: relief.shade(v, (-0.4 * one, -0.5 * one, 0.7 * one), 0.3 * one, one),
        "occlusion": relief.occlusion,
        "strip": lambda v: strip_coverage(v, 0.6 * one, 0.9 * one),
        "absorb": lambda v: relief.absorb(v, v, torch.tensor(0.2, dtype=torch.float64), one),
    }
    assert torch.autograd.gradcheck(functions[name], (x,))

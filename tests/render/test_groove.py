"""What is seen across a crack: a core in a mouth in a shade, on the side of the light, bridged, tinted."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from maphc2f.quality.invariants import visible_threshold
from maphc2f.render import groove
from maphc2f.render.batch import WindowBatch, stack
from maphc2f.render.coarse import render_coarse
from maphc2f.render.line import Rendered, optical_sigma, render_line
from maphc2f.render.operators import luminance
from maphc2f.render.window import WindowInputs
from tests.refine.fields import line_fields, window

SIDE = 96
WIDE = 3.5e-4


def crack(seed: int = 0, channels: int = 1, **looks: float) -> WindowInputs:
    """A wide upright crack on an even surface: 7 px of mouth, 2.8 px of core, nothing by chance but the noise."""
    item = window(line_fields(SIDE, tilt=0.0), seed, channels, **{"edge_width": WIDE, "lip": 0.0, **looks})
    tint = np.array([1.0, 0.95, 0.8][:channels], np.float32)
    even = np.broadcast_to(np.float32(0.5) * tint, item.picture.shape).copy()
    return replace(item, picture=even, statistics=replace(item.statistics, light=(0.0, -0.714, 0.7)))


def quiet(item: WindowInputs) -> WindowInputs:
    return replace(item, noise=np.zeros_like(item.noise))


def change(batch: WindowBatch) -> np.ndarray:
    return luminance(render_coarse(batch).picture - batch.picture)[0, 0].numpy()


def mouth_of(batch: WindowBatch) -> tuple[groove.Mouth, Rendered]:
    rendered = render_line(batch)
    sharp, relative = optical_sigma(batch), groove.relative_opening(batch.opening)
    return groove.Mouth(
        rendered.half_width,
        torch.full_like(sharp, 0.3),
        relative,
        groove.taper(relative),
        groove.along(batch),
        sharp,
        rendered.softness,
    ), rendered


def rings(item: WindowInputs, *edges: float) -> list[float]:
    """Mean change between distances from the rim of the mouth, px, in the middle third of the crack."""
    batch = stack([item])
    beyond = (batch.distance - render_line(batch).half_width)[0, 0].numpy()
    middle = np.abs(np.arange(SIDE) - SIDE / 2)[:, None] < SIDE / 6
    found = change(batch)
    return [float(found[middle & (beyond > a) & (beyond <= b)].mean()) for a, b in pairwise(edges)]


def test_a_core_lies_in_a_mouth_in_a_shade() -> None:
    core, _, mouth, _, near, far = rings(quiet(crack(bridging=0.0)), -4.0, -2.5, -1.2, -0.2, 0.8, 2.0, 4.0)
    assert core < 2.0 * mouth < 2.0 * 1.5 * near < 0.0
    assert near < 2.0 * far < 0.0


def test_the_shade_ends() -> None:
    item = crack(shade=0.9)
    batch = stack([replace(item, fields=replace(item.fields, support=np.ones((SIDE, SIDE), bool)))])
    beyond = batch.distance - render_line(batch).half_width
    found = change(batch)[(beyond > groove.SHADE_REACH)[0, 0].numpy() & (item.fields.distance < 14)]
    assert found.size > 100
    assert np.abs(found).max() < 1e-5


def test_the_shade_does_not_count_as_a_change_beyond_the_optical_radius() -> None:
    item = quiet(crack(shade=1.0, contrast=9.0))
    (beyond,) = rings(item, 3.0, 6.0)
    assert 0.0 < -beyond < visible_threshold(item.statistics.noise)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_the_core_has_its_share_of_the_mouth(share: float) -> None:
    batch = stack([quiet(crack(core_share=share))])
    mouth, _ = mouth_of(batch)
    ratio = (groove.core_half_width(batch, mouth) / mouth.half_width)[batch.distance < 1.0]
    widest = float(ratio[ratio < 1.0].median())
    assert widest == pytest.approx(share, rel=0.15)


def test_the_core_is_as_wide_as_the_crack_is_open_and_no_wider_than_the_mouth() -> None:
    item = crack(core_share=0.01)
    opened = replace(item, fields=line_fields(SIDE, tilt=0.0, opening=2.5e-4))
    for each in (item, opened):
        batch = stack([each])
        mouth, _ = mouth_of(batch)
        core = groove.core_half_width(batch, mouth)
        assert bool((core <= mouth.half_width).all())
        assert bool((2.0 * core >= torch.minimum(batch.opening / each.pixel_size, 2.0 * mouth.half_width) - 1e-5).all())


def test_the_core_is_shifted_towards_the_light() -> None:
    """Light from the left, chance aside: WANDER of the room between core and mouth."""
    batch = stack([quiet(crack(bridging=0.0))])
    mouth, _ = mouth_of(batch)
    seen = groove.open_groove(
        batch, mouth, torch.zeros_like(batch.distance), torch.zeros_like(batch.distance), groove.towards_light(batch)
    )
    columns = torch.arange(SIDE, dtype=torch.float32)
    middles = [(part[0, 0, 40:56] * columns).sum(-1) / part[0, 0, 40:56].sum(-1) for part in (seen.core, seen.mouth)]
    room = (mouth.half_width - seen.core_half_width)[0, 0, 40:56][(batch.distance < 1.0)[0, 0, 40:56]].mean()
    assert float((middles[1] - middles[0]).mean()) == pytest.approx(groove.WANDER[0] * float(room), rel=0.2)


def test_bridges_break_the_core_and_leave_it_seen() -> None:
    whole, broken = (stack([crack(bridging=b, contrast=9.0)]) for b in (0.0, 0.45))
    ridge = (whole.distance < 0.8) & (groove.relative_opening(whole.opening) > 0.3)
    dark, bridged = (-change(batch)[ridge[0, 0].numpy()] for batch in (whole, broken))
    assert np.quantile(bridged, 0.25) < 0.75 * np.quantile(dark, 0.25)
    assert np.quantile(bridged, 0.95) > 0.6 * np.quantile(dark, 0.95)
    assert np.mean(bridged > visible_threshold(0.004)) > 0.8


def test_dirt_is_brown_and_the_open_groove_black() -> None:
    item = quiet(crack(channels=3, bridging=0.0, mouth_darkness=0.5))
    batch = stack([item])
    ratio = (render_coarse(batch).picture / batch.picture)[0].numpy()
    beyond = (batch.distance - render_line(batch).half_width)[0, 0].numpy()
    red, green, blue = ratio[:, (beyond > -1.0) & (beyond < 0.5)].mean(1)
    assert red > green + 0.002 > blue + 0.005
    clean, dirt = groove.darkness(batch, groove_of(item), torch.ones(1, 1, 1, 1))
    on = batch.distance < 0.5
    assert float(clean[on].mean()) > 5.0 * float(dirt[on].mean())


def test_a_bright_crack_has_no_dirt_round_it() -> None:
    core, *_, beyond = rings(quiet(crack(polarity=1.0, shade=1.0)), -4.0, -2.5, 3.0, 5.0)
    assert core > 0.02
    assert abs(beyond) < 0.05 * core


def test_the_surface_shows_through_the_mouth() -> None:
    item = crack(bridging=0.0, mouth_darkness=0.3)
    rough = np.float32(0.5) + np.float32(0.03) * np.random.default_rng(2).standard_normal((SIDE, SIDE, 1))
    item = quiet(replace(item, picture=rough.astype(np.float32)))
    batch = stack([item])
    beyond = (batch.distance - render_line(batch).half_width)[0, 0].numpy()
    worn = (beyond > -1.0) & (beyond < 0.0)
    after, before = render_coarse(batch).picture[0, 0].numpy()[worn], batch.picture[0, 0].numpy()[worn]
    assert 0.6 < np.polyfit(before, after, 1)[0] < 1.05


def test_hard_grains_make_a_worn_mouth_grainy() -> None:
    smooth, grainy = (groove_of(crack(bridging=b)).grain for b in (0.0, 0.5))
    assert float(grainy.std()) > 2.5 * float(smooth.std())
    assert float(grainy.min()) < 0.0 < float(smooth.min())


def groove_of(item: WindowInputs) -> groove.Groove:
    batch = stack([item])
    grains = batch.noise[:, :1]
    return groove.open_groove(batch, mouth_of(batch)[0], grains, grains, groove.towards_light(batch))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_a_share_of_the_crack_is_bridged(share: float) -> None:
    bridged = groove_of(crack(bridging=share)).bridged
    assert float((bridged > 0.5).float().mean()) == pytest.approx(share, abs=0.02)
    assert not groove_of(crack(bridging=0.0)).bridged.any()


def test_a_line_beside_the_centreline_is_where_it_should_be() -> None:
    """Upright centreline at 20, light from the left: a line 2 px beside it is at 18."""
    columns = torch.arange(41, dtype=torch.float32).expand(1, 1, 12, 41)
    signed = columns - 20.0
    cosine = -torch.sign(signed) * (torch.abs(signed) >= 1)
    found = groove._beside(torch.abs(signed), torch.tensor(2.0), cosine)
    assert torch.allclose(found, torch.abs(columns - 18.0), atol=1e-3)


def test_waves_are_those_of_their_formula_in_every_batch() -> None:
    """Σ a sin(2π s / λ + φ) by NumPy at each pixel's s; the table's step moves s by an eighth of a pixel."""
    short, long = crack(), crack(1)
    fields = replace(long.fields, arclength=(9.0 * long.fields.arclength).astype(np.float32))
    alone, both = stack([short]), stack([short, replace(long, fields=fields)])
    found = [groove.waves(b, groove.along(b), groove.WIDTH_WAVES, 2)[0] for b in (alone, both)]
    assert torch.equal(found[0], found[1])
    s, noise = short.fields.arclength.astype(np.float64), short.noise[0, 2:, 0]
    sines = [a * np.sin(2 * np.pi * s / w + 8.0 * noise[k]) for k, (w, a) in enumerate(groove.WIDTH_WAVES)]
    slope = sum(2 * np.pi * a / w for w, a in groove.WIDTH_WAVES)
    assert np.abs(found[0][0].numpy() - np.sum(sines, axis=0)).max() < 0.126 * slope
    assert np.ptp(found[0].numpy()) > slope

"""Wavelet and boundary blocks: texture, noise, width of transitions, contour."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maphc2f.refine import npcf_plus
from maphc2f.render.operators import local_range, normal_coverage

SIZE = 96


def disk(radius: float = 22.0) -> torch.Tensor:
    y, x = np.mgrid[0:SIZE, 0:SIZE] - (SIZE - 1) / 2
    return torch.from_numpy((np.hypot(y, x) - radius).astype(np.float32))[None, None]


def at_rim() -> torch.Tensor:
    return disk().abs() < 1


def white(seed: int, sigma: float) -> torch.Tensor:
    values = np.random.default_rng(seed).normal(0.5, sigma, (1, 1, SIZE, SIZE))
    return torch.from_numpy(values.astype(np.float32))


def scalar(value: float) -> torch.Tensor:
    return torch.full((1, 1, 1, 1), value)


def weights(inside: torch.Tensor) -> npcf_plus.TextureWeights:
    return npcf_plus.TextureWeights(inside, inside, torch.zeros_like(inside))


def test_an_unchanged_picture_gets_no_detail() -> None:
    picture, inside = white(0, 0.02), (disk() < 0).float()
    detail = npcf_plus.wavelet_block(picture, picture, weights(inside), scalar(0.02))
    assert float(detail.abs().max()) < 1e-6


def dimmed(picture: torch.Tensor, left: float) -> torch.Tensor:
    """A dark disk in which a share of the texture is left."""
    return torch.where(disk() < 0, 0.2 + left * (picture - 0.5), picture)


def test_noise_of_the_camera_survives_whatever_is_done_to_the_surface() -> None:
    picture, inside = white(0, 0.02), (disk() < 0).float()
    detail = npcf_plus.wavelet_block(picture, dimmed(picture, 0.0), weights(inside), scalar(0.02))
    deep = disk() < -8
    fine = float(detail[deep].std()) / float(picture[deep].std())
    assert fine == pytest.approx(np.sqrt(15 / 16), rel=0.05)  # all but the approximation of two levels
    assert float(detail[disk() > 9].abs().max()) < 1e-6


@pytest.mark.parametrize(("left", "camera"), [(0.3, 0.0), (0.3, 0.5), (0.8, 0.5), (1.0, 0.5)])
def test_texture_is_brought_to_the_share_that_should_be_left(left: float, camera: float) -> None:
    """√(q + (1 - q) k²) of the picture's own texture, with its sign: regressed on the good picture."""
    picture, inside = white(0, 0.02), (disk() < 0).float()
    noise = scalar(0.02 * float(np.sqrt(camera)))
    restored = dimmed(picture, left) + npcf_plus.wavelet_block(picture, dimmed(picture, left), weights(inside), noise)
    deep = disk() < -8
    good, now = (p[deep] - p[deep].mean() for p in (picture, restored))
    expected = left + np.sqrt(15 / 16) * (np.sqrt(camera + (1 - camera) * left**2) - left)
    assert float((now * good).sum() / (good * good).sum()) == pytest.approx(expected, abs=0.04)


def test_the_grain_that_comes_back_has_the_direction_of_the_picture() -> None:
    grain = 0.5 + (white(3, 0.03) - 0.5).mean(2, keepdim=True) * 8 + (white(4, 0.005) - 0.5)
    inside = (disk() < 0).float()
    detail = npcf_plus.wavelet_block(grain, dimmed(grain, 0.2), weights(inside), scalar(0.05))
    deep = (disk() < -8)[0, 0].numpy()
    down, right = np.gradient(detail[0, 0].numpy())
    assert right[deep].std() > 3 * down[deep].std()


def test_the_ring_keeps_its_texture() -> None:
    picture, ring = white(5, 0.02), ((disk() > 0) & (disk() < 8)).float()
    smooth = torch.where(ring > 0, 0.5 + 0.85 * (picture - 0.5), picture)
    both = npcf_plus.TextureWeights((disk() < -2).float(), (disk() < 0).float(), ring)
    restored = smooth + npcf_plus.wavelet_block(picture, smooth, both, scalar(0.02))
    middle = (disk() - 4).abs() < 2
    assert float((restored - picture)[middle].std()) < 0.7 * float((smooth - picture)[middle].std())


@pytest.mark.parametrize("sigma", [0.9, 1.3])
def test_transition_width_of_a_known_blur(sigma: float) -> None:
    found = npcf_plus.transition(0.3 * normal_coverage(disk(), scalar(sigma)), disk())
    width, rim = found.width[at_rim()], float(npcf_plus.reading(scalar(sigma)))
    assert bool((found.defined[at_rim()] == 1).all())
    assert float(width.mean()) == pytest.approx(rim, rel=0.06)
    assert float(width.mean()) == pytest.approx(sigma, rel=0.25)
    assert float((width / rim - 1).abs().max()) < 0.15
    assert float(found.contrast[at_rim()].min()) > 0.85


def test_a_stain_that_runs_on_is_no_edge() -> None:
    slope = torch.clamp(0.3 - 0.004 * (disk() + 22), min=0)
    assert float(npcf_plus.edge_trust(npcf_plus.transition(slope, disk()))[at_rim()].max()) == 0.0


@pytest.mark.parametrize(("sigma", "target", "left"), [(0.5, 1.2, 0.5), (1.6, 0.9, 0.9)])
def test_transitions_come_nearer_to_the_optics(sigma: float, target: float, left: float) -> None:
    change = 0.3 * normal_coverage(disk(), scalar(sigma))
    before = npcf_plus.transition(change, disk())
    matched = change + npcf_plus.match_optics(change, before, disk(), scalar(target))
    after = npcf_plus.transition(matched, disk())
    aim = float(npcf_plus.reading(scalar(target)))
    off = [abs(float(found.width[at_rim()].mean()) - aim) for found in (before, after)]
    assert off[1] < left * off[0]  # sharpening is limited


def test_the_contour_moves_to_where_the_picture_changes() -> None:
    change = -0.3 * normal_coverage(disk(22.0), scalar(0.9))
    level = disk(21.2)  # the mask is 0.8 px too small
    shift = npcf_plus.boundary_synergy(change, level, scalar(0.9), scalar(1.0))
    near = level.abs() < 0.5
    assert -0.5 <= float(shift[near].mean()) < -0.05
    assert float(shift[level.abs() > 3].abs().max()) == 0.0


def test_without_trust_nothing_moves() -> None:
    change = -0.3 * normal_coverage(disk(), scalar(0.9))
    assert float(npcf_plus.boundary_synergy(change, disk(20), scalar(0.9), scalar(0)).abs().max()) == 0.0


@pytest.mark.parametrize("sigma", [1.2, 2.0])
def test_sharpening_draws_no_line_beside_the_edge(sigma: float) -> None:
    change = -0.3 * normal_coverage(disk(), scalar(sigma)) + 0.02 * (white(6, 1.0) - 0.5)
    found = npcf_plus.transition(change.abs(), disk())
    matched = change + npcf_plus.match_optics(change, found, disk(), scalar(0.6))
    least, greatest = local_range(change)
    assert float((matched - change).abs().max()) > 0.02
    assert bool(((matched >= least - 1e-6) & (matched <= greatest + 1e-6)).all())


def test_each_part_of_a_contour_is_read_for_itself() -> None:
    """Sharp on the left, soft on the right: the right half alone is sharpened."""
    left = torch.arange(SIZE).expand(1, 1, SIZE, SIZE) < SIZE // 2
    change = 0.3 * torch.where(left, normal_coverage(disk(), scalar(0.8)), normal_coverage(disk(), scalar(1.8)))
    found = npcf_plus.transition(change, disk())
    rim = disk().abs() < 1
    column = torch.arange(SIZE).expand_as(rim)
    sharp, soft = rim & (column < SIZE // 2 - 12), rim & (column > SIZE // 2 + 12)
    assert float(found.width[sharp].mean()) == pytest.approx(float(npcf_plus.reading(scalar(0.8))), rel=0.2)
    assert float(found.width[soft].mean()) > 1.3 * float(found.width[sharp].mean())
    added = npcf_plus.match_optics(change, found, disk(), scalar(0.8)).abs()
    assert float(added[soft].mean()) > 2 * float(added[sharp].mean())


def test_the_guided_filter_follows_its_guide() -> None:
    guide = (disk() < 0).float()
    ragged = guide + 0.2 * (white(3, 1.0) - 0.5)
    assert float((npcf_plus.guided(ragged, guide) - guide).std()) < 0.6 * float((ragged - guide).std())


@pytest.mark.parametrize("name", ["guided", "shift", "optics", "texture"])
def test_gradients(name: str) -> None:
    x = torch.rand(1, 1, 9, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(3)).requires_grad_()
    level = torch.linspace(-3, 3, 9, dtype=torch.float64).expand(1, 1, 9, 9).contiguous()
    one = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    sharp = npcf_plus.Transition(one, one, one)
    good, region = torch.sin(40 * level * level.mT), torch.exp(-level * level)
    functions = {
        "guided": lambda v: npcf_plus.guided(v, level),
        "shift": lambda v: npcf_plus.boundary_synergy(v + 0.2, level, one, one),
        "optics": lambda v: npcf_plus.match_optics(v, sharp, level, 2.0 * one),
        "texture": lambda v: npcf_plus.wavelet_block(
            good, good * v, npcf_plus.TextureWeights(region, region, 1.0 - region), 0.1 * one
        ),
    }
    assert torch.autograd.gradcheck(functions[name], (x,), atol=1e-4)

"""Wavelet and boundary blocks: texture, noise, width of transitions, contour."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maphc2f.refine import npcf_plus
from maphc2f.refine.npcf_plus import TextureDemand
from maphc2f.render.operators import normal_coverage

SIZE = 96


def disk(radius: float = 22.0) -> torch.Tensor:
    y, x = np.mgrid[0:SIZE, 0:SIZE] - (SIZE - 1) / 2
    return torch.from_numpy((np.hypot(y, x) - radius).astype(np.float32))[None, None]


def white(seed: int, sigma: float) -> torch.Tensor:
    values = np.random.default_rng(seed).normal(0.5, sigma, (1, 1, SIZE, SIZE))
    return torch.from_numpy(values.astype(np.float32))


def scalar(value: float) -> torch.Tensor:
    return torch.full((1, 1, 1, 1), value)


def demand(own: float, rough: float = 0.0, noise: float = 0.0) -> TextureDemand:
    return TextureDemand(scalar(own), scalar(rough), scalar(noise))


def weights(inside: torch.Tensor) -> npcf_plus.TextureWeights:
    return npcf_plus.TextureWeights(inside, inside, torch.zeros_like(inside))


def test_an_unchanged_picture_gets_no_detail() -> None:
    picture, inside = white(0, 0.02), (disk() < 0).float()
    detail, missing = npcf_plus.wavelet_block(picture, picture, weights(inside), demand(1.0))
    assert float(detail.abs().max()) < 1e-6
    assert float(missing) == 0.0


def test_flattened_texture_is_brought_back_to_the_demand() -> None:
    picture, inside = white(0, 0.04), (disk() < 0).float()
    flat = torch.where(inside > 0, 0.5 + 0.6 * (picture - 0.5), picture)
    detail, _ = npcf_plus.wavelet_block(picture, flat, weights(inside), demand(1.0))
    deep = disk() < -8
    assert float(flat[deep].std()) < 0.65 * float(picture[deep].std())
    assert float((flat + detail)[deep].std()) == pytest.approx(float(picture[deep].std()), rel=0.1)
    assert float(detail[disk() > 12].abs().max()) < 2e-4  # the coarsest filter reaches 21 px


def test_missing_noise_is_measured() -> None:
    picture, inside = white(1, 0.02), (disk() < 0).float()
    smooth = torch.where(inside > 0, torch.tensor(0.5), picture)
    _, missing = npcf_plus.wavelet_block(picture, smooth, weights(inside), demand(1.0, noise=0.02))
    assert float(missing) == pytest.approx(0.02, rel=0.15)


@pytest.mark.parametrize("sigma", [0.9, 1.3])
def test_transition_width_of_a_known_blur(sigma: float) -> None:
    found = npcf_plus.transition(0.3 * normal_coverage(disk(), scalar(sigma)), disk())
    assert float(found.defined) == 1.0
    assert float(found.width) == pytest.approx(float(npcf_plus.reading(scalar(sigma))), rel=0.06)
    assert float(found.width) == pytest.approx(sigma, rel=0.25)
    assert float(found.contrast) > 0.85


def test_a_stain_that_runs_on_is_no_edge() -> None:
    slope = torch.clamp(0.3 - 0.004 * (disk() + 22), min=0)
    assert float(npcf_plus.edge_trust(npcf_plus.transition(slope, disk()))) == 0.0


@pytest.mark.parametrize(("sigma", "target", "left"), [(0.5, 1.2, 0.5), (1.6, 0.9, 0.9)])
def test_transitions_come_nearer_to_the_optics(sigma: float, target: float, left: float) -> None:
    change = 0.3 * normal_coverage(disk(), scalar(sigma))
    before = npcf_plus.transition(change, disk())
    matched = change + npcf_plus.match_optics(change, before, disk(), scalar(target))
    after = npcf_plus.transition(matched, disk())
    aim = float(npcf_plus.reading(scalar(target)))
    assert abs(float(after.width) - aim) < left * abs(float(before.width) - aim)  # sharpening is limited


def test_the_contour_moves_to_where_the_picture_changes() -> None:
    change = -0.3 * normal_coverage(disk(22.0), scalar(0.9))
    level = disk(21.2)  # the mask is 0.8 px too small
    shift, _ = npcf_plus.boundary_synergy(change, level, scalar(0.9), scalar(1.0))
    near = level.abs() < 0.5
    assert -0.5 <= float(shift[near].mean()) < -0.05
    assert float(shift[level.abs() > 3].abs().max()) == 0.0


def test_without_trust_nothing_moves() -> None:
    change = -0.3 * normal_coverage(disk(), scalar(0.9))
    shift, keep = npcf_plus.boundary_synergy(change, disk(20), scalar(0.9), scalar(0))
    assert float(shift.abs().max()) == 0.0
    assert bool((keep == 1).all())


def test_a_halo_is_reduced_outside_only() -> None:
    halo = 0.1 * torch.exp(-((disk() - 3) ** 2) / 0.8)
    change = 0.3 * normal_coverage(disk(), scalar(0.9)) + halo
    _, keep = npcf_plus.boundary_synergy(change, disk(), scalar(0.9), scalar(1.0))
    at_halo = (disk() - 2.5).abs() < 0.5
    assert float(keep[at_halo].mean()) < 1.0
    assert bool((keep[disk() < 0] == 1).all())


def test_guided_pair_follows_its_guide() -> None:
    guide = (disk() < 0).float()
    ragged = guide + 0.2 * (white(3, 1.0) - 0.5)
    by_guide, _ = npcf_plus.guided_pair(ragged, guide)
    assert float((by_guide - guide).std()) < 0.6 * float((ragged - guide).std())


@pytest.mark.parametrize("name", ["guided", "shift", "keep"])
def test_gradients(name: str) -> None:
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(1, 1, 7, 7, dtype=torch.float64, generator=generator).requires_grad_()
    level = torch.linspace(-3, 3, 7, dtype=torch.float64).expand(1, 1, 7, 7).contiguous()
    one = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    functions = {
        "guided": lambda v: npcf_plus.guided_pair(v, level)[0],
        "shift": lambda v: npcf_plus.boundary_synergy(v + 0.2, level, one, one)[0],
        "keep": lambda v: npcf_plus.boundary_synergy(v + 0.2, level, one, one)[1],
    }
    assert torch.autograd.gradcheck(functions[name], (x,), atol=1e-4)

"""Relaxation and composition: what they remove, what they keep, and that their equations are solved."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maphc2f.refine import npcf
from maphc2f.render.operators import laplacian

SIZE = 48


def disk(radius: float, size: int = SIZE) -> torch.Tensor:
    y, x = np.mgrid[0:size, 0:size] - (size - 1) / 2
    return torch.from_numpy((np.hypot(y, x) - radius).astype(np.float32))[None, None]


def even() -> torch.Tensor:
    return torch.ones(1, 1, SIZE, SIZE)


def test_a_straight_front_stays_where_it_is() -> None:
    x = torch.arange(SIZE, dtype=torch.float32) - SIZE / 2 + 0.3
    level = x.expand(1, 1, SIZE, SIZE).contiguous()
    relaxed, _ = npcf.relax_region(level, even())
    near = level.abs() < 2
    assert float((relaxed - level)[near].abs().max()) < 0.12


def test_a_speck_goes_and_a_large_region_stays() -> None:
    speck, large = (npcf.relax_region(disk(r), even(), steps=30)[0] for r in (0.9, 12.0))
    assert int((speck < 0).sum()) < int((disk(0.9) < 0).sum())
    assert int((large < 0).sum()) == pytest.approx(int((disk(12.0) < 0).sum()), rel=0.03)


def test_a_front_moves_less_through_an_edge_of_the_picture() -> None:
    edge = torch.full((1, 1, SIZE, SIZE), 0.02)
    free, held = (npcf.relax_region(disk(3.0), g)[0] - disk(3.0) for g in (even(), edge))
    near = disk(3.0).abs() < 1
    assert float(held[near].abs().mean()) < 0.3 * float(free[near].abs().mean())


def test_edge_stopping_is_low_on_edges_only() -> None:
    step = torch.zeros(1, 1, SIZE, SIZE)
    step[..., 24:] = 1.0
    g = npcf.edge_stopping(step)
    assert float(g[..., 23:25].max()) < 0.4
    assert float(g[..., :20].min()) == 1.0


@pytest.mark.parametrize("relax", [npcf.relax_region, npcf.relax_width])
def test_relaxation_residual_falls_with_steps(relax: object) -> None:
    rough = disk(10.0) + torch.from_numpy(np.random.default_rng(0).normal(0, 0.6, (1, 1, SIZE, SIZE))).float()
    start = rough if relax is npcf.relax_region else rough.clamp(0, 3)
    residuals = [float(relax(start, even(), steps)[1]) for steps in (1, 4, 16)]
    assert residuals[0] > residuals[1] > residuals[2]
    assert residuals[2] < 0.15


def test_widths_are_smoothed_but_no_line_is_lost() -> None:
    ragged = torch.from_numpy(np.random.default_rng(1).uniform(0.15, 0.75, (1, 1, SIZE, SIZE)).astype(np.float32))
    relaxed, _ = npcf.relax_width(ragged, even())
    assert float(relaxed.std()) < 0.6 * float(ragged.std())
    assert bool((relaxed >= 0.5 * ragged).all())
    assert float(relaxed.mean()) == pytest.approx(float(ragged.mean()), rel=0.05)


def test_a_change_that_is_all_weight_passes_unaltered() -> None:
    change = torch.exp(-(disk(0.0) ** 2) / 20)
    correction, residual = npcf.compose_screened(change, even(), even())
    assert float(correction.abs().max()) == 0.0
    assert float(residual) == 0.0


def test_composition_solves_its_equation() -> None:
    """(μ - Δ) u = μ a d - div(a ∇d) inside, u = 0 outside, against a dense solution."""
    size = 20
    level = disk(4.0, size)
    change = torch.exp(-((level.double() + 4).clamp(min=0) ** 2) / 18)
    weight = npcf.footprint_weight(level.double(), 1.0, 1.5)
    free = (level < 7).double()
    correction, residual = npcf.compose_screened(change, weight, free, steps=60)
    source = 0.5 * (laplacian(change * weight) - weight * laplacian(change) + change * laplacian(weight))
    n = size * size
    unit = torch.eye(n, dtype=torch.float64).reshape(n, 1, size, size)
    operator = (npcf.SCREENING * unit - laplacian(unit)).reshape(n, n).T
    inside = free.flatten() > 0
    expected = torch.zeros(n, dtype=torch.float64)
    expected[inside] = torch.linalg.solve(operator[inside][:, inside], source.flatten()[inside])
    assert float(residual) < 1e-7
    assert torch.allclose(correction.flatten(), expected, atol=1e-8)


def test_composition_residual_falls_and_default_is_small() -> None:
    level = disk(9.0)
    change, weight, free = torch.exp(-level.clamp(min=0)), npcf.footprint_weight(level, 2.0, 1.0), (level < 8).float()
    residuals = [float(npcf.compose_screened(change, weight, free, steps)[1]) for steps in (2, 4, npcf.COMPOSE_STEPS)]
    assert residuals[0] > residuals[1] > residuals[2]
    assert residuals[2] < 0.15


def stripes(height: float) -> torch.Tensor:
    """Texture that varies along the columns only."""
    return 0.5 + height * torch.sin(torch.arange(SIZE) * 1.3).expand(1, 1, SIZE, SIZE)


def test_the_stronger_gradient_wins() -> None:
    """A shade that dims the texture gives way to the picture's gradients; one that adds texture keeps its own."""
    good, one = stripes(0.05), even()
    dims, adds = -0.5 * (good - 0.5) - 0.2, 0.5 * (good - 0.5) - 0.2
    assert torch.allclose(npcf.mixed_gradients(good, dims, one), laplacian(dims), atol=1e-6)
    assert float(npcf.mixed_gradients(good, adds, one).abs().max()) == 0.0
    half = npcf.mixed_gradients(good, dims, 0.5 * one)
    assert torch.allclose(half, 0.5 * laplacian(dims), atol=1e-6)


def test_mixed_gradients_bring_dimmed_grain_back() -> None:
    good, one = stripes(0.05), even()
    change = -0.5 * (good - 0.5) - 0.2
    mixed = npcf.mixed_gradients(good, change, one)
    correction, _ = npcf.compose_screened(change, one, one, 30, mixed=mixed)
    left = float((good + change).std() / good.std())
    assert left == pytest.approx(0.5, abs=0.01)
    wave = 2 - 2 * np.cos(1.3)  # symbol of -Δ at this wave number: a share λ / (μ + λ) of the gradient returns
    share = wave / (npcf.SCREENING + wave)
    assert float((good + change + correction)[..., 8:-8].std() / good[..., 8:-8].std()) == pytest.approx(
        0.5 + 0.5 * share, abs=0.02
    )


def test_lost_contrast_is_given_back_and_no_more() -> None:
    change, weight = -0.3 * torch.exp(-(disk(0.0) ** 2) / 20), (disk(6.0) < 0).float()
    assert float(npcf.kept_contrast(change, 0.95 * change, weight)) == pytest.approx(1 / 0.95, rel=1e-4)
    assert float(npcf.kept_contrast(change, 1.2 * change, weight)) == 1.0
    assert float(npcf.kept_contrast(change, 0.1 * change, weight)) == pytest.approx(npcf.MAX_CONTRAST_GAIN)
    assert float(npcf.kept_contrast(0 * change, 0 * change, weight)) == 1.0


@pytest.mark.parametrize("name", ["region", "width", "compose", "edge", "mixed", "contrast"])
def test_gradients(name: str) -> None:
    x = torch.rand(1, 1, 6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).requires_grad_()
    one = torch.ones(1, 1, 6, 7, dtype=torch.float64)
    functions = {
        "region": lambda v: npcf.relax_region(v - 0.5, one, 3)[0],
        "width": lambda v: npcf.relax_width(v, one, 3)[0],
        "compose": lambda v: npcf.compose_screened(v, 0.5 * one + 0.3 * v, one, 4)[0],
        "edge": npcf.edge_stopping,
        "mixed": lambda v: npcf.mixed_gradients(v.roll(1, -1).detach(), v, one),
        "contrast": lambda v: npcf.kept_contrast(1.05 * v * (1 + 0.1 * v), v, one),
    }
    assert torch.autograd.gradcheck(functions[name], (x,))


def test_the_time_step_is_stable_for_the_roughest_mode() -> None:
    """A checkerboard far inside, where diffusion, reaction and data all pull hardest, must not grow."""
    sign = torch.from_numpy((np.indices((SIZE, SIZE)).sum(0) % 2 * 2 - 1).astype(np.float32))[None, None]
    flat = torch.full((1, 1, SIZE, SIZE), -4.0)
    rough, _ = npcf.relax_region(flat + 0.2 * sign, even(), steps=60)
    smooth, _ = npcf.relax_region(flat, even(), steps=60)
    assert float((rough - smooth).abs().max()) < 0.2

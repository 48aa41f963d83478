"""Batched operators against independent ones, and their gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, uniform_filter

from maphc2f.render import operators as ops


def picture(seed: int = 0, channels: int = 1) -> torch.Tensor:
    values = np.random.default_rng(seed).random((2, channels, 24, 32), dtype=np.float32)
    return torch.from_numpy(values)


@pytest.mark.parametrize("sigma", [0.6, 1.3])
def test_gaussian_blur_is_scipys(sigma: float) -> None:
    x = picture()
    radius = math.ceil(ops.TRUNCATION * sigma)
    expected = gaussian_filter(x.numpy(), (0, 0, sigma, sigma), mode="nearest", radius=(0, 0, radius, radius))
    blurred = ops.gaussian_blur(x, ops.gaussian_taps([sigma, sigma], x))
    assert np.abs(blurred.numpy() - expected).max() < 2e-6  # float32 rounding; a tap off by 1e-4 shows as 1e-4


def test_each_sample_has_its_own_blur() -> None:
    x = picture()
    both = ops.gaussian_blur(x, ops.gaussian_taps([0.0, 1.5], x))
    alone = ops.gaussian_blur(x[1:], ops.gaussian_taps([1.5], x))
    assert torch.equal(both[0], x[0])
    assert torch.equal(both[1], alone[0])


def test_box_mean_is_scipys() -> None:
    x = picture(1)
    expected = uniform_filter(x.numpy().astype(np.float64), (1, 1, 5, 5), mode="nearest")
    assert np.abs(ops.box_mean(x, 2).numpy() - expected).max() < 1e-6


def test_derivatives_of_a_paraboloid() -> None:
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(20.0), indexing="ij")
    z = (0.5 * y * y + 2 * x - 0.25 * x * x)[None, None]
    dy, dx = ops.central_gradient(z)
    inner = (..., slice(1, -1), slice(1, -1))
    assert torch.allclose(dy[inner], y[None, None][inner])
    assert torch.allclose(dx[inner], (2 - 0.5 * x)[None, None][inner])
    assert torch.allclose(ops.laplacian(z)[inner], torch.tensor(0.5))


def test_encode_inverts_decode() -> None:
    codes = torch.linspace(0.01, 1, 50)
    assert torch.allclose(ops.encode(ops.decode(codes)), codes, atol=1e-7)


def test_low_pass_keeps_constants_and_removes_texture() -> None:
    flat = torch.full((1, 1, 32, 40), 0.3)
    assert torch.allclose(ops.low_pass(flat), flat, atol=1e-7)
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 1, 64, 64)).astype(np.float32))
    assert float(ops.low_pass(noise).std()) < 0.12


@pytest.mark.parametrize("name", ["blur", "box", "laplacian", "coverage", "low"])
def test_gradients(name: str) -> None:
    x = torch.rand(1, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    functions = {
        "blur": lambda v: ops.gaussian_blur(v, ops.gaussian_taps([0.8], v)),
        "box": lambda v: ops.box_mean(v, 1),
        "laplacian": ops.laplacian,
        "coverage": lambda v: ops.normal_coverage(v, torch.tensor(0.7, dtype=torch.float64)),
        "low": ops.low_pass,
    }
    assert torch.autograd.gradcheck(functions[name], (x,))


def test_limits_are_those_of_comparisons() -> None:
    x = torch.tensor([-1.0, 0.0, 0.5, 0.75]).reshape(1, 1, 2, 2)
    before = x.clone()
    assert torch.equal(ops.above(x, 0.5), (x > 0.5).to(x.dtype))
    assert torch.equal(ops.below(x, 0.5), (x < 0.5).to(x.dtype))
    assert torch.equal(ops.at_least(x, 0.5), (x >= 0.5).to(x.dtype))
    assert torch.equal(ops.above(x, torch.tensor(0.0)), (x > 0.0).to(x.dtype))
    assert torch.equal(x, before)

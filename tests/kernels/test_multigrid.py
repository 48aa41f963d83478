"""Twins of the multigrid parts, its convergence factor, and the order of the elastic operator."""

from __future__ import annotations

import numpy as np
import pytest

from maphc2f.kernels.multigrid import (
    build_levels,
    prolong,
    prolong_numpy,
    residual,
    residual_numpy,
    restrict,
    restrict_numpy,
    smooth,
    smooth_numpy,
    v_cycle,
)
from maphc2f.solvers.fracture import Elasticity

HELD = (True, True, True, True)


def cracked(n=16):
    d = np.zeros((n + 2, n + 2), np.float32)
    d[n // 2, 3 : n - 4] = 1
    d[4 : n - 2, n // 3] = 0.9
    return d


def random_pair(shape, seed=0):
    rng = np.random.default_rng(seed)
    return tuple(rng.standard_normal(shape).astype(np.float32) for _ in range(2))


@pytest.mark.kernel
@pytest.mark.parametrize("fixed", [HELD, (False, True, True, True), (True, True, False, False)])
def test_residual_and_smoother_equal_their_twins(fixed):
    level = build_levels(cracked(), Elasticity.orthotropic(0.3, 0.5).tuple, 0.01, fixed)[0]
    u, f = random_pair((18, 18)), random_pair((18, 18), 1)
    u = u[0] * level.free_x, u[1] * level.free_y
    rx, ry = np.zeros((18, 18), np.float32), np.zeros((18, 18), np.float32)
    residual(*u, *f, level, rx, ry)
    for got, want in zip((rx, ry), residual_numpy(*u, *f, level), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-5)
    expected = smooth_numpy(u, f, level, (0.6, 4.0), 3)
    smooth(*u, *f, level, (0.6, 4.0), 3)
    for got, want in zip(u, expected, strict=True):
        np.testing.assert_allclose(got, want, atol=2e-4 * np.abs(want).max())


@pytest.mark.kernel
def test_transfers_equal_their_twins():
    fine, coarse = random_pair((18, 14))[0], np.zeros((10, 8), np.float32)
    fine[[0, -1]] = 0
    fine[:, 0] = 0
    restrict(fine, coarse)
    np.testing.assert_allclose(coarse, restrict_numpy(fine), atol=1e-6)
    expected = prolong_numpy(coarse, fine)
    prolong(coarse, fine)
    np.testing.assert_allclose(fine, expected, atol=1e-6)


@pytest.mark.parametrize("foundation", [10.0, 80.0])
def test_convergence_factor_of_a_cycle(foundation):
    """A badly cracked film converges by at least 0.85 a cycle, also on a foundation much longer than the cracks."""
    n = 96
    d = np.zeros((n + 2, n + 2), np.float32)
    t = np.arange(200)
    rows, columns = (20 + 0.25 * t).astype(int), (15 + 0.2 * t + 6 * np.sin(t / 15)).astype(int)
    d[rows, columns] = d[rows + 1, columns] = 1
    d[40, 10:60] = 1
    levels = build_levels(d, Elasticity.orthotropic(0.25).tuple, foundation**-2, HELD)
    g = levels[0].g
    f = (np.diff(g, axis=1, prepend=0) * levels[0].free_x, np.diff(g, axis=0, prepend=0) * levels[0].free_y)
    u = np.zeros_like(g), np.zeros_like(g)
    norms = []
    for _ in range(13):
        rx, ry = np.zeros_like(g), np.zeros_like(g)
        residual(*u, *f, levels[0], rx, ry)
        norms.append(np.sqrt(np.square(rx).sum() + np.square(ry).sum()))
        v_cycle(u, f, levels)
    assert (norms[12] / norms[4]) ** (1 / 8) < 0.85


def manufactured_error(n):
    """Solve A u = f for u = (sin pi X cos pi Y, cos pi X sin pi Y) on the unit square; return the largest error.

    With that field div sigma = -pi² (c11 + c12 + 2 c66) u; u·n = 0 on all sides, and the shear vanishes there.
    """
    e = Elasticity.orthotropic(0.3)
    k = 5.0 / n**2
    levels = build_levels(np.zeros((n + 2, n + 2), np.float32), e.tuple, k, HELD)
    face, middle = (np.arange(n + 2) - 1) / n, (np.arange(n + 2) - 0.5) / n
    ux = np.sin(np.pi * face)[None, :] * np.cos(np.pi * middle)[:, None]
    uy = np.cos(np.pi * middle)[None, :] * np.sin(np.pi * face)[:, None]
    factor = (np.pi / n) ** 2 * (e.c11 + e.c12 + 2 * e.c66) + k
    f = tuple((factor * w * m).astype(np.float32) for w, m in ((ux, levels[0].free_x), (uy, levels[0].free_y)))
    u = np.zeros_like(f[0]), np.zeros_like(f[0])
    for _ in range(30):
        v_cycle(u, f, levels)
    return max(
        np.abs((u[0] - ux) * levels[0].free_x).max(),
        np.abs((u[1] - uy) * levels[0].free_y).max(),
    )


def test_elastic_operator_is_of_second_order():
    sizes = np.array([8, 16, 32])
    errors = np.array([manufactured_error(n) for n in sizes])
    slope = -np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert 1.9 < slope < 2.1
    assert errors[-1] < 2e-3

"""The film under pressure: the compiled kernels against their dense twins, and the operator's properties."""

from __future__ import annotations

import numpy as np
import pytest

from maphc2f.kernels.blister import apply_film, apply_film_numpy, edge_weights, solve_film, solve_film_numpy
from maphc2f.rng import stream


def patch(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return free, B, b and n of a ragged region on 12 x 13 cells."""
    rng = stream(seed, "film")
    share = np.zeros((12, 13))
    share[2:-2, 2:-2] = np.clip(rng.uniform(0, 2, (8, 9)), 0, 1)
    weight, grip, _ = edge_weights(share)
    return (share >= 1).astype(np.uint8), weight, grip, np.full(share.shape, 0.3)


@pytest.mark.kernel
def test_the_operator_is_that_of_its_twin() -> None:
    free, weight, grip, tension = patch()
    w = free * stream(1, "film").normal(size=free.shape)
    out = np.zeros_like(w)
    apply_film(w, free, weight, grip, tension, np.zeros_like(w), out)
    np.testing.assert_allclose(out, apply_film_numpy(w, free, weight, grip, tension), rtol=0, atol=1e-12)


@pytest.mark.kernel
def test_conjugate_gradients_find_the_solution_of_the_dense_matrix() -> None:
    free, weight, grip, tension = patch()
    pressure = stream(2, "film").uniform(0.5, 1.5, free.shape)
    w = np.zeros_like(pressure)
    steps, residual = solve_film(w, free, weight, grip, tension, pressure, 1e-10, 1000)
    assert 0 < steps < 1000
    assert residual <= 1e-10
    exact = solve_film_numpy(free, weight, grip, tension, pressure)
    np.testing.assert_allclose(w, exact, rtol=0, atol=1e-8 * exact.max())
    assert not w[free == 0].any()


def test_the_operator_is_symmetric_and_positive() -> None:
    free, weight, grip, tension = patch()
    a, b = (free * stream(seed, "film").normal(size=free.shape) for seed in (3, 4))
    forward = np.vdot(a, apply_film_numpy(b, free, weight, grip, tension))
    assert np.vdot(b, apply_film_numpy(a, free, weight, grip, tension)) == pytest.approx(forward, rel=1e-12)
    assert np.vdot(a, apply_film_numpy(a, free, weight, grip, tension)) > 0


@pytest.mark.parametrize("share", [0.25, 0.5, 0.8])
def test_a_held_cell_puts_the_edge_where_its_share_says(share: float) -> None:
    """A strip of 20 cells under pressure: w = p x² (L - x)² / 24 with x from the edges, to second order in h / L."""
    field = np.zeros((3, 26))
    field[:, 3:23], field[:, 2], field[:, 23] = 1.0, share, share
    weight, grip, area = edge_weights(np.tile(field[:1], (60, 1)))
    free = (np.tile(field[:1], (60, 1)) >= 1).astype(np.uint8)
    free[:2] = free[-2:] = 0
    w = solve_film_numpy(free, weight, grip, np.zeros(weight.shape), np.where(free == 1, area, 0.0))
    length = 20 + 2 * share
    assert w[30].max() == pytest.approx(length**4 / 384, rel=0.03)


def test_no_load_needs_no_step() -> None:
    free, weight, grip, tension = patch()
    w = np.zeros(free.shape)
    assert solve_film(w, free, weight, grip, tension, np.zeros(free.shape), 1e-6, 10) == (0, 0.0)
    assert not w.any()

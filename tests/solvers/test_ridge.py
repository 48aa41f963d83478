"""Centrelines of synthetic phase fields: sub-cell position, length, joints, opening."""

from __future__ import annotations

import numpy as np
import pytest

from maphc2f.kernels.multigrid import build_levels, v_cycle
from maphc2f.kernels.phase_field import relax_damage
from maphc2f.solvers.fracture import Elasticity, Sheet, State, force_residual, load_vector, normal_strain
from maphc2f.solvers.ridge import centreline, opening_field, openings, segments

ELL = 2.0
N = 96


def strip(angle, half_length=30.0, middle=(47.3, 48.2)):
    """AT1 profile round a straight crack; return the field and the signed distance function of points to its line."""
    y, x = np.mgrid[:N, :N] + 0.5
    s = (y - middle[0]) * np.sin(angle) + (x - middle[1]) * np.cos(angle)
    r = np.hypot(
        (y - middle[0]) * np.cos(angle) - (x - middle[1]) * np.sin(angle), np.maximum(np.abs(s) - half_length, 0)
    )
    d = np.square(np.maximum(1 - r / (2 * ELL), 0)).astype(np.float32)
    return d, lambda p: (p[:, 0] - middle[0]) * np.cos(angle) - (p[:, 1] - middle[1]) * np.sin(angle)


@pytest.mark.parametrize("angle", [0.0, 0.2, 0.5, np.pi / 4, 1.2, np.pi / 2])
def test_oblique_line_is_traced_below_a_cell(angle):
    """The contour d = 0.5 lies (2 - sqrt 2) ell = 1.17 cells beyond each end."""
    d, offset = strip(angle)
    line = centreline(d)
    assert len(line.starts) == 2
    assert line.tips.sum() == 2
    assert np.abs(offset(line.points)).max() < 0.15
    assert line.length == pytest.approx(60 + 2 * (2 - np.sqrt(2)) * ELL, abs=0.8)
    assert line.steps[1:-1].max() < 1.6  # no gaps; the first and last step also reach for the contour
    assert line.steps.max() < 3.5


def test_trace_is_smooth_on_a_curve():
    """No staircase: on a circle of radius 30 the turn of a step of s cells stays near s / 30."""
    y, x = np.mgrid[:N, :N] + 0.5
    r = np.hypot(y - 5, x - 48)
    d = np.square(np.maximum(1 - np.abs(r - 60) / (2 * ELL), 0)).astype(np.float32)
    d[:, :12] = d[:, -12:] = 0
    line = centreline(d)
    steps = np.diff(line.points, axis=0)
    heading = np.unwrap(np.arctan2(steps[:, 0], steps[:, 1]))
    assert np.abs(np.diff(heading))[4:-4].max() < 0.12


def test_chains_meet_at_a_junction():
    d = np.maximum(strip(0.3)[0], strip(1.5, 20.0, (66.0, 47.0))[0])
    line = centreline(d)
    assert len(line.starts) - 1 >= 3
    ends = np.concatenate([line.points[line.starts[:-1]], line.points[line.starts[1:] - 1]])
    distance = np.hypot(*(ends[:, None] - ends[None]).transpose(2, 0, 1))
    # Each end is a tip or coincides with the end of another chain.
    joined = (distance < 1e-9).sum(1) > 1
    tips = np.concatenate([line.tips[line.starts[:-1]], line.tips[line.starts[1:] - 1]])
    assert (joined | tips).all()
    assert joined.sum() >= 3


def test_crack_that_runs_out_of_the_edge_ends_at_zero():
    d = strip(np.pi / 2, 40.0, (20.0, 48.0))[0]
    line = centreline(d, edge_margin=4.0)
    assert line.points[:, 0].min() == 0.0
    assert line.tips.sum() == 1


@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 4])
def test_opening_is_the_integral_of_the_strain(angle):
    """A strain of total 0.7 across the crack, Gaussian of sigma 0.45 cells, opens it by 0.7."""
    d, offset = strip(angle)
    y, x = np.mgrid[:N, :N] + 0.5
    r = offset(np.stack([y.ravel(), x.ravel()], 1)).reshape(N, N)
    strain = (0.7 / (0.45 * np.sqrt(2 * np.pi)) * np.exp(-0.5 * (r / 0.45) ** 2)).astype(np.float32)
    line = centreline(d)
    w = openings(line, opening_field(strain, np.zeros_like(strain), d))
    assert np.median(w) == pytest.approx(0.7, rel=0.08)
    assert w[0] == w[-1] == 0
    assert (np.diff(w[:4]) > 0).all()


def test_opening_of_a_parted_sheet():
    """A sheet held at both ends, shrunk by e0 = 0.01 and parted across, opens by e0 times its length (nu = 0)."""
    n = 32
    notch = np.zeros((n, n), np.float32)
    notch[:, 15] = 1
    padded = np.pad(notch, 1)
    relax_damage(padded.reshape(-1), np.ones(padded.size, np.float32), ELL, (n, n), 60)
    damage = padded[1:-1, 1:-1]
    one = np.ones((n, n), np.float32)
    sheet = Sheet(Elasticity.orthotropic(0.0), one, one, 0 * one, notch > 0, 0.0)
    levels = build_levels(np.pad(damage, 1), sheet.elasticity.tuple, 0.0, sheet.fixed)
    u = np.zeros((n + 2, n + 2), np.float32), np.zeros((n + 2, n + 2), np.float32)
    for _ in range(60):
        v_cycle(u, load_vector(levels[0], sheet, 0.01), levels)
    state = State(damage, u[0][1:-1, 1:], u[1][1:, 1:-1], 0.01, 0)
    assert force_residual(state, sheet) < 1e-3
    line = centreline(damage, edge_margin=2.0)
    w = openings(line, opening_field(*normal_strain(state, sheet), damage))
    assert np.median(w) == pytest.approx(0.01 * n, rel=0.03)


def test_segments_chain_end_to_end():
    line = centreline(np.maximum(strip(0.3)[0], strip(0.4, 12.0, (80.0, 40.0))[0]))
    s = segments(line, np.arange(len(line.points), dtype=float))
    assert s.shape == (len(line.points) - (len(line.starts) - 1), 2, 3)
    joined = (s[1:, 0] == s[:-1, 1]).all(1)
    assert (~joined).sum() == len(line.starts) - 2


def test_nothing_gives_an_empty_line():
    line = centreline(np.zeros((32, 32), np.float32))
    assert line.length == 0
    assert len(line.points) == 0

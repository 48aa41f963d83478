"""Statistics of the toughness fields."""

from __future__ import annotations

import numpy as np
import pytest

from maphc2f.rng import stream
from maphc2f.solvers.random_fields import gaussian_field, lognormal_toughness, voronoi_boundaries


def test_gaussian_field_has_the_variance_and_correlation_asked_for():
    """corr(r) = exp(-(r / xi)²): at half a length (x) 0.779, at a quarter (y) 0.939. 16 fields of 128²."""
    variance, along_x, along_y = [], [], []
    for k in range(16):
        f = gaussian_field((128, 128), (12.0, 6.0), stream(0, "field", k))
        variance.append(np.mean(f * f))
        along_x.append(np.mean(f * np.roll(f, 3, axis=1)))
        along_y.append(np.mean(f * np.roll(f, 3, axis=0)))
    assert np.mean(variance) == pytest.approx(1.0, abs=0.06)
    assert np.mean(along_x) / np.mean(variance) == pytest.approx(np.exp(-0.25), abs=0.02)
    assert np.mean(along_y) / np.mean(variance) == pytest.approx(np.exp(-0.0625), abs=0.02)


def test_lognormal_toughness_has_mean_one_and_its_cv():
    gc = lognormal_toughness(stream(1, "x").standard_normal((400, 400)).astype(np.float32), 0.3, floor=0.05)
    assert gc.mean() == pytest.approx(1.0, abs=0.01)
    assert gc.std() == pytest.approx(0.3, abs=0.01)
    assert lognormal_toughness(np.float32([-9, 9]), 0.5).tolist() == pytest.approx([0.3, 1 / 0.3])


def test_voronoi_boundaries_surround_grains_of_the_diameter():
    """A square lattice of pitch D has 2 / D boundary length per area; jitter changes that by less than 15 %.

    The value is above 0.5 where r2 - r1 < 1.33 cells: a band about 1.33 cells wide, as r2 - r1 grows by up to 2 a cell.
    """
    b = voronoi_boundaries((160, 160), 16.0, stream(2, "v"))
    assert b.dtype == np.float32
    assert b.min() >= 0
    assert b.max() <= 1
    assert 0.10 < np.mean(b > 0.5) < 0.25
    assert np.mean(voronoi_boundaries((160, 160), 8.0, stream(2, "v")) > 0.5) > 1.6 * np.mean(b > 0.5)


def test_fields_depend_on_the_stream_alone():
    a, b = (gaussian_field((32, 32), (4.0, 4.0), stream(3, "d")) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, gaussian_field((32, 32), (4.0, 4.0), stream(4, "d")))

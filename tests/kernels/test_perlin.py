"""The compiled gradient noise against its NumPy twin, and its exact properties."""

import math

import numpy as np
import pytest

from maphc2f.kernels.perlin import gradient_noise, gradient_noise_numpy


@pytest.fixture
def angles():
    return np.random.Generator(np.random.Philox(1)).uniform(0, 2 * math.pi, (5, 3))


@pytest.mark.kernel
@pytest.mark.parametrize("rotation", [0.0, 0.7, -1.5])
def test_noise_agrees_with_its_twin(angles, rotation):
    compiled, twin = gradient_noise(angles, 24, rotation), gradient_noise_numpy(angles, 24, rotation)
    np.testing.assert_allclose(compiled, twin, rtol=0, atol=1e-6)
    assert np.abs(compiled).max() > 0.2


def test_noise_is_nearly_zero_beside_a_lattice_node(angles):
    """The noise vanishes at nodes: with 4 x 2 lattice cells on 400 cells the node (1, 1) lies between four centres."""
    noise = gradient_noise(angles, 400, 0.0)
    assert np.abs(noise[99:101, 199:201]).max() < 0.03


def test_corners_that_turn_out_of_the_square_are_zero(angles):
    noise = gradient_noise(angles, 40, math.pi / 4)
    assert np.all(noise[:3, :3] == 0)
    assert np.any(noise[18:22, 18:22] != 0)

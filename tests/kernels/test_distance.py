"""The distance transform is exact and does not depend on where its input lies in memory."""

import cv2
import numpy as np
import pytest

from maphc2f.kernels.distance import FAR, euclidean_distance, euclidean_distance_numpy
from maphc2f.rng import stream


def blobs(shape: tuple[int, int], name: str) -> np.ndarray:
    smooth = cv2.GaussianBlur(stream(0, name).random(shape).astype(np.float32), (0, 0), 3)
    return (smooth > 0.5).astype(np.uint8)


@pytest.mark.kernel
@pytest.mark.parametrize("shape", [(1, 9), (24, 31), (40, 17)])
def test_it_equals_its_twin(shape: tuple[int, int]) -> None:
    mask = blobs(shape, f"twin {shape}")
    mask[0, 0] = 0
    np.testing.assert_array_equal(euclidean_distance(mask), euclidean_distance_numpy(mask))


def test_distances_are_exact_up_to_far() -> None:
    mask = np.ones((450, 450), np.uint8)
    mask[0, 0] = 0
    rows, columns = np.ogrid[:450, :450]
    exact = np.sqrt((rows**2 + columns**2).astype(np.float32))
    np.testing.assert_array_equal(euclidean_distance(mask), np.minimum(exact, FAR))


def test_the_bits_do_not_depend_on_the_memory() -> None:
    """OpenCV's own transform fails this: its square roots differ in the last bit with the alignment."""
    mask = blobs((128, 192), "memory")
    found = set()
    for offset in range(48):
        store = np.empty(mask.size + 64, np.uint8)
        place = store[offset : offset + mask.size].reshape(mask.shape)
        place[:] = mask
        found.add(euclidean_distance(place).tobytes())
        store = np.empty(offset * 997 + 1, np.uint8)  # shifts what is allocated next
    assert len(found) == 1

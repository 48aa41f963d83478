"""Twins of thinning and walking, and what they must preserve."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label

from maphc2f.kernels.ridge import links, links_numpy, thin, thin_numpy, walk, walk_numpy


def blobs(seed, n=32):
    noise = np.random.default_rng(seed).standard_normal((n, n))
    return np.pad((cv2.GaussianBlur(noise, (0, 0), 1.5) > 0.05)[2:-2, 2:-2], 2).astype(np.uint8)


@pytest.mark.kernel
@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_kernels_equal_their_twins(seed):
    mask = blobs(seed)
    skeleton = thin(mask)
    np.testing.assert_array_equal(skeleton, thin_numpy(mask))
    bits = links(skeleton)
    np.testing.assert_array_equal(bits, links_numpy(skeleton))
    for got, want in zip(walk(bits), walk_numpy(bits), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("seed", range(5))
def test_thinning_keeps_pieces_and_holes(seed):
    """Zhang-Suen keeps the topology, but deletes 2 x 2 squares; none is in these pictures' pieces of >= 12 pixels."""
    mask = blobs(seed, 48)
    pieces, n = label(mask, np.ones((3, 3)))
    for k in range(1, n + 1):
        if (pieces == k).sum() < 12:
            mask[pieces == k] = 0
    skeleton = thin(mask)
    for picture, structure in ((lambda m: m, np.ones((3, 3))), (lambda m: 1 - m, None)):
        assert label(picture(skeleton), structure)[1] == label(picture(mask), structure)[1]
    assert skeleton.sum() < 0.5 * mask.sum()


def test_walk_uses_every_link_once():
    bits = links(thin(blobs(3)))
    points, starts = walk(bits)
    steps = np.diff(points[:, :2], axis=0)
    inner = np.ones(len(steps), bool)
    inner[starts[1:-1] - 1] = False
    assert np.abs(steps[inner]).max() == 1
    assert 2 * inner.sum() == np.unpackbits(bits).sum()


def test_a_ring_is_one_closed_chain():
    ring = np.zeros((12, 12), np.uint8)
    ring[3:9, 3:9] = 1
    ring[4:8, 4:8] = 0
    points, starts = walk(links(ring))
    assert len(starts) == 2
    np.testing.assert_array_equal(points[0, :2], points[-1, :2])
    assert len(points) == 21

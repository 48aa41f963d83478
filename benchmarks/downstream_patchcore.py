"""The bar to beat without any synthetic defect: distance to a memory of good patches.

* :func:`coreset_bank` and :func:`random_bank` choose the memory; :func:`patch_maps` scores pictures by it.

Source: K. Roth et al., "Towards total recall in industrial anomaly detection", CVPR 2022,
doi 10.1109/CVPR52688.2022.01392: features of two levels, averaged over 3 x 3 neighbours; a memory thinned by a greedy
k-centre choice on random projections; the score of a patch is its distance to the nearest of the memory, upsampled and
smoothed with sigma 4 px; that of a picture is its highest. The re-weighting by neighbours (its equation 7) is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from benchmarks.downstream_features import Maps, Standard

Float32 = NDArray[np.float32]

PROJECTED = 32
CANDIDATES = 60_000
"""Patches that the greedy choice starts from, drawn from all: more change the choice little and cost time."""


def _patches(maps: Maps, spread: Standard, picture: int) -> Tensor:
    """Return the patches of a picture at the middle stride, (C, h, w): standardised, averaged, joined."""
    grid = maps.levels[1].shape[-2:]
    parts = []
    for level, (mean, scale) in zip(maps.levels[1:], spread.levels[1:], strict=True):
        values = (level[picture].float() - mean[:, None, None]) / scale[:, None, None]
        mixed = functional.avg_pool2d(values[None], 3, stride=1, padding=1, count_include_pad=False)
        parts.append(functional.interpolate(mixed, grid, mode="bilinear", align_corners=False)[0])
    return torch.cat(parts)


def _flat(patches: Tensor) -> Tensor:
    return patches.flatten(1).T


def random_bank(good: Maps, spread: Standard, size: int, rng: np.random.Generator) -> Tensor:
    """Return ``size`` patches of good pictures drawn without replacement, or all if there are fewer: (k, C)."""
    height, width = good.levels[1].shape[-2:]
    total = len(good) * height * width
    chosen = np.sort(rng.choice(total, min(size, total), replace=False))
    pictures, cells = np.divmod(chosen, height * width)
    rows = [
        _flat(_patches(good, spread, picture))[torch.from_numpy(cells[pictures == picture])]
        for picture in np.unique(pictures).tolist()
    ]
    return torch.cat(rows)


def coreset_bank(good: Maps, spread: Standard, size: int, rng: np.random.Generator) -> Tensor:
    """Return ``size`` patches chosen greedily, each the farthest from those before it: (k, C)."""
    candidates = random_bank(good, spread, CANDIDATES, rng)
    projection = torch.from_numpy(rng.standard_normal((candidates.shape[1], PROJECTED)).astype(np.float32))
    order = farthest_first(candidates @ projection, min(size, len(candidates)), int(rng.integers(len(candidates))))
    return candidates[order]


def farthest_first(points: Tensor, size: int, start: int) -> Tensor:
    """Return indices of ``size`` points (n, d), each farthest from all before it; T. Gonzalez 1985, k-centre."""
    norms = (points * points).sum(1)
    nearest = torch.full((len(points),), float("inf"))
    chosen = [start]
    for _ in range(size - 1):
        last = chosen[-1]
        nearest = torch.minimum(nearest, norms + norms[last] - 2 * (points @ points[last]))
        nearest[last] = -1.0
        chosen.append(int(nearest.argmax()))
    return torch.tensor(chosen)


def patch_maps(bank: Tensor, spread: Standard, maps: Maps, shape: tuple[int, int]) -> Iterator[Float32]:
    """Yield the score of every pixel, float32 ``shape``, of each picture.

    Args:
        bank: Memory (k, C).
        spread: The one the memory was standardised by.
        maps: Features of the pictures.
        shape: Their height and width.
    """
    norms = (bank * bank).sum(1)
    for i in range(len(maps)):
        patches = _patches(maps, spread, i)
        rows = _flat(patches)
        squared = torch.addmm(norms, rows, bank.T, alpha=-2).amin(1) + (rows * rows).sum(1)
        distance = squared.clamp_min(0).sqrt().reshape(patches.shape[-2:]).numpy()
        yield np.asarray(cv2.resize(distance, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)

"""Frozen features of pictures, computed once and kept in memory.

* :class:`Maps` holds the feature maps of n pictures at strides 4, 8 and 16.
* :func:`extract` computes them; :func:`standard` gives the mean and scale of every channel.
* :func:`pixel_vectors` reads the joined, upsampled maps at chosen cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

BATCH = 8
STRIDES = (4, 8, 16)

Pixels = NDArray[np.uint8]
Backbone = Callable[[Tensor], Sequence[Tensor]]
"""From pictures (B, 3, H, W) in [0, 1] to maps (B, C, h, w) at :data:`STRIDES`."""


@dataclass(frozen=True, slots=True)
class Maps:
    """Feature maps of n pictures, float16 (n, C, h, w), one tensor for each of :data:`STRIDES`."""

    levels: tuple[Tensor, ...]

    def __len__(self) -> int:
        return int(self.levels[0].shape[0])

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the finest map."""
        height, width = self.levels[0].shape[-2:]
        return int(height), int(width)

    def select(self, index: Sequence[int]) -> Maps:
        """Return the maps of some pictures."""
        chosen = torch.as_tensor(list(index), dtype=torch.long)
        return Maps(tuple(level[chosen] for level in self.levels))

    @staticmethod
    def joined(parts: Sequence[Maps]) -> Maps:
        """Return the maps of all pictures of several."""
        return Maps(tuple(torch.cat(levels) for levels in zip(*(part.levels for part in parts), strict=True)))


def to_tensor(pictures: Sequence[Pixels]) -> Tensor:
    """Return 8-bit pictures (H, W) or (H, W, 3) of one size as float32 (n, 3, H, W) in [0, 1]."""
    colour = [np.repeat(p[:, :, None], 3, axis=2) if p.ndim == 2 else p for p in pictures]
    return torch.from_numpy(np.stack(colour)).permute(0, 3, 1, 2).to(torch.float32) / 255


def extract(backbone: Backbone, pictures: Sequence[Pixels]) -> Maps:
    """Return the feature maps of 8-bit pictures of one size."""
    parts = []
    with torch.inference_mode():
        for first in range(0, len(pictures), BATCH):
            levels = backbone(to_tensor(pictures[first : first + BATCH]))
            parts.append(Maps(tuple(level.to(torch.float16).clone() for level in levels)))
    return Maps.joined(parts)


@dataclass(frozen=True, slots=True)
class Standard:
    """Mean and standard deviation of every channel, one pair of (C,) tensors a level."""

    levels: tuple[tuple[Tensor, Tensor], ...]

    def joined(self) -> tuple[Tensor, Tensor]:
        """Return mean and deviation of the joined channels."""
        return torch.cat([mean for mean, _ in self.levels]), torch.cat([scale for _, scale in self.levels])


def standard(good: Maps) -> Standard:
    """Return how the channels of good pictures spread."""
    return Standard(tuple(_spread(level) for level in good.levels))


def _spread(level: Tensor) -> tuple[Tensor, Tensor]:
    values = level.to(torch.float32).permute(1, 0, 2, 3).flatten(1)
    return values.mean(1), values.std(1).clamp_min(1e-3)


def pixel_vectors(maps: Maps, picture: int, cells: NDArray[np.intp]) -> Tensor:
    """Return the joined features at cells (k, 2) as (row, column) of the finest grid: float32 (k, ΣC).

    The coarser maps are read bilinearly, as :func:`torch.nn.functional.interpolate` without aligned corners would.
    """
    height, width = maps.grid
    y = (2 * torch.as_tensor(cells[:, 0], dtype=torch.float32) + 1) / height - 1
    x = (2 * torch.as_tensor(cells[:, 1], dtype=torch.float32) + 1) / width - 1
    grid = torch.stack([x, y], dim=-1)[None, None]
    read = [
        functional.grid_sample(
            level[picture][None].float(), grid, mode="bilinear", padding_mode="border", align_corners=False
        )
        for level in maps.levels
    ]
    return torch.cat([values[0, :, 0].T for values in read], dim=1)

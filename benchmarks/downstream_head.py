"""The detector that every source of training data is judged by: a small perceptron on the features of each pixel.

* :func:`train_head` trains it on synthetic defects and good pictures; :func:`score_maps` applies it.
* :class:`Training` is what it is trained on, :class:`Budget` how long: the same for every source.

The first layer is linear, so it is applied at each map's own stride and its result is upsampled, which is the same as
joining upsampled maps, and several times faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from benchmarks.downstream_features import Maps, Standard, pixel_vectors

Mask = NDArray[np.bool_]
Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Budget:
    """How the head is trained.

    Attributes:
        hidden: Width of its one hidden layer.
        steps: Optimiser steps at most.
        batch: Pixels a step, half of them on defects.
        cells: Cells read from a picture at most, inside its mask, and as many outside.
        good_cells: Cells read from a good picture.
        rate: Step size of AdamW at the start, falling to zero by a cosine.
        decay: Its weight decay.
        noise: Standard deviation of Gaussian noise on standardised features.
        checks: How often the loss on held-out pictures is looked at; the best head is kept.
    """

    hidden: int = 64
    steps: int = 200
    batch: int = 2048
    cells: int = 160
    good_cells: int = 1200
    rate: float = 2e-3
    decay: float = 0.3
    noise: float = 0.6
    checks: int = 10


@dataclass(frozen=True, slots=True)
class Training:
    """What a head is trained on.

    Attributes:
        defects: Features of synthetic pictures.
        masks: Their masks, bool (H, W).
        good: Features of good pictures.
        parts: By synthetic picture, where the picture is not padding, bool (H, W); the same for good ones.
        held_out: Which synthetic pictures are kept for choosing the best head; and which good ones.
    """

    defects: Maps
    masks: Sequence[Mask]
    good: Maps
    parts: tuple[Sequence[Mask], Sequence[Mask]]
    held_out: tuple[NDArray[np.bool_], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Head:
    """Weights: first layer (hidden, ΣC) and bias on raw features, second layer (hidden,) and bias."""

    first: Tensor
    first_bias: Tensor
    second: Tensor
    second_bias: Tensor


@dataclass(frozen=True, slots=True)
class _Pixels:
    """Feature vectors with labels."""

    defect: Tensor
    sound: Tensor


def touched(mask: Mask, grid: tuple[int, int]) -> Mask:
    """Return the cells of a grid that a mask touches at all: a hairline covers little of any cell."""
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    cells = np.zeros(grid, np.bool_)
    cells[rows * grid[0] // height, columns * grid[1] // width] = True
    return cells


def _few(cells: Mask, most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    found = np.argwhere(cells)
    return found if len(found) <= most else found[np.sort(rng.choice(len(found), most, replace=False))]


def _clear(cells: Mask) -> Mask:
    """Return cells that touch no marked cell, also diagonally: the rim of a defect is neither."""
    return cv2.dilate(cells.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0


def _gather(training: Training, held_out: bool, budget: Budget, rng: np.random.Generator) -> _Pixels:
    grid = training.defects.grid
    defect, sound = [], []
    for i in np.flatnonzero(training.held_out[0] == held_out).tolist():
        marked, part = touched(training.masks[i], grid), touched(training.parts[0][i], grid)
        defect.append(pixel_vectors(training.defects, i, _few(marked, budget.cells, rng)))
        sound.append(pixel_vectors(training.defects, i, _few(_clear(marked) & part, budget.cells, rng)))
    for i in np.flatnonzero(training.held_out[1] == held_out).tolist():
        part = touched(training.parts[1][i], grid)
        sound.append(pixel_vectors(training.good, i, _few(part, budget.good_cells, rng)))
    return _Pixels(torch.cat(defect), torch.cat(sound))


def _initial(channels: int, hidden: int, rng: np.random.Generator) -> list[Tensor]:
    def normal(*shape: int, scale: float) -> Tensor:
        return torch.from_numpy((scale * rng.standard_normal(shape)).astype(np.float32)).requires_grad_()

    return [
        normal(hidden, channels, scale=(2 / channels) ** 0.5),
        torch.zeros(hidden, requires_grad=True),
        normal(hidden, scale=(1 / hidden) ** 0.5),
        torch.zeros((), requires_grad=True),
    ]


def _logits(weights: Sequence[Tensor], vectors: Tensor) -> Tensor:
    first, bias, second, last = weights
    return functional.relu(vectors @ first.T + bias) @ second + last


def _loss(weights: Sequence[Tensor], pixels: _Pixels) -> Tensor:
    """Return the cross entropy, defects and sound pixels weighing the same."""
    return 0.5 * (
        functional.softplus(-_logits(weights, pixels.defect)).mean()
        + functional.softplus(_logits(weights, pixels.sound)).mean()
    )


def _batches(pixels: _Pixels, budget: Budget, rng: np.random.Generator) -> Iterator[_Pixels]:
    half = budget.batch // 2

    def pick(vectors: Tensor) -> Tensor:
        chosen = vectors[torch.from_numpy(rng.integers(0, len(vectors), half))]
        return chosen + budget.noise * torch.from_numpy(rng.standard_normal(chosen.shape, dtype=np.float32))

    for _ in range(budget.steps):
        yield _Pixels(pick(pixels.defect), pick(pixels.sound))


def train_head(training: Training, spread: Standard, budget: Budget, rng: np.random.Generator) -> Head:
    """Train a head and return the one with the least loss on held-out pictures.

    Args:
        training: Synthetic and good pictures.
        spread: How features of good pictures spread: the head sees standardised ones.
        budget: The same for every source.
        rng: Draws cells, batches, noise and the first weights.
    """
    mean, scale = spread.joined()

    def standardised(pixels: _Pixels) -> _Pixels:
        return _Pixels((pixels.defect - mean) / scale, (pixels.sound - mean) / scale)

    learned, held_out = (standardised(_gather(training, h, budget, rng)) for h in (False, True))
    weights = _initial(len(mean), budget.hidden, rng)
    optimiser = torch.optim.AdamW(weights, lr=budget.rate, weight_decay=budget.decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, budget.steps)
    best, least = [w.detach().clone() for w in weights], float("inf")
    for step, batch in enumerate(_batches(learned, budget, rng), start=1):
        optimiser.zero_grad()
        torch.autograd.backward(_loss(weights, batch))
        optimiser.step()
        schedule.step()
        if step % max(1, budget.steps // budget.checks) == 0:
            with torch.no_grad():
                loss = float(_loss(weights, held_out))
            if loss < least:
                best, least = [w.detach().clone() for w in weights], loss
    first, bias, second, last = best
    raw = first / scale
    return Head(raw, bias - raw @ mean, second, last)


def score_maps(head: Head, maps: Maps, shape: tuple[int, int]) -> list[Float32]:
    """Return the log odds of every pixel, float32 ``shape``, of each picture."""
    sizes = [level.shape[1] for level in maps.levels]
    parts = torch.split(head.first, sizes, dim=1)
    out = []
    with torch.inference_mode():
        for i in range(len(maps)):
            hidden = head.first_bias[None, :, None, None]
            for weight, level in zip(parts, maps.levels, strict=True):
                linear = functional.conv2d(level[i][None].float(), weight[:, :, None, None])
                if linear.shape[-2:] != maps.grid:
                    linear = functional.interpolate(linear, maps.grid, mode="bilinear", align_corners=False)
                hidden = hidden + linear
            logits = (functional.relu(hidden) * head.second[None, :, None, None]).sum(
                1, keepdim=True
            ) + head.second_bias
            out.append(functional.interpolate(logits, shape, mode="bilinear", align_corners=False)[0, 0].numpy())
    return out

"""From windows to finished windows: rendering, npcF, npcF++, soft mask.

* :func:`synthesise` is the entry point.
* :func:`change_radius`: by how much a mask is dilated before changes are checked against it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from maphc2f.refine.stages import State, initial_state, npcf_plus_stage, npcf_stage, soft_mask
from maphc2f.render.batch import WindowBatch, group_key, stack
from maphc2f.render.coarse import render_coarse
from maphc2f.render.operators import above, masked_mean
from maphc2f.render.window import WindowInputs, WindowResult
from maphc2f.spec import Stage

CHUNK_PIXELS = 65536
"""Pixels worked on at a time: a map of them, 256 kB, stays in the second-level cache, which is three times faster than
larger batches; the bits do not depend on it."""


def change_radius(window: WindowInputs) -> float:
    """Return the optical width in px by which a mask is dilated: 2 sigma of lens, rim and pixel, plus one pixel.

    Beyond it less than 3 % of a step is left.
    """
    edge = window.appearance.edge_sigma
    return 1.0 + 2.0 * math.sqrt(window.statistics.psf_sigma**2 + edge * edge + 1.0 / 12.0)


def synthesise(inputs: Sequence[WindowInputs], stage: Stage, device: str = "cpu") -> list[WindowResult]:
    """Return one result a window, in order; its bits do not depend on the other windows.

    Args:
        inputs: Windows of one shape (H, W, C).
        stage: ``"coarse"``, ``"npcf"`` or ``"npcf++"``: the last stage that runs.
        device: Where it runs, a name that torch knows. Tensors are made on the host and moved; results come back.

    Raises:
        ValueError: The shapes differ.
    """
    if len({w.picture.shape for w in inputs}) > 1:
        msg = f"windows must have one shape, got {sorted({w.picture.shape for w in inputs})}"
        raise ValueError(msg)
    results: dict[int, WindowResult] = {}
    with torch.inference_mode():
        for chunk in _chunks(inputs):
            windows = [inputs[i] for i in chunk]
            results.update(zip(chunk, _run(windows, stage, device), strict=True))
    return [results[i] for i in range(len(inputs))]


def _chunks(inputs: Sequence[WindowInputs]) -> list[list[int]]:
    """Return indices of windows of one kind, few enough at a time to stay in cache."""
    kinds: dict[tuple[bool, ...], list[int]] = {}
    for i, window in enumerate(inputs):
        kinds.setdefault(group_key(window), []).append(i)
    chunks = []
    for members in kinds.values():
        height, width = inputs[members[0]].picture.shape[:2]
        size = max(1, CHUNK_PIXELS // (height * width))
        chunks += [members[k : k + size] for k in range(0, len(members), size)]
    return chunks


def _run(windows: Sequence[WindowInputs], stage: Stage, device: str) -> list[WindowResult]:
    batch = stack(windows, device)
    rendered = render_coarse(batch)
    state = initial_state(rendered)
    coarse_mask = soft_mask(batch, state)
    if stage != "coarse" and batch.overlay is None:
        state = npcf_stage(batch, state)
        if stage == "npcf++":
            state = npcf_plus_stage(batch, rendered, state)
    return _results(windows, batch, state, coarse_mask)


def _results(
    windows: Sequence[WindowInputs], batch: WindowBatch, state: State, coarse_mask: Tensor
) -> list[WindowResult]:
    widths = masked_mean(2.0 * state.half_width, above(coarse_mask, 0.5)).flatten().tolist()
    relaxation, composition = state.relaxation.tolist(), state.composition.tolist()
    pictures = np.ascontiguousarray(state.picture.cpu().permute(0, 2, 3, 1).numpy())
    masks, coarse = soft_mask(batch, state)[:, 0].cpu().numpy(), coarse_mask[:, 0].cpu().numpy()
    return [
        WindowResult(
            picture=pictures[i],
            soft_mask=masks[i],
            coarse_mask=coarse[i],
            residuals={"relaxation": relaxation[i], "composition": composition[i]},
            visible_width=widths[i] * window.pixel_size,
            change_radius=change_radius(window),
        )
        for i, window in enumerate(windows)
    ]

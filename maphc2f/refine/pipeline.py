"""From windows to finished windows: rendering, npcF, npcF++, soft mask.

* :func:`synthesise` is the entry point.
* :func:`optical_half_width`: half width of a point seen through the optics.
* :func:`change_radius`: by how much a mask is dilated before changes are checked against it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from maphc2f.refine import npcf, npcf_plus
from maphc2f.render.batch import WindowBatch, group_key, stack
from maphc2f.render.coarse import compose, render_coarse
from maphc2f.render.line import Rendered
from maphc2f.render.operators import gaussian_blur, gaussian_taps, luminance, masked_mean, normal_coverage
from maphc2f.render.window import WindowInputs, WindowResult
from maphc2f.spec import Stage

CHUNK_PIXELS = 65536
"""Pixels worked on at a time: a map of them, 256 kB, stays in the second-level cache, which is three times faster than
larger batches; the bits do not depend on it."""

HALF_WIDTH_AT_HALF_MAXIMUM = math.sqrt(2.0 * math.log(2.0))
GUIDE_SIGMA = 1.0
LINE_REACH = 3.0
"""Distance from a line's rim, px, within which its change counts: groove, chamfer and blur."""

REGION_REACH = 2.0
PRESENCE = 0.01
"""A field counts as present above this share of its maximum."""


@dataclass(frozen=True, slots=True)
class State:
    """What the stages hand on: picture (B, C, H, W), level and half width (B, 1, H, W), residuals (B,)."""

    picture: Tensor
    level: Tensor
    half_width: Tensor
    relaxation: Tensor
    composition: Tensor


def optical_half_width(psf_sigma: float) -> float:
    """Return the half width at half maximum of a point seen through the optics and a pixel, px."""
    return HALF_WIDTH_AT_HALF_MAXIMUM * math.sqrt(psf_sigma**2 + 1.0 / 12.0)


def change_radius(window: WindowInputs) -> float:
    """Return the optical width in px by which a mask is dilated: 2 sigma of lens, rim and pixel, plus one pixel.

    Beyond it less than 3 % of a step is left.
    """
    edge = window.appearance.edge_sigma
    return 1.0 + 2.0 * math.sqrt(window.statistics.psf_sigma**2 + edge * edge + 1.0 / 12.0)


def synthesise(inputs: Sequence[WindowInputs], stage: Stage) -> list[WindowResult]:
    """Return one result a window, in order; its bits do not depend on the other windows.

    Args:
        inputs: Windows of one shape (H, W, C).
        stage: ``"coarse"``, ``"npcf"`` or ``"npcf++"``: the last stage that runs.

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
            results.update(zip(chunk, _run(windows, stage), strict=True))
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


def _run(windows: Sequence[WindowInputs], stage: Stage) -> list[WindowResult]:
    batch = stack(windows)
    rendered = render_coarse(batch)
    zero = torch.zeros(len(windows), dtype=batch.picture.dtype)
    state = State(rendered.picture, rendered.level, rendered.half_width, zero, zero)
    coarse_mask = soft_mask(batch, state)
    if stage != "coarse" and batch.overlay is None:
        state = _npcf(batch, state)
        if stage == "npcf++":
            state = _npcf_plus(batch, rendered, state)
    return _results(windows, batch, state, coarse_mask)


def soft_mask(batch: WindowBatch, state: State) -> Tensor:
    """Return clip(0.5 + ρ - distance, 0, 1) on the allowed region, (B, 1, H, W).

    Lines: ρ = max(half width, optical half width); regions: ρ = 0.
    """
    rho = state.half_width
    if batch.is_line:
        radii = [optical_half_width(s) for s in batch.psf_sigma]
        optical = torch.tensor(radii, dtype=rho.dtype).reshape(-1, 1, 1, 1)
        rho = torch.maximum(rho, optical) * (batch.opening > 0)
    return torch.clamp(0.5 + rho - state.level, 0.0, 1.0) * (batch.allowed >= 0.5)


def _front(state: State) -> Tensor:
    """Signed distance to the footprint's contour."""
    return state.level - state.half_width


def _weight(batch: WindowBatch, state: State) -> Tensor:
    """Weight of the defect in the composition: its footprint with its reach, and wherever physics has a field."""
    reach = LINE_REACH if batch.is_line else REGION_REACH
    weight = npcf.footprint_weight(_front(state), reach, 1.0)
    if batch.is_line:
        return weight
    present = torch.zeros_like(weight)
    for field in (torch.abs(batch.depth), batch.product):
        peak = field.amax((1, 2, 3), keepdim=True)
        present = torch.maximum(present, (field > PRESENCE * peak).to(weight.dtype))
    if batch.displacement is not None:
        moved = (batch.displacement != 0).any(dim=1, keepdim=True)
        present = torch.maximum(present, moved.to(weight.dtype))
    taps = gaussian_taps([1.0] * len(batch.psf_sigma), present)
    return torch.maximum(weight, gaussian_blur(present, taps))


def _npcf(batch: WindowBatch, state: State) -> State:
    guide = gaussian_blur(luminance(batch.picture), gaussian_taps([GUIDE_SIGMA] * len(batch.psf_sigma), batch.picture))
    conductivity = npcf.edge_stopping(guide)
    level, half_width = state.level, state.half_width
    if batch.is_line:
        half_width, relaxation = npcf.relax_width(half_width, conductivity)
    else:
        level, relaxation = npcf.relax_region(level, conductivity)
    state = replace(state, level=level, half_width=half_width, relaxation=relaxation)
    change, weight = state.picture - batch.picture, _weight(batch, state)
    free = (batch.allowed > 0).to(weight.dtype)
    correction, composition = npcf.compose_screened(luminance(change), weight, free)
    picture = compose(batch.picture, batch.picture + weight * change + correction, batch.allowed)
    return replace(state, picture=picture, composition=composition)


def _npcf_plus(batch: WindowBatch, rendered: Rendered, state: State) -> State:
    state = _texture(batch, rendered, state)
    for _ in range(npcf_plus.SYNERGY_STEPS):
        state = _synergy(batch, rendered.softness, state)
    return state


def _synergy(batch: WindowBatch, softness: Tensor, state: State) -> State:
    """One pass in which contour and picture sharpen each other, then the transition is brought to the optics."""
    change, front = state.picture - batch.picture, _front(state)
    gray = luminance(change)
    found = npcf_plus.transition(torch.abs(gray), front)
    # Hairlines have no inside from which an edge could be read; their contour is pinned.
    trust = batch.scalars.albedo_share * found.defined * npcf_plus.edge_trust(found)
    shift, keep = npcf_plus.boundary_synergy(gray, front, softness, trust)
    if batch.is_line:
        state = replace(state, half_width=torch.clamp(state.half_width - shift, min=0.0))
    else:
        state = replace(state, level=state.level + shift)
    correction = npcf_plus.match_optics(keep * gray, found, front, softness)
    picture = batch.picture + keep * change + correction
    return replace(state, picture=compose(batch.picture, picture, batch.allowed))


def _texture(batch: WindowBatch, rendered: Rendered, state: State) -> State:
    front = _front(state)
    inside = normal_coverage(front, rendered.softness) * batch.allowed
    ring = torch.clamp(npcf_plus.RING_WIDTH - torch.abs(front - npcf_plus.RING_WIDTH), 0.0, 1.0) * batch.allowed
    scalars = batch.scalars
    demand = npcf_plus.TextureDemand(
        own=masked_mean(rendered.texture_gain, inside),
        rough=scalars.roughness * scalars.local_std,
        noise=scalars.noise,
    )
    detail, missing = npcf_plus.wavelet_block(luminance(batch.picture), luminance(state.picture), inside, ring, demand)
    restored = state.picture + detail + (missing * inside) * batch.noise
    return replace(state, picture=compose(batch.picture, restored, batch.allowed))


def _results(
    windows: Sequence[WindowInputs], batch: WindowBatch, state: State, coarse_mask: Tensor
) -> list[WindowResult]:
    pictures = np.ascontiguousarray(state.picture.permute(0, 2, 3, 1).numpy())
    masks, coarse = soft_mask(batch, state)[:, 0].numpy(), coarse_mask[:, 0].numpy()
    widths = masked_mean(2.0 * state.half_width, (coarse_mask > 0.5).to(coarse_mask.dtype)).flatten()
    return [
        WindowResult(
            picture=pictures[i],
            soft_mask=masks[i],
            coarse_mask=coarse[i],
            residuals={"relaxation": float(state.relaxation[i]), "composition": float(state.composition[i])},
            visible_width=float(widths[i]) * window.pixel_size,
            change_radius=change_radius(window),
        )
        for i, window in enumerate(windows)
    ]

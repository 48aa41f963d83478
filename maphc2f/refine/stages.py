"""The stages between rendering and result, as pure functions of a batch and its state.

* :class:`State`: what a stage takes and gives.
* :func:`initial_state`: the state after rendering.
* :func:`npcf_stage`: relaxation and composition.
* :func:`npcf_plus_stage`: texture and boundary.
* :func:`soft_mask`, :func:`optical_half_width`: the footprint of a state.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from maphc2f.refine import npcf, npcf_plus
from maphc2f.render.batch import WindowBatch
from maphc2f.render.coarse import compose
from maphc2f.render.fracture import reveal
from maphc2f.render.line import Rendered
from maphc2f.render.operators import gaussian_blur, gaussian_taps, luminance, masked_mean, normal_coverage

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


def initial_state(rendered: Rendered) -> State:
    """Return the state after rendering: no residuals yet."""
    picture = rendered.picture
    zero = torch.zeros(picture.shape[0], dtype=picture.dtype, device=picture.device)
    return State(picture, rendered.level, rendered.half_width, zero, zero)


def optical_half_width(psf_sigma: float) -> float:
    """Return the half width at half maximum of a point seen through the optics and a pixel, px."""
    return HALF_WIDTH_AT_HALF_MAXIMUM * math.sqrt(psf_sigma**2 + 1.0 / 12.0)


def soft_mask(batch: WindowBatch, state: State) -> Tensor:
    """Return clip(0.5 + ρ - distance, 0, 1) on the allowed region, (B, 1, H, W).

    Lines: ρ = max(half width, optical half width); regions: ρ = 0.
    """
    rho = state.half_width
    if batch.is_line:
        radii = [optical_half_width(s) for s in batch.psf_sigma]
        optical = torch.tensor(radii, dtype=rho.dtype, device=rho.device).reshape(-1, 1, 1, 1)
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


def npcf_stage(
    batch: WindowBatch,
    state: State,
    relax_steps: int = npcf.RELAX_STEPS,
    compose_steps: int = npcf.COMPOSE_STEPS,
) -> State:
    """Return the state after mask relaxation and screened composition.

    Args:
        batch: The windows; no overlays.
        state: From :func:`initial_state`.
        relax_steps: Steps of Allen-Cahn, or of its reduction for lines.
        compose_steps: Steps of the composition's solver.
    """
    guide = gaussian_blur(luminance(batch.picture), gaussian_taps([GUIDE_SIGMA] * len(batch.psf_sigma), batch.picture))
    conductivity = npcf.edge_stopping(guide)
    level, half_width = state.level, state.half_width
    if batch.is_line:
        half_width, relaxation = npcf.relax_width(half_width, conductivity, relax_steps)
    else:
        level, relaxation = npcf.relax_region(level, conductivity, relax_steps)
        level = npcf.limit_motion(batch.distance, level)
    state = replace(state, level=level, half_width=half_width, relaxation=relaxation)
    change, weight = state.picture - batch.picture, _weight(batch, state)
    free = (batch.allowed > 0).to(weight.dtype)
    correction, composition = npcf.compose_screened(luminance(change), weight, free, compose_steps)
    picture = compose(batch.picture, reveal(batch, batch.picture + weight * change + correction), batch.allowed)
    return replace(state, picture=picture, composition=composition)


def npcf_plus_stage(
    batch: WindowBatch, rendered: Rendered, state: State, synergy_steps: int = npcf_plus.SYNERGY_STEPS
) -> State:
    """Return the state after the wavelet block and ``synergy_steps`` passes of the boundary synergy.

    A fracture face has no passes: its rim is lit on one side and dark on the other, so that no one transition can be
    read from it, and the crack has pinned it.
    """
    state = _texture(batch, rendered, state)
    for _ in range(0 if batch.broken_face else synergy_steps):
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
        state = replace(state, level=npcf.limit_motion(batch.distance, state.level + shift))
    correction = npcf_plus.match_optics(keep * gray, found, front, softness)
    picture = batch.picture + keep * change + correction
    return replace(state, picture=compose(batch.picture, reveal(batch, picture), batch.allowed))


def _texture(batch: WindowBatch, rendered: Rendered, state: State) -> State:
    front = _front(state)
    inside = normal_coverage(front, rendered.softness) * batch.allowed
    ring = torch.clamp(npcf_plus.RING_WIDTH - torch.abs(front - npcf_plus.RING_WIDTH), 0.0, 1.0) * batch.allowed
    scalars = batch.scalars
    demand = npcf_plus.TextureDemand(
        own=masked_mean(rendered.texture_gain, inside),
        rough=scalars.rough,
        noise=scalars.noise,
    )
    weights = npcf_plus.TextureWeights(_core(front, inside, rendered.softness), inside, ring)
    detail, missing = npcf_plus.wavelet_block(luminance(batch.picture), luminance(state.picture), weights, demand)
    restored = state.picture + detail + (missing * inside) * batch.noise
    return replace(state, picture=compose(batch.picture, reveal(batch, restored), batch.allowed))


def _core(front: Tensor, inside: Tensor, softness: Tensor) -> Tensor:
    """Weight of the inside away from the rim; of all of it where little else is left."""
    core = inside * normal_coverage(front + npcf_plus.CORE_INSET, softness)
    wide = core.sum((1, 2, 3), keepdim=True) > npcf_plus.MIN_CORE_WEIGHT
    return torch.where(wide, core, inside)

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
from maphc2f.render.operators import above, at_least, gaussian_blur, gaussian_taps, luminance, normal_coverage

HALF_WIDTH_AT_HALF_MAXIMUM = math.sqrt(2.0 * math.log(2.0))
GUIDE_SIGMA = 1.0
LINE_REACH = 3.0
"""Distance from a line's rim, px, within which its change counts: groove, chamfer and blur."""

REGION_REACH = 2.0
PRESENCE = 0.01
"""A field counts as present above this share of its maximum."""


@dataclass(frozen=True, slots=True)
class State:
    """What the stages hand on.

    Attributes:
        picture: (B, C, H, W), display codes.
        level: As in :class:`~maphc2f.render.line.Rendered`, (B, 1, H, W), px.
        half_width: The same.
        texture_gain: The same, 0 .. 1.
        relaxation: Relative residual of the relaxation (B,).
        composition: That of the composition (B,).
    """

    picture: Tensor
    level: Tensor
    half_width: Tensor
    texture_gain: Tensor
    relaxation: Tensor
    composition: Tensor


def initial_state(rendered: Rendered) -> State:
    """Return the state after rendering: no residuals yet."""
    picture = rendered.picture
    zero = torch.zeros(picture.shape[0], dtype=picture.dtype, device=picture.device)
    return State(picture, rendered.level, rendered.half_width, rendered.texture_gain, zero, zero)


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
        rho = torch.maximum(rho, optical) * above(batch.opening, 0.0)
    return torch.clamp((rho - state.level).add_(0.5), 0.0, 1.0).mul_(at_least(batch.allowed, 0.5))


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
    fields = ([torch.abs(batch.depth)] if batch.relief else []) + ([batch.product] if batch.stained else [])
    for field in fields:
        peak = field.amax((1, 2, 3), keepdim=True)
        present = torch.maximum(present, above(field, PRESENCE * peak))
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
    original = luminance(batch.picture)
    guide = gaussian_blur(original, gaussian_taps([GUIDE_SIGMA] * len(batch.psf_sigma), original))
    conductivity = npcf.edge_stopping(guide)
    level, half_width = state.level, state.half_width
    if batch.is_line:
        half_width, relaxation = npcf.relax_width(half_width, conductivity, relax_steps)
    else:
        level, relaxation = npcf.relax_region(level, conductivity, relax_steps)
        level = npcf.limit_motion(batch.distance, level)
    state = replace(state, level=level, half_width=half_width, relaxation=relaxation)
    change, weight = state.picture - batch.picture, _weight(batch, state)
    gray, free = luminance(change), above(batch.allowed, 0.0)
    mixed = npcf.mixed_gradients(original, gray, npcf.MIXED_SHARE * weight * state.texture_gain)
    correction, composition = npcf.compose_screened(gray, weight, free, compose_steps, mixed=mixed)
    pasted = weight * gray
    contrast = npcf.kept_contrast(pasted, pasted + correction, weight)
    composed = torch.addcmul(batch.picture, contrast, torch.addcmul(correction, weight, change))
    picture = compose(batch.picture, reveal(batch, composed), batch.allowed)
    return replace(state, picture=picture, composition=composition)


def npcf_plus_stage(
    batch: WindowBatch, rendered: Rendered, state: State, synergy_steps: int = npcf_plus.SYNERGY_STEPS
) -> State:
    """Return the state after the wavelet block and the boundary synergy with ``synergy_steps`` moves of the contour.

    A fracture face has no synergy: its rim is lit on one side and dark on the other, so that no one transition can be
    read from it, and the crack has pinned it. No moves means no synergy.
    """
    state = _texture(batch, rendered, state)
    return (
        state if batch.broken_face or synergy_steps == 0 else _synergy(batch, rendered.softness, state, synergy_steps)
    )


def _synergy(batch: WindowBatch, softness: Tensor, state: State, steps: int) -> State:
    """The contour goes to the picture's edge, then the edge is brought to the optics.

    The transition is read once: a second sharpening on top of the first would take the texture for the edge.
    """
    gray = luminance(state.picture - batch.picture)
    found = npcf_plus.transition(torch.abs(gray), _front(state))
    # Hairlines have no inside from which an edge could be read; their contour is pinned.
    trust = batch.scalars.albedo_share * found.defined * npcf_plus.edge_trust(found)
    for _ in range(steps):
        shift = npcf_plus.boundary_synergy(gray, _front(state), softness, trust)
        if batch.is_line:
            state = replace(state, half_width=torch.clamp(state.half_width - shift, min=0.0))
        else:
            state = replace(state, level=npcf.limit_motion(batch.distance, state.level + shift))
    front = _front(state)
    correction = npcf_plus.match_optics(gray, found, front, softness)
    contrast = npcf.kept_contrast(gray, gray + correction, normal_coverage(front, softness))
    picture = torch.addcmul(batch.picture, contrast, state.picture - batch.picture + correction)
    return replace(state, picture=compose(batch.picture, reveal(batch, picture), batch.allowed))


def _texture(batch: WindowBatch, rendered: Rendered, state: State) -> State:
    front = _front(state)
    inside = normal_coverage(front, rendered.softness) * batch.allowed
    ring = torch.clamp(npcf_plus.RING_WIDTH - torch.abs(front - npcf_plus.RING_WIDTH), 0.0, 1.0) * batch.allowed
    weights = npcf_plus.TextureWeights(_core(front, inside, rendered.softness), inside, ring)
    gray = luminance(batch.picture), luminance(state.picture)
    restored = state.picture + npcf_plus.wavelet_block(*gray, weights, batch.scalars.noise)
    return replace(state, picture=compose(batch.picture, reveal(batch, restored), batch.allowed))


def _core(front: Tensor, inside: Tensor, softness: Tensor) -> Tensor:
    """Weight of the inside away from the rim; of all of it where little else is left."""
    core = inside * normal_coverage(front + npcf_plus.CORE_INSET, softness)
    wide = core.sum((1, 2, 3), keepdim=True) > npcf_plus.MIN_CORE_WEIGHT
    return torch.where(wide, core, inside)

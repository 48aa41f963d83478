"""npcF: mask relaxation by an Allen-Cahn equation and composition by a screened Poisson equation.

* :func:`edge_stopping`: conductivity that lets edges of the picture stop the front.
* :func:`relax_region`: image-guided Allen-Cahn relaxation of a region's level set.
* :func:`relax_width`: its reduction to the width of a line.
* :func:`limit_motion`: how far a contour may leave the physics' own.
* :func:`mixed_gradients`: where the good picture's gradients are the stronger ones, they stay.
* :func:`compose_screened`: change of the picture that keeps the gradients of the coarse one.
* :func:`kept_contrast`: what the composition took from the strongest part is given back.

Pure functions on (B, C, H, W) with fixed iteration counts, each returning its relative residual. Their bits do not
depend on the batch: they are made of element-wise operations, shifts and sums within a sample.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as nnf
from torch import Tensor

from maphc2f.render.operators import central_gradient, highest, laplacian, masked_peak

INTERFACE_WIDTH = 0.7
"""δ of the profile a = 1 / (1 + exp(φ / δ)), px; the double well then has ε = √2 δ."""

RELAX_STEPS = 5
TIME_STEP = 0.18
"""Explicit steps are stable below 2 / (8 + 1 / δ² + λ) = 0.19: 8 bounds the 5-point Laplacian for g = 1, and the slope
of the reaction, 1 - 6 a + 6 a², is at most 1."""

DATA_WEIGHT = 0.5
"""λ: physics is pulled back at this rate, 1 / (unit of time); the front moves by less than a pixel."""

BAND = 4.5
"""Half width of the band, px, in which the level set moves."""

EDGE_CONTRAST = 2.0
"""Gradients of this many root mean squares of the window count as edges."""

SCREENING = 0.25
"""μ = 1 / (2 px)²: corrections reach as far as the optics, so they never tint the surroundings."""

COMPOSE_STEPS = 7

MIXED_SHARE = 0.5
"""Share of the gradients of surviving texture that the composition takes from the good picture."""

MAX_CONTRAST_GAIN = 1.15

MAX_MOTION = 0.5
"""Most that all stages together move a contour off the physics' own, px."""

CORE_SHARE = 0.45
"""Share of the depth of a region below its contour that may be taken from it: something is always left."""


def edge_stopping(guide: Tensor) -> Tensor:
    """Return g = 1 / (1 + |∇I|² / k²) in (0, 1] with k = 2 rms |∇I|.

    The second conductivity of Perona & Malik (1990), doi 10.1109/34.56205.

    Args:
        guide: Smoothed luminance (B, 1, H, W).
    """
    dy, dx = central_gradient(guide)
    square = dy * dy + dx * dx
    mean = square.mean((1, 2, 3), keepdim=True)
    return 1.0 / (1.0 + square / torch.clamp(EDGE_CONTRAST**2 * mean, min=1e-12))


def _faces(conductivity: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean conductivity on the faces between rows and between columns, outer faces included."""
    padded = nnf.pad(conductivity, (1, 1, 1, 1), mode="replicate")
    down = 0.5 * (padded[..., 1:, 1:-1] + padded[..., :-1, 1:-1])
    right = 0.5 * (padded[..., 1:-1, 1:] + padded[..., 1:-1, :-1])
    return down, right


def _differences(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return ∇x on the faces between rows and between columns; repeating the outermost pixel makes it 0 at the rim."""
    padded = nnf.pad(x, (1, 1, 1, 1), mode="replicate")
    return padded[..., 1:, 1:-1] - padded[..., :-1, 1:-1], padded[..., 1:-1, 1:] - padded[..., 1:-1, :-1]


def _outflow(down: Tensor, right: Tensor) -> Tensor:
    return (down[..., 1:, :] - down[..., :-1, :]).add_(right[..., 1:]).sub_(right[..., :-1])


def _divergence(x: Tensor, faces: tuple[Tensor, Tensor]) -> Tensor:
    """Return div(g ∇x); no flux passes the window's border."""
    down, right = _differences(x)
    return _outflow(faces[0] * down, faces[1] * right)


def _norm(x: Tensor) -> Tensor:
    return torch.sqrt((x * x).sum((1, 2, 3)))


def _relative(last: Tensor, first: Tensor) -> Tensor:
    """Return |last| / |first| per sample (B,), 0 where there was nothing to do."""
    start = _norm(first)
    return _norm(last) / torch.clamp(start, min=1e-6) * (start > 1e-6)


def relax_region(
    level: Tensor,
    conductivity: Tensor,
    steps: int = RELAX_STEPS,
    *,
    interface: float = INTERFACE_WIDTH,
    data_weight: float = DATA_WEIGHT,
) -> tuple[Tensor, Tensor]:
    """Relax a signed distance by a few explicit steps of Allen-Cahn.

    ∂a/∂t = div(g ∇a) - W'(a) / ε² + λ (m - a),   W' = 2 a (1 - a) (1 - 2a),   ε = √2 δ,

    with the physics' own phase m = 1 / (1 + exp(φ / δ)), whose profile the double well leaves at rest (Allen & Cahn
    1979, doi 10.1016/0001-6160(79)90196-2). The level set comes back by the exact inverse φ = δ ln((1 - a) / a).

    Args:
        level: Signed distance φ (B, 1, H, W), negative inside, px.
        conductivity: g (B, 1, H, W).
        steps: Number of time steps.
        interface: δ, px.
        data_weight: λ; 0 leaves a free front, which moves by its curvature alone.

    Returns:
        The relaxed level, and the residual |∂a/∂t| at the end over that at the start, (B,).
    """
    data = torch.sigmoid(-level / interface)
    phase, faces = data, _faces(conductivity)
    well = conductivity / interface**2
    first = rate = torch.zeros_like(data)
    for step in range(steps + 1):
        square = phase * phase
        reaction = torch.addcmul(phase.add(square, alpha=-3.0), square, phase, value=2.0)
        rate = _divergence(phase, faces).addcmul_(well, reaction, value=-1.0)
        rate = rate.add_(data - phase, alpha=data_weight)
        if step == 0:
            first = rate
        if step < steps:
            phase = phase.add(rate, alpha=TIME_STEP)
    clamped = torch.clamp(phase, 2e-3, 1.0 - 2e-3)
    relaxed = interface * torch.log((1.0 - clamped) / clamped)
    weight = torch.clamp((BAND - torch.abs(level)) / 1.5, 0.0, 1.0)
    return level + weight * (relaxed - level), _relative(rate, first)


def limit_motion(start: Tensor, moved: Tensor) -> Tensor:
    """Return the level set ``moved`` kept near ``start``, both (B, 1, H, W), px, negative inside.

    φ = φ₀ + clip(φ' - φ₀, -MAX_MOTION, min(MAX_MOTION, CORE_SHARE · core)), where core is the largest -φ₀ of the 3 x 3
    neighbourhood: at the innermost pixel of a region φ <= (1 - CORE_SHARE) φ₀ < 0, so no component is lost, however
    small, and one an even front wide is not cut in two.
    """
    core = highest(torch.clamp(-start, min=0.0))
    inward = torch.clamp(CORE_SHARE * core, max=MAX_MOTION)
    return start + torch.clamp(torch.minimum(moved - start, inward), min=-MAX_MOTION)


def relax_width(half_width: Tensor, conductivity: Tensor, steps: int = RELAX_STEPS) -> tuple[Tensor, Tensor]:
    """Relax the half width of lines; their centreline and topology stay.

    Integrating Allen-Cahn over the normal of a thin strip a = A(|r| - h(s)) leaves ∂h/∂t = ∂/∂s (g ∂h/∂s) + λ (h₀ - h):
    the attraction of its two fronts, which would erase a strip narrower than the interface, is dropped, for physics has
    pinned it. ``half_width`` holds h at the nearest centreline point, so that diffusion in the plane is diffusion along
    the line. Never below half of the start.

    Args:
        half_width: h₀ (B, 1, H, W), px.
        conductivity: g (B, 1, H, W).
        steps: Number of time steps.

    Returns:
        The relaxed half width, and the residual as in :func:`relax_region`.
    """
    width, faces = half_width, _faces(conductivity)
    first = rate = torch.zeros_like(width)
    for step in range(steps + 1):
        rate = _divergence(width, faces).add_(half_width - width, alpha=DATA_WEIGHT)
        if step == 0:
            first = rate
        if step < steps:
            width = width.add(rate, alpha=TIME_STEP)
    return torch.maximum(width, 0.5 * half_width), _relative(rate, first)


def mixed_gradients(original: Tensor, change: Tensor, share: Tensor) -> Tensor:
    """Return div(b ∇d) over the faces on which the good picture has the stronger gradient, |∇I0| > |∇(I0 + d)|.

    The stronger of both gradients (Pérez et al. 2003, doi 10.1145/882262.882269, eq. 12), as what it adds to the
    right-hand side of :func:`compose_screened`: there the change should have no gradient, so that grain which a shade
    only dims comes through it.

    Args:
        original: Luminance I0 (B, 1, H, W).
        change: d (B, 1, H, W).
        share: b (B, 1, H, W) in [0, 1]: how much of the texture must survive.
    """
    fluxes = []
    for part, before, step in zip(_faces(share), _differences(original), _differences(change), strict=True):
        stronger = torch.abs(before).gt_(torch.abs(before + step))
        fluxes.append((part * step).mul_(stronger))
    return _outflow(*fluxes)


def compose_screened(
    change: Tensor, weight: Tensor, free: Tensor, steps: int = COMPOSE_STEPS, *, mixed: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the change u that solves a screened Poisson equation inside the support.

    min over u of ∫ |∇u - v|² + μ (u - a d)²   ⇒   (μ - Δ) u = μ a d - div v,   u = 0 outside the support,

    with coarse change d, weight a and guidance v = a ∇d: gradients follow the coarse picture where a = 1 and the good
    one where a = 0 (Pérez et al. 2003, doi 10.1145/882262.882269; screening: Bhat et al. 2008, doi
    10.1007/978-3-540-88688-4_9). With u = a d + e, (μ - Δ) e = div(d ∇a): only the transition of a drives the
    correction e. With mixed gradients v = (1 - s) a ∇d, and div(s a ∇d) comes to the right-hand side. It is solved by
    ``steps`` of the Chebyshev iteration for the spectrum [μ, μ + 8] of the 5-point operator.

    Args:
        change: d (B, 1, H, W).
        weight: a (B, 1, H, W) in [0, 1].
        free: 1 where u is free, 0 outside the support (B, 1, H, W).
        steps: Number of iterations.
        mixed: div(s a ∇d) of :func:`mixed_gradients` (B, 1, H, W), or None.

    Returns:
        The correction e (B, 1, H, W), and |residual| / |right-hand side| (B,).
    """
    source = _divergence(weight, _faces(change))
    source = free * (source if mixed is None else source + mixed)
    centre, radius = SCREENING + 4.0, 4.0
    rho = radius / centre
    residual, correction = source, torch.zeros_like(source)
    step, previous = residual / centre, rho
    for _ in range(steps):
        correction = correction.add_(step)
        residual = torch.addcmul(residual, free, laplacian(step).add_(step, alpha=-SCREENING))
        following = 1.0 / (2.0 / rho - previous)
        step = (step * (following * previous)).add_(residual, alpha=2.0 * following / radius)
        previous = following
    return correction, _relative(residual, source)


def kept_contrast(before: Tensor, after: Tensor, weight: Tensor) -> Tensor:
    """Return the factor, 1 to MAX_CONTRAST_GAIN, (B, 1, 1, 1), that brings the peak of ``after`` to that of ``before``.

    Peaks are fourth-power means under ``weight``, all (B, 1, H, W). Diffusion of the transition into a defect a few
    pixels wide takes up to a tenth of its contrast, which physics had set.
    """
    ratio = masked_peak(before, weight) / torch.clamp(masked_peak(after, weight), min=1e-4)
    return torch.clamp(ratio, 1.0, MAX_CONTRAST_GAIN)


def footprint_weight(level: Tensor, reach: float, softness: float) -> Tensor:
    """Return Φ((reach - φ) / softness): 1 on the defect, 0 farther than ``reach`` px from its contour."""
    return 0.5 + 0.5 * torch.erf((reach - level) / (softness * math.sqrt(2.0)))

"""npcF++: a wavelet block for the texture of a defect and a synergy block for its boundary.

* :func:`wavelet_block`: detail energy and sensor noise inside and round the defect.
* :func:`transition`, :func:`edge_trust`: how the change falls at the contour.
* :func:`match_optics`, :func:`reading`: bring it to the optics of the picture.
* :func:`guided_pair`: edge-preserving filter of two fields by each other.
* :func:`boundary_synergy`: contour and picture sharpen each other.

Pure functions on (B, 1, H, W) luminance; the change they return is added to all channels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from maphc2f.refine import wavelet
from maphc2f.render.operators import (
    box_mean,
    central_gradient,
    gaussian_blur,
    gaussian_taps,
    masked_mean,
    normal_coverage,
)

BAND_SHARES = (0.5, 0.35, 0.15)
"""Energy of a worn surface by level, finest first: the slopes of a self-affine height, Hurst exponent near 0.5."""

INSIDE_GAINS = (0.85, 1.8)
"""Limits of the gain inside; the lower one only at the finest level, for coarse bands also hold the defect's shape."""

RING_GAINS = (0.8, 1.25)
RING_LEVELS = 1
"""Levels whose energy is restored in the ring: coarser ones hold the tail of the defect's own optics."""

RING_WIDTH = 4.0
"""Ring round the defect, px, whose texture must stay that of the good picture."""

SYNERGY_STEPS = 2
SYNERGY_BAND = 2.0
"""Half width of the band |φ| in which picture and contour meet, px."""

GUIDE_RADIUS = 1
GUIDE_REGULARISATION = 0.02
"""Variance (of fields in [0, 1]) below which a window counts as flat."""

MAX_SHIFT = 0.5
"""Most that one pass moves the contour, px."""

HALO_SHARE = 0.5
"""Share of a change that the contour does not explain and that one pass removes."""

TRUST_LIMITS = (0.3, 0.7)
"""Contrast of the contour from which it begins to count as an edge, and from which it does so fully."""

SHARPEN_LIMIT = 1.0
MIN_CORE_WEIGHT = 12.0
"""With fewer pixels' weight away from the rim, the whole inside is read."""

CORE_INSET = 2.0
"""Distance from the rim at which the core begins, px."""

MIN_BAND_WEIGHT = 6.0
"""With fewer pixels' weight in the band the width of the transition is not defined, and nothing is done."""


@dataclass(frozen=True, slots=True)
class TextureDemand:
    """What texture the inside of a defect should have; tensors (B, 1, 1, 1).

    Attributes:
        own: Amplitude of the surface's own texture that is left, 0 .. 1.
        rough: Standard deviation of the texture of exposed material, display units.
        noise: Sensor noise, display units.
    """

    own: Tensor
    rough: Tensor
    noise: Tensor


@dataclass(frozen=True, slots=True)
class TextureWeights:
    """Weights in [0, 1], (B, 1, H, W).

    Attributes:
        core: Where the texture inside is read: away from the rim, whose step would pass for texture.
        inside: Where it is changed.
        ring: Where the surroundings are read and changed.
    """

    core: Tensor
    inside: Tensor
    ring: Tensor


def _share(weight: Tensor) -> Tensor:
    """Return ``weight`` on every second pixel, scaled to unit sum: undecimated bands are redundant."""
    sparse = weight[..., ::2, ::2].contiguous()
    return sparse / torch.clamp(sparse.sum((1, 2, 3), keepdim=True), min=1e-6)


def _energy(square: Tensor, share: Tensor) -> Tensor:
    return (square * share).sum((1, 2, 3), keepdim=True)


def _square(band: Tensor) -> Tensor:
    sparse = band[..., ::2, ::2]
    return sparse * sparse


def _inside_gain(now: Tensor, reference: Tensor, demand: TextureDemand, level: int) -> Tensor:
    """Return √(demanded / present energy): own texture, material's roughness and noise add as variances."""
    demanded = demand.own * demand.own * reference + demand.rough * demand.rough * (BAND_SHARES[level] / 3.0)
    demanded = torch.maximum(demanded, demand.noise * demand.noise)
    low = INSIDE_GAINS[0] if level == 0 else 1.0
    return torch.clamp(torch.sqrt(demanded / torch.clamp(now, min=1e-8)), low, INSIDE_GAINS[1])


def wavelet_block(
    original: Tensor, changed: Tensor, weights: TextureWeights, demand: TextureDemand
) -> tuple[Tensor, Tensor]:
    """Return the detail to add and the amplitude of sensor noise to restore.

    In each band the gain is g = 1 + w_in (g_in - 1) + w_ring (g_ring - 1) with g_in = √(E_demanded / E_now) inside
    and g_ring = √(E_original / E_now) in the ring, both clipped. Where all gains are 1 the detail added is
    zero.

    Args:
        original: Luminance of the good picture (B, 1, H, W).
        changed: Luminance with the defect.
        weights: Where energy is read and changed, see :class:`TextureWeights`.
        demand: See :class:`TextureDemand`.

    Returns:
        Detail (B, 1, H, W), and the standard deviation (B, 1, 1, 1) by which the finest diagonal band falls short of
        the sensor noise.
    """
    before, _ = wavelet.forward(original)
    now, approximation = wavelet.forward(changed)
    inside, ring = weights.inside, weights.ring
    share, share_ring = _share(weights.core), _share(ring)
    has_ring = (ring.sum((1, 2, 3), keepdim=True) > 0).to(ring.dtype)
    extra = []
    for level, (reference, present) in enumerate(zip(before, now, strict=True)):
        gains = []
        for old, new in zip(reference, present, strict=True):
            old_square, new_square = _square(old), _square(new)
            inner = _inside_gain(_energy(new_square, share), _energy(old_square, share), demand, level)
            gain = inside * (inner - 1.0)
            if level < RING_LEVELS:
                ratio = _energy(old_square, share_ring) / torch.clamp(_energy(new_square, share_ring), min=1e-8)
                outer = torch.clamp(torch.sqrt(ratio), *RING_GAINS)
                gain = torch.addcmul(gain, ring, has_ring * (outer - 1.0))
            gains.append(gain)
        extra.append(wavelet.scale(present, (gains[0], gains[1], gains[2])))
    detail = wavelet.inverse(extra, torch.zeros_like(approximation))
    diagonal = _square(now[0].diagonal + extra[0].diagonal)
    missing = demand.noise * demand.noise - _energy(diagonal, share)
    return detail, torch.sqrt(torch.clamp(missing, min=0.0))


@dataclass(frozen=True, slots=True)
class Transition:
    """The change of a picture across its contour; tensors (B, 1, 1, 1).

    Attributes:
        width: Gaussian sigma, px.
        contrast: Share of the change that ends at the contour, 0 .. 1: 1 for a paste, 0 for a stain that runs on.
        defined: 1 where both could be read, else 0.
    """

    width: Tensor
    contrast: Tensor
    defined: Tensor


def transition(magnitude: Tensor, level: Tensor) -> Transition:
    """Return how the change ``magnitude`` falls at the contour.

    A step of height A seen through a Gaussian has the slope A / (σ √(2π)) at its contour; A is the difference between
    the means at -3 .. -1 px and 1 .. 3 px, the slope the mean of -∂|u|/∂n over |φ| < ½.

    Args:
        magnitude: |u| (B, 1, H, W).
        level: Signed distance φ, px.
    """
    inner = ((level < -1.0) & (level > -3.0)).to(magnitude.dtype)
    outer = ((level > 1.0) & (level < 3.0)).to(magnitude.dtype)
    edge = (torch.abs(level) < 0.5).to(magnitude.dtype)
    inside = masked_mean(magnitude, inner)
    height = inside - masked_mean(magnitude, outer)
    uy, ux = central_gradient(magnitude)
    ny, nx = central_gradient(level)
    slope = -masked_mean(uy * ny + ux * nx, edge)
    weight = torch.minimum(inner.sum((1, 2, 3), keepdim=True), edge.sum((1, 2, 3), keepdim=True))
    defined = (weight > MIN_BAND_WEIGHT) & (height > 1.0 / 255.0) & (slope > 1e-4)
    width = height / (torch.clamp(slope, min=1e-4) * math.sqrt(2.0 * math.pi))
    share = torch.clamp(height / torch.clamp(inside, min=1.0 / 255.0), 0.0, 1.0)
    return Transition(width, share, defined.to(magnitude.dtype))


def edge_trust(found: Transition) -> Tensor:
    """Return how far the contour is an edge of the picture: 0 below TRUST_LIMITS of its contrast, 1 above."""
    low, high = TRUST_LIMITS
    return torch.clamp((found.contrast - low) / (high - low), 0.0, 1.0)


def reading(sigma: Tensor) -> Tensor:
    """Return the width that :func:`transition` reads on a step seen through a Gaussian of ``sigma`` px.

    The means at 1 .. 3 px miss the tails of the step: Simpson's rule for the mean of erf(t / √2 σ). The central
    difference reads the slope erf(1 / √2 σ) / 2.
    """
    scale = 1.0 / (math.sqrt(2.0) * sigma)
    height = (torch.erf(scale) + 4.0 * torch.erf(2.0 * scale) + torch.erf(3.0 * scale)) / 6.0
    return height / (math.sqrt(2.0 * math.pi) * 0.5 * torch.erf(scale))


def match_optics(change: Tensor, found: Transition, level: Tensor, target: Tensor) -> Tensor:
    """Return what to add to ``change`` (B, 1, H, W) to bring its transition at the contour to the width ``target``, px.

    Too sharp: blended with its blur of 1 px by the missing variance. Too soft: unsharp masking, limited.
    """
    expected = reading(target)
    missing = expected * expected - found.width * found.width
    share = torch.clamp(missing, -SHARPEN_LIMIT, 1.0) * (found.defined * edge_trust(found))
    blurred = gaussian_blur(change, gaussian_taps([1.0] * change.shape[0], change))
    near = torch.clamp(SYNERGY_BAND + 1.0 - torch.abs(level), 0.0, 1.0)
    return (share * near) * (blurred - change)


def guided_pair(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``first`` filtered under ``second`` and ``second`` under ``first``.

    q = a I + b with a = cov(I, p) / (var(I) + ε), b = mean(p) - a mean(I) over squares of side 2 GUIDE_RADIUS + 1 (He
    et al. 2013, doi 10.1109/TPAMI.2012.213, eqs. 5 and 6), with the coefficients of the pixel's own square. Both
    directions share their means.
    """
    mean_first, mean_second = box_mean(first, GUIDE_RADIUS), box_mean(second, GUIDE_RADIUS)
    covariance = box_mean(first * second, GUIDE_RADIUS) - mean_first * mean_second
    spread_first = box_mean(first * first, GUIDE_RADIUS) - mean_first * mean_first
    spread_second = box_mean(second * second, GUIDE_RADIUS) - mean_second * mean_second
    by_second = covariance / (spread_second + GUIDE_REGULARISATION)
    by_first = covariance / (spread_first + GUIDE_REGULARISATION)
    return mean_first + by_second * (second - mean_second), mean_second + by_first * (first - mean_first)


def boundary_synergy(change: Tensor, level: Tensor, target: Tensor, trust: Tensor) -> tuple[Tensor, Tensor]:
    """One pass in which contour and picture sharpen each other.

    1. c = |u| / A, the change relative to its mean inside, and a = Φ(-φ / σ).
    2. The contour moves to where the picture changes: a' = guided(a | c), δφ = σ √(2π) (a - a').
    3. Change that the contour does not explain is taken back: u ← u (1 - s) outside, s from c - guided(c | a) > 0.

    Args:
        change: Luminance of u (B, 1, H, W).
        level: φ, px.
        target: σ of the optics, px.
        trust: How far the contour is an optical one, 0 .. 1 (a relief seen by its shading has none).

    Returns:
        The shift of the level set (B, 1, H, W), px, and the factor of the change (B, 1, H, W).
    """
    magnitude = torch.abs(change)
    phase = normal_coverage(level, target)
    inside = (level < -0.5).to(change.dtype)
    height = torch.clamp(masked_mean(magnitude, inside), min=1.0 / 255.0)
    relative = torch.clamp(magnitude / height, 0.0, 1.0)
    near = torch.clamp(SYNERGY_BAND + 0.5 - torch.abs(level), 0.0, 1.0) * trust
    phase_by_change, change_by_phase = guided_pair(phase, relative)
    moved = (phase - phase_by_change) * (target * math.sqrt(2.0 * math.pi))
    shift = torch.clamp(moved, -MAX_SHIFT, MAX_SHIFT) * near
    unexplained = torch.clamp(relative - change_by_phase, min=0.0) * (level > 0.5)
    keep = 1.0 - HALO_SHARE * trust * unexplained / torch.clamp(relative, min=0.05)
    return shift, torch.clamp(keep, 0.0, 1.0)

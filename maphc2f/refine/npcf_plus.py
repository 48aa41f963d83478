"""npcF++: a wavelet block for the texture of a defect and a synergy block for its boundary.

* :func:`wavelet_block`: grain and sensor noise inside and round the defect.
* :func:`transition`, :func:`edge_trust`: how the change falls at each point of the contour.
* :func:`match_optics`, :func:`reading`: bring it to the optics of the picture.
* :func:`guided`: edge-preserving filter of one field by another.
* :func:`boundary_synergy`: the contour goes to where the picture changes.

Pure functions on (B, 1, H, W) luminance; the change they return is added to all channels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as nnf
from torch import Tensor

from maphc2f.refine import wavelet
from maphc2f.render.operators import (
    POOL,
    below,
    box_mean,
    central_gradient,
    gaussian_blur,
    gaussian_taps,
    local_range,
    masked_mean,
    normal_coverage,
)

TEXTURE_LEVELS = 2
"""Levels of the wavelet transform that are touched: in the third the camera has under 8 % of the energy."""

RING_LIMIT = 0.25
"""Most that the ring's texture is changed, as a share of the good picture's."""

RING_LEVELS = 1
"""Levels that are restored in the ring: coarser ones hold the tail of the defect's own optics."""

RING_WIDTH = 4.0
"""Ring round the defect, px, whose texture must stay that of the good picture."""

SYNERGY_STEPS = 2
SYNERGY_BAND = 2.0
"""Half width of the band |φ| in which picture and contour meet, px."""

GUIDE_RADIUS = 1
GUIDE_REGULARISATION = 0.02
"""Variance (of fields in [0, 1]) below which a window counts as flat."""

MAX_SHIFT = 0.5
"""Most that one move shifts the contour, px."""

TRUST_LIMITS = (0.3, 0.7)
"""Contrast of the contour from which it begins to count as an edge, and from which it does so fully."""

SHARPEN_LIMIT = 1.0
"""Gain of the unsharp mask at most; its result stays within the range of its neighbours."""

WHOLE_CONTOUR = 0.1
"""Weight of the mean of the whole contour in the reading of one of its points, over that of a full neighbourhood."""

MIN_CORE_WEIGHT = 12.0
"""With fewer pixels' weight away from the rim, the whole inside is read."""

CORE_INSET = 2.0
"""Distance from the rim at which the core begins, px."""

MIN_BAND_WEIGHT = 6.0
"""With fewer pixels' weight in the band the width of the transition is not defined, and nothing is done."""


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


def _mean(product: Tensor, share: Tensor) -> Tensor:
    """Return the mean of each band (B, 3, h, w) under ``share``, (B, 3, 1, 1)."""
    return (product * share).sum((2, 3), keepdim=True)


def _missing(bands: wavelet.Bands, shares: tuple[Tensor, Tensor], noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return the shares of the good picture's three bands that are missing inside and in the ring, (B, 3, 1, 1)."""
    sparse = torch.cat([band[..., ::2, ::2] for band in bands], dim=1)
    old, new = sparse.chunk(2)
    square, product = old * old, old * new
    inner, outer = (_mean(square, share) for share in shares)
    left = torch.clamp(_mean(product, shares[0]) / torch.clamp(inner, min=1e-9), 0.0, 1.0)
    energy = torch.maximum(outer, inner)
    camera = torch.clamp(noise * noise / torch.clamp(energy, min=1e-9), max=1.0)
    inside = torch.sqrt(torch.clamp(camera + (1.0 - camera) * left * left, min=1e-12)) - left
    around = _mean(product - square, shares[1]) / torch.clamp(outer, min=1e-9)
    return inside, torch.clamp(-around, -RING_LIMIT, RING_LIMIT)


def wavelet_block(original: Tensor, changed: Tensor, weights: TextureWeights, noise: Tensor) -> Tensor:
    """Return the detail that the good picture has and the changed one should have kept.

    In each band the changed picture is regressed on the good one, k = ⟨c, c₀⟩ / ⟨c₀, c₀⟩ inside: what rendering left of
    the surface's texture. A share q = σ² / E of the band's energy is the camera's, not the surface's, and is there
    whatever happened to the surface, so √(q + (1 - q) k²) of the band should be left; the rest of it is given back,
    which carries grain, direction and the correlation of the noise with it. In the ring all of it should be left.

    Args:
        original: Luminance of the good picture (B, 1, H, W).
        changed: Luminance with the defect.
        weights: Where bands are read and changed, see :class:`TextureWeights`.
        noise: Standard deviation σ of the camera's noise, display units, (B, 1, 1, 1).

    Returns:
        Detail to add (B, 1, H, W), zero where nothing is missing.
    """
    details, _ = wavelet.forward(torch.cat((original, changed)), TEXTURE_LEVELS)
    shares = _share(weights.core), _share(weights.ring)
    extra = []
    for level, bands in enumerate(details):
        inside, around = _missing(bands, shares, noise)
        gain = weights.inside * inside
        if level < RING_LEVELS:
            gain = torch.addcmul(gain, weights.ring, around)
        half = original.shape[0]
        extra.append(wavelet.Bands(*(band[:half] * gain[:, k : k + 1] for k, band in enumerate(bands))))
    return wavelet.inverse(extra, None)


@dataclass(frozen=True, slots=True)
class Transition:
    """The change of a picture across its contour, read round every pixel.

    Attributes:
        width: Gaussian sigma, px, (B, 1, H, W).
        contrast: Share of the change that ends at the contour, 0 .. 1: 1 for a paste, 0 for a stain that runs on;
            (B, 1, H, W).
        defined: 1 where both could be read, else 0; (B, 1, H, W).
    """

    width: Tensor
    contrast: Tensor
    defined: Tensor


def _gathered(fields: Tensor) -> Tensor:
    """Return means (B, C, h, w) over 12 x 12 px round every fourth pixel, shrunk towards the mean of all."""
    pooled = nnf.avg_pool2d(fields, POOL, ceil_mode=True)
    whole = pooled.mean((2, 3), keepdim=True)
    return box_mean(pooled, 1).add(whole, alpha=WHOLE_CONTOUR)


def _spread(x: Tensor, size: torch.Size) -> Tensor:
    return nnf.interpolate(x, size=size[-2:], mode="bilinear", align_corners=False)


def transition(magnitude: Tensor, level: Tensor) -> Transition:
    """Return how the change ``magnitude`` falls at the contour.

    A step of height A seen through a Gaussian has the slope A / (σ √(2π)) at its contour; A is the difference between
    the means at -3 .. -1 px and 1 .. 3 px, the slope the mean of -∂|u|/∂n over |φ| < ½. Means are taken over squares of
    12 px: real rims are uneven.

    Args:
        magnitude: |u| (B, 1, H, W).
        level: Signed distance φ, px.
    """
    inner, outer, edge = (
        below(torch.abs(level + middle), half) for middle, half in ((2.0, 1.0), (-2.0, 1.0), (0.0, 0.5))
    )
    uy, ux = central_gradient(magnitude)
    ny, nx = central_gradient(level)
    slope = (uy * ny).addcmul_(ux, nx).mul_(edge)
    enough = torch.minimum(inner.sum((1, 2, 3), keepdim=True), edge.sum((1, 2, 3), keepdim=True)) > MIN_BAND_WEIGHT
    sums = _gathered(torch.cat((magnitude * inner, magnitude * outer, slope, inner, outer, edge), dim=1))
    inside, outside, fall = (sums[:, :3] / torch.clamp(sums[:, 3:], min=1e-6)).chunk(3, dim=1)
    height, fall = inside - outside, -fall
    defined = enough & (height > 1.0 / 255.0) & (fall > 1e-4)
    width = height / (torch.clamp(fall, min=1e-4) * math.sqrt(2.0 * math.pi))
    share = torch.clamp(height / torch.clamp(inside, min=1.0 / 255.0), 0.0, 1.0)
    found = torch.cat((width, share, defined.to(magnitude.dtype)), dim=1)
    return Transition(*_spread(found, magnitude.shape).chunk(3, dim=1))


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

    Too sharp: blended with its blur of 1 px by the missing variance. Too soft: unsharp masking, which stays within the
    least and the greatest change of the 3 x 3 neighbourhood, so that it draws no bright line beside a dark one.
    """
    expected = reading(target)
    missing = expected * expected - found.width * found.width
    share = torch.clamp(missing, -SHARPEN_LIMIT, 1.0) * (found.defined * edge_trust(found))
    blurred = gaussian_blur(change, gaussian_taps([1.0] * change.shape[0], change))
    near = torch.clamp(SYNERGY_BAND + 1.0 - torch.abs(level), 0.0, 1.0)
    least, greatest = local_range(change)
    matched = torch.addcmul(change, share * near, blurred - change)
    return torch.minimum(torch.maximum(matched, least), greatest) - change


def guided(field: Tensor, guide: Tensor) -> Tensor:
    """Return ``field`` p filtered under ``guide`` I, both (B, 1, H, W).

    q = a I + b with a = cov(I, p) / (var(I) + ε), b = mean(p) - a mean(I) over squares of side 2 GUIDE_RADIUS + 1 (He
    et al. 2013, doi 10.1109/TPAMI.2012.213, eqs. 5 and 6), with the coefficients of the pixel's own square.
    """
    means = box_mean(torch.cat((field, guide, field * guide, guide * guide), dim=1), GUIDE_RADIUS)
    mean_field, mean_guide, product, square = means.chunk(4, dim=1)
    covariance, spread = product - mean_field * mean_guide, square - mean_guide * mean_guide
    return torch.addcmul(mean_field, covariance / (spread + GUIDE_REGULARISATION), guide - mean_guide)


def boundary_synergy(change: Tensor, level: Tensor, target: Tensor, trust: Tensor) -> Tensor:
    """Return the shift of the level set (B, 1, H, W), px, that brings the contour to where the picture changes.

    c = |u| / A, the change relative to its mean inside, and a = Φ(-φ / σ): a' = guided(a | c), δφ = σ √(2π) (a - a').

    Args:
        change: Luminance of u (B, 1, H, W).
        level: φ, px.
        target: σ of the optics, px.
        trust: How far the contour is an optical one, 0 .. 1 (a relief seen by its shading has none).
    """
    magnitude = torch.abs(change)
    phase = normal_coverage(level, target)
    inside = below(level, -0.5)
    height = torch.clamp(masked_mean(magnitude, inside), min=1.0 / 255.0)
    relative = torch.clamp(magnitude / height, 0.0, 1.0)
    near = torch.clamp(SYNERGY_BAND + 0.5 - torch.abs(level), 0.0, 1.0) * trust
    moved = (phase - guided(phase, relative)) * (target * math.sqrt(2.0 * math.pi))
    return torch.clamp(moved, -MAX_SHIFT, MAX_SHIFT) * near

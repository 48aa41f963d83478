"""Small batched image operators in torch, all made of element-wise operations and shifts.

* :func:`gaussian_taps`, :func:`gaussian_blur`: separable blur with one sigma per sample.
* :func:`box_mean`: mean over a square.
* :func:`highest`, :func:`local_range`: least and greatest value of a neighbourhood.
* :func:`low_pass`: what is left of a picture beyond 8 px.
* :func:`central_gradient`, :func:`laplacian`: second-order finite differences.
* :func:`luminance`: weighted mean of the channels.
* :func:`above`, :func:`below`, :func:`at_least`: 1 where a map passes a limit, else 0.
* :func:`decode`, :func:`encode`: display code to linear light and back.
* :func:`normal_coverage`: coverage of a half plane seen through a Gaussian blur.
* :func:`masked_mean`, :func:`masked_peak`: per-sample figures under a weight.

Every operator works sample by sample, so its bits do not depend on the batch. Borders repeat the outermost pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
import torch.nn.functional as nnf
from torch import Tensor

from maphc2f.render.contrast import LUMINANCE_WEIGHTS

TRUNCATION = 2.5
"""Gaussian kernels end at this many sigmas."""

POOL = 4

PIXEL_VARIANCE = 1.0 / 12.0
"""Variance of a unit box: the aperture of one pixel, px²."""


@lru_cache(maxsize=256)
def _half_kernel(sigma: float) -> tuple[float, ...]:
    radius = math.ceil(TRUNCATION * sigma)
    half = [math.exp(-0.5 * (k / sigma) ** 2) if sigma > 0 else float(k == 0) for k in range(radius + 1)]
    total = half[0] + 2.0 * sum(half[1:])
    return tuple(value / total for value in half)


def gaussian_taps(sigmas: Sequence[float], like: Tensor) -> Tensor:
    """Return half kernels of unit sum, one per sample, shape (radius + 1, B, 1, 1, 1).

    They are computed in double precision on the host: transcendental functions of a short vector could otherwise
    take another code path for another batch size. A sigma of 0 gives the identity.
    """
    halves = [_half_kernel(float(sigma)) for sigma in sigmas]
    longest = max(len(half) for half in halves)
    rows = [half + (0.0,) * (longest - len(half)) for half in halves]
    taps = torch.tensor(rows, dtype=like.dtype, device=like.device)
    return taps.T.reshape(-1, len(rows), 1, 1, 1).contiguous()


def gaussian_blur(x: Tensor, taps: Tensor) -> Tensor:
    """Blur ``x`` (B, C, H, W) with the half kernels ``taps`` of :func:`gaussian_taps` along both axes."""
    single = taps.unbind()
    return _blur_axis(_blur_axis(x, single, -1), single, -2)


def _blur_axis(x: Tensor, taps: Sequence[Tensor], axis: int) -> Tensor:
    radius, length = len(taps) - 1, x.shape[axis]
    if radius == 0:
        return x * taps[0]
    padded = nnf.pad(x, (radius, radius, 0, 0) if axis == -1 else (0, 0, radius, radius), mode="replicate")
    out = x * taps[0]
    for k in range(1, radius + 1):
        pair = padded.narrow(axis, radius - k, length) + padded.narrow(axis, radius + k, length)
        out = out.addcmul_(pair, taps[k])
    return out


def box_mean(x: Tensor, radius: int) -> Tensor:
    """Return the mean of ``x`` (B, C, H, W) over squares of side 2 radius + 1."""
    height, width = x.shape[-2:]
    padded = nnf.pad(x, (radius, radius, radius, radius), mode="replicate")
    rows = padded.narrow(-2, 0, height) + padded.narrow(-2, 1, height)
    for k in range(2, 2 * radius + 1):
        rows = rows.add_(padded.narrow(-2, k, height))
    total = rows.narrow(-1, 0, width) + rows.narrow(-1, 1, width)
    for k in range(2, 2 * radius + 1):
        total = total.add_(rows.narrow(-1, k, width))
    return total.mul_(1.0 / (2 * radius + 1) ** 2)


def _extreme(x: Tensor, choose: Callable[[Tensor, Tensor], Tensor], axis: int) -> Tensor:
    length = x.shape[axis]
    pairs = choose(x.narrow(axis, 0, length - 1), x.narrow(axis, 1, length - 1))
    inner = choose(pairs.narrow(axis, 0, length - 2), pairs.narrow(axis, 1, length - 2))
    return torch.cat((pairs.narrow(axis, 0, 1), inner, pairs.narrow(axis, length - 2, 1)), dim=axis)


def highest(x: Tensor) -> Tensor:
    """Return the largest value of the 3 x 3 neighbourhood: pooling by 3, at a tenth of its cost."""
    return _extreme(_extreme(x, torch.maximum, -1), torch.maximum, -2)


def local_range(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the least and the greatest value of the 3 x 3 neighbourhood of each pixel of ``x`` (B, C, H, W)."""
    return _extreme(_extreme(x, torch.minimum, -1), torch.minimum, -2), highest(x)


def low_pass(x: Tensor) -> Tensor:
    """Return ``x`` (B, C, H, W) without structures finer than about 8 px: means over 4 x 4 px, smoothed, interpolated.

    Near a Gaussian of sigma 3 px, at a tenth of its cost.
    """
    pooled = nnf.avg_pool2d(x, POOL, ceil_mode=True)
    smooth = box_mean(pooled, 1)
    return nnf.interpolate(smooth, size=x.shape[-2:], mode="bilinear", align_corners=False)


def central_gradient(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return (∂x/∂row, ∂x/∂column) per pixel of ``x`` (B, C, H, W) by central differences."""
    padded = nnf.pad(x, (1, 1, 1, 1), mode="replicate")
    down = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    right = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    return down.mul_(0.5), right.mul_(0.5)


def laplacian(x: Tensor) -> Tensor:
    """Return the 5-point Laplacian of ``x`` (B, C, H, W) with zero flux through the border."""
    padded = nnf.pad(x, (1, 1, 1, 1), mode="replicate")
    neighbours = padded[..., 2:, 1:-1] + padded[..., :-2, 1:-1]
    return neighbours.add_(padded[..., 1:-1, 2:]).add_(padded[..., 1:-1, :-2]).add_(x, alpha=-4.0)


def luminance(x: Tensor) -> Tensor:
    """Return the luminance (B, 1, H, W) of ``x`` (B, C, H, W), C = 1 or 3."""
    if x.shape[1] == 1:
        return x
    red, green, blue = LUMINANCE_WEIGHTS
    return (x[:, 0:1] * red).add_(x[:, 1:2], alpha=green).add_(x[:, 2:3], alpha=blue)


def above(x: Tensor, limit: float | Tensor) -> Tensor:
    """Return 1 where ``x`` > ``limit``, else 0, in the type of ``x``: a third of the cost of a mask that is cast."""
    return x.clone().gt_(limit)


def below(x: Tensor, limit: float) -> Tensor:
    """Return 1 where ``x`` < ``limit``, else 0, in the type of ``x``."""
    return x.clone().lt_(limit)


def at_least(x: Tensor, limit: float) -> Tensor:
    """Return 1 where ``x`` >= ``limit``, else 0, in the type of ``x``."""
    return x.clone().ge_(limit)


def decode(code: Tensor) -> Tensor:
    """Return linear light of display codes: L = I².

    Gamma 2 stays within 3 % of full scale of the sRGB curve (IEC 61966-2-1), and square and square root are correctly
    rounded by IEEE 754, so that other processors give the same bits.
    """
    return code * code


def encode(light: Tensor) -> Tensor:
    """Return display codes of linear light: I = √L, with L floored at 0 (at 1e-12, which keeps the gradient finite)."""
    return torch.sqrt(torch.clamp(light, min=1e-12))


def normal_coverage(signed_distance: Tensor, sigma: Tensor) -> Tensor:
    """Return Φ(-d / σ): the share of a blurred half plane {d < 0} seen at signed distance d, both px."""
    return 0.5 - 0.5 * torch.erf(signed_distance / (sigma * math.sqrt(2.0)))


def masked_mean(x: Tensor, weight: Tensor) -> Tensor:
    """Return Σ w x / Σ w per sample, (B, 1, 1, 1); 0 where the weight vanishes. ``x`` and ``weight`` (B, 1, H, W)."""
    total = weight.sum((1, 2, 3), keepdim=True)
    return (x * weight).sum((1, 2, 3), keepdim=True) / torch.clamp(total, min=1e-6)


def masked_peak(x: Tensor, weight: Tensor) -> Tensor:
    """Return (Σ w x⁴ / Σ w)^¼ per sample, (B, 1, 1, 1): a peak amplitude that no single pixel decides."""
    square = x * x
    return torch.sqrt(torch.sqrt(masked_mean(square * square, weight)))

"""Undecimated (stationary) wavelet transform with db2, forward and inverse, in torch.

* :func:`forward`: picture to detail bands and approximation.
* :func:`inverse`: the exact inverse.
* :class:`Bands`: the three detail bands of a level.

The à trous scheme (Holschneider et al. 1989): level j filters with taps 2^j apart. The border is periodic, as in
PyWavelets' ``swt2``, whose coefficients (order, sign and position) these are.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

LEVELS = 3

_S3 = math.sqrt(3.0)
LOWPASS: tuple[float, ...] = tuple(v / (4.0 * math.sqrt(2.0)) for v in (1.0 - _S3, 3.0 - _S3, 3.0 + _S3, 1.0 + _S3))
"""db2 decomposition low-pass (Daubechies 1988, doi 10.1002/cpa.3160410705, N = 2), in convolution order."""

HIGHPASS: tuple[float, ...] = (-LOWPASS[3], LOWPASS[2], -LOWPASS[1], LOWPASS[0])
"""Its quadrature mirror."""


class Bands(NamedTuple):
    """Detail bands of one level, (B, C, H, W) each: high-pass along the axis named."""

    rows: Tensor
    columns: Tensor
    diagonal: Tensor


def _taps(like: Tensor) -> Tensor:
    """Return the two filters as (4, 2)."""
    return torch.tensor((LOWPASS, HIGHPASS), dtype=like.dtype, device=like.device).T.contiguous()


def _pair(x: Tensor, taps: Tensor, dilation: int, axis: int) -> Tensor:
    """Return y[f, n] = Σ_k taps[k, f] x[n + (2 - k) · dilation] along ``axis``, periodic, (2, ...)."""
    length, before, after = x.shape[axis], dilation, 2 * dilation
    padded = torch.cat((x.narrow(axis, length - before, before), x, x.narrow(axis, 0, after)), dim=axis)
    # Both filters at once: on small windows the number of calls is what costs.
    both = taps.reshape(4, 2, *(1,) * x.dim()).unbind()
    out = padded.narrow(axis, 3 * dilation, length) * both[0]
    for k in range(1, 4):
        out = out.addcmul_(padded.narrow(axis, (3 - k) * dilation, length), both[k])
    return out


def _adjoint(low: Tensor, high: Tensor, dilation: int, axis: int) -> Tensor:
    """Return the transpose of :func:`_pair`: y[n] = Σ_k L[k] low[n - (2 - k) · dilation] + H[k] high[...]."""
    length, before, after = low.shape[axis], 2 * dilation, dilation
    terms = []
    for x, taps in ((low, LOWPASS), (high, HIGHPASS)):
        padded = torch.cat((x.narrow(axis, length - before, before), x, x.narrow(axis, 0, after)), dim=axis)
        terms += [(padded.narrow(axis, k * dilation, length), taps[k]) for k in range(4)]
    out = terms[0][0] * terms[0][1]
    for part, tap in terms[1:]:
        out = out.add_(part, alpha=tap)
    return out


def forward(x: Tensor, levels: int = LEVELS) -> tuple[list[Bands], Tensor]:
    """Return the detail bands, finest first, and the approximation of ``x`` (B, C, H, W).

    Height and width must exceed 2^(levels + 1), the reach of the coarsest filter.

    Raises:
        ValueError: The picture is smaller than the filters.
    """
    if min(x.shape[-2:]) <= 2 ** (levels + 1):
        msg = f"{levels} levels need more than {2 ** (levels + 1)} px, got {tuple(x.shape[-2:])}"
        raise ValueError(msg)
    details, approximation, taps = [], x, _taps(x)
    for j in range(levels):
        quarters = _pair(_pair(approximation, taps, 2**j, -2), taps, 2**j, -1)
        (approximation, rows), (columns, diagonal) = (half.unbind() for half in quarters.unbind())
        details.append(Bands(rows, columns, diagonal))
    return details, approximation


def inverse(details: list[Bands], approximation: Tensor | None) -> Tensor:
    """Return the picture of ``details`` (finest first) and ``approximation`` (None: nothing).

    For an orthogonal filter pair ½ (HᵀH + GᵀG) = 1 along each axis, so the transpose over 4 inverts a level exactly.
    """
    x = torch.zeros_like(details[-1].rows) if approximation is None else approximation
    for j in reversed(range(len(details))):
        step, bands = 2**j, details[j]
        low, high = torch.stack((x, bands.rows)), torch.stack((bands.columns, bands.diagonal))
        halves = _adjoint(low, high, step, -1)
        x = _adjoint(halves[0], halves[1], step, -2).mul_(0.25)
    return x

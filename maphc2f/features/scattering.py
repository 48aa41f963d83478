"""Weight-free features: a wavelet scattering transform, so that nothing stops where no weights are installed.

* :class:`ScatteringNetwork` is the transform; :func:`open_backbone` opens it.
* :func:`morlet_bank` makes the wavelets, :func:`binomial` the low-pass.

J. Bruna and S. Mallat, "Invariant scattering convolution networks", IEEE TPAMI 35 (2013) 1872, doi
10.1109/TPAMI.2012.230: moduli of wavelet coefficients, and moduli of wavelet coefficients of those, averaged. Here as a
cascade: picture and moduli are halved octave by octave, and one bank of small Morlet filters serves all of them.
With x_j the picture at octave j, ψ_θ the wavelets, φ the low-pass and ↓ halving:

    U1_j(θ) = |x_j ⋆ ψ_θ|,    U2_j(θ, θ') = |↓φU1_j(θ) ⋆ ψ_θ'|,

    map_j = ( ↓φx_j, log(ε + ↓φU1_j), log(ε + U2_j) )    at stride 2^(j + 1).
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from maphc2f.errors import UserError
from maphc2f.features.base import WHERE, Backbone, frozen

VERSION = "scattering-1"
"""Raised with every change of a feature's value."""

OCTAVES = 4
ORIENTATIONS = 6
SIDE = 7
CENTRE_FREQUENCY = 0.75 * math.pi
ENVELOPE = 1.0
"""Standard deviation of the wavelet's Gaussian across its waves, px of its octave."""

SLANT = 0.6
"""Of that along the waves: the envelope is 1 / SLANT times longer there."""

FLOOR = 1.0 / 255.0
"""ε: one gray level. Weaker oscillation is noise of an 8-bit picture."""

OPPONENT = ((1 / 3, 1 / 3, 1 / 3), (1.0, -0.5, -0.5), (0.0, 1.0, -1.0))
"""Rows: luminance, red against cyan, green against blue."""


def morlet_bank(side: int = SIDE, orientations: int = ORIENTATIONS) -> Tensor:
    """Return Morlet wavelets (2 · orientations, 1, side, side), real parts first, then imaginary.

    ψ_θ(u) = g(u) (exp(i ξ u·e_θ) - κ) with g a Gaussian, ξ the centre frequency and κ such that the sum is zero. Each
    is scaled to Σ|ψ| = 1, so that moduli are of the size of gray-level steps.
    """
    reach = side // 2
    y, x = torch.meshgrid(*(torch.arange(-reach, reach + 1, dtype=torch.float64),) * 2, indexing="ij")
    filters = []
    for k in range(orientations):
        angle = math.pi * k / orientations
        across = x * math.cos(angle) + y * math.sin(angle)
        along = y * math.cos(angle) - x * math.sin(angle)
        envelope = torch.exp(-(across**2 + (SLANT * along) ** 2) / (2 * ENVELOPE**2))
        wave = torch.exp(1j * CENTRE_FREQUENCY * across)
        offset = (envelope * wave).sum() / envelope.sum()
        wavelet = envelope * (wave - offset)
        filters.append(wavelet / wavelet.abs().sum())
    bank = torch.stack(filters)
    return torch.cat([bank.real, bank.imag])[:, None].to(torch.float32)


def binomial() -> Tensor:
    """Return the low-pass (1, 1, 4, 4): the outer product of (1, 3, 3, 1) / 8, whose centre lies between points."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8.0
    return torch.outer(row, row)[None, None]


def _padded(x: Tensor, before: int, after: int) -> Tensor:
    return functional.pad(x, (before, after, before, after), mode="replicate")


class ScatteringNetwork(nn.Module):
    """Scattering of order two at :data:`OCTAVES` octaves."""

    wavelets: Tensor
    lowpass: Tensor
    opponent: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("wavelets", morlet_bank())
        self.register_buffer("lowpass", binomial())
        self.register_buffer("opponent", torch.tensor(OPPONENT)[:, :, None, None])

    def _halve(self, x: Tensor) -> Tensor:
        """Return the low-passed x (B, C, h, w) at every second point, (B, C, ceil(h / 2), ceil(w / 2))."""
        batch, channels, height, width = x.shape
        single = x.reshape(batch * channels, 1, height, width)
        odd = functional.pad(_padded(single, 1, 1), (0, width % 2, 0, height % 2), mode="replicate")
        out = functional.conv2d(odd, self.lowpass, stride=2)
        return out.reshape(batch, channels, *out.shape[2:])

    def _modulus(self, x: Tensor) -> Tensor:
        """Return |x ⋆ ψ_θ| for all channels of x (B, C, h, w) and orientations, (B, C · orientations, h, w)."""
        batch, channels, height, width = x.shape
        single = _padded(x.reshape(batch * channels, 1, height, width), SIDE // 2, SIDE // 2)
        real, imaginary = functional.conv2d(single, self.wavelets).chunk(2, dim=1)
        # Not hypot: its gradient and its speed are no concern here, its sum of squares is exact enough for 8 bits.
        return torch.sqrt(real**2 + imaginary**2).reshape(batch, -1, height, width)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the maps of a picture (B, 3, H, W) in [0, 1]."""
        octave, maps = functional.conv2d(x, self.opponent), []
        for _ in range(OCTAVES):
            first = self._halve(self._modulus(octave))
            second = self._modulus(first[:, :ORIENTATIONS])
            octave = self._halve(octave)
            maps.append(torch.cat([octave, torch.log(FLOOR + first), torch.log(FLOOR + second)], dim=1))
        return maps


def _unchanged(images: Tensor) -> Tensor:
    return images


def open_backbone(name: str, weights: Path | None) -> Backbone:
    """Return the transform.

    Raises:
        UserError: Weights were given; it has none.
    """
    if weights is not None:
        raise UserError(
            f"weights ({weights}) were given", where=WHERE, rule="scattering has none", remedy="leave the weights out"
        )
    strides = tuple(2 ** (octave + 1) for octave in range(OCTAVES))
    channels = (3 + 3 * ORIENTATIONS + ORIENTATIONS**2,) * OCTAVES
    return Backbone(name, VERSION, strides, channels, frozen(ScatteringNetwork()), _unchanged)

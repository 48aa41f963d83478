"""Attacked metal: what is seen inside a pit, where the surface itself is gone.

* :func:`facets`: light on the facets that dissolution and spalling leave, with bright flecks.
* :func:`deepen`: colour of light that was reflected several times in a rough hollow, and of thin product in it.

Pure functions on (B, C, H, W). Where nothing is attacked both return exactly 1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as nnf
from torch import Tensor

from maphc2f.render.batch import WindowBatch
from maphc2f.render.operators import central_gradient, encode, luminance, masked_mean

FACET_SIZES = ((3.6, 2.0), (9.0, 5.5))
"""Length along the working direction and breadth across it of fine and of coarse facets, px."""

FACET_SHARES = (0.5, 0.85)
"""Standard deviations of their light."""

FLECK_ONSET = 0.9
"""Facets lit by more than this many standard deviations mirror the lamp."""

FLECK_GAIN = 1.6
FACET_LIMITS = (-1.6, 3.5)
"""Light on facets, standard deviations: shadows in hollows, mirrored light."""

RATIO_LIMITS = (0.3, 2.2)
BOUNCES = 1.2
"""Further reflections in a black hollow: the colour of a surface deepens by its own chromaticity with each."""

COLOUR_LIMITS = (0.6, 1.5)


def stretched(noise: Tensor, axis: tuple[Tensor, Tensor], length: float, breadth: float) -> Tensor:
    """Return white ``noise`` (B, 1, H, W) drawn out to cells of ``length`` px along ``axis`` and ``breadth`` across.

    The noise is read at (v / breadth, u / length) for the coordinates u along and v across the axis; reading between
    pixels averages, which takes 4/9 of the variance in two directions, and is divided out.

    Args:
        noise: Standard normal draws.
        axis: Unit vector (y, x), (B, 1, 1, 1) each.
        length: px.
        breadth: px.
    """
    height, width = noise.shape[-2:]
    rows = torch.arange(height, dtype=noise.dtype, device=noise.device).reshape(1, -1, 1) - 0.5 * (height - 1)
    columns = torch.arange(width, dtype=noise.dtype, device=noise.device).reshape(1, 1, -1) - 0.5 * (width - 1)
    axis_y, axis_x = axis[0][:, 0], axis[1][:, 0]
    along = (columns * axis_x + rows * axis_y) * (1.0 / length)
    across = (rows * axis_x - columns * axis_y) * (1.0 / breadth)
    grid = torch.stack((along * (2.0 / width), across * (2.0 / height)), dim=-1)
    drawn = nnf.grid_sample(noise, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return 1.5 * drawn


def facets(batch: WindowBatch, weight: Tensor, level: Tensor, amplitude: Tensor) -> Tensor:
    """Return light on the facets inside as a factor on display codes, (B, 1, H, W).

    A facet that leans by s towards the light is lit by s, in units of its own spread over the attacked metal; from
    FLECK_ONSET on it mirrors the lamp: t = s + g max(s - s₀, 0). The factor is 1 + e f (A / I) t with the share of the
    amplitude f = ``facets``, the exposure e and the level I.

    Args:
        batch: The windows.
        weight: Exposure e of attacked metal, in [0, 1].
        level: Luminance of the surface there, (B, 1, 1, 1).
        amplitude: A, (B, 1, 1, 1).
    """
    scalars = batch.scalars
    axis = scalars.frame_y, scalars.frame_x
    lit = torch.zeros_like(weight)
    for (length, breadth), share in zip(FACET_SIZES, FACET_SHARES, strict=True):
        ridged = torch.abs(stretched(batch.noise[:, :1], axis, length, breadth))
        down, right = central_gradient(ridged)
        lean = -(down * scalars.light_y + right * scalars.light_x)
        spread = torch.sqrt(torch.clamp(masked_mean(lean * lean, weight), min=1e-6))
        lit = lit + (share / spread) * lean
    lit = lit + FLECK_GAIN * torch.clamp(lit - FLECK_ONSET, min=0.0)
    strength = scalars.facets * amplitude / level
    return torch.clamp(1.0 + strength * weight * torch.clamp(lit, *FACET_LIMITS), *RATIO_LIMITS)


def deepen(batch: WindowBatch, surface: Tensor, gray: Tensor, darker: Tensor) -> Tensor:
    """Return the change of colour of darkened metal as a factor on display codes, (B, C, H, W).

    Light leaves a hollow after more reflections than a smooth surface, and each multiplies it by the metal's own
    chromaticity c = I / Y: to first order 1 + n (c - 1), with n = BOUNCES times the share of light that is lost. Thin
    product in the hollow adds ``tint`` times its own chromaticity in the same way. Gray pictures have none.

    Args:
        batch: The windows.
        surface: Picture of the surface without its texture, (B, C, H, W).
        gray: Its luminance, (B, 1, H, W).
        darker: Share of the display value that is lost, (B, 1, H, W), in [0, 1].
    """
    product = encode(batch.scalars.product_thin_colour)
    tint = batch.scalars.tint * (product / torch.clamp(luminance(product), min=0.02) - 1.0)
    own = surface * (BOUNCES * darker / torch.clamp(gray, min=0.02)) - BOUNCES * darker
    return own.addcmul(darker, tint).add_(1.0).clamp_(*COLOUR_LIMITS)

"""Attacked metal: what is seen inside a pit, where the surface itself is gone.

* :func:`stretched`, :func:`bend`, :func:`tiles`: random cells along the working direction.
* :func:`facets`: light on the plane facets that dissolution and spalling leave, with bright flecks.
* :func:`wall`: the dark line at the foot of the wall around a pit.
* :func:`deepen`: colour of light that was reflected several times in a rough hollow, and of thin product in it.

Pure functions on (B, C, H, W). Where nothing is attacked all return exactly 1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as nnf
from torch import Tensor

from maphc2f.render.batch import WindowBatch
from maphc2f.render.line import patchy_noise
from maphc2f.render.operators import encode, luminance

FACET_SIZES = ((3.0, 4.5), (5.5, 9.0))
"""Length along the working direction and breadth across it of fine and of coarse facets, px."""

FACET_SHARES = (0.6, 0.8)
"""Standard deviations of their light."""

FACET_STEP = 2
"""Spacing of the grid that they are drawn on, px."""

BEND, BEND_LENGTH = 2.2, 4
"""Movements that make tiles polygons, standard deviation, px, and the points of that grid over which they vary."""

WALL_PLACE, WALL_REACH = -0.5, 1.6
"""Signed distance to the rim at which the foot of a wall is darkest, and how far from there it is seen, px."""

WALL_UNEVEN = 0.5
"""Its relative variation along the rim."""

FLECK_ONSET = 0.9
"""Facets lit by more than this many standard deviations mirror the lamp."""

FLECK_GAIN = 1.0
FACET_LIMITS = (-1.6, 2.6)
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


def bend(noise: Tensor, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return movements (y, x) of about BEND px that vary over BEND_LENGTH points of a grid, (B, h, w) each.

    They are read from two patches of ``noise`` (B, 1, H, W), smoothly enlarged to the ``shape`` (h, w) of that grid.
    """
    rows, columns = (-(-side // BEND_LENGTH) for side in shape)
    patches = torch.cat((noise[:, :, :rows, :columns], noise[:, :, -rows:, -columns:]), dim=1)
    moved = BEND * nnf.interpolate(patches, size=shape, mode="bilinear", align_corners=False)
    return moved[:, 0], moved[:, 1]


def tiles(
    noise: Tensor, axis: tuple[Tensor, Tensor], moved: tuple[Tensor, Tensor], length: float, breadth: float
) -> Tensor:
    """Return one draw of white ``noise`` (B, 1, H, W) a tile on a grid of FACET_STEP px, (B, 1, h, w).

    Args:
        noise: Standard normal draws.
        axis: Unit vector (y, x), (B, 1, 1, 1) each.
        moved: Movements (y, x) that make straight tiles polygons, px, (B, h, w) each.
        length: Of a tile along the axis, px.
        breadth: Across it, px.
    """
    height, width = moved[0].shape[-2:]
    rows = FACET_STEP * (torch.arange(height, dtype=noise.dtype, device=noise.device) - 0.5 * (height - 1))
    columns = FACET_STEP * (torch.arange(width, dtype=noise.dtype, device=noise.device) - 0.5 * (width - 1))
    y, x = rows.reshape(1, -1, 1) + moved[0], columns.reshape(1, 1, -1) + moved[1]
    axis_y, axis_x = axis[0][:, 0], axis[1][:, 0]
    along = (x * axis_x + y * axis_y) * (2.0 / (noise.shape[-1] * length))
    across = (y * axis_x - x * axis_y) * (2.0 / (noise.shape[-2] * breadth))
    grid = torch.stack((along, across), dim=-1)
    return nnf.grid_sample(noise, grid, mode="nearest", padding_mode="reflection", align_corners=False)


def facets(batch: WindowBatch, weight: Tensor, level: Tensor, amplitude: Tensor) -> Tensor:
    """Return light on the facets inside as a factor on display codes, (B, 1, H, W).

    A facet is plane, so it is lit evenly: by s, its lean towards the light in standard deviations of all leans; from
    FLECK_ONSET on it mirrors the lamp: t = s + g max(s - s₀, 0). Small facets lie on large ones. The factor is
    1 + e f (A / I) t with the share of the amplitude f = ``facets``, the exposure e and the level I.

    Args:
        batch: The windows.
        weight: Exposure e of attacked metal, in [0, 1].
        level: Luminance of the surface there, (B, 1, 1, 1).
        amplitude: A, (B, 1, 1, 1).
    """
    scalars = batch.scalars
    axis, noise = (scalars.frame_y, scalars.frame_x), batch.noise[:, :1]
    height, width = weight.shape[-2:]
    moved = bend(noise, (-(-height // FACET_STEP), -(-width // FACET_STEP)))
    fine, coarse = (tiles(noise, axis, moved, length, breadth) for length, breadth in FACET_SIZES)
    lit = FACET_SHARES[0] * fine + FACET_SHARES[1] * coarse
    lit = torch.clamp(lit + FLECK_GAIN * torch.clamp(lit - FLECK_ONSET, min=0.0), *FACET_LIMITS)
    # Between the points of the grid light is blurred as much as the edges of facets are.
    lit = nnf.interpolate(lit, size=(height, width), mode="bilinear", align_corners=False)
    return torch.clamp(1.0 + (scalars.facets * amplitude / level) * weight * lit, *RATIO_LIMITS)


def wall(batch: WindowBatch, level: Tensor, amplitude: Tensor) -> Tensor:
    """Return the dark foot of the wall around a pit as a factor on display codes, (B, 1, H, W).

    The wall is too steep to be resolved: what is seen of it is a line that gets little light, 1 - w (A / I) b
    with w = ``rim_shadow`` and b = max(1 - ((d - d₀) / r)², 0)² at the signed distance d, uneven along the rim.

    Args:
        batch: The windows.
        level: Luminance I of the surface there, (B, 1, 1, 1).
        amplitude: A, (B, 1, 1, 1).
    """
    near = torch.clamp(1.0 - ((batch.distance - WALL_PLACE) * (1.0 / WALL_REACH)) ** 2, min=0.0)
    uneven = torch.clamp(1.0 + WALL_UNEVEN * patchy_noise(batch.noise[:, :1]), 0.0, 2.0)
    return torch.clamp(1.0 - (batch.scalars.rim_shadow * amplitude / level) * (near * near * uneven), *RATIO_LIMITS)


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

"""Holes that a crack joins: dark, one side of their wall lit.

* :func:`hole_coverage`: the share of each pixel that looks into a hole.
* :func:`darken_holes`: linear light with the holes in it.

Placement marks a hole by distance 0 to the centreline over its whole disc (:mod:`maphc2f.render.place`); the centreline
of a crack meets 0 at single pixels only. All functions are pure and work on (B, C, H, W).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as nnf

from maphc2f.render.batch import WindowBatch
from maphc2f.render.operators import central_gradient, decode, gaussian_blur, gaussian_taps

BOTTOM = 0.06
"""Share of the surface's light that comes back from the depth of a hole."""

WALL = 0.45
"""Share that comes back from the upper wall where it faces the light, for faces as bright as the surface."""

WALL_WIDTH = 1.6
"""Width of the lit wall (sigma), px: what is seen of it from above."""

OPTICS = 0.7
"""Softness of the rim (sigma), px."""

LEAST_SIDE = 3
"""Parts of distance 0 narrower than this are centrelines, px."""


def hole_coverage(distance: Tensor) -> Tensor:
    """Return the share of hole in each pixel, (B, 1, H, W), in [0, 1]; exactly 0 where there is none."""
    hollow = (distance <= 0).to(distance.dtype)
    radius = LEAST_SIDE // 2
    core = -nnf.max_pool2d(-hollow, LEAST_SIDE, stride=1, padding=radius)
    opened = nnf.max_pool2d(core, LEAST_SIDE, stride=1, padding=radius)
    return _blurred(opened, OPTICS)


def _blurred(x: Tensor, sigma: float) -> Tensor:
    return gaussian_blur(x, gaussian_taps([sigma] * x.shape[0], x))


def darken_holes(batch: WindowBatch, light: Tensor) -> Tensor:
    """Return linear ``light`` (B, C, H, W) with holes: L' = L (1 - α) + α L_s (b + w r).

    α is the coverage, L_s the good picture's light, b = BOTTOM, and r in [0, 1] how far the wall near the rim faces
    the light: its normal points to the hole's middle, along ∇α of the coverage blurred by WALL_WIDTH. Without holes the
    light comes back as it is, to the bit, whatever the other samples of the batch have.
    """
    if not bool((batch.distance <= 0).any()):
        return light
    scalars = batch.scalars
    coverage = hole_coverage(batch.distance)
    down, right = central_gradient(_blurred(coverage, WALL_WIDTH))
    steepness = torch.sqrt(down * down + right * right)
    facing = (down * scalars.light_y + right * scalars.light_x) / torch.clamp(steepness, min=1e-6)
    # A step blurred by sigma is steepest at its rim, with slope 1 / (sigma √(2π)).
    near = torch.clamp(steepness * (WALL_WIDTH * math.sqrt(2.0 * math.pi)), max=1.0)
    wall = WALL * torch.clamp(scalars.fracture_brightness, max=1.0) * torch.clamp(facing, min=0.0) * near
    inside = decode(batch.picture) * (BOTTOM + wall)
    return light * (1.0 - coverage) + coverage * inside

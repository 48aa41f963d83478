"""Where a picture-level family takes its layer from, and the rectangles that two of them cut.

* :class:`Layer` says it; :func:`layer_of` asks a family.
* :class:`Rectangle` is a patch in the frame of a defect; :func:`rectangle_snapshot` draws it on a grid.
* :func:`parameter_range`, :func:`stage_position`: what the families share in their draws.

A picture-level family has no physics: its simulation gives a region and the numbers of the method, and the change of
the picture comes from a layer that the generator paints: a texture, the same picture elsewhere, or another good one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from maphc2f.sample import DefectFamily, Float32, SimulationRequest, Snapshot, UInt8

LayerSource = Literal["texture", "same_picture", "other_picture"]

FIRST_STAGE = 0.4
"""Size of the first stage over that of the last, as in the generator's plan."""

GRID = 384
"""Most cells along a patch."""

MARGIN = 4
"""Cells round it."""

THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Layer:
    """Where the layer of a picture-level family comes from.

    Attributes:
        source: A texture, the picture itself at another place, or another good picture of the category and split.
        augment: For textures: what is done to one, uint8 RGB (H, W, 3) to the same.
        poisson: Whether the layer's gradients are blended in, not its values; the mask is then where a change is seen.
    """

    source: LayerSource
    augment: Callable[[UInt8, np.random.Generator], UInt8] | None = None
    poisson: bool = False


def layer_of(family: DefectFamily) -> Layer | None:
    """Return the layer of a picture-level family, its attribute ``layer``; None for physics, which has no such one."""
    layer: Layer | None = getattr(family, "layer", None)
    return layer


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A patch round the anchor.

    Attributes:
        height: Along the frame's y axis before it is turned, m.
        width: Along the x axis, m.
        rotation: By which it is turned from the x towards the y axis (clockwise as seen), rad.
    """

    height: float
    width: float
    rotation: float = 0.0


def rectangle_snapshot(patch: Rectangle, size: float, pixel_size: float) -> Snapshot:
    """Return a patch as a snapshot.

    Its extent is a ramp one cell wide over the rim, clip(½ - d / h, 0, 1), with the signed distance
    d = max(|x'| - w / 2, |y'| - h / 2).

    Args:
        patch: The rectangle.
        size: Size reached, m.
        pixel_size: Cells are no finer, m.
    """
    c, s = math.cos(patch.rotation), math.sin(patch.rotation)
    reach_y = 0.5 * (patch.height * abs(c) + patch.width * abs(s))
    reach_x = 0.5 * (patch.height * abs(s) + patch.width * abs(c))
    # A scar of two pixels needs cells of half a pixel, or its area would depend on where they lie.
    spacing = max(0.5 * pixel_size, 2 * max(reach_y, reach_x) / GRID)
    y, x = (spacing * np.arange(-n, n + 1) for n in (math.ceil(r / spacing) + MARGIN for r in (reach_y, reach_x)))
    across = np.abs(c * y[:, None] - s * x[None, :]) - 0.5 * patch.height
    along = np.abs(s * y[:, None] + c * x[None, :]) - 0.5 * patch.width
    extent: Float32 = np.clip(0.5 - np.maximum(across, along) / spacing, 0, 1).astype(np.float32)
    return Snapshot(
        size=size,
        spacing=spacing,
        origin=(float(y[0]), float(x[0])),
        extent=extent,
        threshold=THRESHOLD,
        measures={"width": min(patch.height, patch.width), "length": max(patch.height, patch.width)},
    )


def parameter_range(
    request: SimulationRequest, name: str, default: tuple[float, float] | None = None
) -> tuple[float, float]:
    """Return the range of parameter ``name``: what the request asks for, else ``default``.

    Raises:
        KeyError: Neither is given.
    """
    if name in request.parameters:
        low, high = request.parameters[name]
        return float(low), float(high)
    if default is None:
        raise KeyError(name)
    return default


def stage_position(reached: float) -> float:
    """Return where in its range a growing quantity stands: 0 at the first stage (0.4), 1 at the last, linear between.

    One snapshot is taken at a stage that is uniform in 0.4 .. 1, so the position is uniform in 0 .. 1, and the
    quantity is uniform over its range, as the methods draw it; stages of one draw spread evenly over it.

    Args:
        reached: Size reached over the field of view, above 0. Smaller ones than 0.4 give negative positions.
    """
    return (reached - FIRST_STAGE) / (1.0 - FIRST_STAGE)


def grown(limits: tuple[float, float], reached: float) -> float:
    """Return the value in ``limits`` at a stage; below the first stage it goes to zero in proportion."""
    low, high = limits
    if reached < FIRST_STAGE:
        return low * reached / FIRST_STAGE
    return low + (high - low) * min(stage_position(reached), 1.0)

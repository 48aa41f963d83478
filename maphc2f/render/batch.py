"""Windows of equal shape, stacked into tensors.

* :class:`Scalars`: the numbers of each sample, (B, 1, 1, 1).
* :class:`WindowBatch`: the maps of each sample, (B, C, H, W).
* :func:`target_amplitude`, :func:`amplitude_floor`: contrast that a defect should reach.
* :func:`stack`: list of :class:`~maphc2f.render.window.WindowInputs` to batch.
* :func:`group_key`: windows with equal keys may share a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from maphc2f.render.operators import LUMINANCE_WEIGHTS
from maphc2f.render.window import WindowInputs
from maphc2f.sample import Float32

GRAY_FLOOR = 5.0 / 255.0
"""Least contrast of a rendered defect, display units: below it labels teach that stains are defects."""

NOISE_FLOOR = 5.0
"""Least contrast over the sensor noise: 2.5 times the threshold of 2 sigma at which a change counts as visible."""


MAX_AMPLITUDE = 0.4
"""Most contrast that a coarsely structured picture can ask for, display units: beyond it defects look painted."""


@dataclass(frozen=True, slots=True)
class Scalars:
    """Numbers of each sample as tensors (B, 1, 1, 1), except ``product_colour`` (B, C, 1, 1).

    Attributes:
        pixel_size: m.
        noise: Sensor noise, display units.
        light_y, light_x, light_z: Unit vector towards the light.
        ambient: Share of ambient light.
        local_std: Display units.
        mean_luminance: Mean of the picture inside the foreground, display units.
        amplitude: Target change of the strongest part, display units, with its floors applied.
        floor: Least such change, display units.
        polarity: -1 dark, +1 bright.
        edge_width: Mouth of a crack, m.
        roughness, gloss_loss, lip, relief_gain, albedo_share: See :class:`~maphc2f.render.window.Appearance`.
        product_colour: Linear reflectance of thick product.
        opacity: Of the overlay.
    """

    pixel_size: Tensor
    noise: Tensor
    light_y: Tensor
    light_x: Tensor
    light_z: Tensor
    ambient: Tensor
    local_std: Tensor
    mean_luminance: Tensor
    amplitude: Tensor
    floor: Tensor
    polarity: Tensor
    edge_width: Tensor
    roughness: Tensor
    gloss_loss: Tensor
    lip: Tensor
    relief_gain: Tensor
    albedo_share: Tensor
    product_colour: Tensor
    opacity: Tensor


@dataclass(frozen=True, slots=True)
class WindowBatch:
    """Stacked windows: float tensors (B, 1, H, W) unless said, one kind of defect.

    Attributes:
        picture: Good pictures (B, C, H, W), display codes in [0, 1].
        allowed: Support times foreground, in [0, 1]: the factor of every change.
        noise: Standard normal draws (B, C, H, W).
        distance, opening, arclength, extent, depth, product: As in :class:`~maphc2f.sample.PlacedFields`.
        displacement: (B, 2, H, W) as (y, x), px, or None if no sample has any.
        overlay: (B, C, H, W) or None.
        is_line: Whether the defects are lines.
        psf_sigma, edge_sigma: px, one a sample.
        scalars: See :class:`Scalars`.
    """

    picture: Tensor
    allowed: Tensor
    noise: Tensor
    distance: Tensor
    opening: Tensor
    arclength: Tensor
    extent: Tensor
    depth: Tensor
    product: Tensor
    displacement: Tensor | None
    overlay: Tensor | None
    is_line: bool
    psf_sigma: tuple[float, ...]
    edge_sigma: tuple[float, ...]
    scalars: Scalars


def group_key(window: WindowInputs) -> tuple[bool, bool, bool, bool]:
    """Return what must be equal within a batch besides the shape: line or region, overlay or rendered, stained, moved.

    A stain or a warp of nothing changes the last bit of a picture, so no sample may get one for its neighbours' sake.
    """
    fields = window.fields
    stained, moved = bool((fields.product > 0).any()), bool(fields.displacement.any())
    return fields.is_line, window.overlay is not None, stained, moved


def amplitude_floor(window: WindowInputs) -> float:
    """Return the least change of a defect's strongest part: the larger of 5 gray levels and 5 sigma of the noise.

    It is 2.5 times the threshold max(2/255, 2 sigma) from which a change counts, so that tapering parts pass it too.
    """
    return max(GRAY_FLOOR, NOISE_FLOOR * window.statistics.noise)


def target_amplitude(window: WindowInputs) -> float:
    """Return the change that the strongest part of the defect should reach, display units.

    A = max(min(contrast · local_std, MAX_AMPLITUDE), floor).
    """
    wanted = window.appearance.contrast * window.statistics.local_std
    return max(min(wanted, MAX_AMPLITUDE), amplitude_floor(window))


def mean_luminance(mean: Sequence[float]) -> float:
    """Return the luminance of a mean colour, display units."""
    if len(mean) == 1:
        return float(mean[0])
    return float(sum(weight * value for weight, value in zip(LUMINANCE_WEIGHTS, mean, strict=True)))


def _scalars(windows: Sequence[WindowInputs], dtype: torch.dtype) -> Scalars:
    def column(get: Callable[[WindowInputs], float]) -> Tensor:
        return torch.tensor([get(w) for w in windows], dtype=dtype).reshape(-1, 1, 1, 1)

    return Scalars(
        pixel_size=column(lambda w: w.pixel_size),
        noise=column(lambda w: w.statistics.noise),
        light_y=column(lambda w: w.statistics.light[0]),
        light_x=column(lambda w: w.statistics.light[1]),
        light_z=column(lambda w: w.statistics.light[2]),
        ambient=column(lambda w: w.statistics.ambient),
        local_std=column(lambda w: w.statistics.local_std),
        mean_luminance=column(lambda w: mean_luminance(w.statistics.mean)),
        amplitude=column(target_amplitude),
        floor=column(amplitude_floor),
        polarity=column(lambda w: w.appearance.polarity),
        edge_width=column(lambda w: w.appearance.edge_width),
        roughness=column(lambda w: w.appearance.roughness),
        gloss_loss=column(lambda w: w.appearance.gloss_loss),
        lip=column(lambda w: w.appearance.lip),
        relief_gain=column(lambda w: w.appearance.relief_gain),
        albedo_share=column(lambda w: w.appearance.albedo_share),
        product_colour=_product_colours(windows, dtype),
        opacity=column(lambda w: w.opacity),
    )


def _product_colours(windows: Sequence[WindowInputs], dtype: torch.dtype) -> Tensor:
    channels = windows[0].picture.shape[-1]
    colours = [w.appearance.product_colour for w in windows]
    if channels == 1:
        rows = [[sum(a * b for a, b in zip(LUMINANCE_WEIGHTS, colour, strict=True))] for colour in colours]
    else:
        rows = [list(colour) for colour in colours]
    return torch.tensor(rows, dtype=dtype).reshape(-1, channels, 1, 1)


def stack(windows: Sequence[WindowInputs]) -> WindowBatch:
    """Return the windows as one batch.

    Args:
        windows: At least one; equal shapes and equal :func:`group_key`.

    Raises:
        ValueError: Shapes or kinds differ.
    """
    shapes = {w.picture.shape for w in windows}
    if len(shapes) != 1 or len({group_key(w) for w in windows}) != 1:
        msg = f"a batch needs windows of one shape and kind, got shapes {sorted(shapes)}"
        raise ValueError(msg)
    fields = [w.fields for w in windows]
    allowed = [w.foreground * w.fields.support for w in windows]
    moved = any(bool(f.displacement.any()) for f in fields)
    overlays = [w.overlay for w in windows if w.overlay is not None]
    return WindowBatch(
        picture=_pictures([w.picture for w in windows]),
        allowed=_maps(allowed),
        noise=_pictures([w.noise for w in windows]),
        distance=_maps([f.distance for f in fields]),
        opening=_maps([f.opening for f in fields]),
        arclength=_maps([f.arclength for f in fields]),
        extent=_maps([f.extent for f in fields]),
        depth=_maps([f.depth for f in fields]),
        product=_maps([f.product for f in fields]),
        displacement=torch.from_numpy(np.stack([f.displacement for f in fields])) if moved else None,
        overlay=_pictures(overlays) if overlays else None,
        is_line=fields[0].is_line,
        psf_sigma=tuple(float(w.statistics.psf_sigma) for w in windows),
        edge_sigma=tuple(float(w.appearance.edge_sigma) for w in windows),
        scalars=_scalars(windows, torch.float32),
    )


def _maps(maps: Sequence[Float32]) -> Tensor:
    return torch.from_numpy(np.stack(maps).astype(np.float32, copy=False)[:, None])


def _pictures(pictures: Sequence[Float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2), dtype=np.float32))

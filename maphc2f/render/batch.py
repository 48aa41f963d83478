"""Windows of equal shape, stacked into tensors.

* :class:`Scalars`: the numbers of each sample, (B, 1, 1, 1).
* :class:`WindowBatch`: the maps of each sample, (B, C, H, W).
* :func:`contrast_unit`, :func:`target_amplitude`, :func:`amplitude_floor`: contrast that a defect should reach.
* :func:`rough_amplitude`: fine texture of exposed material.
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
from maphc2f.render.window import PictureStatistics, WindowInputs
from maphc2f.sample import Float32

GRAY_FLOOR = 5.0 / 255.0
"""Least contrast of a rendered defect, display units: below it labels teach that stains are defects."""

NOISE_FLOOR = 5.0
"""Least contrast over the sensor noise: 2.5 times the threshold of 2 sigma at which a change counts as visible."""

MASKING = 1.6
"""Least contrast over the surface's own texture: below about 1.5 standard deviations people and detectors lose a defect
in it."""

MAX_MASKING = 0.22
"""Most that texture can ask for, display units."""

STRUCTURE_LIMIT = 0.06
"""Most that ``local_std`` counts for beside texture, display units: the rest is outlines and shading of the part."""

ROUGH_LIMIT = 0.03
"""Strongest fine texture of exposed material, standard deviation, display units: beyond it looks like noise."""

STREAK_SHARE = 0.3
"""Standard deviation of the streaks in a scratch over its contrast."""

MAX_AMPLITUDE = 0.35
"""Most contrast that a coarsely structured picture can ask for, display units: beyond it defects look painted."""


@dataclass(frozen=True, slots=True)
class Scalars:
    """Numbers of each sample as tensors (B, 1, 1, 1), except the product's colours (B, C, 1, 1).

    Attributes:
        pixel_size: m.
        noise: Sensor noise, display units.
        light_y, light_x, light_z: Unit vector towards the light.
        ambient: Share of ambient light.
        texture_std: Display units.
        mean_luminance: Mean of the picture inside the foreground, display units.
        amplitude: Target change of the strongest part, display units, with its floors applied.
        floor: Least such change, display units.
        polarity: -1 dark, +1 bright.
        edge_width: Mouth of a crack, m.
        gloss_loss, lip, relief_gain, albedo_share: See :class:`~maphc2f.render.window.Appearance`.
        rough: Standard deviation of the fine texture inside, display units.
        streak: See :class:`~maphc2f.render.window.Appearance`.
        fracture_brightness: The same.
        product_colour, product_thin_colour: Linear reflectance of thick and of thin product.
        opacity: Of the overlay.
    """

    pixel_size: Tensor
    noise: Tensor
    light_y: Tensor
    light_x: Tensor
    light_z: Tensor
    ambient: Tensor
    texture_std: Tensor
    mean_luminance: Tensor
    amplitude: Tensor
    floor: Tensor
    polarity: Tensor
    edge_width: Tensor
    rough: Tensor
    streak: Tensor
    fracture_brightness: Tensor
    gloss_loss: Tensor
    lip: Tensor
    relief_gain: Tensor
    albedo_share: Tensor
    product_colour: Tensor
    product_thin_colour: Tensor
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
        stained, streaked, relief: Whether they have product, streaks, depth.
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
    stained: bool
    streaked: bool
    relief: bool
    psf_sigma: tuple[float, ...]
    edge_sigma: tuple[float, ...]
    scalars: Scalars


def group_key(window: WindowInputs) -> tuple[bool, ...]:
    """Return what must be equal within a batch besides the shape.

    Line or region, overlay or rendered, stained, moved, streaked, with or without relief.

    A stain or a warp of nothing changes the last bit of a picture, so no sample may get one for its neighbours' sake.
    """
    fields = window.fields
    stained, moved = bool((fields.product > 0).any()), bool(fields.displacement.any())
    streaked, relief = window.appearance.streak > 0, bool(fields.depth.any())
    return fields.is_line, window.overlay is not None, stained, moved, streaked, relief


def amplitude_floor(window: WindowInputs) -> float:
    """Return the least change of a defect's strongest part, display units.

    A₀ = max(5/255, 5 σ, min(MASKING · texture_std, MAX_MASKING)): 2.5 times the threshold max(2/255, 2 σ) from which a
    change counts, so that tapering parts pass it too, and enough not to drown in the surface's own texture.
    """
    statistics = window.statistics
    masked = min(MASKING * statistics.texture_std, MAX_MASKING)
    return max(GRAY_FLOOR, NOISE_FLOOR * statistics.noise, masked)


def contrast_unit(statistics: PictureStatistics) -> float:
    """Return what contrasts are multiples of, display units: max(texture_std, min(local_std, STRUCTURE_LIMIT))."""
    return max(statistics.texture_std, min(statistics.local_std, STRUCTURE_LIMIT))


def target_amplitude(window: WindowInputs) -> float:
    """Return the change that the strongest part of the defect should reach, display units.

    A = max(min(contrast · unit, MAX_AMPLITUDE), floor).
    """
    wanted = window.appearance.contrast * contrast_unit(window.statistics)
    return max(min(wanted, MAX_AMPLITUDE), amplitude_floor(window))


def rough_amplitude(window: WindowInputs) -> float:
    """Return the standard deviation of the fine texture inside, display units.

    Exposed material is about as rough as the surface; the tool that scratches leaves streaks whose contrast goes with
    the scratch's own.
    """
    own = min(window.appearance.roughness * window.statistics.texture_std, ROUGH_LIMIT)
    streaks = STREAK_SHARE * window.appearance.roughness * target_amplitude(window)
    return max(own, window.appearance.streak * streaks)


def mean_luminance(mean: Sequence[float]) -> float:
    """Return the luminance of a mean colour, display units."""
    if len(mean) == 1:
        return float(mean[0])
    return float(sum(weight * value for weight, value in zip(LUMINANCE_WEIGHTS, mean, strict=True)))


def _scalars(windows: Sequence[WindowInputs], dtype: torch.dtype, device: str) -> Scalars:
    def column(get: Callable[[WindowInputs], float]) -> Tensor:
        return torch.tensor([get(w) for w in windows], dtype=dtype).reshape(-1, 1, 1, 1).to(device)

    return Scalars(
        pixel_size=column(lambda w: w.pixel_size),
        noise=column(lambda w: w.statistics.noise),
        light_y=column(lambda w: w.statistics.light[0]),
        light_x=column(lambda w: w.statistics.light[1]),
        light_z=column(lambda w: w.statistics.light[2]),
        ambient=column(lambda w: w.statistics.ambient),
        texture_std=column(lambda w: w.statistics.texture_std),
        mean_luminance=column(lambda w: mean_luminance(w.statistics.mean)),
        amplitude=column(target_amplitude),
        floor=column(amplitude_floor),
        polarity=column(lambda w: w.appearance.polarity),
        edge_width=column(lambda w: w.appearance.edge_width),
        rough=column(rough_amplitude),
        streak=column(lambda w: w.appearance.streak),
        fracture_brightness=column(lambda w: w.appearance.fracture_brightness),
        gloss_loss=column(lambda w: w.appearance.gloss_loss),
        lip=column(lambda w: w.appearance.lip),
        relief_gain=column(lambda w: w.appearance.relief_gain),
        albedo_share=column(lambda w: w.appearance.albedo_share),
        product_colour=_colours([w.appearance.product_colour for w in windows], windows, dtype, device),
        product_thin_colour=_colours([w.appearance.product_thin_colour for w in windows], windows, dtype, device),
        opacity=column(lambda w: w.opacity),
    )


def _colours(
    colours: Sequence[tuple[float, float, float]], windows: Sequence[WindowInputs], dtype: torch.dtype, device: str
) -> Tensor:
    channels = windows[0].picture.shape[-1]
    if channels == 1:
        rows = [[sum(a * b for a, b in zip(LUMINANCE_WEIGHTS, colour, strict=True))] for colour in colours]
    else:
        rows = [list(colour) for colour in colours]
    return torch.tensor(rows, dtype=dtype).reshape(-1, channels, 1, 1).to(device)


def stack(windows: Sequence[WindowInputs], device: str = "cpu") -> WindowBatch:
    """Return the windows as one batch.

    Args:
        windows: At least one; equal shapes and equal :func:`group_key`.
        device: Where the tensors go; they are made on the host.

    Raises:
        ValueError: Shapes or kinds differ.
    """
    shapes = {w.picture.shape for w in windows}
    if len(shapes) != 1 or len({group_key(w) for w in windows}) != 1:
        msg = f"a batch needs windows of one shape and kind, got shapes {sorted(shapes)}"
        raise ValueError(msg)
    fields = [w.fields for w in windows]
    allowed = [w.foreground * w.fields.support for w in windows]
    _, _, stained, moved, streaked, relief = group_key(windows[0])
    overlays = [w.overlay for w in windows if w.overlay is not None]
    return WindowBatch(
        picture=pictures([w.picture for w in windows]),
        allowed=maps(allowed),
        noise=pictures([w.noise for w in windows]),
        distance=maps([f.distance for f in fields]),
        opening=maps([f.opening for f in fields]),
        arclength=maps([f.arclength for f in fields]),
        extent=maps([f.extent for f in fields]),
        depth=maps([f.depth for f in fields]),
        product=maps([f.product for f in fields]),
        displacement=torch.from_numpy(np.stack([f.displacement for f in fields])) if moved else None,
        overlay=pictures(overlays) if overlays else None,
        is_line=fields[0].is_line,
        stained=stained,
        streaked=streaked,
        relief=relief,
        psf_sigma=tuple(float(w.statistics.psf_sigma) for w in windows),
        edge_sigma=tuple(float(w.appearance.edge_sigma) for w in windows),
        scalars=_scalars(windows, torch.float32, device),
    )


def _maps(maps: Sequence[Float32]) -> Tensor:
    return torch.from_numpy(np.stack(maps).astype(np.float32, copy=False)[:, None])


def _pictures(pictures: Sequence[Float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2), dtype=np.float32))

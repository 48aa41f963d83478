"""Windows of equal shape, stacked into tensors.

* :class:`Scalars`: the numbers of each sample, (B, 1, 1, 1).
* :class:`WindowBatch`: the maps of each sample, (B, C, H, W).
* :func:`stack`: list of :class:`~maphc2f.render.window.WindowInputs` to batch.
* :func:`group_key`: windows with equal keys may share a batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from maphc2f.render.contrast import (
    LUMINANCE_WEIGHTS,
    amplitude_floor,
    mean_luminance,
    noise_floor,
    rough_amplitude,
    target_amplitude,
)
from maphc2f.render.window import WindowInputs
from maphc2f.sample import Float32


@dataclass(frozen=True, slots=True)
class Scalars:
    """Numbers of each sample as tensors (B, 1, 1, 1), except the product's colours (B, C, 1, 1).

    Attributes:
        pixel_size: m.
        noise: Sensor noise, display units.
        light_y, light_x, light_z: Unit vector towards the light.
        ambient: Share of ambient light.
        along_y, along_x: Unit vector along the picture's texture, and ``coherence``, how directed it is, 0 .. 1.
        texture_std: Display units.
        mean_luminance: Mean of the picture inside the foreground, display units.
        amplitude: Target change of the strongest part, display units, with its floors applied.
        floor: Least such change, display units.
        noise_floor: The same as far as sensor noise asks for it.
        polarity: -1 dark, +1 bright.
        edge_width: Mouth of a crack, m.
        gloss_loss, lip, relief_gain, albedo_share: See :class:`~maphc2f.render.window.Appearance`.
        rough: Standard deviation of the fine texture inside, display units.
        streak: See :class:`~maphc2f.render.window.Appearance`.
        fracture_brightness, rim_shadow: The same.
        core_share, mouth_darkness, shade, bridging: The same.
        facets, tint: The same.
        frame_y, frame_x: Unit vector along the x axis of the frame that the defect was simulated in.
        product_colour, product_thin_colour: Linear reflectance of thick and of thin product.
        opacity: Of the overlay.
        blended: 1 where the overlay already is the finished picture, else 0.
    """

    pixel_size: Tensor
    noise: Tensor
    light_y: Tensor
    light_x: Tensor
    light_z: Tensor
    ambient: Tensor
    along_y: Tensor
    along_x: Tensor
    coherence: Tensor
    texture_std: Tensor
    mean_luminance: Tensor
    amplitude: Tensor
    floor: Tensor
    noise_floor: Tensor
    polarity: Tensor
    edge_width: Tensor
    rough: Tensor
    streak: Tensor
    fracture_brightness: Tensor
    rim_shadow: Tensor
    core_share: Tensor
    mouth_darkness: Tensor
    shade: Tensor
    bridging: Tensor
    facets: Tensor
    tint: Tensor
    frame_y: Tensor
    frame_x: Tensor
    gloss_loss: Tensor
    lip: Tensor
    relief_gain: Tensor
    albedo_share: Tensor
    product_colour: Tensor
    product_thin_colour: Tensor
    opacity: Tensor
    blended: Tensor


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
        behind: What is seen where the part is gone (B, C, H, W), or None.
        removed: Share where it is gone, in [0, 1], or None.
        is_line: Whether the defects are lines.
        broken_face: Whether they are fracture faces.
        stained, streaked, relief, attacked: Whether they have product, streaks, depth, facets of attacked metal.
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
    behind: Tensor | None
    removed: Tensor | None
    is_line: bool
    broken_face: bool
    stained: bool
    streaked: bool
    relief: bool
    attacked: bool
    psf_sigma: tuple[float, ...]
    edge_sigma: tuple[float, ...]
    scalars: Scalars


def group_key(window: WindowInputs) -> tuple[bool, ...]:
    """Return what must be equal within a batch besides the shape.

    Line or region, overlay or rendered, stained, moved, streaked, with or without relief, fracture face or not, with or
    without a hole, attacked metal or not.

    A stain or a warp of nothing changes the last bit of a picture, so no sample may get one for its neighbours' sake.
    """
    fields = window.fields
    stained, moved = bool((fields.product > 0).any()), bool(fields.displacement.any())
    streaked, relief = window.appearance.streak > 0, bool(fields.depth.any())
    face, hole = window.appearance.broken_face, has_hole(window)
    attacked = window.appearance.facets > 0
    return fields.is_line, window.overlay is not None, stained, moved, streaked, relief, face, hole, attacked


def has_hole(window: WindowInputs) -> bool:
    """Whether part of the window's part is gone and it is known what lies behind."""
    return window.behind is not None and window.fields.removed is not None and bool(window.fields.removed.any())


def _numbers(w: WindowInputs) -> dict[str, float]:
    """Return all scalars of one window by name, without its colours."""
    statistics, look = w.statistics, w.appearance
    return {
        "pixel_size": w.pixel_size,
        "noise": statistics.noise,
        "light_y": statistics.light[0],
        "light_x": statistics.light[1],
        "light_z": statistics.light[2],
        "ambient": statistics.ambient,
        "along_y": math.sin(statistics.direction),
        "along_x": math.cos(statistics.direction),
        "coherence": statistics.coherence,
        "texture_std": statistics.texture_std,
        "mean_luminance": mean_luminance(statistics.mean),
        "amplitude": target_amplitude(w),
        "floor": amplitude_floor(w),
        "noise_floor": noise_floor(w),
        "polarity": look.polarity,
        "edge_width": look.edge_width,
        "rough": rough_amplitude(w),
        "streak": look.streak,
        "fracture_brightness": look.fracture_brightness,
        "rim_shadow": look.rim_shadow,
        "core_share": look.core_share,
        "mouth_darkness": look.mouth_darkness,
        "shade": look.shade,
        "bridging": look.bridging,
        "facets": look.facets,
        "tint": look.tint,
        "frame_y": w.fields.axis[0],
        "frame_x": w.fields.axis[1],
        "gloss_loss": look.gloss_loss,
        "lip": look.lip,
        "relief_gain": look.relief_gain,
        "albedo_share": look.albedo_share,
        "opacity": w.opacity,
        "blended": float(w.blended),
    }


def _scalars(windows: Sequence[WindowInputs], dtype: torch.dtype, device: str) -> Scalars:
    """Return the numbers as views of one tensor: one for each would cost more than many of a stage's operations."""
    rows = [_numbers(w) for w in windows]
    table = torch.tensor([list(row.values()) for row in rows], dtype=dtype).T.contiguous().to(device)
    columns = table.reshape(-1, len(windows), 1, 1, 1).unbind()
    return Scalars(
        **dict(zip(rows[0], columns, strict=True)),
        product_colour=_colours([w.appearance.product_colour for w in windows], windows, dtype, device),
        product_thin_colour=_colours([w.appearance.product_thin_colour for w in windows], windows, dtype, device),
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
    shapes, kinds = {w.picture.shape for w in windows}, {group_key(w) for w in windows}
    if len(shapes) != 1 or len(kinds) != 1:
        msg = f"a batch needs windows of one shape and kind, got shapes {sorted(shapes)}"
        raise ValueError(msg)
    fields = [w.fields for w in windows]
    allowed = [w.foreground * w.fields.support for w in windows]
    _, _, stained, moved, streaked, relief, face, hole, attacked = kinds.pop()
    overlays = [w.overlay for w in windows if w.overlay is not None]
    return WindowBatch(
        picture=_pictures([w.picture for w in windows], device),
        allowed=_maps(allowed, device),
        noise=_pictures([w.noise for w in windows], device),
        distance=_maps([f.distance for f in fields], device),
        opening=_maps([f.opening for f in fields], device),
        arclength=_maps([f.arclength for f in fields], device),
        extent=_maps([f.extent for f in fields], device),
        depth=_maps([f.depth for f in fields], device),
        product=_maps([f.product for f in fields], device),
        displacement=torch.from_numpy(np.stack([f.displacement for f in fields])).to(device) if moved else None,
        overlay=_pictures(overlays, device) if overlays else None,
        behind=_pictures([w.behind for w in windows if w.behind is not None], device) if hole else None,
        removed=_maps([f.removed for f in fields if f.removed is not None], device) if hole else None,
        is_line=fields[0].is_line,
        broken_face=face,
        stained=stained,
        streaked=streaked,
        relief=relief,
        attacked=attacked,
        psf_sigma=tuple(float(w.statistics.psf_sigma) for w in windows),
        edge_sigma=tuple(float(w.appearance.edge_sigma) for w in windows),
        scalars=_scalars(windows, torch.float32, device),
    )


def _maps(maps: Sequence[Float32], device: str) -> Tensor:
    return torch.from_numpy(np.stack(maps).astype(np.float32, copy=False)[:, None]).to(device)


def _pictures(pictures: Sequence[Float32], device: str) -> Tensor:
    stacked = np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2), dtype=np.float32)
    return torch.from_numpy(stacked).to(device)

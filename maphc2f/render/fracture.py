"""Fracture faces: a piece of the part is gone, and where it went through, the background is seen.

* :func:`render_fracture`: matte face, its relief, its cast shadow, its rim and the shadow under it.
* :func:`cast_shadow`: where the face does not see the light.
* :func:`reveal`: a picture with the background where the part is gone.

Pure functions on (B, C, H, W).
"""

from __future__ import annotations

import torch
import torch.nn.functional as nnf
from torch import Tensor

from maphc2f.render.batch import WindowBatch
from maphc2f.render.line import Rendered, optical_sigma, patchy_noise, polarity_at, smooth_noise
from maphc2f.render.operators import (
    box_mean,
    central_gradient,
    encode,
    gaussian_blur,
    gaussian_taps,
    low_pass,
    luminance,
    masked_mean,
    masked_peak,
    normal_coverage,
)
from maphc2f.render.relief import occlusion, shade, streaks

SHADOW_STEPS = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0)
"""Distances towards the light at which it may be blocked, px."""

PENUMBRA = 0.25
"""Rise of the horizon over the light's height, as slopes, from lit to dark."""

SHADOW_DEPTH = 0.75
"""Share of the direct light that a cast shadow takes: the rest comes round corners of a rough face."""

BEYOND = 1e4
"""Depth at which what is not the part lies, px: it casts no shadow on it."""

GRAIN_SIGMAS = (0.7, 1.8)
"""Sizes of the grains of a matte face, px: single crystals, and steps of the crack."""

GRAIN_SHARES = (0.9, 0.35)
LIGHT_LIMITS = (0.3, 1.5)
"""Light on the face relative to flat ground, after it is brought to its contrast."""

RELIEF_SHARE = 0.5
"""Least share of the contrast that relief carries."""

HIGHLIGHT = 0.45
"""Light gained by a slope that faces the light over that lost by one that turns away: a face is matte, and its own
steps shade it when it is lit from the side."""

GAIN_LIMITS = (0.15, 2.0)
RIM_WIDTH = 0.9
"""Half width of the crushed rim that faces the light, px."""

FRAY, FRAY_LIMIT = 0.5, 0.8
"""Standard deviation of the rim between the marks of a fully directed texture, and its limit, px."""

WORN_RIM = 0.7
"""How far the rounded rim beyond the face turns dark with it, px."""

WALL_SHARE, WALL_LIMITS = 0.1, (0.6, 2.4)
"""Width of the shadow under the rim over the largest distance from it, and its limits, px."""

WALL_PATCHES = 0.6
"""Relative variation of that width along the rim."""

AMBIENT_SHADE = 0.35
"""Depth of the shadow under a rim that faces the light over that of one that turns away: sky is missing there too."""

SHALLOW = 0.5
"""Depth over the deepest from which there is no rim but the part's own outline."""

MAX_SHADE = 0.75
PATCHES, PATCH_SCALE = 0.15, 3
"""Relative variation of the face's own change of brightness over patches, and their size, in those of patchy noise."""
WHITE = 0.98
LEAST_WEIGHT = 0.02


def cast_shadow(height: Tensor, light: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Return the share of direct light that reaches each point of ``height`` (px), (B, 1, H, W), 0 .. 1.

    The horizon towards the light is the steepest rise max over k of (z(p + k l) - z(p)) / k; light comes in above it,
    over a penumbra.

    Args:
        height: z, positive towards the viewer.
        light: Unit vector (y, x, z), (B, 1, 1, 1) each.
    """
    rows, columns = height.shape[-2:]
    level = torch.clamp(torch.sqrt(light[0] * light[0] + light[1] * light[1]), min=1e-3)
    way_y, way_x = (light[0] / level)[:, 0], (light[1] / level)[:, 0]
    y = torch.arange(rows, dtype=height.dtype, device=height.device).reshape(1, -1, 1)
    x = torch.arange(columns, dtype=height.dtype, device=height.device).reshape(1, 1, -1)
    horizon = torch.full_like(height, -BEYOND)
    for step in SHADOW_STEPS:
        at_y, at_x = (y + step * way_y).expand(-1, -1, columns), (x + step * way_x).expand(-1, rows, -1)
        grid = torch.stack((at_x * (2.0 / (columns - 1)) - 1.0, at_y * (2.0 / (rows - 1)) - 1.0), dim=-1)
        there = nnf.grid_sample(height, grid, mode="bilinear", padding_mode="border", align_corners=True)
        horizon = torch.maximum(horizon, (there - height) * (1.0 / step))
    above = (light[2] / level - horizon) * (1.0 / PENUMBRA)
    return torch.clamp(0.5 + above, 0.0, 1.0)


def render_fracture(batch: WindowBatch) -> Rendered:
    """Return the picture with its fracture faces: surface and texture gone, light on face and rim."""
    sigma = optical_sigma(batch, batch.edge_sigma)
    inside = normal_coverage(_frayed(batch), sigma)
    base = _surface_light(batch)
    weight = inside * batch.allowed * (1.0 - _removed(batch))
    level = torch.clamp(masked_mean(luminance(base), weight), min=0.02)
    amplitude = _amplitude(batch, level)
    light = _reflectance(batch, level, amplitude) * _relief(batch, level, amplitude, weight) * _grain(batch, level)
    kept = 1.0 - batch.scalars.gloss_loss
    face = base * torch.clamp(light, *LIGHT_LIMITS) + kept * (batch.picture - low_pass(batch.picture))
    picture = batch.picture + inside * (torch.clamp(face, 0.0, WHITE) - batch.picture)
    picture = picture * _rim(batch, sigma, amplitude / level)
    return Rendered(picture, batch.distance, torch.zeros_like(inside), sigma, 1.0 - batch.scalars.gloss_loss * inside)


def _frayed(batch: WindowBatch) -> Tensor:
    """Return the signed distance to a rim that frays along the surface's marks: ridges between them break off later."""
    scalars = batch.scalars
    marks = streaks(batch.noise[:, :1], (scalars.along_y, scalars.along_x))
    return batch.distance + torch.clamp(FRAY * scalars.coherence * marks, -FRAY_LIMIT, FRAY_LIMIT)


def reveal(batch: WindowBatch, picture: Tensor) -> Tensor:
    """Return ``picture`` with the background where the part is gone, seen through the optics; unchanged without."""
    if batch.behind is None:
        return picture
    return picture + _removed(batch) * (batch.behind - picture)


def _removed(batch: WindowBatch) -> Tensor:
    if batch.behind is None or batch.removed is None:
        return torch.zeros_like(batch.distance)
    return gaussian_blur(batch.removed, gaussian_taps(batch.psf_sigma, batch.removed))


def _surface_light(batch: WindowBatch) -> Tensor:
    """Return the picture of the part without its texture, (B, C, H, W), from the part alone."""
    part = (batch.allowed >= 0.5).to(batch.picture.dtype)
    share = low_pass(part)
    near = low_pass(batch.picture * part) / torch.clamp(share, min=LEAST_WEIGHT)
    # What outlines and texture of 8 px leave in it would shine through the face: smoothed once more.
    wide = box_mean(near * share, 8) / torch.clamp(box_mean(share, 8), min=LEAST_WEIGHT)
    return torch.clamp(wide, 0.0, 1.0)


def _amplitude(batch: WindowBatch, level: Tensor) -> Tensor:
    """Return the target change, display units, (B, 1, 1, 1): in the dark parts of a picture it is as much darker."""
    scalars = batch.scalars
    share = torch.clamp(level / torch.clamp(scalars.mean_luminance, min=0.02), max=1.0)
    return torch.maximum(scalars.amplitude * share, scalars.floor)


def _reflectance(batch: WindowBatch, level: Tensor, amplitude: Tensor) -> Tensor:
    """Return the face's own brightness as a factor on display codes: its share of the contrast, patchy.

    A bright face is no brighter than its material scatters light.
    """
    scalars = batch.scalars
    polarity = polarity_at(scalars, level)
    brightest = level * (torch.sqrt(torch.clamp(scalars.fracture_brightness, min=1.0)) - 1.0)
    wanted = scalars.albedo_share * amplitude
    bounded = torch.minimum(wanted, torch.maximum(brightest, scalars.floor))
    change = polarity * torch.where(polarity > 0, bounded, wanted) / level
    return torch.clamp(1.0 + change * torch.clamp(1.0 + PATCHES * _patches(batch.noise[:, -1:]), min=0.0), min=0.1)


def _patches(noise: Tensor) -> Tensor:
    """Return ``noise`` (B, 1, H, W) with a correlation length of about 20 px and nearly unit variance."""
    wide = patchy_noise(nnf.avg_pool2d(noise, PATCH_SCALE, ceil_mode=True) * PATCH_SCALE)
    return nnf.interpolate(wide, size=noise.shape[-2:], mode="bilinear", align_corners=False)


def _relief(batch: WindowBatch, level: Tensor, amplitude: Tensor, weight: Tensor) -> Tensor:
    """Return the light on the face as a factor on display codes, brought to its share of the contrast.

    Slopes towards the light are lit, the wall on its side lies in its own shadow; ambient light is blocked at its foot.
    """
    scalars = batch.scalars
    height = batch.depth * (scalars.relief_gain / scalars.pixel_size)
    light = scalars.light_y, scalars.light_x, scalars.light_z
    part = height + BEYOND * ((batch.allowed >= 0.5).to(height.dtype) - 1.0)
    lit = 1.0 - SHADOW_DEPTH * (1.0 - cast_shadow(part, light))
    relative = encode(shade(height, light, scalars.ambient, occlusion(height)) * lit) - 1.0
    relative = gaussian_blur(relative, gaussian_taps(batch.psf_sigma, relative))
    # The mean of the face is the reflectance's business; relief is what differs from it.
    relative = relative - masked_mean(relative, weight)
    share = torch.clamp(1.0 - scalars.albedo_share, min=RELIEF_SHARE)
    peak = level * masked_peak(relative, weight)
    change = torch.clamp(share * amplitude / torch.clamp(peak, min=1e-6), *GAIN_LIMITS) * relative
    return (1.0 + HIGHLIGHT * torch.clamp(change, min=0.0)) / (1.0 - torch.clamp(change, max=0.0))


def _grain(batch: WindowBatch, level: Tensor) -> Tensor:
    # Grain scatters light that falls on it: in the dark parts of a picture it is as much weaker.
    rough = batch.scalars.rough / torch.maximum(level, batch.scalars.mean_luminance)
    fine = smooth_noise(batch.noise[:, :1], GRAIN_SIGMAS[0])
    coarse = smooth_noise(batch.noise[:, -1:], GRAIN_SIGMAS[1])
    return torch.clamp(1.0 + rough * (GRAIN_SHARES[0] * fine + GRAIN_SHARES[1] * coarse), 0.6, 1.5)


def _rim(batch: WindowBatch, sigma: Tensor, relative: Tensor) -> Tensor:
    """Return the light at the rim as a factor on display codes, ``relative`` the amplitude over the level.

    Under the rim the face falls away steeply: a thin shadow of uneven width, deepest where the wall turns away from
    the light, n · l > 0 with the normal n out of the piece; where it faces the light, crushed material is lit.
    """
    scalars = batch.scalars
    distance, deep = batch.distance, torch.abs(batch.depth)
    ny, nx = central_gradient(distance)
    tilt = torch.clamp(torch.sqrt(scalars.light_y * scalars.light_y + scalars.light_x * scalars.light_x), min=1e-3)
    away = torch.clamp((ny * scalars.light_y + nx * scalars.light_x) / tilt, -1.0, 1.0)
    patches = torch.clamp(1.0 + WALL_PATCHES * patchy_noise(batch.noise[:, -1:]), 0.0, 2.0)
    wall = torch.clamp(
        WALL_SHARE * torch.clamp(-distance * batch.allowed, min=0.0).amax((1, 2, 3), keepdim=True), *WALL_LIMITS
    )
    strip = normal_coverage(distance - WORN_RIM, sigma) - normal_coverage(distance + wall * patches, sigma)
    deepest = torch.clamp(deep.amax((1, 2, 3), keepdim=True), min=1e-12)
    strip = strip * torch.clamp(1.0 - deep / (SHALLOW * deepest), min=0.0)
    shade = AMBIENT_SHADE + (1.0 - AMBIENT_SHADE) * torch.clamp(away, min=0.0)
    dark = torch.clamp(scalars.rim_shadow * relative * shade * strip, max=MAX_SHADE)
    band = torch.exp(-0.5 * (distance / RIM_WIDTH) ** 2)
    return 1.0 - dark + scalars.lip * relative * band * torch.clamp(-away, min=0.0) * patches

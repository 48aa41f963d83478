"""Regions: from depth, displacement and product to shading, colour and lost texture.

* :func:`shade`: Lambert and ambient light on a height field.
* :func:`occlusion`: ambient light that reaches the bottom of a pit.
* :func:`warp`: the picture moved by a displacement.
* :func:`absorb`, :func:`film_contrast`: corrosion product over the surface.
* :func:`render_relief`: all of them, driven by the fields that are there.

Pure functions on (B, C, H, W). A field that is zero changes no bit: every step is then an exact identity.
"""

from __future__ import annotations

import torch
import torch.nn.functional as nnf
from torch import Tensor

from maphc2f.render.batch import WindowBatch
from maphc2f.render.line import Rendered, optical_sigma, patchy_noise, smooth_noise
from maphc2f.render.operators import (
    box_mean,
    central_gradient,
    decode,
    encode,
    gaussian_blur,
    gaussian_taps,
    low_pass,
    luminance,
    masked_mean,
    masked_peak,
    normal_coverage,
)

OCCLUSION_RADII = (2, 6)
"""Half widths over which a depth counts as surrounded, px: narrow pits and wide ones."""

OCCLUSION_STRENGTH = 0.8
MIN_LIGHT_Z = 0.35
"""Lowest light considered: nearer to grazing, Lambert's law relative to a flat surface diverges."""

SHADE_LIMITS = (0.04, 4.0)
GAIN_LIMITS = (0.2, 5.0)
"""Limits of the exposure that brings relief to its target contrast."""

PATCHINESS = 0.22
"""Relative variation of the reflectance inside a region."""

TEXTURE_SIGMA = 0.7
MIN_REFLECTANCE = 0.07
"""Darkest exposed material, relative to the surface: matte and oxidised, not a hole in the picture."""

MIN_RELIEF_SHARE = 0.45
"""However much the reflectance changes, walls facing the light stay lit: share of the amplitude left to relief."""

PRODUCT_FADE = 5.0
"""Distance from the mask beyond which product is below what the label calls a stain, px."""

PRODUCT_GRAIN = 0.35
"""Relative variation of the product's thickness between its grains, and their size, px."""

PRODUCT_GRAIN_SIGMA = 1.3
PRODUCT_LIMITS = (0.35, 0.95)
"""Share of the way to thick product that its typical thickness goes."""

WHITE = 0.98


def shade(depth: Tensor, light: tuple[Tensor, Tensor, Tensor], ambient: Tensor, sky: Tensor) -> Tensor:
    """Return light on a height field relative to flat ground, (B, 1, H, W).

    E = k_a V + (1 - k_a) max(n · l, 0) / l_z with n = (-∂z/∂y, -∂z/∂x, 1) / √(1 + |∇z|²).

    Args:
        depth: Height z in pixels, positive towards the viewer.
        light: Unit vector (y, x, z), (B, 1, 1, 1) each.
        ambient: k_a.
        sky: V, visible share of the ambient light.
    """
    zy, zx = central_gradient(depth)
    light_y, light_x, light_z = light
    facing = (light_z - zy * light_y - zx * light_x) * torch.rsqrt(1.0 + zy * zy + zx * zx)
    direct = torch.clamp(facing, min=0.0) / torch.clamp(light_z, min=MIN_LIGHT_Z)
    return torch.clamp(ambient * sky + (1.0 - ambient) * direct, *SHADE_LIMITS)


def occlusion(depth: Tensor) -> Tensor:
    """Return the share V of ambient light that reaches a point of the height field ``depth`` (px), in (0, 1].

    A point lying t below the mean of its surroundings of half width r sees the sky through an opening of slope r / t:
    V = 1 / (1 + (c t / r)²), the solid angle of that cone to first order; the darkest radius counts.
    """
    seen = torch.ones_like(depth)
    for radius in OCCLUSION_RADII:
        below = torch.clamp(box_mean(depth, radius) - depth, min=0.0) * (2.0 * OCCLUSION_STRENGTH / radius)
        seen = torch.minimum(seen, 1.0 / (1.0 + below * below))
    return seen


def warp(picture: Tensor, displacement: Tensor) -> Tensor:
    """Return ``picture`` (B, C, H, W) moved by ``displacement`` (B, 2, H, W) as (y, x), px: I'(x) = I(x - u(x)).

    Bilinear; the border repeats. Pixels whose displacement is exactly zero keep their value exactly.
    """
    height, width = picture.shape[-2:]
    rows = torch.arange(height, dtype=picture.dtype, device=picture.device)[:, None] - displacement[:, 0]
    columns = torch.arange(width, dtype=picture.dtype, device=picture.device) - displacement[:, 1]
    grid = torch.stack((columns * (2.0 / (width - 1)) - 1.0, rows * (2.0 / (height - 1)) - 1.0), dim=-1)
    moved = nnf.grid_sample(picture, grid, mode="bilinear", padding_mode="border", align_corners=True)
    moving = (displacement != 0).any(dim=1, keepdim=True).to(picture.dtype)
    return picture + moving * (moved - picture)


def absorb(light: Tensor, thickness: Tensor, colour: Tensor, illumination: Tensor) -> Tensor:
    """Return linear light of a surface under a scattering, absorbing film.

    R = ρ + (R_g - ρ) exp(-2 b S t), b = (1/ρ - ρ) / 2: the solution of Kubelka & Munk for a film of thickness t,
    scattering S and reflectance ρ when infinitely thick, to first order in exp(-2 b S t) (Kubelka 1948, J. Opt. Soc.
    Am. 38, 448, doi 10.1364/JOSA.38.000448). Thin films absorb where ρ is small, so they tint; thick ones hide.

    Args:
        light: Light of the bare surface (B, C, H, W).
        thickness: S t (B, 1, H, W).
        colour: ρ (B, C, 1, 1).
        illumination: Light that falls on the surface, relative to the picture's mean (B, 1, H, W).
    """
    hidden = 1.0 - torch.exp(-2.0 * film_contrast(colour) * thickness)
    return light + hidden * (colour * illumination - light)


def film_contrast(colour: Tensor) -> Tensor:
    """Return b = (1/ρ - ρ) / 2 of Kubelka and Munk for reflectances ``colour``, floored at 0.02."""
    safe = torch.clamp(colour, 0.02, 0.98)
    return 0.5 * (1.0 / safe - safe)


def render_relief(batch: WindowBatch) -> Rendered:
    """Return the picture with its regions: warped, re-shaded, matted, stained, in this order."""
    sigma = optical_sigma(batch, batch.edge_sigma)
    inside = normal_coverage(batch.distance, sigma)
    picture = batch.picture if batch.displacement is None else warp(batch.picture, batch.displacement)
    low = low_pass(picture)
    gray = luminance(low)
    level = torch.clamp(masked_mean(gray, inside * batch.allowed), min=0.02)
    lost = batch.scalars.gloss_loss * inside
    code = picture + lost * (low - picture)
    ratio = _relief_ratio(batch, inside, level) * _reflectance_ratio(batch, inside, level)
    # Relative to the surface: gray texture on a coloured part would look like dust.
    rough = (batch.scalars.roughness * batch.scalars.local_std / level) * inside
    grain = torch.clamp(1.0 + rough * smooth_noise(batch.noise[:, :1], TEXTURE_SIGMA), 0.4, 1.6)
    light = decode(torch.clamp(code * (ratio * grain), 0.0, 1.0))
    if bool((batch.product > 0).any()):
        light = _stain(batch, light, gray, inside)
    return Rendered(encode(light), batch.distance, torch.zeros_like(inside), sigma, 1.0 - lost)


def _relief_ratio(batch: WindowBatch, inside: Tensor, level: Tensor) -> Tensor:
    """Shading as a factor on display codes, brought to its share of the target amplitude.

    The relative change r = √E - 1 is scaled by one exposure g a sample and compressed, 1 + g r upwards and
    1 / (1 - g r) downwards, which agree to first order and keep light positive.
    """
    scalars = batch.scalars
    height = batch.depth * (scalars.relief_gain / scalars.pixel_size)
    light = scalars.light_y, scalars.light_x, scalars.light_z
    relative = encode(shade(height, light, scalars.ambient, occlusion(height))) - 1.0
    relative = gaussian_blur(relative, gaussian_taps(batch.psf_sigma, relative))
    share = torch.clamp(1.0 - scalars.albedo_share, min=MIN_RELIEF_SHARE)
    gain = share * scalars.amplitude / torch.clamp(level * masked_peak(relative, inside * batch.allowed), min=1e-6)
    change = torch.clamp(gain, *GAIN_LIMITS) * relative
    return torch.clamp(1.0 + change, 1.0, 1.8) / (1.0 - torch.clamp(change, max=0.0))


def _reflectance_ratio(batch: WindowBatch, inside: Tensor, level: Tensor) -> Tensor:
    """Changed reflectance as a factor on display codes: √(1 + α (ρ - 1)), patchy inside."""
    scalars = batch.scalars
    patches = 1.0 + PATCHINESS * patchy_noise(batch.noise[:, -1:])
    change = scalars.polarity * scalars.albedo_share * scalars.amplitude / level
    code = torch.clamp(1.0 + change * patches, min=0.0)
    code = torch.minimum(code, WHITE / level)
    reflectance = torch.clamp(decode(code), min=MIN_REFLECTANCE)
    return encode(1.0 + inside * (scalars.albedo_share > 0) * (reflectance - 1.0))


def _stain(batch: WindowBatch, light: Tensor, gray: Tensor, inside: Tensor) -> Tensor:
    """Cover the surface with product of the given thickness.

    The film's scattering per metre is not known, so it is set by the contrast asked for: at the typical thickness in
    the mask the luminance goes the share p = A / |full change| of the way to that of thick product, within
    PRODUCT_LIMITS; S t = 2 p / (2 - p) / (2 b) approximates -ln(1 - p) / (2 b) (first Padé approximant). Product
    thinner than at the mask's rim, t_c, lies in islands that hide less than a film of their volume: t becomes
    t⁵ / (t⁴ + t_c⁴), and within PRODUCT_FADE of the rim it ends.
    """
    scalars = batch.scalars
    illumination = decode(gray) / torch.clamp(decode(scalars.mean_luminance), min=1e-3)
    thick = encode(luminance(scalars.product_colour) * illumination)
    weight = inside * batch.allowed
    room = torch.clamp(torch.abs(masked_mean(thick - gray, weight)), min=1e-3)
    share = torch.clamp(scalars.amplitude / room, *PRODUCT_LIMITS)
    typical = torch.clamp(masked_mean(batch.product, weight), min=1e-12)
    density = share / ((2.0 - share) * film_contrast(luminance(scalars.product_colour)))
    rim = (torch.abs(batch.distance) < 1.0).to(weight.dtype) * batch.allowed
    onset = masked_mean(batch.product, rim)
    relative = batch.product / torch.clamp(onset, min=1e-9)
    fourth = relative * relative * relative * relative
    fade = torch.clamp(1.0 - batch.distance / PRODUCT_FADE, 0.0, 1.0)
    film = batch.product * (fourth / (fourth + 1.0)) * fade
    grains = torch.clamp(1.0 + PRODUCT_GRAIN * smooth_noise(batch.noise[:, -1:], PRODUCT_GRAIN_SIGMA), min=0.2)
    return absorb(light, density * (film / typical) * grains, scalars.product_colour, illumination)

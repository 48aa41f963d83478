"""Regions: from depth, displacement and product to shading, colour and lost texture.

* :func:`shade`: Lambert and ambient light on a height field.
* :func:`occlusion`: ambient light that reaches the bottom of a pit.
* :func:`warp`: the picture moved by a displacement.
* :func:`principal_axis`, :func:`streaks`: texture along a scratch.
* :func:`absorb`, :func:`film_contrast`: corrosion product over the surface.
* :func:`render_relief`: all of them, driven by the fields that are there.

Pure functions on (B, C, H, W). A field that is zero changes no bit: every step is then an exact identity.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as nnf
from torch import Tensor

from maphc2f.render.attack import deepen, facets, stretched, wall
from maphc2f.render.batch import WindowBatch
from maphc2f.render.line import Rendered, optical_sigma, patchy_noise, polarity_at, smooth_noise
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

WALL_RADII = (1, 3)
"""The same of pits, whose floors are wide: they are dark at the foot of their walls."""

OCCLUSION_STRENGTH = 0.8
MIN_LIGHT_Z = 0.35
"""Lowest light considered: nearer to grazing, Lambert's law relative to a flat surface diverges."""

SHADE_LIMITS = (0.04, 4.0)
GAIN_LIMITS = (0.2, 10.0)
"""Limits of the exposure that brings relief to its target contrast."""

HIGHLIGHT = 1.3
"""Strongest highlight over the amplitude."""

MAX_HIGHLIGHT = 0.8

PATCHINESS = 0.22
"""Relative variation of the reflectance inside a region."""

TEXTURE_SIGMA = 0.7
MIN_REFLECTANCE = 0.07
"""Darkest exposed material, relative to the surface: matte and oxidised, not a hole in the picture."""

MIN_RELIEF_SHARE = 0.45
"""However much the reflectance changes, walls facing the light stay lit: share of the amplitude left to relief."""

TEXTURE_REACH, PIT_REACH = 2.5, 8.0
"""Texture that can be lost, in standard deviations of it: by a touched surface, and by one that is eaten away."""

LIGHT_LIMITS = (0.3, 1.5)
"""Light on a defect over the picture's mean, as far as its amplitude goes with it."""

BRIGHTEST_LIGHT = 1.4
"""Most light that falls on product, over the mean of the part."""

CUT_SHARE = 0.4
"""Depth over the deepest from which material is fully exposed."""

MOUTH_SHARE = 0.6
"""Exposure of the rim of a hollow over that of its bottom."""

PIT_MOUTH = 0.85
"""The same of a pit, whose floor is attacked all over."""

STREAK_LENGTH = 14.0

PRODUCT_FADE = (-1.0, 2.0)
"""Signed distances to the rim of the mask between which product ends, px."""

PRODUCT_GRAIN = 0.25
"""Relative variation of the product's thickness between its grains, and their size, px."""

PRODUCT_GRAIN_SIGMA = 1.3
TIDE = 1.2
"""Product that a drying drop leaves at its rim, beyond what lies there anyway and over it."""

TIDE_PLACE, TIDE_REACH = -1.5, 3.0
"""Signed distance at which it leaves most, and how far from there it leaves some, px."""

PRODUCT_LIMITS = (0.5, 0.92)
"""Share of the way to thick product that the thickest product goes."""

RIM_SHARE = 0.8
"""Change at the rim of the mask over the least amplitude that noise asks for: just seen."""

RIM_LIMITS = (0.05, 0.5)
PRODUCT_ROOM = 1.5
"""Least difference of thick product from the surface, in least amplitudes."""

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


def occlusion(depth: Tensor, radii: tuple[int, ...] = OCCLUSION_RADII) -> Tensor:
    """Return the share V of ambient light that reaches a point of the height field ``depth`` (px), in (0, 1].

    A point lying t below the mean of its surroundings of half width r sees the sky through an opening of slope r / t:
    V = 1 / (1 + (c t / r)²), the solid angle of that cone to first order; the darkest radius counts.
    """
    seen = torch.ones_like(depth)
    for radius in radii:
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


def absorb(light: Tensor, film: Tensor, colour: Tensor, illumination: Tensor) -> Tensor:
    """Return linear light of a surface under a scattering, absorbing film.

    R = ρ + (R_g - ρ) exp(-2 b S t), b = (1/ρ - ρ) / 2: the solution of Kubelka & Munk for a film of thickness t,
    scattering S and reflectance ρ when infinitely thick, to first order in exp(-2 b S t) (Kubelka 1948, J. Opt. Soc.
    Am. 38, 448, doi 10.1364/JOSA.38.000448). Thin films absorb where ρ is small, so they tint; thick ones hide.

    Args:
        light: Light of the bare surface (B, C, H, W).
        film: 2 b S t, broadcast to (B, C, H, W).
        colour: ρ, broadcast to (B, C, H, W).
        illumination: Light that falls on the surface, relative to the picture's mean (B, 1, H, W).
    """
    hidden = 1.0 - torch.exp(-film)
    return light + hidden * (colour * illumination - light)


def film_contrast(colour: Tensor) -> Tensor:
    """Return b = (1/ρ - ρ) / 2 of Kubelka and Munk for reflectances ``colour``, floored at 0.02."""
    safe = torch.clamp(colour, 0.02, 0.98)
    return 0.5 * (1.0 / safe - safe)


@dataclass(frozen=True, slots=True)
class _Surface:
    """What the steps share; tensors (B, 1, H, W) unless said.

    Attributes:
        inside: Coverage of the region.
        bare: Where material is exposed, in [0, 1].
        level: Mean luminance of the good picture in the region, (B, 1, 1, 1).
        gray: Luminance of the picture without its texture.
        amplitude: Target change of the strongest part here, (B, 1, 1, 1): what reflects or shades takes its share of
            the light, so that it is smaller in a dark part of the picture than in a bright one.
    """

    inside: Tensor
    bare: Tensor
    level: Tensor
    gray: Tensor
    amplitude: Tensor


def render_relief(batch: WindowBatch) -> Rendered:
    """Return the picture with its regions: warped, re-shaded, matted, stained, in this order."""
    sigma = optical_sigma(batch, batch.edge_sigma)
    inside = normal_coverage(batch.distance, sigma)
    picture = batch.picture if batch.displacement is None else warp(batch.picture, batch.displacement)
    low = low_pass(picture)
    gray = luminance(low)
    level = torch.clamp(masked_mean(gray, inside * batch.allowed), min=0.02)
    surface = _Surface(inside, _exposed(batch, inside), level, gray, _local_amplitude(batch, level))
    lost = batch.scalars.gloss_loss * surface.bare
    # Only texture is lost: what differs more from its surroundings is an outline of the part, which stays.
    reach = (PIT_REACH if batch.attacked else TEXTURE_REACH) * batch.scalars.texture_std
    code = picture + lost * torch.minimum(torch.maximum(low - picture, -reach), reach)
    ratio = _reflectance_ratio(batch, surface)
    if batch.relief:
        ratio = ratio * _relief_ratio(batch, surface)
    if batch.attacked:
        darker = torch.clamp(1.0 - ratio, 0.0, 1.0)
        ratio = ratio * facets(batch, surface.bare, level, surface.amplitude) * deepen(batch, low, gray, darker)
        # Product hides where the metal below it ends.
        ratio = ratio if batch.stained else ratio * wall(batch, level, surface.amplitude)
    # Relative to the surface: gray texture on a coloured part would look like dust.
    rough = batch.scalars.rough / level * surface.bare
    grain = torch.clamp(1.0 + rough * _grain(batch, surface.bare), 0.5, 1.5)
    light = decode(torch.clamp(code * (ratio * grain), 0.0, 1.0))
    kept = 1.0 - lost
    if batch.stained:
        light, hidden = _stain(batch, light, surface)
        kept = kept * (1.0 - hidden)
    return Rendered(encode(light), batch.distance, torch.zeros_like(inside), sigma, kept)


def _local_amplitude(batch: WindowBatch, level: Tensor) -> Tensor:
    """Return the target amplitude in proportion to the light here, within LIGHT_LIMITS of it, with its floor."""
    scalars = batch.scalars
    share = torch.clamp(level / torch.clamp(scalars.mean_luminance, min=0.02), *LIGHT_LIMITS)
    return torch.maximum(scalars.amplitude * share, torch.minimum(scalars.floor, scalars.amplitude))


def _exposed(batch: WindowBatch, inside: Tensor) -> Tensor:
    """Return where material is exposed, (B, 1, H, W).

    A scratch exposes what it cut, not the ridges beside it: e = clip(-z / c z_max, 0, 1) with c = CUT_SHARE. A pit
    changes its whole mouth, and more the deeper it is; product covers what was not eaten away.
    """
    if not batch.relief:
        return torch.zeros_like(inside) if batch.stained else inside
    sunk = torch.clamp(-batch.depth, min=0.0)
    peak = torch.clamp(sunk.amax((1, 2, 3), keepdim=True), min=1e-12)
    cut = torch.clamp(sunk / (CUT_SHARE * peak), 0.0, 1.0)
    if batch.stained:
        return inside * cut
    mouth = (PIT_MOUTH if batch.attacked else MOUTH_SHARE) * (1.0 - batch.scalars.streak)
    return inside * (mouth + (1.0 - mouth) * cut)


def _grain(batch: WindowBatch, bare: Tensor) -> Tensor:
    """Return texture of unit variance: streaks along a scratch, else isotropic grain."""
    grain = smooth_noise(batch.noise[:, :1], TEXTURE_SIGMA)
    if not batch.streaked:
        return grain
    along = streaks(batch.noise[:, -1:], principal_axis(bare * batch.allowed))
    return grain + batch.scalars.streak * (along - grain)


def principal_axis(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the unit vector (y, x) along the longest axis of ``weight`` (B, 1, H, W), each (B, 1, 1, 1).

    The eigenvector of the second moments, by half-angle formulas: cos 2θ = (M_xx - M_yy) / r, sin 2θ = 2 M_xy / r.
    """
    height, width = weight.shape[-2:]
    rows = torch.arange(height, dtype=weight.dtype, device=weight.device).reshape(1, 1, -1, 1) - 0.5 * (height - 1)
    columns = torch.arange(width, dtype=weight.dtype, device=weight.device).reshape(1, 1, 1, -1) - 0.5 * (width - 1)
    rows, columns = rows.expand_as(weight), columns.expand_as(weight)
    rows, columns = rows - masked_mean(rows, weight), columns - masked_mean(columns, weight)
    difference = masked_mean(columns * columns - rows * rows, weight)
    mixed = 2.0 * masked_mean(rows * columns, weight)
    size = torch.clamp(torch.sqrt(difference * difference + mixed * mixed), min=1e-6)
    cosine = torch.sqrt(torch.clamp(0.5 + 0.5 * difference / size, 0.0, 1.0))
    sine = torch.sqrt(torch.clamp(0.5 - 0.5 * difference / size, 0.0, 1.0))
    return torch.where(mixed < 0, -sine, sine), cosine


def streaks(noise: Tensor, axis: tuple[Tensor, Tensor]) -> Tensor:
    """Return white ``noise`` (B, 1, H, W) drawn out along ``axis`` (y, x): streaks STREAK_LENGTH px long, 1 px wide."""
    return stretched(noise, axis, STREAK_LENGTH, 1.0)


def _relief_ratio(batch: WindowBatch, surface: _Surface) -> Tensor:
    """Shading as a factor on display codes, brought to its share of the target amplitude.

    The relative change r = √E - 1 is scaled by one exposure g a sample and compressed, 1 + g r upwards and
    1 / (1 - g r) downwards, which agree to first order and keep light positive.
    """
    scalars = batch.scalars
    height = batch.depth * (scalars.relief_gain / scalars.pixel_size)
    light = scalars.light_y, scalars.light_x, scalars.light_z
    if batch.attacked:
        # Lamps are wide: a steep wall hides part of them as it hides part of the sky.
        seen = shade(height, light, scalars.ambient, torch.ones_like(height)) * occlusion(height, WALL_RADII)
    else:
        seen = shade(height, light, scalars.ambient, occlusion(height))
    relative = encode(seen) - 1.0
    relative = gaussian_blur(relative, gaussian_taps(batch.psf_sigma, relative))
    share = torch.clamp(1.0 - scalars.albedo_share, min=MIN_RELIEF_SHARE)
    peak = surface.level * masked_peak(relative, surface.inside * batch.allowed)
    gain = share * surface.amplitude / torch.clamp(peak, min=1e-6)
    change = torch.clamp(gain, *GAIN_LIMITS) * relative
    # Highlights are as strong as the shadows: a steep wall that faces the light would else burn out.
    brightest = torch.clamp(HIGHLIGHT * surface.amplitude / surface.level, max=MAX_HIGHLIGHT)
    return (1.0 + torch.minimum(torch.clamp(change, min=0.0), brightest)) / (1.0 - torch.clamp(change, max=0.0))


def _reflectance_ratio(batch: WindowBatch, surface: _Surface) -> Tensor:
    """Changed reflectance as a factor on display codes: √(1 + e (ρ - 1)), patchy inside, e where it is exposed."""
    scalars = batch.scalars
    patches = 1.0 + PATCHINESS * patchy_noise(batch.noise[:, -1:])
    polarity = polarity_at(scalars, surface.level)
    change = polarity * scalars.albedo_share * surface.amplitude / surface.level
    code = torch.clamp(1.0 + change * patches, min=0.0)
    code = torch.minimum(code, WHITE / surface.level)
    reflectance = torch.clamp(decode(code), min=MIN_REFLECTANCE)
    return encode(1.0 + surface.bare * (scalars.albedo_share > 0) * (reflectance - 1.0))


def _stain(batch: WindowBatch, light: Tensor, surface: _Surface) -> tuple[Tensor, Tensor]:
    """Cover the surface with product of the given thickness; also return the share that is hidden.

    The film's scattering per metre is not known, so it is set by the contrast asked for: where the product is thick,
    luminance goes the share p = A / |full change| of the way to that of thick product, within PRODUCT_LIMITS, and at
    the rim of the mask, t_c, at least far enough to be seen; S t = -ln(1 - p) / (2 b), with the logarithm by its second
    Padé approximant p (6 - p) / (6 - 4p). Between them thickness decides: a run is dark at its source and fades.
    Thinner product than t_c ends within PRODUCT_FADE of the rim, in a tide line (:func:`_tide`). The colour goes from
    thin to thick with the share that is hidden.
    """
    scalars = batch.scalars
    # What is much brighter than the rest of the part is white rather than well lit: product on it would glow.
    light_share = decode(surface.gray) / torch.clamp(decode(scalars.mean_luminance), min=1e-3)
    illumination = torch.clamp(light_share, max=BRIGHTEST_LIGHT)
    weight = surface.inside * batch.allowed
    darker = _darkening(batch, illumination, surface, weight)
    thick = scalars.product_colour * darker
    # Without colour, thin product could only hide behind a brightness like the surface's own.
    thin = scalars.product_thin_colour * darker if batch.picture.shape[1] > 1 else thick
    full = torch.abs(masked_mean(encode(luminance(thick) * illumination) - surface.gray, weight))
    full = torch.clamp(full, min=1e-3)
    rim = (torch.abs(batch.distance) < 1.0).to(weight.dtype) * batch.allowed
    onset = torch.clamp(masked_mean(batch.product, rim), min=1e-12)
    source = torch.maximum(masked_peak(batch.product * (1.0 / onset), weight) * onset, onset)
    thickness = torch.maximum(
        _film(torch.clamp(scalars.amplitude / full, *PRODUCT_LIMITS)) / source,
        _film(torch.clamp(RIM_SHARE * scalars.noise_floor / full, *RIM_LIMITS)) / onset,
    )
    inner, outer = PRODUCT_FADE
    fade = torch.clamp((outer - batch.distance) / (outer - inner), 0.0, 1.0)
    grains = torch.clamp(1.0 + PRODUCT_GRAIN * smooth_noise(batch.noise[:, -1:], PRODUCT_GRAIN_SIGMA), min=0.3)
    film = batch.product * thickness * (fade * fade * (3.0 - 2.0 * fade)) * (grains + _tide(batch.distance))
    hidden = 1.0 - torch.exp(-film)
    colour = thin + hidden * (thick - thin)
    contrast = film_contrast(colour) / film_contrast(luminance(thick))
    return absorb(light, film * contrast, colour, illumination), hidden


def _tide(distance: Tensor) -> Tensor:
    """Return the surplus of product at the rim over the thickness there, (B, 1, H, W).

    A drop that dries is pinned at its rim, where it dries fastest: the flow that makes up for it carries the product
    there (Deegan et al. 1997, Nature 389, 827, doi 10.1038/39827). TIDE max(1 - ((d - d₀) / r)², 0)² at the signed
    distance d.
    """
    near = torch.clamp(1.0 - ((distance - TIDE_PLACE) * (1.0 / TIDE_REACH)) ** 2, min=0.0)
    return TIDE * (near * near)


def _film(share: Tensor) -> Tensor:
    """Return 2 b S t of a film that hides ``share``: -ln(1 - p) ≈ p (6 - p) / (6 - 4 p), within 4 % up to p = 0.8."""
    return share * (6.0 - share) / (6.0 - 4.0 * share)


def _darkening(batch: WindowBatch, illumination: Tensor, surface: _Surface, weight: Tensor) -> Tensor:
    """Return the factor that keeps thick product from matching the surface it covers, (B, 1, 1, 1), at most 1.

    A rust as bright as the wood it runs over is wet and darker: its luminance stays the least amplitude below.
    """
    scalars = batch.scalars
    luminous = encode(luminance(scalars.product_colour) * illumination)
    now, level = masked_mean(luminous, weight), surface.level
    need = PRODUCT_ROOM * scalars.floor
    target = torch.clamp(level - need, min=0.03)
    too_near = (torch.abs(now - level) < need).to(level.dtype)
    ratio = torch.clamp(target / torch.clamp(now, min=0.02), max=1.0)
    return 1.0 + too_near * (ratio * ratio - 1.0)

"""Cracks: from opening along a centreline to a groove seen through the lens.

* :func:`visible_half_width`: half width of the mouth, px.
* :func:`render_line`: the good picture with the crack, and the level-set state of its footprint.
* :func:`optical_sigma`, :func:`smooth_noise`, :func:`patchy_noise`, :func:`polarity_at`: shared with the regions.

All functions are pure and work on (B, C, H, W). The elastic opening is far below a pixel for stiff materials, so
the mouth that is seen is worn and spalled: its width is the parameter ``edge_width``, and follows the opening to a
power. What lies in it: :mod:`maphc2f.render.groove`. The mask is the mouth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from maphc2f.render.batch import Scalars, WindowBatch
from maphc2f.render.groove import (
    CORE_WAVES,
    DARKNESS_WAVES,
    WIDTH_WAVES,
    Groove,
    Mouth,
    along,
    darkness,
    open_groove,
    relative_opening,
    taper,
    towards_light,
    waves,
)
from maphc2f.render.hollow import darken_holes
from maphc2f.render.operators import (
    PIXEL_VARIANCE,
    POOL,
    decode,
    encode,
    gaussian_blur,
    gaussian_taps,
    low_pass,
    luminance,
    masked_mean,
    masked_peak,
)

GRAIN_SIGMA = 1.1
"""Size of the grains by which a mouth is ragged and worn (sigma), px."""

WIDTH_LIMITS = (0.35, 1.7)
LEAST_SHARE = 0.7
"""A core too fine for this share of the contrast asked for is taken as wide as that needs: a contrast that the optics
swallow would be labelled but not seen."""

MAX_FLOOR_WIDTH = 3.0
"""The core is never widened beyond this for being seen, px."""

RIM_SHARE = 0.4
"""Softness (sigma) of the mouth's rim over its half width: spalls run out flat."""

DIRT_TINT = (0.88, 1.0, 1.18)
"""Absorption by dirt of red, green and blue over that of green: dust is brownish gray."""

TINT_SPREAD, TINT_LIMIT = 0.7, 2.5
"""Standard deviation of the logarithm of that tint between cracks, and the most of it over its median."""

MAX_ABSORPTION = 0.97
"""A groove returns at least 3 % of the light of the surface: multiple reflection and veiling glare."""

BRIGHT_SHARE = 0.6
"""Amplitude of a bright crack over that of a dark one: scattering by crushed material is weaker than a deep groove."""

OVERSHOOT = 1.5
"""Darkest part over the peak amplitude (a fourth-power mean along the crack): a groove saturates."""

LIP_GAIN = 0.6
"""Amplitude of a fully lit lip over the amplitude of the groove."""

FLECKS = (0.5, 2.0)
"""Light of the lip over that of one without gaps, mean and most: patches are spalled, others are not."""

DARK_ROOM = 0.04
"""Display value that the darkest part of a defect keeps."""

FACE_LIGHT = 0.3
"""Share of the light that the faces of a wide crack return, for fracture faces as bright as the surface: the other half
of the sky is shut out by the walls, and part of the rest is absorbed by dirt."""

FACE_WIDTHS = (3.0, 9.0)
"""Widths of the core, px, from which its faces begin to be seen, and from which they are seen in full."""

WHITE = 0.98
"""No bright defect exceeds this display value: highlights clip."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A coarse picture with the state that refinement works on; tensors (B, 1, H, W) unless said.

    Attributes:
        picture: (B, C, H, W), display codes.
        level: Lines: distance to the centreline; regions: signed distance to the contour, negative inside, px.
        half_width: Geometric half width of a line, px; 0 for regions.
        softness: Width of the transition at the rim (sigma), px, (B, 1, 1, 1).
        texture_gain: Amplitude of the surface's own texture that is left inside the defect, 0 .. 1.
    """

    picture: Tensor
    level: Tensor
    half_width: Tensor
    softness: Tensor
    texture_gain: Tensor


def local_level(batch: WindowBatch) -> Tensor:
    """Return the mean luminance of the good picture within 3 px of the lines, display units, (B, 1, 1, 1)."""
    near = (batch.distance < 3.0).to(batch.picture.dtype) * batch.allowed
    return torch.clamp(masked_mean(luminance(batch.picture), near), min=0.02)


def least_mouth(batch: WindowBatch, level: Tensor) -> Tensor:
    """Return the width from which a black groove can be seen through the optics, px, (B, 1, 1, 1).

    A strip of width w ≪ σ covers α = w / (σ √(2π)) at its middle, and L (1 - k α) must fall by the least amplitude:
    k α = 1 - (1 - A / I)², with k = MAX_ABSORPTION.
    """
    scalars = batch.scalars
    least = torch.maximum(LEAST_SHARE * scalars.amplitude, scalars.floor)
    darkest = torch.clamp(1.0 - least / level, min=0.0)
    coverage = (1.0 - darkest * darkest) / MAX_ABSORPTION
    return torch.clamp(coverage * optical_sigma(batch) * math.sqrt(2.0 * math.pi), max=MAX_FLOOR_WIDTH)


def visible_half_width(batch: WindowBatch, least: Tensor, taper: Tensor, where: Tensor) -> Tensor:
    """Return the half width of the mouth at the nearest point of the centreline, px, (B, 1, H, W).

    w = max(δ, w_e (δ/δ_max)^0.5 (1 + Σ a_k sin(2π s / λ_k + φ_k))) with opening δ, mouth w_e (at least
    :func:`least_mouth`) and arc length s.

    Args:
        batch: The windows.
        least: From :func:`least_mouth`.
        taper: From :func:`~maphc2f.render.groove.taper`.
        where: From :func:`~maphc2f.render.groove.along`.
    """
    scalars = batch.scalars
    modulation = torch.clamp(1.0 + waves(batch, where, WIDTH_WAVES, 0), *WIDTH_LIMITS)
    mouth = torch.maximum(scalars.edge_width / scalars.pixel_size, least)
    width = torch.maximum(batch.opening / scalars.pixel_size, mouth * taper * modulation)
    return 0.5 * width * (batch.opening > 0)


def optical_sigma(batch: WindowBatch, extra: tuple[float, ...] | None = None) -> Tensor:
    """Return √(σ_psf² + σ_extra² + 1/12), px, (B, 1, 1, 1): lens, rim and pixel aperture."""
    extras = extra or (0.0,) * len(batch.psf_sigma)
    values = [math.sqrt(s * s + e * e + PIXEL_VARIANCE) for s, e in zip(batch.psf_sigma, extras, strict=True)]
    return torch.tensor(values, dtype=batch.picture.dtype, device=batch.picture.device).reshape(-1, 1, 1, 1)


def smooth_noise(noise: Tensor, sigma: float) -> Tensor:
    """Return ``noise`` (B, C, H, W) blurred with ``sigma`` px and scaled back to unit variance.

    A Gaussian blur of white noise leaves the variance Σ w² of its kernel, which is divided out.
    """
    taps = gaussian_taps([sigma] * noise.shape[0], noise)
    half = [float(t) for t in taps[:, 0, 0, 0, 0]]
    power = half[0] ** 2 + 2.0 * sum(h * h for h in half[1:])
    return gaussian_blur(noise, taps) / power


def polarity_at(scalars: Scalars, level: Tensor) -> Tensor:
    """Return the sign of the change, (B, 1, 1, 1): turned where ``level`` leaves no room for the one drawn.

    A dark defect needs the least amplitude above black, a bright one below white.
    """
    no_dark = level - scalars.floor < DARK_ROOM
    no_bright = level + scalars.floor > WHITE
    one = torch.ones_like(level)
    turned = torch.where(no_bright, -one, scalars.polarity)
    return torch.where(no_dark, one, turned)


def patchy_noise(noise: Tensor) -> Tensor:
    """Return ``noise`` (B, C, H, W) with a correlation length of about 6 px and nearly unit variance.

    The means over 4 x 4 px of white noise have the standard deviation 1/4; mean over 3 x 3 of them a third of that.
    """
    return low_pass(noise) * (3.0 * POOL)


def render_line(batch: WindowBatch) -> Rendered:
    """Return the picture with its cracks.

    Linear light is L' = L (1 - k p) (dark) or L + p b (bright), with the darkness p
    (:func:`~maphc2f.render.groove.darkness`) over its own peak; k and b are such that the strongest part reaches the
    target amplitude, as far as a black groove and a white lip allow. A chamfer on the side away from the light is lit,
    the one towards it shaded. Holes that the crack joins are dark whatever the crack is
    (:mod:`maphc2f.render.hollow`).
    """
    level = local_level(batch)
    mouth = _mouth(batch, level)
    patches, grains = patchy_noise(batch.noise[:, :1]), smooth_noise(batch.noise[:, :1], GRAIN_SIGMA)
    facing = towards_light(batch)
    groove = open_groove(batch, mouth, patches, grains, facing)
    dark = (polarity_at(batch.scalars, level) < 0).to(level.dtype)
    clean, dirt = darkness(batch, groove, dark)
    peak = torch.clamp(masked_peak(clean + dirt, groove.core * batch.allowed), min=0.02)
    strength = torch.clamp((clean + _tint(batch, dirt)) / peak, max=OVERSHOOT)
    absorbed, scattered = _change(batch.scalars, peak, level)
    least = _faces(batch, groove.core_half_width)
    kept = 1.0 - torch.minimum(torch.clamp((dark * absorbed) * strength, max=MAX_ABSORPTION), 1.0 - least)
    light = darken_holes(batch, decode(batch.picture) * kept + ((1.0 - dark) * scattered) * strength)
    lit = _lip(groove, mouth, facing) * torch.clamp(FLECKS[0] + patches, 0.0, FLECKS[1])
    picture = encode(light) + LIP_GAIN * batch.scalars.lip * batch.scalars.amplitude * lit
    return Rendered(picture, batch.distance, mouth.half_width, mouth.soft, torch.ones_like(patches))


def _mouth(batch: WindowBatch, level: Tensor) -> Mouth:
    """Return the widths of the mouth; the softness of its rim is one for the whole crack."""
    relative, where, least = relative_opening(batch.opening), along(batch), least_mouth(batch, level)
    sharp, narrowing = optical_sigma(batch), taper(relative)
    half_width = visible_half_width(batch, least, narrowing, where)
    near = (batch.distance < 1.0).to(half_width.dtype) * batch.allowed
    own = RIM_SHARE * masked_mean(half_width, near)
    soft = torch.sqrt(sharp * sharp + own * own)
    return Mouth(half_width, 0.5 * least, relative, narrowing, where, sharp, soft)


def _tint(batch: WindowBatch, dirt: Tensor) -> Tensor:
    """Return the absorption by dirt in every channel; how brown it is differs from crack to crack.

    The first value of the noise that :func:`~maphc2f.render.groove.waves` does not take decides.
    """
    channels = batch.picture.shape[1]
    if channels == 1:
        return dirt
    taken = len(WIDTH_WAVES) + len(DARKNESS_WAVES) + len(CORE_WAVES)
    brown = torch.clamp(torch.exp(TINT_SPREAD * batch.noise[:, :1, :1, taken : taken + 1]), max=TINT_LIMIT)
    tint = torch.tensor(DIRT_TINT, dtype=dirt.dtype, device=dirt.device).reshape(1, 3, 1, 1)
    return dirt * (1.0 + brown * (tint - 1.0))


def _faces(batch: WindowBatch, half_width: Tensor) -> Tensor:
    """Return the share of light that the fracture faces in a wide crack return, in [0, 1), (B, 1, H, W).

    Where no crack is wide enough the 0 comes for nothing.
    """
    low, high = FACE_WIDTHS
    if 2.0 * float(half_width.max()) <= low:
        return torch.zeros_like(batch.scalars.fracture_brightness)
    seen = torch.clamp((2.0 * half_width - low) / (high - low), 0.0, 1.0)
    return torch.clamp(FACE_LIGHT * batch.scalars.fracture_brightness, max=0.6) * seen


def _change(scalars: Scalars, peak: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
    """Return share of light that a dark groove absorbs and linear light that a bright one adds, (B, 1, 1, 1) each.

    Both are those of the strongest part; ``peak`` is what it is of a full groove.
    """
    darkest = torch.clamp(level - scalars.amplitude, min=0.0)
    absorbed = torch.minimum(1.0 - decode(darkest / level), MAX_ABSORPTION * peak)
    brightest = torch.clamp(level + torch.maximum(BRIGHT_SHARE * scalars.amplitude, scalars.floor), max=WHITE)
    return absorbed, torch.clamp(decode(brightest) - decode(level), min=0.0)


def _lip(groove: Groove, mouth: Mouth, towards: Tensor) -> Tensor:
    """Signed light on the chamfer in [-1, 1]; ``towards`` is n · l, from the centreline to the light.

    The chamfer leans into the groove, so its facing is -n, and it is lit where -n · l > 0.
    """
    chamfer = torch.clamp(groove.mouth - groove.core, min=0.0)
    return chamfer * torch.clamp(-towards, -0.5, 1.0) * torch.clamp(mouth.half_width, max=1.0)

"""Cracks: from opening along a centreline to a groove seen through the lens.

* :func:`visible_half_width`: half width of the mouth, px.
* :func:`strip_coverage`: a strip of sub-pixel width through a Gaussian blur.
* :func:`render_line`: the good picture with the crack, and the level-set state of its footprint.

All functions are pure and work on (B, C, H, W). The elastic opening is far below a pixel for stiff materials, so
the mouth that is seen is worn and spalled: its width is the parameter ``edge_width``, and follows the opening to a
power.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from maphc2f.render.batch import Scalars, WindowBatch
from maphc2f.render.hollow import darken_holes
from maphc2f.render.operators import (
    PIXEL_VARIANCE,
    POOL,
    central_gradient,
    decode,
    encode,
    gaussian_blur,
    gaussian_taps,
    low_pass,
    luminance,
    masked_mean,
    masked_peak,
)

OPENING_EXPONENT = 0.6
"""Visible width over opening: width ∝ opening^0.6, measured on real cracks."""

WIDTH_WAVES = ((11.0, 0.10), (29.0, 0.15), (83.0, 0.18))
"""Wave lengths along the crack, px, and relative amplitudes of the width: spalls of many sizes."""

DARKNESS_WAVES = ((17.0, 0.12), (47.0, 0.18), (120.0, 0.12))
"""The same for the darkness: dirt and depth vary more slowly than the rim."""

RAGGED_SIGMA = 1.1
"""Correlation length of the rim's raggedness, px."""

RAGGED_AMPLITUDE = 0.45
"""Standard deviation by which a wide rim wanders, px; below 2 px width it shrinks with the width."""

WIDTH_LIMITS = (0.35, 1.7)
LEAST_SHARE = 0.75
"""A mouth too fine for this share of the contrast asked for is taken as wide as that needs: a contrast that the optics
swallow would be labelled but not seen."""

MAX_FLOOR_WIDTH = 3.0
"""The mouth is never widened beyond this for being seen, px."""

MAX_ABSORPTION = 0.97
"""A groove returns at least 3 % of the light of the surface: multiple reflection and veiling glare."""

BRIGHT_SHARE = 0.6
"""Amplitude of a bright crack over that of a dark one: scattering by crushed material is weaker than a deep groove."""

TIP_DARKNESS = 0.45
"""Relative darkness where the opening vanishes; a shallow groove sees more of the lights."""

OVERSHOOT = 1.25
"""Darkest part over the peak amplitude (a fourth-power mean along the crack): a groove saturates."""

LIP_WIDTH = 1.3
"""Width of the chamfer at the mouth, px."""

LIP_GAIN = 0.6
"""Amplitude of a fully lit lip over the amplitude of the groove."""

DARK_ROOM = 0.04
"""Display value that the darkest part of a defect keeps."""

FACE_LIGHT = 0.3
"""Share of the light that the faces of a wide crack return, for fracture faces as bright as the surface: the other half
of the sky is shut out by the walls, and part of the rest is absorbed by dirt."""

FACE_WIDTHS = (3.0, 9.0)
"""Widths, px, from which the faces begin to be seen, and from which they are seen in full."""

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


def _waves(arclength: Tensor, noise: Tensor, waves: tuple[tuple[float, float], ...], first: int) -> Tensor:
    """Sum of sines along the crack; the phases come from single draws of the noise input."""
    total = torch.zeros_like(arclength)
    for k, (length, amplitude) in enumerate(waves):
        phase = 8.0 * noise[:, :1, :1, first + k : first + k + 1]
        total = total + amplitude * torch.sin((2.0 * math.pi / length) * arclength + phase)
    return total


def relative_opening(opening: Tensor) -> Tensor:
    """Return opening over its maximum in the window, in [0, 1], (B, 1, H, W); 0 for a closed crack."""
    return opening / torch.clamp(opening.amax((1, 2, 3), keepdim=True), min=1e-30)


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


def visible_half_width(batch: WindowBatch, level: Tensor) -> Tensor:
    """Return the half width of the mouth at the nearest point of the centreline, px, (B, 1, H, W).

    w = max(δ, w_e (δ/δ_max)^0.6 (1 + Σ a_k sin(2π s / λ_k + φ_k))) with opening δ, mouth w_e (at least
    :func:`least_mouth`) and arc length s.
    """
    scalars = batch.scalars
    modulation = torch.clamp(1.0 + _waves(batch.arclength, batch.noise, WIDTH_WAVES, 0), *WIDTH_LIMITS)
    relative = torch.clamp(relative_opening(batch.opening), min=1e-12)
    mouth = torch.maximum(scalars.edge_width / scalars.pixel_size, least_mouth(batch, level))
    width = torch.maximum(
        batch.opening / scalars.pixel_size, mouth * torch.pow(relative, OPENING_EXPONENT) * modulation
    )
    return 0.5 * width * (batch.opening > 0)


def strip_coverage(distance: Tensor, half_width: Tensor, sigma: Tensor) -> Tensor:
    """Return the share of a strip seen at ``distance`` from its middle through a Gaussian of ``sigma``.

    α = ½ [erf((h - d) / (√2 σ)) + erf((h + d) / (√2 σ))]; for h ≪ σ it is 2h / (σ √(2π)) exp(-d² / 2σ²): a hairline
    keeps its integral and loses its contrast, as through a lens. All (B, 1, H, W) or (B, 1, 1, 1), px.
    """
    scale = 1.0 / (math.sqrt(2.0) * sigma)
    return 0.5 * (torch.erf((half_width - distance) * scale) + torch.erf((half_width + distance) * scale))


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

    Linear light behind the groove is L' = L (1 - k α τ) (dark) or L + α τ b (bright), with coverage α and relative
    darkness τ; k and b are such that the strongest part reaches the target amplitude, as far as a black groove and a
    white lip allow. A chamfer on the side away from the light is lit, the one towards it shaded. Holes that the crack
    joins are dark whatever the crack is (:mod:`maphc2f.render.hollow`).
    """
    level, sigma = local_level(batch), optical_sigma(batch)
    half_width = visible_half_width(batch, level)
    ragged = RAGGED_AMPLITUDE * torch.clamp(half_width, max=1.0) * smooth_noise(batch.noise[:, :1], RAGGED_SIGMA)
    distance = torch.clamp(batch.distance + ragged, min=0.0)
    coverage = strip_coverage(distance, half_width, sigma)
    strength = coverage * _darkness(batch)
    peak = torch.clamp(masked_peak(strength, coverage * batch.allowed), min=0.02)
    light = _groove(batch, torch.clamp(strength / peak, max=OVERSHOOT), peak, level, _faces(batch, half_width))
    light = darken_holes(batch, light)
    lit = _lip(batch, distance, half_width, sigma, coverage)
    picture = encode(light) + LIP_GAIN * batch.scalars.lip * batch.scalars.amplitude * lit
    return Rendered(picture, batch.distance, half_width, sigma, torch.ones_like(half_width))


def _darkness(batch: WindowBatch) -> Tensor:
    """Relative depth of the groove as the lights see it, in (0, 1]."""
    waves = _waves(batch.arclength, batch.noise, DARKNESS_WAVES, len(WIDTH_WAVES))
    relative = torch.sqrt(relative_opening(batch.opening))
    return (TIP_DARKNESS + (1.0 - TIP_DARKNESS) * relative) * torch.clamp(1.0 + waves, 0.4, 1.0)


def _faces(batch: WindowBatch, half_width: Tensor) -> Tensor:
    """Return the share of light that the fracture faces in a wide crack return, in [0, 1), (B, 1, H, W)."""
    low, high = FACE_WIDTHS
    seen = torch.clamp((2.0 * half_width - low) / (high - low), 0.0, 1.0)
    return torch.clamp(FACE_LIGHT * batch.scalars.fracture_brightness, max=0.6) * seen


def _groove(batch: WindowBatch, strength: Tensor, peak: Tensor, level: Tensor, faces: Tensor) -> Tensor:
    """Return linear light behind the groove; ``strength`` is relative to its own ``peak``."""
    scalars = batch.scalars
    darkest = torch.clamp(level - scalars.amplitude, min=0.0)
    absorbed = 1.0 - decode(darkest / level)
    absorbed = torch.minimum(absorbed, MAX_ABSORPTION * peak)
    brightest = torch.clamp(level + torch.maximum(BRIGHT_SHARE * scalars.amplitude, scalars.floor), max=WHITE)
    scattered = torch.clamp(decode(brightest) - decode(level), min=0.0)
    dark = (polarity_at(scalars, level) < 0).to(strength.dtype)
    light = decode(batch.picture)
    kept = 1.0 - torch.minimum(torch.clamp((dark * absorbed) * strength, max=MAX_ABSORPTION), 1.0 - faces)
    return light * kept + ((1.0 - dark) * scattered) * strength


def _lip(batch: WindowBatch, distance: Tensor, half_width: Tensor, sigma: Tensor, coverage: Tensor) -> Tensor:
    """Signed light on the chamfer in [-1, 1]: n is the unit normal away from the centreline, l the tilt of the light.

    The chamfer leans into the groove, so its facing is -n, and it is lit where -n · l > 0.
    """
    scalars = batch.scalars
    ny, nx = central_gradient(batch.distance)
    chamfer = strip_coverage(distance, half_width + LIP_WIDTH, sigma) - coverage
    facing = -(ny * scalars.light_y + nx * scalars.light_x)
    shaded = torch.clamp(facing, -0.5, 1.0)
    return chamfer * shaded * torch.clamp(half_width, max=1.0)

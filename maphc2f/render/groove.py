"""What is seen across a crack: a dark core in a worn mouth, bridged here and there, in a shade of dirt.

* :func:`open_groove`: core, mouth and shade along a centreline; :class:`Groove` holds them.
* :func:`darkness`: how dark they are, the core at its darkest being 1.
* :func:`strip_coverage`: a strip of sub-pixel width through a Gaussian blur.
* :func:`taper`, :func:`relative_opening`, :func:`waves`, :func:`along`: what varies along the crack.
* :func:`towards_light`: which side of the crack faces the light.

Real cracks show a core of one or two pixels, as wide as the crack is open, that runs to and fro in a mouth worn and
spalled to two or three times its width; there the surface's texture is left, darker. Grains and debris bridge the core,
and dirt shades the surface beside the mouth. All functions are pure and work on (B, C, H, W).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from maphc2f.render.batch import WindowBatch
from maphc2f.render.operators import central_gradient, highest

Waves = tuple[tuple[float, float], ...]

STEPS = 4
"""Waves along a crack are looked up from tables with this many values per px of arc length."""

TABLE_BLOCK = 256
"""Table lengths are multiples of it, so that vector instructions treat every value alike."""

OPENING_EXPONENT = 0.5
"""Visible width over opening: width ∝ opening^0.5, measured on real cracks."""

WIDTH_WAVES: Waves = ((11.0, 0.10), (29.0, 0.15), (83.0, 0.18))
"""Wave lengths along the crack, px, and relative amplitudes of the mouth's width: spalls of many sizes."""

CORE_WAVES: Waves = ((9.0, 0.08), (31.0, 0.12), (73.0, 0.12))
"""The same for the width of the core, which swells to knots."""

DARKNESS_WAVES: Waves = ((17.0, 0.08), (47.0, 0.08), (120.0, 0.06))
"""The same for its darkness: dirt and depth vary more slowly than the rim."""

CORE_LIMITS = (0.3, 2.0)
DARKNESS_LIMITS = (0.4, 1.0)
TIP_DARKNESS = 0.65
"""Relative darkness where the opening vanishes; a shallow groove sees more of the lights."""

RAGGED_AMPLITUDE = 0.45
"""Standard deviation by which a wide rim wanders, px; below 2 px width it shrinks with the width."""

CORE_RAGGED = 0.5
"""Raggedness of the core over that of the rim: grains break out of the rim, the crack itself runs through."""

WANDER = (0.3, 0.5)
"""Offset of the core from the middle of the mouth towards the light, over the room that it has there: what the walls'
shadow gives everywhere, and the standard deviation of what chance adds."""

BRIDGE_SLOPE, MOST_BRIDGED = 0.7, 0.95
"""How steeply open stretches pass into bridged ones, over the standard deviation of the patches, and the most of it."""

LOGISTIC = 1.7
"""The logistic function of 1.7 x is the normal distribution's within 0.01."""

WHOLE = 0.7
"""Share of the wear that is missing where grains bridge the crack: the surface is whole there."""

PATCHES, PATCH_LIMITS = 0.3, (0.0, 2.0)
"""Relative standard deviation of the wear between patches of about 6 px, and its limits."""

GRAINS = (0.2, 1.6)
"""The same from grain to grain: of an even material, and what a fully bridged one adds."""

GRAIN_LIMITS = (-0.9, 2.8)
"""Below 0 a fresh grain is brighter than the surface."""

SHADE_LENGTH, SHADE_REACH = 2.4, 7.0
"""Length on which the dirt beyond the mouth fades, and where it ends, px."""

SHADE_ROOM = 1.0
"""Most darkness of the shade at the rim over the least change that noise lets see: it fades below what counts as a
change within the optical radius, so that the mask stays that of the crack."""

SEEN_MOUTH = 0.5
"""Least darkness of the mouth over the least change that noise lets see: a bridged crack is still seen."""


@dataclass(frozen=True, slots=True)
class Mouth:
    """Widths of mouth and core (B, 1, H, W), and (B, 1, 1, 1): least width of the core, softness of both rims, px.

    Attributes:
        half_width: Of the mouth at the nearest point of the centreline.
        least: Half width that the core needs to be seen where the crack is widest.
        opening: Opening over its largest, (B, 1, H, W).
        taper: Visible width over its largest, (B, 1, H, W).
        along: From :func:`along`.
        sharp: Softness of the core: lens and pixel.
        soft: Softness of the mouth's rim, lens included.
    """

    half_width: Tensor
    least: Tensor
    opening: Tensor
    taper: Tensor
    along: Tensor
    sharp: Tensor
    soft: Tensor


@dataclass(frozen=True, slots=True)
class Groove:
    """What is seen across a crack; tensors (B, 1, H, W).

    Attributes:
        distance: From the centreline, as the ragged rim has it, px.
        core: Coverage of the open groove, 0 .. 1.
        core_half_width: px.
        mouth: Coverage of the worn mouth, 0 .. 1.
        shade: Dirt on the surface round it, 0 .. 1.
        depth: Darkness of the core where it is open, in (0, 1].
        bridged: Share of it that is bridged, 0 .. 1.
        wear: Darkness of the mouth over its mean, from patch to patch.
        grain: The same from grain to grain.
    """

    distance: Tensor
    core: Tensor
    core_half_width: Tensor
    mouth: Tensor
    shade: Tensor
    depth: Tensor
    bridged: Tensor
    wear: Tensor
    grain: Tensor


def along(batch: WindowBatch) -> Tensor:
    """Return where each pixel finds its values in the tables of :func:`waves`, (B, H W), int64."""
    return torch.clamp(batch.arclength * STEPS, min=0.0).to(torch.int64).flatten(1)


def waves(batch: WindowBatch, where: Tensor, which: Waves, first: int) -> Tensor:
    """Return Σ a_k sin(2π s / λ_k + φ_k) along the crack, (B, 1, H, W); φ_k: values ``first`` on of the noise.

    The sum is made once per step of arc length s and looked up at ``where``, see :func:`along`: s is rounded to a
    quarter of a pixel.
    """
    length = (int(where.max()) // TABLE_BLOCK + 1) * TABLE_BLOCK
    place = (torch.arange(length, dtype=batch.noise.dtype, device=batch.noise.device) + 0.5) / STEPS
    total = torch.zeros_like(place).expand(len(where), length)
    for k, (wave_length, amplitude) in enumerate(which):
        phase = 8.0 * batch.noise[:, 0, :1, first + k : first + k + 1].flatten(1)
        total = total + amplitude * torch.sin((2.0 * math.pi / wave_length) * place + phase)
    return torch.gather(total, 1, where).reshape(batch.arclength.shape)


def relative_opening(opening: Tensor) -> Tensor:
    """Return opening over its maximum in the window, in [0, 1], (B, 1, H, W); 0 for a closed crack."""
    return opening / torch.clamp(opening.amax((1, 2, 3), keepdim=True), min=1e-30)


def taper(relative: Tensor) -> Tensor:
    """Return (δ/δ_max)^0.5 of the :func:`relative_opening`: the visible width over its largest, (B, 1, H, W)."""
    return torch.pow(torch.clamp(relative, min=1e-12), OPENING_EXPONENT)


def strip_coverage(distance: Tensor, half_width: Tensor, sigma: Tensor) -> Tensor:
    """Return the share of a strip seen at ``distance`` from its middle through a Gaussian of ``sigma``.

    α = ½ [erf((h - d) / (√2 σ)) + erf((h + d) / (√2 σ))]; for h ≪ σ it is 2h / (σ √(2π)) exp(-d² / 2σ²): a hairline
    keeps its integral and loses its contrast, as through a lens. All (B, 1, H, W) or (B, 1, 1, 1), px.
    """
    scale = 1.0 / (math.sqrt(2.0) * sigma)
    return 0.5 * (torch.erf((half_width - distance) * scale) + torch.erf((half_width + distance) * scale))


def towards_light(batch: WindowBatch) -> Tensor:
    """Return n · l, (B, 1, H, W): n the unit normal away from the centreline, l the tilt of the light."""
    down, right = central_gradient(batch.distance)
    return down * batch.scalars.light_y + right * batch.scalars.light_x


def core_half_width(batch: WindowBatch, mouth: Mouth) -> Tensor:
    """Return the half width of the dark core, px, (B, 1, H, W), never more than that of the mouth.

    w_c = max(δ, max(c w, w_0 (δ/δ_max)^0.5) (1 + Σ a_k sin(2π s / λ_k + φ_k))) with the share c = ``core_share`` of the
    mouth w and the least width w_0.
    """
    swell = torch.clamp(
        1.0 + waves(batch, mouth.along, CORE_WAVES, len(WIDTH_WAVES) + len(DARKNESS_WAVES)), *CORE_LIMITS
    )
    worn = torch.maximum(batch.scalars.core_share * mouth.half_width, mouth.least * mouth.taper)
    return torch.minimum(torch.maximum(worn * swell, 0.5 * batch.opening / batch.scalars.pixel_size), mouth.half_width)


def open_groove(batch: WindowBatch, mouth: Mouth, patches: Tensor, grains: Tensor, light: Tensor) -> Groove:
    """Return what is seen across the crack.

    Args:
        batch: The windows.
        mouth: Its widths.
        patches: Noise of unit variance and some 6 px, (B, 1, H, W).
        grains: The same of the size of a grain, about a pixel.
        light: From :func:`towards_light`.
    """
    scalars, half_width = batch.scalars, mouth.half_width
    ragged = RAGGED_AMPLITUDE * torch.clamp(half_width, max=1.0) * grains
    distance = torch.clamp(batch.distance + ragged, min=0.0)
    core = core_half_width(batch, mouth)
    offset = (half_width - core) * torch.clamp(WANDER[0] + WANDER[1] * patches, -1.0, 1.0)
    apart = _beside(batch.distance + CORE_RAGGED * ragged, offset, light * (1.0 / _tilt(batch)))
    spread = GRAINS[0] + GRAINS[1] * scalars.bridging
    return Groove(
        distance=distance,
        core=strip_coverage(apart, core, mouth.sharp),
        core_half_width=core,
        mouth=strip_coverage(distance, half_width, mouth.soft),
        shade=_fading(batch.distance - half_width) * (batch.opening > 0),
        depth=_depth(batch, mouth),
        bridged=_bridged(scalars.bridging, patches),
        wear=torch.clamp(1.0 + PATCHES * patches, *PATCH_LIMITS),
        grain=torch.clamp(1.0 - spread * grains, *GRAIN_LIMITS),
    )


def darkness(batch: WindowBatch, groove: Groove, dirty: Tensor) -> tuple[Tensor, Tensor]:
    """Return the darkness of the open groove and that of dirt and wear, (B, 1, H, W) each, over that of a full groove.

    p = α τ (1 - f) + [(α f + (1 - α) μ) w_m g + (1 - μ) s]: coverage α of the core, its depth τ and bridged share f;
    coverage μ of the mouth, its darkness w_m and grain g; shade s. From patch to patch the mouth keeps SEEN_MOUTH of
    what noise lets see, and the shade has at most SHADE_ROOM of it. Where ``dirty``, (B, 1, 1, 1), is 0 there is none.
    """
    scalars = batch.scalars
    seen = scalars.noise_floor / scalars.amplitude
    worn = scalars.mouth_darkness * groove.wear * (1.0 - WHOLE * groove.bridged)
    worn = torch.maximum(worn, SEEN_MOUTH * seen) * groove.grain
    shade = dirty * torch.minimum(scalars.shade * groove.grain, SHADE_ROOM * seen) * groove.shade
    dirt = (groove.core * groove.bridged + (1.0 - groove.core) * groove.mouth) * worn + (1.0 - groove.mouth) * shade
    return groove.core * (groove.depth * (1.0 - groove.bridged)), dirt


def _tilt(batch: WindowBatch) -> Tensor:
    """Length of the light's direction in the plane, (B, 1, 1, 1)."""
    light_y, light_x = batch.scalars.light_y, batch.scalars.light_x
    return torch.clamp(torch.sqrt(light_y * light_y + light_x * light_x), min=1e-3)


def _beside(distance: Tensor, offset: Tensor, cosine: Tensor) -> Tensor:
    """Return the distance to a line that lies ``offset`` px beside the centreline, on the side of the light.

    With the cosine c of the normal away from the centreline and the light in the plane, the line lies at o |c| on the
    side where c > 0: d'² = d² - 2 d o c + o² c². On the ridge itself, where there is no normal, c² is that of its
    neighbours.
    """
    square = highest(cosine * cosine)
    return torch.sqrt(torch.clamp(distance * (distance - 2.0 * offset * cosine) + offset * offset * square, min=1e-8))


def _bridged(share: Tensor, patches: Tensor) -> Tensor:
    """Return how far the core is bridged: more than half on ``share`` of its length, where ``patches`` is low."""
    odds = torch.clamp(share, 1e-4, 1.0 - 1e-4)
    level = torch.log(odds / (1.0 - odds)) / LOGISTIC
    return torch.clamp(0.5 + BRIDGE_SLOPE * (level - patches), 0.0, MOST_BRIDGED)


def _fading(beyond: Tensor) -> Tensor:
    """Return exp(-e / SHADE_LENGTH) (1 - e / SHADE_REACH) at ``beyond`` px from the mouth; 1 inside it."""
    beyond = torch.clamp(beyond, 0.0, SHADE_REACH)
    return torch.exp(beyond * (-1.0 / SHADE_LENGTH)) * (1.0 - beyond * (1.0 / SHADE_REACH))


def _depth(batch: WindowBatch, mouth: Mouth) -> Tensor:
    """Relative depth of the groove as the lights see it, in (0, 1]."""
    relative = torch.sqrt(mouth.opening)
    shown = torch.clamp(1.0 + waves(batch, mouth.along, DARKNESS_WAVES, len(WIDTH_WAVES)), *DARKNESS_LIMITS)
    return (TIP_DARKNESS + (1.0 - TIP_DARKNESS) * relative) * shown

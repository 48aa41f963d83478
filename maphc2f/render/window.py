"""What goes into and comes out of rendering and refinement, one window of a picture each.

Pictures are float32 in [0, 1] of the display-coded values (code / 255 or code / 65535), (H, W, C) with C = 1 or 3.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from maphc2f.render.orientation import OrientationField
from maphc2f.sample import Float32, PlacedFields


@dataclass(frozen=True, slots=True)
class PictureStatistics:
    """Optics and statistics of a prepared picture, estimated once and cached.

    Attributes:
        noise: Sensor noise, standard deviation of the finest detail band (MAD), display units in [0, 1].
        psf_sigma: Gaussian sigma of the optical blur, px.
        light: Unit vector (y, x, z) towards the light.
        ambient: Share of ambient light, 0 .. 1.
        local_std: Typical standard deviation in a 32-px neighbourhood inside the foreground, display units.
        mean: Mean value inside the foreground, display units, per channel.
        direction: Dominant texture direction, rad from the x towards the y axis (clockwise as seen), in [0, pi).
        coherence: How directed the texture is, 0 (isotropic) .. 1.
        texture_std: Standard deviation of the surface's own fine texture, display units: outlines and shading of the
            part, which inflate ``local_std``, do not count.
        orientation: Direction and coherence place by place; None: ``direction`` and ``coherence`` hold everywhere.
    """

    noise: float
    psf_sigma: float
    light: tuple[float, float, float]
    ambient: float
    local_std: float
    mean: tuple[float, ...]
    direction: float
    coherence: float
    texture_std: float = 0.02
    orientation: OrientationField | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Appearance:
    """How one defect looks: drawn per sample, stored with it. Every number is a named, documented parameter.

    Attributes:
        contrast: Target |amplitude| of the darkest (brightest) part over the unit of contrast of the picture.
        polarity: -1 dark, +1 bright.
        edge_width: Worn or spalled mouth of a crack at its widest, m; 0 for regions.
        edge_sigma: Softness of a region's rim, px (before the optical blur).
        roughness: Strength of the fine texture inside, relative to ``texture_std``.
        fracture_brightness: Reflectance of exposed material over that of the surface.
        gloss_loss: Share of the highlight that is lost inside.
        lip: Strength of the lit lip on the side away from the light, 0 .. 1.
        product_colour: Linear RGB reflectance of thick product.
        product_thin_colour: The same where it is thin.
        streak: How far the texture inside runs along the defect, 0 (any way) .. 1 (a scratch).
        broken_face: Whether the region is a fracture face: the surface is gone, not changed.
        core_share: Width of a crack's dark core over that of its worn mouth, 0 .. 1.
        mouth_darkness: Darkness of the worn mouth beside the core over that of the core, 0 .. 1.
        shade: Darkness of the dirt on the surface at the mouth's rim over that of the core, 0 .. 1.
        bridging: Share of a crack that debris and grains left whole bridge, 0 .. 1.
        rim_shadow: Depth of the thin shadow under the rim of a fracture face or a pit over the amplitude, 0 .. 2.
        facets: Spread of the light on the facets of attacked metal over the amplitude, 0 .. 1; 0: the metal is whole.
        tint: How far thin product colours attacked metal, 0 .. 1.
        relief_gain: Slope multiplier that stands for the grazing light of the set-up, >= 0 (1: as estimated).
        albedo_share: Share of the contrast carried by a change of reflectance (exposed, matte or stained surface),
            0 .. 1; the rest comes from relief.
    """

    contrast: float
    polarity: float
    edge_width: float
    edge_sigma: float
    roughness: float
    fracture_brightness: float
    gloss_loss: float
    lip: float
    product_colour: tuple[float, float, float]
    relief_gain: float
    albedo_share: float = 0.0
    product_thin_colour: tuple[float, float, float] = (0.5, 0.22, 0.05)
    streak: float = 0.0
    broken_face: bool = False
    rim_shadow: float = 0.0
    core_share: float = 0.4
    mouth_darkness: float = 0.3
    shade: float = 0.15
    bridging: float = 0.2
    facets: float = 0.0
    tint: float = 0.0


@dataclass(frozen=True, slots=True)
class WindowInputs:
    """One sample's window before rendering.

    Attributes:
        family: Defect family (``texture_overlay`` and other picture-level families use ``overlay`` and ``opacity``).
        picture: The good picture, (H, W, C) float32.
        foreground: (H, W) float32: the share of a pixel that is the part's, at least 0.55 on the part, 0 beyond it.
        fields: The placed defect.
        appearance: See :class:`Appearance`.
        statistics: Of the whole picture.
        pixel_size: Effective, m.
        noise: Standard normal draws, (H, W, C) float32: the only randomness of this layer.
        overlay: Texture to blend for picture-level families, (H, W, C) float32, or None.
        opacity: Its opacity.
        blended: Whether the overlay already is the finished picture, to be taken everywhere, not on the mask alone.
        behind: What is seen where the part is gone, (H, W, C) float32, or None if nothing is known.
    """

    family: str
    picture: Float32
    foreground: Float32
    fields: PlacedFields
    appearance: Appearance
    statistics: PictureStatistics
    pixel_size: float
    noise: Float32
    overlay: Float32 | None = None
    opacity: float = 0.0
    blended: bool = False
    behind: Float32 | None = None


@dataclass(frozen=True, slots=True)
class WindowResult:
    """One sample's window after the last stage that runs.

    Attributes:
        picture: (H, W, C) float32 in [0, 1]; equals the input outside the support.
        soft_mask: (H, W) float32 in [0, 1]: clip(0.5 + rho - distance, 0, 1) of the final level set.
        coarse_mask: (H, W) float32: the same before npcF.
        residuals: Relative residuals by name: ``relaxation``, ``composition`` (0 when the stage did not run).
        visible_width: Mean width of a crack as drawn, m; 0 for regions.
        change_radius: Optical width in px by which the mask is dilated when changes are checked against it.
    """

    picture: Float32
    soft_mask: Float32
    coarse_mask: Float32
    residuals: dict[str, float]
    visible_width: float
    change_radius: float


BoolMask = NDArray[np.bool_]

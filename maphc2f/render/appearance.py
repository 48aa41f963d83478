"""How a defect looks, drawn from documented ranges.

* :class:`Looks`: the ranges of one family.
* :data:`LOOKS`: the table of all families.
* :func:`draw_appearance`: one draw.
* :func:`appearance_parameters`: the numbers stored in a sample's row.

The ranges are those of prototypes measured on real defects (contrast |z| log-uniform between 2 and 9, mouths of cracks
0.5-5 px, rims of 0.8 px); material numbers come from :class:`~maphc2f.spec.MaterialSpec`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from maphc2f.render.contrast import GRAY_FLOOR, contrast_unit, mean_luminance
from maphc2f.render.window import Appearance, PictureStatistics
from maphc2f.spec import MaterialSpec

CONTRAST_SEVERITY_SHARE = 0.3
"""Share of the (logarithmic) contrast range that severity decides; the rest is chance."""

DARK_SURFACE = 0.12
"""On surfaces darker than this, display units, there is no room for a dark defect: it is bright."""

BRIGHT_SURFACE = 0.9
"""On surfaces brighter than this there is no room for a bright one."""

Colour = tuple[float, float, float]

DEFAULT_PRODUCT: tuple[Colour, ...] = ((0.4, 0.2, 0.06), (0.22, 0.11, 0.05))
"""Linear reflectance of thin and thick rust (goethite, and haematite mixed in), where a material names no colour."""

FRACTURE_LIFT = 0.5
"""Rise of the probability of a bright crack with the reflectance of its faces, from that of the surface on."""

MAX_BRIGHT = 0.5

UNEVEN = 0.4
"""Coefficient of variation of toughness from which on grains bridge a crack as they do in asphalt."""

HARD_GRAINS = 0.6
"""Share by which wear and shade of a crack are weaker where grains bridge it as in asphalt: hard grains stand at its
rim, clean on top."""

METALLIC, SMOOTH_PORES = 8e4, 0.3
"""Metal ions in the solid from which it is a metal rather than an oxide, mol/m³, and the facets of pores in the latter
over those of attacked metal."""

RAGGED_WALLS = 0.85
"""Share of the dark line at the foot of a wall that facets take away."""

METAL_LIGHT = 0.3
"""Share of the darkness of attacked metal that its facets take away: they mirror some of the light out again."""

PRODUCT_VARIATION = 0.2
"""Relative spread of the product's brightness between samples."""


@dataclass(frozen=True, slots=True)
class Looks:
    """Ranges of one family's appearance.

    Attributes:
        contrast: |z| = change / unit of contrast of the picture, drawn log-uniform.
        bright: Probability of a bright defect.
        edge_sigma: Softness of the rim before the optical blur, px.
        roughness: Fine texture inside over the surface's own.
        gloss_loss: Share of the surface's own texture and highlights that is gone inside.
        lip: Strength of the lit lip.
        relief_gain: Slope multiplier of the set-up's grazing light, drawn log-uniform.
        albedo_share: Share of the contrast carried by reflectance.
        streak: How far the texture inside runs along the defect.
        broken_face: Whether it is a fracture face.
        fracture_lift: Rise of the probability of a bright crack with the reflectance of its faces.
        core_share, mouth_darkness, shade: Of cracks, see :class:`~maphc2f.render.window.Appearance`.
        darkening: Share of the surface's display value that the strongest part loses (in metal less), drawn log-uniform
            in place of ``contrast``; None: contrast decides.
        facets, tint: Of attacked metal, see :class:`~maphc2f.render.window.Appearance`.
        bridging: Likewise, in a material as uneven as asphalt (see :data:`UNEVEN`).
        rim_shadow: Depth of the thin shadow under the rim of a fracture face or of a pit over the amplitude.
    """

    contrast: tuple[float, float] = (2.0, 9.0)
    bright: float = 0.15
    edge_sigma: tuple[float, float] = (0.3, 0.9)
    roughness: tuple[float, float] = (0.3, 1.0)
    gloss_loss: tuple[float, float] = (0.4, 0.9)
    lip: tuple[float, float] = (0.0, 0.0)
    relief_gain: tuple[float, float] = (0.7, 1.5)
    albedo_share: tuple[float, float] = (0.6, 0.85)
    streak: float = 0.0
    broken_face: bool = False
    fracture_lift: float = FRACTURE_LIFT
    rim_shadow: tuple[float, float] = (0.0, 0.0)
    core_share: tuple[float, float] = (0.25, 0.55)
    mouth_darkness: tuple[float, float] = (0.05, 0.3)
    shade: tuple[float, float] = (0.05, 0.22)
    bridging: tuple[float, float] = (0.05, 0.45)
    darkening: tuple[float, float] | None = None
    facets: tuple[float, float] = (0.0, 0.0)
    tint: tuple[float, float] = (0.0, 0.0)


PASTED = Looks(edge_sigma=(0.0, 0.0), roughness=(0.0, 0.0), gloss_loss=(0.0, 0.0), albedo_share=(0.0, 0.0))
"""A layer with a rim as sharp as the optics allow."""

LOOKS: Mapping[str, Looks] = {
    "crack": Looks(
        contrast=(2.4, 9.0),
        bright=0.0,
        edge_sigma=(0.0, 0.0),
        roughness=(0.0, 0.3),
        gloss_loss=(0.0, 0.0),
        lip=(0.0, 0.4),
        albedo_share=(0.0, 0.3),
        shade=(0.08, 0.3),
    ),
    "crack/chip": Looks(
        contrast=(2.7, 7.0),
        bright=0.03,
        edge_sigma=(0.0, 0.2),
        roughness=(0.8, 1.5),
        gloss_loss=(0.85, 1.0),
        lip=(0.0, 0.3),
        relief_gain=(0.2, 0.6),
        albedo_share=(0.15, 0.6),
        broken_face=True,
        fracture_lift=1.0,
        rim_shadow=(0.5, 1.7),
    ),
    "corrosion": Looks(
        bright=0.0,
        darkening=(0.35, 0.9),
        edge_sigma=(0.0, 0.2),
        roughness=(0.9, 1.7),
        gloss_loss=(0.85, 1.0),
        albedo_share=(0.4, 0.7),
        facets=(0.12, 0.4),
        rim_shadow=(0.35, 0.75),
        tint=(0.0, 0.35),
    ),
    "corrosion/stain": Looks(
        bright=0.0,
        contrast=(3.0, 9.0),
        edge_sigma=(0.5, 1.5),
        roughness=(0.1, 0.4),
        gloss_loss=(0.1, 0.4),
        albedo_share=(0.9, 1.0),
    ),
    "corrosion/blister": Looks(
        contrast=(2.5, 9.0), roughness=(0.0, 0.2), gloss_loss=(0.0, 0.1), albedo_share=(0.0, 0.0)
    ),
    "deformation": Looks(contrast=(2.2, 6.5), roughness=(0.0, 0.2), gloss_loss=(0.0, 0.15), albedo_share=(0.0, 0.0)),
    "deformation/scratch": Looks(
        bright=0.5,
        contrast=(2.5, 9.0),
        edge_sigma=(0.2, 0.5),
        roughness=(0.4, 1.0),
        gloss_loss=(0.3, 0.8),
        albedo_share=(0.4, 0.7),
        streak=0.85,
    ),
    "deformation/imprint": Looks(
        bright=0.3, contrast=(2.5, 9.0), roughness=(0.1, 0.5), gloss_loss=(0.1, 0.5), albedo_share=(0.0, 0.3)
    ),
    "texture_overlay": Looks(roughness=(0.0, 0.0), gloss_loss=(0.0, 0.0), albedo_share=(0.0, 0.0)),
    "perlin_overlay": PASTED,
    "cut_paste": PASTED,
    "poisson_blend": PASTED,
}
"""Looks by ``family`` or ``family/scenario``; the scenario wins. Unknown families look like the default."""


def looks_of(family: str, scenario: str) -> Looks:
    """Return the ranges of a scenario, else of its family, else the default."""
    return LOOKS.get(f"{family}/{scenario}", LOOKS.get(family, Looks()))


def draw_appearance(
    family: str,
    scenario: str,
    material: MaterialSpec,
    severity: float,
    statistics: PictureStatistics,
    rng: np.random.Generator,
    looks: Looks | None = None,
) -> Appearance:
    """Draw how one defect looks.

    Args:
        family: Defect family.
        scenario: Its scenario; some have looks of their own.
        material: Gives mouth of cracks, fracture brightness and product colours.
        severity: 0 .. 1; more severe defects have more contrast.
        statistics: Of the good picture: a very dark surface only shows bright defects, and the reverse.
        rng: The only source of chance; always the same number of draws.
        looks: Ranges in place of the scenario's own.

    Returns:
        The appearance. Its contrast is at least 5 gray levels over the picture's unit of contrast.
    """
    looks = looks or looks_of(family, scenario)
    chance = [float(value) for value in rng.random(17)]
    lift = CONTRAST_SEVERITY_SHARE
    unit, strong = max(contrast_unit(statistics), 1e-4), (1.0 - lift) * chance[0] + lift * severity
    contrast = _log_between(looks.contrast, strong)
    if looks.darkening is not None:
        lost = (1.0 - METAL_LIGHT * _metallic(material)) * _log_between(looks.darkening, strong)
        contrast = lost * mean_luminance(statistics.mean) / unit
    contrast = max(contrast, GRAY_FLOOR / unit)
    fracture_brightness = _between(material.fracture_brightness, chance[5])
    bright = _bright_fracture(looks, fracture_brightness) if family == "crack" else looks.bright
    line = family == "crack" and not looks.broken_face
    thin, thick = _product_colours(material, chance[8])
    bridging = _bridging(material)
    worn = 1.0 - HARD_GRAINS * bridging
    return Appearance(
        contrast=contrast,
        polarity=_polarity(bright, chance[1], statistics),
        edge_width=_log_between(material.edge_width, chance[2]) if line else 0.0,
        edge_sigma=_between(looks.edge_sigma, chance[3]),
        roughness=_between(looks.roughness, chance[4]),
        fracture_brightness=fracture_brightness,
        gloss_loss=_between(looks.gloss_loss, chance[6]),
        lip=_between(looks.lip, chance[7]),
        product_colour=thick,
        relief_gain=_log_between(looks.relief_gain, chance[9]),
        albedo_share=_between(looks.albedo_share, chance[4]),
        product_thin_colour=thin,
        streak=looks.streak,
        broken_face=looks.broken_face,
        facets=_faceting(material) * _between(looks.facets, chance[15]),
        tint=_between(looks.tint, chance[16]),
        rim_shadow=_smoothness(looks, material) * _between(looks.rim_shadow, chance[10]),
        core_share=_between(looks.core_share, chance[11]),
        mouth_darkness=worn * _between(looks.mouth_darkness, chance[12]),
        shade=worn * _between(looks.shade, chance[13]),
        bridging=bridging * _between(looks.bridging, chance[14]),
    )


def appearance_parameters(appearance: Appearance) -> dict[str, Any]:
    """Return the numbers of ``appearance`` under the names stored in a row (units as in its docstring).

    ``broken_face`` follows from the scenario and is left out.
    """
    return {f"appearance_{name}": value for name, value in asdict(appearance).items() if name != "broken_face"}


def _polarity(bright: float, chance: float, statistics: PictureStatistics) -> float:
    level = mean_luminance(statistics.mean)
    if level < DARK_SURFACE:
        return 1.0
    return -1.0 if level > BRIGHT_SURFACE or chance >= bright else 1.0


def _faceting(material: MaterialSpec) -> float:
    """Grains and phases of an alloy dissolve and spall unevenly; pores of a brittle, sintered material are smooth."""
    return 1.0 if _metallic(material) else SMOOTH_PORES


def _metallic(material: MaterialSpec) -> bool:
    return material.solid_concentration >= METALLIC


def _smoothness(looks: Looks, material: MaterialSpec) -> float:
    """A smooth wall is dark all around; that of attacked metal is broken into facets. Fracture faces have their own."""
    return 1.0 if looks.broken_face else 1.0 - RAGGED_WALLS * _faceting(material)


def _bright_fracture(looks: Looks, fracture_brightness: float) -> float:
    """Probability of a bright crack: crushed glass or polymer that reflects more than the surface shows white."""
    lifted = looks.bright + looks.fracture_lift * max(fracture_brightness - 1.0, 0.0)
    return looks.bright if looks.fracture_lift == 0 else min(lifted, MAX_BRIGHT)


def _bridging(material: MaterialSpec) -> float:
    """Return min(1, cv / UNEVEN)² min(1, d / w): a crack goes round what is tough, as its path strays.

    cv is the toughness' coefficient of variation, d the larger of its correlation length and the grain size; what is
    smaller than the widest mouth w does not reach across.
    """
    tough = min(1.0, material.toughness_cv / UNEVEN) ** 2
    return tough * min(1.0, max(material.grain_size, material.toughness_correlation) / material.edge_width[1])


def _between(limits: tuple[float, float], chance: float) -> float:
    return float(limits[0] + (limits[1] - limits[0]) * chance)


def _log_between(limits: tuple[float, float], chance: float) -> float:
    low, high = max(limits[0], 1e-12), max(limits[1], 1e-12)
    return float(math.exp(math.log(low) + (math.log(high) - math.log(low)) * chance))


def _product_colours(material: MaterialSpec, chance: float) -> tuple[Colour, Colour]:
    """Return the colours of thin and of thick product."""
    colours = material.product_colours or DEFAULT_PRODUCT
    scale = 1.0 + PRODUCT_VARIATION * (2.0 * chance - 1.0)
    return _scaled(colours[0], scale), _scaled(colours[-1], scale)


def _scaled(colour: Colour, scale: float) -> Colour:
    red, green, blue = (min(value * scale, 1.0) for value in colour)
    return red, green, blue

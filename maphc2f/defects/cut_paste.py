"""CutPaste: a patch or a scar of the picture itself, its colour jittered, pasted elsewhere on it.

* :class:`CutPaste` is the family with its scenarios ``patch`` and ``scar``, :data:`FAMILY` its instance.
* :class:`Jitter` holds a change of colour; :func:`draw_jitter` draws one, :func:`jitter_colour` applies it.

No physics: the picture-level baseline of Li, Sohn, Yoon and Pfister, "CutPaste: self-supervised learning for anomaly
detection and localization", CVPR 2021, doi 10.1109/CVPR46437.2021.00954 (arXiv:2104.04015, section 2.2 and appendix):

* ``patch``: upright rectangle of 2 .. 15 % of the picture, aspect ratio in (0.3, 1) or (1, 3.3), either half the time;
* ``scar``: 2 .. 16 px wide and 10 .. 25 px long on pictures of 256 px, turned by -45 .. 45 degrees before it is pasted;
* both: brightness, contrast, saturation and hue changed by at most 0.1.

The place it is cut from is uniform over the part, so that the borders of a letterbox are never pasted; on a picture
that shows the part everywhere that is the paper's own rule. It is pasted where it lies on the part. The area of a patch
and the length of a scar grow with the stage through the paper's whole range, so that a sample of any stage has the
paper's distribution (see :func:`~maphc2f.defects.layers.stage_position`); all else is one draw for all stages.
The patch is seen through the optics of the picture: its rim is as sharp as they allow, not sharper.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

import cv2
import numpy as np

from maphc2f.defects.layers import Layer, Rectangle, grown, parameter_range, rectangle_snapshot
from maphc2f.sample import Float32, Scenario, Simulation, SimulationRequest

AREA_SHARE = (0.02, 0.15)
ASPECT = (0.3, 3.3)
SCAR_WIDTH = (2 / 256, 16 / 256)
SCAR_LENGTH = (10 / 256, 25 / 256)
SCAR_ROTATION = (-math.pi / 4, math.pi / 4)
JITTER = 0.1

RGB_TO_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True)
class Jitter:
    """A change of colour.

    Attributes:
        brightness: Factor of the values.
        contrast: Factor of the distance from the patch's mean luma.
        saturation: Factor of the distance from each pixel's own luma.
        hue: Turn of the colour circle, in whole turns.
    """

    brightness: float
    contrast: float
    saturation: float
    hue: float


def draw_jitter(rng: np.random.Generator) -> Jitter:
    """Draw three factors in 0.9 .. 1.1 and a turn of hue in -0.1 .. 0.1, all uniform."""
    brightness, contrast, saturation, hue = rng.uniform(-JITTER, JITTER, 4)
    return Jitter(float(1 + brightness), float(1 + contrast), float(1 + saturation), float(hue))


def jitter_colour(layer: Float32, jitter: Jitter, patch: np.ndarray) -> Float32:
    """Return a layer with its brightness, contrast, saturation and hue changed, in this order.

    Args:
        layer: float32 (H, W, C) in [0, 1], C = 1 or 3; gray ones have neither saturation nor hue.
        jitter: The change.
        patch: bool (H, W): the pixels whose mean luma the contrast keeps.

    Returns:
        float32 (H, W, C) in [0, 1], a new array.
    """
    out = np.clip(layer * np.float32(jitter.brightness), 0, 1)
    mean = float(_luma(out)[patch].mean()) if patch.any() else 0.0
    out = np.clip(mean + (out - np.float32(mean)) * np.float32(jitter.contrast), 0, 1)
    if out.shape[2] == 1:
        return np.asarray(out, np.float32)
    luma = _luma(out)[..., None]
    out = np.clip(luma + (out - luma) * np.float32(jitter.saturation), 0, 1).astype(np.float32)
    hsv = cv2.cvtColor(out, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + np.float32(360 * jitter.hue)) % np.float32(360)
    return np.asarray(np.clip(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), 0, 1), np.float32)


def _luma(values: Float32) -> Float32:
    return np.asarray(values[..., 0] if values.shape[2] == 1 else values @ RGB_TO_LUMA, np.float32)


def draw_aspect(limits: tuple[float, float], rng: np.random.Generator) -> float:
    """Draw an aspect ratio, width over height: below or above 1 with equal chance, uniform there."""
    side, share = bool(rng.integers(2)), float(rng.random())
    low, high = limits
    if low < 1 < high:
        low, high = (1.0, high) if side else (low, 1.0)
    return low + (high - low) * share


@dataclass(frozen=True, slots=True)
class CutPaste:
    """The CutPaste family. ``request.size`` over ``request.field_of_view`` is the stage of the growth at the end."""

    name: str = "cut_paste"
    min_visible_share: float = 0.1
    min_change_inside: float = 0.95
    layer: Layer = Layer("same_picture")  # noqa: RUF009  # frozen itself

    @property
    def scenarios(self) -> Mapping[str, Scenario]:
        """Scenarios by name."""
        return _SCENARIOS

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> Simulation:
        """Draw one patch and its growing stages."""
        view = request.field_of_view
        draw = _draw_scar if request.scenario == "scar" else _draw_patch
        reached = [stage * request.size / view for stage in request.stages]
        patches, parameters = draw(request, reached, rng)
        jitter = draw_jitter(rng)
        snapshots = tuple(
            rectangle_snapshot(Rectangle(p.height * view, p.width * view, p.rotation), r * view, request.pixel_size)
            for p, r in zip(patches, reached, strict=True)
        )
        return Simulation(
            family=self.name,
            scenario=request.scenario,
            placement="interior",
            snapshots=snapshots,
            parameters={**parameters, **asdict(jitter)},
            iterations=0,
            residual=0.0,
        )


def _draw_patch(
    request: SimulationRequest, reached: list[float], rng: np.random.Generator
) -> tuple[list[Rectangle], dict[str, float]]:
    """Return the rectangles in shares of the field of view, and the numbers of the last."""
    limits = parameter_range(request, "area_share", AREA_SHARE)
    aspect = draw_aspect(parameter_range(request, "aspect", ASPECT), rng)
    areas = [grown(limits, r) for r in reached]
    patches = [Rectangle(math.sqrt(area / aspect), math.sqrt(area * aspect)) for area in areas]
    return patches, {"area_share": areas[-1], "aspect": aspect}


def _draw_scar(
    request: SimulationRequest, reached: list[float], rng: np.random.Generator
) -> tuple[list[Rectangle], dict[str, float]]:
    """Return the scars in shares of the field of view, and the numbers of the last."""
    width = float(rng.uniform(*parameter_range(request, "scar_width", SCAR_WIDTH)))
    rotation = float(rng.uniform(*parameter_range(request, "scar_rotation", SCAR_ROTATION)))
    lengths = [grown(parameter_range(request, "scar_length", SCAR_LENGTH), r) for r in reached]
    patches = [Rectangle(length, width, rotation) for length in lengths]
    return patches, {"scar_width": width, "scar_length": lengths[-1], "scar_rotation": rotation}


_SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "patch": Scenario(
            name="patch",
            title="Rectangle of the same picture pasted elsewhere",
            size_range=(1.0, 1.0),
            parameters=MappingProxyType({"area_share": AREA_SHARE, "aspect": ASPECT}),
            orientation="upright",
        ),
        "scar": Scenario(
            name="scar",
            title="Thin turned rectangle of the same picture pasted elsewhere",
            size_range=(1.0, 1.0),
            parameters=MappingProxyType(
                {"scar_width": SCAR_WIDTH, "scar_length": SCAR_LENGTH, "scar_rotation": SCAR_ROTATION}
            ),
            orientation="upright",
        ),
    }
)

FAMILY = CutPaste()

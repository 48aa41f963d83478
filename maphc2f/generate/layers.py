"""Layers of the picture-level families: textures, the same picture elsewhere, another good picture.

* :func:`draw_layer` paints the layer that a family asks for: :class:`LayerAsk` in, :class:`DrawnLayer` out.
* :data:`PAINTERS` holds the painter of each source.
* :func:`cut_out` samples a picture at another place; :func:`seen_region` finds where a blend has changed a picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.defects.cut_paste import Jitter, jitter_colour
from maphc2f.defects.layers import Layer, LayerSource
from maphc2f.defects.texture_overlay import augment_texture
from maphc2f.generate.overlay import TextureBank
from maphc2f.generate.pictures import PreparedPicture, to_unit
from maphc2f.quality.invariants import visible_threshold
from maphc2f.render.place import Pose, Window, signed_distance
from maphc2f.render.poisson import poisson_blend
from maphc2f.sample import Float32, PlacedFields, Snapshot

SEEN_SIGMA = 2.0
"""Gaussian sigma over which a change is averaged before it counts as seen, px."""

SEEN_AREA = 12
"""Least area of a part of the seen region, px: the disk of radius 2, below which a median would take it for noise."""

WHOLE, NEARLY_MOST = 0.9999, 0.9
"""Share of a patch on the part that counts as all of it, and where it fits nowhere, as much as the best place."""

RGB_TO_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True)
class LayerAsk:
    """What a layer is painted from.

    Attributes:
        layer: What the family asks for.
        parameters: The numbers of its simulation.
        snapshot: The stage.
        pose: Where it lies.
        window: The window of the picture.
        unit: The good picture there, float32 (H, W, C) in [0, 1].
        foreground: 1 on the part there, float32 (H, W).
        fields: The placed stage.
        picture: The whole good picture.
        textures: Where textures come from.
        other: Gives another good picture of the category and split; the same one if there is no other.
        rng: The sample's stream of this source.
    """

    layer: Layer
    parameters: Mapping[str, Any]
    snapshot: Snapshot
    pose: Pose
    window: Window
    unit: Float32
    foreground: Float32
    fields: PlacedFields
    picture: PreparedPicture
    textures: TextureBank
    other: Callable[[], PreparedPicture]
    rng: np.random.Generator


@dataclass(frozen=True, slots=True)
class DrawnLayer:
    """A painted layer.

    Attributes:
        overlay: float32 (H, W, C) in [0, 1].
        opacity: With which it covers the picture.
        fields: The placed stage; where the mask is what is seen, with the distance to that region.
        blended: Whether the layer already is the finished picture of the window, to be taken as it is.
        parameters: What was drawn, for the row: ``layer_y`` and ``layer_x`` say where the middle of the patch was cut
            from, px of the picture ``layer_substrate_id`` (absent: of the same).
    """

    overlay: Float32
    opacity: float
    fields: PlacedFields
    blended: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)


def draw_layer(ask: LayerAsk) -> DrawnLayer:
    """Return the layer of one sample."""
    return PAINTERS[ask.layer.source](ask)


def _texture(ask: LayerAsk) -> DrawnLayer:
    overlay = ask.textures.draw(ask.unit.shape, ask.rng, ask.layer.augment or augment_texture)
    # The families draw β, the share of the good picture that shows through.
    return DrawnLayer(overlay, 1.0 - float(ask.parameters["opacity"]), ask.fields)


def _same_picture(ask: LayerAsk) -> DrawnLayer:
    rotation = placed_rotation(float(ask.parameters.get("scar_rotation", 0.0)), ask.pose)
    middle = draw_middle(ask.snapshot, ask.pose, ask.picture.foreground, ask.rng)
    if rotation == 0.0:
        # Whole pixels: an upright patch is copied, not interpolated.
        middle = tuple(a + round(m - a) for m, a in zip(middle, ask.pose.anchor, strict=True))
    overlay = cut_out(ask, ask.picture, middle, rotation=rotation)
    jitter = Jitter(*(float(ask.parameters[name]) for name in ("brightness", "contrast", "saturation", "hue")))
    return DrawnLayer(
        jitter_colour(overlay, jitter, ask.fields.distance < 0), 1.0, ask.fields, parameters=_recorded(middle)
    )


def _other_picture(ask: LayerAsk) -> DrawnLayer:
    other, scale = ask.other(), float(ask.parameters["scale"])
    middle = draw_middle(ask.snapshot, ask.pose, other.foreground, ask.rng, scale)
    overlay = cut_out(ask, other, middle, scale=scale)
    found = {**_recorded(middle), "layer_substrate_id": other.substrate_id}
    if not ask.layer.poisson:
        return DrawnLayer(overlay, 1.0, ask.fields, parameters=found)
    patch = (ask.fields.distance < 0) & (ask.foreground >= 0.5)
    blend = poisson_blend(ask.unit, overlay, patch, mixed=ask.parameters["gradients"] == "mixed")
    distance = seen_region(ask.unit, blend, visible_threshold(ask.picture.statistics.noise))
    return DrawnLayer(blend, 1.0, replace(ask.fields, distance=distance), blended=True, parameters=found)


PAINTERS: Mapping[LayerSource, Callable[[LayerAsk], DrawnLayer]] = MappingProxyType(
    {"texture": _texture, "same_picture": _same_picture, "other_picture": _other_picture}
)
"""Painters by source: a new source is one function here."""


def _recorded(middle: tuple[float, ...]) -> dict[str, Any]:
    return {"layer_y": float(middle[0]), "layer_x": float(middle[1])}


def placed_rotation(rotation: float, pose: Pose) -> float:
    """Return the rotation of a rectangle in the picture, in (-π/2, π/2], rad from the x towards the y axis."""
    y, x = pose.matrix @ np.array([np.sin(rotation), np.cos(rotation)])
    # A mirrored frame gives the other end of the same side.
    turned = float(np.arctan2(y, x))
    return turned - np.pi if turned > np.pi / 2 else turned + np.pi if turned <= -np.pi / 2 else turned


def draw_middle(
    snapshot: Snapshot, pose: Pose, foreground: NDArray[np.bool_], rng: np.random.Generator, scale: float = 1.0
) -> tuple[float, ...]:
    """Draw where the middle of a patch is cut from: uniform over the places where the whole patch shows the part.

    Where it fits nowhere, over those where it shows at least NEARLY_MOST of the most that it can.

    Args:
        snapshot: The patch.
        pose: Gives its size in pixels.
        foreground: bool (H, W), True on the part in the picture it is cut from.
        rng: Source of the place; two draws.
        scale: By which it is enlarged when it is pasted.

    Returns:
        (y, x), px.
    """
    hard = snapshot.extent >= snapshot.threshold
    to_pixels = 0.5 * snapshot.spacing / (pose.pixel_size * scale)
    halves = [to_pixels * float(np.ptp(np.flatnonzero(hard.any(1 - axis))) + 1) for axis in (0, 1)]
    shares = float(rng.random()), float(rng.random())
    if not foreground.all():
        return _middle_on_part(halves, foreground, shares[0])
    lows = [min(half - 0.5, 0.5 * (length - 1)) for half, length in zip(halves, foreground.shape, strict=True)]
    lengths = zip(lows, shares, foreground.shape, strict=True)
    return tuple(low + share * (length - 1 - 2 * low) for low, share, length in lengths)


def _middle_on_part(halves: Sequence[float], foreground: NDArray[np.bool_], share: float) -> tuple[float, float]:
    """Return the place at ``share`` of the way through all those that are as good as any; ``halves`` are half sides."""
    height, width = (2 * math.ceil(half - 0.5) + 1 for half in halves)
    part = foreground.astype(np.float32)
    shown = np.asarray(cv2.boxFilter(part, -1, (width, height), normalize=True, borderType=cv2.BORDER_CONSTANT))
    best = float(shown.max())
    good = np.flatnonzero(shown >= (WHOLE if best >= WHOLE else NEARLY_MOST * best))
    row, column = np.unravel_index(good[int(share * len(good))], foreground.shape)
    return float(row), float(column)


def cut_out(
    ask: LayerAsk, picture: PreparedPicture, middle: tuple[float, ...], *, rotation: float = 0.0, scale: float = 1.0
) -> Float32:
    """Return a picture such that what is round ``middle`` comes to lie round the anchor.

    Args:
        ask: Gives window, anchor and number of channels.
        picture: Where it is cut from; mirrored at its border.
        middle: (y, x), px.
        rotation: By which the patch is turned after it is cut, rad from the x towards the y axis.
        scale: By which it is enlarged.

    Returns:
        float32 (H, W, C) in [0, 1] on the window.
    """
    c, s = np.cos(rotation) / scale, np.sin(rotation) / scale
    # OpenCV's (x, y) order: window pixel to pixel of the picture, the inverse of the turn.
    linear = np.array([[c, s], [-s, c]])
    start = np.array([ask.window.left - ask.pose.anchor[1], ask.window.top - ask.pose.anchor[0]])
    offset = linear @ start + np.array([middle[1], middle[0]])
    found = cv2.warpAffine(
        picture.image,
        np.column_stack([linear, offset]),
        (ask.window.width, ask.window.height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return _with_channels(to_unit(np.asarray(found)), ask.unit.shape[2])


def _with_channels(unit: Float32, channels: int) -> Float32:
    """Return gray as colour or colour as gray where pictures of a category differ."""
    if unit.shape[2] == channels:
        return unit
    gray = unit if unit.shape[2] == 1 else (unit @ RGB_TO_LUMA)[..., None]
    return np.ascontiguousarray(np.broadcast_to(gray, (*unit.shape[:2], channels)), np.float32)


def seen_region(original: Float32, changed: Float32, threshold: float) -> Float32:
    """Return the signed distance to the region where a change is seen, px, negative inside.

    A change is seen where the mean of max_c |ΔI| over a Gaussian of 2 px exceeds the threshold; parts and holes below
    12 px are dropped. The method's own label is the same in kind: the difference, median-filtered, against a level.

    Args:
        original: float32 (H, W, C).
        changed: The same.
        threshold: Least visible change, display units.
    """
    change = np.abs(changed - original).max(2)
    mean: NDArray[Any] = cv2.GaussianBlur(change, (0, 0), SEEN_SIGMA, borderType=cv2.BORDER_REFLECT_101)
    extent = np.clip(mean / np.float32(2 * threshold), 0, 1)
    extent[_small_parts(extent >= 0.5)] = 0.0
    extent[_small_parts(extent < 0.5)] = 1.0
    return signed_distance(extent.astype(np.float32), 0.5)


def _small_parts(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where a region's connected parts are below SEEN_AREA."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8))
    small = np.zeros(count, bool)
    small[1:] = stats[1:, cv2.CC_STAT_AREA] < SEEN_AREA
    return np.asarray(small[labels])

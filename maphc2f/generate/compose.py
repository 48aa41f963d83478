"""One defect of a sample: its window before refinement, and the checked part of the picture after it.

* :func:`prepare_window` draws place and appearance of a sample's first defect and cuts the window.
* :func:`prepare_further` does the same for any further one, beside those that are there.
* :func:`check_part` quantises and checks what was made of a window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.defects import FAMILIES
from maphc2f.defects.layers import layer_of
from maphc2f.generate.bearing import bearing_of, local_texture
from maphc2f.generate.layers import LayerAsk, draw_layer
from maphc2f.generate.overlay import TextureBank
from maphc2f.generate.pictures import PicturePool, PreparedPicture, Symmetry, draw_symmetry, to_unit
from maphc2f.generate.placement import draw_pose
from maphc2f.generate.plan import Group
from maphc2f.generate.simulate import GroupSimulation
from maphc2f.quality.invariants import CheckedWindow, Verdict, check_sample
from maphc2f.quality.sqe import ScoredWindow, sqe_terms
from maphc2f.render.appearance import draw_appearance, looks_of
from maphc2f.render.background import gone_with_its_border, outline_share, picture_behind, uncover
from maphc2f.render.calibration import calibrated_looks, calibrated_material, calibration_for
from maphc2f.render.place import Pose, Window, choose_window, place
from maphc2f.render.window import Appearance, WindowInputs, WindowResult
from maphc2f.rng import stream
from maphc2f.sample import MAPS, Snapshot, least_visible_share
from maphc2f.spec import CategorySpec, DatasetSpec, recipe_digest

CLEARANCE = 4
"""Least distance of a further defect from all that the others can change, px: their masks never touch."""


@dataclass(frozen=True, slots=True)
class Order:
    """One sample to make: which snapshot of which simulation, and at which attempt.

    Attributes:
        group: Its group.
        index: Its index in the category.
        simulated: The group's simulation, or one of its own.
        snapshot: Which snapshot.
        attempt: Numbers the redraws of place and picture.
        rank: Which of the pictures in rendezvous order.
        part: Which of the sample's defects.
    """

    group: Group
    index: int
    simulated: GroupSimulation
    snapshot: int
    attempt: int = 0
    rank: int = 0
    part: int = 0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A defect ready for refinement; ``drawn`` is what was drawn for the layer of a picture-level family."""

    order: Order
    picture: PreparedPicture
    symmetry: Symmetry
    snapshot: Snapshot
    pose: Pose
    window: Window
    appearance: Appearance
    severity: float
    inputs: WindowInputs
    drawn: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """A checked defect: what was made of its window.

    Attributes:
        prepared: Where it lies and what it was made from.
        result: The refined window.
        pixels: Its picture in the picture's own type.
        soft: Its soft mask, uint8.
        terms: SQE terms.
    """

    prepared: Prepared
    result: WindowResult
    pixels: NDArray[Any]
    soft: NDArray[np.uint8]
    terms: dict[str, float]


@dataclass(frozen=True)
class CategoryContext:
    """What all samples of a category share; ``maps`` are the optional maps to make."""

    dataset: DatasetSpec
    category: CategorySpec
    pool: PicturePool
    textures: TextureBank
    maps: tuple[str, ...] = MAPS

    @property
    def seed(self) -> int:
        """Seed of the dataset."""
        return self.dataset.seed

    @cached_property
    def recipe(self) -> str:
        """Digest of the category's recipe, which every row carries."""
        return recipe_digest(self.dataset, self.category)

    @cached_property
    def families(self) -> tuple[str, ...]:
        """Names of all registered families."""
        return tuple(FAMILIES)


def cut(pixels: NDArray[Any], window: Window, *, fill: bool) -> NDArray[Any]:
    """Return the window of an array (H, W[, C]).

    Beyond the border the last row or column goes on, or zero if not ``fill``.
    """
    height, width = pixels.shape[:2]
    bottom, right = window.top + window.height, window.left + window.width
    inner = pixels[window.top : min(bottom, height), window.left : min(right, width)]
    below, beside = max(0, bottom - height), max(0, right - width)
    if not (below or beside):
        return np.ascontiguousarray(inner)
    mode = cv2.BORDER_REPLICATE if fill else cv2.BORDER_CONSTANT
    padded = cv2.copyMakeBorder(inner, 0, below, 0, beside, mode, value=0)
    return padded.reshape(window.height, window.width, *pixels.shape[2:])


def draw_stream(context: CategoryContext, order: Order, purpose: str) -> np.random.Generator:
    """Return the stream of one purpose of one defect at one attempt."""
    part = () if order.part == 0 else ("part", order.part)
    return stream(context.seed, context.category.name, order.index, purpose, *part, order.attempt)


def prepare_window(context: CategoryContext, order: Order) -> Prepared | None:
    """Draw picture, place and appearance of a sample and cut its window; None if it finds no place on the part."""
    rng = draw_stream(context, order, "place")
    source = context.pool.choose(order.index, order.group.split, order.rank)
    symmetry = draw_symmetry(context.category.substrate_symmetry, source.image.shape[:2], rng)
    return _placed(context, order, symmetry, symmetry.picture(source), rng)


def prepare_further(context: CategoryContext, order: Order, before: Sequence[Part]) -> Prepared | None:
    """Draw place and appearance of a further defect of a sample and cut its window; None if it finds no place.

    It keeps CLEARANCE px from what the defects ``before`` it can change, so that none alters another.
    """
    first = before[0].prepared
    taken = np.zeros(first.picture.foreground.shape, np.uint8)
    for part in before:
        paste(taken, part.prepared.window, part.prepared.inputs.fields.support.astype(np.uint8), taken == 0)
    side = 2 * CLEARANCE + 1
    taken = np.asarray(cv2.dilate(taken, np.ones((side, side), np.uint8)), np.uint8)
    kept = taken > 0 if first.picture.keep_out is None else (taken > 0) | first.picture.keep_out
    picture = replace(first.picture, keep_out=kept)
    prepared = _placed(context, order, first.symmetry, picture, draw_stream(context, order, "place"))
    return None if prepared is None else replace(prepared, picture=replace(picture, keep_out=first.picture.keep_out))


def _placed(
    context: CategoryContext, order: Order, symmetry: Symmetry, picture: PreparedPicture, rng: np.random.Generator
) -> Prepared | None:
    simulation = order.simulated.simulation
    snapshot = simulation.snapshots[order.snapshot]
    scenario = FAMILIES[simulation.family].scenarios[simulation.scenario]
    material = context.dataset.materials[context.category.material]
    bearing = bearing_of(simulation.family, scenario, material, snapshot, order.simulated.alignment)
    pose = draw_pose(snapshot, simulation.placement, _in_own_scale(context, order, picture), rng, bearing)
    if pose is None:
        return None
    picture = _seen_from(picture, pose)
    severity = min(1.0, snapshot.size / order.simulated.size_max)
    appearance = _appearance(context, order, picture, severity)
    window = choose_window(snapshot, pose, picture.image.shape[:2], appearance.edge_width)
    inputs, drawn = _inputs(context, order, picture, snapshot, pose, window, appearance)
    return Prepared(order, picture, symmetry, snapshot, pose, window, appearance, severity, inputs, drawn)


def _seen_from(picture: PreparedPicture, pose: Pose) -> PreparedPicture:
    """Return the picture with the direction of its texture where a defect lies in place of the whole picture's."""
    texture = local_texture(picture.statistics, pose.anchor)
    direction, coherence = float(texture.direction[0]), float(texture.coherence[0])
    return replace(picture, statistics=replace(picture.statistics, direction=direction, coherence=coherence))


def _in_own_scale(context: CategoryContext, order: Order, picture: PreparedPicture) -> PreparedPicture:
    """Return the picture in the scale in which a defect is placed on it.

    Physics has lengths in m. A picture-level family has shares of the picture: whatever the picture's own size, its
    shorter side is the category's field of view.
    """
    if picture.view is None or layer_of(FAMILIES[order.simulated.simulation.family]) is None:
        return picture
    # To a hundredth, which leaves pictures of the category's own size as they are.
    return replace(picture, pixel_size=picture.pixel_size * round(context.category.field_of_view / picture.view, 2))


def _appearance(context: CategoryContext, order: Order, picture: PreparedPicture, severity: float) -> Appearance:
    family, scenario = order.simulated.simulation.family, order.simulated.simulation.scenario
    material, looks = context.dataset.materials[context.category.material], looks_of(family, scenario)
    measured = calibration_for(context.category.calibration, family, scenario)
    if measured is not None:
        material = calibrated_material(material, measured)
        looks = calibrated_looks(looks, measured, picture.pixel_size)
    rng = draw_stream(context, order, "appearance")
    return draw_appearance(family, scenario, material, severity, picture.statistics, rng, looks)


def _inputs(  # the parts of one window, gathered once
    context: CategoryContext,
    order: Order,
    picture: PreparedPicture,
    snapshot: Snapshot,
    pose: Pose,
    window: Window,
    appearance: Appearance,
) -> tuple[WindowInputs, Mapping[str, Any]]:
    unit = to_unit(cut(picture.image, window, fill=True))
    rng = draw_stream(context, order, "noise")
    family = order.simulated.simulation.family
    foreground = cut(picture.free.astype(np.float32), window, fill=False)
    part = cut(picture.foreground.astype(np.float32), window, fill=True)
    foreground = foreground * outline_share(part, picture.statistics.psf_sigma)
    fields, behind = place(snapshot, pose, window, appearance.edge_width), None
    if fields.removed is not None:
        inside = cut(np.ones(picture.foreground.shape, np.uint8), window, fill=False) > 0
        behind = picture_behind(unit, foreground, inside)
        removed = gone_with_its_border(foreground, fields.removed)
        fields = replace(fields, removed=removed)
        foreground = foreground if behind is None else uncover(foreground, removed) * inside
    inputs = WindowInputs(
        family=family,
        picture=unit,
        foreground=foreground,
        fields=fields,
        appearance=appearance,
        statistics=picture.statistics,
        pixel_size=picture.pixel_size,
        noise=rng.standard_normal(unit.shape, dtype=np.float32),
        behind=behind,
    )
    return _with_layer(context, order, picture, snapshot, pose, window, inputs)


def _with_layer(  # the parts of one window, gathered once
    context: CategoryContext,
    order: Order,
    picture: PreparedPicture,
    snapshot: Snapshot,
    pose: Pose,
    window: Window,
    inputs: WindowInputs,
) -> tuple[WindowInputs, Mapping[str, Any]]:
    """Return the window with the layer of a picture-level family, and what was drawn for it."""
    simulation = order.simulated.simulation
    layer = layer_of(FAMILIES[simulation.family])
    if layer is None:
        return inputs, {}
    ask = LayerAsk(
        layer=layer,
        parameters=simulation.parameters,
        snapshot=snapshot,
        pose=pose,
        window=window,
        unit=inputs.picture,
        foreground=inputs.foreground,
        fields=inputs.fields,
        picture=picture,
        textures=context.textures,
        other=lambda: context.pool.choose_other(order.index, order.group.split, order.attempt, picture.source),
        rng=draw_stream(context, order, layer.source),
    )
    drawn = draw_layer(ask)
    inputs = replace(inputs, overlay=drawn.overlay, opacity=drawn.opacity, blended=drawn.blended, fields=drawn.fields)
    return inputs, drawn.parameters


def check_part(context: CategoryContext, prepared: Prepared, result: WindowResult) -> tuple[Part | None, Verdict]:
    """Return the finished part, or None if it breaks an invariant; and the verdict either way."""
    original = cut(prepared.picture.image, prepared.window, fill=True)
    pixels = quantise(result.picture, original, prepared.inputs.fields.support)
    codes = np.rint(np.float32(255) * result.soft_mask).astype(np.uint8)
    verdict = check_sample(_checked(context, prepared, result, original, pixels, codes))
    if verdict.violations:
        return None, verdict
    return Part(prepared, result, pixels, codes, sqe_terms(_scored(prepared, result))), verdict


def paste(
    target: NDArray[Any], window: Window, pixels: NDArray[Any], where: NDArray[np.bool_] | None = None
) -> NDArray[Any]:
    """Write a window's pixels into ``target``; ``where``, of the target's height and width, limits them."""
    bottom, right = min(window.top + window.height, target.shape[0]), min(window.left + window.width, target.shape[1])
    inside = slice(window.top, bottom), slice(window.left, right)
    part = pixels[: bottom - window.top, : right - window.left]
    if where is None:
        target[inside] = part
    else:
        target[inside][where[inside]] = part[where[inside]]
    return target


def hard_mask(soft: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 255 where the soft mask is at least 128, else 0."""
    return np.where(soft >= 128, np.uint8(255), np.uint8(0))


def _checked(  # the parts of one window, gathered once
    context: CategoryContext,
    prepared: Prepared,
    result: WindowResult,
    original: NDArray[Any],
    part: NDArray[Any],
    soft: NDArray[np.uint8],
) -> CheckedWindow:
    simulation = prepared.order.simulated.simulation
    family = FAMILIES[simulation.family]
    share = context.category.min_visible_share
    return CheckedWindow(
        original=original,
        picture=part,
        mask=hard_mask(soft),
        soft_mask=soft,
        support=prepared.inputs.fields.support,
        allowed=prepared.inputs.foreground >= 0.5,
        noise=prepared.picture.statistics.noise,
        change_radius=result.change_radius,
        is_line=prepared.inputs.fields.is_line,
        min_change_inside=family.min_change_inside,
        min_visible_share=least_visible_share(family, simulation.scenario) if share is None else share,
    )


def _scored(prepared: Prepared, result: WindowResult) -> ScoredWindow:
    return ScoredWindow(
        original=prepared.inputs.picture,
        picture=result.picture,
        soft_mask=result.soft_mask,
        foreground=prepared.inputs.foreground,
        statistics=prepared.picture.statistics,
        residuals=result.residuals,
        solver_residual=prepared.order.simulated.simulation.residual,
        change_radius=result.change_radius,
        severity=prepared.severity,
        is_line=prepared.inputs.fields.is_line,
        part_area=float(prepared.picture.foreground.sum()),
    )


def quantise(picture: NDArray[np.float32], original: NDArray[Any], support: NDArray[np.bool_]) -> NDArray[Any]:
    """Return (H, W, C) values in [0, 1] as codes of ``original``'s type, with its very codes outside ``support``."""
    peak = np.iinfo(original.dtype).max
    codes = np.rint(np.clip(picture, 0, 1) * np.float32(peak)).astype(original.dtype)
    codes = codes[:, :, 0] if original.ndim == 2 else codes
    keep = support if original.ndim == 2 else support[:, :, None]
    return np.where(keep, codes, original)

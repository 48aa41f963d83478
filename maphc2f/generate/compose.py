"""One sample from a placed snapshot: the window before refinement, and the finished sample after it.

* :func:`prepare_window` draws place and appearance and cuts the window.
* :func:`finish` quantises, pastes, checks and describes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.defects import FAMILIES
from maphc2f.generate.overlay import TextureBank
from maphc2f.generate.pictures import PicturePool, PreparedPicture, Symmetry, draw_symmetry, to_unit
from maphc2f.generate.placement import draw_pose, frame_axis
from maphc2f.generate.plan import Group, sample_id
from maphc2f.generate.rows import label_id, mode_of
from maphc2f.generate.simulate import GroupSimulation
from maphc2f.quality.invariants import CheckedWindow, Verdict, check_sample
from maphc2f.quality.sqe import ScoredWindow, sqe_score, sqe_terms
from maphc2f.render.appearance import appearance_parameters, draw_appearance
from maphc2f.render.background import HALO, picture_behind, uncover
from maphc2f.render.place import Pose, Window, choose_window, place
from maphc2f.render.window import Appearance, WindowInputs, WindowResult
from maphc2f.rng import stream
from maphc2f.sample import MAPS, Sample, Snapshot, least_visible_share
from maphc2f.spec import CategorySpec, DatasetSpec, recipe_digest


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
    """

    group: Group
    index: int
    simulated: GroupSimulation
    snapshot: int
    attempt: int = 0
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A sample ready for refinement."""

    order: Order
    picture: PreparedPicture
    symmetry: Symmetry
    snapshot: Snapshot
    pose: Pose
    window: Window
    appearance: Appearance
    severity: float
    inputs: WindowInputs


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


def prepare_window(context: CategoryContext, order: Order) -> Prepared | None:
    """Draw picture, place and appearance of a sample and cut its window; None if it finds no place on the part."""
    name, simulation = context.category.name, order.simulated.simulation
    snapshot = simulation.snapshots[order.snapshot]
    rng = stream(context.seed, name, order.index, "place", order.attempt)
    source = context.pool.choose(order.index, order.group.split, order.rank)
    symmetry = draw_symmetry(context.category.substrate_symmetry, source.image.shape[:2], rng)
    picture = symmetry.picture(source)
    orientation = FAMILIES[simulation.family].scenarios[simulation.scenario].orientation
    pose = draw_pose(
        snapshot,
        simulation.placement,
        picture,
        rng,
        frame_axis(orientation, picture.statistics),
        reversible=orientation != "gravity",
    )
    if pose is None:
        return None
    severity = min(1.0, snapshot.size / order.simulated.size_max)
    appearance = draw_appearance(
        simulation.family,
        simulation.scenario,
        context.dataset.materials[context.category.material],
        severity,
        picture.statistics,
        stream(context.seed, name, order.index, "appearance", order.attempt),
    )
    window = choose_window(snapshot, pose, picture.image.shape[:2], appearance.edge_width)
    inputs = _inputs(context, order, picture, snapshot, pose, window, appearance)
    return Prepared(order, picture, symmetry, snapshot, pose, window, appearance, severity, inputs)


def _inputs(  # the parts of one window, gathered once
    context: CategoryContext,
    order: Order,
    picture: PreparedPicture,
    snapshot: Snapshot,
    pose: Pose,
    window: Window,
    appearance: Appearance,
) -> WindowInputs:
    unit = to_unit(cut(picture.image, window, fill=True))
    rng = stream(context.seed, context.category.name, order.index, "noise", order.attempt)
    overlay, opacity = None, 0.0
    family = order.simulated.simulation.family
    if family == "texture_overlay":
        textures = stream(context.seed, context.category.name, order.index, "texture", order.attempt)
        overlay = context.textures.draw(unit.shape, textures)
        # The family draws β, the share of the good picture that shows through.
        opacity = 1.0 - float(order.simulated.simulation.parameters["opacity"])
    foreground = cut(picture.foreground.astype(np.float32), window, fill=False)
    fields, behind = place(snapshot, pose, window, appearance.edge_width), None
    if fields.removed is not None:
        inside = cut(np.ones(picture.foreground.shape, np.uint8), window, fill=False) > 0
        behind = picture_behind(unit, foreground, inside)
        foreground = foreground if behind is None else uncover(foreground, fields.removed) * inside
    return WindowInputs(
        family=family,
        picture=unit,
        foreground=foreground,
        fields=fields,
        appearance=appearance,
        statistics=picture.statistics,
        pixel_size=picture.pixel_size,
        noise=rng.standard_normal(unit.shape, dtype=np.float32),
        overlay=overlay,
        opacity=opacity,
        behind=behind,
    )


def finish(context: CategoryContext, prepared: Prepared, result: WindowResult) -> tuple[Sample | None, Verdict]:
    """Return the finished sample, or None if it breaks an invariant; and the verdict either way."""
    original = cut(prepared.picture.image, prepared.window, fill=True)
    part = quantise(result.picture, original, prepared.inputs.fields.support)
    codes = np.rint(np.float32(255) * result.soft_mask).astype(np.uint8)
    verdict = check_sample(_checked(context, prepared, result, original, part, codes))
    if verdict.violations:
        return None, verdict
    image = _paste(prepared.picture.image, prepared.window, part)
    soft = _paste(np.zeros(image.shape[:2], np.uint8), prepared.window, codes)
    mask = hard_mask(soft)
    terms = sqe_terms(_scored(prepared, result))
    return Sample(
        image, mask, soft, _maps(context.maps, prepared, result), _row(context, prepared, result, mask, terms)
    ), verdict


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


def _paste(target: NDArray[Any], window: Window, part: NDArray[Any]) -> NDArray[Any]:
    bottom, right = min(window.top + window.height, target.shape[0]), min(window.left + window.width, target.shape[1])
    out = target.copy()
    out[window.top : bottom, window.left : right] = part[: bottom - window.top, : right - window.left]
    return out


def _maps(wanted: tuple[str, ...], prepared: Prepared, result: WindowResult) -> dict[str, NDArray[Any]]:
    if not set(wanted) - {"soft_mask"}:
        return {}
    shape, window, fields = prepared.picture.image.shape[:2], prepared.window, prepared.inputs.fields
    allowed = fields.support & (cut(prepared.picture.foreground.astype(np.float32), window, fill=False) >= 0.5)

    def full(part: NDArray[np.float32]) -> NDArray[np.float32]:
        return _paste(np.zeros(shape, np.float32), window, np.where(allowed, part, 0).astype(np.float32))

    coarse = _paste(np.zeros(shape, np.uint8), window, np.where(result.coarse_mask >= 0.5, 255, 0).astype(np.uint8))
    return {
        "coarse_mask": coarse,
        "depth": full(fields.depth),
        "displacement_y": full(fields.displacement[0] * prepared.picture.pixel_size),
        "displacement_x": full(fields.displacement[1] * prepared.picture.pixel_size),
    }


def _row(
    context: CategoryContext, prepared: Prepared, result: WindowResult, mask: NDArray[np.uint8], terms: dict[str, float]
) -> dict[str, Any]:
    category, order, picture = context.category, prepared.order, prepared.picture
    simulation = order.simulated.simulation
    height, width = mask.shape
    return {
        "sample_id": sample_id(category.name, order.index),
        "category": category.name,
        "split": order.group.split,
        "defect_family": simulation.family,
        "material": category.material,
        "substrate_id": picture.substrate_id,
        "licence": picture.source.licence,
        "recipe_digest": context.recipe,
        "substrate_transform": prepared.symmetry.row(),
        "label": label_id(simulation.family, context.families),
        "severity": prepared.severity,
        "area_fraction": float((mask > 0).mean()),
        "sqe_score": sqe_score(terms),
        **{f"sqe_{name}": value for name, value in terms.items()},
        "pixel_size": picture.pixel_size,
        "defects": [_defect(prepared, result, mask)],
        "width": width,
        "height": height,
        "mode": mode_of(picture.image),
        "bit_depth": 8 * picture.image.dtype.itemsize,
        "pixel_size_assumed": category.pixel_size_assumed,
    }


def _defect(prepared: Prepared, result: WindowResult, mask: NDArray[np.uint8]) -> dict[str, Any]:
    order, snapshot = prepared.order, prepared.snapshot
    simulation = order.simulated.simulation
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    measures = snapshot.measures
    width = result.visible_width if simulation.snapshots[0].trace is not None else measures.get("width", snapshot.size)
    return {
        "family": simulation.family,
        "scenario": simulation.scenario,
        "severity": prepared.severity,
        "bbox": [int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1],
        "area_px": int((mask > 0).sum()),
        "width_m": float(width),
        "depth_m": float(measures.get("depth", 0.0)),
        "length_m": float(measures.get("length", snapshot.size)),
        "opening_max_m": float(measures.get("opening_max", 0.0)),
        "visible_width_m": float(result.visible_width),
        "simulation_id": order.simulated.identity,
        "snapshot": order.snapshot,
        "simulation_attempt": order.simulated.attempt,
        "placement_attempt": order.attempt,
        "solver_iterations": int(simulation.iterations),
        "solver_residual": float(simulation.residual),
        "parameters": json.dumps(_parameters(prepared, result), sort_keys=True),
    }


def _parameters(prepared: Prepared, result: WindowResult) -> dict[str, Any]:
    statistics, pose = prepared.picture.statistics, prepared.pose
    placed = {
        "anchor_y": pose.anchor[0],
        "anchor_x": pose.anchor[1],
        "angle": pose.angle,
        "flip": pose.flip,
        "noise": statistics.noise,
        "psf_sigma": statistics.psf_sigma,
        "change_radius": result.change_radius,
        "is_line": prepared.inputs.fields.is_line,
    }
    if prepared.inputs.behind is not None:
        placed["uncovered_border"] = HALO
    return {**prepared.order.simulated.simulation.parameters, **appearance_parameters(prepared.appearance), **placed}

"""From checked parts to the finished sample: one picture, one mask, one row.

* :func:`assemble` pastes the parts of a sample and describes them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maphc2f.generate.bearing import row_of
from maphc2f.generate.compose import CategoryContext, Part, Prepared, cut, hard_mask, paste
from maphc2f.generate.plan import COMBINED, sample_id
from maphc2f.generate.rows import label_id, mode_of
from maphc2f.quality.sqe import sqe_score
from maphc2f.render.appearance import appearance_parameters
from maphc2f.render.background import HALO
from maphc2f.render.window import WindowResult
from maphc2f.sample import Sample


def assemble(context: CategoryContext, parts: Sequence[Part]) -> Sample:
    """Return the sample of ``parts``, its first defect first.

    No part changes what another can: pictures are pasted side by side, the mask is the union of the masks.
    """
    picture = parts[0].prepared.picture
    image, soft = picture.image.copy(), np.zeros(picture.image.shape[:2], np.uint8)
    softs = [paste(np.zeros_like(soft), part.prepared.window, part.soft) for part in parts]
    for part, own in zip(parts, softs, strict=True):
        changes = paste(np.zeros(soft.shape, bool), part.prepared.window, part.prepared.inputs.fields.support)
        paste(image, part.prepared.window, part.pixels, changes)
        soft = np.maximum(soft, own)
    masks = [hard_mask(own) for own in softs]
    return Sample(image, hard_mask(soft), soft, _maps(context.maps, parts), _row(context, parts, masks))


def _maps(wanted: tuple[str, ...], parts: Sequence[Part]) -> dict[str, NDArray[Any]]:
    if not set(wanted) - {"soft_mask"}:
        return {}
    each = [_maps_of(part) for part in parts]
    maps = each[0]
    for others in each[1:]:
        for name, values in others.items():
            maps[name] = np.where(values != 0, values, maps[name])
    return maps


def _maps_of(part: Part) -> dict[str, NDArray[Any]]:
    prepared = part.prepared
    shape, window, fields = prepared.picture.image.shape[:2], prepared.window, prepared.inputs.fields
    allowed = fields.support & (cut(prepared.picture.free.astype(np.float32), window, fill=False) >= 0.5)

    def full(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return paste(np.zeros(shape, np.float32), window, np.where(allowed, values, 0).astype(np.float32))

    coarse = np.where(part.result.coarse_mask >= 0.5, 255, 0).astype(np.uint8)
    return {
        "coarse_mask": paste(np.zeros(shape, np.uint8), window, coarse),
        "depth": full(fields.depth),
        "displacement_y": full(fields.displacement[0] * prepared.picture.pixel_size),
        "displacement_x": full(fields.displacement[1] * prepared.picture.pixel_size),
    }


def _row(context: CategoryContext, parts: Sequence[Part], masks: Sequence[NDArray[np.uint8]]) -> dict[str, Any]:
    """Return the row; of several defects the most severe gives the severity, and the worst each term of SQE."""
    category, order, picture = context.category, parts[0].prepared.order, parts[0].prepared.picture
    family = order.group.family if order.group.family == COMBINED else order.simulated.simulation.family
    terms = {name: min(part.terms[name] for part in parts) for name in parts[0].terms}
    height, width = masks[0].shape
    return {
        "sample_id": sample_id(category.name, order.index),
        "category": category.name,
        "split": order.group.split,
        "defect_family": family,
        "material": category.material,
        "substrate_id": picture.substrate_id,
        "licence": picture.source.licence,
        "recipe_digest": context.recipe,
        "substrate_transform": parts[0].prepared.symmetry.row(),
        "label": label_id(family, context.families),
        "severity": max(part.prepared.severity for part in parts),
        "area_fraction": float((np.maximum.reduce(masks) > 0).mean()),
        "sqe_score": sqe_score(terms),
        **{f"sqe_{name}": value for name, value in terms.items()},
        "pixel_size": picture.pixel_size,
        "defects": [_defect(part.prepared, part.result, mask) for part, mask in zip(parts, masks, strict=True)],
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
    # A picture-level family is placed in shares of the picture; for physics this is 1.
    scale = prepared.picture.pixel_size / prepared.pose.pixel_size
    is_line = simulation.snapshots[0].trace is not None
    width = result.visible_width if is_line else scale * measures.get("width", snapshot.size)
    return {
        "family": simulation.family,
        "scenario": simulation.scenario,
        "severity": prepared.severity,
        "bbox": [int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1],
        "area_px": int((mask > 0).sum()),
        "width_m": float(width),
        "depth_m": float(measures.get("depth", 0.0)),
        "length_m": float(scale * measures.get("length", snapshot.size)),
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
    placed |= row_of(prepared.snapshot, pose, statistics)
    if prepared.inputs.behind is not None:
        placed["uncovered_border"] = HALO
    simulated = prepared.order.simulated.simulation.parameters
    return {**simulated, **prepared.drawn, **appearance_parameters(prepared.appearance), **placed}

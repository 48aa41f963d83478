"""From finished pixels to the rows of a shard.

* :func:`defect_row` and :func:`good_row` build rows; :func:`encode_map` packs a field into 16 bits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maphc2f.generate.pictures import PreparedPicture
from maphc2f.sample import LABELS, Float32, Sample
from maphc2f.shards.index import row_digest
from maphc2f.shards.png import encode_png, pixel_sha256
from maphc2f.shards.schema import class_names
from maphc2f.shards.writer import image_cell

ZERO_CODE = 32768
LEAST_SCALE = 1e-15
"""Least step of a packed field, m: far below an atom, and far above where division by it would overflow."""


@dataclass(frozen=True, slots=True)
class EncodedMap:
    """A field in 16 bits: ``(code - 32768) * scale`` gives it back."""

    codes: NDArray[np.uint16]
    scale: float


def encode_map(field: Float32) -> EncodedMap:
    """Pack a field (H, W), m, so that its largest magnitude uses the whole range; 0 is always code 32768."""
    peak = float(np.abs(field).max())
    scale = max(peak / (ZERO_CODE - 1), LEAST_SCALE)
    return EncodedMap((np.rint(field.astype(np.float64) / scale) + ZERO_CODE).astype(np.uint16), scale)


def mode_of(image: NDArray[Any]) -> str:
    """Return ``gray`` or ``rgb``."""
    return "rgb" if image.ndim == 3 else "gray"


def label_id(family: str, extra: Sequence[str] = ()) -> int:
    """Return the class id of a family; third-party families follow the fixed list."""
    return LABELS.index(family) if family in LABELS else class_names(extra).index(family)


def defect_row(sample: Sample, maps: Sequence[str]) -> dict[str, Any]:
    """Return the row of a sample with its pictures encoded.

    Args:
        sample: The finished sample; its row lacks pictures and hashes.
        maps: Which optional maps to store.
    """
    name = f"{sample.row['sample_id']}.png"
    image_sha256, mask_sha256 = pixel_sha256(sample.image), pixel_sha256(sample.mask)
    row: dict[str, Any] = {
        **sample.row,
        "image": image_cell(encode_png(sample.image), name),
        "mask": image_cell(encode_png(sample.mask), name),
        "depth_scale": 0.0,
        "displacement_scale": 0.0,
        "image_sha256": image_sha256,
        "mask_sha256": mask_sha256,
    }
    for column in ("soft_mask", "coarse_mask"):
        if column in maps:
            pixels = sample.soft_mask if column == "soft_mask" else sample.maps["coarse_mask"]
            row[column] = image_cell(encode_png(pixels), name)
    row.update(_scaled_maps(sample, maps, name))
    row["content_digest"] = row_digest(row["sample_id"], image_sha256, mask_sha256, digest_facts(row))
    return row


def _scaled_maps(sample: Sample, maps: Sequence[str], name: str) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    if "depth" in maps:
        depth = encode_map(sample.maps["depth"])
        cells |= {"depth": image_cell(encode_png(depth.codes), name), "depth_scale": depth.scale}
    wanted = [column for column in ("displacement_y", "displacement_x") if column in maps]
    if wanted:
        both = encode_map(np.stack([sample.maps["displacement_y"], sample.maps["displacement_x"]]))
        cells["displacement_scale"] = both.scale
        for column in wanted:
            codes = both.codes[0 if column == "displacement_y" else 1]
            cells[column] = image_cell(encode_png(codes), name)
    return cells


def digest_facts(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what enters the content digest besides id and pixels: labels, sizes, scores, parameters."""
    floats = {k: float(np.float32(row[k])) for k in row if k.startswith("sqe_") or k in ("severity", "area_fraction")}
    # The list goes through JSON so that it reads the same before it is written and after it was read back.
    defects = json.loads(json.dumps([{**d, "severity": float(np.float32(d["severity"]))} for d in row["defects"]]))
    plain = {k: row[k] for k in ("category", "split", "label", "substrate_id", "recipe_digest", "pixel_size")}
    return {**plain, **floats, "defects": defects, "transform": dict(row["substrate_transform"])}


def good_row(category: str, split: str, prepared: PreparedPicture) -> dict[str, Any]:
    """Return the row of a prepared good picture."""
    name = f"{prepared.substrate_id}.png"
    height, width = prepared.image.shape[:2]
    foreground = prepared.free.astype(np.uint8) * np.uint8(255)
    return {
        "substrate_id": prepared.substrate_id,
        "category": category,
        "image": image_cell(encode_png(prepared.image), name),
        "foreground": image_cell(encode_png(foreground), name),
        "split": split,
        "specimen": prepared.source.specimen,
        "width": width,
        "height": height,
        "mode": mode_of(prepared.image),
        "bit_depth": 8 * prepared.image.dtype.itemsize,
        "pixel_size": prepared.pixel_size,
        "source": prepared.source.key,
        "source_sha256": prepared.source.sha256,
        "licence": prepared.source.licence,
        "image_sha256": pixel_sha256(prepared.image),
    }

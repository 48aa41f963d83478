"""The one Arrow schema of all shards; ``docs/format.md`` is written from the descriptions here.

* :data:`DEFECT_COLUMNS`, :data:`GOOD_COLUMNS`: name, type and meaning of every column.
* :func:`defect_schema`, :func:`good_schema`: Arrow schemas with the metadata that ``datasets`` reads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow as pa

from maphc2f.sample import LABELS

FORMAT_VERSION = 1

IMAGE_TYPE = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
"""Order and nullability matter: ``datasets`` takes any other form for a plain dictionary."""

TRANSFORM_TYPE = pa.struct(
    [
        pa.field(name, pa.int32())
        for name in ("flip_y", "flip_x", "quarter_turns", "crop_x", "crop_y", "crop_width", "crop_height")
    ]
)

DEFECT_TYPE = pa.struct(
    [
        pa.field("family", pa.string()),
        pa.field("scenario", pa.string()),
        pa.field("severity", pa.float32()),
        pa.field("bbox", pa.list_(pa.int32())),
        pa.field("area_px", pa.int32()),
        pa.field("width_m", pa.float64()),
        pa.field("depth_m", pa.float64()),
        pa.field("length_m", pa.float64()),
        pa.field("opening_max_m", pa.float64()),
        pa.field("visible_width_m", pa.float64()),
        pa.field("simulation_id", pa.string()),
        pa.field("snapshot", pa.int32()),
        pa.field("simulation_attempt", pa.int32()),
        pa.field("placement_attempt", pa.int32()),
        pa.field("solver_iterations", pa.int32()),
        pa.field("solver_residual", pa.float64()),
        pa.field("parameters", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: name, Arrow type, meaning with unit and range, and whether it holds a picture."""

    name: str
    type: Any
    meaning: str

    @property
    def is_image(self) -> bool:
        """Whether it holds pictures."""
        return bool(self.type == IMAGE_TYPE)


_S, _F, _D, _I = pa.string(), pa.float32(), pa.float64(), pa.int32()

SQE_TERMS = ("physics", "boundary", "texture", "visibility", "placement", "agreement")

DEFECT_COLUMNS: tuple[Column, ...] = (
    Column("sample_id", _S, "`<category>-<index:06d>`; unique; no dots"),
    Column("category", _S, "name of the category"),
    Column("split", _S, "`train` or `validation`; splits share no simulation and no specimen"),
    Column("defect_family", _S, "family of the defect; the label's name"),
    Column("material", _S, "material of the part"),
    Column("substrate_id", _S, "the prepared good picture (config `good`) under the defect"),
    Column("licence", _S, "SPDX expression of the source picture"),
    Column("recipe_digest", _S, "SHA-256 of all settings that decide the row"),
    Column("substrate_transform", TRANSFORM_TYPE, "applied to the good picture before the defect; all zero: none"),
    Column("image", IMAGE_TYPE, "picture with the defect, PNG"),
    Column("mask", IMAGE_TYPE, "0 or 255, one channel; equals soft_mask >= 128"),
    Column("coarse_mask", IMAGE_TYPE, "mask before npcF; null unless asked for"),
    Column("soft_mask", IMAGE_TYPE, "optical footprint, 0 .. 255; null unless asked for"),
    Column(
        "depth", IMAGE_TYPE, "16-bit, (value - 32768) * depth_scale metres, negative into the part; null unless asked"
    ),
    Column(
        "displacement_y",
        IMAGE_TYPE,
        "16-bit, (value - 32768) * displacement_scale metres, downwards; null unless asked",
    ),
    Column(
        "displacement_x",
        IMAGE_TYPE,
        "16-bit, (value - 32768) * displacement_scale metres, rightwards; null unless asked",
    ),
    Column("label", pa.int64(), "class id; append-only list"),
    Column("severity", _F, "size reached over the scenario's largest size, 0 .. 1; of several defects the largest"),
    Column("area_fraction", _F, "share of the picture in the mask"),
    Column("sqe_score", _F, "Synthesis Quality Estimator v1, 0 .. 1, higher is better"),
    *(Column(f"sqe_{term}", _F, f"SQE term: {term}, 0 .. 1; of several defects the lowest") for term in SQE_TERMS),
    Column("pixel_size", _D, "effective, m"),
    Column("depth_scale", _D, "m per count of `depth`; 0 without it"),
    Column("displacement_scale", _D, "m per count of the displacement maps; 0 without them"),
    Column(
        "defects",
        pa.list_(DEFECT_TYPE),
        "one entry a defect: sizes in m, box [x, y, w, h] in px, parameters as JSON (SI)",
    ),
    Column("width", _I, "px"),
    Column("height", _I, "px"),
    Column("mode", _S, "`gray` or `rgb`"),
    Column("bit_depth", _I, "8 or 16"),
    Column("pixel_size_assumed", pa.bool_(), "whether nobody gave a pixel size"),
    Column("image_sha256", _S, "of decoded pixels"),
    Column("mask_sha256", _S, "of decoded pixels"),
    Column("content_digest", _S, "SHA-256 of sample_id, pixel hashes and parameters"),
)

GOOD_COLUMNS: tuple[Column, ...] = (
    Column("substrate_id", _S, "`<category>-good-<first 12 digits of source_sha256>`"),
    Column("category", _S, "name of the category"),
    Column("image", IMAGE_TYPE, "prepared good picture, PNG"),
    Column("foreground", IMAGE_TYPE, "255 on the part where defects may lie, 0 elsewhere"),
    Column("split", _S, "`train` or `validation`"),
    Column("specimen", _S, "specimen group: pictures of one part share it"),
    Column("width", _I, "px"),
    Column("height", _I, "px"),
    Column("mode", _S, "`gray` or `rgb`"),
    Column("bit_depth", _I, "8 or 16"),
    Column("pixel_size", _D, "effective, m"),
    Column("source", _S, "name of the source picture below its root"),
    Column("source_sha256", _S, "of the source file's bytes; procedural: of its recipe"),
    Column("licence", _S, "SPDX expression"),
    Column("image_sha256", _S, "of decoded pixels"),
)

_VALUES = {
    pa.string(): "string",
    pa.float32(): "float32",
    pa.float64(): "float64",
    pa.int32(): "int32",
    pa.int64(): "int64",
    pa.bool_(): "bool",
    pa.binary(): "binary",
}


def _feature(kind: Any) -> Any:
    """Return the ``datasets`` feature of an Arrow type."""
    if kind == IMAGE_TYPE:
        return {"_type": "Image"}
    if pa.types.is_struct(kind):
        return {f.name: _feature(f.type) for f in kind}
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    return {"dtype": _VALUES[kind], "_type": "Value"}


def class_names(families: Sequence[str] = ()) -> list[str]:
    """Return the label names: the fixed list, then third-party families sorted by name."""
    return [*LABELS, *sorted(set(families) - set(LABELS))]


def _schema(columns: Sequence[Column], config: str, labels: Sequence[str]) -> pa.Schema:
    features = {column.name: _feature(column.type) for column in columns}
    if "label" in features:
        features["label"] = {"names": list(labels), "_type": "ClassLabel"}
    metadata = {
        "huggingface": json.dumps({"info": {"features": features}}, sort_keys=False),
        "maphc2f": json.dumps({"format_version": FORMAT_VERSION, "config": config}, sort_keys=True),
    }
    return pa.schema([pa.field(column.name, column.type) for column in columns], metadata=metadata)


@cache
def defect_schema(extra_families: tuple[str, ...] = ()) -> pa.Schema:
    """Return the schema of defect rows."""
    return _schema(DEFECT_COLUMNS, "default", class_names(extra_families))


@cache
def good_schema() -> pa.Schema:
    """Return the schema of good rows."""
    return _schema(GOOD_COLUMNS, "good", ())

"""Write docs/format.md: folder layout, columns, index entries, digests, label ids, the commit protocol.

* :func:`document` returns the text; :func:`main` writes it beside this script.

Columns, labels and types come from :mod:`maphc2f.shards.schema`; what only prose can say is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from maphc2f.generate.rows import ZERO_CODE
from maphc2f.sample import LABELS
from maphc2f.shards.schema import (
    DEFECT_COLUMNS,
    DEFECT_TYPE,
    FORMAT_VERSION,
    GOOD_COLUMNS,
    IMAGE_TYPE,
    TRANSFORM_TYPE,
    Column,
)
from maphc2f.shards.writer import ROW_GROUP

OUTPUT = Path(__file__).with_name("format.md")

HEAD = f"""# Format of a dataset, version {FORMAT_VERSION}

What `maphc2f generate` writes and every reader may rely on. A change of a name, type or meaning raises the version;
readers refuse versions that they do not know. Made by `python docs/make_format.py`; change the column descriptions in
`maphc2f/shards/schema.py` or that script, not this file.

## Folder

```text
DS/
  dataset.json        name, version, generator, digests, counts, state (running, complete, incomplete)
  manifest.toml       the effective manifest, every default written out
  inventory.parquet   every source picture: file, SHA-256, size, specimen, licence, accepted or why not
  plan.parquet        sample, category, split, family, group, shard; for people, only up to 10^6 rows
  data/<category>/<split>-<number:05d>-of-<total:05d>.parquet   defect samples (config `default`)
  data/<category>/good-<number:05d>-of-<total:05d>.parquet      prepared good pictures (config `good`)
  index/<category>-<file name>.json    one a committed shard
  images/ masks/      <category>/<family>/<sample_id>.png, copies of the bytes in the shards (`--layout both`)
  events.jsonl        what the runs did; not part of the dataset
  logs/               the same for people; not part of the dataset
```

A Parquet file counts only if its index entry is there. Splits are `train` and `validation`; they share no simulation
and no specimen. A category whose pictures all show one specimen has no `validation` split.

## Parquet

One Arrow schema a config, the same in all shards. Row groups have at most {ROW_GROUP} rows. Picture columns are
`struct<bytes, path>`, stored PLAIN and uncompressed; `bytes` is a PNG file, `path` a file name. The file metadata hold
`maphc2f` (JSON: `format_version`, `config`) and `huggingface` (JSON: features, so that `datasets` gives pictures and
class labels). A picture column that was not asked for is null in every row.
"""

INDEX_FIELDS = {
    "format_version": "version of this document",
    "config": "`default` or `good`",
    "category": "category",
    "split": "`train`, `validation` or `good`",
    "number": "position among the shards of category and split",
    "total": "how many there are",
    "first_group": "number of the first group; a group is one simulation and the samples that share it",
    "groups": "number of groups",
    "rows": "rows in the file",
    "bytes": "size of the file",
    "sha256": "of the file",
    "content_digest": "content digest of the rows",
    "recipe_digest": "of the settings that decide the rows; for good pictures also of their ids",
    "failed": "ids of samples that found no valid form",
    "redrawn_simulations": "simulations drawn again before one grew",
    "redrawn_placements": "places drawn again before a sample held its invariants",
}

DEFECT_FIELDS = {
    "family": "defect family",
    "scenario": "scenario of the family",
    "severity": "size reached over the scenario's largest size, 0 .. 1",
    "bbox": "box of the mask [x, y, width, height], px",
    "area_px": "pixels of the mask",
    "width_m": "mean drawn width of a crack, else the region's width, m",
    "depth_m": "greatest depth, m; 0 if it has none",
    "length_m": "length of a crack, else the size of the region, m",
    "opening_max_m": "greatest opening of a crack, m; 0 for regions",
    "visible_width_m": "mean width of a crack as drawn, m; 0 for regions",
    "simulation_id": "samples with the same id are stages of one simulation",
    "snapshot": "which stage, from 0",
    "simulation_attempt": "draws of the simulation that were rejected before",
    "placement_attempt": "draws of place, picture or simulation that were rejected before",
    "solver_iterations": "steps of the solver",
    "solver_residual": "its last relative residual",
    "parameters": "JSON object: every number drawn for physics, appearance and place; SI units, angles in rad, "
    "positions in px",
}

TRANSFORM_FIELDS = {
    "quarter_turns": "counter-clockwise quarter turns, done first (`numpy.rot90`)",
    "flip_y": "1: then upside down",
    "flip_x": "1: then left to right",
    "crop_x, crop_y, crop_width, crop_height": "box in the good picture, px; all 0: the whole picture",
}

TAIL = f"""
## Maps

`depth`, `displacement_y` and `displacement_x` are 16-bit gray PNG files: metres = (value - {ZERO_CODE}) * scale, with
the row's `depth_scale` or `displacement_scale`. 0 m is always {ZERO_CODE}; the scale is such that the largest magnitude
of the row uses the whole range. Depth is negative into the part. A displacement says, for each pixel, how far the
surface moved, downwards and rightwards. `soft_mask` is the share of a pixel that the defect covers, 0 .. 255;
`mask` is 255 where `soft_mask` >= 128 and 0 elsewhere; `coarse_mask` is the mask before refinement.

## Digests

* `image_sha256`, `mask_sha256`: SHA-256 over the text of shape and bytes a value, `(64, 48, 3)1`, followed by the
  decoded pixels, row by row, little-endian. They do not depend on the PNG encoder.
* `content_digest` of a row: SHA-256 of the JSON list [`sample_id`, `image_sha256`, `mask_sha256`, facts] with sorted
  keys and no spaces. Facts: `category`, `split`, `label`, `substrate_id`, `recipe_digest`, `pixel_size`, `severity`,
  `area_fraction` and the `sqe_` columns as float32 values, `defects`, and `transform` (`substrate_transform`).
* `content_digest` of a shard or dataset: SHA-256 over the lines `sample_id:content_digest`, each ended by a line feed,
  sorted by id; for good pictures `substrate_id:image_sha256`. It does not depend on shards, workers, maps or layout.
* `recipe_digest`: SHA-256 of the category's stanza without its count, its material, seed, size, stages and snapshots,
  with defaults resolved, and of the version of the algorithm.
* `manifest_digest` in `dataset.json`: SHA-256 of name, version and, by category, recipe digest and count.

## Commit

A shard is written under a temporary name (`.<name>.<process>.part`), flushed and renamed; then its PNG copies; then its
index entry in the same way. The entry commits it. Whatever ends a run before leaves no entry, and a file without an
entry is ignored and made again. PNG files are copies of committed bytes and are rebuilt by `maphc2f verify --repair`.
Running `generate` again removes temporary files, keeps every shard whose entry, size and SHA-256 agree and whose groups
and recipe are those of the plan, and makes the rest. Raising a count keeps all earlier samples: full shards are renamed
(`-of-00004` becomes `-of-00007`), a shard that must grow is made anew. One run at a time holds `.lock`.
"""


def document() -> str:
    """Return the whole document."""
    labels = "".join(f"| {number} | `{name}` |\n" for number, name in enumerate(LABELS))
    return (
        HEAD
        + _columns("Defect rows (config `default`)", DEFECT_COLUMNS)
        + _fields("Fields of `defects`", DEFECT_FIELDS, DEFECT_TYPE)
        + _fields("Fields of `substrate_transform`", TRANSFORM_FIELDS, TRANSFORM_TYPE)
        + _columns("Good rows (config `good`)", GOOD_COLUMNS)
        + "\n## Labels\n\nThe list is append-only; third-party families follow it, sorted by name.\n\n"
        + f"| id | name |\n|---|---|\n{labels}"
        + "\n## Index entries\n\n| key | meaning |\n|---|---|\n"
        + "".join(f"| `{name}` | {meaning} |\n" for name, meaning in INDEX_FIELDS.items())
        + TAIL
    )


def _columns(title: str, columns: Sequence[Column]) -> str:
    lines = [f"| `{column.name}` | {_type(column.type)} | {column.meaning} |\n" for column in columns]
    return f"\n## {title}\n\n| column | type | meaning |\n|---|---|---|\n" + "".join(lines)


def _fields(title: str, meanings: dict[str, str], struct: pa.StructType) -> str:
    lines = [
        f"| {', '.join(f'`{name}`' for name in names.split(', '))} | {_type(struct.field(names.split(', ')[0]).type)} "
        f"| {meaning} |\n"
        for names, meaning in meanings.items()
    ]
    return f"\n### {title}\n\n| field | type | meaning |\n|---|---|---|\n" + "".join(lines)


def _type(kind: pa.DataType) -> str:
    if kind == IMAGE_TYPE:
        return "picture"
    if pa.types.is_list(kind):
        return f"list of {_type(kind.value_type)}"
    return "struct" if pa.types.is_struct(kind) else {"float": "float32", "double": "float64"}.get(str(kind), str(kind))


def main() -> None:
    """Write the document."""
    OUTPUT.write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()

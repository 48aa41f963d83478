"""The schema as four independent readers see it: datasets, pyarrow, duckdb and Pillow."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from maphc2f.sample import LABELS, MAPS
from maphc2f.shards.png import decode_png
from maphc2f.shards.schema import (
    DEFECT_COLUMNS,
    DEFECT_TYPE,
    GOOD_COLUMNS,
    IMAGE_TYPE,
    class_names,
    defect_schema,
    good_schema,
)
from tests.conftest import Made

SCRIPT = """
import json, sys
from datasets import load_dataset, Image, ClassLabel
files, cache, streaming = sys.argv[1].split("|"), sys.argv[2], sys.argv[3] == "stream"
ds = load_dataset("parquet", data_files=files, split="train", cache_dir=cache, streaming=streaming)
row = next(iter(ds))
print(json.dumps({
    "images": sorted(k for k, v in ds.features.items() if isinstance(v, Image)),
    "labels": ds.features["label"].names if "label" in ds.features else None,
    "is_class": isinstance(ds.features.get("label"), ClassLabel),
    "size": row["image"].size,
    "mode": row["image"].mode,
    "sum": sum(row["image"].convert("RGB").tobytes()),
    "id": row.get("sample_id") or row["substrate_id"],
    "rows": sum(1 for _ in ds),
    "parameters": bool(json.loads(row["defects"][0]["parameters"])) if "defects" in row else None,
}))
"""


def shards(made: Made, pattern: str) -> list[Path]:
    return sorted((made.root / "data").rglob(pattern))


def seen_by_datasets(files: list[Path], cache: Path, how: str) -> dict[str, Any]:
    """Run the reader in its own process: it reads its cache folder and offline mode when it is imported."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(cache), "HF_DATASETS_CACHE": str(cache)}
    command = [sys.executable, "-c", SCRIPT, "|".join(map(str, files)), str(cache), how]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("how", ["cached", "stream"])
def test_datasets_sees_images_and_labels(how: str, made: Made, tmp_path: Path) -> None:
    files = shards(made, "train-*.parquet")
    seen = seen_by_datasets(files, tmp_path, how)
    assert seen["images"] == sorted(["image", "mask", *MAPS])
    assert seen["is_class"]
    assert seen["labels"] == list(LABELS)
    assert seen["rows"] == sum(pq.read_metadata(path).num_rows for path in files)
    row = pq.read_table(files[0]).slice(0, 1).to_pylist()[0]
    assert seen["id"] == row["sample_id"]
    assert seen["size"] == [64, 64]
    assert seen["sum"] == int(decode_png(row["image"]["bytes"]).sum(dtype=np.int64))
    assert seen["parameters"]


def test_datasets_sees_the_good_pictures(made: Made, tmp_path: Path) -> None:
    seen = seen_by_datasets(shards(made, "good-*.parquet"), tmp_path, "stream")
    assert seen["images"] == ["foreground", "image"]
    assert seen["mode"] == "RGB"


def test_duckdb_reads_columns_and_nested_sizes(made: Made) -> None:
    pattern = str(made.root / "data" / "*" / "train-*.parquet")
    query = (
        "select category, count(*), min(severity), max(severity), sum(len(image.bytes)), "
        f"sum(defects[1].area_px) from read_parquet('{pattern}') group by category order by category"
    )
    found = duckdb.sql(query).fetchall()
    want = [row for path in shards(made, "train-*.parquet") for row in pq.read_table(path).to_pylist()]
    for name, count, low, high, size, area in found:
        own = [row for row in want if row["category"] == name]
        assert count == len(own) > 0
        assert (low, high) == (min(r["severity"] for r in own), max(r["severity"] for r in own))
        assert size == sum(len(r["image"]["bytes"]) for r in own)
        assert area == sum(r["defects"][0]["area_px"] for r in own)
    assert [row[0] for row in found] == ["hide", "nut"]


def test_all_shards_of_all_categories_have_one_schema(made: Made) -> None:
    defects = shards(made, "train-*.parquet") + shards(made, "validation-*.parquet")
    assert len(defects) >= 3
    for path in defects:
        assert pq.read_schema(path).equals(defect_schema(), check_metadata=True), path
    for path in shards(made, "good-*.parquet"):
        assert pq.read_schema(path).equals(good_schema(), check_metadata=True), path


def test_picture_columns_are_plain_and_uncompressed_and_others_are_not(made: Made) -> None:
    for path in shards(made, "*.parquet"):
        group = pq.read_metadata(path).row_group(0)
        leaves = [group.column(i) for i in range(group.num_columns)]
        images = {c.name for c in (*DEFECT_COLUMNS, *GOOD_COLUMNS) if c.is_image}
        pictures = [leaf for leaf in leaves if leaf.path_in_schema.split(".")[0] in images]
        assert pictures
        assert {leaf.compression for leaf in pictures} == {"UNCOMPRESSED"}
        assert not any(leaf.has_dictionary_page for leaf in pictures)
        assert {leaf.compression for leaf in leaves if leaf not in pictures} == {"SNAPPY"}


def test_a_picture_is_found_in_the_file_as_it_is(made: Made) -> None:
    path = shards(made, "train-*.parquet")[0]
    row = pq.read_table(path).to_pylist()[0]
    assert row["image"]["bytes"] in path.read_bytes()
    with Image.open(io.BytesIO(row["image"]["bytes"])) as opened:
        assert opened.format == "PNG"


def test_image_type_is_what_datasets_recognises() -> None:
    assert [field.name for field in IMAGE_TYPE] == ["bytes", "path"]
    assert all(field.nullable for field in IMAGE_TYPE)


@pytest.mark.parametrize("columns", [DEFECT_COLUMNS, GOOD_COLUMNS], ids=["defect", "good"])
def test_columns_are_named_once_and_said_what_they_mean(columns: Any) -> None:
    names = [column.name for column in columns]
    assert len(names) == len(set(names))
    assert all(len(column.meaning) >= 5 for column in columns)


def test_features_cover_every_column() -> None:
    for schema in (defect_schema(), good_schema()):
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        assert list(features) == schema.names
    assert features["image"] == {"_type": "Image"}


def test_labels_are_append_only_and_third_parties_follow_by_name() -> None:
    """Trained models store these ids."""
    assert LABELS == (
        "good",
        "crack",
        "corrosion",
        "deformation",
        "texture_overlay",
        "combined",
        "perlin_overlay",
        "cut_paste",
        "poisson_blend",
    )
    assert class_names(["zeta", "crack", "alpha"]) == [*LABELS, "alpha", "zeta"]
    features = json.loads(defect_schema(("zeta",)).metadata[b"huggingface"])["info"]["features"]
    assert features["label"] == {"names": [*LABELS, "zeta"], "_type": "ClassLabel"}


def test_schema_is_pinned() -> None:
    """Readers rely on names and types; a change needs another FORMAT_VERSION."""
    assert defect_schema().field("defects").type == pa.list_(DEFECT_TYPE)
    lines = "\n".join(f"{field.name} {field.type}" for schema in (defect_schema(), good_schema()) for field in schema)
    pinned = Path(__file__).with_name("schema_v1.txt").read_text(encoding="utf-8")
    assert lines + "\n" == pinned

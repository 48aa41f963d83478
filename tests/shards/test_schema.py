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
cache, found = sys.argv[1], {}
for name, (files, streaming) in json.loads(sys.argv[2]).items():
    ds = load_dataset("parquet", data_files=files, split="train", cache_dir=cache, streaming=streaming)
    rows = list(ds)
    row = rows[0]
    found[name] = {
        "images": sorted(k for k, v in ds.features.items() if isinstance(v, Image)),
        "labels": ds.features["label"].names if isinstance(ds.features.get("label"), ClassLabel) else None,
        "size": row["image"].size,
        "mode": row["image"].mode,
        "sum": sum(row["image"].tobytes()),
        "ids": [row.get("sample_id") or row["substrate_id"] for row in rows],
        "parameters": [json.loads(row["defects"][0]["parameters"]) for row in rows if "defects" in row],
    }
print(json.dumps(found))
"""


def shards(made: Made, pattern: str) -> list[Path]:
    return sorted((made.root / "data").rglob(pattern))


@pytest.fixture(scope="module")
def seen(made: Made, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ``datasets`` sees, in a process of its own: it reads its settings when it is imported."""
    cache = str(tmp_path_factory.mktemp("cache"))
    defects, goods = ([str(path) for path in shards(made, pattern)] for pattern in ("train-*", "good-*"))
    jobs = {"cached": (defects, False), "stream": (defects, True), "good": (goods, True)}
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": cache, "HF_DATASETS_CACHE": cache, "USE_TORCH": "0"}
    command = [sys.executable, "-c", SCRIPT, cache, json.dumps(jobs)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("how", ["cached", "stream"])
def test_datasets_sees_images_and_labels(how: str, made: Made, seen: dict[str, Any]) -> None:
    rows = [row for path in shards(made, "train-*") for row in pq.read_table(path).to_pylist()]
    assert seen[how]["images"] == sorted(["image", "mask", *MAPS])
    assert seen[how]["labels"] == list(LABELS)
    assert seen[how]["ids"] == [row["sample_id"] for row in rows]
    assert seen[how]["size"] == [64, 64]
    assert seen[how]["sum"] == int(decode_png(rows[0]["image"]["bytes"]).sum(dtype=np.int64))
    assert all("anchor_y" in parameters for parameters in seen[how]["parameters"])


def test_datasets_sees_the_good_pictures(made: Made, seen: dict[str, Any]) -> None:
    rows = [row for path in shards(made, "good-*") for row in pq.read_table(path).to_pylist()]
    assert seen["good"]["images"] == ["foreground", "image"]
    assert seen["good"]["labels"] is None
    assert seen["good"]["mode"] == "RGB"
    assert seen["good"]["ids"] == [row["substrate_id"] for row in rows]


def test_duckdb_reads_columns_and_nested_sizes(made: Made) -> None:
    pattern = str(made.root / "data" / "*" / "train-*.parquet")
    sums = "count(*), min(severity), max(severity), sum(octet_length(image.bytes)), sum(defects[1].area_px)"
    found = duckdb.read_parquet(pattern).aggregate(f"category, {sums}", "category").order("category").fetchall()
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
    wanted = dict.fromkeys(defects, defect_schema()) | dict.fromkeys(shards(made, "good-*.parquet"), good_schema())
    for path, schema in wanted.items():
        # Field by field: Parquet renames the items of a list, which a strict comparison of the whole would see.
        assert pq.read_schema(path).equals(schema), path
        assert pq.read_schema(path).metadata == schema.metadata, path


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
    assert all(column.meaning.strip() for column in columns)


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

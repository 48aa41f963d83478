"""Reading committed shards, and saying in one line what is wrong with damaged ones."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from maphc2f.errors import DatasetError
from maphc2f.shards.index import content_digest, read_entries
from maphc2f.shards.reader import committed, dataset_digest, find_row, open_shard, read_rows
from tests.conftest import Made


def first_shard(made: Made) -> Path:
    return committed(made.root)[0].key.data_path(made.root)


def refused(path: Path, words: str) -> None:
    with pytest.raises(DatasetError, match=words) as caught:
        open_shard(path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_a_truncated_shard_is_refused(share: float, copied: Made) -> None:
    path = first_shard(copied)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    refused(path, "unreadable shard")


def test_a_missing_shard_is_refused(copied: Made) -> None:
    path = first_shard(copied)
    path.unlink()
    refused(path, "unreadable shard")


def test_a_folder_in_place_of_a_shard_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").mkdir()
    refused(tmp_path / "x.parquet", "unreadable shard")


def test_parquet_of_somebody_else_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "x.parquet")
    refused(tmp_path / "x.parquet", "unreadable shard")


def test_another_format_version_is_refused(tmp_path: Path) -> None:
    metadata = {"maphc2f": json.dumps({"format_version": 99})}
    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata(metadata), tmp_path / "x.parquet")
    refused(tmp_path / "x.parquet", "format version 99")


@pytest.mark.parametrize("text", ["[1]", "1", '"x"', "null"])
def test_metadata_that_is_not_ours_is_refused(text: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata({"maphc2f": text}), tmp_path / "x.parquet")
    refused(tmp_path / "x.parquet", "unreadable shard")


def test_rows_come_in_order_and_only_the_columns_asked_for(made: Made) -> None:
    path = first_shard(made)
    ids = [row["sample_id"] for row in read_rows(path, ["sample_id"])]
    assert ids == sorted(ids)
    assert {tuple(row) for row in read_rows(path, ["sample_id", "severity"])} == {("sample_id", "severity")}


def test_configs_are_kept_apart(made: Made) -> None:
    assert {entry.split for entry in committed(made.root)} == {"train", "validation"}
    assert {entry.split for entry in committed(made.root, "good")} == {"good"}
    assert len(committed(made.root)) + len(committed(made.root, "good")) == len(read_entries(made.root))


def test_every_sample_is_found(made: Made) -> None:
    for name, count in (("hide", 12), ("nut", 6)):
        for index in range(count):
            assert find_row(made.root, f"{name}-{index:06d}")["sample_id"] == f"{name}-{index:06d}"


@pytest.mark.parametrize("name", ["hide-000012", "nut-999999", "other-000000", "", "hide", "hide-good-0"])
def test_a_sample_that_is_not_there_is_said(name: str, made: Made) -> None:
    with pytest.raises(DatasetError, match="no sample"):
        find_row(made.root, name)


def test_dataset_digest_is_that_of_all_rows_in_any_order(made: Made) -> None:
    rows = [row for entry in committed(made.root) for row in read_rows(entry.key.data_path(made.root))]
    pairs = [(row["sample_id"], row["content_digest"]) for row in reversed(rows)]
    assert dataset_digest(made.root) == content_digest(pairs)
    assert json.loads((made.root / "dataset.json").read_text())["content_digest"] == dataset_digest(made.root)

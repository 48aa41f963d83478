"""Commit protocol of a shard: Parquet, pictures, entry; a fault commits nothing."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from maphc2f.errors import DatasetError, OutOfSpaceError
from maphc2f.shards import writer
from maphc2f.shards.files import file_sha256
from maphc2f.shards.index import ShardKey, content_digest, read_entries
from maphc2f.shards.png import decode_png, encode_png, pixel_sha256
from maphc2f.shards.reader import read_rows
from maphc2f.shards.schema import defect_schema, good_schema
from maphc2f.shards.writer import ROW_GROUP, image_cell, table_of, write_shard

KEY = ShardKey("nut", "train", 0, 1)
FACTS: dict[str, Any] = {"first_group": 0, "groups": 2, "recipe_digest": "r"}


def rows(count: int) -> list[dict[str, Any]]:
    made = []
    for index in range(count):
        pixels = np.random.default_rng(index).integers(0, 256, (8, 9, 3), np.uint8)
        name = f"nut-{index:06d}"
        made.append(
            {
                "sample_id": name,
                "category": "nut",
                "defect_family": "crack" if index % 2 else "corrosion",
                "image": image_cell(encode_png(pixels), f"{name}.png"),
                "mask": image_cell(encode_png(pixels[:, :, 0]), f"{name}.png"),
                "severity": 0.1 * index,
                "image_sha256": pixel_sha256(pixels),
                "content_digest": f"{index:064x}",
            }
        )
    return made


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_entry_describes_the_file(tmp_path: Path) -> None:
    made = rows(3)
    entry = write_shard(tmp_path, KEY, made, defect_schema(), {**FACTS, "failed": ("nut-000003",)}, pictures=False)
    path = KEY.data_path(tmp_path)
    assert read_entries(tmp_path) == [entry]
    assert (entry.rows, entry.bytes, entry.sha256) == (3, path.stat().st_size, file_sha256(path))
    assert entry.content_digest == content_digest((r["sample_id"], r["content_digest"]) for r in made)
    assert (entry.key, entry.config, entry.failed) == (KEY, "default", ("nut-000003",))


def test_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    first = write_shard(tmp_path / "a", KEY, rows(5), defect_schema(), FACTS, pictures=False)
    second = write_shard(tmp_path / "b", KEY, rows(5), defect_schema(), FACTS, pictures=False)
    assert first == second


def test_columns_that_a_row_lacks_are_null(tmp_path: Path) -> None:
    write_shard(tmp_path, KEY, rows(2), defect_schema(), FACTS, pictures=False)
    back = list(read_rows(KEY.data_path(tmp_path)))
    assert [row["depth"] for row in back] == [None, None]
    assert back[1]["image"] == rows(2)[1]["image"]


def test_projection_holds_the_same_bytes(tmp_path: Path) -> None:
    made = rows(2)
    write_shard(tmp_path, KEY, made, defect_schema(), FACTS, pictures=True)
    assert files(tmp_path / "images") == ["nut/corrosion/nut-000000.png", "nut/crack/nut-000001.png"]
    for folder, column in (("images", "image"), ("masks", "mask")):
        data = (tmp_path / folder / "nut/crack/nut-000001.png").read_bytes()
        assert data == made[1][column]["bytes"]
    assert (
        pixel_sha256(decode_png((tmp_path / "images/nut/crack/nut-000001.png").read_bytes())) == made[1]["image_sha256"]
    )


def test_row_groups_are_bounded(tmp_path: Path) -> None:
    count = ROW_GROUP + 3
    write_shard(tmp_path, KEY, rows(count), defect_schema(), FACTS, pictures=False)
    metadata = pq.read_metadata(KEY.data_path(tmp_path))
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [ROW_GROUP, 3]
    assert [row["sample_id"] for row in read_rows(KEY.data_path(tmp_path))] == [f"nut-{i:06d}" for i in range(count)]


def test_an_empty_shard_can_be_committed(tmp_path: Path) -> None:
    entry = write_shard(tmp_path, KEY, [], defect_schema(), {**FACTS, "failed": ("nut-000000",)}, pictures=True)
    assert entry.rows == 0
    assert list(read_rows(KEY.data_path(tmp_path))) == []


def test_good_pictures_are_another_config_without_projection(tmp_path: Path) -> None:
    key = ShardKey("nut", "good", 0, 1)
    row = {"substrate_id": "nut-good-0", "category": "nut", "image_sha256": "1" * 64}
    entry = write_shard(tmp_path, key, [row], good_schema(), FACTS, pictures=True)
    assert entry.config == "good"
    assert entry.content_digest == content_digest([("nut-good-0", "1" * 64)])
    assert files(tmp_path) == ["data/nut/good-00000-of-00001.parquet", "index/nut-good-00000-of-00001.json"]


@pytest.mark.parametrize(("code", "kind"), [(errno.ENOSPC, OutOfSpaceError), (errno.EACCES, DatasetError)])
def test_a_fault_of_the_disk_commits_nothing(
    code: int, kind: type[Exception], tmp_path: Path, refuse_writing: Callable[[int], None]
) -> None:
    refuse_writing(code)
    with pytest.raises(kind):
        write_shard(tmp_path, KEY, rows(2), defect_schema(), FACTS, pictures=True)
    assert files(tmp_path) == []


def test_a_fault_while_writing_pictures_commits_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OutOfSpaceError("full", where="x", rule="y", remedy="z")

    monkeypatch.setattr(writer, "project", fail)
    with pytest.raises(OutOfSpaceError):
        write_shard(tmp_path, KEY, rows(2), defect_schema(), FACTS, pictures=True)
    assert read_entries(tmp_path) == []


def test_a_row_of_the_wrong_type_is_a_bug_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises((TypeError, ValueError)):
        write_shard(tmp_path, KEY, [{**rows(1)[0], "severity": "much"}], defect_schema(), FACTS, pictures=True)
    assert files(tmp_path) == []


def test_table_keeps_types_for_no_rows() -> None:
    assert table_of([], defect_schema()).schema.equals(defect_schema(), check_metadata=True)

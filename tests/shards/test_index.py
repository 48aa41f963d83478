"""Index entries and digests."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maphc2f.errors import DatasetError
from maphc2f.shards.index import (
    IndexEntry,
    ShardKey,
    content_digest,
    read_entries,
    read_entry,
    row_digest,
    write_entry,
)

pairs = st.dictionaries(st.text("abc-0123456789", min_size=1), st.text("0123456789abcdef", min_size=4)).map(
    lambda d: list(d.items())
)


def entry(number: int = 0, **changes: Any) -> IndexEntry:
    values: dict[str, Any] = {
        "config": "default",
        "category": "nut",
        "split": "train",
        "number": number,
        "total": 3,
        "first_group": 0,
        "groups": 2,
        "rows": 4,
        "bytes": 100,
        "sha256": "0" * 64,
        "content_digest": "1" * 64,
        "recipe_digest": "2" * 64,
        "failed": ("nut-000003",),
    }
    return IndexEntry(**{**values, **changes})


def test_names_of_a_shard() -> None:
    key = ShardKey("nut", "validation", 3, 12)
    assert key.data_path(Path("ds")) == Path("ds/data/nut/validation-00003-of-00012.parquet")
    assert key.entry_path(Path("ds")) == Path("ds/index/nut-validation-00003-of-00012.json")


def test_an_entry_survives_the_disk(tmp_path: Path) -> None:
    written = entry()
    write_entry(tmp_path, written)
    assert read_entry(written.key.entry_path(tmp_path)) == written
    assert json.loads(written.key.entry_path(tmp_path).read_text())["format_version"] == 1


def test_entries_are_sorted_by_key_not_by_file_name(tmp_path: Path) -> None:
    keys = [ShardKey("b", "train", 0, 1), ShardKey("a", "validation", 0, 1), ShardKey("a", "train", 1, 2)]
    for key in keys:
        write_entry(tmp_path, entry(key.number, category=key.category, split=key.split, total=key.total))
    assert [e.key for e in read_entries(tmp_path)] == sorted(keys)
    assert read_entries(tmp_path / "nothing") == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"config": "default"}', "\x00\xff"])
def test_a_damaged_entry_is_said_in_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "index" / "x.json"
    path.parent.mkdir()
    path.write_text(text, encoding="latin-1")
    with pytest.raises(DatasetError, match="damaged index entry") as caught:
        read_entries(tmp_path)
    assert "\n" not in str(caught.value)
    assert "x.json" in str(caught.value)


def test_an_unknown_key_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps({**entry().model_dump(mode="json"), "extra": 1}))
    with pytest.raises(DatasetError, match="damaged"):
        read_entry(path)


def test_another_format_version_is_refused(tmp_path: Path) -> None:
    write_entry(tmp_path, entry(format_version=2))
    with pytest.raises(DatasetError, match=r"format version 2.*reads version 1"):
        read_entries(tmp_path)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(pairs, st.randoms(use_true_random=False))
def test_content_digest_is_independent_of_order(rows: list[tuple[str, str]], shuffler: random.Random) -> None:
    shuffled = rows.copy()
    shuffler.shuffle(shuffled)
    assert content_digest(shuffled) == content_digest(rows)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(pairs.filter(bool))
def test_content_digest_sees_every_row(rows: list[tuple[str, str]]) -> None:
    name, digest = rows[0]
    assert content_digest(rows[1:]) != content_digest(rows)
    assert content_digest([(name, digest + "0"), *rows[1:]]) != content_digest(rows)


def test_row_digest_is_pinned_and_sees_each_part() -> None:
    """Datasets store it and docs/format.md describes it: changing it breaks every committed folder."""
    first = row_digest("nut-000000", "a", "b", {"x": 0.1, "y": [1, 2]})
    assert first == row_digest("nut-000000", "a", "b", {"y": [1, 2], "x": 0.1})
    assert first == "0dedbf418f337498a46906838df95e0a08cb329f3791a455f7732aae5c5552f3"
    others = {
        row_digest("nut-000001", "a", "b", {"x": 0.1, "y": [1, 2]}),
        row_digest("nut-000000", "A", "b", {"x": 0.1, "y": [1, 2]}),
        row_digest("nut-000000", "a", "B", {"x": 0.1, "y": [1, 2]}),
        row_digest("nut-000000", "a", "b", {"x": 0.1, "y": [2, 1]}),
    }
    assert len(others | {first}) == 5

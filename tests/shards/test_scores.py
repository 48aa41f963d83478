"""Learned scores beside the shards: written whole, found by name, joined when a dataset is read."""

from __future__ import annotations

import errno
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import maphc2f
from maphc2f.errors import DatasetError, OutOfSpaceError
from maphc2f.shards.scores import ONLY, Scores, find_scores, read_scores, require_all, scores_path, write_scores
from tests.conftest import Made

MODEL, OTHER = "a" * 64, "ab" + "c" * 62


def scores(model: str = MODEL) -> Scores:
    return Scores(model, "d" * 64, {"b-000001": 0.5, "a-000000": 0.25})


def scored(copied: Made, model: str = MODEL, without: int = 0) -> dict[str, float]:
    ids = [maphc2f.open(copied.root)[k]["sample_id"] for k in range(18)]
    values = {name: k / 18 for k, name in enumerate(ids)}
    write_scores(copied.root, Scores(model, "d" * 64, dict(list(values.items())[: 18 - without])))
    return values


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write_scores(tmp_path, scores())
    assert path == scores_path(tmp_path, MODEL) == tmp_path / "scores" / f"{MODEL}.parquet"
    assert read_scores(path) == scores()
    table = pq.read_table(path)
    assert table.column_names == ["sample_id", "score"]
    assert table.column("sample_id").to_pylist() == ["a-000000", "b-000001"], "sorted"
    assert table.schema.field("score").type == pa.float32()


def test_the_same_scores_give_the_same_bytes(tmp_path: Path) -> None:
    first = write_scores(tmp_path / "one", scores()).read_bytes()
    turned = Scores(MODEL, "d" * 64, dict(reversed(scores().values.items())))
    assert write_scores(tmp_path / "two", turned).read_bytes() == first


def test_a_full_disk_leaves_nothing(tmp_path: Path, refuse_writing: Callable[[int], None]) -> None:
    refuse_writing(errno.ENOSPC)
    with pytest.raises(OutOfSpaceError):
        write_scores(tmp_path, scores())
    assert list((tmp_path / "scores").iterdir()) == []


def test_damage_is_told(tmp_path: Path) -> None:
    path = write_scores(tmp_path, scores())
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(DatasetError, match="unreadable scores"):
        read_scores(path)
    write_scores(tmp_path, Scores(MODEL, "d", {"a-000000": 1.5}))
    with pytest.raises(DatasetError, match="one number in"):
        read_scores(path)
    pq.write_table(pa.table({"sample_id": ["a"], "score": [0.5]}), path)
    with pytest.raises(DatasetError, match="unreadable scores"):
        read_scores(path)


def test_the_file_that_is_meant(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="run 'maphc2f score' first"):
        find_scores(tmp_path, ONLY)
    path = write_scores(tmp_path, scores())
    assert find_scores(tmp_path, ONLY) == find_scores(tmp_path, MODEL) == find_scores(tmp_path, "aaa") == path
    other = write_scores(tmp_path, scores(OTHER))
    assert find_scores(tmp_path, "ab") == other
    for unclear in (ONLY, "a", "f"):
        with pytest.raises(DatasetError, match="name one by its first digits"):
            find_scores(tmp_path, unclear)


def test_every_sample_needs_one(tmp_path: Path) -> None:
    require_all(tmp_path, scores(), ["a-000000", "b-000001"])
    with pytest.raises(DatasetError, match=r"1 samples have no score, e\.g\. c-000000"):
        require_all(tmp_path, scores(), ["a-000000", "c-000000"])


def test_scores_are_joined_to_rows(copied: Made) -> None:
    values = scored(copied)
    opened = maphc2f.open(copied.root, scores=ONLY)
    again = pickle.loads(pickle.dumps(opened))  # noqa: S301  # as a loader's worker does
    for k in range(18):
        assert opened[k]["learned_score"] == again[k]["learned_score"]
        assert opened[k]["learned_score"] == np.float32(values[opened[k]["sample_id"]])
    assert "learned_score" not in maphc2f.open(copied.root)[0]
    assert len(maphc2f.open(copied.root, split="train", scores="aaaa")) < 18


def test_a_dataset_that_grew_is_told_when_opened(copied: Made) -> None:
    scored(copied, without=1)
    with pytest.raises(DatasetError, match="run 'maphc2f score' again"):
        maphc2f.open(copied.root, scores=ONLY)


def test_good_pictures_have_no_scores(made: Made) -> None:
    with pytest.raises(ValueError, match="no scores"):
        maphc2f.open(made.root, config="good", scores=ONLY)

"""``maphc2f.open``: a map-style dataset for torch."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import maphc2f
from maphc2f.errors import DatasetError
from maphc2f.sample import MAPS
from maphc2f.shards import dataset as module
from maphc2f.shards.png import pixel_sha256
from maphc2f.shards.reader import committed, read_rows
from tests.conftest import Made


def identity(batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return batch


def test_rows_in_the_order_of_shards_with_decoded_pictures(made: Made) -> None:
    opened = maphc2f.open(made.root)
    want = [row for entry in committed(made.root) for row in read_rows(entry.key.data_path(made.root))]
    assert len(opened) == len(want) == 18
    for index, row in enumerate(want):
        got = opened[index]
        assert got["sample_id"] == row["sample_id"]
        assert pixel_sha256(got["image"]) == row["image_sha256"]
        assert pixel_sha256(got["mask"]) == row["mask_sha256"]
        assert all(got[name].shape == got["mask"].shape for name in MAPS)


def test_splits_partition_the_rows(made: Made) -> None:
    parts = {split: maphc2f.open(made.root, split=split) for split in ("train", "validation")}
    assert sum(map(len, parts.values())) == 18
    for split, part in parts.items():
        assert {part[i]["split"] for i in range(len(part))} == {split}


def test_negative_and_wrong_indices(made: Made) -> None:
    opened = maphc2f.open(made.root)
    assert opened[-1]["sample_id"] == opened[17]["sample_id"]
    assert opened[-18]["sample_id"] == opened[0]["sample_id"]
    for index in (18, -19):
        with pytest.raises(IndexError, match="of 18"):
            opened[index]


def test_it_ends_when_iterated(made: Made) -> None:
    assert len(list(maphc2f.open(made.root, config="good"))) == len(maphc2f.open(made.root, config="good"))


def test_good_pictures(made: Made) -> None:
    goods = maphc2f.open(made.root, config="good")
    used = {row["substrate_id"] for row in maphc2f.open(made.root)}
    rows = [goods[i] for i in range(len(goods))]
    assert used == {row["substrate_id"] for row in rows}
    for row in rows:
        assert row["image"].dtype == np.uint8
        assert set(np.unique(row["foreground"])) <= {0, 255}


def test_a_picture_that_was_not_asked_for_is_none(tmp_path: Path) -> None:
    from maphc2f.shards.schema import defect_schema
    from maphc2f.shards.writer import write_shard
    from tests.shards.test_writer import FACTS, KEY, rows

    write_shard(tmp_path, KEY, rows(2), defect_schema(), FACTS, pictures=False)
    row = maphc2f.open(tmp_path)[1]
    assert row["depth"] is None
    assert row["image"].shape == (8, 9, 3)


def test_few_files_stay_open(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OPEN_FILES", 1)
    opened = maphc2f.open(made.root)
    for index in (0, 17, 0, 12, 17):
        assert opened[index]["sample_id"]
        assert len(opened._files) == 1


def test_it_can_be_pickled_with_files_open(made: Made) -> None:
    opened = maphc2f.open(made.root)
    first = opened[0]
    again = pickle.loads(pickle.dumps(opened))  # noqa: S301  # our own bytes
    assert len(again) == 18
    np.testing.assert_array_equal(again[0]["image"], first["image"])
    assert opened._files, "pickling must not close the files of the original"


def test_a_loader_with_two_workers_sees_every_row_once(made: Made) -> None:
    from torch.utils.data import DataLoader

    opened = maphc2f.open(made.root)
    loader = DataLoader(opened, batch_size=4, num_workers=2, collate_fn=identity)
    seen = [row for batch in loader for row in batch]
    assert [row["sample_id"] for row in seen] == [opened[i]["sample_id"] for i in range(18)]
    np.testing.assert_array_equal(seen[7]["image"], opened[7]["image"])


@pytest.mark.parametrize("arguments", [{"split": "test"}, {"config": "other"}])
def test_what_is_not_there_is_said_in_one_line(arguments: dict[str, str], made: Made) -> None:
    with pytest.raises(DatasetError, match="no committed shard") as caught:
        maphc2f.open(made.root, **arguments)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(DatasetError, match="no committed shard"):
            maphc2f.open(path)


def test_a_shard_that_went_missing_is_said(copied: Made) -> None:
    opened = maphc2f.open(copied.root)
    committed(copied.root)[0].key.data_path(copied.root).unlink()
    with pytest.raises(DatasetError, match="unreadable shard"):
        opened[0]

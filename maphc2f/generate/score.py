"""Scoring a dataset by a trained estimator, from its shards alone.

* :func:`score_dataset` writes ``scores/<model_digest>.parquet`` and returns a :class:`Summary`.
* :func:`score_shard` is the task of a worker; :func:`score_row` scores one row.

A shard's good pictures are those of its category in the same dataset. Scores do not depend on workers or order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maphc2f.errors import DatasetError
from maphc2f.features import load
from maphc2f.features.base import Backbone
from maphc2f.generate.executor import Task, WorkerPool
from maphc2f.generate.folder import read_info
from maphc2f.generate.judge import GoodPicture, good_of, judged_defects
from maphc2f.generate.worker import pin_threads
from maphc2f.quality.judged import observe
from maphc2f.quality.model import SqeModel
from maphc2f.shards.index import ShardKey
from maphc2f.shards.png import decode_png
from maphc2f.shards.reader import committed, dataset_digest, read_rows
from maphc2f.shards.scores import Scores, write_scores

KEPT_GOODS = 64
"""Good pictures of a category kept decoded at a time."""

COLUMNS = ("sample_id", "substrate_id", "substrate_transform", "image", "mask", "defects", "sqe_physics")


@dataclass(frozen=True, slots=True)
class Summary:
    """What was scored: the file, and the scores in the order of sample ids."""

    path: Path
    scores: Scores


class Goods:
    """The good pictures of a category, decoded on demand.

    Args:
        root: The dataset folder.
        category: Name of the category.
    """

    def __init__(self, root: Path, category: str) -> None:
        self._rows: dict[str, Mapping[str, Any]] = {}
        for entry in committed(root, "good"):
            if entry.category == category:
                for row in read_rows(entry.key.data_path(root), ["substrate_id", "image", "foreground"]):
                    self._rows[row["substrate_id"]] = row
        self._where = str(root)
        self._decoded: dict[str, GoodPicture] = {}

    def get(self, substrate_id: str) -> GoodPicture:
        """Return a good picture.

        Raises:
            DatasetError: It is not in the dataset.
        """
        if substrate_id not in self._rows:
            raise DatasetError(
                f"good picture {substrate_id} is missing",
                where=self._where,
                rule="a sample is judged against its good picture in config 'good'",
                remedy="run generate again to finish the dataset",
            )
        if substrate_id not in self._decoded:
            if len(self._decoded) >= KEPT_GOODS:
                self._decoded.pop(next(iter(self._decoded)))
            self._decoded[substrate_id] = good_of(self._rows[substrate_id])
        return self._decoded[substrate_id]


def score_row(row: Mapping[str, Any], good: GoodPicture, model: SqeModel, backbone: Backbone) -> float:
    """Return the score of a row of config ``default``: the lowest of its defects."""
    image, mask = decode_png(row["image"]["bytes"]), np.asarray(decode_png(row["mask"]["bytes"]), np.uint8)
    judged = judged_defects(row, image, mask, good)
    return min(model.score(observe(defect, backbone)[0]) for defect in judged)


def score_shard(root: str, key: ShardKey, model: SqeModel) -> dict[str, float]:
    """Return the scores of a committed shard by sample id.

    Raises:
        DatasetError: The shard is damaged, or a good picture is missing.
    """
    pin_threads()
    backbone, folder = load("scattering"), Path(root)
    goods = Goods(folder, key.category)
    return {
        row["sample_id"]: score_row(row, goods.get(row["substrate_id"]), model, backbone)
        for row in read_rows(key.data_path(folder), COLUMNS)
    }


def score_dataset(
    root: Path, model: SqeModel, workers: int, progress: Callable[[int], None] = lambda _: None
) -> Summary:
    """Score every committed sample of a dataset and write the scores.

    Args:
        root: The dataset folder.
        model: The estimator, as read from its file.
        workers: Processes.
        progress: Told of samples as they are done.

    Raises:
        DatasetError: No dataset, no samples, or a shard is damaged.
    """
    read_info(root)
    entries = committed(root)
    if not sum(entry.rows for entry in entries):
        raise DatasetError(
            "no samples", where=str(root), rule="at least one shard must be committed", remedy="run generate again"
        )
    tasks = [Task(e.key.shard_id, score_shard, (str(root), e.key, model), e.rows) for e in entries]
    values: dict[str, float] = {}
    with WorkerPool(min(workers, len(tasks))) as processes:
        for outcome in processes.execute(tasks):
            if outcome.error is not None:
                raise outcome.error
            values |= outcome.result
            progress(outcome.task.weight)
    scores = Scores(model.digest, dataset_digest(root), dict(sorted(values.items())))
    return Summary(write_scores(root, scores), scores)

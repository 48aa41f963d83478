"""A dataset folder as a map-style dataset.

* :func:`open` returns :class:`ShardDataset`.
"""

from __future__ import annotations

import bisect
import itertools
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maphc2f.errors import DatasetError
from maphc2f.shards.png import decode_png
from maphc2f.shards.reader import committed, open_shard
from maphc2f.shards.schema import DEFECT_COLUMNS, GOOD_COLUMNS
from maphc2f.shards.scores import find_scores, read_scores, require_all

if TYPE_CHECKING:
    import pyarrow.parquet as pq

    from maphc2f.shards.index import IndexEntry

SCORE_COLUMN = "learned_score"
"""Under which a joined score stands in a row."""

OPEN_FILES = 16
"""Shards kept open at a time: memory stays bounded, whatever the number of shards."""


class ShardDataset:
    """Random access to the rows of a dataset folder; pictures are decoded to arrays (H, W[, 3]).

    It has ``__len__`` and ``__getitem__``, which is all that ``torch.utils.data.DataLoader`` asks of a map-style
    dataset, and it can be pickled to its workers.

    Args:
        root: The dataset folder.
        split: ``train``, ``validation`` or None for both; ignored for good pictures.
        config: ``default`` (defects) or ``good``.
        scores: Joins learned scores to the rows of defects, as ``learned_score``: the digest of a model or its first
            digits, or ``only`` for the one file of scores there is; None: none.

    Raises:
        DatasetError: No committed shard, or a shard is damaged; no such scores, or samples without one.
        ValueError: Scores were asked for of good pictures.
    """

    def __init__(
        self, root: str | Path, *, split: str | None = None, config: str = "default", scores: str | None = None
    ) -> None:
        if scores is not None and config == "good":
            msg = "good pictures have no scores"
            raise ValueError(msg)
        self.root = Path(root)
        entries = committed(self.root, config)
        self._entries: list[IndexEntry] = [e for e in entries if split in (None, e.split) or config == "good"]
        if not self._entries:
            raise DatasetError(
                f"no committed shard of split {split or 'any'}",
                where=str(root),
                rule="a dataset made by 'maphc2f generate'",
                remedy="check the path, or run generate again to finish it",
            )
        self._ends = list(itertools.accumulate(entry.rows for entry in self._entries))
        self._images = [c.name for c in (GOOD_COLUMNS if config == "good" else DEFECT_COLUMNS) if c.is_image]
        self._files: OrderedDict[int, pq.ParquetFile] = OrderedDict()
        self._scores = None if scores is None else self._read_scores(scores)

    def _read_scores(self, which: str) -> dict[str, float]:
        path = find_scores(self.root, which)
        found = read_scores(path)
        columns = [open_shard(e.key.data_path(self.root)).read(columns=["sample_id"]) for e in self._entries]
        require_all(path, found, [name for table in columns for name in table.column(0).to_pylist()])
        return found.values

    def __len__(self) -> int:
        return self._ends[-1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_files": OrderedDict()}

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return row ``index`` with its pictures decoded; a picture that was not asked for is None."""
        if not -len(self) <= index < len(self):
            msg = f"row {index} of {len(self)}"
            raise IndexError(msg)
        index %= len(self)
        shard = bisect.bisect_right(self._ends, index)
        local = index - (self._ends[shard - 1] if shard else 0)
        row = self._row(self._file(shard), local)
        for name in self._images:
            row[name] = None if row[name] is None else decode_png(row[name]["bytes"])
        if self._scores is not None:
            row[SCORE_COLUMN] = self._scores[row["sample_id"]]
        return row

    def _file(self, shard: int) -> pq.ParquetFile:
        if shard not in self._files:
            if len(self._files) >= OPEN_FILES:
                self._files.popitem(last=False)[1].close()
            self._files[shard] = open_shard(self._entries[shard].key.data_path(self.root))
        self._files.move_to_end(shard)
        return self._files[shard]

    @staticmethod
    def _row(file: pq.ParquetFile, local: int) -> dict[str, Any]:
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if local < rows:
                return dict(file.read_row_group(group).slice(local, 1).to_pylist()[0])
            local -= rows
        msg = f"row {local} beyond the shard's end"
        raise IndexError(msg)


def open(  # noqa: A001
    root: str | Path, *, split: str | None = None, config: str = "default", scores: str | None = None
) -> ShardDataset:
    """Open a dataset folder; see :class:`ShardDataset`."""
    return ShardDataset(root, split=split, config=config, scores=scores)

"""Files that follow from plan and shards, and can be written again at any time.

* :func:`write_plan` writes ``plan.parquet``.
* :func:`project_late`, :func:`project_missing` write PNG files of committed shards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from maphc2f.errors import DatasetError
from maphc2f.generate.folder import read_info
from maphc2f.generate.plan import PlannedShard, sample_id
from maphc2f.shards.files import write_atomic
from maphc2f.shards.index import IndexEntry
from maphc2f.shards.reader import read_rows
from maphc2f.shards.writer import project, projection_paths
from maphc2f.spec import DatasetSpec

MAX_PLAN_ROWS = 1_000_000


def project_late(root: Path, layout: str, kept: Iterable[IndexEntry]) -> None:
    """Write the PNG files of kept shards if the run before was asked for none and this one is, by its ``layout``."""
    if layout != "both":
        return
    try:
        before = read_info(root).layout
    except DatasetError:  # a damaged description does not say: look for each file
        before = "unknown"
    if before != "both":
        for entry in kept:
            project_missing(root, entry)


def project_missing(root: Path, entry: IndexEntry) -> int:
    """Write the PNG files of a shard that are not there, and return of how many rows.

    They are not flushed with the shard, so a machine that went down may have lost them.
    """
    path = entry.key.data_path(root)
    places = read_rows(path, ["sample_id", "category", "defect_family"])
    missing = {
        row["sample_id"] for row in places if not all(file.is_file() for file in projection_paths(root, row).values())
    }
    if missing:
        project(root, (row for row in read_rows(path) if row["sample_id"] in missing))
    return len(missing)


def write_plan(root: Path, dataset: DatasetSpec, plan: Sequence[PlannedShard]) -> None:
    """Write ``plan.parquet``, one row a sample, for people to look at; nothing reads it back."""
    if dataset.total > MAX_PLAN_ROWS:
        return
    rows = [
        {
            "sample_id": sample_id(s.key.category, index),
            "category": s.key.category,
            "split": s.key.split,
            "defect_family": g.family,
            "group": g.number,
            "shard": s.key.shard_id,
        }
        for s in plan
        for g in s.groups
        for index in range(g.first, g.first + g.count)
    ]
    table = pa.Table.from_pylist(sorted(rows, key=lambda row: str(row["sample_id"])))
    write_atomic(root / "plan.parquet", lambda file: pq.write_table(table, file), durable=False)

"""Reading committed shards.

* :func:`open_shard` opens one and checks its format.
* :func:`read_rows` iterates rows in order with bounded memory.
* :func:`find_row` finds one sample.
* :func:`dataset_digest` is the content digest of a folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from maphc2f.errors import DatasetError
from maphc2f.shards.index import IndexEntry, content_digest, read_entries
from maphc2f.shards.schema import FORMAT_VERSION


def open_shard(path: Path) -> pq.ParquetFile:
    """Open a Parquet shard.

    Raises:
        DatasetError: It is missing, truncated, not ours, or of an unknown format version.
    """
    try:
        file = pq.ParquetFile(path)
        version = json.loads((file.schema_arrow.metadata or {})[b"maphc2f"])["format_version"]
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            "unreadable shard",
            where=str(path),
            rule="a whole Parquet file written by maphc2f",
            remedy="run 'maphc2f verify DS --repair', then generate again",
        ) from error
    if version != FORMAT_VERSION:
        raise DatasetError(
            f"format version {version}",
            where=str(path),
            rule=f"this program reads version {FORMAT_VERSION}",
            remedy="use the version of maphc2f that made it",
        )
    return file


def read_rows(path: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a shard as dictionaries, one row group in memory at a time."""
    file = open_shard(path)
    for group in range(file.num_row_groups):
        yield from file.read_row_group(group, columns=None if columns is None else list(columns)).to_pylist()


def committed(root: Path, config: str = "default") -> list[IndexEntry]:
    """Return the committed shards of one config of a dataset folder."""
    return [entry for entry in read_entries(root) if entry.config == config]


def find_row(root: Path, sample_id: str) -> dict[str, Any]:
    """Return the row of ``sample_id``.

    Raises:
        DatasetError: No committed shard holds it.
    """
    category = sample_id.rsplit("-", 1)[0]
    for entry in committed(root):
        if entry.category != category:
            continue
        path = entry.key.data_path(root)
        ids = open_shard(path).read(columns=["sample_id"]).column("sample_id").to_pylist()
        if sample_id in ids:
            rows = pq.read_table(path, filters=[("sample_id", "=", sample_id)]).to_pylist()
            return dict(rows[0])
    raise DatasetError(
        f"no sample '{sample_id}'",
        where=str(root),
        rule="the sample must be in a committed shard",
        remedy="list ids with any Parquet reader, or finish the dataset by running generate again",
    )


def digest_pairs(root: Path, entries: Sequence[IndexEntry]) -> Iterator[tuple[str, str]]:
    """Yield (sample_id, row digest) of every row of ``entries``."""
    for entry in entries:
        table = open_shard(entry.key.data_path(root)).read(columns=["sample_id", "content_digest"])
        yield from zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True)


def dataset_digest(root: Path) -> str:
    """Return the content digest over all committed defect rows of a folder."""
    return content_digest(digest_pairs(root, committed(root)))

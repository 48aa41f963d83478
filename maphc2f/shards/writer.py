"""Writing a shard: Parquet first, then its projection as PNG files, then the index entry that commits it.

* :class:`ImageCell` is an encoded picture of a row.
* :func:`write_shard` does all of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from maphc2f.shards.files import file_sha256, write_atomic
from maphc2f.shards.index import IndexEntry, ShardKey, content_digest, write_entry
from maphc2f.shards.schema import DEFECT_COLUMNS, GOOD_COLUMNS, Column

Row = Mapping[str, Any]

ROW_GROUP = 128
"""Rows read together: small enough that one row costs little, large enough for scans."""


def image_cell(data: bytes, name: str) -> dict[str, Any]:
    """Return the value of a picture column."""
    return {"bytes": data, "path": name}


def projection_paths(root: Path, row: Row) -> dict[str, Path]:
    """Return where the PNG projection of a defect row lies: column name to path."""
    place = f"{row['category']}/{row['defect_family']}/{row['sample_id']}.png"
    return {"image": root / "images" / place, "mask": root / "masks" / place}


def project(root: Path, rows: Iterable[Row]) -> None:
    """Write the PNG files of ``rows``. They are copies of committed bytes, so they need not survive a power cut."""
    for row in rows:
        for column, path in projection_paths(root, row).items():
            data = row[column]["bytes"]
            write_atomic(path, partial(_put, data=data), durable=False)


def _put(file: BinaryIO, data: bytes) -> None:
    file.write(data)


def table_of(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """Return ``rows`` as an Arrow table; a column that a row lacks is null."""
    columns = [pa.array([row.get(field.name) for row in rows], type=field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _write_parquet(path: Path, table: pa.Table, columns: Sequence[Column]) -> None:
    plain = [column.name for column in columns if not column.is_image]
    # A compression dictionary covers the leaves it names and leaves all others as they are: PNG bytes stay PLAIN.
    leaves = dict.fromkeys(_leaves(table.schema, plain), "SNAPPY")

    def write(file: Any) -> None:
        pq.write_table(
            table,
            file,
            row_group_size=ROW_GROUP,
            compression=leaves,
            use_dictionary=sorted(leaves),
            write_page_index=True,
            write_statistics=sorted(leaves),
        )

    write_atomic(path, write)


def _leaves(schema: pa.Schema, names: Sequence[str]) -> list[str]:
    probe = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), probe)
    parquet = pq.ParquetFile(pa.BufferReader(probe.getvalue())).schema
    paths = [parquet.column(i).path for i in range(len(parquet))]
    return [path for path in paths if path.split(".")[0] in set(names)]


def write_shard(
    root: Path, key: ShardKey, rows: Sequence[Row], schema: pa.Schema, facts: Mapping[str, Any], *, pictures: bool
) -> IndexEntry:
    """Write and commit one shard.

    Args:
        root: The dataset folder.
        key: The shard's identity; split ``good`` makes it a shard of good pictures.
        rows: Its rows in order.
        schema: :func:`maphc2f.shards.schema.defect_schema` or ``good_schema``.
        facts: Further fields of the index entry: first_group, groups, recipe_digest, failed, redrawn counts.
        pictures: Whether to write the PNG files of defect rows too.

    Returns:
        The committed entry.

    Raises:
        OutOfSpaceError, DatasetError: It could not be written; nothing is committed.
    """
    good = key.split == "good"
    path = key.data_path(root)
    _write_parquet(path, table_of(rows, schema), GOOD_COLUMNS if good else DEFECT_COLUMNS)
    if pictures and not good:
        project(root, rows)
    pairs = [(r["substrate_id"], r["image_sha256"]) if good else (r["sample_id"], r["content_digest"]) for r in rows]
    entry = IndexEntry(
        config="good" if good else "default",
        category=key.category,
        split=key.split,
        number=key.number,
        total=key.total,
        rows=len(rows),
        bytes=path.stat().st_size,
        sha256=file_sha256(path),
        content_digest=content_digest(pairs),
        **facts,
    )
    write_entry(root, entry)
    return entry


def bytes_sha256(data: bytes) -> str:
    """Return the SHA-256 (hex) of bytes."""
    return hashlib.sha256(data).hexdigest()

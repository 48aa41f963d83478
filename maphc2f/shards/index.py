"""The index of a dataset folder: one small JSON file for each committed shard.

* :class:`ShardKey` names a shard and its files.
* :class:`IndexEntry` is what its commit says.
* :func:`read_entries`, :func:`write_entry`, :func:`content_digest`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from maphc2f.errors import DatasetError
from maphc2f.shards.files import write_atomic
from maphc2f.shards.schema import FORMAT_VERSION
from maphc2f.spec import Frozen

Config = Literal["default", "good"]


@dataclass(frozen=True, slots=True, order=True)
class ShardKey:
    """Identity of a shard: category, split (or ``good``), number and how many there are."""

    category: str
    split: str
    number: int
    total: int

    @property
    def name(self) -> str:
        """File name without its ending."""
        return f"{self.split}-{self.number:05d}-of-{self.total:05d}"

    @property
    def shard_id(self) -> str:
        """Unique in the dataset."""
        return f"{self.category}-{self.name}"

    def data_path(self, root: Path) -> Path:
        """Path of the Parquet file."""
        return root / "data" / self.category / f"{self.name}.parquet"

    def entry_path(self, root: Path) -> Path:
        """Path of the index entry."""
        return root / "index" / f"{self.shard_id}.json"


class IndexEntry(Frozen):
    """A committed shard: what it holds and how to check it."""

    format_version: int = FORMAT_VERSION
    config: Config
    category: str
    split: str
    number: int
    total: int
    first_group: int
    groups: int
    rows: int
    bytes: int
    sha256: str
    content_digest: str
    recipe_digest: str
    failed: tuple[str, ...] = ()
    redrawn_simulations: int = 0
    redrawn_placements: int = 0

    @property
    def key(self) -> ShardKey:
        """The shard's key."""
        return ShardKey(self.category, self.split, self.number, self.total)


def write_entry(root: Path, entry: IndexEntry) -> None:
    """Commit ``entry``: the shard counts from here on."""
    text = entry.model_dump_json(indent=1) + "\n"
    write_atomic(entry.key.entry_path(root), lambda file: file.write(text.encode()))


def read_entry(path: Path) -> IndexEntry:
    """Read one index entry.

    Raises:
        DatasetError: It is damaged, or of an unknown format version.
    """
    try:
        entry = IndexEntry.model_validate_json(path.read_bytes())
    except (ValidationError, OSError) as error:
        raise DatasetError(
            "damaged index entry",
            where=str(path),
            rule="it must be the JSON that the writer made",
            remedy="run 'maphc2f verify DS --repair', then generate again",
        ) from error
    if entry.format_version != FORMAT_VERSION:
        raise DatasetError(
            f"format version {entry.format_version}",
            where=str(path),
            rule=f"this program reads version {FORMAT_VERSION}",
            remedy="use the version of maphc2f that made it",
        )
    return entry


def read_entries(root: Path) -> list[IndexEntry]:
    """Return all committed shards of a dataset folder, sorted by key."""
    entries = [read_entry(path) for path in sorted((root / "index").glob("*.json"))]
    return sorted(entries, key=lambda entry: entry.key)


def row_digest(sample_id: str, image_sha256: str, mask_sha256: str, facts: object) -> str:
    """Return the digest of one row: its id, its pixels and the parameters in ``facts`` (JSON-serialisable)."""
    text = json.dumps([sample_id, image_sha256, mask_sha256, facts], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def content_digest(rows: Iterable[tuple[str, str]]) -> str:
    """Return the SHA-256 over ``(sample_id, row digest)`` pairs sorted by id: independent of shards and workers."""
    digest = hashlib.sha256()
    for sample_id, row in sorted(rows):
        digest.update(f"{sample_id}:{row}\n".encode())
    return digest.hexdigest()

"""Learned scores beside the shards: one small Parquet file a model, joined to the rows when a dataset is read.

* :func:`write_scores` writes ``scores/<model_digest>.parquet``; :func:`read_scores` reads one.
* :func:`find_scores` finds the file that is meant.

Shards are never rewritten: a dataset can be scored by any number of models, at any time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from maphc2f.errors import DatasetError
from maphc2f.shards.files import write_atomic

FORMAT_VERSION = 1
FOLDER = "scores"
ONLY = "only"
"""Asks for the one file there is."""

DIGEST = re.compile(r"[0-9a-f]{64}")
SCHEMA = pa.schema([pa.field("sample_id", pa.string()), pa.field("score", pa.float32())])


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of one model.

    Attributes:
        model: SHA-256 of the model's file.
        content_digest: Content digest of the dataset that was scored.
        values: Score in [0, 1] by sample id.
    """

    model: str
    content_digest: str
    values: dict[str, float]


def scores_path(root: Path, model: str) -> Path:
    """Return the path of the scores of a model, given by its SHA-256."""
    return root / FOLDER / f"{model}.parquet"


def write_scores(root: Path, scores: Scores) -> Path:
    """Write the scores of a dataset, sorted by sample id, whole or not at all, and return the path.

    Raises:
        OutOfSpaceError, DatasetError: It could not be written.
    """
    ids = sorted(scores.values)
    facts = {"format_version": FORMAT_VERSION, "model": scores.model, "content_digest": scores.content_digest}
    table = pa.table(
        {"sample_id": ids, "score": pa.array([scores.values[name] for name in ids], pa.float32())},
        schema=SCHEMA.with_metadata({"maphc2f": json.dumps(facts, sort_keys=True)}),
    )
    path = scores_path(root, scores.model)
    write_atomic(path, lambda file: pq.write_table(table, file))
    return path


def read_scores(path: Path) -> Scores:
    """Read a file of scores.

    Raises:
        DatasetError: It is missing, damaged, or of an unknown version.
    """
    try:
        table = pq.read_table(path)
        facts = json.loads((table.schema.metadata or {})[b"maphc2f"])
        version, model, digest = facts["format_version"], str(facts["model"]), str(facts["content_digest"])
        ids, values = table.column("sample_id").to_pylist(), table.column("score").to_pylist()
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, "unreadable scores", "a whole file that 'maphc2f score' wrote") from error
    if version != FORMAT_VERSION:
        raise _damaged(path, f"scores of version {version}", f"this program reads version {FORMAT_VERSION}")
    found = dict(zip(ids, values, strict=True))
    if len(found) != len(ids) or not all(value is not None and 0.0 <= value <= 1.0 for value in values):
        raise _damaged(path, "scores are not one number in [0, 1] a sample", "every sample has one score")
    return Scores(model, digest, found)


def _damaged(path: Path, what: str, rule: str) -> DatasetError:
    return DatasetError(what, where=str(path), rule=rule, remedy="remove the file and run 'maphc2f score' again")


def find_scores(root: Path, which: str) -> Path:
    """Return the file of scores that is meant.

    Args:
        root: The dataset folder.
        which: Digest of the model, the beginning of one, or ``only`` for the one file there is.

    Raises:
        DatasetError: No file, or several, are meant.
    """
    files = sorted((root / FOLDER).glob("*.parquet"))
    found = files if which == ONLY else [path for path in files if path.stem.startswith(which)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(path.stem[:12] for path in files) or "none"
    raise DatasetError(
        f"{len(found)} files of scores are meant by '{which}'",
        where=str(root),
        rule=f"one must be; there are: {names}",
        remedy="name one by its first digits" if files else "run 'maphc2f score' first",
    )


def require_all(path: Path, scores: Scores, ids: Sequence[str]) -> None:
    """Check that every sample has its score.

    Raises:
        DatasetError: Some have none.
    """
    lacking = [name for name in ids if name not in scores.values]
    if lacking:
        raise DatasetError(
            f"{len(lacking)} samples have no score, e.g. {lacking[0]}",
            where=str(path),
            rule="the dataset must not have grown since it was scored",
            remedy="run 'maphc2f score' again",
        )

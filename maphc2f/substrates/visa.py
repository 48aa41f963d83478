"""VisA, as published (``split_csv/1cls.csv`` decides) or converted to the MVTec layout (``visa_pytorch``).

Layout: Zou et al. 2022, doi 10.1007/978-3-031-20056-4_23.
"""

from __future__ import annotations

import csv
from pathlib import Path, PurePosixPath

from maphc2f.errors import PictureError
from maphc2f.substrates.base import Opening
from maphc2f.substrates.files import FileSubstrate
from maphc2f.substrates.locate import require_category_root

_COLUMNS = {"object", "split", "label", "image"}


def open_visa(opening: Opening) -> FileSubstrate:
    """Open the normal training pictures of one object.

    Raises:
        PictureError: The object is not below the data root, or the split table is not readable.
    """
    root = require_category_root(opening.root, opening.category)
    if (root / "train" / "good").is_dir():
        masks = root.parent / "fg_mask" / root.name
        return FileSubstrate.from_opening(opening, root, "train/good", masks=masks if masks.is_dir() else None)
    return FileSubstrate.from_opening(opening, root, "", listed=train_names(root))


def train_names(root: Path) -> tuple[str, ...]:
    """Return the normal training pictures of ``root.name`` in ``split_csv/1cls.csv``, relative to ``root``.

    Raises:
        PictureError: The table lacks a column, or names no training picture of the object.
    """
    table = root.parent / "split_csv" / "1cls.csv"
    with table.open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    if not rows or not set(rows[0]) >= _COLUMNS:
        raise _bad_table(table, "columns are missing")
    chosen = [
        PurePosixPath(row["image"])
        for row in rows
        if (row["object"], row["split"], row["label"]) == (root.name, "train", "normal")
    ]
    names = tuple(p.relative_to(root.name).as_posix() for p in chosen if p.parts[:1] == (root.name,))
    if not names:
        raise _bad_table(table, f"no normal training picture of {root.name}")
    return names


def _bad_table(table: Path, what: str) -> PictureError:
    return PictureError(
        what,
        where=str(table),
        rule="the split table as published, with object, split, label, image, mask",
        remedy="restore it from the VisA archive",
    )

"""Making one sample of a dataset again.

* :func:`reproduce` makes it and compares it with the committed row.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maphc2f.errors import DatasetError
from maphc2f.generate.folder import read_info
from maphc2f.generate.group import make_groups
from maphc2f.generate.plan import Group, plan_groups, sample_id
from maphc2f.generate.profile import Clock
from maphc2f.generate.rows import defect_row
from maphc2f.generate.worker import DatasetContext, pin_threads
from maphc2f.sample import MAPS
from maphc2f.shards.png import decode_png
from maphc2f.shards.reader import find_row
from maphc2f.spec import recipe_digest
from maphc2f.substrates.inventory import splits_present

COMPARED = ("image_sha256", "mask_sha256", "content_digest", "recipe_digest")


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A sample made again.

    Attributes:
        row: The new row.
        differences: Names of columns that differ from the committed row; empty if identical.
    """

    row: dict[str, Any]
    differences: tuple[str, ...]


def reproduce(
    root: Path,
    name: str,
    *,
    data_root: Path | None = None,
    images: Path | None = None,
    masks: Path | None = None,
    keep_out: Path | None = None,
) -> Reproduction:
    """Make sample ``name`` of the dataset in ``root`` again: its simulation, placement and refinement alone.

    Args:
        root: The dataset folder.
        name: The sample's id.
        data_root: Where the benchmark sets are now; None: where they were.
        images: Where the folder of good pictures is now; None: where it was.
        masks: The same for the folder of foreground masks.
        keep_out: The same for the folder of keep-out masks.

    Raises:
        DatasetError: No such sample, or it cannot be made any more.
        PictureError: Its picture is gone or changed.
    """
    pin_threads()
    committed = find_row(root, name)
    info = read_info(root)
    if data_root is None and info.data_root is not None:
        data_root = Path(info.data_root)
    folders = {"path": images, "foreground_path": masks, "keep_out_path": keep_out}
    moved = {field: str(folder.resolve()) for field, folder in folders.items() if folder is not None}
    opened = DatasetContext(root, data_root, moved)
    maps = tuple(column for column in MAPS if committed[column] is not None)
    context = opened.context(committed["category"], maps)
    if recipe_digest(opened.dataset, context.category) != committed["recipe_digest"]:
        raise DatasetError(
            "its recipe is not that of manifest.toml",
            where=name,
            rule="the manifest must be the one it was made with",
            remedy="restore manifest.toml, or use the version of maphc2f that made it",
        )
    group = _group_of(opened, committed)
    samples, failures = make_groups(context, [group], Clock())
    found = [sample for sample in samples if sample.row["sample_id"] == name]
    if not found:
        raise DatasetError(
            f"cannot be made again ({failures[0].reason if failures else 'not in its group'})",
            where=name,
            rule="the same recipe makes the same sample",
            remedy="check that the pictures are the same",
        )
    row = defect_row(found[0], maps)
    # Pixels, not PNG bytes: another zlib may pack the same pixels otherwise.
    pictures = [c for c in ("image", "mask", *maps) if not np.array_equal(_pixels(row, c), _pixels(committed, c))]
    values = [column for column in COMPARED if row[column] != committed[column]]
    return Reproduction(row, (*pictures, *values))


def _pixels(row: dict[str, Any], column: str) -> NDArray[Any]:
    return decode_png(row[column]["bytes"])


def _group_of(opened: DatasetContext, committed: dict[str, Any]) -> Group:
    category = opened.category(committed["category"])
    splits = splits_present(opened.pool(category.name).splits)
    for group in plan_groups(category, opened.dataset.snapshots, splits=splits):
        if committed["sample_id"] in {sample_id(category.name, group.first + k) for k in range(group.count)}:
            return group
    raise DatasetError(
        "not in the plan",
        where=committed["sample_id"],
        rule="its index must be below the category's count",
        remedy="restore manifest.toml",
    )

"""Whether committed samples still show the pictures that they would choose from today's inventory.

* :func:`same_pictures` compares two inventories of a category.
* :func:`choices_hold` checks the rows of a shard.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from maphc2f.errors import DatasetError
from maphc2f.generate.group import PLACE_ATTEMPTS
from maphc2f.shards.index import IndexEntry
from maphc2f.shards.reader import read_rows
from maphc2f.substrates.base import SourcePicture
from maphc2f.substrates.inventory import assign_splits, picture_hashes, ranked


def same_pictures(old: Sequence[SourcePicture], new: Sequence[SourcePicture]) -> bool:
    """Whether both inventories accept the same pictures of the same specimens: then every sample chooses as before."""
    return {(p.sha256, p.specimen) for p in old if p.accepted} == {(p.sha256, p.specimen) for p in new if p.accepted}


def choices_hold(root: Path, entry: IndexEntry, pictures: Sequence[SourcePicture], seed: int) -> bool:
    """Whether every row of a shard would take the same picture from ``pictures``.

    A sample that left its first picture for one of lower rank counts as changed: what made it leave may have changed.

    Args:
        root: The dataset folder.
        entry: A committed shard of defect samples.
        pictures: The inventory of its category.
        seed: Seed of the dataset.
    """
    splits = assign_splits(pictures, seed, entry.category)
    own = [p.sha256 for p in pictures if p.accepted and splits[p.sha256] == entry.split]
    if not own:
        return False
    hashes = picture_hashes(own)
    try:
        for row in read_rows(entry.key.data_path(root), ["sample_id", "substrate_id", "defects"]):
            index = int(row["sample_id"].rsplit("-", 1)[-1])
            first = own[int(ranked(hashes, seed, entry.category, index)[0])]
            moved = any(defect["placement_attempt"] >= PLACE_ATTEMPTS for defect in row["defects"])
            if moved or row["substrate_id"].rsplit("-", 1)[-1] != first[:12]:
                return False
    except DatasetError:
        return False
    return True

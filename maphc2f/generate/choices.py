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
    """Whether both inventories accept the same pictures, specimens and foreground masks: nothing chooses otherwise."""
    before, now = ({(p.sha256, p.specimen, p.notes) for p in side if p.accepted} for side in (old, new))
    return before == now


def choices_hold(
    root: Path, entry: IndexEntry, old: Sequence[SourcePicture], pictures: Sequence[SourcePicture], seed: int
) -> bool:
    """Whether every row of a shard would take the same picture from ``pictures``, with the same foreground mask.

    A sample that left its first picture for one of lower rank counts as changed: what made it leave may have changed.

    Args:
        root: The dataset folder.
        entry: A committed shard of defect samples.
        old: The inventory that it was made with.
        pictures: Today's inventory of its category.
        seed: Seed of the dataset.
    """
    splits = assign_splits(pictures, seed, entry.category)
    own = [p.sha256 for p in pictures if p.accepted and splits[p.sha256] == entry.split]
    if not own:
        return False
    hashes = picture_hashes(own)
    notes = {p.sha256: p.notes for p in old}
    other_mask = {p.sha256[:12] for p in pictures if notes.get(p.sha256, p.notes) != p.notes}
    try:
        for row in read_rows(entry.key.data_path(root), ["sample_id", "substrate_id", "defects"]):
            index = int(row["sample_id"].rsplit("-", 1)[-1])
            first = own[int(ranked(hashes, seed, entry.category, index)[0])]
            # Further defects lie on the picture of the first.
            moved = row["defects"][0]["placement_attempt"] >= PLACE_ATTEMPTS
            if moved or row["substrate_id"].rsplit("-", 1)[-1] != first[:12] or first[:12] in other_mask:
                return False
    except DatasetError:
        return False
    return True

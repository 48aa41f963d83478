"""Which shards of good pictures a dataset needs, and which of them are there.

* :class:`GoodPictures` gives the tasks that make the missing ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from maphc2f.generate.executor import Task
from maphc2f.generate.sources import Inventory
from maphc2f.generate.worker import Site, good_recipe, make_good_shard
from maphc2f.shards.index import IndexEntry, ShardKey, read_entries
from maphc2f.shards.reader import open_shard
from maphc2f.spec import DatasetSpec, recipe_digest
from maphc2f.substrates.base import SourcePicture

GOODS_PER_SHARD = 256


@dataclass(frozen=True, slots=True)
class GoodPictures:
    """The good pictures of a run.

    Attributes:
        root: The dataset folder.
        dataset: What is made.
        inventory: Its source pictures.
        site: Where the tasks work.
    """

    root: Path
    dataset: DatasetSpec
    inventory: Inventory
    site: Site

    def of_files(self) -> list[Task]:
        """Return tasks for sources that have files: all their pictures."""
        wanted = {c.name: self._accepted(c.name) for c in self.dataset.categories if c.source.kind != "procedural"}
        return list(self._tasks(wanted))

    def of_pools(self, entries: Iterable[IndexEntry]) -> list[Task]:
        """Return tasks for procedural pools: the pictures that samples use; the others were never drawn.

        Args:
            entries: All committed shards of defect samples.
        """
        pools = [c.name for c in self.dataset.categories if c.source.kind == "procedural"]
        used = {name: self._used(name, entries) for name in pools}
        return list(self._tasks({n: [p for p in self._accepted(n) if p.sha256[:12] in used[n]] for n in pools}))

    def _accepted(self, category: str) -> list[SourcePicture]:
        return [picture for picture in self.inventory[category] if picture.accepted]

    def _used(self, category: str, entries: Iterable[IndexEntry]) -> set[str]:
        used: set[str] = set()
        for entry in entries:
            if entry.category == category:
                column = open_shard(entry.key.data_path(self.root)).read(columns=["substrate_id"]).column(0)
                used.update(name.rsplit("-", 1)[-1] for name in column.to_pylist())
        return used

    def _tasks(self, wanted: Mapping[str, Sequence[SourcePicture]]) -> Iterator[Task]:
        current = {e.key: e for e in read_entries(self.root) if e.config == "good"}
        planned: set[ShardKey] = set()
        for category, pictures in wanted.items():
            recipe = recipe_digest(self.dataset, self.dataset.category(category))
            chunks = [pictures[i : i + GOODS_PER_SHARD] for i in range(0, len(pictures), GOODS_PER_SHARD)]
            for number, chunk in enumerate(chunks):
                key = ShardKey(category, "good", number, len(chunks))
                planned.add(key)
                entry = current.get(key)
                if entry is None or entry.recipe_digest != good_recipe(recipe, chunk) or not _whole(self.root, entry):
                    yield Task(key.shard_id, make_good_shard, (self.site, key, tuple(p.sha256 for p in chunk)), 0)
        for key in current:
            if key.category in wanted and key not in planned:
                key.entry_path(self.root).unlink(missing_ok=True)
                key.data_path(self.root).unlink(missing_ok=True)


def _whole(root: Path, entry: IndexEntry) -> bool:
    path = entry.key.data_path(root)
    return path.is_file() and path.stat().st_size == entry.bytes

"""What a worker does: make one shard and commit it.

* :class:`DatasetContext` holds a dataset's specification and picture pools in a process.
* :func:`make_shard`, :func:`make_good_shard` are the tasks.
* :func:`pin_threads` keeps every library to one thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import torch

from maphc2f.generate.compose import CategoryContext
from maphc2f.generate.group import SampleFailure, make_groups
from maphc2f.generate.overlay import TextureBank
from maphc2f.generate.pictures import PicturePool
from maphc2f.generate.plan import Group, PlannedShard
from maphc2f.generate.profile import Clock, RunProfile
from maphc2f.generate.rows import defect_row, good_row
from maphc2f.generate.sources import read_inventory
from maphc2f.manifest import load_manifest
from maphc2f.shards.index import IndexEntry, ShardKey
from maphc2f.shards.schema import defect_schema, good_schema
from maphc2f.shards.writer import write_shard
from maphc2f.spec import CategorySpec, DatasetSpec, canonical_digest, recipe_digest
from maphc2f.substrates.base import SourcePicture, open_substrate


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What a task did: the entry it committed, seconds by stage, and why samples failed."""

    entry: IndexEntry
    seconds: dict[str, float]
    failures: tuple[SampleFailure, ...] = ()


class DatasetContext:
    """A dataset opened in a process: its specification, and a picture pool for each category on first use.

    Args:
        root: The dataset folder with ``manifest.toml`` and ``inventory.parquet``.
        data_root: Where the benchmark sets are, or None.
        moved: New absolute paths for fields of the categories' sources (``path``, ``foreground_path``,
            ``keep_out_path``), for a dataset of one folder that lies elsewhere now. Recipes do not hold paths.
    """

    def __init__(self, root: Path, data_root: Path | None, moved: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.dataset: DatasetSpec = _moved(load_manifest(root / "manifest.toml"), moved or {})
        self._data_root = data_root
        self._pools: dict[str, PicturePool] = {}
        self._textures: TextureBank | None = None

    def category(self, name: str) -> CategorySpec:
        """Return a category."""
        return self.dataset.category(name)

    def context(self, name: str, maps: tuple[str, ...] = ()) -> CategoryContext:
        """Return what samples of a category need; ``maps`` are the optional maps to make."""
        if self._textures is None:
            self._textures = TextureBank(self.dataset.textures, self.dataset.seed)
        return CategoryContext(self.dataset, self.category(name), self.pool(name), self._textures, maps)

    def pool(self, name: str) -> PicturePool:
        """Return the picture pool of a category; only the last category's pictures stay in memory."""
        if name not in self._pools:
            self._pools.clear()
            inventory = read_inventory(self.root, [name])[name]
            substrate = open_substrate(
                self.category(name), root=self._data_root, seed=self.dataset.seed, size=self.dataset.size
            )
            self._pools[name] = PicturePool(self.dataset, self.category(name), substrate, inventory)
        return self._pools[name]


def _moved(dataset: DatasetSpec, paths: Mapping[str, str]) -> DatasetSpec:
    if not paths:
        return dataset
    own = [
        c.model_copy(update={"source": c.source.model_copy(update=dict(paths))}) if c.source.kind == "folder" else c
        for c in dataset.categories
    ]
    return dataset.model_copy(update={"categories": tuple(own)})


@lru_cache(maxsize=1)
def dataset_context(root: str, data_root: str | None, token: str) -> DatasetContext:
    """Return this process's opened dataset; ``token`` changes with the run, so that no stale one is used."""
    del token  # part of the cache's key only
    return DatasetContext(Path(root), None if data_root is None else Path(data_root))


@dataclass(frozen=True, slots=True)
class Site:
    """Where a task works: picklable arguments of :func:`dataset_context`."""

    root: str
    data_root: str | None
    token: str

    def open(self) -> DatasetContext:
        """Return the process's opened dataset."""
        return dataset_context(self.root, self.data_root, self.token)


def pin_threads() -> None:
    """Keep OpenCV and torch to one thread: one worker is one core, and sums keep their order."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def batches(groups: Sequence[Group], size: int) -> Iterator[list[Group]]:
    """Yield consecutive groups with about ``size`` samples together."""
    per_batch = max(1, size // max(1, groups[0].count if groups else 1))
    for start in range(0, len(groups), per_batch):
        yield list(groups[start : start + per_batch])


def make_shard(site: Site, shard: PlannedShard, profile: RunProfile) -> ShardReport:
    """Make, write and commit one shard of defect samples.

    Raises:
        PictureError: A source picture changed; nothing is committed.
        OutOfSpaceError, DatasetError: It could not be written; nothing is committed.
    """
    pin_threads()
    opened, clock = site.open(), Clock()
    context = opened.context(shard.key.category, profile.maps)
    rows: list[dict[str, Any]] = []
    failures: list[SampleFailure] = []
    for groups in batches(shard.groups, profile.batch):
        samples, failed = make_groups(context, groups, clock)
        with clock.stage("encode"):
            rows += [defect_row(sample, profile.maps) for sample in samples]
        failures += failed
    facts = {
        "first_group": shard.groups[0].number,
        "groups": len(shard.groups),
        "recipe_digest": recipe_digest(opened.dataset, context.category),
        "failed": tuple(f.sample_id for f in failures),
        "redrawn_simulations": _redrawn_simulations(rows),
        "redrawn_placements": sum(d["placement_attempt"] for row in rows for d in row["defects"]),
    }
    with clock.stage("write"):
        entry = write_shard(opened.root, shard.key, rows, defect_schema(), facts, pictures=profile.layout == "both")
    return ShardReport(entry, dict(clock.seconds), tuple(failures))


def _redrawn_simulations(rows: Sequence[dict[str, Any]]) -> int:
    attempts = {d["simulation_id"]: d["simulation_attempt"] for row in rows for d in row["defects"]}
    return sum(attempts.values())


def good_recipe(recipe: str, pictures: Sequence[SourcePicture]) -> str:
    """Return the digest that tells whether a shard of good pictures is current; notes hold the masks' hashes."""
    return canonical_digest([recipe, sorted((picture.sha256, picture.notes) for picture in pictures)])


def make_good_shard(site: Site, key: ShardKey, sha256: Sequence[str]) -> ShardReport:
    """Write and commit one shard of prepared good pictures, given by their source hashes.

    Raises:
        PictureError, OutOfSpaceError, DatasetError: As :func:`make_shard`.
    """
    pin_threads()
    opened, clock = site.open(), Clock()
    pool = opened.pool(key.category)
    wanted = set(sha256)
    chosen = sorted((p for p in pool.accepted if p.sha256 in wanted), key=lambda p: p.key)
    with clock.stage("encode"):
        rows = [good_row(key.category, pool.splits[p.sha256], pool.get(p)) for p in chosen]
    recipe = recipe_digest(opened.dataset, opened.category(key.category))
    facts = {
        "first_group": 0,
        "groups": 0,
        "recipe_digest": good_recipe(recipe, chosen),
    }
    with clock.stage("write"):
        entry = write_shard(opened.root, key, rows, good_schema(), facts, pictures=False)
    return ShardReport(entry, dict(clock.seconds))

"""One run in an open dataset folder: which shards are there, make the missing ones, say how it went.

* :class:`Job` does so; :class:`Control` says where, which share and until when.
* :class:`Workplace` are the folder and what is made in it.
"""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from maphc2f.errors import DatasetError, PictureError
from maphc2f.generate.choices import choices_hold, same_pictures
from maphc2f.generate.cluster import ClusterAddress
from maphc2f.generate.deadline import Deadline
from maphc2f.generate.derived import project_late, project_missing, write_plan
from maphc2f.generate.executor import Outcome, PoolOptions, Task, WorkerLostError, WorkerPool
from maphc2f.generate.folder import DatasetInfo, State, adopt_shards, describe, read_info, write_info
from maphc2f.generate.goods import GoodPictures
from maphc2f.generate.leases import Lease, is_alive, read_leases
from maphc2f.generate.plan import PlannedShard, plan_category
from maphc2f.generate.profile import RunProfile
from maphc2f.generate.progress import EventLog, Reporter
from maphc2f.generate.shares import Share, shards_of
from maphc2f.generate.sources import Inventory, read_inventory, write_inventory
from maphc2f.generate.summary import Summary
from maphc2f.generate.worker import ShardReport, Site, make_shard
from maphc2f.manifest import dump_manifest
from maphc2f.shards.files import sweep, write_atomic
from maphc2f.shards.index import IndexEntry, read_entries, read_entry
from maphc2f.shards.reader import dataset_digest
from maphc2f.spec import CategorySpec, DatasetSpec
from maphc2f.substrates.inventory import assign_splits, splits_present

_ENTRY_NAME = re.compile(r"(?P<category>.+)-(?P<split>[a-z]+)-(?P<number>\d{5,})-of-\d{5,}\.json")


@dataclass(frozen=True, slots=True)
class Control:
    """Where a run works, on which share, and until when; nothing of it reaches a byte of the dataset.

    Attributes:
        share: Its share of a job array; None: the whole folder.
        cluster: An existing cluster; None: processes on this machine.
        deadline: When to begin no more shards.
    """

    share: Share | None = None
    cluster: ClusterAddress | None = None
    deadline: Deadline | None = None


@dataclass(frozen=True, slots=True)
class Workplace:
    """The folder of a run and what is made in it.

    Attributes:
        root: The dataset folder.
        dataset: What to make.
        inventory: From which pictures.
        data_root: Where the benchmark sets are, or None.
        lease: Held while the run lasts.
    """

    root: Path
    dataset: DatasetSpec
    inventory: Inventory
    data_root: str | None
    lease: Lease


@dataclass(slots=True)
class Job:
    """One run in an open, locked folder."""

    place: Workplace
    profile: RunProfile
    control: Control
    reporter: Reporter
    plan: list[PlannedShard]
    kept: dict[str, IndexEntry]
    site: Site
    log: EventLog

    @classmethod
    def open(cls, place: Workplace, profile: RunProfile, control: Control, reporter: Reporter) -> Job:
        """Write what describes the dataset, and see which shards are there already.

        A run of the whole folder also sweeps what killed writers left; a share must not: others may be writing.

        Raises:
            DatasetError: A share of a job array began with other pictures or settings.
        """
        root, dataset, share = place.root, place.dataset, control.share
        site = Site(str(root.absolute() if control.cluster else root), place.data_root, uuid.uuid4().hex)
        log = EventLog(root, None if share is None else share.name)
        whole = whole_plan(dataset, place.inventory)
        plan = shards_of(whole, share)
        if share is None:
            sweep(root)
        else:
            _check_share(place, profile)
        holds = partial(_pictures_hold, root, dataset, place.inventory, _old_inventory(root))
        entries = read_entries(root) if share is None else _entries_of(root, plan)
        kept = adopt_shards(root, dataset, entries, plan, holds=holds)
        if share is None:
            project_late(root, profile.layout, kept.values())
        job = cls(place, profile, control, reporter, plan, kept, site, log)
        job._describe(whole)
        return job

    def _describe(self, whole: Sequence[PlannedShard]) -> None:
        """Write the files that describe the dataset; a share leaves those alone that say the same already."""
        root, dataset = self.place.root, self.place.dataset
        alone = self.control.share is None
        # First of all files: a folder without it is taken for somebody else's.
        if alone or not self._is_described():
            self.write_state("running", sum(entry.rows for entry in self.kept.values()))
        text = dump_manifest(dataset).encode()
        if alone or _bytes(root / "manifest.toml") != text:
            write_atomic(root / "manifest.toml", lambda file: file.write(text))
        if alone or not (root / "inventory.parquet").exists():
            write_inventory(root, self.place.inventory)
        if alone or not (root / "plan.parquet").exists():
            write_plan(root, dataset, whole)

    def _is_described(self) -> bool:
        try:
            info = read_info(self.place.root)
        except DatasetError:
            return False
        return info == self._info(info.state, info.committed, info.content_digest)

    def _info(self, state: State, rows: int, digest: str | None = None) -> DatasetInfo:
        return describe(
            self.place.dataset,
            committed=rows,
            state=state,
            content_digest=digest,
            layout=self.profile.layout,
            maps=self.profile.maps,
            data_root=self.place.data_root,
        )

    def write_state(self, state: State, rows: int, digest: str | None = None) -> None:
        """Write ``dataset.json``."""
        write_info(self.place.root, self._info(state, rows, digest))

    def run(self) -> Summary:
        """Make what is missing."""
        return self._guarded(self._work)

    def finish(self) -> Summary:
        """Make what follows the shards of defect samples: good pictures, digest, state."""
        return self._guarded(self._follow)

    def _guarded(self, work: Callable[[Summary], None]) -> Summary:
        share, rows = self.control.share, sum(entry.rows for entry in self.kept.values())
        summary = Summary(self.place.root, sum(shard.rows for shard in self.plan), share)
        named = None if share is None else str(share)
        self.log.write("start", samples=summary.samples, committed=rows, workers=self.profile.workers, share=named)
        self.reporter.start(summary.samples, rows)
        try:
            work(summary)
        except BaseException as error:
            # A full disk must not hide what stopped the run.
            with contextlib.suppress(OSError):
                self.log.write("stopped", cause=type(error).__name__, message=str(error))
            raise
        finally:
            self.reporter.stop()
        self._settle_all(summary)
        return summary

    def _missing(self) -> list[PlannedShard]:
        return [shard for shard in self.plan if shard.key.shard_id not in self.kept]

    def _work(self, summary: Summary) -> None:
        goods = GoodPictures(self.place.root, self.place.dataset, self.place.inventory, self.site)
        alone = self.control.share is None
        # The good pictures of a job array follow in ``finish``: they belong to no share.
        first = goods.of_files() if alone else []
        tasks = [Task(s.key.shard_id, make_shard, (self.site, s, self.profile), s.rows) for s in self._missing()]
        with self._pool(max(len(first), len(tasks))) as processes:
            self._execute(processes, first, summary, counted=False)
            self._execute(processes, tasks, summary, counted=True)
            if alone and summary.stopped is None:
                self._execute(processes, goods.of_pools(self.kept.values()), summary, counted=False)

    def _follow(self, summary: Summary) -> None:
        goods = GoodPictures(self.place.root, self.place.dataset, self.place.inventory, self.site)
        summary.left = [shard.key.shard_id for shard in self._missing()]
        if self.profile.layout == "both":
            for entry in self.kept.values():
                project_missing(self.place.root, entry)
        tasks = [*goods.of_files(), *goods.of_pools(self.kept.values())]
        with self._pool(len(tasks)) as processes:
            self._execute(processes, tasks, summary, counted=False)

    def _pool(self, tasks: int) -> WorkerPool:
        options = PoolOptions(
            cluster=self.control.cluster,
            deadline=self.control.deadline,
            root=self.place.root,
            note=self.reporter.note,
            watch=self.place.lease.tell,
        )
        return WorkerPool(min(self.profile.workers, tasks), options)

    def _execute(self, processes: WorkerPool, tasks: Sequence[Task], summary: Summary, *, counted: bool) -> None:
        with contextlib.closing(processes.execute(tasks)) as outcomes:
            for outcome in outcomes:
                self.place.lease.require()
                report = self._settle(outcome, summary)
                if report is not None and counted:
                    summary.made += report.entry.rows
                    self.kept[report.entry.key.shard_id] = report.entry
                if counted and not outcome.skipped:
                    self.reporter.advance(outcome.task.weight, summary.stages)

    def _settle(self, outcome: Outcome, summary: Summary) -> ShardReport | None:
        """Record an outcome; errors that concern one shard are kept, those that concern all are raised."""
        name = outcome.task.name
        if outcome.skipped:
            summary.left.append(name)
            summary.stopped = self.control.deadline.flag if self.control.deadline else None
            return None
        if outcome.error is not None:
            # A changed picture concerns the shards that use it; a full disk or a bug concerns all.
            if not isinstance(outcome.error, PictureError | WorkerLostError):
                raise outcome.error
            summary.lost.append(f"{name}: {outcome.error}")
            self.log.write("lost", shard=name, message=str(outcome.error))
            self.reporter.note(f"{name} not made: {outcome.error}")
            return None
        report: ShardReport = outcome.result
        for stage, seconds in report.seconds.items():
            summary.stages[stage] = summary.stages.get(stage, 0.0) + seconds
        self.log.write(
            "shard",
            shard=name,
            rows=report.entry.rows,
            failed=[f.sample_id for f in report.failures],
            causes={f.sample_id: f.reason for f in report.failures},
            seconds={k: round(v, 3) for k, v in report.seconds.items()},
        )
        for failure in report.failures:
            self.reporter.note(f"{failure.sample_id} failed: {failure.reason}")
        return report

    def _settle_all(self, summary: Summary) -> None:
        summary.committed = sum(entry.rows for entry in self.kept.values())
        summary.failed = [name for entry in self.kept.values() for name in entry.failed]
        summary.redrawn_simulations = sum(entry.redrawn_simulations for entry in self.kept.values())
        summary.redrawn_placements = sum(entry.redrawn_placements for entry in self.kept.values())
        state: State = "complete" if summary.complete else "incomplete"
        if self.control.share is None:
            if summary.complete:
                summary.content_digest = dataset_digest(self.place.root)
            self.write_state(state, summary.committed, summary.content_digest)
        self.log.write(
            "end",
            state=state,
            committed=summary.committed,
            stopped=summary.stopped,
            content_digest=summary.content_digest,
        )


def whole_plan(dataset: DatasetSpec, inventory: Inventory) -> list[PlannedShard]:
    """Return all defect shards of a dataset in order."""
    return [s for c in dataset.categories for s in plan_category(dataset, c, splits=_splits(dataset, c, inventory))]


def _splits(dataset: DatasetSpec, category: CategorySpec, inventory: Inventory) -> Any:
    return splits_present(assign_splits(inventory[category.name], dataset.seed, category.name))


def _old_inventory(root: Path) -> Inventory:
    """Return the inventory of the run before, empty if there is none to read."""
    try:
        return read_inventory(root)
    except (OSError, pa.ArrowException, TypeError):
        return {}


def _pictures_hold(root: Path, dataset: DatasetSpec, inventory: Inventory, old: Inventory, entry: IndexEntry) -> bool:
    before, now = old.get(entry.category, ()), inventory[entry.category]
    return same_pictures(before, now) or choices_hold(root, entry, before, now, dataset.seed)


def _check_share(place: Workplace, profile: RunProfile) -> None:
    """Refuse a share whose pictures or layout are not those that the dataset was begun with.

    Raises:
        DatasetError: They differ: other shares rely on them.
    """
    root = place.root
    old = _old_inventory(root)
    moved = [name for name in old if name in place.inventory and not same_pictures(old[name], place.inventory[name])]
    if moved:
        raise DatasetError(
            f"other pictures than the dataset was begun with ({', '.join(moved[:5])})",
            where=str(root),
            rule="all shares of a job array use the same pictures",
            remedy="restore them, or run generate once without --shard: it makes again what changed",
        )
    _check_plan(place)
    try:
        info = read_info(root)
    except DatasetError:
        return  # there is none, or it is damaged: this run writes it
    if info.layout != profile.layout:
        raise DatasetError(
            f"begun with --layout {info.layout}",
            where=str(root),
            rule="all shares of a job array have the same layout",
            remedy=f"repeat --layout {info.layout}",
        )


def _check_plan(place: Workplace) -> None:
    """Refuse a share of another plan while others work on theirs.

    Raises:
        DatasetError: The manifest in the folder differs, and somebody else's lease is alive.
    """
    text = _bytes(place.root / "manifest.toml")
    if text is None or text == dump_manifest(place.dataset).encode():
        return
    others = [
        h for h in read_leases(place.root) if h.name != place.lease.name and is_alive(place.root, h, patient=False)
    ]
    if others:
        raise DatasetError(
            f"{others[0].name} on {others[0].host} makes other counts",
            where=str(place.root),
            rule="all shares of a job array have the same settings",
            remedy="repeat the flags, or wait until the others have ended",
        )


def _entries_of(root: Path, plan: Sequence[PlannedShard]) -> list[IndexEntry]:
    """Return the committed entries at the places of ``plan``, whatever their totals; other tasks may move the rest."""
    places = {(s.key.category, s.key.split, s.key.number) for s in plan}
    found = []
    for path in sorted((root / "index").glob("*.json")):
        match = _ENTRY_NAME.fullmatch(path.name)
        if match and (match["category"], match["split"], int(match["number"])) in places:
            found.append(read_entry(path))
    return sorted(found, key=lambda entry: entry.key)


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None

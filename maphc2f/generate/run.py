"""The main job: plan, inventory, simulate and refine on all workers, commit shard by shard.

* :func:`generate` runs or resumes a dataset.
* :class:`Summary` says how it went.
"""

from __future__ import annotations

import contextlib
import shutil
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from maphc2f.errors import IncompleteDatasetError, OutOfSpaceError, PictureError
from maphc2f.generate.choices import choices_hold, same_pictures
from maphc2f.generate.executor import Outcome, Task, WorkerPool
from maphc2f.generate.folder import (
    DatasetInfo,
    State,
    adopt_shards,
    check_folder,
    describe,
    locked,
    read_info,
    write_info,
)
from maphc2f.generate.goods import GoodPictures
from maphc2f.generate.plan import PlannedShard, check_names, plan_category
from maphc2f.generate.profile import RunProfile
from maphc2f.generate.progress import EventLog, Reporter
from maphc2f.generate.sources import Inventory, SourceOptions, read_inventory, take_inventory, write_inventory
from maphc2f.generate.worker import ShardReport, Site, make_shard
from maphc2f.manifest import dump_manifest
from maphc2f.shards.files import sweep, write_atomic
from maphc2f.shards.index import IndexEntry, read_entries
from maphc2f.shards.reader import dataset_digest, read_rows
from maphc2f.shards.writer import project
from maphc2f.spec import CategorySpec, DatasetSpec
from maphc2f.substrates.inventory import assign_splits, splits_present

MAX_PLAN_ROWS = 1_000_000
BYTES_PER_PIXEL = 1.6
"""Measured mean of a PNG with its mask, RGB, with some reserve: only for the estimate of disk space."""


@dataclass(slots=True)
class Summary:
    """How a run went.

    Attributes:
        root: The dataset folder.
        samples: Planned.
        committed: Rows committed now and before.
        made: Rows committed by this run.
        seconds: Wall time.
        stages: Worker seconds by stage.
        failed: Ids of samples that found no valid form.
        lost: One line for each shard that could not be made.
        content_digest: Of the whole folder; None unless complete.
        redrawn_simulations: Simulations that were rejected and drawn again, over all committed shards.
        redrawn_placements: Places, pictures and sizes drawn again.
    """

    root: Path
    samples: int
    committed: int = 0
    made: int = 0
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    content_digest: str | None = None
    redrawn_simulations: int = 0
    redrawn_placements: int = 0

    @property
    def complete(self) -> bool:
        """Whether every planned sample is committed."""
        return self.committed == self.samples and not self.lost

    def require_complete(self) -> None:
        """Raise unless complete.

        Raises:
            IncompleteDatasetError: Says what is missing.
        """
        if not self.complete:
            reasons = [*self.lost[:3], f"{len(self.failed)} samples failed" if self.failed else ""]
            msg = f"{self.root}: {self.committed} of {self.samples} samples committed; " + "; ".join(
                filter(None, reasons)
            )
            raise IncompleteDatasetError(msg)


def estimate_bytes(dataset: DatasetSpec, layout: str) -> int:
    """Return about how many bytes a dataset takes on disk."""
    total = 0.0
    for category in dataset.categories:
        width, height = _nominal_size(dataset, category)
        total += category.count * width * height * BYTES_PER_PIXEL * (2 if layout == "both" else 1)
    return int(total)


def _nominal_size(dataset: DatasetSpec, category: CategorySpec) -> tuple[int, int]:
    size = dataset.size
    return (size.width, size.height) if size.width and size.height else category.native_size


def generate(
    dataset: DatasetSpec, root: Path, profile: RunProfile, options: SourceOptions, reporter: Reporter
) -> Summary:
    """Make ``dataset`` in ``root``, or go on with it.

    Args:
        dataset: With sources settled (:func:`maphc2f.generate.sources.resolve_sources`).
        root: The dataset folder: new, empty, or holding the same recipes.
        profile: How to run.
        options: Where pictures are.
        reporter: Told of progress.

    Returns:
        The summary; ask :meth:`Summary.require_complete`.

    Raises:
        UserError: Wrong names, folder, pictures, or a full disk. What is committed stays.
    """
    start = time.perf_counter()
    check_names(dataset)
    check_folder(root, dataset, profile.maps)
    inventory = take_inventory(dataset, options, progress=reporter.note)
    _check_space(root, dataset, profile)
    # The topmost folder that this run makes: all of it goes again if the run cannot begin.
    created = next((path for path in reversed((root, *root.absolute().parents)) if not path.exists()), None)
    with locked(root):
        try:
            job = _Job.open(dataset, root, profile, options, inventory, reporter)
        except BaseException:
            if created is not None:
                shutil.rmtree(created, ignore_errors=True)
            raise
        summary = job.run()
    summary.seconds = time.perf_counter() - start
    return summary


def _check_space(root: Path, dataset: DatasetSpec, profile: RunProfile) -> None:
    existing = next(parent for parent in (root, *root.absolute().parents) if parent.exists())
    have = sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) if root.is_dir() else 0
    need = estimate_bytes(dataset, profile.layout) - have
    free = shutil.disk_usage(existing).free
    if need > free:
        raise OutOfSpaceError(
            f"about {need / 1e9:.1f} GB needed, {free / 1e9:.1f} GB free",
            where=f"--out {root}",
            rule="the dataset must fit on the disk",
            remedy="free space, choose another --out, lower the count, or use --layout parquet",
        )


@dataclass(slots=True)
class _Job:
    """One run in an open, locked folder."""

    dataset: DatasetSpec
    root: Path
    profile: RunProfile
    site: Site
    inventory: Inventory
    plan: list[PlannedShard]
    kept: dict[str, IndexEntry]
    reporter: Reporter
    log: EventLog
    data_root: str | None

    @classmethod
    def open(
        cls,
        dataset: DatasetSpec,
        root: Path,
        profile: RunProfile,
        options: SourceOptions,
        inventory: Inventory,
        reporter: Reporter,
    ) -> _Job:
        """Sweep leftovers, write what describes the dataset, and see which shards are there already."""
        sweep(root)
        data_root = None if options.data_root is None else str(options.data_root.absolute())
        plan = [s for c in dataset.categories for s in plan_category(dataset, c, splits=_splits(dataset, c, inventory))]
        holds = partial(_pictures_hold, root, dataset, inventory, _old_inventory(root))
        kept = adopt_shards(root, dataset, read_entries(root), plan, holds=holds)
        _project_late(root, profile, kept)
        site = Site(str(root), data_root, uuid.uuid4().hex)
        job = cls(dataset, root, profile, site, inventory, plan, kept, reporter, EventLog(root), data_root)
        # First of all files: a folder without it is taken for somebody else's.
        job.write_state("running", sum(entry.rows for entry in kept.values()))
        text = dump_manifest(dataset)
        write_atomic(root / "manifest.toml", lambda file: file.write(text.encode()))
        write_inventory(root, inventory)
        _write_plan(root, dataset, plan)
        return job

    def write_state(self, state: State, rows: int, digest: str | None = None) -> DatasetInfo:
        """Write ``dataset.json``."""
        info = describe(
            self.dataset,
            committed=rows,
            state=state,
            content_digest=digest,
            layout=self.profile.layout,
            maps=self.profile.maps,
            data_root=self.data_root,
        )
        write_info(self.root, info)
        return info

    def run(self) -> Summary:
        """Make what is missing."""
        summary = Summary(self.root, self.dataset.total)
        rows = sum(entry.rows for entry in self.kept.values())
        self.log.write("start", samples=self.dataset.total, committed=rows, workers=self.profile.workers)
        self.reporter.start(self.dataset.total, rows)
        try:
            self._work(summary)
        except BaseException as error:
            # A full disk must not hide what stopped the run.
            with contextlib.suppress(OSError):
                self.log.write("stopped", cause=type(error).__name__, message=str(error))
            raise
        finally:
            self.reporter.stop()
        self._finish(summary)
        return summary

    def _work(self, summary: Summary) -> None:
        goods = GoodPictures(self.root, self.dataset, self.inventory, self.site)
        first = goods.of_files()
        missing = [shard for shard in self.plan if shard.key.shard_id not in self.kept]
        tasks = [Task(s.key.shard_id, make_shard, (self.site, s, self.profile), s.rows) for s in missing]
        with WorkerPool(min(self.profile.workers, max(len(first), len(tasks)))) as processes:
            self._execute(processes, first, summary, counted=False)
            self._execute(processes, tasks, summary, counted=True)
            self._execute(processes, goods.of_pools(self.kept.values()), summary, counted=False)

    def _execute(self, processes: WorkerPool, tasks: Sequence[Task], summary: Summary, *, counted: bool) -> None:
        for outcome in processes.execute(tasks):
            report = self._settle(outcome, summary)
            if report is not None and counted:
                summary.made += report.entry.rows
                self.kept[report.entry.key.shard_id] = report.entry
            if counted:
                self.reporter.advance(outcome.task.weight, summary.stages)

    def _settle(self, outcome: Outcome, summary: Summary) -> ShardReport | None:
        """Record an outcome; errors that concern one shard are kept, those that concern all are raised."""
        if outcome.error is not None:
            # A changed picture concerns the shards that use it; a full disk or a bug concerns all.
            if not isinstance(outcome.error, PictureError):
                raise outcome.error
            summary.lost.append(f"{outcome.task.name}: {outcome.error}")
            self.log.write("lost", shard=outcome.task.name, message=str(outcome.error))
            self.reporter.note(f"{outcome.task.name} not made: {outcome.error}")
            return None
        report: ShardReport = outcome.result
        for stage, seconds in report.seconds.items():
            summary.stages[stage] = summary.stages.get(stage, 0.0) + seconds
        self.log.write(
            "shard",
            shard=outcome.task.name,
            rows=report.entry.rows,
            failed=[f.sample_id for f in report.failures],
            seconds={k: round(v, 3) for k, v in report.seconds.items()},
        )
        for failure in report.failures:
            self.reporter.note(f"{failure.sample_id} failed: {failure.reason}")
        return report

    def _finish(self, summary: Summary) -> None:
        summary.committed = sum(entry.rows for entry in self.kept.values())
        summary.failed = [name for entry in self.kept.values() for name in entry.failed]
        summary.redrawn_simulations = sum(entry.redrawn_simulations for entry in self.kept.values())
        summary.redrawn_placements = sum(entry.redrawn_placements for entry in self.kept.values())
        if summary.complete:
            summary.content_digest = dataset_digest(self.root)
        state: State = "complete" if summary.complete else "incomplete"
        self.write_state(state, summary.committed, summary.content_digest)
        self.log.write("end", state=state, committed=summary.committed, content_digest=summary.content_digest)


def _old_inventory(root: Path) -> Inventory:
    """Return the inventory of the run before, empty if there is none to read."""
    try:
        return read_inventory(root)
    except (OSError, pa.ArrowException, TypeError):
        return {}


def _pictures_hold(root: Path, dataset: DatasetSpec, inventory: Inventory, old: Inventory, entry: IndexEntry) -> bool:
    before, now = old.get(entry.category, ()), inventory[entry.category]
    return same_pictures(before, now) or choices_hold(root, entry, before, now, dataset.seed)


def _project_late(root: Path, profile: RunProfile, kept: Mapping[str, IndexEntry]) -> None:
    """Write the PNG files of kept shards if the run before was asked for none."""
    if not kept or profile.layout != "both" or read_info(root).layout == "both":
        return
    for entry in kept.values():
        project(root, read_rows(entry.key.data_path(root)))


def _splits(dataset: DatasetSpec, category: CategorySpec, inventory: Inventory) -> Any:
    return splits_present(assign_splits(inventory[category.name], dataset.seed, category.name))


def _write_plan(root: Path, dataset: DatasetSpec, plan: Sequence[PlannedShard]) -> None:
    """Write ``plan.parquet``, one row a sample, for people to look at; nothing reads it back."""
    if dataset.total > MAX_PLAN_ROWS:
        return
    import pyarrow.parquet as pq

    from maphc2f.generate.plan import sample_id

    rows = [
        {
            "sample_id": sample_id(s.key.category, index),
            "category": s.key.category,
            "split": s.key.split,
            "defect_family": g.family,
            "group": g.number,
            "shard": s.key.shard_id,
        }
        for s in plan
        for g in s.groups
        for index in range(g.first, g.first + g.count)
    ]
    table = pa.Table.from_pylist(sorted(rows, key=lambda row: str(row["sample_id"])))
    write_atomic(root / "plan.parquet", lambda file: pq.write_table(table, file), durable=False)

"""The main job: plan, inventory, simulate and refine on all workers, commit shard by shard.

* :func:`generate` runs or resumes a dataset, or one share of it.
* :func:`finish` ends a dataset whose shares were made by a job array.
* :func:`estimate_bytes` says how much disk a dataset takes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from maphc2f.errors import DatasetError, OutOfSpaceError
from maphc2f.generate.folder import check_folder, locked, read_info
from maphc2f.generate.job import Control, Job, Workplace
from maphc2f.generate.leases import WHOLE, Lease, leased
from maphc2f.generate.plan import check_names
from maphc2f.generate.profile import Layout, RunProfile
from maphc2f.generate.progress import Reporter
from maphc2f.generate.shares import Share
from maphc2f.generate.sources import Inventory, SourceOptions, read_inventory, take_inventory
from maphc2f.generate.summary import Summary
from maphc2f.manifest import load_manifest
from maphc2f.spec import CategorySpec, DatasetSpec

BYTES_PER_PIXEL = 1.6
"""Measured mean of a PNG with its mask, RGB, with some reserve: only for the estimate of disk space."""


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
    dataset: DatasetSpec,
    root: Path,
    profile: RunProfile,
    options: SourceOptions,
    reporter: Reporter,
    control: Control | None = None,
) -> Summary:
    """Make ``dataset`` in ``root``, or go on with it.

    Args:
        dataset: With sources settled (:func:`maphc2f.generate.sources.resolve_sources`).
        root: The dataset folder: new, empty, or holding the same recipes.
        profile: How to run.
        options: Where pictures are.
        reporter: Told of progress.
        control: Which share, on which cluster, until when; None: all of it, on this machine, to the end.

    Returns:
        The summary; ask :meth:`Summary.require_complete`.

    Raises:
        UserError: Wrong names, folder, pictures, or a full disk. What is committed stays.
        IncompleteDatasetError: The existing cluster is gone.
    """
    start = time.perf_counter()
    control = control or Control()
    check_names(dataset)
    check_folder(root, dataset, profile.maps)
    inventory = take_inventory(dataset, options, progress=reporter.note)
    _check_space(root, dataset, profile)
    data_root = None if options.data_root is None else str(options.data_root.absolute())
    # The topmost folder that this run makes: all of it goes again if the run cannot begin.
    created = next((path for path in reversed((root, *root.absolute().parents)) if not path.exists()), None)
    with _held(root, control.share, reporter) as lease:
        try:
            job = Job.open(Workplace(root, dataset, inventory, data_root, lease), profile, control, reporter)
        except BaseException:
            # Another share may have begun to fill the same new folder.
            if created is not None and control.share is None:
                shutil.rmtree(created, ignore_errors=True)
            raise
        summary = job.run()
    summary.seconds = time.perf_counter() - start
    return summary


def finish(root: Path, workers: int, reporter: Reporter) -> Summary:
    """Do what a run of the whole folder does after its defect samples: good pictures, PNG files, digest, state.

    Args:
        root: A dataset folder whose shards were made by a job array, or by any other run.
        workers: Processes.
        reporter: Told of progress.

    Returns:
        The summary; ask :meth:`Summary.require_complete`.

    Raises:
        UserError: No dataset, or a share still works in it.
    """
    start = time.perf_counter()
    read_info(root)  # a folder that is no dataset gets no lock
    with _held(root, None, reporter) as lease:
        info = read_info(root)
        dataset = load_manifest(root / "manifest.toml")
        layout: Layout = "both" if info.layout == "both" else "parquet"
        profile = RunProfile(layout=layout, maps=info.maps, workers=workers)
        place = Workplace(root, dataset, _inventory_of(root), info.data_root, lease)
        summary = Job.open(place, profile, Control(), reporter).finish()
    summary.seconds = time.perf_counter() - start
    return summary


def _inventory_of(root: Path) -> Inventory:
    """Return the inventory of a dataset folder.

    Raises:
        DatasetError: It cannot be read.
    """
    try:
        return read_inventory(root)
    except (OSError, pa.ArrowException, TypeError) as error:
        raise DatasetError(
            "unreadable inventory.parquet",
            where=str(root),
            rule="it must be as the generator wrote it",
            remedy="run generate again with the same settings: it writes it anew",
        ) from error


@contextlib.contextmanager
def _held(root: Path, share: Share | None, reporter: Reporter) -> Iterator[Lease]:
    """Hold the folder's lock and a lease: alone, or beside the other shares of the same job array."""
    name = WHOLE if share is None else share.name

    def beside(other: str) -> bool:
        return share is not None and other.endswith(share.suffix)

    with locked(root, shared=share is not None), leased(root, name, reporter.note, beside=beside) as lease:
        yield lease


def _check_space(root: Path, dataset: DatasetSpec, profile: RunProfile) -> None:
    existing = next(parent for parent in (root, *root.absolute().parents) if parent.exists())
    need = estimate_bytes(dataset, profile.layout) - _bytes_below(root)
    free = shutil.disk_usage(existing).free
    if need > free:
        raise OutOfSpaceError(
            f"about {need / 1e9:.1f} GB needed, {free / 1e9:.1f} GB free",
            where=f"--out {root}",
            rule="the dataset must fit on the disk",
            remedy="free space, choose another --out, lower the count, or use --layout parquet",
        )


def _bytes_below(root: Path) -> int:
    """Return the bytes of all files below ``root``; other shares may rename files meanwhile."""
    total = 0
    for folder, _, names in os.walk(root):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(os.path.join(folder, name)).st_size
    return total

"""A dataset folder: what it says of itself, its lock, and whether a run may go on in it.

* :class:`DatasetInfo` is ``dataset.json``.
* :func:`check_folder` lets a run go on in a folder or refuses.
* :func:`locked` keeps two runs apart.
* :func:`adopt_shards` keeps shards when only the number of samples grew.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from maphc2f import __version__
from maphc2f.errors import DatasetError
from maphc2f.generate.plan import PlannedShard
from maphc2f.shards.files import TEMPORARY_SUFFIX, file_sha256, os_failure, write_atomic
from maphc2f.shards.index import IndexEntry, read_entries, write_entry
from maphc2f.shards.reader import read_rows
from maphc2f.shards.writer import projection_paths
from maphc2f.spec import DatasetSpec, Frozen, manifest_digest, recipe_digest

State = Literal["running", "complete", "incomplete"]

NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)
"""What file systems without locks answer."""


class DatasetInfo(Frozen):
    """``dataset.json``: a dataset's name, digests, size and state."""

    name: str
    version: str
    generator: str
    manifest_digest: str
    recipe_digests: dict[str, str]
    counts: dict[str, int]
    samples: int
    committed: int
    state: State
    content_digest: str | None = None
    device: str = "cpu"
    layout: str = "both"
    maps: tuple[str, ...] = ()
    data_root: str | None = None


def describe(dataset: DatasetSpec, **facts: Any) -> DatasetInfo:
    """Return the ``dataset.json`` of a dataset; ``facts`` give committed, state and what the run settles."""
    return DatasetInfo(
        name=dataset.name,
        version=dataset.version,
        generator=f"maphc2f {__version__}",
        manifest_digest=manifest_digest(dataset),
        recipe_digests={c.name: recipe_digest(dataset, c) for c in dataset.categories},
        counts={c.name: c.count for c in dataset.categories},
        samples=dataset.total,
        device=dataset.device,
        **facts,
    )


def read_info(root: Path) -> DatasetInfo:
    """Read ``dataset.json``.

    Raises:
        DatasetError: There is none, or it is damaged.
    """
    path = root / "dataset.json"
    try:
        return DatasetInfo.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DatasetError(
            "not a dataset",
            where=str(root),
            rule="a folder made by 'maphc2f generate' holds dataset.json",
            remedy="check the path",
        ) from error
    except (OSError, ValidationError) as error:
        raise DatasetError(
            "damaged dataset.json",
            where=str(path),
            rule="it must be as the generator wrote it",
            remedy="run generate again with the same settings: it writes it anew",
        ) from error


def write_info(root: Path, info: DatasetInfo) -> None:
    """Write ``dataset.json``."""
    text = json.dumps(info.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"
    write_atomic(root / "dataset.json", lambda file: file.write(text.encode()))


def check_folder(root: Path, dataset: DatasetSpec, maps: tuple[str, ...] | None = None) -> None:
    """Check that ``root`` is new, empty, or holds a dataset of the same recipes and, unless None, the same ``maps``.

    Raises:
        DatasetError: It holds something else; nothing was changed.
    """
    existing = next(path for path in (root, *root.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise DatasetError(
            f"{existing} is not a folder",
            where=f"--out {root}",
            rule="the dataset is a folder",
            remedy="choose another --out",
        )
    if not root.exists() or all(_is_start(path) for path in root.iterdir()):
        return
    if not (root / "dataset.json").exists():
        raise DatasetError(
            "holds other files",
            where=f"--out {root}",
            rule="a new or empty folder, or a dataset to go on with",
            remedy="choose another --out",
        )
    try:
        info = read_info(root)
    except DatasetError:
        info = None
    old = _committed_recipes(root) if info is None else info.recipe_digests
    new = describe(dataset, committed=0, state="running").recipe_digests
    other = sorted(name for name in old if old[name] != new.get(name))
    if other:
        raise DatasetError(
            f"made with another recipe ({', '.join(other[:5])})",
            where=f"--out {root}",
            rule="a run goes on only with the recipe it began with",
            remedy="choose another --out, or repeat the flags",
        )
    if maps is not None and info is not None and info.maps != maps:
        raise DatasetError(
            f"made with --maps {','.join(info.maps) or 'of nothing'}",
            where=f"--out {root}",
            rule="all shards of a dataset hold the same maps",
            remedy="choose another --out, or repeat --maps as it was",
        )


def _is_start(path: Path) -> bool:
    """Whether a file may be all that a run left which was killed before it wrote ``dataset.json``."""
    return path.name in (".lock", "events.jsonl", "logs", ".leases") or (
        path.name.startswith(".") and path.suffix == TEMPORARY_SUFFIX
    )


def _committed_recipes(root: Path) -> dict[str, str]:
    """Return the recipes of committed shards, for a folder whose ``dataset.json`` is damaged."""
    return {entry.category: entry.recipe_digest for entry in read_entries(root) if entry.config == "default"}


@contextmanager
def locked(root: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the folder's lock; the system frees it when the process ends, however it ends.

    Args:
        root: The dataset folder; made if it is not there.
        shared: For a share of a job array: others of its kind may hold it too, a run of the whole folder may not.

    Raises:
        DatasetError: Another run holds it, or the folder cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / ".lock").open("a")
    except OSError as error:
        raise os_failure(error, root) from error
    with lock as file:
        try:
            _lock(file.fileno(), shared=shared)
        except BlockingIOError as error:
            raise DatasetError(
                "another run is writing",
                where=str(root),
                rule="one run a folder at a time, or one a share of a job array",
                remedy="wait for it or stop it",
            ) from error
        yield


def _lock(descriptor: int, *, shared: bool) -> None:
    """Take a lock; where the file system has none, the leases alone keep runs apart.

    Raises:
        BlockingIOError: It is held.
    """
    try:
        import fcntl
    except ImportError:  # Windows, whose locks cannot be shared
        import msvcrt

        if not shared:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            except OSError as error:
                raise BlockingIOError(*error.args) from error
    else:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise


def is_current(root: Path, entry: IndexEntry, shard: PlannedShard, recipe: str) -> bool:
    """Whether ``entry`` commits exactly ``shard`` and its file is whole."""
    path = entry.key.data_path(root)
    return (
        _same_groups(entry, shard, recipe)
        and path.is_file()
        and path.stat().st_size == entry.bytes
        and file_sha256(path) == entry.sha256
    )


def _same_groups(entry: IndexEntry, shard: PlannedShard, recipe: str) -> bool:
    return (
        entry.category == shard.key.category
        and entry.split == shard.key.split
        and entry.number == shard.key.number
        and entry.first_group == shard.groups[0].number
        and entry.groups == len(shard.groups)
        and entry.rows + len(entry.failed) == shard.rows
        and entry.recipe_digest == recipe
    )


def adopt_shards(
    root: Path,
    dataset: DatasetSpec,
    entries: Sequence[IndexEntry],
    shards: Sequence[PlannedShard],
    *,
    holds: Callable[[IndexEntry], bool] = lambda _: True,
) -> dict[str, IndexEntry]:
    """Return the committed entries that serve the plan, by shard id.

    Args:
        root: The dataset folder.
        dataset: What is to be made.
        entries: The committed shards.
        shards: The plan.
        holds: Whether the pictures under a shard's samples are still those that they would choose.

    Shards of an earlier, smaller or larger plan of the same recipe are renamed if they hold the same groups; entries
    that serve no planned shard are removed together with their files.
    """
    recipes = {c.name: recipe_digest(dataset, c) for c in dataset.categories}
    by_place = {(e.category, e.split, e.number): e for e in entries if e.config == "default"}
    kept: dict[str, IndexEntry] = {}
    for shard in shards:
        entry = by_place.get((shard.key.category, shard.key.split, shard.key.number))
        if entry is None or not is_current(root, entry, shard, recipes[shard.key.category]) or not holds(entry):
            continue
        if entry.key != shard.key:
            entry = _rename(root, entry, shard)
        kept[shard.key.shard_id] = entry
    for entry in entries:
        if entry.config == "default" and entry.key.shard_id not in kept:
            _drop(root, entry)
    return kept


def _drop(root: Path, entry: IndexEntry) -> None:
    """Remove a shard that no plan wants, its entry first, so that it never counts half."""
    entry.key.entry_path(root).unlink(missing_ok=True)
    path = entry.key.data_path(root)
    try:
        rows = list(read_rows(path, ["sample_id", "category", "defect_family"]))
    except DatasetError:
        rows = []
    for row in rows:
        for picture in projection_paths(root, row).values():
            picture.unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _rename(root: Path, entry: IndexEntry, shard: PlannedShard) -> IndexEntry:
    renamed = entry.model_copy(update={"total": shard.key.total})
    entry.key.data_path(root).replace(shard.key.data_path(root))
    write_entry(root, renamed)
    entry.key.entry_path(root).unlink(missing_ok=True)
    return renamed

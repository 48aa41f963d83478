"""Leases: who works in a dataset folder, on whichever machine, and whether they still live.

* :func:`leased` holds a lease for a run, or says who is in the way.
* :class:`Lease` beats while it is held; :class:`Holder` is what its file says.
* :func:`read_leases`, :func:`is_alive` tell the leases of a folder and judge one.

A lease is a file ``.leases/<name>.json`` that its holder keeps locked and rewrites every few seconds. On one machine
the lock tells at once whether the holder lives. File systems of clusters may not share locks; there a holder is taken
for dead when its file has not changed for ``Rhythm.patience`` seconds of the observer's own clock, so clocks need not
agree and may step.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from maphc2f.errors import DatasetError, IncompleteDatasetError
from maphc2f.shards.files import TEMPORARY_SUFFIX, os_failure

FOLDER = ".leases"
WHOLE = "whole"
SUFFIX = ".json"

NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
"""What file systems without hard links answer."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a lease is renewed and how long an observer waits for that, s.

    ``patience`` is six beats: one or two may be late on a busy file server.
    """

    beat: float = 10.0
    patience: float = 60.0
    poll: float = 0.5


@dataclass(frozen=True, slots=True)
class Holder:
    """What a lease says of its holder.

    Attributes:
        name: Of the lease: ``whole`` or that of a share.
        host: Name of the machine, for people.
        kernel: Identity of the running system; locks tell the truth within one.
        pid: Of the driver.
        token: Unique to the run.
        since: When it began, ISO 8601.
        beat: Counts renewals.
        workers: Processes it works with.
        running: Shards in work, oldest first.
    """

    name: str
    host: str
    kernel: str
    pid: int
    token: str
    since: str
    beat: int = 0
    workers: int = 1
    running: tuple[str, ...] = ()


def kernel_identity() -> str:
    """Return what tells running systems apart: the boot id where there is one, else the host's name."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return platform.node()


class Lease:
    """A held lease; a thread renews its file.

    Args:
        path: The lease file.
        file: The same, open and locked.
        holder: What to write.
        rhythm: How often.
    """

    def __init__(self, path: Path, file: BinaryIO, holder: Holder, rhythm: Rhythm) -> None:
        self._path, self._file, self._holder, self._rhythm = path, file, holder, rhythm
        self._guard, self._end = threading.Lock(), threading.Event()
        self._missed = 0
        self._thread = threading.Thread(target=self._keep, name="maphc2f-lease", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """``whole`` or that of a share."""
        return self._holder.name

    def tell(self, running: Sequence[str], workers: int) -> None:
        """Note the shards in work, the oldest first."""
        with self._guard:
            self._holder = replace(self._holder, running=tuple(running[:workers]), workers=workers)
            _put(self._file, self._holder)

    def require(self) -> None:
        """Raise if somebody has taken the lease over.

        Raises:
            IncompleteDatasetError: This run stood still for so long that another took its place.
        """
        if self._missed > 1:
            raise IncompleteDatasetError(
                f"{self._path}: this run stood still so long that another took its place; what was committed stays"
            )

    def release(self) -> None:
        """Stop renewing and remove the file if it is still this run's."""
        self._end.set()
        self._thread.join()
        with contextlib.suppress(OSError):
            if self._own():
                self._path.unlink()
        self._file.close()
        with contextlib.suppress(OSError):
            self._path.parent.rmdir()

    def _keep(self) -> None:
        while not self._end.wait(self._rhythm.beat):
            with self._guard:
                self._holder = replace(self._holder, beat=self._holder.beat + 1)
                _put(self._file, self._holder)
            self._missed = 0 if self._own() else self._missed + 1

    def _own(self) -> bool:
        found = read_lease(self._path)
        return found is not None and found.token == self._holder.token


def _put(file: BinaryIO, holder: Holder) -> None:
    """Write in place: a new file would leave the lock behind. A full disk only makes the lease look older."""
    data = json.dumps(asdict(holder)).encode()
    with contextlib.suppress(OSError):
        file.seek(0)
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def read_lease(path: Path) -> Holder | None:
    """Return what a lease file says; None if it is gone or half written."""
    try:
        values: dict[str, Any] = json.loads(path.read_bytes())
        return Holder(**{**values, "running": tuple(values["running"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def read_leases(root: Path) -> list[Holder]:
    """Return the readable leases of a dataset folder, dead or alive, by name."""
    found = (read_lease(path) for path in sorted((root / FOLDER).glob(f"*{SUFFIX}")))
    return [holder for holder in found if holder is not None]


def lease_path(root: Path, name: str) -> Path:
    """Return the file of a lease."""
    return root / FOLDER / f"{name}{SUFFIX}"


def is_locked(path: Path) -> bool | None:
    """Whether somebody holds the lock of ``path``; None if that cannot be told."""
    try:
        import fcntl
    except ImportError:  # Windows has no locks that only look
        return None
    try:
        with path.open("rb") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return None
    return False


def is_alive(root: Path, holder: Holder, rhythm: Rhythm | None = None, *, patient: bool = True) -> bool:
    """Whether the holder of a lease still works.

    Args:
        root: The dataset folder.
        holder: As read from the folder.
        rhythm: How long to wait.
        patient: Whether to wait for a sign of life where locks cannot tell; else the file's age decides, which trusts
            clocks.
    """
    path, rhythm = lease_path(root, holder.name), rhythm or Rhythm()
    lock = is_locked(path)
    if lock or (lock is False and holder.kernel == kernel_identity()):
        return bool(lock)
    return _beats(path, rhythm) if patient else _is_young(path, rhythm)


def _beats(path: Path, rhythm: Rhythm) -> bool:
    """Watch a lease until it changes, goes, or patience ends."""
    before, end = _bytes(path), time.monotonic() + rhythm.patience
    while before is not None and time.monotonic() < end:
        time.sleep(rhythm.poll)
        now = _bytes(path)
        if now != before:
            return now is not None
    return False


def _is_young(path: Path, rhythm: Rhythm) -> bool:
    try:
        return abs(time.time() - path.stat().st_mtime) < rhythm.patience
    except OSError:
        return False


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


@contextlib.contextmanager
def leased(
    root: Path, name: str, note: Callable[[str], None], *, beside: Callable[[str], bool], rhythm: Rhythm | None = None
) -> Iterator[Lease]:
    """Hold lease ``name`` of a dataset folder.

    Args:
        root: The folder.
        name: ``whole`` or that of a share.
        note: Told when it takes time to find out whether a holder lives.
        beside: Whether another lease, by name, may be held at the same time.
        rhythm: Of the lease.

    Raises:
        DatasetError: Somebody who may not works there; the message names them.
    """
    rhythm = rhythm or Rhythm()
    lease = _take(root, name, note, rhythm)
    try:
        for holder in read_leases(root):
            if holder.name != name and not beside(holder.name):
                _clear(root, holder, note, rhythm)
        yield lease
    finally:
        lease.release()


def _take(root: Path, name: str, note: Callable[[str], None], rhythm: Rhythm) -> Lease:
    path = lease_path(root, name)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    holder = Holder(name, platform.node(), kernel_identity(), os.getpid(), uuid.uuid4().hex, now)
    while True:
        try:
            return Lease(path, _create(path, holder), holder, rhythm)
        except FileExistsError:
            found = read_lease(path)
            if found is not None:
                _clear(root, found, note, rhythm)
            elif not _beats(path, rhythm):
                path.unlink(missing_ok=True)
        except FileNotFoundError:
            # Another run removed the empty folder, or swept the hidden file, between two steps.
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise os_failure(error, path) from error


def _create(path: Path, holder: Holder) -> BinaryIO:
    """Create, lock and fill a lease file under another name and link it, so that nobody meets half of one.

    Raises:
        FileExistsError: There is such a lease.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.{holder.token}{TEMPORARY_SUFFIX}")
    file: BinaryIO = hidden.open("xb")
    try:
        _lock_quietly(file)
        _put(file, holder)
        _link(path, hidden)
    except BaseException:
        file.close()
        raise
    finally:
        hidden.unlink(missing_ok=True)
    return file


def _link(path: Path, hidden: Path) -> None:
    """Give ``hidden`` the name ``path`` unless that is taken.

    Raises:
        FileExistsError: It is.
    """
    try:
        path.hardlink_to(hidden)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        # Without links there is a moment in which the name exists and somebody else could rename over it.
        path.open("xb").close()
        hidden.replace(path)


def _lock_quietly(file: BinaryIO) -> None:
    """Lock a new file; where that cannot be, the beats alone show life."""
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def _clear(root: Path, holder: Holder, note: Callable[[str], None], rhythm: Rhythm) -> None:
    """Remove a dead lease, or say who holds it.

    Raises:
        DatasetError: Its holder lives.
    """
    if is_locked(lease_path(root, holder.name)) is not True and holder.kernel != kernel_identity():
        note(f"{_who(holder)} left its lease; waiting up to {rhythm.patience:.0f} s for a sign of life")
    if is_alive(root, holder, rhythm):
        raise DatasetError(
            f"another run is writing: {_who(holder)}",
            where=str(root),
            rule="one run a folder at a time, or one a share of a job array",
            remedy="wait for it or stop it",
        )
    _remove_stale(lease_path(root, holder.name), holder)


def _who(holder: Holder) -> str:
    return f"{holder.name} on {holder.host}, process {holder.pid}, since {holder.since}"


def _remove_stale(path: Path, holder: Holder) -> None:
    """Remove exactly the lease that was judged: two observers may have judged it, and one already taken its place."""
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}{TEMPORARY_SUFFIX}")
    with contextlib.suppress(FileNotFoundError):
        path.rename(aside)
        found = read_lease(aside)
        if found is not None and found.token != holder.token:
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(aside)
        aside.unlink()

"""Durable files: written under a temporary name, flushed, renamed.

* :func:`write_atomic` writes bytes; the file is there whole or not at all.
* :func:`sweep` removes the temporary files that a killed writer left.
* :func:`file_sha256` hashes a file.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from maphc2f.errors import DatasetError, OutOfSpaceError, UserError

TEMPORARY_SUFFIX = ".part"


def temporary_name(path: Path) -> Path:
    """Return the temporary name beside ``path``, unique to this process on whichever machine."""
    return path.with_name(f".{path.name}.{platform.node()}-{os.getpid()}{TEMPORARY_SUFFIX}")


def write_atomic(path: Path, write: Callable[[BinaryIO], object], *, durable: bool = True) -> None:
    """Call ``write`` on a temporary file and rename it to ``path``; on any error nothing is left.

    Raises:
        OutOfSpaceError: The disk is full.
        DatasetError: The folder cannot be written.
    """
    temporary = temporary_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        _discard(temporary)
        raise os_failure(error, path) from error
    except BaseException:
        _discard(temporary)
        raise


def _discard(path: Path) -> None:
    # Below a file, or on a disk that went away, there is nothing to remove; the first error is the one to tell.
    with contextlib.suppress(OSError):
        path.unlink()


def os_failure(error: OSError, path: Path) -> UserError:
    """Return the one-line error for a failed write at ``path``: a full disk or a place that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutOfSpaceError(
            "no space left",
            where=str(path),
            rule="the shard and its pictures must fit on the disk",
            remedy="free space or choose another --out; running again goes on from the committed shards",
        )
    return DatasetError(
        f"cannot write ({error.strerror or error})",
        where=str(path),
        rule="the dataset folder must be writable",
        remedy="mend the permissions or choose another --out",
    )


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, where the system allows folders to be opened."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> int:
    """Remove temporary files below ``folder`` and return how many there were."""
    leftovers = [path for path in folder.rglob(f".*{TEMPORARY_SUFFIX}") if path.is_file()]
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

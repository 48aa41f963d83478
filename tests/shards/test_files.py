"""Atomic files: whole or not there, whatever fails; faults are named in one line."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from maphc2f.errors import DatasetError, OutOfSpaceError
from maphc2f.shards.files import file_sha256, sweep, temporary_name, write_atomic


def put(data: bytes) -> Callable[[BinaryIO], object]:
    return lambda file: file.write(data)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_into_new_folders_and_leaves_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "x.bin"
    write_atomic(path, put(b"one"))
    write_atomic(path, put(b"two"), durable=False)
    assert path.read_bytes() == b"two"
    assert names(path.parent) == ["x.bin"]


@pytest.mark.parametrize("error", [RuntimeError("x"), KeyboardInterrupt(), OSError(errno.EIO, "broken")])
def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(error: BaseException, tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    write_atomic(path, put(b"old"))

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise error

    with pytest.raises((type(error), DatasetError)):
        write_atomic(path, fail)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["x.bin"]


def test_the_file_is_not_visible_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"

    def look(file: BinaryIO) -> None:
        file.write(b"half")
        assert not path.exists()
        assert names(tmp_path) == [temporary_name(path).name]

    write_atomic(path, look)
    assert path.exists()


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.ENOSPC, OutOfSpaceError, "no space left"),
        (errno.EDQUOT, OutOfSpaceError, "no space left"),
        (errno.EACCES, DatasetError, "cannot write"),
        (errno.EROFS, DatasetError, "cannot write"),
    ],
)
def test_faults_of_the_disk_are_said_in_one_line(
    code: int, kind: type[Exception], words: str, tmp_path: Path, refuse_writing: Callable[[int], None]
) -> None:
    refuse_writing(code)
    with pytest.raises(kind, match=words) as caught:
        write_atomic(tmp_path / "x.bin", put(b"data"))
    assert "\n" not in str(caught.value)
    assert "x.bin" in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_a_dataset_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DatasetError, match="cannot write"):
        write_atomic(tmp_path / "file" / "x.bin", put(b"data"))


def test_a_file_that_is_not_durable_is_not_flushed_to_disk(
    tmp_path: Path, refuse_writing: Callable[[int], None]
) -> None:
    refuse_writing(errno.EIO)
    write_atomic(tmp_path / "x.bin", put(b"data"), durable=False)
    assert (tmp_path / "x.bin").read_bytes() == b"data"


def test_folders_that_cannot_be_opened_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "folders cannot be opened here")

    monkeypatch.setattr(os, "open", refuse)
    write_atomic(tmp_path / "x.bin", put(b"data"))
    assert (tmp_path / "x.bin").read_bytes() == b"data"


def test_sweep_removes_the_leftovers_of_killed_writers_only(tmp_path: Path) -> None:
    kept = tmp_path / "data" / "x.parquet"
    write_atomic(kept, put(b"x"))
    (tmp_path / "part.part").write_bytes(b"not ours: no leading dot")
    for path in (kept, tmp_path / "index" / "y.json"):
        path.parent.mkdir(exist_ok=True)
        temporary_name(path).write_bytes(b"half")
    assert sweep(tmp_path) == 2
    assert sweep(tmp_path) == 0
    assert kept.exists()
    assert (tmp_path / "part.part").exists()


def test_file_hash(tmp_path: Path) -> None:
    data = os.urandom(300_000)
    (tmp_path / "x").write_bytes(data)
    assert file_sha256(tmp_path / "x") == hashlib.sha256(data).hexdigest()

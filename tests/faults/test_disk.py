"""A full disk: one clear line, no half file, nothing committed is lost, and the run goes on where it stopped."""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest

from maphc2f.shards import files
from tests.e2e.support import Result, call, content_digest, leftovers, tree, write_manifest

FULL = Path("/dev/full")
Usage = namedtuple("Usage", "total used free")

needs_full_device = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full, a device without space")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_manifest(tmp_path_factory.mktemp("disk") / "m.toml", {"hide": 4, "cloth": 4})


@pytest.fixture(scope="module")
def digest(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Content digest of the dataset made on a disk with space."""
    out = tmp_path_factory.mktemp("space") / "ds"
    assert make(manifest, out).code == 0
    return content_digest(out)


@pytest.fixture
def full_for(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let writing files of a name end on the device that is always full."""
    temporary_name = files.temporary_name

    def fill(pattern: str) -> None:
        def name(path: Path) -> Path:
            temporary = temporary_name(path)
            if fnmatch(path.as_posix(), pattern):
                temporary.parent.mkdir(parents=True, exist_ok=True)
                temporary.symlink_to(FULL)
            return temporary

        monkeypatch.setattr(files, "temporary_name", name)

    return fill


def make(manifest: Path, out: Path) -> Result:
    return call("generate", "--manifest", manifest, "--workers", 1, "--out", out)


def error_line(result: Result) -> str:
    """Return the last line, which must be the only error."""
    lines = result.err.splitlines()
    assert [line.startswith("error: ") for line in lines] == [False] * (len(lines) - 1) + [True], lines
    assert "Traceback" not in result.err
    return lines[-1]


def test_too_little_space_is_seen_before_anything_is_made(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 1000, 1000))
    result = make(manifest, tmp_path / "a" / "b" / "ds")
    assert result.code == 2
    line = error_line(result)
    assert all(word in line for word in ("--out", "GB needed", "0.0 GB free", "free space", "--layout parquet")), line
    assert tree(tmp_path) == {}


@needs_full_device
@pytest.mark.parametrize("name", ["dataset.json", "manifest.toml", "inventory.parquet", "plan.parquet"])
def test_full_before_the_run_begins(name: str, manifest: Path, tmp_path: Path, full_for: Callable[[str], None]) -> None:
    full_for(f"*/{name}")
    result = make(manifest, tmp_path / "a" / "b" / "ds")
    assert result.code == 2
    line = error_line(result)
    assert name in line
    assert "no space left" in line
    assert "free space" in line
    assert tree(tmp_path) == {}


MOMENTS = {
    "first shard": ("*/cloth/train-*.parquet", 0),
    "second shard": ("*/hide/train-*.parquet", 1),
    "a picture": ("*/images/hide/*.png", 1),
    "a mask": ("*/masks/cloth/*.png", 0),
    "an index entry": ("*/index/hide-train-*.json", 1),
    "a good shard": ("*/cloth/good-*.parquet", 2),
    "the good shard's entry": ("*/index/hide-good-*.json", 2),
}
"""What is written when the disk is full, and how many defect shards are committed by then."""


@needs_full_device
@pytest.mark.parametrize("moment", MOMENTS)
def test_full_during_the_run(moment: str, digest: str, tmp_path: Path, full_for: Callable[[str], None]) -> None:
    pattern, committed = MOMENTS[moment]
    out = tmp_path / "ds"
    manifest_of = write_manifest(tmp_path / "m.toml", {"cloth": 4, "hide": 4})
    full_for(pattern)
    result = make(manifest_of, out)
    assert result.code == 2
    line = error_line(result)
    assert "no space left" in line
    assert "running again goes on from the committed shards" in line
    assert leftovers(out) == []
    entries = sorted(path.name for path in (out / "index").glob("*-train-*.json"))
    assert len(entries) == committed
    for name in entries:
        category, shard = name.removesuffix(".json").split("-", 1)
        assert (out / "data" / category / f"{shard}.parquet").is_file()

    full_for("nothing")
    kept = {name: (out / "index" / name).stat().st_mtime_ns for name in entries}
    again = make(manifest_of, out)
    assert again.code == 0, again
    assert again.digest == digest
    assert {name: (out / "index" / name).stat().st_mtime_ns for name in entries} == kept, "committed shards stay"
    assert call("verify", out).code == 0


@needs_full_device
def test_full_for_the_event_log(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "ds"
    out.mkdir()
    (out / "events.jsonl").symlink_to(FULL)
    result = make(manifest, out)
    assert result.code == 2
    assert "no space left" in error_line(result)
    assert leftovers(out) == []


def test_folder_with_something_in_the_way(manifest: Path, digest: str, tmp_path: Path) -> None:
    out = tmp_path / "ds"
    out.mkdir()
    (out / "events.jsonl").touch()
    (out / "data").symlink_to(tmp_path / "file")
    (tmp_path / "file").write_text("not a folder")
    result = make(manifest, out)
    assert result.code == 2
    assert "holds other files" in error_line(result)
    (out / "data").unlink()
    assert make(manifest, out).digest == digest

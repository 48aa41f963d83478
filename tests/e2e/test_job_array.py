"""Shares of a job array and finish give what one run gives; time limits stop at the border of a shard."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from maphc2f.generate.deadline import Deadline
from tests.e2e.support import (
    COUNTS,
    Result,
    call,
    content_digest,
    info,
    leftovers,
    own,
    rows,
    spawn,
    tree,
    wait,
    write_manifest,
    write_pictures,
)

NOT_CONTENT = (".lock", "events.jsonl", "logs", "dataset.json")


def share(manifest: Path, out: Path, which: str, *more: object) -> Result:
    return call("generate", "--manifest", manifest, "--workers", 1, "--out", out, "--shard", which, *more)


def error_line(result: Result) -> str:
    assert "Traceback" not in result.err
    line = result.err.splitlines()[-1]
    assert line.startswith("error: "), result
    return line


def content(dataset: Path) -> dict[str, str]:
    return {name: digest for name, digest in tree(dataset).items() if not name.startswith(NOT_CONTENT)}


@pytest.fixture
def small(small_shards: Callable[[int], None], manifest: Path, tmp_path: Path) -> Path:
    """A dataset of five shards made by one run."""
    small_shards(4)
    out = tmp_path / "whole"
    assert call("generate", "--manifest", manifest, "--workers", 1, "--out", out).code == 0
    return out


def test_shares_and_finish_give_the_bytes_of_one_run(small: Path, manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "ds"
    made = 0
    for number in (2, 3, 1):
        result = share(manifest, out, f"{number}/3")
        assert result.code == 0, result
        assert f"of share {number}/3" in result.out
        assert result.out.splitlines()[-1] == f"when all 3 shares are done: maphc2f finish {out}"
        made += int(result.out.split(" of ")[0])
    assert made == 20
    assert call("status", out).out.startswith("unfinished: 20 of 20")
    done = call("finish", out, "--workers", 1)
    assert done.code == 0, done
    assert done.digest == content_digest(small)
    assert content(out) == content(small)
    assert info(out) == info(small)
    assert leftovers(out) == []
    assert call("verify", out).code == 0
    again = call("finish", out, "--workers", 1)
    assert (again.code, again.digest) == (0, done.digest)


def test_finish_names_what_is_missing(small: Path, manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "ds"
    assert share(manifest, out, "1/3").code == 0
    result = call("finish", out, "--workers", 1)
    assert result.code == 3
    line = error_line(result)
    assert "samples committed; 3 shards are missing, the first is" in line
    assert "run their tasks again, then finish" in line
    assert info(out)["state"] == "incomplete"
    for number in (1, 2, 3):
        assert share(manifest, out, f"{number}/3").code == 0
    assert call("finish", out, "--workers", 1).digest == content_digest(small)
    assert content(out) == content(small)


def test_finish_writes_lost_pictures_again_and_sweeps(small: Path, manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "ds"
    assert share(manifest, out, "1/1").code == 0
    lost = sorted((out / "images").rglob("*.png"))[3]
    data = lost.read_bytes()
    lost.unlink()
    (out / "data" / ".half.parquet.node-1.part").write_bytes(b"left by a killed writer")
    assert call("finish", out, "--workers", 1).digest == content_digest(small)
    assert lost.read_bytes() == data
    assert leftovers(out) == []


@pytest.mark.parametrize("flags", [(), ("--shard", "1/1")], ids=["whole", "share"])
def test_a_damaged_description_is_written_again(flags: tuple[str, ...], small: Path, manifest: Path) -> None:
    digest, before = content_digest(small), content(small)
    sorted((small / "masks").rglob("*.png"))[5].unlink()
    (small / "dataset.json").write_text("{")
    assert call("generate", "--manifest", manifest, "--workers", 1, "--out", small, *flags).code == 0
    assert call("finish", small, "--workers", 1).digest == digest
    assert content(small) == before


def test_finish_needs_a_dataset(tmp_path: Path) -> None:
    result = call("finish", tmp_path)
    assert result.code == 2
    assert "not a dataset" in error_line(result)


def test_a_share_that_runs_excludes_its_double_the_whole_and_finish(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "ds"
    process = spawn("generate", "--manifest", manifest, "--workers", 1, "--out", out, "--shard", "1/2")
    end = time.monotonic() + 120
    while not (out / "plan.parquet").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGSTOP)
    try:
        for result in (
            share(manifest, out, "1/2"),
            share(manifest, out, "1/3"),
            call("generate", "--manifest", manifest, "--workers", 1, "--out", out),
            call("finish", out),
        ):
            assert result.code == 2, result
            assert "another run is writing" in error_line(result)
        status = call("status", out)
        assert status.code == 3
        assert "run share-00001-of-00002 on " in status.out
        beside = share(manifest, out, "2/2")
        assert beside.code == 0, beside
        other = write_manifest(tmp_path / "other.toml", {**COUNTS, "hide": 80})
        assert "share-00001-of-00002 on" in error_line(share(other, out, "2/2"))
    finally:
        os.killpg(process.pid, signal.SIGCONT)
    result = wait(process)
    assert result.code == 0, result
    assert call("finish", out, "--workers", 1).code == 0


def test_a_killed_share_goes_on_with_the_same_command(reference: Path, manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "ds"
    process = spawn("generate", "--manifest", manifest, "--workers", 1, "--out", out, "--shard", "1/2")
    while not any((out / "data").rglob("*train*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert list((out / ".leases").iterdir())
    assert call("status", out).out.startswith("stopped: ")
    assert [share(manifest, out, which).code for which in ("1/2", "2/2")] == [0, 0]
    result = call("finish", out, "--workers", 1)
    assert result.digest == content_digest(reference)
    assert leftovers(out) == []
    assert call("verify", out).code == 0


def test_a_terminated_run_ends_like_an_interrupted_one(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "ds"
    process = spawn("generate", "--manifest", manifest, "--workers", 1, "--out", out)
    while not any((out / "data").rglob("*train*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    process.terminate()
    result = wait(process)
    assert result.code == 130, result
    assert "run the same command to go on" in result.err
    assert not (out / ".leases").exists()
    assert leftovers(out) == []


def test_a_larger_count_by_shares(tmp_path: Path, small_shards: Callable[[int], None]) -> None:
    small_shards(4)
    first, second = (write_manifest(tmp_path / f"{n}.toml", {"hide": n}) for n in (8, 16))
    out, fresh = tmp_path / "ds", tmp_path / "fresh"
    for which in ("1/2", "2/2"):
        assert share(first, out, which).code == 0
    results = [share(second, out, which) for which in ("1/2", "2/2")]
    assert [result.code for result in results] == [0, 0]
    assert sum(int(r.out.split(", ")[1].split(" made")[0]) for r in results) == 8, "whole shards stay"
    finished = call("finish", out, "--workers", 1)
    whole = call("generate", "--manifest", second, "--workers", 1, "--out", fresh)
    assert finished.digest == whole.digest
    assert content(out) == content(fresh)


def test_other_pictures_and_another_layout_are_refused(tmp_path: Path, small_shards: Callable[[int], None]) -> None:
    small_shards(4)
    good = tmp_path / "good"
    write_pictures(good, 6)
    out = tmp_path / "ds"
    assert own(good, out, "--shard", "1/2").code == 0
    write_pictures(good, 1, first=50)
    result = own(good, out, "--shard", "2/2")
    assert result.code == 2
    assert "other pictures than the dataset was begun with" in error_line(result)
    (good / "050.png").unlink()
    result = own(good, out, "--shard", "2/2", "--layout", "parquet")
    assert result.code == 2
    assert "begun with --layout both" in error_line(result)
    assert own(good, out, "--shard", "2/2").code == 0
    assert call("finish", out, "--workers", 1).digest == own(good, tmp_path / "whole").digest


# --- time limits ---------------------------------------------------------------------------------------------------


def test_a_time_limit_stops_between_shards(
    small: Path, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "ds"
    with monkeypatch.context() as patch:
        asked = iter([False, False])
        patch.setattr(Deadline, "passed", property(lambda _: next(asked, True)))
        result = call("generate", "--manifest", manifest, "--workers", 1, "--out", out, "--max-hours", 1)
    assert result.code == 3
    line = error_line(result)
    assert line.endswith("8 of 20 samples committed; the time is up (--max-hours 1): run the same command to go on")
    assert len(rows(out)) == 8
    assert leftovers(out) == []
    assert info(out)["state"] == "incomplete"
    assert call("status", out).out.startswith("stopped: 8 of 20")
    again = call("generate", "--manifest", manifest, "--workers", 1, "--out", out, "--max-hours", 1)
    assert (again.code, again.digest) == (0, content_digest(small))
    assert content(out) == content(small)


def test_a_time_limit_also_holds_back_the_good_pictures(
    small: Path, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All defect samples are there and the time is up: the dataset is not complete yet."""
    out = tmp_path / "ds"
    with monkeypatch.context() as patch:
        asked = iter([False] * 5)
        patch.setattr(Deadline, "passed", property(lambda _: next(asked, True)))
        result = call("generate", "--manifest", manifest, "--workers", 1, "--out", out, "--until", "06:00")
    assert result.code == 3
    assert "20 of 20 samples committed; the time is up (--until 06:00)" in error_line(result)
    assert call("finish", out, "--workers", 1).digest == content_digest(small)


# --- wrong flags ---------------------------------------------------------------------------------------------------

WRONG = {
    "share": (("--shard", "4/3"), ("--shard", "'4/3' is not a share", "3/16")),
    "time": (("--until", "dawn"), ("--until dawn", "is not a time", "06:00")),
    "hours": (("--max-hours", "-1"), ("--max-hours", "-1 hours", "3.5")),
    "address": (("--scheduler", "host"), ("--scheduler host", "is not an address", "tcp://host:8786")),
    "both": (("--scheduler", "tcp://a:1", "--scheduler-file", "{manifest}"), ("--scheduler-file", "keep one")),
    "no file": (("--scheduler-file", "nowhere.json"), ("--scheduler-file nowhere.json", "no such file")),
    "wrong file": (("--scheduler-file", "{manifest}"), ("names no scheduler", "start the scheduler")),
    "half tls": (("--scheduler", "tls://a:1", "--tls-ca", "{manifest}"), ("--tls-cert", "missing")),
    "no tls": (("--scheduler", "tls://a:1"), ("tls:// needs --tls-ca",)),
    "tls alone": (
        ("--tls-ca", "{manifest}", "--tls-cert", "{manifest}", "--tls-key", "{manifest}"),
        ("--tls-ca", "without a scheduler"),
    ),
    "tls for tcp": (
        ("--scheduler", "tcp://a:1", "--tls-ca", "{manifest}", "--tls-cert", "{manifest}", "--tls-key", "{manifest}"),
        ("only tls:// takes", "write tls://"),
    ),
    "workers": (("--scheduler", "tcp://a:1", "--workers", "2"), ("--workers", "brings its own workers")),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_flags_give_one_line_and_leave_nothing(name: str, manifest: Path, tmp_path: Path) -> None:
    flags, words = WRONG[name]
    given = [flag.format(manifest=manifest) for flag in flags]
    result = call("generate", "--manifest", manifest, "--out", tmp_path / "ds", *given)
    assert result.code == 2, result
    assert len(result.err.splitlines()) == 1
    assert all(word in result.err for word in words), result.err
    assert tree(tmp_path) == {}

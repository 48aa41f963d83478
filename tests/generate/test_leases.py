"""Leases: one holder at a time, dead ones make way, live ones on other machines are noticed by their beats."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from maphc2f.errors import DatasetError, IncompleteDatasetError
from maphc2f.generate.leases import (
    Holder,
    Lease,
    Rhythm,
    is_alive,
    kernel_identity,
    lease_path,
    leased,
    read_lease,
    read_leases,
)

QUICK = Rhythm(beat=0.02, patience=0.4, poll=0.02)
FIRST, SECOND, OTHER = "share-00001-of-00002", "share-00002-of-00002", "share-00001-of-00003"


@contextmanager
def holding(root: Path, name: str, notes: list[str] | None = None) -> Iterator[Lease]:
    def beside(other: str) -> bool:
        return name != "whole" and other.endswith(name[-9:])

    said = notes if notes is not None else []
    with leased(root, name, said.append, beside=beside, rhythm=QUICK) as lease:
        yield lease


def elsewhere(root: Path, name: str) -> Path:
    """Write the lease of a holder on another machine."""
    path = lease_path(root, name)
    path.parent.mkdir(exist_ok=True)
    holder = Holder(name, "node7", "another kernel", 12, "t" * 32, "2026-01-01T00:00:00+00:00")
    path.write_text(json.dumps(asdict(holder)))
    return path


def test_a_lease_says_who_and_goes_with_its_run(tmp_path: Path) -> None:
    with holding(tmp_path, FIRST) as lease:
        lease.tell(["a", "b", "c"], 2)
        (holder,) = read_leases(tmp_path)
        assert (holder.name, holder.pid, holder.kernel) == (FIRST, os.getpid(), kernel_identity())
        assert (holder.running, holder.workers) == (("a", "b"), 2)
        assert is_alive(tmp_path, holder, QUICK)
    assert list(tmp_path.iterdir()) == []


def test_it_beats(tmp_path: Path) -> None:
    with holding(tmp_path, FIRST) as lease:
        end = time.monotonic() + 10
        while (found := read_lease(lease_path(tmp_path, FIRST))) is None or found.beat < 3:
            assert time.monotonic() < end
            time.sleep(0.01)
        lease.require()


@pytest.mark.parametrize(
    ("held", "wanted"), [(FIRST, FIRST), ("whole", FIRST), (FIRST, "whole"), ("whole", "whole"), (FIRST, OTHER)]
)
def test_those_that_overlap_exclude_each_other(held: str, wanted: str, tmp_path: Path) -> None:
    with holding(tmp_path, held):
        with pytest.raises(DatasetError, match=f"another run is writing: {held} on .*, process {os.getpid()}"):
            holding(tmp_path, wanted).__enter__()
        assert [holder.name for holder in read_leases(tmp_path)] == [held]
    with holding(tmp_path, wanted):
        pass


def test_shares_of_one_array_work_side_by_side(tmp_path: Path) -> None:
    with holding(tmp_path, FIRST), holding(tmp_path, SECOND):
        assert [holder.name for holder in read_leases(tmp_path)] == [FIRST, SECOND]


HOLD = """
import sys, time
from pathlib import Path
from maphc2f.generate.leases import leased
with leased(Path(sys.argv[1]), sys.argv[2], print, beside=lambda _: True):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("name", [FIRST, "whole"])
def test_a_killed_holder_on_this_machine_makes_way_at_once(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path), FIRST]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(DatasetError, match=f"process {process.pid}"):
            holding(tmp_path, name).__enter__()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert lease_path(tmp_path, FIRST).exists()
        begin = time.monotonic()
        notes: list[str] = []
        with holding(tmp_path, name, notes):
            assert time.monotonic() - begin < QUICK.patience
            assert notes == []


def test_a_silent_holder_elsewhere_makes_way_after_a_while(tmp_path: Path) -> None:
    elsewhere(tmp_path, FIRST)
    begin, notes = time.monotonic(), list[str]()
    with holding(tmp_path, FIRST, notes):
        assert time.monotonic() - begin >= QUICK.patience
    assert len(notes) == 1
    assert f"{FIRST} on node7, process 12" in notes[0]


@pytest.mark.parametrize("wanted", [FIRST, "whole"])
def test_a_holder_elsewhere_that_beats_is_respected(wanted: str, tmp_path: Path) -> None:
    path = elsewhere(tmp_path, FIRST)
    done = threading.Event()

    def beat() -> None:
        while not done.wait(0.05):
            holder = read_lease(path)
            if holder is not None:
                path.write_text(json.dumps(asdict(replace(holder, beat=holder.beat + 1))))

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        with pytest.raises(DatasetError, match="node7"):
            holding(tmp_path, wanted).__enter__()
    finally:
        done.set()
        thread.join()
    assert [holder.name for holder in read_leases(tmp_path)] == [FIRST]


def test_rubbish_in_the_place_of_a_lease_makes_way(tmp_path: Path) -> None:
    path = lease_path(tmp_path, FIRST)
    path.parent.mkdir()
    path.write_text("{")
    assert read_leases(tmp_path) == []
    with holding(tmp_path, FIRST):
        assert read_lease(path) is not None


def test_a_run_whose_lease_was_taken_over_stops(tmp_path: Path) -> None:
    with holding(tmp_path, FIRST) as lease:
        path = lease_path(tmp_path, FIRST)
        path.unlink()
        elsewhere(tmp_path, FIRST)
        time.sleep(20 * QUICK.beat)
        with pytest.raises(IncompleteDatasetError, match="another took its place"):
            lease.require()
    assert read_lease(path) is not None, "the other's lease stays"


def test_without_patience_the_age_of_the_file_decides(tmp_path: Path) -> None:
    path = elsewhere(tmp_path, FIRST)
    (holder,) = read_leases(tmp_path)
    assert is_alive(tmp_path, holder, patient=False)
    os.utime(path, (time.time() - 3600,) * 2)
    assert not is_alive(tmp_path, holder, patient=False)

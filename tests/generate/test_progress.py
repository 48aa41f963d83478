"""What a run says to people and machines."""

from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path

import pytest

from maphc2f.generate import progress
from maphc2f.generate.profile import Clock
from maphc2f.generate.progress import (
    EventLog,
    LiveReporter,
    PlainReporter,
    SilentReporter,
    event_files,
    read_events,
    shares,
)


class Time:
    """A clock that stands still unless told."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(progress, "time", made)
    return made


def test_shares_are_sorted_and_sum_to_all() -> None:
    assert shares({"write": 1.0, "simulate": 6.0, "refine": 3.0}) == "simulate 60% refine 30% write 10%"
    assert shares({}) == ""
    assert shares({"write": 0.0}) == "write 0%"


def test_plain_lines_are_rare_and_say_rate_and_time_left(clock: Time) -> None:
    out = io.StringIO()
    reporter = PlainReporter(out)
    reporter.start(1000, 200)
    for _ in range(4):
        clock.now += 4.0
        reporter.advance(50, {"simulate": 3.0, "refine": 1.0})
    lines = out.getvalue().splitlines()
    assert lines == ["200 of 1000 samples are there", "350/1000  12.5/s  52 s left  simulate 75% refine 25%"]
    reporter.advance(600, {})
    assert out.getvalue().splitlines()[-1].startswith("1000/1000"), "the end is always said"
    reporter.stop()


def test_plain_lines_survive_an_instant_run(clock: Time) -> None:
    del clock
    out = io.StringIO()
    reporter = PlainReporter(out)
    reporter.start(1, 0)
    reporter.advance(1, {})
    assert out.getvalue().splitlines()[-1].startswith("1/1")


def test_a_silent_reporter_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = SilentReporter()
    reporter.start(3, 0)
    reporter.advance(1, {"simulate": 1.0})
    reporter.note("x")
    reporter.stop()
    assert capsys.readouterr() == ("", "")


def test_a_live_reporter_counts_and_prints_notes_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = LiveReporter()
    reporter.advance(1, {})
    reporter.note("before [b]it[/b] starts")
    reporter.start(8, 2)
    reporter.advance(6, {"simulate": 1.0})
    reporter.note("shard [red]x[/red] not made")
    reporter.stop()
    reporter.stop()
    captured = capsys.readouterr()
    assert captured.err == "before [b]it[/b] starts\n"
    assert "shard [red]x[/red] not made" in captured.out
    assert "8/8" in captured.out


def test_events_are_appended_as_json_lines(tmp_path: Path) -> None:
    EventLog(tmp_path).write("start", samples=3)
    EventLog(tmp_path).write("end", state="complete", note="Ω\nx")
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [event["event"] for event in events] == ["start", "end"]
    assert events[1]["note"] == "Ω\nx"
    assert datetime.fromisoformat(events[0]["time"]).utcoffset() is not None


def test_the_log_for_people_names_shards_samples_and_causes(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    log.write("start", samples=3, share=None)
    log.write(
        "shard",
        shard="nut-train-00000-of-00001",
        rows=2,
        failed=["nut-000001"],
        causes={"nut-000001": "the mask is\nempty"},
        seconds={"simulate": 3.0, "write": 1.0},
    )
    log.write("lost", shard="nut-train-00001-of-00002", message="a.png: changed; restore it")
    lines = [line.split("  ", 1) for line in (tmp_path / "logs" / "generate.log").read_text().splitlines()]
    assert [text for _, text in lines] == [
        "run  start: samples=3",
        "nut-train-00000-of-00001  committed: 2 rows in 4.0 s (simulate 75% write 25%)",
        "nut-000001  failed: the mask is empty",
        "nut-train-00001-of-00002  not made: a.png: changed; restore it",
    ]
    assert all(datetime.fromisoformat(when).utcoffset() is not None for when, _ in lines)


def test_a_share_writes_files_of_its_own(tmp_path: Path) -> None:
    EventLog(tmp_path).write("start")
    EventLog(tmp_path, "share-00002-of-00003").write("start")
    assert not (tmp_path / "logs" / "share-00002-of-00003.jsonl").samefile(tmp_path / "events.jsonl")
    assert [path.name for path in event_files(tmp_path)] == ["events.jsonl", "share-00002-of-00003.jsonl"]
    assert (tmp_path / "logs" / "share-00002-of-00003.log").exists()
    assert [len(read_events(path)) for path in event_files(tmp_path)] == [1, 1]


def test_half_written_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(tmp_path).write("start")
    with path.open("a", encoding="utf-8") as file:
        file.write('{"time": "2026-01-01T0\n[1]\n{"a": 1}\n')
    EventLog(tmp_path).write("end")
    assert [event["event"] for event in read_events(path)] == ["start", "end"]
    assert read_events(tmp_path / "nowhere") == []


def test_a_clock_adds_up_and_counts_failed_blocks() -> None:
    clock = Clock()
    with clock.stage("a"):
        sum(range(1000))
    first = clock.seconds["a"]
    with pytest.raises(ValueError, match="x"), clock.stage("a"):
        raise ValueError("x")
    assert clock.seconds["a"] > first > 0

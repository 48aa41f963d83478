"""How far a dataset is, from its folder alone: while runs work on it, after they ended, and when it is damaged.

* :func:`read_status` returns a :class:`Status`; :class:`RunState` is one run that works on it.
* :func:`describe_status` words it for people.

It reads the index, the leases and the logs; it opens no shard and takes no lock that would stop a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from maphc2f.errors import DatasetError
from maphc2f.generate.folder import DatasetInfo, read_info
from maphc2f.generate.leases import Holder, is_alive, read_leases
from maphc2f.generate.progress import event_files, read_events
from maphc2f.shards.index import IndexEntry, read_entry

Verdict = Literal["complete", "running", "unfinished", "incomplete", "stopped", "damaged"]

EXIT_CODES: dict[Verdict, int] = {
    "complete": 0,
    "running": 3,
    "unfinished": 3,
    "incomplete": 3,
    "stopped": 3,
    "damaged": 4,
}
"""What ``maphc2f status`` returns."""

RECENT = 20
"""Shards of a run that its rate is taken over: a run is slower at its start, while kernels compile."""

SHOWN = 5


@dataclass(frozen=True, slots=True)
class RunState:
    """A run that works on the dataset now.

    Attributes:
        name: ``whole``, or its share.
        host: Where.
        pid: Its driver.
        since: When it began, ISO 8601.
        workers: Its processes.
        running: Shards in work.
        rate: Samples a second over its last shards; None before the second one.
    """

    name: str
    host: str
    pid: int
    since: str
    workers: int
    running: tuple[str, ...]
    rate: float | None


@dataclass(frozen=True, slots=True)
class Status:
    """How far a dataset is.

    Attributes:
        root: Its folder.
        verdict: complete; running: somebody works on it; unfinished: all shards are there, but not what follows them;
            incomplete: the last run came to its end and left something; stopped: the last run was stopped; damaged.
        samples: Planned.
        done: Committed.
        failed: Samples that found no valid form.
        shards: Committed shards of defect samples.
        lost: Shards that could not be made, with the cause; None of them is committed since.
        refused: Source pictures that cannot be used; None if the inventory cannot be read.
        redrawn_simulations: Simulations drawn again.
        redrawn_placements: Places drawn again.
        runs: Who works on it.
        rate: Samples a second of all runs, or of the last one if none works.
        seconds_left: At the rate of the present runs; None without one.
        damage: What is wrong, a line each.
        categories: Planned and committed samples of each category.
        content_digest: Of a complete dataset.
    """

    root: str
    verdict: Verdict
    samples: int
    done: int
    failed: int
    shards: int
    lost: tuple[str, ...]
    refused: int | None
    redrawn_simulations: int
    redrawn_placements: int
    runs: tuple[RunState, ...]
    rate: float | None
    seconds_left: float | None
    damage: tuple[str, ...]
    categories: dict[str, tuple[int, int]]
    content_digest: str | None

    @property
    def left(self) -> int:
        """Samples still to be made."""
        return max(0, self.samples - self.done - self.failed)

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        categories = {name: {"samples": samples, "done": done} for name, (samples, done) in self.categories.items()}
        facts = {"left": self.left, "exit_code": EXIT_CODES[self.verdict], "categories": categories}
        return {**asdict(self), **facts}


def read_status(root: Path) -> Status:
    """Return how far the dataset in ``root`` is.

    Raises:
        DatasetError: ``root`` is not a dataset.
    """
    damage: list[str] = []
    info = _info(root, damage)
    entries = _entries(root, damage)
    defects = [entry for entry in entries if entry.config == "default"]
    logs = [read_events(path) for path in event_files(root)]
    runs = tuple(_run(root, holder) for holder in read_leases(root) if is_alive(root, holder, patient=False))
    counts = info.counts if info else {}
    failed = sum(len(entry.failed) for entry in defects)
    done = sum(entry.rows for entry in defects)
    samples = info.samples if info else done + failed
    rate = _rate_of_all(runs, logs)
    left = max(0, samples - done - failed)
    refused = _refused(root, damage, begun=bool(entries))
    return Status(
        root=str(root),
        verdict=_verdict(info, runs, damage, left, logs),
        samples=samples,
        done=done,
        failed=failed,
        shards=len(defects),
        lost=_lost(logs, {entry.key.shard_id for entry in entries}),
        refused=refused,
        redrawn_simulations=sum(entry.redrawn_simulations for entry in defects),
        redrawn_placements=sum(entry.redrawn_placements for entry in defects),
        runs=runs,
        rate=rate,
        seconds_left=left / rate if runs and rate else None,
        damage=tuple(damage),
        categories=_by_category(counts, defects),
        content_digest=info.content_digest if info else None,
    )


def _info(root: Path, damage: list[str]) -> DatasetInfo | None:
    try:
        return read_info(root)
    except DatasetError as error:
        if not (root / "dataset.json").exists():
            raise
        damage.append(f"dataset.json: {error.what}")
        return None


def _entries(root: Path, damage: list[str]) -> list[IndexEntry]:
    """Return the readable index entries whose shards have the bytes that they say, by size alone."""
    found = []
    for path in sorted((root / "index").glob("*.json")):
        try:
            entry = read_entry(path)
        except DatasetError as error:
            if path.exists():  # else a run has just taken it away
                damage.append(f"index/{path.name}: {error.what}")
            continue
        data = entry.key.data_path(root)
        size = data.stat().st_size if data.is_file() else None
        if size == entry.bytes:
            found.append(entry)
        elif path.exists():
            what = "missing" if size is None else f"has {size} bytes, committed were {entry.bytes}"
            damage.append(f"{data.relative_to(root)}: {what}")
    return found


def _run(root: Path, holder: Holder) -> RunState:
    path = root / "events.jsonl" if holder.name == "whole" else root / "logs" / f"{holder.name}.jsonl"
    rate = _rate(_last_run(read_events(path)))
    return RunState(holder.name, holder.host, holder.pid, holder.since, holder.workers, holder.running, rate)


def _last_run(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events from the last start on."""
    starts = [i for i, event in enumerate(events) if event["event"] == "start"]
    return list(events[starts[-1] :]) if starts else []


def _rate(events: Sequence[dict[str, Any]]) -> float | None:
    """Return samples a second over the last shards of a run: rows of all but the first over the time since that."""
    shards = [e for e in events if e["event"] == "shard" and "-good-" not in e["shard"]][-RECENT:]
    if not shards or not events:
        return None
    first, rows = (events[0], shards) if len(shards) < RECENT else (shards[0], shards[1:])
    seconds = (datetime.fromisoformat(shards[-1]["time"]) - datetime.fromisoformat(first["time"])).total_seconds()
    return sum(int(e["rows"]) for e in rows) / seconds if seconds > 0 else None


def _rate_of_all(runs: Sequence[RunState], logs: Sequence[Sequence[dict[str, Any]]]) -> float | None:
    """Return the sum of the rates of present runs, or the rate of the run that ended last."""
    if runs:
        known = [run.rate for run in runs if run.rate is not None]
        # Runs that have made no shard yet will work like the others.
        return sum(known) / len(known) * len(runs) if known else None
    ended = [(run[-1]["time"], _rate(run)) for run in map(_last_run, logs) if run]
    return max(((when, rate) for when, rate in ended if rate is not None), default=(None, None))[1]


def _lost(logs: Sequence[Sequence[dict[str, Any]]], committed: set[str]) -> tuple[str, ...]:
    """Return the shards that the last runs could not make, unless they were made since."""
    lost = {
        str(event["shard"]): str(event.get("message", ""))
        for events in logs
        for event in _last_run(events)
        if event["event"] == "lost"
    }
    return tuple(f"{shard}: {cause}" for shard, cause in sorted(lost.items()) if shard not in committed)


def _refused(root: Path, damage: list[str], *, begun: bool) -> int | None:
    try:
        column = pq.read_table(root / "inventory.parquet", columns=["accepted"]).column(0)
    except FileNotFoundError:
        if begun:
            damage.append("inventory.parquet: missing")
        return None
    except (OSError, pa.ArrowException):
        damage.append("inventory.parquet: unreadable")
        return None
    return sum(accepted is False for accepted in column.to_pylist())


def _verdict(
    info: DatasetInfo | None,
    runs: Sequence[RunState],
    damage: Sequence[str],
    left: int,
    logs: Sequence[Sequence[dict[str, Any]]],
) -> Verdict:
    if damage or info is None:
        return "damaged"
    if runs:
        return "running"
    if info.state == "complete":
        # Shards that have gone without a trace leave no damage but a gap.
        return "complete" if left == 0 else "stopped"
    if info.state == "incomplete":
        whole = _last_run(logs[0]) if logs else []
        return "stopped" if any(event.get("stopped") for event in whole) else "incomplete"
    return "unfinished" if left == 0 else "stopped"


def _by_category(counts: dict[str, int], entries: Sequence[IndexEntry]) -> dict[str, tuple[int, int]]:
    done = dict.fromkeys(counts, 0)
    for entry in entries:
        done[entry.category] = done.get(entry.category, 0) + entry.rows
    return {name: (counts.get(name, 0), rows) for name, rows in done.items()}


def describe_status(status: Status) -> list[str]:
    """Return the status as lines."""
    share = 100 * status.done / max(status.samples, 1)
    done = f"{status.done} of {status.samples} samples ({share:.1f}%)"
    lines = [f"{status.verdict}: {done}, {status.failed} failed, {status.left} left, {status.shards} shards"]
    if status.rate is not None:
        when = f", {duration(status.seconds_left)} left" if status.seconds_left is not None else " in the last run"
        lines.append(f"rate: {status.rate:.1f}/s{when}")
    lines += [_line_of(run) for run in status.runs]
    lines.append(
        f"redrawn: {status.redrawn_simulations} simulations, {status.redrawn_placements} placements; "
        f"refused: {'unknown' if status.refused is None else status.refused} pictures"
    )
    lines += _first("not made", status.lost) + _first("damaged", status.damage)
    advice = ADVICE[status.verdict]
    if advice:
        lines.append(advice.format(root=status.root))
    return lines


ADVICE: dict[Verdict, str] = {
    "complete": "",
    "running": "",
    "unfinished": "all samples are there: run 'maphc2f finish {root}'",
    "incomplete": "samples are missing: see {root}/logs; the same generate command tries what was not made again",
    "stopped": "run the same generate command to go on",
    "damaged": "run 'maphc2f verify {root} --repair', then the same generate command",
}
"""What to do next."""


def _line_of(run: RunState) -> str:
    names = ", ".join(run.running[:SHOWN]) + (", ..." if len(run.running) > SHOWN else "")
    rate = "" if run.rate is None else f", {run.rate:.1f}/s"
    return (
        f"run {run.name} on {run.host}, process {run.pid}, since {run.since}, {run.workers} workers{rate}: "
        f"{names or 'between shards'}"
    )


def _first(what: str, lines: Sequence[str]) -> list[str]:
    more = [f"{what}: ... and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return [f"{what}: {line}" for line in lines[:SHOWN]] + more


def duration(seconds: float) -> str:
    """Return a time as ``2 d 3 h``, ``1 h 05 min``, ``4 min`` or ``12 s``."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 2880:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"

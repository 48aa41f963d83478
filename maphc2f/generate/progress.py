"""Progress for people and machines.

* :class:`Reporter` is what a run talks to; silent, plain and live ones listen.
* :class:`EventLog` appends to ``events.jsonl`` and to the logs for people; :func:`describe_event` words their lines.
* :func:`read_events`, :func:`event_files` read the events of a dataset folder.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from maphc2f.errors import one_line

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LOGS = "logs"
"""Folder of the logs in a dataset folder."""

PLAIN_INTERVAL = 10.0
"""Seconds between plain progress lines."""


class Reporter(Protocol):
    """Told how a run goes."""

    def start(self, total: int, done: int) -> None:
        """Begin: ``total`` samples, ``done`` of them already there."""
        ...

    def advance(self, samples: int, stages: Mapping[str, float]) -> None:
        """Note ``samples`` more; ``stages`` are worker seconds so far."""
        ...

    def note(self, text: str) -> None:
        """Say one line."""
        ...

    def stop(self) -> None:
        """End."""
        ...


def shares(stages: Mapping[str, float]) -> str:
    """Return the stages' shares, largest first: ``simulate 31 % refine 25 % ...``."""
    total = sum(stages.values()) or 1.0
    ordered = sorted(stages.items(), key=lambda item: -item[1])
    return " ".join(f"{name} {100 * seconds / total:.0f}%" for name, seconds in ordered)


class SilentReporter:
    """Says nothing."""

    def start(self, total: int, done: int) -> None:
        """Ignore."""

    def advance(self, samples: int, stages: Mapping[str, float]) -> None:
        """Ignore."""

    def note(self, text: str) -> None:
        """Ignore."""

    def stop(self) -> None:
        """Ignore."""


class PlainReporter:
    """A line every few seconds, for logs and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._total = self._done = self._made = 0
        self._begun = self._spoken = 0.0

    def start(self, total: int, done: int) -> None:
        """Say what there is to do."""
        self._total, self._done, self._made = total, done, 0
        self._begun = self._spoken = time.monotonic()
        self.note(f"{done} of {total} samples are there")

    def advance(self, samples: int, stages: Mapping[str, float]) -> None:
        """Say how far it is, at most every PLAIN_INTERVAL seconds."""
        self._done += samples
        self._made += samples
        now = time.monotonic()
        if now - self._spoken < PLAIN_INTERVAL and self._done < self._total:
            return
        self._spoken = now
        rate = self._made / max(now - self._begun, 1e-9)
        left = (self._total - self._done) / rate if rate else 0.0
        self.note(f"{self._done}/{self._total}  {rate:.1f}/s  {left:.0f} s left  {shares(stages)}")

    def note(self, text: str) -> None:
        """Print one line."""
        print(text, file=self._stream, flush=True)

    def stop(self) -> None:
        """Nothing to close."""


class LiveReporter:
    """A progress bar with rate, time left and share of the stages."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._made = 0
        self._begun = 0.0

    def start(self, total: int, done: int) -> None:
        """Draw the bar."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("samples"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[stages]}"),
        )
        self._begun = time.monotonic()
        self._task = self._bar.add_task("samples", total=total, completed=done, rate="", stages="")
        self._bar.start()

    def advance(self, samples: int, stages: Mapping[str, float]) -> None:
        """Move the bar."""
        if self._bar is None or self._task is None:
            return
        self._made += samples
        rate = self._made / max(time.monotonic() - self._begun, 1e-9)
        self._bar.update(self._task, advance=samples, rate=f"{rate:.1f}/s", stages=shares(stages))

    def note(self, text: str) -> None:
        """Print one line above the bar."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False)
        else:
            print(text, file=sys.stderr, flush=True)

    def stop(self) -> None:
        """Leave the finished bar standing."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class EventLog:
    """What a run did: events for machines, one JSON object a line, and the same for people with a cause on each line.

    A run of the whole folder writes ``events.jsonl`` and ``logs/generate.log``; a share writes ``logs/<share>.jsonl``
    and ``logs/<share>.log``, since lines that several machines append to one file may be lost.

    Args:
        root: The dataset folder.
        name: The share's name; None: the whole folder.
    """

    def __init__(self, root: Path, name: str | None = None) -> None:
        self._events = root / "events.jsonl" if name is None else root / LOGS / f"{name}.jsonl"
        self._log = root / LOGS / f"{name or 'generate'}.log"

    def write(self, event: str, **facts: Any) -> None:
        """Append one event."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._log.parent.mkdir(exist_ok=True)
        with self._events.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": now, "event": event, **facts}) + "\n")
        with self._log.open("a", encoding="utf-8") as file:
            file.writelines(f"{now}  {line}\n" for line in describe_event(event, facts))


def describe_event(event: str, facts: Mapping[str, Any]) -> list[str]:
    """Return an event as lines for people, the shard or sample that it concerns first."""
    if event == "shard":
        seconds = facts["seconds"]
        causes: Mapping[str, str] = facts.get("causes", {})
        head = f"{facts['shard']}  committed: {facts['rows']} rows in {sum(seconds.values()):.1f} s ({shares(seconds)})"
        return [
            head,
            *(f"{name}  failed: {one_line(causes.get(name, 'no cause is known'))}" for name in facts["failed"]),
        ]
    if event == "lost":
        return [f"{facts['shard']}  not made: {one_line(facts['message'])}"]
    rest = "  ".join(f"{key}={one_line(str(value))}" for key, value in facts.items() if value is not None)
    return [f"run  {event}" + (f": {rest}" if rest else "")]


def read_events(path: Path) -> list[dict[str, Any]]:
    """Return the events of a file in order, without lines that a killed run left half written."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict) and {"time", "event"} <= event.keys():
                found.append(event)
    return found


def event_files(root: Path) -> list[Path]:
    """Return the event files of a dataset folder: that of whole runs first, then those of shares."""
    return [root / "events.jsonl", *sorted((root / LOGS).glob("share-*.jsonl"))]

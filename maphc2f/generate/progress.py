"""Progress for people and machines.

* :class:`Reporter` is what a run talks to; silent, plain and live ones listen.
* :class:`EventLog` appends to ``events.jsonl``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

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
    """Appends events to ``events.jsonl``: one JSON object a line, with time and kind."""

    def __init__(self, root: Path) -> None:
        self._path = root / "events.jsonl"

    def write(self, event: str, **facts: Any) -> None:
        """Append one event."""
        line = json.dumps({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

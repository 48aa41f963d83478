"""How a run works, which decides no byte of its samples, and what it reports.

* :class:`RunProfile` are the settings.
* :class:`Clock` adds up seconds by stage.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

Layout = Literal["both", "parquet"]


@dataclass(frozen=True, slots=True)
class RunProfile:
    """Settings of a run.

    Attributes:
        layout: ``both`` writes PNG trees beside the shards, ``parquet`` does not.
        maps: Optional picture columns to fill.
        workers: Processes; 1 runs in this one.
        batch: Samples refined together; no sample depends on it.
    """

    layout: Layout = "both"
    maps: tuple[str, ...] = ()
    workers: int = 1
    batch: int = 32


@dataclass(slots=True)
class Clock:
    """Seconds spent by stage."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to ``name``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start

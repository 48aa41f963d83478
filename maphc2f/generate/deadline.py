"""Time limits of a run.

* :class:`Deadline` is the moment after which no shard is begun.
* :func:`parse_until` reads ``06:00`` or a date with time, :func:`within_hours` a number of hours.
* :func:`earlier` joins both.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from maphc2f.errors import ManifestError


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment after which no shard is begun; those begun before are finished.

    Attributes:
        ends: Seconds since 1970, as ``time.time``: workers on other machines compare it with their own clock.
        flag: What set it, for messages.
    """

    ends: float
    flag: str

    @property
    def passed(self) -> bool:
        """Whether the time is up."""
        return time.time() >= self.ends


def parse_until(text: str, now: datetime) -> Deadline:
    """Return the deadline of ``"06:00"``, the next time that clocks show it, or of ``"2026-03-01T06:00"``.

    Args:
        text: Time of day, or ISO 8601 date and time; local time unless it states a zone.
        now: The present local time, without a zone: so a change to summer time before the deadline counts.

    Raises:
        ManifestError: No time, or one that is past.
    """
    flag = f"--until {text}"
    moment = _time_of_day(text.strip(), now) or _moment(text.strip())
    if moment is None or moment.timestamp() <= now.timestamp():
        raise ManifestError(
            "is not a time" if moment is None else "is past",
            where=flag,
            rule="a time of day, or a date and time to come",
            remedy="write it as in 06:00 or 2026-03-01T06:00",
        )
    return Deadline(moment.timestamp(), flag)


def _time_of_day(text: str, now: datetime) -> datetime | None:
    try:
        of_day = datetime.strptime(text, "%H:%M").time()
    except ValueError:
        return None
    today = datetime.combine(now.date(), of_day)
    return today if today > now else today + timedelta(days=1)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def within_hours(hours: float, now: datetime) -> Deadline:
    """Return the deadline ``hours`` from ``now``.

    Raises:
        ManifestError: The number is not positive, or absurd.
    """
    if not (math.isfinite(hours) and 0 < hours <= 24 * 366):
        raise ManifestError(
            f"{hours:g} hours",
            where="--max-hours",
            rule="a positive number of hours, at most a year",
            remedy="write it as in 3.5",
        )
    return Deadline(now.timestamp() + 3600 * hours, f"--max-hours {hours:g}")


def earlier(*deadlines: Deadline | None) -> Deadline | None:
    """Return the earliest of those that are given."""
    given = [deadline for deadline in deadlines if deadline is not None]
    return min(given, key=lambda deadline: deadline.ends, default=None)

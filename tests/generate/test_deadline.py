"""Time limits: which moment a text means."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from maphc2f.errors import ManifestError
from maphc2f.generate.deadline import Deadline, earlier, parse_until, within_hours

NOW = datetime(2026, 1, 10, 22, 30)
"""Far from any change of the clocks."""


@pytest.mark.parametrize(
    ("text", "hours"),
    [("23:30", 1), ("06:00", 7.5), ("22:30", 24), ("2026-01-11T00:30", 2)],
)
def test_a_time_is_the_next_one(text: str, hours: float) -> None:
    deadline = parse_until(text, NOW)
    assert deadline.ends - NOW.timestamp() == pytest.approx(3600 * hours)
    assert deadline.flag == f"--until {text}"


def test_a_zone_counts() -> None:
    there = (NOW.astimezone(UTC) + timedelta(hours=3)).astimezone(timezone(timedelta(hours=-9)))
    assert parse_until(there.isoformat(), NOW).ends - NOW.timestamp() == pytest.approx(3600 * 3)


def test_summer_time_is_minded(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the night of 29 March 2026 clocks in Berlin leap from 02:00 to 03:00."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        evening = datetime(2026, 3, 28, 22, 0)
        hours = (parse_until("06:00", evening).ends - evening.timestamp()) / 3600
    time.tzset()
    assert hours == pytest.approx(7)


@pytest.mark.parametrize(
    ("text", "what"), [("soon", "is not a time"), ("25:00", "is not a time"), ("2026-01-10T22:29", "is past")]
)
def test_no_time_is_refused(text: str, what: str) -> None:
    with pytest.raises(ManifestError, match=f"--until {text}: {what}; a time of day"):
        parse_until(text, NOW)


def test_hours_count_from_now() -> None:
    assert within_hours(1.5, NOW).ends - NOW.timestamp() == pytest.approx(5400)


@pytest.mark.parametrize("hours", [0, -1, float("nan"), float("inf"), 1e9])
def test_absurd_hours_are_refused(hours: float) -> None:
    with pytest.raises(ManifestError, match=r"--max-hours: .* a positive number of hours"):
        within_hours(hours, NOW)


def test_the_earlier_holds_and_passes() -> None:
    past, future = Deadline(time.time() - 1, "a"), Deadline(time.time() + 3600, "b")
    assert past.passed
    assert not future.passed
    assert earlier(future, None, past) == past
    assert earlier(None, None) is None

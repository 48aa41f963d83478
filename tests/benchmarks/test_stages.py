"""The benchmark by stage: its sums, its verdicts, and that it runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.stages import REFINING, STAGES, main, parse_args, table, total, verdicts


def row(milliseconds: float) -> dict[str, float]:
    return {**dict.fromkeys(STAGES, milliseconds), "windows": 10.0}


def test_refining_is_what_the_goal_counts() -> None:
    assert total(row(1.5), REFINING) == pytest.approx(6.0)
    assert "6.00" in table({"mix 256 x 256": row(1.5)})
    assert "goal 7.5 ms: met" in verdicts({"mix 256 x 256": row(1.5)})[0]
    assert "goal 7.5 ms: missed" in verdicts({"mix 256 x 256": row(2.0)})[0]


def test_encoding_is_left_out_of_the_comparison_of_sizes() -> None:
    slow = {**row(2.9), "encoding": 100.0}
    assert "2.90, goal 3: met" in verdicts({"mix 256 x 256": row(1), "few": row(1), "large": slow})[1]
    assert "missed" in verdicts({"mix 256 x 256": row(1), "few": row(1), "large": row(3.1)})[1]


def test_too_few_samples_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse_args(["--samples", "3"])
    assert "at least 12" in capsys.readouterr().err


@pytest.mark.slow
def test_it_runs(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert main(["--samples", "12", "--repetitions", "1", "--large", "3", "--out", str(out)]) == 0
    rows = json.loads(out.read_text())["rows"]
    assert len(rows) == 3
    assert all(found[stage] > 0 for found in rows.values() for stage in ("placing", "rendering", "terms", "encoding"))
    small, large = list(rows.values())[1:]
    assert large["windows"] < 4 * small["windows"]  # defects of as many pixels, not pictures

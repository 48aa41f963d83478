"""The speed benchmark: its mix, its summary, and that it runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.measurement import Timing, bench_dataset, lay_out, load_mix
from benchmarks.throughput import MIX, main, parse_args, summarise


@pytest.mark.parametrize("snapshots", [1, 4])
def test_each_family_gets_its_third(snapshots: int) -> None:
    mix = load_mix(MIX)
    layout = lay_out(mix, bench_dataset(mix, None), 192, snapshots)
    counts = {f: sum(g.count for own in groups.values() for g in own) for f, groups in layout.items()}
    assert counts == {"crack": 64, "corrosion": 64, "deformation": 64}


def test_a_category_gets_each_group_number_once() -> None:
    mix = load_mix(MIX)
    layout = lay_out(mix, bench_dataset(mix, None), 768, 4)
    numbers = [(name, g.number) for groups in layout.values() for name, own in groups.items() for g in own]
    assert len(set(numbers)) == len(numbers) == 192


def test_categories_without_a_family_get_none_of_it() -> None:
    mix = load_mix(MIX)
    layout = lay_out(mix, bench_dataset(mix, None), 768, 4)
    assert "wood" not in layout["corrosion"]
    assert "wood" in layout["crack"]


def test_the_mix_is_the_sum_of_time_and_not_the_mean_of_rates() -> None:
    fast, slow = Timing(samples=10, wall=1.0, processor=1.0), Timing(samples=10, wall=4.0, processor=2.0)
    row = summarise([fast + slow] * 3)
    assert row["per_second"]["median"] == pytest.approx(4.0)
    assert row["per_processor_second"]["median"] == pytest.approx(20 / 3)
    assert row["core_share"] == pytest.approx(0.6)


def test_too_few_repetitions_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse_args(["--repetitions", "2"])
    assert "at least 3" in capsys.readouterr().err


@pytest.mark.slow
def test_it_runs(tmp_path: Path) -> None:
    assert main(["--samples", "12", "--out", str(tmp_path / "out.json")]) == 0
    report = json.loads((tmp_path / "out.json").read_text())
    assert [result["snapshots"] for result in report["results"]] == [1, 4]
    stages = report["results"][1]["rows"]["mix"]["stage_ms"]
    assert all(stages[stage]["median"] > 0 for stage in stages)

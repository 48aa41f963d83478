"""How far a dataset is, told from its folder alone."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from maphc2f.errors import DatasetError
from maphc2f.generate import status as module
from maphc2f.generate.folder import read_info, write_info
from maphc2f.generate.leases import leased
from maphc2f.generate.progress import EventLog
from maphc2f.generate.status import EXIT_CODES, Status, describe_status, duration, read_status
from maphc2f.shards.index import IndexEntry, read_entries, write_entry
from tests.conftest import Made
from tests.e2e.support import call, tree


def defects(root: Path) -> list[IndexEntry]:
    return [entry for entry in read_entries(root) if entry.config == "default"]


def set_state(root: Path, **changes: object) -> None:
    write_info(root, read_info(root).model_copy(update=changes))


def uncommit(root: Path, entry: IndexEntry) -> None:
    entry.key.entry_path(root).unlink()
    entry.key.data_path(root).unlink()


def test_a_complete_dataset(made: Made) -> None:
    before = tree(made.root)
    status = read_status(made.root)
    assert (status.verdict, status.samples, status.done, status.failed, status.left) == ("complete", 18, 18, 0, 0)
    assert status.categories == {"hide": (12, 12), "nut": (6, 6)}
    assert status.shards == len(defects(made.root))
    assert (status.runs, status.damage, status.lost, status.refused) == ((), (), (), 0)
    assert status.content_digest == read_info(made.root).content_digest
    assert status.seconds_left is None
    assert tree(made.root) == before, "looking changes nothing"


def test_the_command_says_it_for_people_and_scripts(made: Made) -> None:
    result = call("status", made.root)
    assert result.code == 0
    assert result.out.startswith("complete: 18 of 18 samples (100.0%), 0 failed, 0 left")
    values = json.loads(call("status", made.root, "--json").out)
    assert values["categories"]["nut"] == {"samples": 6, "done": 6}
    assert (values["verdict"], values["exit_code"], values["left"]) == ("complete", 0, 0)


def test_no_dataset_is_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="not a dataset"):
        read_status(tmp_path)
    result = call("status", tmp_path / "nowhere")
    assert (result.code, len(result.err.splitlines())) == (2, 1)


def test_a_run_that_works_is_seen_with_its_shards_and_rate(copied: Made) -> None:
    root = copied.root
    gone = defects(root)[0]
    uncommit(root, gone)
    set_state(root, state="running", content_digest=None)
    write_lines(
        root / "events.jsonl",
        ("2026-01-01T00:00:00+00:00", "start", {}),
        ("2026-01-01T00:00:10+00:00", "shard", {"shard": "hide-train-00000-of-00001", "rows": 15}),
        ("2026-01-01T00:00:20+00:00", "shard", {"shard": "nut-train-00000-of-00001", "rows": 25}),
        ("2026-01-01T00:00:40+00:00", "shard", {"shard": "nut-good-00000-of-00001", "rows": 500}),
    )
    with leased(root, "whole", print, beside=lambda _: False) as lease:
        lease.tell([gone.key.shard_id], 1)
        status = read_status(root)
    assert status.verdict == "running"
    assert status.left == gone.rows
    (run,) = status.runs
    assert (run.name, run.running, run.rate) == ("whole", (gone.key.shard_id,), 2.0)
    assert status.seconds_left == pytest.approx(gone.rows / 2.0)
    lines = "\n".join(describe_status(status))
    assert gone.key.shard_id in lines
    assert "rate: 2.0/s" in lines
    assert read_status(root).verdict == "stopped", "the run has ended"


def write_lines(path: Path, *events: tuple[str, str, dict[str, object]]) -> None:
    lines = [json.dumps({"time": time, "event": event, **facts}) for time, event, facts in events]
    path.write_text("\n".join([*lines, '{"time": "2026-01-01T00:00:50', ""]), encoding="utf-8")


def test_the_rate_of_a_long_run_is_that_of_its_last_shards() -> None:
    events = [{"time": "2026-01-01T00:00:00+00:00", "event": "start"}]
    for minute in range(1, 41):
        rows = 6 if minute <= 20 else 60
        when = f"2026-01-01T00:{minute:02d}:00+00:00"
        events.append({"time": when, "event": "shard", "shard": "hide-train-0", "rows": rows})  # type: ignore[dict-item]
    assert module._rate(events) == pytest.approx(1.0)
    assert module._rate(events[:3]) == pytest.approx(0.1)
    assert module._rate(events[:1]) is None


def test_stopped_unfinished_and_incomplete_are_told_apart(copied: Made) -> None:
    root = copied.root
    set_state(root, state="running", content_digest=None)
    assert read_status(root).verdict == "unfinished"
    assert "maphc2f finish" in call("status", root).out
    entry = defects(root)[0]
    uncommit(root, entry)
    assert read_status(root).verdict == "stopped"
    EventLog(root).write("start", samples=18)
    EventLog(root).write("lost", shard=entry.key.shard_id, message="a picture changed")
    EventLog(root).write("end", state="incomplete", stopped=None)
    set_state(root, state="incomplete")
    status = read_status(root)
    assert status.verdict == "incomplete"
    assert status.lost == (f"{entry.key.shard_id}: a picture changed",)
    assert f"not made: {entry.key.shard_id}: a picture changed" in describe_status(status)
    EventLog(root).write("start", samples=18)
    EventLog(root).write("end", state="incomplete", stopped="--until 06:00")
    status = read_status(root)
    assert (status.verdict, status.lost) == ("stopped", ())
    assert call("status", root).code == 3


def test_failed_samples_are_neither_done_nor_left(copied: Made) -> None:
    entry = next(e for e in defects(copied.root) if e.category == "nut")
    write_entry(copied.root, entry.model_copy(update={"failed": ("nut-000004",), "rows": entry.rows - 1}))
    set_state(copied.root, state="incomplete", content_digest=None)
    status = read_status(copied.root)
    assert (status.verdict, status.done, status.failed, status.left) == ("incomplete", 17, 1, 0)


def truncate(root: Path) -> str:
    path = defects(root)[0].key.data_path(root)
    path.write_bytes(path.read_bytes()[:-1])
    return "committed were"


def remove(root: Path) -> str:
    defects(root)[0].key.data_path(root).unlink()
    return "missing"


def spoil_entry(root: Path) -> str:
    defects(root)[0].key.entry_path(root).write_text("{")
    return "damaged index entry"


def spoil_info(root: Path) -> str:
    (root / "dataset.json").write_text("{")
    return "damaged dataset.json"


def spoil_inventory(root: Path) -> str:
    (root / "inventory.parquet").write_bytes(b"PAR1")
    return "inventory.parquet: unreadable"


@pytest.mark.parametrize("damage", [truncate, remove, spoil_entry, spoil_info, spoil_inventory])
def test_damage_is_named_and_has_its_own_code(damage: object, copied: Made) -> None:
    words = damage(copied.root)  # type: ignore[operator]
    result = call("status", copied.root)
    assert result.code == 4
    assert result.out.startswith("damaged: ")
    assert words in result.out
    assert "verify" in result.out


def test_refused_pictures_are_counted(copied: Made) -> None:
    path = copied.root / "inventory.parquet"
    table = pq.read_table(path)
    accepted = [False, False, *table.column("accepted").to_pylist()[2:]]
    place = table.column_names.index("accepted")
    pq.write_table(table.set_column(place, "accepted", pa.array(accepted)), path)
    assert read_status(copied.root).refused == 2


def test_every_verdict_has_a_code_and_advice() -> None:
    assert set(EXIT_CODES) == set(module.ADVICE)
    assert {verdict for verdict, code in EXIT_CODES.items() if code == 0} == {"complete"}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(12.4, "12 s"), (89, "89 s"), (240, "4 min"), (3900, "1 h 05 min"), (2 * 86400 + 3 * 3600, "2 d 3 h")],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_long_lists_are_cut() -> None:
    names = tuple(f"s{i}: cause" for i in range(9))
    status = Status("ds", "incomplete", 9, 0, 0, 0, names, 0, 0, 0, (), None, None, (), {}, None)
    assert describe_status(status)[-2] == "not made: ... and 4 more"

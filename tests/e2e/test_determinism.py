"""The same recipe gives the same bytes, however it is run; a changed recipe changes only what it must."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from maphc2f.rng import key64
from tests.e2e.support import (
    COUNTS,
    Result,
    call,
    content_digest,
    info,
    leftovers,
    own,
    rows,
    spawn,
    tree,
    wait,
    write_manifest,
    write_pictures,
)

Rows = Mapping[str, Mapping[str, Any]]


def make(manifest: Path, out: Path, *more: object) -> Result:
    """Generate in this process and expect success."""
    result = call("generate", "--manifest", manifest, "--workers", 1, "--out", out, *more)
    assert result.code == 0, result
    return result


def differing(first: Rows, second: Rows) -> set[str]:
    """Return the ids of samples that both have and that differ in any column, bytes included."""
    return {name for name in first.keys() & second.keys() if first[name] != second[name]}


def assert_clean(dataset: Path) -> None:
    assert leftovers(dataset) == []
    result = call("verify", dataset)
    assert result.code == 0, result


# --- how it is run changes nothing ---------------------------------------------------------------------------------


def test_reference_is_complete_and_clean(reference: Path) -> None:
    assert info(reference)["state"] == "complete"
    assert set(rows(reference)) == {f"{name}-{i:06d}" for name, count in COUNTS.items() for i in range(count)}
    assert {row["defect_family"] for row in rows(reference).values()} == {
        "crack",
        "corrosion",
        "deformation",
        "texture_overlay",
    }
    assert_clean(reference)


def test_two_workers_on_a_cluster(reference: Path, manifest: Path, tmp_path: Path) -> None:
    result = wait(spawn("generate", "--manifest", manifest, "--workers", 2, "--out", tmp_path / "ds"), 300)
    assert result.code == 0, result
    assert result.digest == content_digest(reference)
    assert differing(rows(reference), rows(tmp_path / "ds")) == set()
    assert "Traceback" not in result.err


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "after the inventory": lambda out: (out / "inventory.parquet").exists(),
    "at the first shard": lambda out: any((out / "data").rglob("*train*")),
    "after the first commit": lambda out: any((out / "index").glob("*-train-*.json")),
}


def kill_at(process: Any, reached: Callable[[], bool]) -> None:
    """Kill a run, and all it started, as soon as ``reached`` holds."""
    end = time.monotonic() + 120
    while not reached() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.001)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pytest.fail("the run had ended before the moment came")
    assert process.wait() == -signal.SIGKILL, "the run had ended before the moment came"
    process.communicate()


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_run_again(moment: str, reference: Path, manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "ds"
    process = spawn("generate", "--manifest", manifest, "--workers", 1, "--out", out)
    kill_at(process, lambda: MOMENTS[moment](out))
    assert info(out)["state"] == "running" if (out / "dataset.json").exists() else True
    (out / ".half.parquet.1.part").write_bytes(b"left by a killed writer")
    assert make(manifest, out).digest == content_digest(reference)
    assert differing(rows(reference), rows(out)) == set()
    assert_clean(out)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_interrupted_and_run_again(workers: int, reference: Path, manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "ds"
    process = spawn("generate", "--manifest", manifest, "--workers", workers, "--out", out)
    while not any((out / "data").rglob("*train*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    begin = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    result = wait(process)
    assert time.monotonic() - begin < 30
    assert result.code == 130, result
    assert result.err.splitlines()[-1] == "stopped; what was committed stays, run the same command to go on"
    assert "Traceback" not in result.err
    assert leftovers(out) == []
    assert make(manifest, out).digest == content_digest(reference)
    assert_clean(out)


@pytest.mark.slow
def test_killed_driver_of_a_cluster(reference: Path, manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "ds"
    process = spawn("generate", "--manifest", manifest, "--workers", 2, "--out", out)
    while not any((out / "data").rglob("*train*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.kill()
    process.wait()
    # Workers without a driver end by themselves; the next run waits for nobody.
    assert make(manifest, out).digest == content_digest(reference)
    assert_clean(out)


def test_second_driver_is_refused(manifest: Path, reference: Path, tmp_path: Path) -> None:
    from maphc2f.generate.folder import locked

    out = shutil.copytree(reference, tmp_path / "ds")
    before = tree(out)
    with locked(out):
        result = wait(spawn("generate", "--manifest", manifest, "--workers", 1, "--out", out))
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith(f"error: {out}: another run is writing; one run a folder at a time")
    assert tree(out) == before
    assert make(manifest, out).digest == content_digest(reference)


def test_layout_and_maps_are_not_content(reference: Path, manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "ds"
    result = make(manifest, out, "--layout", "parquet", "--maps", "soft_mask,depth,displacement,coarse_mask")
    assert result.digest == content_digest(reference)
    assert not (out / "images").exists()
    assert not (out / "masks").exists()
    for name, row in rows(out).items():
        assert all(row[column] for column in ("soft_mask", "depth", "displacement_y", "displacement_x", "coarse_mask"))
        mask, soft = (cv2.imdecode(np.frombuffer(row[c]["bytes"], np.uint8), -1) for c in ("mask", "soft_mask"))
        assert np.array_equal(mask == 255, soft >= 128), name
    assert_clean(out)


def test_png_files_can_be_added_later(reference: Path, manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "ds"
    make(manifest, out, "--layout", "parquet")
    assert make(manifest, out, "--layout", "both").digest == content_digest(reference)
    pictures = {name: digest for name, digest in tree(reference).items() if name.startswith(("images/", "masks/"))}
    assert pictures
    assert pictures.items() <= tree(out).items()
    assert_clean(out)


def test_other_maps_in_the_same_folder_are_refused(manifest: Path, copied: Path) -> None:
    before = tree(copied)
    result = call("generate", "--manifest", manifest, "--workers", 1, "--out", copied, "--maps", "depth")
    assert result.code == 2
    assert result.err.startswith("error: --out")
    assert "--maps" in result.err
    assert tree(copied) == before


def test_finished_dataset_is_left_alone(manifest: Path, copied: Path) -> None:
    shards = {name: (copied / name).stat().st_mtime_ns for name in tree(copied) if name.endswith(".parquet")}
    result = make(manifest, copied)
    assert "0 made" in result.out
    again = {name: (copied / name).stat().st_mtime_ns for name in shards if name.startswith("data/")}
    assert again == {name: when for name, when in shards.items() if name.startswith("data/")}


# --- what a changed recipe changes ---------------------------------------------------------------------------------


def test_seed_changes_every_sample(reference: Path, manifest: Path, tmp_path: Path) -> None:
    result = call("generate", "--manifest", manifest, "--workers", 1, "--seed", 2, "--out", tmp_path / "ds")
    assert result.code in (0, 3), result
    shared = rows(reference).keys() & rows(tmp_path / "ds").keys()
    assert len(shared) >= 0.8 * len(rows(reference))
    assert differing(rows(reference), rows(tmp_path / "ds")) == shared


@pytest.mark.parametrize("count", [5, 6, 12])
def test_count_keeps_earlier_rows(count: int, reference: Path, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.toml", {"hide": count})
    make(manifest, tmp_path / "ds")
    found = rows(tmp_path / "ds")
    assert len(found) == count
    assert differing(rows(reference), found) == set()


@pytest.mark.parametrize("counts", [(8, 16), (6, 12), (16, 6)], ids=str)
def test_count_changed_in_place(counts: tuple[int, int], tmp_path: Path, small_shards: Callable[[int], None]) -> None:
    small_shards(4)
    first, second = (write_manifest(tmp_path / f"{n}.toml", {"hide": n}) for n in counts)
    out, fresh = tmp_path / "ds", tmp_path / "fresh"
    make(first, out)
    kept = {name: digest for name, digest in tree(out / "data").items() if "good" not in name}
    result = make(second, out)
    assert result.digest == make(second, fresh).digest
    assert set(rows(out)) == set(rows(fresh))
    assert differing(rows(out), rows(fresh)) == set()
    assert {p.name for p in (out / "data" / "hide").iterdir()} == {p.name for p in (fresh / "data" / "hide").iterdir()}
    assert set(tree(out / "images")) == set(tree(fresh / "images"))
    if counts == (8, 16):
        assert "8 made" in result.out
        assert set(kept.values()) <= set(tree(out / "data").values()), "whole shards are renamed, not made again"
    assert_clean(out)


def test_adding_and_reordering_categories(reference: Path, tmp_path: Path) -> None:
    turned = write_manifest(tmp_path / "turned.toml", dict(reversed(COUNTS.items())))
    assert make(turned, tmp_path / "turned").digest == content_digest(reference)
    fewer = write_manifest(tmp_path / "fewer.toml", {"cloth": COUNTS["cloth"], "hide": COUNTS["hide"]})
    make(fewer, tmp_path / "fewer")
    assert differing(rows(reference), rows(tmp_path / "fewer")) == set()
    result = make(turned, tmp_path / "fewer")
    assert result.digest == content_digest(reference)
    assert f"{COUNTS['steel_nut']} made" in result.out


@pytest.mark.parametrize("snapshots", [1, 2])
def test_snapshots_regroup(snapshots: int, reference: Path, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.toml", {"hide": 8}, snapshots=snapshots)
    make(manifest, tmp_path / "ds")
    simulations: dict[str, list[int]] = {}
    for name, row in sorted(rows(tmp_path / "ds").items()):
        simulations.setdefault(row["defects"][0]["simulation_id"], []).append(int(name[-6:]))
    assert sorted(simulations.values()) == [list(range(i, i + snapshots)) for i in range(0, 8, snapshots)], (
        "consecutive samples share a simulation"
    )
    assert differing(rows(reference), rows(tmp_path / "ds")) == {f"hide-{i:06d}" for i in range(8)}


def test_severity_grows_within_a_group(reference: Path) -> None:
    found = rows(reference)
    for first in range(0, 8, 4):
        group = [found[f"hide-{first + k:06d}"]["defects"][0] for k in range(4)]
        own_simulation = {defect["simulation_id"] for defect in group}
        sizes = [defect["severity"] for defect in group]
        assert len(own_simulation) == 1
        assert sizes == sorted(sizes)
        assert sizes[0] < sizes[-1]


# --- pictures ------------------------------------------------------------------------------------------------------


def specimen_names(category: str, seed: int = 0) -> tuple[list[str], list[str]]:
    """Return names that the rule of the contract puts into train, and into validation."""
    names = [f"p{i:03d}" for i in range(200)]
    shares = {name: key64(seed, category, "specimen", name) / 2**64 for name in names}
    return [n for n in names if shares[n] >= 0.1], [n for n in names if shares[n] < 0.1]


def named_pictures(folder: Path, names: list[str], spare: Path) -> None:
    """Move freshly written pictures to ``names`` in ``folder``."""
    folder.mkdir(exist_ok=True)
    for name, path in zip(names, write_pictures(spare, len(names)), strict=True):
        path.rename(folder / f"{name}.png")


@pytest.fixture
def growing(tmp_path: Path) -> tuple[Path, Callable[[], None]]:
    """A folder of pictures with both splits, and a call that adds one to train."""
    train, validation = specimen_names("good")
    folder = tmp_path / "good"
    named_pictures(folder, [*train[:5], *validation[:2]], tmp_path / "spare")
    (added,) = write_pictures(tmp_path / "spare", 1, first=50)
    return folder, lambda: shutil.copy(added, folder / f"{train[5]}.png") and None


def test_added_picture_changes_only_its_rows(growing: tuple[Path, Callable[[], None]], tmp_path: Path) -> None:
    folder, add = growing
    flags = ("--group-regex", "(p...)")
    assert own(folder, tmp_path / "a", *flags, count=48).code == 0
    before = rows(tmp_path / "a")
    add()
    assert own(folder, tmp_path / "b", *flags, count=48).code == 0
    after = rows(tmp_path / "b")
    known = {row["substrate_id"] for row in before.values()}
    moved = {name for name, row in after.items() if row["substrate_id"] not in known}
    assert 0 < len(moved) < 24
    assert differing(before, after) == moved


def test_picture_added_in_place_gives_what_a_new_folder_gives(
    growing: tuple[Path, Callable[[], None]], tmp_path: Path, small_shards: Callable[[int], None]
) -> None:
    small_shards(4)
    folder, add = growing
    flags = ("--group-regex", "(p...)")
    assert own(folder, tmp_path / "ds", *flags, count=24).code == 0
    add()
    result, fresh = (own(folder, tmp_path / name, *flags, count=24) for name in ("ds", "fresh"))
    assert fresh.code == 0
    assert result.digest == fresh.digest
    assert differing(rows(tmp_path / "ds"), rows(tmp_path / "fresh")) == set()
    assert_clean(tmp_path / "ds")


def test_picture_changed_during_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_shards: Callable[[int], None]
) -> None:
    import maphc2f.generate.run as job

    small_shards(4)
    good = tmp_path / "good"
    paths = write_pictures(good, 6)
    undisturbed = own(good, tmp_path / "undisturbed", count=24)
    assert undisturbed.code == 0
    victim = paths[2]
    original = victim.read_bytes()
    inventory = job.take_inventory

    def inventory_then_change(*arguments: Any, **named: Any) -> Any:
        found = inventory(*arguments, **named)
        victim.write_bytes(original + b"one more byte")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(job, "take_inventory", inventory_then_change)
        result = own(good, tmp_path / "ds", count=24)
    assert result.code == 3
    lines = [line for line in result.err.splitlines() if "not made" in line]
    assert lines
    assert all(f"{victim.name} differs from the inventory" in line for line in lines)
    assert result.err.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in result.err
    state = info(tmp_path / "ds")
    assert state["state"] == "incomplete"
    assert state["content_digest"] is None
    assert 0 < state["committed"] < 24
    source = {row["substrate_id"] for row in rows(tmp_path / "ds").values()}
    assert not any(f"-{_sha12(original)}" in name for name in source)

    victim.write_bytes(original)
    again = own(good, tmp_path / "ds", count=24)
    assert again.code == 0
    assert again.digest == undisturbed.digest
    assert_clean(tmp_path / "ds")


def _sha12(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()[:12]


# --- reproduce -----------------------------------------------------------------------------------------------------

SAMPLES = ("hide-000000", "hide-000007", "cloth-000002", *(f"steel_nut-{i:06d}" for i in (0, 3, 4, 7)))


@pytest.mark.parametrize("name", SAMPLES)
def test_reproduce(name: str, reference: Path, tmp_path: Path) -> None:
    result = call("reproduce", name, "--dataset", reference, "--out", tmp_path / "again")
    assert result.code == 0, result
    row = rows(reference)[name]
    assert result.out == f"{name}: identical, {row['content_digest']}\n"
    assert (tmp_path / "again" / f"{name}_image.png").read_bytes() == row["image"]["bytes"]
    assert (tmp_path / "again" / f"{name}_mask.png").read_bytes() == row["mask"]["bytes"]


def test_reproduce_finds_a_difference(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import maphc2f.generate.reproduce as module

    def altered(*arguments: Any) -> dict[str, Any]:
        row = dict(original(*arguments))
        row["mask_sha256"] = "0" * 64
        return row

    original = module.find_row
    monkeypatch.setattr(module, "find_row", altered)
    result = call("reproduce", "hide-000000", "--dataset", copied)
    assert result.code == 4
    assert result.err == "error: hide-000000: mask_sha256 differ from the dataset's\n"

"""A dataset folder: what it says of itself, who may go on in it, which shards are kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from maphc2f.errors import DatasetError
from maphc2f.generate.folder import (
    adopt_shards,
    check_folder,
    describe,
    is_current,
    locked,
    read_info,
    write_info,
)
from maphc2f.generate.plan import PlannedShard, plan_category
from maphc2f.sample import MAPS
from maphc2f.shards.index import IndexEntry, read_entries
from maphc2f.spec import DatasetSpec, manifest_digest, recipe_digest
from tests.conftest import Made


def with_count(spec: DatasetSpec, name: str, count: int) -> DatasetSpec:
    stanzas = tuple(c.model_copy(update={"count": count}) if c.name == name else c for c in spec.categories)
    return spec.model_copy(update={"categories": stanzas})


def plan(spec: DatasetSpec) -> list[PlannedShard]:
    return [shard for stanza in spec.categories for shard in plan_category(spec, stanza)]


def defects(root: Path) -> list[IndexEntry]:
    return [entry for entry in read_entries(root) if entry.config == "default"]


def pictures(root: Path, category: str) -> int:
    return len(list((root / "images" / category).rglob("*.png")))


# -- dataset.json ------------------------------------------------------------------------------------------------------


def test_a_made_folder_describes_itself(made: Made) -> None:
    info = read_info(made.root)
    assert (info.state, info.samples, info.committed) == ("complete", 18, 18)
    assert info.counts == {"hide": 12, "nut": 6}
    assert info.manifest_digest == manifest_digest(made.spec)
    assert info.recipe_digests == {c.name: recipe_digest(made.spec, c) for c in made.spec.categories}
    assert info.maps == MAPS


def test_what_is_written_is_read(made: Made, tmp_path: Path) -> None:
    info = describe(made.spec, committed=3, state="running", layout="parquet", maps=("depth",))
    write_info(tmp_path, info)
    assert read_info(tmp_path) == info


@pytest.mark.parametrize("text", ["", "[]", '{"name": "x"}', "{"])
def test_damage_is_said_in_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(DatasetError, match=r"damaged dataset\.json") as caught:
        read_info(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_without_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="not a dataset"):
        read_info(tmp_path)


# -- who may go on -----------------------------------------------------------------------------------------------------


def test_new_empty_and_own_folders_are_taken(made: Made, tmp_path: Path) -> None:
    check_folder(tmp_path / "new", made.spec)
    check_folder(tmp_path, made.spec)
    for name in (".lock", "events.jsonl"):
        (tmp_path / name).touch()
    check_folder(tmp_path, made.spec)
    check_folder(made.root, made.spec)
    check_folder(made.root, made.spec, MAPS)


def test_a_larger_count_and_more_categories_may_go_on(made: Made) -> None:
    check_folder(made.root, with_count(made.spec, "nut", 60))
    renamed = made.spec.categories[0].model_copy(update={"name": "other"})
    check_folder(made.root, made.spec.model_copy(update={"categories": (renamed, *made.spec.categories)}))


@pytest.mark.parametrize(
    "changes",
    [{"seed": 4}, {"snapshots": 3}, {"stages": "coarse"}],
    ids=lambda changes: next(iter(changes)),
)
def test_another_recipe_is_refused(changes: dict[str, object], made: Made) -> None:
    with pytest.raises(DatasetError, match=r"made with another recipe.*hide, nut"):
        check_folder(made.root, made.spec.model_copy(update=changes))


def test_fewer_categories_or_other_maps_are_refused(made: Made) -> None:
    with pytest.raises(DatasetError, match=r"another recipe \(nut\)"):
        check_folder(made.root, made.spec.model_copy(update={"categories": made.spec.categories[:1]}))
    with pytest.raises(DatasetError, match="--maps"):
        check_folder(made.root, made.spec, ())


def test_other_files_and_no_folder_are_refused(made: Made, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(DatasetError, match="holds other files"):
        check_folder(tmp_path, made.spec)
    with pytest.raises(DatasetError, match="not a folder"):
        check_folder(tmp_path / "thesis.tex", made.spec)


def test_a_damaged_description_does_not_hide_another_recipe(copied: Made) -> None:
    (copied.root / "dataset.json").write_text("{")
    check_folder(copied.root, copied.spec)
    with pytest.raises(DatasetError, match="another recipe"):
        check_folder(copied.root, copied.spec.model_copy(update={"seed": 4}))


# -- lock --------------------------------------------------------------------------------------------------------------

HOLD = """
import sys
from pathlib import Path
from maphc2f.errors import DatasetError
from maphc2f.generate.folder import locked
try:
    with locked(Path(sys.argv[1])):
        print("held")
except DatasetError as error:
    print(error)
"""


def in_another_process(root: Path) -> str:
    done = subprocess.run([sys.executable, "-c", HOLD, str(root)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_two_runs_exclude_each_other_and_the_lock_is_freed(tmp_path: Path) -> None:
    with locked(tmp_path / "ds"):
        assert "another run is writing" in in_another_process(tmp_path / "ds")
    with pytest.raises(RuntimeError, match="x"), locked(tmp_path / "ds"):
        raise RuntimeError("x")
    assert in_another_process(tmp_path / "ds") == "held"


# -- adopting shards ---------------------------------------------------------------------------------------------------


def test_all_shards_of_the_same_plan_are_kept(copied: Made) -> None:
    before = defects(copied.root)
    kept = adopt_shards(copied.root, copied.spec, before, plan_of(copied))
    assert sorted(kept) == sorted(entry.key.shard_id for entry in before)
    assert defects(copied.root) == before


def plan_of(made: Made, spec: DatasetSpec | None = None) -> list[PlannedShard]:
    """The plan with the splits that the sources of this dataset have: both."""
    return plan(spec or made.spec)


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
def test_a_damaged_shard_is_dropped_with_entry_and_file(damage: str, copied: Made) -> None:
    entry = next(e for e in defects(copied.root) if e.category == "nut")
    path = entry.key.data_path(copied.root)
    data = bytearray(path.read_bytes())
    if damage == "truncate":
        path.write_bytes(data[:-1])
    elif damage == "flip":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    else:
        path.unlink()
    kept = adopt_shards(copied.root, copied.spec, defects(copied.root), plan_of(copied))
    assert entry.key.shard_id not in kept
    assert not path.exists()
    assert not entry.key.entry_path(copied.root).exists()
    assert {e.key.shard_id for e in defects(copied.root)} == set(kept)


def test_what_no_longer_holds_is_dropped_with_its_pictures(copied: Made) -> None:
    assert pictures(copied.root, "nut") == 6
    kept = adopt_shards(
        copied.root, copied.spec, defects(copied.root), plan_of(copied), holds=lambda entry: entry.category != "nut"
    )
    assert {entry.category for entry in kept.values()} == {"hide"}
    assert pictures(copied.root, "nut") == 0
    assert pictures(copied.root, "hide") == 12


def test_a_shard_that_must_grow_is_made_anew(copied: Made) -> None:
    entries = defects(copied.root)
    larger = with_count(copied.spec, "nut", 12)
    kept = adopt_shards(copied.root, larger, entries, plan_of(copied, larger))
    assert {entry.category for entry in kept.values()} == {"hide"}
    assert {entry.category for entry in defects(copied.root)} == {"hide"}


def test_a_shard_whose_total_changed_is_renamed(copied: Made) -> None:
    entry = next(e for e in defects(copied.root) if e.category == "nut")
    shards = plan_of(copied)
    old = next(s for s in shards if s.key == entry.key)
    key = type(old.key)(old.key.category, old.key.split, old.key.number, old.key.total + 2)
    data = entry.key.data_path(copied.root).read_bytes()
    kept = adopt_shards(copied.root, copied.spec, [entry], [PlannedShard(key, old.groups)])
    assert list(kept) == [key.shard_id]
    assert kept[key.shard_id].key == key
    assert key.data_path(copied.root).read_bytes() == data
    assert not entry.key.data_path(copied.root).exists()
    assert not entry.key.entry_path(copied.root).exists()
    assert json.loads(key.entry_path(copied.root).read_text())["total"] == key.total


def test_a_shard_of_another_recipe_or_other_groups_is_not_current(made: Made) -> None:
    entry = next(e for e in defects(made.root) if e.category == "hide" and e.split == "train")
    shard = next(s for s in plan_of(made) if s.key == entry.key)
    recipe = recipe_digest(made.spec, made.spec.category("hide"))
    assert is_current(made.root, entry, shard, recipe)
    assert not is_current(made.root, entry, shard, "0" * 64)
    assert not is_current(made.root, entry, PlannedShard(shard.key, shard.groups[:-1]), recipe)
    assert not is_current(made.root, entry, PlannedShard(shard.key, shard.groups[1:]), recipe)
    counted = entry.model_copy(update={"rows": entry.rows - 1})
    assert not is_current(made.root, counted, shard, recipe)
    failed = counted.model_copy(update={"failed": ("hide-000000",)})
    assert is_current(made.root, failed, shard, recipe), "a failed sample stays failed with the same recipe"

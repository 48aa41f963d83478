"""The plan as a pure function: deficit rule, groups, shards, stages, scenarios, names."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maphc2f.bundled import find_material
from maphc2f.defects import FAMILIES
from maphc2f.errors import UserError
from maphc2f.generate.plan import (
    BYTES_PER_PIXEL,
    FIRST_STAGE,
    MAX_SHARD_BYTES,
    VALIDATION_WEIGHT,
    assign_cells,
    check_names,
    draw_scenario,
    family_weights,
    plan_category,
    plan_groups,
    rows_per_shard,
    sample_id,
    simulation_id,
    stage_fractions,
)
from maphc2f.rng import stream
from maphc2f.spec import CategorySpec, DefectSpec, SizeSpec, SourceSpec
from tests.builders import category, dataset

MIX = (
    DefectSpec(family="crack", weight=5),
    DefectSpec(family="corrosion", scenario="pit", weight=1),
    DefectSpec(family="deformation", weight=2),
    DefectSpec(family="corrosion", scenario="stain", weight=3),
)
weights_lists = st.lists(st.floats(0.01, 1), min_size=1, max_size=8).map(lambda w: [x / sum(w) for x in w])


def mixed(count: int, name: str = "part") -> CategorySpec:
    return category(name, count=count, defects=MIX, material="steel")


# -- deficit rule ------------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None, derandomize=True)
@given(weights_lists, st.integers(0, 200), st.integers(0, 100))
def test_more_groups_keep_all_earlier_ones(weights: list[float], count: int, more: int) -> None:
    assert assign_cells(weights, count + more)[:count] == assign_cells(weights, count)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(weights_lists, st.integers(1, 300))
def test_no_cell_ever_gets_a_group_more_than_its_share(weights: list[float], count: int) -> None:
    """For every prefix of n groups: assigned <= n w + 1, and so a cell lacks at most (cells - 1) groups."""
    assigned = np.zeros(len(weights))
    for done, cell in enumerate(assign_cells(weights, count), start=1):
        assigned[cell] += 1
        excess = assigned - done * np.array(weights)
        assert excess.max() <= 1 + 1e-9
        assert excess.min() >= -(len(weights) - 1) - 1e-9


@pytest.mark.parametrize("weights", [[0.5, 0.5], [0.9, 0.1], [0.36, 0.54, 0.04, 0.06], [0.25, 0.35, 0.4]])
def test_shares_stay_within_one_group_of_usual_mixes(weights: list[float]) -> None:
    assigned = np.zeros(len(weights))
    for done, cell in enumerate(assign_cells(weights, 400), start=1):
        assigned[cell] += 1
        assert np.abs(assigned - done * np.array(weights)).max() <= 1 + 1e-9


def test_cells_are_pinned() -> None:
    """Every dataset's families and splits follow from this order."""
    assert assign_cells([0.5, 0.3, 0.2], 12) == [0, 1, 2, 0, 0, 1, 0, 2, 1, 0, 0, 1]
    assert assign_cells([0.9, 0.1], 12) == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]


# -- groups ------------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 400), st.integers(1, 8))
def test_groups_cover_every_index_once_and_only_the_last_is_short(count: int, snapshots: int) -> None:
    groups = plan_groups(mixed(count), snapshots)
    indices = [group.first + k for group in groups for k in range(group.count)]
    assert indices == list(range(count))
    assert [group.number for group in groups] == list(range(len(groups)))
    assert {group.count for group in groups[:-1]} <= {snapshots}
    assert 1 <= groups[-1].count <= snapshots


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 8))
def test_raising_the_count_keeps_all_earlier_groups(count: int, more: int, snapshots: int) -> None:
    before, after = plan_groups(mixed(count), snapshots), plan_groups(mixed(count + more), snapshots)
    whole = [group for group in before if group.count == snapshots]
    assert after[: len(whole)] == whole
    # A last group that was short keeps its family and split; it only grows.
    for old, new in zip(before[len(whole) :], after[len(whole) :], strict=False):
        assert (old.family, old.split, old.first) == (new.family, new.split, new.first)


def test_families_and_splits_have_their_shares() -> None:
    groups = plan_groups(mixed(4000), 4)
    shares = family_weights(mixed(4000))
    assert shares == pytest.approx({"corrosion": 4 / 11, "crack": 5 / 11, "deformation": 2 / 11})
    counts = Counter((group.family, group.split) for group in groups)
    for family, share in shares.items():
        assert counts[family, "train"] == pytest.approx(1000 * share * (1 - VALIDATION_WEIGHT), abs=1)
        assert counts[family, "validation"] == pytest.approx(1000 * share * VALIDATION_WEIGHT, abs=1)


def test_a_single_split_takes_all_groups() -> None:
    assert {group.split for group in plan_groups(mixed(400), 4, splits=["train"])} == {"train"}


def test_the_order_of_stanzas_changes_no_group() -> None:
    turned = mixed(200).model_copy(update={"defects": MIX[::-1]})
    assert plan_groups(turned, 4) == plan_groups(mixed(200), 4)


# -- shards ------------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 3000), st.integers(1, 8))
def test_shards_hold_whole_groups_of_one_split_in_order(count: int, snapshots: int) -> None:
    spec = dataset(mixed(count), snapshots=snapshots)
    shards = plan_category(spec, spec.categories[0])
    groups = [group for shard in shards for group in shard.groups]
    assert sorted(groups, key=lambda g: g.number) == plan_groups(mixed(count), snapshots)
    assert sum(shard.rows for shard in shards) == count
    limit = rows_per_shard(spec, spec.categories[0])
    for split in ("train", "validation"):
        own = [shard for shard in shards if shard.key.split == split]
        assert [(s.key.number, s.key.total) for s in own] == [(i, len(own)) for i in range(len(own))]
        assert [g.number for s in own for g in s.groups] == sorted(g.number for s in own for g in s.groups)
        assert all({g.split for g in s.groups} == {split} for s in own)
        assert all(s.rows <= limit for s in own)
        assert all(len(s.groups) == limit // snapshots for s in own[:-1])


@pytest.mark.parametrize(
    ("count", "rows"), [(1, 128), (2_000, 128), (2_001, 256), (20_000, 256), (20_001, 1024), (10**8, 1024)]
)
def test_rows_of_a_shard_grow_with_the_category(count: int, rows: int) -> None:
    spec = dataset(mixed(count), snapshots=4)
    assert rows_per_shard(spec, spec.categories[0]) == rows


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(32, 16384), st.integers(32, 16384), st.integers(1, 8), st.integers(1, 10**8))
def test_rows_of_a_shard_are_bounded_by_bytes_and_whole_groups(w: int, h: int, snapshots: int, count: int) -> None:
    for spec in (
        dataset(mixed(count), snapshots=snapshots, size=SizeSpec(width=w, height=h)),
        dataset(mixed(count).model_copy(update={"native_size": (w, h)}), snapshots=snapshots, size=SizeSpec()),
    ):
        rows = rows_per_shard(spec, spec.categories[0])
        assert rows % snapshots == 0
        assert snapshots <= rows <= 1024
        assert rows == snapshots or rows * w * h * BYTES_PER_PIXEL <= MAX_SHARD_BYTES


def test_shards_of_a_larger_plan_begin_with_those_of_the_smaller() -> None:
    """So that raising a count renames full shards and makes only new ones."""
    small, large = (plan_category(dataset(mixed(n), snapshots=4), mixed(n)) for n in (700, 1500))
    full = [shard for shard in small if len(shard.groups) == 32]
    assert len(full) >= 4
    by_place = {(shard.key.split, shard.key.number): shard.groups for shard in large}
    for shard in full:
        assert by_place[shard.key.split, shard.key.number] == shard.groups


# -- names, stages, scenarios ------------------------------------------------------------------------------------------


def test_identities() -> None:
    assert sample_id("nut", 7) == "nut-000007"
    assert sample_id("nut", 12_345_678) == "nut-12345678"
    assert simulation_id("nut", 3, 1) == "nut-sim-000003-1"


@pytest.mark.parametrize("count", range(2, 9))
def test_stages_rise_evenly_to_the_final_size(count: int) -> None:
    stages = stage_fractions(count, 0.123)
    assert stages[0] == FIRST_STAGE == 0.4
    assert stages[-1] == pytest.approx(1.0)
    np.testing.assert_allclose(np.diff(stages), 0.6 / (count - 1))
    assert stages == stage_fractions(count, 0.9)


def test_a_single_stage_is_drawn() -> None:
    assert stage_fractions(1, 0.0) == (0.4,)
    assert stage_fractions(1, 0.5) == pytest.approx((0.7,))


def test_scenarios_follow_the_weights_of_stanzas() -> None:
    stanza, steel = mixed(10), find_material("steel")
    drawn = Counter(draw_scenario(stanza, "corrosion", steel, stream(seed, "draw")) for seed in range(800))
    assert set(drawn) == {("pit", 1), ("stain", 3)}
    assert drawn["stain", 3] / 800 == pytest.approx(0.75, abs=0.05)


def test_an_open_stanza_draws_suitable_scenarios_by_their_weights() -> None:
    stanza, steel = mixed(10), find_material("steel")
    suitable = {s.name: s.weight for s in FAMILIES["crack"].scenarios.values() if s.suits(steel)}
    drawn = Counter(draw_scenario(stanza, "crack", steel, stream(seed, "draw")) for seed in range(1500))
    assert {name for name, _ in drawn} == set(suitable)
    assert {position for _, position in drawn} == {0}
    total = sum(suitable.values())
    for name, weight in suitable.items():
        assert drawn[name, 0] / 1500 == pytest.approx(weight / total, abs=0.05)


def test_good_names_pass() -> None:
    check_names(dataset(mixed(10)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"defects": (DefectSpec(family="krack"),)}, "unknown defect family 'krack'.*did you mean crack"),
        ({"defects": (DefectSpec(family="crack", scenario="edge"),)}, "unknown scenario 'edge' of crack.*edge_crack"),
        (
            {"material": "glass", "defects": (DefectSpec(family="corrosion"),)},
            "corrosion does not suit material 'glass'.*leave the family out",
        ),
        (
            {"material": "steel", "defects": (DefectSpec(family="crack", scenario="craquelure"),)},
            "crack.craquelure does not suit material 'steel'.*choose one of",
        ),
        ({"source": SourceSpec(kind="foldr")}, "unknown substrate 'foldr'.*did you mean folder"),
    ],
)
def test_wrong_names_are_said_with_a_remedy(changes: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        check_names(dataset(category("good"), category("part", **changes)))
    assert "categories.part" in str(caught.value)
    assert "\n" not in str(caught.value)

"""Shares of a plan: every shard in exactly one, balanced, the same for every task."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maphc2f.errors import ManifestError
from maphc2f.generate.plan import Group, PlannedShard
from maphc2f.generate.shares import Share, parse_share, partition, shards_of
from maphc2f.shards.index import ShardKey


def shards(rows: list[int]) -> list[PlannedShard]:
    keys = [ShardKey("part", "train", number, len(rows)) for number in range(len(rows))]
    return [
        PlannedShard(key, (Group(key.number, "crack", "train", 0, count),))
        for key, count in zip(keys, rows, strict=True)
    ]


def test_a_share_is_read_as_it_is_written() -> None:
    assert parse_share(" 3/16 ") == Share(3, 16)
    assert str(Share(3, 16)) == "3/16"
    assert Share(3, 16).name == "share-00003-of-00016"
    assert Share(3, 16).name.endswith(Share(9, 16).suffix)
    assert not Share(3, 16).name.endswith(Share(3, 8).suffix)


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "-1/4", "1/0", "1/2/3", "a/b", "1.5/4", "1/200000"])
def test_what_is_no_share_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ManifestError, match=r"--shard: .* is not a share; I/N with 1 <= I <= N <= 100,000"):
        parse_share(text)


@given(st.lists(st.integers(1, 1024), max_size=60), st.integers(1, 12))
def test_a_partition_holds_every_shard_once_in_order(rows: list[int], count: int) -> None:
    plan = shards(rows)
    parts = partition(plan, count)
    assert len(parts) == count
    assert sorted(s.key.number for part in parts for s in part) == list(range(len(rows)))
    for part in parts:
        numbers = [shard.key.number for shard in part]
        assert numbers == sorted(numbers)


@given(st.lists(st.integers(1, 1024), min_size=1, max_size=60), st.integers(1, 12))
def test_a_partition_is_balanced(rows: list[int], count: int) -> None:
    loads = [sum(shard.rows for shard in part) for part in partition(shards(rows), count)]
    assert sum(loads) == sum(rows)
    # Whoever got a shard last had the least until then.
    assert max(loads) - min(loads) <= max(rows)
    assert max(loads) <= sum(rows) / count + max(rows) * (1 - 1 / count)


def test_equal_shards_go_round() -> None:
    parts = partition(shards([128] * 8), 3)
    assert [[shard.key.number for shard in part] for part in parts] == [[0, 3, 6], [1, 4, 7], [2, 5]]


def test_more_tasks_than_shards_leave_some_idle() -> None:
    plan = shards([4, 4])
    assert [len(shards_of(plan, Share(i, 3))) for i in (1, 2, 3)] == [1, 1, 0]
    assert shards_of(plan, None) == plan


def test_large_shards_are_dealt_first() -> None:
    parts = partition(shards([1, 1, 2]), 2)
    assert [[shard.rows for shard in part] for part in parts] == [[2], [1, 1]]

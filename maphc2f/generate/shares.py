"""Shares of a plan for job arrays: task I of N makes its own part of the shards and no other.

* :class:`Share` names a part; :func:`parse_share` reads ``I/N``.
* :func:`partition` cuts shards into N parts of nearly equal rows; :func:`shards_of` gives one of them.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maphc2f.errors import ManifestError

if TYPE_CHECKING:
    from maphc2f.generate.plan import PlannedShard

MAX_SHARES = 100_000
"""More tasks than any scheduler takes in one array."""

_SHARE = re.compile(r"(\d{1,6})/(\d{1,6})")


@dataclass(frozen=True, slots=True)
class Share:
    """Task ``number`` (from 1) of ``of`` tasks."""

    number: int
    of: int

    @property
    def name(self) -> str:
        """File name of its lease and logs, without ending."""
        return f"share-{self.number:05d}{self.suffix}"

    @property
    def suffix(self) -> str:
        """End of the names of all shares of the same job array."""
        return f"-of-{self.of:05d}"

    def __str__(self) -> str:
        """As it is typed."""
        return f"{self.number}/{self.of}"


def parse_share(text: str, *, where: str = "--shard") -> Share:
    """Return the share of ``"3/16"``.

    Raises:
        ManifestError: Another form, or I is not within 1 .. N.
    """
    match = _SHARE.fullmatch(text.strip())
    number, of = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= of <= MAX_SHARES:
        raise ManifestError(
            f"'{text}' is not a share",
            where=where,
            rule=f"I/N with 1 <= I <= N <= {MAX_SHARES:,}",
            remedy="write it as in 3/16: the third of sixteen tasks",
        )
    return Share(number, of)


def partition(shards: Sequence[PlannedShard], count: int) -> list[list[PlannedShard]]:
    """Return ``count`` lists that together hold every shard once, each in the order of the plan.

    Shards go, the largest first, to the list with the fewest rows so far (longest processing time first, Graham 1969,
    doi 10.1137/0117039: the largest list has at most 4/3 of the rows of the best partition). Ties go by shard id and
    list number, so that every task finds the same partition by itself.

    Args:
        shards: The whole plan.
        count: N.
    """
    order = sorted(range(len(shards)), key=lambda i: (-shards[i].rows, shards[i].key.shard_id))
    loads = [(0, number) for number in range(count)]
    chosen: list[list[int]] = [[] for _ in range(count)]
    for position in order:
        rows, number = loads[0]
        chosen[number].append(position)
        heapq.heapreplace(loads, (rows + shards[position].rows, number))
    return [[shards[i] for i in sorted(positions)] for positions in chosen]


def shards_of(shards: Sequence[PlannedShard], share: Share | None) -> list[PlannedShard]:
    """Return the shards of ``share``; all of them if it is None."""
    return list(shards) if share is None else partition(shards, share.of)[share.number - 1]

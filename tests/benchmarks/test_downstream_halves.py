"""Halves of a pool: twins that are alike, the better scored in one half and the worse in the other."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import downstream_halves as halves
from benchmarks.downstream_halves import HALVES, Pool
from benchmarks.downstream_run import RowResult, difference
from benchmarks.downstream_sources import Drawn

TRAITS = np.random.default_rng(3).standard_normal((24, 2))


def spread(pairs: np.ndarray, traits: np.ndarray) -> float:
    return float((((traits[pairs[:, 0]] - traits[pairs[:, 1]]) / traits.std(0)) ** 2).sum())


def test_twins_share_their_cell_and_nobody_has_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halves, "CALIPER", np.inf)
    cells = ["train/crack.chip", "train/corrosion.pit", "validation/crack.chip"] * 8
    cells[0] = "train/corrosion.pit"
    pairs = halves.matched_pairs(cells, TRAITS)
    assert all(cells[a] == cells[b] for a, b in pairs)
    assert len(set(pairs.ravel().tolist())) == pairs.size == 22, "two odd ones are left: of seven and of nine"


def test_twins_are_as_near_as_any_matching_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halves, "CALIPER", np.inf)
    for first in range(0, 24, 6):
        some = TRAITS[first : first + 6]
        found = halves.matched_pairs(["one"] * 6, some)
        least = min(spread(np.array(order).reshape(3, 2), some) for order in permutations(range(6)))
        assert spread(found, some) <= 1.2 * least
        by_number = spread(np.arange(6).reshape(3, 2), some)
        assert spread(found, some) < 0.9 * by_number


def test_partners_are_changed_where_that_brings_all_closer() -> None:
    # The nearest two, 1 and 2, leave 0 and 3 far apart.
    distance = (np.array([[0.0], [1.0], [1.9], [2.9]]) - np.array([[0.0, 1.0, 1.9, 2.9]])) ** 2
    assert halves._nearest(distance) == [(1, 2), (0, 3)]
    assert {frozenset(pair) for pair in halves._improved([(1, 2), (0, 3)], distance)} == {
        frozenset((0, 1)),
        frozenset((2, 3)),
    }


def test_twins_too_far_apart_are_given_up() -> None:
    traits = np.array([[0.0, 0.0], [0.1, 0.0], [1.0, 0.0], [3.0, 0.1]])
    assert halves.matched_pairs(["one"] * 4, traits).tolist() == [[0, 1]]
    assert halves.matched_pairs([], np.zeros((0, 2))).shape == (0, 2)


def pool(scores: list[float], traits: np.ndarray) -> Pool:
    samples = tuple(SimpleNamespace(number=i) for i in range(len(scores)))
    drawn = Drawn(samples, tuple(map(str, range(len(scores)))), np.arange(len(scores)) >= 4, 3)  # type: ignore[arg-type]
    pairs = np.array([[0, 1], [2, 3], [4, 5]])
    return Pool(drawn, traits, {"learned": np.array(scores), "v1": -np.array(scores)}, pairs)


SCORES = [0.2, 0.8, 0.9, 0.1, 0.5, 0.5, 0.7]


def test_the_better_twin_is_in_the_better_half() -> None:
    some = pool(SCORES, np.zeros((7, 2)))
    best, worst = (halves.take_half(some, HALVES[name]) for name in ("sqe:best", "sqe:worst"))
    assert best.good_keys == ("1", "2", "4")
    assert worst.good_keys == ("0", "3", "5")
    assert [sample.number for sample in best.samples] == [1, 2, 4]  # type: ignore[attr-defined]
    assert best.held_out.tolist() == [False, False, True]
    assert best.failed == 3
    assert halves.take_half(some, HALVES["sqe_v1:worst"]).good_keys[:2] == best.good_keys[:2]


def test_the_balance_shows_a_better_half_of_larger_defects() -> None:
    traits = np.zeros((7, 2))
    traits[[1, 2, 4], 0] = np.log(2.0)
    traits[3, 1] = np.log(8.0)
    found = halves.balance([pool(SCORES, traits)] * 2, "learned")
    assert found["pairs"] == 3
    assert found["area"] == pytest.approx(2.0)
    assert found["contrast"] == pytest.approx(0.5)
    assert found["better_score"] == pytest.approx((0.8 + 0.9 + 0.5) / 3)
    assert found["worse_score"] == pytest.approx((0.2 + 0.1 + 0.5) / 3)


def test_the_traits_are_those_of_the_change_inside_the_mask() -> None:
    mask = np.zeros((8, 8), np.uint8)
    mask[2:4, 2:6] = 1
    change = np.zeros((8, 8, 3), np.float32)
    change[2:4, 2:6, 1] = -0.25
    change[7, 7] = 0.9
    judged = SimpleNamespace(mask=mask, change=change)
    area, contrast = halves._traits([judged, judged])  # type: ignore[list-item]
    assert np.exp(area) == pytest.approx(16)
    assert np.exp(contrast) == pytest.approx(0.25)


def test_the_difference_keeps_what_both_rows_share() -> None:
    generator = np.random.default_rng(0)
    shared = generator.standard_normal((101, 3))
    gain = 0.1 + 0.01 * generator.standard_normal((101, 3))
    worse = RowResult("worse", {"crack": shared}, {"crack": shared[:2]}, 1)
    better = replace(worse, title="better", values={"crack": shared + gain}, draws={"crack": shared[:2] + gain[:2]})
    found = difference("gain", better, worse).estimates(("crack",))["image_auroc"]
    assert found.mean == pytest.approx(gain[0, 0])
    assert found.high - found.low < 0.06, "the interval is that of the difference, not of the rows"
    assert found.low > 0.05

"""Training by ranking on material whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maphc2f.quality.judged import INPUTS
from maphc2f.quality.model import LOG_TERMS, to_bytes
from maphc2f.quality.ranking import (
    MEDIAN_LOGIT,
    PASTED,
    STAGE_WEIGHT,
    STAGES,
    Material,
    Settings,
    _weights,
    accuracy,
    across,
    cross_validate,
    folds_of,
    pairs_of,
    right,
    train,
    v1_scores,
)
from maphc2f.quality.sqe import sqe_score

QUICK = Settings(units=4, epochs=40, batch=32, rate=1e-2)
VARIED = slice(40, 60)
FAULTS = {"first": 42, "second": 55, "opposite": 42}
"""Kinds and the input that they move; the opposite moves it the other way."""


def material(name: str, seed: int, samples: int = 16) -> Material:
    """Twenty inputs of intact samples are standard normal, the terms 0.8; a fault moves one by four deviations."""
    rng = np.random.default_rng(seed)

    def plain() -> np.ndarray:
        values = np.zeros(len(INPUTS))
        values[VARIED] = rng.standard_normal(20)
        values[:6] = 0.8
        values[LOG_TERMS] = np.log(0.8)
        return values

    intact, lesser, kinds, better = [plain() for _ in range(samples)], [], [], []
    for row, good in enumerate(intact):
        for kind, place in FAULTS.items():
            spoiled = good.copy()
            spoiled[VARIED] += 0.1 * rng.standard_normal(20)
            spoiled[place] += -4.0 if kind == "opposite" else 4.0
            lesser.append(spoiled)
            kinds.append(kind)
            better.append(row)
    for kind, row in (("npcf", 0), ("npcf", 1), ("coarse", 0), ("cut_paste", -1)):
        lesser.append(plain())
        kinds.append(kind)
        better.append(row)
    return Material(
        name, ("crack",) * samples, np.stack(intact), np.stack(lesser), tuple(kinds), np.asarray(better, np.int64)
    )


MATERIALS = [material(f"c{k}", k) for k in range(5)]
UNSEEN = [material("unseen", 99, samples=48)]


def test_pairs_are_all_there_and_in_order() -> None:
    pairs = pairs_of([MATERIALS[0]])
    kinds = pairs.kinds.tolist()
    assert {kind: kinds.count(kind) for kind in FAULTS} == dict.fromkeys(FAULTS, 16)
    assert kinds.count(STAGES[0]) == 2
    assert kinds.count(STAGES[1]) == 1
    assert [kinds.count(kind) for kind in PASTED] == [1, 1]
    at = kinds.index(STAGES[1])
    source = MATERIALS[0]
    assert np.array_equal(pairs.better[at], source.lesser[source.kinds.index("npcf")])
    assert np.array_equal(pairs.worse[at], source.lesser[source.kinds.index("coarse")])
    assert "first" not in pairs_of([source], without=("first",)).kinds
    assert len(pairs_of([]).kinds) == 0


def test_training_ranks_unseen_material() -> None:
    model = train(MATERIALS, QUICK)
    counted = accuracy(UNSEEN, model.logits)
    assert all(counted[kind][0] >= 0.85 for kind in FAULTS)
    assert across(UNSEEN, model.logits, FAULTS) > 0.8
    assert accuracy(UNSEEN, lambda vectors: -model.logits(vectors))["first"][0] <= 0.1, "the count can fail"


def test_a_fault_left_out_is_told_by_its_opposite() -> None:
    model = train(MATERIALS, QUICK, without=("opposite",))
    assert accuracy(UNSEEN, model.logits)["opposite"][0] >= 0.8
    blind = train(MATERIALS, QUICK, without=("opposite", "first"))
    assert accuracy(UNSEEN, blind.logits)["first"][0] < 0.95, "nothing was said of this input"


def test_the_same_material_gives_the_same_bytes() -> None:
    first = to_bytes(train(MATERIALS[:2], QUICK))
    assert to_bytes(train(MATERIALS[:2], QUICK)) == first
    assert to_bytes(train(MATERIALS[:2], replace(QUICK, seed=1))) != first


def test_calibration_puts_intact_at_its_logit() -> None:
    model = train(MATERIALS, QUICK)
    pairs = pairs_of(MATERIALS)
    spoiled = np.isin(pairs.kinds, list(FAULTS))
    assert np.median(model.logits(pairs.better[spoiled])) == pytest.approx(MEDIAN_LOGIT, abs=1e-3)
    assert np.median(model.logits(pairs.worse[spoiled])) == pytest.approx(-MEDIAN_LOGIT, abs=1e-3)


def test_weights_and_strengths_cannot_turn_a_term_against_itself() -> None:
    model = train(MATERIALS, QUICK)
    assert (model.strengths >= 0).all()
    assert (model.term_weights >= 0).all()


def test_rare_kinds_weigh_more_and_stages_less() -> None:
    weights = _weights(np.array(["a"] * 30 + ["b"] * 10 + [STAGES[0]] * 20))
    assert weights[30] == pytest.approx(2 * weights[-1] / STAGE_WEIGHT)
    assert weights[:30].sum() == pytest.approx(weights[30:40].sum())


def test_ties_count_half() -> None:
    pairs = pairs_of(MATERIALS[:1])
    assert set(right(pairs, lambda vectors: np.zeros(len(vectors)))) == {0.5}


def test_folds_keep_categories_or_samples_apart() -> None:
    for training, counting in folds_of(MATERIALS):
        names = {m.category for m in training}, {m.category for m in counting}
        assert not names[0] & names[1]
        assert len(names[0] | names[1]) == 5
    sizes = []
    for training, counting in folds_of(UNSEEN):
        seen = np.concatenate([m.intact for m in training])
        for m in counting:
            sizes.append(len(m.intact))
            assert not (m.intact[:, None] == seen[None]).all(axis=2).any()
            for vector, kind, row in zip(m.lesser, m.kinds, m.better, strict=True):
                if kind in FAULTS:
                    assert np.abs(vector - m.intact[row]).max() < 6
                    assert np.argmax(np.abs(vector - m.intact[row])) == FAULTS[kind]
    assert sum(sizes) == 48


def test_cross_validation_counts_every_pair_once() -> None:
    counted = cross_validate(MATERIALS, replace(QUICK, epochs=10))
    assert {kind: counted[kind][1] for kind in FAULTS} == dict.fromkeys(FAULTS, 80)
    assert counted["first"][0] > 0.6


def test_nothing_to_rank_is_refused() -> None:
    with pytest.raises(ValueError, match="not a single pair"):
        train([])


def test_v1_is_that_of_the_terms() -> None:
    names = ("physics", "boundary", "texture", "visibility", "placement", "agreement")
    vector = MATERIALS[0].intact[:1]
    assert v1_scores(vector)[0] == sqe_score(dict(zip(names, vector[0, :6].tolist(), strict=True)))

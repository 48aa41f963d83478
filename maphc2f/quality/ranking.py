"""Training the estimator by ranking: of two samples, the better one must score higher.

* :class:`Material` holds what is ranked; :func:`pairs_of` makes the pairs.
* :func:`train` fits a :class:`~maphc2f.quality.model.SqeModel`; :class:`Settings` are its numbers.
* :func:`accuracy` counts the pairs that a score ranks right, by kind; :func:`across` does so for any two samples.
* :func:`cross_validate` trains on some categories and counts on the others, in turn.
* :func:`v1_scores` are those of SQE v1 for the same inputs.

The loss of a pair is ln(1 + exp(f_worse - f_better)) (C. Burges et al., "Learning to rank using gradient descent", ICML
2005, eq. 3, doi 10.1145/1102351.1102363). Beside the pairs of one sample, all better ones of a batch are ranked above
all spoiled ones, so that scores compare across samples. Sums are taken on one thread in a fixed order and all draws
come from one generator: the same material gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from maphc2f.quality.judged import INPUTS, READ_TERMS
from maphc2f.quality.model import LEAST_SCALE, LOG_TERMS, SqeModel, compress
from maphc2f.quality.sqe import sqe_score
from maphc2f.rng import stream

Float64 = NDArray[np.float64]
Scores = Callable[[Float64], Float64]
"""Gives vectors (n, inputs) their scores (n,)."""

STAGES = ("npcf++>npcf", "npcf>coarse")
PASTED = ("coarse>cut_paste", "npcf++>cut_paste")
STAGE_WEIGHT = 0.1
"""Of the stages' order: neighbouring stages often look alike, and a pair that cannot be told only adds noise."""

PASTE_WEIGHT = 0.5
ACROSS_WEIGHT = 0.5
"""Of the pairs of unlike samples, against those of one sample."""

MOST_WEIGHT = 2.5
"""A rare kind weighs at most so many times an average one."""

MEDIAN_LOGIT = 2.0
"""Logit of the median intact sample of the training; halfway to the median spoiled one it is 0."""

FOLDS = 4


@dataclass(frozen=True, slots=True)
class Material:
    """Observations of one category.

    Attributes:
        category: Its name.
        families: Of each intact sample.
        intact: Inputs of intact samples, float64 (n, inputs).
        lesser: Inputs of lesser samples, float64 (m, inputs).
        kinds: Of each lesser sample: a spoiling, ``npcf``, ``coarse`` or ``cut_paste``.
        better: Of each lesser sample: the row of ``intact`` it was made from, or -1.
    """

    category: str
    families: tuple[str, ...]
    intact: Float64
    lesser: Float64
    kinds: tuple[str, ...]
    better: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of inputs, the better one first.

    Attributes:
        better: float64 (n, inputs).
        worse: float64 (n, inputs).
        kinds: Of the fault, or of the stages.
        families: Of the better one's defect.
    """

    better: Float64
    worse: Float64
    kinds: NDArray[np.str_]
    families: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Settings:
    """Numbers of the training.

    Attributes:
        units: Directions of the network.
        epochs: Passes over all pairs.
        batch: Pairs of a step.
        rate: Of AdamW at its start; it falls to 0 along a cosine.
        decay: Weight decay.
        dropout: Share of inputs that a step does not see, the same for both of a pair's sides or not.
        seed: Of all draws.
    """

    units: int = 16
    epochs: int = 30
    batch: int = 256
    rate: float = 3e-3
    decay: float = 1e-2
    dropout: float = 0.2
    seed: int = 0


# --- pairs -----------------------------------------------------------------------------------------------------------


def pairs_of(materials: Iterable[Material], without: Iterable[str] = ()) -> Pairs:
    """Return all pairs: intact over spoiled, npcF++ over npcF, npcF over coarse, both ends over cut and paste.

    Args:
        materials: Of any categories.
        without: Kinds to leave out.
    """
    skipped = frozenset(without)
    found = [pair for material in materials for pair in _pairs(material) if pair[2] not in skipped]
    if not found:
        empty = np.zeros((0, len(INPUTS)))
        return Pairs(empty, empty, np.zeros(0, np.str_), np.zeros(0, np.str_))
    better, worse, kinds, families = zip(*found, strict=True)
    return Pairs(np.stack(better), np.stack(worse), np.array(kinds), np.array(families))


def _pairs(material: Material) -> list[tuple[Float64, Float64, str, str]]:
    found: list[tuple[Float64, Float64, str, str]] = []
    npcf: dict[int, Float64] = {}
    coarse: dict[int, Float64] = {}
    pasted: list[Float64] = []
    for vector, kind, row in zip(material.lesser, material.kinds, material.better, strict=True):
        if kind == "cut_paste":
            pasted.append(vector)
        elif kind in ("npcf", "coarse"):
            (npcf if kind == "npcf" else coarse)[int(row)] = vector
        else:
            found.append((material.intact[row], vector, kind, material.families[row]))
    found += [(material.intact[row], vector, STAGES[0], material.families[row]) for row, vector in npcf.items()]
    found += [(npcf[row], coarse[row], STAGES[1], material.families[row]) for row in npcf if row in coarse]
    rows = list(coarse)
    for number, vector in enumerate(pasted):
        if rows:
            row = rows[number % len(rows)]
            found.append((coarse[row], vector, PASTED[0], material.families[row]))
        if len(material.intact):
            row = number % len(material.intact)
            found.append((material.intact[row], vector, PASTED[1], material.families[row]))
    return found


def _weights(kinds: NDArray[np.str_]) -> Float64:
    """Return the weight of each pair: every kind counts alike, rare ones up to MOST_WEIGHT, stages and rivals less."""
    names, counts = np.unique(kinds, return_counts=True)
    even = len(kinds) / len(names)
    own = {str(name): even / max(count, even / MOST_WEIGHT) for name, count in zip(names, counts, strict=True)}
    own |= {name: own[name] * STAGE_WEIGHT for name in STAGES if name in own}
    own |= {name: own[name] * PASTE_WEIGHT for name in PASTED if name in own}
    return np.array([own[str(kind)] for kind in kinds], np.float64)


# --- training --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Tensors:
    """Pairs as the optimiser sees them: compressed inputs and logarithms of terms of both sides, and weights."""

    better: Tensor
    worse: Tensor
    better_terms: Tensor
    worse_terms: Tensor
    weights: Tensor
    across: Tensor


@dataclass(frozen=True, slots=True)
class _Network:
    """Free parameters: directions (inputs, units), and strengths and term weights before the softplus."""

    directions: Tensor
    strengths: Tensor
    terms: Tensor

    @classmethod
    def drawn(cls, width: int, units: int, rng: np.random.Generator) -> _Network:
        scale = 1.0 / math.sqrt(width)
        directions = torch.from_numpy((scale * rng.standard_normal((width, units))).astype(np.float32))
        strengths = torch.from_numpy((rng.standard_normal(units) / math.sqrt(units)).astype(np.float32))
        terms = torch.full((len(READ_TERMS),), -1.0)
        return cls(*(tensor.requires_grad_() for tensor in (directions, strengths, terms)))

    def __call__(self, inputs: Tensor, terms: Tensor) -> Tensor:
        along = inputs @ self.directions
        away = (torch.sqrt(1.0 + along * along) - 1.0) @ functional.softplus(self.strengths)
        return terms @ functional.softplus(self.terms) - away


def _tensors(pairs: Pairs, mean: Float64, scale: Float64) -> _Tensors:
    def single(values: Float64) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.float32))

    across = ~np.isin(pairs.kinds, STAGES)
    return _Tensors(
        better=single(compress(pairs.better[:, 1:], mean, scale)),
        worse=single(compress(pairs.worse[:, 1:], mean, scale)),
        better_terms=single(pairs.better[:, LOG_TERMS]),
        worse_terms=single(pairs.worse[:, LOG_TERMS]),
        weights=single(_weights(pairs.kinds)),
        across=single(across.astype(np.float64)),
    )


def _loss(network: _Network, data: _Tensors, rows: Tensor, keep: tuple[Tensor, Tensor]) -> Tensor:
    better = network(data.better[rows] * keep[0], data.better_terms[rows])
    worse = network(data.worse[rows] * keep[1], data.worse_terms[rows])
    weights = data.weights[rows]
    own = (functional.softplus(worse - better) * weights).mean()
    used = data.across[rows]
    every = functional.softplus(worse[None, :] - better[:, None]) * (weights * used)[None, :] * used[:, None]
    return own + ACROSS_WEIGHT * every.mean()


def _optimise(network: _Network, data: _Tensors, settings: Settings, rng: np.random.Generator) -> None:
    optimiser = torch.optim.AdamW(
        [network.directions, network.strengths, network.terms], lr=settings.rate, weight_decay=settings.decay
    )
    count, batch = len(data.weights), min(settings.batch, len(data.weights))
    steps, kept = settings.epochs * (count // batch), 1.0 - settings.dropout
    for step in range(steps):
        within = step % (count // batch)
        if within == 0:
            order = rng.permutation(count)
        rows = torch.from_numpy(order[within * batch : (within + 1) * batch])
        drawn = rng.random((2, batch, data.better.shape[1]), dtype=np.float32) < kept
        masks = torch.from_numpy(drawn.astype(np.float32) / np.float32(kept))
        for group in optimiser.param_groups:
            group["lr"] = 0.5 * settings.rate * (1.0 + math.cos(math.pi * step / steps))
        optimiser.zero_grad()
        torch.autograd.backward(_loss(network, data, rows, (masks[0], masks[1])))
        optimiser.step()


def train(materials: Sequence[Material], settings: Settings | None = None, without: Iterable[str] = ()) -> SqeModel:
    """Return an estimator trained on material, without a card.

    Args:
        materials: Of the training's categories.
        settings: See :class:`Settings`; None: the defaults.
        without: Kinds of pairs to leave out.

    Raises:
        ValueError: There is not a single pair.
    """
    settings = settings or Settings()
    pairs = pairs_of(materials, without)
    if not len(pairs.kinds):
        msg = "there is nothing to rank: not a single pair"
        raise ValueError(msg)
    intact = np.concatenate([material.intact for material in materials])[:, 1:]
    mean, scale = intact.mean(axis=0), np.maximum(intact.std(axis=0), LEAST_SCALE)
    rng = stream(settings.seed, "sqe", "training")
    network = _Network.drawn(len(mean), settings.units, rng)
    _optimise(network, _tensors(pairs, mean, scale), settings, rng)
    plain = SqeModel(
        mean=_single(mean),
        scale=_single(scale),
        directions=network.directions.detach().numpy().astype(np.float64),
        strengths=functional.softplus(network.strengths.detach()).numpy().astype(np.float64),
        term_weights=functional.softplus(network.terms.detach()).numpy().astype(np.float64),
        calibration=np.array([0.0, 1.0]),
    )
    return replace(plain, calibration=_single(_calibration(plain, pairs)))


def _single(values: Float64) -> Float64:
    """Return numbers as they will be read back from float32."""
    return values.astype(np.float32).astype(np.float64)


def _calibration(plain: SqeModel, pairs: Pairs) -> Float64:
    """Return (f₀, γ): 0 midway between the medians of intact and spoiled, MEDIAN_LOGIT at the intact one."""
    spoiled = ~np.isin(pairs.kinds, (*STAGES, *PASTED))
    used = spoiled if spoiled.any() else np.ones_like(spoiled)
    # Physics is added after the calibration: it must not enter twice.
    better, worse = (_without_physics(plain, side[used]) for side in (pairs.better, pairs.worse))
    high, low = float(np.median(better)), float(np.median(worse))
    half = max(0.5 * (high - low), 1e-3)
    return np.array([high - half, MEDIAN_LOGIT / half])


def _without_physics(model: SqeModel, vectors: Float64) -> Float64:
    neutral = vectors.copy()
    neutral[:, 0] = 1.0
    return model.logits(neutral)


# --- counting --------------------------------------------------------------------------------------------------------


def v1_scores(vectors: Float64) -> Float64:
    """Return SQE v1 of vectors of inputs, from the terms in them."""
    names = ("physics", *READ_TERMS)
    return np.array([sqe_score(dict(zip(names, map(float, vector[: len(names)]), strict=True))) for vector in vectors])


def right(pairs: Pairs, scores: Scores) -> Float64:
    """Return for each pair whether it is ranked right: 1, 0, or 0.5 for a tie."""
    better, worse = scores(pairs.better), scores(pairs.worse)
    return np.where(better == worse, 0.5, better > worse).astype(np.float64)


def accuracy(materials: Iterable[Material], scores: Scores) -> dict[str, tuple[float, int]]:
    """Return by kind the share of pairs that are ranked right, and how many there are."""
    pairs = pairs_of(materials)
    won = right(pairs, scores)
    return {
        str(kind): (float(won[pairs.kinds == kind].mean()), int((pairs.kinds == kind).sum()))
        for kind in dict.fromkeys(pairs.kinds)
    }


def across(materials: Iterable[Material], scores: Scores, kinds: Iterable[str]) -> float:
    """Return the share of right pairs of any intact and any spoiled sample of a category, in the mean."""
    chosen, shares = frozenset(kinds), []
    for material in materials:
        spoiled = np.array([kind in chosen for kind in material.kinds], bool)
        if len(material.intact) and spoiled.any():
            high, low = scores(material.intact)[:, None], scores(material.lesser[spoiled])[None, :]
            shares.append(float(np.where(high == low, 0.5, high > low).mean()))
    return float(np.mean(shares)) if shares else math.nan


def folds_of(materials: Sequence[Material], folds: int = FOLDS) -> list[tuple[list[Material], list[Material]]]:
    """Return (training, counting) halves: by category, or by blocks of samples where there are fewer categories."""
    if len(materials) >= folds:
        return [
            (
                [m for i, m in enumerate(materials) if i % folds != k],
                [m for i, m in enumerate(materials) if i % folds == k],
            )
            for k in range(folds)
        ]
    blocks = [[_block(material, k, folds) for material in materials] for k in range(folds)]
    return [([m for j, block in enumerate(blocks) if j != k for m in block], blocks[k]) for k in range(folds)]


def _block(material: Material, number: int, folds: int) -> Material:
    """Return one of ``folds`` blocks of consecutive samples; rivals go round in turn."""
    size = len(material.intact)
    rows = np.arange(number * size // folds, (number + 1) * size // folds)
    place = {int(row): i for i, row in enumerate(rows)}
    chosen = [i for i, row in enumerate(material.better) if (int(row) in place if row >= 0 else i % folds == number)]
    return Material(
        material.category,
        tuple(material.families[row] for row in rows),
        material.intact[rows],
        material.lesser[chosen],
        tuple(material.kinds[i] for i in chosen),
        np.array([place.get(int(material.better[i]), -1) for i in chosen], np.int64),
    )


def cross_validate(
    materials: Sequence[Material], settings: Settings | None = None, folds: int = FOLDS
) -> dict[str, tuple[float, int]]:
    """Return :func:`accuracy` on material that was not trained on, over all folds together."""
    sums: dict[str, tuple[float, int]] = {}
    for training, counting in folds_of(materials, folds):
        model = train(training, settings)
        for kind, (share, count) in accuracy(counting, model.logits).items():
            won, total = sums.get(kind, (0.0, 0))
            sums[kind] = (won + share * count, total + count)
    return {kind: (won / total, total) for kind, (won, total) in sums.items()}


def rounded(counts: dict[str, tuple[float, int]]) -> dict[str, Any]:
    """Return shares by kind, to three digits, for a card."""
    return {kind: round(share, 3) for kind, (share, _) in sorted(counts.items())}

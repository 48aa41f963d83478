"""Halves of one pool of our samples: the better and the worse scored, alike in kind, area and contrast.

* :data:`HALVES` lists them; :func:`open_pool` makes and scores a pool; :func:`take_half` takes one half.
* :func:`matched_pairs` finds twins; :func:`balance` says how alike the halves are.

Of every two twins the one that an estimator scores higher goes into its better half, the other into the worse one. What
a detector gains from the better half is then due to neither larger nor stronger defects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from benchmarks.downstream_sets import Problem
from benchmarks.downstream_sources import SOURCES, Drawn, draw_from, open_context
from maphc2f.features import load
from maphc2f.generate.material import judged_sample
from maphc2f.quality.judged import JudgedPicture, observe
from maphc2f.quality.model import DEFAULT, load_model
from maphc2f.sample import Sample

Float64 = NDArray[np.float64]
Index = NDArray[np.intp]

POOL = "npcf++"
"""The source that is halved."""

LEARNED, SIMPLE = "learned", "v1"
LEAST_CONTRAST = 1e-3
CALIPER = 0.7
"""Twins differ by so many standard deviations in each trait at most: nearer leaves fewer, farther leaves a bias."""


@dataclass(frozen=True, slots=True)
class Half:
    """Which half of a pool: by which estimator, the better or the worse."""

    title: str
    estimator: str
    better: bool


HALVES: Mapping[str, Half] = {
    "sqe:best": Half("best half by SQE", LEARNED, True),
    "sqe:worst": Half("worst half by SQE", LEARNED, False),
    "sqe_v1:best": Half("best half by SQE v1", SIMPLE, True),
    "sqe_v1:worst": Half("worst half by SQE v1", SIMPLE, False),
}

CONTESTS: Mapping[str, tuple[str, str]] = {
    "SQE, best less worst": ("sqe:best", "sqe:worst"),
    "SQE v1, best less worst": ("sqe_v1:best", "sqe_v1:worst"),
}
"""Rows of differences: title, and the halves that are compared."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A draw of our samples, scored and paired.

    Attributes:
        drawn: The samples.
        traits: ln of the mask's area in px and ln of the change's contrast, (n, 2).
        scores: Of each sample in [0, 1], (n,), by estimator.
        pairs: Twins, (m, 2); nobody is in two pairs, some are in none.
    """

    drawn: Drawn
    traits: Float64
    scores: Mapping[str, Float64]
    pairs: Index


def open_pool(problem: Problem, samples: int, draw: int) -> Pool:
    """Make a pool of our samples, score them by both estimators and pair them.

    Args:
        problem: Names category and good pictures.
        samples: How many are wanted.
        draw: Number of the draw, which is the dataset's seed.

    Raises:
        ValueError: There are too few for twins in both splits.
    """
    context = open_context(problem, SOURCES[POOL], samples, draw)
    drawn = draw_from(problem, context)
    model, backbone = load_model(DEFAULT), load("scattering")
    seen = [judged_sample(context, sample) for sample in drawn.samples]
    learned = [min(model.score(observe(defect, backbone)[0]) for defect in defects) for defects in seen]
    traits = np.array([_traits(defects) for defects in seen]).reshape(-1, 2)
    scores = {
        LEARNED: np.array(learned, np.float64),
        SIMPLE: np.array([sample.row["sqe_score"] for sample in drawn.samples], np.float64),
    }
    pairs = matched_pairs([_cell(sample) for sample in drawn.samples], traits)
    if len(set(drawn.held_out[pairs[:, 0]].tolist())) < 2:
        msg = f"of {samples} samples no two of each split are alike: ask for more --samples"
        raise ValueError(msg)
    return Pool(drawn, traits, scores, pairs)


def _traits(defects: Sequence[JudgedPicture]) -> tuple[float, float]:
    """Return ln area and ln contrast: the upper quartile over the mask of the largest change of any channel."""
    changes = np.concatenate([np.abs(defect.change[defect.mask > 0]).max(axis=1) for defect in defects])
    return float(np.log(len(changes))), float(np.log(max(float(np.quantile(changes, 0.75)), LEAST_CONTRAST)))


def _cell(sample: Sample) -> str:
    """Return what twins share: split, families and scenarios."""
    shown = (f"{defect['family']}.{defect['scenario']}" for defect in sample.row["defects"])
    return "/".join((str(sample.row["split"]), *sorted(shown)))


def matched_pairs(cells: Sequence[str], traits: Float64) -> Index:
    """Return pairs within cells whose traits lie close together.

    Pairs of least distance first; then two pairs change partners as long as that lowers the sum of squared distances;
    at last those farther apart than :data:`CALIPER` are given up.

    Args:
        cells: Of each of n samples: only samples of one cell are paired.
        traits: (n, k); each counts in units of its standard deviation over all n.

    Returns:
        (m, 2), ordered by cell and first member.
    """
    scale = np.maximum(traits.std(axis=0), 1e-12) if len(traits) else 1.0
    unit, names = traits / scale, np.array(cells)
    pairs: list[tuple[int, int]] = []
    for cell in sorted(set(cells)):
        members = np.flatnonzero(names == cell)
        distance = ((unit[members, None] - unit[None, members]) ** 2).sum(axis=-1)
        near = _improved(_nearest(distance), distance)
        pairs += sorted((int(members[min(pair)]), int(members[max(pair)])) for pair in near)
    found = np.array(pairs, np.intp).reshape(-1, 2)
    return found[(np.abs(unit[found[:, 0]] - unit[found[:, 1]]) <= CALIPER).all(axis=1)]


def _nearest(distance: Float64) -> list[tuple[int, int]]:
    order = sorted(combinations(range(len(distance)), 2), key=lambda pair: float(distance[pair]))
    free, found = set(range(len(distance))), []
    for a, b in order:
        if a in free and b in free:
            free -= {a, b}
            found.append((a, b))
    return found


def _improved(pairs: list[tuple[int, int]], distance: Float64) -> list[tuple[int, int]]:
    """Return pairs of which no two can change partners to come closer."""
    better = True
    while better:
        better = False
        for i, j in combinations(range(len(pairs)), 2):
            (a, b), (c, d) = pairs[i], pairs[j]
            ways = (((a, b), (c, d)), ((a, c), (b, d)), ((a, d), (b, c)))
            sums = [float(distance[one] + distance[other]) for one, other in ways]
            best = int(np.argmin(sums))
            # A strict gain: rounding must not send two pairs in circles.
            if sums[best] < sums[0] - 1e-12:
                pairs[i], pairs[j] = ways[best]
                better = True
    return pairs


def _sides(pool: Pool, estimator: str) -> tuple[Index, Index]:
    """Return the better and the worse twins, (m,) each; of equal scores the first counts as better."""
    scores = pool.scores[estimator][pool.pairs]
    swapped = scores[:, 1] > scores[:, 0]
    better = np.where(swapped, pool.pairs[:, 1], pool.pairs[:, 0])
    return better, np.where(swapped, pool.pairs[:, 0], pool.pairs[:, 1])


def take_half(pool: Pool, half: Half) -> Drawn:
    """Return one half of a pool; what failed is that of the whole pool."""
    sides = _sides(pool, half.estimator)
    chosen = np.sort(sides[0] if half.better else sides[1])
    drawn = pool.drawn
    return Drawn(
        tuple(drawn.samples[i] for i in chosen),
        tuple(drawn.good_keys[i] for i in chosen),
        drawn.held_out[chosen],
        drawn.failed,
    )


def balance(pools: Sequence[Pool], estimator: str) -> dict[str, float]:
    """Return how the better halves differ from the worse ones.

    Returns:
        ``pairs`` of a draw; the geometric means of ``area`` and ``contrast`` in the better half over those in the
        worse one; the mean ``better_score`` and ``worse_score``.
    """
    sides = [_sides(pool, estimator) for pool in pools]
    apart = np.concatenate(
        [pool.traits[better] - pool.traits[worse] for pool, (better, worse) in zip(pools, sides, strict=True)]
    )
    area, contrast = np.exp(apart.mean(axis=0))
    means = [
        float(np.concatenate([pool.scores[estimator][pair[k]] for pool, pair in zip(pools, sides, strict=True)]).mean())
        for k in (0, 1)
    ]
    return {
        "pairs": len(apart) / len(pools),
        "area": float(area),
        "contrast": float(contrast),
        "better_score": means[0],
        "worse_score": means[1],
    }

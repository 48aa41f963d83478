"""One set's table: every source drawn several times, a detector trained on each draw, all tested on the same pictures.

* :class:`Bench` holds what is computed once: features of good and test pictures.
* :func:`open_bench` opens it; :func:`row_names` lists the rows; :func:`run_row` computes one.
* :func:`difference` compares two rows of the same draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.downstream_features import Backbone, Maps, Standard, extract, standard
from benchmarks.downstream_halves import HALVES, Pool, balance, open_pool, take_half
from benchmarks.downstream_head import Budget, Training, score_maps, train_head
from benchmarks.downstream_patchcore import coreset_bank, patch_maps, random_bank
from benchmarks.downstream_scores import Estimate, Scored, estimate, mean_over, resampled, scored
from benchmarks.downstream_sets import Problem
from benchmarks.downstream_sources import Drawn, make_samples, sources_of
from maphc2f.rng import stream
from maphc2f.substrates.inventory import assign_splits

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]

BANKS: Mapping[str, str] = {"patchcore": "PatchCore, coreset", "random": "PatchCore, random bank"}
RESAMPLES = 1000
SEED = 0


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is computed.

    Attributes:
        draws: Of each row.
        samples: Synthetic pictures of a draw.
        coreset: Patches in the thinned memory.
        bank: Patches in the random memory.
        budget: Of the head.
    """

    draws: int = 5
    samples: int = 100
    coreset: int = 4000
    bank: int = 16_000
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True, slots=True)
class Bench:
    """A problem with the features that all rows share, and pools of samples that several rows are halves of."""

    problem: Problem
    backbone: Backbone
    good: Maps
    test: Maps
    spread: Standard
    pools: dict[tuple[int, int], Pool] = field(default_factory=dict)

    def pool(self, samples: int, draw: int) -> Pool:
        """Return a pool of samples, made when it is asked for first."""
        if (samples, draw) not in self.pools:
            self.pools[samples, draw] = open_pool(self.problem, samples, draw)
        return self.pools[samples, draw]


@dataclass(frozen=True, slots=True)
class RowResult:
    """A row of the table.

    Attributes:
        title: What was trained on.
        values: Metrics by kind, (1 + resamples, metrics): see :func:`benchmarks.downstream_scores.resampled`.
        draws: Metrics by kind of each draw alone, (draws, metrics).
        failed: Samples that found no valid form, over all draws.
        balance: For a half of a pool, how alike the halves are: see :func:`benchmarks.downstream_halves.balance`.
    """

    title: str
    values: Mapping[str, Float64]
    draws: Mapping[str, Float64]
    failed: int
    balance: Mapping[str, float] = field(default_factory=dict)

    def estimates(self, kinds: Sequence[str]) -> dict[str, Estimate]:
        """Return the mean metrics over kinds with their intervals."""
        return estimate(mean_over(self.values, kinds))


def open_bench(problem: Problem, backbone: Backbone) -> Bench:
    """Compute the features of good and test pictures once."""
    good = extract(backbone, [example.image for example in problem.good])
    return Bench(
        problem, backbone, good, extract(backbone, [example.image for example in problem.test]), standard(good)
    )


def row_names(problem: Problem) -> tuple[str, ...]:
    """Return the rows in the order of the table."""
    return (*BANKS, *sources_of(problem.dataset.categories[0]), *HALVES)


def run_row(bench: Bench, name: str, scale: Scale) -> RowResult:
    """Compute a row.

    Args:
        bench: Problem and features.
        name: One of :func:`row_names`.
        scale: How much is computed.
    """
    if name in BANKS:
        banks = [_counted(bench, _bank_maps(bench, name, scale, draw)) for draw in range(scale.draws)]
        return _row(bench, BANKS[name], banks)
    if name in HALVES:
        return _half_row(bench, name, scale)
    source, results, failed = sources_of(bench.problem.dataset.categories[0])[name], [], 0
    for draw in range(scale.draws):
        drawn = make_samples(bench.problem, source, scale.samples, draw)
        failed += drawn.failed
        results.append(_counted(bench, _head_maps(bench, drawn, scale, (name, draw))))
    return _row(bench, source.title, results, failed)


def difference(title: str, better: RowResult, worse: RowResult) -> RowResult:
    """Return what one row has over another of the same draws; its intervals are those of the difference."""
    return RowResult(
        title,
        {kind: better.values[kind] - worse.values[kind] for kind in better.values},
        {kind: better.draws[kind] - worse.draws[kind] for kind in better.draws},
        max(better.failed, worse.failed),
    )


def _half_row(bench: Bench, name: str, scale: Scale) -> RowResult:
    """Compute a row of halves of pools twice the size; both halves of one estimator share the head's draws."""
    half = HALVES[name]
    pools = [bench.pool(2 * scale.samples, draw) for draw in range(scale.draws)]
    results = [
        _counted(bench, _head_maps(bench, take_half(pool, half), scale, ("halves", draw)))
        for draw, pool in enumerate(pools)
    ]
    return _row(bench, half.title, results, sum(pool.drawn.failed for pool in pools), balance(pools, half.estimator))


def _row(
    bench: Bench,
    title: str,
    results: Sequence[Scored],
    failed: int = 0,
    alike: Mapping[str, float] | None = None,
) -> RowResult:
    """Return the row of what a detector said in each draw."""
    labels = bench.problem.labels
    alone = [resampled([result], labels, 0, SEED) for result in results]
    return RowResult(
        title,
        resampled(results, labels, RESAMPLES, SEED),
        {kind: np.concatenate([one[kind] for one in alone]) for kind in labels.defects},
        failed,
        alike or {},
    )


def _counted(bench: Bench, maps: Iterable[Float32]) -> Scored:
    test = bench.problem.test
    return scored(list(maps), [example.mask for example in test], [example.part for example in test])


def _bank_maps(bench: Bench, name: str, scale: Scale, draw: int) -> Iterable[Float32]:
    rng = stream(draw, bench.problem.name, 0, name)
    if name == "patchcore":
        bank = coreset_bank(bench.good, bench.spread, scale.coreset, rng)
    else:
        bank = random_bank(bench.good, bench.spread, scale.bank, rng)
    return patch_maps(bank, bench.spread, bench.test, bench.problem.shape)


def _head_maps(bench: Bench, drawn: Drawn, scale: Scale, key: tuple[str, int]) -> Iterable[Float32]:
    name, draw = key
    problem = bench.problem
    splits = assign_splits(problem.inventory, draw, problem.name)
    good_held_out = np.array([splits[sha256] == "validation" for sha256 in problem.good_keys])
    # The padding is where it is on good pictures: samples keep their size and place.
    parts = {sha256: example.part for sha256, example in zip(problem.good_keys, problem.good, strict=True)}
    training = Training(
        defects=extract(bench.backbone, [sample.image for sample in drawn.samples]),
        masks=[sample.mask > 0 for sample in drawn.samples],
        good=bench.good,
        parts=([parts[key] for key in drawn.good_keys], [example.part for example in problem.good]),
        held_out=(drawn.held_out, good_held_out),
    )
    head = train_head(training, bench.spread, scale.budget, stream(draw, problem.name, 0, f"head/{name}"))
    return score_maps(head, bench.test, problem.shape)

"""Energy distances between weighted samples of vectors, and how far two halves of one sample lie apart.

* :class:`Cloud` is a sample whose points belong to clusters; each cluster weighs the same.
* :func:`energy_distance` compares two weightings of points by their matrix of distances, :func:`distance_to` a sample
  with a cloud.
* :func:`compare` is the protocol: distances to the real cloud, the split-half floor, bootstrap intervals.

ℰ(X, Y) = 2 E|X - Y| - E|X - X'| - E|Y - Y'| (G. Székely, M. Rizzo, J. Stat. Plan. Inference 143 (2013) 1249, eq. 1.1,
doi 10.1016/j.jspi.2013.03.018), as the V-statistic: not negative, and zero only for equal samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

Float64 = NDArray[np.float64]
LEVELS = (5.0, 95.0)
"""Percentiles of the bootstrap intervals."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """Points (n, d) and the name of each one's cluster."""

    points: Float64
    clusters: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The clusters, sorted."""
        return sorted(set(self.clusters))

    def weights(self, chosen: Sequence[str]) -> Float64:
        """Return weights (n,) that give each of ``chosen`` the same share; a name given twice weighs twice."""
        own = np.array(self.clusters)
        out = np.zeros(len(own))
        for name in chosen:
            member = own == name
            out += member / member.sum()
        return out / len(chosen)


def energy_distance(distances: Float64, first: Float64, second: Float64) -> float:
    """Return ℰ between two weightings of the points whose distances are given.

    Args:
        distances: |x_i - x_j|, (n, n).
        first: Weights (n,), not negative, summing to 1.
        second: The same.
    """
    difference = first - second
    return float(-difference @ distances @ difference)


def distance_to(real: Cloud, synthetic: Float64) -> float:
    """Return ℰ between all real points, clusters weighing alike, and all synthetic points (m, d)."""
    return _Layout.build(real, {"": synthetic}).distance(real.names, "", np.arange(len(synthetic)))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of one synthetic sample with the real one.

    Attributes:
        distance: ℰ between all real points, clusters weighing alike, and all synthetic points.
        interval: Bootstrap interval of it over clusters and synthetic points.
        matched: Mean ℰ between one part of the real clusters and as many synthetic points as the other part is worth.
        beaten_by: Share of the bootstrap in which the reference sample lies nearer than this one.
    """

    distance: float
    interval: tuple[float, float]
    matched: float
    beaten_by: float


@dataclass(frozen=True, slots=True)
class Protocol:
    """How often to split and to resample.

    Attributes:
        splits: Random splits of the real clusters in two.
        replicates: Of the bootstrap.
    """

    splits: int = 400
    replicates: int = 400


def compare(
    real: Cloud, synthetic: Mapping[str, Float64], protocol: Protocol, rng: np.random.Generator
) -> tuple[float, dict[str, Comparison]]:
    """Return the split-half floor and the comparison of each synthetic sample.

    In a split, half of the real clusters (A) is compared with the other half (B): the floor; and with as many
    synthetic points as B is worth, so that a sample of the real distribution would come out at the floor. Points of a
    cluster resemble each other: B is worth m = 1 / (1 - W / M) independent points, with W the mean distance of its
    points from each other, themselves included, and M that of real points of different clusters. That is the number of
    clusters if those are single points or copies of one, and up to the number of points if they are not alike at all.

    Args:
        real: The real points.
        synthetic: Samples (m, d) of equal length by name; the first is the reference of ``beaten_by``. Point i of each
            belongs to point i of the others, so they are resampled together.
        protocol: How often.
        rng: Draws splits and replicates.

    Raises:
        ValueError: Fewer than two real clusters.
    """
    if len(real.names) < 2:
        msg = "a split needs two clusters"
        raise ValueError(msg)
    layout = _Layout.build(real, synthetic)
    floor, matched = _split(layout, protocol.splits, rng)
    replicates = _bootstrap(layout, protocol.replicates, rng)
    reference = replicates[next(iter(synthetic))]
    whole = {name: layout.distance(real.names, name, np.arange(layout.count)) for name in synthetic}
    return floor, {
        name: Comparison(
            whole[name],
            (float(np.percentile(replicates[name], LEVELS[0])), float(np.percentile(replicates[name], LEVELS[1]))),
            matched[name],
            float(np.mean(reference < replicates[name])),
        )
        for name in synthetic
    }


@dataclass(frozen=True, slots=True)
class _Layout:
    """All points in one matrix of distances: the real ones, then each synthetic sample."""

    real: Cloud
    names: tuple[str, ...]
    count: int
    distances: Float64

    @classmethod
    def build(cls, real: Cloud, synthetic: Mapping[str, Float64]) -> _Layout:
        points = np.concatenate([real.points, *synthetic.values()])
        return cls(real, tuple(synthetic), len(next(iter(synthetic.values()))), cdist(points, points))

    def real_weights(self, clusters: Sequence[str]) -> Float64:
        out = np.zeros(len(self.distances))
        out[: len(self.real.points)] = self.real.weights(clusters)
        return out

    def distance(self, clusters: Sequence[str], name: str, chosen: NDArray[np.intp]) -> float:
        """Return ℰ between some real clusters and some points of a synthetic sample."""
        first = len(self.real.points) + self.names.index(name) * self.count
        weights = np.bincount(first + chosen, minlength=len(self.distances)) / len(chosen)
        return energy_distance(self.distances, self.real_weights(clusters), weights)


def _between(layout: _Layout) -> float:
    """Return the mean distance of real points of different clusters, each pair of clusters weighing alike."""
    weights = np.stack([layout.real_weights([name]) for name in layout.real.names])
    distances = weights @ layout.distances @ weights.T
    count = len(distances)
    return float((distances.sum() - np.trace(distances)) / (count * (count - 1)))


def worth(distances: Float64, weights: Float64, between: float) -> int:
    """Return how many independent points a weighted sample is worth, m = 1 / (1 - W / M); see :func:`compare`."""
    points = int(np.count_nonzero(weights))
    within = float(weights @ distances @ weights)
    return points if within >= (1 - 1 / points) * between else max(1, round(1 / (1 - within / between)))


def _split(layout: _Layout, splits: int, rng: np.random.Generator) -> tuple[float, dict[str, float]]:
    clusters, between = layout.real.names, _between(layout)
    floors: list[float] = []
    matched: dict[str, list[float]] = {name: [] for name in layout.names}
    for _ in range(splits):
        order = [clusters[i] for i in rng.permutation(len(clusters))]
        one, other = order[: len(order) // 2], order[len(order) // 2 :]
        weights = layout.real_weights(other)
        floors.append(energy_distance(layout.distances, layout.real_weights(one), weights))
        chosen = rng.choice(layout.count, min(layout.count, worth(layout.distances, weights, between)), replace=False)
        for name in layout.names:
            matched[name].append(layout.distance(one, name, chosen))
    return float(np.mean(floors)), {name: float(np.mean(values)) for name, values in matched.items()}


def _bootstrap(layout: _Layout, replicates: int, rng: np.random.Generator) -> dict[str, Float64]:
    clusters = layout.real.names
    out = {name: np.zeros(replicates) for name in layout.names}
    for replicate in range(replicates):
        drawn = [clusters[i] for i in rng.integers(len(clusters), size=len(clusters))]
        chosen = rng.integers(layout.count, size=layout.count)
        for name in layout.names:
            out[name][replicate] = layout.distance(drawn, name, chosen)
    return out

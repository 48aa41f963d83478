"""How easily are synthetic defects told from real ones? A classifier's AUROC and a kernel distance on frozen features.

* :class:`Points` are features with specimens and areas; :func:`features_of` computes them.
* :func:`match` pairs real and synthetic points of like area and brightness.
* :func:`pair_scores` trains the classifier in folds by specimen and returns what its AUROC is made of.
* :func:`auroc`, :func:`kernel_distance` weigh every specimen alike; :func:`cubic_kernel` is the kernel.
* :func:`split_scores` and :func:`split_distances` are the same of real against real.

AUROC counts only pairs whose two points were held out together: scores of different classifiers have no common zero.
Kernel distance: the unbiased squared maximum mean discrepancy under k(x, y) = (x·y / d + 1)³ (M. Bińkowski et al.,
"Demystifying MMD GANs", ICLR 2018, arXiv 1801.01401, section 4), pairs of one specimen left out, since those are not
independent draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from maphc2f.features.base import Backbone, means

Float64 = NDArray[np.float64]
Pooling = Literal["contrast", "window"]

SIDE = 128
"""Crops are brought to this side before the network sees them, px."""

MARGIN = 3
"""The defect's part of a crop reaches so far beyond its mask, px: people and programs outline defects differently."""

COMPONENTS = 32
FOLDS = 5
REPEATS = 3
"""Times the folds are drawn anew."""

CALIPER = 2.0
"""Real and synthetic areas of a pair differ by no more than this factor."""

BRIGHTNESS_STEP = 32.0
"""Gray levels that count as much as the caliper."""

BEYOND = 100.0
"""Price of a pair beyond the caliper: above that of any other."""

REGULARISATION = 0.1
"""C of the logistic regression: there are about as many crops as components."""


@dataclass(frozen=True, slots=True)
class Points:
    """Crops as the comparison sees them.

    Attributes:
        features: (n, d).
        specimens: n names.
        areas: (n,) mask pixels.
        brightness: (n,) mean gray level beside the defect.
    """

    features: Float64
    specimens: tuple[str, ...]
    areas: Float64
    brightness: Float64

    def __len__(self) -> int:
        return len(self.features)

    def take(self, chosen: NDArray[np.intp]) -> Points:
        """Return some of the points."""
        specimens = tuple(self.specimens[k] for k in chosen)
        return Points(self.features[chosen], specimens, self.areas[chosen], self.brightness[chosen])


def features_of(
    pictures: Sequence[NDArray[np.uint8]], masks: Sequence[NDArray[np.bool_]], backbone: Backbone, pooling: Pooling
) -> Float64:
    """Return one vector a crop, (n, d).

    ``window`` averages the maps over the crop. ``contrast`` takes their mean over the defect, its mask widened by
    :data:`MARGIN`, less that over the rest: light and texture of the picture cancel, what the defect changes remains.

    Args:
        pictures: RGB crops.
        masks: Where the defect is, or would be.
        backbone: Gives the maps.
        pooling: Which of the two.
    """
    sized = [cv2.resize(p, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for p in pictures]
    batch = torch.from_numpy(np.stack(sized)).permute(0, 3, 1, 2).to(torch.float32) / 255
    if pooling == "window":
        return backbone.pooled(batch).cpu().numpy().astype(np.float64)
    near = torch.from_numpy(np.stack([_widened(mask) for mask in masks]))[:, None]
    maps, weights = backbone.maps(batch), near.to(backbone.device)
    return (means(maps, weights) - means(maps, 1.0 - weights)).cpu().numpy().astype(np.float64)


def _widened(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return weights at the side the network sees; never wholly 0 or 1, so that either part is there."""
    wide = cv2.dilate(mask.astype(np.float32), np.ones((2 * MARGIN + 1,) * 2, np.float32))
    sized = cv2.resize(wide, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    return np.clip(sized, 1e-3, 1 - 1e-3).astype(np.float32)


def match(real: Points, synthetic: Points) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return indices of real and synthetic points, paired one to one by least total difference.

    The difference of a pair is |Δ log area| / log :data:`CALIPER` + |Δ brightness| / :data:`BRIGHTNESS_STEP`; pairs
    whose areas differ by more than the caliper are left out. Brightness is that of light and place, not of the defect.
    """
    area = np.abs(np.log(real.areas)[:, None] - np.log(synthetic.areas)[None, :]) / np.log(CALIPER)
    light = np.abs(real.brightness[:, None] - synthetic.brightness[None, :]) / BRIGHTNESS_STEP
    # One price for every pair beyond the caliper, so that such pairs do not push good ones aside.
    rows, columns = linear_sum_assignment(np.where(area <= 1.0, area + light, BEYOND))
    near = area[rows, columns] <= 1.0
    return rows[near], columns[near]


# --- classifier ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PairScores:
    """Sums over pairs of a real and a synthetic point that were held out together, by specimen.

    Attributes:
        won: (R, S): pairs in which the synthetic point has the higher score, halves for ties, per pair of specimens,
            as a mean over all pairs of their points.
        seen: (R, S): share of their pairs that were held out together.
        real: R names of specimens.
        synthetic: S names.
    """

    won: Float64
    seen: Float64
    real: tuple[str, ...]
    synthetic: tuple[str, ...]


def _classifier(points: int, dimensions: int) -> Pipeline:
    components = min(COMPONENTS, dimensions, points - 1)
    regression = LogisticRegression(C=REGULARISATION, solver="newton-cholesky", class_weight="balanced")
    return make_pipeline(StandardScaler(), PCA(components, svd_solver="full"), regression)


def _membership(specimens: Sequence[str]) -> tuple[tuple[str, ...], Float64]:
    """Return the specimens' names, and the matrix (names, n) that averages over the points of each."""
    names = tuple(sorted(set(specimens)))
    member = np.array([[own == name for own in specimens] for name in names], np.float64)
    return names, member / member.sum(axis=1, keepdims=True)


def pair_scores(real: Points, synthetic: Points) -> PairScores:
    """Train real against synthetic in folds by specimen and compare the scores of what was held out.

    Raises:
        ValueError: One of the two has a single specimen.
    """
    features = np.concatenate([real.features, synthetic.features])
    labels = np.repeat([0, 1], [len(real), len(synthetic)])
    groups = np.array([*real.specimens, *synthetic.specimens])
    folds = min(FOLDS, len(set(real.specimens)), len(set(synthetic.specimens)))
    won, seen = (np.zeros((len(real), len(synthetic))) for _ in range(2))
    for repeat in range(REPEATS):
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=repeat)
        for train, test in splitter.split(features, labels, groups):
            if len(set(labels[train])) < 2:
                continue
            fitted = _classifier(len(train), features.shape[1]).fit(features[train], labels[train])
            score = np.full(len(labels), np.nan)
            score[test] = fitted.decision_function(features[test])
            difference = score[None, len(real) :] - score[: len(real), None]
            together = np.isfinite(difference)
            seen += together
            won += np.where(together, 0.5 * (np.sign(difference) + 1.0), 0.0)
    (names, mean_real), (others, mean_synthetic) = _membership(real.specimens), _membership(synthetic.specimens)
    averaged = [mean_real @ table @ mean_synthetic.T / REPEATS for table in (won, seen)]
    return PairScores(averaged[0], averaged[1], names, others)


def auroc(scores: PairScores, real: Float64 | None = None, synthetic: Float64 | None = None) -> float:
    """Return the share of pairs that the classifier gets right; NaN if no pair was held out together.

    Args:
        scores: Of one comparison.
        real: Weights of the real specimens; None: all alike.
        synthetic: Of the synthetic ones.
    """
    first = np.ones(len(scores.real)) if real is None else real
    second = np.ones(len(scores.synthetic)) if synthetic is None else synthetic
    total = float(first @ scores.seen @ second)
    return float(first @ scores.won @ second) / total if total > 0 else float("nan")


def split_scores(real: Points, splits: int, rng: np.random.Generator) -> list[float]:
    """Return AUROCs of one random part of the real specimens against the rest; none below four specimens."""
    names = sorted(set(real.specimens))
    if len(names) < 4:
        return []
    out = []
    for _ in range(splits):
        first = {names[k] for k in rng.permutation(len(names))[: len(names) // 2]}
        inside = np.array([specimen in first for specimen in real.specimens])
        one, other = real.take(np.flatnonzero(inside)), real.take(np.flatnonzero(~inside))
        out.append(auroc(pair_scores(one, other)))
    return [value for value in out if np.isfinite(value)]


# --- kernel distance -----------------------------------------------------------------------------------------------


def cubic_kernel(first: Float64, second: Float64) -> Float64:
    """Return (x·y / d + 1)³ for all pairs."""
    return np.asarray((first @ second.T / first.shape[1] + 1.0) ** 3)


@dataclass(frozen=True, slots=True)
class Kernels:
    """Mean kernels between specimens.

    Attributes:
        real: (R, R).
        synthetic: (S, S).
        across: (R, S).
        same: (R, S) bool: both are one specimen.
        names: The R and the S names.
    """

    real: Float64
    synthetic: Float64
    across: Float64
    same: NDArray[np.bool_]
    names: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and standard deviation (d,) that features are standardised with before the kernel: those of real ones."""

    mean: Float64
    deviation: Float64

    @classmethod
    def of(cls, real: Points) -> Scale:
        """Take it from points, every specimen weighing alike."""
        _, average = _membership(real.specimens)
        weights = average.mean(axis=0)
        mean = weights @ real.features
        variance = weights @ (real.features - mean) ** 2
        return cls(mean, np.sqrt(np.maximum(variance, 1e-12)))

    def apply(self, points: Points) -> Float64:
        """Return the standardised features (n, d)."""
        return np.asarray((points.features - self.mean) / self.deviation)


def kernels(real: Points, synthetic: Points, scale: Scale) -> Kernels:
    """Return the mean kernels between all specimens."""
    (names, first), (others, second) = _membership(real.specimens), _membership(synthetic.specimens)
    x, y = scale.apply(real), scale.apply(synthetic)
    same = np.array([[a == b for b in others] for a in names])
    return Kernels(
        first @ cubic_kernel(x, x) @ first.T,
        second @ cubic_kernel(y, y) @ second.T,
        first @ cubic_kernel(x, y) @ second.T,
        same,
        (names, others),
    )


def _off_diagonal(table: Float64, weights: Float64) -> float:
    pairs = np.outer(weights, weights)
    np.fill_diagonal(pairs, 0.0)
    total = pairs.sum()
    return float((pairs * table).sum() / total) if total > 0 else float("nan")


def kernel_distance(table: Kernels, real: Float64 | None = None, synthetic: Float64 | None = None) -> float:
    """Return the squared discrepancy of two samples, every specimen weighing alike or as given."""
    first = np.ones(len(table.real)) if real is None else real
    second = np.ones(len(table.synthetic)) if synthetic is None else synthetic
    pairs = np.outer(first, second) * ~table.same
    across = float((pairs * table.across).sum() / pairs.sum())
    return _off_diagonal(table.real, first) + _off_diagonal(table.synthetic, second) - 2.0 * across


def split_distances(real: Points, scale: Scale, splits: int, rng: np.random.Generator) -> list[float]:
    """Return kernel distances of one random part of the real specimens from the rest; none below four specimens."""
    names = sorted(set(real.specimens))
    if len(names) < 4:
        return []
    table = kernels(real, real, scale)
    out = []
    for _ in range(splits):
        inside = np.zeros(len(names))
        inside[rng.permutation(len(names))[: len(names) // 2]] = 1.0
        out.append(kernel_distance(table, inside, 1.0 - inside))
    return out

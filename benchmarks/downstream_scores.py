"""How well scores separate defects from sound: areas under curves, and their intervals over specimens and draws.

* :func:`auroc` is the exact area for few scores; :func:`curve_areas` gives AUROC and AP from histograms of scores.
* :class:`Scored` holds what a detector said of a test set; :func:`scored` makes it from maps of scores.
* :func:`evaluate` resamples specimens and draws; :class:`Estimate` is a mean with its interval.

Pixels are counted in one histogram a picture, so that a resampled set is a weighted sum of histograms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]

BINS = 2048
"""Classes of equal numbers of pixels; ties inside a class cost AUROC less than 1e-3."""

SAMPLED = 400_000
"""Pixels from which the limits of the classes are taken."""

SMOOTHING = 4.0
"""Sigma in px by which every detector's map is smoothed, as PatchCore's is by its authors."""

GOOD = "good"
METRICS = ("image_auroc", "pixel_auroc", "pixel_ap")


@dataclass(frozen=True, slots=True)
class Labels:
    """What the pictures of a test set show.

    Attributes:
        kinds: Kind of defect, or ``good``, one a picture.
        specimens: The physical thing photographed, one a picture.
    """

    kinds: tuple[str, ...]
    specimens: tuple[str, ...]

    @property
    def defects(self) -> tuple[str, ...]:
        """The kinds of defect, sorted."""
        return tuple(sorted(set(self.kinds) - {GOOD}))


@dataclass(frozen=True, slots=True)
class Scored:
    """What a detector said of n pictures.

    Attributes:
        picture: Score of each picture (n,).
        inside: Pixels of each class of score inside the mask (n, BINS), counted from the lowest.
        outside: The same outside the mask.
    """

    picture: Float64
    inside: Float64
    outside: Float64


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over draws with its 95 % interval over specimens and draws."""

    mean: float
    low: float
    high: float


def auroc(defect: Float64, good: Float64) -> float:
    """Return the share of pairs in which a defect (n,) scores above a good one (m,); ties count half."""
    return float(_above(defect, good).mean())


def _above(defect: Float64, good: Float64) -> Float64:
    """Return 1 where defect i scores above good j, 0.5 at a tie, else 0: (n, m)."""
    return 0.5 * (1.0 + np.sign(defect[:, None] - good[None, :]))


def curve_areas(inside: Float64, outside: Float64) -> tuple[Float64, Float64]:
    """Return AUROC and average precision of counted scores (..., classes) in rising order.

    AUROC = Σ_k p_k (N_{<k} + n_k / 2) / (P N); AP = Σ_k p_k / P · P_{≥k} / (P_{≥k} + N_{≥k}): the steps of the
    precision-recall curve, each class one step.
    """
    positives, negatives = inside.sum(-1), outside.sum(-1)
    below = np.cumsum(outside, axis=-1) - 0.5 * outside
    area = (inside * below).sum(-1) / (positives * negatives)
    hits = np.cumsum(inside[..., ::-1], axis=-1)[..., ::-1]
    alarms = np.cumsum(outside[..., ::-1], axis=-1)[..., ::-1]
    precision = hits / np.maximum(hits + alarms, 1e-12)
    return area, (inside * precision).sum(-1) / positives


def scored(maps: Sequence[Float32], masks: Sequence[NDArray[np.bool_]], part: Sequence[NDArray[np.bool_]]) -> Scored:
    """Count the scores of n pictures.

    Args:
        maps: Scores of the pixels of each picture (H, W), before smoothing.
        masks: Where each defect is (H, W).
        part: Pixels that count (H, W): the padding round a picture does not.

    Returns:
        Scores of pictures, the highest of their pixels', and counted scores of pixels.
    """
    kept = [smoothed(scores, inside)[inside] for scores, inside in zip(maps, part, strict=True)]
    limits = _limits(kept)
    inside, outside = np.zeros((2, len(maps), BINS))
    for i, (scores, mask) in enumerate(zip(kept, masks, strict=True)):
        classes = np.searchsorted(limits, scores)
        hit = mask[part[i]]
        inside[i] = np.bincount(classes[hit], minlength=BINS)
        outside[i] = np.bincount(classes[~hit], minlength=BINS)
    return Scored(np.array([float(scores.max()) for scores in kept]), inside, outside)


def smoothed(scores: Float32, part: NDArray[np.bool_]) -> Float32:
    """Return G * (s p) / (G * p): scores smoothed by a Gaussian of :data:`SMOOTHING` that sees the part p alone."""
    weight = part.astype(np.float32)
    above = cv2.GaussianBlur(scores * weight, (0, 0), SMOOTHING)
    below = cv2.GaussianBlur(weight, (0, 0), SMOOTHING)
    return np.asarray(above / np.maximum(below, np.float32(1e-6)), np.float32)


def _limits(scores: Sequence[Float32]) -> Float32:
    """Return the limits between the classes: half of them share all pixels, half the highest hundredth."""
    together = np.concatenate([values.ravel() for values in scores])
    step = max(1, together.size // SAMPLED)
    shares = np.concatenate([np.linspace(0, 0.99, BINS // 2, endpoint=False), np.linspace(0.99, 1, BINS // 2)])[1:]
    return np.quantile(together[::step], shares).astype(np.float32)


def specimen_weights(labels: Labels, resamples: int, rng: np.random.Generator) -> Float64:
    """Return how often each picture counts in each resample, (resamples, n).

    Specimens are drawn with replacement among those of their kind, with all their pictures of that kind.
    """
    weights = np.zeros((resamples, len(labels.kinds)))
    for kind in (*labels.defects, GOOD):
        own = np.array([k == kind for k in labels.kinds])
        names, which = np.unique(np.array(labels.specimens)[own], return_inverse=True)
        counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
        weights[:, own] = counts[:, which]
    return weights


def kind_metrics(result: Scored, labels: Labels, weights: Float64) -> dict[str, Float64]:
    """Return the metrics of each kind under weights (resamples, n): ``(resamples, metrics)`` by kind.

    A kind is judged on its own pictures and all good ones.
    """
    kinds = np.array(labels.kinds)
    good = kinds == GOOD
    out = {}
    for kind in labels.defects:
        own = kinds == kind
        mine, sound = weights[:, own], weights[:, good]
        above = np.einsum("bi,ij,bj->b", mine, _above(result.picture[own], result.picture[good]), sound)
        both = own | good
        pixels = curve_areas(weights[:, both] @ result.inside[both], weights[:, both] @ result.outside[both])
        out[kind] = np.stack([above / (mine.sum(1) * sound.sum(1)), *pixels], axis=1)
    return out


def resampled(draws: Sequence[Scored], labels: Labels, resamples: int, seed: int) -> dict[str, Float64]:
    """Return metrics by kind, (1 + resamples, metrics): first over all, then over resampled specimens and draws.

    Equal seeds resample the same specimens, so that two detectors can be compared pair by pair.
    """
    weights = np.concatenate(
        [np.ones((1, len(labels.kinds))), specimen_weights(labels, resamples, np.random.default_rng(seed))]
    )
    every = [kind_metrics(result, labels, weights) for result in draws]
    rng = np.random.default_rng([seed, 1])
    share = rng.multinomial(len(draws), np.full(len(draws), 1 / len(draws)), size=resamples) / len(draws)
    share = np.concatenate([np.full((1, len(draws)), 1 / len(draws)), share])
    return {kind: np.einsum("bd,dbm->bm", share, np.stack([m[kind] for m in every])) for kind in labels.defects}


def mean_over(table: Mapping[str, Float64], kinds: Sequence[str]) -> Float64:
    """Return the mean over kinds of what :func:`resampled` returns."""
    return np.mean([table[kind] for kind in kinds], axis=0)


def estimate(values: Float64) -> dict[str, Estimate]:
    """Return each metric's value and its 95 % interval from (1 + resamples, metrics)."""
    low, high = np.quantile(values[1:], [0.025, 0.975], axis=0) if len(values) > 1 else (values[0], values[0])
    return {name: Estimate(float(values[0, m]), float(low[m]), float(high[m])) for m, name in enumerate(METRICS)}

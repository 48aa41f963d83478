"""One set through the realism protocol: real crops, every source of synthetic ones, scores, intervals.

* :data:`SOURCES` are the rows of the table; :class:`Source` says how a row's defects are made.
* :func:`evaluate` runs a set; :class:`Outcome` holds its numbers, :class:`Row` those of one source.
* :func:`bootstrap` resamples specimens and draws together for all rows; :func:`sheet` shows what was compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import realism_crops as crops
from benchmarks import realism_scores as scores
from benchmarks.halves import Half
from benchmarks.realism_scores import Points, Pooling
from maphc2f.defects import FAMILIES
from maphc2f.errors import PictureError
from maphc2f.features.base import Backbone
from maphc2f.generate.sheet import RGB, contact_sheet
from maphc2f.rng import stream
from maphc2f.spec import CategorySpec, DatasetSpec, DefectSpec, Stage

Float64 = NDArray[np.float64]
LEVELS = (5.0, 95.0)
"""Percentiles of the intervals."""

REFERENCE = "npcf++"
RIVAL_SEVERITY = (0.02, 1.0)
"""Rivals draw sizes widely, so that there are areas to match; ours have the sizes of ``morphology.toml``."""

SPLITS = 20
SHEET_COLUMNS = 10
SHEET_TILE = 120


@dataclass(frozen=True, slots=True)
class Source:
    """How the defects of a row are made.

    Attributes:
        stage: Last stage that is run.
        family: One that takes the place of the category's own mix, or None.
        calibrated: Whether the category's calibration is used; without one the row is left out.
    """

    stage: Stage
    family: str | None = None
    calibrated: bool = False


SOURCES: Mapping[str, Source] = {
    "npcf++": Source("npcf++"),
    "npcf": Source("npcf"),
    "coarse": Source("coarse"),
    "npcf++ calibrated": Source("npcf++", calibrated=True),
    "texture_overlay": Source("coarse", "texture_overlay"),
    "perlin_overlay": Source("coarse", "perlin_overlay"),
    "cut_paste": Source("coarse", "cut_paste"),
    "poisson_blend": Source("coarse", "poisson_blend"),
}
Calibrate = Callable[[CategorySpec], CategorySpec]
"""Gives a category the looks measured on a few real defects."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is run.

    Attributes:
        data: Folder of the real sets.
        half: Which half.
        samples: Made by each source in each draw; those of like area and brightness as a real crop are compared.
        draws: Seeds.
        replicates: Of the bootstrap.
        sources: Names of rows.
        backbone: Gives the features.
        pooling: How a crop's maps become one vector.
        calibrate: See :data:`Calibrate`; None leaves calibrated rows out.
    """

    data: Path
    half: Half
    samples: int
    draws: int
    replicates: int
    sources: tuple[str, ...]
    backbone: Backbone
    pooling: Pooling = "contrast"
    calibrate: Calibrate | None = None


@dataclass(frozen=True, slots=True)
class Sampled:
    """Crops and their points."""

    crops: tuple[crops.Crop, ...]
    points: Points

    def take(self, chosen: NDArray[np.intp]) -> Sampled:
        """Return some of them."""
        return Sampled(tuple(self.crops[k] for k in chosen), self.points.take(chosen))


@dataclass(frozen=True, slots=True)
class Drawn:
    """One draw of one source against the real crops.

    Attributes:
        pairs: What the AUROC is made of.
        kernels: What the kernel distance is made of.
        matched: Synthetic crops, in the order of ``partners``.
        partners: Real crops of like area.
    """

    pairs: scores.PairScores
    kernels: scores.Kernels
    matched: Sampled
    partners: Sampled


@dataclass(frozen=True, slots=True)
class Row:
    """The numbers of one source; intervals are the 5th and 95th percentile.

    Attributes:
        auroc: Of the classifier real against synthetic, mean over the draws; 0.5 is indistinguishable.
        auroc_interval: Of the bootstrap.
        distance: Kernel distance, mean over the draws.
        distance_interval: Of the bootstrap.
        nearer: Share of the bootstrap in which the reference has the AUROC nearer 0.5, and the smaller distance.
        pairs: Matched pairs, mean over the draws.
    """

    auroc: float
    auroc_interval: tuple[float, float]
    distance: float
    distance_interval: tuple[float, float]
    nearer: tuple[float, float]
    pairs: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """The numbers of one set.

    Attributes:
        name: Of the set.
        real: Crops and specimens of the half.
        split_auroc: Mean and interval of real against real, by specimen; None below four specimens.
        split_distance: The same of the kernel distance.
        ground_auroc: AUROC of the grounds alone, real pictures against good ones.
        rows: By source.
        left_out: Sources without a row, and why.
    """

    name: str
    real: tuple[int, int]
    split_auroc: tuple[float, float, float] | None
    split_distance: tuple[float, float, float] | None
    ground_auroc: float
    rows: dict[str, Row]
    left_out: dict[str, str]


# --- sources -------------------------------------------------------------------------------------------------------


def sampled(found: Sequence[crops.Crop], task: Task) -> Sampled:
    """Return crops with their points."""
    pixels, masks = [crop.pixels for crop in found], [crop.mask for crop in found]
    features = scores.features_of(pixels, masks, task.backbone, task.pooling)
    areas = np.array([crop.area for crop in found], np.float64)
    brightness = np.array([crop.brightness for crop in found])
    return Sampled(tuple(found), Points(features, tuple(crop.specimen for crop in found), areas, brightness))


def reason_to_leave_out(source: Source, task: Task) -> str | None:
    """Return why a source has no row, or None."""
    if source.family is not None and source.family not in FAMILIES:
        return f"family {source.family} is not registered"
    if source.calibrated and task.calibrate is None:
        return "no calibration was given"
    return None


def category_of(category: CategorySpec, source: Source, task: Task) -> CategorySpec:
    """Return the category as a source fills it."""
    if source.family is not None:
        mix = (DefectSpec(family=source.family, weight=1.0),)
        return category.model_copy(update={"defects": mix, "severity": RIVAL_SEVERITY})
    return task.calibrate(category) if source.calibrated and task.calibrate is not None else category


def _draws(
    dataset: DatasetSpec, category: CategorySpec, source: Source, task: Task, real: Sampled
) -> tuple[list[Drawn], str]:
    """Return the draws of a source against the real crops, and why there is none, if so."""
    try:
        own = category_of(category, source, task)
    except PictureError as error:
        return [], str(error).splitlines()[0]
    out = []
    scale, encoders = scores.Scale.of(real.points), crops.histories(task.data, category.name, task.half)
    for draw in range(task.draws):
        seeded = dataset.model_copy(update={"seed": draw, "stages": source.stage})
        good = crops.open_good(task.data, seeded, own, task.half)
        made = crops.synthetic_crops(seeded, own, good, encoders, task.samples)
        if not made:
            return [], f"no crop shows {crops.MIN_AREA} px of the mask"
        synthetic = sampled(made, task)
        first, second = scores.match(real.points, synthetic.points)
        one, other = real.take(first), synthetic.take(second)
        if min(len(set(part.points.specimens)) for part in (one, other)) < 2:
            return [], "fewer than two specimens are left after matching areas"
        pairs = scores.pair_scores(one.points, other.points)
        out.append(Drawn(pairs, scores.kernels(one.points, other.points, scale), other, one))
    return out, ""


def ground_auroc(drawn: Drawn, task: Task) -> float:
    """Return the AUROC of the matched crops' grounds, with the masks of the crops; NaN where too few have one."""
    points = []
    for side in (drawn.partners, drawn.matched):
        chosen = [crop for crop in side.crops if crop.ground is not None]
        grounds = [crop.ground for crop in chosen if crop.ground is not None]
        masks = [crop.mask for crop in chosen]
        names = tuple(crop.specimen for crop in chosen)
        if len(set(names)) < 2:
            return float("nan")
        points.append(
            Points(scores.features_of(grounds, masks, task.backbone, task.pooling), names, *np.ones((2, len(chosen))))
        )
    return scores.auroc(scores.pair_scores(*points))


# --- intervals -----------------------------------------------------------------------------------------------------


def _weights(names: Sequence[str], counts: Mapping[str, int]) -> Float64:
    return np.array([counts.get(name, 0) for name in names], np.float64)


def _statistics(drawn: Sequence[Drawn], real: Mapping[str, int], synthetic: Mapping[str, int]) -> tuple[float, float]:
    """Return the mean AUROC and kernel distance of some draws under resampled specimens."""
    values = [
        (
            scores.auroc(d.pairs, _weights(d.pairs.real, real), _weights(d.pairs.synthetic, synthetic)),
            scores.kernel_distance(
                d.kernels, _weights(d.kernels.names[0], real), _weights(d.kernels.names[1], synthetic)
            ),
        )
        for d in drawn
    ]
    first, second = np.mean(values, axis=0)
    return float(first), float(second)


def _resampled(names: Sequence[str], rng: np.random.Generator) -> dict[str, int]:
    drawn = rng.integers(len(names), size=len(names))
    return {name: int(count) for name, count in zip(names, np.bincount(drawn, minlength=len(names)), strict=True)}


def bootstrap(rows: Mapping[str, Sequence[Drawn]], replicates: int, rng: np.random.Generator) -> dict[str, Float64]:
    """Return (replicates, 2) AUROCs and distances of each row.

    Specimens of either side and draws are resampled with replacement, all rows alike. NaN where a replicate leaves one
    specimen, or no pair that was held out together.
    """
    everything = [drawn for draws in rows.values() for drawn in draws]
    real = sorted({name for d in everything for name in d.pairs.real})
    synthetic = sorted({name for d in everything for name in d.pairs.synthetic})
    out = {name: np.full((replicates, 2), np.nan) for name in rows}
    with np.errstate(invalid="ignore"):
        for replicate in range(replicates):
            first, second = _resampled(real, rng), _resampled(synthetic, rng)
            number = len(next(iter(rows.values())))
            chosen = rng.integers(number, size=number)
            for name, draws in rows.items():
                out[name][replicate] = _statistics([draws[k] for k in chosen], first, second)
    return out


def _interval(values: Sequence[float] | Float64) -> tuple[float, float]:
    low, high = np.nanpercentile(values, LEVELS)
    return float(low), float(high)


def _row(drawn: Sequence[Drawn], own: Float64, reference: Float64) -> Row:
    aurocs = [scores.auroc(d.pairs) for d in drawn]
    distances = [scores.kernel_distance(d.kernels) for d in drawn]
    known = np.isfinite(own).all(axis=1) & np.isfinite(reference).all(axis=1)
    gap, theirs = np.abs(reference[known, 0] - 0.5), np.abs(own[known, 0] - 0.5)
    nearer = (float(np.mean(gap < theirs)), float(np.mean(reference[known, 1] < own[known, 1])))
    return Row(
        float(np.nanmean(aurocs)),
        _interval(own[:, 0]),
        float(np.nanmean(distances)),
        _interval(own[:, 1]),
        nearer,
        float(np.mean([len(d.matched.crops) for d in drawn])),
    )


def _floor(values: Sequence[float]) -> tuple[float, float, float] | None:
    return (float(np.mean(values)), *_interval(values)) if values else None


# --- the set -------------------------------------------------------------------------------------------------------


def evaluate(task: Task, dataset: DatasetSpec, name: str) -> tuple[Outcome, dict[str, list[Drawn]]]:
    """Run one set; also return the draws, for the sheet."""
    category = dataset.category(name)
    real = sampled(crops.real_crops(task.data, name, task.half), task)
    drawn: dict[str, list[Drawn]] = {}
    left_out: dict[str, str] = {}
    for key in task.sources:
        why = reason_to_leave_out(SOURCES[key], task)
        if why is None:
            found, why = _draws(dataset, category, SOURCES[key], task, real)
            if found:
                drawn[key] = found
                continue
        left_out[key] = why
    replicates = bootstrap(drawn, task.replicates, stream(0, name, "bootstrap")) if drawn else {}
    reference = REFERENCE if REFERENCE in drawn else next(iter(drawn), "")
    scale = scores.Scale.of(real.points)
    outcome = Outcome(
        name,
        (len(real.crops), len(set(real.points.specimens))),
        _floor(scores.split_scores(real.points, SPLITS, stream(0, name, "splits"))),
        _floor(scores.split_distances(real.points, scale, 10 * SPLITS, stream(0, name, "splits"))),
        ground_auroc(drawn[reference][0], task) if drawn else float("nan"),
        {key: _row(found, replicates[key], replicates[reference]) for key, found in drawn.items()},
        left_out,
    )
    return outcome, drawn


def sheet(drawn: Mapping[str, Sequence[Drawn]]) -> RGB:
    """Return close-ups: for every source a row of real crops and below it the synthetic ones of like area."""
    tiles: list[RGB] = []
    for draws in drawn.values():
        order = np.argsort([crop.area for crop in draws[0].partners.crops])
        chosen = order[np.linspace(0, len(order) - 1, SHEET_COLUMNS).astype(int)]
        for side in (draws[0].partners, draws[0].matched):
            tiles += [_tile(side.crops[k].pixels) for k in chosen]
    return contact_sheet(tiles, SHEET_COLUMNS)


def _tile(pixels: NDArray[np.uint8]) -> RGB:
    return np.asarray(cv2.resize(pixels, (SHEET_TILE, SHEET_TILE), interpolation=cv2.INTER_CUBIC), np.uint8)

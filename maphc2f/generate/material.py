"""What the estimator learns from: samples of the generator's own, made in this process and spoiled on purpose.

* :func:`make_material` makes one category's :class:`~maphc2f.quality.ranking.Material`.
* :func:`judged_sample` gives the defects of a sample that was just made, as the estimator sees them.
* :class:`Wanted` says how much; :class:`Ground` is where it is made.

Samples of a lower stage are the same simulations at the same places, rendered without the later stages; those of the
cut-and-paste family lie on the same pool of good pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maphc2f.features.base import Backbone
from maphc2f.generate.compose import CategoryContext
from maphc2f.generate.group import make_groups
from maphc2f.generate.judge import GoodPicture, judged_defects
from maphc2f.generate.overlay import TextureBank
from maphc2f.generate.pictures import PicturePool, substrate_id
from maphc2f.generate.plan import plan_groups
from maphc2f.generate.profile import Clock
from maphc2f.generate.sources import SourceOptions, take_inventory
from maphc2f.generate.varied import VariedPictures
from maphc2f.quality.judged import INPUTS, JudgedPicture, Maps, observe
from maphc2f.quality.ranking import Material
from maphc2f.quality.spoil import SPOILINGS, spoil
from maphc2f.rng import stream
from maphc2f.sample import Sample
from maphc2f.spec import CategorySpec, DatasetSpec, DefectSpec, Stage
from maphc2f.substrates.base import SourcePicture, Substrate, open_substrate
from maphc2f.substrates.inventory import splits_present

Float64 = NDArray[np.float64]

BATCH = 8
"""Groups that are made together."""

LOWER_STAGES: tuple[Stage, Stage] = ("npcf", "coarse")
PASTED = "cut_paste"
"""The family at the bottom of the ranking."""

SNAPSHOTS = 2
"""Samples of one simulation: fewer than in a dataset, so that the simulations differ more."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much is made of a category.

    Attributes:
        samples: Intact samples.
        kinds: Spoilings to draw from.
        per_sample: Spoilings of each sample, drawn without replacement; None: all of them.
        lower_share: Share of the samples that are made again by the lower stages.
        pasted_share: Cut-and-paste samples over intact ones.
        varied_share: Good pictures that are made smoother and flatter first, see :mod:`maphc2f.generate.varied`.
    """

    samples: int
    kinds: tuple[str, ...] = tuple(SPOILINGS)
    per_sample: int | None = None
    lower_share: float = 0.25
    pasted_share: float = 0.25
    varied_share: float = 0.0


@dataclass(slots=True)
class _Collector:
    """Observes samples as they come and keeps the observations."""

    wanted: Wanted
    backbone: Backbone
    seed: int
    intact: list[Float64] = field(default_factory=list)
    families: list[str] = field(default_factory=list)
    lesser: list[Float64] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    better: list[int] = field(default_factory=list)

    def take_lesser(self, judged: JudgedPicture, kind: str, better: int, kept: Maps | None = None) -> None:
        """Keep a lesser sample; ``better`` is the number of the intact one, or -1."""
        self.lesser.append(observe(judged, self.backbone, kept)[0])
        self.kinds.append(kind)
        self.better.append(better)

    def take_intact(self, judged: JudgedPicture, row: Mapping[str, Any]) -> None:
        """Keep an intact sample and its spoiled ones."""
        number, identity = len(self.intact), str(row["sample_id"])
        vector, maps = observe(judged, self.backbone)
        self.intact.append(vector)
        self.families.append(str(row["defect_family"]))
        for kind in self._drawn(identity):
            spoiled = spoil(kind, judged, stream(self.seed, "sqe", identity, kind))
            if spoiled is not None:
                self.take_lesser(spoiled, kind, number, maps)

    def _drawn(self, identity: str) -> list[str]:
        kinds, count = list(self.wanted.kinds), self.wanted.per_sample
        if count is None or count >= len(kinds):
            return kinds
        rng = stream(self.seed, "sqe", identity, "kinds")
        return [kinds[i] for i in sorted(rng.choice(len(kinds), count, replace=False))]

    def material(self, category: str) -> Material:
        """Return what was kept."""
        none = np.zeros((0, len(INPUTS)))
        return Material(
            category,
            tuple(self.families),
            np.stack(self.intact) if self.intact else none,
            np.stack(self.lesser) if self.lesser else none,
            tuple(self.kinds),
            np.asarray(self.better, np.int64),
        )


@dataclass(frozen=True, slots=True)
class Ground:
    """Where samples are made: a dataset's settings, one of its categories and its opened pictures."""

    dataset: DatasetSpec
    category: CategorySpec
    substrate: Substrate
    inventory: tuple[SourcePicture, ...]

    @classmethod
    def of(cls, dataset: DatasetSpec, name: str, options: SourceOptions) -> Ground:
        """Open the pictures of a category.

        Raises:
            UserError: As for a run.
        """
        category = dataset.category(name)
        one = dataset.model_copy(update={"categories": (category,)})
        substrate = open_substrate(
            category, root=options.data_root, seed=dataset.seed, size=dataset.size, specimens=options.specimens
        )
        return cls(one, category, substrate, tuple(take_inventory(one, options)[name]))

    def varied(self, share: float) -> Ground:
        """Return the same with a share of the good pictures made smoother and flatter."""
        return replace(self, substrate=VariedPictures(self.substrate, share, self.dataset.seed)) if share else self

    def context(self, stage: Stage, defects: tuple[DefectSpec, ...] | None = None) -> CategoryContext:
        """Return what samples need whose last stage is ``stage``; ``defects`` take the place of the category's mix."""
        mix = self.category.defects if defects is None else defects
        category = self.category.model_copy(update={"defects": mix})
        dataset = self.dataset.model_copy(
            update={"categories": (category,), "stages": stage, "snapshots": SNAPSHOTS, "device": "cpu"}
        )
        pool = PicturePool(dataset, category, self.substrate, self.inventory)
        return CategoryContext(dataset, category, pool, TextureBank(dataset.textures, dataset.seed), maps=())


def make_material(ground: Ground, wanted: Wanted, backbone: Backbone) -> Material:
    """Make one category's samples, spoil them and observe all of them.

    Args:
        ground: Its pictures; the dataset's seed decides all draws.
        wanted: How much.
        backbone: The scattering transform.

    Returns:
        The observations; the same for the same arguments, to the bit on one thread.
    """
    collector = _Collector(wanted, backbone, ground.dataset.seed)
    ground = ground.varied(wanted.varied_share)
    context = ground.context("npcf++")
    places: dict[str, int] = {}
    for sample in _samples(context, wanted.samples):
        for judged in judged_sample(context, sample):
            places.setdefault(_place(sample), len(collector.intact))
            collector.take_intact(judged, sample.row)
    for stage in LOWER_STAGES:
        lower = ground.context(stage)
        for sample in _samples(lower, round(wanted.samples * wanted.lower_share)):
            if _place(sample) in places:
                collector.take_lesser(judged_sample(lower, sample)[0], stage, places[_place(sample)])
    pasted = ground.context("npcf++", (DefectSpec(family=PASTED),))
    for sample in _samples(pasted, round(wanted.samples * wanted.pasted_share)):
        collector.take_lesser(judged_sample(pasted, sample)[0], PASTED, -1)
    return collector.material(ground.category.name)


def _samples(context: CategoryContext, count: int) -> Iterator[Sample]:
    """Yield the first samples of a category in the order of their index."""
    if count < 1:
        return
    category = context.category.model_copy(update={"count": count})
    groups = plan_groups(category, SNAPSHOTS, splits=splits_present(context.pool.splits))
    for first in range(0, len(groups), BATCH):
        yield from make_groups(context, groups[first : first + BATCH], Clock())[0]


def _place(sample: Sample) -> str:
    """Return what a sample of another stage must share: the index, and the attempt at which it found its place."""
    defect = sample.row["defects"][0]
    return f"{sample.row['sample_id']}/{defect['simulation_id']}/{defect['placement_attempt']}"


def judged_sample(context: CategoryContext, sample: Sample) -> list[JudgedPicture]:
    """Return the defects of a sample that ``context`` made, one picture a defect."""
    name = str(sample.row["substrate_id"])
    source = next(p for p in context.pool.accepted if substrate_id(context.category.name, p) == name)
    prepared = context.pool.get(source)
    good = GoodPicture(prepared.image, prepared.foreground, prepared.statistics)
    return judged_defects(sample.row, sample.image, sample.mask, good)

"""The sources of training data that are compared, each made through the generator's own path.

* :data:`SOURCES` lists them; :func:`sources_of` adds one for each scenario of a category's mix.
* :func:`make_samples` makes one draw of a source; :class:`Drawn` holds it.
* :func:`open_context` opens a draw; :func:`draw_from` makes samples from what is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.downstream_sets import Problem
from maphc2f.defects import FAMILIES
from maphc2f.generate.compose import CategoryContext
from maphc2f.generate.group import make_groups
from maphc2f.generate.overlay import TextureBank
from maphc2f.generate.pictures import PicturePool, substrate_id
from maphc2f.generate.plan import Group, assign_cells, family_weights
from maphc2f.generate.profile import Clock
from maphc2f.sample import Sample
from maphc2f.spec import CategorySpec, DefectSpec, Split, Stage

BATCH = 16
VALIDATION_EVERY = 5
"""One sample in so many is of the validation split, on other specimens: it chooses when to stop."""


@dataclass(frozen=True, slots=True)
class Source:
    """A source of training data.

    Attributes:
        title: For the table.
        stage: Last stage that runs; rivals replace pixels and know no stages.
        family: A rival family in place of the category's mix, or None.
        scenario: One scenario alone of the category's mix, or None.
        beside: A rival family that takes half of the samples, the mix the other half, or None.
    """

    title: str
    stage: Stage = "npcf++"
    family: str | None = None
    scenario: str | None = None
    beside: str | None = None

    def defects(self, category: CategorySpec) -> tuple[DefectSpec, ...]:
        """Return the mix that it draws from."""
        if self.family is not None:
            return (DefectSpec(family=self.family),)
        mix = tuple(d for d in category.defects if self.scenario in {None, d.scenario})
        if self.beside is None:
            return mix
        return (*mix, DefectSpec(family=self.beside, weight=sum(d.weight for d in mix)))


SOURCES: Mapping[str, Source] = {
    "perlin": Source("Perlin (DRAEM)", family="perlin_overlay"),
    "cut_paste": Source("CutPaste", family="cut_paste"),
    "nsa": Source("NSA", family="poisson_blend"),
    "las": Source("LAS (GLASS)", family="texture_overlay"),
    "coarse": Source("ours, coarse", stage="coarse"),
    "npcf": Source("ours, npcF", stage="npcf"),
    "npcf++": Source("ours, npcF++"),
    "ours+cut_paste": Source("ours, half CutPaste", beside="cut_paste"),
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """One draw of a source.

    Attributes:
        samples: Pictures, masks and rows.
        good_keys: SHA-256 of the good picture of each.
        held_out: Which are of the validation split.
        failed: Samples that found no valid form.
    """

    samples: tuple[Sample, ...]
    good_keys: tuple[str, ...]
    held_out: NDArray[np.bool_]
    failed: int


def sources_of(category: CategorySpec) -> dict[str, Source]:
    """Return all sources: those of :data:`SOURCES` whose family is registered, and each scenario of the mix alone."""
    known = {key: s for key, s in SOURCES.items() if all(f is None or f in FAMILIES for f in (s.family, s.beside))}
    names = dict.fromkeys(d.scenario for d in category.defects if d.scenario is not None)
    alone = {f"only:{name}": Source(f"ours, only {name}", scenario=name) for name in names} if len(names) > 1 else {}
    return known | alone


def _groups(category: CategorySpec, samples: int) -> list[Group]:
    families = family_weights(category)
    cells = assign_cells(list(families.values()), samples)
    splits: list[Split] = [
        "validation" if n % VALIDATION_EVERY == VALIDATION_EVERY - 1 else "train" for n in range(samples)
    ]
    return [Group(n, list(families)[cell], splits[n], n, 1) for n, cell in enumerate(cells)]


def make_samples(problem: Problem, source: Source, samples: int, draw: int) -> Drawn:
    """Make one draw of a source on the problem's good pictures.

    Args:
        problem: Names category and good pictures.
        source: What to make.
        samples: How many.
        draw: Number of the draw, which is the dataset's seed.
    """
    return draw_from(problem, open_context(problem, source, samples, draw))


def open_context(problem: Problem, source: Source, samples: int, draw: int) -> CategoryContext:
    """Open one draw of a source; the arguments are those of :func:`make_samples`."""
    stated = problem.dataset.categories[0]
    category = stated.model_copy(update={"defects": source.defects(stated), "count": samples})
    dataset = problem.dataset.model_copy(update={"categories": (category,), "seed": draw, "stages": source.stage})
    pool = PicturePool(dataset, category, problem.source, problem.inventory)
    return CategoryContext(dataset, category, pool, TextureBank(None, dataset.seed), maps=())


def draw_from(problem: Problem, context: CategoryContext) -> Drawn:
    """Make all samples of an opened draw."""
    category = context.category
    groups = _groups(category, category.count)
    made: list[Sample] = []
    for first in range(0, len(groups), BATCH):
        made += make_groups(context, groups[first : first + BATCH], Clock())[0]
    held_out = np.array([sample.row["split"] == "validation" for sample in made], np.bool_)
    keys = {substrate_id(category.name, picture): picture.sha256 for picture in problem.inventory}
    good_keys = tuple(keys[sample.row["substrate_id"]] for sample in made)
    return Drawn(tuple(made), good_keys, held_out, category.count - len(made))

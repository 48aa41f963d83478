"""Defects of a family rendered as a dataset would hold them, and measured as real ones are.

* :class:`Bench` holds the pictures and the simulations, which stay the same whatever the looks.
* :func:`user_bench` sets one up for a :class:`Trial` of ``maphc2f calibrate``, :func:`bench_of` for
  any category and pool of pictures.
* :func:`measured_with` renders every simulation with some looks and measures what is seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maphc2f.bundled import find_material, load_materials
from maphc2f.defects import FAMILIES
from maphc2f.errors import ManifestError
from maphc2f.flags import RunOptions, UserCategory, user_dataset
from maphc2f.generate.calibrate_measure import measure_picture, surface_statistics
from maphc2f.generate.calibrate_view import Measured
from maphc2f.generate.compose import CategoryContext, Order, Part, hard_mask, prepare_window
from maphc2f.generate.further import refine
from maphc2f.generate.group import PICTURE_RANKS, PLACE_ATTEMPTS, next_order
from maphc2f.generate.overlay import TextureBank
from maphc2f.generate.pictures import PicturePool, to_unit
from maphc2f.generate.plan import Group, assign_cells, check_names, family_weights
from maphc2f.generate.profile import Clock
from maphc2f.generate.simulate import GroupSimulation, simulate_group
from maphc2f.generate.sources import nominal_size
from maphc2f.render.calibration import follows, is_line
from maphc2f.render.window import PictureStatistics
from maphc2f.sample import Float32
from maphc2f.spec import CalibrationSpec, CategorySpec, DatasetSpec, DefectSpec, MaterialSpec
from maphc2f.substrates.base import SourcePicture, require_accepted
from maphc2f.substrates.files import FileSubstrate, list_files

RENDERED = 40
"""Defects rendered in each round: their median is known to a fifth of their spread."""

MOST_PICTURES = 24
"""Good pictures that are used, the first by hash of their names."""

AROUND = 24
"""Surface that is measured round the window of a defect, px: profiles and rings reach 21 px from its mask."""

USUAL_MATERIAL = "steel"
"""Taken where no material is named, if the family suits it."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Bench:
    """What defects are rendered on and from.

    Attributes:
        dataset: Its seed decides everything that is drawn.
        category: Mix, sizes and material; its calibration of other cells is kept.
        key: Cell whose looks vary, ``family`` or ``family.scenario``.
        line: Whether its defects are measured as lines.
        pool: Prepared pictures.
        surfaces: Statistics of their sound surface, by SHA-256.
        simulated: One simulation a sample.
    """

    dataset: DatasetSpec
    category: CategorySpec
    key: str
    line: bool
    pool: PicturePool
    surfaces: dict[str, PictureStatistics]
    simulated: tuple[tuple[Group, GroupSimulation], ...]

    @property
    def material(self) -> MaterialSpec:
        """The category's material."""
        return self.dataset.materials[self.category.material]


def default_material(family: str, scenario: str | None) -> str:
    """Return the name of a bundled material that suits a cell: steel, else the first by name.

    Raises:
        ManifestError: The cell suits none.
    """
    materials = load_materials()
    for name in (USUAL_MATERIAL, *sorted(materials)):
        if _scenarios(family, scenario, materials[name]):
            return name
    raise _unsuitable(family, scenario, "any bundled material")


def _scenarios(family: str, scenario: str | None, material: MaterialSpec) -> dict[str, float]:
    """Return the scenarios that suit a material and follow a calibration of the cell, with their weights."""
    entries = FAMILIES[family].scenarios.values()
    suited = [entry for entry in entries if entry.suits(material)]
    if scenario is not None:
        return {scenario: 1.0} if any(entry.name == scenario for entry in suited) else {}
    return {entry.name: entry.weight for entry in suited if follows(family, entry.name)}


def _unsuitable(family: str, scenario: str | None, material: str) -> ManifestError:
    cell = ".".join(part for part in (family, scenario) if part)
    return ManifestError(
        f"{cell} does not suit {material}",
        where="--material",
        rule="defects are rendered in it, so the family must suit it",
        remedy="name the material of the parts, see 'maphc2f list materials'",
    )


@dataclass(frozen=True, slots=True)
class Trial:
    """What a user names: on what and as what defects are rendered.

    Attributes:
        cell: Family and scenario.
        images: Folder of the examples.
        masks: Folder of their masks.
        material: Name of a bundled material.
        pixel_size: m.
        good: Folder of good pictures to render on; None: beside the real defects of the examples.
    """

    cell: tuple[str, str | None]
    images: Path
    masks: Path
    material: str
    pixel_size: float
    good: Path | None = None

    @property
    def key(self) -> str:
        """``family`` or ``family.scenario``."""
        return ".".join(part for part in self.cell if part)


def user_bench(trial: Trial, names: Sequence[str], size: tuple[float, float]) -> Bench:
    """Set up the rendering for ``maphc2f calibrate``.

    Args:
        trial: On what and as what.
        names: Examples that have a mask, relative to the folder of the examples.
        size: Range of their sizes, m.

    Raises:
        UserError: The family does not suit the material, or no picture can be used.
    """
    mix = _scenarios(*trial.cell, find_material(trial.material))
    if not mix:
        raise _unsuitable(*trial.cell, f"material '{trial.material}'")
    folder = trial.images if trial.good is None else trial.good
    stanza = UserCategory(
        images=folder,
        material=trial.material,
        defects=",".join(f"{trial.cell[0]}.{name}={weight!r}" for name, weight in mix.items()),
        native_size=nominal_size(folder),
        count=RENDERED,
        name="calibrate",
        pixel_size=f"{trial.pixel_size!r}m",
    )
    dataset = user_dataset(stanza, RunOptions(snapshots=1))
    category = dataset.categories[0].model_copy(update={"calibration": {trial.key: CalibrationSpec(size=size)}})
    kept = trial.masks.resolve() if trial.good is None else None
    chosen = _first(names if trial.good is None else list_files(folder))
    source = FileSubstrate(folder.resolve(), "", category.kind, "", "auto", listed=chosen, keep_out=kept)
    inventory = require_accepted(source.inventory(), where=f"{'--images' if trial.good is None else '--good'} {folder}")
    pool = PicturePool(dataset, category, source, inventory)
    return bench_of(dataset, category, pool, trial.key, line=is_line(*trial.cell))


def _first(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())[:MOST_PICTURES])


def bench_of(
    dataset: DatasetSpec, category: CategorySpec, pool: PicturePool, key: str, *, line: bool, count: int = RENDERED
) -> Bench:
    """Set up the rendering of one cell of a category on the pictures of a pool; simulations that fail are left out."""
    family, _, scenario = key.partition(".")
    mix = tuple(d for d in category.defects if d.family == family and _holds_for(d, scenario))
    looks = {name: looks for name, looks in category.calibration.items() if name.partition(".")[0] == family}
    alone = category.model_copy(update={"defects": mix, "calibration": looks, "combined": 0.0, "per_sample": (1, 1)})
    one = dataset.model_copy(update={"categories": (alone,), "snapshots": 1})
    check_names(one)
    families = family_weights(alone)
    cells = assign_cells(list(families.values()), count)
    groups = [Group(number, list(families)[cell], "train", number, 1) for number, cell in enumerate(cells)]
    simulated = [(group, simulate_group(one, alone, group)) for group in groups]
    return Bench(
        dataset=one,
        category=alone,
        key=key,
        line=line,
        pool=pool,
        surfaces={picture.sha256: _surface(pool, picture) for picture in pool.accepted},
        simulated=tuple((group, found) for group, found in simulated if found is not None),
    )


def _holds_for(defect: DefectSpec, scenario: str) -> bool:
    """Whether the looks of a scenario, or of all its family if that is empty, are those of a defect of the mix."""
    if scenario:
        return defect.scenario == scenario
    return defect.scenario is None or follows(defect.family, defect.scenario)


def _surface(pool: PicturePool, picture: SourcePicture) -> PictureStatistics:
    prepared = pool.get(picture)
    return surface_statistics(to_unit(prepared.image), ~prepared.free)


def measured_with(bench: Bench, looks: CalibrationSpec) -> list[list[Measured]]:
    """Render every simulation of ``bench`` with ``looks`` and measure what is seen.

    The same draws decide each sample whatever the looks, so that two calls differ by the looks alone.

    Returns:
        For each simulation its measured defects; none where no place was found or nothing stands out.
    """
    own = bench.category.calibration.get(bench.key)
    asked = looks if own is None else looks.model_copy(update={"size": own.size})
    category = bench.category.model_copy(update={"calibration": {**bench.category.calibration, bench.key: asked}})
    dataset = bench.dataset.model_copy(update={"categories": (category,)})
    context = CategoryContext(dataset, category, bench.pool, TextureBank(None, dataset.seed), maps=())
    orders = [Order(group, group.first, simulated, 0) for group, simulated in bench.simulated]
    parts = _parts(context, orders)
    return [_measured(bench, parts[order.index]) if order.index in parts else [] for order in orders]


def _parts(context: CategoryContext, orders: Sequence[Order]) -> dict[int, Part]:
    """Return the valid part of each order by sample index; those that find no place are left out."""
    made: dict[int, Part] = {}
    clock, waiting = Clock(), list(orders)
    while waiting:
        prepared = [prepare_window(context, order) for order in waiting]
        trying = tuple(waiting)

        def settle(place: int, part: Part | None, reason: str, trying: tuple[Order, ...] = trying) -> None:
            del reason
            if part is not None:
                made[trying[place].index] = part

        refine(context, prepared, clock, settle)
        again = [order for order in waiting if order.index not in made]
        again = [order for order in again if order.attempt + 1 < PLACE_ATTEMPTS + PICTURE_RANKS]
        following = [next_order(context, order, clock) for order in again]
        waiting = [order for order in following if order is not None]
    return made


def _measured(bench: Bench, part: Part) -> list[Measured]:
    """Measure a part on the picture that shows it, cut AROUND px round its window."""
    window, picture = part.prepared.window, part.prepared.picture
    height, width = picture.image.shape[:2]
    top, left = max(0, window.top - AROUND), max(0, window.left - AROUND)
    bottom, right = min(height, window.top + window.height + AROUND), min(width, window.left + window.width + AROUND)
    inner = (
        slice(window.top - top, min(window.top + window.height, height) - top),
        slice(window.left - left, min(window.left + window.width, width) - left),
    )
    image: Float32 = to_unit(picture.image[top:bottom, left:right]).copy()
    mask = np.zeros(image.shape[:2], np.bool_)
    rows, columns = inner[0].stop - inner[0].start, inner[1].stop - inner[1].start
    image[inner] = to_unit(part.pixels)[:rows, :columns]
    mask[inner] = hard_mask(part.soft)[:rows, :columns] > 0
    other: Mask = ~picture.free[top:bottom, left:right] & ~mask
    statistics = bench.surfaces[picture.source.sha256]
    return measure_picture(image, mask, line=bench.line, other=other, statistics=statistics)

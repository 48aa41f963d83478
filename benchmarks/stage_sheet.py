"""A look at the stages: the good picture, what each stage makes of a defect on it, and its mask, close up.

    python -m benchmarks.stage_sheet --out FILE.png [--categories NAME[=FAMILY.SCENARIO] ...] [--rows N] [--seed N]
    python -m benchmarks.stage_sheet --out FILE.png --data DIR [--half development|report]

A row is good | coarse | npcF | npcF++ | mask of one sample, all cut at the same place. A category's own mix decides
what it shows, unless a scenario is named behind it. With ``--data`` the rows lie on the real sets' good pictures, made
with ``benchmarks/morphology.toml``, and real defects stand at their right.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks.halves import Half
from benchmarks.realism import SETS
from benchmarks.realism_crops import open_good, real_crops
from maphc2f.bundled import BUNDLED, bundled_path
from maphc2f.generate.compose import CategoryContext
from maphc2f.generate.group import make_groups
from maphc2f.generate.overlay import TextureBank
from maphc2f.generate.pictures import PicturePool, Symmetry, substrate_id
from maphc2f.generate.plan import Group, assign_cells, family_weights
from maphc2f.generate.profile import Clock
from maphc2f.generate.sheet import BACKGROUND, RGB, as_rgb, close_up, contact_sheet, fit_tile, write_sheet
from maphc2f.manifest import as_procedural, load_manifest
from maphc2f.sample import Sample
from maphc2f.spec import CategorySpec, DatasetSpec, DefectSpec, Stage
from maphc2f.substrates.base import SourcePicture, open_substrate

STAGES: tuple[Stage, ...] = ("coarse", "npcf", "npcf++")
TILE = 200
CAPTION = 18
REAL_COLUMNS = 3
SPARE = 3
"""More samples are made than rows shown: one that a stage had to draw anew lies elsewhere and cannot be compared."""

MANIFEST = Path(__file__).with_name("morphology.toml")


@dataclass(frozen=True, slots=True)
class Stages:
    """One sample after each stage.

    Attributes:
        good: The picture before.
        pictures: By stage.
        mask: Of the last stage.
        box: (x, y, w, h) round the first defect.
        name: Family and scenario.
    """

    good: RGB
    pictures: tuple[RGB, ...]
    mask: RGB
    box: tuple[int, int, int, int]
    name: str

    def views(self) -> list[RGB]:
        """Return the close-ups of a row."""
        shape = (TILE, TILE)
        return [fit_tile(close_up(p, self.box, shape), shape) for p in (self.good, *self.pictures, self.mask)]


def _samples(dataset: DatasetSpec, category: CategorySpec, pool: PicturePool, stage: Stage, count: int) -> list[Sample]:
    staged = dataset.model_copy(update={"stages": stage, "categories": (category,), "snapshots": 1})
    context = CategoryContext(staged, category, pool, TextureBank(None, dataset.seed), maps=())
    families = family_weights(category)
    cells = assign_cells(list(families.values()), count)
    groups = [Group(n, list(families)[cell], "train", n, 1) for n, cell in enumerate(cells)]
    return list(make_groups(context, groups, Clock())[0])


def stages_of(dataset: DatasetSpec, category: CategorySpec, pool: PicturePool, count: int) -> list[Stages]:
    """Return at most ``count`` samples of a category that lie at the same place after each stage."""
    made = [
        {s.row["sample_id"]: s for s in _samples(dataset, category, pool, stage, SPARE * count)} for stage in STAGES
    ]
    by_id = {substrate_id(category.name, picture): picture for picture in pool.accepted}
    found = []
    for key, last in made[-1].items():
        series = [table.get(key) for table in made]
        poses = {(s.row["substrate_id"], s.row["defects"][0]["placement_attempt"]) if s else None for s in series}
        if len(poses) > 1:
            continue
        defect = last.row["defects"][0]
        found.append(
            Stages(
                as_rgb(_good(pool, by_id[last.row["substrate_id"]], last)),
                tuple(as_rgb(s.image) for s in series if s),
                as_rgb(last.mask),
                defect["bbox"],
                f"{defect['family']}.{defect['scenario']}",
            )
        )
    return _varied(found, count)


def _good(pool: PicturePool, picture: SourcePicture, sample: Sample) -> NDArray[Any]:
    return Symmetry.from_row(sample.row["substrate_transform"]).array(pool.get(picture).image)


def _varied(found: Sequence[Stages], count: int) -> list[Stages]:
    """Return ``count`` of them, scenarios in turn."""
    seen: dict[str, int] = {}
    ranked = []
    for number, stages in enumerate(found):
        ranked.append((seen.get(stages.name, 0), number))
        seen[stages.name] = seen.get(stages.name, 0) + 1
    return [found[number] for _, number in sorted(ranked)[:count]]


def captioned(row: RGB, text: str) -> RGB:
    """Return a row with a line of text above it."""
    picture = Image.new("RGB", (row.shape[1], row.shape[0] + CAPTION), (255, 255, 255))
    picture.paste(Image.fromarray(row), (0, CAPTION))
    ImageDraw.Draw(picture).text((4, 1), text, fill=(20, 20, 20), font=ImageFont.load_default(13))
    return np.asarray(picture)


def chosen(dataset: DatasetSpec, name: str) -> CategorySpec:
    """Return the drawn category ``NAME``, or as ``NAME=FAMILY.SCENARIO`` with that defect alone.

    A defect of the category's own mix keeps what the mix says of it, its size say.
    """
    category = as_procedural(dataset.category(name.partition("=")[0]))
    family, _, scenario = name.partition("=")[2].partition(".")
    if not family:
        return category
    own = [d for d in category.defects if (d.family, d.scenario) == (family, scenario)]
    defects = tuple(own) or (DefectSpec(family=family, scenario=scenario),)
    return category.model_copy(update={"defects": defects})


def procedural_rows(names: Sequence[str], rows: int, seed: int) -> Iterator[RGB]:
    """Yield the rows of drawn categories, each as :func:`chosen` takes it."""
    dataset = load_manifest(bundled_path(BUNDLED)).model_copy(update={"seed": seed})
    for name in names or [c.name for c in dataset.categories]:
        category = chosen(dataset, name)
        source = open_substrate(category, seed=seed, size=dataset.size)
        pool = PicturePool(dataset, category, source, source.inventory())
        for stages in stages_of(dataset, category, pool, rows):
            yield captioned(contact_sheet(stages.views(), 5), f"{category.name}: {stages.name}")


def real_rows(data: Path, half: Half, names: Sequence[str], rows: int, seed: int) -> Iterator[RGB]:
    """Yield the rows of the real sets, real defects at their right."""
    dataset = load_manifest(MANIFEST).model_copy(update={"seed": seed})
    for name in names or SETS:
        category = dataset.category(name)
        pool = open_good(data, dataset, category, half).pool
        real = [cv2.resize(c.pixels, (TILE, TILE), interpolation=cv2.INTER_CUBIC) for c in real_crops(data, name, half)]
        step = max(1, len(real) // (rows * REAL_COLUMNS))
        for number, stages in enumerate(stages_of(dataset, category, pool, rows)):
            beside = real[number * step * REAL_COLUMNS :: step][:REAL_COLUMNS]
            blank = [np.full((TILE, TILE, 3), BACKGROUND, np.uint8)] * (REAL_COLUMNS - len(beside))
            tiles = [*stages.views(), *(np.asarray(tile, np.uint8) for tile in beside), *blank]
            yield captioned(contact_sheet(tiles, 5 + REAL_COLUMNS), f"{name}: {stages.name}   |   real")


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.stage_sheet", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--out", type=Path, required=True, help="PNG or JPEG")
    parser.add_argument("--categories", nargs="+", default=[], metavar="NAME", help="some, or NAME=FAMILY.SCENARIO")
    parser.add_argument("--rows", type=int, default=2, help="samples of each category (default 2)")
    parser.add_argument("--seed", type=int, default=0, help="of pictures and defects")
    parser.add_argument("--data", type=Path, help="folder of the real sets: rows on their good pictures")
    parser.add_argument("--half", choices=("development", "report"), default="development")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Draw the sheet."""
    options = parse_args(arguments)
    if options.data is None:
        rows = list(procedural_rows(options.categories, options.rows, options.seed))
    else:
        rows = list(real_rows(options.data, options.half, options.categories, options.rows, options.seed))
    if not rows:
        print("no sample lies at the same place after each stage: try another --seed", file=sys.stderr)
        return 2
    write_sheet(options.out, np.concatenate(rows))
    print(f"{len(rows)} rows in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

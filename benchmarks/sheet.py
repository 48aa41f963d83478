"""A look at everything: each scenario at three severities on a drawn picture of a category that has it.

    python -m benchmarks.sheet --out FILE.png [--family F] [--scenario S] [--seed N] [--close]

A row holds the good picture, then sample and mask for each severity; ``--close`` shows a close-up in place of the whole
sample. Scenarios that find no valid form say so in their place.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from maphc2f.bundled import BUNDLED, bundled_path
from maphc2f.defects import FAMILIES
from maphc2f.errors import IncompleteDatasetError
from maphc2f.generate.sheet import GAP, RGB, as_rgb, close_up, contact_sheet, fit_tile, write_sheet
from maphc2f.generate.single import synthesize
from maphc2f.manifest import as_procedural, load_manifest
from maphc2f.rng import stream
from maphc2f.sample import Scenario
from maphc2f.spec import CategorySpec, DatasetSpec
from maphc2f.substrates.procedural.catalogue import render

SEVERITIES = (0.35, 0.65, 1.0)
TILE = 208
SIDE = 256
CAPTION = 18


@dataclass(frozen=True, slots=True)
class Look:
    """What the rows show: seed of pictures and defects, and whether samples are shown close up."""

    seed: int
    close: bool


def categories_for(dataset: DatasetSpec, family: str, scenario: Scenario) -> list[CategorySpec]:
    """Return the categories that can have a scenario: those whose mix has it, else those whose material suits."""
    suited = [c for c in dataset.categories if scenario.suits(dataset.materials[c.material])]
    mixed = [c for c in suited if any(d.family == family and d.scenario in {None, scenario.name} for d in c.defects)]
    named = [c for c in mixed if any(d.family == family and d.scenario == scenario.name for d in c.defects)]
    return named or mixed or suited


def entries(family: str | None, scenario: str | None) -> Iterator[tuple[str, Scenario, CategorySpec]]:
    """Yield the chosen scenarios with a category each; neighbours take different ones where there are several."""
    dataset = load_manifest(bundled_path(BUNDLED))
    everything = [(name, s) for name in FAMILIES for s in FAMILIES[name].scenarios.values()]
    for number, (name, described) in enumerate(everything):
        if family in {None, name} and scenario in {None, described.name}:
            options = categories_for(dataset, name, described)
            if options:
                yield name, described, as_procedural(options[number % len(options)])


def strip(family: str, scenario: Scenario, category: CategorySpec, look: Look) -> RGB:
    """Return the row of one scenario."""
    generator = category.source.generator
    assert generator is not None, "as_procedural names a generator"
    good, part = render(generator, (SIDE, SIDE), stream(look.seed, "sheet", category.name))
    foreground = None if category.foreground == "full" or part is None else part
    views, notes = [as_rgb(good)], []
    for severity in SEVERITIES:
        try:
            sample = synthesize(
                good,
                foreground,
                family,
                category.material,
                severity,
                seed=look.seed,
                scenario=scenario.name,
                pixel_size=category.field_of_view / SIDE,
            )
        except IncompleteDatasetError:
            notes.append(f"no form at {severity:g}")
            views += [np.full((SIDE, SIDE, 3), 128, np.uint8)] * 2
            continue
        picture = as_rgb(sample.image)
        box = sample.row["defects"][0]["bbox"]
        views += [close_up(picture, box, (TILE, TILE)) if look.close else picture, as_rgb(sample.mask)]
    tiles = contact_sheet([fit_tile(view, (TILE, TILE)) for view in views], len(views))
    name = f"{family}.{scenario.name} on {category.name} ({category.material})"
    return captioned(tiles, ", ".join([name, *notes]))


def captioned(tiles: RGB, text: str) -> RGB:
    """Return tiles with a line of text above them."""
    picture = Image.new("RGB", (tiles.shape[1], tiles.shape[0] + CAPTION), (255, 255, 255))
    picture.paste(Image.fromarray(tiles), (0, CAPTION))
    severities = "   |   severity " + ", ".join(f"{s:g}" for s in SEVERITIES)
    ImageDraw.Draw(picture).text((GAP, 1), text + severities, fill=(20, 20, 20), font=ImageFont.load_default(13))
    return np.asarray(picture)


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sheet", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="PNG or JPEG")
    parser.add_argument("--family", choices=list(FAMILIES), help="one family alone")
    parser.add_argument("--scenario", help="one scenario alone")
    parser.add_argument("--seed", type=int, default=0, help="of pictures and defects")
    parser.add_argument("--close", action="store_true", help="close-ups in place of whole samples")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Draw the sheet."""
    options = parse_args(arguments)
    look = Look(options.seed, options.close)
    rows = [strip(*entry, look) for entry in entries(options.family, options.scenario)]
    if not rows:
        print(f"no scenario {options.scenario} in {options.family or 'any family'}", file=sys.stderr)
        return 2
    write_sheet(options.out, np.concatenate(rows))
    print(f"{len(rows)} scenarios x {len(SEVERITIES)} severities in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Draw docs/images: samples of drawn categories as `maphc2f preview` shows them, and the stages of single samples.

* :func:`overview` draws overview.jpg for the README: good | defect | mask | close-up of each category in OVERVIEW.
* :func:`stages` draws a sheet stages-NAME.jpg for methods/gallery.md: good | coarse | npcF | npcF++ | mask.

    python docs/make_pictures.py [--only overview|cracks|breaks|corrosion|deformation ...]

Run it after a change that shows.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.stage_sheet import procedural_rows
from maphc2f.bundled import BUNDLED, bundled_path
from maphc2f.cli.main import run
from maphc2f.generate.worker import pin_threads
from maphc2f.manifest import dump_manifest, load_manifest, select
from maphc2f.spec import DefectSpec

IMAGES = Path(__file__).with_name("images")
WIDTH = 1400
STAGES_WIDTH = 1000
QUALITY = 85
SEED = 0
"""One seed for all sheets: what it gives is shown, not the best of several."""

OVERVIEW = {
    "bottle": "crack.chip",
    "btad_01": "corrosion.blister",
    "capsule": "deformation.edge_dent",
    "cashew": "crack.chip",
    "chewinggum": "crack.edge_crack",
    "hazelnut": "crack.through_crack",
    "leather": "deformation.crease",
    "metal_nut": "corrosion.rust_patch",
    "pcb1": "corrosion.stain",
    "screw": "corrosion.rust_patch",
    "tile": "crack.through_crack",
    "wood": "crack.grain",
}
"""One scenario of each category's own mix, so that every family is seen."""

STAGES: dict[str, tuple[str, ...]] = {
    "cracks": (
        "tile=crack.through_crack",
        "bottle=crack.edge_crack",
        "hazelnut=crack.star",
        "wood=crack.grain",
        "leather=crack.craquelure",
        "macaroni1=crack.thermal_shock",
    ),
    "breaks": (
        "cashew=crack.chip",
        "pill=crack.chip",
        "bottle=crack.chip",
        "chewinggum=crack.chip",
        "metal_nut=deformation.edge_dent",
        "capsule=deformation.edge_dent",
    ),
    "corrosion": (
        "btad_03=corrosion.pit",
        "metal_nut=corrosion.pit_cluster",
        "screw=corrosion.rust_patch",
        "pcb1=corrosion.stain",
        "btad_01=corrosion.rust_run",
        "btad_01=corrosion.blister",
    ),
    "deformation": (
        "toothbrush=deformation.dent",
        "candle=deformation.imprint",
        "cable=deformation.scratch",
        "leather=deformation.crease",
        "grid=deformation.crease",
        "carpet=deformation.wrinkle",
    ),
}
"""Categories and scenarios of each sheet of stages, as benchmarks.stage_sheet takes them."""


def manifest() -> str:
    """Return the bundled manifest with the categories of OVERVIEW, each with its one scenario."""
    dataset = select(load_manifest(bundled_path(BUNDLED)), list(OVERVIEW))
    categories = []
    for category in dataset.categories:
        family, scenario = OVERVIEW[category.name].split(".")
        categories.append(category.model_copy(update={"defects": (DefectSpec(family=family, scenario=scenario),)}))
    return dump_manifest(dataset.model_copy(update={"categories": tuple(categories)}))


def save(picture: Image.Image, width: int, name: str) -> None:
    """Write ``picture``, reduced to ``width`` px, into docs/images."""
    height = round(picture.height * width / picture.width)
    IMAGES.mkdir(exist_ok=True)
    picture.resize((width, height), Image.Resampling.LANCZOS).save(IMAGES / name, quality=QUALITY, optimize=True)


def overview() -> None:
    """Draw the overview."""
    with tempfile.TemporaryDirectory() as folder:
        chosen, sheet = Path(folder, "overview.toml"), Path(folder, "sheet.png")
        chosen.write_text(manifest(), encoding="utf-8")
        run(["preview", "--manifest", str(chosen), "--samples", str(len(OVERVIEW)), "--out", str(sheet)])
        save(Image.open(sheet).convert("RGB"), WIDTH, "overview.jpg")


def stages(name: str) -> None:
    """Draw a sheet of stages: the first sample of each row that lies at the same place after every stage."""
    rows = list(procedural_rows(STAGES[name], rows=1, seed=SEED))
    save(Image.fromarray(np.concatenate(rows)), STAGES_WIDTH, f"stages-{name}.jpg")


def main(arguments: list[str] | None = None) -> None:
    """Draw all of them, or those named."""
    names = ("overview", *STAGES)
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="some alone")
    pin_threads()
    for name in parser.parse_args(arguments).only:
        if name == "overview":
            overview()
        else:
            stages(name)


if __name__ == "__main__":
    main()

"""Draw docs/images: samples of drawn categories, good | defect | mask | close-up, as `maphc2f preview` shows them.

* :func:`main` writes them; run ``python docs/make_pictures.py`` after a change that shows.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from maphc2f.bundled import BUNDLED, bundled_path
from maphc2f.cli.main import run
from maphc2f.manifest import dump_manifest, load_manifest, select
from maphc2f.spec import DefectSpec

IMAGES = Path(__file__).with_name("images")
WIDTH = 1500
OVERVIEW = {
    "bottle": "crack.chip",
    "btad_01": "corrosion.blister",
    "capsule": "deformation.edge_dent",
    "chewinggum": "crack.edge_crack",
    "hazelnut": "crack.through_crack",
    "leather": "deformation.crease",
    "metal_nut": "corrosion.rust_patch",
    "pcb1": "corrosion.stain",
    "screw": "corrosion.rust_patch",
    "tile": "crack.through_crack",
    "wood": "crack.grain",
    "zipper": "corrosion.stain",
}
"""One scenario of each category's own mix, so that every family is seen."""


def manifest() -> str:
    """Return the bundled manifest with the categories of OVERVIEW, each with its one scenario."""
    dataset = select(load_manifest(bundled_path(BUNDLED)), list(OVERVIEW))
    categories = []
    for category in dataset.categories:
        family, scenario = OVERVIEW[category.name].split(".")
        categories.append(category.model_copy(update={"defects": (DefectSpec(family=family, scenario=scenario),)}))
    return dump_manifest(dataset.model_copy(update={"categories": tuple(categories)}))


def main() -> None:
    """Draw the overview."""
    with tempfile.TemporaryDirectory() as folder:
        chosen, sheet = Path(folder, "overview.toml"), Path(folder, "sheet.png")
        chosen.write_text(manifest(), encoding="utf-8")
        run(["preview", "--manifest", str(chosen), "--samples", str(len(OVERVIEW)), "--out", str(sheet)])
        picture = Image.open(sheet).convert("RGB")
    height = round(picture.height * WIDTH / picture.width)
    IMAGES.mkdir(exist_ok=True)
    picture.resize((WIDTH, height), Image.Resampling.LANCZOS).save(IMAGES / "overview.jpg", quality=86, optimize=True)


if __name__ == "__main__":
    main()

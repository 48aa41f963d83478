"""Draw docs/images: samples of procedural categories, good | defect | mask, as `maphc2f preview` shows them.

* :func:`main` writes them; run ``python docs/make_pictures.py`` after a change that shows.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from maphc2f.cli.main import run

IMAGES = Path(__file__).with_name("images")
OVERVIEW = "bottle,btad_01,capsule,chewinggum,hazelnut,leather,metal_nut,pcb1,screw,tile,wood,zipper"
WIDTH = 1500


def main() -> None:
    """Draw the overview: one sample of each category of OVERVIEW."""
    with tempfile.TemporaryDirectory() as folder:
        sheet = Path(folder, "sheet.png")
        run(["preview", "--categories", OVERVIEW, "--samples", str(len(OVERVIEW.split(","))), "--out", str(sheet)])
        picture = Image.open(sheet).convert("RGB")
    height = round(picture.height * WIDTH / picture.width)
    IMAGES.mkdir(exist_ok=True)
    picture.resize((WIDTH, height), Image.Resampling.LANCZOS).save(IMAGES / "overview.jpg", quality=86, optimize=True)


if __name__ == "__main__":
    main()

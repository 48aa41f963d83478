"""The looks of a category, fitted to five real defects of the development half, as a user would with ``calibrate``.

* :func:`examples` chooses the pictures; :func:`calibrated` returns the category with what was fitted, :func:`fits` how.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.halves import SETS
from benchmarks.morphology_sets import REAL_SETS, good_source, load_dataset
from benchmarks.realism_crops import listed
from maphc2f.generate.calibrate import calibrate, check_enough, line_cell
from maphc2f.generate.calibrate_loop import Closed
from maphc2f.generate.calibrate_measure import measure_picture
from maphc2f.generate.calibrate_render import bench_of
from maphc2f.generate.calibrate_view import Measured
from maphc2f.generate.pictures import PicturePool, to_unit
from maphc2f.render.calibration import follows
from maphc2f.spec import CategorySpec

EXAMPLES = 5


def examples(data: Path, name: str, count: int = EXAMPLES) -> list[dict[str, str]]:
    """Return rows of the set's list, of the development half: by hash, as many specimens as there are."""
    column = SETS[REAL_SETS[name].folder][0]
    rows = sorted(
        listed(data, name, "development"), key=lambda row: hashlib.sha256(f"{name}/{row['file']}".encode()).digest()
    )
    seen: dict[str, int] = {}
    ranked = []
    for row in rows:
        rank = seen.get(row[column], 0)
        seen[row[column]] = rank + 1
        ranked.append((rank, row))
    # A sort keeps the order of equals: the first picture of every specimen comes before any second one.
    return [row for _, row in sorted(ranked, key=lambda pair: pair[0])][:count]


def _measured(data: Path, name: str, *, line: bool) -> list[Measured]:
    folder, found = data / REAL_SETS[name].folder, []
    for row in examples(data, name):
        pixels = np.asarray(Image.open(folder / row["file"]))
        mask = np.asarray(Image.open(folder / row["mask"])) > 127
        found += measure_picture(to_unit(pixels), mask, line=line)
    return found


def calibrated(data: Path, category: CategorySpec) -> CategorySpec:
    """Return the category with the fitted looks of every family of its mix, or scenario that has looks of its own.

    Defects are rendered on the good pictures of the development half. Sizes stay as they are: areas are matched
    afterwards.

    Raises:
        PictureError: The examples show fewer than three defects that can be measured.
    """
    return category.model_copy(update={"calibration": {key: closed.looks for key, closed in fits(data, category)}})


def fits(data: Path, category: CategorySpec) -> list[tuple[str, Closed]]:
    """Return the cells of a category's mix that have looks of their own, and what was fitted to each."""
    dataset = load_dataset(data).model_copy(update={"stages": "npcf++"})
    source = good_source(data, category.name, "development")
    pool = PicturePool(dataset, category, source, source.inventory())
    found = []
    for key in sorted({_cell(defect.family, defect.scenario or "") for defect in category.defects}):
        family, _, scenario = key.partition(".")
        line = line_cell((family, scenario or None))
        measured = _measured(data, category.name, line=line)
        check_enough(measured)
        found.append((key, calibrate(measured, bench_of(dataset, category, pool, key, line=line))))
    return found


def _cell(family: str, scenario: str) -> str:
    return family if not scenario or follows(family, scenario) else f"{family}.{scenario}"

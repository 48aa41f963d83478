"""The looks of a category, fitted to five real defects of the development half, as a user would with ``calibrate``.

* :func:`examples` chooses the pictures; :func:`calibrated` returns the category with what was fitted.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.halves import SETS
from benchmarks.morphology_sets import REAL_SETS
from benchmarks.realism_crops import listed
from maphc2f.generate.calibrate import fit_family, line_cell
from maphc2f.generate.calibrate_measure import Measured, measure_picture
from maphc2f.generate.pictures import to_unit
from maphc2f.spec import CalibrationSpec, CategorySpec

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
    """Return the category with the fitted looks of every family and scenario of its mix.

    Sizes stay as they are: areas are matched afterwards.

    Raises:
        PictureError: The examples show fewer than three defects that can be measured.
    """
    looks: dict[str, CalibrationSpec] = {}
    for defect in category.defects:
        cell = (defect.family, defect.scenario)
        measured = _measured(data, category.name, line=line_cell(cell))
        fitted = fit_family(cell, measured, category.pixel_size)
        looks[".".join(part for part in cell if part)] = fitted.model_copy(update={"size": None})
    return category.model_copy(update={"calibration": looks})

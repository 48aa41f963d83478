"""How defects lie to the texture round them: real ones of a half beside those that the generator makes.

    python -m benchmarks.direction --data DIR [--half report] [--samples 80] [--only SET]

Of every defect two directions are measured, in the same way for both sides: its long axis (of the largest part of its
mask, where that is longer than wide) and, for regions, the lines inside it. Both are compared with the texture where it
lies, measured on the picture without the defect and 8 px round it. cos 2δ is 1 along the texture, -1 across it, 0 on
average for defects that lie any way.

* :func:`lie_of` measures a defect; :func:`real_lies` and :func:`made_lies` those of a set.
* :func:`report` is the table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.halves import HALVES, SETS, Half
from benchmarks.morphology_sets import REAL_SETS, load_dataset, plan
from benchmarks.realism_crops import listed, open_good
from maphc2f.generate.compose import CategoryContext
from maphc2f.generate.group import make_groups
from maphc2f.generate.overlay import TextureBank
from maphc2f.generate.pictures import to_unit
from maphc2f.generate.profile import Clock
from maphc2f.render.orientation import orientation_field
from maphc2f.sample import Float32

Mask = NDArray[np.bool_]

CLEAR = 8
"""The texture is measured this far from the mask, px."""

LONG = 0.3
"""Least elongation, 1 - λ₂/λ₁ of the mask's second moments, for a long axis."""

DIRECTED = 0.1
"""Least coherence of the texture, and of the lines inside."""

CORE, LEAST_CORE = 2, 80
"""Lines inside are measured this far from the rim, px, on at least so many pixels."""

BATCH = 16


@dataclass(frozen=True, slots=True)
class Lie:
    """How one defect lies: cos 2δ of its long axis and of the lines inside (NaN: none), the texture's coherence."""

    axis: float
    lines: float
    coherence: float
    specimen: str


def _largest(mask: Mask) -> Mask:
    _, labels, table, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return np.asarray(labels == 1 + int(np.argmax(table[1:, cv2.CC_STAT_AREA])))


def _dilated(mask: Mask, reach: int) -> Mask:
    box = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), box)) > 0


def _long_axis(points: NDArray[np.intp]) -> complex:
    """Return exp(2iφ) of the long axis of points (y, x); NaN if they are as wide as long."""
    values, vectors = np.linalg.eigh(np.cov(points.T.astype(np.float64)))
    if values[0] > (1 - LONG) * values[1]:
        return complex(np.nan)
    return complex(np.exp(2j * np.arctan2(vectors[0, 1], vectors[1, 1])))


def _inner_lines(gray: Float32, mask: Mask) -> complex:
    """Return exp(2iφ) of the lines inside a region by the structure tensor; NaN if it is small or has none."""
    core = ~_dilated(~mask, CORE)
    if core.sum() < LEAST_CORE:
        return complex(np.nan)
    smooth = cv2.GaussianBlur(gray, (0, 0), 1.0)
    slope = (cv2.Scharr(smooth, cv2.CV_32F, 1, 0) + 1j * cv2.Scharr(smooth, cv2.CV_32F, 0, 1))[core]
    total = -complex((slope**2).sum()) / max(float((np.abs(slope) ** 2).sum()), 1e-12)
    return total / abs(total) if abs(total) > DIRECTED else complex(np.nan)


def lie_of(gray: Float32, sound: Float32, mask: Mask, specimen: str = "") -> Lie | None:
    """Measure how a defect lies, or return None where the texture has no direction.

    Args:
        gray: The picture with the defect, (H, W) in [0, 1].
        sound: The picture that its texture is measured on: the same, or the good one.
        mask: Of the defect.
        specimen: What was photographed.
    """
    part = _largest(mask)
    points = np.argwhere(part)
    field = orientation_field(sound, ~_dilated(mask, CLEAR))
    direction, coherence = field.at(points.mean(axis=0)[None])
    if coherence[0] < DIRECTED or len(points) < 3:
        return None
    texture = np.exp(-2j * float(direction[0]))
    axis, lines = _long_axis(points) * texture, _inner_lines(gray, part) * texture
    return Lie(float(axis.real), float(lines.real), float(coherence[0]), specimen)


def _read(path: Path) -> Float32:
    with Image.open(path) as picture:
        pixels = to_unit(np.asarray(picture.convert("RGB")))
    return np.ascontiguousarray(pixels.mean(axis=2, dtype=np.float32))


def real_lies(data: Path, name: str, half: Half) -> list[Lie]:
    """Measure the real defects of one half of a set."""
    folder, column, found = data / REAL_SETS[name].folder, SETS[REAL_SETS[name].folder][0], []
    for row in listed(data, name, half):
        gray, mask = _read(folder / row["file"]), _read(folder / row["mask"]) > 0.5
        found.append(lie_of(gray, gray, mask, row[column]))
    return [lie for lie in found if lie is not None]


def made_lies(data: Path, name: str, half: Half, count: int) -> list[Lie]:
    """Measure defects that the generator makes on the good pictures of one half."""
    dataset = load_dataset(data)
    category = dataset.category(name)
    one = dataset.model_copy(update={"categories": (category,)})
    good = open_good(data, dataset, category, half)
    context = CategoryContext(one, category, good.pool, TextureBank(None, one.seed), maps=())
    sources = {source.sha256[:12]: source for source in good.pool.accepted}
    groups, found = plan(category, count), []
    for first in range(0, count, BATCH):
        for sample in make_groups(context, groups[first : first + BATCH], Clock())[0]:
            source = good.pool.get(sources[sample.row["substrate_id"].rpartition("-")[2]])
            gray, sound = (_gray(pixels) for pixels in (sample.image, source.image))
            found.append(lie_of(gray, sound, sample.mask > 0))
    return [lie for lie in found if lie is not None]


def _gray(pixels: NDArray[Any]) -> Float32:
    return np.ascontiguousarray(to_unit(pixels).mean(axis=2, dtype=np.float32))


def _summary(values: Iterable[float]) -> str:
    """Return number, mean and quartiles of cos 2δ."""
    known = np.array([value for value in values if np.isfinite(value)])
    if len(known) == 0:
        return f"{0:>4d}{'':>8}{'':>7}{'':>7}{'':>7}"
    low, middle, high = np.quantile(known, (0.25, 0.5, 0.75))
    return f"{len(known):>4d}{known.mean():>8.2f}{low:>7.2f}{middle:>7.2f}{high:>7.2f}"


def report(sets: Sequence[tuple[str, Sequence[Lie], Sequence[Lie]]]) -> str:
    """Return the table: per set a line for real and one for made defects, long axis and lines inside."""
    head = f"{'':<32}{'coherence':>10}   {'long axis: n, mean, quartiles':<34}{'lines inside: n, mean, quartiles':<34}"
    lines = [head]
    for name, real, made in sets:
        for side, lies in ((f"real ({len({lie.specimen for lie in real})} specimens)", real), ("made", made)):
            coherence = float(np.median([lie.coherence for lie in lies])) if lies else float("nan")
            axis, inner = _summary(lie.axis for lie in lies), _summary(lie.lines for lie in lies)
            label = f"{name.removeprefix('magnetic_')} {side}"
            lines.append(f"{label:<38}{coherence:>4.2f}   {axis:<34}{inner}".rstrip())
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.direction", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the real sets")
    parser.add_argument("--half", choices=HALVES, default="development")
    parser.add_argument("--samples", type=int, default=80, help="defects made of each set")
    parser.add_argument("--only", choices=tuple(REAL_SETS), action="append", help="a set; repeatable")
    chosen = parser.parse_args(arguments)
    rows = [
        (n, real_lies(chosen.data, n, chosen.half), made_lies(chosen.data, n, chosen.half, chosen.samples))
        for n in chosen.only or REAL_SETS
    ]
    print(report(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())

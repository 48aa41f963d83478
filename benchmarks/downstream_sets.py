"""The real sets that detectors are trained for and tested on, one half of each at a time.

* :class:`Problem` is what a detector needs: good pictures, the recipe of the category, and a test set.
* :func:`real_problem` reads one from the folder of the real sets; :func:`problem_of` makes one from any pictures.

Train and test pictures of a half come from different specimens: the sets were divided so, and a half keeps whole
specimens.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.downstream_features import Pixels
from benchmarks.downstream_scores import GOOD, Labels
from benchmarks.halves import SETS, Half, half_of
from maphc2f.manifest import parse_manifest
from maphc2f.spec import DatasetSpec, SizeSpec
from maphc2f.substrates.base import SourcePicture, Substrate
from maphc2f.substrates.decode import decode
from maphc2f.substrates.files import FileSubstrate
from maphc2f.substrates.prepare import prepare
from maphc2f.substrates.specimens import Specimens

Mask = NDArray[np.bool_]

MANIFEST = Path(__file__).with_name("downstream.toml")
SIZES: Mapping[str, SizeSpec] = {
    "magnetic_tile": SizeSpec(width=256, height=256, fit="letterbox"),
    "ball_screw_pitting": SizeSpec(width=608, height=256, fit="letterbox"),
}
"""Size of prepared pictures; the ball screw's oblong ones have about as many pixels as a square of 384."""

CLOSE_KINDS: Mapping[str, tuple[str, ...]] = {
    "magnetic_tile": ("blowhole", "break", "crack"),
    "ball_screw_pitting": ("pitting",),
}
"""Kinds that a physical model of ours stands for; the others show what carries over."""


@dataclass(frozen=True, slots=True)
class Example:
    """A prepared picture.

    Attributes:
        image: uint8 (H, W) or (H, W, 3).
        mask: Where the defect is, bool (H, W).
        part: Where the picture is not padding, bool (H, W).
    """

    image: Pixels
    mask: Mask
    part: Mask


@dataclass(frozen=True, slots=True)
class Problem:
    """What a detector is made for.

    Attributes:
        dataset: One category, at the size of the prepared pictures.
        source: Its good pictures for training.
        inventory: Its rows for them.
        good: All accepted ones, prepared; ``good_keys`` are their SHA-256, by which samples name them.
        test: The test pictures; ``labels`` say what they show.
        close_kinds: Kinds that count for the mean over close kinds.
    """

    dataset: DatasetSpec
    source: Substrate
    inventory: tuple[SourcePicture, ...]
    good: tuple[Example, ...]
    good_keys: tuple[str, ...]
    test: tuple[Example, ...]
    labels: Labels
    close_kinds: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the category."""
        return self.dataset.categories[0].name

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of every prepared picture."""
        height, width = self.good[0].mask.shape
        return int(height), int(width)


def prepared_example(image: Pixels, mask: Mask | None, size: SizeSpec) -> Example:
    """Bring a picture and its mask to the size.

    A pixel is of the defect if any of its area is: hairlines must not vanish.
    """
    made = prepare(image, None, size)
    x, y, width, height = made.content
    part = np.zeros(made.foreground.shape, np.bool_)
    part[y : y + height, x : x + width] = True
    small = np.zeros_like(part)
    if mask is not None:
        soft = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        small[y : y + height, x : x + width] = soft > 0.25
    return Example(np.asarray(made.image, np.uint8), small, part)


def _read(path: Path) -> Pixels:
    return np.asarray(decode(path.read_bytes()).image, np.uint8)


def _read_mask(path: Path) -> Mask:
    pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        msg = f"{path} cannot be read"
        raise FileNotFoundError(msg)
    return np.asarray(pixels) > 127


def _rows(folder: Path, name: str, half: Half) -> Iterator[tuple[dict[str, str], str]]:
    column = SETS[name][0]
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if half_of(name, row[column]) == half:
                yield row, row[column]


def problem_of(
    dataset: DatasetSpec,
    source: Substrate,
    test: Sequence[tuple[Pixels, Mask | None]],
    labels: Labels,
    close_kinds: Sequence[str],
) -> Problem:
    """Return a problem on any pictures.

    Args:
        dataset: One category, with a size.
        source: Its good pictures.
        test: Pictures and masks; None for good ones.
        labels: What they show.
        close_kinds: Kinds for the mean over close kinds.
    """
    inventory = source.inventory()
    accepted = [picture for picture in inventory if picture.accepted]
    return Problem(
        dataset=dataset,
        source=source,
        inventory=inventory,
        good=tuple(_good_example(source, picture, dataset.size) for picture in accepted),
        good_keys=tuple(picture.sha256 for picture in accepted),
        test=tuple(prepared_example(image, mask, dataset.size) for image, mask in test),
        labels=labels,
        close_kinds=tuple(close_kinds),
    )


def _good_example(source: Substrate, picture: SourcePicture, size: SizeSpec) -> Example:
    return prepared_example(np.asarray(source.load(picture).image, np.uint8), None, size)


def real_problem(data: Path, name: str, half: Half, text: str | None = None) -> Problem:
    """Read one half of a real set.

    Args:
        data: Folder of the real sets.
        name: Name of the set.
        half: Which half.
        text: Another manifest than the committed one.
    """
    folder = data / name
    rows = list(_rows(folder, name, half))
    train = {row["file"]: specimen for row, specimen in rows if row["file"].startswith("train/")}
    shown = [(row, specimen) for row, specimen in rows if row["file"].startswith("test/")]
    whole = parse_manifest(text or MANIFEST.read_text(encoding="utf-8"), where=MANIFEST.name, base=data.resolve())
    category = whole.category(name)
    dataset = whole.model_copy(update={"categories": (category,), "size": SIZES[name]})
    groups = Specimens(train, None, f"{name}/manifest.csv")
    source = FileSubstrate(
        folder.resolve(), "", category.kind, category.source.licence, "full", listed=tuple(train), specimens=groups
    )
    labels = Labels(tuple(row["file"].split("/")[1] for row, _ in shown), tuple(specimen for _, specimen in shown))
    pictures = [
        (_read(folder / row["file"]), _read_mask(folder / row["mask"]) if row["mask"] else None) for row, _ in shown
    ]
    assert GOOD in labels.kinds, "the folder of good test pictures is called good"
    return problem_of(dataset, source, pictures, labels, CLOSE_KINDS[name])

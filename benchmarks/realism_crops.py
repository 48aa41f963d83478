"""Crops of real and synthetic defects with one history: window, encoding, specimen, area.

* :class:`Crop` is a window of a picture; :class:`View` says how windows are cut from a set.
* :func:`real_crops` cuts the real defects of a half, :func:`synthetic_crops` those of made samples.
* :func:`defect_windows` finds the windows round a mask, :func:`sound_window` the nearest one clear of it.
* :class:`JpegHistory` encodes a picture as a real file was encoded.

Every crop comes with ``ground``: for a real one the nearest sound window of the same picture, for a synthetic one the
good picture before the defect. A classifier that tells grounds apart tells pictures apart, not defects.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.halves import SETS, Half, half_of
from benchmarks.morphology_sets import REAL_SETS, SoundGround, good_source, plan
from maphc2f.generate.compose import CategoryContext
from maphc2f.generate.group import make_groups
from maphc2f.generate.overlay import TextureBank
from maphc2f.generate.pictures import PicturePool
from maphc2f.generate.profile import Clock
from maphc2f.rng import stream
from maphc2f.sample import Sample
from maphc2f.spec import CategorySpec, DatasetSpec
from maphc2f.substrates.base import Substrate

Mask = NDArray[np.bool_]
Pixels = NDArray[np.uint8]
Box = tuple[int, int, int, int]
"""Top, left, height, width."""

CLEAR = 6
"""Sound windows keep this far from the mask, px: people draw masks tight."""

MIN_AREA = 12
"""Mask pixels that a window must show."""

BATCH = 16


@dataclass(frozen=True, slots=True)
class View:
    """How windows of a set are cut.

    Attributes:
        side: Of the square window, px.
        per_picture: Most windows of a picture.
        blocks: Rows and columns of blocks that windows stay in, one window a block; (1, 1) is the whole picture.
    """

    side: int
    per_picture: int = 1
    blocks: tuple[int, int] = (1, 1)

    @property
    def whole(self) -> bool:
        """Whether the window shows the middle of the defect, not what passes through the middle of a block."""
        return self.blocks == (1, 1)


VIEWS: Mapping[str, View] = {
    "magnetic_tile_crack": View(96),
    "magnetic_tile_blowhole": View(48),
    "magnetic_tile_break": View(128),
    "ball_screw_pitting": View(128),
    "crackforest": View(96, per_picture=2, blocks=(2, 4)),
}
"""A window shows the defect and as much ground. Roads are cracked from border to border: windows lie on the crack."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A window of a picture.

    Attributes:
        pixels: (side, side, 3) uint8 RGB, as decoded after the last encoding.
        mask: Of the defect, (side, side).
        ground: The same size without a defect, or None where there is no room.
        specimen: What was photographed.
        source: File or sample, for people.
    """

    pixels: Pixels
    mask: Mask
    ground: Pixels | None
    specimen: str
    source: str

    @property
    def area(self) -> int:
        """Mask pixels in the window."""
        return int(self.mask.sum())

    @property
    def brightness(self) -> float:
        """Mean gray level clear of the mask; of the whole window if the mask fills it."""
        clear = cv2.dilate(self.mask.astype(np.uint8), np.ones((2 * CLEAR + 1,) * 2, np.uint8)) == 0
        return float(self.pixels[clear].mean() if clear.any() else self.pixels.mean())


# --- windows -------------------------------------------------------------------------------------------------------


def _within(centre: tuple[int, int], side: int, block: Box) -> Box:
    """Return the window of ``side`` round ``centre``, pushed into ``block``."""
    top, left, height, width = block
    row = min(max(centre[0] - side // 2, top), top + height - side)
    column = min(max(centre[1] - side // 2, left), left + width - side)
    return row, column, side, side


def _cut(pixels: NDArray[Any], box: Box) -> NDArray[Any]:
    top, left, height, width = box
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def _middle(mask: Mask) -> tuple[int, int]:
    """Return the mask's point nearest to the centroid of its largest component."""
    _, labels, table, centroids = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    largest = 1 + int(np.argmax(table[1:, cv2.CC_STAT_AREA]))
    points = np.argwhere(labels == largest)
    nearest = int(np.argmin(((points - centroids[largest][::-1]) ** 2).sum(axis=1)))
    return int(points[nearest, 0]), int(points[nearest, 1])


def _central(mask: Mask) -> tuple[int, int]:
    """Return the mask's point nearest to the middle of the array."""
    points = np.argwhere(mask)
    middle = (np.array(mask.shape) - 1) / 2
    nearest = int(np.argmin(((points - middle) ** 2).sum(axis=1)))
    return int(points[nearest, 0]), int(points[nearest, 1])


def _is_central(point: tuple[int, int], box: Box) -> bool:
    """Return whether a point lies in the middle half of a window."""
    return all(abs(point[k] - box[k] - box[2] / 2) <= box[2] / 4 for k in range(2))


def blocks_of(shape: tuple[int, int], counts: tuple[int, int]) -> list[Box]:
    """Return equal blocks of a picture, row by row."""
    height, width = shape[0] // counts[0], shape[1] // counts[1]
    return [(r * height, c * width, height, width) for r in range(counts[0]) for c in range(counts[1])]


def defect_windows(mask: Mask, view: View, blocks: Sequence[Box], rng: np.random.Generator) -> list[Box]:
    """Return at most ``view.per_picture`` windows round the defect, one in each of some blocks that show it.

    Args:
        mask: Of the whole picture.
        view: Side and number.
        blocks: Where windows may lie; those smaller than a window are passed over.
        rng: Chooses the blocks.
    """
    found = []
    for block in blocks:
        part = _cut(mask, block)
        if min(part.shape) < view.side or not part.any():
            continue
        row, column = _middle(part) if view.whole else _central(part)
        point = row + block[0], column + block[1]
        box = _within(point, view.side, block)
        if _cut(mask, box).sum() >= MIN_AREA and (view.whole or _is_central(point, box)):
            found.append(box)
    chosen = rng.permutation(len(found))[: view.per_picture]
    return [found[k] for k in sorted(chosen)]


def sound_window(mask: Mask, box: Box) -> Box | None:
    """Return the window of the size of ``box`` nearest to it that keeps clear of the mask, or None if there is none."""
    side = box[2]
    near = cv2.dilate(mask.astype(np.uint8), np.ones((2 * CLEAR + 1,) * 2, np.uint8))
    total = cv2.integral(near)
    counts = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    free = np.argwhere(counts == 0)
    if not len(free):
        return None
    top, left = free[int(np.argmin(((free - np.array(box[:2])) ** 2).sum(axis=1)))]
    return int(top), int(left), side, side


# --- encoding ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JpegHistory:
    """How a file was encoded.

    Attributes:
        tables: Quantisation tables by number, in the order Pillow gives and takes them.
        subsampling: Of the colours, as Pillow numbers it; -1 for gray.
    """

    tables: Mapping[int, Sequence[int]]
    subsampling: int

    @classmethod
    def of(cls, path: Path) -> JpegHistory:
        """Read it from a file.

        Raises:
            ValueError: The file is no JPEG.
        """
        from PIL import JpegImagePlugin

        with Image.open(path) as picture:
            if not isinstance(picture, JpegImagePlugin.JpegImageFile):
                msg = f"{path.name} is no JPEG file: its quantisation tables are needed"
                raise ValueError(msg)
            tables = {number: list(table) for number, table in picture.quantization.items()}
            return cls(tables, JpegImagePlugin.get_sampling(picture))

    def encode(self, pixels: Pixels) -> Pixels:
        """Return a picture (H, W) or (H, W, 3) encoded so and decoded again, always RGB."""
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", qtables=dict(self.tables), subsampling=self.subsampling)
        with Image.open(buffer) as picture:
            return np.asarray(picture.convert("RGB"))


# --- real ----------------------------------------------------------------------------------------------------------


def listed(data: Path, name: str, half: Half) -> list[dict[str, str]]:
    """Return the rows of a set's list that show its defect, of one half."""
    real, (column, _) = REAL_SETS[name], SETS[REAL_SETS[name].folder]
    with (data / real.folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["mask"].startswith(real.masks)]
    return [row for row in rows if half_of(real.folder, row[column]) == half]


def histories(data: Path, name: str, half: Half) -> list[JpegHistory]:
    """Return how each real file of a half was encoded."""
    return [JpegHistory.of(data / REAL_SETS[name].folder / row["file"]) for row in listed(data, name, half)]


def _decoded(path: Path) -> Pixels:
    with Image.open(path) as picture:
        return np.asarray(picture)


def real_crops(data: Path, name: str, half: Half) -> list[Crop]:
    """Return the real defects of a half, encoded once more so that real and synthetic crops both were twice."""
    folder, column, view = data / REAL_SETS[name].folder, SETS[REAL_SETS[name].folder][0], VIEWS[name]
    crops = []
    for row in listed(data, name, half):
        path = folder / row["file"]
        pixels = JpegHistory.of(path).encode(_decoded(path))
        mask = _decoded(folder / row["mask"]) > 127
        blocks = blocks_of(mask.shape, view.blocks)
        for box in defect_windows(mask, view, blocks, stream(0, name, row["file"], "windows")):
            sound = sound_window(mask, box)
            ground = None if sound is None else _cut(pixels, sound)
            crops.append(Crop(_cut(pixels, box), _cut(mask, box), ground, row[column], row["file"]))
    return crops


# --- synthetic -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GoodPictures:
    """The good pictures of a half and what is known of them.

    Attributes:
        pool: Prepared pictures.
        specimens: By SHA-256 of the file.
        blocks: By SHA-256: where windows may lie.
    """

    pool: PicturePool
    specimens: Mapping[str, str]
    blocks: Mapping[str, list[Box]]


def open_good(data: Path, dataset: DatasetSpec, category: CategorySpec, half: Half) -> GoodPictures:
    """Open the good pictures of one half of a set."""
    real = REAL_SETS[category.name]
    source = good_source(data, category.name, half)
    inventory = source.inventory()
    with (data / real.folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        specimens = {row["file"]: row[SETS[real.folder][0]] for row in csv.DictReader(file)}
    return GoodPictures(
        PicturePool(dataset, category, source, inventory),
        {picture.sha256: specimens[picture.key] for picture in inventory},
        {p.sha256: _good_blocks(source, p.key, (p.height, p.width)) for p in inventory},
    )


def _good_blocks(source: Substrate, key: str, shape: tuple[int, int]) -> list[Box]:
    """Return where windows may lie: for sound ground that is mirrored over the picture, its copies, free of seams."""
    if not isinstance(source, SoundGround):
        return [(0, 0, *shape)]
    side = source.tile_side(key)
    return [
        (top, left, side, side)
        for top in range(0, shape[0] - side + 1, side)
        for left in range(0, shape[1] - side + 1, side)
    ]


def _samples(dataset: DatasetSpec, category: CategorySpec, good: GoodPictures, count: int) -> Iterator[Sample]:
    one = dataset.model_copy(update={"categories": (category,)})
    context = CategoryContext(one, category, good.pool, TextureBank(one.textures, one.seed), maps=())
    groups = plan(category, count)
    for first in range(0, len(groups), BATCH):
        yield from make_groups(context, groups[first : first + BATCH], Clock())[0]


def synthetic_crops(
    dataset: DatasetSpec, category: CategorySpec, good: GoodPictures, encoders: Sequence[JpegHistory], count: int
) -> list[Crop]:
    """Return crops of ``count`` samples made by the generator's own path, encoded as the real files are."""
    view, crops = VIEWS[category.name], []
    by_id = {f"{picture.sha256[:12]}": picture for picture in good.pool.accepted}
    for number, sample in enumerate(_samples(dataset, category, good, count)):
        picture = by_id[sample.row["substrate_id"].rpartition("-")[2]]
        encoder = encoders[number % len(encoders)]
        pixels, sound = encoder.encode(sample.image), encoder.encode(good.pool.get(picture).image)
        mask = sample.mask > 0
        rng = stream(dataset.seed, category.name, sample.row["sample_id"], "windows")
        boxes = defect_windows(mask, view, good.blocks[picture.sha256], rng)
        specimen, name = good.specimens[picture.sha256], sample.row["sample_id"]
        crops += [Crop(_cut(pixels, box), _cut(mask, box), _cut(sound, box), specimen, name) for box in boxes]
    return crops

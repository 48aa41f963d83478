"""Real masks and synthetic ones of the sets that the shape of defects is judged on.

* :data:`REAL_SETS` says where each set lies and what its defects are; :class:`Shapes` is a sample of measured masks.
* :func:`real_shapes` measures one half of a set; :func:`good_source` opens the good pictures of that half.
* :func:`synthetic_masks` makes masks with the generator's own path; :func:`rival_shapes` draws the toys beside them.
* :func:`vectors` turns shapes into the standardised vectors that are compared.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.halves import SETS, Half, half_of
from benchmarks.rivals_shape import Rival, Size
from benchmarks.shape_metrics import Metrics, crack_metrics, region_metrics
from maphc2f.generate.compose import CategoryContext
from maphc2f.generate.group import make_groups
from maphc2f.generate.overlay import TextureBank
from maphc2f.generate.pictures import PicturePool
from maphc2f.generate.plan import Group, assign_cells, family_weights
from maphc2f.generate.profile import Clock
from maphc2f.manifest import parse_manifest
from maphc2f.rng import stream
from maphc2f.spec import CategorySpec, DatasetSpec
from maphc2f.substrates.base import LoadedPicture, SourcePicture, Substrate
from maphc2f.substrates.files import FileSubstrate

Mask = NDArray[np.bool_]
Float64 = NDArray[np.float64]

MANIFEST = Path(__file__).with_name("morphology.toml")
GOOD_PICTURES = 48
"""Good pictures of a half that are used, the first by hash: shapes hardly depend on them."""

CLEARANCE = 24
"""Sound ground is at least this far from any mask, px."""

MIN_TILE = 64
BATCH = 16


@dataclass(frozen=True, slots=True)
class Metric:
    """A component of the vector.

    Attributes:
        name: As in :mod:`benchmarks.shape_metrics`.
        logarithmic: Whether its logarithm is compared: lengths, areas and counts.
        neutral: What stands for a value that the mask is too small for.
        least_scale: Smallest standard deviation that it is divided by, after the logarithm: about what the
            measurement itself is uncertain by.
    """

    name: str
    logarithmic: bool = False
    neutral: float = 1.0
    least_scale: float = 0.02


CRACK_VECTOR = (
    Metric("mean_width_px", logarithmic=True, least_scale=0.1),
    Metric("width_cv", least_scale=0.03),
    Metric("skeleton_length_rel", logarithmic=True, least_scale=0.1),
    Metric("branch_points_per_100px", neutral=0.0, least_scale=0.1),
    Metric("tortuosity"),
    Metric("fractal_dim_skeleton", least_scale=0.03),
    Metric("components", logarithmic=True, least_scale=0.2),
    Metric("area_fraction", logarithmic=True, least_scale=0.1),
)
REGION_VECTOR = (
    Metric("area_fraction", logarithmic=True, least_scale=0.1),
    Metric("equiv_diameter_px", logarithmic=True, least_scale=0.1),
    Metric("solidity", least_scale=0.03),
    Metric("eccentricity", least_scale=0.05),
    Metric("circularity", least_scale=0.05),
    Metric("fractal_dim_boundary", least_scale=0.05),
    Metric("components", logarithmic=True, least_scale=0.2),
)


@dataclass(frozen=True, slots=True)
class RealSet:
    """A kind of real defect: the set's folder, where its masks lie, and whether they are cracks."""

    folder: str
    masks: tuple[str, ...]
    is_crack: bool

    @property
    def vector(self) -> tuple[Metric, ...]:
        """The components that are compared."""
        return CRACK_VECTOR if self.is_crack else REGION_VECTOR

    @property
    def measure(self) -> Callable[[Mask], Metrics]:
        """The function that measures a mask."""
        return crack_metrics if self.is_crack else region_metrics


REAL_SETS: Mapping[str, RealSet] = {
    "magnetic_tile_crack": RealSet("magnetic_tile", ("ground_truth/crack/",), is_crack=True),
    "crackforest": RealSet("crackforest", ("ground_truth/crack/",), is_crack=True),
    "magnetic_tile_blowhole": RealSet("magnetic_tile", ("ground_truth/blowhole/",), is_crack=False),
    "ball_screw_pitting": RealSet(
        "ball_screw_pitting", ("ground_truth/pitting/", "reference/pitting_mask/"), is_crack=False
    ),
    "magnetic_tile_break": RealSet("magnetic_tile", ("ground_truth/break/",), is_crack=False),
}


@dataclass(frozen=True, slots=True)
class Shapes:
    """Measured masks.

    Attributes:
        metrics: One table a mask.
        specimens: What each mask was photographed on; empty names for synthetic ones.
        sizes: Height and width of each picture.
    """

    metrics: tuple[Metrics, ...]
    specimens: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.metrics)


def _rows(data: Path, folder: str) -> list[dict[str, str]]:
    with (data / folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _read_mask(path: Path) -> Mask:
    pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        msg = f"{path} cannot be read"
        raise FileNotFoundError(msg)
    return np.asarray(pixels) > 127


def real_masks(data: Path, name: str, half: Half | None = None) -> list[tuple[Mask, str]]:
    """Return the real masks of a set, of one half or of both, each with its specimen."""
    real = REAL_SETS[name]
    column = SETS[real.folder][0]
    rows = [row for row in _rows(data, real.folder) if row["mask"].startswith(real.masks)]
    return [
        (_read_mask(data / real.folder / row["mask"]), row[column])
        for row in rows
        if half is None or half_of(real.folder, row[column]) == half
    ]


def measured(masks: Sequence[tuple[Mask, str]], measure: Callable[[Mask], Metrics]) -> Shapes:
    """Measure masks."""
    return Shapes(
        tuple(measure(mask) for mask, _ in masks),
        tuple(specimen for _, specimen in masks),
        tuple((mask.shape[0], mask.shape[1]) for mask, _ in masks),
    )


def real_shapes(data: Path, name: str, half: Half | None = None) -> Shapes:
    """Measure the real masks of a set, of one half or of both."""
    return measured(real_masks(data, name, half), REAL_SETS[name].measure)


# --- good pictures -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SoundGround:
    """Good pictures made of sound ground: the largest square clear of any mask, mirrored over the whole picture.

    The road set has no good pictures. What is made so shows no crack and has the road's texture and light; its seams
    are mirror lines, which matter to no mask.
    """

    folder: Path
    pairs: tuple[tuple[str, str], ...]

    def inventory(self) -> tuple[SourcePicture, ...]:
        """See :class:`maphc2f.substrates.base.Substrate`."""
        return tuple(self._entry(picture, mask) for picture, mask in self.pairs if self._square(mask)[2] >= MIN_TILE)

    def load(self, picture: SourcePicture) -> LoadedPicture:
        """See :class:`maphc2f.substrates.base.Substrate`."""
        image = cv2.imread(str(self.folder / picture.key), cv2.IMREAD_COLOR)
        top, left, side = self._square(dict(self.pairs)[picture.key])
        rgb = cv2.cvtColor(np.asarray(image), cv2.COLOR_BGR2RGB)
        tile = rgb[top : top + side, left : left + side]
        wide = np.pad(tile, ((0, rgb.shape[0]), (0, rgb.shape[1]), (0, 0)), mode="symmetric")
        return LoadedPicture(np.ascontiguousarray(wide[: rgb.shape[0], : rgb.shape[1]]).astype(np.uint8), None)

    def tile_side(self, key: str) -> int:
        """Return the side of the square at the top left that the rest of the picture mirrors, px."""
        return self._square(dict(self.pairs)[key])[2]

    def _square(self, mask: str) -> tuple[int, int, int]:
        """Return (top, left, side) of the largest square whose points are all CLEARANCE from the mask."""
        sound = ~_read_mask(self.folder / mask)
        clear = cv2.distanceTransform(sound.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) >= CLEARANCE
        # Chessboard distance to what is not clear: half the side of the largest square round a point.
        reach = cv2.distanceTransform(np.pad(clear, 1).astype(np.uint8), cv2.DIST_C, 3)[1:-1, 1:-1]
        row, column = np.unravel_index(int(np.argmax(reach)), reach.shape)
        radius = int(reach[row, column]) - 1
        return int(row) - radius, int(column) - radius, 2 * radius + 1

    def _entry(self, picture: str, mask: str) -> SourcePicture:
        sha256 = hashlib.sha256((self.folder / picture).read_bytes()).hexdigest()
        height, width = _read_mask(self.folder / mask).shape
        return SourcePicture(picture, "", sha256, sha256, "", width, height, "rgb", 8, accepted=True)


def good_source(data: Path, name: str, half: Half) -> Substrate:
    """Open the good pictures of one half of a set."""
    real, (column, _) = REAL_SETS[name], SETS[REAL_SETS[name].folder]
    rows = [row for row in _rows(data, real.folder) if half_of(real.folder, row[column]) == half]
    folder = data / real.folder
    sound = sorted(
        (row["file"] for row in rows if not row["mask"]), key=lambda key: hashlib.sha256(key.encode()).digest()
    )
    if not sound:
        return SoundGround(folder, tuple((row["file"], row["mask"]) for row in rows))
    return FileSubstrate(folder.resolve(), "", "texture", "", "full", listed=tuple(sound[:GOOD_PICTURES]))


# --- synthetic -----------------------------------------------------------------------------------------------------


def load_dataset(data: Path, text: str | None = None) -> DatasetSpec:
    """Return the manifest of this benchmark, or another given as text."""
    return parse_manifest(text or MANIFEST.read_text(encoding="utf-8"), where=MANIFEST.name, base=data.resolve())


def plan(category: CategorySpec, samples: int) -> list[Group]:
    """Return ``samples`` groups of one sample each, spread over the families by their weights."""
    families = family_weights(category)
    total = sum(families.values())
    cells = assign_cells([weight / total for weight in families.values()], samples)
    return [Group(number, list(families)[cell], "train", number, 1) for number, cell in enumerate(cells)]


def synthetic_masks(dataset: DatasetSpec, category: CategorySpec, source: Substrate, samples: int) -> list[Mask]:
    """Make final masks of a category on the pictures of a source, as the generator makes them."""
    one = dataset.model_copy(update={"categories": (category,)})
    pool = PicturePool(one, category, source, source.inventory())
    context = CategoryContext(one, category, pool, TextureBank(None, one.seed), maps=())
    groups = plan(category, samples)
    masks: list[Mask] = []
    for first in range(0, len(groups), BATCH):
        made, _failures = make_groups(context, groups[first : first + BATCH], Clock())
        masks += [sample.mask > 0 for sample in made]
    return masks


def rival_shapes(ours: Shapes, real: RealSet, name: str, rival: Rival) -> Shapes:
    """Draw and measure one toy for each of our shapes, with its size and width."""
    size_of = Size.of_crack if real.is_crack else Size.of_region
    sizes = (size_of(metrics, shape) for metrics, shape in zip(ours.metrics, ours.sizes, strict=True))
    return measured([(rival(size, stream(0, name, i, "rival")), "") for i, size in enumerate(sizes)], real.measure)


# --- vectors -------------------------------------------------------------------------------------------------------


def raw_vectors(shapes: Shapes, metrics: Sequence[Metric]) -> Float64:
    """Return the vectors (n, d) before standardisation: logarithms taken, missing values neutral."""
    table = np.array([[row[metric.name] for metric in metrics] for row in shapes.metrics])
    neutral = np.array([metric.neutral for metric in metrics])
    table = np.where(np.isfinite(table), table, neutral)
    logarithmic = np.array([metric.logarithmic for metric in metrics])
    return np.where(logarithmic, np.log(np.maximum(table, math.exp(-20))), table)


def scales(development: Shapes, metrics: Sequence[Metric]) -> Float64:
    """Return the standard deviations of the real development half, each specimen weighing the same."""
    raw = raw_vectors(development, metrics)
    names, counts = np.unique(development.specimens, return_counts=True)
    share = dict(zip(names.tolist(), counts.tolist(), strict=True))
    weights = np.array([1 / share[specimen] for specimen in development.specimens])
    mean = np.average(raw, axis=0, weights=weights)
    deviation = np.sqrt(np.average((raw - mean) ** 2, axis=0, weights=weights))
    return np.maximum(deviation, [metric.least_scale for metric in metrics])


def vectors(shapes: Shapes, metrics: Sequence[Metric], scale: Float64) -> Float64:
    """Return the standardised vectors (n, d)."""
    return raw_vectors(shapes, metrics) / scale

"""Prepared good pictures of one category, cached within bounded memory.

* :class:`PreparedPicture` is a picture at its final size with foreground, scale, statistics and outline.
* :class:`PicturePool` chooses pictures for samples and prepares them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.render.statistics import estimate_statistics
from maphc2f.render.window import PictureStatistics
from maphc2f.sample import Float32
from maphc2f.spec import CategorySpec, DatasetSpec, Split
from maphc2f.substrates.base import SourcePicture, Substrate
from maphc2f.substrates.inventory import assign_splits, picture_hashes, ranked
from maphc2f.substrates.prepare import prepare

CACHE_BYTES = 128_000_000
OUTLINE_SMOOTHING = 3.0
"""Gaussian sigma for the outline's normal, px: hides the staircase of a pixel mask."""

Pixels = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Outline:
    """Points on the border of the foreground: positions (n, 2) in px and unit normals (n, 2) into the part."""

    points: NDArray[np.intp]
    normals: Float32


@dataclass(frozen=True, slots=True)
class PreparedPicture:
    """A good picture as samples see it.

    Attributes:
        source: Where it came from.
        substrate_id: Its id in config ``good``.
        image: (H, W) or (H, W, 3), uint8 or uint16.
        foreground: bool (H, W).
        pixel_size: Effective, m.
        statistics: Of its foreground.
        keep_out: Where no defect may lie, bool (H, W), or None: anywhere on the part.
        view: Shorter side of the picture without padding, m; None: that of the category.
    """

    source: SourcePicture
    substrate_id: str
    image: Pixels
    foreground: NDArray[np.bool_]
    pixel_size: float
    statistics: PictureStatistics
    keep_out: NDArray[np.bool_] | None = None
    view: float | None = None

    @property
    def free(self) -> NDArray[np.bool_]:
        """Where the picture may change: the part without what is kept out, bool (H, W)."""
        return self.foreground if self.keep_out is None else self.foreground & ~self.keep_out

    @property
    def nbytes(self) -> int:
        """Memory it holds."""
        kept = 0 if self.keep_out is None else self.keep_out.nbytes
        return int(self.image.nbytes + self.foreground.nbytes + kept)


def to_unit(image: Pixels) -> Float32:
    """Return codes as float32 (H, W, C) in [0, 1]."""
    channels = image[:, :, None] if image.ndim == 2 else image
    return (channels.astype(np.float32) * np.float32(1 / np.iinfo(image.dtype).max)).astype(np.float32)


def substrate_id(category: str, picture: SourcePicture) -> str:
    """Return the id of a prepared picture."""
    return f"{category}-good-{picture.sha256[:12]}"


class PicturePool:
    """The accepted pictures of a category, prepared on demand.

    Args:
        dataset: Size and seed.
        category: Scale and foreground method.
        substrate: The opened source.
        inventory: All its pictures.
    """

    def __init__(
        self, dataset: DatasetSpec, category: CategorySpec, substrate: Substrate, inventory: Sequence[SourcePicture]
    ) -> None:
        self._dataset, self._category, self._substrate = dataset, category, substrate
        self.accepted = tuple(picture for picture in inventory if picture.accepted)
        self.splits: Mapping[str, Split] = assign_splits(inventory, dataset.seed, category.name)
        self._by_split = {
            split: [p for p in self.accepted if self.splits[p.sha256] == split] for split in set(self.splits.values())
        }
        self._hashes = {split: picture_hashes([p.sha256 for p in own]) for split, own in self._by_split.items()}
        self._cache: OrderedDict[str, PreparedPicture] = OrderedDict()
        self._cached_bytes = 0

    def choose(self, index: int, split: Split, rank: int) -> PreparedPicture:
        """Return the picture of rank ``rank`` for sample ``index``; ranks beyond the last picture start again."""
        own = self._by_split[split]
        order = ranked(self._hashes[split], self._dataset.seed, self._category.name, index)
        return self.get(own[int(order[rank % len(own)])])

    def choose_other(self, index: int, split: Split, attempt: int, own: SourcePicture) -> PreparedPicture:
        """Return another picture of the split than ``own`` for sample ``index``; ``own`` itself if there is no other.

        Pictures come in a rendezvous order of their own, so one more picture changes only the samples that take it.
        """
        everyone = self._by_split[split]
        # Names of categories have no dot: no category shares this order.
        order = ranked(self._hashes[split], self._dataset.seed, f"{self._category.name}.layer", index)
        others = [everyone[int(i)] for i in order if everyone[int(i)].sha256 != own.sha256] or [own]
        return self.get(others[attempt % len(others)])

    def get(self, picture: SourcePicture) -> PreparedPicture:
        """Return ``picture`` prepared.

        Raises:
            PictureError: The file changed since the inventory.
        """
        if picture.sha256 in self._cache:
            self._cache.move_to_end(picture.sha256)
            return self._cache[picture.sha256]
        prepared = self._prepare(picture)
        self._cache[picture.sha256] = prepared
        self._cached_bytes += prepared.nbytes
        while self._cached_bytes > CACHE_BYTES and len(self._cache) > 1:
            self._cached_bytes -= self._cache.popitem(last=False)[1].nbytes
        return prepared

    def _prepare(self, picture: SourcePicture) -> PreparedPicture:
        loaded = self._substrate.load(picture)
        result, kept = prepare(loaded.image, loaded.foreground, self._dataset.size), loaded.keep_out
        return PreparedPicture(
            source=picture,
            substrate_id=substrate_id(self._category.name, picture),
            image=result.image,
            foreground=result.foreground,
            pixel_size=self._category.pixel_size * loaded.scale * result.scale,
            statistics=estimate_statistics(to_unit(result.image), result.foreground),
            keep_out=None if kept is None else ~prepare(loaded.image, ~kept, self._dataset.size).foreground,
            view=self._category.pixel_size * loaded.scale * min(loaded.image.shape[:2]),
        )


def outline(foreground: NDArray[np.bool_]) -> Outline:
    """Return the border of the foreground with its inward normals.

    The picture's own border counts where the part reaches it.
    """
    padded = np.pad(foreground.astype(np.uint8), 1)
    inner = cv2.erode(padded, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    points = np.argwhere((padded - inner)[1:-1, 1:-1] > 0)
    smooth = cv2.GaussianBlur(padded.astype(np.float32), (0, 0), OUTLINE_SMOOTHING, borderType=cv2.BORDER_CONSTANT)
    gradient = np.stack(np.gradient(smooth), axis=-1)[1:-1, 1:-1][points[:, 0], points[:, 1]]
    length = np.linalg.norm(gradient, axis=1, keepdims=True)
    usable = length[:, 0] > 1e-4
    return Outline(points[usable], (gradient[usable] / length[usable]).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Symmetry:
    """A flip and quarter turns of a good picture: turns first (counter-clockwise), then flips."""

    flip_y: bool = False
    flip_x: bool = False
    quarter_turns: int = 0

    def array(self, pixels: Pixels) -> Pixels:
        """Return the transformed array."""
        turned = np.rot90(pixels, self.quarter_turns)
        if self.flip_y:
            turned = turned[::-1]
        if self.flip_x:
            turned = turned[:, ::-1]
        return np.ascontiguousarray(turned)

    def row(self) -> dict[str, int]:
        """Return the value of column ``substrate_transform``; the crop box is the whole picture (all zero)."""
        crop = dict.fromkeys(("crop_x", "crop_y", "crop_width", "crop_height"), 0)
        return {"flip_y": int(self.flip_y), "flip_x": int(self.flip_x), "quarter_turns": self.quarter_turns, **crop}

    @classmethod
    def from_row(cls, value: Mapping[str, int]) -> Symmetry:
        """Read the column ``substrate_transform``."""
        return cls(bool(value["flip_y"]), bool(value["flip_x"]), int(value["quarter_turns"]))

    def picture(self, prepared: PreparedPicture) -> PreparedPicture:
        """Return the transformed picture; light and texture direction turn with it."""
        if self == Symmetry():
            return prepared
        y, x, z = prepared.statistics.light
        dy, dx = np.sin(prepared.statistics.direction), np.cos(prepared.statistics.direction)
        for _ in range(self.quarter_turns):
            (y, x), (dy, dx) = (-x, y), (-dx, dy)
        sign_y, sign_x = (-1.0 if self.flip_y else 1.0), (-1.0 if self.flip_x else 1.0)
        y, x, dy, dx = y * sign_y, x * sign_x, dy * sign_y, dx * sign_x
        field = prepared.statistics.orientation
        statistics = replace(
            prepared.statistics,
            light=(float(y), float(x), z),
            direction=float(np.arctan2(dy, dx) % np.pi),
            orientation=None if field is None else field.turned(self.flip_y, self.flip_x, self.quarter_turns),
        )
        return replace(
            prepared,
            image=self.array(prepared.image),
            foreground=self.array(prepared.foreground),
            statistics=statistics,
            keep_out=None if prepared.keep_out is None else self.array(prepared.keep_out),
        )


def draw_symmetry(kind: str, shape: tuple[int, int], rng: np.random.Generator) -> Symmetry:
    """Draw a symmetry that the category allows: ``none``, ``flips`` or ``dihedral`` (quarter turns need a square)."""
    draws = rng.integers(0, 2, 2), int(rng.integers(0, 4))
    if kind == "none":
        return Symmetry()
    turns = draws[1] if kind == "dihedral" else 0
    if shape[0] != shape[1]:
        turns -= turns % 2
    return Symmetry(bool(draws[0][0]), bool(draws[0][1]), turns)

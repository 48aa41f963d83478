"""What a source of good pictures is: its inventory, its pictures, and how it is opened.

* :class:`SourcePicture` and :class:`LoadedPicture` are the values, :class:`Substrate` the interface.
* :func:`open_substrate` opens the source that a category names.
* :func:`require_accepted` refuses a source without a usable picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from maphc2f.errors import PictureError
from maphc2f.spec import CategorySpec, SizeSpec
from maphc2f.substrates import SUBSTRATES
from maphc2f.substrates.specimens import Specimens

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SourcePicture:
    """One row of the inventory: a picture that can be used, or the reason why not.

    Attributes:
        key: Name relative to the source's root, with forward slashes, or ``procedural/<category>/<index:05d>``.
        path: Absolute path of the file; empty for procedural pictures.
        sha256: Hex hash of the file's bytes, of the recipe if procedural, or empty if the file could not be read.
        specimen: Key of the physical part shown; pictures of one specimen never lie in two splits.
        licence: SPDX expression.
        width: Width after EXIF orientation, px; 0 if unknown.
        height: Height after EXIF orientation, px; 0 if unknown.
        mode: ``gray`` or ``rgb`` as it will be loaded; empty if unknown.
        bit_depth: 8 or 16 as it will be loaded; 0 if unknown.
        accepted: Whether the picture is used.
        reason: Why it is not (rule and remedy); empty if it is.
        notes: Conversions made when loading, for the record.
    """

    key: str
    path: str
    sha256: str
    specimen: str
    licence: str
    width: int
    height: int
    mode: str
    bit_depth: int
    accepted: bool
    reason: str = ""
    notes: str = ""


@dataclass(frozen=True, slots=True)
class LoadedPicture:
    """Pixels of a picture.

    Attributes:
        image: uint8 (H, W) or (H, W, 3) RGB, or uint16 (H, W).
        foreground: Where the part is, bool (H, W); None: everywhere.
        scale: Pixels of the category's nominal source per pixel of ``image``: 1 for files, more for procedural
            pictures that are drawn small, so ``pixel_size * scale`` is the length of a pixel.
        keep_out: Where no defect may lie, bool (H, W); None: nowhere.
    """

    image: Pixels
    foreground: Mask | None
    scale: float = 1.0
    keep_out: Mask | None = None


class Substrate(Protocol):
    """A source of good pictures of one category. Implementations are immutable and can be pickled."""

    def inventory(self) -> tuple[SourcePicture, ...]:
        """Return every picture found, sorted by key, the refused ones with their reason."""
        ...

    def load(self, picture: SourcePicture) -> LoadedPicture:
        """Return the pixels of an accepted picture.

        Raises:
            PictureError: The file is gone or is no longer the one that was inventoried.
        """
        ...


@dataclass(frozen=True, slots=True)
class Opening:
    """All that a source may need to be opened.

    Attributes:
        category: The category; its ``source`` says where.
        root: Data root given by the user, or None.
        seed: Seed of the dataset; decides procedural pictures.
        size: Size of the prepared pictures; procedural pictures are drawn close to it.
        specimens: Rule that names the specimen of a picture; None: every file is one.
    """

    category: CategorySpec
    root: Path | None
    seed: int
    size: SizeSpec
    specimens: Specimens | None = None


SubstrateFactory = Callable[[Opening], Substrate]


def open_substrate(
    category: CategorySpec,
    *,
    root: Path | None = None,
    seed: int = 0,
    size: SizeSpec | None = None,
    specimens: Specimens | None = None,
) -> Substrate:
    """Open the source of ``category``; nothing is read yet except to find the folder.

    Args:
        category: The category; ``category.source.kind`` is looked up among the registered substrates.
        root: Data root for benchmark sets, and the folder that a relative ``source.path`` starts from.
        seed: Seed of the dataset.
        size: Size of the prepared pictures; None: native.
        specimens: Rule that names the specimen of a picture.

    Raises:
        UserError: Unknown kind, missing folder, or a layout that is not that of the set.
    """
    where = f"categories.{category.name}.source.kind"
    factory = SUBSTRATES.resolve(category.source.kind, where=where)
    return factory(Opening(category, root, seed, size or SizeSpec(), specimens))


def require_accepted(pictures: Sequence[SourcePicture], *, where: str) -> tuple[SourcePicture, ...]:
    """Return the accepted pictures.

    Raises:
        PictureError: There is none; the message gives the first reasons.
    """
    accepted = tuple(picture for picture in pictures if picture.accepted)
    if not accepted:
        reasons = "; ".join(f"{p.key}: {p.reason}" for p in pictures[:3]) or "the folder holds no picture"
        raise PictureError(
            f"none of {len(pictures)} pictures can be used ({reasons})",
            where=where,
            rule="at least one good picture is needed",
            remedy="point to a folder of PNG, JPEG, BMP or TIFF pictures",
        )
    return accepted

"""Foreground masks for a user's folder, to look at and to correct.

* :func:`write_masks` writes one for each picture and a contact sheet.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.errors import PictureError
from maphc2f.generate.sheet import RGB, as_rgb, contact_sheet, fit_tile, write_png, write_sheet
from maphc2f.spec import CategorySpec, DefectSpec, Kind, SourceSpec
from maphc2f.substrates.base import open_substrate, require_accepted

SHEET_PICTURES = 60
TILE = 160


def write_masks(images: Path, out: Path, kind: str) -> tuple[int, list[str]]:
    """Write ``<name>.png`` masks (0 / 255) for the pictures below ``images`` and ``sheet.png`` into ``out``.

    Returns:
        The number of masks, and one line for each refused picture.

    Raises:
        PictureError: No such folder, or no usable picture.
    """
    if not images.is_dir():
        raise PictureError(
            "no such folder", where=str(images), rule="a folder of good pictures", remedy="check the path"
        )
    category = _category(images, kind)
    substrate = open_substrate(category)
    pictures = substrate.inventory()
    tiles: list[RGB] = []
    for picture in require_accepted(pictures, where=str(images)):
        loaded = substrate.load(picture)
        mask = np.ones(loaded.image.shape[:2], bool) if loaded.foreground is None else loaded.foreground
        name = Path(picture.key).with_suffix(".png")
        write_png(out / name, mask.astype(np.uint8) * np.uint8(255))
        if len(tiles) < SHEET_PICTURES:
            tiles.append(fit_tile(_outlined(as_rgb(loaded.image), mask), (TILE, TILE)))
    write_sheet(out / "sheet.png", contact_sheet(tiles, columns=10))
    refused = [f"refused {picture.key}: {picture.reason}" for picture in pictures if not picture.accepted]
    return sum(picture.accepted for picture in pictures), refused


def _category(images: Path, kind: str) -> CategorySpec:
    kinds: dict[str, Kind] = {"object": "object", "texture": "texture"}
    return CategorySpec(
        name="masks",
        count=1,
        source=SourceSpec(kind="folder", path=str(images.absolute())),
        kind=kinds[kind],
        material="steel",
        pixel_size=1e-4,
        native_size=(256, 256),
        defects=(DefectSpec(family="crack"),),
    )


def _outlined(rgb: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    thickness = max(1, round(max(rgb.shape[:2]) / 150))
    return np.asarray(cv2.drawContours(rgb.copy(), contours, -1, (255, 40, 40), thickness), np.uint8)

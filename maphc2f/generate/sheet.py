"""Contact sheets.

* :func:`as_rgb`, :func:`fit_tile`, :func:`close_up` prepare tiles; :func:`contact_sheet` lays them out;
  :func:`write_sheet` writes PNG or JPEG.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.shards.files import write_atomic
from maphc2f.shards.png import encode_png

RGB = NDArray[np.uint8]

GAP = 4
CLOSE_UP = 1.6
"""Size of a close-up over that of the defect."""

MIN_CLOSE_UP = 40
"""Least height of a close-up, px: smaller would show nothing but pixels."""

BACKGROUND = 245
JPEG_QUALITY = 88


def as_rgb(image: NDArray[Any]) -> RGB:
    """Return a gray or RGB picture of 8 or 16 bits as RGB of 8 bits."""
    eight = (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image
    return np.ascontiguousarray(np.repeat(eight[:, :, None], 3, 2) if eight.ndim == 2 else eight)


def fit_tile(rgb: RGB, shape: tuple[int, int]) -> RGB:
    """Return the picture centred in a tile of ``shape`` (height, width) px, its aspect ratio kept."""
    height, width = rgb.shape[:2]
    scale = min(shape[0] / height, shape[1] / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    sized = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    tile = np.full((*shape, 3), BACKGROUND, np.uint8)
    top, left = (shape[0] - size[1]) // 2, (shape[1] - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = sized
    return tile


def close_up(rgb: RGB, box: tuple[int, int, int, int], shape: tuple[int, int]) -> RGB:
    """Return what lies round ``box`` (x, y, w, h) with the aspect ratio of ``shape``, inside the picture."""
    x, y, w, h = box
    height, width = rgb.shape[:2]
    aspect = shape[1] / shape[0]
    tall = min(max(CLOSE_UP * h, CLOSE_UP * w / aspect, MIN_CLOSE_UP), height, width / aspect)
    rows, columns = max(1, int(tall)), max(1, int(tall * aspect))
    top = int(np.clip(y + h / 2 - rows / 2, 0, height - rows))
    left = int(np.clip(x + w / 2 - columns / 2, 0, width - columns))
    return np.ascontiguousarray(rgb[top : top + rows, left : left + columns])


def contact_sheet(tiles: Sequence[RGB], columns: int) -> RGB:
    """Return tiles of equal size in rows of ``columns``."""
    height, width = tiles[0].shape[:2]
    rows = -(-len(tiles) // columns)
    columns = min(columns, len(tiles))
    sheet = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), BACKGROUND, np.uint8)
    for i, tile in enumerate(tiles):
        y, x = GAP + (i // columns) * (height + GAP), GAP + (i % columns) * (width + GAP)
        sheet[y : y + height, x : x + width] = tile
    return sheet


def encode_sheet(sheet: RGB, suffix: str) -> bytes:
    """Return a sheet as PNG (``.png``) or JPEG (anything else)."""
    if suffix.lower() == ".png":
        return encode_png(sheet)
    _, data = cv2.imencode(".jpg", sheet[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return bytes(data)


def write_sheet(path: Path, sheet: RGB) -> None:
    """Write a sheet; the ending of ``path`` says PNG or JPEG."""
    data = encode_sheet(sheet, path.suffix)
    write_atomic(path, lambda file: file.write(data))


def write_png(path: Path, pixels: NDArray[Any]) -> None:
    """Write any picture as PNG."""
    data = encode_png(pixels)
    write_atomic(path, lambda file: file.write(data))

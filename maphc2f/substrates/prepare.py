"""Bringing a picture to the size of the dataset without changing its aspect ratio.

* :func:`prepare` fits pixels and foreground into the size; :func:`prepare_picture` also tracks the pixel scale.
* :func:`fitted_size` gives the size a picture of some aspect takes inside the target.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from maphc2f.spec import SizeSpec
from maphc2f.substrates.base import LoadedPicture, Mask, Pixels


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture at the size of the dataset.

    Attributes:
        image: Same kind as the source: uint8 (H, W) or (H, W, 3), or uint16 (H, W).
        foreground: bool (H, W); never true in the padding.
        scale: Source pixels per prepared pixel; the effective pixel size is the source's times this.
        content: Box (x, y, width, height) of the picture inside ``image``; the rest is padding.
    """

    image: Pixels
    foreground: Mask
    scale: float
    content: tuple[int, int, int, int]


def prepare(image: Pixels, foreground: Mask | None, size: SizeSpec) -> Prepared:
    """Fit a picture into ``size``: unchanged if native, else scaled and padded (letterbox) or cut (crop), centred.

    Shrinking averages areas, growing is bicubic. The padding has the median colour of the picture's border.

    Args:
        image: uint8 (H, W) or (H, W, 3), or uint16 (H, W).
        foreground: bool (H, W), or None: everywhere.
        size: Target size.

    Raises:
        ValueError: Shapes differ, or the array is not a picture.
    """
    _check(image, foreground)
    height, width = image.shape[:2]
    mask = np.ones((height, width), np.bool_) if foreground is None else foreground
    if size.width is None or size.height is None or (width, height) == (size.width, size.height):
        return Prepared(image, mask.copy(), 1.0, (0, 0, width, height))
    fitted = fitted_size((width, height), size)
    image, mask = _resized(image, fitted), _resized_mask(mask, fitted)
    # One scale for both axes: the longer side is rounded least.
    scale = max(width, height) / max(fitted)
    place = _padded if size.fit == "letterbox" else _cropped
    image, mask, content = place(image, mask, (size.width, size.height))
    return Prepared(_contiguous(image), np.ascontiguousarray(mask), scale, content)


def prepare_picture(picture: LoadedPicture, size: SizeSpec) -> Prepared:
    """Prepare a loaded picture; ``scale`` counts nominal source pixels, also for procedural pictures drawn small."""
    prepared = prepare(picture.image, picture.foreground, size)
    return replace(prepared, scale=prepared.scale * picture.scale)


def fitted_size(source: tuple[int, int], size: SizeSpec) -> tuple[int, int]:
    """Return (width, height) of a ``source`` (width, height) scaled to lie inside, or if cropped to cover, ``size``.

    Never below 1 px a side. Native sizes return the source.
    """
    if size.width is None or size.height is None:
        return source
    ratios = (size.width / source[0], size.height / source[1])
    ratio = min(ratios) if size.fit == "letterbox" else max(ratios)
    return max(1, round(source[0] * ratio)), max(1, round(source[1] * ratio))


def _check(image: Pixels, foreground: Mask | None) -> None:
    if image.dtype not in (np.uint8, np.uint16) or image.ndim not in (2, 3):
        msg = f"a picture is uint8 or uint16 (H, W) or (H, W, 3), got {image.dtype} {image.shape}"
        raise ValueError(msg)
    if foreground is not None and (foreground.shape != image.shape[:2] or foreground.dtype != np.bool_):
        msg = f"foreground must be bool {image.shape[:2]}, got {foreground.dtype} {foreground.shape}"
        raise ValueError(msg)


def _contiguous(image: Pixels) -> Pixels:
    # Crops are views; the branch keeps the type of the pixels for the checker.
    if image.dtype == np.uint16:
        return np.ascontiguousarray(image, np.uint16)
    return np.ascontiguousarray(image, np.uint8)


def _resized(image: Pixels, size: tuple[int, int]) -> Pixels:
    shrinks = size[0] <= image.shape[1]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)  # type: ignore[return-value]


def _resized_mask(mask: Mask, size: tuple[int, int]) -> Mask:
    shrinks = size[0] <= mask.shape[1]
    soft = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return soft >= 0.5


Box = tuple[int, int, int, int]


def _padded(image: Pixels, mask: Mask, target: tuple[int, int]) -> tuple[Pixels, Mask, Box]:
    height, width = mask.shape
    left, top = (target[0] - width) // 2, (target[1] - height) // 2
    shape = (target[1], target[0], *image.shape[2:])
    canvas = np.empty(shape, image.dtype)
    canvas[...] = border_median(image)
    canvas[top : top + height, left : left + width] = image
    inside = np.zeros(shape[:2], np.bool_)
    inside[top : top + height, left : left + width] = mask
    return canvas, inside, (left, top, width, height)


def _cropped(image: Pixels, mask: Mask, target: tuple[int, int]) -> tuple[Pixels, Mask, Box]:
    height, width = mask.shape
    left, top = (width - target[0]) // 2, (height - target[1]) // 2
    window = (slice(top, top + target[1]), slice(left, left + target[0]))
    return image[window], mask[window], (0, 0, *target)


def border_median(image: Pixels) -> Pixels:
    """Return the median of the outermost pixels, per channel, in the picture's type."""
    rim = np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]])
    median: Pixels = np.rint(np.median(rim, axis=0)).astype(image.dtype)
    return median

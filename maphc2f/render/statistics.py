"""Optics and statistics of a good picture, estimated from the picture alone.

* :func:`estimate_statistics` is the only entry point; it gives a
  :class:`~maphc2f.render.window.PictureStatistics`.

The estimates need no calibration target. They are meant for rendering that looks native to the picture, not for
metrology; each has a fallback for pictures that do not show the quantity.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.render.orientation import orientation_field
from maphc2f.render.window import PictureStatistics
from maphc2f.sample import Float32

MAX_SIDE = 512
"""Larger pictures are cropped (noise, optics) or reduced (the rest) to this side, px."""

NOISE_BLOCK = 16
NOISE_QUANTILE = 0.25
PSF_RANGE = (0.5, 2.5)
DEFAULT_PSF = 0.9
EDGE_QUANTILE = 0.995
"""Pixels with a gradient above this quantile count as edges."""

SHARP_QUANTILE = 0.2
"""The lens is judged by its sharpest edges: this quantile of the measured widths."""

DEFAULT_TILT = (-0.6, -0.8)
"""Light from the upper left, (y, x): where nothing is known, and how people read relief."""

FALLBACK_WEIGHT = 0.08
"""Relative shading gradient over the picture at which picture and fallback weigh the same."""

ELEVATION = 0.7
"""Height (z) of the unit vector towards the light: about 44 degrees above the surface."""

AMBIENT_RANGE = (0.25, 0.6)
MIN_FOREGROUND = 256
"""With fewer pixels in the foreground, px, the whole picture is used."""

TEXTURE_SIGMA = 3.0
"""What is finer than this, px, is texture; what is coarser, shading and shape."""

TEXTURE_BLOCK = 8
TEXTURE_QUANTILE = 0.5

BoolArray = NDArray[np.bool_]


def estimate_statistics(image: Float32, foreground: BoolArray) -> PictureStatistics:
    """Return noise, optics, light and texture statistics of ``image``.

    Args:
        image: (H, W, C) float32 in [0, 1], C = 1 or 3.
        foreground: (H, W) bool, True on the part.

    Returns:
        The statistics; every number is finite.
    """
    if int(foreground.sum()) < MIN_FOREGROUND:
        foreground = np.ones_like(foreground)
    gray = np.ascontiguousarray(image.mean(axis=2, dtype=np.float32))
    crop, crop_mask = _crop(gray, foreground)
    small, small_mask = _reduce(gray, foreground)
    noise = _noise(crop, crop_mask)
    orientation = orientation_field(gray, foreground)
    direction, coherence = orientation.overall
    return PictureStatistics(
        noise=noise,
        psf_sigma=_psf_sigma(crop, crop_mask, noise),
        light=_light(small, small_mask),
        ambient=_ambient(small, small_mask),
        local_std=_local_std(small, small_mask),
        mean=tuple(float(image[..., c][foreground].mean(dtype=np.float64)) for c in range(image.shape[2])),
        direction=direction,
        coherence=coherence,
        texture_std=_texture_std(crop, crop_mask),
        orientation=orientation,
    )


def _crop(gray: Float32, mask: BoolArray) -> tuple[Float32, BoolArray]:
    """Cut the middle of the foreground at full resolution: noise and optics live in single pixels."""
    if max(gray.shape) <= MAX_SIDE:
        return gray, mask
    box = []
    for axis, length in enumerate(gray.shape):
        used = np.flatnonzero(mask.any(axis=1 - axis))
        middle = int(used[0] + used[-1]) // 2
        start = min(max(middle - MAX_SIDE // 2, 0), max(length - MAX_SIDE, 0))
        box.append(slice(start, start + MAX_SIDE))
    part = mask[box[0], box[1]]
    return np.ascontiguousarray(gray[box[0], box[1]]), part if part.any() else np.ones_like(part)


def _reduce(gray: Float32, mask: BoolArray) -> tuple[Float32, BoolArray]:
    scale = MAX_SIDE / max(gray.shape)
    if scale >= 1.0:
        return gray, mask
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    small = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
    part = np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)) > 0
    return small, part if part.any() else np.ones_like(part)


def _noise(gray: Float32, mask: BoolArray) -> float:
    """Noise from the median absolute deviation of the finest diagonal band (Donoho & Johnstone 1994).

    d = (a - b - c + d') / 2 over 2 x 2 pixels has the standard deviation of the noise. The lower quartile over blocks
    keeps texture from being taken for noise (doi 10.1093/biomet/81.3.425).
    """
    band = 0.5 * (gray[:-1, :-1] - gray[:-1, 1:] - gray[1:, :-1] + gray[1:, 1:])
    inside = mask[:-1, :-1]
    rows, columns = band.shape[0] // NOISE_BLOCK, band.shape[1] // NOISE_BLOCK
    if rows * columns < 4:
        return float(np.median(np.abs(band)) / 0.6745)
    cut = (slice(0, rows * NOISE_BLOCK), slice(0, columns * NOISE_BLOCK))
    blocks = _blocks(np.abs(band)[cut], rows, columns)
    full = _blocks(inside[cut], rows, columns).mean(axis=1) > 0.5
    medians = np.median(blocks[full] if full.any() else blocks, axis=1)
    return float(np.quantile(medians, NOISE_QUANTILE) / 0.6745)


def _blocks(band: NDArray[np.generic], rows: int, columns: int, side: int = NOISE_BLOCK) -> NDArray[np.generic]:
    return band.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(rows * columns, -1)


def _psf_sigma(gray: Float32, mask: BoolArray, noise: float) -> float:
    """Blur from the sharpest edges: a step of height A under a Gaussian has the steepest slope A / (σ √(2π)).

    A central difference widens the step by the variance of two pixels' distance (1/3 px² for a triangle of half width
    1), which is taken off.
    """
    dy = 0.5 * (gray[2:, 1:-1] - gray[:-2, 1:-1])
    dx = 0.5 * (gray[1:-1, 2:] - gray[1:-1, :-2])
    slope = np.sqrt(dy * dy + dx * dx)
    inside = mask[1:-1, 1:-1]
    if not inside.any():
        return DEFAULT_PSF
    limit = max(float(np.quantile(slope[inside], EDGE_QUANTILE)), 5.0 * noise, 4.0 / 255.0)
    edges = inside & (slope >= limit)
    if int(edges.sum()) < 12:
        return DEFAULT_PSF
    window = np.ones((7, 7), np.uint8)
    span = (cv2.dilate(gray, window) - cv2.erode(gray, window))[1:-1, 1:-1]
    widths = span[edges] / (slope[edges] * math.sqrt(2.0 * math.pi))
    width = float(np.quantile(widths, SHARP_QUANTILE))
    return float(np.clip(math.sqrt(max(width * width - 1.0 / 3.0, 0.0)), *PSF_RANGE))


def _light(gray: Float32, mask: BoolArray) -> tuple[float, float, float]:
    """Tilt of the light from the mean relative gradient of the shading; the upper left where there is none.

    The picture brightens towards its light; a fixed fallback of small weight keeps the direction defined, and decides
    alone for an evenly lit picture.
    """
    weight = mask.astype(np.float32)
    ys, xs = np.mgrid[0 : gray.shape[0], 0 : gray.shape[1]].astype(np.float32)
    total, tilt = float(weight.sum()), []
    mean = float((gray * weight).sum()) / total
    for axis, fallback in zip((ys, xs), DEFAULT_TILT, strict=True):
        offset = axis - float((axis * weight).sum()) / total
        spread = float((offset * offset * weight).sum()) + 1e-6
        slope = float((gray * offset * weight).sum()) / spread
        tilt.append(slope * max(gray.shape) / max(mean, 1e-3) + FALLBACK_WEIGHT * fallback)
    length = math.hypot(*tilt)
    scale = math.sqrt(1.0 - ELEVATION**2) / max(length, 1e-9)
    return tilt[0] * scale, tilt[1] * scale, ELEVATION


def _ambient(gray: Float32, mask: BoolArray) -> float:
    """Share of ambient light: the darkest parts of the surface (2 %) over the median, in linear light."""
    low, middle = np.quantile(gray[mask], (0.02, 0.5))
    return float(np.clip((low / max(float(middle), 1e-3)) ** 2, *AMBIENT_RANGE))


def _local_std(gray: Float32, mask: BoolArray) -> float:
    """Median over the foreground of the standard deviation in squares of 32 px."""
    mean = cv2.blur(gray, (32, 32), borderType=cv2.BORDER_REFLECT)
    square = cv2.blur(gray * gray, (32, 32), borderType=cv2.BORDER_REFLECT)
    return float(np.median(np.sqrt(np.maximum(square - mean * mean, 0.0))[mask]))


def _texture_std(gray: Float32, mask: BoolArray) -> float:
    """Median over blocks inside the part of the standard deviation of what is finer than TEXTURE_SIGMA.

    Blocks that an outline or a printed line crosses are the minority, so the median leaves them out. Where no block
    lies wholly on the part, all count.
    """
    fine = gray - cv2.GaussianBlur(gray, (0, 0), TEXTURE_SIGMA, borderType=cv2.BORDER_REFLECT)
    inner = cv2.erode(mask.astype(np.uint8), np.ones((TEXTURE_BLOCK - 1, TEXTURE_BLOCK - 1), np.uint8)) > 0
    rows, columns = gray.shape[0] // TEXTURE_BLOCK, gray.shape[1] // TEXTURE_BLOCK
    if rows * columns == 0:
        return float(fine.std(dtype=np.float64))
    cut = (slice(0, rows * TEXTURE_BLOCK), slice(0, columns * TEXTURE_BLOCK))
    deviations = _blocks(fine[cut], rows, columns, TEXTURE_BLOCK).std(axis=1, dtype=np.float64)
    whole = _blocks(inner[cut], rows, columns, TEXTURE_BLOCK).all(axis=1)
    return float(np.quantile(deviations[whole] if whole.any() else deviations, TEXTURE_QUANTILE))

"""Invariants of a sample, checked when it is made; the shares are also read again when a dataset is verified.

* :class:`CheckedWindow`: what is checked: quantised pictures and mask of one window.
* :func:`check_sample`: the invariants that are violated, and the two shares.
* :func:`change_shares`: visible share of the mask and share of the change inside it.
* :func:`visible_threshold`: from when a change counts; :func:`disk`: by what a mask is dilated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.kernels.distance import euclidean_distance
from maphc2f.sample import UInt8

BoolArray = NDArray[np.bool_]

QUANTISATION = 2.0 / 255.0
"""Two gray levels: what rounding and dithering may change."""

NOISE_FACTOR = 2.0
RIDGE_TOLERANCE = 1
"""A pixel of the centreline counts as visible if a pixel this near has changed, px."""


@dataclass(frozen=True, slots=True)
class CheckedWindow:
    """Quantised window of a sample and what it must fulfil.

    Attributes:
        original: Good picture, (H, W) or (H, W, C), uint8 or uint16.
        picture: Finished picture, the same shape and type.
        mask: (H, W) uint8.
        soft_mask: (H, W) uint8.
        support: (H, W) bool: declared support.
        allowed: (H, W) bool: foreground, old and new.
        noise: Sensor noise, display units.
        change_radius: Optical width by which the mask is dilated, px.
        is_line: Whether the visible share is that of the mask's centreline.
        min_visible_share: Least visible share of the mask (of the centreline for lines).
        min_change_inside: Least share of the change in the dilated mask.
    """

    original: NDArray[Any]
    picture: NDArray[Any]
    mask: UInt8
    soft_mask: UInt8
    support: BoolArray
    allowed: BoolArray
    noise: float
    change_radius: float
    is_line: bool
    min_visible_share: float
    min_change_inside: float


@dataclass(frozen=True, slots=True)
class Shares:
    """``visible``: share of the mask (centreline) that changed; ``inside``: share of the change in the dilated mask."""

    visible: float
    inside: float

    @property
    def agreement(self) -> float:
        """Harmonic mean of both; 0 if both are 0."""
        total = self.visible + self.inside
        return 2.0 * self.visible * self.inside / total if total > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Violated invariants, one line each (empty: a valid sample), and the two shares."""

    violations: list[str]
    shares: Shares


def visible_threshold(noise: float) -> float:
    """Return max(2/255, 2 σ), display units."""
    return max(QUANTISATION, NOISE_FACTOR * noise)


def change_shares(
    original: NDArray[Any], picture: NDArray[Any], mask: UInt8, noise: float, change_radius: float, is_line: bool
) -> Shares:
    """Return visible share of the mask and share of the change inside it.

    A pixel has changed if any channel differs by more than :func:`visible_threshold`. The change is weighted by its
    size, the largest over the channels.

    Args:
        original: (H, W[, C]), float in [0, 1] or unsigned integers.
        picture: The same.
        mask: (H, W), non-zero on the defect.
        noise: Sensor noise, display units.
        change_radius: By how much the mask is dilated, px.
        is_line: Whether the visible share is that of the mask's centreline.
    """
    return _shares(_difference(original, picture), mask, noise, change_radius, is_line=is_line)


def _shares(
    difference: NDArray[np.float32], mask: UInt8, noise: float, change_radius: float, *, is_line: bool
) -> Shares:
    changed = difference > visible_threshold(noise)
    hard = (mask > 0).astype(np.uint8)
    return Shares(
        _visible_share(changed, hard, is_line=is_line), _inside_share(difference, changed, hard, change_radius)
    )


def _difference(original: NDArray[Any], picture: NDArray[Any]) -> NDArray[np.float32]:
    """Return the largest absolute difference over the channels, display units, (H, W)."""
    full = np.float32(np.iinfo(original.dtype).max if np.issubdtype(original.dtype, np.integer) else 1.0)
    if original.ndim == 2:
        return np.asarray(_plane(original, picture) / full, dtype=np.float32)
    largest = _plane(original[:, :, 0], picture[:, :, 0])
    # Channel by channel: a reduction over an axis of length 3 is several times slower.
    for channel in range(1, original.shape[2]):
        largest = np.maximum(largest, _plane(original[:, :, channel], picture[:, :, channel]))
    return np.asarray(largest / full, dtype=np.float32)


def _plane(original: NDArray[Any], picture: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(np.abs(picture.astype(np.float32) - original.astype(np.float32)), dtype=np.float32)


def _visible_share(changed: BoolArray, hard: UInt8, *, is_line: bool) -> float:
    if not is_line:
        return float(changed[hard > 0].mean()) if hard.any() else 0.0
    ridge = centreline(hard)
    size = 2 * RIDGE_TOLERANCE + 1
    near = cv2.dilate(changed.astype(np.uint8), np.ones((size, size), np.uint8)) > 0
    return float(near[ridge].mean()) if ridge.any() else 0.0


def _inside_share(difference: NDArray[np.float32], changed: BoolArray, hard: UInt8, radius: float) -> float:
    total = float(difference[changed].sum(dtype=np.float64))
    if total == 0.0:
        return 0.0
    near = np.asarray(cv2.dilate(hard, disk(radius))) > 0
    return float(difference[changed & near].sum(dtype=np.float64)) / total


def disk(radius: float) -> UInt8:
    """Return 1 at the offsets no longer than ``radius`` px, else 0, (2 r + 1, 2 r + 1) with r whole.

    Dilation by it marks what lies within ``radius`` of a mask, exactly as its distance transform would.
    """
    reach = int(radius)
    rows, columns = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    length = np.sqrt((rows * rows + columns * columns).astype(np.float32))
    return np.asarray(length <= np.float32(radius), dtype=np.uint8)


def centreline(hard: UInt8) -> BoolArray:
    """Return the ridge of the distance to the mask's border: a thin, possibly broken, centreline."""
    padded = cv2.copyMakeBorder(hard, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    inner = euclidean_distance(np.asarray(padded, np.uint8))[1:-1, 1:-1]
    highest = np.asarray(cv2.dilate(inner, np.ones((3, 3), np.uint8)))
    return np.asarray((hard > 0) & (inner >= highest - 0.25), dtype=np.bool_)


def check_sample(window: CheckedWindow) -> Verdict:
    """Return which invariants the window breaks, and the two shares.

    The mask is 0 / 255, equals soft mask >= 128, is neither empty nor the whole part and lies on it; nothing changes
    outside support and part; both shares reach their minimum; picture and good picture have one form.
    """
    original, picture = window.original, window.picture
    if original.shape != picture.shape or original.dtype != picture.dtype:
        return Verdict([f"picture is {picture.shape} {picture.dtype}, not of its good one's form"], Shares(0.0, 0.0))
    difference = _difference(original, picture)
    shares = _shares(difference, window.mask, window.noise, window.change_radius, is_line=window.is_line)
    violations = _mask_violations(window) + _change_violations(window, difference)
    if shares.visible < window.min_visible_share:
        violations.append(f"visible share of the mask {shares.visible:.3f} < {window.min_visible_share:g}")
    if shares.inside < window.min_change_inside:
        violations.append(f"share of the change in the mask {shares.inside:.3f} < {window.min_change_inside:g}")
    return Verdict(violations, shares)


def _change_violations(window: CheckedWindow, difference: NDArray[np.float32]) -> list[str]:
    touched = difference > 0
    found = []
    for name, region in (("support", window.support), ("part", window.allowed)):
        strays = int((touched & ~region).sum())
        if strays:
            found.append(f"{strays} pixels changed outside the {name}")
    return found


def _mask_violations(window: CheckedWindow) -> list[str]:
    found, hard = [], window.mask > 0
    if not np.array_equal(window.mask, np.where(window.soft_mask >= 128, 255, 0)):
        found.append("mask is not 255 where soft_mask >= 128 and 0 elsewhere")
    if not hard.any():
        found.append("mask is empty")
    elif bool(hard[window.allowed].all()):
        found.append("mask covers the whole part")
    strays = int((hard & ~window.allowed).sum())
    if strays:
        found.append(f"{strays} pixels of the mask lie outside the part")
    return found

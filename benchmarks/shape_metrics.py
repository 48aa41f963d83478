"""Shape metrics of defect masks, of cracks and of regions.

* :func:`crack_metrics` measures thin masks by their skeleton.
* :func:`region_metrics` measures compact ones by their largest part.
* :func:`box_dimension`, :func:`solidity`, :func:`crofton_perimeter`, :func:`eccentricity` are parts of general use.

Masks are bool (H, W). Lengths are pixels; a quantity that a mask is too small for is NaN.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks import skeletons

Mask = NDArray[np.bool_]
Metrics = dict[str, float]

MIN_CRACK_PART = 10
"""Parts of a crack mask with fewer pixels are dropped."""

MIN_REGION_PART = 8
"""Parts of a region mask with fewer pixels are not counted."""

MIN_BRANCH, MIN_BRANCH_WIDTHS = 6.0, 1.5
"""End branches of a skeleton shorter than this many px, or mean widths, are artefacts of thinning."""

MIN_PATH = 30.0
"""Shortest path that tortuosity is taken of, px."""

CLOSED = 0.3
"""A path whose ends lie nearer than this share of its length is nearly closed: it has no tortuosity."""

SMOOTHING = 7
"""Points of the moving average that takes the pixels' steps out of a path."""

BOXES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Sides of boxes, px."""

LEAST_SCALES = 3
"""Box sides that a boundary's dimension needs."""


def _drop_small(mask: Mask, least: int) -> tuple[NDArray[np.intp], int]:
    """Return labels 1..n of the parts of at least ``least`` px, and n."""
    labels, count = ndimage.label(mask, skeletons.EIGHT)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    kept = np.flatnonzero(sizes >= least)
    kept = kept[kept > 0]
    number = np.zeros(count + 1, np.intp)
    number[kept] = np.arange(1, len(kept) + 1)
    return number[labels], len(kept)


def _crop(mask: Mask, *, margin: int = 1) -> Mask:
    """Return the mask's bounding box with a margin of background."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.pad(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], margin)


def box_dimension(points: Mask, fewest: int) -> float:
    """Return the box-counting dimension of a set of pixels.

    The slope of log N over log 1/s for box sides s of 2 to 64 px, at most a quarter of the set's extent; N is the
    lesser count of two grids, shifted by half a box. NaN if fewer than ``fewest`` sides fit.
    """
    pixels = np.argwhere(points)
    pixels -= pixels.min(0)
    extent = int(pixels.max()) + 1
    sides = [side for side in BOXES if 4 * side <= extent]
    if len(sides) < max(fewest, 2):
        return math.nan
    counts = [min(_boxes(pixels, side, 0), _boxes(pixels, side, side // 2)) for side in sides]
    return -float(np.polyfit(np.log(sides), np.log(counts), 1)[0])


def _boxes(pixels: NDArray[np.intp], side: int, offset: int) -> int:
    cells = (pixels + offset) // side
    return len(np.unique(cells[:, 0] * (1 << 32) + cells[:, 1]))


# --- cracks --------------------------------------------------------------------------------------------------------


def pruned_skeleton(mask: Mask) -> Mask:
    """Return the skeleton of a mask without the short end branches that thinning leaves."""
    skeleton = skeletons.thin(mask)
    width = mask.sum() / max(skeletons.length(skeleton), 1.0)
    return skeletons.prune(skeleton, max(MIN_BRANCH, MIN_BRANCH_WIDTHS * width))


def crack_metrics(mask: Mask) -> Metrics:
    """Return the shape of a crack mask.

    Args:
        mask: bool (H, W), with at least one part of 10 px or more.

    Returns:
        ``mean_width_px`` = area / skeleton length; ``width_cv`` = std / mean of 2 EDT - 1 along the skeleton;
        ``skeleton_length_rel`` (to the longer side); ``branch_points_per_100px``; ``fractal_dim_skeleton``;
        ``longest_path_px`` and ``tortuosity`` = arc / chord of it, smoothed over 7 px; ``components``;
        ``area_fraction``.

    Raises:
        ValueError: No part is large enough.
    """
    labels, components = _drop_small(mask, MIN_CRACK_PART)
    if components == 0:
        msg = f"no part of the mask has {MIN_CRACK_PART} px"
        raise ValueError(msg)
    kept = _crop(labels > 0)
    skeleton = pruned_skeleton(kept)
    total = max(skeletons.length(skeleton), 1.0)
    widths = 2 * ndimage.distance_transform_edt(kept)[skeleton] - 1
    path = _main_path(skeleton)
    arc, chord = _arc_and_chord(path)
    return {
        "mean_width_px": float(kept.sum()) / total,
        "width_cv": float(widths.std() / widths.mean()),
        "skeleton_length_rel": total / max(mask.shape),
        "branch_points_per_100px": 100 * skeletons.branch_points(skeleton) / total,
        "fractal_dim_skeleton": box_dimension(skeleton, 2),
        "longest_path_px": _steps(path) if _steps(path) >= MIN_PATH else math.nan,
        "tortuosity": arc / chord if _steps(path) >= MIN_PATH and chord > CLOSED * arc else math.nan,
        "components": float(components),
        "area_fraction": float(mask.mean()),
    }


def _main_path(skeleton: Mask) -> NDArray[np.float64]:
    labels, count = ndimage.label(skeleton, skeletons.EIGHT)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    return skeletons.longest_path(labels == int(np.argmax(sizes))).astype(np.float64)


def _steps(path: NDArray[np.float64]) -> float:
    return float(np.hypot(*np.diff(path, axis=0).T).sum())


def _arc_and_chord(path: NDArray[np.float64]) -> tuple[float, float]:
    """Return length and end-to-end distance of the path after a moving average."""
    if len(path) <= SMOOTHING:
        return _steps(path), float(np.hypot(*(path[-1] - path[0])))
    kernel = np.full(SMOOTHING, 1 / SMOOTHING)
    smooth = np.stack([np.convolve(path[:, axis], kernel, "valid") for axis in (0, 1)], axis=1)
    return _steps(smooth), float(np.hypot(*(smooth[-1] - smooth[0])))


# --- regions -------------------------------------------------------------------------------------------------------


def solidity(mask: Mask) -> float:
    """Return area over the area of the convex hull of the pixels' midpoints of sides, counted in pixels."""
    pixels = np.argwhere(mask).astype(np.float32)
    sides = np.array([(0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5)], np.float32)
    hull = cv2.convexHull((pixels[:, None, ::-1] + sides).reshape(-1, 2))[:, 0].astype(np.float64)
    following = np.roll(hull, -1, axis=0)
    turn = math.copysign(1.0, float(np.sum(hull[:, 0] * following[:, 1] - following[:, 0] * hull[:, 1])))
    x, y = np.meshgrid(np.arange(mask.shape[1]), np.arange(mask.shape[0]))
    inside = np.ones(mask.shape, bool)
    for (x0, y0), (x1, y1) in zip(hull, following, strict=True):
        inside &= turn * ((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) >= -1e-6
    return float(mask.sum() / inside.sum())


def crofton_perimeter(mask: Mask) -> float:
    """Return the perimeter by Crofton's formula with four directions.

    P = (π/4) Σ_k Δ_k n_k, with n_k the crossings of the boundary by lines in direction k and Δ_k the distance of the
    lines (1 along the axes, 1/√2 along the diagonals); a line enters and leaves, so n_k counts half of the changes.
    """
    padded = np.pad(mask, 1)
    straight = [np.count_nonzero(padded[:, 1:] != padded[:, :-1]), np.count_nonzero(padded[1:] != padded[:-1])]
    diagonal = [
        np.count_nonzero(padded[1:, 1:] != padded[:-1, :-1]),
        np.count_nonzero(padded[1:, :-1] != padded[:-1, 1:]),
    ]
    return math.pi / 8 * (sum(straight) + sum(diagonal) / math.sqrt(2))


def eccentricity(mask: Mask) -> float:
    """Return that of the ellipse with the mask's second moments; each pixel is a unit square."""
    covariance = np.cov(np.argwhere(mask).T, bias=True) + np.eye(2) / 12
    small, large = np.linalg.eigvalsh(covariance)
    return float(math.sqrt(max(0.0, 1 - small / large)))


def region_metrics(mask: Mask) -> Metrics:
    """Return the shape of a region mask.

    Args:
        mask: bool (H, W), not empty.

    Returns:
        ``area_fraction`` of the whole mask; ``components`` of at least 8 px; of the largest one:
        ``equiv_diameter_px``, ``solidity``, ``eccentricity``, ``circularity`` = 4 π A / P² and
        ``fractal_dim_boundary``, the box-counting dimension of its outline.

    Raises:
        ValueError: The mask is empty.
    """
    labels, components = _drop_small(mask, 1)
    if components == 0:
        msg = "the mask is empty"
        raise ValueError(msg)
    sizes = np.bincount(labels.ravel())[1:]
    largest = _crop(labels == int(np.argmax(sizes)) + 1)
    area = float(largest.sum())
    outline = _crop(mask) & ~ndimage.binary_erosion(_crop(mask), skeletons.EIGHT)
    return {
        "area_fraction": float(mask.mean()),
        "components": float(max(1, int((sizes >= MIN_REGION_PART).sum()))),
        "equiv_diameter_px": math.sqrt(4 * area / math.pi),
        "solidity": solidity(largest),
        "eccentricity": eccentricity(largest),
        "circularity": 4 * math.pi * area / crofton_perimeter(largest) ** 2,
        "fractal_dim_boundary": box_dimension(outline, LEAST_SCALES),
    }

"""What the learned estimator sees of a finished sample: whole pictures in, one vector of numbers out.

* :class:`JudgedPicture` is a picture with its good one, its mask and what is known of them.
* :func:`judged_terms` reads the six terms of SQE from the stored pixels.
* :func:`observe` gives the network's inputs; :data:`INPUTS` names them.
* :class:`Maps` keeps the features of a good picture for several observations of one window.

Intact and spoiled samples are read in one way: from codes as they are stored and from the mask, not from the soft
fields that only the generator has. What the generator alone knows (whether the solver converged) comes in as a number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from maphc2f.features.base import Backbone
from maphc2f.features.scattering import OCTAVES, ORIENTATIONS
from maphc2f.quality.invariants import visible_threshold
from maphc2f.quality.sqe import ScoredWindow, sqe_terms
from maphc2f.render.contrast import contrast_unit
from maphc2f.render.window import PictureStatistics
from maphc2f.sample import Float32, UInt8

Float64 = NDArray[np.float64]

MARGIN = 16
"""Pixels round everything that changed: the coarsest features have a stride of 16."""

MAX_SIDE = 384
"""Larger windows are cut round the middle of the mask, px."""

READ_TERMS = ("boundary", "texture", "visibility", "placement", "agreement")
"""Terms that are read from pixels; the sixth, physics, is not to be seen in a picture."""

LOG_FLOOR = 0.02
BINS: tuple[float, ...] = (-6.0, -3.0, -1.5, 0.0, 1.5, 3.0, 6.0, 12.0)
"""Signed distances to the mask's contour, px, at which the bands of the profile end; negative inside."""

BANDS = tuple(f"{low:g}..{high:g}" for low, high in zip((-math.inf, *BINS[:-1]), BINS, strict=True))
PROFILES = ("change", "changed", "slope", "detail")
RING = (1.5, 8.0)
"""Distances from the mask between which the surroundings are pooled, px."""

SHAPES = (
    "log_area",
    "elongation",
    "ruggedness",
    "depth",
    "is_line",
    "severity",
    "log_contrast",
    "log_signal",
    "overlap",
    "outline_share",
    "clipped",
    "chroma",
)
POOLED = ("light", "red", "green", "waves", "waves_red", "waves_green", "anisotropy", "second", "second_spread")
"""Of each octave of scattering, after means over orientations, so that a turned picture reads alike."""

POOLS = ("inside", "ring", "inside_ring", "good_inside_ring")
INPUTS: tuple[str, ...] = (
    "physics",
    *READ_TERMS,
    *(f"log_{name}" for name in READ_TERMS),
    *(f"{profile}:{band}" for profile in PROFILES for band in BANDS),
    *SHAPES,
    *(f"{pool}:{octave}:{name}" for pool in POOLS for octave in range(OCTAVES) for name in POOLED),
)
"""Names of the network's inputs, in order."""


@dataclass(frozen=True, slots=True)
class JudgedPicture:
    """A finished picture and what it was made from; float32 in [0, 1] unless said.

    Attributes:
        original: Good picture (H, W, C), C = 1 or 3, values code / peak.
        picture: Picture with the defect, the same.
        mask: (H, W) uint8, 1 on the defect.
        foreground: (H, W), 1 on the part.
        statistics: Of the good picture.
        change_radius: Optical width, px; see :class:`~maphc2f.render.window.WindowResult`.
        severity: 0 .. 1.
        is_line: Whether the defect is a line.
        physics: The stored term of physics, 0 .. 1.
        peak: Largest code of the stored pictures, 255 or 65535.
    """

    original: Float32
    picture: Float32
    mask: UInt8
    foreground: Float32
    statistics: PictureStatistics
    change_radius: float
    severity: float
    is_line: bool
    physics: float
    peak: int = 255

    @property
    def change(self) -> Float32:
        """Picture less good picture, (H, W, C)."""
        return self.picture - self.original


@dataclass(frozen=True, slots=True)
class Maps:
    """Scattering of a good picture's window: the box it was cut from, and its maps."""

    box: tuple[int, int, int, int]
    levels: tuple[Float32, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """A window cut for reading, with what several inputs are made from.

    Attributes:
        window: The cut picture.
        box: Top, left, bottom, right of the cut.
        area: Pixels of the whole part.
        distance: Signed distance to the mask's contour, px, negative inside.
        size: Largest absolute change over the channels.
        gray: Change of the mean over the channels.
    """

    window: JudgedPicture
    box: tuple[int, int, int, int]
    area: float
    distance: Float32
    size: Float32
    gray: Float32


def gray_of(picture: Float32) -> Float32:
    """Return the mean over the channels, (H, W)."""
    return np.asarray(picture.mean(axis=2, dtype=np.float32), np.float32)


def signed_distance(mask: UInt8) -> Float32:
    """Return the distance to the mask's contour in px, negative inside; half a pixel at the pixels beside it."""
    outside = np.asarray(cv2.distanceTransform(1 - mask, cv2.DIST_L2, cv2.DIST_MASK_5))
    inside = np.asarray(cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_5))
    return np.where(mask > 0, 0.5 - inside, outside - 0.5).astype(np.float32)


def _span(used: NDArray[np.bool_], axis: int, middle: int) -> tuple[int, int]:
    """Return where a cut begins and ends along an axis."""
    hit = np.flatnonzero(used.any(axis=1 - axis))
    length = used.shape[axis]
    low, high = max(0, int(hit[0]) - MARGIN), min(length, int(hit[-1]) + 1 + MARGIN)
    if high - low <= MAX_SIDE:
        return low, high
    low = min(max(middle - MAX_SIDE // 2, low), high - MAX_SIDE)
    return low, low + MAX_SIDE


def _box(judged: JudgedPicture) -> tuple[int, int, int, int]:
    """Return the box round mask and change, (top, left, bottom, right)."""
    used = (judged.picture != judged.original).any(axis=2) | (judged.mask > 0)
    points = np.argwhere(judged.mask > 0)
    middle = points[len(points) // 2]
    (top, bottom), (left, right) = (_span(used, axis, int(middle[axis])) for axis in (0, 1))
    return top, left, bottom, right


def _cut(judged: JudgedPicture) -> _Read:
    top, left, bottom, right = box = _box(judged)
    inside = slice(top, bottom), slice(left, right)
    window = replace(
        judged,
        original=np.ascontiguousarray(judged.original[inside]),
        picture=np.ascontiguousarray(judged.picture[inside]),
        mask=np.ascontiguousarray(judged.mask[inside]),
        foreground=np.ascontiguousarray(judged.foreground[inside]),
    )
    change = window.change
    size = np.abs(change[:, :, 0])
    for channel in range(1, change.shape[2]):
        size = np.maximum(size, np.abs(change[:, :, channel]))
    area = float(judged.foreground.sum(dtype=np.float64))
    return _Read(
        window, box, area, signed_distance(window.mask), size, gray_of(window.picture) - gray_of(window.original)
    )


def _terms(read: _Read) -> dict[str, float]:
    window = read.window
    scored = ScoredWindow(
        original=window.original,
        picture=window.picture,
        soft_mask=window.mask.astype(np.float32),
        foreground=window.foreground,
        statistics=window.statistics,
        residuals={},
        solver_residual=0.0,
        change_radius=window.change_radius,
        severity=window.severity,
        is_line=window.is_line,
        part_area=read.area,
    )
    return {**sqe_terms(scored), "physics": window.physics}


def judged_terms(judged: JudgedPicture) -> dict[str, float]:
    """Return the six terms of SQE by name, read from stored pixels; physics is the number that was stored.

    Raises:
        ValueError: The mask is empty.
    """
    _require_mask(judged)
    return _terms(_cut(judged))


def observe(judged: JudgedPicture, backbone: Backbone, kept: Maps | None = None) -> tuple[Float64, Maps]:
    """Return the network's inputs for a picture, and the maps of its good window.

    Args:
        judged: What is judged.
        backbone: The scattering transform.
        kept: Maps of the same good picture from an earlier call; used if the window is the same.

    Returns:
        float64 (len(INPUTS),), all finite, and the maps to keep.

    Raises:
        ValueError: The mask is empty.
    """
    _require_mask(judged)
    read = _cut(judged)
    terms = _terms(read)
    logs = [math.log(max(terms[name], LOG_FLOOR)) for name in READ_TERMS]
    good = (
        kept if kept is not None and kept.box == read.box else Maps(read.box, _levels(read.window.original, backbone))
    )
    finished = _levels(read.window.picture, backbone)
    vector = [
        terms["physics"],
        *(terms[name] for name in READ_TERMS),
        *logs,
        *_profiles(read),
        *_shape(read),
        *_pooled(read, good.levels, finished),
    ]
    return np.asarray(vector, np.float64), good


def _require_mask(judged: JudgedPicture) -> None:
    if not judged.mask.any():
        msg = "the mask is empty: there is no defect to judge"
        raise ValueError(msg)


def _levels(picture: Float32, backbone: Backbone) -> tuple[Float32, ...]:
    maps = backbone.maps(torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)[None])))
    return tuple(level[0].numpy() for level in maps)


def _amplitude(read: _Read) -> float:
    """Return the change of the strongest part, at least one gray level of 8 bits."""
    return max(float(np.quantile(read.size[read.distance <= MARGIN], 0.98)), 1.0 / 255.0)


def _slope(gray: Float32) -> Float32:
    slope = np.zeros_like(gray)
    dy, dx = gray[2:, 1:-1] - gray[:-2, 1:-1], gray[1:-1, 2:] - gray[1:-1, :-2]
    slope[1:-1, 1:-1] = np.float32(0.5) * np.sqrt(dy * dy + dx * dx)
    return slope


def _detail(gray: Float32) -> Float32:
    detail = np.zeros_like(gray)
    down = gray[:-1] - gray[1:]
    detail[:-1, :-1] = np.float32(0.5) * np.abs(down[:, :-1] - down[:, 1:])
    return detail


def _profiles(read: _Read) -> list[float]:
    """Return the means of change, changed share, slope and detail in bands along the contour.

    Change and slope are relative to the strongest change, detail (of the picture) to that of the good picture, as a
    logarithm. A band without pixels takes the value of the band beside it, nearer to the contour.
    """
    amplitude, threshold = _amplitude(read), visible_threshold(read.window.statistics.noise)
    floor = np.float32(0.5 * read.window.statistics.noise + 0.5 / 255.0)
    change = read.size / np.float32(amplitude)
    slope = _slope(read.gray) / np.float32(amplitude)
    after, before = _detail(gray_of(read.window.picture)), _detail(gray_of(read.window.original))
    band = np.digitize(read.distance, BINS, right=True)
    counts = np.bincount(band.ravel(), minlength=len(BINS) + 1)[: len(BINS)]

    def means(values: NDArray[np.generic]) -> Float64:
        sums = np.bincount(band.ravel(), weights=values.ravel().astype(np.float64), minlength=len(BINS) + 1)
        return np.asarray(sums[: len(BINS)] / np.maximum(counts, 1), np.float64)

    ratio = np.log((means(after) + floor) / (means(before) + floor))
    rows = [means(change), means(read.size > threshold), means(slope), ratio]
    return [float(value) for row in rows for value in _filled(row, counts)]


def _filled(row: Float64, counts: NDArray[np.integer]) -> Float64:
    """Return a row of the profile whose empty bands repeat the band towards the contour."""
    out = row.copy()
    contour = BINS.index(0.0)
    for k in range(contour - 1, -1, -1):
        out[k] = out[k] if counts[k] else out[k + 1]
    for k in range(contour + 2, len(BINS)):
        out[k] = out[k] if counts[k] else out[k - 1]
    return out


def _shape(read: _Read) -> list[float]:
    """Return :data:`SHAPES`: what the mask is like, and how strong and how coloured the change is."""
    window, inside = read.window, read.window.mask > 0
    area = float(inside.sum())
    deepest = float(-read.distance.min())
    contour = float(((read.distance > -1.0) & inside).sum())
    contrast = float(np.quantile(read.size[inside], 0.75))
    threshold, unit = visible_threshold(window.statistics.noise), contrast_unit(window.statistics)
    strong = (read.size > 0.5 * contrast) & (read.size > threshold)
    union = float((strong | inside).sum())
    return [
        math.log(area),
        _elongation(inside),
        math.log(contour / math.sqrt(area)),
        math.log(deepest + 1.0),
        float(window.is_line),
        window.severity,
        math.log(max(contrast, 1e-3) / max(unit, threshold)),
        math.log(max(contrast, 1e-3) / threshold),
        float((strong & inside).sum()) / union,
        float((read.size[np.abs(read.distance) <= 1.0] > threshold).mean()),
        float(((window.picture[inside] <= 0.0) | (window.picture[inside] >= 1.0)).mean()),
        _chroma(window.change[inside], contrast),
    ]


def _elongation(inside: NDArray[np.bool_]) -> float:
    """Return the logarithm of the ratio of the axes of the ellipse with the mask's second moments."""
    points = np.argwhere(inside).astype(np.float64)
    spread = np.cov(points.T, bias=True) + np.eye(2) / 12.0
    low, high = np.linalg.eigvalsh(spread)
    return 0.5 * math.log(float(high / low))


def _chroma(change: Float32, contrast: float) -> float:
    """Return the mean spread of the change over the channels, over its contrast; 0 for gray pictures."""
    spread = change.max(axis=1) - change.min(axis=1)
    return min(float(spread.mean(dtype=np.float64)) / max(contrast, 1.0 / 255.0), 4.0)


def _pooled(read: _Read, good: tuple[Float32, ...], finished: tuple[Float32, ...]) -> list[float]:
    """Return :data:`POOLS`: finished less good inside and in a ring, and inside less ring in both pictures."""
    inside = read.window.mask.astype(np.float32)
    ring = ((read.distance > RING[0]) & (read.distance <= RING[1])).astype(np.float32)
    if not ring.any():
        ring = (read.distance > RING[0]).astype(np.float32) + np.float32(1e-6)
    in_good, in_done = _mean(good, inside), _mean(finished, inside)
    ring_good, ring_done = _mean(good, ring), _mean(finished, ring)
    blocks = (in_done - in_good, ring_done - ring_good, in_done - ring_done, in_good - ring_good)
    return [float(value) for block in blocks for value in block]


def _mean(levels: tuple[Float32, ...], weights: Float32) -> Float64:
    """Return the means of reduced maps under weights, (OCTAVES · len(POOLED),)."""
    out = []
    for level in levels:
        height, width = level.shape[1:]
        coarse = cv2.resize(weights, (width, height), interpolation=cv2.INTER_AREA).astype(np.float64).ravel()
        total = max(float(coarse.sum()), 1e-12)
        out.append(_reduced(level.reshape(len(level), -1).astype(np.float64) @ coarse / total))
    return np.concatenate(out)


def _reduced(channels: Float64) -> Float64:
    """Return the pooled channels of one octave without their orientations, as :data:`POOLED` names them."""
    first = channels[3 : 3 + 3 * ORIENTATIONS].reshape(3, ORIENTATIONS)
    second = channels[3 + 3 * ORIENTATIONS :]
    spread = [first[0].std(), second.mean(), second.std()]
    return np.concatenate([channels[:3], first.mean(axis=1), spread])


def named(vector: Float64) -> Mapping[str, float]:
    """Return a vector of inputs by name."""
    return dict(zip(INPUTS, (float(value) for value in vector), strict=True))

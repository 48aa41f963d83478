"""Deliberate faults of a good sample: what the learned estimator must rank below it.

* :data:`SPOILINGS` names them all; each is a pure function of a picture and a generator.
* :func:`spoil` applies one and returns None where it would not show.

Half of them spoil the label, half the picture. Every function works on the pictures as they are stored: what comes out
has codes of the same depth, so that no fault is told by its rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.quality.invariants import visible_threshold
from maphc2f.quality.judged import JudgedPicture, signed_distance
from maphc2f.render.contrast import MAX_AMPLITUDE
from maphc2f.sample import Float32, UInt8

Spoiling = Callable[[JudgedPicture, np.random.Generator], JudgedPicture | None]
"""Returns the spoiled picture, or None where this fault cannot be made of this sample."""

MOST_OVERLAP = 0.7
"""Intersection over union of old and new mask above which a spoiled label does not count."""

LEAST_SHARE = 0.2
"""Share of the defect's own change that a spoiled picture must differ by."""

MIN_PIXELS = 12
"""Of a mask, for anything to be spoiled, and of a spoiled one."""

TRIES = 12
OPTICS = 0.8
"""Gaussian sigma of what is painted with the softness of a lens, px."""

WRONG_HUES = ((0.0, 1.0, 0.0), (0.0, 0.3, 1.0), (0.9, 0.0, 1.0), (0.0, 0.9, 1.0))
"""Green, blue, magenta, cyan: no product of corrosion and no bare material of the catalogue has them."""


def spoil(kind: str, judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Return a sample with one fault, or None if it cannot be made or would not show.

    A spoiled mask overlaps the old one by at most MOST_OVERLAP; a spoiled picture differs by at least LEAST_SHARE of
    the change that the defect itself makes.

    Args:
        kind: A key of :data:`SPOILINGS`.
        judged: The intact sample.
        rng: Draws strength, direction and colour.

    Raises:
        KeyError: There is no such kind.
    """
    made = SPOILINGS[kind](judged, rng) if int(judged.mask.sum()) >= MIN_PIXELS else None
    if made is None or int(made.mask.sum()) < MIN_PIXELS:
        return None
    made = replace(made, picture=_coded(made.picture, made.peak))
    both = float(((made.mask > 0) | (judged.mask > 0)).sum())
    overlap = float(((made.mask > 0) & (judged.mask > 0)).sum()) / both
    altered = float(np.abs(made.picture - judged.picture).sum(dtype=np.float64))
    own = float(np.abs(judged.change).sum(dtype=np.float64))
    return made if overlap <= MOST_OVERLAP or altered >= LEAST_SHARE * own > 0.0 else None


def _coded(picture: Float32, peak: int) -> Float32:
    """Return the picture as it would be stored: clipped, rounded to codes."""
    codes = np.rint(np.clip(picture, 0.0, 1.0) * np.float32(peak))
    return np.asarray(codes * np.float32(1.0 / peak), np.float32)


# --- tools -----------------------------------------------------------------------------------------------------------


def _grown(mask: UInt8, distance: float) -> UInt8:
    return (signed_distance(mask) <= distance).astype(np.uint8)


def _moved(array: NDArray[np.generic], shift: tuple[int, int]) -> NDArray[np.generic]:
    """Return the array moved by (rows, columns), zero where nothing came from."""
    out = np.zeros_like(array)
    height, width = array.shape[:2]
    dy, dx = shift
    if abs(dy) < height and abs(dx) < width:
        source = array[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
        out[max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)] = source
    return out


def _direction(length: float, rng: np.random.Generator) -> tuple[int, int]:
    angle = rng.uniform(0.0, 2.0 * math.pi)
    return round(length * math.sin(angle)), round(length * math.cos(angle))


def _strength(judged: JudgedPicture) -> float:
    """Return the upper quartile of the change in the mask, the largest over the channels."""
    inside = np.abs(judged.change[judged.mask > 0]).max(axis=1)
    return max(float(np.quantile(inside, 0.75)), 1.0 / judged.peak)


def _soft(mask: UInt8, sigma: float) -> Float32:
    """Return the mask blurred by a lens, (H, W, 1)."""
    blurred = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), sigma)
    return np.asarray(blurred, np.float32)[:, :, None]


def _blurred(picture: Float32, sigma: float) -> Float32:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32).reshape(picture.shape)


def _with_change(judged: JudgedPicture, change: Float32) -> JudgedPicture:
    return replace(judged, picture=judged.original + change.astype(np.float32))


def _radius(mask: UInt8) -> float:
    """Return the radius of the largest disc in the mask, px."""
    return float(-signed_distance(mask).min())


# --- the label is wrong ----------------------------------------------------------------------------------------------


def shifted_mask(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Move the mask beside the defect, by 4 px and up to 2.5 of its radii."""
    for _ in range(TRIES):
        length = rng.uniform(4.0, 8.0) + rng.uniform(0.6, 1.5) * _radius(judged.mask)
        moved = np.asarray(_moved(judged.mask, _direction(length, rng)), np.uint8)
        both, either = int((moved & judged.mask).sum()), int((moved | judged.mask).sum())
        if moved.sum() >= 0.8 * judged.mask.sum() and both <= 0.5 * either:
            return replace(judged, mask=moved)
    return None


def turned_mask(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Turn the mask about its centre by 40 to 140 degrees."""
    points = np.argwhere(judged.mask > 0)
    centre = points.mean(axis=0)
    turn = cv2.getRotationMatrix2D((float(centre[1]), float(centre[0])), rng.uniform(40.0, 140.0), 1.0)
    turned = cv2.warpAffine(judged.mask, turn, judged.mask.shape[::-1], flags=cv2.INTER_NEAREST)
    return replace(judged, mask=np.asarray(turned, np.uint8))


def dilated_mask(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Widen the mask by 3 to 6 px and a quarter to half of its radius."""
    width = rng.uniform(3.0, 6.0) + rng.uniform(0.25, 0.5) * _radius(judged.mask)
    return replace(judged, mask=_grown(judged.mask, width))


def eroded_mask(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Keep only the middle of the mask, 15 to 50 % of its area; lines and specks have no middle."""
    radius = _radius(judged.mask)
    if radius < 3.0:
        return None
    distance = signed_distance(judged.mask)
    level = float(np.quantile(distance[judged.mask > 0], rng.uniform(0.15, 0.5)))
    return replace(judged, mask=(distance <= min(level, -1.0)).astype(np.uint8))


def cut_mask(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Keep 30 to 60 % of the mask, on one side of a straight cut."""
    angle = rng.uniform(0.0, 2.0 * math.pi)
    rows, columns = np.indices(judged.mask.shape)
    along = np.asarray(rows * math.sin(angle) + columns * math.cos(angle), np.float64)
    level = float(np.quantile(along[judged.mask > 0], rng.uniform(0.3, 0.6)))
    return replace(judged, mask=(judged.mask & (along <= level)).astype(np.uint8))


def hull_mask(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Label the convex hull and 1 to 4 px round it, as a hurried annotator would."""
    points = np.argwhere(judged.mask > 0)[:, ::-1].astype(np.int32)
    filled = cv2.fillConvexPoly(np.zeros_like(judged.mask), cv2.convexHull(points), 1)
    return replace(judged, mask=_grown(np.asarray(filled, np.uint8), rng.uniform(1.0, 4.0)))


def misplaced(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Move defect and mask so that at least half of it lies beside the part."""
    part = judged.foreground >= 0.5
    outside = np.argwhere(~part)
    if len(outside) < judged.mask.sum():
        return None
    centre = np.argwhere(judged.mask > 0).mean(axis=0)
    for _ in range(TRIES):
        dy, dx = np.rint(outside[int(rng.integers(len(outside)))] - centre).astype(int)
        moved = np.asarray(_moved(judged.mask, (int(dy), int(dx))), np.uint8)
        if moved.sum() >= 0.8 * judged.mask.sum() and float(part[moved > 0].mean()) <= 0.5:
            change = np.asarray(_moved(judged.change, (int(dy), int(dx))), np.float32)
            return replace(_with_change(judged, change), mask=moved)
    return None


def ghost(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Draw the defect a second time near by, without a label."""
    near = _grown(judged.mask, 3.0)
    part = judged.foreground >= 0.5
    for _ in range(TRIES):
        shift = _direction(rng.uniform(1.2, 2.5) * (6.0 + math.sqrt(float(judged.mask.sum()))), rng)
        moved = np.asarray(_moved(judged.mask, shift), np.uint8)
        apart = not (moved & near).any()
        if apart and moved.sum() >= 0.8 * judged.mask.sum() and float(part[moved > 0].mean()) >= 0.9:
            second = np.asarray(_moved(judged.change, shift), np.float32)
            return _with_change(judged, judged.change + second)
    return None


# --- the picture is wrong --------------------------------------------------------------------------------------------


def halo(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Add a bright or dark glow round the mask that dies away within 2.5 to 6 px."""
    distance, length = signed_distance(judged.mask), rng.uniform(2.5, 6.0)
    level = rng.uniform(0.4, 0.9) * max(_strength(judged), 3.0 * visible_threshold(judged.statistics.noise))
    sign = 1.0 if rng.uniform() < 0.5 else -1.0
    glow = np.where(distance > 0, np.exp(-distance / length), 0.0) * (distance < 5.0 * length)
    glow = np.asarray(sign * level * glow * (judged.foreground >= 0.5), np.float32)
    return replace(judged, picture=judged.picture + glow[:, :, None])


def sharp_edge(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Paste the inside at full strength up to the contour, without any transition.

    Every pixel of the mask takes the change of the nearest one that lies 0.6 to 0.9 of the radius inside, at most 2 to
    4 px.
    """
    distance = signed_distance(judged.mask)
    depth = min(float(rng.uniform(0.6, 0.9)) * _radius(judged.mask), float(rng.uniform(2.0, 4.0)))
    core = ((distance <= -depth) & (judged.mask > 0)).astype(np.uint8)
    if not core.any():
        return None
    _, labels = cv2.distanceTransformWithLabels(1 - core, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    change = np.zeros((int(labels.max()) + 1, judged.change.shape[2]), np.float32)
    change[labels[core > 0]] = judged.change[core > 0]
    return _with_change(judged, np.where(judged.mask[:, :, None] > 0, change[labels], np.float32(0.0)))


def wrong_colour(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Tint the defect with a hue that it cannot have; gray pictures have none."""
    if judged.original.shape[2] != 3:
        return None
    hue = np.asarray(WRONG_HUES[int(rng.integers(len(WRONG_HUES)))], np.float32)
    level = float(rng.uniform(0.5, 1.2)) * max(_strength(judged), 0.08)
    tint = (hue - hue.mean()) * np.float32(level / max(float(np.ptp(hue)), 1e-6))
    return replace(judged, picture=judged.picture + _soft(judged.mask, OPTICS) * tint)


def blurred_inside(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Blur the picture in and just round the mask with a Gaussian of 2 to 4 px."""
    weight = np.minimum(1.0, _soft(_grown(judged.mask, 2.0), OPTICS))
    soft = _blurred(judged.picture, float(rng.uniform(2.0, 4.0)))
    return replace(judged, picture=judged.picture + weight * (soft - judged.picture))


def mosaic(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Show the defect in blocks of 4 to 6 px."""
    side = int(rng.integers(4, 7))
    height, width = judged.mask.shape
    small = cv2.resize(judged.picture, (-(-width // side), -(-height // side)), interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST).reshape(judged.picture.shape)
    where = _grown(judged.mask, 2.0)[:, :, None] > 0
    return replace(judged, picture=np.where(where, large, judged.picture).astype(np.float32))


def too_strong(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Raise the contrast to 1.5 to 2.5 times the most that rendering asks for, if the range of values allows."""
    strength = _strength(judged)
    most = max(MAX_AMPLITUDE, strength)
    made = _with_change(judged, judged.change * np.float32(rng.uniform(1.5, 2.5) * most / strength))
    made = replace(made, picture=_coded(made.picture, made.peak))
    return made if _strength(made) >= 1.3 * most else None


def too_weak(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Lower the contrast to 0.5 to 1.2 times the threshold from which a change is visible."""
    strength = _strength(judged)
    wanted = rng.uniform(0.5, 1.2) * visible_threshold(judged.statistics.noise)
    if wanted > 0.6 * strength:
        return None
    return _with_change(judged, judged.change * np.float32(wanted / strength))


def wrong_noise(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Add white noise inside, 3 to 6 times that of the sensor and at least 6 gray levels."""
    sigma = max(float(rng.uniform(3.0, 6.0)) * judged.statistics.noise, 6.0 / 255.0)
    shape = judged.picture.shape
    shared = rng.standard_normal((*shape[:2], 1), dtype=np.float32)
    own = rng.standard_normal(shape, dtype=np.float32)
    grain = np.float32(sigma) * (np.float32(0.8) * shared + np.float32(0.6) * own)
    return replace(judged, picture=judged.picture + _soft(judged.mask, OPTICS) * grain)


def flat(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Paint the mask in one colour, that of the inside, with the softness of a lens."""
    distance = signed_distance(judged.mask)
    core = (judged.mask > 0) & (distance <= float(np.quantile(distance[judged.mask > 0], 0.5)))
    colour = np.median(judged.picture[core], axis=0) * np.float32(rng.uniform(0.95, 1.05))
    weight = _soft(judged.mask, OPTICS)
    return replace(judged, picture=judged.original + weight * (colour.astype(np.float32) - judged.original))


def texture_scale(judged: JudgedPicture, rng: np.random.Generator) -> JudgedPicture | None:
    """Replace the fine texture inside by that of the good picture at 2 to 3.5 times its scale."""
    scale = float(rng.uniform(2.0, 3.5))
    centre = np.argwhere(judged.mask > 0).mean(axis=0)
    detail = judged.original - _blurred(judged.original, 3.0)
    zoom = np.array([[scale, 0.0, (1.0 - scale) * centre[1]], [0.0, scale, (1.0 - scale) * centre[0]]])
    height, width = judged.mask.shape
    warped = cv2.warpAffine(detail, zoom, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    large = np.asarray(warped, np.float32).reshape(judged.picture.shape)
    own = judged.picture - _blurred(judged.picture, 3.0)
    return replace(judged, picture=judged.picture + _soft(judged.mask, OPTICS) * (large - own))


LABEL_FAULTS: tuple[Spoiling, ...] = (
    shifted_mask,
    turned_mask,
    dilated_mask,
    eroded_mask,
    cut_mask,
    hull_mask,
    misplaced,
    ghost,
)
PICTURE_FAULTS: tuple[Spoiling, ...] = (
    halo,
    sharp_edge,
    wrong_colour,
    blurred_inside,
    mosaic,
    too_strong,
    too_weak,
    wrong_noise,
    flat,
    texture_scale,
)
SPOILINGS: Mapping[str, Spoiling] = MappingProxyType({made.__name__: made for made in LABEL_FAULTS + PICTURE_FAULTS})
"""All kinds by name: first the faults of the label, then those of the picture."""

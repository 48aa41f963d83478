"""Small judged pictures for tests: a rough ground, a soft dark blob or a line, and its mask."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from maphc2f.quality.judged import JudgedPicture
from maphc2f.quality.spoil import signed_distance
from maphc2f.render.statistics import estimate_statistics

SIDE = 96


def coded(picture: np.ndarray) -> np.ndarray:
    return (np.rint(np.clip(picture, 0, 1) * 255) * np.float32(1 / 255)).astype(np.float32)


def ground(seed: int = 0, channels: int = 3, side: int = SIDE) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rough = cv2.GaussianBlur(rng.standard_normal((side, side)).astype(np.float32), (0, 0), 1.2)
    colour = np.array([0.55, 0.5, 0.42] if channels == 3 else [0.5], np.float32)
    grain = 0.006 * rng.standard_normal((side, side, channels)).astype(np.float32)
    return coded(colour + 0.06 * rough[:, :, None] + grain)


def blob(side: int = SIDE) -> np.ndarray:
    mask = np.zeros((side, side), np.uint8)
    return np.asarray(cv2.ellipse(mask, (side // 2, side // 2 - 4), (11, 7), 25, 0, 360, 1, -1))


def stroke(side: int = SIDE) -> np.ndarray:
    mask = np.zeros((side, side), np.uint8)
    return np.asarray(cv2.line(mask, (22, 30), (70, 61), 1, 3))


def judged(kind: str = "blob", seed: int = 0, channels: int = 3, side: int = SIDE) -> JudgedPicture:
    """An intact sample: a rough change that fades over the contour as a lens would let it."""
    original = ground(seed, channels, side)
    mask = blob(side) if kind == "blob" else stroke(side)
    distance = signed_distance(mask)
    rough = cv2.GaussianBlur(np.random.default_rng(seed + 1).standard_normal((side, side)), (0, 0), 1.0)
    weight = (1.0 + 0.4 * rough) / (1.0 + np.exp(np.minimum(distance, 7.0) / 1.0))
    picture = coded(original - 0.09 * weight[:, :, None].astype(np.float32))
    picture[distance > 6] = original[distance > 6]
    part = np.ones((side, side), bool)
    part[:, -12:] = False
    return JudgedPicture(
        original=original,
        picture=picture,
        mask=mask,
        foreground=part.astype(np.float32),
        statistics=estimate_statistics(original, part),
        change_radius=2.4,
        severity=0.5,
        is_line=kind != "blob",
        physics=0.9,
    )


def turned(item: JudgedPicture) -> JudgedPicture:
    return replace(
        item,
        original=np.ascontiguousarray(np.rot90(item.original)),
        picture=np.ascontiguousarray(np.rot90(item.picture)),
        mask=np.ascontiguousarray(np.rot90(item.mask)),
        foreground=np.ascontiguousarray(np.rot90(item.foreground)),
    )

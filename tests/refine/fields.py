"""Analytic defects and pictures for the tests of rendering, refinement and scores."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from maphc2f.render.window import Appearance, PictureStatistics, WindowInputs
from maphc2f.sample import DISTANCE_CAP, PlacedFields

PIXEL_SIZE = 5e-5


def texture(size: int, seed: int, channels: int = 1, level: float = 0.5) -> np.ndarray:
    """A blurred, noisy, slightly graded surface with a sharp stripe, (size, size, channels) in [0, 1]."""
    rng = np.random.default_rng(seed)
    gray = cv2.GaussianBlur(rng.standard_normal((size, size)).astype(np.float32), (0, 0), 0.8) * 0.06
    gray += level + 0.08 * np.linspace(-1, 1, size, dtype=np.float32)[:, None]
    gray[:, size // 5] += 0.05
    tint = np.array([1.0, 0.95, 0.8][:channels], np.float32)
    return np.clip(gray[:, :, None] * tint, 0.02, 0.98).astype(np.float32)


def statistics(channels: int = 1, noise: float = 0.004, psf_sigma: float = 0.8) -> PictureStatistics:
    return PictureStatistics(
        noise=noise,
        psf_sigma=psf_sigma,
        light=(-0.43, -0.57, 0.7),
        ambient=0.35,
        local_std=0.03,
        mean=(0.5,) * channels,
        direction=1.5,
        coherence=0.3,
    )


def appearance(**changes: float) -> Appearance:
    values = {
        "contrast": 6.0,
        "polarity": -1.0,
        "edge_width": 1.2e-4,
        "edge_sigma": 0.4,
        "roughness": 0.4,
        "fracture_brightness": 0.6,
        "gloss_loss": 0.5,
        "lip": 0.3,
        "product_colour": (0.22, 0.11, 0.05),
        "relief_gain": 1.0,
        "albedo_share": 0.7,
    }
    return Appearance(**{**values, **changes})


def line_fields(size: int, *, tilt: float = 0.35, length: float = 0.6, opening: float = 2e-6) -> PlacedFields:
    """A wavy line through the middle whose opening is elliptic."""
    s = np.linspace(-0.5, 0.5, 8 * size)
    along, across = s * length * size, 1.5 * np.sin(9 * s)
    y = size / 2 + along * np.cos(tilt) - across * np.sin(tilt)
    x = size / 2 + along * np.sin(tilt) + across * np.cos(tilt)
    grid = np.mgrid[0:size, 0:size].reshape(2, -1, 1).astype(np.float32)
    step = 16
    nearest = np.concatenate(
        [
            np.argmin((y[None] - part[0]) ** 2 + (x[None] - part[1]) ** 2, axis=1)
            for part in np.array_split(grid, size // step, axis=1)
        ]
    )
    distance = np.hypot(y[nearest] - grid[0, :, 0], x[nearest] - grid[1, :, 0]).reshape(size, size)
    zero = np.zeros((size, size), np.float32)
    return PlacedFields(
        is_line=True,
        distance=np.minimum(distance, DISTANCE_CAP).astype(np.float32),
        opening=(opening * np.sqrt(np.maximum(1 - (2 * s) ** 2, 0)))[nearest].reshape(size, size).astype(np.float32),
        arclength=(along[nearest] + length * size / 2).reshape(size, size).astype(np.float32),
        extent=np.exp(-distance / 3).astype(np.float32),
        depth=zero,
        displacement=np.zeros((2, size, size), np.float32),
        product=zero,
        support=distance < 10,
    )


def region_fields(
    size: int, *, radius: float = 0.17, depth: float = 2e-4, product: float = 0.0, moved: float = 0.0
) -> PlacedFields:
    """A lobed pit or dent in the middle; the signed distance is exact to first order."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float64) - (size - 1) / 2
    rim = size * radius * (1 + 0.15 * np.cos(3 * np.arctan2(y, x) + 0.4))
    level = np.hypot(y, x) - rim
    inside = 1 / (1 + np.exp(level))
    support = level < 10
    window = np.clip(1 - level / 9, 0, 1) * support
    gy, gx = np.gradient(inside)
    return PlacedFields(
        is_line=False,
        distance=np.clip(level, -DISTANCE_CAP, DISTANCE_CAP).astype(np.float32),
        opening=np.zeros((size, size), np.float32),
        arclength=np.zeros((size, size), np.float32),
        extent=inside.astype(np.float32),
        depth=(-depth * inside * window).astype(np.float32),
        displacement=(moved * window * np.stack([gy, gx])).astype(np.float32),
        product=(product * inside * window).astype(np.float32),
        support=support,
    )


def window(
    fields: PlacedFields, seed: int = 0, channels: int = 1, *, family: str = "crack", **looks: float
) -> WindowInputs:
    size = fields.distance.shape[0]
    rng = np.random.default_rng(1000 + seed)
    return WindowInputs(
        family=family,
        picture=texture(size, seed, channels),
        foreground=np.ones((size, size), np.float32),
        fields=fields,
        appearance=appearance(**looks),
        statistics=statistics(channels),
        pixel_size=PIXEL_SIZE,
        noise=rng.standard_normal((size, size, channels)).astype(np.float32),
    )


def chip_window(size: int, seed: int = 0, channels: int = 1, **looks: float) -> WindowInputs:
    """A fracture face; its walls are as steep as they are high."""
    fields = region_fields(size, radius=0.25, depth=4 * PIXEL_SIZE)
    return window(fields, seed, channels, **{"broken_face": True, "gloss_loss": 0.95, "albedo_share": 0.5, **looks})


def holed_window(size: int, seed: int = 0, channels: int = 1, **looks: float) -> WindowInputs:
    """The same with a hole in the middle, behind which it is dark."""
    item = chip_window(size, seed, channels, **looks)
    hole = np.clip(0.5 - 6 - item.fields.distance, 0, 1).astype(np.float32)
    behind = np.full_like(item.picture, 0.08) + np.float32(0.01) * item.noise
    return replace(item, fields=replace(item.fields, removed=hole), behind=behind)


def all_kinds(size: int, channels: int = 1) -> list[WindowInputs]:
    """One window of every kind that rendering tells apart."""
    rng = np.random.default_rng(5)
    lines = [window(line_fields(size, tilt=t), k, channels) for k, t in enumerate((0.3, 1.2))]
    bright = window(line_fields(size), 2, channels, polarity=1.0)
    pit = window(region_fields(size), 3, channels, family="corrosion")
    rust = window(region_fields(size, product=1e-5), 4, channels, family="corrosion")
    dent = window(
        region_fields(size, radius=0.25, moved=6.0),
        5,
        channels,
        family="deformation",
        albedo_share=0.0,
        gloss_loss=0.0,
    )
    base = window(region_fields(size, depth=0.0), 6, channels, family="texture_overlay")
    overlay = WindowInputs(
        **{name: getattr(base, name) for name in base.__slots__ if name not in ("overlay", "opacity")},
        overlay=rng.random((size, size, channels), dtype=np.float32),
        opacity=0.5,
    )
    scratch = window(region_fields(size, moved=1.0), 7, channels, family="deformation", streak=0.85)
    return [
        *lines,
        bright,
        pit,
        rust,
        dent,
        scratch,
        chip_window(size, 8, channels),
        holed_window(size, 9, channels),
        overlay,
    ]

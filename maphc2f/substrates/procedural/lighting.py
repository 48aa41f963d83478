"""Light on height fields: normals, shading, ambient occlusion, cast shadows, compositing.

* :class:`Light` and :class:`Surface` say how; :func:`shade` gives radiance, :func:`place` a lit part on a ground.
* :func:`cast_shadow`, :func:`occlusion`, :func:`studio` are its terms.

Heights are in the grid's unit (half the shorter side), positive towards the camera; radiance is linear light.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from maphc2f.substrates.procedural.canvas import Float32, Grid, as_float32

_SHADOW_STEPS = 8


@dataclass(frozen=True, slots=True)
class Light:
    """A distant lamp with ambient light.

    Attributes:
        x: Component towards the light, rightwards, of a unit vector.
        y: Component downwards; negative is light from above.
        z: Component towards the camera.
        ambient: Share of light from everywhere.
    """

    x: float
    y: float
    z: float
    ambient: float = 0.35


@dataclass(frozen=True, slots=True)
class Surface:
    """How a surface reflects.

    Attributes:
        gloss: Strength of the highlight, a number or float32 (H, W).
        sharpness: Exponent of the highlight is 2 ** sharpness.
        metal: Share of light mirrored from a studio of soft boxes instead of scattered, a number or float32 (H, W).
    """

    gloss: float | Float32 = 0.1
    sharpness: int = 4
    metal: float | Float32 = 0.0


MATT = Surface(gloss=0.02, sharpness=2)
SATIN = Surface(gloss=0.15, sharpness=4)
GLOSSY = Surface(gloss=0.55, sharpness=6)
METAL = Surface(gloss=0.35, sharpness=5, metal=0.75)


def make_light(rng: np.random.Generator, elevation: float = 0.9, ambient: float = 0.35) -> Light:
    """Return a lamp from the upper left with small batch variation; ``elevation`` in rad above the table."""
    azimuth = -0.75 * np.pi + rng.normal(0, 0.08)
    height = elevation + rng.normal(0, 0.03)
    return Light(
        float(np.cos(azimuth) * np.cos(height)), float(np.sin(azimuth) * np.cos(height)), float(np.sin(height)), ambient
    )


def normals(height: Float32, px: float) -> tuple[Float32, Float32, Float32]:
    """Return the unit normal (x, y, z) of a height field by central differences (3 x 3 Scharr)."""
    scale = 1.0 / (32.0 * px)
    gx = cv2.Scharr(height, cv2.CV_32F, 1, 0, scale=scale)
    gy = cv2.Scharr(height, cv2.CV_32F, 0, 1, scale=scale)
    z = 1.0 / np.sqrt(1.0 + gx * gx + gy * gy)
    return as_float32(-gx * z), as_float32(-gy * z), as_float32(z)


def studio(nx: Float32, ny: Float32) -> Float32:
    """Return the brightness mirrored by a normal: a bright soft box above, a dark band at the horizon, a floor."""
    t = np.clip(0.5 - 0.85 * ny - 0.35 * nx, 0.0, 1.0)
    band = 4 * t * (1 - t)
    band = band * band
    return as_float32(0.12 + 1.1 * t * t * (3.0 - 2.0 * t) - 0.35 * band * band)


def shade(grid: Grid, height: Float32, albedo: Float32, light: Light, surface: Surface = SATIN) -> Float32:
    """Return the radiance (H, W, C) of a height field.

    L = albedo * (ambient * occlusion + (1 - ambient) * max(n.l, 0)) + gloss * max(n.h, 0) ** 2**sharpness
    (Blinn 1977, doi 10.1145/563858.563893); the metal share mirrors :func:`studio` instead.

    Args:
        grid: For the pixel size.
        height: float32 (H, W).
        albedo: Linear reflectance (C,) or (H, W, C).
        light: The lamp.
        surface: Gloss and metal share.
    """
    nx, ny, nz = normals(height, grid.px)
    diffuse = np.maximum(nx * light.x + ny * light.y + nz * light.z, 0.0) * np.float32((1 - light.ambient) / light.z)
    scattered = diffuse + light.ambient * occlusion(height, grid.px)
    if np.any(surface.metal):
        scattered += np.asarray(surface.metal, np.float32) * (studio(nx, ny) * np.float32(1.35) - scattered)
    norm = float(np.sqrt(light.x**2 + light.y**2 + (light.z + 1) ** 2))
    shine = np.maximum((nx * light.x + ny * light.y + nz * (light.z + 1)) / np.float32(norm), 0.0)
    for _ in range(surface.sharpness):
        shine = shine * shine
    return as_float32(albedo * scattered[..., None] + (np.asarray(surface.gloss, np.float32) * shine)[..., None])


def occlusion(height: Float32, px: float, radius: float = 0.06) -> Float32:
    """Return the ambient light that reaches each point, 0 .. 1: less where the surroundings stand higher."""
    small, step = _reduced(height, px, radius / 3)
    around = cv2.GaussianBlur(small, (0, 0), max(radius / (px * step), 0.8))
    around = cv2.resize(around, height.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return as_float32(1.0 / (1.0 + np.maximum(around - height, 0.0) * np.float32(1.2 / radius)))


def cast_shadow(grid: Grid, height: Float32, light: Light, softness: float = 0.02) -> Float32:
    """Return the share of lamp light kept from each point by higher ground towards the lamp, 0 .. 1.

    A point is shaded if the height at some way w towards the lamp exceeds its own by more than w tan(elevation).
    Shadows are soft, so they are sought on a coarser grid.
    """
    flat = float(np.hypot(light.x, light.y))
    top = float(height.max())
    if flat < 1e-3 or top <= 0:
        return np.zeros_like(height)
    small, step = _reduced(height, grid.px, softness)
    rise = light.z / flat
    reach = top / rise
    shadow = np.zeros_like(small)
    for number in range(1, _SHADOW_STEPS + 1):
        way = reach * number / _SHADOW_STEPS
        dx, dy = (float(c) / flat * way / (grid.px * step) for c in (light.x, light.y))
        towards = cv2.warpAffine(
            small,
            np.array([[1, 0, dx], [0, 1, dy]], np.float32),
            small.shape[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        np.maximum(shadow, (towards - small - np.float32(way * rise)) * np.float32(1 / (0.15 * top)), out=shadow)
    soft = cv2.GaussianBlur(np.minimum(shadow, 1.0), (0, 0), max(softness / (grid.px * step), 0.6))
    return as_float32(cv2.resize(soft, height.shape[::-1], interpolation=cv2.INTER_LINEAR))


def _reduced(height: Float32, px: float, detail: float) -> tuple[Float32, float]:
    """Return the heights averaged to pixels of about ``detail``, and how many old pixels a new one holds."""
    step = max(1.0, detail / px)
    size = (max(4, round(height.shape[1] / step)), max(4, round(height.shape[0] / step)))
    return as_float32(cv2.resize(height, size, interpolation=cv2.INTER_AREA)), height.shape[1] / size[0]


def place(ground: Float32, part: Float32, cover: Float32, shadow: Float32, strength: float = 0.65) -> Float32:
    """Return a lit ``part`` (H, W, C) with ``cover`` (H, W) over a ground darkened by ``shadow`` (H, W)."""
    dark = ground * (1.0 - np.float32(strength) * shadow)[..., None]
    return as_float32(dark + (part - dark) * cover[..., None])

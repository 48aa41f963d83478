"""Building a scene: shapes stacked into a relief, lit, and handed over with the part's exact foreground.

* :class:`Scene` is what a generator returns; :class:`Relief` collects heights, colours and gloss.
* :func:`window` cuts the neighbourhood of a point out of a grid; :func:`lettering` writes on it.
* :func:`lit_scene` lights a relief that lies on a ground.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from maphc2f.substrates.procedural.camera import Camera
from maphc2f.substrates.procedural.canvas import Float32, Grid, affine_of, as_float32, cropped, posed
from maphc2f.substrates.procedural.lighting import Light, Surface, cast_shadow, place, shade


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene before it is photographed.

    Attributes:
        radiance: Linear light, float32 (H, W, C), C = 1 or 3.
        cover: Share of each pixel that the part covers, float32 (H, W); None: everywhere.
        camera: What it is photographed with.
    """

    radiance: Float32
    cover: Float32 | None
    camera: Camera = field(default_factory=Camera)


@dataclass(frozen=True, slots=True)
class Patch:
    """A window of the picture with the coordinates of a small part's own frame."""

    rows: slice
    columns: slice
    grid: Grid


@dataclass(frozen=True, slots=True)
class Relief:
    """Height, colour and reflection of everything above the ground; the arrays are filled by :meth:`put`.

    Attributes:
        grid: Frame that positions refer to, possibly posed.
        height: float32 (H, W), 0 on the ground.
        albedo: float32 (H, W, C).
        cover: float32 (H, W).
        gloss: float32 (H, W).
        metal: float32 (H, W).
    """

    grid: Grid
    height: Float32
    albedo: Float32
    cover: Float32
    gloss: Float32
    metal: Float32

    @classmethod
    def empty(cls, grid: Grid, channels: int = 3) -> Relief:
        """Return a relief with nothing on it."""
        zero = np.zeros(grid.shape, np.float32)
        albedo = np.zeros((*grid.shape, channels), np.float32)
        return cls(grid, zero, albedo, zero.copy(), zero.copy(), zero.copy())

    def put(
        self,
        patch: Patch,
        cover: Float32,
        height: Float32 | float,
        colour: Float32,
        *,
        gloss: float = 0.1,
        metal: float = 0.0,
    ) -> None:
        """Lay a shape over what is there: ``cover`` (h, w) of the patch, absolute ``height``, linear ``colour``."""
        if cover.size == 0:
            return
        at = patch.rows, patch.columns
        self.height[at] += (height - self.height[at]) * cover
        self.albedo[at] += (colour - self.albedo[at]) * cover[..., None]
        self.gloss[at] += (np.float32(gloss) - self.gloss[at]) * cover
        self.metal[at] += (np.float32(metal) - self.metal[at]) * cover
        np.maximum(self.cover[at], cover, out=self.cover[at])

    def patch(self, x: float, y: float, reach: float, angle: float = 0.0) -> Patch:
        """Return the window of half side ``reach`` around (x, y), posed there with ``angle``."""
        return window(self.grid, x, y, reach, angle)

    def whole(self) -> Patch:
        """Return the patch that is the whole picture in the relief's frame."""
        return Patch(slice(None), slice(None), self.grid)


def window(grid: Grid, x: float, y: float, reach: float, angle: float = 0.0) -> Patch:
    """Cut out the pixels within ``reach`` of (x, y), with coordinates posed there and turned by ``angle``."""
    height, width = grid.shape
    affine = affine_of(grid)
    column, row = np.linalg.solve(affine[:, :2], np.array([x, y]) - affine[:, 2])
    half = reach / grid.px + 1.5
    rows = slice(int(np.clip(row - half, 0, height)), int(np.clip(row + half + 1, 0, height)))
    columns = slice(int(np.clip(column - half, 0, width)), int(np.clip(column + half + 1, 0, width)))
    return Patch(rows, columns, posed(cropped(grid, rows, columns), x, y, angle))


def lettering(grid: Grid, text: str, height: float, weight: int = 2) -> Float32:
    """Return the coverage of ``text`` of capital height ``height`` centred at the origin, float32 (h, w)."""
    (width, capital), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1.0, weight)
    pad = 4
    sheet = np.zeros((capital + base + 2 * pad, width + 2 * pad), np.uint8)
    cv2.putText(sheet, text, (pad, pad + capital), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 255, weight, cv2.LINE_AA)
    scale = capital / height
    # Fine print is averaged over the pixel it falls on, or it would break up.
    soft = cv2.GaussianBlur(sheet, (0, 0), max(0.4 * scale * grid.px, 0.3))
    u = grid.x * np.float32(scale) + np.float32(pad + width / 2)
    v = grid.y * np.float32(scale) + np.float32(pad + capital / 2)
    return as_float32(cv2.remap(soft, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)) / np.float32(255)


def lit_scene(
    relief: Relief,
    ground: Float32,
    light: Light,
    *,
    sharpness: int = 5,
    strength: float = 0.65,
    camera: Camera | None = None,
) -> Scene:
    """Light a relief and lay it on ``ground`` (H, W, C) or (C,) with its shadow.

    The part is the relief's cover.
    """
    grid = relief.grid
    surface = Surface(relief.gloss, sharpness, relief.metal)
    part = shade(grid, relief.height, relief.albedo, light, surface)
    shadow = cast_shadow(grid, relief.height, light)
    # Where the part shades itself the lamp is missing too, but ambient light remains.
    part *= (1.0 - np.float32(0.5 * strength) * shadow)[..., None]
    base = np.broadcast_to(ground, relief.albedo.shape)
    return Scene(place(base, part, relief.cover, shadow, strength), relief.cover, camera or Camera())

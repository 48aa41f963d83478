"""Signed distances to plane shapes (negative inside), and what is made of them.

* :func:`circle`, :func:`ellipse`, :func:`box`, :func:`segment`, :func:`ngon`, :func:`arc`: distances, float32 (H, W).
* :func:`smooth_union`, :func:`coverage`, :func:`dome`, :func:`bevel`: joins, anti-aliased masks, heights.

Distances follow I. Quilez, "2D distance functions" (iquilezles.org/articles/distfunctions2d).
"""

from __future__ import annotations

import numpy as np

from maphc2f.substrates.procedural.canvas import Float32, Grid, as_float32


def circle(grid: Grid, radius: float) -> Float32:
    """Distance to a circle around the origin."""
    return as_float32(np.sqrt(grid.x * grid.x + grid.y * grid.y) - np.float32(radius))


def ellipse(grid: Grid, a: float, b: float) -> Float32:
    """Distance to an ellipse with half axes ``a``, ``b``, exact at the outline to first order."""
    u, v = grid.x / np.float32(a), grid.y / np.float32(b)
    k = np.sqrt(u * u + v * v)
    slope = np.sqrt((u / np.float32(a)) ** 2 + (v / np.float32(b)) ** 2)
    return as_float32(k * (k - 1.0) / np.maximum(slope, np.float32(1e-6)))


def box(grid: Grid, half_x: float, half_y: float, radius: float = 0.0) -> Float32:
    """Distance to a rectangle with rounded corners."""
    dx = np.abs(grid.x) - np.float32(half_x - radius)
    dy = np.abs(grid.y) - np.float32(half_y - radius)
    outside = np.sqrt(np.maximum(dx, 0) ** 2 + np.maximum(dy, 0) ** 2)
    return as_float32(outside + np.minimum(np.maximum(dx, dy), 0) - np.float32(radius))


def segment(grid: Grid, start: tuple[float, float], end: tuple[float, float], radius: float) -> Float32:
    """Distance to a segment (x, y) .. (x, y) thickened by ``radius``."""
    ex, ey = end[0] - start[0], end[1] - start[1]
    dx, dy = grid.x - np.float32(start[0]), grid.y - np.float32(start[1])
    t = np.clip((dx * np.float32(ex) + dy * np.float32(ey)) / np.float32(max(ex * ex + ey * ey, 1e-12)), 0.0, 1.0)
    return as_float32(np.sqrt((dx - t * np.float32(ex)) ** 2 + (dy - t * np.float32(ey)) ** 2) - np.float32(radius))


def ngon(grid: Grid, radius: float, sides: int, corner: float = 0.0) -> Float32:
    """Distance to a regular polygon with in-radius ``radius`` and rounded corners."""
    inner = np.float32(radius - corner)
    sector = np.float32(2 * np.pi / sides)
    angle = np.arctan2(grid.y, grid.x)
    angle = np.abs(np.mod(angle + sector / 2, sector) - sector / 2)
    length = np.sqrt(grid.x**2 + grid.y**2)
    along, across = length * np.cos(angle) - inner, length * np.sin(angle)
    beyond = np.maximum(across - inner * np.tan(sector / 2), 0.0)
    return as_float32(np.where(along > 0, np.sqrt(along**2 + beyond**2), along) - np.float32(corner))


def arc(grid: Grid, radius: float, half_angle: float, thickness: float) -> Float32:
    """Distance to an arc of a ring around the origin, open downwards, with round ends."""
    x = np.abs(grid.x)
    y = -grid.y
    sin, cos = np.float32(np.sin(half_angle)), np.float32(np.cos(half_angle))
    to_end = np.sqrt((x - sin * np.float32(radius)) ** 2 + (y - cos * np.float32(radius)) ** 2)
    on_ring = np.abs(np.sqrt(x * x + y * y) - np.float32(radius))
    return as_float32(np.where(cos * x > sin * y, to_end, on_ring) - np.float32(thickness))


def smooth_union(first: Float32, second: Float32, blend: float) -> Float32:
    """Return the union of two shapes with a fillet of about ``blend``."""
    h = np.clip(0.5 + 0.5 * (second - first) / np.float32(blend), 0.0, 1.0)
    return as_float32(second + (first - second) * h - np.float32(blend) * h * (1.0 - h))


def coverage(distance: Float32, px: float) -> Float32:
    """Return the share of each pixel inside the shape, 0 .. 1."""
    return as_float32(np.clip(0.5 - distance / np.float32(px), 0.0, 1.0))


def dome(distance: Float32, radius: float) -> Float32:
    """Return the height of a solid whose rim is rounded with ``radius`` and whose top is flat."""
    t = np.clip(-distance / np.float32(radius), 0.0, 1.0)
    return as_float32(np.float32(radius) * np.sqrt(t * (2.0 - t)))


def bevel(distance: Float32, width: float, height: float) -> Float32:
    """Return the height of a plate of thickness ``height`` with a straight bevel of ``width``."""
    return as_float32(np.float32(height) * np.clip(-distance / np.float32(width), 0.0, 1.0))

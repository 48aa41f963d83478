"""Procedural food, pills and candles.

* :func:`capsule`, :func:`pill`, :func:`hazelnut`, :func:`candle`, :func:`capsules`, :func:`cashew`,
  :func:`chewinggum`, :func:`fryum`, :func:`macaroni1`, :func:`macaroni2`, :func:`pipe_fryum`.
"""

from __future__ import annotations

import numpy as np

from maphc2f.substrates.procedural.canvas import (
    Float32,
    Grid,
    as_float32,
    fractal,
    jittered,
    lattice_noise,
    linear,
    mix,
    nudged,
    posed,
    smoothstep,
)
from maphc2f.substrates.procedural.lighting import make_light
from maphc2f.substrates.procedural.scene import Relief, Scene, lettering, lit_scene
from maphc2f.substrates.procedural.sdf import (
    arc,
    box,
    circle,
    coverage,
    dome,
    ellipse,
    segment,
    smooth_union,
)


def capsule(g: Grid, rng: np.random.Generator) -> Scene:
    """Two-coloured hard capsule with a printed dose."""
    relief = Relief.empty(nudged(g, rng, 0.02, rng.normal(0, 0.03)))
    f, whole = relief.grid, relief.whole()
    half = 0.30 - 0.012 * smoothstep(f.x, -0.005, 0.005)
    d = segment(f, (-0.54, 0.0), (0.54, 0.0), 0.0) - as_float32(half)
    black, orange = jittered(linear("#1d1a1c"), rng, 0.08), jittered(linear("#c4622a"), rng, 0.05)
    albedo = mix(black, orange, smoothstep(f.x, -0.004, 0.004))
    albedo = mix(albedo, linear("#e9e2d6"), 0.9 * lettering(posed(f, 0.34, 0.02), "500", 0.17, 3))
    height = 0.02 + np.sqrt(np.maximum(half * half - (d + half) ** 2, 0.0))
    relief.put(whole, coverage(d, g.px), as_float32(height), as_float32(albedo), gloss=0.5)
    return lit_scene(relief, _table(g, rng, "#d9d8d6", 0.015), make_light(rng, 1.0), sharpness=6, strength=0.4)


def pill(g: Grid, rng: np.random.Generator) -> Scene:
    """White oval tablet with red specks and an embossed mark."""
    relief = Relief.empty(nudged(g, rng, 0.02, rng.normal(0, 0.03)))
    f, whole = relief.grid, relief.whole()
    d = ellipse(f, 0.86, 0.50)
    specks = smoothstep(lattice_noise(g, rng, 26), 1.75, 2.1) * smoothstep(lattice_noise(g, rng, 4), -0.6, 0.6)
    albedo = mix(jittered(linear("#e9e6df"), rng, 0.02), linear("#b5433c"), 0.85 * specks)
    mark = lettering(posed(f, 0.0, 0.0), "FF", 0.30, 3)
    height = 0.12 + dome(d, 0.20) + 0.10 * np.clip(-d / 0.5, 0, 1) - 0.022 * mark + 0.0012 * lattice_noise(g, rng, 60)
    relief.put(whole, coverage(d, g.px), as_float32(height), as_float32(albedo), gloss=0.06)
    return lit_scene(relief, linear("#050506"), make_light(rng, 0.95))


def hazelnut(g: Grid, rng: np.random.Generator) -> Scene:
    """Hazelnut with its pale scar, on black."""
    relief = Relief.empty(nudged(g, rng, 0.03, rng.uniform(-np.pi, np.pi)))
    f, whole = relief.grid, relief.whole()
    wobble = 0.012 * lattice_noise(g, rng, 2)
    size = rng.normal(0.70, 0.02)
    d = smooth_union(ellipse(f, size * 0.98, size), segment(f, (0, -0.5), (0, -size - 0.02), 0.10), 0.22) + wobble
    turn = np.arctan2(f.x, f.y + np.float32(1.5))
    stripes = np.sin(turn * 95 + 1.2 * lattice_noise(g, rng, 4)) * 0.5 + lattice_noise(posed(g, 0, 0), rng, 22) * 0.5
    shell = mix(linear("#6b3a18"), linear("#a8683a"), smoothstep(stripes + fractal(g, rng, 2, 3), -1.6, 1.6))
    scar = smoothstep(-(f.y + 0.25 * f.x**2), -0.50, -0.32) - 0.06 * lattice_noise(g, rng, 14)
    scar = 1.0 - np.clip(scar, 0, 1)
    pale = linear("#b99b74") * np.exp(0.14 * fractal(g, rng, 14, 2))[..., None]
    albedo = mix(shell, pale, scar) * jittered(np.ones(3, np.float32), rng, 0.06)
    depth = np.clip(-d / size, 0, 1)
    height = size * np.sqrt(depth * (2 - depth)) + 0.004 * stripes * (1 - scar) + 0.004 * fractal(g, rng, 10, 2)
    relief.put(whole, coverage(d, g.px), as_float32(height), as_float32(albedo), gloss=0.10)
    return lit_scene(relief, linear("#060606"), make_light(rng, 0.9), sharpness=4)


def candle(g: Grid, rng: np.random.Generator) -> Scene:
    """Four tea lights in metal cups."""
    relief = Relief.empty(posed(g, 0, 0, rng.normal(0, 0.02)))
    for x, y in ((-0.47, -0.47), (0.47, -0.47), (-0.47, 0.47), (0.47, 0.47)):
        patch = relief.patch(x + rng.normal(0, 0.015), y + rng.normal(0, 0.015), 0.45, rng.uniform(-np.pi, np.pi))
        cup, wax = circle(patch.grid, 0.40), circle(patch.grid, 0.368)
        relief.put(patch, coverage(cup, g.px), 0.10 + dome(cup, 0.015), linear("#b9bcbf"), gloss=0.5, metal=0.7)
        tone = jittered(linear("#ece7da"), rng, 0.02) * (1 + 0.015 * fractal(patch.grid, rng, 5, 2))[..., None]
        bowl = 0.095 + 0.05 * np.clip((wax + 0.368) / 0.368, 0, 1) ** 6 + 0.002 * lattice_noise(patch.grid, rng, 4)
        relief.put(patch, coverage(wax, g.px), as_float32(bowl), as_float32(tone), gloss=0.12)
        tip = tuple(rng.normal(0, 0.04, 2))
        wick = segment(patch.grid, (0.0, 0.0), (float(tip[0]), float(tip[1]) + 0.06), 0.020)
        relief.put(patch, coverage(wick, g.px), 0.16, linear("#cfc3a8") * np.float32(0.7), gloss=0.02)
    return lit_scene(relief, _table(g, rng, "#2b2d30", 0.03), make_light(rng))


def capsules(g: Grid, rng: np.random.Generator) -> Scene:
    """Handful of green soft-gel capsules."""
    relief = Relief.empty(g)
    gel = jittered(linear("#5c7a25"), rng, 0.08)
    for x, y in _scatter(g, rng, 0.36, 0.05):
        patch = relief.patch(x, y, 0.20, rng.uniform(-np.pi, np.pi))
        d = segment(patch.grid, (-0.065, 0.0), (0.065, 0.0), 0.105)
        deep = np.clip(-d / 0.105, 0, 1)
        # A clear gel is darkest at its rim, where light passes it longest, and glows away from the lamp.
        tone = jittered(gel, rng, 0.06) * (0.45 + 0.75 * deep)[..., None]
        relief.put(patch, coverage(d, g.px), dome(d, 0.105), as_float32(tone), gloss=0.7)
    return lit_scene(relief, _table(g, rng, "#c9c6c1", 0.02), make_light(rng), sharpness=6, strength=0.45)


def cashew(g: Grid, rng: np.random.Generator) -> Scene:
    """Cashew kernel on a green sheet."""
    relief = Relief.empty(nudged(g, rng, 0.03, rng.normal(0.2, 0.10)))
    bend = posed(relief.grid, 0, 0.42)
    swell = 0.035 * np.sin(2 * np.arctan2(bend.x, -bend.y)) + 0.01 * lattice_noise(g, rng, 2)
    d = (arc(bend, 0.50 + rng.normal(0, 0.012), 1.12, 0.25) + swell).astype(np.float32)
    tone = smoothstep(fractal(g, rng, 3, 3), -2.0, 2.0)
    albedo = mix(linear("#c79a5f"), linear("#e6cc9c"), tone) * jittered(np.ones(3, np.float32), rng, 0.05)
    depth = np.clip(-d / 0.26, 0, 1)
    crease = np.exp(-((np.hypot(bend.x, bend.y) - 0.49) ** 2) / 0.0006) * 0.012
    height = 0.28 * np.sqrt(depth * (2 - depth)) - crease + 0.003 * fractal(g, rng, 9, 2)
    relief.put(relief.whole(), coverage(d, g.px), as_float32(height), as_float32(albedo), gloss=0.12)
    return lit_scene(relief, _table(g, rng, "#33473a", 0.03), make_light(rng), sharpness=4)


def chewinggum(g: Grid, rng: np.random.Generator) -> Scene:
    """Sugar-coated pillow of gum on gray felt."""
    relief = Relief.empty(nudged(g, rng, 0.03, rng.normal(0.0, 0.08)))
    f = relief.grid
    d = box(f, 0.72, 0.44, 0.16) + 0.006 * lattice_noise(g, rng, 3)
    depth = np.clip(-d / 0.30, 0, 1)
    coat = jittered(linear("#e8e8e2"), rng, 0.02) * (1 + 0.02 * fractal(g, rng, 8, 3))[..., None]
    height = 0.10 + 0.20 * np.sqrt(depth * (2 - depth)) + 0.003 * fractal(g, rng, 6, 3)
    relief.put(relief.whole(), coverage(d, g.px), as_float32(height), as_float32(coat), gloss=0.15)
    return lit_scene(relief, _table(g, rng, "#4a4d50", 0.08), make_light(rng), sharpness=4)


def fryum(g: Grid, rng: np.random.Generator) -> Scene:
    """Wheel-shaped fried snack."""
    relief = Relief.empty(nudged(g, rng, 0.03, rng.uniform(-np.pi, np.pi)))
    wobble = 0.018 * lattice_noise(g, rng, 3)
    base = circle(relief.grid, 0.0)
    d = np.abs(base - np.float32(0.62)) - np.float32(0.11)
    d = smooth_union(d, base - np.float32(0.16), 0.04)
    for k in range(3):
        angle = k * np.pi / 3 + rng.normal(0, 0.03)
        end = (0.62 * float(np.cos(angle)), 0.62 * float(np.sin(angle)))
        d = smooth_union(d, segment(relief.grid, (-end[0], -end[1]), end, 0.068), 0.06)
    d = (d + wobble).astype(np.float32)
    tone = smoothstep(fractal(g, rng, 5, 3) - 6 * d, -1.2, 2.4)
    albedo = mix(linear("#b5681c"), linear("#f0bb55"), tone) * jittered(np.ones(3, np.float32), rng, 0.05)
    blisters = smoothstep(lattice_noise(g, rng, 14), 0.8, 2.0)
    height = 0.03 + dome(d, 0.10) + 0.010 * blisters + 0.004 * fractal(g, rng, 12, 2)
    relief.put(relief.whole(), coverage(d, g.px), as_float32(height), as_float32(albedo), gloss=0.25)
    return lit_scene(relief, _table(g, rng, "#23332c", 0.03), make_light(rng))


def macaroni1(g: Grid, rng: np.random.Generator) -> Scene:
    """Four elbow macaroni laid in order."""
    relief = Relief.empty(g)
    half_x, _ = g.extent
    for x in (-0.5 * half_x, 0.5 * half_x):
        for y in (-0.48, 0.48):
            at = (x + rng.normal(0, 0.02), y + rng.normal(0, 0.02))
            _macaroni(relief, at, rng.normal(0.0, 0.06), 0.30, ("#c9832a", "#f0b455"), rng)
    return lit_scene(relief, _table(g, rng, "#202428", 0.03), make_light(rng))


def macaroni2(g: Grid, rng: np.random.Generator) -> Scene:
    """Elbow macaroni scattered in any direction."""
    relief = Relief.empty(g)
    for x, y in _scatter(g, rng, 0.62, 0.06):
        _macaroni(relief, (x, y), rng.uniform(-np.pi, np.pi), 0.22, ("#a9742f", "#d9a860"), rng)
    return lit_scene(relief, _table(g, rng, "#2a2624", 0.03), make_light(rng))


def pipe_fryum(g: Grid, rng: np.random.Generator) -> Scene:
    """Hollow ribbed tube of a fried snack."""
    relief = Relief.empty(nudged(g, rng, 0.03, rng.normal(0.0, 0.10)))
    f = relief.grid
    wobble = 0.014 * lattice_noise(g, rng, 3)
    tube = (box(f, 0.72, 0.36, 0.07) + wobble).astype(np.float32)
    ribs = np.cos(f.y / 0.36 * 1.35 * 11)
    tone = smoothstep(fractal(g, rng, 4, 3) + 0.4 * ribs, -2.0, 2.2)
    albedo = mix(linear("#b8541a"), linear("#eea64a"), tone) * jittered(np.ones(3, np.float32), rng, 0.05)
    radius = np.float32(0.36)
    height = np.sqrt(np.maximum(radius**2 - np.minimum(f.y**2, radius**2), 0.0)) * 0.8 + 0.012 * ribs
    height = height + 0.05 + 0.006 * fractal(g, rng, 10, 2)
    relief.put(relief.whole(), coverage(tube, g.px), as_float32(height), as_float32(albedo), gloss=0.25)
    mouth = ellipse(posed(f, 0.66, 0.0), 0.10, 0.30)
    rim = jittered(linear("#d98f3e"), rng, 0.05)
    whole = relief.whole()
    relief.put(whole, coverage(np.minimum(mouth - np.float32(0.055), np.float32(9)), g.px), 0.30, rim, gloss=0.2)
    relief.put(whole, coverage(mouth, g.px), 0.16, linear("#4a1f0a"), gloss=0.05)
    return lit_scene(relief, _table(g, rng, "#22302a", 0.03), make_light(rng))


def _macaroni(
    relief: Relief,
    at: tuple[float, float],
    angle: float,
    size: float,
    colours: tuple[str, str],
    rng: np.random.Generator,
) -> None:
    """Put an elbow of bend radius ``size`` with two open ends at (x, y)."""
    patch = relief.patch(at[0], at[1], 1.75 * size, angle)
    bend = posed(patch.grid, 0, 0.35 * size)
    thick = 0.40 * size
    ends = 1.15 + rng.normal(0, 0.03)
    turn = np.abs(np.arctan2(bend.x, -bend.y))
    ring = np.abs(np.sqrt(bend.x**2 + bend.y**2) - np.float32(size))
    d = np.maximum(ring - np.float32(thick), (turn - np.float32(ends)) * np.float32(size)).astype(np.float32)
    ridge = np.cos(ring / np.float32(thick) * 11)
    tone = smoothstep(fractal(patch.grid, rng, 4, 2) + 0.25 * ridge, -2.0, 2.0)
    albedo = mix(linear(colours[0]), linear(colours[1]), tone) * jittered(np.ones(3, np.float32), rng, 0.05)
    height = np.sqrt(np.maximum(thick * thick - np.minimum(ring, thick) ** 2, 0.0)) + 0.006 * ridge + 0.01
    relief.put(patch, coverage(d, patch.grid.px), as_float32(height), as_float32(albedo), gloss=0.25)
    for side in (-1.0, 1.0):
        x, y = side * size * np.sin(ends), -size * np.cos(ends)
        mouth = ellipse(posed(bend, float(x), float(y), side * ends), 0.34 * thick, 0.82 * thick)
        lip = coverage(mouth - np.float32(0.16 * thick), patch.grid.px)
        relief.put(patch, lip, 0.75 * thick, linear(colours[1]), gloss=0.1)
        relief.put(patch, coverage(mouth, patch.grid.px), 0.2 * thick, linear(colours[0]) * np.float32(0.18), gloss=0.0)


def _scatter(g: Grid, rng: np.random.Generator, pitch: float, margin: float) -> list[tuple[float, float]]:
    """Return centres on a jittered lattice that stay inside the picture and apart from each other."""
    half_x, half_y = g.extent
    columns, rows = max(1, int(2 * half_x / pitch)), max(1, int(2 * half_y / pitch))
    step_x, step_y = 2 * half_x / columns, 2 * half_y / rows
    jitter = rng.uniform(-margin, margin, (rows, columns, 2))
    kept = rng.random((rows, columns)) < 0.9
    return [
        (
            -half_x + (column + 0.5) * step_x + float(jitter[row, column, 0]),
            -half_y + (row + 0.5) * step_y + float(jitter[row, column, 1]),
        )
        for row in range(rows)
        for column in range(columns)
        if kept[row, column]
    ]


def _table(g: Grid, rng: np.random.Generator, colour: str, grain: float) -> Float32:
    """Return a plain ground with slow unevenness and fine grain, linear (H, W, 3)."""
    tone = np.exp(grain * lattice_noise(g, rng, 60) + 0.03 * fractal(g, rng, 1.2, 2))
    ground: Float32 = (jittered(linear(colour), rng, 0.03) * tone[..., None]).astype(np.float32)
    return ground

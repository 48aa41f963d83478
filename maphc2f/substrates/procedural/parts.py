"""Procedural technical parts.

* :func:`bottle`, :func:`cable`, :func:`metal_nut`, :func:`screw`, :func:`toothbrush`, :func:`transistor`,
  :func:`zipper`, :func:`btad_01`, :func:`btad_03`.
"""

from __future__ import annotations

import numpy as np

from maphc2f.substrates.procedural.canvas import (
    Float32,
    Grid,
    as_float32,
    folded,
    fractal,
    jittered,
    lattice_noise,
    linear,
    mix,
    nudged,
    posed,
    smoothstep,
)
from maphc2f.substrates.procedural.lighting import Surface, make_light, place, shade
from maphc2f.substrates.procedural.scene import Relief, Scene, lit_scene
from maphc2f.substrates.procedural.sdf import bevel, box, circle, coverage, dome, ellipse, ngon, segment, smooth_union


def bottle(g: Grid, rng: np.random.Generator) -> Scene:
    """Brown glass bottle seen from above: shoulder, neck ring and lit opening."""
    f = nudged(g, rng, 0.012, rng.uniform(-np.pi, np.pi))
    scale = rng.normal(1.0, 0.012)
    r = circle(f, 0.0) / np.float32(scale)
    turn = np.arctan2(f.y, f.x)
    glass = jittered(linear("#2a130a"), rng, 0.08)
    amber = jittered(linear("#9c4a12"), rng, 0.08)
    bands = smoothstep(r, 0.66, 0.72) - smoothstep(r, 0.74, 0.80)
    sheen = 0.5 + 0.5 * np.cos(2 * turn + rng.normal(0, 0.2)) * np.cos(turn - 0.7)
    albedo = mix(glass, amber, 0.35 * bands * sheen + 0.25 * smoothstep(-r, -0.60, -0.53))
    arcs = np.exp(-(((r - 0.78) / 0.012) ** 2)) * smoothstep(np.cos(turn + 2.2), 0.72, 0.95)
    arcs = arcs + 0.6 * np.exp(-(((r - 0.645) / 0.008) ** 2)) * smoothstep(np.cos(turn - 0.6), 0.5, 0.95)
    lamp = linear("#fbf3e2") * (0.96 - 0.28 * r * r)[..., None]
    inside = smoothstep(-r, -0.53, -0.50)
    radiance = mix(as_float32(albedo + (0.8 * arcs)[..., None]), as_float32(lamp), inside)
    rim = np.exp(-(((r - 0.525) / 0.022) ** 2)).astype(np.float32)
    radiance = mix(radiance, linear("#1a0b06"), 0.8 * rim)
    cover = coverage((r - np.float32(0.86)) * np.float32(scale), g.px)
    table = linear("#f4f4f2") * (1.0 - 0.10 * np.exp(-np.maximum(r - 0.86, 0) / 0.05))[..., None]
    return Scene(mix(table, radiance, cover).astype(np.float32), cover)


def cable(g: Grid, rng: np.random.Generator) -> Scene:
    """Cut through a three-core cable: copper strands, coloured insulation, gray sheath."""
    relief = Relief.empty(nudged(g, rng, 0.012, rng.normal(0, 0.03)))
    whole = relief.whole()
    sheath = circle(relief.grid, 0.90)
    relief.put(whole, coverage(sheath, g.px), 0.10 + dome(sheath, 0.05), jittered(linear("#b9bdbf"), rng), gloss=0.1)
    filler = circle(relief.grid, 0.80)
    relief.put(whole, coverage(filler, g.px), 0.06, linear("#6f7274") * np.float32(0.8), gloss=0.02)
    for angle, colour in zip((-np.pi / 2, np.pi / 6, 5 * np.pi / 6), ("#3f8f3a", "#2d5fae", "#7a5034"), strict=True):
        x, y = 0.44 * np.cos(angle) + rng.normal(0, 0.008), 0.44 * np.sin(angle) + rng.normal(0, 0.008)
        patch = relief.patch(x, y, 0.40, rng.uniform(-np.pi, np.pi))
        ring = circle(patch.grid, 0.355)
        relief.put(patch, coverage(ring, g.px), 0.10 + dome(ring, 0.03), jittered(linear(colour), rng), gloss=0.15)
        hole = circle(patch.grid, 0.235)
        relief.put(patch, coverage(hole, g.px), 0.02, linear("#2a1a10"), gloss=0.0)
        near, shade_of = _packed(patch.grid, 0.076, rng)
        strand = np.maximum(near - np.float32(0.036), circle(patch.grid, 0.228))
        copper = linear("#c9814f") * shade_of[..., None]
        relief.put(patch, coverage(strand, g.px), 0.06 + dome(strand, 0.02), copper, gloss=0.3, metal=0.35)
    ground = jittered(linear("#9a9fa3"), rng, 0.03) * (1 + 0.02 * fractal(g, rng, 2, 2))[..., None]
    return lit_scene(relief, as_float32(ground), make_light(rng))


def metal_nut(g: Grid, rng: np.random.Generator) -> Scene:
    """Flanged nut with four lobes and a threaded hole, on black."""
    relief = Relief.empty(nudged(g, rng, 0.015, rng.uniform(-np.pi, np.pi)))
    f, whole = relief.grid, relief.whole()
    turn = np.arctan2(f.y, f.x)
    radius = circle(f, 0.0)
    outline = (radius - (0.74 + 0.13 * smoothstep(np.cos(4 * turn), -0.15, 0.75))).astype(np.float32)
    hole = circle(f, 0.27)
    cover = coverage(np.maximum(outline, -hole), g.px)
    brushed = lattice_noise(g, rng, 45, 45)
    steel = jittered(linear("#8f98a3"), rng, 0.05) * (1 + 0.07 * brushed + 0.05 * fractal(g, rng, 2, 2))[..., None]
    relief.put(whole, cover, 0.10 + dome(outline, 0.06) + 0.0005 * brushed, steel, gloss=0.25, metal=0.55)
    hexagon = ngon(f, 0.50, 6, 0.05)
    top = coverage(np.maximum(hexagon, -hole), g.px)
    relief.put(
        whole, top, 0.26 + dome(np.maximum(hexagon, -hole), 0.05), steel * np.float32(1.05), gloss=0.3, metal=0.6
    )
    thread = coverage(np.maximum(circle(f, 0.335), -hole), g.px)
    turns = 0.18 + 0.02 * np.sin((radius - turn * 0.0064) * (2 * np.pi / 0.022))
    relief.put(whole, thread, as_float32(turns), steel * np.float32(0.7), gloss=0.3, metal=0.5)
    return lit_scene(relief, linear("#0b0b0d"), make_light(rng))


def screw(g: Grid, rng: np.random.Generator) -> Scene:
    """Wood screw lying on a bright table; one channel."""
    relief = Relief.empty(nudged(g, rng, 0.03, rng.uniform(-np.pi, np.pi)), 1)
    f, whole = relief.grid, relief.whole()
    taper = 0.075 * smoothstep(-f.x, -0.80, -0.58)
    shank = np.maximum(np.abs(f.y) - np.maximum(taper, 0.004), np.maximum(-f.x - 0.62, f.x - 0.80))
    threaded = smoothstep(f.x, -0.16, -0.08)
    pitch = np.float32(0.058)
    saw = 2 * np.abs(np.mod(f.x / pitch + 0.32 * f.y / 0.1, 1.0) - 0.5)
    crest = (0.036 * saw * threaded * smoothstep(-f.x, -0.80, -0.70)).astype(np.float32)
    body = (shank - crest).astype(np.float32)
    half = np.maximum(taper + crest, 0.004)
    round_top = np.sqrt(np.maximum(half * half - f.y * f.y, 0.0))
    steel = linear("#8a8a88", 1) * (1 + 0.05 * lattice_noise(g, rng, 30))[..., None]
    relief.put(whole, coverage(body, g.px), as_float32(round_top) + 0.02, steel, gloss=0.4, metal=0.6)
    cone = 0.19 * smoothstep(-f.x, 0.55, 0.76) + 0.06
    head = np.maximum(np.abs(f.y) - cone, np.maximum(-f.x - 0.80, f.x + 0.56)).astype(np.float32)
    dome_top = np.sqrt(np.maximum(cone * cone - f.y * f.y, 0.0)).astype(np.float32)
    relief.put(whole, coverage(head, g.px), dome_top + 0.02, steel * np.float32(1.05), gloss=0.4, metal=0.6)
    ground = linear("#cfcfcd", 1) * (1 + 0.02 * fractal(g, rng, 1.5, 2))[..., None]
    return lit_scene(relief, as_float32(ground), make_light(rng, 1.0), strength=0.45)


def toothbrush(g: Grid, rng: np.random.Generator) -> Scene:
    """Brush head from above: tufts of coloured bristles on a white handle, before black."""
    relief = Relief.empty(nudged(g, rng, 0.02, rng.normal(0, 0.04)))
    f, whole = relief.grid, relief.whole()
    head = smooth_union(box(posed(f, 0, -0.1), 0.40, 0.80, 0.36), box(posed(f, 0, 1.0), 0.16, 0.5, 0.1), 0.08)
    body = jittered(linear("#e9ecef"), rng, 0.03)
    relief.put(whole, coverage(head, g.px), 0.05 + dome(head, 0.08), body, gloss=0.4)
    colours = [jittered(linear(c), rng, 0.08) for c in ("#f2f2ee", "#2f6fc2", "#d63b3b")]
    for row, y in enumerate(np.linspace(-0.74, 0.54, 10)):
        for column, x in enumerate((-0.24, -0.08, 0.08, 0.24)):
            colour = colours[1] if row in (0, 1, 8, 9) else colours[2] if column in (0, 3) and row % 2 else colours[0]
            _tuft(relief, (x * (0.75 if row in (0, 9) else 1.0), float(y)), colour, rng)
    return lit_scene(relief, linear("#08090b"), make_light(rng))


def _tuft(relief: Relief, at: tuple[float, float], colour: Float32, rng: np.random.Generator) -> None:
    lean = rng.normal(0, 0.010, 2)
    patch = relief.patch(at[0] + float(lean[0]), at[1] + float(lean[1]), 0.10, rng.uniform(-np.pi, np.pi))
    ragged = 0.006 * rng.standard_normal(patch.grid.shape, dtype=np.float32)
    tuft = circle(patch.grid, 0.070 + rng.normal(0, 0.002)) + ragged
    near, tone = _packed(patch.grid, 0.020, rng)
    albedo = colour * (tone**2 * (1.2 - 28.0 * near))[..., None]
    height = 0.22 + dome(tuft, 0.010) + 0.03 * (tone - 1)
    relief.put(patch, coverage(tuft, relief.grid.px), height, as_float32(albedo), gloss=0.05)


def transistor(g: Grid, rng: np.random.Generator) -> Scene:
    """Three-legged transistor in a black case, soldered to perforated board."""
    board = nudged(g, rng, 0.02, rng.normal(0, 0.015))
    ground = _perfboard(board, g, rng)
    relief = Relief.empty(nudged(board, rng, 0.01, rng.normal(0, 0.02)))
    tin = jittered(linear("#c9c8c2"), rng, 0.03)
    for x in (-0.24, 0.0, 0.24):
        patch = relief.patch(x, 0.46, 0.45)
        leg = segment(patch.grid, (0.0, -0.32), (0.0, 0.33), 0.045)
        relief.put(patch, coverage(leg, g.px), 0.06 + dome(leg, 0.045), tin, gloss=0.5, metal=0.7)
        foot = circle(posed(patch.grid, 0.0, 0.34), 0.075)
        relief.put(patch, coverage(foot, g.px), 0.02 + dome(foot, 0.075), tin, gloss=0.6, metal=0.7)
    case = box(posed(relief.grid, 0, -0.22), 0.44, 0.42, 0.10)
    plastic = jittered(linear("#2b2b2d"), rng, 0.05) * (1 + 0.10 * lattice_noise(g, rng, 70))[..., None]
    relief.put(relief.whole(), coverage(case, g.px), 0.10 + dome(case, 0.10), as_float32(plastic), gloss=0.12)
    return lit_scene(relief, ground, make_light(rng), strength=0.6)


def zipper(g: Grid, rng: np.random.Generator) -> Scene:
    """Closed zip between two strips of dark woven tape; one channel."""
    f = posed(g, rng.normal(0, 0.015), 0, rng.normal(0, 0.01))
    weave = np.sin(f.x * 190) * np.sin(f.y * 150) + 0.5 * lattice_noise(g, rng, 60)
    tape = np.abs(f.x) - np.float32(0.80)
    cloth = linear("#3a3b3c", 1) * np.exp(0.16 * weave - 0.15 * (np.abs(f.x) > 0.66))[..., None]
    pitch = np.float32(0.13)
    phase = rng.uniform(0, 1)
    height = 0.02 + 0.004 * weave
    cover = np.zeros(g.shape, np.float32)
    for side in (-1.0, 1.0):
        v = f.y / pitch + phase + 0.25 * side
        local = folded(f, f.x * np.float32(side) - np.float32(0.085), (v - np.round(v)) * pitch)
        tooth = np.minimum(
            box(posed(local, 0.03, 0), 0.13, 0.028, 0.015), ellipse(posed(local, -0.075, 0), 0.062, 0.038)
        )
        height = np.where(tooth < 0, np.maximum(height, 0.07 + dome(tooth, 0.022)), height)
        cover = np.maximum(cover, coverage(tooth, g.px))
    albedo = mix(cloth, linear("#8c8d8e", 1), cover)
    surface = Surface((0.03 + 0.35 * cover).astype(np.float32), 5, (0.5 * cover).astype(np.float32))
    lit = shade(g, as_float32(height), as_float32(albedo), make_light(rng, 0.9, 0.45), surface)
    ground = np.broadcast_to(linear("#d2d2d2", 1), lit.shape)
    strip = coverage(tape, g.px)
    return Scene(place(ground, lit, strip, smoothstep(-tape, -0.06, 0.0) * 0.5), strip)


def btad_01(g: Grid, rng: np.random.Generator) -> Scene:
    """Turned disc of dark metal with concentric steps, bolt holes and a hub."""
    relief = Relief.empty(nudged(g, rng, 0.012, rng.uniform(-np.pi, np.pi)))
    f, whole = relief.grid, relief.whole()
    disc, radius = circle(f, 0.90), circle(f, 0.0)
    lathe = 0.00025 * np.sin(radius * 180 + lattice_noise(g, rng, 3)) + 0.00012 * lattice_noise(g, rng, 40)
    steps = 0.05 * smoothstep(-radius, -0.74, -0.72) - 0.06 * smoothstep(-radius, -0.52, -0.50)
    steps = steps + 0.10 * smoothstep(-radius, -0.30, -0.27) - 0.12 * smoothstep(-radius, -0.13, -0.11)
    metal = jittered(linear("#7c7f80"), rng, 0.06) * (1 + 0.05 * fractal(g, rng, 6, 3))[..., None]
    height = 0.15 + dome(disc, 0.03) + steps + lathe
    relief.put(whole, coverage(disc, g.px), as_float32(height), as_float32(metal), gloss=0.25, metal=0.5)
    for k in range(6):
        angle = k * np.pi / 3
        patch = relief.patch(0.62 * np.cos(angle), 0.62 * np.sin(angle), 0.09)
        hole = circle(patch.grid, 0.055)
        relief.put(patch, coverage(hole, g.px), 0.05 + bevel(-hole, 0.01, 0.05), linear("#1c1c1e"), gloss=0.1)
    return lit_scene(relief, linear("#1f2022"), make_light(rng), strength=0.5)


def btad_03(g: Grid, rng: np.random.Generator) -> Scene:
    """Pale moulded ring with a ribbed flange on a gray belt."""
    relief = Relief.empty(nudged(g, rng, 0.015, rng.uniform(-np.pi, np.pi)))
    f, whole = relief.grid, relief.whole()
    turn, radius = np.arctan2(f.y, f.x), circle(f, 0.0)
    ring = np.maximum(circle(f, 0.86), -circle(f, 0.30))
    plastic = jittered(linear("#d9d6cb"), rng, 0.03) * (1 + 0.02 * fractal(g, rng, 4, 3))[..., None]
    ribs = 0.018 * smoothstep(np.cos(36 * turn).astype(np.float32), -0.2, 0.6) * smoothstep(radius, 0.60, 0.63)
    height = 0.10 + dome(ring, 0.05) + ribs + 0.08 * smoothstep(-radius, -0.52, -0.46)
    relief.put(whole, coverage(ring, g.px), as_float32(height), as_float32(plastic), gloss=0.2)
    ground = linear("#55595c") * (1 + 0.05 * lattice_noise(g, rng, 40, 4))[..., None]
    return lit_scene(relief, as_float32(ground), make_light(rng))


def _packed(g: Grid, pitch: float, rng: np.random.Generator) -> tuple[Float32, Float32]:
    """Return the distance to the nearest point of a triangular lattice and a random tone per point, about 1."""
    a, b = np.float32(pitch), np.float32(pitch * np.sqrt(3))
    best = np.full(g.shape, np.float32(9.0))
    number = np.zeros(g.shape, np.int32)
    for offset in (0.0, 0.5):
        column, row = np.round(g.x / a - np.float32(offset)), np.round(g.y / b - np.float32(offset))
        dx, dy = g.x - (column + np.float32(offset)) * a, g.y - (row + np.float32(offset)) * b
        near = np.sqrt(dx * dx + dy * dy)
        closer = near < best
        best = np.where(closer, near, best)
        number = np.where(closer, (column * 31 + row * 57 + offset * 26).astype(np.int32), number)
    tones = np.exp(rng.normal(0, 0.12, 256)).astype(np.float32)
    return best, tones[np.mod(number, 256)]


def _perfboard(board: Grid, g: Grid, rng: np.random.Generator) -> Float32:
    """Return brown board with a grid of copper pads and holes, linear (H, W, 3)."""
    pitch = np.float32(0.24)
    u, v = board.x / pitch, board.y / pitch + np.float32(0.5)
    local = folded(board, (u - np.round(u)) * pitch, (v - np.round(v)) * pitch)
    base = linear("#8a6a48") * (1 + 0.06 * fractal(g, rng, 8, 3))[..., None]
    pads = mix(base, linear("#c08a58"), coverage(circle(local, 0.078), g.px))
    return mix(pads, linear("#17110c"), coverage(circle(local, 0.036), g.px)).astype(np.float32)

"""Procedural surfaces that fill the picture.

* :func:`carpet`, :func:`grid`, :func:`leather`, :func:`tile`, :func:`wood`, :func:`btad_02`.
"""

from __future__ import annotations

import cv2
import numpy as np

from maphc2f.substrates.procedural.canvas import (
    Float32,
    Grid,
    as_float32,
    cells,
    fractal,
    jittered,
    lattice_noise,
    linear,
    mix,
    posed,
    smoothstep,
)
from maphc2f.substrates.procedural.lighting import MATT, SATIN, Surface, make_light, shade
from maphc2f.substrates.procedural.scene import Scene


def carpet(g: Grid, rng: np.random.Generator) -> Scene:
    """Gray twill weave of soft yarn."""
    base = posed(g, rng.uniform(-1, 1), rng.uniform(-1, 1), rng.normal(0.0, 0.02))
    pitch = np.float32(0.058)
    u = base.x / pitch + 0.18 * lattice_noise(g, rng, 5)
    v = base.y / pitch + 0.18 * lattice_noise(g, rng, 5)
    warp, weft = np.floor(u), np.floor(v)
    over = np.mod(warp + weft, 4) < 2
    along, across = np.where(over, v - weft, u - warp), np.where(over, u - warp, v - weft)
    yarn = np.sin(np.pi * across) * (0.75 + 0.25 * np.sin(np.pi * along))
    fuzz = lattice_noise(g, rng, 60)
    height = pitch * (0.45 * yarn + 0.06 * fuzz).astype(np.float32)
    tone = np.where(over, np.float32(0.25), np.float32(-0.25)) + 0.16 * fuzz + 0.10 * fractal(g, rng, 2, 2)
    albedo = jittered(linear("#8d8f90"), rng, 0.04) * np.exp(tone + 0.5 * (yarn - 0.6))[..., None]
    return Scene(shade(g, height, as_float32(albedo), make_light(rng, 1.0, 0.5), MATT), None)


def grid(g: Grid, rng: np.random.Generator) -> Scene:
    """Woven wire mesh before a dim back plate; one channel."""
    frame = posed(g, rng.uniform(-0.2, 0.2), rng.uniform(-0.2, 0.2), np.pi / 4 + rng.normal(0, 0.015))
    pitch, radius = 0.21, 0.042
    wave = lattice_noise(g, rng, 1.5)
    u, v = frame.x / pitch + 0.02 * wave, frame.y / pitch - 0.02 * wave
    du, dv = (u - np.round(u)) * pitch, (v - np.round(v)) * pitch
    parity = np.where(np.mod(np.round(u) + np.round(v), 2) == 0, 1.0, -1.0)
    # Wires pass over and under in turn: a cosine along each, opposite in phase at every crossing.
    weave_u = 0.5 * radius * np.cos(np.pi * (v - np.round(v))) * parity
    tops = [np.sqrt(np.maximum(radius**2 - d * d, 0.0)) for d in (du, dv)]
    heights = [np.where(t > 0, t + s, -0.1) for t, s in zip(tops, (weave_u, -weave_u), strict=True)]
    height = np.maximum(*heights).astype(np.float32)
    cover = smoothstep(np.maximum(*tops).astype(np.float32), 0.0, 0.012)
    steel = linear("#a8aaab", 1) * (1 + 0.05 * lattice_noise(g, rng, 30))[..., None]
    wire = shade(g, np.maximum(height, 0), steel, make_light(rng, 1.0, 0.5), Surface(0.25, 4, 0.5))
    back = linear("#4b4c4d", 1) * (1 + 0.06 * fractal(g, rng, 3, 3))[..., None]
    return Scene(mix(back, wire, cover).astype(np.float32), None)


def leather(g: Grid, rng: np.random.Generator) -> Scene:
    """Brown grain leather: pebbles between fine creases."""
    coarse, _ = cells(g, rng, 17)
    fine, _ = cells(g, rng, 34)
    pebble = smoothstep(-coarse, -0.055, -0.005) + 0.35 * smoothstep(-fine, -0.026, -0.002)
    pebble = cv2.GaussianBlur(pebble, (0, 0), max(0.006 / g.px, 0.5))
    height = 0.020 * pebble + 0.004 * fractal(g, rng, 12, 3)
    hue = mix(linear("#5a3019"), linear("#8f5731"), smoothstep(pebble + 0.25 * fractal(g, rng, 3, 3), -0.2, 1.6))
    albedo = hue * np.exp(0.06 * fractal(g, rng, 1.5, 2))[..., None]
    shine = Surface(gloss=0.10, sharpness=4)
    tinted = jittered(np.ones(3, np.float32), rng, 0.06)
    return Scene(shade(g, height, (albedo * tinted).astype(np.float32), make_light(rng, 0.85, 0.4), shine), None)


def tile(g: Grid, rng: np.random.Generator) -> Scene:
    """Polished stone with black and gray flecks."""
    base = linear("#c9c8c3") * np.exp(0.06 * fractal(g, rng, 4, 3))[..., None]
    albedo = base
    for colour, per_unit, level in (("#8e8d88", 7, 0.55), ("#5d5d5b", 11, 0.85), ("#1d1d1e", 13, 0.95)):
        fleck = smoothstep(fractal(g, rng, per_unit, 3, 0.55), level - 0.07, level + 0.07)
        albedo = mix(albedo, linear(colour), fleck)
    albedo = albedo * np.exp(0.04 * lattice_noise(g, rng, 70))[..., None] * jittered(np.ones(3, np.float32), rng, 0.03)
    height = 0.0006 * fractal(g, rng, 20, 2)
    return Scene(shade(g, height, as_float32(albedo), make_light(rng, 1.1, 0.5), SATIN), None)


def wood(g: Grid, rng: np.random.Generator) -> Scene:
    """Planed board with upright grain: growth rings, fibres and pores."""
    frame = posed(g, rng.uniform(-1, 1), 0, rng.normal(0, 0.02))
    rings = 6.0 * frame.x + 1.6 * lattice_noise(g, rng, 1.3, 0.7) + 0.22 * lattice_noise(g, rng, 7.0, 0.9)
    phase = rings - np.floor(rings)
    # Early wood fades slowly into dark late wood, which ends at a sharp line.
    late = phase * phase * (1.0 - smoothstep(phase, 0.90, 1.0))
    fibre = lattice_noise(g, rng, 75, 4.0)
    pores = smoothstep(lattice_noise(g, rng, 70, 9.0), 1.2, 2.0)
    tone = 0.10 + 0.60 * late + 0.06 * fibre + 0.10 * fractal(g, rng, 1.2, 2) + 0.35 * pores
    albedo = mix(linear("#c2945f"), linear("#6b4122"), np.clip(tone, 0, 1.2))
    height = as_float32(-0.004 * pores + 0.0008 * fibre)
    tint = jittered(np.ones(3, np.float32), rng, 0.06)
    return Scene(shade(g, height, albedo * tint, make_light(rng, 1.0, 0.5), SATIN), None)


def btad_02(g: Grid, rng: np.random.Generator) -> Scene:
    """Dark pressed-fibre board with slanting grain."""
    slanted = posed(g, 0, 0, 0.35 + rng.normal(0, 0.03))
    fibres = _streaks(slanted, rng, (60.0, 5.0))
    fine = lattice_noise(g, rng, 70)
    tone = 0.42 * fibres + 0.16 * fine + 0.22 * fractal(g, rng, 2, 3)
    albedo = mix(linear("#3b2b20"), linear("#8a6c4f"), smoothstep(tone, -1.1, 1.2))
    height = 0.004 * fibres + 0.0015 * fine
    albedo = albedo * jittered(np.ones(3, np.float32), rng, 0.05)
    return Scene(shade(g, height, as_float32(albedo), make_light(rng, 0.9, 0.45), SATIN), None)


def _streaks(frame: Grid, rng: np.random.Generator, per_unit: tuple[float, float]) -> Float32:
    """Return noise stretched along the frame's y axis, of about unit variance."""
    side = 3.2
    lattice = rng.standard_normal((int(side * per_unit[1]), int(side * per_unit[0])), dtype=np.float32)
    u = (frame.x + np.float32(side / 2)) * np.float32(per_unit[0])
    v = (frame.y + np.float32(side / 2)) * np.float32(per_unit[1])
    return as_float32(1.3 * cv2.remap(lattice, u, v, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT))

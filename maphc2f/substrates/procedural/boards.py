"""Procedural circuit boards; the layout of a board is fixed, only pose, batch and light vary.

* :func:`pcb1`, :func:`pcb2`, :func:`pcb3`, :func:`pcb4`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from maphc2f.rng import stream
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
)
from maphc2f.substrates.procedural.lighting import make_light
from maphc2f.substrates.procedural.scene import Relief, Scene, lettering, lit_scene
from maphc2f.substrates.procedural.sdf import bevel, box, circle, coverage, dome

_PLATE = 0.05
"""Height of a board's surface above the table."""

Spot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Board:
    """The bare board.

    Attributes:
        name: Names the fixed layout of its traces.
        half: Half width and half height.
        mask: Colour of the solder resist.
        trace: Colour of copper under it.
        holes: Centres of plated mounting holes.
        traces: Number of traces.
    """

    name: str
    half: tuple[float, float]
    mask: str
    trace: str
    holes: tuple[Spot, ...]
    traces: int = 26


def pcb1(g: Grid, rng: np.random.Generator) -> Scene:
    """Blue ultrasonic range sensor with two silver transducers."""
    board = Board(
        "pcb1", (0.92, 0.50), "#173f8a", "#24509f", ((-0.85, -0.43), (0.85, -0.43), (-0.85, 0.43), (0.85, 0.43))
    )
    relief = _bare(board, g, rng)
    for x in (-0.50, 0.50):
        _can(relief, (x, -0.02), 0.34, rng)
    _crystal(relief, (0.0, -0.28), rng)
    _header(relief, (0.0, 0.42), 4)
    _chip(relief, (0.0, 0.02), (0.09, 0.13), 4)
    for x, y in ((-0.10, 0.24), (0.0, 0.24), (0.10, 0.24)):
        _passive(relief, (x, y), "#2a2a2c", np.pi / 2)
    _print(relief, (0.0, -0.43), "HC-SR04", 0.055)
    return _table_scene(relief, g, rng)


def pcb2(g: Grid, rng: np.random.Generator) -> Scene:
    """Green driver module with one large chip, capacitors and a header."""
    board = Board(
        "pcb2", (0.80, 0.62), "#1d6b3a", "#2b7f4a", ((-0.72, -0.54), (0.72, -0.54), (-0.72, 0.54), (0.72, 0.54)), 34
    )
    relief = _bare(board, g, rng)
    _chip(relief, (-0.05, -0.02), (0.24, 0.20), 8)
    for x in (-0.50, -0.50 + 0.24):
        _electrolytic(relief, (x, 0.40), 0.10, rng)
    _chip(relief, (0.50, 0.05), (0.09, 0.12), 4)
    for k in range(6):
        _passive(relief, (-0.46 + 0.17 * k, -0.38), "#2a2a2c" if k % 2 else "#a9805a", np.pi / 2)
    for y in (-0.10, 0.05, 0.20):
        _passive(relief, (-0.52, y), "#a9805a", 0.0)
    _header(relief, (0.25, 0.52), 6)
    _print(relief, (0.42, -0.52), "DRV 2.1", 0.06)
    return _table_scene(relief, g, rng)


def pcb3(g: Grid, rng: np.random.Generator) -> Scene:
    """Long black obstacle sensor with two lamps, a trimmer and a header."""
    board = Board("pcb3", (0.94, 0.36), "#1b1d20", "#2a2d31", ((-0.10, -0.28), (-0.10, 0.28)))
    relief = _bare(board, g, rng)
    _lamp(relief, (-0.78, -0.17), "#dfe6ea", rng)
    _lamp(relief, (-0.78, 0.17), "#1b1620", rng)
    _trimmer(relief, (0.22, 0.0))
    _chip(relief, (-0.36, 0.0), (0.11, 0.12), 4)
    for k in range(4):
        _passive(relief, (-0.58 + 0.16 * k, -0.27), "#2a2a2c" if k % 2 else "#a9805a", 0.0)
        _passive(relief, (0.46, -0.20 + 0.13 * k), "#2a2a2c", np.pi / 2)
    for y, colour in ((-0.22, "#b3352c"), (0.22, "#3d9a48")):
        _passive(relief, (0.62, y), colour, 0.0)
    _header(relief, (0.84, 0.0), 4, np.pi / 2)
    _print(relief, (0.20, 0.27), "OUT GND VCC", 0.045)
    return _table_scene(relief, g, rng)


def pcb4(g: Grid, rng: np.random.Generator) -> Scene:
    """Red charger board with a socket, a coil and screw terminals."""
    board = Board(
        "pcb4", (0.86, 0.56), "#9c2420", "#b0382d", ((-0.78, -0.48), (-0.78, 0.48), (0.78, -0.48), (0.78, 0.48)), 30
    )
    relief = _bare(board, g, rng)
    _socket(relief, (-0.76, 0.0))
    _coil(relief, (0.06, -0.06), rng)
    _chip(relief, (-0.34, 0.05), (0.12, 0.15), 4)
    _electrolytic(relief, (0.42, -0.30), 0.12, rng)
    for k in range(5):
        _passive(relief, (-0.52 + 0.14 * k, -0.38), "#a9805a" if k % 2 else "#2a2a2c", np.pi / 2)
        _passive(relief, (-0.45 + 0.14 * k, 0.38), "#2a2a2c", np.pi / 2)
    _header(relief, (0.74, 0.02), 3, np.pi / 2)
    _print(relief, (0.45, 0.44), "5V 1A", 0.07)
    return _table_scene(relief, g, rng)


def _bare(board: Board, g: Grid, rng: np.random.Generator) -> Relief:
    relief = Relief.empty(nudged(g, rng, 0.015, rng.normal(0, 0.015)))
    f = relief.grid
    outline = box(f, *board.half, 0.03)
    copper = _traces(board, f)
    resist = mix(linear(board.mask), linear(board.trace), copper) * (1 + 0.05 * lattice_noise(g, rng, 50))[..., None]
    resist = resist * jittered(np.ones(3, np.float32), rng, 0.04)
    height = _PLATE * _plateau(outline, g.px) + 0.0012 * copper
    relief.put(relief.whole(), coverage(outline, g.px), height, as_float32(resist), gloss=0.2)
    for x, y in board.holes:
        patch = relief.patch(x, y, 0.07)
        ring, hole = circle(patch.grid, 0.055), circle(patch.grid, 0.034)
        relief.put(patch, coverage(ring, g.px), _PLATE + 0.005, linear("#c9b27a"), gloss=0.5, metal=0.5)
        relief.put(patch, coverage(hole, g.px), 0.0, linear("#101010"), gloss=0.0)
    return relief


def _plateau(outline: Float32, px: float) -> Float32:
    """Return 1 inside an outline, falling to 0 over three pixels at its edge."""
    return as_float32(np.clip(0.5 - outline / np.float32(3 * px), 0.0, 1.0))


def _traces(board: Board, f: Grid) -> Float32:
    """Return the coverage of copper traces and vias, drawn once in the board's frame and turned with it."""
    side = 512
    fixed = stream(0, "board layout", board.name)
    scale = side / 2
    sheet = np.zeros((side, side), np.uint8)
    spots = fixed.uniform(-1, 1, (board.traces, 2, 2)) * np.array(board.half) * 0.9
    for start, end in spots:
        bend = start + np.sign(end - start) * np.abs(end - start).min()
        corners = np.rint((np.stack([start, bend, end]) + 1) * scale).astype(np.int32)
        cv2.polylines(sheet, [corners], isClosed=False, color=255, thickness=6, lineType=cv2.LINE_AA)
        for x, y in corners[[0, 2]]:
            cv2.circle(sheet, (int(x), int(y)), 8, 255, -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(sheet, (0, 0), max(0.4 * f.px * scale, 0.5))
    u, v = (f.x + 1) * np.float32(scale), (f.y + 1) * np.float32(scale)
    return as_float32(cv2.remap(soft, u, v, cv2.INTER_LINEAR, borderValue=0)) / np.float32(255)


def _chip(relief: Relief, at: Spot, half: tuple[float, float], pins: int) -> None:
    """Put a black package with ``pins`` a side, left and right."""
    px = relief.grid.px
    patch = relief.patch(*at, max(half) + 0.10)
    f = patch.grid
    pitch = np.float32(2 * half[1] / pins)
    row = np.clip(np.floor((f.y + half[1]) / pitch), 0, pins - 1) + 0.5
    pin_y = f.y + np.float32(half[1]) - row * pitch
    pin = box(folded(f, f.x, pin_y), half[0] + 0.055, 0.30 * float(pitch), 0.0)
    relief.put(patch, coverage(pin, px), _PLATE + 0.015, linear("#c9c9c5"), gloss=0.5, metal=0.6)
    body = box(f, *half, 0.01)
    relief.put(patch, coverage(body, px), _PLATE + bevel(body, 0.02, 0.07), linear("#1d1d1f"), gloss=0.12)
    dot = circle(posed(f, -half[0] + 0.04, -half[1] + 0.04), 0.016)
    relief.put(patch, coverage(dot, px), _PLATE + 0.062, linear("#3a3a3c"), gloss=0.05)


def _passive(relief: Relief, at: Spot, colour: str, angle: float) -> None:
    """Put a small resistor or capacitor with two soldered ends."""
    px = relief.grid.px
    patch = relief.patch(*at, 0.09, angle)
    solder = box(patch.grid, 0.066, 0.032, 0.008)
    relief.put(patch, coverage(solder, px), _PLATE + dome(solder, 0.022), linear("#c4c5c2"), gloss=0.5, metal=0.6)
    body = box(patch.grid, 0.036, 0.027, 0.004)
    relief.put(patch, coverage(body, px), _PLATE + 0.03, linear(colour), gloss=0.1)


def _header(relief: Relief, at: Spot, pins: int, angle: float = 0.0) -> None:
    """Put a black strip with golden pins."""
    px = relief.grid.px
    patch = relief.patch(*at, 0.06 * pins + 0.05, angle)
    strip = box(patch.grid, 0.058 * pins, 0.055, 0.012)
    relief.put(patch, coverage(strip, px), _PLATE + bevel(strip, 0.015, 0.08), linear("#19191b"), gloss=0.15)
    for k in range(pins):
        pin = box(posed(patch.grid, 0.116 * (k - (pins - 1) / 2), 0), 0.020, 0.020, 0.004)
        relief.put(
            patch, coverage(pin, px), _PLATE + 0.13 + bevel(pin, 0.01, 0.02), linear("#d0ab57"), gloss=0.6, metal=0.6
        )


def _can(relief: Relief, at: Spot, radius: float, rng: np.random.Generator) -> None:
    """Put an ultrasonic transducer: metal can with a gauze window."""
    px = relief.grid.px
    patch = relief.patch(*at, radius + 0.02)
    f = patch.grid
    can = circle(f, radius)
    relief.put(
        patch,
        coverage(can, px),
        _PLATE + 0.20 + dome(can, 0.035),
        jittered(linear("#c3c5c7"), rng, 0.03),
        gloss=0.5,
        metal=0.7,
    )
    window = circle(f, radius * 0.78)
    mesh = np.sin(f.x * 120) * np.sin(f.y * 120)
    tone = linear("#6d6f72") * (1 + 0.35 * mesh)[..., None]
    height = _PLATE + 0.19 + 0.006 * mesh
    relief.put(patch, coverage(window, px), as_float32(height), as_float32(tone), gloss=0.2, metal=0.3)


def _crystal(relief: Relief, at: Spot, rng: np.random.Generator) -> None:
    px = relief.grid.px
    patch = relief.patch(*at, 0.17)
    d = box(patch.grid, 0.14, 0.055, 0.055)
    relief.put(
        patch,
        coverage(d, px),
        _PLATE + 0.05 + dome(d, 0.03),
        jittered(linear("#c9cacb"), rng, 0.03),
        gloss=0.5,
        metal=0.7,
    )


def _electrolytic(relief: Relief, at: Spot, radius: float, rng: np.random.Generator) -> None:
    """Put a standing capacitor: aluminium top with a dark polarity mark."""
    px = relief.grid.px
    patch = relief.patch(*at, radius + 0.05)
    base = box(patch.grid, radius * 1.1, radius * 1.1, 0.03)
    relief.put(patch, coverage(base, px), _PLATE + 0.03, linear("#1c1c1e"), gloss=0.1)
    can = circle(patch.grid, radius)
    relief.put(
        patch,
        coverage(can, px),
        _PLATE + 0.18 + dome(can, 0.02),
        jittered(linear("#b9bbbd"), rng, 0.03),
        gloss=0.4,
        metal=0.5,
    )
    mark = np.maximum(can + np.float32(0.012), patch.grid.x + np.float32(0.5 * radius))
    relief.put(patch, coverage(mark, px), _PLATE + 0.20, linear("#26262a"), gloss=0.1)


def _lamp(relief: Relief, at: Spot, colour: str, rng: np.random.Generator) -> None:
    px = relief.grid.px
    patch = relief.patch(*at, 0.16)
    d = circle(patch.grid, 0.13)
    relief.put(patch, coverage(d, px), _PLATE + 0.08 + dome(d, 0.12), jittered(linear(colour), rng, 0.04), gloss=0.8)


def _trimmer(relief: Relief, at: Spot) -> None:
    px = relief.grid.px
    patch = relief.patch(*at, 0.20)
    body = box(patch.grid, 0.15, 0.15, 0.01)
    relief.put(patch, coverage(body, px), _PLATE + bevel(body, 0.015, 0.13), linear("#22509c"), gloss=0.2)
    knob = circle(patch.grid, 0.095)
    relief.put(patch, coverage(knob, px), _PLATE + 0.14, linear("#dcdcd8"), gloss=0.2)
    turned = posed(patch.grid, 0, 0, 0.5)
    slot = np.minimum(box(turned, 0.075, 0.014, 0.0), box(turned, 0.014, 0.075, 0.0))
    relief.put(patch, coverage(slot, px), _PLATE + 0.11, linear("#8d8d8a"), gloss=0.1)


def _socket(relief: Relief, at: Spot) -> None:
    px = relief.grid.px
    patch = relief.patch(*at, 0.24)
    d = box(patch.grid, 0.15, 0.19, 0.02)
    relief.put(patch, coverage(d, px), _PLATE + 0.10 + dome(d, 0.02), linear("#c6c7c8"), gloss=0.5, metal=0.7)
    for y in (-0.09, 0.09):
        notch = box(posed(patch.grid, 0.03, y), 0.05, 0.022, 0.005)
        relief.put(patch, coverage(notch, px), _PLATE + 0.08, linear("#3b3b3d"), gloss=0.2)


def _coil(relief: Relief, at: Spot, rng: np.random.Generator) -> None:
    px = relief.grid.px
    patch = relief.patch(*at, 0.24)
    body = box(patch.grid, 0.20, 0.20, 0.05)
    relief.put(patch, coverage(body, px), _PLATE + bevel(body, 0.02, 0.10), linear("#3a3b3e"), gloss=0.15)
    radius = circle(patch.grid, 0.0)
    ring = np.abs(radius - np.float32(0.105)) - np.float32(0.06)
    turn = np.arctan2(patch.grid.y, patch.grid.x)
    turns = np.cos(26 * turn + rng.uniform(0, 6))
    wire = linear("#b8743a") * (1 + 0.25 * turns)[..., None]
    height = _PLATE + 0.10 + dome(ring, 0.06) + 0.008 * turns
    relief.put(patch, coverage(ring, px), as_float32(height), as_float32(wire), gloss=0.4, metal=0.3)


def _print(relief: Relief, at: Spot, text: str, height: float) -> None:
    """Write white silk-screen text."""
    patch = relief.patch(*at, 0.5 * len(text) * height + 0.05)
    cover = lettering(patch.grid, text, height)
    relief.put(patch, 0.9 * cover, _PLATE + 0.006, linear("#e4e6e4"), gloss=0.05)


def _table_scene(relief: Relief, g: Grid, rng: np.random.Generator) -> Scene:
    ground = linear("#c8cacb") * (1 + 0.02 * fractal(g, rng, 1.5, 2) + 0.01 * lattice_noise(g, rng, 60))[..., None]
    return lit_scene(relief, as_float32(ground), make_light(rng), sharpness=5, strength=0.55)

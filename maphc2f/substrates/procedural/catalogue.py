"""The generators of procedural pictures by name, loaded on first use, and how one is run.

* :data:`GENERATORS` is the registry; :func:`render` draws one picture.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from maphc2f.registry import Registry
from maphc2f.substrates.base import Mask
from maphc2f.substrates.procedural.camera import develop
from maphc2f.substrates.procedural.canvas import Grid, make_grid
from maphc2f.substrates.procedural.scene import Scene

PROCEDURAL_VERSION = 1
"""Raised whenever a generator draws other bytes than before; part of each picture's hash."""

Generator = Callable[[Grid, np.random.Generator], Scene]

_MODULES = {
    "textures": ("carpet", "grid", "leather", "tile", "wood", "btad_02"),
    "parts": ("bottle", "cable", "metal_nut", "screw", "toothbrush", "transistor", "zipper", "btad_01", "btad_03"),
    "food": (
        "capsule",
        "pill",
        "hazelnut",
        "candle",
        "capsules",
        "cashew",
        "chewinggum",
        "fryum",
        "macaroni1",
        "macaroni2",
        "pipe_fryum",
    ),
    "boards": ("pcb1", "pcb2", "pcb3", "pcb4"),
}


def _loader(module: str, name: str) -> Callable[[], Generator]:
    def load() -> Generator:
        generator: Generator = getattr(import_module(f"maphc2f.substrates.procedural.{module}"), name)
        return generator

    return load


GENERATORS: Registry[Generator] = Registry(
    "procedural generator",
    {name: _loader(module, name) for module, names in _MODULES.items() for name in names},
    entry_point_group="maphc2f.generators",
)


def render(
    generator: str, size: tuple[int, int], rng: np.random.Generator, *, where: str = "generator"
) -> tuple[NDArray[np.uint8], Mask]:
    """Draw one picture.

    Args:
        generator: Registered name, e.g. ``bottle``.
        size: (width, height), px.
        rng: Decides all that varies: pose, batch, light, noise.
        where: Field to name in the error.

    Returns:
        uint8 (H, W, 3) RGB or (H, W) gray, and the part's exact foreground, bool (H, W).

    Raises:
        UserError: No such generator.
    """
    draw = GENERATORS.resolve(generator, where=where)
    grid = make_grid(*size)
    scene = draw(grid, rng)
    picture = develop(grid, scene.radiance, rng, scene.camera)
    foreground = np.ones(grid.shape, np.bool_) if scene.cover is None else scene.cover >= 0.5
    return picture, foreground

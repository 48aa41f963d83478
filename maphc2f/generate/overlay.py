"""Textures for the picture-level families.

* :class:`TextureBank` draws a texture of a window's shape from a folder of pictures or from procedural ones.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.defects.texture_overlay import augment_texture
from maphc2f.errors import ManifestError
from maphc2f.rng import stream
from maphc2f.sample import Float32, UInt8
from maphc2f.substrates.decode import Refused, decode
from maphc2f.substrates.files import list_files
from maphc2f.substrates.procedural.catalogue import render

GENERATORS = ("carpet", "grid", "leather", "tile", "wood")
POOL = 20
"""Procedural textures of each generator."""

SIDE = 288
"""Side at which a texture is prepared, px: the input size of GLASS."""


Augment = Callable[[UInt8, np.random.Generator], UInt8]


class TextureBank:
    """Textures to blend into pictures.

    Args:
        folder: Folder of texture pictures, or None: procedural textures.
        seed: Decides the procedural ones.
    """

    def __init__(self, folder: str | None, seed: int) -> None:
        self._folder = None if folder is None else Path(folder)
        self._seed = seed
        self._files: tuple[str, ...] = () if self._folder is None else list_files(self._folder)
        self._cache: dict[int, UInt8] = {}

    def __len__(self) -> int:
        return len(self._files) or POOL * len(GENERATORS)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator, augment: Augment = augment_texture) -> Float32:
        """Return a random texture of ``shape`` (H, W, C), after ``augment``, as float32 in [0, 1]."""
        texture = augment(self._texture(int(rng.integers(len(self)))), rng)
        height, width, channels = shape
        sized = cv2.resize(texture, (width, height), interpolation=cv2.INTER_AREA)
        if channels == 1:
            sized = cv2.cvtColor(sized, cv2.COLOR_RGB2GRAY)
        return (np.asarray(sized, np.float32).reshape(shape) / np.float32(255)).astype(np.float32)

    def _texture(self, number: int) -> UInt8:
        if number not in self._cache:
            if len(self._cache) >= POOL:
                self._cache.pop(next(iter(self._cache)))
            self._cache[number] = self._load(number)
        return self._cache[number]

    def _load(self, number: int) -> UInt8:
        if self._folder is None:
            generator = GENERATORS[number % len(GENERATORS)]
            rng = stream(self._seed, "texture", generator, number // len(GENERATORS))
            return _as_rgb(render(generator, (SIDE, SIDE), rng)[0])
        path = self._folder / self._files[number]
        try:
            image = decode(path.read_bytes()).image
        except (OSError, Refused) as error:
            raise ManifestError(
                f"cannot be used ({error})",
                where=f"--textures {path}",
                rule="every file must be a readable picture",
                remedy="remove it from the folder",
            ) from error
        return _as_rgb(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA))


def _as_rgb(image: NDArray[np.uint8] | NDArray[np.uint16] | np.ndarray) -> UInt8:
    eight = (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image
    return np.asarray(cv2.cvtColor(eight, cv2.COLOR_GRAY2RGB) if eight.ndim == 2 else eight, np.uint8)

"""Small pictures and categories that the tests of the substrates share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maphc2f.rng import stream
from maphc2f.spec import CategorySpec, DefectSpec, SourceSpec

MakeCategory = Callable[..., CategorySpec]
WritePicture = Callable[..., Path]


@pytest.fixture
def make_category() -> MakeCategory:
    def make(name: str = "part", *, kind: str = "object", foreground: str = "full", **source: object) -> CategorySpec:
        return CategorySpec(
            name=name,
            count=10,
            source=SourceSpec(**{"kind": "folder", **source}),
            kind=kind,
            material="steel",
            pixel_size=5e-5,
            native_size=(64, 64),
            foreground=foreground,
            defects=(DefectSpec(family="crack"),),
        )

    return make


@pytest.fixture
def write_picture() -> WritePicture:
    """Write a distinct noisy picture; its grain depends on ``number`` alone."""

    def write(path: Path, number: int = 0, size: tuple[int, int] = (48, 40), mode: str = "RGB") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        channels = (3,) if mode == "RGB" else ()
        pixels = stream(number, "test picture").integers(0, 256, (size[1], size[0], *channels), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    return write

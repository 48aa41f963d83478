"""Procedural pictures as a source: a pool of recipes, each drawn when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maphc2f.errors import ManifestError, PictureError
from maphc2f.rng import stream
from maphc2f.spec import SizeSpec, canonical_digest
from maphc2f.substrates.base import LoadedPicture, Mask, Opening, SourcePicture
from maphc2f.substrates.prepare import fitted_size
from maphc2f.substrates.procedural.catalogue import GENERATORS, PROCEDURAL_VERSION, render

LICENCE = "CC0-1.0"

_PROBE = 32
"""Side of the picture that is drawn to learn whether a generator makes gray or colour, px."""


@dataclass(frozen=True, slots=True)
class ProceduralSubstrate:
    """A pool of pictures of one generator.

    Attributes:
        generator: Registered name.
        category: Category they are for; part of each recipe.
        seed: Seed of the dataset.
        pool: How many there are.
        native_size: Nominal (width, height) of the source, px; its aspect ratio is kept.
        size: Size of the prepared pictures: they are drawn at the size that needs no scaling later.
    """

    generator: str
    category: str
    seed: int
    pool: int
    native_size: tuple[int, int]
    size: SizeSpec

    def inventory(self) -> tuple[SourcePicture, ...]:
        """Return the pool; the hash is that of the recipe, so nothing is drawn."""
        width, height = fitted_size(self.native_size, self.size)
        mode = "gray" if self._draw(0, (_PROBE, _PROBE))[0].ndim == 2 else "rgb"
        hashes = [self._digest(index) for index in range(self.pool)]
        return tuple(
            SourcePicture(
                key=f"procedural/{self.category}/{index:05d}",
                path="",
                sha256=digest,
                specimen=digest,
                licence=LICENCE,
                width=width,
                height=height,
                mode=mode,
                bit_depth=8,
                accepted=True,
            )
            for index, digest in enumerate(hashes)
        )

    def load(self, picture: SourcePicture) -> LoadedPicture:
        """Draw the picture.

        Raises:
            PictureError: The inventory was taken with another seed or version of the generator.
        """
        index = int(picture.key.rsplit("/", 1)[-1])
        if picture.sha256 != self._digest(index):
            raise PictureError(
                f"{picture.key} has another recipe than the inventory says",
                where=picture.key,
                rule="seed and generator version must be those of the inventory",
                remedy="start a new dataset",
            )
        size = fitted_size(self.native_size, self.size)
        image, foreground = self._draw(index, size)
        return LoadedPicture(image, foreground, max(self.native_size) / max(size))

    def _draw(self, index: int, size: tuple[int, int]) -> tuple[NDArray[np.uint8], Mask]:
        rng = stream(self.seed, "procedural", PROCEDURAL_VERSION, self.generator, self.category, index)
        return render(self.generator, size, rng)

    def _digest(self, index: int) -> str:
        return canonical_digest(
            {
                "generator": self.generator,
                "version": PROCEDURAL_VERSION,
                "seed": self.seed,
                "category": self.category,
                "index": index,
            }
        )


def open_procedural(opening: Opening) -> ProceduralSubstrate:
    """Open the pool of ``source.generator`` (default: the category's name).

    Raises:
        ManifestError: No such generator.
    """
    category = opening.category
    generator = category.source.generator or category.name
    where = f"categories.{category.name}.source.generator"
    if generator not in GENERATORS:
        GENERATORS.resolve(generator, where=where)
    if category.foreground == "folder":
        raise ManifestError(
            "foreground = 'folder' with a procedural source",
            where=where,
            rule="procedural pictures bring their exact foreground",
            remedy="use foreground = 'auto' or 'full'",
        )
    return ProceduralSubstrate(
        generator, category.name, opening.seed, category.source.pool, category.native_size, opening.size
    )

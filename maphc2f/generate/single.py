"""One sample in memory, from Python.

* :func:`synthesize` is the public function.
"""

from __future__ import annotations

import hashlib
import inspect
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from maphc2f.bundled import find_material
from maphc2f.errors import IncompleteDatasetError, PictureError
from maphc2f.explain import Loc, validate
from maphc2f.generate.compose import CategoryContext
from maphc2f.generate.group import make_groups
from maphc2f.generate.overlay import TextureBank
from maphc2f.generate.pictures import PicturePool
from maphc2f.generate.plan import Group, check_names
from maphc2f.generate.profile import Clock
from maphc2f.sample import Sample
from maphc2f.spec import DatasetSpec, MaterialSpec, Stage
from maphc2f.substrates.base import LoadedPicture, SourcePicture

MIN_SIDE = 32
NAME = "memory"


@dataclass(frozen=True, slots=True)
class _Memory:
    """A substrate of one picture in memory."""

    image: NDArray[Any]
    foreground: NDArray[np.bool_] | None

    def inventory(self) -> tuple[SourcePicture, ...]:
        height, width = self.image.shape[:2]
        sha256 = hashlib.sha256(self.image.tobytes()).hexdigest()
        mode = "rgb" if self.image.ndim == 3 else "gray"
        depth = 8 * self.image.dtype.itemsize
        return (
            SourcePicture(
                NAME, "", sha256, sha256, "LicenseRef-unspecified", width, height, mode, depth, accepted=True
            ),
        )

    def load(self, picture: SourcePicture) -> LoadedPicture:
        del picture
        return LoadedPicture(self.image, self.foreground)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run torch on one thread, so that sums keep their order, and give the caller's setting back."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def synthesize(  # noqa: PLR0913  # the public call names every choice; all but the first five have defaults
    image: NDArray[Any],
    foreground: NDArray[np.bool_] | None,
    family: str,
    material: str | MaterialSpec,
    severity: float,
    *,
    seed: int,
    scenario: str | None = None,
    pixel_size: float = 50e-6,
    stages: Stage = "npcf++",
    parameters: dict[str, tuple[float, float]] | None = None,
) -> Sample:
    """Make one defect on one picture.

    Args:
        image: Good picture, (H, W) uint8 or uint16, or (H, W, 3) uint8 RGB, at least 32 px a side.
        foreground: bool (H, W), True on the part; None: everywhere.
        family: As in ``maphc2f list families``.
        material: Name of a bundled material, or your own.
        severity: Final size over the scenario's largest, in (0, 1].
        seed: Decides everything that is drawn; there is no default on purpose.
        scenario: One of the family's; None draws one that suits the material.
        pixel_size: m.
        stages: Last stage to run.
        parameters: Ranges in SI units that override the scenario's.

    Returns:
        The sample: picture, mask, soft mask, maps and row.

    Raises:
        UserError: Wrong picture, name or value.
        IncompleteDatasetError: No attempt gave a valid sample, e.g. the part is too small for the defect.
    """
    _check_image(image, foreground)
    spec = material if isinstance(material, MaterialSpec) else find_material(material, where="material")
    height, width = image.shape[:2]
    stanza = {
        "name": NAME,
        "count": 1,
        "source": {"kind": "folder", "path": "."},
        "kind": "texture",
        "material": spec.name,
        "pixel_size": float(pixel_size),
        "native_size": (width, height),
        "foreground": "full" if foreground is None else "auto",
        "defects": [{"family": family, "scenario": scenario, "parameters": parameters or {}}],
        "severity": (float(severity), float(severity)),
    }
    values = {
        "seed": operator.index(seed),
        "snapshots": 1,
        "stages": stages,
        "categories": [stanza],
        "materials": {spec.name: spec.model_dump(mode="json")},
    }
    dataset = validate(DatasetSpec, values, _argument)
    category = dataset.categories[0]
    check_names(dataset)
    memory = _Memory(image, foreground)
    pool = PicturePool(dataset, category, memory, memory.inventory())
    context = CategoryContext(dataset, category, pool, TextureBank(None, dataset.seed))
    with _one_thread():
        samples, failures = make_groups(context, [Group(0, family, "train", 0, 1)], Clock())
    if not samples:
        msg = f"no valid {family} sample on this picture: {failures[0].reason}"
        raise IncompleteDatasetError(msg)
    return samples[0]


def _argument(loc: Loc) -> str:
    """Name the argument of :func:`synthesize` that a field comes from."""
    named = [part for part in loc if isinstance(part, str) and part in inspect.signature(synthesize).parameters]
    return named[-1] if named else "arguments"


def _check_image(image: NDArray[Any], foreground: NDArray[np.bool_] | None) -> None:
    colour = image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8
    gray = image.ndim == 2 and image.dtype in (np.uint8, np.uint16)
    if not (colour or gray) or min(image.shape[:2]) < MIN_SIDE:
        raise PictureError(
            f"{image.dtype} array of shape {image.shape}",
            where="image",
            rule=f"(H, W) uint8 or uint16, or (H, W, 3) uint8 RGB, sides of at least {MIN_SIDE} px",
            remedy="convert it first",
        )
    if foreground is None:
        return
    fits = foreground.shape == image.shape[:2] and foreground.dtype == np.bool_
    if not fits or not foreground.any():
        raise PictureError(
            "empty" if fits else f"{foreground.dtype} array of shape {foreground.shape}",
            where="foreground",
            rule="a non-empty bool array of the picture's height and width",
            remedy="pass None for the whole picture",
        )

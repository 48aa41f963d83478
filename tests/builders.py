"""Small specifications and pictures that several test folders share.

* :func:`category`, :func:`dataset` build specifications, :func:`tiny_dataset` one that is made in seconds.
* :func:`context_of` opens what the samples of a category share.
* :func:`line_snapshot`, :func:`disk_snapshot` are defects with known geometry.
* :func:`picture_of` wraps pixels as a prepared picture with the statistics that the generator would estimate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maphc2f.bundled import load_materials
from maphc2f.generate.compose import CategoryContext
from maphc2f.generate.overlay import TextureBank
from maphc2f.generate.pictures import PicturePool, PreparedPicture, to_unit
from maphc2f.render.statistics import estimate_statistics
from maphc2f.sample import Snapshot
from maphc2f.spec import CategorySpec, DatasetSpec, DefectSpec, SizeSpec, SourceSpec
from maphc2f.substrates.base import SourcePicture, open_substrate

PIXEL = 1e-4
"""Pixel size of the tests, m."""


def category(name: str = "part", **changes: Any) -> CategorySpec:
    """Return a category of procedural leather with cracks; ``changes`` replace fields."""
    values: dict[str, Any] = {
        "name": name,
        "count": 8,
        "source": SourceSpec(kind="procedural", generator="leather", pool=6, licence="CC0-1.0"),
        "kind": "texture",
        "material": "leather",
        "pixel_size": 2 * PIXEL,
        "native_size": (64, 64),
        "foreground": "full",
        "defects": (DefectSpec(family="crack", scenario="through_crack"),),
    }
    return CategorySpec(**{**values, **changes})


def dataset(*categories: CategorySpec, **changes: Any) -> DatasetSpec:
    """Return a dataset of ``categories`` at 64 x 64 with two snapshots a simulation."""
    values: dict[str, Any] = {"size": SizeSpec(width=64, height=64), "snapshots": 2, "categories": categories}
    return DatasetSpec(**{**values, "materials": dict(load_materials()), **changes})


def tiny_dataset(**changes: Any) -> DatasetSpec:
    """Return two categories, 18 samples: cracks on a colour texture in both splits, corrosion and dents on a part."""
    nut = category(
        "nut",
        count=6,
        source=SourceSpec(kind="procedural", generator="metal_nut", pool=5, licence="CC0-1.0"),
        kind="object",
        material="steel",
        foreground="auto",
        severity=(0.8, 1.0),
        defects=(
            DefectSpec(family="corrosion", scenario="rust_patch"),
            DefectSpec(family="deformation", scenario="dent"),
        ),
    )
    hide = category("hide", count=12, severity=(0.8, 1.0), substrate_symmetry="dihedral")
    return dataset(hide, nut, seed=3, **changes)


def context_of(spec: DatasetSpec, name: str) -> CategoryContext:
    """Return what the samples of category ``name`` share."""
    stanza = spec.category(name)
    substrate = open_substrate(stanza, seed=spec.seed, size=spec.size)
    pool = PicturePool(spec, stanza, substrate, substrate.inventory())
    return CategoryContext(spec, stanza, pool, TextureBank(None, spec.seed))


def line_snapshot(points: Any, opening: float = 1e-5, spacing: float = PIXEL) -> Snapshot:
    """Return a crack along ``points`` (n, 2), (y, x) in m."""
    nodes = np.asarray(points, np.float64)
    trace = np.empty((len(nodes) - 1, 2, 3), np.float32)
    trace[:, 0, :2], trace[:, 1, :2], trace[:, :, 2] = nodes[:-1], nodes[1:], opening
    length = float(np.hypot(*np.diff(nodes, axis=0).T).sum())
    return Snapshot(length, spacing, (0.0, 0.0), np.ones((2, 2), np.float32), 0.5, trace=trace)


def disk_field(radius: float, spacing: float, side: int, centre: tuple[float, float] = (0.0, 0.0)) -> NDArray[Any]:
    """Return a smooth field (side, side), 0.5 on the circle: distance to it over 8 cells, clipped to [0, 1]."""
    axis = spacing * (np.arange(side) - (side - 1) / 2)
    distance = np.hypot(axis[:, None] - centre[0], axis[None, :] - centre[1]) - radius
    return np.clip(0.5 - distance / (8 * spacing), 0, 1).astype(np.float32)


def disk_snapshot(radius: float, spacing: float = PIXEL, **fields: Any) -> Snapshot:
    """Return a region defect: a disk of ``radius``, m, round the anchor."""
    side = int(2 * np.ceil(radius / spacing + 6)) + 1
    corner = -spacing * (side - 1) / 2
    return Snapshot(2 * radius, spacing, (corner, corner), disk_field(radius, spacing, side), 0.5, **fields)


def picture_of(pixels: NDArray[Any], foreground: NDArray[np.bool_] | None = None) -> PreparedPicture:
    """Return ``pixels`` as the generator would prepare them."""
    mask = np.ones(pixels.shape[:2], bool) if foreground is None else foreground
    height, width = mask.shape
    source = SourcePicture("p.png", "", "0" * 64, "0" * 64, "CC0-1.0", width, height, "gray", 8, accepted=True)
    return PreparedPicture(source, "part-good-0", pixels, mask, PIXEL, estimate_statistics(to_unit(pixels), mask))


def stripes(degrees: float, side: int = 128, period: float = 7.0) -> NDArray[np.uint8]:
    """Return a gray picture (side, side) whose lines run at ``degrees`` counter-clockwise from the x axis as seen."""
    y, x = np.mgrid[:side, :side].astype(float)
    angle = np.deg2rad(degrees)
    # As seen, a line at angle t has the (y down, x) direction (-sin t, cos t), so (cos t, sin t) runs across it.
    across = np.cos(angle) * y + np.sin(angle) * x
    return np.rint(128 + 60 * np.sin(2 * np.pi * across / period)).astype(np.uint8)

"""Plain flags to a dataset of one category.

* :func:`user_dataset` with :class:`UserCategory` and :class:`RunOptions`.
* :func:`override` changes a manifest's dataset by flags.
* :func:`parse_defects`, :func:`parse_size`, :func:`parse_severity`, :func:`parse_per_sample`, :func:`check_count`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from maphc2f.bundled import find_material
from maphc2f.errors import ManifestError
from maphc2f.explain import Loc, slugify, validate
from maphc2f.lengths import parse_length
from maphc2f.spec import MAX_COUNT, MAX_PER_SAMPLE, CalibrationSpec, DatasetSpec, DefectSpec, SizeSpec

DEFAULT_PIXEL_SIZE = 50e-6
"""Metres a pixel when nobody says: a part of some 5 cm fills a picture of 1,000 px."""

PIXEL_SIZES = (1e-9, 1e-2)
"""Metres a pixel outside this range are taken for a wrong unit."""

Fit = Literal["letterbox", "crop"]

_CELL = re.compile(r"([a-z0-9_]+)(?:\.([a-z0-9_]+))?(?:=(.+))?")
_SIZE = re.compile(r"(\d{1,6})(?:x(\d{1,6}))?")
_PER_SAMPLE = re.compile(r"(\d{1,3})(?:\.\.(\d{1,3}))?")
_SEVERITY = re.compile(r"([0-9]*\.?[0-9]+)\.\.([0-9]*\.?[0-9]+)")


@dataclass(frozen=True, slots=True)
class Controls:
    """Further flags of a category.

    Attributes:
        calibration: Measured looks by family or ``family.scenario``.
        keep_out: Folder of masks of what no defect may touch.
        combined: Share of samples that show two families.
        per_sample: See :func:`parse_per_sample`; None keeps one.
    """

    calibration: Mapping[str, CalibrationSpec] = field(default_factory=dict)
    keep_out: Path | None = None
    combined: float = 0.0
    per_sample: str | None = None


@dataclass(frozen=True, slots=True)
class UserCategory:
    """A category as flags give it; texts are as typed.

    Attributes:
        images: Folder of good pictures.
        material: Name of a bundled material.
        defects: See :func:`parse_defects`.
        native_size: Width and height of a typical picture, px.
        count: Number of defect samples.
        name: Slug; None takes the folder's name.
        pixel_size: Length a pixel, with its unit; None assumes 50 um.
        licence: SPDX expression; None leaves it unspecified.
        foreground: ``auto``, ``full`` or a folder of masks.
        severity: See :func:`parse_severity`; None keeps the default.
        controls: What else shapes the samples.
    """

    images: Path
    material: str
    defects: str
    native_size: tuple[int, int]
    count: int
    name: str | None = None
    pixel_size: str | None = None
    licence: str | None = None
    foreground: str = "auto"
    severity: str | None = None
    controls: Controls = Controls()


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Flags that hold for the whole dataset; ``size`` as typed, see :func:`parse_size`."""

    size: str = "native"
    fit: Fit = "letterbox"
    seed: int = 0
    snapshots: int = 4
    stages: str = "npcf++"
    device: str = "cpu"
    textures: Path | None = None


def user_dataset(category: UserCategory, options: RunOptions | None = None) -> DatasetSpec:
    """Return a dataset of one category built from plain flags.

    Folders become absolute, so that the dataset's own manifest works from anywhere. The kind is ``texture`` if the
    whole picture is foreground, else ``object``.

    Raises:
        UserError: A flag is wrong; the message names it.
    """
    options = options or RunOptions()
    name = _name(category)
    material = find_material(category.material, where="--material")
    stanza = {
        "name": name,
        "count": check_count(category.count, where="--count"),
        "source": _source(category),
        "kind": "texture" if category.foreground == "full" else "object",
        "material": material.name,
        "native_size": category.native_size,
        "foreground": category.foreground if category.foreground in {"auto", "full"} else "folder",
        "defects": [defect.model_dump() for defect in parse_defects(category.defects)],
        **_scale(category.pixel_size),
        **_controls(category),
    }
    values = {
        "name": name,
        "seed": options.seed,
        "size": parse_size(options.size, fit=options.fit).model_dump(),
        "snapshots": options.snapshots,
        "stages": options.stages,
        "device": options.device,
        "textures": str(options.textures.resolve()) if options.textures else None,
        "categories": [stanza],
        "materials": {material.name: material.model_dump(mode="json")},
    }
    return validate(DatasetSpec, values, _flag)


def override(dataset: DatasetSpec, **changes: object) -> DatasetSpec:
    """Return ``dataset`` with some of its own fields changed by flags of the same name, and validated.

    Raises:
        ManifestError: A value breaks a rule; the message names the flag.
    """
    changed = dataset.model_copy(update=changes)
    # Wrong types are what the validation is there to report.
    return validate(DatasetSpec, changed.model_dump(mode="json", warnings="none"), _flag)


def parse_defects(text: str, *, where: str = "--defects") -> tuple[DefectSpec, ...]:
    """Return the mix of ``"crack=2,corrosion=1"``; a scenario is named as in ``crack.star=1``, no weight means 1.

    Raises:
        ManifestError: The text has another form, a weight is not positive, or a cell comes twice.
    """
    cells: dict[tuple[str, str | None], DefectSpec] = {}
    for part in text.split(","):
        match = _CELL.fullmatch(part.strip())
        weight = _weight(match[3]) if match else None
        if match is None or weight is None:
            raise ManifestError(
                f"'{part.strip()}' is not family=weight",
                where=where,
                rule="families or family.scenario, each with a positive weight, joined by commas",
                remedy="write it as in crack=2,corrosion=1 or crack.star=1",
            )
        key = (match[1], match[2])
        if key in cells:
            raise ManifestError(
                f"'{part.strip()}' comes twice", where=where, rule="each cell once", remedy="add the weights up"
            )
        cells[key] = DefectSpec(family=match[1], scenario=match[2], weight=weight)
    return tuple(cells.values())


def parse_size(text: str, *, fit: Fit = "letterbox", where: str = "--size") -> SizeSpec:
    """Return the size of ``"native"``, ``"256"`` (square) or ``"640x480"`` (width x height).

    Raises:
        ManifestError: The text has another form, or a side is not within 32 .. 16384.
    """
    if text.strip() == "native":
        return SizeSpec(fit=fit)
    match = _SIZE.fullmatch(text.strip())
    width, height = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not (32 <= width <= 16384 and 32 <= height <= 16384):
        raise ManifestError(
            f"'{text}' is not a size",
            where=where,
            rule="native, N or WIDTHxHEIGHT with sides from 32 to 16384 px",
            remedy="write it as in 256 or 640x480",
        )
    return SizeSpec(width=width, height=height, fit=fit)


def parse_severity(text: str, *, where: str = "--severity") -> tuple[float, float]:
    """Return the range of ``"0.2..0.8"``.

    Raises:
        ManifestError: The text has another form, the range falls, or it leaves 0 .. 1.
    """
    match = _SEVERITY.fullmatch(text.strip())
    low, high = (float(match[1]), float(match[2])) if match else (1.0, 0.0)
    if not 0 <= low <= high <= 1 or high == 0:
        raise ManifestError(
            f"'{text}' is not a range of severity",
            where=where,
            rule="two rising numbers within 0 and 1",
            remedy="write it as in 0.2..0.8",
        )
    return low, high


def parse_per_sample(text: str, *, where: str = "--per-sample") -> tuple[int, int]:
    """Return the range of ``"1..3"``, or of ``"2"``: always that many.

    Raises:
        ManifestError: The text has another form, the range falls, or it leaves 1 .. MAX_PER_SAMPLE.
    """
    match = _PER_SAMPLE.fullmatch(text.strip())
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= low <= high <= MAX_PER_SAMPLE:
        raise ManifestError(
            f"'{text}' is not a number of defects",
            where=where,
            rule=f"a whole number from 1 to {MAX_PER_SAMPLE}, or a rising range of them",
            remedy="write it as in 2 or 1..3",
        )
    return low, high


def check_count(count: int, *, where: str) -> int:
    """Return ``count`` if it can be a number of samples.

    Raises:
        ManifestError: It is not within 1 .. 100,000,000.
    """
    if not 1 <= count <= MAX_COUNT:
        raise ManifestError(
            f"{count} samples", where=where, rule=f"from 1 to {MAX_COUNT:,}", remedy="give a count in that range"
        )
    return count


def pixel_size_in_metres(value: Any, *, where: str) -> Any:
    """Return a length such as ``"50um"``, or a number of metres, and refuse what can only be a wrong unit.

    What is neither text nor a positive number is returned as it is, for the model to refuse.

    Raises:
        UserError: No length, or a pixel that covers less than 1 nm or more than 1 cm.
    """
    metres = parse_length(value, where=where) if isinstance(value, str) else value
    low, high = PIXEL_SIZES
    if isinstance(metres, int | float) and 0 < metres < math.inf and not low <= metres <= high:
        raise ManifestError(
            f"{metres:g} m a pixel",
            where=where,
            rule=f"a pixel covers {low:g} to {high:g} m, and plain numbers are metres",
            remedy="give it with its unit, as in 50um",
        )
    return metres


def _name(category: UserCategory) -> str:
    name = category.name if category.name is not None else slugify(category.images.resolve().name)
    if not re.fullmatch(r"[a-z0-9_]{1,64}", name):
        raise ManifestError(
            f"'{name}' is not a name",
            where="--name",
            rule="1 to 64 of a-z, 0-9 and _",
            remedy=f"write {slugify(name)}" if slugify(name) else "give --name, as in --name magnetic_tile",
        )
    return name


def _source(category: UserCategory) -> dict[str, Any]:
    source = {"kind": "folder", "path": str(category.images.resolve())}
    if category.licence is not None:
        source["licence"] = category.licence
    if category.foreground not in {"auto", "full"}:
        source["foreground_path"] = str(Path(category.foreground).resolve())
    if category.controls.keep_out is not None:
        source["keep_out_path"] = str(category.controls.keep_out.resolve())
    return source


def _controls(category: UserCategory) -> dict[str, Any]:
    """Return the keys of the stanza that shape its samples; ``--severity`` wins over measured sizes."""
    controls = category.controls
    stanza: dict[str, Any] = {}
    looks = dict(controls.calibration)
    if category.severity is not None:
        stanza["severity"] = parse_severity(category.severity)
        looks = {key: measured.model_copy(update={"size": None}) for key, measured in looks.items()}
    if looks:
        stanza["calibration"] = {key: measured.model_dump(mode="json") for key, measured in looks.items()}
    if controls.per_sample is not None:
        stanza["per_sample"] = parse_per_sample(controls.per_sample)
    if controls.combined:
        _check_combined(category)
        stanza["combined"] = float(controls.combined)
    return stanza


def _check_combined(category: UserCategory) -> None:
    families = {defect.family for defect in parse_defects(category.defects)}
    if len(families) < 2:
        raise ManifestError(
            f"given, but --defects names {', '.join(families)} alone",
            where="--combined",
            rule="a combined sample shows two families",
            remedy="add a family, as in --defects crack=2,corrosion=1, or leave --combined out",
        )


def _scale(pixel_size: str | None) -> dict[str, Any]:
    if pixel_size is None:
        return {"pixel_size": DEFAULT_PIXEL_SIZE, "pixel_size_assumed": True}
    return {"pixel_size": pixel_size_in_metres(pixel_size, where="--pixel-size")}


def _weight(text: str | None) -> float | None:
    try:
        weight = 1.0 if text is None else float(text)
    except ValueError:
        return None
    return weight if 0 < weight < math.inf else None


def _flag(loc: Loc) -> str:
    """Name the flag that a field comes from; the pictures' own size comes from their folder."""
    fields = [part for part in loc if isinstance(part, str)]
    field = fields[-1] if fields else "images"
    return "--images" if field == "native_size" else "--" + field.replace("_", "-")

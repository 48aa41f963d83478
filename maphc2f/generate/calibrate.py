"""Looks of a family fitted to a few real defects, and the file that holds them.

* :func:`read_examples` pairs pictures with masks and measures their defects.
* :func:`calibrate` fits the looks to them, :func:`size_range` the sizes; :func:`table` shows what was found.
* :func:`write_calibration`, :func:`load_calibrations` write and read ``params.toml``.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from maphc2f.defects import FAMILIES
from maphc2f.defects.layers import layer_of
from maphc2f.errors import ManifestError, PictureError
from maphc2f.explain import validate
from maphc2f.generate.calibrate_looks import DIGITS, LEAST_DEFECTS, looks_to_fit
from maphc2f.generate.calibrate_loop import Closed, Row, close
from maphc2f.generate.calibrate_measure import measure_picture
from maphc2f.generate.calibrate_render import Bench, Trial, measured_with, user_bench
from maphc2f.generate.calibrate_view import Measured
from maphc2f.generate.pictures import to_unit
from maphc2f.registry import near
from maphc2f.render.appearance import looks_of
from maphc2f.render.calibration import default_ranges, is_line
from maphc2f.shards.files import write_atomic
from maphc2f.spec import CalibrationSpec, Cell, Frozen, Positive
from maphc2f.substrates.decode import Refused, decode
from maphc2f.substrates.files import list_files
from maphc2f.substrates.foreground import find_mask, foreground_folder

LEAST_SPREAD = 0.05
"""Half width of the range of sizes at least, relative: equal examples are a coincidence."""

SPREAD = math.sqrt(3.0)
"""Half the width of a uniform distribution over its standard deviation."""


class CalibrationFile(Frozen):
    """``params.toml``: which looks it holds, and what they were measured on."""

    family: Cell
    pixel_size: Positive
    pictures: int
    defects: int
    looks: CalibrationSpec


@dataclass(frozen=True, slots=True)
class Examples:
    """Measured defects of a folder.

    Attributes:
        measured: One entry a defect.
        names: Pictures that they were found in, relative to their folder.
        unusable: One line for each picture that told nothing.
    """

    measured: tuple[Measured, ...]
    names: tuple[str, ...]
    unusable: tuple[str, ...]


def check_cell(text: str, *, where: str = "--family") -> tuple[str, str | None]:
    """Return family and scenario of ``"crack"`` or ``"crack.chip"``.

    Raises:
        ManifestError: There is none of that name.
    """
    name, _, scenario = text.partition(".")
    family = FAMILIES.resolve(name, where=where)
    if scenario and scenario not in family.scenarios:
        raise ManifestError(
            f"unknown scenario '{scenario}' of {name}",
            where=where,
            rule="a family, or family.scenario",
            remedy=near(scenario, list(family.scenarios)),
        )
    if layer_of(family) is not None:
        raise ManifestError(
            f"{name} is made of pictures",
            where=where,
            rule="only families of physics have looks to fit",
            remedy=f"choose one of {', '.join(other for other in FAMILIES if layer_of(FAMILIES[other]) is None)}",
        )
    return name, scenario or None


def read_examples(images: Path, masks: Path, *, line: bool) -> Examples:
    """Measure the defects of every picture in ``images`` that has a mask of its name in ``masks``.

    Raises:
        PictureError: A folder is missing, no picture has a mask, or a file cannot be used.
    """
    for flag, folder in (("--images", images), ("--masks", masks)):
        if not folder.is_dir():
            raise PictureError("no such folder", where=f"{flag} {folder}", rule="a folder", remedy="check the path")
    measured: list[Measured] = []
    unusable: list[str] = []
    usable: list[str] = []
    for name in list_files(images):
        path = find_mask(masks, name)
        if path is None or path == images / name:
            unusable.append(f"{name}: no mask of its name in {masks}")
            continue
        own = _measure(images / name, path, line=line)
        measured += own
        if own:
            usable.append(name)
        else:
            unusable.append(f"{name}: its defect does not stand out from its surroundings")
    return Examples(tuple(measured), tuple(usable), tuple(unusable))


def _measure(image: Path, mask: Path, *, line: bool) -> list[Measured]:
    try:
        pixels = decode(image.read_bytes()).image
    except Refused as error:
        raise PictureError(
            f"cannot be used ({error})",
            where=str(image),
            rule="every file must be a readable picture",
            remedy="remove it from the folder",
        ) from error
    return measure_picture(to_unit(pixels), foreground_folder(mask, pixels.shape[:2]), line=line)


def calibrate(measured: Sequence[Measured], bench: Bench) -> Closed:
    """Return the looks of a cell fitted to ``measured`` defects, in the closed loop of :mod:`calibrate_loop`.

    Raises:
        PictureError: Too few defects, or none that is rendered can be measured.
    """
    check_enough(measured)
    family, _, scenario = bench.key.partition(".")
    looks = looks_of(family, scenario)
    ranges = default_ranges(looks, bench.material, bench.category.pixel_size)
    defaults = {look: ranges[look.name] for look in looks_to_fit(looks, line=bench.line)}
    return close(measured, defaults, lambda spec: measured_with(bench, spec), looks.bright)


def fit_examples(examples: Examples, trial: Trial) -> Closed:
    """Return looks and sizes fitted to ``examples``, tried as ``trial`` says.

    Raises:
        UserError: Too few examples, a material that does not suit, or no picture to render on.
    """
    check_enough(examples.measured)
    size = size_range(examples.measured, trial.pixel_size)
    bench = user_bench(trial, examples.names, size)
    closed = calibrate(examples.measured, bench)
    return replace(closed, looks=closed.looks.model_copy(update={"size": size}))


def check_enough(measured: Sequence[Measured]) -> None:
    """Check that there are enough examples.

    Raises:
        PictureError: There are fewer than LEAST_DEFECTS.
    """
    if len(measured) < LEAST_DEFECTS:
        raise PictureError(
            f"{len(measured)} defects that can be measured",
            where="--images, --masks",
            rule=f"at least {LEAST_DEFECTS}, which stand out from their surroundings",
            remedy="add examples, 3 to 20 do, or leave the calibration out",
        )


def size_range(measured: Sequence[Measured], pixel_size: float) -> tuple[float, float]:
    """Return the sizes, m, whose log-uniform draws have the mean and the spread of the examples.

    ln x lies within mean ± √3 s of the examples' logarithms, but beyond the smallest and the largest of n by no more
    than 1 / (n - 1) of their distance, the unbiased ends of a uniform distribution.
    """
    values = np.log([m.size * pixel_size for m in measured])
    middle, half, least = float(values.mean()), SPREAD * float(values.std(ddof=1)), math.log1p(LEAST_SPREAD)
    low, high = float(values.min()), float(values.max())
    beyond = (high - low) / (len(values) - 1)
    ends = min(max(middle - half, low - beyond), middle - least), max(min(middle + half, high + beyond), middle + least)
    return _rounded(math.exp(ends[0])), _rounded(math.exp(ends[1]))


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


_LENGTHS = ("width", "edge")
_MICRO = 1e6


def table(rows: Sequence[Row], pixel_size: float) -> str:
    """Return what was fitted as text: medians with the 10th and 90th percentile, lengths in um."""
    lines = [f"{'':<10} {'real':>22} {'with defaults':>22} {'as fitted':>22}   parameter"]
    for row in rows:
        length = row.name in _LENGTHS
        measured = _MICRO * pixel_size if length else 1.0
        sides = " ".join(f"{_shown(side, measured):>22}" for side in (row.real, row.before, row.after))
        unit = _MICRO if length else 1.0
        fitted = _parameter(row.default, unit)
        fitted += f" kept: {row.note}" if row.fitted is None else f" -> {_parameter(row.fitted, unit)}"
        lines.append(f"{row.name + (', um' if length else ''):<10} {sides}   {fitted}")
    return "\n".join(lines)


def _shown(values: tuple[float, ...] | None, unit: float) -> str:
    if values is None:
        return "-"
    if len(values) == 1:
        return f"{values[0] * unit:.3g}"
    low, middle, high = (f"{value * unit:.3g}" for value in values)
    return f"{middle} ({low}..{high})"


def _parameter(value: tuple[float, float] | float, unit: float) -> str:
    return "..".join(f"{end * unit:.3g}" for end in (value if isinstance(value, tuple) else (value,)))


# --- the file ------------------------------------------------------------------------------------------------------

_MEANING = {
    "contrast": ("range", "change of the strongest part over the picture's own unit of contrast"),
    "darkening": ("range", "share of the surface's display value that the strongest part loses"),
    "bright": ("share", "of defects brighter than their surroundings"),
    "width": ("m", "worn mouth of a crack at its widest"),
    "shade": ("range", "darkness of the dirt beside a crack over that of its core"),
    "bridging": ("range", "share of a crack that debris and grains bridge"),
    "roughness": ("range", "fine texture of the exposed material over that of the surface"),
    "facets": ("range", "spread of the light on the facets of attacked metal over its contrast"),
    "edge": ("m", "softness (sigma) of the rim before the blur of the lens"),
    "relief": ("range", "share of the contrast that is shape, not reflectance"),
    "tint": ("range", "how far thin product colours attacked metal"),
    "size": ("m", "length of a crack or diameter of a region; --severity wins over it"),
}


def calibration_text(file: CalibrationFile) -> str:
    """Return ``params.toml`` with a comment on every key."""
    lines = [
        "# Looks of real defects, fitted by 'maphc2f calibrate'; 'maphc2f generate --calibration FILE' uses them.",
        "# Ranges are [least, most]. Edit them freely; without a key the family's own default holds.",
        f'family = "{file.family}"',
        f"pixel_size = {file.pixel_size!r}  # m, of the examples",
        f"pictures = {file.pictures}",
        f"defects = {file.defects}",
        "",
        "[looks]",
    ]
    for name, (unit, meaning) in _MEANING.items():
        value = getattr(file.looks, name)
        if value is not None:
            shown = list(value) if isinstance(value, tuple) else value
            lines.append(f"{name} = {shown!r}  # {unit}: {meaning}")
    return "\n".join(lines) + "\n"


def write_calibration(path: Path, file: CalibrationFile) -> None:
    """Write ``params.toml``."""
    text = calibration_text(file).encode()
    write_atomic(path, lambda stream: stream.write(text))


def load_calibration(path: Path) -> CalibrationFile:
    """Read ``params.toml``.

    Raises:
        ManifestError: It cannot be read or breaks a rule.
    """
    where = f"--calibration {path}"
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ManifestError(
            f"cannot be read ({getattr(error, 'strerror', None) or error})",
            where=where,
            rule="a TOML file as 'maphc2f calibrate' writes it",
            remedy="check the path, or run calibrate again",
        ) from error
    return validate(CalibrationFile, tree, lambda loc: ": ".join([where, ".".join(map(str, loc))]).rstrip(": "))


def load_calibrations(paths: Sequence[Path]) -> dict[str, CalibrationSpec]:
    """Return the looks of several files by family.

    Raises:
        ManifestError: As :func:`load_calibration`, or two files hold the same family.
    """
    looks: dict[str, CalibrationSpec] = {}
    for path in paths:
        file = load_calibration(path)
        if file.family in looks:
            raise ManifestError(
                f"'{file.family}' comes twice",
                where=f"--calibration {path}",
                rule="one file for each family",
                remedy="leave one of them out",
            )
        looks[file.family] = file.looks
    return looks


def line_cell(cell: tuple[str, str | None]) -> bool:
    """Whether the defects of a cell are measured as lines."""
    return is_line(*cell)

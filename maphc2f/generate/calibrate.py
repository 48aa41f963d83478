"""Looks of a family fitted to a few real defects, and the file that holds them.

* :func:`read_examples` pairs pictures with masks and measures their defects.
* :func:`fit` turns measurements into ranges.
* :func:`write_calibration`, :func:`load_calibrations` write and read ``params.toml``.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maphc2f.defects import FAMILIES
from maphc2f.errors import ManifestError, PictureError
from maphc2f.explain import validate
from maphc2f.generate.calibrate_measure import Measured, measure_picture
from maphc2f.generate.pictures import to_unit
from maphc2f.registry import near
from maphc2f.render.appearance import looks_of
from maphc2f.render.calibration import is_line
from maphc2f.shards.files import write_atomic
from maphc2f.spec import CalibrationSpec, Cell, Frozen, Positive
from maphc2f.substrates.decode import Refused, decode
from maphc2f.substrates.files import list_files
from maphc2f.substrates.foreground import find_mask, foreground_folder

LEAST_DEFECTS = 3
"""Fewer say nothing of how much defects differ."""

SPREAD = math.sqrt(3.0)
"""Half the width of a uniform distribution over its standard deviation."""

LEAST_SPREAD = 0.05
"""Half width of a fitted range at least, relative: equal examples are a coincidence."""

DIGITS = 4


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
        pictures: Number of pictures that they were found in.
        unusable: One line for each picture that told nothing.
    """

    measured: tuple[Measured, ...]
    pictures: int
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
    pictures = 0
    for name in list_files(images):
        path = find_mask(masks, name)
        if path is None or path == images / name:
            unusable.append(f"{name}: no mask of its name in {masks}")
            continue
        own = _measure(images / name, path, line=line)
        pictures += bool(own)
        measured += own
        if not own:
            unusable.append(f"{name}: its defect does not stand out from its surroundings")
    return Examples(tuple(measured), pictures, tuple(unusable))


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


def fit(measured: Sequence[Measured], pixel_size: float, gloss_loss: tuple[float, float]) -> CalibrationSpec:
    """Return the ranges whose uniform draws have the mean and the spread of the examples.

    Contrast, width and size are drawn log-uniform: log x lies within mean ± √3 s of the examples' logarithms. Rim and
    roughness are uniform: mean ± √3 s, not below 0. No range goes beyond the smallest and the largest of n examples by
    more than 1 / (n - 1) of their distance, the unbiased ends of a uniform distribution. The share of bright ones is
    (k + ½) / (n + 1) for k of n, the mean of its posterior under Jeffreys' prior: three dark examples do not rule a
    bright one out.

    What is measured inside a region is the exposed material's texture besides what is left of the surface's own, so
    roughness² = r² - (1 - g)² with the mean loss g that the renderer draws.

    Args:
        measured: At least LEAST_DEFECTS.
        pixel_size: Of the examples, m.
        gloss_loss: Range of the share of the surface's own texture that is gone inside.

    Raises:
        PictureError: Too few defects.
    """
    if len(measured) < LEAST_DEFECTS:
        raise PictureError(
            f"{len(measured)} defects that can be measured",
            where="--images, --masks",
            rule=f"at least {LEAST_DEFECTS}, which stand out from their surroundings",
            remedy="add examples, 3 to 20 do, or leave the calibration out",
        )
    left = 1.0 - 0.5 * (gloss_loss[0] + gloss_loss[1])
    return CalibrationSpec(
        contrast=_log_range([m.contrast for m in measured]),
        bright=_rounded((sum(m.bright for m in measured) + 0.5) / (len(measured) + 1)),
        width=_if_enough(_log_range, [m.width * pixel_size for m in measured if m.width is not None]),
        roughness=_if_enough(
            _range, [math.sqrt(max(m.roughness**2 - left**2, 0.0)) for m in measured if m.roughness is not None]
        ),
        edge=_if_enough(_range, [m.edge * pixel_size for m in measured if m.edge is not None]),
        size=_log_range([m.size * pixel_size for m in measured]),
    )


def fit_family(cell: tuple[str, str | None], measured: Sequence[Measured], pixel_size: float) -> CalibrationSpec:
    """Return :func:`fit` for a family or scenario."""
    return fit(measured, pixel_size, looks_of(cell[0], cell[1] or "").gloss_loss)


def _if_enough(
    fitted: Callable[[Sequence[float]], tuple[float, float]], values: Sequence[float]
) -> tuple[float, float] | None:
    return fitted(values) if len(values) >= LEAST_DEFECTS else None


def _log_range(values: Sequence[float]) -> tuple[float, float]:
    low, high = _spread(np.log(values), math.log1p(LEAST_SPREAD))
    return _rounded(math.exp(low)), _rounded(math.exp(high))


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = _spread(np.asarray(values), LEAST_SPREAD * float(np.mean(values)))
    return _rounded(max(low, 0.0)), _rounded(high)


def _spread(values: np.ndarray, least: float) -> tuple[float, float]:
    middle, half = float(values.mean()), SPREAD * float(values.std(ddof=1))
    low, high = float(values.min()), float(values.max())
    beyond = (high - low) / (len(values) - 1)
    return min(max(middle - half, low - beyond), middle - least), max(min(middle + half, high + beyond), middle + least)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


# --- the file ------------------------------------------------------------------------------------------------------

_MEANING = {
    "contrast": ("range", "change of the strongest part over the picture's own unit of contrast"),
    "bright": ("share", "of defects brighter than their surroundings"),
    "width": ("m", "mouth of a crack as it is seen, without the blur of the lens"),
    "roughness": ("range", "fine texture of the exposed material over that of the surface"),
    "edge": ("m", "softness (sigma) of the rim, without the blur of the lens"),
    "size": ("m", "length of a crack or diameter of a region; --severity wins over it"),
}


def calibration_text(file: CalibrationFile) -> str:
    """Return ``params.toml`` with a comment on every key."""
    lines = [
        "# Looks of real defects, measured by 'maphc2f calibrate'; 'maphc2f generate --calibration FILE' uses them.",
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

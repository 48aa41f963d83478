"""``maphc2f calibrate``: fit the looks of a family to a few real defects."""

from __future__ import annotations

from pathlib import Path

import click

EXAMPLE = """\b
Example:
  maphc2f calibrate --images real/crack --masks real/masks --family crack \\
      --pixel-size 40um --out crack.toml"""


@click.command(name="calibrate", epilog=EXAMPLE)
@click.option(
    "--images", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Pictures of real defects."
)
@click.option(
    "--masks", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Their masks, called the same."
)
@click.option("--family", required=True, metavar="F", help="As in crack, corrosion or crack.chip.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="TOML", help="File to write.")
@click.option("--pixel-size", metavar="LENGTH", help="Of these pictures, as in 50um; default 50um, as in generate.")
def command(images: Path, masks: Path, family: str, out: Path, pixel_size: str | None) -> None:
    """Fit contrast, width, rim, roughness and size of a family to 3 to 20 real defects.

    The file is plain text to look at and edit; generate takes it as --calibration.
    """
    from maphc2f.flags import DEFAULT_PIXEL_SIZE, pixel_size_in_metres
    from maphc2f.generate.calibrate import (
        CalibrationFile,
        calibration_text,
        check_cell,
        fit_family,
        line_cell,
        read_examples,
        write_calibration,
    )

    cell = check_cell(family)
    metres = DEFAULT_PIXEL_SIZE if pixel_size is None else pixel_size_in_metres(pixel_size, where="--pixel-size")
    examples = read_examples(images, masks, line=line_cell(cell))
    for line in examples.unusable:
        click.echo(f"left out: {line}", err=True)
    looks = fit_family(cell, examples.measured, metres)
    file = CalibrationFile(
        family=family, pixel_size=metres, pictures=examples.pictures, defects=len(examples.measured), looks=looks
    )
    write_calibration(out, file)
    click.echo(calibration_text(file).split("\n", 2)[2].rstrip())
    click.echo(f"{file.defects} defects in {file.pictures} pictures measured, written to {out}")

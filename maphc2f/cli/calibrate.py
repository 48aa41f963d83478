"""``maphc2f calibrate``: fit the looks of a family to a few real defects."""

from __future__ import annotations

from pathlib import Path

import click

EXAMPLE = """\b
Example:
  maphc2f calibrate --images real/crack --masks real/masks --family crack \\
      --material ferrite --pixel-size 40um --good good --out crack.toml"""


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
@click.option(
    "--material", metavar="M", help="Of the parts, as in generate; default: steel, where the family suits it."
)
@click.option(
    "--good",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Good pictures to try the looks on; default: the sound parts of --images.",
)
def command(
    images: Path, masks: Path, family: str, out: Path, pixel_size: str | None, material: str | None, good: Path | None
) -> None:
    """Fit contrast, width, rim, roughness and more of a family to 3 to 20 real defects.

    Defects are rendered with the looks, measured as the real ones are, and the looks corrected until both agree; what
    comes no nearer so keeps its default. The file is plain text to look at and edit; generate takes it as
    --calibration.
    """
    from maphc2f.flags import DEFAULT_PIXEL_SIZE, pixel_size_in_metres
    from maphc2f.generate.calibrate import (
        CalibrationFile,
        calibration_text,
        check_cell,
        fit_examples,
        line_cell,
        read_examples,
        table,
        write_calibration,
    )
    from maphc2f.generate.calibrate_render import Trial, default_material
    from maphc2f.generate.worker import pin_threads

    pin_threads()
    cell = check_cell(family)
    if material is None:
        material = default_material(*cell)
        click.echo(f"no --material given, {material} assumed: name the one that you generate with", err=True)
    metres = DEFAULT_PIXEL_SIZE if pixel_size is None else pixel_size_in_metres(pixel_size, where="--pixel-size")
    examples = read_examples(images, masks, line=line_cell(cell))
    for line in examples.unusable:
        click.echo(f"left out: {line}", err=True)
    fitted = fit_examples(examples, Trial(cell, images, masks, material, metres, good))
    file = CalibrationFile(
        family=family,
        pixel_size=metres,
        pictures=len(examples.names),
        defects=len(examples.measured),
        looks=fitted.looks,
    )
    write_calibration(out, file)
    click.echo(table(fitted.rows, metres))
    click.echo(calibration_text(file).split("[looks]\n", 1)[1].rstrip())
    click.echo(f"{file.defects} defects in {file.pictures} pictures measured, written to {out}")

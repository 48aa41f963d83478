"""``maphc2f foreground``: find the part in every picture of a folder."""

from __future__ import annotations

from pathlib import Path

import click

from maphc2f.errors import DatasetError


@click.command(name="foreground", epilog="\b\nExample:\n  maphc2f foreground good --out fg_mask")
@click.argument("images", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="New folder for the masks.")
@click.option("--kind", type=click.Choice(["object", "texture"]), default="object", show_default=True)
def command(images: Path, out: Path, kind: str) -> None:
    """Write a mask for each good picture, and a sheet to look at.

    Edit the masks where they are wrong and pass the folder as --foreground.
    """
    if out.exists() and any(out.iterdir()):
        raise DatasetError("not empty", where=f"--out {out}", rule="a new or empty folder", remedy="choose another")
    from maphc2f.generate.masks import write_masks

    count, refused = write_masks(images, out, kind)
    for line in refused:
        click.echo(line, err=True)
    click.echo(f"{count} masks in {out}, look at {out / 'sheet.png'}")

"""``maphc2f preview``: look before a long run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from maphc2f.cli.selection import Selection, selection_options
from maphc2f.errors import ManifestError


@click.command(
    name="preview",
    epilog="\b\nExamples:\n  maphc2f preview --out sheet.png\n"
    "  maphc2f preview --images good --material steel --defects crack=1 --out page.html",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="PAGE.html or SHEET.png.")
@selection_options
@click.option("--samples", type=click.IntRange(1, 96), default=24, show_default=True, help="How many to show.")
def command(out: Path, samples: int, **values: Any) -> None:
    """Make a few samples and show them: good, defect, mask.

    They are the first ones that generate would make with the same options.
    """
    if out.suffix.lower() not in (".html", ".png"):
        raise ManifestError(
            f"'{out.name}'", where="--out", rule="its ending must be .html or .png", remedy="e.g. --out sheet.png"
        )
    from maphc2f.cli.threads import set_thread_variables

    set_thread_variables()
    from maphc2f.generate.preview import preview

    dataset, options = Selection.take(values).resolve()
    count = preview(dataset, options, out, samples)
    click.echo(f"{count} samples in {out}")

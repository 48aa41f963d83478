"""``maphc2f sqe``: train the learned quality estimator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from maphc2f.cli.selection import Selection
from maphc2f.errors import ManifestError

EXAMPLES = """\b
Examples:
  maphc2f sqe train --out mine.safetensors
  maphc2f sqe train --images good --material steel --defects crack=2,corrosion=1 \\
      --pixel-size 40um --out mine.safetensors"""


@click.group(name="sqe", epilog="\b\nExample:\n  maphc2f sqe train --help")
def command() -> None:
    """Train the learned quality estimator, which 'maphc2f score' applies."""


@command.command(name="train", epilog=EXAMPLES)
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="Ends in .safetensors.")
@click.option(
    "--categories", metavar="all|A,B", help="Of the bundled manifest; default: all but eight kept to test on."
)
@click.option("--samples", type=click.IntRange(4, 10_000), default=32, show_default=True, help="Of each category.")
@click.option("--images", type=click.Path(path_type=Path), metavar="DIR", help="Your folder of good pictures.")
@click.option("--material", metavar="M", help="Material of the part; see 'maphc2f list materials'.")
@click.option("--defects", metavar="MIX", help="As in crack=2,corrosion=1 or crack.star=1.")
@click.option("--pixel-size", metavar="LENGTH", help="As in 50um; default 50um, with a warning.")
@click.option("--licence", metavar="SPDX", help="Licence of your pictures, for the model card.")
@click.option("--foreground", metavar="auto|full|DIR", help="Where the part is; default auto.")
@click.option("--size", metavar="native|N|WxH", help="Size of the pictures; default native with --images.")
@click.option("--seed", type=int, metavar="S", help="Any number; the same gives the same file. Default 0.")
def train(out: Path, samples: int, **values: Any) -> None:
    """Train on samples made here and spoiled on purpose, and write one file with its model card.

    Without --images all pictures are procedural, so the model may be passed on. The same command gives the same bytes.
    """
    if out.suffix != ".safetensors":
        raise ManifestError(
            f"'{out.name}'", where="--out", rule="its ending must be .safetensors", remedy="e.g. --out mine.safetensors"
        )
    from maphc2f.cli.threads import set_thread_variables

    set_thread_variables()
    from maphc2f.generate.sqe_train import Course, default_categories, train_model
    from maphc2f.quality.model import from_bytes
    from maphc2f.shards.files import write_atomic

    selection = Selection(**values)
    if selection.images is None and selection.categories is None:
        from maphc2f.bundled import BUNDLED, bundled_path
        from maphc2f.manifest import load_manifest

        names = [category.name for category in load_manifest(bundled_path(BUNDLED)).categories]
        selection = replace(selection, categories=",".join(default_categories(names)))
    dataset, options = selection.resolve()
    for line in selection.warnings(dataset):
        click.echo(f"warning: {line}", err=True)
    content = train_model(dataset, options, Course(samples=samples), lambda line: click.echo(line, err=True))
    write_atomic(out, lambda file: file.write(content))
    model = from_bytes(content)
    counted = model.card["accuracy_on_left_out"]["all"]
    right = (
        "too few samples to count" if counted is None else f"{100 * counted:.1f} % of pairs right on what was left out"
    )
    click.echo(f"{len(content)} bytes in {out}, {right}")
    click.echo(f"digest {model.digest}")

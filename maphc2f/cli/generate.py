"""``maphc2f generate``: make a dataset, or go on with one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from maphc2f.cli.control import control_options, stopped_by_termination, take_control
from maphc2f.cli.selection import Selection, selection_options
from maphc2f.errors import ManifestError
from maphc2f.sample import MAPS

if TYPE_CHECKING:
    from maphc2f.generate.progress import Reporter
    from maphc2f.generate.summary import Summary

EXAMPLES = """\b
Examples:
  maphc2f generate --categories all --per-category 8 --out ds
  maphc2f generate --images good --material steel --defects crack=2,corrosion=1 \\
      --pixel-size 40um --count 200 --out mine
  maphc2f generate --categories all --out ds --shard 3/16     (then: maphc2f finish ds)
  maphc2f generate --categories all --out ds --scheduler-file cluster.json --until 06:00"""


def parse_maps(text: str | None) -> tuple[str, ...]:
    """Return the optional maps named in ``text``.

    Raises:
        ManifestError: An unknown map.
    """
    from maphc2f.registry import near

    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if "displacement" in names:
        names[names.index("displacement") : names.index("displacement") + 1] = ["displacement_y", "displacement_x"]
    for name in names:
        if name not in MAPS:
            raise ManifestError(
                f"unknown map '{name}'",
                where="--maps",
                rule="soft_mask, depth, displacement, coarse_mask",
                remedy=near(name, [*MAPS, "displacement"]),
            )
    return tuple(name for name in MAPS if name in names)


def default_workers() -> int:
    """Return the number of processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


@click.command(name="generate", epilog=EXAMPLES)
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DS", help="The dataset folder.")
@selection_options
@click.option("--workers", type=click.IntRange(1, 1024), metavar="N", help="Processes; default: one a processor.")
@click.option(
    "--layout",
    type=click.Choice(["both", "parquet"]),
    default="both",
    show_default=True,
    help="Parquet shards, with or without PNG files beside them.",
)
@control_options
@click.option("--maps", metavar="LIST", help="Further pictures in each row: soft_mask,depth,displacement,coarse_mask.")
def command(out: Path, workers: int | None, layout: Any, maps: str | None, **values: Any) -> None:
    """Make a dataset, or go on with one.

    Running the same command again goes on where it stopped; the result does not depend on workers, stops or order.
    """
    selection = Selection.take(values)
    chosen_maps = parse_maps(maps)
    from maphc2f.cli.threads import set_thread_variables

    set_thread_variables()
    control = take_control(values, workers)
    from maphc2f.generate.profile import RunProfile
    from maphc2f.generate.run import generate

    dataset, options = selection.resolve()
    reporter = reporter_for_terminal()
    for line in selection.warnings(dataset):
        reporter.note(f"warning: {line}")
    profile = RunProfile(layout=layout, maps=chosen_maps, workers=workers or default_workers())
    with stopped_by_termination():
        summary = generate(dataset, out, profile, options, reporter, control)
    report(summary)
    summary.require_complete()


def reporter_for_terminal() -> Reporter:
    """Return a live display on a terminal, else one that prints lines."""
    from maphc2f.generate.progress import LiveReporter, PlainReporter

    return LiveReporter() if sys.stderr.isatty() else PlainReporter()


def report(summary: Summary) -> None:
    """Print how a run went."""
    rate = summary.made / max(summary.seconds, 1e-9)
    part = "" if summary.share is None else f" of share {summary.share}"
    click.echo(
        f"{summary.committed} of {summary.samples} samples{part} in {summary.root}, "
        f"{summary.made} made in {summary.seconds:.0f} s ({rate:.1f}/s)"
    )
    click.echo(f"redrawn: {summary.redrawn_simulations} simulations, {summary.redrawn_placements} placements")
    if summary.content_digest:
        click.echo(f"content digest {summary.content_digest}")
    elif summary.share is not None and summary.complete:
        click.echo(f"when all {summary.share.of} shares are done: maphc2f finish {summary.root}")

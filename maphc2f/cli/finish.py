"""``maphc2f finish``: end a dataset whose shares a job array made."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="finish", epilog="\b\nExample:\n  maphc2f finish ds")
@click.argument("dataset", type=click.Path(path_type=Path), metavar="DS")
@click.option("--workers", type=click.IntRange(1, 1024), metavar="N", help="Processes; default: one a processor.")
def command(dataset: Path, workers: int | None) -> None:
    """Write what follows the shares of a job array: good pictures, missing PNG files, content digest and state.

    The result is that of one run of the whole dataset. Makes no sample; ends with 3 and names what is missing if tasks
    have not made all of theirs.
    """
    from maphc2f.cli.threads import set_thread_variables

    set_thread_variables()
    from maphc2f.cli.control import stopped_by_termination
    from maphc2f.cli.generate import default_workers, report, reporter_for_terminal
    from maphc2f.generate.run import finish

    with stopped_by_termination():
        summary = finish(dataset, workers or default_workers(), reporter_for_terminal())
    report(summary)
    summary.require_complete()

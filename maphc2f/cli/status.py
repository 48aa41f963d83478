"""``maphc2f status``: how far a dataset is."""

from __future__ import annotations

import json
from pathlib import Path

import click

EPILOG = """\b
Example:
  maphc2f status ds
  maphc2f status ds --json

\b
Exit codes: 0 complete, 3 running, stopped, incomplete or waiting for
'maphc2f finish', 4 damaged, 2 not a dataset."""


@click.command(name="status", epilog=EPILOG)
@click.argument("dataset", type=click.Path(path_type=Path), metavar="DS")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object, for scripts.")
def command(dataset: Path, as_json: bool) -> int:
    """Show what is done, running, failed and refused, the rate and the time left; changes nothing."""
    from maphc2f.generate.status import EXIT_CODES, describe_status, read_status

    status = read_status(dataset)
    for line in [json.dumps(status.to_json(), indent=1)] if as_json else describe_status(status):
        click.echo(line)
    return EXIT_CODES[status.verdict]

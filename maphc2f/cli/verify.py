"""``maphc2f verify``: check a dataset."""

from __future__ import annotations

from pathlib import Path

import click

from maphc2f.errors import IncompleteDatasetError, VerificationError

SHOWN = 50


@click.command(name="verify", epilog="\b\nExample:\n  maphc2f verify ds")
@click.argument("dataset", type=click.Path(path_type=Path), metavar="DS")
@click.option(
    "--repair", is_flag=True, help="Rebuild PNG files from shards; remove damaged shards for generate to make again."
)
def command(dataset: Path, repair: bool) -> None:
    """Check every byte and every sample of a dataset; name file and row of what is wrong."""
    from maphc2f.generate.verify import repair as mend
    from maphc2f.generate.verify import verify

    report = verify(dataset)
    for finding in report.findings[:SHOWN]:
        click.echo(str(finding))
    if len(report.findings) > SHOWN:
        click.echo(f"... and {len(report.findings) - SHOWN} more")
    if repair and not report.ok:
        for line in mend(dataset, report):
            click.echo(line)
        report = verify(dataset)
    click.echo(f"{report.samples} samples and {report.goods} good pictures checked, {len(report.findings)} findings")
    if report.content_digest:
        click.echo(f"content digest {report.content_digest}")
    if report.unfinished:
        msg = f"{dataset}: nothing is damaged, but samples are missing, listed above; run generate again to go on"
        raise IncompleteDatasetError(msg)
    if not report.ok:
        msg = f"{dataset}: {len(report.findings)} finding{'s' if len(report.findings) > 1 else ''}, listed above"
        raise VerificationError(msg)

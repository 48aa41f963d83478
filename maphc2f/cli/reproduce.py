"""``maphc2f reproduce``: make one sample again."""

from __future__ import annotations

from pathlib import Path

import click

from maphc2f.errors import VerificationError


@click.command(name="reproduce", epilog="\b\nExample:\n  maphc2f reproduce bottle-000003 --dataset ds")
@click.argument("sample_id")
@click.option("--dataset", required=True, type=click.Path(path_type=Path), metavar="DS", help="The dataset folder.")
@click.option(
    "--data-root", type=click.Path(path_type=Path), metavar="DIR", help="Where the sets are now, if they moved."
)
@click.option("--images", type=click.Path(path_type=Path), metavar="DIR", help="Where your pictures are now.")
@click.option("--foreground", type=click.Path(path_type=Path), metavar="DIR", help="Where their masks are now.")
@click.option("--keep-out", type=click.Path(path_type=Path), metavar="DIR", help="Where the keep-out masks are now.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Write picture and mask here.")
def command(
    sample_id: str,
    dataset: Path,
    data_root: Path | None,
    images: Path | None,
    foreground: Path | None,
    keep_out: Path | None,
    out: Path | None,
) -> None:
    """Make one sample again from its recipe and compare it with the dataset's, bit by bit."""
    from maphc2f.cli.threads import set_thread_variables

    set_thread_variables()
    from maphc2f.generate.reproduce import reproduce

    result = reproduce(dataset, sample_id, data_root=data_root, images=images, masks=foreground, keep_out=keep_out)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for name in ("image", "mask"):
            (out / f"{sample_id}_{name}.png").write_bytes(result.row[name]["bytes"])
    if result.differences:
        msg = f"{sample_id}: {', '.join(result.differences)} differ from the dataset's"
        raise VerificationError(msg)
    click.echo(f"{sample_id}: identical, {result.row['content_digest']}")

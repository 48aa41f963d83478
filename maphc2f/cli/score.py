"""``maphc2f score``: give every sample of a dataset its learned score."""

from __future__ import annotations

from pathlib import Path

import click

EXAMPLES = """\b
Examples:
  maphc2f score ds
  maphc2f score ds --model mine.safetensors --workers 4"""


@click.command(name="score", epilog=EXAMPLES)
@click.argument("dataset", type=click.Path(path_type=Path), metavar="DS")
@click.option("--model", default="default", show_default=True, metavar="default|FILE", help="As 'sqe train' makes it.")
@click.option("--workers", type=click.IntRange(1, 1024), metavar="N", help="Processes; default: one a processor.")
def command(dataset: Path, model: str, workers: int | None) -> None:
    """Score every sample of a dataset by the learned quality estimator.

    Writes scores/<model digest>.parquet beside the shards; maphc2f.open(DS, scores="only") joins them.
    """
    from maphc2f.cli.generate import default_workers
    from maphc2f.cli.threads import set_thread_variables

    set_thread_variables()
    from maphc2f.generate.score import score_dataset
    from maphc2f.quality.model import load_model

    summary = score_dataset(dataset, load_model(model), workers or default_workers())
    values = sorted(summary.scores.values.values())
    low, middle, high = (values[round(share * (len(values) - 1))] for share in (0.1, 0.5, 0.9))
    click.echo(f"{len(values)} samples scored: 10 % below {low:.3f}, half below {middle:.3f}, 10 % above {high:.3f}")
    click.echo(f"written to {summary.path}")

"""Does a detector trained on synthetic defects find real ones? Rivals, our stages and PatchCore on the same features.

    python -m benchmarks.downstream --data DIR [--half development|report] [--draws N] [--samples N] [--out FILE]
        [--only SET ...] [--rows ROW ...] [--backbone NAME] [--weights FILE]

What is compared and how is written in ``docs/methods/downstream.md``. Exit code 0 whether or not the goals are met.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maphc2f.cli.threads import set_thread_variables

if TYPE_CHECKING:
    from torch import Tensor

    from benchmarks.downstream_features import Backbone
    from benchmarks.downstream_run import Bench, RowResult, Scale
    from benchmarks.downstream_scores import Estimate

SETS = ("magnetic_tile", "ball_screw_pitting")


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.downstream", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the real sets")
    parser.add_argument("--half", choices=("development", "report"), default="development")
    parser.add_argument("--draws", type=int, default=5, help="how often each source is drawn (default 5)")
    parser.add_argument("--samples", type=int, default=100, help="synthetic pictures of a draw (default 100)")
    parser.add_argument("--only", nargs="+", choices=SETS, default=SETS, metavar="SET", help=f"of {', '.join(SETS)}")
    parser.add_argument(
        "--rows", nargs="+", metavar="ROW", help="of patchcore, random, the sources, halves; default: all"
    )
    parser.add_argument("--manifest", type=Path, help="another manifest with categories of the same names")
    parser.add_argument("--backbone", default="efficientnet_lite0", help="frozen features (default efficientnet_lite0)")
    parser.add_argument("--weights", type=Path, help="its weights, where they are not in an installed package")
    parser.add_argument("--out", type=Path, help="write all numbers as JSON")
    return parser.parse_args(arguments)


def _cell(value: Estimate) -> str:
    return f"{value.mean:.3f} ({value.low:.2f}..{value.high:.2f})"


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one set.

    Attributes:
        kinds: All kinds of defect.
        close: Those that count for the goals.
        specimens: Of test pictures, by kind and good ones.
        rows: Estimates by row, then by kind or mean, then by metric.
        balances: By row of differences of halves, how alike these are.
    """

    kinds: tuple[str, ...]
    close: tuple[str, ...]
    specimens: dict[str, int]
    rows: dict[str, dict[str, dict[str, Estimate]]]
    balances: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Means first, then kinds."""
        means = ("close kinds", "all kinds") if len(self.kinds) > len(self.close) else ()
        return (*means, *self.kinds)

    def print(self) -> None:
        """Print a block for each metric."""
        for metric, title in TITLES.items():
            print(f"\n{title:<26}" + "".join(f"{column:>22}" for column in self.columns))
            for name, row in self.rows.items():
                print(f"{name:<26}" + "".join(f"{_cell(row[column][metric]):>22}" for column in self.columns))
        for name, values in self.balances.items():
            print(f"\n{name}: " + ", ".join(f"{key} {value:.3f}" for key, value in values.items()))

    def add(self, result: RowResult) -> None:
        """Take up a row."""
        groups = {"close kinds": self.close, "all kinds": self.kinds} | {kind: (kind,) for kind in self.kinds}
        self.rows[result.title] = {column: result.estimates(groups[column]) for column in self.columns}


TITLES = {"image_auroc": "image AUROC", "pixel_auroc": "pixel AUROC", "pixel_ap": "pixel AP"}


def make_table(bench: Bench, rows: Sequence[str], scale: Scale, note: Callable[[str], None]) -> Table:
    """Compute rows of one set.

    Args:
        bench: The set with its features.
        rows: Names of rows, see :func:`benchmarks.downstream_run.row_names`.
        scale: How much is computed.
        note: Told of each finished row.
    """
    from benchmarks.downstream_halves import CONTESTS
    from benchmarks.downstream_run import difference, run_row

    labels, close = bench.problem.labels, bench.problem.close_kinds
    specimens = {
        kind: len({s for s, k in zip(labels.specimens, labels.kinds, strict=True) if k == kind})
        for kind in (*labels.defects, "good")
    }
    table, done = Table(labels.defects, close, specimens, {}), {}
    for name in rows:
        start = time.perf_counter()
        result = done[name] = run_row(bench, name, scale)
        table.add(result)
        failed = f", {result.failed} samples found no valid form" if result.failed else ""
        note(f"{result.title}: {time.perf_counter() - start:.0f} s{failed}")
    for title, (better, worse) in CONTESTS.items():
        if better in done and worse in done:
            table.add(difference(title, done[better], done[worse]))
            table.balances[title] = dict(done[better].balance)
    return table


def _chosen(every: Sequence[str], wanted: Sequence[str] | None) -> list[str]:
    return [name for name in every if wanted is None or name in wanted]


def open_backbone(name: str, weights: Path | None) -> Backbone:
    """Return the maps at the strides that are used, of a frozen backbone."""
    from benchmarks.downstream_features import STRIDES
    from maphc2f import features

    loaded = features.load(name, weights=weights)
    levels = [loaded.strides.index(stride) for stride in STRIDES]

    def maps(pictures: Tensor) -> list[Tensor]:
        every = loaded.maps(pictures)
        return [every[level] for level in levels]

    return maps


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    options = parse_args(arguments)
    # Sums must not depend on the machine's number of cores.
    set_thread_variables()
    import torch

    from benchmarks.downstream_run import Scale, open_bench, row_names
    from benchmarks.downstream_sets import real_problem

    torch.set_num_threads(1)
    text = options.manifest.read_text(encoding="utf-8") if options.manifest else None
    backbone = open_backbone(options.backbone, options.weights)
    tables: dict[str, Any] = {}
    for name in options.only:
        bench = open_bench(real_problem(options.data, name, options.half, text), backbone)
        scale = Scale(draws=options.draws, samples=options.samples)
        rows = _chosen(row_names(bench.problem), options.rows)
        table = make_table(bench, rows, scale, lambda line: print(line, file=sys.stderr, flush=True))
        specimens = ", ".join(f"{kind} {count}" for kind, count in table.specimens.items())
        print(f"\n{name}, {options.half} half, {scale.draws} draws of {scale.samples}; specimens: {specimens}")
        table.print()
        tables[name] = asdict(table)
    if options.out:
        settings = {"half": options.half, "draws": options.draws, "samples": options.samples}
        options.out.write_text(json.dumps(settings | {"sets": tables}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

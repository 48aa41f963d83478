"""Do synthetic cracks and pits have the shape of real ones? Energy distances of shape metrics, beside two toys.

    python -m benchmarks.morphology --data DIR [--half development|report] [--samples N] [--only SET ...] [--details]

Real masks lie in DIR; synthetic ones are made as a user would make them, by ``benchmarks/morphology.toml``. What is
compared and how is written in ``docs/methods/morphology.md``. Exit code 0 whether or not the goals are met.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from maphc2f.cli.threads import set_thread_variables

if TYPE_CHECKING:
    from benchmarks.energy_distance import Comparison, Protocol
    from benchmarks.halves import Half
    from benchmarks.morphology_sets import Shapes

GOAL = 1.5
"""Largest ratio of our distance to that of two real halves."""

OURS = "maphc2f"
SETS = ("magnetic_tile_crack", "crackforest", "magnetic_tile_blowhole", "ball_screw_pitting", "magnetic_tile_break")
KINDS = {
    "cracks": ("magnetic_tile_crack", "crackforest"),
    "pits": ("magnetic_tile_blowhole", "ball_screw_pitting"),
}
"""Sets that a mean is taken over."""

QUANTILES = (10, 50, 90)


@dataclass(frozen=True, slots=True)
class Result:
    """All numbers of one set.

    Attributes:
        real: Pictures and specimens of the half.
        floor: Distance of one half of the half's specimens to the other.
        rows: Comparisons by name, ours first.
        quantiles: By sample and metric, the 10th, 50th and 90th percentile.
        marginal: By metric, the energy distance of ours in that metric alone.
    """

    name: str
    real: tuple[int, int]
    samples: int
    floor: float
    rows: dict[str, Comparison]
    quantiles: dict[str, dict[str, list[float]]]
    marginal: dict[str, float]

    @property
    def ratio(self) -> float:
        """Our matched distance over the floor."""
        return self.rows[OURS].matched / self.floor

    @property
    def verdict(self) -> str:
        """Whether the goal is met, and whether each toy lies farther off than we do."""
        ours = self.rows[OURS].distance
        above = [name for name, row in self.rows.items() if name != OURS and row.distance <= ours]
        goal = "goal met" if self.ratio <= GOAL else "FALLS SHORT of the goal"
        return f"{goal}; " + (f"NOT below {', '.join(above)}" if above else "below every rival")


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.morphology", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the real sets")
    parser.add_argument("--half", choices=("development", "report"), default="development")
    parser.add_argument("--samples", type=int, default=120, help="synthetic masks of each set (default 120)")
    parser.add_argument("--only", nargs="+", choices=SETS, default=SETS, metavar="SET", help=f"of {', '.join(SETS)}")
    parser.add_argument("--manifest", type=Path, help="another manifest with categories of the same names")
    parser.add_argument("--details", action="store_true", help="print every metric too")
    parser.add_argument("--out", type=Path, help="write all numbers as JSON")
    return parser.parse_args(arguments)


def evaluate(data: Path, name: str, half: Half, samples: int, manifest: str | None, protocol: Protocol) -> Result:
    """Make, measure and compare one set."""
    from benchmarks import morphology_sets as sets
    from benchmarks.rivals_shape import CRACK_RIVALS, REGION_RIVALS

    real_set = sets.REAL_SETS[name]
    dataset = sets.load_dataset(data, manifest)
    source = sets.good_source(data, name, half)
    masks = sets.synthetic_masks(dataset, dataset.category(name), source, samples)
    ours = sets.measured([(mask, "") for mask in masks], real_set.measure)
    rivals = CRACK_RIVALS if real_set.is_crack else REGION_RIVALS
    synthetic = {OURS: ours} | {key: sets.rival_shapes(ours, real_set, key, rival) for key, rival in rivals.items()}
    development = sets.real_shapes(data, name, "development")
    real = development if half == "development" else sets.real_shapes(data, name, half)
    return judge(name, development, real, synthetic, protocol)


def judge(name: str, development: Shapes, real: Shapes, synthetic: dict[str, Shapes], protocol: Protocol) -> Result:
    """Compare measured shapes; ``development`` gives the scales."""
    from benchmarks import morphology_sets as sets
    from benchmarks.energy_distance import Cloud, compare, distance_to
    from maphc2f.rng import stream

    vector = sets.REAL_SETS[name].vector
    scale = sets.scales(development, vector)
    points = {key: sets.vectors(shapes, vector, scale) for key, shapes in synthetic.items()}
    cloud = Cloud(sets.vectors(real, vector, scale), real.specimens)
    floor, rows = compare(cloud, points, protocol, stream(0, name, "splits"))
    marginal = {
        metric.name: distance_to(Cloud(cloud.points[:, [k]], real.specimens), points[OURS][:, [k]])
        for k, metric in enumerate(vector)
    }
    quantiles = {key: _quantiles(shapes) for key, shapes in {"real": real, **synthetic}.items()}
    return Result(name, (len(real), len(cloud.names)), len(synthetic[OURS]), floor, rows, quantiles, marginal)


def _quantiles(shapes: Shapes) -> dict[str, list[float]]:
    import numpy as np

    return {
        key: [float(q) for q in np.nanpercentile([row[key] for row in shapes.metrics], QUANTILES)]
        for key in shapes.metrics[0]
    }


def table(result: Result, *, details: bool) -> str:
    """Return the numbers of one set as text."""
    lines = [
        f"{result.name}: {result.real[0]} real masks of {result.real[1]} specimens, {result.samples} synthetic",
        f"  real split-half distance {result.floor:.3f}",
        f"  {'':<14} {'matched':>8} {'/ floor':>8} {'distance':>9} {'(5..95 %)':>16} {'ours nearer':>12}",
    ]
    for name, row in result.rows.items():
        span = f"({row.interval[0]:.3f}..{row.interval[1]:.3f})"
        nearer = "" if name == OURS else f"{row.beaten_by:.0%}"
        ratio = row.matched / result.floor
        lines.append(f"  {name:<14} {row.matched:>8.3f} {ratio:>8.2f} {row.distance:>9.3f} {span:>16} {nearer:>12}")
    lines.append(f"  {result.verdict}")
    return "\n".join([*lines, *(_details(result) if details else [])])


@dataclass(frozen=True, slots=True)
class Summary:
    """The mean over the sets of one kind of distance / floor, ours first, then each rival that all of them have."""

    kind: str
    means: dict[str, float]

    @property
    def ours_least(self) -> bool:
        """Whether every rival lies farther off than we do."""
        return all(mean > self.means[OURS] for name, mean in self.means.items() if name != OURS)

    def __str__(self) -> str:
        """Return the line that is printed."""
        means = ", ".join(f"{name} {mean:.2f}" for name, mean in self.means.items())
        verdict = "ours is the least" if self.ours_least else "ours is NOT the least"
        return f"{self.kind}, mean distance / floor of {' and '.join(KINDS[self.kind])}: {means}; {verdict}"


def summaries(results: Sequence[Result]) -> list[Summary]:
    """Return a summary of each kind all of whose sets are among the results."""
    found = {result.name: result for result in results}
    out = []
    for kind, names in KINDS.items():
        if not set(names) <= set(found):
            continue
        sets = [found[name] for name in names]
        shared = [row for row in sets[0].rows if all(row in result.rows for result in sets)]
        means = {row: fmean(result.rows[row].distance / result.floor for result in sets) for row in shared}
        out.append(Summary(kind, means))
    return out


def _details(result: Result) -> list[str]:
    names = list(result.quantiles)
    lines = [f"  {'p10 p50 p90':<24} {'alone':>6}" + "".join(f"{name:>24}" for name in names)]
    for metric, alone in result.marginal.items():
        cells = "".join(f"{' '.join(f'{q:.3g}' for q in result.quantiles[name][metric]):>24}" for name in names)
        lines.append(f"  {metric:<24} {alone:>6.3f}{cells}")
    return lines


def as_json(result: Result) -> dict[str, Any]:
    """Return the numbers of one set for a JSON file."""
    return {**asdict(result), "ratio": result.ratio, "verdict": result.verdict}


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    options = parse_args(arguments)
    set_thread_variables()
    from benchmarks.energy_distance import Protocol
    from maphc2f.generate.worker import pin_threads

    pin_threads()
    start = time.perf_counter()
    manifest = None if options.manifest is None else options.manifest.read_text(encoding="utf-8")
    results = []
    for name in options.only:
        results.append(evaluate(options.data, name, options.half, options.samples, manifest, Protocol()))
        print(table(results[-1], details=options.details) + "\n", flush=True)
    kinds = summaries(results)
    print("".join(f"{summary}\n" for summary in kinds), end="\n" if kinds else "")
    print(f"{options.half} half; {time.perf_counter() - start:.0f} s")
    if options.out is not None:
        report = {
            "half": options.half,
            "sets": [as_json(result) for result in results],
            "kinds": {summary.kind: {**asdict(summary), "ours_least": summary.ours_least} for summary in kinds},
        }
        options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What a simulation costs, by scenario and over the standard mix, beside what prototypes of the solvers cost.

    python -m benchmarks.solver_timing [--seeds N] [--only NAME ...] [--out FILE.json]

Requests are drawn as a dataset of 256 x 256 pictures draws them: four snapshots each, materials and sizes of the
bundled manifest; one thread. A first pass compiles, a second one is timed. ``cost`` is the time of all draws, rejected
ones included, over those that grew: what a dataset pays for a simulation. Goal: 20 ms over the mix, 60 ms for each.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maphc2f.cli.threads import set_thread_variables

if TYPE_CHECKING:
    from benchmarks.decaying import Decay
    from benchmarks.scenario_mix import Case

MEAN_GOAL_MS, EACH_GOAL_MS = 20.0, 60.0
SNAPSHOTS = 4
MIN_SEEDS = 2

PROTOTYPES = {
    "crack": "28-35",
    "corrosion.pit": "2-8",
    "corrosion.pit_cluster": "2-8",
    "corrosion.rust_patch": "9-32",
    "corrosion.stain": "9-32",
    "corrosion.rust_run": "9-32",
    "deformation.dent": "25-92",
    "deformation.crease": "25-92",
    "deformation.imprint": "31-82",
    "deformation.scratch": "31-82",
    "deformation.wrinkle": "25",
}
"""Milliseconds that first prototypes of the solvers took at 128 x 128, by scenario or family."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Times of one scenario.

    Attributes:
        name: Family and scenario.
        share: In the standard mix, 0 .. 1.
        draws: Simulations begun.
        rejected: Those that did not grow.
        median: ms of those that grew; likewise ``mean`` and ``slowest``.
        cost: ms of all draws over the number that grew.
    """

    name: str
    share: float
    draws: int
    rejected: int
    median: float
    mean: float
    slowest: float
    cost: float


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    summary = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.solver_timing", description=summary)
    parser.add_argument("--seeds", type=int, default=20, help="draws of each scenario (default 20)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="scenarios, as in crack.star, or families")
    parser.add_argument("--out", type=Path, help="write all numbers as JSON")
    options = parser.parse_args(arguments)
    if options.seeds < MIN_SEEDS:
        parser.error(f"--seeds must be at least {MIN_SEEDS}")
    return options


def time_one(name: str, case: Case, seed: int) -> tuple[float, bool]:
    """Return the milliseconds of a simulation and whether it grew."""
    from maphc2f.defects import FAMILIES
    from maphc2f.errors import SimulationRejected
    from maphc2f.rng import stream

    rng = stream(0, "solver timing", name, seed)
    start = time.perf_counter()
    try:
        FAMILIES[name.partition(".")[0]].simulate(case.request, rng)
    except SimulationRejected:
        return 1e3 * (time.perf_counter() - start), False
    return 1e3 * (time.perf_counter() - start), True


def summarise(name: str, share: float, timed: list[tuple[float, bool]]) -> Cost:
    """Return the row of one scenario; nan where none grew."""
    grown = [ms for ms, grew in timed if grew]
    total = sum(ms for ms, _ in timed)
    if not grown:
        nan = float("nan")
        return Cost(name, share, len(timed), len(timed), nan, nan, nan, nan)
    middle, mean = statistics.median(grown), statistics.mean(grown)
    return Cost(name, share, len(timed), len(timed) - len(grown), middle, mean, max(grown), cost=total / len(grown))


def measure(seeds: int, only: list[str] | None) -> list[Cost]:
    """Time all chosen scenarios."""
    from benchmarks.measurement import load_mix
    from benchmarks.scenario_mix import MIX, draw_case, shares, standard_dataset

    mix = load_mix(MIX)
    dataset = standard_dataset(mix, SNAPSHOTS)
    rows = []
    for name, share in shares(mix, dataset).items():
        if only and name not in only and name.split(".")[0] not in only:
            continue
        cases = [draw_case(mix, dataset, name, seed) for seed in range(seeds)]
        chosen = [(seed, case) for seed, case in enumerate(cases) if case is not None]
        for seed, case in chosen:
            time_one(name, case, seed)
        if chosen:
            rows.append(summarise(name, share, [time_one(name, case, seed) for seed, case in chosen]))
    return rows


def over_the_mix(rows: list[Cost]) -> tuple[float, float]:
    """Return the mean and the cost of a simulation, ms, weighted by the shares of the mix; nan without any."""
    grown = [row for row in rows if row.draws > row.rejected]
    total = sum(row.share for row in grown)
    if total == 0:
        return float("nan"), float("nan")
    return sum(r.share * r.mean for r in grown) / total, sum(r.share * r.cost for r in grown) / total


def table(rows: list[Cost]) -> str:
    """Return the rows as text."""
    head = ("share", "median", "mean", "max", "rejected", "cost", "prototype")
    widths = (6, 7, 7, 7, 9, 7, 10)
    lines = [f"{'scenario, ms':<26} " + " ".join(f"{h:>{w}}" for h, w in zip(head, widths, strict=True))]
    for row in rows:
        before = PROTOTYPES.get(row.name, PROTOTYPES.get(row.name.split(".")[0], "-"))
        late = "   above 60 ms" if row.slowest > EACH_GOAL_MS else ""
        lines.append(
            f"{row.name:<26} {row.share:>6.1%} {row.median:>7.1f} {row.mean:>7.1f} {row.slowest:>7.1f} "
            f"{row.rejected:>4}/{row.draws:<4} {row.cost:>7.1f} {before:>10}{late}"
        )
    mean, cost = over_the_mix(rows)
    verdict = "within" if mean <= MEAN_GOAL_MS else "above"
    lines.append(
        f"over the mix {mean:.1f} ms a simulation ({verdict} the goal of {MEAN_GOAL_MS:g}), "
        f"{cost:.1f} with the draws that were rejected"
    )
    return "\n".join(lines)


def decay_table(decays: list[Decay]) -> str:
    """Return the rows of the decaying fields as text."""
    lines = [f"{'decaying field':<48} {'live us':>9} {'decayed us':>11} {'ratio':>6}"]
    lines += [f"{d.name:<48} {d.live:>9.1f} {d.decayed:>11.1f} {d.ratio:>6.2f}" for d in decays]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    options = parse_args(arguments)
    set_thread_variables()
    from benchmarks.decaying import decays
    from benchmarks.measurement import machine_facts
    from maphc2f.generate.worker import pin_threads

    pin_threads()
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores, one thread; {options.seeds} draws a scenario")
    rows = measure(options.seeds, options.only)
    print("\n" + table(rows), flush=True)
    fading = [] if options.only else decays()
    if fading:
        print("\n" + decay_table(fading))
    if options.out is not None:
        options.out.write_text(json.dumps(_report(facts, options.seeds, rows, fading), indent=1) + "\n", "utf-8")
    return 0


def _report(facts: dict[str, Any], seeds: int, rows: list[Cost], fading: list[Decay]) -> dict[str, Any]:
    mean, cost = over_the_mix(rows)
    return {
        **facts,
        "seeds": seeds,
        "snapshots": SNAPSHOTS,
        "mean_ms": mean,
        "cost_ms": cost,
        "scenarios": [asdict(row) for row in rows],
        "decaying": [{**asdict(decay), "ratio": decay.ratio} for decay in fading],
    }


if __name__ == "__main__":
    sys.exit(main())

"""How many samples a second one core makes, by stage and by family, beside the floor of output alone.

    python -m benchmarks.throughput [--samples N] [--repetitions R] [--data DIR] [--out FILE.json]

The contract of the numbers is in ``benchmarks/README.md``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maphc2f.cli.threads import set_thread_variables

if TYPE_CHECKING:
    from benchmarks.measurement import Mix, Timing

MIX = Path(__file__).with_name("mix.toml")
MIN_REPETITIONS = 3
BUSY = 0.95
"""Below this share of a core the machine was busy with something else, and wall times are too long."""


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--samples", type=int, default=192, help="samples of each repetition (default 192)")
    parser.add_argument("--repetitions", type=int, default=MIN_REPETITIONS, help="at least 3")
    parser.add_argument("--data", type=Path, help="good pictures to use in place of procedural ones")
    parser.add_argument("--out", type=Path, help="write all numbers as JSON")
    options = parser.parse_args(arguments)
    if options.samples < 12 or options.repetitions < MIN_REPETITIONS:
        parser.error(f"--samples must be at least 12 and --repetitions at least {MIN_REPETITIONS}")
    return options


def measure(mix: Mix, snapshots: int, options: argparse.Namespace) -> dict[str, Any]:
    """Return all numbers for one K: a warm-up that also makes the pictures, then the repetitions."""
    from benchmarks.measurement import Bench, Timing, bench_dataset, lay_out, output_floor

    dataset = bench_dataset(mix, options.data).model_copy(update={"snapshots": snapshots})
    layout = lay_out(mix, dataset, options.samples, snapshots)
    bench = Bench(dataset, mix.batch)
    picture = bench.time_pictures(dict.fromkeys(name for groups in layout.values() for name in groups))
    for family, groups in layout.items():
        bench.run(family, groups)
    repetitions: dict[str, list[Timing]] = {family: [] for family in layout}
    floors = []
    for _ in range(options.repetitions):
        made = []
        for family, groups in layout.items():
            timing, samples = bench.run(family, groups)
            repetitions[family].append(timing)
            made += samples
        floors.append(output_floor(made))
    whole = [sum(parts, Timing()) for parts in zip(*repetitions.values(), strict=True)]
    rows = {"mix": whole, **repetitions}
    return {
        "snapshots": snapshots,
        "rows": {name: summarise(timings) for name, timings in rows.items()},
        "floor_ms": spread([1e3 * floor for floor in floors]),
        "picture_ms": 1e3 * picture,
    }


def spread(values: list[float]) -> dict[str, float]:
    """Return median, least and greatest."""
    return {"median": statistics.median(values), "least": min(values), "greatest": max(values)}


def summarise(timings: list[Timing]) -> dict[str, Any]:
    """Return rates and milliseconds a sample, each with its spread over the repetitions."""
    return {
        "samples": timings[0].samples,
        "failed": timings[0].failed,
        "per_second": spread([t.samples / t.wall for t in timings]),
        "per_processor_second": spread([t.samples / t.processor for t in timings]),
        "core_share": statistics.median(t.processor / t.wall for t in timings),
        "stage_ms": {
            stage: spread([1e3 * t.stages[stage] / t.samples for t in timings]) for stage in timings[0].stages
        },
    }


def table(result: dict[str, Any]) -> str:
    """Return the numbers of one K as text."""
    stages = list(result["rows"]["mix"]["stage_ms"])
    head = f"{'':<12} {'samples/s':>9} {'(least..greatest)':>19} {'/cpu s':>7}" + "".join(f"{s:>10}" for s in stages)
    lines = [f"K = {result['snapshots']}, stages in ms a sample", head]
    for name, row in result["rows"].items():
        rate = row["per_second"]
        span = f"({rate['least']:.1f}..{rate['greatest']:.1f})"
        cells = "".join(f"{row['stage_ms'][stage]['median']:>10.2f}" for stage in stages)
        failed = f"   {row['failed']} of {row['samples'] + row['failed']} failed" if row["failed"] else ""
        cpu = row["per_processor_second"]["median"]
        lines.append(f"{name:<12} {rate['median']:>9.1f} {span:>19} {cpu:>7.1f}{cells}{failed}")
    floor = result["floor_ms"]
    mean = 1e3 / result["rows"]["mix"]["per_second"]["median"]
    lines.append(
        f"output alone {floor['median']:.2f} ms a sample ({floor['least']:.2f}..{floor['greatest']:.2f}), "
        f"the mix takes {mean / floor['median']:.1f} times that"
    )
    lines.append(f"one good picture, made before and not counted: {result['picture_ms']:.1f} ms")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    options = parse_args(arguments)
    set_thread_variables()
    from benchmarks.measurement import load_mix, machine_facts, peak_memory
    from maphc2f.generate.worker import pin_threads

    pin_threads()
    mix, facts = load_mix(MIX), machine_facts()
    print(
        f"{facts['processor']}, {facts['cores']} cores, one thread; {options.samples} samples, {mix.size} x {mix.size}"
    )
    results = []
    for snapshots in mix.snapshots:
        results.append(measure(mix, snapshots, options))
        print("\n" + table(results[-1]), flush=True)
    share = min(result["rows"]["mix"]["core_share"] for result in results)
    if share < BUSY:
        print(f"\nthe machine was busy: this process had {share:.0%} of a core; see the column '/cpu s'")
    print(f"\npeak memory {peak_memory() / 1e6:.0f} MB, with the pictures of all categories")
    if options.out is not None:
        report = {**facts, "samples": options.samples, "repetitions": options.repetitions, "results": results}
        report["peak_memory_bytes"] = peak_memory()
        options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

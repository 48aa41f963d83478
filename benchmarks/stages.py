"""Where the time of a sample goes: placing, rendering, npcF, npcF++, terms, encoding; on small and on large pictures.

    python -m benchmarks.stages [--samples N] [--repetitions R] [--large N] [--out FILE.json]

* :func:`prepared_windows` simulates and places; :func:`time_windows` times what follows, stage by stage.
* :func:`small` and :func:`large` are the two settings; :func:`table` prints them.

The mix is that of ``benchmarks.throughput``. A stage's time is processor time, the least of the repetitions, so that
other programs matter little. Rendering, npcF and npcF++ are differences between runs that end after each. Simulation is
not in the table: its results are shared and cached (``benchmarks.solver_timing``).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from maphc2f.cli.threads import set_thread_variables

if TYPE_CHECKING:
    from benchmarks.measurement import Bench, Layout
    from maphc2f.generate.compose import CategoryContext, Order, Prepared
    from maphc2f.generate.plan import Group
    from maphc2f.spec import DatasetSpec

MIX = Path(__file__).with_name("mix.toml")
STAGES = ("placing", "rendering", "npcF", "npcF++", "terms", "encoding")
REFINING = ("rendering", "npcF", "npcF++", "terms")
GOAL = 7.5
"""Milliseconds for the stages of REFINING."""

LARGE = (2048, 1536)
LARGE_CATEGORIES = ("grid", "metal_nut")
"""A texture and an object whose good pictures are quick to make."""

LARGE_GOAL = 3.0
"""Times a sample of the small size, without encoding."""

Milliseconds = dict[str, float]


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--samples", type=int, default=144, help="samples of the mix (default 144)")
    parser.add_argument("--repetitions", type=int, default=3, help="of every stage (default 3)")
    parser.add_argument("--large", type=int, default=24, help="samples on large pictures, 0 for none (default 24)")
    parser.add_argument("--out", type=Path, help="write all numbers as JSON")
    options = parser.parse_args(arguments)
    if options.samples < 12 or options.repetitions < 1 or options.large < 0:
        parser.error("--samples must be at least 12, --repetitions at least 1 and --large at least 0")
    return options


def _least(repetitions: int, work: Callable[[], object]) -> float:
    """Return the least seconds of this process that ``work`` takes."""
    times = []
    for _ in range(repetitions):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def _orders(context: CategoryContext, groups: Sequence[Group]) -> Iterator[Order]:
    from maphc2f.generate.compose import Order
    from maphc2f.generate.simulate import simulate_group

    for group in groups:
        simulated = simulate_group(context.dataset, context.category, group)
        if simulated is not None:
            yield from (Order(group, group.first + k, simulated, k) for k in range(group.count))


def prepared_windows(
    context: CategoryContext, groups: Sequence[Group], repetitions: int
) -> tuple[list[Prepared], float]:
    """Return the first windows of all samples that found a place, and the seconds it took to place all."""
    from maphc2f.generate.compose import prepare_window

    orders = list(_orders(context, groups))
    for order in orders:  # makes and keeps the good pictures
        prepare_window(context, order)
    windows = [prepare_window(context, order) for order in orders]
    seconds = _least(repetitions, lambda: [prepare_window(context, order) for order in orders])
    return [window for window in windows if window is not None], seconds


def time_windows(context: CategoryContext, windows: Sequence[Prepared], repetitions: int) -> Milliseconds:
    """Return the seconds of all stages after placing, for windows of one shape; refused samples are timed as well."""
    from maphc2f.generate.assemble import assemble
    from maphc2f.generate.compose import check_part
    from maphc2f.refine.pipeline import synthesise
    from maphc2f.shards.png import encode_png, pixel_sha256

    inputs = [window.inputs for window in windows]
    results = synthesise(inputs, "npcf++")
    coarse = _least(repetitions, lambda: synthesise(inputs, "coarse"))
    npcf = _least(repetitions, lambda: synthesise(inputs, "npcf"))
    whole = _least(repetitions, lambda: synthesise(inputs, "npcf++"))
    pairs = list(zip(windows, results, strict=True))
    parts = [part for pair in pairs if (part := check_part(context, *pair)[0]) is not None]
    terms = _least(repetitions, lambda: [check_part(context, *pair) for pair in pairs])

    def encode() -> None:
        for part in parts:
            sample = assemble(context, [part])
            for pixels in (sample.image, sample.mask, sample.soft_mask):
                encode_png(pixels)
                pixel_sha256(pixels)

    share = len(pairs) / max(len(parts), 1)
    seconds = (coarse, npcf - coarse, whole - npcf, terms, share * _least(repetitions, encode))
    return dict(zip(STAGES[1:], seconds, strict=True))


def time_layout(bench: Bench, layout: Layout, repetitions: int) -> Milliseconds:
    """Return milliseconds a sample of every stage, and under ``windows`` thousands of pixels of a window."""
    totals: dict[str, float] = defaultdict(float)
    count = 0
    for groups in layout.values():
        for name, own in groups.items():
            context = bench.context(name)
            windows, placing = prepared_windows(context, own, repetitions)
            totals["placing"] += placing
            shapes: dict[tuple[int, ...], list[Prepared]] = defaultdict(list)
            for window in windows:
                shapes[window.inputs.picture.shape].append(window)
            for some in shapes.values():
                for stage, seconds in time_windows(context, some, repetitions).items():
                    totals[stage] += seconds
            count += len(windows)
            totals["windows"] += sum(window.window.height * window.window.width for window in windows) / 1e6
    return {name: 1e3 * total / max(count, 1) for name, total in totals.items()}


def small(options: argparse.Namespace) -> Milliseconds:
    """Time the standard mix at its own size."""
    from benchmarks.measurement import Bench, bench_dataset, lay_out, load_mix

    mix = load_mix(MIX)
    dataset = bench_dataset(mix, None).model_copy(update={"snapshots": 1})
    bench = Bench(dataset, mix.batch)
    return time_layout(bench, lay_out(mix, dataset, options.samples, 1), options.repetitions)


def _few(dataset: DatasetSpec, size: tuple[int, int], scale: float) -> DatasetSpec:
    """Return a few categories with pictures of ``size``, ``scale`` times as fine, and defects of as many pixels."""
    from maphc2f.spec import SizeSpec

    categories = tuple(
        c.model_copy(
            update={
                "severity": (c.severity[0] / scale, c.severity[1] / scale),
                "source": c.source.model_copy(update={"pool": 4}),
            }
        )
        for c in dataset.categories
        if c.name in LARGE_CATEGORIES
    )
    shape = SizeSpec(width=size[0], height=size[1], fit="letterbox")
    return dataset.model_copy(update={"categories": categories, "size": shape})


def large(options: argparse.Namespace) -> tuple[Milliseconds, Milliseconds]:
    """Time the same categories at the small size and at the large one, with defects of as many pixels."""
    from benchmarks.measurement import Bench, bench_dataset, lay_out, load_mix

    mix = load_mix(MIX)
    dataset = bench_dataset(mix, None).model_copy(update={"snapshots": 1})
    out = []
    for size in ((mix.size, mix.size), LARGE):
        part = _few(dataset, size, min(size) / mix.size)
        out.append(time_layout(Bench(part, mix.batch), lay_out(mix, part, options.large, 1), options.repetitions))
    return out[0], out[1]


def total(row: Milliseconds, stages: Sequence[str]) -> float:
    """Return the sum over some stages, ms."""
    return sum(row[stage] for stage in stages)


def table(rows: dict[str, Milliseconds]) -> str:
    """Return the rows as text."""
    head = f"{'ms a sample':<24}" + "".join(f"{stage:>10}" for stage in STAGES) + f"{'refining':>10}{'kpx':>7}"
    lines = [head]
    for name, row in rows.items():
        cells = "".join(f"{row[stage]:>10.2f}" for stage in STAGES)
        lines.append(f"{name:<24}{cells}{total(row, REFINING):>10.2f}{row['windows']:>7.1f}")
    return "\n".join([*lines, f"refining is {', '.join(REFINING)}; kpx are thousands of pixels of a window"])


def verdicts(rows: dict[str, Milliseconds]) -> list[str]:
    """Return in words whether the goals are met."""
    found = total(rows["mix 256 x 256"], REFINING)
    out = [f"refining {found:.1f} ms, goal {GOAL} ms: {'met' if found <= GOAL else 'missed'}"]
    if len(rows) == 3:
        first, second = (total(row, STAGES[:-1]) for row in list(rows.values())[1:])
        word = "met" if second < LARGE_GOAL * first else "missed"
        out.append(f"large over small, without encoding: {second / first:.2f}, goal {LARGE_GOAL:.0f}: {word}")
    return out


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    options = parse_args(arguments)
    set_thread_variables()
    from benchmarks.measurement import machine_facts
    from maphc2f.generate.worker import pin_threads

    pin_threads()
    rows = {"mix 256 x 256": small(options)}
    if options.large:
        rows["few, 256 x 256"], rows[f"few, {LARGE[0]} x {LARGE[1]}"] = large(options)
    print("\n".join([table(rows), *verdicts(rows)]))
    if options.out is not None:
        options.out.write_text(json.dumps({**machine_facts(), "rows": rows}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

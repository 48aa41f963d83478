"""Can synthetic defects be told from real ones? Classifier AUROC and kernel distance, beside the rivals.

    python -m benchmarks.realism --data DIR [--half development|report] [--samples N] [--draws N] [--only SET ...]

Real sets lie in DIR; synthetic crops are made as a user would make them, by ``benchmarks/morphology.toml``. What is
compared and how is written in ``docs/methods/realism.md``. Exit code 0 whether or not the goals are met.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maphc2f.cli.threads import set_thread_variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.realism_looks import Look
    from benchmarks.realism_run import Drawn, Outcome, Sampled

SETS = ("magnetic_tile_crack", "magnetic_tile_blowhole", "magnetic_tile_break", "ball_screw_pitting", "crackforest")
SOURCES = (
    "npcf++",
    "npcf",
    "coarse",
    "npcf++ calibrated",
    "texture_overlay",
    "perlin_overlay",
    "cut_paste",
    "poisson_blend",
)
STAGES = ("npcf++", "npcf", "coarse")
"""From the stage that should be nearest to the one that should be farthest."""


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.realism", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the real sets")
    parser.add_argument("--half", choices=("development", "report"), default="development")
    parser.add_argument("--samples", type=int, default=48, help="samples of each source and draw (default 48)")
    parser.add_argument("--draws", type=int, default=2, help="seeds (default 2)")
    parser.add_argument("--replicates", type=int, default=200, help="of the bootstrap (default 200)")
    parser.add_argument("--only", nargs="+", choices=SETS, default=SETS, metavar="SET", help=f"of {', '.join(SETS)}")
    parser.add_argument(
        "--sources", nargs="+", choices=SOURCES, default=SOURCES, metavar="ROW", help=f"of {', '.join(SOURCES)}"
    )
    parser.add_argument("--backbone", default="efficientnet_lite0", help="as maphc2f.features.load names it")
    parser.add_argument("--backbone-file", type=Path, help="its weights; those of the installed package by default")
    parser.add_argument(
        "--pooling",
        choices=("contrast", "window"),
        default="contrast",
        help="what the classifier sees: the defect less its surroundings (default), or the whole crop",
    )
    parser.add_argument("--manifest", type=Path, help="another manifest with categories of the same names")
    parser.add_argument("--looks", action="store_true", help="print what gives the first row away, easiest first")
    parser.add_argument("--sheets", type=Path, help="folder for close-ups of every set, real above synthetic")
    parser.add_argument("--out", type=Path, help="write all numbers as JSON")
    return parser.parse_args(arguments)


def verdict(outcome: Outcome) -> str:
    """Return in words whether our last stage is nearest, and whether the stages are in order."""
    plain = {name: row for name, row in outcome.rows.items() if not name.endswith("calibrated")}
    if "npcf++" not in plain:
        return "npcf++ was not run"
    gap = {name: abs(row.auroc - 0.5) for name, row in plain.items()}
    distance = {name: row.distance for name, row in plain.items()}
    best = [f"{what}: {min(table, key=lambda name: table[name])}" for what, table in _measures(gap, distance)]
    parts = [f"nearest by {', '.join(best)}"]
    stages = [name for name in STAGES if name in plain]
    if len(stages) == len(STAGES):
        ordered = [
            what for what, table in _measures(gap, distance) if sorted(stages, key=lambda n: table[n]) == list(STAGES)
        ]
        parts.append(f"coarse > npcf > npcf++ by {' and '.join(ordered) or 'neither'}")
    return "; ".join(parts)


def _measures(gap: dict[str, float], distance: dict[str, float]) -> tuple[tuple[str, dict[str, float]], ...]:
    return ("AUROC", gap), ("distance", distance)


def _span(values: tuple[float, float], digits: int) -> str:
    return f"({values[0]:.{digits}f}..{values[1]:.{digits}f})"


def table(outcome: Outcome) -> str:
    """Return the numbers of one set as text."""
    titles = (
        f"{'AUROC':>6} {'(5..95 %)':>13} {'nearer':>7} {'distance':>9} {'(5..95 %)':>17} {'nearer':>7} {'pairs':>6}"
    )
    lines = [f"{outcome.name}: {outcome.real[0]} real crops of {outcome.real[1]} specimens", f"  {'':<20} {titles}"]
    for name, row in outcome.rows.items():
        nearer = [f"{share:.0%}" if name != "npcf++" else "" for share in row.nearer]
        lines.append(
            f"  {name:<20} {row.auroc:>6.3f} {_span(row.auroc_interval, 2):>13} {nearer[0]:>7} "
            f"{row.distance:>9.3f} {_span(row.distance_interval, 3):>17} {nearer[1]:>7} {row.pairs:>6.0f}"
        )
    if outcome.split_auroc is not None and outcome.split_distance is not None:
        (auroc, *span), (distance, *spread) = outcome.split_auroc, outcome.split_distance
        lines.append(
            f"  {'real against real':<20} {auroc:>6.3f} {_span((span[0], span[1]), 2):>13} {'':>7} "
            f"{distance:>9.3f} {_span((spread[0], spread[1]), 3):>17}"
        )
    lines.append(f"  {'grounds alone':<20} {outcome.ground_auroc:>6.3f}")
    lines += [f"  {name:<20} left out: {why}" for name, why in outcome.left_out.items()]
    return "\n".join([*lines, f"  {verdict(outcome)}"])


def looks_table(found: Sequence[Look]) -> str:
    """Return measures of real and synthetic crops as text."""
    lines = [f"  {'':<22} {'alone':>6} {'real p10 p50 p90':>24} {'synthetic p10 p50 p90':>24}"]
    for look in found:
        real, synthetic = (" ".join(f"{q:.3g}" for q in side) for side in (look.real, look.synthetic))
        lines.append(f"  {look.name:<22} {look.auroc:>6.2f} {real:>24} {synthetic:>24}")
    return "\n".join(lines)


def _partners(drawn: Drawn) -> Sampled:
    return drawn.partners


def _matched(drawn: Drawn) -> Sampled:
    return drawn.matched


def _report(options: argparse.Namespace, outcomes: list[Outcome], digest: str) -> dict[str, Any]:
    return {
        "half": options.half,
        "samples": options.samples,
        "draws": options.draws,
        "pooling": options.pooling,
        "backbone": {"name": options.backbone, "digest": digest},
        "sets": [{**asdict(outcome), "verdict": verdict(outcome)} for outcome in outcomes],
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    options = parse_args(arguments)
    set_thread_variables()
    from benchmarks import realism_run as run
    from benchmarks.morphology_sets import load_dataset
    from benchmarks.realism_calibrate import calibrated
    from benchmarks.realism_looks import ranked
    from maphc2f import features
    from maphc2f.generate.sheet import write_sheet
    from maphc2f.generate.worker import pin_threads

    pin_threads()
    start = time.perf_counter()
    text = None if options.manifest is None else options.manifest.read_text(encoding="utf-8")
    textures = options.data.resolve() / "textures"
    dataset = load_dataset(options.data, text).model_copy(
        update={"textures": str(textures) if textures.is_dir() else None}
    )
    backbone = features.load(options.backbone, weights=options.backbone_file)
    task = run.Task(
        options.data,
        options.half,
        options.samples,
        options.draws,
        options.replicates,
        tuple(options.sources),
        backbone,
        options.pooling,
        partial(calibrated, options.data),
    )
    outcomes = []
    for name in options.only:
        outcome, drawn = run.evaluate(task, dataset, name)
        outcomes.append(outcome)
        print(table(outcome) + "\n", flush=True)
        if options.looks and drawn:
            draws = next(iter(drawn.values()))
            sides = [[crop for d in draws for crop in part(d).crops] for part in (_partners, _matched)]
            print(looks_table(ranked(*sides)) + "\n", flush=True)
        if options.sheets is not None and drawn:
            options.sheets.mkdir(parents=True, exist_ok=True)
            write_sheet(options.sheets / f"{name}.png", run.sheet(drawn))
    print(f"{options.half} half, {options.backbone}; {time.perf_counter() - start:.0f} s")
    if options.out is not None:
        report = _report(options, outcomes, backbone.digest)
        options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

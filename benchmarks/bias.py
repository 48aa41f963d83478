"""How far is production from converged? Each scenario against its own converged setting, on the same random fields.

    python -m benchmarks.bias [--seeds N] [--only NAME ...] [--out FILE.json]

Requests are those of a dataset of 256 x 256 pictures. ``production / converged`` is the mean of production over that of
the converged runs with its standard error; the standard deviation is that of a single simulation. The goal is a mean
within 10 %. A physical scenario without a converged setting here is named at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks import bias_corrosion, bias_crack, bias_deformation, bias_edges
from benchmarks.bias_table import Bias, Variant, rows_of, table
from benchmarks.measurement import load_mix, machine_facts
from benchmarks.scenario_mix import MIX, draw_case, standard_dataset
from maphc2f.defects import FAMILIES
from maphc2f.defects.crack_sheets import RECIPES
from maphc2f.defects.layers import layer_of
from maphc2f.generate.worker import pin_threads

SEEDS = 10
MORE_DRAWS = 3
"""Draws for each seed asked for, as some are rejected."""

_SLOW = "load raised ten times as reluctantly, in steps a thirtieth as large"
_SLOWER = "load raised ten times as reluctantly, in steps a tenth as large"
_PITS = "steps a quarter as long, converged to 1e-4; for pits also half the spacing"
_STAINS = "steps a quarter as long, ten times the sweeps"
_BLISTERS = "steps a quarter as long, converged to 1e-4; film to 1e-8"
_PRESSED = "half the spacing, four times the load steps, tolerance 1e-4"

VARIANTS: Mapping[str, Variant] = {
    **{f"crack.{name}": Variant(_SLOW, bias_crack.measure) for name in RECIPES},
    "crack.chip": Variant(_SLOWER, bias_edges.chip),
    "corrosion.pit": Variant(_PITS, bias_corrosion.pit),
    "corrosion.pit_cluster": Variant(_PITS, bias_corrosion.cluster),
    "corrosion.rust_patch": Variant(_PITS, bias_corrosion.cluster),
    "corrosion.stain": Variant(_STAINS, bias_corrosion.stain),
    "corrosion.rust_run": Variant(_STAINS, bias_corrosion.stain),
    "corrosion.blister": Variant(_BLISTERS, bias_corrosion.blister),
    "deformation.dent": Variant(_PRESSED, bias_deformation.press),
    "deformation.crease": Variant(_PRESSED, bias_deformation.press),
    "deformation.imprint": Variant("half the spacing, tolerance 1e-6", bias_deformation.imprint),
    "deformation.scratch": Variant("half the spacing", bias_deformation.scratch),
    "deformation.edge_dent": Variant("four times the steps of loading and unloading", bias_edges.edge_dent),
    "deformation.wrinkle": Variant("half the spacing, 20 times the relaxation", bias_deformation.wrinkle),
}
"""Converged setting of each scenario."""


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bias", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=SEEDS, help="draws of each scenario (default 10)")
    parser.add_argument("--only", nargs="+", choices=sorted(VARIANTS), metavar="NAME", help="as in crack.star")
    parser.add_argument("--out", type=Path, help="write all numbers as JSON")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error("--seeds must be at least 1")
    return options


def measure(name: str, seeds: int) -> list[Bias]:
    """Measure one scenario."""
    mix = load_mix(MIX)
    dataset = standard_dataset(mix, 4)
    drawn = [(seed, draw_case(mix, dataset, name, seed)) for seed in range(MORE_DRAWS * seeds)]
    return rows_of(name, VARIANTS[name], [(seed, case) for seed, case in drawn if case is not None], seeds)


def unmeasured() -> list[str]:
    """Return the physical scenarios that have no converged setting here; picture-level families solve nothing."""
    physical = [family for family in FAMILIES if layer_of(FAMILIES[family]) is None]
    return [f"{f}.{s}" for f in physical for s in FAMILIES[f].scenarios if f"{f}.{s}" not in VARIANTS]


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    options = parse_args(arguments)
    pin_threads()
    rows: list[Bias] = []
    for name in options.only or VARIANTS:
        found = measure(name, options.seeds)
        print(table(found, head=not rows), flush=True)
        rows += found
    within = sum(row.verdict != "FALLS SHORT" for row in rows)
    print(f"\n{within} of {len(rows)} quantities within 10 %, {len(rows) - within} fall short")
    if not options.only and unmeasured():
        print(f"not measured: {', '.join(unmeasured())}")
    if options.out is not None:
        report = {**machine_facts(), "seeds": options.seeds, "rows": [asdict(row) for row in rows]}
        options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

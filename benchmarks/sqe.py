"""How well the learned quality estimator tells good samples from spoiled ones, on categories it was not trained on.

    python -m benchmarks.sqe --quick
    python -m benchmarks.sqe [--out FILE.json] [--data DIR]

Tables of pairs ranked right by kind of fault: by the shipped model, by a model that never saw that kind, and by SQE
v1; the same by family; and pairs of any two samples of a category. The shipped model is examined on the bundled
categories that its training leaves out; models without a kind are trained here on the others. With ``--data`` the real
sets' good pictures are examined too, of the development half unless ``--half report`` is given.

* :func:`examine` counts one model on material; :func:`left_out` trains without each kind in turn.
* :func:`bundled_material`, :func:`real_material` make the material.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.halves import HALVES, Half
from maphc2f.bundled import BUNDLED, bundled_path
from maphc2f.features import load
from maphc2f.generate.material import Ground, Wanted, make_material
from maphc2f.generate.sources import SourceOptions, resolve_sources
from maphc2f.generate.sqe_train import KEPT_OUT, VARIED_SHARE, default_categories
from maphc2f.generate.worker import pin_threads
from maphc2f.manifest import load_manifest
from maphc2f.quality.model import DEFAULT, load_model
from maphc2f.quality.ranking import (
    Material,
    Scores,
    Settings,
    accuracy,
    across,
    pairs_of,
    right,
    train,
    v1_scores,
)
from maphc2f.quality.spoil import SPOILINGS

SEED = 7
"""Not that of the shipped model's training: other pictures and other defects even in categories it knows."""

REAL = ("magnetic_tile", "ball_screw_pitting")
LEAST_ALL, LEAST_LEFT_OUT = 0.95, 0.85
"""What must hold in the mean over all pairs: of known kinds, and of kinds left out of the training."""

QUICK_KINDS = ("shifted_mask", "halo", "sharp_edge", "wrong_colour", "blurred_inside", "too_strong", "flat", "cut_mask")


@dataclass(frozen=True, slots=True)
class Size:
    """How much is run.

    Attributes:
        examined: Categories that are counted on.
        samples: Of each.
        learnt: Categories that models without a kind are trained on.
        learnt_samples: Of each.
        kinds: That are left out in turn.
        settings: Of those trainings.
    """

    examined: tuple[str, ...]
    samples: int
    learnt: tuple[str, ...]
    learnt_samples: int
    kinds: tuple[str, ...]
    settings: Settings


def sizes(names: Sequence[str], *, quick: bool) -> Size:
    """Return the size of a run; ``names`` are all bundled categories."""
    if quick:
        learnt = ("bottle", "grid", "screw", "wood")
        return Size(("leather", "metal_nut"), 6, learnt, 8, QUICK_KINDS[:2], Settings(epochs=20))
    return Size(KEPT_OUT, 24, default_categories(names), 24, tuple(SPOILINGS), Settings())


def bundled_material(names: Iterable[str], samples: int, varied_share: float = 0.0) -> list[Material]:
    """Make material of bundled categories on procedural pictures; a share of these may be varied, as for training."""
    options = SourceOptions(None, "refuse", None)
    dataset = resolve_sources(load_manifest(bundled_path(BUNDLED)), options)
    seeded = dataset.model_copy(update={"seed": SEED})
    backbone, wanted = load("scattering"), Wanted(samples, varied_share=varied_share)
    return [make_material(Ground.of(seeded, name, options), wanted, backbone) for name in names]


def real_material(data: Path, half: Half, samples: int) -> list[Material]:
    """Make material on the good pictures of the real sets."""
    from benchmarks.downstream_sets import real_problem

    backbone, made = load("scattering"), []
    for name in REAL:
        problem = real_problem(data, name, half)
        dataset = problem.dataset.model_copy(update={"seed": SEED})
        ground = Ground(dataset, dataset.categories[0], problem.source, problem.inventory)
        made.append(make_material(ground, Wanted(samples), backbone))
    return made


def examine(materials: Sequence[Material], scores: Scores) -> dict[str, Any]:
    """Return what a score ranks right: all pairs, by kind, by family, by category, and of any two samples."""
    pairs = pairs_of(materials)
    won, spoiled = right(pairs, scores), np.isin(pairs.kinds, list(SPOILINGS))
    families = {str(name): won[spoiled & (pairs.families == name)] for name in sorted(set(pairs.families[spoiled]))}
    return {
        "all": float(won[spoiled].mean()),
        "pairs": int(spoiled.sum()),
        "across": across(materials, scores, SPOILINGS),
        "by_kind": accuracy(materials, scores),
        "by_family": {name: (float(values.mean()), len(values)) for name, values in families.items()},
        "by_category": {material.category: _share(material, scores) for material in materials},
    }


def _share(material: Material, scores: Scores) -> tuple[float, int]:
    counts = {kind: pair for kind, pair in accuracy([material], scores).items() if kind in SPOILINGS}
    total = sum(count for _, count in counts.values())
    return sum(share * count for share, count in counts.values()) / max(total, 1), total


def left_out(
    learnt: Sequence[Material], examined: Sequence[Material], kinds: Iterable[str], settings: Settings
) -> dict[str, float]:
    """Return by kind the share of its pairs that a model ranks right which was trained without that kind."""
    shares = {}
    for kind in kinds:
        counted = accuracy(examined, train(learnt, settings, without=(kind,)).logits)
        if kind in counted:
            shares[kind] = counted[kind][0]
    return shares


def table(model: dict[str, Any], simple: dict[str, Any], unknown: dict[str, float]) -> str:
    """Return the tables as text."""
    lines = [f"{'pairs ranked right, %':34}{'pairs':>7}{'learned':>9}{'left out':>10}{'SQE v1':>8}"]
    for kind, (share, count) in model["by_kind"].items():
        rest = f"{100 * unknown[kind]:10.1f}" if kind in unknown else f"{'':10}"
        lines.append(f"  {kind:32}{count:7}{100 * share:9.1f}{rest}{100 * simple['by_kind'][kind][0]:8.1f}")
    mean = f"{100 * float(np.mean(list(unknown.values()))):10.1f}" if unknown else f"{'':10}"
    lines.append(f"{'all spoiled':34}{model['pairs']:7}{100 * model['all']:9.1f}{mean}{100 * simple['all']:8.1f}")
    lines.append(
        f"{'any two samples of a category':41}{100 * model['across']:9.1f}{'':10}{100 * simple['across']:8.1f}"
    )
    for group in ("by_family", "by_category"):
        lines.append(group.replace("_", " "))
        for name, (share, count) in model[group].items():
            lines.append(f"  {name:32}{count:7}{100 * share:9.1f}{'':10}{100 * simple[group][name][0]:8.1f}")
    return "\n".join(lines)


def verdict(model: dict[str, Any], unknown: dict[str, float]) -> list[str]:
    """Return what must hold and does not, one line each."""
    found = []
    if model["all"] < LEAST_ALL:
        found.append(f"{100 * model['all']:.1f} % of unseen pairs ranked right, {100 * LEAST_ALL:g} % needed")
    mean = float(np.mean(list(unknown.values()))) if unknown else 1.0
    if mean < LEAST_LEFT_OUT:
        found.append(f"{100 * mean:.1f} % of pairs of left-out kinds ranked right, {100 * LEAST_LEFT_OUT:g} % needed")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run and print; 1 if what must hold does not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sqe", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two categories, two kinds left out; some 20 seconds")
    parser.add_argument("--model", default=DEFAULT, help="file, or default: the shipped one")
    parser.add_argument("--data", type=Path, help="folder that holds the real sets")
    parser.add_argument("--half", choices=HALVES, default="development", help="of the real sets")
    parser.add_argument("--out", type=Path, help="write all numbers to this JSON file")
    chosen = parser.parse_args(arguments)
    pin_threads()
    start = time.perf_counter()
    names = [category.name for category in load_manifest(bundled_path(BUNDLED)).categories]
    size, model = sizes(names, quick=chosen.quick), load_model(chosen.model)
    examined = bundled_material(size.examined, size.samples)
    learnt = bundled_material(size.learnt, size.learnt_samples, VARIED_SHARE)
    unknown = left_out(learnt, examined, size.kinds, size.settings)
    result = examine(examined, model.logits)
    print(table(result, examine(examined, v1_scores), unknown))
    numbers: dict[str, Any] = {"model": model.digest, "bundled": result, "left_out": unknown}
    if chosen.data is not None:
        real = real_material(chosen.data, chosen.half, size.samples)
        of_real = left_out(learnt, real, size.kinds, size.settings)
        numbers |= {"real": examine(real, model.logits), "real_left_out": of_real}
        print(f"\nreal good pictures, {chosen.half} half\n{table(numbers['real'], examine(real, v1_scores), of_real)}")
    problems = verdict(result, unknown)
    print(*(f"MISSED: {line}" for line in problems), f"{time.perf_counter() - start:.0f} s", sep="\n")
    if chosen.out is not None:
        chosen.out.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

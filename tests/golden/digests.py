"""What a fixed recipe makes, as digests; ``python -m tests.golden.digests`` writes what the test expects.

* :func:`plan_facts`: plan, choices and recipes: the same on every machine.
* :func:`sample_facts`: pixels of samples: the same on one processor type with one set of libraries.
* :func:`machine`: what the latter depend on.
"""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from maphc2f.defects import FAMILIES
from maphc2f.generate.group import make_groups
from maphc2f.generate.plan import plan_category
from maphc2f.generate.profile import Clock
from maphc2f.generate.rows import defect_row
from maphc2f.generate.worker import pin_threads
from maphc2f.spec import ALGORITHM_VERSION, CategorySpec, DatasetSpec, DefectSpec, SourceSpec, recipe_digest
from maphc2f.substrates.inventory import ranked
from tests.builders import category, context_of, dataset

PINNED = Path(__file__).with_name("digests.json")
LIBRARIES = ("numpy", "scipy", "numba", "torch", "opencv-python-headless", "pywavelets")


def golden_category() -> CategorySpec:
    """Return a part with all families that suit steel."""
    return category(
        "golden",
        count=40,
        source=SourceSpec(kind="procedural", generator="metal_nut", pool=6, licence="CC0-1.0"),
        kind="object",
        material="steel",
        foreground="auto",
        defects=tuple(DefectSpec(family=name) for name in FAMILIES),
    )


def golden_dataset() -> DatasetSpec:
    """Return the recipe."""
    return dataset(golden_category(), seed=20)


def machine() -> dict[str, str]:
    """Return processor and library versions."""
    model = next(
        (line.split(":")[1].strip() for line in _cpuinfo().splitlines() if line.startswith("model name")),
        platform.processor(),
    )
    return {"processor": model, "python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def _cpuinfo() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8") if path.exists() else ""


def plan_facts() -> dict[str, Any]:
    """Return the shards' groups, the choice of pictures and the recipe."""
    spec = golden_dataset()
    hashes = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(16)]
    shards = plan_category(spec, spec.categories[0])
    return {
        "groups": {s.key.shard_id: [f"{g.number} {g.family} {g.first}+{g.count}" for g in s.groups] for s in shards},
        "choices": [[int(i) for i in ranked(hashes, 20, "golden", index)[:4]] for index in range(6)],
        "recipe": recipe_digest(spec, spec.categories[0]),
    }


def sample_facts() -> dict[str, str]:
    """Return the content digests of the first samples of each family."""
    pin_threads()
    spec = golden_dataset()
    context = context_of(spec, "golden")
    groups = [g for shard in plan_category(spec, spec.categories[0]) for g in shard.groups]
    first = [next(g for g in groups if g.family == family) for family in FAMILIES]
    samples, _ = make_groups(context, first, Clock())
    rows = [defect_row(sample, ()) for sample in samples]
    return {f"{row['sample_id']} {row['defect_family']}": row["content_digest"] for row in rows}


def main() -> None:
    """Write the file."""
    facts = {
        "algorithm_version": ALGORITHM_VERSION,
        "machine": machine(),
        "plan": plan_facts(),
        "samples": sample_facts(),
    }
    PINNED.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

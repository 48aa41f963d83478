"""Timing of the generator, stage by stage, in this process and on one thread.

* :func:`load_mix` reads ``mix.toml``; :func:`lay_out` turns it into groups of every category.
* :class:`Bench` makes samples and times them; :func:`output_floor` times output alone.
* :func:`machine_facts` says what the numbers were measured on.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from maphc2f.bundled import BUNDLED, bundled_path
from maphc2f.generate.compose import CategoryContext
from maphc2f.generate.group import make_groups
from maphc2f.generate.overlay import TextureBank
from maphc2f.generate.pictures import PicturePool
from maphc2f.generate.plan import Group, assign_cells, family_weights
from maphc2f.generate.profile import Clock
from maphc2f.generate.rows import defect_row
from maphc2f.generate.sources import SourceOptions, take_inventory
from maphc2f.generate.worker import batches
from maphc2f.manifest import as_procedural, load_manifest
from maphc2f.sample import Sample
from maphc2f.shards.index import ShardKey
from maphc2f.shards.png import encode_png, pixel_sha256
from maphc2f.shards.schema import defect_schema
from maphc2f.shards.writer import write_shard
from maphc2f.spec import CategorySpec, DatasetSpec, SizeSpec, SourceSpec
from maphc2f.substrates.base import open_substrate

STAGES = ("simulate", "place", "refine", "check", "encode", "write")
LIBRARIES = ("numpy", "scipy", "numba", "torch", "opencv-python-headless", "pyarrow", "isal")
PICTURES_TIMED = 8

Layout = dict[str, dict[str, list[Group]]]
"""Groups by family, then by category."""


@dataclass(frozen=True, slots=True)
class Mix:
    """The frozen mix; see ``mix.toml``."""

    size: int
    pool: int
    seed: int
    batch: int
    snapshots: tuple[int, ...]
    families: dict[str, float]


@dataclass(slots=True)
class Timing:
    """One repetition of some work.

    Attributes:
        samples: Finished.
        failed: Found no valid form.
        wall: Seconds.
        processor: Seconds of this process on a processor; less than ``wall`` where other programs were in the way.
        stages: Seconds by stage.
    """

    samples: int = 0
    failed: int = 0
    wall: float = 0.0
    processor: float = 0.0
    stages: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    def __add__(self, other: Timing) -> Timing:
        stages = {name: self.stages[name] + other.stages[name] for name in STAGES}
        return Timing(
            self.samples + other.samples,
            self.failed + other.failed,
            self.wall + other.wall,
            self.processor + other.processor,
            stages,
        )


def load_mix(path: Path) -> Mix:
    """Read the mix."""
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    return Mix(**{**values, "snapshots": tuple(values["snapshots"])})


def bench_dataset(mix: Mix, pictures: Path | None) -> DatasetSpec:
    """Return the bundled manifest with procedural pictures, or with those of one folder for every category."""
    dataset = load_manifest(bundled_path(BUNDLED))
    categories = tuple(_with_source(category, mix, pictures) for category in dataset.categories)
    size = SizeSpec(width=mix.size, height=mix.size, fit="letterbox")
    return dataset.model_copy(update={"categories": categories, "size": size, "seed": mix.seed})


def _with_source(category: CategorySpec, mix: Mix, pictures: Path | None) -> CategorySpec:
    if pictures is not None:
        source = SourceSpec(kind="folder", path=str(pictures.resolve()))
        return category.model_copy(update={"source": source, "foreground": "auto"})
    drawn = as_procedural(category)
    return drawn.model_copy(update={"source": drawn.source.model_copy(update={"pool": mix.pool})})


def lay_out(mix: Mix, dataset: DatasetSpec, samples: int, snapshots: int) -> Layout:
    """Return the groups to make: each family's share, spread over the categories by the family's weight in them."""
    total = sum(mix.families.values())
    numbers: dict[str, int] = defaultdict(int)
    layout: Layout = {}
    for family, share in mix.families.items():
        categories = [c for c in dataset.categories if family in family_weights(c)]
        weights = [family_weights(c)[family] for c in categories]
        count = max(1, round(samples * share / total / snapshots))
        groups: dict[str, list[Group]] = defaultdict(list)
        for cell in assign_cells([w / sum(weights) for w in weights], count):
            name = categories[cell].name
            number = numbers[name]
            numbers[name] += 1
            groups[name].append(Group(number, family, "train", number * snapshots, snapshots))
        layout[family] = dict(groups)
    return layout


class Bench:
    """Categories opened once, with their pictures kept.

    Args:
        dataset: Of :func:`bench_dataset`, with its number of snapshots set.
        batch: Samples refined together, at most.
    """

    def __init__(self, dataset: DatasetSpec, batch: int) -> None:
        self._dataset, self._batch = dataset, batch
        self._textures = TextureBank(None, dataset.seed)
        self._contexts: dict[str, CategoryContext] = {}

    def context(self, name: str) -> CategoryContext:
        """Return an opened category."""
        if name not in self._contexts:
            category = self._dataset.category(name)
            one = self._dataset.model_copy(update={"categories": (category,)})
            inventory = take_inventory(one, SourceOptions())[name]
            substrate = open_substrate(category, seed=one.seed, size=one.size)
            self._contexts[name] = CategoryContext(
                one, category, PicturePool(one, category, substrate, inventory), self._textures
            )
        return self._contexts[name]

    def time_pictures(self, names: Iterable[str]) -> float:
        """Return the seconds it takes to draw or decode and to prepare one good picture, mean over ``names``."""
        times = []
        for name in names:
            pool = self.context(name).pool
            start = time.perf_counter()
            for picture in pool.accepted[:PICTURES_TIMED]:
                pool.get(picture)
            times.append((time.perf_counter() - start) / len(pool.accepted[:PICTURES_TIMED]))
        return sum(times) / len(times)

    def run(self, family: str, groups: dict[str, list[Group]]) -> tuple[Timing, list[Sample]]:
        """Make, encode and write the samples of one family in a scratch folder that is removed afterwards."""
        timing, clock, made = Timing(), Clock(), []
        wall, processor = time.perf_counter(), time.process_time()
        rows: list[dict[str, Any]] = []
        for name, own in groups.items():
            for some in batches(own, self._batch):
                samples, failures = make_groups(self.context(name), some, clock)
                with clock.stage("encode"):
                    rows += [defect_row(sample, ()) for sample in samples]
                made += samples
                timing.failed += len(failures)
        with tempfile.TemporaryDirectory() as folder, clock.stage("write"):
            _write(Path(folder), family, rows)
            timing.wall, timing.processor = time.perf_counter() - wall, time.process_time() - processor
        timing.samples = len(made)
        timing.stages.update(clock.seconds)
        return timing, made


def _write(folder: Path, family: str, rows: Sequence[dict[str, Any]]) -> None:
    facts = {"first_group": 0, "groups": len(rows), "recipe_digest": ""}
    write_shard(folder, ShardKey(family, "train", 0, 1), rows, defect_schema(), facts, pictures=True)


def output_floor(samples: Sequence[Sample]) -> float:
    """Return seconds a sample for output alone: encode and hash picture and mask, PNG files, one Parquet table.

    Nothing else is in it: no metadata, no index, no flush to the disk. No generator that writes both can be faster.
    """
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        columns: dict[str, list[Any]] = {"image": [], "mask": [], "image_sha256": [], "mask_sha256": []}
        for number, sample in enumerate(samples):
            for name, pixels in (("image", sample.image), ("mask", sample.mask)):
                data = encode_png(pixels)
                Path(folder, f"{number}_{name}.png").write_bytes(data)
                columns[name].append(data)
                columns[f"{name}_sha256"].append(pixel_sha256(pixels))
        pq.write_table(pa.table(columns), Path(folder, "all.parquet"), compression="none", use_dictionary=False)
        return (time.perf_counter() - start) / len(samples)


def machine_facts() -> dict[str, Any]:
    """Return processor, number of cores, versions and commit."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": 1,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
        "commit": _commit(),
    }


def peak_memory() -> int:
    """Return the largest resident size of this process so far, bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _commit() -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    here = Path(__file__).parent
    found = subprocess.run([git, "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    changed = subprocess.run([git, "status", "--porcelain"], cwd=here, capture_output=True, text=True, check=False)
    return found.stdout.strip() + ("+changes" if changed.stdout else "") if found.returncode == 0 else None

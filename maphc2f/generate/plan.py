"""The plan: which group makes which samples, as a pure function of the dataset specification.

* :func:`check_names` checks families, scenarios and substrates through the registries.
* :func:`assign_cells` gives every group of a category its family and split.
* :func:`plan_category` cuts the groups into shards.
* :func:`group_families` says what the samples of a group show; :func:`defects_wanted` how many defects.
* :func:`sample_id`, :func:`simulation_id`, :func:`stage_fractions` are the identities of contract.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from maphc2f.defects import FAMILIES
from maphc2f.errors import ManifestError
from maphc2f.registry import near
from maphc2f.rng import stream
from maphc2f.shards.index import ShardKey
from maphc2f.spec import CategorySpec, DatasetSpec, DefectSpec, MaterialSpec, Split
from maphc2f.substrates import SUBSTRATES

VALIDATION_WEIGHT = 0.1
SPLITS: tuple[Split, ...] = ("train", "validation")

FIRST_STAGE = 0.4
"""Size of the first of K snapshots relative to the final one."""

COMBINED = "combined"
"""Family, in the plan and as a label, of samples that show two."""

MAX_SHARD_BYTES = 400_000_000
BYTES_PER_PIXEL = 2.5
"""Generous for an RGB PNG with its mask: only sets the number of rows of a shard."""


@dataclass(frozen=True, slots=True)
class Group:
    """One simulation: the consecutive sample indices of one category that share it.

    Attributes:
        number: g; its first sample is g K.
        family: Defect family, or COMBINED.
        split: Split of all its samples.
        first: First sample index.
        count: Number of samples, K but for the category's last group.
    """

    number: int
    family: str
    split: Split
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class PlannedShard:
    """A shard and the groups in it."""

    key: ShardKey
    groups: tuple[Group, ...]

    @property
    def rows(self) -> int:
        """Number of samples planned."""
        return sum(group.count for group in self.groups)


def sample_id(category: str, index: int) -> str:
    """Return the id of a sample."""
    return f"{category}-{index:06d}"


def simulation_id(category: str, group: int, attempt: int) -> str:
    """Return the id of a simulation; attempts that were rejected leave gaps."""
    return f"{category}-sim-{group:06d}-{attempt}"


def stage_fractions(count: int, draw: float) -> tuple[float, ...]:
    """Return the snapshots' sizes relative to the final one: 0.4 + 0.6 k / (K - 1); one snapshot draws its own.

    Args:
        count: K.
        draw: Uniform in [0, 1); used when K = 1.
    """
    if count == 1:
        return (FIRST_STAGE + (1 - FIRST_STAGE) * draw,)
    return tuple(FIRST_STAGE + (1 - FIRST_STAGE) * k / (count - 1) for k in range(count))


def check_names(dataset: DatasetSpec) -> None:
    """Check that families, scenarios and substrates exist and suit the material.

    Raises:
        ManifestError: One of them does not; the message names field, value, rule and remedy.
    """
    for category in dataset.categories:
        where = f"categories.{category.name}"
        SUBSTRATES.resolve(category.source.kind, where=f"{where}.source.kind")
        material = dataset.materials[category.material]
        for defect in category.defects:
            _check_defect(defect, material, f"{where}.defects")
        _check_calibration(category, where)


def _check_calibration(category: CategorySpec, where: str) -> None:
    for key in category.calibration:
        family, _, scenario = key.partition(".")
        mixed = [d for d in category.defects if d.family == family]
        if not mixed or (scenario and scenario not in FAMILIES[family].scenarios):
            raise ManifestError(
                f"calibration of '{key}', which is not in the mix" if not mixed else f"unknown scenario '{key}'",
                where=f"{where}.calibration (--calibration)",
                rule="it names a family of the mix, or one of its scenarios",
                remedy=near(key, sorted({d.family for d in category.defects}))
                if not mixed
                else near(scenario, list(FAMILIES[family].scenarios)),
            )


def _check_defect(defect: DefectSpec, material: MaterialSpec, where: str) -> None:
    family_name, scenario = defect.family, defect.scenario
    family = FAMILIES.resolve(family_name, where=where)
    suitable = [name for name, entry in family.scenarios.items() if entry.suits(material)]
    if scenario is not None and scenario not in family.scenarios:
        raise ManifestError(
            f"unknown scenario '{scenario}' of {family_name}",
            where=where,
            rule="it must be a scenario of its family",
            remedy=near(scenario, list(family.scenarios)),
        )
    if not suitable or (scenario is not None and scenario not in suitable):
        raise ManifestError(
            f"{family_name}{'.' + scenario if scenario else ''} does not suit material '{material.name}'",
            where=where,
            rule="the material must have the properties that the scenario needs",
            remedy=f"choose one of {', '.join(suitable)}"
            if suitable
            else "leave the family out or take another material",
        )
    for option in [scenario] if scenario is not None else suitable:
        _check_parameters(defect, option, list(family.scenarios[option].parameters), where)


def _check_parameters(defect: DefectSpec, scenario: str, known: list[str], where: str) -> None:
    for name in defect.parameters:
        if name not in known:
            raise ManifestError(
                f"unknown parameter '{name}' of {defect.family}.{scenario}",
                where=f"{where}.parameters",
                rule="a parameter of the scenario, or of all that suit the material if none is named",
                remedy=near(name, known) if known else "leave it out: the scenario has none",
            )


def mix_weights(category: CategorySpec) -> dict[str, float]:
    """Return the families' shares of a category's mix, summing to 1, in name order."""
    names = sorted({defect.family for defect in category.defects})
    total = sum(defect.weight for defect in category.defects)
    return {name: sum(d.weight for d in category.defects if d.family == name) / total for name in names}


def family_weights(category: CategorySpec) -> dict[str, float]:
    """Return the shares of a category's samples by family, summing to 1; samples that show two count as COMBINED."""
    own = mix_weights(category)
    if category.combined == 0:
        return own
    alone = {name: weight * (1 - category.combined) for name, weight in own.items() if category.combined < 1}
    return {**alone, COMBINED: category.combined}


def group_families(seed: int, category: CategorySpec, group: Group) -> tuple[str, ...]:
    """Return the families that the samples of ``group`` show: its own, or for a combined one the two drawn.

    The first is drawn by the mix's weights, the second by them among the others.
    """
    if group.family != COMBINED:
        return (group.family,)
    weights = mix_weights(category)
    rng = stream(seed, category.name, "combined", group.number)
    chosen: list[str] = []
    for _ in range(2):
        names = [name for name in weights if name not in chosen]
        shares = np.array([weights[name] for name in names])
        chosen.append(names[int(rng.choice(len(names), p=shares / shares.sum()))])
    return tuple(chosen)


def defects_wanted(seed: int, category: CategorySpec, families: int, index: int) -> tuple[int, int]:
    """Return how many defects sample ``index`` must show at least, and how many it should.

    Both lie in the category's ``per_sample``; a sample of several ``families`` shows each at least once.
    """
    low, high = category.per_sample
    drawn = low
    if high > low:
        drawn = int(stream(seed, category.name, index, "defects").integers(low, high + 1))
    return max(low, families), max(drawn, families)


def assign_cells(weights: Sequence[float], count: int) -> list[int]:
    """Return the cell of each of ``count`` groups: always the one with the largest deficit weight (g + 1) - assigned.

    The shares hold for every prefix within one group, and a larger count keeps all earlier groups. Ties go to the first
    cell.
    """
    assigned = [0] * len(weights)
    cells = []
    for g in range(1, count + 1):
        best = max(range(len(weights)), key=lambda c: (weights[c] * g - assigned[c], -c))
        assigned[best] += 1
        cells.append(best)
    return cells


def plan_groups(category: CategorySpec, snapshots: int, *, splits: Sequence[Split] = SPLITS) -> list[Group]:
    """Return all groups of a category.

    Args:
        category: The category.
        snapshots: K.
        splits: Splits that have pictures; a source with a single specimen has only ``train``.
    """
    shares: dict[Split, float] = {"train": 1 - VALIDATION_WEIGHT, "validation": VALIDATION_WEIGHT}
    if len(splits) == 1:
        shares = {splits[0]: 1.0}
    families = family_weights(category)
    cells = [(family, split) for split in shares for family in families]
    weights = [families[family] * shares[split] for family, split in cells]
    count = -(-category.count // snapshots)
    groups = []
    for number, cell in enumerate(assign_cells(weights, count)):
        first = number * snapshots
        family, split = cells[cell]
        groups.append(Group(number, family, split, first, min(snapshots, category.count - first)))
    return groups


def rows_per_shard(dataset: DatasetSpec, category: CategorySpec) -> int:
    """Return the nominal rows of a shard: 1,024 for large categories, fewer for small ones, so that workers share them.

    Pictures larger than usual lower it, so that a shard stays under 500 MB.
    """
    size = dataset.size
    width, height = (size.width, size.height) if size.width and size.height else category.native_size
    by_bytes = int(MAX_SHARD_BYTES / (BYTES_PER_PIXEL * width * height))
    by_count = 128 if category.count <= 2_000 else 256 if category.count <= 20_000 else 1024
    rows = max(1, min(by_bytes, by_count))
    return max(1, rows // dataset.snapshots) * dataset.snapshots


def plan_category(
    dataset: DatasetSpec, category: CategorySpec, *, splits: Sequence[Split] = SPLITS
) -> list[PlannedShard]:
    """Return the defect shards of a category: whole groups in order, one split each."""
    per_shard = rows_per_shard(dataset, category) // dataset.snapshots
    groups = plan_groups(category, dataset.snapshots, splits=splits)
    shards = []
    for split in SPLITS:
        own = [group for group in groups if group.split == split]
        chunks = [tuple(own[i : i + per_shard]) for i in range(0, len(own), per_shard)]
        shards += [
            PlannedShard(ShardKey(category.name, split, number, len(chunks)), chunk)
            for number, chunk in enumerate(chunks)
        ]
    return shards


def draw_scenario(
    category: CategorySpec, family: str, material: MaterialSpec, rng: np.random.Generator
) -> tuple[str, int]:
    """Draw a stanza of ``family`` by weight, then its scenario; return the scenario and the stanza's position."""
    stanzas = [(i, d) for i, d in enumerate(category.defects) if d.family == family]
    weights = np.array([d.weight for _, d in stanzas])
    position, stanza = stanzas[int(rng.choice(len(stanzas), p=weights / weights.sum()))]
    if stanza.scenario is not None:
        return stanza.scenario, position
    options = [s for s in FAMILIES[family].scenarios.values() if s.suits(material)]
    shares = np.array([s.weight for s in options])
    return options[int(rng.choice(len(options), p=shares / shares.sum()))].name, position

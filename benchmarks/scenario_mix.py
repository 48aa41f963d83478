"""How often each scenario occurs in the standard mix, and requests as a dataset would draw them.

* :func:`cells` lists (family, category, scenario) with their shares; :func:`shares` sums them by scenario.
* :func:`draw_case` draws a category that has the scenario and a request for it, :class:`Case`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from maphc2f.bundled import BUNDLED, bundled_path
from maphc2f.defects import FAMILIES
from maphc2f.generate.plan import Group, family_weights
from maphc2f.generate.simulate import draw_request
from maphc2f.manifest import load_manifest
from maphc2f.rng import stream
from maphc2f.sample import SimulationRequest
from maphc2f.spec import CategorySpec, DatasetSpec, DefectSpec, SizeSpec

if TYPE_CHECKING:
    from benchmarks.measurement import Mix

MIX = Path(__file__).with_name("mix.toml")
OUTSIDE = 0.0
"""Share of a scenario that no category of the mix has."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One scenario in one category, and how often it is drawn."""

    family: str
    scenario: str
    category: str
    share: float

    @property
    def name(self) -> str:
        """Family and scenario."""
        return f"{self.family}.{self.scenario}"


@dataclass(frozen=True, slots=True)
class Case:
    """A simulation to run.

    Attributes:
        category: Whose material and scale it has.
        request: What is asked for.
    """

    category: str
    request: SimulationRequest


def standard_dataset(mix: Mix, snapshots: int) -> DatasetSpec:
    """Return the bundled manifest at the size of the mix, with K snapshots; pictures are not needed."""
    size = SizeSpec(width=mix.size, height=mix.size, fit="letterbox")
    dataset = load_manifest(bundled_path(BUNDLED))
    return dataset.model_copy(update={"size": size, "seed": mix.seed, "snapshots": snapshots})


def _scenario_shares(dataset: DatasetSpec, category: CategorySpec, family: str) -> dict[str, float]:
    """Return the shares of a category's scenarios of one family, as ``plan.draw_scenario`` draws them."""
    stanzas = [d for d in category.defects if d.family == family]
    total = sum(d.weight for d in stanzas)
    out: dict[str, float] = defaultdict(float)
    for stanza in stanzas:
        if stanza.scenario is not None:
            out[stanza.scenario] += stanza.weight / total
            continue
        options = [s for s in FAMILIES[family].scenarios.values() if s.suits(dataset.materials[category.material])]
        weights = sum(s.weight for s in options)
        for scenario in options:
            out[scenario.name] += stanza.weight / total * scenario.weight / weights
    return dict(out)


def cells(mix: Mix, dataset: DatasetSpec) -> list[Cell]:
    """Return all cells of the mix; their shares add up to 1."""
    total = sum(mix.families.values())
    out = []
    for family, weight in mix.families.items():
        own = {c.name: family_weights(c)[family] for c in dataset.categories if family in family_weights(c)}
        for name, part in own.items():
            split = _scenario_shares(dataset, dataset.category(name), family)
            out += [
                Cell(family, scenario, name, weight / total * part / sum(own.values()) * share)
                for scenario, share in split.items()
            ]
    return out


def shares(mix: Mix, dataset: DatasetSpec) -> dict[str, float]:
    """Return the share of every registered scenario in the mix; 0 for those that no category has."""
    out = {f"{family}.{scenario}": OUTSIDE for family in FAMILIES for scenario in FAMILIES[family].scenarios}
    for cell in cells(mix, dataset):
        out[cell.name] += cell.share
    return out


def _candidates(mix: Mix, dataset: DatasetSpec, name: str) -> list[tuple[str, float]]:
    """Return categories and weights: those that draw the scenario, else all whose material suits it."""
    found = [(cell.category, cell.share) for cell in cells(mix, dataset) if cell.name == name]
    if found:
        return found
    family, scenario = name.split(".")
    described = FAMILIES[family].scenarios[scenario]
    return [(c.name, 1.0) for c in dataset.categories if described.suits(dataset.materials[c.material])]


def draw_case(mix: Mix, dataset: DatasetSpec, name: str, seed: int) -> Case | None:
    """Draw simulation number ``seed`` of a scenario, or None if no category has a material that suits."""
    options = _candidates(mix, dataset, name)
    if not options:
        return None
    rng = stream(mix.seed, "scenario", name, seed)
    weights = np.array([weight for _, weight in options])
    category = dataset.category(options[int(rng.choice(len(options), p=weights / weights.sum()))][0])
    family, scenario = name.split(".")
    parameters = next((d.parameters for d in category.defects if (d.family, d.scenario) == (family, scenario)), {})
    alone = category.model_copy(
        update={"defects": (DefectSpec(family=family, scenario=scenario, parameters=parameters),)}
    )
    request, _ = draw_request(dataset, alone, Group(0, family, "train", 0, dataset.snapshots), 1.0, rng)
    return Case(category.name, request)

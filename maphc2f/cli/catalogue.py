"""``maphc2f list``: what can be named in commands and manifests."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from maphc2f.errors import ManifestError
from maphc2f.registry import near

if TYPE_CHECKING:
    from maphc2f.sample import Scenario

Rows = list[dict[str, str]]

WIDTH = 100
"""Columns that the table of scenarios keeps to."""


def _categories(manifest: Path | None) -> Rows:
    from maphc2f.bundled import BUNDLED, bundled_path
    from maphc2f.manifest import load_manifest

    dataset = load_manifest(manifest or bundled_path(BUNDLED))
    return [
        {
            "name": c.name,
            "count": str(c.count),
            "dataset": c.dataset or "",
            "kind": c.kind,
            "material": c.material,
            "defects": " ".join(f"{d.family}{'.' + d.scenario if d.scenario else ''}={d.weight:g}" for d in c.defects),
        }
        for c in dataset.categories
    ]


def _materials(_: Path | None) -> Rows:
    from maphc2f.bundled import load_materials

    return [
        {
            "name": m.name,
            "title": m.title,
            "E": f"{m.youngs_modulus / 1e9:g} GPa",
            "Gc": f"{m.fracture_energy:g} J/m2",
            "corrodes": "yes" if m.corrodes else "no",
            "yields": "yes" if m.yields else "no",
        }
        for m in load_materials().values()
    ]


def _families(_: Path | None) -> Rows:
    from maphc2f.defects import FAMILIES

    return [{"name": name, "scenarios": " ".join(family.scenarios)} for name, family in FAMILIES.items()]


def _all_scenarios() -> dict[str, tuple[str, Scenario]]:
    from maphc2f.defects import FAMILIES

    return {f"{name}.{s.name}": (name, s) for name, family in FAMILIES.items() for s in family.scenarios.values()}


def _scenarios(_: Path | None) -> Rows:
    return [
        {
            "name": name,
            "size": "{:g}-{:g} %".format(*(100 * share for share in scenario.size_range)),
            "placement": scenario.placement,
            "title": scenario.title,
            "needs": " ".join(scenario.needs) or "-",
            "parameters": " ".join(f"{key}={low:g}..{high:g}" for key, (low, high) in scenario.parameters.items())
            or "-",
        }
        for name, (_, scenario) in _all_scenarios().items()
    ]


KINDS: dict[str, Callable[[Path | None], Rows]] = {
    "categories": _categories,
    "materials": _materials,
    "families": _families,
    "scenarios": _scenarios,
}


def _widths(rows: Rows) -> dict[str, int]:
    return {key: max(len(key), *(len(row[key]) for row in rows)) for key in rows[0]}


def _table(rows: Rows) -> list[str]:
    widths = _widths(rows)
    lines = [{key: key for key in rows[0]}, *rows]
    return ["  ".join(row[key].ljust(widths[key]) for key in widths).rstrip() for row in lines]


def scenario_table(rows: Rows) -> list[str]:
    """Return the lines of the table of scenarios: what each needs stands below its title; parameters are left out."""
    left = _table([{key: row[key] for key in ("name", "size", "placement")} for row in rows])
    indent = max(map(len, left)) + 2
    lines = [f"{left[0]:<{indent}}title"]
    for line, row in zip(left[1:], rows, strict=True):
        lines += textwrap.wrap(row["title"], WIDTH, initial_indent=f"{line:<{indent}}", subsequent_indent=" " * indent)
        if row["needs"] != "-":
            start, on = " " * indent + "needs ", " " * (indent + 6)
            lines += textwrap.wrap(row["needs"], WIDTH, initial_indent=start, subsequent_indent=on)
    return [*lines, "", "size: of the field of view; more: maphc2f list scenarios NAME"]


def find_scenario(text: str) -> tuple[str, Scenario]:
    """Return family and scenario of ``crack.star`` or ``crack/star``.

    Raises:
        ManifestError: There is no such scenario.
    """
    known = _all_scenarios()
    name = ".".join(re.split(r"[./]", text.strip()))
    if name in known:
        return known[name]
    raise ManifestError(
        f"unknown scenario '{text}'",
        where="list scenarios",
        rule="a family and one of its scenarios, as in crack.star",
        remedy=near(name, list(known)),
    )


def scenario_details(family: str, scenario: Scenario) -> list[str]:
    """Return the lines that describe one scenario, its parameters with ranges and SI units among them."""
    from maphc2f.bundled import load_materials
    from maphc2f.defects.units import unit_of

    suited = [material.name for material in load_materials().values() if scenario.suits(material)]
    facts = {
        "size": "{:g}-{:g} % of the field of view".format(*(100 * share for share in scenario.size_range)),
        "smallest": f"{scenario.min_pixels:g} px at the first stage",
        "placement": scenario.placement,
        "orientation": scenario.orientation,
        "weight": f"{scenario.weight:g}",
        "needs": ", ".join(scenario.needs) or "-",
        "materials": ", ".join(suited),
    }
    lines = [f"{family}.{scenario.name}: {scenario.title}"]
    for key, value in facts.items():
        lines += textwrap.wrap(value, WIDTH, initial_indent=f"  {key:<12}", subsequent_indent=" " * 14)
    if not scenario.parameters:
        return [*lines, "no parameters"]
    rows = [
        {"parameter": key, "low": f"{low:g}", "high": f"{high:g}", "unit": _shown_unit(unit_of(family, key))}
        for key, (low, high) in scenario.parameters.items()
    ]
    return [*lines, "", *_table(rows)]


def _shown_unit(unit: str | None) -> str:
    return {None: "?", "1": "-"}.get(unit, unit or "?")


@click.command(
    name="list",
    epilog="\b\nExamples:\n  maphc2f list materials\n  maphc2f list scenarios\n  maphc2f list scenarios crack.star",
)
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("name", required=False)
@click.option("--manifest", type=click.Path(path_type=Path), metavar="FILE", help="For categories: another manifest.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(kind: str, name: str | None, manifest: Path | None, as_json: bool) -> None:
    """List categories, materials, families or scenarios; or describe one scenario."""
    if name is not None and kind != "scenarios":
        raise ManifestError(
            f"'{name}'", where=f"list {kind}", rule="only scenarios are shown one by one", remedy="leave the name out"
        )
    rows = KINDS[kind](manifest)
    if name is not None:
        family, scenario = find_scenario(name)
        rows = [row for row in rows if row["name"] == f"{family}.{scenario.name}"]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    lines = scenario_details(family, scenario) if name is not None else _table(rows)
    click.echo("\n".join(scenario_table(rows) if kind == "scenarios" and name is None else lines))

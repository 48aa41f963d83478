"""``maphc2f list``: what can be named in commands and manifests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click


def _categories(manifest: Path | None) -> list[dict[str, str]]:
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


def _materials(_: Path | None) -> list[dict[str, str]]:
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


def _families(_: Path | None) -> list[dict[str, str]]:
    from maphc2f.defects import FAMILIES

    return [{"name": name, "scenarios": " ".join(family.scenarios)} for name, family in FAMILIES.items()]


def _scenarios(_: Path | None) -> list[dict[str, str]]:
    from maphc2f.defects import FAMILIES

    return [
        {
            "name": f"{name}.{scenario.name}",
            "title": scenario.title,
            "needs": " ".join(scenario.needs) or "-",
            "parameters": " ".join(f"{key}={low:g}..{high:g}" for key, (low, high) in scenario.parameters.items())
            or "-",
        }
        for name, family in FAMILIES.items()
        for scenario in family.scenarios.values()
    ]


KINDS: dict[str, Callable[[Path | None], list[dict[str, str]]]] = {
    "categories": _categories,
    "materials": _materials,
    "families": _families,
    "scenarios": _scenarios,
}


@click.command(name="list", epilog="\b\nExample:\n  maphc2f list materials")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.option("--manifest", type=click.Path(path_type=Path), metavar="FILE", help="For categories: another manifest.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(kind: str, manifest: Path | None, as_json: bool) -> None:
    """List categories, materials, families or scenarios."""
    rows = KINDS[kind](manifest)
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    widths = {key: max(len(key), *(len(row[key]) for row in rows)) for key in rows[0]}
    for row in [{key: key for key in rows[0]}, *rows]:
        click.echo("  ".join(row[key].ljust(widths[key]) for key in widths).rstrip())

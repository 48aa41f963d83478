"""``maphc2f categories``: work on manifests of your own."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group(name="categories", epilog="\b\nExample:\n  maphc2f categories validate mine.toml")
def command() -> None:
    """Check manifests of your own."""


@command.command(name="validate", epilog="\b\nExample:\n  maphc2f categories validate mine.toml")
@click.argument("file", type=click.Path(path_type=Path))
def validate(file: Path) -> None:
    """Check a manifest: form, names, units, and that defects suit their materials."""
    from maphc2f.generate.plan import check_names
    from maphc2f.manifest import load_manifest
    from maphc2f.spec import manifest_digest

    dataset = load_manifest(file)
    check_names(dataset)
    click.echo(
        f"{file}: {len(dataset.categories)} categories, {dataset.total:,} samples, digest {manifest_digest(dataset)}"
    )


@command.command(name="schema", epilog="\b\nExample:\n  maphc2f categories schema > maphc2f.schema.json")
def schema() -> None:
    """Print the JSON Schema of manifests, for editors."""
    from maphc2f.manifest import json_schema

    click.echo(json.dumps(json_schema(), indent=1))

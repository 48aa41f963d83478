"""``maphc2f plan``: what a run would make."""

from __future__ import annotations

from typing import Any

import click

from maphc2f.cli.selection import Selection, selection_options


@click.command(
    name="plan",
    epilog="\b\nExamples:\n  maphc2f plan --categories all\n"
    "  maphc2f plan --categories bottle,wood --per-category 100 --json",
)
@selection_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(as_json: bool, **values: Any) -> None:
    """Show counts, bytes and digests of a run; write nothing."""
    import json

    from maphc2f.generate.plan import check_names, family_weights, plan_category
    from maphc2f.generate.run import estimate_bytes
    from maphc2f.generate.sources import take_inventory
    from maphc2f.spec import manifest_digest, recipe_digest

    selection = Selection.take(values)
    dataset, options = selection.resolve()
    check_names(dataset)
    for line in selection.warnings(dataset):
        click.echo(f"warning: {line}", err=True)
    if selection.images is not None:
        take_inventory(dataset, options, progress=lambda line: click.echo(line, err=True))
    rows: list[dict[str, Any]] = [
        {
            "category": c.name,
            "count": c.count,
            "source": c.source.kind,
            "material": c.material,
            "families": {k: round(v, 3) for k, v in family_weights(c).items()},
            "shards": len(plan_category(dataset, c)),
            "recipe_digest": recipe_digest(dataset, c),
        }
        for c in dataset.categories
    ]
    size = estimate_bytes(dataset, "both")
    if as_json:
        facts = {"samples": dataset.total, "bytes": size, "manifest_digest": manifest_digest(dataset)}
        click.echo(json.dumps({**facts, "categories": rows}, indent=1))
        return
    for row in rows:
        mix = " ".join(f"{name} {share:.0%}" for name, share in row["families"].items())
        click.echo(
            f"{row['category']:<14} {row['count']:>8,}  {row['source']:<11} {row['material']:<13} "
            f"{row['shards']:>4} shards  {row['recipe_digest'][:12]}  {mix}"
        )
    click.echo(
        f"{'total':<14} {dataset.total:>8,}  in {len(rows)} categories, about {size / 1e9:.1f} GB with PNG files"
    )
    click.echo(f"manifest digest {manifest_digest(dataset)}")

"""``maphc2f simulate``: the physics of one defect by itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from maphc2f.errors import ManifestError

if TYPE_CHECKING:
    from maphc2f.generate.showcase import Shown

ENDINGS = (".npz", ".png", ".gif")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?"
_SETTING = re.compile(rf"\s*(\w+)\s*=\s*({_NUMBER})\s*(?:\.\.\s*({_NUMBER}))?\s*")

EPILOG = """\b
Examples:
  maphc2f simulate crack --scenario star --material glass --out star.png
  maphc2f simulate corrosion --scenario pit --severity 0.9 --out pit.gif
  maphc2f simulate deformation --scenario dent --set depth_ratio=0.1..0.12 \\
    --out dent.npz"""


def parse_settings(texts: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Return the ranges of ``name=low..high``, or of ``name=value``.

    Raises:
        ManifestError: A text has another form, or a name comes twice.
    """
    ranges: dict[str, tuple[float, float]] = {}
    for text in texts:
        match = _SETTING.fullmatch(text)
        if match is None or match[1] in ranges:
            raise ManifestError(
                f"'{text}' is not name=low..high" if match is None else f"'{match[1]}' comes twice",
                where="--set",
                rule="a parameter of the scenario with its range or value in SI units, each once",
                remedy="write it as in depth_ratio=0.1..0.12; see 'maphc2f list scenarios FAMILY.SCENARIO'",
            )
        ranges[match[1]] = (float(match[2]), float(match[3] or match[2]))
    return ranges


@click.command(name="simulate", epilog=EPILOG)
@click.argument("family", metavar="FAMILY")
@click.option("--scenario", metavar="S", help="One of the family's; see 'maphc2f list scenarios'.")
@click.option("--material", metavar="M", help="Default: the first in 'maphc2f list materials' that suits.")
@click.option("--severity", type=float, metavar="X", help="Final size over the scenario's largest; default 0.6.")
@click.option("--size", metavar="LENGTH", help="Final size in place of --severity, as in 2mm.")
@click.option(
    "--pixel-size", metavar="LENGTH", default="40um", show_default=True, help="Of the picture; the view is 256 pixels."
)
@click.option(
    "--stages", type=click.IntRange(1, 12), default=4, show_default=True, help="Snapshots of growing size in npz, png."
)
@click.option(
    "--frames", type=click.IntRange(2, 48), default=16, show_default=True, help="Snapshots of growing size in a gif."
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Decides all draws.")
@click.option("--set", "settings", multiple=True, metavar="NAME=A..B", help="Range of a parameter, SI; repeatable.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="F.npz, F.png or F.gif.")
def command(family: str, out: Path, settings: tuple[str, ...], **values: Any) -> None:
    """Run a defect's physics alone and show its fields and how they grow.

    NPZ holds all fields of all stages, PNG a sheet of them, GIF their evolution.
    """
    ending = out.suffix.lower()
    if ending not in ENDINGS:
        raise ManifestError(
            f"'{out.name}'", where="--out", rule="its ending must be .npz, .png or .gif", remedy="e.g. --out crack.png"
        )
    from maphc2f.cli.threads import set_thread_variables

    set_thread_variables()
    from maphc2f.flags import pixel_size_in_metres
    from maphc2f.generate import showcase
    from maphc2f.lengths import parse_length

    wish = showcase.Wish(
        family=family,
        scenario=values["scenario"],
        material=values["material"],
        severity=values["severity"],
        size=None if values["size"] is None else parse_length(values["size"], where="--size"),
        pixel_size=pixel_size_in_metres(values["pixel_size"], where="--pixel-size"),
        stages=values["frames"] if ending == ".gif" else values["stages"],
        seed=values["seed"],
        parameters=parse_settings(settings),
    )
    shown = showcase.run(showcase.settle(wish))
    _write(out, shown)
    _print(shown, out)


def _write(out: Path, shown: Shown) -> None:
    if out.suffix.lower() == ".npz":
        from maphc2f.generate.showcase import write_npz

        write_npz(out, shown)
        return
    from maphc2f.generate.showcase_sheet import write_gif, write_png

    (write_png if out.suffix.lower() == ".png" else write_gif)(out, shown)


def _print(shown: Shown, out: Path) -> None:
    from maphc2f.generate.showcase import facts
    from maphc2f.generate.showcase_sheet import headline

    click.echo(headline(shown))
    rows = [(name, value if isinstance(value, str) else f"{value:.4g}", unit) for name, value, unit in facts(shown)]
    wide = max(len(name) for name, _, _ in rows)
    for name, value, unit in rows:
        click.echo(f"  {name:<{wide}}  {value:>10}  {'' if unit == '1' else unit}".rstrip())
    click.echo(f"{len(shown.simulation.snapshots)} stages in {out}")

"""Draw the plots of the methods pages with the production solvers, and put the benchmark's table into its page.

    python docs/make_plots.py [--only NAME ...]     draw docs/images/NAME.svg; minutes, needs the extra `docs`
    python docs/make_plots.py --table FILE          write the output of `python -m benchmarks.physics --full`, kept in
                                                    FILE, between the marks of docs/methods/benchmarks.md

* :data:`PLOTS` names the functions that compute (`docs/plots_data.py`) and draw (`docs/plots_draw.py`) each plot.
* :func:`compact`, :func:`with_table` are the table's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from docs import plots_data

DOCS = Path(__file__).parent
IMAGES = DOCS / "images"
PAGE = DOCS / "methods" / "benchmarks.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"

Compute = Callable[[], Sequence[Any]]
PLOTS: dict[str, tuple[Compute, str]] = {
    "notched-plates": (lambda: (plots_data.pull_plates(),), "draw_notched"),
    "corroding-wires": (lambda: (plots_data.corrode_wires(), plots_data.cross_over()), "draw_fronts"),
    "pit-below-opening": (plots_data.dig_pit, "draw_pit"),
    "ball-on-half-space": (lambda: (plots_data.press_balls(),), "draw_ball"),
    "hole-in-sheet": (lambda: (plots_data.stretch_hole(),), "draw_hole"),
    "punch": (lambda: (plots_data.push_punches(),), "draw_punch"),
    "plate-plasticity": (
        lambda: (*plots_data.bend_strips(np.geomspace(1, 20, 25)), plots_data.load_plate()),
        "draw_plate",
    ),
    "networks": (lambda: (plots_data.grow_networks(),), "draw_network"),
}
"""Name of the picture: what is computed, and the function of `docs.plots_draw` that it is given to."""


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python docs/make_plots.py", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=list(PLOTS), metavar="NAME", help=f"some of: {', '.join(PLOTS)}")
    parser.add_argument("--table", type=Path, metavar="FILE", help="put this output into the page and draw nothing")
    return parser.parse_args(arguments)


def draw(name: str, folder: Path = IMAGES) -> Path:
    """Compute and draw one plot and return its file."""
    from docs import plots_draw

    compute, function = PLOTS[name]
    path = folder / f"{name}.svg"
    with plots_draw.styled():
        plots_draw.save(getattr(plots_draw, function)(*compute()), path)
    return path


def compact(printed: str) -> str:
    """Return the table of the benchmark's output without its padding, and its last line.

    Raises:
        ValueError: The output has no table, or ends before the count of rows.
    """
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    if len(rows) < 3 or " pass, " not in lines[-1]:
        msg = "not the whole output of python -m benchmarks.physics: no table or no count at its end"
        raise ValueError(msg)
    rows[1] = ["---"] * len(rows[0])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + f"\n\n{lines[-1].replace('; ', ', in ')}."


def with_table(page: str, printed: str) -> str:
    """Return the page with the benchmark's output between its marks."""
    head, rest = page.split(BEGIN)
    tail = rest.split(END)[1]
    return f"{head}{BEGIN}\n{compact(printed)}\n{END}{tail}"


def main(arguments: list[str] | None = None) -> int:
    """Draw, or write the table."""
    options = parse_args(arguments)
    if options.table:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(with_table(page, options.table.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    for name in options.only or PLOTS:
        print(draw(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())

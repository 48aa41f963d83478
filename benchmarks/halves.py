"""Real defect sets divided once into a development and a report half, by specimen.

    python -m benchmarks.halves --data DIR

prints ``halves.toml`` as the rule makes it from the sets' own lists; the committed file is what counts.

* :func:`half_of` names the half of a specimen; :func:`specimens` lists those of one half.
* :func:`divide` is the rule: by rank of a hash, in turn, within each stratum.
* :func:`read_specimens` reads the specimens and strata of a set; :data:`SETS` names the sets.

A specimen is the physical thing that was photographed: a tile group, a location on a ball screw, a stretch of road.
Each belongs to one half whatever defects it shows, so that no benchmark sees one specimen from both sides. Strata keep
the halves alike in kinds of defect where a plain hash of nine tiles would not.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

Half = Literal["development", "report"]
HALVES: tuple[Half, Half] = ("development", "report")
LIST = Path(__file__).with_name("halves.toml")

TILE_STRATA = ("crack", "fray", "blowhole", "break", "uneven", "free")
"""Kinds of magnetic tile, the rarest first: a tile that shows several counts as the first of them."""

Row = Mapping[str, str]
WIDTH = 110
"""Characters of a line of the printed list."""


def _rank(name: str, specimen: str) -> str:
    return hashlib.sha256(f"{name}/{specimen}".encode()).hexdigest()


def divide(name: str, members: Iterable[str]) -> dict[Half, list[str]]:
    """Return the two halves of one stratum's specimens: by rank of SHA-256("set/specimen"), in turn.

    The first, and so the odd one, is development's. Both lists are sorted by name.
    """
    ranked = sorted(set(members), key=lambda specimen: _rank(name, specimen))
    return {half: sorted(ranked[offset::2]) for offset, half in enumerate(HALVES)}


def _rows(data: Path, name: str) -> list[dict[str, str]]:
    with (data / name / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _tiles(rows: Iterable[Row]) -> dict[str, str]:
    kinds: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        kinds[row["tile_group"]].add(row["source_class"].removeprefix("MT_").lower())
    return {tile: next(kind for kind in TILE_STRATA if kind in shown) for tile, shown in kinds.items()}


def _locations(rows: Iterable[Row]) -> dict[str, str]:
    pitted: dict[str, bool] = defaultdict(bool)
    for row in rows:
        pitted[row["location"]] |= bool(row["mask"])
    return {location: "pitted" if any_pit else "sound" for location, any_pit in pitted.items()}


def _pictures(rows: Iterable[Row]) -> dict[str, str]:
    return {row["source_stem"]: "cracked" for row in rows}


SETS: Mapping[str, tuple[str, Callable[[Iterable[Row]], dict[str, str]]]] = {
    "ball_screw_pitting": ("location", _locations),
    "crackforest": ("source_stem", _pictures),
    "magnetic_tile": ("tile_group", _tiles),
}
"""By set: the column of its list that names the specimen, and the rule that gives each specimen its stratum."""


def read_specimens(data: Path, name: str) -> dict[str, str]:
    """Return the stratum of every specimen of a set that lies in ``data / name``."""
    return SETS[name][1](_rows(data, name))


@cache
def committed() -> Mapping[str, Mapping[str, Mapping[Half, list[str]]]]:
    """Return the committed list: set, stratum, half, specimens."""
    return tomllib.loads(LIST.read_text(encoding="utf-8"))


def half_of(name: str, specimen: str) -> Half:
    """Return the half that a specimen belongs to.

    Raises:
        KeyError: The list has no such set or specimen.
    """
    for stratum in committed()[name].values():
        for half in HALVES:
            if specimen in stratum[half]:
                return half
    msg = f"specimen '{specimen}' of {name} is in neither half"
    raise KeyError(msg)


def specimens(name: str, half: Half) -> frozenset[str]:
    """Return the specimens of one half of a set."""
    return frozenset(specimen for stratum in committed()[name].values() for specimen in stratum[half])


def _array(names: Sequence[str]) -> str:
    """Return names as a TOML array, wrapped."""
    if not names:
        return "[]"
    lines, line = [], "   "
    for name in names:
        word = f' "{name}",'
        if len(line) + len(word) > WIDTH:
            lines.append(line)
            line = "   "
        line += word
    return "\n".join(["[", *lines, line, "]"])


def listing(data: Path) -> str:
    """Return the text of ``halves.toml`` for the sets in ``data``."""
    parts = ["# Specimens of the real sets by half; made by `python -m benchmarks.halves`, then never changed."]
    for name in SETS:
        strata: dict[str, list[str]] = defaultdict(list)
        for specimen, stratum in read_specimens(data, name).items():
            strata[stratum].append(specimen)
        for stratum in sorted(strata):
            halves = divide(name, strata[stratum])
            body = "\n".join(f"{half} = {_array(halves[half])}" for half in HALVES)
            parts.append(f"[{name}.{stratum}]\n{body}")
    return "\n\n".join(parts) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Print the list."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.halves", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the real sets")
    print(listing(parser.parse_args(arguments).data), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())

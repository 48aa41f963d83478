"""Real pictures of parts, where they lie beside the checkout; skipped elsewhere."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.e2e.support import call, good_rows, info, rows

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

MAGNETIC_TILE = DATA / "magnetic_tile"
BALL_SCREW = DATA / "ball_screw_pitting"


def write_groups(table: Path) -> dict[str, str]:
    """Write GROUPS.csv from the set's own list and return the tile of each picture."""
    with (MAGNETIC_TILE / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        listed = [row for row in csv.DictReader(stream) if row["file"].startswith("train/good/")]
    tiles = {row["file"]: row["tile_group"] for row in listed}
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "group"])
        writer.writerows(tiles.items())
    return {Path(name).name: tile for name, tile in tiles.items()}


@pytest.mark.skipif(not MAGNETIC_TILE.is_dir(), reason="needs ../shared/data/magnetic_tile")
def test_magnetic_tile(tmp_path: Path) -> None:
    out = tmp_path / "ds"
    tiles = write_groups(tmp_path / "GROUPS.csv")
    made = call(
        "generate",
        *("--images", MAGNETIC_TILE / "train" / "good", "--name", "magnetic_tile", "--material", "ferrite"),
        *("--defects", "crack=1,corrosion=1,deformation=1", "--count", 24, "--size", 256),
        *("--groups", tmp_path / "GROUPS.csv", "--workers", 1, "--out", out),
    )
    assert made.code == 0, made
    verified = call("verify", out)
    assert verified.code == 0, verified
    found, goods = rows(out), good_rows(out)
    assert len(found) == 24
    assert {row["defect_family"] for row in found.values()} == {"crack", "corrosion", "deformation"}
    assert {row["mode"] for row in found.values()} == {"gray"}
    used = {split: set() for split in ("train", "validation")}
    for good in goods.values():
        assert good["specimen"] == tiles[Path(good["source"]).name]
        used[good["split"]].add(good["specimen"])
    assert all(used.values())
    assert not used["train"] & used["validation"], "six exposures of one tile stay in one split"
    # A tile is shot at six exposures.
    assert len(goods) > 4 * len(used["train"] | used["validation"])


@pytest.mark.slow
@pytest.mark.skipif(not BALL_SCREW.is_dir(), reason="needs ../shared/data/ball_screw_pitting")
def test_ball_screw_at_native_size(tmp_path: Path) -> None:
    out = tmp_path / "ds"
    made = call(
        "generate",
        *("--images", BALL_SCREW / "train" / "good", "--name", "ball_screw", "--material", "steel"),
        *("--defects", "corrosion=1", "--count", 8, "--group-regex", r"^(\d+)\."),
        *("--workers", 1, "--out", out),
    )
    assert made.code == 0, made
    assert "no --pixel-size given, 50 um assumed" in made.err
    verified = call("verify", out)
    assert verified.code == 0, verified
    assert info(out)["samples"] == 8
    assert {(row["width"], row["height"]) for row in rows(out).values()} == {(1130, 460)}

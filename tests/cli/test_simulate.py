"""``maphc2f simulate`` and the tables of ``maphc2f list scenarios``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maphc2f.cli.catalogue import WIDTH
from maphc2f.cli.simulate import parse_settings
from maphc2f.defects import FAMILIES
from maphc2f.errors import ManifestError
from tests.e2e.support import call


def test_png_npz_and_gif(tmp_path: Path) -> None:
    common = ("simulate", "deformation", "--scenario", "imprint", "--material", "steel", "--severity", "0.7")
    png = call(*common, "--out", tmp_path / "a.png")
    assert png.code == 0, png.err
    assert "deformation.imprint in steel, severity 0.7" in png.out
    assert "4 stages in" in png.out
    assert any(line.split()[0::2] == ["hardness", "Pa"] for line in png.out.splitlines())
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.width > 620
    assert call(*common, "--stages", 2, "--out", tmp_path / "a.npz").code == 0
    with np.load(tmp_path / "a.npz") as file:
        assert file["size"].shape == (2,)
    assert call(*common, "--frames", 3, "--out", tmp_path / "a.gif").code == 0
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == 3


def test_set_narrows_a_parameter(tmp_path: Path) -> None:
    out = tmp_path / "a.npz"
    result = call("simulate", "crack", "--scenario", "star", "--set", "arms=5", "--out", out)
    assert result.code == 0, result.err
    with np.load(out) as file:
        assert json.loads(str(file["meta"]))["parameters"]["arms"] == 5.0


def test_size_in_place_of_severity(tmp_path: Path) -> None:
    result = call("simulate", "crack", "--scenario", "edge_crack", "--size", "2mm", "--out", tmp_path / "a.npz")
    assert result.code == 0, result.err
    with np.load(tmp_path / "a.npz") as file:
        assert file["size"][-1] == pytest.approx(2e-3, rel=0.12)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("a=1..2", 1.0, 2.0), ("a = -0.5..0.5", -0.5, 0.5), ("a=.1", 0.1, 0.1), ("a=1e-3..2e-3", 1e-3, 2e-3)],
)
def test_settings(text: str, low: float, high: float) -> None:
    assert parse_settings((text,)) == {"a": (low, high)}


@pytest.mark.parametrize("texts", [("a",), ("a=",), ("a=1..",), ("a=1", "a=2"), ("=1",), ("a=nan",)])
def test_settings_of_another_form(texts: tuple[str, ...]) -> None:
    with pytest.raises(ManifestError, match="--set"):
        parse_settings(texts)


def test_the_table_of_scenarios_fits_the_screen() -> None:
    result = call("list", "scenarios")
    assert result.code == 0
    assert max(map(len, result.out.splitlines())) <= WIDTH
    words = [line.split() for line in result.out.splitlines()]
    for family in FAMILIES:
        for scenario in FAMILIES[family].scenarios:
            assert any(line[:1] == [f"{family}.{scenario}"] for line in words)


@pytest.mark.parametrize("name", [f"{f}.{s}" for f in FAMILIES for s in FAMILIES[f].scenarios])
def test_each_scenario_is_described(name: str) -> None:
    result = call("list", "scenarios", name.replace(".", "/"))
    family, scenario = name.split(".")
    described = FAMILIES[family].scenarios[scenario]
    assert result.code == 0
    assert result.out.startswith(f"{name}: {described.title}\n")
    assert max(map(len, result.out.splitlines())) <= WIDTH
    rows = [line.split() for line in result.out.splitlines()]
    for parameter, (low, high) in described.parameters.items():
        row = next(row for row in rows if row[:1] == [parameter])
        assert row[1:3] == [f"{low:g}", f"{high:g}"]
        assert row[3:] != ["?"]
    assert json.loads(call("list", "scenarios", name, "--json").out)[0]["name"] == name

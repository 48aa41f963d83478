"""The plots of the methods pages: what they show agrees with its references, and the pages show what there is."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.physics_plane import hole_stress
from benchmarks.physics_punch import PRANDTL
from docs import make_plots
from docs import plots_data as data

DOCS = Path(__file__).parents[2] / "docs"
SHOWN = re.compile(r"!\[[^\]]+\]\((?P<file>[^)]+)\)")
PRINTED = """| quantity    | error | verdict     |
| ----------- | ----- | ----------- |
| a           | +1 %  | PASS        |
| b           | +9 %  | FALLS SHORT |

1 of 2 pass, 1 fall short; 3 s
"""


def test_a_pulled_plate_breaks_and_a_sheared_one_breaks_later() -> None:
    runs = data.pull_plates(n=41, rise=0.03, steps=30)
    assert [run.damage.shape for run in runs.values()] == [(41, 41), (41, 41), (41, 42)]
    pulled, sheared = runs["tension, spectral split"].peak, runs["shear, spectral split"].peak
    assert pulled[0] > sheared[0]
    assert pulled[1] < sheared[1]
    assert runs["tension, no split"].force[-1] < 0.9 * runs["tension, no split"].peak[0]


def test_wires_follow_stefan() -> None:
    wire = data.corrode_wires((5.1,), cells=20)[5.1]
    assert wire.rate == pytest.approx(7.881, abs=5e-4)
    assert wire.ours.y[-1] / wire.ours.x[-1] == pytest.approx(wire.rate, rel=0.04)
    assert wire.ours.y[-1] > 118


def test_the_crossover_of_two_grids_falls_on_one_curve() -> None:
    crossover = data.cross_over((5.0, 10.0), stop=30.0)
    for line in crossover.ours.values():
        tracked = np.interp(line.x, *crossover.reference)
        assert line.y[-5:] == pytest.approx(tracked[-5:], rel=0.03)
        assert line.y[0] >= data.EARLIEST


def test_a_pit_and_its_reference_grow_alike() -> None:
    ours, reference = data.dig_pit(4e-6, (16.0, 24.0))
    assert [field.shape for field in ours.outlines] == [field.shape for field in reference.outlines] == [(14, 16)] * 2
    assert ours.depth.x[0] >= 0
    assert ours.depth.y[-1] >= 24
    assert ours.depth.x[-1] == pytest.approx(reference.depth.x[-1], rel=0.1)
    for growth in (ours, reference):
        on_axis = [growth.spacing * (1 - field[:, 0]).sum() for field in growth.outlines]
        assert on_axis == pytest.approx([16, 24], abs=0.6)
    areas = [(1 - growth.outlines[-1]).sum() for growth in (ours, reference)]
    assert areas[0] == pytest.approx(areas[1], rel=0.12)


def test_pressure_under_a_ball_is_that_of_hertz() -> None:
    r, pressure = data.press_balls((48,))[48]
    assert np.all(np.diff(r) >= 0)
    inside = r < 0.8
    assert pressure[inside] == pytest.approx(np.sqrt(1 - r[inside] ** 2), abs=0.01)
    assert np.all(pressure[r > 1.1] == 0)


def test_stress_beside_a_hole_is_that_of_kirsch() -> None:
    hole = data.stretch_hole(64, 6.0)
    beside = hole.equator.x > 1.5
    y = hole.equator.x[beside]
    assert hole.equator.y[beside] == pytest.approx(hole_stress(0 * y, y, 1.0), rel=0.06)
    assert hole.stress[0, 0] < 0.01


def test_punch_nears_its_limit_and_slips_beside() -> None:
    punches = data.push_punches((4, 8), steps=1000)
    assert punches.limit == pytest.approx(PRANDTL, rel=0.02)
    assert punches.load.x.tolist() == [0.25, 0.125]
    below, far = punches.slip[2:4, : punches.cells].mean(), punches.slip[:, -punches.cells // 2 :].mean()
    assert below > 100 * far


def test_strips_spring_back_as_their_fibres() -> None:
    ours, fibres = data.bend_strips(np.array([1.0, 3.0, 20.0]))
    assert ours.y == pytest.approx(fibres.y, abs=1e-5)
    assert ours.y[0] == pytest.approx(0, abs=1e-6)
    assert ours.y[-1] > 0.9


def test_a_plate_yields_and_then_carries_its_limit_load() -> None:
    loaded = data.load_plate(12)
    assert loaded.x[:2].tolist() == [0.0, 1.0]
    assert np.all(np.diff(loaded.x) > 0)
    assert loaded.y[-1] == pytest.approx(25, rel=0.03)
    stiff, soft = np.diff(loaded.y)[[1, -1]] / np.diff(loaded.x)[[1, -1]]
    assert soft < 0.1 * stiff


def test_networks_are_summed_over_seeds() -> None:
    two, one = data.grow_networks(2), data.grow_networks(1)
    assert two.count == 2
    assert two.lengths.sum() > one.lengths.sum() > 0
    near_axis = np.cos(4 * two.angles) > 0
    assert two.ratio == pytest.approx(two.lengths[near_axis].sum() / two.lengths[~near_axis].sum())
    assert 0.9 < two.extent.max() <= 1


def test_pages_show_every_plot_and_nothing_that_is_not_there() -> None:
    pages = sorted((DOCS / "methods").glob("*.md"))
    shown = {page.name: SHOWN.findall(page.read_text(encoding="utf-8")) for page in pages}
    missing = [
        (page, file) for page, files in shown.items() for file in files if not (DOCS / "methods" / file).is_file()
    ]
    assert missing == []
    plots = {f"../images/{name}.svg" for name in make_plots.PLOTS}
    assert set(shown.pop("benchmarks.md")) == plots
    assert set().union(*shown.values()) >= plots


@pytest.mark.parametrize("name", make_plots.PLOTS)
def test_a_picture_is_small_and_undated(name: str) -> None:
    text = (make_plots.IMAGES / f"{name}.svg").read_text(encoding="utf-8")
    assert len(text) < 150_000
    assert "<dc:date>" not in text


def test_the_page_has_room_for_the_table_once() -> None:
    page = make_plots.PAGE.read_text(encoding="utf-8")
    filled = make_plots.with_table(page, PRINTED)
    assert "| b | +9 % | FALLS SHORT |\n\n1 of 2 pass, 1 fall short, in 3 s.\n" in filled
    assert filled.split(make_plots.BEGIN)[0] == page.split(make_plots.BEGIN)[0]
    assert filled.split(make_plots.END)[1] == page.split(make_plots.END)[1]
    assert make_plots.with_table(filled, PRINTED) == filled


def test_half_an_output_is_no_table() -> None:
    with pytest.raises(ValueError, match="not the whole output"):
        make_plots.compact(PRINTED.rsplit("\n", 2)[0])


def test_drawing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need the extra docs")
    (tmp_path / "again").mkdir()
    first = make_plots.draw("hole-in-sheet", tmp_path).read_bytes()
    assert first == make_plots.draw("hole-in-sheet", tmp_path / "again").read_bytes()
    assert first.startswith(b"<?xml")

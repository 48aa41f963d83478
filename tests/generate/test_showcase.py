"""One simulation by itself: what is asked for, what is written, what is drawn; for all registered scenarios."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maphc2f.defects import FAMILIES
from maphc2f.defects.units import unit_of
from maphc2f.errors import ManifestError, SimulationRejected
from maphc2f.generate import showcase, showcase_sheet
from maphc2f.generate.showcase import Shown, Wish, run, settle
from maphc2f.rng import stream

CASES = [(family, scenario) for family in FAMILIES for scenario in FAMILIES[family].scenarios]
IDS = [f"{f}.{s}" for f, s in CASES]
FIELDS = {"extent", "trace", "depth", "displacement", "product", "removed"}


@cache
def shown(family: str, scenario: str) -> Shown:
    return run(settle(Wish(family, scenario, stages=3)))


@pytest.mark.parametrize(("family", "scenario"), CASES, ids=IDS)
def test_every_number_has_a_unit(family: str, scenario: str) -> None:
    simulation = shown(family, scenario).simulation
    numbers = {name for name, value in simulation.parameters.items() if not isinstance(value, str)}
    numbers |= set(FAMILIES[family].scenarios[scenario].parameters)
    numbers |= {name for snapshot in simulation.snapshots for name in snapshot.measures}
    assert {name for name in numbers if unit_of(family, name) is None} == set()


def test_one_name_may_have_two_units() -> None:
    assert unit_of("crack", "load") == "1"
    assert unit_of("deformation", "load") == "N"
    assert unit_of("texture_overlay", "noise_level_11") == "1"
    assert unit_of("crack", "colour") is None


@pytest.mark.parametrize(("family", "scenario"), CASES, ids=IDS)
def test_npz_holds_all_fields_without_pickle(family: str, scenario: str, tmp_path: Path) -> None:
    made = shown(family, scenario)
    showcase.write_npz(tmp_path / "a.npz", made)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        for k, snapshot in enumerate(made.simulation.snapshots):
            for name in FIELDS:
                value = getattr(snapshot, name)
                assert (f"{name}_{k}" in file) == (value is not None)
                if value is not None:
                    np.testing.assert_array_equal(file[f"{name}_{k}"], value)
            assert file["size"][k] == snapshot.size
            assert tuple(file["origin"][k]) == snapshot.origin
        meta = json.loads(str(file["meta"]))
        assert file["stages"].tolist() == pytest.approx([0.4, 0.7, 1.0])
    assert meta["parameters"] == dict(made.simulation.parameters)
    assert set(meta["units"]) >= {n for n, v in meta["parameters"].items() if not isinstance(v, str)}
    assert (meta["family"], meta["scenario"]) == (family, scenario)


def test_the_same_simulation_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        made = run(settle(Wish("corrosion", "pit", stages=2)))
        showcase.write_npz(tmp_path / f"{name}.npz", made)
        showcase_sheet.write_png(tmp_path / f"{name}.png", made)
        showcase_sheet.write_gif(tmp_path / f"{name}.gif", made)
    for ending in ("npz", "png", "gif"):
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()
    other = run(settle(Wish("corrosion", "pit", stages=2, seed=1)))
    showcase.write_npz(tmp_path / "c.npz", other)
    assert (tmp_path / "a.npz").read_bytes() != (tmp_path / "c.npz").read_bytes()


def test_severity_is_the_size_over_the_largest() -> None:
    order = settle(Wish("crack", "star", severity=0.5, pixel_size=1e-4))
    assert order.request.field_of_view == pytest.approx(0.0256)
    assert order.request.size == pytest.approx(0.5 * 0.5 * 0.0256)
    same = settle(Wish("crack", "star", size=order.request.size, pixel_size=1e-4))
    assert same.severity == pytest.approx(0.5)


def test_a_scenario_of_one_size_takes_that_size() -> None:
    assert settle(Wish("texture_overlay")).severity == 1.0


def test_the_material_suits_by_default() -> None:
    for family, scenario in CASES:
        order = settle(Wish(family, scenario))
        assert order.scenario.suits(order.request.material)


@pytest.mark.parametrize(
    ("scenario", "name", "inside", "outside"),
    [
        ("star", "arms", (1.0, 20.0), (1.0, 900.0)),
        ("star", "arms", (0.5, 3.0), (1e-3, 3.0)),
        ("edge_crack", "flaw_angle", (-1.0, 1.0), (-400.0, 0.1)),
    ],
)
def test_absurd_values_are_refused(
    scenario: str, name: str, inside: tuple[float, float], outside: tuple[float, float]
) -> None:
    assert settle(Wish("crack", scenario, parameters={name: inside})).request.parameters == {name: inside}
    with pytest.raises(ManifestError, match="10 times its own range") as refused:
        settle(Wish("crack", scenario, parameters={name: outside}))
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)


def test_rejected_draws_are_drawn_again_and_given_up_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    order = settle(Wish("crack", "star"))
    calls = []

    class Stubborn:
        def simulate(self, _, rng):
            calls.append(rng.random())
            msg = "no growth"
            raise SimulationRejected(msg)

    monkeypatch.setattr(showcase, "FAMILIES", {"crack": Stubborn()})
    with pytest.raises(ManifestError, match="none of 12 simulations grew, the last because: no growth"):
        run(order)
    assert len(set(calls)) == 12


@pytest.mark.parametrize(("family", "scenario"), CASES, ids=IDS)
def test_the_sheet_shows_growth(family: str, scenario: str) -> None:
    made = shown(family, scenario)
    sheet = showcase_sheet.sheet(made)
    assert sheet.dtype == np.uint8
    assert sheet.ndim == 3
    width = showcase_sheet.window_of(showcase_sheet.aligned(made.simulation.snapshots)).shape[1]
    first = showcase_sheet.MARGIN
    columns = [sheet[70:, first + k * (width + showcase_sheet.GAP) :][:, :width] for k in range(3)]
    assert not np.array_equal(columns[0], columns[2]), "the last stage looks like the first"


def test_frames_are_as_many_as_stages(tmp_path: Path) -> None:
    made = run(settle(Wish("crack", "edge_crack", stages=5)))
    showcase_sheet.write_gif(tmp_path / "a.gif", made)
    with Image.open(tmp_path / "a.gif") as picture:
        assert picture.n_frames == 5
        assert picture.size == showcase_sheet.frames(made)[0].shape[1::-1]


def test_stages_of_one_grid_are_drawn_cell_on_cell() -> None:
    snapshots = shown("crack", "star").simulation.snapshots
    moved = showcase_sheet.aligned(snapshots)
    assert {s.origin for s in moved} == {snapshots[-1].origin}
    for before, after in zip(snapshots, moved, strict=True):
        assert before.trace is not None
        assert after.trace is not None
        shift = np.subtract(snapshots[-1].origin, before.origin)
        np.testing.assert_allclose(
            after.trace[..., :2] - before.trace[..., :2], np.broadcast_to(shift, after.trace[..., :2].shape), atol=1e-9
        )
        np.testing.assert_array_equal(after.trace[..., 2], before.trace[..., 2])


def test_stages_of_other_grids_keep_their_frames() -> None:
    first, *_, last = shown("crack", "star").simulation.snapshots
    other = replace(first, spacing=2 * first.spacing)
    assert showcase_sheet.aligned([other, last])[0] is other


def test_a_plane_is_drawn_where_it_lies() -> None:
    made = shown("corrosion", "pit")
    last = made.simulation.snapshots[-1]
    window = showcase_sheet.window_of([last])
    extent = np.zeros_like(last.extent)
    extent[3, 7] = 1.0
    row = showcase_sheet.rows_of([replace(last, extent=extent)], window)[0]
    tile = row.draw(replace(last, extent=extent)).astype(int)
    lit = np.argwhere(tile.sum(axis=2) > 400)
    cell = window.scale * last.spacing
    assert np.all(np.abs(lit.mean(axis=0) - np.array([3.5, 7.5]) * cell) < cell)


@pytest.mark.parametrize(
    ("value", "text"), [(4e-5, "40 um"), (2.5e-3, "2.5 mm"), (1.0, "1 m"), (7e-10, "700 pm"), (0.0, "0 m")]
)
def test_lengths_for_people(value: float, text: str) -> None:
    assert showcase_sheet.length(value) == text


@pytest.mark.parametrize(("longest", "nice"), [(0.0031, 0.002), (1e-3, 1e-3), (0.0099, 0.005), (5e-5, 5e-5)])
def test_scale_bars_have_round_lengths(longest: float, nice: float) -> None:
    assert showcase_sheet.nice_length(longest) == pytest.approx(nice)


def test_what_is_shown_is_what_the_family_makes() -> None:
    order = settle(Wish("crack", "edge_crack", seed=5))
    made = run(order)
    again = FAMILIES["crack"].simulate(order.request, stream(5, "crack", "edge_crack", "simulate", made.attempt))
    np.testing.assert_array_equal(made.simulation.snapshots[-1].extent, again.snapshots[-1].extent)
    assert made.milliseconds > 0

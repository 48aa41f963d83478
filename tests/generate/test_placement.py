"""Where defects go: on the part, on its outline, along its grain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from maphc2f.bundled import find_material
from maphc2f.defects import FAMILIES
from maphc2f.generate.bearing import AXIS_COHERENCE, AXIS_SPREAD, Bearing, row_of
from maphc2f.generate.compose import Order, prepare_window
from maphc2f.generate.pictures import Symmetry, outline
from maphc2f.generate.placement import MAX_POINTS, draw_pose, inside_share, probe_points
from maphc2f.generate.plan import Group
from maphc2f.generate.simulate import simulate_group
from maphc2f.rng import stream
from maphc2f.sample import SimulationRequest
from maphc2f.spec import DefectSpec, SourceSpec
from tests.builders import PIXEL, category, context_of, dataset, disk_snapshot, line_snapshot, picture_of, stripes


def disk_mask(side: int = 128, radius: float = 50.0) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:side, :side]
    return np.hypot(rows - side / 2, columns - side / 2) <= radius


def flat(mask: NDArray[np.bool_]) -> Any:
    noise = stream(1, "flat").integers(100, 130, mask.shape, dtype=np.uint8)
    return picture_of(noise, mask)


def turn_between(first: float, second: float) -> float:
    """Angle between two undirected lines, rad."""
    return abs((first - second + np.pi / 2) % np.pi - np.pi / 2)


LINE = line_snapshot(PIXEL * np.stack([np.zeros(21), np.arange(-10, 11)], 1))
DISK = disk_snapshot(8 * PIXEL)


@pytest.mark.parametrize(("snapshot", "least"), [(LINE, 0.75), (DISK, 0.9)], ids=["line", "region"])
def test_enough_of_the_defect_lies_on_the_part(snapshot: Any, least: float) -> None:
    picture = flat(disk_mask(radius=20.0))
    shares = []
    for seed in range(60):
        placed = draw_pose(snapshot, "interior", picture, stream(seed, "place"))
        if placed is not None:
            shares.append(inside_share(placed.apply(probe_points(snapshot)), picture.foreground))
    assert len(shares) > 40
    assert min(shares) >= least
    assert min(shares) < 1.0, "the limit is never reached: the test would pass without it"


def test_places_are_spread_evenly_over_the_part() -> None:
    """Of a disk of radius 50: the mean lies at its centre, and the mean square radius is 50²/2."""
    picture, dot = flat(disk_mask()), disk_snapshot(1.5 * PIXEL)
    drawn = [draw_pose(dot, "interior", picture, stream(seed, "place")) for seed in range(400)]
    anchors = np.array([placed.anchor for placed in drawn if placed is not None])
    assert len(anchors) == 400
    np.testing.assert_allclose(anchors.mean(0), 64, atol=5)
    assert ((anchors - 64) ** 2).sum(1).mean() == pytest.approx(50**2 / 2, rel=0.1)


def test_a_defect_larger_than_the_part_finds_no_place() -> None:
    assert draw_pose(disk_snapshot(40 * PIXEL), "interior", flat(disk_mask(radius=20.0)), stream(0, "place")) is None


def test_an_empty_part_or_defect_finds_no_place() -> None:
    picture = flat(disk_mask())
    empty = picture_of(picture.image, np.zeros((128, 128), bool))
    for placement in ("interior", "edge"):
        assert draw_pose(DISK, placement, empty, stream(0, "place")) is None
    nothing = disk_snapshot(8 * PIXEL)
    nothing.extent[:] = 0
    assert draw_pose(nothing, "interior", picture, stream(0, "place")) is None


def test_a_pose_depends_on_its_stream_alone() -> None:
    picture = flat(disk_mask())
    first, again = (draw_pose(DISK, "interior", picture, stream(4, "place")) for _ in range(2))
    assert first == again
    assert draw_pose(DISK, "interior", picture, stream(5, "place")) != first


def test_all_turns_and_both_flips_are_drawn() -> None:
    picture = flat(disk_mask())
    drawn = [draw_pose(DISK, "interior", picture, stream(seed, "place")) for seed in range(80)]
    poses = [placed for placed in drawn if placed is not None]
    quarter = [int(placed.angle // (np.pi / 2)) for placed in poses]
    assert set(quarter) == {0, 1, 2, 3}
    assert {placed.flip for placed in poses} == {False, True}
    assert len({placed.anchor for placed in poses}) == len(poses)


# -- edges -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["disk", "whole"])
def test_edge_placement_starts_on_the_outline_and_runs_inwards(shape: str) -> None:
    mask = disk_mask() if shape == "disk" else np.ones((128, 128), bool)
    picture = flat(mask)
    snapshot = line_snapshot(PIXEL * np.stack([np.arange(0.0, 21), np.zeros(21)], 1))
    centre = np.array([64.0, 64.0])
    for seed in range(40):
        placed = draw_pose(snapshot, "edge", picture, stream(seed, "place"))
        assert placed is not None
        anchor, tip = placed.apply(np.array([[0.0, 0.0], [10 * PIXEL, 0.0]]))
        row, column = (int(v) for v in anchor)
        assert mask[row, column]
        padded = np.pad(mask, 1)
        assert not padded[row : row + 3, column : column + 3].all(), "the anchor has a neighbour beside the part"
        inward = (tip - anchor) / np.linalg.norm(tip - anchor)
        if shape == "disk":
            radial = (centre - anchor) / np.linalg.norm(centre - anchor)
            assert inward @ radial > np.cos(np.deg2rad(6))
        else:
            ahead = anchor + 5 * inward
            assert ((ahead > 0) & (ahead < 127)).all()


def test_normals_of_a_disk_are_radial() -> None:
    border = outline(disk_mask(radius=45.0))
    radial = np.array([64.0, 64.0]) - border.points
    radial /= np.linalg.norm(radial, axis=1, keepdims=True)
    np.testing.assert_allclose(np.linalg.norm(border.normals, axis=1), 1, atol=1e-5)
    assert (border.normals * radial).sum(1).min() > np.cos(np.deg2rad(5))


def test_the_picture_border_counts_as_outline() -> None:
    border = outline(np.ones((40, 60), bool))
    assert len(border.points) == 2 * (40 + 60) - 4
    top = border.normals[(border.points[:, 0] == 0) & (np.abs(border.points[:, 1] - 30) < 15)]
    np.testing.assert_allclose(top, np.tile([1.0, 0.0], (len(top), 1)), atol=1e-3)


# -- directions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("degrees", [0, 20, 45, 70, 90, 115, 160])
def test_a_line_lies_along_the_stripes_of_the_picture(degrees: float) -> None:
    """Measured in pixels: the placed line, as drawn, runs with the drawn stripes."""
    picture = picture_of(stripes(degrees))
    assert picture.statistics.coherence > AXIS_COHERENCE
    turns = []
    for seed in range(12):
        placed = draw_pose(LINE, "interior", picture, stream(seed, "place"), Bearing(texture=True))
        assert placed is not None
        first, last = placed.apply(PIXEL * np.array([[0.0, -10.0], [0.0, 10.0]]))
        seen = np.arctan2(-(last - first)[0], (last - first)[1])
        turns.append(turn_between(seen, np.deg2rad(degrees)))
        # Along a stripe its gray value hardly changes; across it, it swings by 120.
    assert max(turns) < AXIS_SPREAD + np.deg2rad(3)
    assert max(turns) > np.deg2rad(3), "oriented defects keep a natural spread"


@pytest.mark.parametrize("degrees", [0, 30, 75, 120])
@pytest.mark.parametrize(
    "symmetry", [Symmetry(quarter_turns=1), Symmetry(flip_y=True), Symmetry(flip_x=True, quarter_turns=3)]
)
def test_direction_and_light_turn_with_the_picture(degrees: float, symmetry: Symmetry) -> None:
    """What the turned picture is said to have is what is measured on its pixels."""
    rows, columns = np.mgrid[:128, :128] / 128
    shaded = (0.4 * stripes(degrees) + 60 * rows + 25 * columns).astype(np.uint8)
    turned = symmetry.picture(picture_of(shaded))
    measured = picture_of(turned.image).statistics
    assert turn_between(turned.statistics.direction, measured.direction) < np.deg2rad(1)
    # The estimate leans to the upper left where it knows little, and this part does not turn.
    said, seen = np.array(turned.statistics.light), np.array(measured.light)
    assert said @ seen / (np.linalg.norm(said) * np.linalg.norm(seen)) > 0.95


@pytest.mark.parametrize(
    ("family", "scenario", "material"), [("crack", "grain", "wood"), ("deformation", "scratch", "steel")]
)
def test_long_oriented_scenarios_are_long_in_x(family: str, scenario: str, material: str) -> None:
    """Their frame's x axis is what follows the texture."""
    assert FAMILIES[family].scenarios[scenario].orientation == "texture"
    view = 128 * PIXEL
    request = SimulationRequest(scenario, find_material(material), 0.4 * view, (1.0,), view, PIXEL)
    points = probe_points(FAMILIES[family].simulate(request, stream(0, "long", scenario)).snapshots[0])
    spread = points.std(0)
    assert spread[1] > 2 * spread[0]


def test_a_run_of_rust_is_long_in_y_below_its_source() -> None:
    assert FAMILIES["corrosion"].scenarios["rust_run"].orientation == "gravity"
    view = 128 * PIXEL
    request = SimulationRequest("rust_run", find_material("steel"), 0.35 * view, (1.0,), view, PIXEL)
    points = probe_points(FAMILIES["corrosion"].simulate(request, stream(0, "run")).snapshots[0])
    assert points[:, 0].std() > 1.3 * points[:, 1].std()


def test_gravity_points_down_whatever_the_texture() -> None:
    picture = picture_of(stripes(37))
    for seed in range(40):
        placed = draw_pose(DISK, "interior", picture, stream(seed, "place"), Bearing(axis=0.0, reversible=False))
        assert placed is not None
        down = placed.matrix @ np.array([1.0, 0.0]) * PIXEL
        assert down[0] >= np.cos(AXIS_SPREAD) - 1e-9


def test_an_axis_may_lie_both_ways_round() -> None:
    picture = picture_of(stripes(0))
    drawn = [draw_pose(DISK, "interior", picture, stream(seed, "place"), Bearing(axis=0.0)) for seed in range(40)]
    assert {placed.matrix[1, 1] * (-1 if placed.flip else 1) > 0 for placed in drawn if placed} == {True, False}


@pytest.mark.parametrize(
    ("alignment", "mean"), [(0.9, 0.76), (-0.9, -0.76), (0.0, 0.0)], ids=["along", "across", "any"]
)
def test_scratches_lie_to_the_grain_as_the_mix_asks(alignment: float, mean: float) -> None:
    """Through the generator's own path, on wood whose grain is measured; the row says what the pose shows."""
    stanza = category(
        "board",
        count=6,
        source=SourceSpec(kind="procedural", generator="wood", pool=4, licence="CC0-1.0"),
        material="steel",
        defects=(DefectSpec(family="deformation", scenario="scratch", alignment=alignment),),
    )
    spec = dataset(stanza, seed=1)
    context = context_of(spec, "board")
    group = Group(0, "deformation", "train", 0, 2)
    simulated = simulate_group(spec, stanza, group)
    assert simulated is not None
    cosines = []
    for index in range(60):
        prepared = prepare_window(context, Order(group, index, simulated, 0))
        if prepared is None:
            continue
        x_axis = prepared.pose.matrix @ np.array([0.0, 1.0])
        statistics = prepared.inputs.statistics
        turn = turn_between(float(np.arctan2(x_axis[0], x_axis[1])), statistics.direction)
        row = row_of(prepared.snapshot, prepared.pose, statistics)
        assert row["texture_angle"] == pytest.approx(turn, abs=1e-6)
        assert row["texture_coherence"] == pytest.approx(statistics.coherence)
        assert statistics.coherence > 0.25
        cosines.append(np.cos(2 * turn))
    assert len(cosines) > 50
    # The standard error of 50 cosines is 0.1 at most, and half that where they agree.
    assert float(np.mean(cosines)) == pytest.approx(mean, abs=0.12 if mean else 0.25)


# -- helpers -----------------------------------------------------------------------------------------------------------


def test_probes_cover_the_defect_and_are_few() -> None:
    many = line_snapshot(PIXEL * np.stack([np.zeros(5001), np.linspace(-50, 50, 5001)], 1))
    points = probe_points(many)
    assert MAX_POINTS <= len(points) < 2 * MAX_POINTS
    assert np.ptp(points[:, 1]) > 0.98 * 100 * PIXEL
    disk = probe_points(DISK)
    assert np.hypot(*disk.T).max() <= 8.05 * PIXEL
    assert np.abs(disk.mean(0)).max() < PIXEL


def test_points_beside_the_picture_do_not_lie_on_the_part() -> None:
    mask = np.ones((10, 10), bool)
    points = np.array([[0, 0], [9, 9], [-1, 5], [5, 10], [4.4, 4.6], [-0.4, 9.4]])
    assert inside_share(points, mask) == pytest.approx(4 / 6)
    mask[5, 5] = False
    assert inside_share(np.array([[5.4, 4.6]]), mask) == 0

"""Which way defects lie: distributions of angles against their closed form, and who decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import ndtri

from maphc2f.bundled import find_material
from maphc2f.defects import FAMILIES
from maphc2f.generate.bearing import (
    AXIS_COHERENCE,
    LARGEST_MEAN,
    SURE_COHERENCE,
    Bearing,
    Local,
    bearing_of,
    defect_axis,
    local_texture,
    row_of,
)
from maphc2f.generate.placement import draw_pose
from maphc2f.render.place import Pose
from maphc2f.rng import stream
from tests.builders import PIXEL, disk_snapshot, line_snapshot, picture_of, stripes

WOOD, STEEL = find_material("wood"), find_material("steel")
FERRITE = find_material("ferrite")
DISK = disk_snapshot(4 * PIXEL)


def line(degrees: float, length: float = 20.0) -> Any:
    """A straight crack through the anchor, at an angle from x towards y."""
    t = np.linspace(-length / 2, length / 2, 21) * PIXEL
    return line_snapshot(np.stack([np.sin(np.deg2rad(degrees)) * t, np.cos(np.deg2rad(degrees)) * t], 1))


def at(direction: float, coherence: float) -> Local:
    return Local(np.array([direction]), np.array([coherence]))


def mean_of(alignment: float, coherence: float) -> float:
    return LARGEST_MEAN * abs(alignment) * coherence**4 / (coherence**4 + SURE_COHERENCE**4)


# -- the draw ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alignment", [1.0, 0.5, -0.7])
@pytest.mark.parametrize("coherence", [0.1, 0.25, 0.8])
@pytest.mark.parametrize("flip", [False, True])
def test_angles_have_the_wrapped_normal_distribution(alignment: float, coherence: float, flip: bool) -> None:
    """Quantiles evenly spread give its moments: the mean of exp(2 i m δ) is ρ^(m²)."""
    bearing = Bearing(alignment=alignment, lean=0.4)
    turns = ndtri((np.arange(4000) + 0.5) / 4000)
    texture = at(0.9, coherence)
    angles = np.array([bearing.angle(texture, flip, False, float(turn)) for turn in turns])
    deviation = angles + (-0.4 if flip else 0.4) - 0.9 - (0 if alignment > 0 else np.pi / 2)
    rho = mean_of(alignment, coherence)
    for order in (1, 2, 3):
        assert np.mean(np.exp(2j * order * deviation)) == pytest.approx(rho**order**2, abs=4e-3)


def test_weights_are_its_density() -> None:
    """Over an outline that looks every way they integrate to one turn, and their mean of cos 2δ is ρ."""
    bearing = Bearing(alignment=0.8, lean=0.3)

    def density(angle: float) -> float:
        return float(bearing.weights(at(1.1, 0.5), np.array([angle]), flip=False)[0])

    rho = mean_of(0.8, 0.5)
    assert quad(density, 0, np.pi)[0] / np.pi == pytest.approx(1.0)
    found = quad(lambda a: np.cos(2 * (a + 0.3 - 1.1)) * density(a), 0, np.pi)[0] / np.pi
    assert found == pytest.approx(rho)


def test_without_a_direction_every_angle_is_as_likely() -> None:
    for bearing in (Bearing(alignment=1.0), Bearing(texture=True), Bearing()):
        turns = (np.arange(360) + 0.5) / 360
        turns = ndtri(turns) if bearing.weighs else turns
        texture = at(0.7, 0.01) if bearing.local else None
        angles = np.array([bearing.angle(texture, False, i % 2 == 1, float(t)) for i, t in enumerate(turns)])
        assert abs(np.mean(np.exp(2j * angles))) < 0.01
    np.testing.assert_allclose(
        Bearing(alignment=1.0).weights(at(0.7, 0.0), np.linspace(0, 3, 5), flip=False), 1.0, atol=0.01
    )


@pytest.mark.parametrize("coherence", [AXIS_COHERENCE - 0.01, AXIS_COHERENCE + 0.01])
def test_strictly_oriented_defects_follow_a_directed_texture_alone(coherence: float) -> None:
    angles = [Bearing(texture=True).angle(at(0.5, coherence), False, False, t) for t in (0.0, 0.5, 0.99)]
    strict = max(abs(angle - 0.5) for angle in angles) <= np.deg2rad(8.01)
    assert strict == (coherence > AXIS_COHERENCE)


# -- on pictures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lean", [0.0, 35.0, 100.0])
@pytest.mark.parametrize(("alignment", "low", "high"), [(1.0, 0.85, 1.0), (-1.0, -1.0, -0.85), (0.0, -0.35, 0.35)])
def test_cracks_lie_to_the_stripes_as_drawn(lean: float, alignment: float, low: float, high: float) -> None:
    """Measured in pixels, whatever way the crack ran in its own frame."""
    picture, crack = picture_of(stripes(25)), line(lean)
    bearing = bearing_of("crack", FAMILIES["crack"].scenarios["through_crack"], FERRITE, crack, alignment)
    cosines = []
    for seed in range(60):
        placed = draw_pose(crack, "interior", picture, stream(seed, "place"), bearing)
        assert placed is not None
        ends = placed.apply(np.asarray(crack.trace, float)[[0, -1], [0, 1], :2])
        seen = np.arctan2(-(ends[1] - ends[0])[0], (ends[1] - ends[0])[1])
        angle = seen - np.deg2rad(25)
        cosines.append(np.cos(2 * angle))
        row = row_of(crack, placed, picture.statistics)
        assert np.cos(2 * row["texture_angle"]) == pytest.approx(cosines[-1], abs=0.12)
    assert low < float(np.mean(cosines)) < high


def inward(length: float = 16.0) -> Any:
    """A crack that runs straight into the part."""
    return line_snapshot(PIXEL * np.stack([np.linspace(0, length, 21), np.zeros(21)], 1))


@pytest.mark.parametrize(("alignment", "sides"), [(1.0, "ends"), (-1.0, "flanks")])
def test_cracks_start_where_they_run_as_they_should(alignment: float, sides: str) -> None:
    """Marks run up the picture: cracks along them start at its top and bottom, across them at its left and right."""
    picture = picture_of(stripes(90))
    bearing = bearing_of("crack", FAMILIES["crack"].scenarios["edge_crack"], FERRITE, inward(), alignment)
    drawn = [draw_pose(inward(), "edge", picture, stream(seed, "place"), bearing) for seed in range(60)]
    anchors = np.array([placed.anchor for placed in drawn if placed is not None])
    upright = np.isin(anchors[:, 0], (0, 127))
    share = float(upright.mean() if sides == "ends" else (~upright).mean())
    assert share > 0.85
    assert len(np.unique(anchors, axis=0)) > 40
    assert {placed.flip for placed in drawn if placed is not None} == {False, True}
    free = [draw_pose(inward(), "edge", picture, stream(seed, "place")) for seed in range(60)]
    assert 0.3 < float(np.isin([placed.anchor[0] for placed in free if placed], (0, 127)).mean()) < 0.7


def test_cracks_from_an_edge_slant_as_the_marks_do() -> None:
    """Marks at 12 degrees to the normals of top and bottom: cracks lean to them, pieces broken out stay square."""
    picture = picture_of(stripes(78))
    bearing = bearing_of("crack", FAMILIES["crack"].scenarios["edge_crack"], FERRITE, inward(), 1.0)
    drawn = [draw_pose(inward(), "edge", picture, stream(seed, "place"), bearing) for seed in range(80)]
    upright = [placed for placed in drawn if placed is not None and placed.anchor[0] in (0, 127)]
    # The frame's y axis lies at 90 degrees + the angle of the pose, from x towards y; the marks at 102 degrees.
    leaning = [(placed.angle + np.pi / 2) % np.pi - np.pi / 2 for placed in upright]
    assert len(leaning) > 50
    assert np.rad2deg(np.median(leaning)) == pytest.approx(12, abs=3)
    assert np.rad2deg(np.max(np.abs(leaning))) <= 25 + 4
    stiff = [draw_pose(inward(), "edge", picture, stream(k, "place"), replace(bearing, tilts=False)) for k in range(40)]
    away = [placed for placed in stiff if placed is not None and 20 < placed.anchor[1] < 108]
    assert len(away) > 20
    assert max(abs(np.sin(2 * placed.angle)) for placed in away) < 0.02


def test_the_local_texture_decides() -> None:
    """Stripes up in the left half and along in the right one: each crack follows those that it lies on."""
    halves = np.where(np.arange(128)[None, :] < 64, stripes(90), stripes(0)).astype(np.uint8)
    picture, crack = picture_of(halves), line(0.0, 8.0)
    bearing = Bearing(alignment=1.0)
    cosines: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(80):
        placed = draw_pose(crack, "interior", picture, stream(seed, "place"), bearing)
        assert placed is not None
        if abs(placed.anchor[1] - 64) > 20:
            cosines[placed.anchor[1] < 64].append(np.cos(2 * placed.angle))
    assert float(np.mean(cosines[True])) < -0.8
    assert float(np.mean(cosines[False])) > 0.8


# -- who decides -------------------------------------------------------------------------------------------------------


def test_the_mix_goes_before_the_material() -> None:
    through = FAMILIES["crack"].scenarios["through_crack"]
    ground = FERRITE.model_copy(update={"crack_alignment": 0.6})
    assert bearing_of("crack", through, ground, line(0), None).alignment == 0.6
    assert bearing_of("crack", through, ground, line(0), -0.2).alignment == -0.2
    plain = FERRITE.model_copy(update={"crack_alignment": None})
    assert bearing_of("crack", through, plain, line(0), None) == Bearing()


@pytest.mark.parametrize(
    ("family", "scenario", "field"),
    [("corrosion", "pit", "pit_alignment"), ("deformation", "scratch", "scratch_alignment")],
)
def test_regions_drawn_out_by_their_family_have_a_field_each(family: str, scenario: str, field: str) -> None:
    entry = FAMILIES[family].scenarios[scenario]
    assert bearing_of(family, entry, STEEL.model_copy(update={field: 0.3}), DISK, None).alignment == 0.3
    assert bearing_of(family, entry, STEEL.model_copy(update={field: None}), DISK, None) == Bearing(texture=True)


def test_a_split_along_the_fibres_keeps_to_them() -> None:
    split = FAMILIES["crack"].scenarios["grain"]
    assert bearing_of("crack", split, WOOD.model_copy(update={"crack_alignment": -1.0}), line(0), None).texture


def test_round_defects_and_those_bound_to_the_picture_ignore_the_material() -> None:
    metal = STEEL.model_copy(update={"crack_alignment": 1.0, "pit_alignment": 1.0, "scratch_alignment": 1.0})
    for family, scenario in (("crack", "chip"), ("corrosion", "stain"), ("deformation", "dent")):
        assert bearing_of(family, FAMILIES[family].scenarios[scenario], metal, DISK, None) == Bearing()
    run = bearing_of("corrosion", FAMILIES["corrosion"].scenarios["rust_run"], metal, DISK, 1.0)
    assert (run.axis, run.reversible, run.alignment) == (0.0, False, None)
    patch = bearing_of("cut_paste", FAMILIES["cut_paste"].scenarios["patch"], metal, DISK, None)
    assert (patch.axis, patch.spread, patch.reversible) == (0.0, 0.0, False)


def test_a_star_has_no_direction() -> None:
    arms = [line(angle).trace for angle in (0, 60, 120)]
    star = replace(line(0), trace=np.concatenate(arms))
    assert defect_axis(star)[1] < 0.01
    assert not bearing_of("crack", FAMILIES["crack"].scenarios["star"], FERRITE, star, 1.0).local
    texture = picture_of(stripes(0)).statistics
    pose = Pose((64.0, 64.0), 0.3, False, PIXEL)
    assert "texture_angle" not in row_of(star, pose, texture)
    assert row_of(line(0), pose, texture)["texture_angle"] == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("degrees", [0, 50, 90, 130])
def test_the_axis_of_an_array_is_that_of_its_cracks(degrees: float) -> None:
    """Five parallel cracks side by side: their common direction, though the array is wider than long."""
    one = np.asarray(line(degrees).trace)
    shifts: NDArray[np.float64] = np.arange(5.0) * 30 * PIXEL
    across = np.array([np.cos(np.deg2rad(degrees)), -np.sin(np.deg2rad(degrees)), 0.0])
    array = replace(line(0), trace=np.concatenate([one + shift * across for shift in shifts]).astype(np.float32))
    axis, directed = defect_axis(array)
    assert np.cos(2 * (axis - np.deg2rad(degrees))) == pytest.approx(1.0, abs=1e-6)
    assert directed == pytest.approx(1.0, abs=1e-6)


def test_without_a_field_the_whole_pictures_direction_holds() -> None:
    statistics = replace(picture_of(stripes(0)).statistics, direction=0.7, coherence=0.4, orientation=None)
    found = local_texture(statistics, np.zeros((3, 2)))
    np.testing.assert_allclose(found.direction, 0.7)
    np.testing.assert_allclose(found.coherence, 0.4)
    flat = replace(statistics, coherence=0.0)
    assert row_of(line(0), Pose((1.0, 1.0), 0.0, False, PIXEL), flat) == {"texture_coherence": 0.0}

"""Chips: the two cracks come back to the edge, the piece is similar at all sizes, and holes follow the thickness."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import pytest

from maphc2f.bundled import load_materials
from maphc2f.defects import FAMILIES
from maphc2f.defects.chip_faces import Roughness, fracture_face, make_face
from maphc2f.defects.chip_flaws import LEAST_COVER, Flaw, flaw_cells
from maphc2f.defects.chip_rows import Piece, lay_out, lost, row_face, time_of
from maphc2f.defects.chip_sheets import ANGLES, SAMPLES, Plan, Section, solve_plan, solve_section
from maphc2f.defects.chipping import CELLS, CHIP
from maphc2f.defects.roughness import HURST, self_affine
from maphc2f.errors import SimulationRejected, UserError
from maphc2f.sample import Simulation, SimulationRequest

PIXEL = 1e-4
STAGES = (0.4, 0.7, 1.0)
MATERIALS = load_materials()
HALF_CIRCLE = Plan(np.full(SAMPLES, 0.5), 1.0, 1, 0.0)
CONE = Section(np.linspace(1.0, 0.0, SAMPLES), 1.0, 1, 0.0)


SINGLE = {"pieces": (1.0, 1.0)}


def request(
    material: str = "ferrite", size: float = 60 * PIXEL, **parameters: tuple[float, float]
) -> SimulationRequest:
    return SimulationRequest("chip", MATERIALS[material], size, STAGES, 256 * PIXEL, PIXEL, parameters)


@cache
def chip(seed: int, material: str = "ferrite") -> Simulation:
    for attempt in range(8):
        try:
            return FAMILIES["crack"].simulate(request(material, **SINGLE), np.random.default_rng((seed, attempt)))
        except SimulationRejected:
            continue
    pytest.fail("no chip broke out")


def plan_of(seed: int, **changes: float) -> Plan:
    flaw = replace(Flaw(2.4, 0.0, 0.0, 0.05), **changes)
    return solve_plan(MATERIALS["glass"], 0.12, flaw, np.random.default_rng(seed))


def test_an_even_flaw_under_an_even_push_breaks_out_an_even_piece() -> None:
    """Without tilt, offset and much scatter the two flanks differ by no more than the scatter gives."""
    radii = np.mean([plan_of(seed).radius for seed in range(4)], axis=0)
    assert np.abs(radii - radii[::-1]).max() < 0.12
    assert radii[0] + radii[-1] == pytest.approx(1.0)


def test_a_flaw_that_dips_makes_a_piece_that_is_deeper_on_that_side() -> None:
    def lean(angle: float) -> float:
        depth = np.mean([plan_of(seed, angle=angle).radius for seed in range(3)], axis=0) * np.sin(ANGLES)
        along = np.cos(ANGLES)
        return float((depth * np.sign(along)).sum())

    assert lean(0.3) > 2.0
    assert lean(-0.3) < -2.0


def test_a_longer_flaw_under_the_same_cover_makes_a_flatter_piece() -> None:
    short = np.mean([plan_of(seed, length=1.5).reach for seed in range(3)])
    long = np.mean([plan_of(seed, length=3.4).reach for seed in range(3)])
    assert long < 0.85 * short


def test_a_crack_that_does_not_come_back_is_rejected() -> None:
    """A contact crack that leans into the body runs there."""
    with pytest.raises(SimulationRejected, match="did not come back"):
        solve_section(MATERIALS["glass"], 0.12, -0.5, np.random.default_rng(0))


@pytest.mark.parametrize("slant", [0.2, 0.55])
def test_the_section_falls_from_the_side_face_to_the_mouth(slant: float) -> None:
    section = solve_section(MATERIALS["ferrite"], 0.3, slant, np.random.default_rng(3))
    assert section.fall[-1] == pytest.approx(0.0, abs=1e-9)
    assert (np.diff(section.fall) <= 1e-9).all()
    assert 0.4 < section.fall[0] < 1.6
    assert section(np.array([-1.0, 0.0, 1.0, 2.0])) == pytest.approx([section.fall[0], section.fall[0], 0.0, 0.0])


def test_a_steeper_contact_crack_leaves_a_steeper_wall() -> None:
    walls = []
    for slant in (0.2, 0.6):
        fall = np.mean(
            [solve_section(MATERIALS["glass"], 0.12, slant, np.random.default_rng(s)).fall for s in range(3)], axis=0
        )
        walls.append(float(np.interp(0.85, np.linspace(0, 1, SAMPLES), fall) / fall[0]))
    assert walls[0] > 1.15 * walls[1]


def test_the_face_of_a_half_disc_with_a_cone_is_the_cone() -> None:
    face = make_face(HALF_CIRCLE, CONE, 80.0, Roughness(0.0, 0.0), np.random.default_rng(0))
    y, x = (np.arange(n) - o for n, o in zip(face.depth.shape, face.origin, strict=True))
    r = np.hypot(y[:, None], x)
    expected = -0.5 * np.clip(1 - r / 40, 0, 1)
    assert np.abs(face.depth - expected).max() < 1e-3
    assert not face.rough.any()
    part = y[:, None] > 1
    assert (face.extent[(r < 36) & part] > 0.95).all()
    assert (face.extent[r > 44] < 0.05).all()
    area = float((face.extent[y >= 0] >= 0.5).sum())
    assert area == pytest.approx(0.5 * math.pi * 40**2, rel=0.03)


def test_stages_are_similar_and_lie_in_each_other() -> None:
    simulation = chip(1)
    for small, large in pairwise(simulation.snapshots):
        ratio = small.size / large.size
        assert small.spacing / large.spacing == pytest.approx(ratio)
        # The extent is one array; nested if the scaled region never leaves the larger one.
        inside = np.argwhere(small.extent >= small.threshold)
        points = np.asarray(small.origin) + small.spacing * inside
        points = points[points[:, 0] >= 0]
        cells = np.rint((points - np.asarray(large.origin)) / large.spacing).astype(int)
        assert (large.extent[cells[:, 0], cells[:, 1]] >= 0.4).mean() > 0.995
        assert large.measures["depth"] > small.measures["depth"]
        assert large.measures["width"] / small.measures["width"] == pytest.approx(1 / ratio)


def test_size_is_the_chord_on_the_outline() -> None:
    """Of blunt pieces: a feather edge is thinner than a cell at its ends."""
    for seed in range(3):
        blunt = request(emergence=(1.2, 1.2), rim_roughness=(0.0, 0.0), pieces=(1.0, 1.0))
        snapshot = FAMILIES["crack"].simulate(blunt, np.random.default_rng(seed)).snapshots[-1]
        row = round(-snapshot.origin[0] / snapshot.spacing)
        chord = float((snapshot.extent[row] >= snapshot.threshold).sum()) * snapshot.spacing
        assert chord == pytest.approx(snapshot.size, rel=0.12)


@pytest.mark.parametrize(("length", "low", "high"), [(1.4, 0.4, 0.9), (4.0, 0.2, 0.45), (11.0, 0.07, 0.18)])
def test_the_length_of_the_flaw_decides_between_shell_and_sliver(length: float, low: float, high: float) -> None:
    assert low < plan_of(0, length=length, bow=0.2).reach < high


def test_a_bowed_flaw_leaves_thinner_ends() -> None:
    def fullness(bow: float) -> float:
        plan = plan_of(1, length=5.0, bow=bow)
        depth = plan.flatness * plan.radius * np.sin(ANGLES)
        along = plan.radius * np.cos(ANGLES)
        return float(-np.sum(0.5 * (depth[1:] + depth[:-1]) * np.diff(along)) / plan.reach)

    assert fullness(0.4) < fullness(0.0) - 0.05


def test_a_shallow_emergence_makes_a_feather_edge() -> None:
    """The lowest rays are those of the straight line to the outline."""
    blunt, feather = plan_of(2, length=5.0), plan_of(2, length=5.0, emergence=0.4)
    assert feather.reach < 0.95 * blunt.reach
    depth, along = feather.flatness * feather.radius * np.sin(ANGLES), feather.radius * np.cos(ANGLES)
    near = slice(4, 9)
    assert np.polyfit(along[near], depth[near], 1)[0] == pytest.approx(-math.tan(0.4), rel=0.15)


@pytest.mark.parametrize("length", [0.0, 15.5, math.nan])
def test_a_flaw_that_no_sheet_holds_is_refused(length: float) -> None:
    with pytest.raises(UserError, match="flaw_length"):
        Flaw(length, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("length", [0.5, 6.0, 7.0, 12.0, 15.0])
@pytest.mark.parametrize("angle", [-0.6, 0.0, 0.6])
def test_every_flaw_that_is_allowed_lies_on_its_sheet(length: float, angle: float) -> None:
    flaw = Flaw(length, angle, 0.0, 0.0, 0.5, 0.3)
    cover, (rows, columns) = flaw.cover(np.random.default_rng(0)), flaw.shape
    assert cover.shape == (columns,)
    assert cover.min() >= LEAST_COVER
    assert cover.max() < rows - 8
    half = 0.5 * flaw.length * flaw.distance
    notch = flaw_cells(cover, (columns / 2 - half, columns / 2 + half), (rows, columns))
    assert int(notch.any(0).sum()) == pytest.approx(2 * half, abs=2.5)


def row_of(gap: float, seed: int = 0) -> tuple[Piece, ...]:
    return lay_out([HALF_CIRCLE] * 3, gap, np.random.default_rng(seed))


@pytest.mark.parametrize("gap", [-0.3, 0.0, 0.4])
def test_a_row_loses_the_outline_asked_for(gap: float) -> None:
    row = row_of(gap)
    assert lost(row, 1.0) == pytest.approx(1.0)
    losses = [lost(row, t) for t in np.linspace(0.0, 1.0, 21)]
    assert all(b > a for a, b in pairwise(losses))
    for share in (0.2, 0.5, 0.9):
        assert lost(row, time_of(row, share)) == pytest.approx(share, abs=2e-3)
    total = sum(p.chord for p in row)
    assert (total > 1.01) == (gap < 0)


def test_two_pieces_apart_are_two_holes_and_overlapping_ones_are_one() -> None:
    for gap, expected in ((0.4, 3), (-0.3, 1)):
        row = row_of(gap)
        faces = [make_face(p.plan, CONE, p.chord * 120, Roughness(0, 0), np.random.default_rng(0)) for p in row]
        snapshot = row_face(row, faces, 1.0, (120.0, 120.0), 1e9)
        parts = cv2.connectedComponents((snapshot.extent >= snapshot.threshold).astype(np.uint8))[0] - 1
        assert parts == expected
        area = float((snapshot.extent[6:] >= snapshot.threshold).sum())
        assert gap < 0 or area == pytest.approx(sum(0.125 * math.pi * (p.chord * 120) ** 2 for p in row), rel=0.05)


def test_stages_of_a_row_lie_in_each_other() -> None:
    snapshots = FAMILIES["crack"].simulate(request(pieces=(3.0, 3.0)), np.random.default_rng(4)).snapshots
    for small, large in pairwise(snapshots):
        inside = np.argwhere(small.extent >= small.threshold)
        points = np.asarray(small.origin) + small.spacing * inside
        points = points[points[:, 0] >= 0]
        cells = np.rint((points - np.asarray(large.origin)) / large.spacing).astype(int)
        assert (large.extent[cells[:, 0], cells[:, 1]] >= 0.35).mean() > 0.99
        assert small.size < large.size


def test_the_part_is_gone_where_the_crack_lies_deeper_than_the_part_is_thick() -> None:
    face = make_face(HALF_CIRCLE, CONE, 80.0, Roughness(0.0, 0.0), np.random.default_rng(0))
    size, thickness = 8e-3, 2e-3
    snapshot = fracture_face(face, HALF_CIRCLE, 1.0, size, thickness)
    assert snapshot.removed is not None
    assert snapshot.depth is not None
    deep = snapshot.depth < -thickness - snapshot.spacing
    shallow = snapshot.depth > -thickness + snapshot.spacing
    assert (snapshot.removed[deep] > 0.9).all()
    assert (snapshot.removed[shallow] == 0).all()
    assert snapshot.measures["depth"] == pytest.approx(thickness)
    # At half the size the cone, 4 mm x 0.5 deep, just reaches through at its tip; at a quarter it does not.
    assert fracture_face(face, HALF_CIRCLE, 0.25, size, thickness).removed is None


def test_roughness_is_self_affine() -> None:
    """Steps grow like distance^H: fitted over 2, 4, 8, 16 cells, where the grid's period does not matter yet."""
    field = np.stack([self_affine((256, 256), np.random.default_rng(seed)) for seed in range(4)])
    steps = np.array([1, 2, 4, 8])
    growth = [np.sqrt(np.square(field[:, :, k:] - field[:, :, :-k]).mean()) for k in steps]
    slope = np.polyfit(np.log(steps), np.log(growth), 1)[0]
    assert HURST - 0.12 < slope < HURST + 0.12


def test_roughness_of_a_stage_scales_with_its_own_exponent() -> None:
    face = make_face(HALF_CIRCLE, CONE, 80.0, Roughness(0.02, 0.0), np.random.default_rng(0))
    assert face.rough.any()
    heights = []
    for stage in (0.5, 1.0):
        rough = fracture_face(face, HALF_CIRCLE, stage, 1e-2, 1.0).depth
        smooth = fracture_face(replace(face, rough=np.zeros_like(face.rough)), HALF_CIRCLE, stage, 1e-2, 1.0).depth
        assert rough is not None
        assert smooth is not None
        heights.append(float((rough - smooth).std()))
    assert math.log(heights[1] / heights[0]) / math.log(2) == pytest.approx(HURST, abs=0.05)


def test_only_brittle_materials_without_fibres_chip() -> None:
    assert all(CHIP.suits(MATERIALS[name]) for name in ("glass", "ferrite", "porcelain", "tablet", "silicon"))
    assert not any(CHIP.suits(MATERIALS[name]) for name in ("steel", "copper", "rubber", "leather", "textile", "wood"))


def test_grids_follow_the_picture_within_limits() -> None:
    for size, cells in ((10 * PIXEL, CELLS[0]), (100 * PIXEL, 100), (400 * PIXEL, CELLS[1])):
        simulation = FAMILIES["crack"].simulate(request(size=size, **SINGLE), np.random.default_rng((1, 0)))
        assert simulation.snapshots[-1].spacing == pytest.approx(size / cells)


def test_ripples_run_round_the_contact() -> None:
    """On a half disc the face varies more from ring to ring than along a ring; a plain self-affine face does not."""
    face = make_face(HALF_CIRCLE, CONE, 160.0, Roughness(0.05, 0.0), np.random.default_rng(4))
    y, x = (np.arange(n) - o for n, o in zip(face.depth.shape, face.origin, strict=True))
    radius, angle = np.linspace(25.0, 60.0, 141), np.linspace(0.3, math.pi - 0.3, 300)
    rows = (radius[:, None] * np.sin(angle) - y[0]).astype(np.float32)
    columns = (radius[:, None] * np.cos(angle) - x[0]).astype(np.float32)

    def roundness(rough: np.ndarray) -> float:
        polar = cv2.remap(rough, columns, rows, cv2.INTER_LINEAR)
        across = np.abs(np.diff(polar, axis=0)).mean() / (radius[1] - radius[0])
        along = (np.abs(np.diff(polar, axis=1)) / radius[:, None]).mean() / (angle[1] - angle[0])
        return float(across / along)

    plain = self_affine((face.rough.shape[0], face.rough.shape[1]), np.random.default_rng(4)).astype(np.float32)
    assert roundness(face.rough) > 1.3
    assert roundness(plain) == pytest.approx(1.0, abs=0.12)

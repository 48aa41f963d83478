"""Fracture faces: matte, lit like their relief, with one shadow side, and background where the part is gone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from maphc2f.refine.pipeline import synthesise
from maphc2f.render.appearance import LOOKS, appearance_parameters, draw_appearance, looks_of
from maphc2f.render.batch import stack
from maphc2f.render.coarse import render_coarse
from maphc2f.render.fracture import cast_shadow
from maphc2f.render.window import WindowInputs
from tests.refine.fields import appearance, chip_window, holed_window, statistics

SIZE = 96


def lit_from(item: WindowInputs, light: tuple[float, float, float]) -> WindowInputs:
    return replace(item, statistics=replace(item.statistics, light=light))


def column(value: float) -> torch.Tensor:
    return torch.tensor([[[[value]]]])


@pytest.mark.parametrize(("height", "reach"), [(3.0, 3.0), (6.0, 6.0)])
def test_a_wall_casts_a_shadow_as_long_as_the_light_says(height: float, reach: float) -> None:
    """Light at 45 degrees from the left; a step down of ``height`` px: dark for as many px."""
    ground = torch.zeros(1, 1, 8, 40)
    ground[..., :10] = height
    light = tuple(column(v) for v in (0.0, -(0.5**0.5), 0.5**0.5))
    lit = cast_shadow(ground, light)[0, 0, 4]
    assert float(lit[: 9 - 0].min()) == 1.0
    assert float(lit[10 : 10 + int(reach) - 1].max()) <= 0.5 + 1e-4
    assert float(lit[10 + int(reach) + 4 :].min()) == 1.0


def test_the_side_towards_the_light_is_dark_and_the_far_wall_lit() -> None:
    """Light from the left: the wall that falls away from it lies on the left."""
    item = lit_from(chip_window(SIZE, roughness=0.0, lip=0.0), (0.0, -0.714, 0.7))
    batch = stack([item])
    change = (render_coarse(batch).picture - batch.picture)[0, 0]
    rim = (batch.distance[0, 0] < 0) & (batch.distance[0, 0] > -4)
    left, right = rim.clone(), rim.clone()
    left[:, SIZE // 2 :], right[:, : SIZE // 2] = False, False
    assert float(change[left].mean()) < float(change[right].mean()) - 0.05


def test_the_surface_texture_is_gone() -> None:
    item = chip_window(SIZE, roughness=0.0, lip=0.0)
    stripes = 0.5 + 0.1 * np.sin(np.arange(SIZE) * 1.6)[None, :, None] * np.ones((SIZE, 1, 1))
    item = replace(item, picture=stripes.astype(np.float32))
    batch = stack([item])
    core = batch.distance[0, 0] < -8
    pattern = torch.from_numpy(np.sin(np.arange(SIZE) * 1.6).astype(np.float32)).expand(SIZE, SIZE)

    def share(picture: torch.Tensor) -> float:
        values = picture[0, 0][core] - picture[0, 0][core].mean()
        return float((values * pattern[core]).sum() / (pattern[core] ** 2).sum())

    assert share(batch.picture) == pytest.approx(0.1, rel=0.05)
    assert abs(share(render_coarse(batch).picture)) < 0.015


@pytest.mark.parametrize("polarity", [-1.0, 1.0])
def test_the_face_takes_its_share_of_the_contrast(polarity: float) -> None:
    flat = {"roughness": 0.0, "lip": 0.0, "relief_gain": 1e-3}
    item = chip_window(SIZE, polarity=polarity, contrast=5.0, fracture_brightness=2.0, **flat)
    batch = stack([item])
    change = (render_coarse(batch).picture - batch.picture)[0, 0][batch.distance[0, 0] < -4]
    assert float(change.mean()) * polarity == pytest.approx(0.5 * 5.0 * 0.03, rel=0.2)


@pytest.mark.parametrize("stage", ["coarse", "npcf", "npcf++"])
def test_the_background_is_seen_through_the_hole_after_every_stage(stage: str) -> None:
    item = holed_window(SIZE, channels=3)
    assert item.behind is not None
    assert item.fields.removed is not None
    result = synthesise([item], stage)[0]
    deep = item.fields.distance < -6 - 5
    assert deep.any()
    assert np.abs(result.picture - item.behind)[deep].max() < 2e-3
    outside = ~item.fields.support
    assert np.array_equal(result.picture[outside], item.picture[outside])


def test_without_background_a_hole_shows_the_face() -> None:
    item = holed_window(SIZE)
    blind = replace(item, behind=None)
    whole = replace(item, behind=None, fields=replace(item.fields, removed=None))
    first, second = (synthesise([w], "npcf++")[0].picture for w in (blind, whole))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, synthesise([item], "npcf++")[0].picture)


def test_chips_have_looks_of_their_own_and_no_mouth() -> None:
    from maphc2f.bundled import load_materials

    glass = load_materials()["glass"]
    rng = np.random.default_rng
    chip = draw_appearance("crack", "chip", glass, 0.5, statistics(1), rng(0))
    star = draw_appearance("crack", "star", glass, 0.5, statistics(1), rng(0))
    assert looks_of("crack", "chip") is LOOKS["crack/chip"]
    assert chip.broken_face
    assert chip.edge_width == 0.0
    assert not star.broken_face
    assert star.edge_width > 0
    assert set(appearance_parameters(chip)) == set(appearance_parameters(appearance()))
    assert "appearance_broken_face" not in appearance_parameters(chip)


def test_the_rim_frays_along_the_marks_of_the_surface() -> None:
    """Where marks run along x, the top and bottom rims stay smooth and the left and right ones are ragged."""

    def rim(coherence: float) -> torch.Tensor:
        item = chip_window(SIZE, roughness=0.0, lip=0.0, albedo_share=1.0)
        item = replace(item, statistics=replace(item.statistics, direction=0.0, coherence=coherence))
        batch = stack([item])
        return (render_coarse(batch).picture - batch.picture)[0, 0]

    smooth, frayed = rim(0.0), rim(1.0)
    moved = (frayed - smooth).abs()
    distance = stack([chip_window(SIZE)]).distance[0, 0]
    assert float(moved[distance.abs() < 1].mean()) > 5 * float(moved[distance.abs() > 6].mean())
    middle = SIZE // 2
    rows = frayed[middle - 12 : middle + 12]
    steps = (rows[1:] - rows[:-1]).abs()[:, distance[middle].abs() < 2].mean()
    columns = frayed[:, middle - 12 : middle + 12]
    along = (columns[:, 1:] - columns[:, :-1]).abs()[distance[:, middle].abs() < 2].mean()
    assert float(steps) > 1.5 * float(along)


def rim_change(shadow: float, light: tuple[float, float, float]) -> torch.Tensor:
    item = lit_from(chip_window(SIZE, roughness=0.0, lip=0.0, albedo_share=1.0, rim_shadow=shadow), light)
    batch = stack([item])
    return (render_coarse(batch).picture - batch.picture)[0, 0]


def test_a_thin_shadow_lies_under_the_rim_where_it_turns_away_from_the_light() -> None:
    light = (0.0, -0.714, 0.7)
    added = rim_change(1.2, light) - rim_change(0.0, light)
    distance = stack([chip_window(SIZE)]).distance[0, 0]
    near = (distance < 0.5) & (distance > -2.0)
    middle = slice(SIZE // 2 - 12, SIZE // 2 + 12)
    left, right = (float(added[middle, side][near[middle, side]].mean()) for side in (slice(0, 40), slice(-40, None)))
    assert left < 2.0 * right < 0.0
    assert float(added[distance < -6].abs().max()) < 1e-3
    assert float(added[distance > 4].abs().max()) < 1e-3


def test_where_the_part_ends_there_is_no_rim() -> None:
    """Where the contour leaves the part at full depth, it is not the rim of the face but lies beyond the outline."""
    item = chip_window(SIZE, roughness=0.0, lip=0.0, rim_shadow=1.5)
    deep = replace(item, fields=replace(item.fields, depth=np.full_like(item.fields.depth, item.fields.depth.min())))
    bare = replace(deep, appearance=replace(deep.appearance, rim_shadow=0.0))
    pair = [render_coarse(stack([w])).picture for w in (deep, bare)]
    assert torch.equal(pair[0], pair[1])
    shallow = render_coarse(stack([item])).picture
    plain = render_coarse(stack([replace(item, appearance=replace(item.appearance, rim_shadow=0.0))])).picture
    assert not torch.equal(shallow, plain)


@pytest.mark.parametrize(("brightness", "most"), [(1.0, 1.22), (2.0, 1.6)])
def test_a_bright_face_is_no_brighter_than_its_material(brightness: float, most: float) -> None:
    """Codes go like the root of reflectance; a face of the surface's own reflectance only takes the least contrast."""
    item = chip_window(
        SIZE, polarity=1.0, roughness=0.0, lip=0.0, contrast=9.0, albedo_share=1.0, fracture_brightness=brightness
    )
    batch = stack([item])
    core = batch.distance[0, 0] < -6
    ratio = float(render_coarse(batch).picture[0, 0][core].mean() / batch.picture[0, 0][core].mean())
    assert 1.0 < ratio < most
    assert brightness == 1.0 or ratio > 1.25


def test_in_the_dark_part_of_a_picture_a_face_is_as_much_darker() -> None:
    item = chip_window(SIZE, roughness=0.0, lip=0.0, contrast=9.0, albedo_share=0.6)
    dim = replace(item, picture=(0.4 * item.picture).astype(np.float32))
    ratios = []
    for window in (item, dim):
        batch = stack([window])
        core = batch.distance[0, 0] < -6
        ratios.append(float(render_coarse(batch).picture[0, 0][core].mean() / batch.picture[0, 0][core].mean()))
    assert ratios[0] < 0.85
    assert ratios[1] == pytest.approx(ratios[0], abs=0.04)


def test_only_materials_that_scatter_more_inside_have_bright_faces() -> None:
    from maphc2f.bundled import load_materials

    def bright(name: str) -> float:
        material, rng = load_materials()[name], np.random.default_rng(0)
        signs = [draw_appearance("crack", "chip", material, 0.5, statistics(1), rng).polarity for _ in range(400)]
        return float(np.mean(np.array(signs) > 0))

    assert bright("porcelain") < 0.08
    assert bright("epoxy") > 0.2

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
    item = chip_window(SIZE, polarity=polarity, roughness=0.0, lip=0.0, contrast=5.0)
    batch = stack([item])
    change = (render_coarse(batch).picture - batch.picture)[0, 0][batch.distance[0, 0] < -4]
    assert float(change.mean()) * polarity == pytest.approx(0.5 * 5.0 * 0.03, rel=0.35)


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

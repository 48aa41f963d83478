"""All 30 generators: determinism, variety, kinds of pixels, sound foreground at any size."""

from __future__ import annotations

import numpy as np
import pytest

from maphc2f.errors import ManifestError, PictureError, UserError
from maphc2f.rng import stream
from maphc2f.spec import SizeSpec
from maphc2f.substrates.base import open_substrate
from maphc2f.substrates.prepare import prepare_picture
from maphc2f.substrates.procedural import GENERATORS, render
from maphc2f.substrates.procedural.canvas import cells, fractal, lattice_noise, linear, make_grid, posed
from maphc2f.substrates.procedural.lighting import Light, cast_shadow, normals, occlusion
from maphc2f.substrates.procedural.scene import window
from maphc2f.substrates.procedural.sdf import arc, box, circle, coverage, dome, ellipse, ngon, segment

TEXTURES = {"carpet", "grid", "leather", "tile", "wood", "btad_02"}
GRAY = {"grid", "screw", "zipper"}
CATEGORIES = {
    "bottle", "cable", "capsule", "carpet", "grid", "hazelnut", "leather", "metal_nut", "pill", "screw", "tile",
    "toothbrush", "transistor", "wood", "zipper", "candle", "capsules", "cashew", "chewinggum", "fryum", "macaroni1",
    "macaroni2", "pcb1", "pcb2", "pcb3", "pcb4", "pipe_fryum", "btad_01", "btad_02", "btad_03",
}  # fmt: skip


def test_there_is_one_generator_for_each_category():
    assert set(GENERATORS) >= CATEGORIES
    assert len(CATEGORIES) == 30


@pytest.mark.parametrize("name", sorted(CATEGORIES))
def test_generator(name):
    image, foreground = render(name, (128, 128), stream(0, name, 0))
    again, same = render(name, (128, 128), stream(0, name, 0))
    other, _ = render(name, (128, 128), stream(0, name, 1))
    assert image.dtype == np.uint8
    assert image.shape == ((128, 128) if name in GRAY else (128, 128, 3))
    assert foreground.dtype == np.bool_
    assert np.array_equal(image, again)
    assert np.array_equal(foreground, same)
    assert np.mean(image != other) > 0.3
    share = foreground.mean()
    assert share == 1.0 if name in TEXTURES else 0.04 < share < 0.9
    inside = image[foreground].astype(float)
    # A part has texture, and neither drowns in black nor in white.
    assert inside.std() > 4
    assert np.mean((inside <= 0) | (inside >= 255)) < 0.35
    if name not in TEXTURES:
        outside = image[~foreground].astype(float)
        assert np.abs(inside.mean(axis=0) - outside.mean(axis=0)).max() > 12


@pytest.mark.parametrize("size", [(96, 64), (64, 96), (33, 47), (320, 200)])
@pytest.mark.parametrize("name", ["wood", "metal_nut", "macaroni1", "pcb4", "zipper"])
def test_any_size(name, size):
    image, foreground = render(name, size, stream(0, name))
    assert image.shape[:2] == foreground.shape == (size[1], size[0])
    assert foreground.any()


@pytest.mark.parametrize("name", sorted(CATEGORIES - TEXTURES - {"capsules", "macaroni2"}))
def test_the_part_keeps_its_size_at_other_resolutions(name):
    shares = [render(name, (side, side), stream(4, name))[1].mean() for side in (96, 192)]
    # Pose is drawn before anything that depends on the number of pixels, so shapes agree but for jagged details.
    assert shares[0] == pytest.approx(shares[1], rel=0.12)


def test_unknown_generator_lists_near_names():
    with pytest.raises(UserError, match="bottle"):
        render("botle", (64, 64), stream(0, "x"))


@pytest.fixture
def pool(make_category):
    category = make_category("screw", foreground="auto", path=None)
    source = category.source.model_copy(update={"kind": "procedural", "generator": "screw", "pool": 7})
    return category.model_copy(update={"source": source, "native_size": (400, 200)})


def test_pool_of_recipes(pool):
    source = open_substrate(pool, seed=5, size=SizeSpec(width=100, height=100))
    pictures = source.inventory()
    assert [p.key for p in pictures] == [f"procedural/screw/{i:05d}" for i in range(7)]
    assert len({p.sha256 for p in pictures}) == 7
    assert {p.licence for p in pictures} == {"CC0-1.0"}
    assert (pictures[0].width, pictures[0].height, pictures[0].mode) == (100, 50, "gray")
    loaded = source.load(pictures[3])
    assert loaded.image.shape == (50, 100)
    assert np.array_equal(loaded.image, source.load(pictures[3]).image)
    assert not np.array_equal(loaded.image, source.load(pictures[4]).image)
    assert prepare_picture(loaded, SizeSpec(width=100, height=100)).scale == pytest.approx(4.0)


def test_recipes_depend_on_the_seed_and_not_on_pool_or_size(pool):
    few = open_substrate(pool, seed=5).inventory()
    source = pool.source.model_copy(update={"pool": 9})
    many = open_substrate(pool.model_copy(update={"source": source}), seed=5, size=SizeSpec(width=64, height=64))
    assert [p.sha256 for p in many.inventory()[:7]] == [p.sha256 for p in few]
    assert open_substrate(pool, seed=6).inventory()[0].sha256 != few[0].sha256


def test_a_recipe_of_another_seed_is_refused(pool):
    picture = open_substrate(pool, seed=5).inventory()[0]
    with pytest.raises(PictureError, match="another recipe"):
        open_substrate(pool, seed=6).load(picture)


def test_wrong_generator_is_found_when_the_source_is_opened(pool):
    with pytest.raises(UserError, match="generator"):
        open_substrate(pool.model_copy(update={"source": pool.source.model_copy(update={"generator": "nut"})}))


def test_mask_folder_makes_no_sense_here(pool):
    with pytest.raises(ManifestError, match="folder"):
        open_substrate(pool.model_copy(update={"foreground": "folder"}))


# --- the toolkit ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        (lambda g: circle(g, 0.5), np.pi * 0.25),
        (lambda g: ellipse(g, 0.7, 0.4), np.pi * 0.28),
        (lambda g: box(g, 0.6, 0.3), 0.72),
        (lambda g: box(g, 0.6, 0.3, 0.2), 0.72 - (4 - np.pi) * 0.04),
        (lambda g: segment(g, (-0.4, 0.1), (0.4, 0.1), 0.2), 0.8 * 0.4 + np.pi * 0.04),
        (lambda g: ngon(g, 0.5, 6), 6 * 0.25 * np.tan(np.pi / 6)),
        (lambda g: arc(g, 0.5, 1.0, 0.1), 2 * 1.0 * 0.5 * 0.2 + np.pi * 0.01),
    ],
)
@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_areas_of_shapes(shape, area, angle):
    grid = posed(make_grid(300, 260), 0.03, -0.02, angle)
    measured = coverage(shape(grid), grid.px).sum() * grid.px**2
    assert measured == pytest.approx(area, rel=0.004)


@pytest.mark.parametrize(
    "shape", [lambda g: circle(g, 0.4), lambda g: box(g, 0.5, 0.3, 0.1), lambda g: ngon(g, 0.4, 5)]
)
def test_distances_have_unit_slope_outside(shape):
    grid = make_grid(200, 200)
    distance = shape(grid)
    slope = np.hypot(*np.gradient(distance, grid.px))
    away = (distance > 0.05) & (distance < 0.4)
    assert np.percentile(np.abs(slope[away] - 1), 98) < 0.02


def test_ellipse_is_exact_at_its_outline():
    grid = make_grid(300, 300)
    distance = ellipse(grid, 0.8, 0.3)
    slope = np.hypot(*np.gradient(distance, grid.px))
    assert np.abs(slope[np.abs(distance) < 0.01] - 1).max() < 0.06  # curvature over 0.01 at the sharp end


def test_dome_is_a_hemisphere_and_its_normals_point_outwards():
    grid = make_grid(200, 200)
    height = dome(circle(grid, 0.6), 0.6)
    expected = np.sqrt(np.maximum(0.36 - grid.x**2 - grid.y**2, 0))
    np.testing.assert_allclose(height, expected, atol=1e-3)
    nx, ny, nz = normals(height, grid.px)
    inner = circle(grid, 0.5) < 0
    np.testing.assert_allclose(nx[inner], grid.x[inner] / 0.6, atol=0.02)
    np.testing.assert_allclose(ny[inner], grid.y[inner] / 0.6, atol=0.02)
    np.testing.assert_allclose(nx**2 + ny**2 + nz**2, 1, atol=1e-5)


def test_shadow_falls_away_from_the_lamp_as_far_as_the_wall_is_high():
    grid = make_grid(256, 256)
    wall = np.where(np.abs(grid.x) < 0.05, np.float32(0.2), np.float32(0))
    light = Light(-np.sqrt(0.5), 0.0, np.sqrt(0.5))  # 45 degrees, from the left
    shadow = cast_shadow(grid, wall, light, softness=0.01)
    row = shadow[128]
    assert row[grid.x[0] < -0.1].max() < 0.01
    assert row[(grid.x[0] > 0.08) & (grid.x[0] < 0.18)].min() > 0.7
    assert row[grid.x[0] > 0.30].max() < 0.05


def test_occlusion_darkens_only_what_lies_deeper():
    grid = make_grid(128, 128)
    groove = np.where(np.abs(grid.x) < 0.04, np.float32(-0.1), np.float32(0))
    light = occlusion(groove, grid.px)
    assert light[64, 64] < 0.75
    assert light[64, 5] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("side", [64, 128, 256])
def test_noise_has_unit_variance_at_any_resolution(side):
    grid = make_grid(side, side)
    for noise in (lattice_noise(grid, stream(0, "n"), 12), fractal(grid, stream(0, "f"), 4, 3)):
        assert noise.std() == pytest.approx(1, abs=0.3)
        assert abs(noise.mean()) < 0.3


def test_cells_measure_the_distance_to_their_point():
    grid = make_grid(128, 96)
    distance, label = cells(grid, stream(0, "c"), 6)
    assert distance.min() == 0
    assert np.count_nonzero(distance == 0) == len(np.unique(label))
    assert distance.max() < 0.4


def test_window_finds_its_place_in_a_posed_frame():
    grid = posed(make_grid(200, 120), 0.2, -0.1, 0.6)
    patch = window(grid, 0.3, 0.2, 0.15)
    near = np.hypot(grid.x - 0.3, grid.y - 0.2) < 0.15
    inside = np.zeros(grid.shape, bool)
    inside[patch.rows, patch.columns] = True
    assert not (near & ~inside).any()
    np.testing.assert_allclose(patch.grid.x, grid.x[patch.rows, patch.columns] - 0.3, atol=1e-5)


def test_window_outside_the_picture_is_empty():
    assert window(make_grid(64, 64), 5.0, 0.0, 0.1).grid.x.size == 0


def test_colours_are_linear_light():
    np.testing.assert_allclose(linear("#ffffff"), 1, atol=1e-6)
    np.testing.assert_allclose(linear("#808080"), 0.2159, atol=1e-3)
    np.testing.assert_allclose(linear("#808080", 1), 0.2159, atol=1e-3)

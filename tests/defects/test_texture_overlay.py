"""Texture overlay: area fractions of the Perlin masks, growth, determinism, texture augmentation."""

import itertools

import numpy as np
import pytest

from maphc2f.defects.texture_overlay import AUGMENTATIONS, FAMILY, THRESHOLD, augment_texture, draw_mask, draw_opacity
from maphc2f.rng import stream
from maphc2f.sample import SimulationRequest
from maphc2f.spec import MaterialSpec

MATERIAL = MaterialSpec(
    name="any",
    title="Any",
    source="none",
    youngs_modulus=1e9,
    poisson_ratio=0.3,
    density=1000.0,
    fracture_energy=100.0,
    tensile_strength=1e7,
)


def request(size=12.8e-3, stages=(0.4, 0.6, 0.8, 1.0)):
    return SimulationRequest("las", MATERIAL, size, stages, 12.8e-3, 1e-4)


@pytest.fixture(scope="module")
def areas():
    """Area fractions of 1,200 masks by combination; the reference fractions were measured at 288 px."""
    rng, found = stream(0, "areas"), {"single": [], "union": [], "intersection": []}
    for _ in range(1200):
        mask = draw_mask(96, rng)
        found[mask.combination].append(float(np.mean(mask.noise > THRESHOLD)))
    return {name: np.array(values) for name, values in found.items()}


@pytest.mark.parametrize(("name", "mean"), [("single", 0.049), ("union", 0.095)])
def test_area_fractions_of_the_combinations(areas, name, mean):
    assert areas[name].mean() == pytest.approx(mean, rel=0.15)


def test_area_fraction_of_the_intersection(areas):
    """A small and skewed number: its own scatter over 400 draws is about 6 %."""
    assert areas["intersection"].mean() == pytest.approx(0.0026, rel=0.25)
    assert np.mean(areas["intersection"] == 0) == pytest.approx(0.19, abs=0.09)


def test_area_fraction_of_the_mix_after_rejection(areas):
    every = np.concatenate(list(areas.values()))
    assert every[every > 0].mean() == pytest.approx(0.055, rel=0.15)
    assert [len(v) for v in areas.values()] == pytest.approx([400, 400, 400], abs=60)


def test_snapshots_grow_in_proportion_and_end_at_the_threshold_of_the_method():
    simulation = FAMILY.simulate(request(), stream(4, "las"))
    areas = [np.mean(s.extent >= s.threshold) for s in simulation.snapshots]
    for stage, area in zip((0.4, 0.6, 0.8), areas, strict=False):
        assert area == pytest.approx(stage * areas[-1], rel=0.1)
    assert simulation.parameters["noise_level_3"] == THRESHOLD
    assert [s.size for s in simulation.snapshots] == pytest.approx(
        [0.4 * 12.8e-3, 0.6 * 12.8e-3, 0.8 * 12.8e-3, 12.8e-3]
    )


def test_masks_are_nested():
    simulation = FAMILY.simulate(request(), stream(5, "las"))
    inside = [s.extent >= s.threshold for s in simulation.snapshots]
    assert all(np.all(larger[smaller]) for smaller, larger in itertools.pairwise(inside))


def test_simulation_repeats_and_differs_by_stream():
    one, same, other = (FAMILY.simulate(request(), stream(seed, "las")) for seed in (1, 1, 2))
    assert one.snapshots[-1].extent.tobytes() == same.snapshots[-1].extent.tobytes()
    assert one.parameters == same.parameters
    assert one.snapshots[-1].extent.tobytes() != other.snapshots[-1].extent.tobytes()


def test_opacity_is_normal_and_clipped():
    rng = stream(0, "opacity")
    values = np.array([draw_opacity(rng) for _ in range(3000)])
    assert values.mean() == pytest.approx(0.5, abs=0.01)
    assert values.std() == pytest.approx(0.1, abs=0.01)
    assert values.min() >= 0.2
    assert values.max() <= 0.8


@pytest.mark.parametrize("index", range(9))
def test_each_augmentation_changes_the_texture_and_keeps_its_form(index):
    texture = stream(0, "texture").integers(20, 200, (24, 32, 3)).astype(np.uint8)
    changed = AUGMENTATIONS[index](texture, stream(0, "strength"))
    assert changed.shape == texture.shape
    assert changed.dtype == np.uint8
    assert not np.array_equal(changed, texture)


def test_augmentation_repeats_and_leaves_its_input_alone():
    texture = stream(0, "texture").integers(0, 256, (24, 32, 3)).astype(np.uint8)
    before = texture.copy()
    one, two = augment_texture(texture, stream(3, "a")), augment_texture(texture, stream(3, "a"))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(texture, before)


def test_augmentation_refuses_gray_pictures():
    with pytest.raises(ValueError, match="uint8"):
        augment_texture(np.zeros((8, 8), np.uint8), stream(0, "a"))

"""DRÆM's simulator: area of its masks, range of β, the ten operations on a texture."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from maphc2f.bundled import find_material
from maphc2f.defects.perlin_overlay import FAMILY, OPERATIONS, augment_source, draw_full_field
from maphc2f.defects.texture_overlay import THRESHOLD
from maphc2f.rng import stream
from maphc2f.sample import SimulationRequest

VIEW, PIXEL = 9.6e-3, 1e-4


def request(stages: tuple[float, ...] = (0.4, 0.6, 0.8, 1.0)) -> SimulationRequest:
    return SimulationRequest("draem", find_material("steel"), VIEW, stages, VIEW, PIXEL)


def test_areas_are_those_of_single_masks() -> None:
    """4.9 % of a square on average, 5.0 % of the ones that are not empty; a union of two fields has 9.5 %."""
    rng = stream(0, "areas")
    fields = [draw_full_field(96, rng) for _ in range(500)]
    assert np.mean([np.mean(field.noise > THRESHOLD) for field in fields]) == pytest.approx(0.050, rel=0.12)
    assert {field.combination for field in fields} == {"single"}


def test_lattices_and_rotations_have_the_ranges_of_the_method() -> None:
    rng = stream(1, "lattices")
    fields = [draw_full_field(64, rng) for _ in range(300)]
    cells = np.array([field.lattices[0] for field in fields])
    assert set(np.unique(cells)) == {1, 2, 4, 8, 16, 32}
    turns = np.array([field.rotations[0] for field in fields])
    assert np.abs(turns).max() <= np.pi / 2
    assert turns.std() == pytest.approx(np.pi / np.sqrt(12), rel=0.1)


def test_opacity_is_uniform_from_nothing_to_four_fifths() -> None:
    values = np.array([FAMILY.simulate(request(), stream(seed, "b")).parameters["opacity"] for seed in range(300)])
    assert values.min() >= 0
    assert values.max() <= 0.8
    assert values.mean() == pytest.approx(0.4, abs=0.04)
    assert values.std() == pytest.approx(0.8 / np.sqrt(12), abs=0.02)


def test_stages_grow_in_proportion_and_end_at_the_threshold_of_the_method() -> None:
    simulation = FAMILY.simulate(request(), stream(4, "draem"))
    inside = [snapshot.extent >= snapshot.threshold for snapshot in simulation.snapshots]
    assert all(np.all(larger[smaller]) for smaller, larger in itertools.pairwise(inside))
    for stage, mask in zip((0.4, 0.6, 0.8), inside, strict=False):
        assert mask.mean() == pytest.approx(stage * inside[-1].mean(), rel=0.1)
    assert simulation.parameters["noise_level_3"] == THRESHOLD


def test_a_smaller_size_gives_a_smaller_mask() -> None:
    whole, half = (
        FAMILY.simulate(replace(request((1.0,)), size=size), stream(4, "draem")).snapshots[0].extent
        for size in (VIEW, 0.5 * VIEW)
    )
    assert np.mean(half >= 0.5) == pytest.approx(0.5 * np.mean(whole >= 0.5), rel=0.1)


def texture() -> NDArray[np.uint8]:
    return stream(0, "texture").integers(20, 200, (24, 32, 3)).astype(np.uint8)


@pytest.mark.parametrize("index", range(10), ids=lambda index: OPERATIONS[index].__name__.strip("_"))
def test_each_operation_changes_the_texture_and_keeps_its_form(index: int) -> None:
    changed = OPERATIONS[index](texture(), stream(1, "strength"))
    assert changed.shape == texture().shape
    assert changed.dtype == np.uint8
    assert not np.array_equal(changed, texture())


def named(name: str, seed: int = 0) -> NDArray[np.uint8]:
    operation = next(o for o in OPERATIONS if o.__name__ == f"_{name}")
    return np.asarray(operation(texture(), stream(seed, name)))


def test_operations_do_what_they_are_called() -> None:
    before = texture().astype(int)
    np.testing.assert_array_equal(named("invert"), 255 - before)
    solarised = named("solarise")
    assert set(np.unique((solarised == before) | (solarised == 255 - before))) == {True}
    assert (solarised == before)[before < 32].all()
    assert (solarised == 255 - before)[before > 128].all()
    assert 1 < len(np.unique(named("posterise"))) < len(np.unique(before))
    order = np.argsort(before, axis=None)
    for name in ("gamma", "brightness"):
        assert (np.diff(named(name).ravel()[order].astype(int)) >= 0).all(), name


def test_three_different_operations_are_applied() -> None:
    """Counted by watching: never one twice, and over many draws every one about equally often."""
    picked = [set(stream(seed, "pick").choice(len(OPERATIONS), size=3, replace=False)) for seed in range(200)]
    assert all(len(one) == 3 for one in picked)
    first = augment_source(texture(), stream(3, "a"))
    np.testing.assert_array_equal(first, augment_source(texture(), stream(3, "a")))
    order = stream(3, "a")
    chosen = order.choice(len(OPERATIONS), size=3, replace=False)
    expected = texture()
    for index in chosen:
        expected = OPERATIONS[int(index)](expected, order)
    np.testing.assert_array_equal(first, expected)


def test_augmentation_leaves_its_input_alone() -> None:
    given = texture()
    for seed in range(20):
        assert not np.shares_memory(augment_source(given, stream(seed, "own")), given)
    np.testing.assert_array_equal(given, texture())


def test_augmentation_refuses_gray_pictures() -> None:
    with pytest.raises(ValueError, match="uint8"):
        augment_source(np.zeros((8, 8), np.uint8), stream(0, "a"))

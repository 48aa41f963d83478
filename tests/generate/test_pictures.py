"""Prepared pictures: choice, cache, symmetries."""

from __future__ import annotations

import numpy as np
import pytest

from maphc2f.generate import pictures as module
from maphc2f.generate.compose import cut
from maphc2f.generate.pictures import PicturePool, Symmetry, draw_symmetry, substrate_id, to_unit
from maphc2f.render.place import Window
from maphc2f.rng import stream
from maphc2f.spec import SizeSpec
from tests.builders import category, context_of, dataset, picture_of, stripes, tiny_dataset

SYMMETRIES = [Symmetry(y, x, turns) for y in (False, True) for x in (False, True) for turns in range(4)]


def test_units_are_exact_at_both_ends() -> None:
    for dtype in (np.uint8, np.uint16):
        unit = to_unit(np.array([[0, np.iinfo(dtype).max]], dtype))
        assert unit.shape == (1, 2, 1)
        assert unit.dtype == np.float32
        assert unit.ravel().tolist() == [0.0, 1.0]
    assert to_unit(np.zeros((2, 3, 3), np.uint8)).shape == (2, 3, 3)


def test_every_sample_chooses_from_its_split_and_ranks_do_not_repeat() -> None:
    context = context_of(tiny_dataset(), "hide")
    by_split = {split: {s for s, v in context.pool.splits.items() if v == split} for split in ("train", "validation")}
    assert by_split["train"]
    assert by_split["validation"]
    for index in range(4):
        for split, own in by_split.items():
            ranks = [context.pool.choose(index, split, rank).source.sha256 for rank in range(len(own))]
            assert set(ranks) == own
            assert context.pool.choose(index, split, len(own)).source.sha256 == ranks[0]


def test_pictures_are_prepared_to_size_with_their_own_scale() -> None:
    stanza = category("part", native_size=(256, 128), pixel_size=5e-5)
    spec = dataset(stanza, size=SizeSpec(width=64, height=64))
    picture = context_of(spec, "part").pool.choose(0, "train", 0)
    assert picture.image.shape == (64, 64, 3)
    assert picture.pixel_size == pytest.approx(4 * 5e-5)
    assert picture.foreground[16:48].all()
    assert not picture.foreground[:16].any()
    assert picture.substrate_id == substrate_id("part", picture.source)


def test_the_cache_is_bounded_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = dataset(category("part"))
    monkeypatch.setattr(module, "CACHE_BYTES", 3 * 64 * 64 * 4)
    pool = context_of(spec, "part").pool
    assert isinstance(pool, PicturePool)
    first = [pool.get(picture).image.copy() for picture in pool.accepted]
    assert 1 <= len(pool._cache) <= 3
    assert pool._cached_bytes == sum(p.nbytes for p in pool._cache.values()) <= module.CACHE_BYTES
    for picture, image in zip(pool.accepted, first, strict=True):
        np.testing.assert_array_equal(pool.get(picture).image, image)
    assert pool.get(pool.accepted[-1]) is pool.get(pool.accepted[-1])


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_symmetries_survive_their_row_and_keep_all_pixels(symmetry: Symmetry) -> None:
    assert Symmetry.from_row(symmetry.row()) == symmetry
    pixels = np.arange(12).reshape(3, 4)
    turned = symmetry.array(pixels)
    assert turned.flags.c_contiguous
    assert turned.shape == ((3, 4) if symmetry.quarter_turns % 2 == 0 else (4, 3))
    assert sorted(turned.ravel()) == list(range(12))


def test_symmetry_turns_first_and_flips_then() -> None:
    """As docs/format.md tells readers of ``substrate_transform``."""
    pixels = np.array([[0, 1], [2, 3]])
    np.testing.assert_array_equal(Symmetry(quarter_turns=1).array(pixels), [[1, 3], [0, 2]])
    np.testing.assert_array_equal(Symmetry(flip_y=True, quarter_turns=1).array(pixels), [[0, 2], [1, 3]])
    np.testing.assert_array_equal(Symmetry(flip_x=True, quarter_turns=1).array(pixels), [[3, 1], [2, 0]])


def test_no_symmetry_is_the_very_picture() -> None:
    picture = picture_of(stripes(10))
    assert Symmetry().picture(picture) is picture


def test_a_turned_picture_keeps_its_foreground_in_place() -> None:
    mask = np.zeros((128, 128), bool)
    mask[10:30, 50:90] = True
    picture = picture_of(np.where(mask, 200, 20).astype(np.uint8), mask)
    for symmetry in SYMMETRIES:
        turned = symmetry.picture(picture)
        np.testing.assert_array_equal(turned.image > 100, turned.foreground)


@pytest.mark.parametrize(
    ("kind", "shape", "number"), [("none", (64, 64), 1), ("flips", (64, 64), 4), ("dihedral", (64, 64), 16)]
)
def test_all_allowed_symmetries_are_drawn_and_no_other(kind: str, shape: tuple[int, int], number: int) -> None:
    drawn = {draw_symmetry(kind, shape, stream(seed, "symmetry")) for seed in range(400)}
    assert len(drawn) == number


def test_quarter_turns_need_a_square() -> None:
    drawn = {draw_symmetry("dihedral", (64, 96), stream(seed, "symmetry")) for seed in range(200)}
    assert {symmetry.quarter_turns for symmetry in drawn} == {0, 2}


def test_a_window_beyond_the_picture_repeats_its_border_or_is_empty() -> None:
    pixels = np.arange(30, dtype=np.uint8).reshape(5, 6)
    window = Window(2, 4, 5, 4)
    filled, empty = cut(pixels, window, fill=True), cut(pixels, window, fill=False)
    np.testing.assert_array_equal(filled[:3, :2], pixels[2:, 4:])
    np.testing.assert_array_equal(filled[3:, :2], np.tile(pixels[4:, 4:], (2, 1)))
    np.testing.assert_array_equal(empty[:3, :2], pixels[2:, 4:])
    assert not empty[3:].any()
    assert not empty[:, 2:].any()
    colour = cut(np.stack([pixels] * 3, -1), window, fill=True)
    np.testing.assert_array_equal(colour[:, :, 1], filled)
    single = cut(pixels[:, :, None], window, fill=True)
    np.testing.assert_array_equal(single[:, :, 0], filled)

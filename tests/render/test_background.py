"""What lies behind a missing piece is the background beyond the outline, texture and all."""

from __future__ import annotations

import math

import numpy as np

from maphc2f.render.background import HALO, gone_with_its_border, outline_share, picture_behind, uncover


def half_plane() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Part in rows 24.., textured background above it, everything inside the picture."""
    picture = np.random.default_rng(0).random((48, 40, 1)).astype(np.float32)
    foreground = np.zeros((48, 40), np.float32)
    foreground[24:] = 1
    return picture, foreground, np.ones((48, 40), bool)


def test_background_stays_and_the_part_becomes_its_mirror_image() -> None:
    picture, foreground, inside = half_plane()
    behind = picture_behind(picture, foreground, inside)
    assert behind is not None
    last = 24 - HALO - 1
    assert np.array_equal(behind[: last + 1], picture[: last + 1])
    for below in range(1, last + 1):
        assert np.array_equal(behind[last + below], picture[last - below]), below


def test_where_the_mirror_image_leaves_the_picture_a_folded_one_goes_on() -> None:
    picture, foreground, inside = half_plane()
    behind = picture_behind(picture, foreground, inside)
    assert behind is not None
    deep = behind[46:]
    assert np.isin(deep, picture[: 24 - HALO]).all()
    assert deep.std() > 0.2


def test_the_blurred_border_of_the_part_is_not_background() -> None:
    picture, foreground, inside = half_plane()
    picture[24 - HALO : 24] = 7.0
    behind = picture_behind(picture, foreground, inside)
    assert behind is not None
    assert behind.max() < 7.0


def test_without_background_nothing_is_known() -> None:
    picture, foreground, inside = half_plane()
    assert picture_behind(picture, np.ones_like(foreground), inside) is None
    assert picture_behind(picture, foreground, inside & (foreground > 0)) is None


def test_the_border_goes_only_where_the_part_is_gone() -> None:
    _, foreground, _ = half_plane()
    removed = np.zeros_like(foreground)
    removed[:, :20] = 1
    wider = uncover(foreground, removed)
    assert (wider[24 - HALO : 24, :20] == 1).all()
    assert not wider[: 24 - HALO].any()
    assert np.array_equal(wider[:, 20:], foreground[:, 20:])


def test_what_is_missing_at_the_outline_is_missing_in_its_border_too() -> None:
    _, foreground, _ = half_plane()
    removed = np.zeros_like(foreground)
    removed[24:30, 10:20] = 0.6
    carried = gone_with_its_border(foreground, removed)
    assert np.array_equal(carried[24:], removed[24:])
    assert (carried[24 - HALO : 24, 10:20] == np.float32(0.6)).all()
    assert not carried[: 24 - HALO].any()
    assert not carried[:, 20 + HALO :].any()


def test_a_pixel_at_the_outline_counts_as_far_as_its_light_comes_from_the_part() -> None:
    part = np.zeros((32, 40), np.float32)
    part[:, 17:] = 1
    share = outline_share(part, 1.0)
    x = np.arange(40) - 16.5
    expected = np.clip(0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 0.98, 0.55, 1)
    np.testing.assert_allclose(share[16], expected, atol=0.02)
    assert (share[:, 21:] == 1).all()
    assert (share >= 0.55).all()


def test_a_picture_without_an_outline_changes_in_full() -> None:
    assert (outline_share(np.ones((16, 16), np.float32), 1.2) == 1).all()

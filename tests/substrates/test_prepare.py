"""Pictures reach the size of the dataset isotropically, keep their type, and padding is never foreground."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maphc2f.rng import stream
from maphc2f.spec import SizeSpec
from maphc2f.substrates.base import LoadedPicture
from maphc2f.substrates.prepare import border_median, prepare, prepare_picture

NATIVE = SizeSpec()


def picture(height: int, width: int, dtype: type = np.uint8, channels: int = 3) -> np.ndarray:
    top = np.iinfo(dtype).max
    shape = (height, width, channels) if channels > 1 else (height, width)
    return stream(0, "prepare").integers(0, top, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 3), (np.uint8, 1), (np.uint16, 1)])
@pytest.mark.parametrize("fit", ["letterbox", "crop"])
def test_kind_of_pixels_is_kept(dtype, channels, fit):
    image = picture(50, 90, dtype, channels)
    prepared = prepare(image, None, SizeSpec(width=64, height=64, fit=fit))
    assert prepared.image.dtype == dtype
    assert prepared.image.shape == (64, 64, *image.shape[2:])
    assert prepared.image.flags.c_contiguous
    assert prepared.foreground.shape == (64, 64)


def test_native_and_equal_size_are_untouched():
    image = picture(40, 64)
    for size in (NATIVE, SizeSpec(width=64, height=40)):
        prepared = prepare(image, None, size)
        assert np.array_equal(prepared.image, image)
        assert (prepared.scale, prepared.content) == (1.0, (0, 0, 64, 40))
        assert prepared.foreground.all()


@settings(max_examples=60, deadline=None)
@given(
    source=st.tuples(st.integers(32, 200), st.integers(32, 200)),
    target=st.tuples(st.integers(32, 128), st.integers(32, 128)),
    fit=st.sampled_from(["letterbox", "crop"]),
)
def test_geometry(source, target, fit):
    image = picture(source[1], source[0], channels=1)
    prepared = prepare(image, None, SizeSpec(width=target[0], height=target[1], fit=fit))
    x, y, width, height = prepared.content
    assert prepared.image.shape == (target[1], target[0])
    assert x >= 0 <= y
    assert x + width <= target[0]
    assert y + height <= target[1]
    if fit == "crop":
        assert (width, height) == target
        # Covering: neither side may be stretched beyond what the larger ratio asks.
        assert prepared.scale * max(target[0] / source[0], target[1] / source[1]) == pytest.approx(1, rel=0.02)
    else:
        assert width == target[0] or height == target[1]
        assert prepared.scale * width == pytest.approx(source[0], abs=0.51 * prepared.scale + 0.02 * source[0])
        assert prepared.scale * height == pytest.approx(source[1], abs=0.51 * prepared.scale + 0.02 * source[1])
    outside = np.ones(prepared.foreground.shape, bool)
    outside[y : y + height, x : x + width] = False
    assert not prepared.foreground[outside].any()
    assert prepared.foreground[~outside].all()


def test_padding_has_the_border_median_colour():
    image = np.zeros((40, 80, 3), np.uint8)
    image[:] = (10, 200, 30)
    image[5:35, 5:75] = 255
    image[0, :20] = 77  # a part that crosses the border does not decide
    prepared = prepare(image, None, SizeSpec(width=80, height=80))
    assert np.array_equal(prepared.image[0, 0], [10, 200, 30])
    assert np.array_equal(border_median(image), [10, 200, 30])


def test_circle_stays_round():
    y, x = np.mgrid[:200, :400]
    disc = (x - 200) ** 2 + (y - 100) ** 2 < 80**2
    prepared = prepare((disc * 255).astype(np.uint8), disc, SizeSpec(width=128, height=128))
    rows, columns = np.flatnonzero(prepared.foreground.any(1)), np.flatnonzero(prepared.foreground.any(0))
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 1
    assert prepared.scale == pytest.approx(400 / 128)
    assert prepared.foreground.sum() * prepared.scale**2 == pytest.approx(disc.sum(), rel=0.02)


def test_shrinking_averages():
    image = np.zeros((64, 64), np.uint8)
    image[::2] = 200
    small = prepare(image, None, SizeSpec(width=32, height=32)).image
    assert np.array_equal(np.unique(small), [100])


def test_scale_counts_nominal_pixels():
    loaded = LoadedPicture(picture(128, 128), None, scale=4.0)
    assert prepare_picture(loaded, SizeSpec(width=64, height=64)).scale == pytest.approx(8.0)


def test_input_is_not_shared_or_changed():
    image, mask = picture(40, 64), np.ones((40, 64), bool)
    prepared = prepare(image, mask, NATIVE)
    prepared.foreground[:] = False
    assert mask.all()


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        (np.zeros((40, 40), np.float32), None),
        (np.zeros(40, np.uint8), None),
        (np.zeros((40, 40), np.uint8), np.ones((40, 41), bool)),
        (np.zeros((40, 40), np.uint8), np.ones((40, 40), np.uint8)),
    ],
)
def test_wrong_arrays(image, mask):
    with pytest.raises(ValueError, match=r"picture is|foreground must"):
        prepare(image, mask, NATIVE)

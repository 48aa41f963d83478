"""PNG bytes against two independent readers, and the hash of pixels."""

from __future__ import annotations

import hashlib
import io
import sys
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from maphc2f.shards import png
from maphc2f.shards.png import decode_png, encode_png, pixel_sha256

sides = st.integers(1, 40)
pictures = st.one_of(
    st.tuples(sides, sides).flatmap(lambda shape: arrays(np.uint8, shape)),
    st.tuples(sides, sides).flatmap(lambda shape: arrays(np.uint16, shape)),
    st.tuples(sides, sides, st.just(3)).flatmap(lambda shape: arrays(np.uint8, shape)),
)
KINDS = [(np.uint8, ()), (np.uint16, ()), (np.uint8, (3,))]


def noise(dtype: Any, channels: tuple[int, ...], shape: tuple[int, int] = (23, 37)) -> NDArray[Any]:
    return np.random.default_rng(5).integers(0, np.iinfo(dtype).max, (*shape, *channels), dtype, endpoint=True)


def by_opencv(data: bytes) -> NDArray[Any]:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return pixels[:, :, ::-1] if pixels.ndim == 3 else pixels


@settings(max_examples=80, deadline=None, derandomize=True)
@given(pictures)
def test_round_trip_keeps_every_bit(pixels: NDArray[Any]) -> None:
    back = decode_png(encode_png(pixels))
    assert back.dtype == pixels.dtype
    np.testing.assert_array_equal(back, pixels)


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_pillow_and_opencv_read_the_same_pixels(dtype: Any, channels: tuple[int, ...]) -> None:
    pixels = noise(dtype, channels)
    data = encode_png(pixels)
    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        assert opened.size == (37, 23)
        np.testing.assert_array_equal(np.asarray(opened).astype(dtype), pixels)
    np.testing.assert_array_equal(by_opencv(data), pixels)


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_pillow_accepts_the_checksums(dtype: Any, channels: tuple[int, ...]) -> None:
    with Image.open(io.BytesIO(encode_png(noise(dtype, channels)))) as opened:
        opened.verify()


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_zlib_makes_the_same_pixels_where_isal_is_missing(
    dtype: Any, channels: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "isal", None)
    fallback = png._compressor()
    assert fallback(b"abc" * 50) == zlib.compress(b"abc" * 50, 1)
    monkeypatch.setattr(png, "_compress", fallback)
    pixels = noise(dtype, channels)
    np.testing.assert_array_equal(decode_png(encode_png(pixels)), pixels)


def test_views_and_byte_orders_are_written_by_value() -> None:
    pixels = noise(np.uint16, ())
    assert encode_png(pixels.astype(">u2")) == encode_png(pixels)
    turned = pixels.T[::-1, ::2]
    np.testing.assert_array_equal(decode_png(encode_png(turned)), turned)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4), np.bool_),
        np.zeros((4, 4), np.int16),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 1), np.uint8),
        np.zeros((4, 4, 3), np.uint16),
        np.zeros((4,), np.uint8),
        np.zeros((2, 4, 4, 3), np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
    ],
    ids=lambda p: f"{p.dtype}{p.shape}",
)
def test_other_types_and_shapes_are_refused(pixels: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="cannot write"):
        encode_png(pixels)


@pytest.mark.parametrize("data", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n"])
def test_bytes_that_are_no_picture_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a readable PNG"):
        decode_png(data)


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_pixel_hash_is_of_values_alone(dtype: Any, channels: tuple[int, ...]) -> None:
    pixels = noise(dtype, channels)
    first = pixel_sha256(pixels)
    assert pixel_sha256(pixels.astype(pixels.dtype.newbyteorder(">"))) == first
    assert pixel_sha256(np.asfortranarray(pixels)) == first
    assert pixel_sha256(decode_png(encode_png(pixels))) == first
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=9)
    assert pixel_sha256(decode_png(buffer.getvalue())) == first


def test_pixel_hash_is_documented_and_pinned() -> None:
    """Datasets store it: other programs compute it as docs/format.md says."""
    pixels = np.arange(6, dtype=np.uint16).reshape(2, 3)
    assert pixel_sha256(pixels) == hashlib.sha256(b"(2, 3)2" + pixels.astype("<u2").tobytes()).hexdigest()
    assert pixel_sha256(pixels) == "5dc1e4017ee56db6b98b7bbc5677cf163bec849f1dec540c7ef04f7e86ede846"


def test_pixel_hash_sees_shape_depth_and_one_bit() -> None:
    pixels = noise(np.uint8, ())
    changed = pixels.copy()
    changed[3, 4] ^= 1
    others = [pixels.reshape(37, 23), pixels.astype(np.uint16), changed]
    assert len({pixel_sha256(p) for p in [pixels, *others]}) == 4

"""Every kind of picture is decoded as seen, or refused with a reason that says what to do."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from maphc2f.rng import stream
from maphc2f.substrates.decode import MAX_PIXELS, Refused, decode

RGB = stream(0, "decode").integers(0, 256, (40, 48, 3), dtype=np.uint8)
DEEP = stream(1, "decode").integers(0, 65536, (40, 48), dtype=np.uint16)


def encode(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG whose header claims a size and whose data end after a few bytes."""
    data = b"\x89PNG\r\n\x1a\n"
    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    for chunk in (b"IHDR" + size, b"IDAT" + zlib.compress(b"\0" * 64)):
        data += struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return data


def rgba(alpha: int) -> Image.Image:
    return Image.fromarray(np.dstack([RGB, np.full(RGB.shape[:2], alpha, np.uint8)]), "RGBA")


def test_rgb_and_gray_are_kept_exactly():
    assert np.array_equal(decode(encode(Image.fromarray(RGB))).image, RGB)
    gray = decode(encode(Image.fromarray(RGB[..., 0])))
    assert np.array_equal(gray.image, RGB[..., 0])
    assert (gray.mode, gray.bit_depth, gray.notes) == ("gray", 8, "")


@pytest.mark.parametrize("extension", [".png", ".tiff"])
def test_sixteen_bit_gray_is_kept_exactly(extension: str):
    data = cv2.imencode(extension, DEEP)[1].tobytes()
    decoded = decode(data)
    assert decoded.image.dtype == np.uint16
    assert np.array_equal(decoded.image, DEEP)
    assert (decoded.mode, decoded.bit_depth) == ("gray", 16)


@pytest.mark.parametrize("extension", [".png", ".tiff"])
def test_sixteen_bit_colour_is_rounded_and_noted(extension: str):
    deep = np.dstack([DEEP, DEEP[::-1], DEEP[:, ::-1]])
    data = cv2.imencode(extension, deep[..., ::-1])[1].tobytes()
    decoded = decode(data)
    assert np.array_equal(decoded.image, np.rint(deep / 257.0).astype(np.uint8))
    assert "rounded" in decoded.notes


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(encode(Image.fromarray(RGB), exif=exif))
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    assert np.array_equal(undo(decoded.image), RGB)
    assert ("EXIF" in decoded.notes) == (orientation > 1)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_orientation_of_deep_colour_agrees_with_pillow(orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    plain = encode(Image.fromarray(RGB), exif=exif)
    block = exif.tobytes().removeprefix(b"Exif\x00\x00")
    chunk = struct.pack(">I", len(block)) + b"eXIf" + block + struct.pack(">I", zlib.crc32(b"eXIf" + block))
    deep = cv2.imencode(".png", RGB[..., ::-1].astype(np.uint16) * 257)[1].tobytes()
    with_exif = deep[:33] + chunk + deep[33:]
    assert np.array_equal(decode(with_exif).image, decode(plain).image)


@pytest.mark.parametrize(
    ("image", "mode", "note"),
    [
        (Image.fromarray(RGB).convert("P", palette=Image.Palette.ADAPTIVE), "rgb", "palette"),
        (Image.fromarray(RGB).convert("1"), "gray", "1-bit"),
        (rgba(255), "rgb", "opaque alpha"),
        (rgba(255).convert("LA"), "gray", "opaque alpha"),
    ],
)
def test_conversions_are_safe_and_noted(image: Image.Image, mode: str, note: str):
    decoded = decode(encode(image))
    assert decoded.mode == mode
    assert decoded.bit_depth == 8
    assert note in decoded.notes
    expected = np.asarray(image.convert("RGB" if mode == "rgb" else "L"))
    assert np.array_equal(decoded.image, expected)


def test_cmyk_becomes_rgb_with_a_note():
    decoded = decode(encode(Image.new("CMYK", (48, 40), (0, 200, 200, 0)), "JPEG"))
    assert decoded.mode == "rgb"
    assert "CMYK" in decoded.notes
    red, green, blue = decoded.image.reshape(-1, 3).mean(axis=0)
    assert red > 200
    assert max(green, blue) < 100


def test_multi_page_takes_the_first_with_a_note():
    pages = [Image.fromarray(RGB), Image.fromarray(RGB[::-1].copy())]
    decoded = decode(encode(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    assert np.array_equal(decoded.image, RGB)
    assert "first of 2" in decoded.notes


def test_blank_picture_is_noted():
    assert "blank" in decode(encode(Image.new("L", (40, 40), 7))).notes


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF"])
def test_truncated_is_refused(form: str):
    data = encode(Image.fromarray(RGB), form)
    with pytest.raises(Refused, match=r"damaged|not a picture"):
        decode(data[: int(0.6 * len(data))])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a picture"),
        (b"GIF89a", "not a picture"),
        (b"file,group\n000.png,a\n", "not a picture"),
        (encode(Image.new("L", (1, 1))), "too small"),
        (encode(Image.new("L", (400, 31))), "too small"),
        (encode(rgba(254)), "transparent"),
        (encode(rgba(0).convert("LA")), "transparent"),
        (encode(Image.fromarray(RGB[..., 0]), transparency=int(RGB[0, 0, 0])), "transparent"),
        (encode(Image.fromarray(RGB[..., 0].astype(np.float32)), "TIFF"), "no safe conversion"),
        (encode(Image.fromarray(np.full((40, 40), 70_000, np.int32)), "TIFF"), "32-bit"),
    ],
)
def test_unusable_is_refused_with_the_reason(data: bytes, reason: str):
    with pytest.raises(Refused, match=reason):
        decode(data)


@pytest.mark.parametrize("size", [(10_001, 10_000), (65_500, 65_500)])
def test_decompression_bomb_is_refused_from_its_header(size: tuple[int, int]):
    assert size[0] * size[1] > MAX_PIXELS
    with pytest.raises(Refused, match="Mpx"):
        decode(png_header(*size))


def test_size_just_below_the_limit_passes_the_header_check():
    with pytest.raises(Refused, match="damaged"):
        decode(png_header(10_000, 10_000))

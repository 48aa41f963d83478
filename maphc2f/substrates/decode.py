"""From the bytes of a file to pixels, or to the reason why not.

* :func:`decode` gives the pixels with the conversions that were needed.
* :func:`probe` judges size and kind from the header alone.

Files are opened with Pillow, which refuses truncated data instead of filling it up; only 16-bit colour, which Pillow
cannot hold, is read with OpenCV.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from maphc2f.errors import Maphc2fError, one_line
from maphc2f.substrates.base import Pixels

MIN_SIDE = 32
MAX_PIXELS = 100_000_000

_EXIF_ORIENTATION = 0x0112
_TIFF_BITS = 258
_PLAIN = ("L", "RGB", "I;16", "I;16L", "I;16B", "I;16N")
_CONVERTED = {
    "1": ("L", "1-bit shown as 8-bit gray"),
    "P": ("RGB", "palette turned into RGB"),
    "CMYK": ("RGB", "CMYK turned into RGB without its colour profile"),
    "YCbCr": ("RGB", "YCbCr turned into RGB"),
}


class Refused(Maphc2fError):  # noqa: N818  # a verdict, not a fault
    """A picture cannot be used; the message is the inventory's reason. It never reaches a user as an error."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Pixels, uint8 (H, W) or (H, W, 3) RGB or uint16 (H, W), and the conversions made."""

    image: Pixels
    notes: str

    @property
    def mode(self) -> str:
        """Whether it is gray or RGB."""
        return "gray" if self.image.ndim == 2 else "rgb"

    @property
    def bit_depth(self) -> int:
        """8 or 16."""
        return 8 * self.image.dtype.itemsize


def probe(data: bytes) -> Image.Image:
    """Open a picture and check what its header says, without decoding it.

    Raises:
        Refused: Not a picture, too small or too large.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns from 89 Mpx on; the limit here is explicit.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data))
    except Image.DecompressionBombError as error:
        raise Refused(_too_large("its header claims")) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, TypeError, struct.error) as error:
        msg = "not a picture that can be read; save it as PNG, JPEG, BMP or TIFF"
        raise Refused(msg) from error
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise Refused(_too_large(f"{width} x {height} px"))
    if min(width, height) < MIN_SIDE:
        msg = f"{width} x {height} px is too small; both sides must be at least {MIN_SIDE} px"
        raise Refused(msg)
    return picture


def decode(data: bytes) -> Decoded:
    """Return the pixels of a picture as it should be seen: EXIF orientation applied, opaque alpha dropped.

    Args:
        data: The bytes of the file.

    Raises:
        Refused: Not a picture, truncated, too small, too large, transparent, or of a kind that has no safe
            conversion to 8- or 16-bit gray or 8-bit RGB.
    """
    picture = probe(data)
    notes: list[str] = []
    if getattr(picture, "n_frames", 1) > 1:
        notes.append(f"first of {picture.n_frames} frames")  # type: ignore[attr-defined]
    deep_colour = _is_deep_colour(picture, data)
    _load(picture)
    orientation = int(picture.getexif().get(_EXIF_ORIENTATION, 1))
    if orientation in range(2, 9):
        notes.append(f"EXIF orientation {orientation} applied")
    image = _deep_colour(data, orientation, notes) if deep_colour else _plain(picture, notes)
    if image.size and image.min() == image.max():
        notes.append("blank: all pixels are equal")
    return Decoded(image, "; ".join(notes))


def _too_large(what: str) -> str:
    return f"{what}, more than {MAX_PIXELS // 10**6} Mpx; tile or shrink the picture"


def _load(picture: Image.Image) -> None:
    try:
        picture.load()
    except Exception as error:  # codecs raise anything on broken data; one file must not end a run
        msg = f"truncated or damaged ({one_line(str(error)) or type(error).__name__}); restore the file"
        raise Refused(msg) from error


def _plain(picture: Image.Image, notes: list[str]) -> Pixels:
    upright = _opaque(ImageOps.exif_transpose(picture), notes)
    if upright.mode in _CONVERTED:
        mode, note = _CONVERTED[upright.mode]
        notes.append(note)
        upright = upright.convert(mode)
    if upright.mode == "I":
        return _from_int32(np.asarray(upright))
    if upright.mode not in _PLAIN:
        msg = f"pixels of kind {upright.mode} have no safe conversion; save it as 8- or 16-bit gray or 8-bit RGB"
        raise Refused(msg)
    array = np.asarray(upright)
    if array.dtype.itemsize == 2:
        return np.ascontiguousarray(array, dtype=np.uint16)
    return np.ascontiguousarray(array, dtype=np.uint8)


def _opaque(picture: Image.Image, notes: list[str]) -> Image.Image:
    if picture.mode not in ("LA", "La", "PA", "RGBA", "RGBa") and "transparency" not in picture.info:
        return picture
    with_alpha = picture.convert("LA" if picture.mode in ("L", "LA", "La", "1") else "RGBA")
    low, _ = with_alpha.getchannel("A").getextrema()
    if low != 255:
        msg = "it has transparent pixels, whose colour is undefined; flatten it onto a background"
        raise Refused(msg)
    notes.append("opaque alpha dropped")
    return with_alpha.convert("L" if with_alpha.mode == "LA" else "RGB")


def _from_int32(array: NDArray[np.int32]) -> Pixels:
    if array.min() < 0 or array.max() > 65535:
        msg = "32-bit pixels beyond 0 .. 65535; save it as 16-bit gray"
        raise Refused(msg)
    return array.astype(np.uint16)


def _is_deep_colour(picture: Image.Image, data: bytes) -> bool:
    if picture.mode not in ("RGB", "RGBA"):
        return False
    if picture.format == "PNG":
        return data[24] == 16  # bit depth in the IHDR chunk, which must be the first
    bits = getattr(picture, "tag_v2", {}).get(_TIFF_BITS, (8,))
    return any(value > 8 for value in (bits if isinstance(bits, tuple) else (bits,)))


def _deep_colour(data: bytes, orientation: int, notes: list[str]) -> Pixels:
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    array = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if array is None or array.dtype != np.uint16 or array.ndim != 3:
        msg = "16-bit colour of an unknown kind; save it as 16-bit gray or 8-bit RGB"
        raise Refused(msg)
    if array.shape[2] == 4 and array[..., 3].min() < 65535:
        msg = "it has transparent pixels, whose colour is undefined; flatten it onto a background"
        raise Refused(msg)
    notes.append("16-bit colour rounded to 8 bits")
    eight = ((array[..., 2::-1].astype(np.uint32) + 128) // 257).astype(np.uint8)
    return np.ascontiguousarray(_oriented(eight, orientation))


def _oriented(array: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Apply an EXIF orientation 1 .. 8 to (H, W, C)."""
    if orientation in (5, 6, 7, 8):
        array = array.transpose(1, 0, 2)
    flip_rows = orientation in (3, 4, 7, 8)
    flip_columns = orientation in (2, 3, 6, 7)
    return array[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]

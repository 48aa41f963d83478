"""From radiance to the bytes of a picture: vignetting, optical blur, sensor noise, display code.

* :func:`develop` does all of it; :class:`Camera` says how strongly.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.substrates.procedural.canvas import Float32, Grid

_LEVELS = 2048


@dataclass(frozen=True, slots=True)
class Camera:
    """An industrial camera.

    Attributes:
        blur: Gaussian sigma of the optics, px.
        noise: Standard deviation of the noise of sqrt(radiance), where shot noise is constant (Anscombe 1948).
        vignette: Loss of light in the corners.
        exposure_spread: Deviation of log exposure from picture to picture.
    """

    blur: float = 0.55
    noise: float = 0.008
    vignette: float = 0.06
    exposure_spread: float = 0.03


def develop(grid: Grid, radiance: Float32, rng: np.random.Generator, camera: Camera) -> NDArray[np.uint8]:
    """Return the picture, uint8 (H, W, 3) RGB, or (H, W) if ``radiance`` has one channel.

    Args:
        grid: Unposed grid of the picture.
        radiance: Linear light, float32 (H, W, C), 1 is white.
        rng: Draws exposure and noise.
        camera: Its properties.
    """
    half_x, half_y = grid.extent
    falloff = (grid.x * grid.x + grid.y * grid.y) * np.float32(camera.vignette / (half_x**2 + half_y**2))
    gain = np.float32(np.exp(rng.normal(0, camera.exposure_spread)))
    seen = cv2.GaussianBlur(radiance * (gain * (1.0 - falloff))[..., None], (0, 0), camera.blur)
    seen = seen.reshape(radiance.shape)
    root = np.sqrt(np.maximum(seen, 0.0))
    root += np.float32(camera.noise) * rng.standard_normal(root.shape, dtype=np.float32)
    index = np.clip(root * (_LEVELS - 1) + 0.5, 0, _LEVELS - 1).astype(np.int32)
    picture = _display_table()[index]
    code: NDArray[np.uint8] = picture[..., 0] if picture.shape[2] == 1 else picture
    return np.ascontiguousarray(code)


def _display_table() -> NDArray[np.uint8]:
    """Return the sRGB code (IEC 61966-2-1) of the square of each level."""
    light = np.linspace(0, 1, _LEVELS) ** 2
    code = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * code), np.uint8)

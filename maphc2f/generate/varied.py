"""Good pictures made smoother and flatter for training, so that the estimator knows more surfaces than are drawn.

* :class:`VariedPictures` is a source of pictures that changes a share of those of another one.
* :func:`smoother` blurs a picture and draws it in towards its mean.

Samples are made on the changed pictures from the start: a defect finds its noise, blur and contrast like any other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.rng import stream
from maphc2f.substrates.base import LoadedPicture, SourcePicture, Substrate

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

BLUR = (0.5, 2.0)
"""Sigma of the Gaussian, px, log-uniform."""

GAIN = (0.3, 1.0)
"""Factor on differences from the picture's mean, uniform."""


@dataclass(frozen=True, slots=True)
class VariedPictures:
    """The pictures of another source, some of them changed.

    Attributes:
        plain: The other source.
        share: Of its pictures that are changed, 0 .. 1.
        seed: Decides with a picture's key which, and how.
    """

    plain: Substrate
    share: float
    seed: int

    def inventory(self) -> tuple[SourcePicture, ...]:
        """Return the other source's pictures."""
        return self.plain.inventory()

    def load(self, picture: SourcePicture) -> LoadedPicture:
        """Return a picture of the other source, changed or not.

        Raises:
            PictureError: As the other source does.
        """
        loaded = self.plain.load(picture)
        rng = stream(self.seed, "sqe", picture.key, "varied")
        chosen, sigma, gain = rng.random(), math.exp(rng.uniform(*np.log(BLUR))), rng.uniform(*GAIN)
        return replace(loaded, image=smoother(loaded.image, sigma, gain)) if chosen < self.share else loaded


def smoother(image: Pixels, sigma: float, gain: float) -> Pixels:
    """Return m + gain (G * image - m), m its mean over each channel, rounded to its codes.

    Args:
        image: (H, W) or (H, W, 3), uint8 or uint16.
        sigma: Of the Gaussian G, px.
        gain: 0 .. 1.
    """
    blurred = cv2.GaussianBlur(image.astype(np.float32), (0, 0), sigma)
    mean = blurred.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    codes = np.rint(mean + np.float32(gain) * (blurred - mean))
    return np.clip(codes, 0, np.iinfo(image.dtype).max).astype(image.dtype)

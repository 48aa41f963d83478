"""What is seen where a piece of the part is gone, and at the outline of the part.

* :func:`picture_behind`: the picture with the part replaced by the background beyond its outline, mirrored.
* :func:`uncover`: the part with the blurred border that goes with a missing piece.
* :func:`gone_with_its_border`: the missing share, carried over to that border.
* :func:`outline_share`: how much of a pixel's light comes from the part.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.sample import Float32

HALO = 2
"""The outline is blurred: background nearer to the part than this, px, still shows it."""

FOLD = 8.0
"""Width of the strip of background that is repeated where there is no more of it, px."""

WHOLE_SHARE = 0.98
"""From this share on a pixel counts as wholly of the part."""

LEAST_SHARE = 0.55
"""No pixel of the part counts as less: of a wire a pixel wide most is background, and still it can break."""

LEAST_BACKGROUND = 16
"""With fewer pixels of background, px, there is nothing to show."""


def picture_behind(picture: Float32, foreground: Float32, inside: NDArray[np.bool_]) -> Float32 | None:
    """Return ``picture`` (H, W, C) with the part replaced by background, or None if it shows too little of that.

    A pixel p of the part whose nearest background pixel is b takes the value at its mirror image 2 b - p, so that the
    background's texture goes on; where that lies off the background, that of the image folded into FOLD px, else of b.

    Args:
        picture: The good picture, (H, W, C).
        foreground: (H, W), 1 on the part.
        inside: bool (H, W), False in padding beyond the picture's border.
    """
    part = (foreground >= 0.5).astype(np.uint8)
    reach = np.ones((2 * HALO + 1, 2 * HALO + 1), np.uint8)
    background = (cv2.dilate(part, reach) == 0) & inside
    if int(background.sum()) < LEAST_BACKGROUND:
        return None
    source = (~background).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(source, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    rows, columns = np.nonzero(background)
    nearest = np.zeros((int(labels.max()) + 1, 2), np.intp)
    nearest[labels[rows, columns]] = np.argwhere(background)
    own = nearest[labels]
    away = own - np.moveaxis(np.indices(part.shape), 0, -1)
    length = np.maximum(np.hypot(away[..., 0], away[..., 1]), 1e-6)
    # A triangle wave: to and fro within the strip of background next to the outline.
    folded = np.abs((length + FOLD) % (2 * FOLD) - FOLD)
    where = own
    for distance in (folded, length):
        there = own + np.rint(away * (distance / length)[..., None]).astype(np.intp)
        clipped = np.clip(there, 0, np.asarray(part.shape) - 1)
        usable = (clipped == there).all(-1) & background[clipped[..., 0], clipped[..., 1]]
        where = np.where(usable[..., None], clipped, where)
    filled = picture[where[..., 0], where[..., 1]]
    return np.ascontiguousarray(np.where(background[..., None], picture, filled), np.float32)


def uncover(foreground: Float32, removed: Float32) -> Float32:
    """Return the foreground (H, W) with HALO px of its surroundings where the part is gone.

    The outline's blur goes with the piece: left behind, it would draw the old outline in the air.
    """
    size = 2 * HALO + 1
    wider = np.asarray(cv2.dilate(foreground, np.ones((size, size), np.uint8)), np.float32)
    return np.where(removed > 0, wider, foreground).astype(np.float32)


def gone_with_its_border(foreground: Float32, removed: Float32) -> Float32:
    """Return the missing share (H, W), which goes on over HALO px beyond the outline as it is at the outline.

    Args:
        foreground: (H, W), 1 on the part, before it is uncovered.
        removed: Share of the part that is gone.
    """
    size = 2 * HALO + 1
    wider = np.asarray(cv2.dilate(removed, np.ones((size, size), np.uint8)), np.float32)
    return np.where(foreground >= 0.5, removed, wider).astype(np.float32)


def outline_share(part: Float32, sigma: float) -> Float32:
    """Return the share of each pixel's light that comes from the part, (H, W) in [LEAST_SHARE, 1].

    The lens mixes the part with what lies behind its outline, and a defect changes the part alone: I = c P + (1 - c) B
    becomes c P' + (1 - c) B. With the change of a whole pixel the outline would end in steps.

    Args:
        part: (H, W), 1 on the part; what lies beyond the border of the array is like its outermost pixels.
        sigma: Of the optics, px.
    """
    own = (part >= 0.5).astype(np.float32)
    if own.all():
        return own
    seen = cv2.GaussianBlur(own, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.clip(seen * np.float32(1.0 / WHOLE_SHARE), LEAST_SHARE, 1.0).astype(np.float32)

"""Finished samples as the learned estimator judges them: one picture a defect.

* :class:`GoodPicture` is a good picture with its statistics; :func:`good_of` reads one from a row of config ``good``.
* :func:`judged_defects` gives the defects of a row, each by itself.

Terms of a sample with several defects are the lowest of any, and so is the learned score.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.generate.pictures import Symmetry, to_unit
from maphc2f.generate.recheck import own_masks
from maphc2f.quality.judged import JudgedPicture
from maphc2f.render.statistics import estimate_statistics
from maphc2f.render.window import PictureStatistics
from maphc2f.sample import UInt8
from maphc2f.shards.png import decode_png

Pixels = NDArray[Any]


@dataclass(frozen=True, slots=True)
class GoodPicture:
    """A prepared good picture.

    Attributes:
        image: (H, W) or (H, W, 3), uint8 or uint16.
        foreground: bool (H, W).
        statistics: Of it, in its own orientation.
    """

    image: Pixels
    foreground: NDArray[np.bool_]
    statistics: PictureStatistics


def good_of(row: Mapping[str, Any]) -> GoodPicture:
    """Return the good picture of a row of config ``good``."""
    image, foreground = decode_png(row["image"]["bytes"]), decode_png(row["foreground"]["bytes"]) > 0
    return GoodPicture(image, foreground, estimate_statistics(to_unit(image), foreground))


def judged_defects(row: Mapping[str, Any], image: Pixels, mask: UInt8, good: GoodPicture) -> list[JudgedPicture]:
    """Return the defects of a sample, each in a picture that shows no other.

    Args:
        row: Its columns; of these ``defects``, ``substrate_transform`` and ``sqe_physics`` are read.
        image: The finished picture, of the good picture's type.
        mask: 0 or 255.
        good: The good picture, before the row's transform.

    Returns:
        One picture a defect; a single one for all of them where their masks cannot be told apart.
    """
    symmetry = Symmetry.from_row(row["substrate_transform"])
    facts = [json.loads(defect["parameters"]) for defect in row["defects"]]
    whole = JudgedPicture(
        original=to_unit(symmetry.array(good.image)),
        picture=to_unit(image),
        mask=(mask > 0).astype(np.uint8),
        foreground=symmetry.array(good.foreground).astype(np.float32),
        statistics=good.statistics,
        change_radius=max(float(fact["change_radius"]) for fact in facts),
        severity=max(float(defect["severity"]) for defect in row["defects"]),
        is_line=all(bool(fact["is_line"]) for fact in facts),
        physics=float(row["sqe_physics"]),
        peak=int(np.iinfo(image.dtype).max),
    )
    masks = own_masks(row["defects"], mask) if len(facts) > 1 else []
    if not masks or not all(own.any() for own in masks):
        return [whole]
    return [
        replace(
            _alone(whole, (own > 0).astype(np.uint8)),
            change_radius=float(fact["change_radius"]),
            severity=float(defect["severity"]),
            is_line=bool(fact["is_line"]),
        )
        for own, fact, defect in zip(masks, facts, row["defects"], strict=True)
    ]


def _alone(whole: JudgedPicture, own: UInt8) -> JudgedPicture:
    """Return the picture with the change that lies nearer to other masks taken back."""
    others = (whole.mask & (1 - own)).astype(np.uint8)
    to_own = np.asarray(cv2.distanceTransform(1 - own, cv2.DIST_L2, cv2.DIST_MASK_5))
    to_others = np.asarray(cv2.distanceTransform(1 - others, cv2.DIST_L2, cv2.DIST_MASK_5))
    keep = (to_own <= to_others)[:, :, None]
    return replace(whole, mask=own, picture=np.where(keep, whole.picture, whole.original).astype(np.float32))

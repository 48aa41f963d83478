"""What a committed row must fulfil, read from its pictures alone.

* :func:`checked_windows` gives the whole picture as windows to check, one for all defects and one for each of several.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.defects import FAMILIES
from maphc2f.quality.invariants import CheckedWindow
from maphc2f.sample import least_visible_share

Pixels = NDArray[Any]

SLACK = 0.02
"""The shares are read on the whole picture here and on a window when made: a ridge at its border may differ."""


def checked_windows(
    row: Mapping[str, Any],
    min_visible_share: float | None,
    good: tuple[Pixels, NDArray[np.bool_]],
    found: tuple[Pixels, Pixels],
) -> Iterator[CheckedWindow]:
    """Yield a row's picture as windows to check; only the soft mask and the support were not kept.

    Of several defects, the change must lie in the union of their masks, and each mask that can be told from the others
    by its box must be visible by itself.

    Args:
        row: The committed row.
        min_visible_share: The category's own, in place of the families'.
        good: Good picture and foreground, turned as the row says.
        found: Picture and mask of the row.
    """
    facts = [json.loads(defect["parameters"]) for defect in row["defects"]]
    visible = [_visible_share(defect, min_visible_share) for defect in row["defects"]]
    inside = min(FAMILIES[defect["family"]].min_change_inside for defect in row["defects"]) - SLACK
    common = _common(facts, good, found[0])
    if len(facts) == 1:
        yield _window(common, found[1], facts[0]["is_line"], visible[0], inside)
        return
    yield _window(common, found[1], False, 0.0, inside)
    for fact, share, mask in zip(facts, visible, own_masks(row["defects"], found[1]), strict=True):
        if mask.any():
            yield _window(common, mask, fact["is_line"], share, 0.0)


def _visible_share(defect: Mapping[str, Any], stated: float | None) -> float:
    share = least_visible_share(FAMILIES[defect["family"]], defect["scenario"]) if stated is None else stated
    return share - SLACK


def _common(
    facts: Sequence[Mapping[str, Any]], good: tuple[Pixels, NDArray[np.bool_]], image: Pixels
) -> dict[str, Any]:
    # Where a piece is gone, the blurred border of its outline went with it.
    border = 2 * max(int(fact.get("uncovered_border", 0)) for fact in facts) + 1
    part = cv2.dilate(good[1].astype(np.uint8), np.ones((border, border), np.uint8)) > 0
    return {
        "original": good[0],
        "picture": image,
        "support": part,
        "allowed": part,
        "noise": facts[0]["noise"],
        "change_radius": max(fact["change_radius"] for fact in facts),
    }


def _window(common: Mapping[str, Any], mask: Pixels, is_line: bool, visible: float, inside: float) -> CheckedWindow:
    return CheckedWindow(
        mask=mask, soft_mask=mask, is_line=is_line, min_visible_share=visible, min_change_inside=inside, **common
    )


def own_masks(defects: Sequence[Mapping[str, Any]], mask: Pixels) -> list[Pixels]:
    """Return the part of ``mask`` that belongs to each defect, nothing where it cannot be told from another's.

    Masks of one sample never touch, so every connected part of the union is of one defect. A part that lies in the
    boxes of two may be either's: neither can be judged by what is left.
    """
    count, labels, boxes, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8), connectivity=8)
    owners, unclear = np.full(count, -1), set[int]()
    for component in range(1, count):
        holders = [i for i, defect in enumerate(defects) if _holds(defect["bbox"], boxes[component])]
        if len(holders) == 1:
            owners[component] = holders[0]
        else:
            unclear.update(holders)
    whole = [-2 if i in unclear else i for i in range(len(defects))]
    return [np.where(owners[labels] == i, mask, 0).astype(mask.dtype) for i in whole]


def _holds(outer: Sequence[int], inner: Sequence[int]) -> bool:
    """Whether the box (x, y, width, height) ``inner`` lies in ``outer``."""
    return all(
        outer[axis] <= inner[axis] and inner[axis] + inner[axis + 2] <= outer[axis] + outer[axis + 2] for axis in (0, 1)
    )

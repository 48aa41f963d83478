"""Looks of real defects in place of a family's own ranges.

* :func:`calibration_for` finds the measured looks of a scenario.
* :func:`calibrated_looks` and :func:`calibrated_material` put them in place of the defaults.
* :func:`is_line` tells which cells are drawn as lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from maphc2f.render.appearance import LOOKS, Looks, looks_of
from maphc2f.spec import CalibrationSpec, MaterialSpec

LINE_FAMILY = "crack"


def calibration_for(calibration: Mapping[str, CalibrationSpec], family: str, scenario: str) -> CalibrationSpec | None:
    """Return the looks measured for ``family.scenario``, else those for ``family``, else None.

    Scenarios with looks of their own (a chip among the cracks, a stain among the corrosion) have little in common with
    the rest of their family: only a calibration that names them changes them.
    """
    if f"{family}.{scenario}" in calibration:
        return calibration[f"{family}.{scenario}"]
    return None if f"{family}/{scenario}" in LOOKS else calibration.get(family)


def is_line(family: str, scenario: str | None) -> bool:
    """Whether a cell is drawn as a line of some width instead of a region with a rim."""
    return family == LINE_FAMILY and not looks_of(family, scenario or "").broken_face


def calibrated_looks(looks: Looks, measured: CalibrationSpec, pixel_size: float) -> Looks:
    """Return ``looks`` with every range that was measured in place of its own.

    Args:
        looks: The default ranges.
        measured: What :func:`maphc2f.generate.calibrate.fit` found.
        pixel_size: Of the prepared picture, m: the rim's softness is measured in metres and drawn in pixels.
    """
    changes: dict[str, object] = {
        name: getattr(measured, name)
        for name in ("contrast", "roughness", "bright")
        if getattr(measured, name) is not None
    }
    if measured.bright is not None:
        # It was counted on defects as they are, crushed bright faces included.
        changes["fracture_lift"] = 0.0
    if measured.edge is not None:
        changes["edge_sigma"] = measured.edge[0] / pixel_size, measured.edge[1] / pixel_size
    return replace(looks, **changes)  # type: ignore[arg-type]  # the keys above are fields


def calibrated_material(material: MaterialSpec, measured: CalibrationSpec) -> MaterialSpec:
    """Return ``material`` with the measured mouth of cracks."""
    return material if measured.width is None else material.model_copy(update={"edge_width": measured.width})

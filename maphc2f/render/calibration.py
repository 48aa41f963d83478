"""Looks of real defects in place of a family's own ranges.

* :func:`calibration_for` finds the measured looks of a scenario.
* :func:`calibrated_looks` and :func:`calibrated_material` put them in place of the defaults; :func:`default_ranges`
  gives the defaults in the same terms.
* :func:`follows` tells which scenarios a family's calibration holds for.
* :func:`is_line` tells which cells are drawn as lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from maphc2f.render.appearance import LOOKS, Looks, looks_of
from maphc2f.spec import CalibrationSpec, MaterialSpec

LINE_FAMILY = "crack"

_FIELDS = {
    "contrast": "contrast",
    "darkening": "darkening",
    "bright": "bright",
    "roughness": "roughness",
    "shade": "shade",
    "bridging": "bridging",
    "facets": "facets",
    "tint": "tint",
}
"""Fields of :class:`~maphc2f.render.appearance.Looks` by those of :class:`~maphc2f.spec.CalibrationSpec`."""


def calibration_for(calibration: Mapping[str, CalibrationSpec], family: str, scenario: str) -> CalibrationSpec | None:
    """Return the looks measured for ``family.scenario``, else those for ``family``, else None.

    Scenarios with looks of their own (a chip among the cracks, a stain among the corrosion) have little in common with
    the rest of their family: only a calibration that names them changes them.
    """
    if f"{family}.{scenario}" in calibration:
        return calibration[f"{family}.{scenario}"]
    return calibration.get(family) if follows(family, scenario) else None


def follows(family: str, scenario: str) -> bool:
    """Whether a calibration of ``family`` holds for its ``scenario``: not if that has looks of its own."""
    return f"{family}/{scenario}" not in LOOKS


def is_line(family: str, scenario: str | None) -> bool:
    """Whether a cell is drawn as a line of some width instead of a region with a rim."""
    return family == LINE_FAMILY and not looks_of(family, scenario or "").broken_face


def calibrated_looks(looks: Looks, measured: CalibrationSpec, pixel_size: float) -> Looks:
    """Return ``looks`` with every range that was measured in place of its own.

    Args:
        looks: The default ranges.
        measured: What :func:`maphc2f.generate.calibrate.calibrate` found.
        pixel_size: Of the prepared picture, m: the rim's softness is measured in metres and drawn in pixels.
    """
    changes: dict[str, object] = {
        field: getattr(measured, name) for name, field in _FIELDS.items() if getattr(measured, name) is not None
    }
    if measured.contrast is not None and measured.darkening is None:
        # One of them decides, and it is in the picture's own unit that this one was given.
        changes["darkening"] = None
    if measured.bright is not None:
        # It was counted on defects as they are, crushed bright faces included.
        changes["fracture_lift"] = 0.0
    if measured.edge is not None:
        changes["edge_sigma"] = measured.edge[0] / pixel_size, measured.edge[1] / pixel_size
    if measured.relief is not None:
        changes["albedo_share"] = 1.0 - measured.relief[1], 1.0 - measured.relief[0]
    return replace(looks, **changes)  # type: ignore[arg-type]  # the keys above are fields


def calibrated_material(material: MaterialSpec, measured: CalibrationSpec) -> MaterialSpec:
    """Return ``material`` with the measured mouth of cracks."""
    return material if measured.width is None else material.model_copy(update={"edge_width": measured.width})


def default_ranges(looks: Looks, material: MaterialSpec, pixel_size: float) -> dict[str, tuple[float, float]]:
    """Return the ranges that hold without a calibration, by field of :class:`~maphc2f.spec.CalibrationSpec`."""
    return {
        "contrast": looks.contrast,
        "darkening": looks.darkening or (0.0, 0.0),
        "width": material.edge_width,
        "shade": looks.shade,
        "bridging": looks.bridging,
        "roughness": looks.roughness,
        "facets": looks.facets,
        "edge": (looks.edge_sigma[0] * pixel_size, looks.edge_sigma[1] * pixel_size),
        "relief": (1.0 - looks.albedo_share[1], 1.0 - looks.albedo_share[0]),
        "tint": looks.tint,
    }

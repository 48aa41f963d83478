"""Units of the numbers that scenarios are drawn from and that simulations report.

* :func:`unit_of` looks one up; :data:`UNITS` holds those that are not plain ratios of names known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_METRES = (
    "cell length_scale foundation_length toughness_correlation spacing visible thickness plate_length indentation "
    "wavelength width length depth height opening opening_max size roughness_grain "
    "largest_hole"
)
_PASCALS = "youngs_modulus hardness crush_pressure pressure"
_RADIANS = "flaw_angle tilt slant turn waver wander emergence rotation_1 rotation_2 scar_rotation"
_RATIOS = (
    "biaxiality foundation_cells load_limit toughness_scale toughness_cv strain arms heterogeneity grain banding "
    "potential film boundary_layer repassivation pits scatter elongation inert ragged breakdown sites reach "
    "supply demand run wetness rivulets high retained general_attack depth_ratio thickness_ratio support "
    "crush_factor sharpness peak_curvature_over_yield flow_width flank_slope flow_share elastic_recovery "
    "width_ratio lift_widths unevenness asperities wavelength_ratio overstrain critical_strain opacity "
    "lattice_y_1 lattice_x_1 lattice_y_2 lattice_x_2 flaw_pitch front_cells quench gap_share hole_ratio "
    "hole_share confinement face_roughness flaw_length push_offset thickness_share reach_over_chord "
    "depth_over_chord load_plan load_section floor lag flaw permeability bond control softening film_strain "
    "peak_strain roughness skew flaw_bow flaw_waviness rim_roughness pieces gap pieces_broken roughness_deviation "
    "area_share aspect scar_width scar_length brightness contrast saturation hue scale height_share width_share"
)

UNITS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(_METRES.split(), "m"),
        **dict.fromkeys(_PASCALS.split(), "Pa"),
        **dict.fromkeys(_RADIANS.split(), "rad"),
        **dict.fromkeys(_RATIOS.split(), "1"),
        "fracture_energy": "J/m2",
        "base_stiffness": "Pa/m",
        "exposure_time": "s",
        "load": "N",
        "crack.load": "1",
    }
)
"""Unit by name; a name that means something else in one family stands there with the family before it."""


def unit_of(family: str, name: str) -> str | None:
    """Return the unit of a parameter or measure, ``"1"`` for a ratio or count, or None if it is not known here.

    Args:
        family: Name of the defect family.
        name: As in ``Scenario.parameters``, ``Simulation.parameters`` or ``Snapshot.measures``.
    """
    stem, _, number = name.rpartition("_")
    if stem == "noise_level" and number.isdigit():
        return "1"
    return UNITS.get(f"{family}.{name}", UNITS.get(name))

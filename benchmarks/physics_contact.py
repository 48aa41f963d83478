"""Contact of a half-space through the production solver, beside Hertz, Boussinesq and the fully plastic limit.

* :func:`press_ball` presses a ball to a contact radius of 0.3 of the window: :class:`Ball`.
* :func:`hertz_rows`, :func:`boussinesq_rows` are rows of the table.

Lengths are in cells and pressures in units of E*, as in the solver.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.physics_table import Row
from maphc2f.solvers.half_space import Contact, displace, indent, make_half_space

Float64 = NDArray[np.float64]

CURVATURE_RADIUS = 15.0
TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Ball:
    """A ball pressed into an elastic half-space.

    Attributes:
        load: P / E*, cells², the force that was found.
        radius: Contact radius from the area under pressure, cells.
        peak: Largest pressure over E*.
        approach: δ, cells.
        curvature: R, cells.
    """

    load: float
    radius: float
    peak: float
    approach: float
    curvature: float


def distance(n: int) -> Float64:
    """Return the distance of each of n² cells from the middle, cells."""
    y, x = np.mgrid[:n, :n] - 0.5 * (n - 1)
    return np.asarray(np.hypot(y, x))


def press_ball(n: int) -> Ball:
    """Press a ball of radius R = 15 n in by the approach at which the contact radius is 0.3 n."""
    curvature = CURVATURE_RADIUS * n
    approach = (0.3 * n) ** 2 / curvature
    contact = indent(make_half_space((n, n)), distance(n) ** 2 / (2 * curvature), approach, tolerance=TOLERANCE)
    pressure = contact.pressure
    radius = float(np.sqrt(np.count_nonzero(pressure > 0) / np.pi))
    return Ball(float(pressure.sum()), radius, float(pressure.max()), approach, curvature)


def press_cone(n: int, hardness: float) -> Contact:
    """Press a cone of slope 0.3 into a material of ``hardness`` H / E* by 0.075 n."""
    return indent(make_half_space((n, n)), 0.3 * distance(n), 0.075 * n, hardness=hardness, tolerance=TOLERANCE)


def point_load_error(n: int) -> float:
    """Return the largest u_z π E* r / P over r > 4 cells from a load on one cell near a corner of n² cells."""
    pressure = np.zeros((n, n))
    pressure[n // 6, n // 6] = 1.0
    y, x = np.mgrid[:n, :n] - n // 6
    r = np.hypot(y, x)
    scaled = np.pi * r * displace(make_half_space((n, n)), pressure)
    far = scaled[r > 4]
    return float(far[np.abs(far - 1).argmax()])


def reloaded(n: int, hardness: float) -> float:
    """Return the load of a cone pressed back into its own imprint, now elastic, over the load that made it."""
    first = press_cone(n, hardness)
    worn = 0.3 * distance(n) + first.overlap
    again = indent(make_half_space((n, n)), worn, 0.075 * n, tolerance=TOLERANCE)
    return float(again.pressure.sum() / first.pressure.sum())


def hertz_rows(full: bool) -> list[Row]:
    """Ball: a³ = 3 P R / 4 E*, p0 = 3 P / 2 π a², δ = a² / R (Johnson, Contact Mechanics, 1985, eqs. 4.22-4.24).

    All three follow from the load that was found. Fully plastic cone: the load over the area of what stays is H where
    H / E* is small, and at last H times the area of the circle of radius δ / slope. A cone pressed back into the
    imprint it left meets the same load elastically, for all that flowed has flowed.
    """
    n = 128 if full else 64
    ball = press_ball(n)
    radius = (0.75 * ball.load * ball.curvature) ** (1 / 3)
    metal = press_cone(n, 5e-3)
    area = np.pi * (0.25 * n) ** 2
    rigid = float(press_cone(n, 1e-5).pressure.sum()) / 1e-5
    mean = float(metal.pressure.sum() / np.count_nonzero(metal.overlap > 0)) / 5e-3
    return [
        Row(f"ball on a half-space, {n}²: contact radius", indent, radius, ball.radius, 0.01),
        Row(f"ball on a half-space, {n}²: p0", indent, 1.5 * ball.load / (np.pi * radius**2), ball.peak, 0.01),
        Row(f"ball on a half-space, {n}²: approach", indent, radius**2 / ball.curvature, ball.approach, 0.01),
        Row("cone, H / E* = 0.005: load over imprint's area, over H", indent, 1.0, mean, 0.01),
        Row("cone, fully plastic: load over H", indent, area, rigid, 0.01),
        Row("cone pressed back into its imprint: load over that before", indent, 1.0, reloaded(n, 0.05), 0.01),
    ]


def boussinesq_rows(full: bool) -> list[Row]:
    """Point load: u_z = (1 - ν²) P / (π E r) (Johnson, eq. 3.22a), worst point of all beyond four cells."""
    n = 192 if full else 64
    return [Row(f"point load on a half-space, {n}²: u_z π E* r / P", displace, 1.0, point_load_error(n), 0.02)]

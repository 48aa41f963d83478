"""Phase-field pitting after Kim, Kim and Suzuki: a reference for the tests that shares nothing with the solver.

* :class:`Alloy` holds the constants, :func:`published` those of the paper; :func:`scaled` trades interface for speed.
* :class:`Corroding` is the state, :func:`sound_metal` makes one, :func:`corrode` steps it.
* :func:`depth_below` and :func:`half_width` measure the pit.

Set-up of Mai, Soghrati & Buchheit (2016), Corros. Sci. 110:157. φ is 1 in the metal and 0 in the solution, c the
concentration over that of the metal, c_s = 1 and c_l = Csat / Csolid its equilibrium values. Both phases have
the same curvature A of the free energy, so equal potentials mean cS - c_s = cL - c_l = u, and

    u = c - c_l - h(φ) (1 - c_l),        h = 3φ² - 2φ³,        g = φ² (1 - φ)²,
    ∂φ/∂t = L (α ∇²φ - ω g'(φ) + 2 A (1 - c_l) u h'(φ)),
    ∂c/∂t = D ∇²u.

A diffuse front on a fixed grid, explicit in time: no obstacle, no list of cells, no implicit operator to get wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Alloy:
    """Constants of the model.

    Attributes:
        gradient: α, J/m.
        well: ω, J/m³.
        curvature: A, J/m³.
        mobility: L, m³/(J s).
        diffusivity: D, m²/s.
        saturation: c_l = Csat / Csolid.
    """

    gradient: float
    well: float
    curvature: float
    mobility: float
    diffusivity: float
    saturation: float

    @property
    def surface_energy(self) -> float:
        """σ = √(2αω) ∫ √g dφ = √(αω / 18), J/m²."""
        return math.sqrt(self.gradient * self.well / 18)

    def stable_step(self, spacing: float) -> float:
        """Return a time step, s, at which neither diffusion nor the source of φ outruns the explicit scheme."""
        force = self.well + 4.5 * self.curvature * (1 - self.saturation) ** 2
        fastest = 4 * max(self.diffusivity, self.mobility * self.gradient) / spacing**2 + self.mobility * force
        return 0.4 / fastest


def published() -> Alloy:
    """Return the constants of 304 stainless steel in the paper (L = 2: diffusion control)."""
    return Alloy(4.8e-5, 3.33e7, 5.35e7, 2.0, 8.5e-10, 5.1 / 143)


def scaled(alloy: Alloy, thickness: float, energy: float, speed: float) -> Alloy:
    """Return an alloy whose front is ``thickness`` times as thick, with ``energy`` times the surface energy.

    σ ∝ √(αω) and ℓ ∝ √(α/ω). ``speed`` sets L α over D: the published L asks for explicit steps of 1e-9 s, and the
    front is under diffusion control long before.
    """
    gradient = alloy.gradient * energy * thickness
    well = alloy.well * energy / thickness
    return replace(alloy, gradient=gradient, well=well, mobility=speed * alloy.diffusivity / gradient)


@dataclass(slots=True)
class Corroding:
    """φ and c, (ny, nx) with y downwards from the mouth; spacing, m; time, s; ``open`` marks columns of the mouth."""

    alloy: Alloy
    spacing: float
    phase: Float64
    content: Float64
    open: NDArray[np.bool_]
    time: float = 0.0


def sound_metal(alloy: Alloy, spacing: float, liquid: NDArray[np.bool_], mouth: NDArray[np.bool_]) -> Corroding:
    """Return metal with a seed of pure solution where ``liquid`` (ny, nx), open to c = 0 above columns ``mouth``."""
    phase = np.where(liquid, 0.0, 1.0)
    return Corroding(alloy, spacing, phase, phase.copy(), mouth)


@njit(cache=True)
def _steps(
    phase: Float64,
    content: Float64,
    mouth: NDArray[np.bool_],
    rates: tuple[float, float, float, float, float],
    count: int,
) -> None:
    """Make ``count`` explicit steps in place; rates = Δt (Lα/h², Lω, 2AL(1 - c_l), D/h²), and c_l."""
    smooth, well, drive, diffuse, saturation = rates
    ny, nx = phase.shape
    u, fresh = np.empty((ny, nx)), np.empty((ny, nx))
    for _ in range(count):
        for j in range(ny):
            for i in range(nx):
                p = phase[j, i]
                u[j, i] = content[j, i] - saturation - p * p * (3.0 - 2.0 * p) * (1.0 - saturation)
        for j in range(ny):
            up, down = max(j - 1, 0), min(j + 1, ny - 1)
            for i in range(nx):
                left, right = max(i - 1, 0), min(i + 1, nx - 1)
                p, v = phase[j, i], u[j, i]
                lap_p = phase[up, i] + phase[down, i] + phase[j, left] + phase[j, right] - 4.0 * p
                lap_u = u[up, i] + u[down, i] + u[j, left] + u[j, right] - 4.0 * v
                if j == 0 and mouth[i]:
                    lap_u += 2.0 * (-saturation - v)
                slope = p * (1.0 - p)
                fresh[j, i] = p + smooth * lap_p - well * 2.0 * slope * (1.0 - 2.0 * p) + drive * v * 6.0 * slope
                content[j, i] += diffuse * lap_u
        phase[:] = fresh


def corrode(state: Corroding, until: float) -> None:
    """Step to the time ``until``, s."""
    alloy, h = state.alloy, state.spacing
    count = max(math.ceil((until - state.time) / alloy.stable_step(h)), 1)
    dt = (until - state.time) / count
    rates = (
        dt * alloy.mobility * alloy.gradient / h**2,
        dt * alloy.mobility * alloy.well,
        dt * alloy.mobility * 2 * alloy.curvature * (1 - alloy.saturation),
        dt * alloy.diffusivity / h**2,
        alloy.saturation,
    )
    _steps(state.phase, state.content, state.open, rates, count)
    state.time = until


def depth_below(state: Corroding, column: int) -> float:
    """Return the depth of the front below the surface in a column, m: the integral of 1 - φ."""
    return float((1 - state.phase[:, column]).sum()) * state.spacing


def half_width(state: Corroding) -> float:
    """Return the distance of the front from the first column along the surface, m."""
    return float((1 - state.phase[0]).sum()) * state.spacing

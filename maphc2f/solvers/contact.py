"""Hard imprints and scratches: what squeezed-out material piles up around them, and the hardness law.

* :func:`pile_up` solves for the material that a dug groove or imprint squeezes up around it: :class:`PileUp`.
* :func:`constraint_factor` gives hardness over yield stress, :func:`flow_share` the share that rises to the surface.

How deep a tool digs is found by :mod:`maphc2f.solvers.half_space`.

**Squeeze-out.** The displaced material flows in a layer of thickness λ beneath the surface, driven by the pressure of
the indenter. With the flow potential φ (the height to which material would rise freely) the flux per length is
-λ² ∇φ, and its divergence is what the surface rises:

    λ² ∇²φ = z(φ),   z = share · g where the tool digs (g < 0),   z = min(g, φ) elsewhere,

g the height that the tool leaves, or its gap where it does not dig: material rises along the flank until it comes
free. Integrated without flux through the border this is Σz = 0 for share = 1: volume is conserved by construction, not
by rescaling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.errors import SimulationRejected
from maphc2f.kernels.contact import squeeze_out

Float64 = NDArray[np.float64]

SWEEPS_PER_CHECK = 10
MAX_CHECKS = 60
FULLY_PLASTIC = 2.8
FIRST_YIELD = 1.1


@dataclass(frozen=True, slots=True)
class PileUp:
    """Surface after the tool has gone.

    Attributes:
        height: Height change z, negative into the part, (ny, nx).
        potential: Flow potential φ >= 0, the next stage's first guess, (ny, nx).
        iterations: Sweeps.
        residual: Largest correction of the last sweep over the largest depth.
    """

    height: Float64
    potential: Float64
    iterations: int
    residual: float


def pile_up(
    surface: Float64, *, share: float, width: float, guess: Float64 | None = None, tolerance: float = 1e-4
) -> PileUp:
    """Solve for the risen material around a dug surface.

    Args:
        surface: Height of the tool's lower envelope, any length unit, (ny, nx); 1e30 where the tool never was.
        share: Share of the dug volume that rises, 0 .. 1; the rest is taken up elastically or compacted.
        width: Layer thickness λ, cells.
        guess: Potential of an earlier stage.
        tolerance: Largest correction over the largest depth at which to stop.

    Raises:
        SimulationRejected: Nothing was dug, or no convergence.
    """
    deepest = -float(surface.min())
    if deepest <= 0:
        msg = "the tool did not touch the surface"
        raise SimulationRejected(msg)
    phi = np.zeros_like(surface) if guess is None else guess.copy()
    omega = _over_relaxation(surface, width)
    for check in range(1, MAX_CHECKS + 1):
        worst = squeeze_out(phi, surface, share, width**2, omega, SWEEPS_PER_CHECK)
        if worst <= tolerance * deepest:
            height = np.where(surface < 0, surface, np.minimum(surface, phi))
            return PileUp(height, phi, check * SWEEPS_PER_CHECK, worst / deepest)
    msg = f"pile-up did not converge in {MAX_CHECKS * SWEEPS_PER_CHECK} sweeps"
    raise SimulationRejected(msg)


def _over_relaxation(surface: Float64, width: float) -> float:
    """Return Young's optimal factor 2 / (1 + √(1 - ρ²)) for a Poisson problem on the dug zone widened by λ.

    A strip of half width R cells has the Jacobi radius ρ ≈ 1 - (π / 2R)² / 4; R is the dug zone's inscribed radius
    plus λ, over which the outside still gives way.
    """
    inside = cv2.distanceTransform((surface < 0).astype(np.uint8), cv2.DIST_L2, 3)
    radius = 1 - min((0.5 * math.pi / (float(inside.max()) + max(width, 1.0))) ** 2 / 4, 0.9)
    return 2 / (1 + math.sqrt(1 - radius**2))


def constraint_factor(stiffness_over_yield: float) -> float:
    """Return hardness over yield stress: c = 2/3 (1 + ln(Λ / 3)), held in 1.1 .. 2.8.

    Λ = E* tan β / σ_y, β the angle of the flank with the surface: expanding cavity model, Johnson, J. Mech. Phys.
    Solids 18 (1970) 115, doi 10.1016/0022-5096(70)90029-3.
    """
    return float(np.clip(2 / 3 * (1 + math.log(max(stiffness_over_yield, 1e-9) / 3)), FIRST_YIELD, FULLY_PLASTIC))


def flow_share(stiffness_over_yield: float) -> float:
    """Return the share of the displaced volume that flows to the surface, 0 at first yield, 1 when fully plastic.

    An interpolation in the constraint factor between the two limits, a modelling assumption: the elastic surroundings
    take up the rest.
    """
    return (constraint_factor(stiffness_over_yield) - FIRST_YIELD) / (FULLY_PLASTIC - FIRST_YIELD)

"""Wrinkles: a patch of film or skin that is compressed beyond buckling.

* :func:`simulate_wrinkle` spreads the misfit strain of an uneven patch, and the wrinkles with it.

The misfit (shrinkage, stretch that did not recover) stays in the part, and with it the wrinkles.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from maphc2f.defects.indenters import Ranges, smooth_noise, turned
from maphc2f.defects.relief import Relief, relief_snapshot, slopes
from maphc2f.sample import Scenario, Simulation, SimulationRequest
from maphc2f.solvers.wrinkle import Film, critical_strain, make_film, relax

Float64 = NDArray[np.float64]

GRID = 80
VIEW = 1.5
MAX_SLENDERNESS = 0.07
FIRST_STEPS, STAGE_STEPS = 24, 14
SEED_DEFLECTION = 0.3


def simulate_wrinkle(request: SimulationRequest, scenario: Scenario, rng: np.random.Generator) -> Simulation:
    """Compress a patch; ``size`` is the mean diameter of the zone where the strain exceeds that of buckling.

    The patch's strain is ε(x) = ε_c m^(1 - r²/s²), m the overstrain in its middle, s the stage: the misfit spreads from
    a centre, with an uneven, elongated r. The wavelength is drawn relative to the size and sets the stiffness of the
    base, k = D (2π/λ)⁴.

    Args:
        request: Material and size.
        scenario: Its ranges.
        rng: Source of wavelength, patch and first unevenness.
    """
    ranges = Ranges.of(scenario, request)
    spacing = VIEW * request.size / GRID
    wavelength = ranges.log_uniform("wavelength_ratio", rng) * request.size
    peak = ranges.uniform("overstrain", rng)
    film = make_film((GRID, GRID), wavelength / spacing)
    material = request.material
    thickness = min(material.coating_thickness or material.sheet_thickness, MAX_SLENDERNESS * wavelength)
    radius2 = _draw_patch(0.5 * request.size / spacing, rng)
    v, change = SEED_DEFLECTION * _draw_seed(film, rng), 0.0
    snapshots = []
    for k, stage in enumerate(request.stages):
        overstrain = np.exp(math.log(peak) * (1 - radius2 / stage**2))
        v, change = relax(film, v, overstrain, FIRST_STEPS if k == 0 else STAGE_STEPS)
        height = v * (thickness / math.sqrt(12))
        relief = Relief(height, -0.5 * thickness * slopes(height, spacing), spacing, (GRID / 2, GRID / 2))
        snapshots.append(relief_snapshot(relief, stage * request.size, {"width": stage * request.size}))
    strain = critical_strain(thickness, wavelength)
    derived = {"thickness": thickness, "wavelength": wavelength, "critical_strain": strain, "strain": peak * strain}
    return Simulation(
        family="deformation",
        scenario="wrinkle",
        placement="interior",
        snapshots=tuple(snapshots),
        parameters=ranges.drawn | derived,
        iterations=FIRST_STEPS + STAGE_STEPS * (len(snapshots) - 1),
        residual=change,
    )


def _draw_patch(radius: float, rng: np.random.Generator) -> Float64:
    """Return r² over the patch's mean radius squared: an ellipse at any angle, with an uneven outline."""
    y, x = (np.mgrid[:GRID, :GRID] - GRID / 2) / radius
    v, u = turned(y, x, rng.uniform(0, math.pi))
    ratio = rng.uniform(1.0, 1.9)
    outline = 1 + 0.25 * smooth_noise(y, x, rng, waves=0.6)
    return np.asarray((ratio * v**2 + u**2 / ratio) / np.maximum(outline, 0.4))


def _draw_seed(film: Film, rng: np.random.Generator) -> Float64:
    """Return white noise seen through the film's own response, of unit variance."""
    spectrum = np.fft.rfft2(rng.normal(size=(GRID, GRID))) / film.decay
    noise = np.fft.irfft2(spectrum, s=(GRID, GRID))
    return np.asarray(noise / noise.std())

"""Wrinkles: a patch of film or skin that is compressed beyond buckling.

* :func:`simulate_wrinkle` spreads the misfit strain of an uneven patch, and the wrinkles with it.

The misfit (shrinkage, stretch that did not recover) stays in the part, and with it the wrinkles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maphc2f.defects.indenters import Ranges, smooth_noise, turned
from maphc2f.defects.relief import Relief, relief_snapshot, slopes
from maphc2f.sample import Scenario, Simulation, SimulationRequest
from maphc2f.solvers.wrinkle import Film, compression, critical_strain, make_film, relax

Float64 = NDArray[np.float64]

GRID = 80
VIEW = 1.5
MAX_SLENDERNESS = 0.07
FIRST_STEPS, STAGE_STEPS = 20, 11
SEED_DEFLECTION = 0.3


def simulate_wrinkle(request: SimulationRequest, scenario: Scenario, rng: np.random.Generator) -> Simulation:
    """Compress a patch; ``size`` is the mean diameter of the zone where the strain exceeds that of buckling.

    The patch's compression is N(x) = N_c m^(1 - r²/s²), m the overload in its middle, s the stage: the misfit spreads
    from a centre, with an uneven, elongated r. It is largest along a direction that wanders over the patch, and
    ``biaxiality`` times that across. The wavelength is drawn relative to the size and sets the stiffness of the base,
    k = D (2π/λ)⁴.

    Args:
        request: Material and size.
        scenario: Its ranges.
        rng: Source of wavelength, patch, directions and first unevenness.
    """
    ranges = Ranges.of(scenario, request)
    spacing = VIEW * request.size / GRID
    wavelength = ranges.log_uniform("wavelength_ratio", rng) * request.size
    peak = ranges.uniform("overstrain", rng)
    film = make_film((GRID, GRID), wavelength / spacing)
    material = request.material
    thickness = min(material.coating_thickness or material.sheet_thickness, MAX_SLENDERNESS * wavelength)
    patch = _draw_patch(0.5 * request.size / spacing, ranges, rng)
    v, change = SEED_DEFLECTION * _draw_seed(film, rng), 0.0
    snapshots = []
    for k, stage in enumerate(request.stages):
        v, change = relax(film, v, patch.overload(peak, stage), FIRST_STEPS if k == 0 else STAGE_STEPS)
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


@dataclass(frozen=True, slots=True)
class Patch:
    """Where and in which directions a film is compressed.

    Attributes:
        radius2: r² over the patch's mean radius squared, (ny, nx).
        angle: Direction of the largest compression, radians, (ny, nx).
        biaxiality: Compression across that direction over that along it.
    """

    radius2: Float64
    angle: Float64
    biaxiality: float

    def overload(self, peak: float, stage: float) -> Float64:
        """Return N₀ / N_c at a stage, (3, ny, nx): ``peak`` in the middle and 1 on the rim."""
        return compression(np.exp(math.log(peak) * (1 - self.radius2 / stage**2)), self.angle, self.biaxiality)


def _draw_patch(radius: float, ranges: Ranges, rng: np.random.Generator) -> Patch:
    """Draw an ellipse at any angle with an uneven outline, and a direction that wanders by ``wander`` radians."""
    y, x = (np.mgrid[:GRID, :GRID] - GRID / 2) / radius
    v, u = turned(y, x, rng.uniform(0, math.pi))
    ratio = rng.uniform(1.0, 1.9)
    outline = 1 + 0.25 * smooth_noise(y, x, rng, waves=0.6)
    radius2 = (ratio * v**2 + u**2 / ratio) / np.maximum(outline, 0.4)
    angle = ranges.uniform("wander", rng) * smooth_noise(y, x, rng, waves=0.55)
    return Patch(np.asarray(radius2), np.asarray(angle), ranges.uniform("biaxiality", rng))


def _draw_seed(film: Film, rng: np.random.Generator) -> Float64:
    """Return white noise seen through the film's own response, of unit variance."""
    spectrum = np.fft.rfft2(rng.normal(size=(GRID, GRID))) / film.decay
    noise = np.fft.irfft2(spectrum, s=(GRID, GRID))
    return np.asarray(noise / noise.std())

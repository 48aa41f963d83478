"""Roughness of a crack's path below the solver's cells: the traced line, displaced by a self-affine field.

* :class:`Roughness` is the law: how far a path strays over a distance; :func:`roughness_of` takes it from a material.
* :class:`Waves` is one drawn field; :func:`draw_waves` draws it, :func:`displacement` reads it at points.
* :class:`Guard` holds what does not move: the part's outline and the rims of holes.
* :func:`roughen` displaces the segments of a trace.

Fracture surfaces are self-affine: the root mean square of the height difference of two points at distance r is

    Δh(r) = ρ d (r / d)^ζ

from the microstructure's size d upwards, with ζ near 0.8 whatever breaks (Måløy, Hansen, Hinrichsen, Roux, Phys. Rev.
Lett. 68 (1992) 213, doi 10.1103/PhysRevLett.68.213: 0.87 ± 0.07 on six brittle materials; Bouchaud, J. Phys.: Condens.
Matter 9 (1997) 4319, doi 10.1088/0953-8984/9/21/002: 0.78 on alloys, rocks and glass). What the solver's grid leaves
out is added here: wavelengths from SHORTEST pixels to LONGEST cells.

The field is a sum of plane waves of random direction, a function of place alone. So chains that meet still meet, both
faces share it, and the stages of a simulation lie on one path. Its component normal to the path is the roughness;
that along it only moves points on the path.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma

from maphc2f.defects.crack_holes import Hole
from maphc2f.spec import MaterialSpec

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

EXPONENT = 0.8
"""Roughness (Hurst) exponent ζ of fracture surfaces across the direction of growth and along it."""

SHORTEST = 3.0
"""Shortest wavelength, pixels: finer ones are lost in the optics."""

LONGEST = 3.0
"""Longest wavelength, cells: the solver resolves toughness from there on."""

STEP = 0.5
"""Longest segment of a rough trace over the shortest wavelength."""

PER_OCTAVE = 10
"""Waves per octave."""

REFERENCE_CV = 0.4
"""Coefficient of variation of toughness from which on a path strays by the drawn ``roughness``: that of asphalt."""


@dataclass(frozen=True, slots=True)
class Roughness:
    """The law Δh(r) = ρ d (r / d)^ζ and the band of wavelengths that is added.

    Attributes:
        deviation: ρ, height difference over one ``grain`` relative to it, -.
        grain: d, size of the microstructure, cells.
        shortest: Shortest wavelength, cells; likewise ``longest``. No band, no roughness.
    """

    deviation: float
    grain: float
    shortest: float
    longest: float = LONGEST

    @property
    def flat(self) -> bool:
        """Whether there is nothing to add."""
        return self.deviation <= 0 or self.shortest >= self.longest


@dataclass(frozen=True, slots=True)
class Scale:
    """Lengths of a drawing in metres: a cell of the solver and a pixel of the picture."""

    cell: float
    pixel: float


def roughness_of(material: MaterialSpec, roughness: float, toughness_scale: float, scale: Scale) -> Roughness:
    """Return the law of a material.

    ρ = ``roughness`` min(1, cv / 0.4)², cv that of the material's toughness times ``toughness_scale``; d is the larger
    of grain size and correlation length of the toughness. The square is a choice, not a law: it keeps glass (cv 0.1)
    and silicon (0.05) smooth.

    Args:
        material: What breaks.
        roughness: ρ from cv = 0.4 on, -.
        toughness_scale: Factor on cv, -.
        scale: Cell and pixel.
    """
    cv = material.toughness_cv * toughness_scale
    return Roughness(
        deviation=roughness * min(1.0, cv / REFERENCE_CV) ** 2,
        grain=max(material.grain_size, material.toughness_correlation) / scale.cell,
        shortest=SHORTEST * scale.pixel / scale.cell,
    )


@dataclass(frozen=True, slots=True)
class Waves:
    """A drawn field: Σ amplitude_i sin(wave_i · x + phase_i).

    Attributes:
        wave: (n, 2) wave vectors (y, x), rad per cell.
        phase: (n,), rad.
        amplitude: (n, 2) displacements (y, x), cells.
    """

    wave: Float64
    phase: Float64
    amplitude: Float64


def _density(law: Roughness) -> float:
    """Return C of the variance C² λ^2ζ d^(2-2ζ) per component and unit of ln λ that has the law's Δh.

    With Δh² = ∫ 2 C² λ^2ζ d^(2-2ζ) (1 - J₀(2π r / λ)) d ln λ over all λ,
    C = ρ π^-ζ √(ζ Γ(1 + ζ) / Γ(1 - ζ)).
    """
    ratio = EXPONENT * gamma(1 + EXPONENT) / gamma(1 - EXPONENT)
    return float(law.deviation * math.pi**-EXPONENT * math.sqrt(ratio))


def draw_waves(law: Roughness, rng: np.random.Generator) -> Waves:
    """Draw a field of the law: one wave in each of n equal steps of ln λ, its directions and phase even.

    Args:
        law: Amplitude and band; a flat law draws nothing.
        rng: Source of 4 draws a wave.
    """
    if law.flat:
        return Waves(np.zeros((0, 2)), np.zeros(0), np.zeros((0, 2)))
    octaves = math.log2(law.longest / law.shortest)
    n = max(math.ceil(PER_OCTAVE * octaves), PER_OCTAVE)
    place, toward, phase, way = rng.random((4, n))
    length = law.shortest * 2 ** (octaves * (np.arange(n) + place) / n)
    size = _density(law) * length**EXPONENT * law.grain ** (1 - EXPONENT)
    # A wave of amplitude a in a random direction adds a² / 4 to the variance of each component.
    size *= 2 * math.sqrt(octaves * math.log(2) / n)
    toward, way = 2 * math.pi * toward, 2 * math.pi * way
    number = 2 * math.pi / length
    return Waves(
        wave=number[:, None] * np.stack([np.cos(toward), np.sin(toward)], 1),
        phase=2 * math.pi * phase,
        amplitude=size[:, None] * np.stack([np.cos(way), np.sin(way)], 1),
    )


def displacement(waves: Waves, points: Float64) -> Float64:
    """Return the displacement (n, 2) of (n, 2) points (y, x), cells."""
    angle = points @ waves.wave.T + waves.phase
    return np.asarray(np.sin(angle) @ waves.amplitude)


@dataclass(frozen=True, slots=True)
class Guard:
    """What does not move.

    Attributes:
        outline: Whether y = 0 is the part's outline: points on it stay on it.
        holes: Points in them and on their rims stay.
    """

    outline: bool = False
    holes: tuple[Hole, ...] = ()

    def hold(self, points: Float64, moves: Float64) -> Float64:
        """Return ``moves`` fading to 0 over the LONGEST wavelength towards what does not move."""
        share = np.ones(len(points))
        for hole in self.holes:
            share = np.minimum(share, np.clip((hole.distance(points) - hole.radius) / LONGEST, 0.0, 1.0))
        held = moves * share[:, None]
        if self.outline:
            held[:, 0] *= np.clip(points[:, 0] / LONGEST, 0.0, 1.0)
        return held


def _split(rows: Float64, longest: float) -> Float64:
    """Return segments cut into equal parts of at most ``longest``."""
    length = np.hypot(*(rows[:, 1, :2] - rows[:, 0, :2]).T)
    count = np.maximum(np.ceil(length / longest), 1).astype(np.intp)
    source = np.repeat(np.arange(len(rows)), count)
    part = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
    ends = np.stack([part, part + 1], 1) / count[source, None]
    # This form is exact at both ends, so that neighbours still share their points.
    return np.asarray((1 - ends[..., None]) * rows[source, :1] + ends[..., None] * rows[source, 1:])


def roughen(rows: Float32, law: Roughness, waves: Waves, guard: Guard) -> Float32:
    """Return a trace displaced by ``waves``, in segments of at most half the shortest wavelength.

    Args:
        rows: float32 (n, 2, 3) segments: two ends of (y, x, value), cells; neighbours in a chain adjacent.
        law: Gives the shortest wavelength; a flat law returns ``rows`` as they are.
        waves: The field, the same for all stages.
        guard: What does not move.

    Returns:
        float32 (m, 2, 3), m >= n; values are interpolated.
    """
    if law.flat or len(rows) == 0:
        return rows
    fine = _split(rows.astype(np.float64), STEP * law.shortest)
    flat = fine.reshape(-1, 3)
    points = np.ascontiguousarray(flat[:, :2])
    flat[:, :2] += guard.hold(points, displacement(waves, points))
    return np.ascontiguousarray(fine, np.float32)

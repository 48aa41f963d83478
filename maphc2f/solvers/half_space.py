"""Contact of a rigid tool with an elastic-plastic half-space whose pressure nowhere exceeds its hardness.

* :func:`make_half_space` sets up a :class:`HalfSpace`; :func:`displace` gives its surface under a pressure.
* :func:`indent` solves for the pressure under a tool pressed in to a given depth: :class:`Contact`.

A pressure p on the surface lowers it by Boussinesq's integral, u(x) = 1/(π E*) ∫ p(x') / |x - x'| dx'. With p even
over each cell of size h this is a sum u_i = Σ_j K(i - j) p_j, and with (a, b) the offset in cells

    π E* K / h = Σ± ± [ a ln(b + √(a² + b²)) + b ln(a + √(a² + b²)) ]   over the cell's corners a ± ½, b ± ½

(Love, Phil. Trans. R. Soc. A 228 (1929) 377, doi 10.1098/rsta.1929.0009). The sum is a convolution, done exactly by
zero padding. The gap below a tool of shape f >= 0 pressed in by δ is g = f + K p - δ, and the contact is the unique
solution of

    p = 0 and g >= 0,    or    0 < p < H and g = 0,    or    p = H and g <= 0

(Almqvist, Sahlin, Larsson, Glavatskih, Tribol. Int. 40 (2007) 574, doi 10.1016/j.triboint.2005.11.008): where
the pressure would exceed the hardness H the material flows, and the overlap -g is the depth that stays. It is the
minimum of ½ p·K p + p·(f - δ) over the box 0 <= p <= H, found by conjugate gradients with bounds (Polonsky & Keer,
Wear 231 (1999) 206, doi 10.1016/S0043-1648(99)00113-1).

Lengths are in cells and pressures in units of E* = E / (1 - ν²), so that no constant of the material is left but H/E*.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from maphc2f.errors import SimulationRejected

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

MAX_ITERATIONS = 400


@dataclass(frozen=True, slots=True)
class HalfSpace:
    """Influence of a pressure on the surface, for grids of one shape.

    Attributes:
        shape: (ny, nx).
        padded: Shape of the transforms, at least twice the grid's less one.
        transfer: Transform of E* K / h over all offsets, real since K is even.
    """

    shape: tuple[int, int]
    padded: tuple[int, int]
    transfer: Float64


@dataclass(frozen=True, slots=True)
class Contact:
    """A tool pressed into a half-space; all (ny, nx).

    Attributes:
        pressure: p / E*, 0 .. H / E*.
        gap: Distance of the tool from the deformed surface, cells; negative where material flowed away below it.
        iterations: Steps of the conjugate gradients.
        residual: Largest error of the contact conditions, over the indentation.
    """

    pressure: Float64
    gap: Float64
    iterations: int
    residual: float

    @property
    def overlap(self) -> Float64:
        """Plastic depth, cells: what the released surface keeps."""
        return np.maximum(-self.gap, 0.0)


def make_half_space(shape: tuple[int, int]) -> HalfSpace:
    """Return the half-space under a grid of (ny, nx) = ``shape`` cells."""
    ny, nx = shape
    padded = (scipy.fft.next_fast_len(2 * ny - 1, real=True), scipy.fft.next_fast_len(2 * nx - 1, real=True))
    quarter = influence(ny, nx)
    kernel = np.zeros(padded)
    kernel[:ny, :nx] = quarter
    kernel[:ny, padded[1] - nx + 1 :] = quarter[:, :0:-1]
    kernel[padded[0] - ny + 1 :] = kernel[ny - 1 : 0 : -1]
    return HalfSpace(shape, padded, np.ascontiguousarray(scipy.fft.rfft2(kernel).real))


def influence(ny: int, nx: int) -> Float64:
    """Return E* K / h at offsets (0 .. ny - 1, 0 .. nx - 1): Love's rectangle, see the module's equation."""
    b, a = np.meshgrid(np.arange(ny + 1) - 0.5, np.arange(nx + 1) - 0.5, indexing="ij")
    r = np.hypot(a, b)
    corner = a * np.log(b + r) + b * np.log(a + r)
    return np.asarray(np.diff(np.diff(corner, axis=0), axis=1) / math.pi)


def displace(space: HalfSpace, pressure: Float64) -> Float64:
    """Return how far the surface sinks, cells, under ``pressure`` over E*, (ny, nx) of the half-space's shape."""
    spectrum = scipy.fft.rfft2(pressure, s=space.padded)
    spectrum *= space.transfer
    full = scipy.fft.irfft2(spectrum, s=space.padded, overwrite_x=True)
    return np.asarray(full[: space.shape[0], : space.shape[1]])


def indent(
    space: HalfSpace,
    tool: Float64,
    indentation: float,
    *,
    hardness: float = math.inf,
    guess: Float64 | None = None,
    tolerance: float = 1e-3,
) -> Contact:
    """Press a rigid tool into a half-space.

    Args:
        space: The half-space.
        tool: Height of the tool's surface over its lowest point, cells, (ny, nx).
        indentation: Approach δ > 0 of the tool, cells, from where its lowest point meets the surface.
        hardness: H / E*; infinite for an elastic half-space.
        guess: Pressure of an earlier stage.
        tolerance: Largest error of a contact condition, over the indentation, at which to stop.

    Raises:
        SimulationRejected: The tool does not touch the surface, or no convergence.
    """
    if indentation <= float(tool.min()):
        msg = "the tool does not touch the surface"
        raise SimulationRejected(msg)
    reach = _box(tool <= indentation)
    window = make_half_space((reach[0].stop - reach[0].start, reach[1].stop - reach[1].start))
    start = np.zeros(window.shape) if guess is None else guess[reach]
    problem = (window, tool[reach] - indentation, hardness)
    inner, iterations, residual = _solve(problem, np.clip(start, 0, hardness), tolerance * indentation)
    pressure = np.zeros(space.shape)
    pressure[reach] = inner
    gap = tool - indentation + displace(space, pressure)
    return Contact(pressure, gap, iterations, residual / indentation)


def _box(where: Bool) -> tuple[slice, slice]:
    """Return the bounding box of the cells that the undeformed tool would overlap: contact cannot reach beyond."""
    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _solve(
    problem: tuple[HalfSpace, Float64, float], pressure: Float64, tolerance: float
) -> tuple[Float64, int, float]:
    """Return pressure, iterations and the largest violation of a contact condition, cells."""
    space, load, hardness = problem
    gap = load + displace(space, pressure)
    direction, before = np.zeros_like(pressure), math.inf
    for iteration in range(MAX_ITERATIONS):
        free = _free(pressure, gap, hardness)
        slack = np.where(free, gap, 0.0)
        worst = float(np.abs(slack).max())
        if worst <= tolerance:
            return pressure, iteration, worst
        norm = float(np.vdot(slack, slack))
        direction = slack + (norm / before) * np.where(free, direction, 0.0)
        response = displace(space, direction)
        step = float(np.vdot(slack, direction)) / float(np.vdot(direction, response))
        moved = pressure - step * direction
        pressure = np.clip(moved, 0.0, hardness)
        if np.array_equal(moved, pressure):
            gap, before = gap - step * response, norm
        else:
            # A bound was met: the directions are no longer conjugate, and the next one is the plain residual.
            gap, before = load + displace(space, pressure), math.inf
    msg = f"the contact did not converge in {MAX_ITERATIONS} iterations"
    raise SimulationRejected(msg)


def _free(pressure: Float64, gap: Float64, hardness: float) -> Bool:
    """Cells whose pressure may follow the gap: all but those held at a bound by its sign."""
    return ~(((pressure <= 0) & (gap >= 0)) | ((pressure >= hardness) & (gap <= 0)))

"""Quasi-static elastic-plastic Kirchhoff plate on a crushable base, pressed by rigid indenters and released.

* :func:`make_plate` sets up a :class:`Plate`; :func:`rest` gives its first :class:`PlateState`.
* :func:`equilibrate` finds the equilibrium under an indenter, a pressure, or both (Newton, conjugate gradients, FFT).
* :func:`release` takes all loads away: the residual shape.

The energy of a backward-Euler step is convex, so Newton with the consistent tangent finds its one minimum:

    ∇∇ : M(∇∇w) + k (w - w_p) - k_c <g - w>₊ = p.

Lengths are in cells of a periodic grid, the bending stiffness D is 1 and deflections are in units of κ_y h².
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from maphc2f.errors import SimulationRejected
from maphc2f.kernels import plate as kernels
from maphc2f.sample import Float32

Float64 = NDArray[np.float64]

#: Indenter surface that touches nothing.
NO_INDENTER = -1e30
MAX_SHORTENINGS = 4
TINY = 1e-30


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate and its base.

    Attributes:
        poisson_ratio: ν.
        hardening: H̄ = (1 - ν²) H / E, see :func:`maphc2f.kernels.plate.bend`.
        base: (3, ny, nx): stiffness k, crushing pressure q_c, tangent ratio when crushed.
        contact_stiffness: k_c of the indenter's skin.
        symbol: Λ(q) + mean k on the half spectrum.
        inverse_symbol: Its inverse: the elastic plate's Green's function.
    """

    poisson_ratio: float
    hardening: float
    base: Float64
    contact_stiffness: float
    symbol: Float64
    inverse_symbol: Float32


@dataclass(frozen=True, slots=True)
class PlateState:
    """Deflection and history.

    Attributes:
        w: Deflection, positive into the part, (ny, nx).
        plastic: Plastic curvatures (xx, yy, xy), (3, ny, nx).
        peak: ξ >= 1, (ny, nx).
        crushed: Permanent compression of the base, (ny, nx).
    """

    w: Float64
    plastic: Float64
    peak: Float64
    crushed: Float64


@dataclass(frozen=True, slots=True)
class NewtonOptions:
    """Stopping rules: relative residual, Newton steps, forcing term and most iterations of conjugate gradients."""

    tolerance: float = 2e-3
    max_steps: int = 30
    forcing: float = 0.1
    max_inner: int = 60


@dataclass(frozen=True, slots=True)
class PlateReport:
    """What a solve cost and reached.

    Attributes:
        iterations: Applications of the tangent.
        newton_steps: Newton steps.
        residual: √(r · G r / work): the out-of-balance force r in the elastic energy norm over the work of the loads.
        yielding: Cells that yielded in this step.
        contact: Cells in contact.
    """

    iterations: int
    newton_steps: int
    residual: float
    yielding: int
    contact: int


@dataclass(frozen=True, slots=True)
class _Linearised:
    state: PlateState
    force: Float64
    plate_tangent: Float64
    local_tangent: Float64
    yielding: int
    contact: int


def bending_symbol(shape: tuple[int, int], poisson_ratio: float) -> Float64:
    """Return the eigenvalues of the discrete elastic plate operator on the half spectrum, (ny, nx // 2 + 1).

    Λ = (λ_x + λ_y)² - 2 (1-ν) (λ_x λ_y - σ²) with λ = 2 - 2 cos θ and σ = sin θ_x sin θ_y; the bracket vanishes with
    the grid and is kept because the nodal moments see it.
    """
    ny, nx = shape
    theta_y, theta_x = 2 * np.pi * np.fft.fftfreq(ny)[:, None], 2 * np.pi * np.fft.rfftfreq(nx)[None, :]
    lam_y, lam_x = 2 - 2 * np.cos(theta_y), 2 - 2 * np.cos(theta_x)
    twist = (np.sin(theta_y) * np.sin(theta_x)) ** 2
    return np.asarray((lam_x + lam_y) ** 2 - 2 * (1 - poisson_ratio) * (lam_x * lam_y - twist))


def make_plate(base: Float64, *, poisson_ratio: float, hardening: float = 0.0, contact_stiffness: float = 0.1) -> Plate:
    """Set up a plate.

    Args:
        base: Stiffness k > 0 (on average), crushing pressure, tangent ratio; float64 (3, ny, nx).
        poisson_ratio: ν, 0 .. 0.5.
        hardening: H̄ >= 0.
        contact_stiffness: k_c > 0.

    Raises:
        ValueError: The mean stiffness of the base is not positive.
    """
    mean = float(base[0].mean())
    if mean <= 0:
        msg = f"the base needs a positive mean stiffness, got {mean}"
        raise ValueError(msg)
    symbol = bending_symbol((base.shape[1], base.shape[2]), poisson_ratio) + mean
    return Plate(poisson_ratio, hardening, base, contact_stiffness, symbol, (1 / symbol).astype(np.float32))


def rest(shape: tuple[int, int]) -> PlateState:
    """Return the flat plate without history."""
    return PlateState(np.zeros(shape), np.zeros((3, *shape)), np.ones(shape), np.zeros(shape))


def equilibrate(
    plate: Plate,
    state: PlateState,
    *,
    indenter: Float64 | None = None,
    pressure: Float64 | None = None,
    options: NewtonOptions | None = None,
) -> tuple[PlateState, PlateReport]:
    """Find the equilibrium under an indenter and a pressure, one implicit step from ``state``.

    Args:
        plate: The plate.
        state: Start of the step: its ``w`` is the first guess, its history what the step continues.
        indenter: Deflection at which the indenter's surface lies, (ny, nx), or None.
        pressure: Dead load, (ny, nx), or None.
        options: Stopping rules.

    Returns:
        The new state and the report.

    Raises:
        SimulationRejected: No equilibrium within ``options.max_steps``.
    """
    options = options or NewtonOptions()
    surface = np.full_like(state.w, NO_INDENTER) if indenter is None else indenter
    load = np.zeros_like(state.w) if pressure is None else pressure
    now, inner = _linearise(plate, state, state.w, surface, load), 0
    for step in range(options.max_steps):
        preconditioned = _green(plate, now.force)
        merit = float(np.vdot(now.force, preconditioned))
        residual = float(np.sqrt(merit / _work(plate, now, surface, load)))
        if residual <= options.tolerance:
            return now.state, PlateReport(inner, step, residual, now.yielding, now.contact)
        increment, count = _solve_tangent(plate, now, preconditioned, options)
        inner += count
        now = _line_search(plate, state, now, increment, (surface, load))
    msg = f"plate did not reach equilibrium in {options.max_steps} Newton steps"
    raise SimulationRejected(msg)


def release(plate: Plate, state: PlateState, *, options: NewtonOptions | None = None) -> tuple[PlateState, PlateReport]:
    """Take all loads away and return the residual shape; further yielding on the way is followed."""
    return equilibrate(plate, replace(state, w=elastic_rebound(plate, state)), options=options)


def elastic_rebound(plate: Plate, state: PlateState) -> Float64:
    """Return the residual deflection if unloading is elastic: Λ w + k (w - w_p) = ∇∇ : C κ_p, one FFT solve."""
    moments = _elastic_moments(plate.poisson_ratio, state.plastic)
    drive = np.empty_like(state.w)
    kernels.div_div(moments, drive)
    drive += plate.base[0] * state.crushed
    return np.asarray(scipy.fft.irfft2(scipy.fft.rfft2(drive) / plate.symbol, s=state.w.shape))


def _elastic_moments(nu: float, kappa: Float64) -> Float64:
    return np.stack([kappa[0] + nu * kappa[1], kappa[1] + nu * kappa[0], (1 - nu) * kappa[2]])


def _linearise(plate: Plate, start: PlateState, w: Float64, surface: Float64, load: Float64) -> _Linearised:
    kappa, moments, plastic = np.empty((3, *w.shape)), np.empty((3, *w.shape)), np.empty((3, *w.shape))
    plate_tangent, peak = np.empty((5, *w.shape)), np.empty_like(w)
    force, local_tangent, crushed, bending = (np.empty_like(w) for _ in range(4))
    kernels.curvatures(w, kappa)
    yielding = kernels.bend(
        kappa, start.plastic, start.peak, plate.poisson_ratio, plate.hardening, moments, plate_tangent, plastic, peak
    )
    contact = kernels.press(
        w, start.crushed, surface, plate.base, plate.contact_stiffness, force, local_tangent, crushed
    )
    kernels.div_div(moments, bending)
    return _Linearised(
        PlateState(w, plastic, peak, crushed), bending + force - load, plate_tangent, local_tangent, yielding, contact
    )


def _green(plate: Plate, force: Float64) -> Float64:
    # Single precision is enough for a preconditioner and halves the transform's time.
    spectrum = scipy.fft.rfft2(force.astype(np.float32)) * plate.inverse_symbol
    return np.asarray(scipy.fft.irfft2(spectrum, s=force.shape), np.float64)


def _work(plate: Plate, now: _Linearised, surface: Float64, load: Float64) -> float:
    """Return the work of the acting forces, or of the base's reaction if it is greater: the scale of the residual."""
    w = now.state.w
    acting = load + plate.contact_stiffness * np.maximum(surface - w, 0)
    held = plate.base[0] * (w - now.state.crushed)
    return max(float(np.vdot(acting, w)), abs(float(np.vdot(held, w))), TINY)


def _solve_tangent(
    plate: Plate, now: _Linearised, preconditioned: Float64, options: NewtonOptions
) -> tuple[Float64, int]:
    """Solve K dw = -force by preconditioned conjugate gradients; ``preconditioned`` is the Green's image of force."""
    residual = -now.force
    solution, work, image = np.zeros_like(residual), np.empty((3, *residual.shape)), np.empty_like(residual)
    direction = preconditioned = -preconditioned
    energy = float(np.vdot(residual, preconditioned))
    target = options.forcing**2 * energy
    for count in range(1, options.max_inner + 1):
        kernels.tangent_force(direction, now.plate_tangent, now.local_tangent, work, image)
        step = energy / float(np.vdot(direction, image))
        solution += step * direction
        residual -= step * image
        preconditioned = _green(plate, residual)
        fresh = float(np.vdot(residual, preconditioned))
        if fresh <= target:
            return solution, count
        direction = preconditioned + (fresh / energy) * direction
        energy = fresh
    return solution, options.max_inner


def _line_search(
    plate: Plate, start: PlateState, now: _Linearised, increment: Float64, loads: tuple[Float64, Float64]
) -> _Linearised:
    """Shorten a Newton step that overshoots the minimum of the convex energy along it.

    The slope φ'(α) = force(w + α dw) · dw rises through 0 at the minimum; regula falsi until |φ'| <= |φ'(0)| / 2.
    """
    low, high = 0.0, 1.0
    slope_low = slope_0 = float(np.vdot(now.force, increment))
    scale = 1.0
    for _ in range(MAX_SHORTENINGS):
        trial = _linearise(plate, start, now.state.w + scale * increment, *loads)
        slope = float(np.vdot(trial.force, increment))
        if slope <= 0.5 * abs(slope_0):
            break
        high, slope_high = scale, slope
        scale = low - slope_low * (high - low) / (slope_high - slope_low)
    return trial

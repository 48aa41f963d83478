"""Elastic-plastic plate on a crushable base: pointwise laws and difference operators, compiled.

* :func:`curvatures` gives ∇∇w, :func:`div_div` its adjoint, both on a periodic grid.
* :func:`bend` maps curvatures to moments (return mapping) with the consistent tangent.
* :func:`press` maps deflections to the base's reaction and the contact pressure with their tangents.
* :func:`tangent_force` applies the linearised plate, base and contact to an increment.

Lengths are in cells and the bending stiffness is 1; curvatures are in units of the strip's yield curvature κ_y. Twins
are in :mod:`maphc2f.kernels.plate_reference`, equations in ``docs/methods/deformation.md``.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

NEWTON_STEPS = 60
NEWTON_TOLERANCE = 1e-12


@njit(cache=True)
def curvatures(w: Float64, out: Float64) -> None:
    """Write ∇∇w as (xx, yy, xy), second-order central differences on a periodic grid of spacing 1.

    Args:
        w: Deflection, float64 (ny, nx).
        out: Written, float64 (3, ny, nx).
    """
    ny, nx = w.shape
    for i in range(ny):
        up, down = w[i - 1], w[(i + 1) % ny]
        row = w[i]
        for j in range(nx):
            left = j - 1 if j > 0 else nx - 1
            right = j + 1 if j < nx - 1 else 0
            out[0, i, j] = row[left] - 2.0 * row[j] + row[right]
            out[1, i, j] = up[j] - 2.0 * row[j] + down[j]
            out[2, i, j] = 0.25 * (down[right] - down[left] - up[right] + up[left])


@njit(cache=True)
def div_div(moments: Float64, out: Float64) -> None:
    """Write ∂xx Mxx + ∂yy Myy + 2 ∂xy Mxy, the adjoint of :func:`curvatures`.

    Args:
        moments: (xx, yy, xy), float64 (3, ny, nx).
        out: Written, float64 (ny, nx).
    """
    ny, nx = out.shape
    m_xx, m_yy, m_xy = moments[0], moments[1], moments[2]
    for i in range(ny):
        up, down = i - 1 if i > 0 else ny - 1, i + 1 if i < ny - 1 else 0
        for j in range(nx):
            left = j - 1 if j > 0 else nx - 1
            right = j + 1 if j < nx - 1 else 0
            out[i, j] = (
                m_xx[i, left] - 2.0 * m_xx[i, j] + m_xx[i, right]
                + m_yy[up, j] - 2.0 * m_yy[i, j] + m_yy[down, j]
                + 0.5 * (m_xy[down, right] - m_xy[down, left] - m_xy[up, right] + m_xy[up, left])
            )  # fmt: skip


@njit(cache=True)
def _excess(
    peak: float, start: float, trial: tuple[float, float], law: tuple[float, float, float, float]
) -> tuple[float, float, float, float, float]:
    """Return yield excess, its slope in ``peak``, θ, dθ/dξ, and Y dY/dξ at the trial state (see :func:`bend`)."""
    mean2, shear2 = trial
    a, b, full, hardening = law
    e = peak - 1.5 + 0.5 / (peak * peak)
    e0 = start - 1.5 + 0.5 / (start * start)
    e_slope = 1.0 - 1.0 / (peak * peak * peak)
    strength = full * (1.0 - 1.0 / (3.0 * peak * peak)) + hardening * e
    strength_slope = full * 2.0 / (3.0 * peak * peak * peak) + hardening * e_slope
    theta = (e - e0) / strength
    theta_slope = (e_slope - theta * strength_slope) / strength
    p, q = 1.0 / (1.0 + a * theta), 1.0 / (1.0 + b * theta)
    value = mean2 * p * p + 3.0 * shear2 * q * q - strength * strength
    slope = (
        -2.0 * theta_slope * (a * mean2 * p * p * p + 3.0 * b * shear2 * q * q * q) - 2.0 * strength * strength_slope
    )
    return value, slope, theta, theta_slope, strength * strength_slope


@njit(cache=True)
def _peak_at_yield(
    start: float, strength: float, trial: tuple[float, float], law: tuple[float, float, float, float]
) -> tuple[float, tuple[float, float, float, float, float]]:
    """Return the root ξ > ``start`` of the yield excess and the state there: Newton kept inside a bracket."""
    first_yield = law[2] / 1.5
    # Exact for a virgin strip, whose peak curvature is its trial moment over the moment at first yield.
    xi = start + (math.sqrt(trial[0] + 3.0 * trial[1]) - strength) / first_yield
    low, high = start, math.inf
    state = _excess(xi, start, trial, law)
    for _ in range(NEWTON_STEPS):
        if abs(state[0]) <= NEWTON_TOLERANCE * strength * strength:
            break
        if state[0] > 0.0:
            low = xi
        else:
            high = xi
        xi -= state[0] / state[1]
        if not low < xi < high:
            xi = 0.5 * (low + high) if high < math.inf else 2.0 * low
        state = _excess(xi, start, trial, law)
    return xi, state


@njit(cache=True)
def bend(
    kappa: Float64,
    plastic: Float64,
    peak: Float64,
    poisson_ratio: float,
    hardening: float,
    moments: Float64,
    tangent: Float64,
    new_plastic: Float64,
    new_peak: Float64,
) -> int:
    """Map curvatures to moments: von Mises in resultants, associated flow, backward Euler.

    With s = (Mxx + Myy)/2, d = (Mxx - Myy)/2, t = Mxy the yield condition is s² + 3(d² + t²) = Y(ξ)², where ξ >= 1 is
    the peak curvature over κ_y that a strip of the same history would have seen, and

        Y(ξ) = M_p (1 - 1/(3ξ²)) + H̄ e(ξ),   e(ξ) = ξ - 3/2 + 1/(2ξ²),   M_p = 3/2 (1 - ν²)

    is the exact moment of an elastic-perfectly plastic strip against its plastic curvature e (Prager & Hodge 1951,
    §10), so springback of a strip is 1 - 3/(2ξ) + 1/(2ξ³). One step scales the elastic trial moments:

        s = s* / (1 + (1+ν)θ/2),   d, t = d*, t* / (1 + 3(1-ν)θ/2),   θ = (e(ξ) - e(ξ_n)) / Y(ξ).

    Args:
        kappa: Curvatures over κ_y, (3, ny, nx).
        plastic: Plastic curvatures at the start, (3, ny, nx).
        peak: ξ at the start, >= 1, (ny, nx).
        poisson_ratio: ν.
        hardening: H̄ = (1 - ν²) H / E, H the plastic modulus.
        moments: Written, in units of D κ_y, (3, ny, nx).
        tangent: Written, (5, ny, nx): c_s, c_d and v, with dM = c ∘ dκ - v (v · dκ) in (s, d, t).
        new_plastic: Written, (3, ny, nx).
        new_peak: Written, (ny, nx).

    Returns:
        Number of cells that yield.
    """
    stiff_s, stiff_d = 1.0 + poisson_ratio, 1.0 - poisson_ratio
    law = (0.5 * stiff_s, 1.5 * stiff_d, 1.5 * (1.0 - poisson_ratio * poisson_ratio), hardening)
    yielding = 0
    ny, nx = peak.shape
    for i in range(ny):
        for j in range(nx):
            k_xx, k_yy = kappa[0, i, j] - plastic[0, i, j], kappa[1, i, j] - plastic[1, i, j]
            k_xy = kappa[2, i, j] - plastic[2, i, j]
            s, d, t = 0.5 * stiff_s * (k_xx + k_yy), 0.5 * stiff_d * (k_xx - k_yy), stiff_d * k_xy
            trial = (s * s, d * d + t * t)
            start = peak[i, j]
            strength = law[2] * (1.0 - 1.0 / (3.0 * start * start)) + hardening * (start - 1.5 + 0.5 / (start * start))
            p, q, coupling, theta, xi = 1.0, 1.0, 0.0, 0.0, start
            if trial[0] + 3.0 * trial[1] > strength * strength:
                yielding += 1
                xi, state = _peak_at_yield(start, strength, trial, law)
                theta = state[2]
                p, q = 1.0 / (1.0 + law[0] * theta), 1.0 / (1.0 + law[1] * theta)
                s, d, t = s * p, d * q, t * q
                denominator = state[4] + state[3] * (law[0] * p * s * s + 3.0 * law[1] * q * (d * d + t * t))
                coupling = math.sqrt(max(2.0 * state[3] / denominator, 0.0))
            moments[0, i, j], moments[1, i, j], moments[2, i, j] = s + d, s - d, t
            tangent[0, i, j], tangent[1, i, j] = stiff_s * p, stiff_d * q
            tangent[2, i, j] = coupling * 0.5 * stiff_s * p * s
            tangent[3, i, j] = coupling * 1.5 * stiff_d * q * d
            tangent[4, i, j] = coupling * 1.5 * stiff_d * q * t
            flow_s, flow_d = 0.5 * theta * s, 1.5 * theta * d
            new_plastic[0, i, j] = plastic[0, i, j] + flow_s + flow_d
            new_plastic[1, i, j] = plastic[1, i, j] + flow_s - flow_d
            new_plastic[2, i, j] = plastic[2, i, j] + 1.5 * theta * t
            new_peak[i, j] = xi
    return yielding


@njit(cache=True)
def press(
    w: Float64,
    crushed: Float64,
    indenter: Float64,
    base: Float64,
    contact_stiffness: float,
    force: Float64,
    tangent: Float64,
    new_crushed: Float64,
) -> int:
    """Map deflections to the net force of base and indenter on the plate: k (w - w_p) - k_c <g - w>₊.

    The base crushes in compression at q_c: k (w - w_p) <= q_c, w_p grows only. It holds in tension (bonded).

    Args:
        w: Deflection, positive into the part, (ny, nx).
        crushed: w_p at the start, (ny, nx).
        indenter: Deflection g at which the indenter's surface lies; very negative where there is none, (ny, nx).
        base: (3, ny, nx): stiffness k, crushing pressure q_c, tangent ratio of the crushed base.
        contact_stiffness: k_c.
        force: Written: reaction of the base less contact pressure, (ny, nx).
        tangent: Written: its derivative, (ny, nx).
        new_crushed: Written: w_p, (ny, nx).

    Returns:
        Number of cells in contact.
    """
    touching = 0
    ny, nx = w.shape
    for i in range(ny):
        for j in range(nx):
            k, limit, ratio = base[0, i, j], base[1, i, j], base[2, i, j]
            # Densification: each unit of crushing raises the limit by h_c = k r / (1 - r).
            harder = k * ratio / (1.0 - ratio)
            limit += harder * crushed[i, j]
            reaction, stiffness, permanent = k * (w[i, j] - crushed[i, j]), k, crushed[i, j]
            if reaction > limit:
                permanent += (reaction - limit) / (k + harder)
                reaction, stiffness = k * (w[i, j] - permanent), k * ratio
            gap = indenter[i, j] - w[i, j]
            if gap > 0.0:
                touching += 1
                reaction -= contact_stiffness * gap
                stiffness += contact_stiffness
            force[i, j], tangent[i, j], new_crushed[i, j] = reaction, stiffness, permanent
    return touching


@njit(cache=True)
def tangent_force(dw: Float64, plate: Float64, local: Float64, work: Float64, out: Float64) -> None:
    """Write K dw = ∇∇ : (c ∘ ∇∇dw - v (v · ∇∇dw)) + k dw, symmetric and positive definite.

    Args:
        dw: Increment, (ny, nx).
        plate: Tangent of :func:`bend`, (5, ny, nx).
        local: Tangent of :func:`press`, (ny, nx).
        work: Scratch, (3, ny, nx).
        out: Written, (ny, nx).
    """
    curvatures(dw, work)
    ny, nx = dw.shape
    for i in range(ny):
        for j in range(nx):
            s = 0.5 * (work[0, i, j] + work[1, i, j])
            d = 0.5 * (work[0, i, j] - work[1, i, j])
            t = work[2, i, j]
            v_s, v_d, v_t = plate[2, i, j], plate[3, i, j], plate[4, i, j]
            along = v_s * s + v_d * d + v_t * t
            m_s = plate[0, i, j] * s - v_s * along
            m_d = plate[1, i, j] * d - v_d * along
            work[0, i, j], work[1, i, j] = m_s + m_d, m_s - m_d
            work[2, i, j] = plate[1, i, j] * t - v_t * along
    div_div(work, out)
    for i in range(ny):
        for j in range(nx):
            out[i, j] += local[i, j] * dw[i, j]

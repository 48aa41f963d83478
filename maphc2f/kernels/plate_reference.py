"""NumPy twins of the plate kernels: the same equations, whole arrays at a time, bisection for Newton.

* :func:`curvatures`, :func:`div_div`, :func:`bend`, :func:`press`, :func:`tangent_force` as in
  :mod:`maphc2f.kernels.plate`, but returning what those write.
* :func:`strength` is the yield moment Y(ξ), :func:`plastic_part` the plastic curvature e(ξ).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

BISECTIONS = 200


class Bent(NamedTuple):
    """Moments, plastic curvatures and peak curvature after a step."""

    moments: Float64
    plastic: Float64
    peak: Float64


class Pressed(NamedTuple):
    """Net force, its tangent and the permanent compression of the base after a step."""

    force: Float64
    tangent: Float64
    crushed: Float64


def _shift(field: Float64, dy: int, dx: int) -> Float64:
    return np.roll(field, (-dy, -dx), (0, 1))


def curvatures(w: Float64) -> Float64:
    """Return ∇∇w as (xx, yy, xy) on a periodic grid of spacing 1, (3, ny, nx)."""
    xx = _shift(w, 0, -1) - 2 * w + _shift(w, 0, 1)
    yy = _shift(w, -1, 0) - 2 * w + _shift(w, 1, 0)
    xy = (_shift(w, 1, 1) - _shift(w, 1, -1) - _shift(w, -1, 1) + _shift(w, -1, -1)) / 4
    return np.stack([xx, yy, xy])


def div_div(moments: Float64) -> Float64:
    """Return ∂xx Mxx + ∂yy Myy + 2 ∂xy Mxy, (ny, nx)."""
    return np.asarray(curvatures(moments[0])[0] + curvatures(moments[1])[1] + 2 * curvatures(moments[2])[2])


def plastic_part(peak: Float64) -> Float64:
    """Return e(ξ) = ξ - 3/2 + 1/(2ξ²)."""
    return np.asarray(peak - 1.5 + 0.5 / peak**2)


def strength(peak: Float64, poisson_ratio: float, hardening: float) -> Float64:
    """Return Y(ξ) = 3/2 (1-ν²) (1 - 1/(3ξ²)) + H̄ e(ξ)."""
    return np.asarray(1.5 * (1 - poisson_ratio**2) * (1 - 1 / (3 * peak**2)) + hardening * plastic_part(peak))


def bend(kappa: Float64, plastic: Float64, peak: Float64, poisson_ratio: float, hardening: float) -> Bent:
    """Return the state after one backward-Euler step to the curvatures ``kappa``."""
    elastic = kappa - plastic
    s = 0.5 * (1 + poisson_ratio) * (elastic[0] + elastic[1])
    d = 0.5 * (1 - poisson_ratio) * (elastic[0] - elastic[1])
    t = (1 - poisson_ratio) * elastic[2]

    def scaled(xi: Float64) -> tuple[Float64, Float64, Float64]:
        theta = (plastic_part(xi) - plastic_part(peak)) / strength(xi, poisson_ratio, hardening)
        return theta, 1 / (1 + 0.5 * (1 + poisson_ratio) * theta), 1 / (1 + 1.5 * (1 - poisson_ratio) * theta)

    def excess(xi: Float64) -> Float64:
        _, p, q = scaled(xi)
        equivalent = np.sqrt((p * s) ** 2 + 3 * (q * q) * (d**2 + t**2))
        return np.asarray(equivalent - strength(xi, poisson_ratio, hardening))

    low, high = peak.copy(), np.where(excess(peak) > 0, 1e9, peak)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        above = excess(middle) > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    theta, p, q = scaled(high)
    s, d, t = p * s, q * d, q * t
    flow = np.stack([0.5 * theta * s + 1.5 * theta * d, 0.5 * theta * s - 1.5 * theta * d, 1.5 * theta * t])
    return Bent(np.stack([s + d, s - d, t]), plastic + flow, high)


def press(w: Float64, crushed: Float64, indenter: Float64, base: Float64, contact_stiffness: float) -> Pressed:
    """Return the net force of base and indenter: k (w - w_p) - k_c <g - w>₊ with k (w - w_p) <= q_c + h_c w_p."""
    k, limit, ratio = base
    harder = k * ratio / (1 - ratio)
    over = np.maximum(k * (w - crushed) - (limit + harder * crushed), 0)
    permanent = crushed + over / (k + harder)
    gap = np.maximum(indenter - w, 0)
    tangent = np.where(over > 0, k * ratio, k) + np.where(gap > 0, contact_stiffness, 0)
    return Pressed(k * (w - permanent) - contact_stiffness * gap, tangent, permanent)


def tangent_force(dw: Float64, plate: Float64, local: Float64) -> Float64:
    """Return ∇∇ : (c ∘ ∇∇dw - v (v · ∇∇dw)) + k dw, (ny, nx)."""
    xx, yy, t = curvatures(dw)
    strains = np.stack([(xx + yy) / 2, (xx - yy) / 2, t])
    along = (plate[2:] * strains).sum(axis=0)
    s, d, twist = np.stack([plate[0], plate[1], plate[1]]) * strains - plate[2:] * along
    return div_div(np.stack([s + d, s - d, twist])) + local * dw

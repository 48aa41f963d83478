"""Blending a patch into a picture by its gradients.

* :func:`poisson_blend` is the blend; :func:`poisson_change` solves for the change of the picture.
* :func:`guidance` gives the differences between neighbours that the blend should have.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dstn, idstn

from maphc2f.sample import Float32

BoolMask = NDArray[np.bool_]


def guidance(picture: Float32, layer: Float32, axis: int, *, mixed: bool) -> Float32:
    """Return the wanted differences of neighbours along an axis.

    Args:
        picture: (H, W, C).
        layer: The same.
        axis: 0 or 1.
        mixed: Whether the larger in magnitude of picture and layer is kept, channel by channel (Pérez et al. 2003,
            equation 12); else the layer's is taken.

    Returns:
        Differences, (H - 1, W, C) or (H, W - 1, C).
    """
    of_layer = np.diff(layer, axis=axis)
    if not mixed:
        return of_layer
    own = np.diff(picture, axis=axis)
    return np.where(np.abs(own) > np.abs(of_layer), own, of_layer).astype(np.float32)


def poisson_change(excess_y: Float32, excess_x: Float32) -> Float32:
    """Solve Δf = div e on a rectangle with f = 0 on the pixels round it.

    The five-point Laplacian on n by m pixels has the eigenvectors sin(π j y / (n + 1)) sin(π k x / (m + 1)) and the
    eigenvalues 2 cos(π j / (n + 1)) + 2 cos(π k / (m + 1)) - 4, so two sine transforms solve it exactly.

    Args:
        excess_y: Wanted less present differences along y, between row i - 1 and row i for i = 0 .. n:
            (n + 1, m, C).
        excess_x: The same along x, (n, m + 1, C).

    Returns:
        f, float32 (n, m, C).
    """
    divergence = np.diff(excess_y.astype(np.float64), axis=0) + np.diff(excess_x.astype(np.float64), axis=1)
    n, m = divergence.shape[:2]
    of_y = 2 * np.cos(np.pi * np.arange(1, n + 1) / (n + 1)) - 2
    of_x = 2 * np.cos(np.pi * np.arange(1, m + 1) / (m + 1)) - 2
    spectrum = dstn(divergence, type=1, axes=(0, 1)) / (of_y[:, None] + of_x[None, :])[..., None]
    return np.asarray(idstn(spectrum, type=1, axes=(0, 1)), np.float32)


def poisson_blend(picture: Float32, layer: Float32, patch: BoolMask, *, mixed: bool = False) -> Float32:
    """Blend a layer into a picture below a patch by its gradients (Pérez, Gangnet and Blake 2003, equations 3 and 7).

    The result I + f minimises Σ |∇(I + f) - v|² over the rectangle that bounds the patch, with f = 0 round it; v are
    the gradients of the layer where one of two neighbours is in the patch, and those of the picture elsewhere
    (doi 10.1145/882262.882269).

    Args:
        picture: I, float32 (H, W, C) in [0, 1].
        layer: float32 (H, W, C).
        patch: bool (H, W); pixels on the border of the array keep their values.
        mixed: See :func:`guidance`.

    Returns:
        float32 (H, W, C) in [0, 1]; equal to the picture outside the rectangle.
    """
    inner = np.zeros_like(patch)
    inner[1:-1, 1:-1] = patch[1:-1, 1:-1]
    out = picture.copy()
    if not inner.any():
        return out
    rows, columns = np.flatnonzero(inner.any(1)), np.flatnonzero(inner.any(0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    # One pixel more on every side: the differences across the rim belong to the problem.
    box = slice(top - 1, bottom + 1), slice(left - 1, right + 1)
    own, new, mask = picture[box], layer[box], inner[box]
    excess = []
    for axis in (0, 1):
        wanted = guidance(own, new, axis, mixed=mixed) - np.diff(own, axis=axis)
        first, second = (mask[:-1], mask[1:]) if axis == 0 else (mask[:, :-1], mask[:, 1:])
        excess.append((wanted * (first | second)[..., None]).astype(np.float32))
    change = poisson_change(excess[0][:, 1:-1], excess[1][1:-1])
    out[top:bottom, left:right] = np.clip(picture[top:bottom, left:right] + change, 0, 1)
    return out

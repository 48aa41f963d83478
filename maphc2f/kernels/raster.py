"""Distance from pixels to a polyline with values carried along it.

* :func:`rasterise_segments` fills distance, value and arclength of the nearest point within a band.
* :func:`rasterise_segments_numpy` is its NumPy twin.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]


@njit(cache=True)
def rasterise_segments(segments: F32, start: F32, band: float, distance: F32, value: F32, arclength: F32) -> None:
    """Write, for every pixel within ``band`` of a segment, the nearest point's distance, value and arclength.

    Args:
        segments: (n, 2, 3) ends (y, x, value) in pixels of the window; pixel centres are integers.
        start: (n,) arclength at the first end of each segment.
        band: Largest distance of interest, px.
        distance: (H, W), in and out; filled beforehand with a value >= ``band``. Ties keep the earlier segment.
        value: (H, W), out.
        arclength: (H, W), out.
    """
    height, width = distance.shape
    for s in range(segments.shape[0]):
        y0, x0, v0 = segments[s, 0, 0], segments[s, 0, 1], segments[s, 0, 2]
        dy, dx, dv = segments[s, 1, 0] - y0, segments[s, 1, 1] - x0, segments[s, 1, 2] - v0
        length2 = dy * dy + dx * dx
        length = math.sqrt(length2)
        top = max(0, math.floor(min(y0, y0 + dy) - band))
        bottom = min(height - 1, math.ceil(max(y0, y0 + dy) + band))
        left = max(0, math.floor(min(x0, x0 + dx) - band))
        right = min(width - 1, math.ceil(max(x0, x0 + dx) + band))
        for i in range(top, bottom + 1):
            for j in range(left, right + 1):
                t = 0.0
                if length2 > 0.0:
                    t = min(1.0, max(0.0, ((i - y0) * dy + (j - x0) * dx) / length2))
                ey, ex = i - (y0 + t * dy), j - (x0 + t * dx)
                d = np.float32(math.sqrt(ey * ey + ex * ex))
                if d < distance[i, j] and d <= band:
                    distance[i, j] = d
                    value[i, j] = v0 + t * dv
                    arclength[i, j] = start[s] + t * length


def rasterise_segments_numpy(segments: F32, start: F32, band: float, distance: F32, value: F32, arclength: F32) -> None:
    """Twin of :func:`rasterise_segments`, one whole window per segment."""
    rows, columns = np.mgrid[: distance.shape[0], : distance.shape[1]].astype(np.float64)
    for (y0, x0, v0), (y1, x1, v1), s0 in zip(segments[:, 0], segments[:, 1], start, strict=True):
        dy, dx = float(y1) - float(y0), float(x1) - float(x0)
        length2 = dy * dy + dx * dx
        t = np.zeros_like(rows)
        if length2 > 0:
            t = np.clip(((rows - y0) * dy + (columns - x0) * dx) / length2, 0, 1)
        d = np.hypot(rows - (y0 + t * dy), columns - (x0 + t * dx)).astype(np.float32)
        nearer = (d < distance) & (d <= band)
        distance[nearer] = d[nearer]
        value[nearer] = (v0 + t * (v1 - v0))[nearer]
        arclength[nearer] = (s0 + t * math.sqrt(length2))[nearer]

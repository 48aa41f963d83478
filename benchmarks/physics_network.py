"""Networks through the production crack family: do they prefer the axes of the grid?

* :func:`axis_to_diagonal` measures it on centrelines, :func:`network` grows one with the production recipe.
* :func:`isotropy_rows` is the row of the table.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmarks.physics_table import Row
from maphc2f.defects import crack
from maphc2f.errors import SimulationRejected
from maphc2f.kernels.phase_field import advance
from maphc2f.rng import stream
from maphc2f.sample import SimulationRequest
from maphc2f.solvers.ridge import Centreline, centreline
from maphc2f.spec import MaterialSpec

Float64 = NDArray[np.float64]

REACH = 3
"""Points on each side over which a direction is taken: finer, it would be the direction of the pixels."""

FIELD = 0.0256

GLAZE = MaterialSpec(
    name="glaze",
    title="Glaze",
    source="isotropic film of the benchmark",
    youngs_modulus=65e9,
    poisson_ratio=0.22,
    density=2400,
    fracture_energy=7,
    toughness_cv=0.2,
    toughness_correlation=4e-4,
    tensile_strength=5e7,
    coating_thickness=3e-4,
)


def directions(line: Centreline) -> tuple[Float64, Float64]:
    """Return the directions (rad) along a centreline and the lengths they stand for, cells."""
    chains = [line.points[a:b] for a, b in pairwise(line.starts) if b - a > 2 * REACH]
    ways = np.concatenate([np.zeros((0, 2)), *(p[2 * REACH :] - p[: -2 * REACH] for p in chains)])
    return np.arctan2(ways[:, 0], ways[:, 1]), np.hypot(*ways.T) / (2 * REACH)


def axis_to_diagonal(lines: list[Centreline]) -> float:
    """Return crack length within 22.5° of the axes over that within 22.5° of the diagonals."""
    angles, lengths = (np.concatenate(parts) for parts in zip(*map(directions, lines), strict=True))
    near_axis = np.cos(4 * angles) > 0
    return float(lengths[near_axis].sum() / lengths[~near_axis].sum())


def network(seed: int) -> Centreline:
    """Grow a network under equal strain along both axes and return its centreline; redraws what does not grow."""
    request = SimulationRequest("craquelure", GLAZE, 0.36 * FIELD, (1.0,), FIELD, 1e-4, {"biaxiality": (1.0, 1.0)})
    for attempt in range(8):
        try:
            snapshot = crack.FAMILY.simulate(request, stream(seed, "network", attempt)).snapshots[0]
        except SimulationRejected:
            continue
        return centreline(snapshot.extent, spur=5, passes=3)
    msg = "no network grew"
    raise RuntimeError(msg)


def isotropy_rows(full: bool) -> list[Row]:
    """C9: in an isotropic film under equal strains no direction is preferred, so the ratio is 1.

    Its standard error is 0.07 for 24 networks.
    """
    seeds = 96 if full else 40
    ratio = axis_to_diagonal([network(seed) for seed in range(seeds)])
    return [Row(f"network, {seeds} seeds: length near axes over diagonals", advance, 1.0, ratio, 0.1)]

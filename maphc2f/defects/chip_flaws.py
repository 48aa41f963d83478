"""The flaw under a part's outline from which a chip starts.

* :class:`Flaw` says where it lies and how it is pushed; :meth:`Flaw.cover` draws its course.
* :func:`flaw_cells` are the cells that it breaks from the start.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maphc2f.defects.roughness import self_affine
from maphc2f.errors import UserError

Float64 = NDArray[np.float64]

COMPACT_SHAPE = (40, 80)
FLAT_ROWS = 32
"""Rows and columns of the plan for a short flaw, and rows for a long one."""

MOST_COLUMNS = 128
FLANK_ROOM = 2.5
"""Columns beyond the two ends of the flaw, over its distance from the outline."""

PLAN_DISTANCE = 9.0
"""Distance of the flaw's middle from the outline, cells; of the longest flaws less, as far as they need the room."""

LONGEST_FLAW = 15.0
"""Largest length of a flaw over its distance: a longer one lies nearer to the outline than its profile is wide."""

LEAST_COVER = 5.7
"""Least distance of the flaw from the outline, cells: its profile alone would reach NEAR_SURFACE else."""

MOST_COVER = 1.6
"""Largest distance of the flaw from the outline over that of its middle."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """The flaw under the outline and the push that opens it.

    Attributes:
        length: Over its distance from the outline, at most LONGEST_FLAW.
        angle: Tilt against the outline, rad.
        push_offset: Where along it the push acts, over half its length.
        confinement: Swelling along the outline over that of the pad: the contact also presses the rim along itself,
            and a crack that runs along a compression keeps to it (Cotterell, Rice, Int. J. Fracture 16 (1980) 155,
            doi 10.1007/BF00012619).
        bow: How much nearer to the outline its ends lie than its middle, over the distance of the middle.
        waviness: Standard deviation of its self-affine waves over its distance.
        emergence: Angle to the outline, rad in (0, pi / 2], at which the crack goes on to it from where the run ends,
            TIP_ZONE below: in its last 2 ell the crack's path is not resolved. Bent pieces mostly end in a
            feather edge (Cotterell, Kamminga, American Antiquity 52 (1987) 675, doi 10.2307/281378).
    """

    length: float
    angle: float
    push_offset: float
    confinement: float
    bow: float = 0.0
    waviness: float = 0.0
    emergence: float = 0.5 * math.pi

    def __post_init__(self) -> None:
        """Refuse a flaw that its sheet cannot hold.

        Raises:
            UserError: It is too long.
        """
        if not 0 < self.length <= LONGEST_FLAW:
            raise UserError(
                f"flaw_length {self.length:g} cannot be simulated",
                where="crack.chip",
                rule=f"above 0 and at most {LONGEST_FLAW:g} distances from the outline",
                remedy="lower the upper end of flaw_length",
            )

    @property
    def distance(self) -> float:
        """Distance of its middle from the outline, cells."""
        return min(PLAN_DISTANCE, MOST_COLUMNS / (self.length + FLANK_ROOM))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of its sheet."""
        columns = 8 * math.ceil(self.distance * (self.length + FLANK_ROOM) / 8)
        rows, least = COMPACT_SHAPE
        return (rows, least) if columns <= least else (FLAT_ROWS, min(columns, MOST_COLUMNS))

    def cover(self, rng: np.random.Generator) -> Float64:
        """Return its distance from the outline over every column of its sheet, cells.

        y(u) = d (1 - b u² + w f) + u h tan(a) for u = -1 .. 1 from end to end, with the half length h, the bow b and
        the waves w f, f self-affine: a flaw is a fracture face itself. Beyond its ends it goes on straight.
        """
        columns, half = self.shape[1], 0.5 * self.length * self.distance
        u = np.clip((np.arange(columns) + 0.5 - 0.5 * columns) / half, -1.0, 1.0)
        waves = self_affine((1, columns), rng)[0]
        depth = self.distance * (1.0 - self.bow * u**2 + self.waviness * waves) + u * half * math.tan(self.angle)
        return np.clip(depth, LEAST_COVER, MOST_COVER * self.distance)


def flaw_cells(cover: Float64, ends: tuple[float, float], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the cells of a flaw that lies ``cover`` below the outline, from column to column."""
    x = np.linspace(*ends, math.ceil(8 * (ends[1] - ends[0])) + 1)
    y = np.interp(x, np.arange(shape[1]) + 0.5, cover)
    notch = np.zeros(shape, bool)
    notch[np.floor(y).astype(int), np.floor(x).astype(int)] = True
    return notch

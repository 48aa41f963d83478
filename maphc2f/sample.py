"""The values that travel between the stages: simulation request, snapshots, placed fields, finished sample.

Coordinates are ``[y, x]``. A snapshot lives in its own frame, in metres, with the origin at its *anchor*: the middle of
the defect for interior placement, the point on the part's outline for edge placement (the part lies at ``y > 0``).
Placement moves the anchor to a point of the picture, rotates, flips and converts to pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from maphc2f.spec import MaterialSpec

Float32 = NDArray[np.float32]
UInt8 = NDArray[np.uint8]
Placement = Literal["interior", "edge", "picture"]
Orientation = Literal["free", "texture", "gravity", "upright"]

LABELS: tuple[str, ...] = (
    "good",
    "crack",
    "corrosion",
    "deformation",
    "texture_overlay",
    "combined",
    "perlin_overlay",
    "cut_paste",
    "poisson_blend",
)
"""Label ids are positions in this append-only list."""

MAPS: tuple[str, ...] = ("coarse_mask", "soft_mask", "depth", "displacement_y", "displacement_x")
"""Optional picture columns of a shard, filled on request."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named configuration of a family.

    Attributes:
        name: Slug, unique in its family.
        title: One line for people.
        size_range: Smallest and largest final size relative to the field of view; ``size_max`` is the upper end.
        parameters: Default ranges, SI units; the key says the quantity, the docstring of the family its unit.
        placement: Whether the defect sits inside the part, starts at its outline, or lies over the whole picture and
            shows where the part is.
        weight: Default share among the family's scenarios that suit a material.
        needs: Names of MaterialSpec fields or properties that must be non-zero for the scenario to make sense.
        orientation: ``free``: any; ``texture``: the frame's x axis follows a directed texture, if there is one;
            ``gravity``: the frame's y axis points down the picture; ``upright``: its axes are the picture's exactly.
        min_pixels: Least size of the first stage in pixels of the prepared picture: below, its parts would be lost.
        min_visible_share: In place of the family's, or None.
    """

    name: str
    title: str
    size_range: tuple[float, float]
    parameters: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    placement: Placement = "interior"
    weight: float = 1.0
    needs: tuple[str, ...] = ()
    orientation: Orientation = "free"
    min_pixels: float = 6.0
    min_visible_share: float | None = None

    def suits(self, material: MaterialSpec) -> bool:
        """Whether the material has all that the scenario needs."""
        return all(bool(getattr(material, name)) for name in self.needs)


@dataclass(frozen=True, slots=True)
class SimulationRequest:
    """What a family is asked to simulate.

    Attributes:
        scenario: Name of a scenario of the family.
        material: The material, SI.
        size: Final size to reach, m (crack or network length, pit or stain diameter, dent diameter: the scenario says).
        stages: Growing fractions of ``size`` at which a snapshot is taken; the last is 1.
        field_of_view: Nominal shorter side of the picture, m.
        pixel_size: Nominal pixel size of the prepared picture, m: no field needs to be finer.
        parameters: Ranges that override the scenario's, SI.
    """

    scenario: str
    material: MaterialSpec
    size: float
    stages: tuple[float, ...]
    field_of_view: float
    pixel_size: float
    parameters: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One stage of a simulation, in metres, ``[y, x]``, relative to the anchor.

    A *line* defect (crack) is given by ``trace``; a *region* defect by ``extent`` with its mask where
    ``extent >= threshold``. Fields share one grid of spacing ``spacing`` whose cell [0, 0] is centred at ``origin``.

    Attributes:
        size: Size reached, m; severity is this over the scenario's ``size_max``.
        spacing: Grid spacing, m.
        origin: Position (y, x) of the centre of cell [0, 0], m.
        extent: The physics' own field in [0, 1], float32 (ny, nx). For a crack: the phase field.
        threshold: Level of ``extent`` at the mask's contour.
        trace: Crack centreline as segments, float32 (n, 2, 3): two ends of (y, x, opening), m; None for regions.
        depth: Height change, m, negative into the part, float32 (ny, nx), or None.
        displacement: In-plane displacement (2, ny, nx) as (y, x), m, exactly 0 at the border of the grid, or None.
        product: Thickness of corrosion product on the surface, m, or None.
        removed: Share of each cell where the part is gone through its whole thickness, so that what lies behind it is
            seen, float32 in [0, 1], (ny, nx), or None. A part of the defect's extent that goes on beyond
            the outline.
        measures: Named sizes, m: any of ``depth``, ``length``, ``width``, ``opening_max``. Where the trace is
            wider than ``opening_max``, the largest opening of a crack, it crosses a hole.
    """

    size: float
    spacing: float
    origin: tuple[float, float]
    extent: Float32
    threshold: float
    trace: Float32 | None = None
    depth: Float32 | None = None
    displacement: Float32 | None = None
    product: Float32 | None = None
    removed: Float32 | None = None
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Simulation:
    """A finished simulation: snapshots of growing size and what is needed to explain them.

    Attributes:
        parameters: Every physical number drawn or derived, SI units, JSON-serialisable floats or strings.
        iterations: Solver steps in all.
        residual: The solver's own final residual, relative, >= 0; comparable within a family.
    """

    family: str
    scenario: str
    placement: Placement
    snapshots: tuple[Snapshot, ...]
    parameters: Mapping[str, Any]
    iterations: int
    residual: float


class DefectFamily(Protocol):
    """A plug-in that turns a request into a simulation. Registered in ``maphc2f.defects``."""

    @property
    def name(self) -> str:
        """Slug; also the label."""
        ...

    @property
    def scenarios(self) -> Mapping[str, Scenario]:
        """Scenarios by name."""
        ...

    @property
    def min_visible_share(self) -> float:
        """Least share of the mask (or centreline) that must visibly change."""
        ...

    @property
    def min_change_inside(self) -> float:
        """Least share of the change that must lie inside the dilated mask."""
        ...

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> Simulation:
        """Run the physics.

        Raises:
            SimulationRejected: It did not grow, or is empty; the caller redraws.
        """
        ...


@dataclass(frozen=True, slots=True)
class PlacedFields:
    """A snapshot resampled onto a window of a picture; float32 (H, W) unless said, pixels unless said.

    Attributes:
        is_line: True for cracks: ``distance`` is to the centreline; False: signed distance to the mask's contour,
            negative inside.
        distance: See above, px; capped at ``DISTANCE_CAP`` far away.
        opening: Elastic opening at the nearest centreline point, m; 0 for regions.
        arclength: Running position along the trace at the nearest centreline point, px (for variation along a crack).
        extent: In [0, 1].
        depth: m, negative into the part.
        displacement: (2, H, W) as (y, x), px.
        product: m.
        support: bool (H, W): nothing may change outside it.
        removed: Share where the part is gone through its whole thickness, in [0, 1], or None.
        axis: Unit vector (y, x) in the picture along the x axis of the snapshot's frame.
    """

    is_line: bool
    distance: Float32
    opening: Float32
    arclength: Float32
    extent: Float32
    depth: Float32
    displacement: Float32
    product: Float32
    support: NDArray[np.bool_]
    removed: Float32 | None = None
    axis: tuple[float, float] = (0.0, 1.0)


def least_visible_share(family: DefectFamily, scenario: str) -> float:
    """Return the least share of the mask (or centreline) that must visibly change."""
    own = family.scenarios[scenario].min_visible_share
    return family.min_visible_share if own is None else own


DISTANCE_CAP = 32.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One finished sample with everything that is known about it.

    Attributes:
        image: (H, W) or (H, W, 3), uint8 or uint16.
        mask: (H, W) uint8, 0 or 255, equal to ``soft_mask >= 128``.
        soft_mask: (H, W) uint8.
        maps: Optional further maps by name: ``coarse_mask`` (uint8), ``depth``, ``displacement_y``,
            ``displacement_x`` (float32, m).
        row: The columns of the shard's row that are not pictures (see ``maphc2f.shards.schema``).
    """

    image: NDArray[Any]
    mask: UInt8
    soft_mask: UInt8
    maps: Mapping[str, NDArray[Any]]
    row: Mapping[str, Any]

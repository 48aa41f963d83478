"""Which way a defect lies on a picture: any way, along a fixed axis, or as its material lies to the texture.

* :class:`Bearing` holds the wish; :func:`bearing_of` takes it from scenario, material and mix.
* :func:`defect_axis` is the direction of a defect in its own frame.
* :class:`Local` is the texture at places of a picture; :func:`local_texture` reads it.
* :func:`row_of` describes how a placed defect lies, for its row.

Directions are rad from the x towards the y axis (clockwise as seen). δ is the angle between the defect's direction and
that of the texture; both are undirected, so 2δ is what is drawn. Its distribution is the wrapped normal one,

    2δ = σ z,  z ~ Normal(0, 1),  σ² = -2 ln ρ,    mean of cos 2δ = ρ,

for a defect that follows the texture, turned by a right angle for one that crosses it (Mardia and Jupp, Directional
Statistics, section 3.5.7). ρ is what an alignment says, times how surely the picture has a direction at that place,

    ρ = 0.97 |alignment| c⁴ / (c⁴ + 0.25⁴)        (c: coherence).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maphc2f.render.place import Pose
from maphc2f.render.window import PictureStatistics
from maphc2f.sample import Orientation, Scenario, Snapshot
from maphc2f.spec import MaterialSpec

AXIS_COHERENCE = 0.15
"""Above this a picture counts as having a direction that strictly oriented defects follow."""

AXIS_SPREAD = float(np.deg2rad(8.0))
"""How far a strictly oriented defect may deviate from its axis, rad; an upright one not at all."""

SURE_COHERENCE = 0.25
"""Coherence at which an alignment counts half. Light from the side alone makes a bumpy surface without any direction
look drawn out across the light: 0.2 to 0.35 on leather, nuts and sugar shells; ground and rolled surfaces have 0.4 and
more."""

LARGEST_MEAN = 0.97
"""Largest mean: δ has a standard deviation of 7 degrees at least, for nothing in nature lies exactly along."""

WIDEST = 3.5
"""Largest deviation of 2δ, rad: by then it is as good as uniform."""

WRAPS = 2
"""Turns to either side whose parts of the normal density are summed: beyond lies less than 1e-5 of it."""

MAX_TILT = float(np.deg2rad(25.0))
"""Most that a crack from an outline slants to its normal, rad: beyond, stress at the free edge turns it back."""

LEAST_DIRECTED = 0.2
"""A crack whose length runs less in one direction, |mean of exp(2iφ)|, has none: stars, networks."""

Float64 = NDArray[np.float64]

MATERIAL_FIELDS: Mapping[str, tuple[str, Orientation]] = {
    "crack": ("crack_alignment", "free"),
    "corrosion": ("pit_alignment", "texture"),
    "deformation": ("scratch_alignment", "texture"),
}
"""By family: the material's field, and the orientation of the scenarios that it holds for. Cracks that physics itself
makes run along the fibres keep to them; dents and stains have no direction."""


@dataclass(frozen=True, slots=True)
class Local:
    """The texture at places of a picture: direction, rad, and coherence, both (n,)."""

    direction: Float64
    coherence: Float64


@dataclass(frozen=True, slots=True)
class Bearing:
    """Which way a defect is to lie.

    Attributes:
        axis: Fixed direction of the frame's x axis, rad; None: not fixed.
        texture: Whether the frame's x axis strictly follows the texture, where there is one.
        alignment: How the defect lies to the texture, -1 (across) .. 1 (along), or None.
        lean: Direction of the defect in its own frame, rad.
        spread: How far it may deviate from a fixed axis or from a texture that it strictly follows, rad.
        reversible: Whether the frame may also lie the other way round.
        tilts: Whether on an outline it may lie at a slant to the normal: cracks do, pieces broken out do not.
    """

    axis: float | None = None
    texture: bool = False
    alignment: float | None = None
    lean: float = 0.0
    spread: float = AXIS_SPREAD
    reversible: bool = True
    tilts: bool = False

    @property
    def local(self) -> bool:
        """Whether the texture has a say."""
        return self.texture or self.weighs

    @property
    def weighs(self) -> bool:
        """Whether an alignment decides."""
        return bool(self.alignment)

    def angle(self, texture: Local | None, flip: bool, reverse: bool, turn: float) -> float:
        """Return the rotation of the frame.

        Args:
            texture: At the anchor, of one place; None: not known.
            flip: Whether the frame is mirrored first.
            reverse: Whether it lies the other way round, if it may.
            turn: Uniform in [0, 1); of an alignment, standard normal.
        """
        half = math.pi if reverse and self.reversible else 0.0
        if self.axis is not None:
            return self.axis + self.spread * (2 * turn - 1) + half
        if texture is None:
            return 2 * math.pi * turn
        direction, coherence = float(texture.direction[0]), float(texture.coherence[0])
        if self.alignment is not None:
            deviation = 0.5 * float(self._sigma(coherence)) * turn
            return direction + self._across + deviation - self._lean(flip=flip) + half
        if coherence > AXIS_COHERENCE:
            return direction + self.spread * (2 * turn - 1) + half
        return 2 * math.pi * turn

    def weights(self, texture: Local, angles: Float64, *, flip: bool) -> Float64:
        """Return how likely each of several poses is, over the same without a direction.

        Args:
            texture: Where the defect would lie, (n,).
            angles: Rotations of the frame, rad (n,).
            flip: Whether it is mirrored first.
        """
        sigma = self._sigma(texture.coherence)
        doubled = 2 * (angles + self._lean(flip=flip) - texture.direction - self._across)
        near = (doubled + math.pi) % (2 * math.pi) - math.pi
        turns = 2 * math.pi * np.arange(-WRAPS, WRAPS + 1)
        density = np.exp(-0.5 * ((near[:, None] + turns) / sigma[:, None]) ** 2).sum(1)
        return np.asarray(math.sqrt(2 * math.pi) / sigma * density)

    def tilt(self, texture: Local, angle: float, flip: bool, turn: float) -> float:
        """Return by how much a pose on an outline is turned to lie to the texture as drawn; 0 if that is too far.

        Args:
            texture: Where the defect lies, of one place.
            angle: Rotation of the frame, rad.
            flip: Whether it is mirrored first.
            turn: Standard normal.
        """
        wanted = self.angle(texture, flip, False, turn) - angle
        found = (wanted + 0.5 * math.pi) % math.pi - 0.5 * math.pi
        return found if abs(found) <= MAX_TILT else 0.0

    def _sigma(self, coherence: float | Float64) -> Float64:
        """Return the standard deviation of 2δ, rad."""
        fourth = np.asarray(coherence, np.float64) ** 4
        mean = LARGEST_MEAN * abs(self.alignment or 0.0) * fourth / (fourth + SURE_COHERENCE**4)
        return np.asarray(np.minimum(np.sqrt(-2 * np.log(np.maximum(mean, 1e-30))), WIDEST))

    @property
    def _across(self) -> float:
        return 0.5 * math.pi if self.alignment is not None and self.alignment < 0 else 0.0

    def _lean(self, *, flip: bool) -> float:
        return -self.lean if flip else self.lean


FREE = Bearing()


def defect_axis(snapshot: Snapshot) -> tuple[float, float]:
    """Return the direction of a defect in its frame, rad in [0, π), and how much of it runs that way, 0 .. 1.

    A crack's is that of its pieces, weighed by length, |Σ L exp(2iφ)| / Σ L: right for a single crack, an array of
    parallel ones, and a star, which has none. Families draw regions out along their frame's x axis.
    """
    if snapshot.trace is None:
        return 0.0, 1.0
    pieces = (snapshot.trace[:, 1, :2] - snapshot.trace[:, 0, :2]).astype(np.float64)
    lengths = np.hypot(pieces[:, 0], pieces[:, 1])
    doubled = np.exp(2j * np.arctan2(pieces[:, 0], pieces[:, 1]))
    total = complex((lengths * doubled).sum()) / max(float(lengths.sum()), 1e-30)
    return 0.5 * math.atan2(total.imag, total.real) % math.pi, abs(total)


def bearing_of(
    family: str, scenario: Scenario, material: MaterialSpec, snapshot: Snapshot, own: float | None
) -> Bearing:
    """Return which way a defect lies.

    Args:
        family: Its family.
        scenario: Its scenario: those bound to gravity or to the picture's axes know no texture.
        material: What it lies in.
        snapshot: The defect.
        own: Alignment that the mix asks for, in place of the material's.
    """
    if scenario.orientation in ("gravity", "upright"):
        return Bearing(axis=0.0, spread=0.0 if scenario.orientation == "upright" else AXIS_SPREAD, reversible=False)
    alignment = own if own is not None else _of_material(family, scenario, material, snapshot)
    lean, directed = defect_axis(snapshot)
    if alignment is not None:
        wish = alignment if directed >= LEAST_DIRECTED else 0.0
        return Bearing(alignment=wish, lean=lean, tilts=snapshot.trace is not None)
    return Bearing(texture=scenario.orientation == "texture")


def _of_material(family: str, scenario: Scenario, material: MaterialSpec, snapshot: Snapshot) -> float | None:
    name, orientation = MATERIAL_FIELDS.get(family, ("", "upright"))
    if scenario.orientation != orientation or (family == "crack" and snapshot.trace is None):
        return None
    found: float | None = getattr(material, name)
    return found


def local_texture(statistics: PictureStatistics, points: tuple[float, float] | NDArray[np.floating]) -> Local:
    """Return the texture of a picture at points (n, 2) or one point, (y, x) in px."""
    where = np.asarray(points, np.float64).reshape(-1, 2)
    if statistics.orientation is None:
        return Local(np.full(len(where), statistics.direction), np.full(len(where), statistics.coherence))
    return Local(*statistics.orientation.at(where))


def row_of(snapshot: Snapshot, pose: Pose, statistics: PictureStatistics) -> dict[str, float]:
    """Return how a placed defect lies, under the names stored in a row.

    Args:
        snapshot: The defect.
        pose: Where it lies.
        statistics: Of its picture.

    Returns:
        ``texture_coherence`` at its anchor; where that is not 0 also ``texture_direction``, rad in [0, π), and, unless
        it is a crack without a direction, ``texture_angle``, the angle between the two, rad in [0, π/2].
    """
    texture = local_texture(statistics, pose.anchor)
    direction, coherence = float(texture.direction[0]), float(texture.coherence[0])
    found = {"texture_coherence": coherence}
    if coherence == 0:
        return found
    lean, directed = defect_axis(snapshot)
    found["texture_direction"] = direction
    if directed >= LEAST_DIRECTED:
        turned = pose.angle + (-lean if pose.flip else lean) - direction
        found["texture_angle"] = abs((turned + 0.5 * math.pi) % math.pi - 0.5 * math.pi)
    return found

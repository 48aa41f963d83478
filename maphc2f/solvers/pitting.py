"""Growth of pits by dissolution and ion transport, in one, two or three dimensions.

* :class:`Electrolyte` and :class:`PitGrid` state the problem in SI units.
* :class:`Pits` is the evolving state; :func:`intact` makes one and :func:`break_film` starts pits in it.
* :func:`repassivate` lets the film grow again where the solution is too dilute.
* :func:`advance` makes one implicit time step and adapts the next.
* :func:`seen_depth` and :func:`mouth` are what one sees from above; :func:`collect` gives the ions that came out.

The equations are those of :mod:`maphc2f.kernels.pitting`: ∂c/∂t = D ∇²c in the pit, c = 0 above the boundary layer at
the mouth, (Csolid − c) v_n = −D ∂c/∂n and c ≤ Csat on the front, v_n at most the activation-controlled velocity (set-up
of Mai, Soghrati & Buchheit 2016, Corros. Sci. 110:157, solved here as an obstacle problem instead of a phase field).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.kernels import pitting as kernel
from maphc2f.sample import Float32


@dataclass(frozen=True, slots=True)
class Electrolyte:
    """Constants of dissolution.

    Attributes:
        solid_concentration: Csolid, mol/m³.
        saturation_concentration: Csat, mol/m³, below Csolid.
        diffusivity: D of the ions, m²/s.
        reaction_rate: Velocity of the front while the solution at it is not saturated, m/s.
        boundary_layer: Thickness of still solution above the surface, m; beyond it c = 0.
    """

    solid_concentration: float
    saturation_concentration: float
    diffusivity: float
    reaction_rate: float
    boundary_layer: float = 0.0

    def __post_init__(self) -> None:
        """Refuse constants without meaning."""
        positive = (self.saturation_concentration, self.diffusivity, self.reaction_rate)
        if min(positive) <= 0 or self.boundary_layer < 0:
            msg = f"saturation, diffusivity and reaction rate must be > 0, boundary_layer >= 0, got {self}"
            raise ValueError(msg)
        if self.solid_concentration <= self.saturation_concentration:
            msg = f"solid_concentration {self.solid_concentration} must exceed the saturation_concentration"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class PitGrid:
    """A box of metal below the surface.

    Attributes:
        shape: Cells (nz, ny, nx); 1 in a direction makes the problem one- or two-dimensional.
        spacing: Lateral cell size h, m.
        layer: Vertical cell size, m.
    """

    shape: tuple[int, int, int]
    spacing: float
    layer: float

    @property
    def padded(self) -> tuple[int, int, int]:
        """Shape of the arrays with their sealed rim."""
        nz, ny, nx = self.shape
        return nz + 2, ny + 2, nx + 2


@dataclass(frozen=True, slots=True)
class StepControl:
    """Accuracy of the time steps.

    Attributes:
        target: Share of a cell that the front should cross in a step, on average over the moving cells.
        tolerance: Largest change of a concentration in the last sweep, in units of saturation.
        max_sweeps: Limit of sweeps a step.
        omega: Over-relaxation factor.
    """

    target: float = 0.35
    tolerance: float = 3e-3
    max_sweeps: int = 30
    omega: float = 1.5


@dataclass(slots=True)
class Pits:
    """The evolving state; arrays are flat with a rim (see the kernel), lengths in h, times in h²/D.

    Attributes:
        velocity: Activation-controlled velocity of each cell at present, D/h; 0 passive, -1 on the rim.
        bare_velocity: The same without the film that repassivation grew.
        protection: Concentration over saturation below which a wall repassivates.
        asleep: Repassivated cells.
        time: Time so far, h²/D.
        step: Next time step, h²/D.
        dissolved: Cell volumes of metal dissolved so far.
        escaped: Ions that left through the mouth so far, cell volumes times Csat.
        escape: Ions, h³ Csat, for each surface cell since it was last emptied, flat (ny + 2)(nx + 2).
        openness: Present openness of the film, flat (ny + 2)(nx + 2).
        cover: What it is once a lid is wide, 1 where the film is broken.
        span: Of the film, h.
        sweeps: Relaxation sweeps so far.
        undercut: Dissolved share of the surface layer before the last step, (ny + 2, nx + 2).
        last_step: Length of the last step, h²/D.
        residual: Largest change of a concentration in the last sweep of the last step.
    """

    grid: PitGrid
    medium: Electrolyte
    liquid: Float32
    conc: Float32
    store: Float32
    state: NDArray[np.uint8]
    link: Float32
    velocity: Float32
    lead: Float32
    openness: Float32
    cover: Float32
    span: float
    cells: NDArray[np.int32]
    work: Float32
    escape: Float32
    bare_velocity: Float32
    protection: Float32
    asleep: NDArray[np.bool_]
    undercut: Float32
    count: int = 0
    time: float = 0.0
    step: float = 1.0
    last_step: float = 1.0
    dissolved: float = 0.0
    escaped: float = 0.0
    sweeps: int = 0
    steps: int = 0
    residual: float = 0.0
    surface: tuple[int, int] = field(default=(0, 0))

    @property
    def ratio(self) -> float:
        """S = Csolid / Csat."""
        return self.medium.solid_concentration / self.medium.saturation_concentration

    @property
    def seconds(self) -> float:
        """Exposure time so far, s."""
        return self.time * self.grid.spacing**2 / self.medium.diffusivity


def intact(grid: PitGrid, medium: Electrolyte, activity: Float32, cover: Float32, span: float = 0.0) -> Pits:
    """Return metal below an intact passive film.

    Args:
        grid: The box.
        medium: The constants.
        activity: Local factor on the reaction rate, (nz, ny, nx); 0 where the metal never dissolves.
        cover: Openness of the film far inside a lid over undercut metal, (ny, nx), in [0, 1): 0 tight, near 1 none.
        span: How far from its rim a lid is held, m: openness grows from 0 at the rim to the full value about one
            ``span`` inside it, so that small lids are tight; 0: open from the rim on.
    """
    padded = grid.padded
    velocity = np.full(padded, -1.0, dtype=np.float32)
    velocity[1:-1, 1:-1, 1:-1] = activity * (medium.reaction_rate * grid.spacing / medium.diffusivity)
    lids = np.zeros(padded[1:], dtype=np.float32)
    lids[1:-1, 1:-1] = np.minimum(cover, 0.999)
    size = int(np.prod(padded))
    zeros = [np.zeros(size, dtype=np.float32) for _ in range(5)]
    return Pits(
        grid=grid,
        medium=medium,
        liquid=zeros[0],
        conc=zeros[1],
        state=np.zeros(size, dtype=np.uint8),
        link=zeros[2],
        store=zeros[3],
        lead=zeros[4],
        velocity=velocity.ravel(),
        openness=lids.ravel().copy(),
        cover=lids.ravel(),
        span=span / grid.spacing,
        cells=np.empty(size, dtype=np.int32),
        work=np.empty(3 * size, dtype=np.float32),
        escape=np.zeros(lids.size, dtype=np.float32),
        bare_velocity=velocity.ravel().copy(),
        protection=np.zeros(size, dtype=np.float32),
        asleep=np.zeros(size, dtype=np.bool_),
        undercut=np.zeros(padded[1:], dtype=np.float32),
        surface=(padded[1], padded[2]),
    )


def break_film(pits: Pits, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> None:
    """Lay the metal bare at the surface cells (rows, columns), counted without the rim."""
    flat = (rows + 1) * pits.surface[1] + columns + 1
    pits.openness[flat] = pits.cover[flat] = 1.0
    below = flat + pits.openness.size
    for p in below.tolist():
        pits.count = kernel.expose(pits.state, pits.link, pits.conc, pits.cells, pits.count, p, 0.0)


def _open_lids(pits: Pits) -> None:
    """Open the film above undercut metal as far as it will be at the end of the next step.

    Blurred over the span, the dissolved share of the surface is ½ at a straight rim of a lid, less at the rim of a
    small one, and 1 well inside it.
    """
    share = pits.liquid.reshape(pits.grid.padded)[1]
    # A lid of this step's start would trail the front, by a tenth of the metal lost.
    ahead = np.minimum(share + (share - pits.undercut) * np.float32(pits.step / pits.last_step), 1.0)
    pits.undercut[:] = share
    inside = 2.0 * cv2.GaussianBlur(ahead, (0, 0), pits.span).ravel() - 1.0
    pits.openness[:] = np.where(pits.cover < 1.0, pits.cover * np.maximum(inside, 0.0), 1.0)


def advance(pits: Pits, control: StepControl) -> None:
    """Make one time step of length ``pits.step`` and choose the next so that the front crosses ``target`` cells."""
    sy, sz = pits.surface[1], pits.openness.size
    stretch = pits.grid.layer / pits.grid.spacing
    layer = pits.medium.boundary_layer / pits.grid.spacing
    count, dt = pits.count, pits.step
    if pits.span > 0.0:
        _open_lids(pits)
    sweeps, pits.residual = kernel.relax(
        pits.liquid,
        pits.conc,
        pits.store,
        pits.state,
        pits.link,
        pits.openness,
        pits.velocity,
        pits.lead,
        pits.cells,
        count,
        pits.work,
        sy,
        sz,
        stretch,
        layer,
        pits.ratio,
        dt,
        control.omega,
        control.tolerance,
        control.max_sweeps,
    )
    pits.count, gone, left, most, whole = kernel.dissolve(
        pits.liquid,
        pits.conc,
        pits.store,
        pits.state,
        pits.link,
        pits.openness,
        pits.velocity,
        pits.lead,
        pits.cells,
        count,
        pits.escape,
        sy,
        sz,
        stretch,
        layer,
        pits.ratio,
        dt,
    )
    pits.dissolved += gone
    pits.escaped += left
    pits.time += dt
    pits.last_step = dt
    pits.steps += 1
    pits.sweeps += sweeps
    # A cell that was used up tells a lower bound of the speed only: it counts if that is too fast already.
    most = max(most, whole if whole > control.target else 0.0)
    if most > 0.0:
        pits.step = dt * min(2.0, max(0.25, control.target / most))


def collect(pits: Pits) -> Float32:
    """Return and reset the ions that left through each surface cell, h³ Csat, (ny, nx)."""
    released = pits.escape.reshape(pits.surface)[1:-1, 1:-1].copy()
    pits.escape[:] = 0.0
    return released


def repassivate(pits: Pits) -> None:
    """Grow the film on bare walls below their protection concentration; dissolve it where c is 1.3 times as high.

    A pit stays alive only while the solution at its wall is concentrated (Galvele 1976, J. Electrochem. Soc. 123:464):
    walls near the mouth and the weakest pits fall asleep first.
    """
    front = pits.cells[: pits.count]
    front = front[pits.state[front] == kernel.INTERFACE]
    conc, limit = pits.conc[front], pits.protection[front]
    asleep = pits.asleep[front]
    asleep = np.where(conc < limit, True, asleep & (conc < 1.3 * limit))
    pits.asleep[front] = asleep
    pits.velocity[front] = np.where(asleep, 0.0, pits.bare_velocity[front])


def seen_depth(pits: Pits) -> Float32:
    """Return the depth seen from above, m, >= 0, (ny, nx): down to the first metal below each surface cell."""
    liquid = pits.liquid.reshape(pits.grid.padded)[1:-1, 1:-1, 1:-1]
    through = np.cumprod(liquid >= 1.0, axis=0)
    depth = (through * liquid).sum(axis=0)
    first = np.minimum(through.sum(axis=0), liquid.shape[0] - 1)
    depth += np.take_along_axis(liquid * (1 - through), first[None], axis=0)[0]
    return (depth * pits.grid.layer).astype(np.float32)


def mouth(pits: Pits) -> Float32:
    """Return the dissolved share of the surface layer, (ny, nx) in [0, 1]: ½ is the outline of the pits."""
    return pits.liquid.reshape(pits.grid.padded)[1, 1:-1, 1:-1].copy()

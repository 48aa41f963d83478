"""Growth of one attack: pits, product or both, until the largest extent has passed a size.

* :class:`Attack` is the state on an n x n grid and what can be seen of it.
* :func:`start` makes it at the moment the film breaks; :func:`grow` steps it and yields the extent reached.
* :func:`largest_extent` measures a region.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from maphc2f.defects import corrosion_surface as surface
from maphc2f.defects.corrosion_scenarios import Numbers
from maphc2f.defects.corrosion_surface import MARGIN
from maphc2f.errors import SimulationRejected
from maphc2f.sample import Float32, SimulationRequest
from maphc2f.solvers import pitting, rust

DOMAIN = 1.75
"""Side of the simulated square over the final size."""
THRESHOLD = 0.5
"""Level of the extent at the outline."""
SMOOTHING = 0.02
"""Gaussian sigma over the final size: takes the stairs out of walls and outlines."""


@dataclass(frozen=True, slots=True)
class Box:
    """What an attack is solved on, and its lengths that must not follow the grid; lengths are over the final size.

    Attributes:
        cells: Fewest and most cells across the final size.
        stretch: Height of a layer of cells over its width.
        layers: Number of layers; 0: as many as reach half the size deep.
        mouth: Side of the square laid bare at the start, at least two cells.
        span: How far from its rim a lid of film is held, see :func:`maphc2f.solvers.pitting.intact`.
    """

    cells: tuple[int, int]
    stretch: float = 1.5
    layers: int = 6
    mouth: float = 0.07
    span: float = 0.03


BOXES = {
    # Flat layers: lids open a pit from its rim inwards, and how fast the rim moves depends on the topmost layer.
    "pit": Box((18, 25), stretch=0.9, layers=0, mouth=0.12, span=0.08),
    "pit_cluster": Box((24, 34), stretch=1.3),
    "rust_patch": Box((26, 36)),
    "stain": Box((26, 40)),
    "rust_run": Box((26, 40)),
}
"""Grid of each scenario."""
COVER_LENGTH = 0.055
"""Correlation length of the film's openness and of the protection concentration, over the final size."""
STAIN_GAIN = 0.08
"""Share that the thickest product of a stain gains in a step."""
STAIN_SWEEPS = 3
"""Relaxation of the wet layer in a step of a stain."""
MAX_STEPS = 170
"""An attack that is not done by then is rejected."""
FIRST_SWEEPS = 60
"""Relaxation of the wet layer at the start; later sweeps only follow its slow change."""
CONTROL = pitting.StepControl(target=0.35, tolerance=5e-3, max_sweeps=8, omega=1.5)
"""Production accuracy; its bias against the converged solution is in docs/methods/corrosion.md."""


_ANGLES = np.arange(8) * (math.pi / 8)
_DIRECTIONS = np.stack([np.sin(_ANGLES), np.cos(_ANGLES)])


def largest_extent(inside: NDArray[np.bool_]) -> float:
    """Return the largest width of the region over eight directions, in cells; 0 if it is empty."""
    points = np.argwhere(inside)
    if len(points) == 0:
        return 0.0
    return float(np.ptp(points @ _DIRECTIONS, axis=0).max()) + 1.0


@dataclass(slots=True)
class Attack:
    """One growing simulation: pits, product or both, on an n x n grid of spacing h.

    Attributes:
        strength: Dose at which the film of each cell breaks; infinite where it holds or has broken.
        dose_unit: Factor on the film's exposure that makes it comparable with ``strength``.
        thickness: Product thickness for a settled amount of one unit, m.
        sources: 1 where a stain feeds on the metal below it.
        velocity: Dissolution velocity there, m/s.
        grown: Largest extent when last measured, cells.
    """

    n: int
    spacing: float
    numbers: Numbers
    pits: pitting.Pits | None
    rust: rust.Rust | None
    strength: Float32
    dose_unit: float
    thickness: float
    sources: Float32
    velocity: float
    steps: int = 0
    seconds: float = 0.0
    grown: float = 0.0

    def extent(self) -> Float32:
        """Return the field whose level ½ is the outline: dissolved share of the surface, or product at ``visible``."""
        field = np.zeros((self.n, self.n), dtype=np.float32)
        if self.pits is not None:
            field = gaussian_filter(pitting.mouth(self.pits), SMOOTHING * self.n / DOMAIN)
        product = self.product()
        if product is not None:
            smooth = gaussian_filter(product, 0.8)
            field = np.maximum(field, smooth / (smooth + np.float32(self.numbers["visible"]))) * (_fade(self.n) > 0)
        return field

    def reached(self) -> float:
        """Return the largest extent of the attacked or stained region, m."""
        inside = np.zeros((self.n, self.n), dtype=np.bool_)
        if self.pits is not None:
            inside |= pitting.mouth(self.pits) >= THRESHOLD
        product = self.product()
        if product is not None:
            inside |= product >= self.numbers["visible"]
        edge = MARGIN + 1
        if inside[:edge].any() or inside[-edge:].any() or inside[:, :edge].any() or inside[:, -edge:].any():
            msg = "the attack left the simulated square"
            raise SimulationRejected(msg)
        self.grown = largest_extent(inside)
        return self.grown * self.spacing

    def product(self) -> Float32 | None:
        """Return the thickness of the product, m, faded to exactly 0 on the border; None if none is looked for."""
        if self.rust is None or "visible" not in self.numbers:
            return None
        thick: Float32 = self.rust.product * np.float32(self.thickness) * _fade(self.n)
        return thick

    def depth(self) -> Float32 | None:
        """Return the height change, m, <= 0."""
        if self.pits is None:
            return None
        depth: Float32 = -gaussian_filter(pitting.seen_depth(self.pits), SMOOTHING * self.n / DOMAIN)
        return depth


def _fade(n: int) -> Float32:
    ramp = np.clip((np.arange(n) - 1) / (0.1 * n), 0, 1)
    ramp = np.minimum(ramp, ramp[::-1])
    smooth = ramp * ramp * (3 - 2 * ramp)
    fade: Float32 = np.outer(smooth, smooth).astype(np.float32)
    return fade


def _grid_cells(request: SimulationRequest) -> int:
    """Return n: two cells a pixel of the picture, within limits that the look and the budget set."""
    least, most = BOXES[request.scenario].cells
    return round(DOMAIN * float(np.clip(2 * request.size / request.pixel_size, least, most)))


def _half_depth(n: int, stretch: float) -> int:
    """Return the layers of a box half as deep as the final size."""
    return max(5, math.ceil(0.5 * n / DOMAIN / stretch))


def _pits(request: SimulationRequest, numbers: Numbers, n: int, rng: np.random.Generator) -> pitting.Pits:
    spacing, size = DOMAIN * request.size / n, n / DOMAIN
    box, material = BOXES[request.scenario], request.material
    medium = pitting.Electrolyte(
        material.solid_concentration,
        material.saturation_concentration,
        material.ion_diffusivity,
        material.reaction_rate * numbers["potential"],
        numbers["boundary_layer"] * request.size,
    )
    grid = pitting.PitGrid((box.layers or _half_depth(n, box.stretch), n, n), spacing, spacing * box.stretch)
    length = (COVER_LENGTH * size, COVER_LENGTH * size)
    cover = np.clip(numbers["film"] * np.exp(0.3 * surface.noise(rng, (n, n), length)), 0, 0.95)
    side = max(2, round(box.mouth * size))
    rows, columns = surface.start_cells(n, numbers, size, rng, side)
    activity = surface.activity(grid.shape, numbers, size, rng)
    # Films break at inclusions, which dissolve readily: a start in inert metal would be no pit.
    activity[:, rows, columns] = np.maximum(activity[:, rows, columns], 1.0)
    pits = pitting.intact(grid, medium, activity, cover, box.span * request.size)
    inner = pits.protection.reshape(grid.padded)[1:-1, 1:-1, 1:-1]
    inner[:] = np.float32(numbers["repassivation"]) * np.exp(0.5 * surface.noise(rng, (n, n), length))
    pitting.break_film(pits, rows, columns)
    return pits


def _rust(numbers: Numbers, n: int, rng: np.random.Generator) -> rust.Rust:
    size = n / DOMAIN
    layer = rust.WetLayer(
        numbers["reach"] * size,
        numbers.get("supply", 1.0) * size,
        numbers.get("demand", 0.0),
        numbers.get("run", 0.0) / size,
    )
    return rust.dry(layer, surface.wet_layer(numbers, n, size, rng))


def start(request: SimulationRequest, numbers: Numbers, rng: np.random.Generator) -> Attack:
    """Return the state at the moment the film breaks for the first time."""
    stain, spreads = "general_attack" in numbers, "sites" in numbers
    n = _grid_cells(request)
    size, spacing, material = n / DOMAIN, DOMAIN * request.size / n, request.material
    pits = None if stain else _pits(request, numbers, n, rng)
    layer = _rust(numbers, n, rng) if spreads else None
    strength = surface.strength(numbers, n, rng) if spreads else np.full((n, n), np.inf, dtype=np.float32)
    # One unit of a stain is a metal loss of h over a cell's face, one of a pit h³ Csat of ions.
    dilution = material.saturation_concentration / material.solid_concentration
    thickness = spacing * material.product_volume_ratio * (1.0 if stain else dilution * numbers.get("retained", 1.0))
    dose_unit = thickness / numbers["visible"] / layer.layer.reach**2 if stain and layer else dilution / size**3
    sources = np.zeros((n, n), dtype=np.float32)
    if stain:
        sources[surface.start_cells(n, numbers, size, rng)] = 1.0
    velocity = numbers.get("general_attack", 0.0) * material.reaction_rate
    return Attack(n, spacing, numbers, pits, layer, strength, dose_unit, thickness, sources, velocity)


def _step_pits(attack: Attack, pits: pitting.Pits) -> None:
    pitting.advance(pits, CONTROL)
    attack.seconds = pits.seconds
    # The potential is lowered to its working value once the pits are established: young ones would all fall asleep.
    if attack.steps % 4 == 3 and attack.numbers["repassivation"] > 0 and attack.grown > 0.2 * attack.n / DOMAIN:
        pitting.repassivate(pits)
    # Early on the pits grow by a larger share in a step, and the layer has to keep up.
    often = 2 if attack.steps < 24 else 4
    if attack.rust is not None and attack.steps % often == 1:
        rust.settle(attack.rust, pitting.collect(pits), FIRST_SWEEPS if attack.steps == 1 else 4)


def _step_stain(attack: Attack, layer: rust.Rust) -> None:
    if attack.steps == 0:
        rust.spread(layer, attack.sources, FIRST_SWEEPS)
    # The step is as long as the thickest product takes to gain this share of itself, or of the visible thickness.
    gain = STAIN_GAIN * max(attack.numbers["visible"] / attack.thickness, float(layer.product.max()))
    loss = gain / (rust.peak_share(layer) * float(attack.sources.sum()))
    rust.settle(layer, attack.sources * np.float32(loss), STAIN_SWEEPS)
    attack.seconds += loss * attack.spacing / attack.velocity


def _break_weak(attack: Attack, layer: rust.Rust) -> None:
    # Film that breaks within the next step breaks now or after it, whichever is nearer: always after would delay it.
    fresh = (layer.dose + np.float32(0.5) * layer.latest) * np.float32(attack.dose_unit) > attack.strength
    if not fresh.any():
        return
    attack.strength[fresh] = np.inf
    rows, columns = np.nonzero(fresh)
    if attack.pits is not None:
        pitting.break_film(attack.pits, rows, columns)
    else:
        attack.sources[rows, columns] = 1.0


def grow(attack: Attack) -> Iterator[float]:
    """Grow step by step and yield the largest extent reached, m."""
    while attack.steps < MAX_STEPS:
        if attack.pits is not None:
            _step_pits(attack, attack.pits)
        elif attack.rust is not None:
            _step_stain(attack, attack.rust)
        attack.steps += 1
        if attack.steps % 2 == 0 or attack.pits is None:
            if attack.rust is not None:
                _break_weak(attack, attack.rust)
            yield attack.reached()

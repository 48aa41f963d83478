"""Corrosion: pits and clusters of pits from solved ion transport, rust patches and stains from the product that settles.

* :data:`FAMILY` is the plug-in; :class:`Corrosion` runs the solvers for one request.
* :data:`SCENARIOS` lists ``pit``, ``pit_cluster``, ``rust_patch`` and ``stain`` with the ranges of their parameters.

``request.size`` is the largest extent of the attacked or stained region. Parameters, dimensionless unless said:

* ``pits``: film breakdowns at the start; ``scatter``: their spread over the size.
* ``potential``: factor on the material's reaction rate that the electrode potential makes (Tafel).
* ``heterogeneity``: standard deviation of the log of the local reaction rate; ``grain``: its correlation length over the size;
  ``banding``: ratio of that length along and across the working direction; ``inert``: share of the metal that stays passive.
* ``elongation``: length over width of the susceptible inclusion band in which a pit grows (1: no band).
* ``film``: openness of the passive film over undercut metal; ``repassivation``: concentration over saturation below which a
  bare wall grows its film again (typical value; it varies from place to place).
* ``boundary_layer``: still solution above the surface over the size.
* ``breakdown``: mean film strength against the solution that pits release (small: many new pits); ``sites``: share of weak sites.
* ``reach``, ``supply``: of ions and oxygen, over the size; ``demand``, ``run``: see :class:`maphc2f.solvers.rust.WetLayer`.
* ``wetness``: standard deviation of the log of the wet layer's thickness. ``visible``: product thickness at the outline, m;
  ``retained``: share of the ions that settles where it meets oxygen (the rest is washed off).
* ``rivulets``: length over width of the unevenness of the layer; ``high``: start above the middle, over the size.
* ``general_attack``: dissolution velocity below a stain over the reaction rate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from maphc2f.errors import SimulationRejected
from maphc2f.sample import Float32, Scenario, Simulation, SimulationRequest, Snapshot
from maphc2f.solvers import pitting, rust

Numbers = Mapping[str, float]

DOMAIN = 1.75
"""Side of the simulated square over the final size."""
CELLS = {"pit": (18, 35), "pit_cluster": (26, 38), "rust_patch": (26, 36), "stain": (26, 40), "rust_run": (26, 40)}
"""Fewest and most cells across the final size."""
MARGIN = 3
"""Cells along the border that never corrode, so that fields end inside the grid."""
THRESHOLD = 0.5
MAX_STEPS = 220
FIRST_SWEEPS = 60
"""Relaxation of the wet layer at the start; later sweeps only follow its slow change."""
CONTROL = pitting.StepControl(target=0.35, tolerance=5e-3, max_sweeps=8, omega=1.5)
"""Production accuracy; its bias against the converged solution is in docs/methods/corrosion.md."""
_NEEDS = ("corrodes", "saturation_concentration", "ion_diffusivity", "reaction_rate")
_METAL = {"heterogeneity": (0.3, 1.2), "grain": (0.03, 0.12), "banding": (1.0, 3.0), "potential": (0.3, 4.0)}
_FILM = {"film": (0.1, 0.95), "boundary_layer": (0.02, 0.2), "repassivation": (0.0, 0.25)}
_LAYER = {"reach": (0.08, 0.2), "supply": (0.05, 0.3), "demand": (0.0, 30.0), "run": (0.0, 0.0), "wetness": (0.3, 0.9)}

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "pit", "Corrosion pits, single or grown together", (0.01, 0.09), weight=2.0, needs=_NEEDS,
            parameters={
                **_METAL, **_FILM, "pits": (1.0, 6.0), "scatter": (0.05, 0.2), "elongation": (1.0, 4.0), "inert": (0.0, 0.2),
            },
        ),
        Scenario(
            "pit_cluster", "Ragged cluster of pits with sound metal between", (0.04, 0.25), weight=1.0, needs=_NEEDS,
            parameters={
                **_METAL, **_FILM, "pits": (2.0, 5.0), "scatter": (0.05, 0.15), "banding": (1.5, 5.0), "inert": (0.2, 0.45),
                "breakdown": (3e-4, 3e-3), "sites": (0.02, 0.08), "reach": (0.06, 0.15), "wetness": (0.3, 0.9),
            },
        ),
        Scenario(
            "rust_patch", "Pits with rust that spreads beyond them", (0.05, 0.35), weight=1.0,
            needs=(*_NEEDS, "product_volume_ratio"),
            parameters={
                **_METAL, **_FILM, **_LAYER, "pits": (1.0, 5.0), "scatter": (0.05, 0.15), "inert": (0.1, 0.4),
                "breakdown": (3e-4, 3e-3), "sites": (0.01, 0.05), "visible": (1e-6, 4e-6),
                "retained": (0.01, 0.1), "reach": (0.1, 0.22),
            },
        ),
        Scenario(
            "stain", "Rust stain without visible pits", (0.05, 0.35), weight=1.0, needs=(*_NEEDS, "product_volume_ratio"),
            parameters={
                **_LAYER, "pits": (1.0, 6.0), "scatter": (0.05, 0.2), "breakdown": (3.0, 15.0), "sites": (0.1, 0.8),
                "reach": (0.04, 0.1), "demand": (0.0, 15.0),
                "visible": (1e-6, 3e-6), "general_attack": (1e-4, 1e-3),
            },
        ),
        Scenario(
            "rust_run", "Rust that ran down from a leak", (0.05, 0.35), weight=0.5, needs=(*_NEEDS, "product_volume_ratio"),
            parameters={
                **_LAYER, "pits": (1.0, 5.0), "scatter": (0.02, 0.1), "breakdown": (3.0, 15.0), "sites": (0.0, 0.02),
                "reach": (0.05, 0.1), "demand": (0.0, 6.0),
                "visible": (1e-6, 3e-6), "general_attack": (1e-4, 1e-3), "run": (0.25, 1.0), "wetness": (0.3, 0.7),
                "rivulets": (2.0, 6.0), "high": (0.4, 0.4),
            },
        ),
    )
}


def draw_numbers(scenario: Scenario, overrides: Mapping[str, tuple[float, float]], rng: np.random.Generator) -> Numbers:
    """Draw each parameter in its range, in log scale where the range spans a factor of three or more."""
    numbers = {}
    for name, (low, high) in {**scenario.parameters, **overrides}.items():
        if low > 0 and high / low >= 3:
            numbers[name] = float(math.exp(rng.uniform(math.log(low), math.log(high))))
        else:
            numbers[name] = float(rng.uniform(low, high))
    return numbers


def _noise(rng: np.random.Generator, shape: tuple[int, ...], lengths: tuple[float, ...]) -> Float32:
    """Return a Gaussian field of zero mean and unit deviation with the given correlation lengths, in cells."""
    field = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), lengths, mode="wrap", truncate=3.0)
    centred: Float32 = (field - field.mean()) / max(float(field.std()), 1e-6)
    return centred


def _activity(shape: tuple[int, int, int], numbers: Numbers, size: float, rng: np.random.Generator) -> Float32:
    """Return the local factor on the reaction rate, (nz, ny, nx); ``size`` in cells."""
    length = max(0.6, numbers["grain"] * size)
    along = math.sqrt(numbers["banding"])
    # Turning from one field into another with depth keeps the statistics of each layer and costs no 3-D filter.
    turn = np.linspace(0.0, 0.5 * math.pi, shape[0], dtype=np.float32)[:, None, None]
    upper, lower = (_noise(rng, shape[1:], (length / along, length * along)) for _ in range(2))
    field = np.cos(turn) * upper + np.sin(turn) * lower
    factor = np.exp(np.float32(numbers["heterogeneity"]) * field)
    if numbers["inert"] > 0:
        factor[field < np.quantile(field[0], numbers["inert"])] = 0.0
    if numbers.get("elongation", 1.0) > 1.2:
        factor *= _band(shape[1:], 0.5 * size / numbers["elongation"], rng)
    factor[:, :MARGIN] = factor[:, -MARGIN:] = 0.0
    factor[:, :, :MARGIN] = factor[:, :, -MARGIN:] = 0.0
    return factor


def _band(shape: tuple[int, int], half_width: float, rng: np.random.Generator) -> Float32:
    """Return 1 on an inclusion band along x that wanders and varies in width, 0.01 off it."""
    ny, nx = shape
    middle, width = (_noise(rng, (nx,), (nx / 10,)) for _ in range(2))
    distance = np.abs(np.arange(ny)[:, None] - ny / 2 - 0.5 * half_width * middle) / (half_width * np.exp(0.3 * width))
    band: Float32 = np.maximum(1.0 / (1.0 + distance**8), 0.01).astype(np.float32)
    return band


def _start_cells(n: int, numbers: Numbers, size: float, rng: np.random.Generator) -> tuple[NDArray[np.intp], ...]:
    """Return rows and columns of the first film breakdowns (2 x 2 cells each); ``size`` in cells."""
    count = round(numbers["pits"])
    deviation = numbers["scatter"] * size * (count > 1)
    flat = math.sqrt(numbers.get("elongation", 1.0))
    places = rng.normal(0.0, 1.0, (count, 2)) * (deviation / flat, deviation * flat)
    limit = 0.35 * size
    places = np.clip(places - places.mean(axis=0), -limit, limit) + (n / 2 - numbers.get("high", 0.0) * size, n / 2)
    corner = np.clip(places, MARGIN + 1, n - MARGIN - 3).astype(np.intp)
    cells = np.concatenate([corner + (a, b) for a in (0, 1) for b in (0, 1)])
    return cells[:, 0], cells[:, 1]


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
        """Return the field whose level ½ is the outline: dissolved share of the surface, or product over ``visible``."""
        field = np.zeros((self.n, self.n), dtype=np.float32)
        if self.pits is not None:
            field = gaussian_filter(pitting.mouth(self.pits), 0.7)
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
        depth: Float32 = -gaussian_filter(pitting.seen_depth(self.pits), 0.7)
        return depth


def _fade(n: int) -> Float32:
    ramp = np.clip((np.arange(n) - 1) / 4, 0, 1)
    ramp = np.minimum(ramp, ramp[::-1])
    smooth = ramp * ramp * (3 - 2 * ramp)
    fade: Float32 = np.outer(smooth, smooth).astype(np.float32)
    return fade


def _grid_cells(request: SimulationRequest) -> int:
    """Return n: two cells a pixel of the picture, within limits that the look and the budget set."""
    least, most = CELLS[request.scenario]
    return round(DOMAIN * float(np.clip(2 * request.size / request.pixel_size, least, most)))


def _pits(request: SimulationRequest, numbers: Numbers, n: int, rng: np.random.Generator) -> pitting.Pits:
    spacing = DOMAIN * request.size / n
    shallow = request.scenario in {"pit_cluster", "rust_patch"}
    stretch, layers = (1.5, 6 if shallow else max(5, math.ceil(0.5 * n / DOMAIN / 1.5)))
    material = request.material
    medium = pitting.Electrolyte(
        material.solid_concentration, material.saturation_concentration, material.ion_diffusivity,
        material.reaction_rate * numbers["potential"], numbers["boundary_layer"] * request.size,
    )
    grid = pitting.PitGrid((layers, n, n), spacing, spacing * stretch)
    cover = np.clip(numbers["film"] * np.exp(0.3 * _noise(rng, (n, n), (1.5, 1.5))), 0, 0.95)
    rows, columns = _start_cells(n, numbers, n / DOMAIN, rng)
    activity = _activity(grid.shape, numbers, n / DOMAIN, rng)
    # Films break at inclusions, which dissolve readily: a start in inert metal would be no pit.
    activity[:, rows, columns] = np.maximum(activity[:, rows, columns], 1.0)
    pits = pitting.intact(grid, medium, activity, cover)
    inner = pits.protection.reshape(grid.padded)[1:-1, 1:-1, 1:-1]
    inner[:] = np.float32(numbers["repassivation"]) * np.exp(0.5 * _noise(rng, (n, n), (1.5, 1.5)))
    pitting.break_film(pits, rows, columns)
    return pits


def _rust(numbers: Numbers, n: int, rng: np.random.Generator) -> rust.Rust:
    size = n / DOMAIN
    # Roughness holds the solution on two scales: puddles, and grains that make the product mottled.
    puddles = _noise(rng, (n, n), (0.07 * size * numbers.get("rivulets", 1.0), 0.07 * size))
    grains = _noise(rng, (n, n), (0.7, 0.7))
    wet = np.exp(np.float32(numbers["wetness"]) * (puddles + np.float32(0.4) * grains))
    layer = rust.WetLayer(
        numbers["reach"] * size, numbers.get("supply", 1.0) * size, numbers.get("demand", 0.0), numbers.get("run", 0.0)
    )
    return rust.dry(layer, wet.astype(np.float32))


def _strength(numbers: Numbers, n: int, rng: np.random.Generator) -> Float32:
    """Return the dose at which the film of each cell breaks: exponential at weak sites, infinite elsewhere."""
    weak = rng.random((n, n)) < numbers["sites"]
    weak[: MARGIN + 1] = weak[-MARGIN - 1 :] = False
    weak[:, : MARGIN + 1] = weak[:, -MARGIN - 1 :] = False
    draw = rng.exponential(numbers["breakdown"], (n, n))
    return np.where(weak, draw, np.inf).astype(np.float32)


def start(request: SimulationRequest, numbers: Numbers, rng: np.random.Generator) -> Attack:
    """Return the state at the moment the film breaks for the first time."""
    stain, spreads = "general_attack" in numbers, "sites" in numbers
    n = _grid_cells(request)
    size, spacing, material = n / DOMAIN, DOMAIN * request.size / n, request.material
    pits = None if stain else _pits(request, numbers, n, rng)
    layer = _rust(numbers, n, rng) if spreads else None
    strength = _strength(numbers, n, rng) if spreads else np.full((n, n), np.inf, dtype=np.float32)
    # One unit of a stain is a metal loss of h over a cell's face, one of a pit h³ Csat of ions.
    dilution = material.saturation_concentration / material.solid_concentration
    thickness = spacing * material.product_volume_ratio * (1.0 if stain else dilution * numbers.get("retained", 1.0))
    dose_unit = thickness / numbers["visible"] / layer.layer.reach ** 2 if stain and layer else dilution / size**3
    sources = np.zeros((n, n), dtype=np.float32)
    if stain:
        sources[_start_cells(n, numbers, size, rng)] = 1.0
    velocity = numbers.get("general_attack", 0.0) * material.reaction_rate
    return Attack(n, spacing, numbers, pits, layer, strength, dose_unit, thickness, sources, velocity)


def _step_pits(attack: Attack, pits: pitting.Pits) -> None:
    pitting.advance(pits, CONTROL)
    attack.seconds = pits.seconds
    # The potential is lowered to its working value once the pits are established: young ones would all fall asleep.
    if attack.steps % 4 == 3 and attack.numbers["repassivation"] > 0 and attack.grown > 0.2 * attack.n / DOMAIN:
        pitting.repassivate(pits)
    if attack.rust is not None and attack.steps % 4 == 1:
        rust.settle(attack.rust, pitting.collect(pits), FIRST_SWEEPS if attack.steps == 1 else 4)


def _step_stain(attack: Attack, layer: rust.Rust) -> None:
    if attack.steps == 0:
        rust.spread(layer, attack.sources, FIRST_SWEEPS)
    # The step is as long as the thickest product takes to gain a tenth of itself, or of the visible thickness.
    gain = 0.1 * max(attack.numbers["visible"] / attack.thickness, float(layer.product.max()))
    loss = gain / (rust.peak_share(layer) * float(attack.sources.sum()))
    rust.settle(layer, attack.sources * np.float32(loss), 2)
    attack.seconds += loss * attack.spacing / attack.velocity


def _break_weak(attack: Attack, layer: rust.Rust) -> None:
    fresh = layer.dose * np.float32(attack.dose_unit) > attack.strength
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
        if attack.steps % 2 == 0:
            if attack.rust is not None:
                _break_weak(attack, attack.rust)
            yield attack.reached()


def _snapshot(attack: Attack, size: float) -> Snapshot:
    extent, depth, product = attack.extent(), attack.depth(), attack.product()
    measures = {"width": size}
    if depth is not None:
        measures["depth"] = float(-depth.min())
    half = -0.5 * (attack.n - 1) * attack.spacing
    return Snapshot(
        size=size, spacing=attack.spacing, origin=(half, half), extent=extent, threshold=THRESHOLD, depth=depth,
        product=product, measures=measures,
    )


def _centred(snapshots: list[Snapshot]) -> tuple[Snapshot, ...]:
    """Move the anchor to the middle of the last outline."""
    last = snapshots[-1]
    rows, columns = np.nonzero(last.extent >= THRESHOLD)
    middle = tuple(0.5 * float(axis.min() + axis.max()) * last.spacing for axis in (rows, columns))
    return tuple(replace(snapshot, origin=(-middle[0], -middle[1])) for snapshot in snapshots)


@dataclass(frozen=True, slots=True)
class Corrosion:
    """The family: see the module docstring."""

    name: str = "corrosion"
    min_visible_share: float = 0.8
    min_change_inside: float = 0.95

    @property
    def scenarios(self) -> Mapping[str, Scenario]:
        """Scenarios by name."""
        return SCENARIOS

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> Simulation:
        """Grow one attack and keep a snapshot whenever its largest extent passes a stage.

        Raises:
            SimulationRejected: It repassivated, or did not reach nine tenths of the size.
        """
        scenario = SCENARIOS[request.scenario]
        numbers = draw_numbers(scenario, request.parameters, rng)
        attack = start(request, numbers, rng)
        snapshots: list[Snapshot] = []
        for reached in grow(attack):
            if reached >= request.stages[len(snapshots)] * request.size:
                snapshots.append(_snapshot(attack, reached))
            if len(snapshots) == len(request.stages):
                break
        if len(snapshots) < len(request.stages):
            msg = f"{request.scenario} stopped growing at {len(snapshots)} of {len(request.stages)} stages"
            raise SimulationRejected(msg)
        field = attack.pits if attack.pits is not None else attack.rust
        assert field is not None
        return Simulation(
            family=self.name, scenario=request.scenario, placement=scenario.placement, snapshots=_centred(snapshots),
            parameters={**numbers, "exposure_time": attack.seconds, "spacing": attack.spacing},
            iterations=attack.steps, residual=float(field.residual),
        )


FAMILY = Corrosion()

"""Corrosion: the production time steps, sweeps and grid against finer ones, on the same metal, film and wet layer.

* :func:`pit` compares depth, width and lost metal at one exposure time with tight steps, and with half the spacing too;
  there also the depth at one width, which no clock enters.
* :func:`cluster` compares pits that break new film with tight steps on the production grid.
* :func:`stain` compares the area of product at one exposure time with steps a quarter as long and settled sweeps.
* :func:`blister` compares height, width and area at one exposure time with tight steps and a film solved to 1e-8.

A converged run follows the production run's own calendar: film and product are looked at whenever production does so.
The flaws of a blister have a calendar of their own, which the converged run keeps to the second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from benchmarks.bias_table import Pairs
from benchmarks.scenario_mix import Case
from maphc2f.defects import FAMILIES, blistering
from maphc2f.defects.blistering import Flaw, _bonded, _flaws, simulate_blister, skin_of
from maphc2f.defects.corrosion_growth import CONTROL, DOMAIN, THRESHOLD, Attack, grow, largest_extent, start
from maphc2f.defects.corrosion_scenarios import draw_numbers
from maphc2f.errors import SimulationRejected
from maphc2f.rng import stream
from maphc2f.sample import Float32, Simulation
from maphc2f.solvers import pitting, rust
from maphc2f.solvers.blister import Accuracy, Skin, inflate
from maphc2f.solvers.pitting import Pits, StepControl

TIGHT = StepControl(target=0.25 * CONTROL.target, tolerance=1e-4, max_sweeps=120, omega=CONTROL.omega)
FINER = 2
GAIN = 0.015
"""Share that the thickest product gains in a converged step; production takes five times as much."""

SETTLED_SWEEPS = 20

TIGHT_BONDS = StepControl(0.25 * blistering.CONTROL.target, 1e-4, 120, blistering.CONTROL.omega)
TIGHT_FILM = Accuracy(tolerance=1e-8, max_steps=20_000, change=1e-6, max_rounds=60)

Plane = TypeVar("Plane", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Look:
    """A moment at which production looks at film and product: exposure time s, and whether walls may repassivate."""

    seconds: float
    repassivates: bool


def begin(case: Case, name: str, seed: int) -> Attack:
    """Return a fresh attack; the same case and seed give the same one."""
    family, scenario = name.split(".")
    rng = stream(0, "bias", name, seed)
    numbers = draw_numbers(FAMILIES[family].scenarios[scenario], case.request.parameters, rng)
    return start(case.request, numbers, rng)


def produce(attack: Attack, size: float) -> Iterator[Look]:
    """Grow an attack to ``size`` as production does and yield its calendar.

    Raises:
        SimulationRejected: It stops before.
    """
    for reached in grow(attack):
        awake = attack.numbers.get("repassivation", 0.0) > 0 and attack.grown > 0.2 * attack.n / DOMAIN
        yield Look(attack.seconds, attack.steps % 4 == 0 and awake)
        if reached >= size:
            return
    msg = "stopped growing"
    raise SimulationRejected(msg)


def _split(plane: NDArray[Plane], padded: tuple[int, ...], finer: int) -> NDArray[Plane]:
    """Return the inner values of a flat padded array with every cell split in ``finer`` along each side."""
    inner = plane.reshape(padded)[tuple(slice(1, -1) for _ in padded)]
    for axis in range(inner.ndim):
        inner = np.repeat(inner, finer, axis=axis)
    return inner


def refined(pits: Pits, finer: int) -> Pits:
    """Return the same metal and film before the first step, the spacing divided by ``finer`` in all directions."""
    grid, medium = pits.grid, pits.medium
    nz, ny, nx = (finer * n for n in grid.shape)
    fine = pitting.PitGrid((nz, ny, nx), grid.spacing / finer, grid.layer / finer)
    activity = _split(pits.bare_velocity, grid.padded, finer)
    activity = activity / np.float32(medium.reaction_rate * grid.spacing / medium.diffusivity)
    opened = _split(pits.cover, grid.padded[1:], finer)
    cover = np.where(opened < 1, opened, 0).astype(np.float32)
    out = pitting.intact(fine, medium, activity.astype(np.float32), cover, pits.span * grid.spacing)
    inner = out.protection.reshape(fine.padded)[1:-1, 1:-1, 1:-1]
    inner[:] = _split(pits.protection, grid.padded, finer)
    pitting.break_film(out, *np.nonzero(opened >= 1))
    return out


def _march(pits: Pits, seconds: float, control: StepControl) -> None:
    """Make steps up to an exposure time, the last one shortened to end there."""
    unit = pits.grid.spacing**2 / pits.medium.diffusivity
    while pits.seconds < seconds * (1 - 1e-9):
        usual = pits.step
        pits.step = min(usual, seconds / unit - pits.time)
        cut = pits.step < usual
        pitting.advance(pits, control)
        if cut:
            pits.step = max(pits.step, 0.5 * usual)


def follow(pits: Pits, calendar: Sequence[Look]) -> list[dict[str, float]]:
    """Grow pits alone through a calendar with tight steps; return their sizes at each look."""
    record = []
    for look in calendar:
        if look.repassivates:
            pitting.repassivate(pits)
        _march(pits, look.seconds, TIGHT)
        record.append(pit_sizes(pits))
    return record


def pit_sizes(pits: Pits) -> dict[str, float]:
    """Return depth and width, m, and volume of lost metal, m³."""
    h = pits.grid.spacing
    return {
        "depth": float(pitting.seen_depth(pits).max()),
        "width": largest_extent(pitting.mouth(pits) >= THRESHOLD) * h,
        "metal lost": pits.dissolved * h * h * pits.grid.layer,
    }


def _depth_at(record: Sequence[dict[str, float]], width: float) -> float:
    widths = np.maximum.accumulate([sizes["width"] for sizes in record])
    return float(np.interp(width, widths + 1e-12 * np.arange(len(widths)), [sizes["depth"] for sizes in record]))


def _paired(production: dict[str, float], converged: dict[str, float], how: str) -> Pairs:
    return {f"{name}, {how}": (production[name], converged[name]) for name in production}


def _pits_of(attack: Attack) -> Pits:
    assert attack.pits is not None, "the scenario grows pits"
    return attack.pits


def pit(case: Case, name: str, seed: int) -> Pairs:
    """Compare pits without new breakdowns.

    Raises:
        SimulationRejected: They do not reach the size.
    """
    attack, own = begin(case, name, seed), []
    calendar: list[Look] = []
    for look in produce(attack, case.request.size):
        calendar.append(look)
        own.append(pit_sizes(_pits_of(attack)))
    steps = follow(refined(_pits_of(begin(case, name, seed)), 1), calendar)
    fine = follow(refined(_pits_of(begin(case, name, seed)), FINER), calendar)
    width = min(own[-1]["width"], fine[-1]["width"])
    return {
        **_paired(own[-1], steps[-1], "same time, fine steps"),
        **_paired(own[-1], fine[-1], "same time, fine grid"),
        "depth, same width, fine grid": (_depth_at(own, width), _depth_at(fine, width)),
    }


def _break_weak(attack: Attack, layer: rust.Rust) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Take the cells whose film breaks now off the list of those that can, and return them."""
    fresh = (layer.dose + np.float32(0.5) * layer.latest) * np.float32(attack.dose_unit) > attack.strength
    attack.strength[fresh] = np.inf
    rows, columns = np.nonzero(fresh)
    return rows, columns


def cluster(case: Case, name: str, seed: int) -> Pairs:
    """Compare pits that break the film around them, and their product if it is looked for.

    Raises:
        SimulationRejected: They do not reach the size.
    """
    tight, attack = begin(case, name, seed), begin(case, name, seed)
    calendar = list(produce(attack, case.request.size))
    pits, layer = _pits_of(tight), tight.rust
    assert layer is not None, "the scenario has a wet layer"
    for number, look in enumerate(calendar):
        if look.repassivates:
            pitting.repassivate(pits)
        _march(pits, look.seconds, TIGHT)
        rust.settle(layer, pitting.collect(pits), 60 if number == 0 else SETTLED_SWEEPS)
        rows, columns = _break_weak(tight, layer)
        if len(rows):
            pitting.break_film(pits, rows, columns)
    return _paired(pit_sizes(_pits_of(attack)) | _area(attack), pit_sizes(pits) | _area(tight), "same time")


def _area(attack: Attack) -> dict[str, float]:
    product = attack.product()
    if product is None:
        return {}
    return {"product area": float(np.count_nonzero(product >= attack.numbers["visible"])) * attack.spacing**2}


def _stain_step(attack: Attack, layer: rust.Rust, most: float) -> None:
    """Settle for at most ``most`` seconds, so little that the thickest product gains GAIN of itself."""
    gain = GAIN * max(attack.numbers["visible"] / attack.thickness, float(layer.product.max()))
    loss = gain / (rust.peak_share(layer) * float(attack.sources.sum()))
    loss = min(loss, most * attack.velocity / attack.spacing)
    rust.settle(layer, attack.sources * np.float32(loss), SETTLED_SWEEPS)
    attack.seconds += loss * attack.spacing / attack.velocity


def stain(case: Case, name: str, seed: int) -> Pairs:
    """Compare stains.

    Raises:
        SimulationRejected: They do not reach the size.
    """
    tight, attack = begin(case, name, seed), begin(case, name, seed)
    end = list(produce(attack, case.request.size))[-1].seconds
    layer = tight.rust
    assert layer is not None, "the scenario has a wet layer"
    rust.spread(layer, tight.sources, 400)
    while tight.seconds < end * (1 - 1e-9):
        _stain_step(tight, layer, end - tight.seconds)
        rows, columns = _break_weak(tight, layer)
        tight.sources[rows, columns] = 1.0
    return _paired(_stain_sizes(attack), _stain_sizes(tight), "same time")


def _stain_sizes(attack: Attack) -> dict[str, float]:
    product = attack.product()
    assert product is not None, "a stain is its product"
    seen = product >= attack.numbers["visible"]
    return {
        **_area(attack),
        "diameter": largest_extent(seen) * attack.spacing,
        "product": float(product.sum()) * attack.spacing**2,
        "sources": float(attack.sources.sum()),
    }


def bonds(case: Case, name: str, seed: int) -> tuple[Simulation, Pits, list[Flaw]]:
    """Return what production makes of a blister, and the bonds and flaws that it started from.

    Raises:
        SimulationRejected: It does not reach the size.
    """
    family, scenario_name = name.split(".")
    scenario = FAMILIES[family].scenarios[scenario_name]
    rng, again = (stream(0, "bias", name, seed) for _ in range(2))
    numbers = draw_numbers(scenario, case.request.parameters, rng)
    production = simulate_blister(case.request, scenario, numbers, rng)
    draw_numbers(scenario, case.request.parameters, again)
    n = round(DOMAIN * case.request.size / production.parameters["spacing"])
    pits = _bonded(case.request, numbers, n, again)
    return production, pits, _flaws(pits, numbers, case.request.size, again)


def _loosen(pits: Pits, flaws: Sequence[Flaw], seconds: float) -> Float32:
    """Delaminate with tight steps up to an exposure time, each flaw opened when it is due; return the share."""
    for flaw in flaws:
        if flaw.opens > seconds:
            break
        _march(pits, flaw.opens, TIGHT_BONDS)
        pitting.break_film(pits, flaw.cells[:, 0], flaw.cells[:, 1])
    _march(pits, seconds, TIGHT_BONDS)
    return pitting.mouth(pits)


def _film(production: Simulation, case: Case) -> Skin:
    numbers = production.parameters
    return replace(skin_of(case.request.material, numbers, 1.0), pressure=numbers["pressure"])


def blister(case: Case, name: str, seed: int) -> Pairs:
    """Compare blisters under the same film and pressure.

    Raises:
        SimulationRejected: They do not reach the size.
    """
    production, pits, flaws = bonds(case, name, seed)
    last, spacing, skin = production.snapshots[-1], production.parameters["spacing"], _film(production, case)
    share = _loosen(pits, flaws, production.parameters["exposure_time"])
    seen = gaussian_filter(share, blistering.SMOOTHING) >= THRESHOLD
    usual, tight = (inflate(share.astype(np.float64), spacing, skin, film) for film in (Accuracy(), TIGHT_FILM))
    area = float(np.count_nonzero(last.extent >= last.threshold)), float(np.count_nonzero(seen))
    return {
        "height, same time": (production.parameters["height"], float(tight.height.max())),
        "width, same time": (last.size, largest_extent(share >= THRESHOLD) * spacing),
        "area, same time": (area[0] * spacing**2, area[1] * spacing**2),
        "height, same region": (float(usual.height.max()), float(tight.height.max())),
    }

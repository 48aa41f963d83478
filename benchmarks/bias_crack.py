"""Cracks: the production load control against slow loading, on the same toughness, flaw and load.

* :func:`single` compares a single crack's length at rest at one load, and its opening and load at one length.
* :func:`network` compares patterns: length at rest at one load; at one size length, chains, free ends, opening.

Slow loading raises the load ten times as reluctantly and in steps a thirtieth as large, so that the crack is near rest
at every load, and damps its motion critically. Load and length are those of the scenario: its own sheet, flaw and
recipe.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.bias_table import Pairs
from benchmarks.scenario_mix import Case
from maphc2f.defects import FAMILIES
from maphc2f.defects.crack_holes import Hole
from maphc2f.defects.crack_sheets import RECIPES, Drawn, Recipe, holes_of, make_sheet
from maphc2f.defects.crack_size import Gauge
from maphc2f.errors import SimulationRejected
from maphc2f.rng import stream
from maphc2f.solvers.fracture import CHECK_STEPS, FractureResult, LoadControl, State, grow, normal_strain
from maphc2f.solvers.ridge import LEVEL, Centreline, opening_field, openings
from maphc2f.solvers.sheet import Sheet, onset_strain

GROWTH = 0.3
"""Growth beyond the flaw at which single cracks are compared, over the final length."""

MARGIN = 1.02
"""Load of the comparison at rest over that at which the slow crack got there: not on the verge of a leap."""

CELLS_PER_LENGTH = 2.6
"""Broken cells of a crack per cell of its length."""

SLOWER, FINER_RISE, MAX_STEPS = 0.1, 1 / 30, 40_000


@dataclass(frozen=True, slots=True)
class Setting:
    """A sheet with the production recipe and load control, its limit set."""

    sheet: Sheet
    recipe: Recipe
    control: LoadControl
    holes: tuple[Hole, ...]

    @property
    def unit(self) -> float:
        """Load of a state where the load control says 1."""
        if self.sheet.front > 0:
            return 1.0
        strains = float(np.abs(self.sheet.eigen_x).max()), float(np.abs(self.sheet.eigen_y).max())
        return onset_strain(self.sheet.elasticity, self.sheet.ell, strains)


def slow(control: LoadControl) -> LoadControl:
    """Return the same control ten times as reluctant, and damped as the foundation's slowest motion is critically."""
    return replace(
        control,
        damping=1.0,
        pace=SLOWER * control.pace,
        rise=FINER_RISE * control.rise,
        quiet=min(control.quiet, 0.02),
        checks=2 * control.checks,
        max_steps=MAX_STEPS,
    )


def setting(case: Case, name: str, seed: int) -> Setting:
    """Draw the sheet of a case as the family draws it."""
    family, scenario = name.split(".")
    rng = stream(0, "bias", name, seed)
    ranges = {**FAMILIES[family].scenarios[scenario].parameters, **case.request.parameters}
    drawn: Drawn = {key: float(rng.uniform(*ranges[key])) for key in sorted(ranges)}
    sheet, recipe = make_sheet(case.request, drawn, rng), RECIPES[scenario]
    holes = holes_of(recipe, drawn) if "hole_share" in drawn else ()
    return Setting(sheet, recipe, replace(recipe.control, last=max(drawn["load_limit"], recipe.control.first)), holes)


def broken(state: State) -> int:
    """Return the number of broken cells."""
    return int(np.count_nonzero(state.damage > LEVEL))


def mean_opening(state: State, sheet: Sheet) -> float:
    """Return the elastic opening of the broken cells, cell units, mean over them."""
    field = opening_field(*normal_strain(state, sheet), state.damage)
    return float(field[state.damage > LEVEL].mean())


def _copied(state: State) -> State:
    return replace(state, damage=state.damage.copy(), ux=state.ux.copy(), uy=state.uy.copy())


def _flaw(made: Setting) -> int:
    """Return the cells that are broken from the start: flaw and holes with the rim that they damage."""
    return _at_rest(made.sheet, replace(made.control, max_steps=CHECK_STEPS), made.control.first)


def _to_count(sheet: Sheet, control: LoadControl, cells: int) -> State:
    """Load until ``cells`` are broken."""
    result = grow(sheet, control, (float(cells),), lambda state, target: broken(state) >= target)
    return _only(result)


def _only(result: FractureResult) -> State:
    if not result.states:
        msg = f"the crack did not grow ({result.stop})"
        raise SimulationRejected(msg)
    return result.states[0]


def _at_rest(sheet: Sheet, control: LoadControl, limit: float) -> int:
    """Return the cells that are broken when all has come to rest at a load limit, in units of the onset load."""
    seen = [0]

    def look(state: State, _: float) -> bool:
        seen[0] = broken(state)
        return False

    grow(sheet, replace(control, last=limit), (math.inf,), look)
    return seen[0]


def _slow_history(sheet: Sheet, control: LoadControl, cells: int) -> tuple[State, int]:
    """Return the state when ``cells`` broke first, and how many are broken once the load is MARGIN times that."""
    found: list[State] = []
    count = [0]

    def look(state: State, _: float) -> bool:
        if found and state.load > MARGIN * found[0].load:
            return True
        count[0] = broken(state)
        if not found and count[0] >= cells:
            found.append(_copied(state))
        return False

    grow(sheet, control, (math.inf,), look)
    if not found:
        msg = "slow loading does not reach the length below the load limit"
        raise SimulationRejected(msg)
    return found[0], count[0]


def single(case: Case, name: str, seed: int) -> Pairs:
    """Compare a crack whose size is its length.

    Raises:
        SimulationRejected: It does not grow in one of the settings.
    """
    made = setting(case, name, seed)
    sheet = made.sheet
    notch = _flaw(made)
    cells = notch + round(CELLS_PER_LENGTH * GROWTH * made.recipe.cells)
    calm, rest = _slow_history(sheet, slow(made.control), cells)
    quick = _to_count(sheet, made.control, cells)
    at_rest = _at_rest(sheet, made.control, MARGIN * calm.load / made.unit)
    return {
        "length at rest, same load": (float(at_rest - notch), float(rest - notch)),
        "load, same length": (quick.load, calm.load),
        "mean opening, same length": (mean_opening(quick, sheet), mean_opening(calm, sheet)),
    }


def _grown(made: Setting, control: LoadControl) -> tuple[State, Centreline]:
    gauge = Gauge(made.recipe, made.holes, 1)
    result = grow(made.sheet, control, (float(made.recipe.cells),), gauge.reached)
    return _only(result), gauge.lines[0]


def _pattern(made: Setting, state: State, line: Centreline) -> dict[str, float]:
    width = openings(line, opening_field(*normal_strain(state, made.sheet), state.damage))
    return {
        "length, same size": line.length,
        "chains, same size": float(len(line.starts) - 1),
        "free ends, same size": float(np.count_nonzero(line.tips)),
        "mean opening, same size": float(width.mean()),
        "load, same size": state.load,
    }


def network(case: Case, name: str, seed: int) -> Pairs:
    """Compare patterns of one size.

    Raises:
        SimulationRejected: It does not grow in one of the settings.
    """
    made = setting(case, name, seed)
    calm = slow(made.control)
    both = [_pattern(made, *_grown(made, control)) for control in (made.control, calm)]
    limit = MARGIN * both[1]["load, same size"] / made.unit
    notch = _flaw(made)
    rest = [float(_at_rest(made.sheet, control, limit) - notch) for control in (made.control, calm)]
    return {
        "length at rest, same load": (rest[0], rest[1]),
        **{quantity: (both[0][quantity], both[1][quantity]) for quantity in both[0]},
    }


def measure(case: Case, name: str, seed: int) -> Pairs:
    """Compare a crack by what its recipe says that size is."""
    by_length = RECIPES[name.split(".")[1]].measure == "length"
    return single(case, name, seed) if by_length else network(case, name, seed)

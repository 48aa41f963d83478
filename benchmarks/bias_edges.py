"""Edges: production grids, load steps and speeds of chips and crushed edges against converged ones, on the same fields.

* :func:`chip` compares a piece's plan and section with loading ten times as reluctant.
* :func:`edge_dent` compares what a blow leaves with four times the steps.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from benchmarks.bias_table import Pairs
from benchmarks.scenario_mix import Case
from maphc2f.defects import FAMILIES, chip_sheets, crushing
from maphc2f.defects.chip_sheets import ANGLES, Plan, Section, solve_plan, solve_section
from maphc2f.defects.chipping import chip_flaw, toughness_cv
from maphc2f.defects.crushed_faces import Crushed, SnapshotGrid, crushed_face
from maphc2f.defects.indenters import Ranges
from maphc2f.rng import stream
from maphc2f.solvers.fracture import LoadControl

SLOWER = 10.0
PACE = 0.1
FINER_STEPS = 4
SEEDS = 2
"""Seeds of one case: of the plan and of the section, so that both settings draw the same fields."""


def slow(control: LoadControl) -> LoadControl:
    """Return a load that rises a tenth as fast, while cracks grow ten times as slowly, without a limit in reach."""
    return replace(
        control,
        rise=control.rise / SLOWER,
        pace=PACE * control.pace,
        last=SLOWER * control.last,
        max_steps=int(SLOWER * control.max_steps),
    )


def area_over_chord(plan: Plan) -> float:
    """Return a piece's area over its chord squared: q / 2 ∫ R² dφ in the stretched plane, q the flatness."""
    step = ANGLES[1] - ANGLES[0]
    square = plan.radius**2
    return 0.5 * plan.flatness * float((0.5 * (square[1:] + square[:-1])).sum()) * float(step)


def _broken(case: Case, name: str, seed: int, control: LoadControl) -> tuple[Plan, Section]:
    family, scenario = name.split(".")
    rng = stream(0, "bias", name, seed)
    ranges = {**FAMILIES[family].scenarios[scenario].parameters, **case.request.parameters}
    drawn = {key: float(rng.uniform(*ranges[key])) for key in sorted(ranges)}
    material = case.request.material
    cv = toughness_cv(material, drawn)
    plan_seed, section_seed = rng.integers(2**32, size=SEEDS)
    plan = solve_plan(material, cv, chip_flaw(drawn, cv), np.random.default_rng(plan_seed), control)
    return plan, solve_section(material, cv, drawn["slant"], np.random.default_rng(section_seed), control)


def chip(case: Case, name: str, seed: int) -> Pairs:
    """Compare a chip with one that is loaded slowly.

    Raises:
        SimulationRejected: A crack does not come back in one of the settings.
    """
    both = [_broken(case, name, seed, control) for control in (chip_sheets.CONTROL, slow(chip_sheets.CONTROL))]
    (plan, section), (calm_plan, calm_section) = both
    depth = [p.reach * float(s.fall[0]) for p, s in both]
    return {
        "reach over chord": (plan.reach, calm_plan.reach),
        "area over chord²": (area_over_chord(plan), area_over_chord(calm_plan)),
        "depth over chord": (depth[0], depth[1]),
        "load of the plan": (plan.load, calm_plan.load),
        "load of the section": (section.load, calm_section.load),
    }


def edge_dent(case: Case, name: str, seed: int) -> Pairs:
    """Compare a crushed edge with one that is loaded and unloaded in more steps.

    Raises:
        SimulationRejected: It springs back.
    """
    family, scenario = name.split(".")
    ranges = Ranges.of(FAMILIES[family].scenarios[scenario], case.request)
    blow = crushing.draw_blow(case.request, ranges, stream(0, "bias", name, seed))
    quick, fine = (crushing.strike(blow, (1.0,), pace)[0][0] for pace in (1, FINER_STEPS))
    return {
        "depth over width": (quick.deepest / quick.mouth, fine.deepest / fine.mouth),
        "width, same blow": (quick.mouth, fine.mouth),
        "mask diameter, same blow": (_seen(quick, blow.thickness), _seen(fine, blow.thickness)),
        "force": (quick.force, fine.force),
    }


def _seen(crushed: Crushed, thickness: float) -> float:
    """Return the diameter of a disc with the mask's area, cells, at a cell a pixel."""
    grid = SnapshotGrid(1.0, 1, max(0.012 * crushed.mouth, 0.5))
    snapshot = crushed_face(crushed, thickness, grid, crushed.mouth)
    return math.sqrt(4.0 / math.pi * float((snapshot.extent >= snapshot.threshold).sum()))

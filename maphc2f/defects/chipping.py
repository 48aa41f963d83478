"""Chips: pieces broken out at the part's edge, with their fracture faces and, where they go through, what lies behind.

* :data:`CHIP` is the scenario; :func:`simulate_chip` runs it.
* :func:`chip_flaw`, :func:`toughness_cv` read its drawn parameters.

``request.size`` is the chord: the length of outline that is lost. Parameters, drawn uniformly from their ranges:

* ``flaw_length``: length of the flaw over its distance from the outline, -.
* ``flaw_angle``: its tilt against the outline, rad.
* ``flaw_bow``: how much nearer to the outline its ends lie, over its distance, -.
* ``flaw_waviness``: standard deviation of its waves over its distance, for cv(Gc) = 0.3, -.
* ``emergence``: angle at which the crack comes up at the outline, rad.
* ``push_offset``: where along the flaw it is pushed, over half its length, -.
* ``confinement``: pressure along the outline over the push, -.
* ``slant``: tilt of the crack under the contact towards the side face, rad.
* ``toughness_scale``: factor on the material's coefficient of variation of Gc, -.
* ``face_roughness``: standard deviation of the fracture face over the chip's reach into the part, for cv(Gc) = 0.3, -.
* ``rim_roughness``: standard deviation of its rim over its radius, for cv(Gc) = 0.3, -.
* ``thickness_share``: thickness of the part at the edge over the material's ``sheet_thickness``, -.
* ``pieces``: number of pieces in a row along the outline, its whole part, 1 .. 3.
* ``gap``: outline left between two of them over the smaller one's chord, -; below 0 they overlap.

A piece is similar at all sizes (:mod:`maphc2f.defects.chip_sheets`), so a stage is the same solution scaled, and the
stages lie in each other. Neighbours come off after the first and grow at their own places (:mod:`.chip_rows`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from maphc2f.defects.chip_faces import Roughness, fracture_face, make_face
from maphc2f.defects.chip_flaws import Flaw
from maphc2f.defects.chip_rows import Piece, lay_out, row_face
from maphc2f.defects.chip_sheets import Plan, Section, solve_plan, solve_section
from maphc2f.errors import SimulationRejected
from maphc2f.sample import Scenario, Simulation, SimulationRequest, Snapshot
from maphc2f.spec import MaterialSpec

CHIP = Scenario(
    "chip",
    "pieces broken out at the part's edge",
    (0.05, 0.45),
    {
        "flaw_length": (1.4, 8.0),
        "flaw_angle": (-0.3, 0.3),
        "flaw_bow": (0.0, 0.5),
        "flaw_waviness": (0.05, 0.2),
        "emergence": (0.35, 1.2),
        "push_offset": (-0.5, 0.5),
        "confinement": (0.0, 0.15),
        "slant": (0.2, 0.6),
        "toughness_scale": (1.0, 1.6),
        "face_roughness": (0.02, 0.05),
        "rim_roughness": (0.03, 0.1),
        "thickness_share": (0.4, 1.4),
        "pieces": (1.0, 2.3),
        "gap": (-0.4, 0.25),
    },
    placement="edge",
    weight=1.5,
    needs=("chips",),
    min_pixels=8.0,
)

CELLS = (40, 192)
"""Fewest and most cells along the chord; between them a cell is a nominal pixel."""

REFERENCE_CV = 0.3
CV_LIMITS = (0.1, 0.55)
MOST_PIECES = 3
NEIGHBOUR_FLAW = (1.6, 5.0)
"""Length over distance of a neighbour's flaw."""


def simulate_chip(request: SimulationRequest, drawn: dict[str, float], rng: np.random.Generator) -> Simulation:
    """Break one piece or a row of them out, ``request.size`` of outline in all, and shrink them to each stage.

    Args:
        request: What is asked for.
        drawn: The drawn parameters of :data:`CHIP`.
        rng: Source of the neighbours, the toughness and the roughness.

    Raises:
        SimulationRejected: A crack did not come back to the edge.
        UserError: A flaw is longer than its sheet.
    """
    material = request.material
    cv = toughness_cv(material, drawn)
    plan = solve_plan(material, cv, chip_flaw(drawn, cv), rng)
    section = solve_section(material, cv, drawn["slant"], rng)
    plans = [plan, *_neighbours(request, drawn, cv, rng)]
    cells = float(np.clip(math.ceil(request.size / request.pixel_size), *CELLS))
    thickness = drawn["thickness_share"] * material.sheet_thickness
    row = lay_out(plans, drawn["gap"], rng)
    roughness = Roughness(drawn["face_roughness"] * cv / REFERENCE_CV, drawn["rim_roughness"] * cv / REFERENCE_CV)
    return Simulation(
        family="crack",
        scenario=CHIP.name,
        placement=CHIP.placement,
        snapshots=_stages(request, row, section, (cells, thickness), roughness, rng),
        parameters={
            **drawn,
            **_derived(plans, row, section),
            "toughness_cv": cv,
            "thickness": thickness,
            "cell": request.size / cells,
            "youngs_modulus": material.youngs_modulus,
            "fracture_energy": material.fracture_energy,
        },
        iterations=sum(p.steps for p in plans) + section.steps,
        residual=max(section.residual, *(p.residual for p in plans)),
    )


def _derived(plans: list[Plan], row: tuple[Piece, ...], section: Section) -> dict[str, float]:
    plan = plans[0]
    return {
        "pieces_broken": float(len(row)),
        "reach_over_chord": plan.reach,
        "depth_over_chord": plan.reach * float(section.fall[0]),
        "load_plan": plan.load,
        "load_section": section.load,
    }


def toughness_cv(material: MaterialSpec, drawn: Mapping[str, float]) -> float:
    """Return the coefficient of variation of the toughness, within CV_LIMITS."""
    return float(np.clip(material.toughness_cv * drawn["toughness_scale"], *CV_LIMITS))


def chip_flaw(drawn: Mapping[str, float], cv: float) -> Flaw:
    """Return the flaw of drawn parameters, its waves those of a material of that toughness."""
    return Flaw(
        drawn["flaw_length"],
        drawn["flaw_angle"],
        drawn["push_offset"],
        drawn["confinement"],
        drawn["flaw_bow"],
        drawn["flaw_waviness"] * cv / REFERENCE_CV,
        drawn["emergence"],
    )


def _neighbours(request: SimulationRequest, drawn: dict[str, float], cv: float, rng: np.random.Generator) -> list[Plan]:
    """Return the plans of the further pieces; a crack that does not come back leaves its neighbour whole."""
    count = min(int(drawn["pieces"]), MOST_PIECES) - 1
    ranges = CHIP.parameters
    own = ("flaw_angle", "push_offset", "flaw_bow", "emergence")
    plans: list[Plan] = []
    for _ in range(count):
        other = {**drawn, **{key: float(rng.uniform(*ranges[key])) for key in own}}
        other["flaw_length"] = float(rng.uniform(*NEIGHBOUR_FLAW))
        try:
            plans.append(solve_plan(request.material, cv, chip_flaw(other, cv), rng))
        except SimulationRejected:
            continue
    return plans


def _stages(
    request: SimulationRequest,
    row: tuple[Piece, ...],
    section: Section,
    scale: tuple[float, float],
    roughness: Roughness,
    rng: np.random.Generator,
) -> tuple[Snapshot, ...]:
    """Return the snapshots; ``scale`` is the cells along the whole chord and the part's thickness, m."""
    cells, thickness = scale
    if len(row) == 1:
        face = make_face(row[0].plan, section, cells, roughness, rng)
        return tuple(fracture_face(face, row[0].plan, stage, request.size, thickness) for stage in request.stages)
    faces = [make_face(p.plan, section, max(p.chord * cells, 8.0), roughness, rng) for p in row]
    return tuple(row_face(row, faces, stage, (request.size, cells), thickness) for stage in request.stages)

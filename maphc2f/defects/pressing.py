"""Dents and creases: a sheet on a crushable base is pressed, released, and keeps a residual shape.

* :func:`simulate_dent` presses a rounded, cornered or irregular body into the sheet.
* :func:`simulate_crease` presses a bent edge into it.
* :class:`Sheet` is one such problem in the solver's units.

The problem is scale-free: with lengths in cells h and deflections in κ_y h² (κ_y = 2 σ_y / (E t), the curvature at
which the sheet first yields) the cell size can be chosen after the run, so that the last residual dent has exactly the
size asked for; stiffness of the base, its crushing pressure and the indenter follow from it and are recorded.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from maphc2f.defects.indenters import Ranges, draw_ridge, draw_tool, level_of_area
from maphc2f.defects.relief import Relief, equivalent_diameter, profile_length, relief_snapshot, slopes
from maphc2f.errors import SimulationRejected
from maphc2f.sample import Scenario, Simulation, SimulationRequest, Snapshot
from maphc2f.solvers.plate import (
    NewtonOptions,
    Plate,
    PlateReport,
    PlateState,
    elastic_rebound,
    equilibrate,
    make_plate,
    release,
    rest,
)

Float64 = NDArray[np.float64]
Measure = Callable[[Float64, float], float]

DENT_GRID, DENT_CELLS = 64, 22.0
CREASE_GRID, CREASE_CELLS = (48, 96), 56.0
FINER = 2
DEPTH_LEVEL = 0.1
PLATE_LENGTH_RANGE = (1.3, 5.0)
CRUSHED_TANGENT = 0.03
STAGE_TOLERANCE = 0.08
MAX_CORRECTIONS = 3
MIN_STAYING = 0.015
OPTIONS = NewtonOptions(tolerance=1e-2, forcing=0.3)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet, its base and the body that is pressed into it.

    Attributes:
        plate: In the solver's units.
        tool: Height of the indenter above its lowest point, units of κ_y h², (ny, nx).
        depth: Deepest indentation beyond ``elastic``, same units.
        elastic: Indentation that is about given back on release, same units.
        measure: Size in cells of a residual deflection above a level.
        thickness: m.
        yield_curvature: κ_y, 1/m.
        stiffness: D, N m.
        drawn: What was drawn.
    """

    plate: Plate
    tool: Float64
    depth: float
    elastic: float
    measure: Measure
    thickness: float
    yield_curvature: float
    stiffness: float
    drawn: dict[str, float | str]


@dataclass(frozen=True, slots=True)
class Press:
    """One indentation: the loaded state, the residual deflection, and its size and depth.

    Attributes:
        loaded: Under the indenter.
        indentation: Its depth, units of κ_y h².
        residual: Deflection after an elastic rebound, (ny, nx).
        size: Of the residual at 10 % of its depth, cells; 0 if nothing stays.
        deepest: Residual depth.
        report: Of the solve.
    """

    loaded: PlateState
    indentation: float
    residual: Float64
    size: float
    deepest: float
    report: PlateReport

    def progress(self, last: Press) -> float:
        """Return how far this is on the way to ``last``: the lesser one of size ratio and root of the depth ratio.

        A sheet that wraps the indenter grows in both alike; a stiff one keeps the diameter and gets deeper only.
        """
        return min(self.size / last.size, math.sqrt(self.deepest / last.deepest))


def simulate_dent(request: SimulationRequest, scenario: Scenario, rng: np.random.Generator) -> Simulation:
    """Press a body into the sheet; ``size`` is the diameter of the residual dent at 10 % of its depth.

    Raises:
        SimulationRejected: It springs back whole, or a solve did not converge.
    """
    ranges = Ranges.of(scenario, request)
    y, x = (np.mgrid[:DENT_GRID, :DENT_GRID] - 0.5 * (DENT_GRID - 1)) / (0.5 * DENT_CELLS)
    kind, tool = draw_tool(y, x, rng)
    tool /= level_of_area(tool, math.pi * (0.5 * DENT_CELLS) ** 2)
    ranges.drawn["tool"] = kind
    sheet = _make_sheet(request, ranges, tool, (DENT_CELLS, 0.5 * request.size), rng, equivalent_diameter)
    return _simulate("dent", request, sheet)


def simulate_crease(request: SimulationRequest, scenario: Scenario, rng: np.random.Generator) -> Simulation:
    """Press a bent edge into the sheet; ``size`` is the length of the residual crease at 10 % of its depth.

    Raises:
        SimulationRejected: It springs back whole, or a solve did not converge.
    """
    ranges = Ranges.of(scenario, request)
    ny, nx = CREASE_GRID
    half = 0.5 * CREASE_CELLS
    y, x = np.mgrid[:ny, :nx].astype(np.float64)
    sharpness = ranges.log_uniform("sharpness", rng)
    tool = draw_ridge((y - 0.5 * (ny - 1)) / half, (x - 0.5 * (nx - 1)) / half, rng, sharpness=sharpness)
    half_width = 0.5 * request.size / sharpness
    sheet = _make_sheet(request, ranges, tool, (CREASE_CELLS, half_width), rng, profile_length)
    return _simulate("crease", request, sheet)


def _make_sheet(
    request: SimulationRequest,
    ranges: Ranges,
    tool: Float64,
    scale: tuple[float, float],
    rng: np.random.Generator,
    measure: Measure,
) -> Sheet:
    """Set the problem up for a dent of about the size asked for.

    A base of relative stiffness and strength β below a contact of radius a has k = β E / (2 (1-ν²) a), so the plate's
    length is ℓ = (D / k)^¼ = (t³ a / (6 β))^¼, and it crushes at q_c = c β σ_y, that is at w_c = 2 c (1-ν²) a σ_y / E.

    Args:
        request: Material and size.
        ranges: Where thickness, support, crushing factor and depth come from.
        tool: Indenter; its height is 1 at the edge of the contact.
        scale: Size in cells to expect, contact radius in metres.
        rng: Source of the draws.
        measure: Size of a residual deflection.
    """
    material, (cells, radius) = request.material, scale
    h = request.size / cells
    thickness = min(material.sheet_thickness, ranges.log_uniform("thickness_ratio", rng) * request.size)
    support = ranges.log_uniform("support", rng)
    plate_length = float(np.clip((thickness**3 * radius / (6 * support)) ** 0.25 / h, *PLATE_LENGTH_RANGE))
    flexible = 1 - material.poisson_ratio**2
    yield_curvature = 2 * material.yield_stress / (material.youngs_modulus * thickness)
    unit = yield_curvature * h**2
    crush = (
        2 * ranges.uniform("crush_factor", rng) * flexible * radius * material.yield_stress / material.youngs_modulus
    )
    # What base (w_c) and sheet (κ_y ℓ²) give back elastically comes on top of the depth that stays.
    elastic = crush / unit + plate_length**2
    depth = ranges.log_uniform("depth_ratio", rng) * request.size / unit
    stiffness = plate_length**-4
    base = np.stack([np.full(tool.shape, v) for v in (stiffness, stiffness * crush / unit, CRUSHED_TANGENT)])
    plate = make_plate(
        base,
        poisson_ratio=material.poisson_ratio,
        hardening=flexible * material.hardening_modulus / material.youngs_modulus,
        contact_stiffness=0.02 + stiffness,
    )
    bending = material.youngs_modulus * thickness**3 / (12 * flexible)
    return Sheet(
        plate, tool * (depth + elastic), depth, elastic, measure, thickness, yield_curvature, bending, ranges.drawn
    )


def _simulate(name: str, request: SimulationRequest, sheet: Sheet) -> Simulation:
    presses = _press_stages(sheet, request.stages)
    spacing = request.size / presses[-1].size
    snapshots = tuple(_snapshot(sheet, press, spacing, press.progress(presses[-1]) * request.size) for press in presses)
    return Simulation(
        family="deformation",
        scenario=name,
        placement="interior",
        snapshots=snapshots,
        parameters=_parameters(sheet, presses[-1], spacing),
        iterations=sum(press.report.iterations for press in presses),
        residual=max(press.report.residual for press in presses),
    )


def _press_stages(sheet: Sheet, stages: tuple[float, ...]) -> list[Press]:
    """Press ever deeper; a stage whose progress misses its share of the last is pressed again to a better depth.

    Raises:
        SimulationRejected: The last one springs back, or the stages do not grow.
    """
    trials = _march(sheet, stages)
    last, chosen, state = trials[-1], [], rest((sheet.tool.shape[0], sheet.tool.shape[1]))
    if last.deepest <= MIN_STAYING * last.indentation:
        msg = "the sheet springs back whole"
        raise SimulationRejected(msg)
    for stage, first in zip(stages[:-1], list(trials), strict=False):
        press = first
        for _ in range(MAX_CORRECTIONS):
            if abs(press.progress(last) / stage - 1) <= STAGE_TOLERANCE:
                break
            press = _press(sheet, state, *_depth_for(sheet, trials, stage))
            trials = sorted([*trials, press], key=lambda trial: trial.indentation)
        chosen.append(press)
        state = press.loaded
    chosen.append(last)
    reached = [0.0] + [press.progress(last) for press in chosen]
    if any(b <= a for a, b in itertools.pairwise(reached)):
        msg = "the residual dent did not grow with the load"
        raise SimulationRejected(msg)
    return chosen


def _march(sheet: Sheet, stages: tuple[float, ...]) -> list[Press]:
    """Press to the stages' likely depths: a wrapped body's contact radius goes as √depth."""
    state = rest((sheet.tool.shape[0], sheet.tool.shape[1]))
    presses: list[Press] = []
    # A lone stage is reached in three steps, so that its history does not hang on one large increment.
    for stage in stages if len(stages) > 1 else (0.4 * stages[0], 0.7 * stages[0], stages[0]):
        depth = stage * sheet.elastic + stage**2 * sheet.depth
        guess = state.w * (depth / presses[-1].indentation) if presses else state.w
        presses.append(_press(sheet, state, depth, guess))
        state = presses[-1].loaded
    return presses


def _depth_for(sheet: Sheet, trials: list[Press], stage: float) -> tuple[float, Float64]:
    """Return the indentation that should bring a stage's progress, and the deflection to start the solve from."""
    depths = np.array([0.0, *(trial.indentation for trial in trials)])
    reached = np.maximum.accumulate([0.0, *(trial.progress(trials[-1]) for trial in trials)])
    depth = float(np.interp(stage, reached + 1e-9 * np.arange(reached.size), depths))
    right = min(int(np.searchsorted(depths, depth)), len(trials))
    share = (depth - depths[right - 1]) / (depths[right] - depths[right - 1])
    below = trials[right - 2].loaded.w if right > 1 else np.zeros_like(sheet.tool)
    return depth, below + share * (trials[right - 1].loaded.w - below)


def _press(sheet: Sheet, state: PlateState, depth: float, guess: Float64) -> Press:
    """Press to ``depth`` from the history of ``state`` and measure what an elastic rebound leaves."""
    loaded, report = equilibrate(sheet.plate, replace(state, w=guess), indenter=depth - sheet.tool, options=OPTIONS)
    residual = elastic_rebound(sheet.plate, loaded)
    deepest = float(residual.max())
    if deepest <= MIN_STAYING * 1e-2 * depth:
        return Press(loaded, depth, residual, 0.0, 0.0, report)
    return Press(loaded, depth, residual, sheet.measure(residual, DEPTH_LEVEL * deepest), deepest, report)


def _snapshot(sheet: Sheet, press: Press, spacing: float, size: float) -> Snapshot:
    """Release a stage and return it on a grid twice as fine, in metres: z = -w, u = (t/2) ∇w on the sheet's face."""
    residual, _ = release(sheet.plate, press.loaded, options=OPTIONS)
    w = _refine(residual.w) * sheet.yield_curvature * spacing**2
    fine = spacing / FINER
    displacement = 0.5 * sheet.thickness * slopes(w, fine)
    anchor = tuple(0.5 * FINER * (n - 1) for n in residual.w.shape)
    relief = Relief(-w, displacement, fine, (anchor[0], anchor[1]))
    return relief_snapshot(relief, size, {"width": equivalent_diameter(w, DEPTH_LEVEL * float(w.max())) * fine})


def _refine(w: Float64) -> Float64:
    """Interpolate a periodic field on a grid ``FINER`` times as fine by its Fourier series."""
    ny, nx = w.shape
    spectrum = scipy.fft.rfft2(w)
    wide = np.zeros((FINER * ny, FINER * nx // 2 + 1), complex)
    half = ny // 2
    wide[:half, : nx // 2] = spectrum[:half, : nx // 2]
    wide[-half + 1 :, : nx // 2] = spectrum[half + 1 :, : nx // 2]
    return np.asarray(FINER**2 * scipy.fft.irfft2(wide, s=(FINER * ny, FINER * nx)))


def _parameters(sheet: Sheet, last: Press, spacing: float) -> dict[str, float | str]:
    """Return what was drawn and the physical problem that was solved, SI."""
    unit = sheet.yield_curvature * spacing**2
    k, crush = float(sheet.plate.base[0, 0, 0]), float(sheet.plate.base[1, 0, 0])
    pressure = sheet.plate.contact_stiffness * np.maximum(last.indentation - sheet.tool - last.loaded.w, 0)
    derived = {
        "thickness": sheet.thickness,
        "plate_length": spacing * k**-0.25,
        "base_stiffness": k * sheet.stiffness / spacing**4,
        "crush_pressure": crush * sheet.stiffness * unit / spacing**4,
        "indentation": last.indentation * unit,
        "load": float(pressure.sum()) * sheet.stiffness * sheet.yield_curvature,
        "peak_curvature_over_yield": float(last.loaded.peak.max()),
    }
    return sheet.drawn | derived

"""Deformation: production grids, steps and tolerances against finer ones, on the same bodies and films.

* :func:`press` compares residual dents and creases with twice the grid, four times the load steps, tight tolerances.
* :func:`imprint` compares pile-up with twice the grid and a tight tolerance, :func:`scratch` with twice the grid.
* :func:`wrinkle` compares the waves' height and slope with 20 times the relaxation on twice the grid.
"""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from benchmarks.bias_table import Pairs
from benchmarks.scenario_mix import Case
from maphc2f.defects import FAMILIES, pressing, wrinkling
from maphc2f.defects.indenters import Ranges, draw_ridge, draw_tool, level_of_area
from maphc2f.defects.marking import IMPRINT_GRID, IMPRINT_VIEW, SCRATCH_CELLS, _flank_slope, _press, hard_contact
from maphc2f.defects.pressing import OPTIONS, Sheet, _make_sheet
from maphc2f.defects.relief import equivalent_diameter, profile_length
from maphc2f.defects.wrinkling import Patch, _draw_patch, _draw_seed
from maphc2f.errors import SimulationRejected
from maphc2f.rng import stream
from maphc2f.sample import Snapshot
from maphc2f.solvers.contact import pile_up
from maphc2f.solvers.plate import NewtonOptions, equilibrate, make_plate, release, rest
from maphc2f.solvers.wrinkle import make_film, relax

Float64 = NDArray[np.float64]

FINER = 2
STEPS = (0.4, 0.6, 0.8, 1.0)
FINE_STEPS = tuple(float(s) for s in np.linspace(0, 1, 17)[1:])
ACCURATE = NewtonOptions(tolerance=1e-4, forcing=0.05, max_inner=200)
PILE, TIGHT_PILE = 1e-4, 1e-6
MORE_RELAXATION = 20


def upsampled(field: Float64, finer: int) -> Float64:
    """Return a field at the centres of cells ``finer`` times as small, by cubic splines."""
    axes = [(np.arange(finer * n) + 0.5) / finer - 0.5 for n in field.shape]
    return np.asarray(map_coordinates(field, np.meshgrid(*axes, indexing="ij"), order=3, mode="nearest"))


def _ranges(case: Case, name: str) -> Ranges:
    family, scenario = name.split(".")
    return Ranges.of(FAMILIES[family].scenarios[scenario], case.request)


def dent_sheet(case: Case, name: str, seed: int) -> Sheet:
    """Draw a dent's problem as production does."""
    ranges, rng = _ranges(case, name), stream(0, "bias", name, seed)
    n, cells = pressing.DENT_GRID, pressing.DENT_CELLS
    y, x = (np.mgrid[:n, :n] - 0.5 * (n - 1)) / (0.5 * cells)
    _, tool = draw_tool(y, x, rng)
    tool /= level_of_area(tool, math.pi * (0.5 * cells) ** 2)
    return _make_sheet(case.request, ranges, tool, (cells, 0.5 * case.request.size), rng, equivalent_diameter)


def crease_sheet(case: Case, name: str, seed: int) -> Sheet:
    """Draw a crease's problem as production does."""
    ranges, rng = _ranges(case, name), stream(0, "bias", name, seed)
    (ny, nx), half = pressing.CREASE_GRID, 0.5 * pressing.CREASE_CELLS
    y, x = np.mgrid[:ny, :nx].astype(np.float64)
    sharpness = ranges.log_uniform("sharpness", rng)
    tool = draw_ridge((y - 0.5 * (ny - 1)) / half, (x - 0.5 * (nx - 1)) / half, rng, sharpness=sharpness)
    scale = (pressing.CREASE_CELLS, 0.5 * case.request.size / sharpness)
    return _make_sheet(case.request, ranges, tool, scale, rng, profile_length)


def finer_sheet(sheet: Sheet, finer: int) -> Sheet:
    """Return the same problem with cells ``finer`` times as small; deflections count in κ_y h², so they grow."""
    base = np.stack([upsampled(plane, finer) for plane in sheet.plate.base])
    base[0] /= finer**4
    base[1] /= finer**2
    plate = make_plate(
        base,
        poisson_ratio=sheet.plate.poisson_ratio,
        hardening=sheet.plate.hardening,
        contact_stiffness=sheet.plate.contact_stiffness / finer**4,
    )
    tool = upsampled(sheet.tool, finer) * finer**2
    return replace(sheet, plate=plate, tool=tool, depth=sheet.depth * finer**2, elastic=sheet.elastic * finer**2)


def residual(sheet: Sheet, steps: tuple[float, ...], options: NewtonOptions) -> Float64:
    """Press to the depth of the last stage in steps and release; return the deflection."""
    state, before = rest((sheet.tool.shape[0], sheet.tool.shape[1])), 0.0
    for stage in steps:
        depth = stage * sheet.elastic + stage**2 * sheet.depth
        guess = state.w * (depth / before) if before else state.w
        state, _ = equilibrate(sheet.plate, replace(state, w=guess), indenter=depth - sheet.tool, options=options)
        before = depth
    free, _ = release(sheet.plate, state, options=options)
    return free.w


def press(case: Case, name: str, seed: int) -> Pairs:
    """Compare a dent or a crease.

    Raises:
        SimulationRejected: It springs back whole, or a solve does not converge.
    """
    sheet = (dent_sheet if name.endswith("dent") else crease_sheet)(case, name, seed)
    coarse = residual(sheet, STEPS, OPTIONS)
    fine = residual(finer_sheet(sheet, FINER), FINE_STEPS, ACCURATE)
    deepest = float(coarse.max()), float(fine.max())
    if min(deepest[0], deepest[1] / FINER**2) <= pressing.MIN_STAYING * sheet.depth:
        msg = "the sheet springs back whole"
        raise SimulationRejected(msg)
    sizes = [sheet.measure(w, 0.1 * d) for w, d in zip((coarse, fine), deepest, strict=True)]
    areas = [equivalent_diameter(w, 0.1 * d) for w, d in zip((coarse, fine), deepest, strict=True)]
    return {
        "residual depth": (deepest[0], deepest[1] / FINER**2),
        "size": (sizes[0], sizes[1] / FINER),
        "diameter of equal area": (areas[0], areas[1] / FINER),
    }


def _imprint(case: Case, name: str, seed: int, finer: int) -> dict[str, float]:
    """Press one body in and lift it off; lengths over the diameter of what it leaves."""
    request, ranges, rng = case.request, _ranges(case, name), stream(0, "bias", name, seed)
    n = finer * int(np.clip(round(IMPRINT_VIEW * request.size / request.pixel_size), *IMPRINT_GRID))
    radius = n / (2 * IMPRINT_VIEW)
    y, x = (np.mgrid[:n, :n] - 0.5 * (n - 1)) / radius
    _, tool = draw_tool(y, x, rng)
    tool *= 2 * radius * ranges.uniform("depth_ratio", rng) / level_of_area(tool, math.pi * radius**2)
    contact = hard_contact(request.material, _flank_slope(tool, level_of_area(tool, math.pi * radius**2)))
    width = ranges.uniform("flow_width", rng)
    last = _press(tool, [stage * radius for stage in request.stages], contact.hardness / contact.reduced_modulus)[-1]
    cell, tolerance = 1 / last.diameter, TIGHT_PILE if finer > 1 else PILE
    flow = 0.5 * width * last.diameter
    pile = pile_up(cell * last.gap, share=contact.share, width=flow, tolerance=tolerance)
    # Crests are rounded by 0.7 production cells, on the fine grid by as much in metres.
    height = cv2.GaussianBlur(pile.height, (0, 0), 0.7 * finer, borderType=cv2.BORDER_REFLECT)
    return {
        "depth": -float(height.min()),
        "height of the rim": float(height.max()),
        "volume of the rim": float(np.maximum(pile.height, 0).sum()) * cell**2,
        "volume dug": -float(np.minimum(pile.height, 0).sum()) * cell**2,
        "recovery": last.recovery,
    }


def imprint(case: Case, name: str, seed: int) -> Pairs:
    """Compare an imprint.

    Raises:
        SimulationRejected: The pile-up does not converge.
    """
    production, fine = (_imprint(case, name, seed, finer) for finer in (1, FINER))
    return {quantity: (production[quantity], fine[quantity]) for quantity in production}


def _volumes(snapshot: Snapshot) -> dict[str, float]:
    assert snapshot.depth is not None, "a scratch is a relief"
    depth = snapshot.depth.astype(np.float64)
    cell = snapshot.spacing**2
    return {
        "depth": -float(depth.min()),
        "height of the ridges": float(depth.max()),
        "volume of the ridges": float(np.maximum(depth, 0).sum()) * cell,
        "volume dug": -float(np.minimum(depth, 0).sum()) * cell,
    }


def scratch(case: Case, name: str, seed: int) -> Pairs:
    """Compare a scratch under an even load, short enough for its grid to follow the pixel size.

    Uneven loads are drawn point by point, so that another grid would have another load.

    Raises:
        SimulationRejected: The pile-up does not converge.
    """
    family = FAMILIES[name.partition(".")[0]]
    pixel = case.request.pixel_size
    shorter = min(case.request.size, SCRATCH_CELLS * pixel / (2 * FINER))
    own = _ranges(case, name).bounds
    middle = 0.5 * sum(own["flow_width"])
    even = {**case.request.parameters, "unevenness": (0.0, 0.0), "flow_width": (middle, middle)}
    request = replace(case.request, size=shorter, stages=(1.0,), parameters=even)
    both = [
        family.simulate(replace(request, pixel_size=p), stream(0, "bias", name, seed)).snapshots[-1]
        for p in (pixel, pixel / FINER)
    ]
    if not math.isclose(both[0].spacing, FINER * both[1].spacing):
        msg = "the grid of this scratch does not follow the pixel size"
        raise SimulationRejected(msg)
    production, fine = (_volumes(snapshot) for snapshot in both)
    return {quantity: (production[quantity], fine[quantity]) for quantity in production}


def _periodic(field: Float64, finer: int) -> Float64:
    """Interpolate a periodic field by its Fourier series."""
    return np.asarray(scipy.fft.irfft2(_padded(scipy.fft.rfft2(field), finer), s=tuple(finer * n for n in field.shape)))


def _padded(spectrum: NDArray[np.complex128], finer: int) -> NDArray[np.complex128]:
    ny, half = spectrum.shape
    wide = np.zeros((finer * ny, finer * (half - 1) + 1), np.complex128)
    wide[: ny // 2, : half - 1] = spectrum[: ny // 2, :-1]
    wide[-ny // 2 + 1 :, : half - 1] = spectrum[ny // 2 + 1 :, :-1]
    return wide * finer**2


def _waves(patch: Patch, v: Float64, case: Case, scale: tuple[float, float], finer: int) -> Float64:
    """Return the scaled deflection of the last stage; ``scale`` is (wavelength, peak). A finer grid relaxes longer."""
    grid, (wavelength, peak) = finer * wrinkling.GRID, scale
    film = make_film((grid, grid), wavelength / (wrinkling.VIEW * case.request.size / grid))
    more = MORE_RELAXATION if finer > 1 else 1
    for k, stage in enumerate(case.request.stages):
        steps = wrinkling.FIRST_STEPS if k == 0 else wrinkling.STAGE_STEPS
        v, _ = relax(film, v, patch.overload(peak, stage), more * steps)
    return v


def wrinkle(case: Case, name: str, seed: int) -> Pairs:
    """Compare wrinkles."""
    ranges, rng = _ranges(case, name), stream(0, "bias", name, seed)
    size, grid = case.request.size, wrinkling.GRID
    cell = wrinkling.VIEW * size / grid
    scale = ranges.log_uniform("wavelength_ratio", rng) * size, ranges.uniform("overstrain", rng)
    patch = _draw_patch(0.5 * size / cell, ranges, rng)
    first = wrinkling.SEED_DEFLECTION * _draw_seed(make_film((grid, grid), scale[0] / cell), rng)
    coarse = _waves(patch, first, case, scale, 1)
    finer_patch = replace(patch, radius2=upsampled(patch.radius2, FINER), angle=upsampled(patch.angle, FINER))
    fine = _waves(finer_patch, _periodic(first, FINER), case, scale, FINER)
    return {
        "amplitude": (float(np.abs(coarse).max()), float(np.abs(fine).max())),
        "root mean square height": (float(coarse.std()), float(fine.std())),
        "root mean square slope": (_slope(coarse), FINER * _slope(fine)),
    }


def _slope(v: Float64) -> float:
    """Return the root mean square slope of a periodic field a cell, from its spectrum."""
    spectrum = scipy.fft.fft2(v)
    qy, qx = (2 * math.pi * scipy.fft.fftfreq(n) for n in v.shape)
    power = np.abs(spectrum) ** 2 * (qy[:, None] ** 2 + qx**2)
    return math.sqrt(float(power.sum())) / v.size

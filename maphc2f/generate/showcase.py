"""One simulation by itself, without a picture: what ``maphc2f simulate`` shows.

* :class:`Wish` is what is asked for; :func:`settle` turns it into an :class:`Order` that can be run.
* :func:`run` gives :class:`Shown`: the simulation with its identity and its time.
* :func:`planes` names the fields of a snapshot; :func:`facts` lists what is worth a line of print.
* :func:`write_npz` writes all fields of all snapshots.

A severity is a size over the scenario's largest one, which is a share of the field of view, as in a dataset. Without a
picture the view is ``VIEW_PIXELS`` pixels wide.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maphc2f.bundled import find_material, load_materials
from maphc2f.defects import FAMILIES
from maphc2f.defects.units import unit_of
from maphc2f.errors import ManifestError, SimulationRejected
from maphc2f.generate.plan import stage_fractions
from maphc2f.generate.simulate import MAX_SIMULATIONS
from maphc2f.registry import near
from maphc2f.rng import stream
from maphc2f.sample import Scenario, Simulation, SimulationRequest, Snapshot
from maphc2f.shards.files import write_atomic
from maphc2f.spec import MaterialSpec

VIEW_PIXELS = 256
"""Side of the field of view, px."""

DEFAULT_SEVERITY = 0.6
ABSURD = 10.0
"""Parameters may lie this many times their own range away, not more."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; lengths in m.

    Attributes:
        family: Name of a defect family.
        scenario: One of its scenarios; None is enough where it has a single one.
        material: A bundled material; None takes the first that suits.
        severity: Final size over the scenario's largest; None with a ``size``, else 0.6 or the least there is.
        size: Final size; None with a severity.
        pixel_size: Pixel size of the picture it would be made for.
        stages: Number of snapshots of growing size.
        seed: Decides everything that is drawn.
        parameters: Ranges, SI, that override the scenario's.
    """

    family: str
    scenario: str | None = None
    material: str | None = None
    severity: float | None = None
    size: float | None = None
    pixel_size: float = 40e-6
    stages: int = 4
    seed: int = 0
    parameters: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """A wish with every name found and every range checked."""

    family: str
    scenario: Scenario
    request: SimulationRequest
    severity: float
    seed: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A simulation with its identity.

    Attributes:
        order: What was run.
        simulation: Its result.
        attempt: Rejected draws before it.
        milliseconds: Wall time of this one simulation, kernels compiled before.
    """

    order: Order
    simulation: Simulation
    attempt: int
    milliseconds: float


def settle(wish: Wish) -> Order:
    """Check a wish and return what to run.

    Raises:
        ManifestError: A name is unknown, the material lacks a property, or a size or range cannot be.
    """
    scenario = _scenario(wish)
    material = _material(wish, scenario)
    view = VIEW_PIXELS * wish.pixel_size
    size_max = scenario.size_range[1] * view
    severity = _severity(wish, scenario, view)
    request = SimulationRequest(
        scenario=scenario.name,
        material=material,
        size=severity * size_max,
        stages=(1.0,) if wish.stages == 1 else stage_fractions(wish.stages, 0.0),
        field_of_view=view,
        pixel_size=wish.pixel_size,
        parameters=_parameters(wish, scenario),
    )
    return Order(wish.family, scenario, request, severity, wish.seed)


def _scenario(wish: Wish) -> Scenario:
    known = FAMILIES.resolve(wish.family, where="FAMILY").scenarios
    if wish.scenario is not None and wish.scenario in known:
        return known[wish.scenario]
    if wish.scenario is None and len(known) == 1:
        return next(iter(known.values()))
    raise ManifestError(
        f"unknown scenario '{wish.scenario}' of {wish.family}" if wish.scenario is not None else "missing",
        where="--scenario",
        rule=f"it must be one of the scenarios of {wish.family}",
        remedy=near(wish.scenario or "", list(known)),
    )


def _material(wish: Wish, scenario: Scenario) -> MaterialSpec:
    suitable = [material for material in load_materials().values() if scenario.suits(material)]
    if wish.material is None:
        return suitable[0]
    material = find_material(wish.material)
    if scenario.suits(material):
        return material
    lacking = [name for name in scenario.needs if not getattr(material, name)]
    raise ManifestError(
        f"{material.name} lacks {', '.join(lacking)}",
        where="--material",
        rule=f"{wish.family}.{scenario.name} needs {', '.join(scenario.needs)}",
        remedy=f"choose one of {', '.join(m.name for m in suitable)}",
    )


def _severity(wish: Wish, scenario: Scenario, view: float) -> float:
    if wish.severity is not None and wish.size is not None:
        raise ManifestError(
            "given together with --severity", where="--size", rule="severity is the size", remedy="keep one"
        )
    low, high = scenario.size_range
    if wish.size is not None:
        if low * view <= wish.size <= high * view * (1 + 1e-9):
            return min(wish.size / (high * view), 1.0)
        raise ManifestError(
            f"{wish.size * 1e3:.4g} mm",
            where="--size",
            rule=f"{scenario.name} is {low * view * 1e3:.4g} to {high * view * 1e3:.4g} mm large "
            f"where {VIEW_PIXELS} pixels cover {view * 1e3:.4g} mm",
            remedy="choose another size, or another --pixel-size",
        )
    severity = max(DEFAULT_SEVERITY, low / high) if wish.severity is None else wish.severity
    if low / high <= severity <= 1:
        return severity
    raise ManifestError(
        f"{severity:g}",
        where="--severity",
        rule=f"{scenario.name} has sizes from {low / high:.3g} to 1 of its largest",
        remedy="choose a severity in that range",
    )


def _parameters(wish: Wish, scenario: Scenario) -> dict[str, tuple[float, float]]:
    for name, (low, high) in wish.parameters.items():
        if name not in scenario.parameters:
            raise ManifestError(
                f"unknown parameter '{name}' of {wish.family}.{scenario.name}",
                where="--set",
                rule="it must be a parameter of the scenario",
                remedy=near(name, list(scenario.parameters)) if scenario.parameters else "leave it out: it has none",
            )
        least = scenario.parameters[name][0]
        # Numbers that are drawn in a log scale, or are lengths and shares, have no meaning below zero.
        if low > high or (least >= 0 and low < 0) or (least > 0 and low == 0):
            raise ManifestError(
                f"{name}={low:g}..{high:g}",
                where="--set",
                rule="a range must rise" if low > high else f"{name} must be {'> 0' if least > 0 else '>= 0'}",
                remedy="its own range is {:g}..{:g}".format(*scenario.parameters[name]),
            )
        _check_scale(name, (low, high), scenario.parameters[name])
    return dict(wish.parameters)


def _check_scale(name: str, asked: tuple[float, float], own: tuple[float, float]) -> None:
    """Refuse what lies beyond ABSURD times a parameter's own range: a wrong unit or a slip.

    Raises:
        ManifestError: It does.
    """
    largest = ABSURD * max(abs(own[0]), abs(own[1]))
    least = own[0] / ABSURD if own[0] > 0 else 0.0 if own[0] == 0 else -largest
    if largest == 0 or (least <= asked[0] and asked[1] <= largest):
        return
    raise ManifestError(
        f"{name}={asked[0]:g}..{asked[1]:g}",
        where="--set",
        rule=f"within {least:g}..{largest:g}, {ABSURD:g} times its own range either way",
        remedy="its own range is {:g}..{:g}".format(*own),
    )


def run(order: Order) -> Shown:
    """Run a simulation, redrawing those that are rejected, as a dataset would.

    Raises:
        ManifestError: None of 12 draws grew.
    """
    family, reason = FAMILIES[order.family], ""
    for attempt in range(MAX_SIMULATIONS):
        names = (order.family, order.scenario.name, "simulate", attempt)
        try:
            family.simulate(order.request, stream(order.seed, *names))
        except SimulationRejected as rejected:
            reason = str(rejected)
            continue
        # Once more, so that the time is that of the solver and not of its compiler; the same stream, the same result.
        start = time.perf_counter()
        simulation = family.simulate(order.request, stream(order.seed, *names))
        return Shown(order, simulation, attempt, 1e3 * (time.perf_counter() - start))
    raise ManifestError(
        f"none of {MAX_SIMULATIONS} simulations grew, the last because: {reason}",
        where=f"{order.family}.{order.scenario.name}",
        rule="a simulation must reach its size",
        remedy="try another --seed, --severity or --set",
    )


def planes(snapshot: Snapshot) -> dict[str, NDArray[Any]]:
    """Return the arrays of a snapshot by name: its fields, and ``trace`` where it is a line."""
    values = {entry.name: getattr(snapshot, entry.name) for entry in fields(snapshot)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def facts(shown: Shown) -> list[tuple[str, float | str, str]]:
    """Return (name, value, SI unit) of the last snapshot's sizes, of all parameters, and of the solver's effort."""
    simulation, last = shown.simulation, shown.simulation.snapshots[-1]
    rows: list[tuple[str, float | str, str]] = [("size", last.size, "m"), ("severity", shown.order.severity, "1")]
    rows += [(name, float(value), "m") for name, value in last.measures.items()]
    for name, value in simulation.parameters.items():
        # What is drawn and what is measured may bear one name.
        shared = f"{name} (parameter)" if name in last.measures else name
        unit = "" if isinstance(value, str) else unit_of(simulation.family, name) or "?"
        rows.append((shared, value if isinstance(value, str) else float(value), unit))
    rows += [("iterations", float(simulation.iterations), "1"), ("residual", simulation.residual, "1")]
    return [*rows, ("rejected before", float(shown.attempt), "1"), ("time", shown.milliseconds / 1e3, "s")]


def arrays(shown: Shown) -> dict[str, NDArray[Any]]:
    """Return what :func:`write_npz` writes.

    Keys, for the K stages k = 0, 1, ...:

    * ``extent_k`` float32 (ny, nx), in [0, 1]; for a crack the phase field. The defect is where it is >= ``threshold``.
    * ``depth_k`` m, negative into the part; ``displacement_k`` (2, ny, nx) as (y, x), m; ``product_k`` m;
      ``removed_k`` share in [0, 1]: each only where the scenario has it.
    * ``trace_k`` float32 (n, 2, 3), cracks only: segments with two ends of (y, x, opening), m.
    * ``size``, ``spacing``, ``threshold`` (K,): size reached m, grid spacing m, level of the outline.
    * ``origin`` (K, 2): position (y, x) of the centre of cell [0, 0] against the anchor, m.
    * ``stages`` (K,): fractions of the final size that were asked for.
    * ``meta``: JSON text with family, scenario, material, severity, seed, placement, measures, parameters, units,
      iterations and residual.
    """
    snapshots = shown.simulation.snapshots
    out = {f"{name}_{k}": plane for k, snapshot in enumerate(snapshots) for name, plane in planes(snapshot).items()}
    for name in ("size", "spacing", "threshold", "origin"):
        out[name] = np.array([getattr(snapshot, name) for snapshot in snapshots], np.float64)
    out["stages"] = np.array(shown.order.request.stages, np.float64)
    out["meta"] = np.array(json.dumps(_meta(shown), sort_keys=True))
    return out


def _meta(shown: Shown) -> dict[str, Any]:
    order, simulation = shown.order, shown.simulation
    names = [*simulation.parameters, *(name for snapshot in simulation.snapshots for name in snapshot.measures)]
    return {
        "family": simulation.family,
        "scenario": simulation.scenario,
        "material": order.request.material.name,
        "severity": order.severity,
        "seed": order.seed,
        "attempt": shown.attempt,
        "placement": simulation.placement,
        "pixel_size": order.request.pixel_size,
        "field_of_view": order.request.field_of_view,
        "measures": [dict(snapshot.measures) for snapshot in simulation.snapshots],
        "parameters": dict(simulation.parameters),
        "units": {name: unit for name in names if (unit := unit_of(simulation.family, name)) is not None},
        "iterations": simulation.iterations,
        "residual": simulation.residual,
    }


def write_npz(path: Path, shown: Shown) -> None:
    """Write :func:`arrays` as ``.npz``, loadable without pickle; the same simulation gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays(shown).items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
            # A ZipInfo of its own has a fixed date, where the archive would write the clock.
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue(), zipfile.ZIP_DEFLATED)
    write_atomic(path, lambda file: file.write(buffer.getvalue()))

"""The physics benchmark: what it prints, that it calls what it says, and that it can fail."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any, NoReturn

import pytest

from benchmarks import physics, physics_table
from benchmarks.physics import CASES, main
from benchmarks.physics_table import Case, Kernel, Row, table
from maphc2f.kernels import blister, contact, multigrid, phase_field, pitting, plasticity, plate
from maphc2f.refine import npcf
from maphc2f.solvers import half_space, wrinkle
from maphc2f.solvers import plate as plate_solver
from maphc2f.solvers.wrinkle import make_film


class CalledError(Exception):
    """Raised in place of a kernel's work."""


def replace_everywhere(monkeypatch: pytest.MonkeyPatch, kernel: Kernel, substitute: Kernel) -> None:
    """Put ``substitute`` wherever a module of the package or of the benchmarks names ``kernel``."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in {"maphc2f", "benchmarks"}:
            for attribute, value in list(vars(module).items()):
                if value is kernel:
                    monkeypatch.setattr(module, attribute, substitute)


def refuse(*_: Any, **__: Any) -> NoReturn:
    raise CalledError


@pytest.mark.parametrize(
    ("case", "kernel"),
    [pytest.param(c, k, id=f"{c.name}-{physics_table.kernel_name(k)}") for c in CASES for k in c.kernels],
)
def test_a_case_cannot_do_without_its_production_kernel(
    case: Case, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_everywhere(monkeypatch, kernel, refuse)
    with pytest.raises(CalledError):
        case.measure(False)


@pytest.mark.parametrize(
    "name",
    [
        "strength",
        "profile",
        "mass",
        "order",
        "springback",
        "unloading",
        "pile_up",
        "hertz",
        "circle",
        "blister",
        "hole",
        "point_load",
        "plane_order",
    ],
)
def test_quick_cases_pass_and_name_their_kernel(name: str) -> None:
    case = next(case for case in CASES if case.name == name)
    rows = case.measure(False)
    assert rows
    assert [row.quantity for row in rows if not row.passes] == []
    assert {row.kernel for row in rows} <= set(case.kernels)


@pytest.mark.slow
def test_all_quick_cases_pass() -> None:
    assert [row.quantity for case in CASES for row in case.measure(False) if not row.passes] == []


def weaker(advance: Kernel) -> Kernel:
    """A tenth of the toughness is lost."""
    return lambda fields, *rest: advance(fields._replace(gc=0.9 * fields.gc), *rest)


def wider(relax_damage: Kernel) -> Kernel:
    """The profile is relaxed with a length half too large."""
    return lambda damage, gc, ell, *rest: relax_damage(damage, gc, 1.5 * ell, *rest)


def denser(dissolve: Kernel) -> Kernel:
    """A dissolved cell gives 15 % more ions than the metal held."""
    return lambda *arguments: dissolve(*arguments[:15], 1.15 * arguments[15], *arguments[16:])


def brittle(advance: Kernel) -> Kernel:
    """A quarter of the toughness is lost."""
    return lambda fields, *rest: advance(fields._replace(gc=0.75 * fields.gc), *rest)


def uncoupled(v_cycle: Kernel) -> Kernel:
    """A stretched cell does not pull at its sides."""
    return lambda u, f, levels, *rest: v_cycle(u, f, [level._replace(c12=0.0) for level in levels], *rest)


def slower(relax: Kernel) -> Kernel:
    """Metal below the fourth layer dissolves at four fifths of its rate."""

    def slow_below(*arguments: Any) -> Any:
        velocity = arguments[6].copy()
        velocity[4 * arguments[12] :] *= 0.8
        return relax(*arguments[:6], velocity, *arguments[7:])

    return slow_below


def softer(bend: Kernel) -> Kernel:
    """Moments are a tenth too small, the tangent too."""

    def soft(*arguments: Any) -> int:
        count: int = bend(*arguments)
        arguments[5][...] *= 0.9
        arguments[6][:2] *= 0.9
        return count

    return soft


def forgetting(bend: Kernel) -> Kernel:
    """Every step loses a tenth of the plastic curvature."""

    def forget(*arguments: Any) -> int:
        count: int = bend(*arguments)
        arguments[7][...] *= 0.9
        return count

    return forget


def hasty(equilibrate: Kernel) -> Kernel:
    """A step ends at fifty times the imbalance that was asked for."""

    def hurry(sheet: Any, state: Any, *, options: Any, **loads: Any) -> Any:
        return equilibrate(sheet, state, options=replace(options, tolerance=50 * options.tolerance), **loads)

    return hurry


def longer(relax: Kernel) -> Kernel:
    """Waves come out 8 % too long."""
    return lambda film, v, *rest: relax(make_film(v.shape, 1.08 * film.wavelength), v, *rest)


def leaking(squeeze_out: Kernel) -> Kernel:
    """A twentieth of what is dug is lost."""
    return lambda phi, surface, share, *rest: squeeze_out(phi, surface, 0.95 * share, *rest)


def heavier(solve_film: Kernel) -> Kernel:
    """The pressure is a tenth too high."""
    return lambda *arguments: solve_film(*arguments[:5], 1.1 * arguments[5], *arguments[6:])


def dragging(relax_region: Kernel) -> Kernel:
    """The front moves a tenth too slowly."""
    return lambda level, conductivity, *rest, **options: relax_region(level, 0.9 * conductivity, *rest, **options)


def lingering(relax: Kernel) -> Kernel:
    """A faint field costs twice."""

    def linger(*arguments: Any) -> Any:
        if arguments[1].max() < 1e-18:
            relax(*arguments)
        return relax(*arguments)

    return linger


def yielding(displace: Kernel) -> Kernel:
    """The surface sinks a twentieth too far."""
    return lambda space, pressure: 1.05 * displace(space, pressure)


def stronger(press: Kernel) -> Kernel:
    """The yield stress is a twentieth too high."""
    return lambda body, scratch, law, *rest: press(
        body, scratch, law._replace(yield_shear=1.05 * law.yield_shear), *rest
    )


def stiffer(advance: Kernel) -> Kernel:
    """A sheet is half as stiff again along x as along y."""

    def stiff(fields: Any, scratch: Any, constants: Any, *rest: Any) -> Any:
        return advance(fields, scratch, constants._replace(c11=1.5 * constants.c11), *rest)

    return stiff


PLANTED = {
    "isotropy": (phase_field.advance, stiffer),
    "channel": (phase_field.advance, weaker),
    "strength": (phase_field.advance, weaker),
    "profile": (phase_field.relax_damage, wider),
    "tension": (phase_field.advance, weaker),
    "shear": (phase_field.advance, brittle),
    "hole": (multigrid.v_cycle, uncoupled),
    "point_load": (multigrid.v_cycle, uncoupled),
    "plane_order": (multigrid.v_cycle, uncoupled),
    "pencil": (pitting.dissolve, denser),
    "crossover": (pitting.dissolve, denser),
    "slit": (pitting.dissolve, slower),
    "mass": (pitting.dissolve, denser),
    "opening": (pitting.dissolve, denser),
    "circle": (npcf.relax_region, dragging),
    "blister": (blister.solve_film, heavier),
    "fading": (pitting.relax, lingering),
    "plates": (plate.bend, softer),
    "order": (plate.bend, softer),
    "springback": (plate.bend, softer),
    "limit": (plate.bend, softer),
    "dent": (plate_solver.equilibrate, hasty),
    "unloading": (plate.bend, forgetting),
    "punch": (plasticity.press, stronger),
    "hertz": (half_space.displace, yielding),
    "boussinesq": (half_space.displace, yielding),
    "wrinkle": (wrinkle.relax, longer),
    "pile_up": (contact.squeeze_out, leaking),
}
"""An error for each case, put into its kernel."""


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_error_falls_short(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel, error = PLANTED[name]
    replace_everywhere(monkeypatch, kernel, error(kernel))
    assert main(["--only", name]) == 0
    assert "FALLS SHORT" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("ours", "relative", "passes"),
    [(1.049, True, True), (1.051, True, False), (0.949, True, False), (float("nan"), True, False), (1.2, False, False)],
)
def test_a_row_passes_within_its_tolerance(ours: float, relative: bool, passes: bool) -> None:
    row = Row("x", main, 1.0, ours, 0.05, relative)
    assert row.passes is passes
    assert row.cells()[-1] == ("PASS" if passes else "FALLS SHORT")


def test_the_table_names_the_kernel_below_the_package() -> None:
    row = Row("strength", phase_field.advance, 0.4, 0.404, 0.02)
    line = [cell.strip() for cell in table([row]).splitlines()[-1].strip("|").split("|")]
    assert line == ["strength", "kernels.phase_field.advance", "0.4", "0.404", "+1 %", "2 %", "PASS"]


def test_a_crash_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(physics, "CASES", (Case("broken", (), refuse),))
    with pytest.raises(CalledError):
        main([])

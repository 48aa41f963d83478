"""The physics benchmark: what it prints, that it calls what it says, and that it can fail."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import pytest

from benchmarks import physics, physics_table
from benchmarks.physics import CASES, main
from benchmarks.physics_table import Case, Kernel, Row, table
from maphc2f.kernels import contact, phase_field, pitting, plate
from maphc2f.solvers import wrinkle
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


@pytest.mark.parametrize("name", ["strength", "profile", "mass", "order", "springback", "unloading", "pile_up"])
def test_quick_cases_pass_and_name_their_kernel(name: str) -> None:
    case = next(case for case in CASES if case.name == name)
    rows = case.measure(False)
    assert rows
    assert [row.quantity for row in rows if not row.passes] == []
    assert {row.kernel for row in rows} <= set(case.kernels)


@pytest.mark.slow
def test_all_quick_cases_pass_but_those_documented() -> None:
    short = [row.quantity for case in CASES for row in case.measure(False) if not row.passes]
    assert all("in shear" in quantity for quantity in short)


def weaker(advance: Kernel) -> Kernel:
    """A tenth of the toughness is lost."""
    return lambda fields, *rest: advance(fields._replace(gc=0.9 * fields.gc), *rest)


def wider(relax_damage: Kernel) -> Kernel:
    """The profile is relaxed with a length half too large."""
    return lambda damage, gc, ell, *rest: relax_damage(damage, gc, 1.5 * ell, *rest)


def denser(dissolve: Kernel) -> Kernel:
    """A dissolved cell gives 15 % more ions than the metal held."""
    return lambda *arguments: dissolve(*arguments[:15], 1.15 * arguments[15], *arguments[16:])


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


def longer(relax: Kernel) -> Kernel:
    """Waves come out 8 % too long."""
    return lambda film, v, *rest: relax(make_film(v.shape, 1.08 * film.wavelength), v, *rest)


def leaking(squeeze_out: Kernel) -> Kernel:
    """A twentieth of what is dug is lost."""
    return lambda phi, surface, share, *rest: squeeze_out(phi, surface, 0.95 * share, *rest)


PLANTED = {
    "channel": (phase_field.advance, weaker),
    "strength": (phase_field.advance, weaker),
    "profile": (phase_field.relax_damage, wider),
    "tension": (phase_field.advance, weaker),
    "pencil": (pitting.dissolve, denser),
    "crossover": (pitting.dissolve, denser),
    "slit": (pitting.dissolve, slower),
    "mass": (pitting.dissolve, denser),
    "plates": (plate.bend, softer),
    "order": (plate.bend, softer),
    "springback": (plate.bend, softer),
    "limit": (plate.bend, softer),
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

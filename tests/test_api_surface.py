"""The public names of the package and their arguments, compared with a checked-in list.

A name or argument that goes missing breaks somebody's program; to change the list on purpose run
``python -m tests.test_api_surface`` and say so in the changelog.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from pathlib import Path
from typing import Any

import maphc2f
from maphc2f.errors import Maphc2fError, UserError
from maphc2f.sample import Sample, Scenario, Simulation, SimulationRequest, Snapshot

PINNED = Path(__file__).with_name("api_surface.json")


def signature(function: Any) -> list[str]:
    """Return the arguments of ``function`` with their kind and default."""
    found = []
    for parameter in inspect.signature(function).parameters.values():
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        star = "*, " if parameter.kind is parameter.KEYWORD_ONLY else ""
        found.append(f"{star}{parameter.name}{default}")
    return found


def subclasses(kind: type[Any]) -> list[type[Any]]:
    return [kind, *(below for child in kind.__subclasses__() for below in subclasses(child))]


def surface() -> dict[str, Any]:
    """Return what users can rely on: functions, the fields of what crosses plug-in borders, exit codes."""
    values = (Sample, Scenario, Simulation, SimulationRequest, Snapshot)
    errors = sorted(subclasses(Maphc2fError), key=lambda e: e.__name__)
    return {
        "names": sorted(maphc2f.__all__),
        "functions": {name: signature(getattr(maphc2f, name)) for name in ("open", "synthesize")},
        "values": {value.__name__: [field.name for field in dataclasses.fields(value)] for value in values},
        "exit_codes": {e.__name__: e.exit_code for e in errors if e.__module__ == "maphc2f.errors"},
        "user_error": signature(UserError),
    }


def test_public_names_are_those_of_the_list() -> None:
    assert surface() == json.loads(PINNED.read_text(encoding="utf-8")), "see the docstring of this module"


def test_every_public_name_is_there_and_documented() -> None:
    for name in maphc2f.__all__:
        value = getattr(maphc2f, name)
        assert isinstance(value, str) or inspect.getdoc(value)


if __name__ == "__main__":
    PINNED.write_text(json.dumps(surface(), indent=1, sort_keys=True) + "\n", encoding="utf-8")

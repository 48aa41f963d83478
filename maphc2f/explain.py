"""Turn a failed validation into one line that says what, where, the rule and the remedy.

* :func:`validate` builds a model from plain values or raises :class:`~maphc2f.errors.ManifestError`.
* :func:`locator` gives the words for a place in a manifest.
* :func:`slugify` suggests a legal name.
"""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from maphc2f.errors import ManifestError
from maphc2f.registry import near
from maphc2f.spec import CategorySpec, DefectSpec, MaterialSpec, SizeSpec, SourceSpec

Loc = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)

REFERENCE = "docs/reference-manifest.md"

_TABLES: Mapping[str, type[BaseModel]] = {
    "categories": CategorySpec,
    "materials": MaterialSpec,
    "source": SourceSpec,
    "defects": DefectSpec,
    "size": SizeSpec,
}
_REMEDIES: Mapping[str, str] = {
    "int_type": "write a whole number without quotes or a decimal point",
    "float_type": "write a number without quotes",
    "finite_number": "write a finite number",
    "string_type": "write a text in quotes",
    "tuple_type": "write a list in brackets",
    "bool_type": "write true or false",
    "dict_type": "write a table",
    "model_type": "write a table",
}


def validate(model: type[M], values: Mapping[str, Any], locate: Callable[[Loc], str]) -> M:
    """Return ``model`` built from ``values``, which hold what TOML or JSON can hold.

    Validation is strict: the text ``"3"`` is not a number and ``true`` is not 1.

    Args:
        model: The model to build.
        values: Plain values.
        locate: Gives the words for a place in ``values``, e.g. ``categories.bottle.count``.

    Raises:
        ManifestError: The first thing that breaks a rule.
    """
    try:
        return model.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        raise _explained(model, _most_telling(error.errors()), locate) from None


def locator(where: str, names: Mapping[int, str]) -> Callable[[Loc], str]:
    """Return a function that writes a place of the tree as ``where: categories.bottle.pixel_size``."""

    def locate(loc: Loc) -> str:
        # The name is not a key of its own, but the table's heading.
        heading = len(loc) == 3 and loc[-1] == "name"
        parts = [str(part) for part in (loc[:-1] if heading else loc) if part != "[key]"]
        if len(loc) > 1 and loc[0] == "categories" and isinstance(loc[1], int):
            parts[1] = names[loc[1]]
        return f"{where}: {'.'.join(parts)}" if parts else where

    return locate


def slugify(text: str) -> str:
    """Return ``text`` with all but ``a-z``, ``0-9`` and ``_`` replaced; empty if nothing is left."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:64]


def _most_telling(errors: list[ErrorDetails]) -> ErrorDetails:
    """Return an unknown key, which may be a misspelt one that another error misses, else the first error."""
    return next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])


def _explained(model: type[BaseModel], error: ErrorDetails, locate: Callable[[Loc], str]) -> ManifestError:
    loc, kind, value = error["loc"], error["type"], error["input"]
    if kind == "extra_forbidden":
        return _unknown_key(model, loc, locate)
    if kind == "missing":
        # A place in a list means that the list is too short.
        what = f"'{loc[-1]}' is missing" if isinstance(loc[-1], str) else f"the list has only {loc[-1]} entries"
        return ManifestError(
            what,
            where=locate(loc[:-1]),
            rule=_description(model, loc),
            remedy=f"add it; {REFERENCE} describes it",
        )
    if kind == "string_pattern_mismatch":
        return _bad_pattern(loc, str(value), error, locate)
    what = f"{_shown(value)} is refused" if kind != "value_error" else "the values do not fit together"
    return ManifestError(
        what,
        where=locate(loc),
        rule=_rule(error),
        remedy=_REMEDIES.get(kind, f"correct it; {REFERENCE} describes it"),
    )


def _unknown_key(model: type[BaseModel], loc: Loc, locate: Callable[[Loc], str]) -> ManifestError:
    known = [name for name in _table(model, loc).model_fields if name != "name" or len(loc) == 1]
    return ManifestError(
        f"unknown key '{loc[-1]}'",
        where=locate(loc[:-1]),
        rule=f"only keys of {REFERENCE} are allowed",
        remedy=near(str(loc[-1]), known),
    )


def _bad_pattern(loc: Loc, value: str, error: ErrorDetails, locate: Callable[[Loc], str]) -> ManifestError:
    pattern = error.get("ctx", {}).get("pattern", "")
    suggestion = f"write {slugify(value)}" if "a-z" in pattern and slugify(value) else f"{REFERENCE} shows an example"
    return ManifestError(
        f"'{value}' is not allowed", where=locate(loc), rule=f"it must match {pattern.strip('^$')}", remedy=suggestion
    )


def _rule(error: ErrorDetails) -> str:
    text = error["msg"].removeprefix("Value error, ")
    return text.replace("Input should", "it should").replace("Tuple should", "the list should")


def _shown(value: Any) -> str:
    return reprlib.repr(value)


def _table(model: type[BaseModel], loc: Loc) -> type[BaseModel]:
    inner = [_TABLES[part] for part in loc[:-1] if isinstance(part, str) and part in _TABLES]
    return inner[-1] if inner else model


def _description(model: type[BaseModel], loc: Loc) -> str:
    field = _table(model, loc).model_fields.get(str(loc[-1]))
    text = field.description if field and field.description else ""
    if isinstance(loc[-1], int):
        return "it needs one more"
    return f"it is required ({text.rstrip('.')})" if text else "it is required"

"""The files that come with the package, and reading TOML with one-line errors.

* :func:`bundled_path`, :func:`load_materials`, :func:`find_material`.
* :func:`read_text`, :func:`parse_toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from maphc2f.errors import ManifestError
from maphc2f.explain import locator, validate
from maphc2f.registry import near
from maphc2f.spec import MaterialSpec

BUNDLED = "maphc2f.toml"
MATERIALS = "materials.toml"


def bundled_path(name: str) -> Path:
    """Return the path of a bundled manifest: in an installed package, or beside the package in a checkout.

    Raises:
        ManifestError: There is no such file.
    """
    package = Path(__file__).parent
    folders = (package / "_manifests", package.parent / "manifests")
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    known = sorted({path.name for folder in folders for path in folder.glob("*.toml")})
    raise ManifestError(
        f"no bundled manifest '{name}'", where="--manifest", rule="a file or a bundled name", remedy=near(name, known)
    )


@cache
def load_materials() -> Mapping[str, MaterialSpec]:
    """Return the bundled materials by name."""
    stanzas = parse_toml(read_text(bundled_path(MATERIALS)), MATERIALS).get("materials", {})
    locate = locator(MATERIALS, {})
    return MappingProxyType(
        {
            name: validate(
                MaterialSpec,
                {"name": name, **stanza},
                lambda loc, name=name: locate(("materials", name, *loc)),  # type: ignore[misc]
            )
            for name, stanza in stanzas.items()
        }
    )


def find_material(name: str, *, where: str = "--material") -> MaterialSpec:
    """Return a bundled material.

    Raises:
        ManifestError: There is none of that name; the message lists near names.
    """
    materials = load_materials()
    if name not in materials:
        raise unknown_material(name, where, list(materials))
    return materials[name]


def unknown_material(name: str, where: str, known: list[str]) -> ManifestError:
    """Return the error for a material ``name`` that is not among ``known``."""
    return ManifestError(
        f"unknown material '{name}'",
        where=where,
        rule="it must be a bundled material or a [materials.NAME] stanza of the manifest",
        remedy=near(name, known),
    )


def read_text(path: Path) -> str:
    """Return the text of a manifest.

    Raises:
        ManifestError: It cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ManifestError(
            f"cannot read it: {reason}",
            where=str(path),
            rule="a manifest is a TOML file in UTF-8",
            remedy="check the path and the file",
        ) from None


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Return the tree of TOML ``text``.

    Raises:
        ManifestError: It is not TOML; the message has the line.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(
            str(error), where=where, rule="it must be TOML, each table and key once", remedy="correct that line"
        ) from None

"""Manifests: TOML to specs and back, and selections. The one module to ask for a dataset's spec.

* :func:`load_manifest`, :func:`parse_manifest`, :func:`dump_manifest`, :func:`json_schema`.
* :func:`select`, :func:`as_procedural`.
* From :mod:`maphc2f.bundled`: :func:`bundled_path`, :func:`load_materials`, :func:`find_material`.
* From :mod:`maphc2f.flags`: :func:`user_dataset` and the parsers of flags.

Only form is checked here; families, scenarios and substrates are checked through the registries when a plan is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import tomli_w

from maphc2f.bundled import (
    BUNDLED,
    MATERIALS,
    bundled_path,
    find_material,
    load_materials,
    parse_toml,
    read_text,
    unknown_material,
)
from maphc2f.errors import ManifestError
from maphc2f.explain import REFERENCE, locator, validate
from maphc2f.flags import (
    DEFAULT_PIXEL_SIZE,
    RunOptions,
    UserCategory,
    check_count,
    override,
    parse_defects,
    parse_severity,
    parse_size,
    pixel_size_in_metres,
    user_dataset,
)
from maphc2f.registry import near
from maphc2f.spec import CategorySpec, DatasetSpec, MaterialSpec, SourceSpec

__all__ = [
    "BUNDLED",
    "DEFAULT_PIXEL_SIZE",
    "MATERIALS",
    "RunOptions",
    "UserCategory",
    "as_procedural",
    "bundled_path",
    "check_count",
    "dump_manifest",
    "find_material",
    "json_schema",
    "load_manifest",
    "load_materials",
    "override",
    "parse_defects",
    "parse_manifest",
    "parse_severity",
    "parse_size",
    "select",
    "user_dataset",
]

Tree = dict[str, Any]

FOLDERS = ("path", "foreground_path", "keep_out_path")
"""Keys of a source that name folders."""


# --- TOML to spec --------------------------------------------------------------------------------------------------


def load_manifest(path: Path | str) -> DatasetSpec:
    """Return the dataset that the TOML file ``path`` describes.

    Bundled materials that the categories use are filled in; a ``[materials.NAME]`` stanza adds a material or, for a
    bundled name, changes the keys it gives. Relative folders of ``folder`` sources are below the manifest's own folder.

    Raises:
        ManifestError: The file cannot be read or breaks a rule.
    """
    path = Path(path)
    return parse_manifest(read_text(path), where=path.name, base=path.parent.resolve())


def parse_manifest(text: str, *, where: str = "manifest", base: Path | None = None) -> DatasetSpec:
    """Return the dataset that TOML ``text`` describes; see :func:`load_manifest`.

    Args:
        text: TOML.
        where: What to call it in messages.
        base: Folder that relative folder paths are below; None leaves them as they are.
    """
    tree = parse_toml(text, where)
    stanzas = _tables(tree.get("categories"), f"{where}: categories")
    if not stanzas:
        raise ManifestError(
            "there are no categories",
            where=where,
            rule="a manifest needs one or more [categories.NAME] tables",
            remedy=f"add one; {REFERENCE} shows an example",
        )
    categories = [_category(name, stanza, f"{where}: categories.{name}") for name, stanza in stanzas.items()]
    materials = _materials(_tables(tree.get("materials"), f"{where}: materials"), categories, where)
    values = {**tree, "categories": categories, "materials": materials}
    dataset = validate(DatasetSpec, values, locator(where, dict(enumerate(stanzas))))
    return _with_paths(dataset, where, base)


def _tables(value: Any, where: str) -> Mapping[str, Tree]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(stanza, dict) for stanza in value.values()):
        name = where.rsplit(": ", 1)[-1]
        raise ManifestError(
            "not a table of tables",
            where=where,
            rule=f"each entry is a table [{name}.NAME]",
            remedy=f"write [{name}.NAME] above its keys",
        )
    return value


def _named(name: str, stanza: Tree, where: str) -> Tree:
    if "name" in stanza:
        raise ManifestError(
            "unknown key 'name'",
            where=where,
            rule="the name is the one in the table's heading",
            remedy="rename the heading and remove the key",
        )
    return {"name": name, **stanza}


def _category(name: str, stanza: Tree, where: str) -> Tree:
    stanza = _named(name, stanza, where)
    if "pixel_size" in stanza:
        stanza["pixel_size"] = pixel_size_in_metres(stanza["pixel_size"], where=f"{where}.pixel_size")
    return stanza


def _materials(own: Mapping[str, Tree], categories: Sequence[Tree], where: str) -> dict[str, Tree]:
    """Return the manifest's own stanzas, merged over bundled ones, and the bundled ones that categories use."""
    bundled = load_materials()
    merged = {}
    for name, stanza in own.items():
        base = _plain(bundled[name]) if name in bundled else {}
        merged[name] = {**base, **_named(name, stanza, f"{where}: materials.{name}")}
    for category in categories:
        wanted = category.get("material")
        if isinstance(wanted, str) and wanted not in merged:
            if wanted not in bundled:
                place = f"{where}: categories.{category['name']}.material"
                raise unknown_material(wanted, place, [*bundled, *own])
            merged[wanted] = _plain(bundled[wanted])
    return merged


def _plain(spec: MaterialSpec | DatasetSpec) -> Tree:
    return spec.model_dump(mode="json", exclude_none=True)


# --- paths ---------------------------------------------------------------------------------------------------------


def _with_paths(dataset: DatasetSpec, where: str, base: Path | None) -> DatasetSpec:
    categories = []
    for category in dataset.categories:
        source, place = category.source, f"{where}: categories.{category.name}.source"
        _check_source(source, place)
        if source.kind == "folder":
            source = source.model_copy(update={key: _below(getattr(source, key), base) for key in FOLDERS})
        categories.append(category.model_copy(update={"source": source}))
    _check_path(dataset.textures, f"{where}: textures", absolute=True)
    update = {"categories": tuple(categories), "textures": _below(dataset.textures, base)}
    return dataset.model_copy(update=update)


def _check_source(source: SourceSpec, where: str) -> None:
    needed = "generator" if source.kind == "procedural" else "path"
    if source.kind in {"procedural", "folder", "mvtec_ad", "visa", "btad"} and not getattr(source, needed):
        raise ManifestError(
            f"'{needed}' is missing",
            where=where,
            rule=f"kind = '{source.kind}' needs {needed}",
            remedy=f"add it; {REFERENCE} describes it",
        )
    for key in FOLDERS:
        _check_path(getattr(source, key), f"{where}.{key}", absolute=source.kind == "folder")


def _check_path(text: str | None, where: str, *, absolute: bool) -> None:
    if text is None:
        return
    posix, windows = PurePosixPath(text), PureWindowsPath(text)
    rooted = posix.is_absolute() or bool(windows.anchor)
    if ".." in windows.parts or "\0" in text or not text.strip() or (rooted and not absolute):
        root = "the manifest's folder" if absolute else "the data root"
        raise ManifestError(
            f"the path '{text}' leaves its root",
            where=where,
            rule=f"a relative path stays below {root}",
            remedy="give an absolute path" if absolute else "name a folder below the data root, without '..'",
        )


def _below(text: str | None, base: Path | None) -> str | None:
    return text if text is None or base is None else str(base / text)


# --- spec to TOML, schema ------------------------------------------------------------------------------------------


def dump_manifest(dataset: DatasetSpec) -> str:
    """Return ``dataset`` as canonical TOML: every key written out, so that later defaults cannot change it.

    ``parse_manifest(dump_manifest(x)) == x`` for every dataset whose materials are keyed by their names.
    """
    tree = _plain(dataset)
    tree["categories"] = {stanza.pop("name"): stanza for stanza in tree["categories"]}
    for stanza in tree["materials"].values():
        del stanza["name"]
    return tomli_w.dumps(tree)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a manifest, for editors."""
    schema = DatasetSpec.model_json_schema()
    models, keys = schema["$defs"], schema["properties"]
    for model in ("CategorySpec", "MaterialSpec"):
        del models[model]["properties"]["name"]
        models[model]["required"].remove("name")
    # A stanza may change a few keys of a bundled material.
    del models["MaterialSpec"]["required"]
    pixel_size = models["CategorySpec"]["properties"]["pixel_size"]
    description = pixel_size.pop("description")
    text = {"type": "string", "description": "With its unit, as in 50um."}
    models["CategorySpec"]["properties"]["pixel_size"] = {"description": description, "anyOf": [pixel_size, text]}
    slug = {"pattern": "^[a-z0-9_]+$", "maxLength": 64}
    for key, model in (("categories", "CategorySpec"), ("materials", "MaterialSpec")):
        entry = {"$ref": f"#/$defs/{model}"}
        keys[key] = {"type": "object", "propertyNames": slug, "additionalProperties": entry}
    keys["categories"]["minProperties"] = 1
    schema["required"] = ["categories"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "maphc2f manifest"}


# --- selections ----------------------------------------------------------------------------------------------------


def select(
    dataset: DatasetSpec, categories: str | Sequence[str] = "all", per_category: int | None = None
) -> DatasetSpec:
    """Return ``dataset`` with some of its categories, in its own order, and the materials they use.

    Args:
        dataset: Where to choose from.
        categories: ``"all"``, names joined by commas, or a sequence of names.
        per_category: Count that replaces each category's own, or None.

    Raises:
        ManifestError: A name is not in the dataset, or the count is out of range.
    """
    known = [category.name for category in dataset.categories]
    wanted = _names(categories, known)
    chosen = [category for category in dataset.categories if category.name in wanted]
    if per_category is not None:
        count = check_count(per_category, where="--per-category")
        chosen = [category.model_copy(update={"count": count}) for category in chosen]
    materials = {category.material: dataset.materials[category.material] for category in chosen}
    return dataset.model_copy(update={"categories": tuple(chosen), "materials": materials})


def _names(categories: str | Sequence[str], known: list[str]) -> set[str]:
    names = categories.split(",") if isinstance(categories, str) else list(categories)
    names = [name.strip() for name in names]
    if names == ["all"]:
        return set(known)
    for name in names:
        if name not in known:
            raise ManifestError(
                f"unknown category '{name}'",
                where="--categories",
                rule="all, or names of the manifest and commas",
                remedy=near(name, known),
            )
    if not names:
        raise ManifestError(
            "no category",
            where="--categories",
            rule="all, or names of the manifest and commas",
            remedy="name one or more",
        )
    return set(names)


def as_procedural(category: CategorySpec) -> CategorySpec:
    """Return ``category`` with procedural pictures (CC0-1.0) instead of its own.

    Raises:
        ManifestError: The stanza names no generator.
    """
    if category.source.generator is None:
        raise ManifestError(
            f"'{category.name}' has no procedural pictures",
            where="--missing procedural",
            rule="source.generator names them",
            remedy="give its pictures, or leave the category out",
        )
    source = SourceSpec(
        kind="procedural",
        generator=category.source.generator,
        pool=category.source.pool,
        licence="CC0-1.0",
        foreground_path=None,
    )
    foreground = "auto" if category.foreground == "folder" else category.foreground
    return category.model_copy(update={"source": source, "foreground": foreground})

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maphc2f import manifest
from maphc2f.errors import ManifestError, UserError
from maphc2f.manifest import (
    BUNDLED,
    RunOptions,
    UserCategory,
    as_procedural,
    bundled_path,
    dump_manifest,
    json_schema,
    load_manifest,
    override,
    parse_defects,
    parse_manifest,
    parse_severity,
    parse_size,
    select,
    user_dataset,
)
from maphc2f.spec import CategorySpec, DatasetSpec, DefectSpec, SizeSpec, manifest_digest, recipe_digest

FULL = load_manifest(bundled_path(BUNDLED))
MVTEC = [
    *("bottle", "cable", "capsule", "carpet", "grid", "hazelnut", "leather", "metal_nut"),
    *("pill", "screw", "tile", "toothbrush", "transistor", "wood", "zipper"),
]
VISA = [
    *("candle", "capsules", "cashew", "chewinggum", "fryum", "macaroni1", "macaroni2"),
    *("pcb1", "pcb2", "pcb3", "pcb4", "pipe_fryum"),
]
BTAD = ["btad_01", "btad_02", "btad_03"]
HYPERSPHERE = {
    *("bottle", "cable", "pill", "screw", "transistor"),
    *("cashew", "fryum", "pcb1", "pcb2", "pcb4", "pipe_fryum"),
}
TEXTURES = {"carpet", "grid", "leather", "tile", "wood", "btad_02"}

GOOD: dict[str, Any] = {
    "categories": {
        "nut": {
            "count": 10,
            "kind": "object",
            "material": "steel",
            "pixel_size": "40um",
            "native_size": [700, 500],
            "source": {"kind": "folder", "path": "nuts"},
            "defects": [{"family": "crack", "weight": 2.0}],
        }
    }
}


def changed(path: str, value: Any = None) -> str:
    """Return GOOD as TOML with the value at the dotted ``path`` replaced, or removed if None."""
    tree: Any = tomli_w.dumps(GOOD)
    tree = manifest.parse_toml(tree, "good")
    *parents, last = path.split(".")
    node = tree
    for key in parents:
        node = node[int(key)] if isinstance(node, list) else node.setdefault(key, {})
    if value is None:
        del node[last]
    else:
        node[last] = value
    return tomli_w.dumps(tree)


# --- the bundled manifest ------------------------------------------------------------------------------------------


def test_total_and_counts() -> None:
    assert FULL.total == 115_987
    assert Counter(category.count for category in FULL.categories) == {3867: 7, 3866: 23}


def test_counts_are_written_out() -> None:
    assert bundled_path(BUNDLED).read_text(encoding="utf-8").count("\ncount = 386") == 30


def test_categories_are_those_of_the_three_sets() -> None:
    assert [category.name for category in FULL.categories] == MVTEC + VISA + BTAD
    assert [category.dataset for category in FULL.categories] == ["mvtec_ad"] * 15 + ["visa"] * 12 + ["btad"] * 3


@pytest.mark.parametrize("category", FULL.categories, ids=lambda category: category.name)
def test_stanza(category: CategorySpec) -> None:
    licences = {"mvtec_ad": "CC-BY-NC-SA-4.0", "visa": "CC-BY-4.0", "btad": "CC-BY-NC-SA-4.0"}
    assert category.source.kind == category.dataset
    assert category.source.path == (category.name.removeprefix("btad_"))
    assert category.source.generator == category.name
    assert category.source.licence == licences[category.source.kind]
    assert category.hypothesis == ("hypersphere" if category.name in HYPERSPHERE else "manifold")
    assert category.kind == ("texture" if category.name in TEXTURES else "object")
    assert category.foreground == ("full" if category.kind == "texture" else "auto")
    assert (category.substrate_symmetry == "none") == (category.kind == "object")
    assert 5e-6 < category.pixel_size < 5e-4
    assert 0.01 < category.field_of_view < 0.2


@pytest.mark.parametrize("category", FULL.categories, ids=lambda category: category.name)
def test_mix_makes_sense_for_the_material(category: CategorySpec) -> None:
    material = FULL.materials[category.material]
    families = {defect.family for defect in category.defects}
    scenarios = {defect.scenario for defect in category.defects}
    assert material.corrodes or "corrosion" not in families
    assert material.yields or "deformation" not in families
    assert material.coating_thickness or not scenarios & {"craquelure", "blister"}
    assert material.stiffness_ratio < 1 or "grain" not in scenarios
    assert category.kind == "object" or "edge_crack" not in scenarios, "a texture shows no edge of the part"
    physics = sum(defect.weight for defect in category.defects if defect.family != "texture_overlay")
    assert physics >= 0.7 * sum(defect.weight for defect in category.defects)


def test_size_and_defaults() -> None:
    assert FULL.size == SizeSpec(width=256, height=256, fit="letterbox")
    assert (FULL.name, FULL.version, FULL.seed, FULL.snapshots, FULL.stages) == ("maphc2f", "1.0.0", 0, 4, "npcf++")


def test_loading_needs_no_heavy_library() -> None:
    heavy = "{'torch', 'numba', 'dask', 'cv2', 'scipy', 'pyarrow'}"
    code = f"import sys, maphc2f.manifest as m; m.load_materials(); print({heavy} & set(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set()"


# --- digests -------------------------------------------------------------------------------------------------------


def recipes(dataset: DatasetSpec) -> dict[str, str]:
    return {category.name: recipe_digest(dataset, category) for category in dataset.categories}


def edited(name: str, old: str, new: str) -> DatasetSpec:
    """Return the bundled dataset with one text edit in the stanza ``name``."""
    text = bundled_path(BUNDLED).read_text(encoding="utf-8")
    start = text.index(f"[categories.{name}]")
    assert old in text[start:]
    return parse_manifest(text[:start] + text[start:].replace(old, new, 1))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("bottle", '"80um"', '"81um"'),
        ("screw", "weight = 2.0", "weight = 2.5"),
        ("wood", '"flips"', '"none"'),
        ("pcb3", '"manifold"', '"hypersphere"'),
        ("btad_02", "[600, 600]", "[600, 601]"),
    ],
)
def test_one_value_changes_its_own_recipe_digest_and_no_other(name: str, old: str, new: str) -> None:
    before, after = recipes(FULL), recipes(edited(name, old, new))
    assert {key for key in before if before[key] != after[key]} == {name}
    assert manifest_digest(edited(name, old, new)) != manifest_digest(FULL)


def test_count_changes_no_recipe_digest() -> None:
    more = edited("bottle", "count = 3867", "count = 4000")
    assert recipes(more) == recipes(FULL)
    assert manifest_digest(more) != manifest_digest(FULL)


def test_reordering_changes_no_digest() -> None:
    turned = FULL.model_copy(update={"categories": FULL.categories[::-1]})
    assert recipes(turned) == recipes(FULL)
    assert manifest_digest(turned) == manifest_digest(FULL)


def test_selecting_changes_no_recipe_digest() -> None:
    some = select(FULL, "wood,bottle", per_category=5)
    assert recipes(some) == {name: recipes(FULL)[name] for name in ("bottle", "wood")}


def test_a_changed_material_changes_only_the_categories_made_of_it() -> None:
    text = bundled_path(BUNDLED).read_text(encoding="utf-8") + "\n[materials.wood]\ntoughness_cv = 0.5\n"
    before, after = recipes(FULL), recipes(parse_manifest(text))
    assert {key for key in before if before[key] != after[key]} == {"wood", "btad_02"}


# --- round trip ----------------------------------------------------------------------------------------------------


def test_round_trip_of_the_bundled_manifest() -> None:
    text = dump_manifest(FULL)
    again = parse_manifest(text)
    assert again == FULL
    assert manifest_digest(again) == manifest_digest(FULL)
    assert dump_manifest(again) == text


LENGTHS = st.floats(1e-9, 1e-2)
SLUGS = st.from_regex(r"[a-z0-9_]{1,12}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
DEFECTS = st.builds(
    DefectSpec,
    family=SLUGS,
    scenario=st.none() | SLUGS,
    weight=st.floats(1e-3, 1e3),
    parameters=st.dictionaries(TEXTS, st.tuples(st.floats(-1e9, 0), st.floats(0, 1e9)), max_size=2),
)
CATEGORIES = st.builds(
    CategorySpec,
    name=SLUGS,
    count=st.integers(1, 10**8),
    source=st.just({"kind": "procedural", "generator": "bottle"}) | st.just({"kind": "folder", "path": "a/b"}),
    kind=st.sampled_from(["texture", "object"]),
    material=st.sampled_from(sorted(manifest.load_materials())),
    pixel_size=LENGTHS,
    native_size=st.tuples(st.integers(16, 9999), st.integers(16, 9999)),
    pixel_size_assumed=st.booleans(),
    defects=st.lists(DEFECTS, min_size=1, max_size=3).map(tuple),
    min_visible_share=st.none() | st.floats(0, 1),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(CATEGORIES, min_size=1, max_size=3, unique_by=lambda category: category.name),
    st.integers(0, 2**63 - 1),
    st.sampled_from([SizeSpec(), SizeSpec(width=64, height=48, fit="crop")]),
)
def test_round_trip_of_any_dataset(categories: list[CategorySpec], seed: int, size: SizeSpec) -> None:
    used = {category.material: manifest.find_material(category.material) for category in categories}
    dataset = DatasetSpec(categories=tuple(categories), materials=used, seed=seed, size=size)
    assert parse_manifest(dump_manifest(dataset)) == dataset


def test_own_materials_survive_the_round_trip() -> None:
    dataset = parse_manifest(changed("materials.steel.hardness", 9e9))
    assert dataset.materials["steel"].hardness == 9e9
    assert dataset.materials["steel"].density == manifest.find_material("steel").density
    assert parse_manifest(dump_manifest(dataset)) == dataset


# --- paths ---------------------------------------------------------------------------------------------------------


def test_folder_paths_are_below_the_manifest(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(changed("textures", "stones"), encoding="utf-8")
    dataset = load_manifest(path)
    assert dataset.categories[0].source.path == str(tmp_path.resolve() / "nuts")
    assert dataset.textures == str(tmp_path.resolve() / "stones")


def test_absolute_folder_paths_stay(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(changed("categories.nut.source.path", str(tmp_path / "x")), encoding="utf-8")
    assert load_manifest(path).categories[0].source.path == str(tmp_path / "x")


# --- wrong manifests -----------------------------------------------------------------------------------------------

CATEGORY = "mine.toml: categories.nut"
WRONG: dict[str, tuple[str, str, tuple[str, ...]]] = {
    # case: TOML, place that starts the line, parts of what, rule and remedy
    "unknown key at the top": (changed("sed", 1), "mine.toml", ("unknown key 'sed'", "did you mean seed")),
    "unknown key in a category": (
        changed("categories.nut.pixelsize", 1.0),
        CATEGORY,
        ("unknown key 'pixelsize'", "did you mean pixel_size"),
    ),
    "unknown key in a source": (
        changed("categories.nut.source.pth", "x"),
        f"{CATEGORY}.source",
        ("unknown key 'pth'", "did you mean path"),
    ),
    "unknown key in a defect": (
        changed("categories.nut.defects.0.wight", 1.0),
        f"{CATEGORY}.defects.0",
        ("unknown key 'wight'", "did you mean weight"),
    ),
    "unknown key in a material": (
        changed("materials.steel.hardnes", 1.0),
        "mine.toml: materials.steel",
        ("unknown key 'hardnes'", "did you mean hardness"),
    ),
    "name given twice over": (changed("categories.nut.name", "nut"), CATEGORY, ("unknown key 'name'", "heading")),
    "unknown unit": (
        changed("categories.nut.pixel_size", "40 px"),
        f"{CATEGORY}.pixel_size",
        ("'40 px' is not a length", "nm, um, mm, cm or m", "50um"),
    ),
    "microns given as metres": (
        changed("categories.nut.pixel_size", 40),
        f"{CATEGORY}.pixel_size",
        ("40 m a pixel", "plain numbers are metres", "50um"),
    ),
    "negative pixel size": (
        changed("categories.nut.pixel_size", -1e-5),
        f"{CATEGORY}.pixel_size",
        ("-1e-05", "greater than 0", "docs/reference-manifest.md"),
    ),
    "pixel size not a number": (
        changed("categories.nut.pixel_size", float("nan")),
        f"{CATEGORY}.pixel_size",
        ("nan", "finite number"),
    ),
    "negative count": (changed("categories.nut.count", -5), f"{CATEGORY}.count", ("-5", "greater than or equal to 1")),
    "absurd count": (
        changed("categories.nut.count", 10**12),
        f"{CATEGORY}.count",
        ("1000000000000", "less than or equal to 100000000"),
    ),
    "count as text": (
        changed("categories.nut.count", "10"),
        f"{CATEGORY}.count",
        ("'10'", "integer", "without quotes"),
    ),
    "count as truth": (changed("categories.nut.count", True), f"{CATEGORY}.count", ("True", "integer")),
    "count missing": (changed("categories.nut.count"), CATEGORY, ("'count' is missing", "required", "add it")),
    "bad category name": (
        changed("categories.My Nut", GOOD["categories"]["nut"]),
        "mine.toml: categories.My Nut",
        ("'My Nut' is not allowed", "[a-z0-9_]+", "write my_nut"),
    ),
    "bad material name": (
        changed("materials.St-37", {"hardness": 1.0}),
        "mine.toml: materials.St-37",
        ("'St-37' is not allowed", "[a-z0-9_]+", "write st_37"),
    ),
    "unknown material": (
        changed("categories.nut.material", "stel"),
        f"{CATEGORY}.material",
        ("unknown material 'stel'", "bundled material", "did you mean steel"),
    ),
    "incomplete material": (
        changed("materials.gold", {"title": "Gold"}),
        "mine.toml: materials.gold",
        ("'source' is missing", "required", "add it"),
    ),
    "unknown kind": (
        changed("categories.nut.kind", "objekt"),
        f"{CATEGORY}.kind",
        ("'objekt'", "'texture' or 'object'"),
    ),
    "weight of zero": (
        changed("categories.nut.defects.0.weight", 0.0),
        f"{CATEGORY}.defects.0.weight",
        ("0.0", "greater than 0"),
    ),
    "no defects": (changed("categories.nut.defects", []), f"{CATEGORY}.defects", ("[]", "at least 1 item")),
    "one side": (
        changed("categories.nut.native_size", [700]),
        f"{CATEGORY}.native_size",
        ("only 1 entries", "one more", "add it"),
    ),
    "falling severity": (
        changed("categories.nut.severity", [0.8, 0.2]),
        f"{CATEGORY}.severity",
        ("do not fit", "a range must rise"),
    ),
    "severity beyond 1": (changed("categories.nut.severity", [0.8, 2.0]), CATEGORY, ("do not fit", "in 0 .. 1")),
    "too many snapshots": (changed("snapshots", 9), "mine.toml: snapshots", ("9", "less than or equal to 8")),
    "negative seed": (changed("seed", -1), "mine.toml: seed", ("-1", "greater than or equal to 0")),
    "half a size": (changed("size", {"width": 64}), "mine.toml: size", ("do not fit", "both width and height")),
    "bad version": (changed("version", "1.0"), "mine.toml: version", ("'1.0' is not allowed", "must match")),
    "path that climbs": (
        changed("categories.nut.source.path", "../nuts"),
        f"{CATEGORY}.source.path",
        ("'../nuts' leaves its root", "below the manifest's folder", "absolute"),
    ),
    "path that climbs in the middle": (
        changed("categories.nut.source.path", "a/../../nuts"),
        f"{CATEGORY}.source.path",
        ("leaves its root",),
    ),
    "path that climbs as on Windows": (
        changed("categories.nut.source.path", "..\\nuts"),
        f"{CATEGORY}.source.path",
        ("leaves its root",),
    ),
    "absolute path in a benchmark set": (
        changed("categories.nut.source", {"kind": "visa", "path": "/etc"}),
        f"{CATEGORY}.source.path",
        ("'/etc' leaves its root", "below the data root", "without '..'"),
    ),
    "no generator": (
        changed("categories.nut.source", {"kind": "procedural"}),
        f"{CATEGORY}.source",
        ("'generator' is missing", "kind = 'procedural' needs generator", "add it"),
    ),
    "no path": (changed("categories.nut.source.path"), f"{CATEGORY}.source", ("'path' is missing", "needs path")),
    "no mask folder": (
        changed("categories.nut.foreground", "folder"),
        CATEGORY,
        ("do not fit", "needs source.foreground_path"),
    ),
    "no categories": ('name = "x"\n', "mine.toml", ("no categories", "[categories.NAME]", "add one")),
    "a list of categories": (
        "[[categories]]\ncount = 1\n",
        "mine.toml: categories",
        ("not a table of tables", "[categories.NAME]"),
    ),
    "a category that is no table": ("categories = { nut = 3 }\n", "mine.toml: categories", ("not a table of tables",)),
    "a category twice": (
        changed("seed", 1) + "[categories.nut]\ncount = 3\n",
        "mine.toml",
        ("line", "each table and key once", "correct that line"),
    ),
    "no TOML": ("categories: nut\n", "mine.toml", ("line 1", "must be TOML")),
}


def check_line(error: UserError, place: str, parts: tuple[str, ...]) -> None:
    line = str(error)
    assert line.startswith(f"{place}: "), line
    assert "\n" not in line
    assert error.exit_code == 2
    assert all((error.what, error.where, error.rule, error.remedy)), "each of the four parts says something"
    for part in parts:
        assert part in line, line


@pytest.mark.parametrize(("text", "place", "parts"), WRONG.values(), ids=WRONG.keys())
def test_wrong_manifest_gives_one_line(text: str, place: str, parts: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_manifest(path)
    check_line(caught.value, place, parts)


def test_the_manifest_that_the_wrong_ones_come_from_is_right() -> None:
    assert parse_manifest(tomli_w.dumps(GOOD)).total == 10


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"\n')
    for name, part in (("none.toml", "No such file"), ("latin.toml", "not UTF-8"), ("", "directory")):
        with pytest.raises(ManifestError, match=part):
            load_manifest(tmp_path / name)


def test_unknown_bundled_name() -> None:
    with pytest.raises(ManifestError, match=r"did you mean materials\.toml"):
        bundled_path("material.toml")


# --- selections ----------------------------------------------------------------------------------------------------


def test_select_keeps_order_and_drops_unused_materials() -> None:
    some = select(FULL, ["wood", "bottle"])
    assert [category.name for category in some.categories] == ["bottle", "wood"]
    assert set(some.materials) == {"glass", "wood"}
    assert select(FULL, "all") == FULL
    assert select(FULL, " wood , bottle ") == some


def test_select_per_category() -> None:
    assert select(FULL, per_category=2).total == 60


@pytest.mark.parametrize(
    ("categories", "count", "place", "parts"),
    [
        ("botle", None, "--categories", ("unknown category 'botle'", "did you mean bottle")),
        ("bottle,", None, "--categories", ("unknown category ''",)),
        ([], None, "--categories", ("no category", "name one")),
        ("all", 0, "--per-category", ("0 samples", "from 1 to 100,000,000")),
        ("all", -3, "--per-category", ("-3 samples",)),
        ("all", 10**9, "--per-category", ("1000000000 samples",)),
    ],
)
def test_wrong_selection(categories: Any, count: int | None, place: str, parts: tuple[str, ...]) -> None:
    with pytest.raises(UserError) as caught:
        select(FULL, categories, count)
    check_line(caught.value, place, parts)


def test_procedural_pictures_carry_their_own_licence() -> None:
    bottle = as_procedural(FULL.category("bottle"))
    assert (bottle.source.kind, bottle.source.generator, bottle.source.licence) == ("procedural", "bottle", "CC0-1.0")
    assert recipe_digest(FULL, bottle) != recipe_digest(FULL, FULL.category("bottle"))
    with pytest.raises(ManifestError, match="no procedural pictures"):
        as_procedural(parse_manifest(tomli_w.dumps(GOOD)).categories[0])


# --- plain flags ---------------------------------------------------------------------------------------------------

USER = UserCategory(
    images=Path("Magnetic Tile"),
    material="ferrite",
    defects="crack=1,corrosion=1,deformation=1",
    native_size=(300, 400),
    count=600,
)


def test_user_dataset_resolves_defaults() -> None:
    dataset = user_dataset(USER)
    (category,) = dataset.categories
    assert (dataset.name, category.name, category.count) == ("magnetic_tile", "magnetic_tile", 600)
    assert category.source.path == str(Path("Magnetic Tile").resolve())
    assert category.source.licence == "LicenseRef-unspecified"
    assert (category.pixel_size, category.pixel_size_assumed) == (5e-5, True)
    assert dataset.size.native
    assert (dataset.seed, dataset.snapshots, dataset.stages) == (0, 4, "npcf++")
    assert category.kind == "object"
    assert list(dataset.materials) == ["ferrite"]
    assert parse_manifest(dump_manifest(dataset)) == dataset


def test_user_dataset_takes_all_flags() -> None:
    user = dataclasses.replace(
        USER, name="tiles", pixel_size="0.1mm", licence="MIT", foreground="masks", severity="0.2..0.6"
    )
    options = RunOptions(
        size="64x32", fit="crop", seed=7, snapshots=1, stages="coarse", device="cuda", textures=Path("t")
    )
    dataset = user_dataset(user, options)
    (category,) = dataset.categories
    assert (category.name, category.pixel_size, category.pixel_size_assumed) == ("tiles", 1e-4, False)
    assert (category.source.licence, category.foreground) == ("MIT", "folder")
    assert category.source.foreground_path == str(Path("masks").resolve())
    assert category.severity == (0.2, 0.6)
    assert dataset.size == SizeSpec(width=64, height=32, fit="crop")
    assert (dataset.seed, dataset.snapshots, dataset.stages, dataset.device) == (7, 1, "coarse", "cuda")
    assert dataset.textures == str(Path("t").resolve())


def test_assumed_and_given_scale_of_50um_are_one_number() -> None:
    given_scale = user_dataset(dataclasses.replace(USER, pixel_size="50um")).categories[0]
    assert given_scale.pixel_size == user_dataset(USER).categories[0].pixel_size
    assert not given_scale.pixel_size_assumed


def test_whole_picture_as_foreground_is_a_texture() -> None:
    assert user_dataset(dataclasses.replace(USER, foreground="full")).categories[0].kind == "texture"


@pytest.mark.parametrize(
    ("changes", "place", "parts"),
    [
        ({"material": "ferite"}, "--material", ("unknown material 'ferite'", "did you mean ferrite")),
        ({"material": "xxxx"}, "--material", ("unknown material", "choose one of abs, alumina")),
        ({"name": "My Part"}, "--name", ("'My Part' is not a name", "a-z, 0-9 and _", "write my_part")),
        ({"name": ""}, "--name", ("'' is not a name", "give --name")),
        ({"images": Path("部品")}, "--name", ("'' is not a name", "give --name")),
        ({"pixel_size": "50"}, "--pixel-size", ("'50' is not a length", "50um")),
        ({"pixel_size": "2m"}, "--pixel-size", ("2 m a pixel", "1e-09 to 0.01 m")),
        ({"count": 0}, "--count", ("0 samples", "from 1 to")),
        ({"defects": ""}, "--defects", ("'' is not family=weight", "crack=2,corrosion=1")),
        ({"defects": "crack=-1"}, "--defects", ("'crack=-1'", "positive weight")),
        ({"defects": "crack=inf"}, "--defects", ("'crack=inf'", "positive weight")),
        ({"defects": "crack:2"}, "--defects", ("'crack:2' is not family=weight",)),
        ({"defects": "crack=1,crack=2"}, "--defects", ("'crack=2' comes twice", "add the weights up")),
        ({"severity": "0.8..0.2"}, "--severity", ("'0.8..0.2' is not a range", "0.2..0.8")),
        ({"licence": ""}, "--licence", ("''", "at least 1 character")),
        ({"native_size": (3, 300)}, "--images", ("3", "greater than or equal to 16")),
    ],
    ids=str,
)
def test_wrong_category_flag_gives_one_line(changes: dict[str, Any], place: str, parts: tuple[str, ...]) -> None:
    with pytest.raises(UserError) as caught:
        user_dataset(dataclasses.replace(USER, **changes))
    check_line(caught.value, place, parts)


@pytest.mark.parametrize(
    ("options", "place", "parts"),
    [
        (RunOptions(seed=-1), "--seed", ("-1", "greater than or equal to 0")),
        (RunOptions(snapshots=0), "--snapshots", ("0", "greater than or equal to 1")),
        (RunOptions(stages="best"), "--stages", ("'best'", "'coarse', 'npcf' or 'npcf++'")),
        (RunOptions(device="tpu"), "--device", ("'tpu'", "'cpu' or 'cuda'")),
        (RunOptions(size="big"), "--size", ("'big' is not a size", "640x480")),
    ],
    ids=str,
)
def test_wrong_run_flag_gives_one_line(options: RunOptions, place: str, parts: tuple[str, ...]) -> None:
    with pytest.raises(UserError) as caught:
        user_dataset(USER, options)
    check_line(caught.value, place, parts)


def test_override_changes_a_dataset_by_flags() -> None:
    size = SizeSpec(width=64, height=64)
    changed = override(FULL, seed=3, snapshots=1, size=size, device="cuda")
    assert changed == FULL.model_copy(update={"seed": 3, "snapshots": 1, "size": size, "device": "cuda"})
    assert override(FULL) == FULL


@pytest.mark.parametrize(
    ("changes", "place", "parts"),
    [
        ({"seed": -1}, "--seed", ("-1", "greater than or equal to 0")),
        ({"seed": 2**63}, "--seed", ("9223372036854775808", "less than")),
        ({"stages": "best"}, "--stages", ("'best'",)),
        ({"snapshots": "many"}, "--snapshots", ("'many'", "integer")),
    ],
    ids=str,
)
def test_wrong_override_gives_one_line(changes: dict[str, Any], place: str, parts: tuple[str, ...]) -> None:
    with pytest.raises(UserError) as caught:
        override(FULL, **changes)
    check_line(caught.value, place, parts)


def test_parse_defects() -> None:
    assert parse_defects("crack=2, corrosion=1,crack.star=0.5,deformation") == (
        DefectSpec(family="crack", scenario=None, weight=2.0),
        DefectSpec(family="corrosion", scenario=None, weight=1.0),
        DefectSpec(family="crack", scenario="star", weight=0.5),
        DefectSpec(family="deformation", scenario=None, weight=1.0),
    )


@pytest.mark.parametrize(
    ("text", "size"),
    [("native", (None, None)), ("256", (256, 256)), ("640x480", (640, 480)), ("32x16384", (32, 16384))],
)
def test_parse_size(text: str, size: tuple[int | None, int | None]) -> None:
    spec = parse_size(text, fit="crop")
    assert (spec.width, spec.height, spec.fit) == (*size, "crop")


@pytest.mark.parametrize(
    "text", ["", "0", "31", "16385", "256x", "x256", "256X256", "-5", "1e3", "640x480x3", "9" * 5000]
)
def test_wrong_sizes(text: str) -> None:
    with pytest.raises(ManifestError, match="--size"):
        parse_size(text)


@pytest.mark.parametrize("text", ["", "0.5", "0..0", "1..2", "a..b", "0.5..", "-1..1", "nan..1"])
def test_wrong_severities(text: str) -> None:
    with pytest.raises(ManifestError, match="--severity"):
        parse_severity(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20) | st.from_regex(r"[a-z0-9_.=,x]{0,20}", fullmatch=True))
def test_parsers_return_or_refuse_in_one_line(text: str) -> None:
    for parse in (parse_defects, parse_size, parse_severity):
        assert "\n" not in refusal(parse, text)


def refusal(parse: Callable[[str], object], text: str) -> str:
    try:
        parse(text)
    except UserError as error:
        return str(error)
    return ""


# --- schema and reference ------------------------------------------------------------------------------------------


def allowed(schema: dict[str, Any], node: dict[str, Any], value: Any) -> bool:
    """Check keys and required keys against the schema, as far as a manifest needs."""
    if "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    if "anyOf" in node:
        return any(allowed(schema, option, value) for option in node["anyOf"])
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
    if "type" in node and not isinstance(value, kinds.get(node["type"], type(None))):
        return False
    if isinstance(value, dict):
        known, extra = node.get("properties", {}), node.get("additionalProperties", True)
        complete = all(key in value for key in node.get("required", []))
        inner = (
            allowed(schema, known[key], item)
            if key in known
            else extra and (extra is True or allowed(schema, extra, item))
            for key, item in value.items()
        )
        return complete and all(inner)
    if isinstance(value, list) and "items" in node:
        return all(allowed(schema, node["items"], item) for item in value)
    return True


def test_schema_accepts_what_the_loader_accepts() -> None:
    schema = json_schema()
    for name in (BUNDLED, manifest.MATERIALS):
        tree = manifest.parse_toml(bundled_path(name).read_text(encoding="utf-8"), name)
        tree.setdefault("categories", GOOD["categories"])
        assert allowed(schema, schema, tree), name
    assert allowed(schema, schema, manifest.parse_toml(dump_manifest(FULL), "full"))
    assert allowed(
        schema, schema, manifest.parse_toml(changed("materials.steel.hardness", 9e9), "one key of a bundled one")
    )


@pytest.mark.parametrize(
    "case",
    [
        *("unknown key at the top", "unknown key in a category", "unknown key in a material"),
        *("unknown key in a source", "name given twice over", "count as text", "count missing"),
    ],
)
def test_schema_refuses_what_the_loader_refuses(case: str) -> None:
    assert not allowed(json_schema(), json_schema(), manifest.parse_toml(WRONG[case][0], case))


def test_reference_names_every_key() -> None:
    text = (Path(__file__).parents[1] / "docs" / "reference-manifest.md").read_text(encoding="utf-8")
    models = json_schema()["$defs"]
    keys = {key for model in models.values() for key in model.get("properties", {})} | set(json_schema()["properties"])
    assert [key for key in sorted(keys) if f"`{key}`" not in text and f" {key}" not in text] == []


def test_example_of_the_reference_is_valid() -> None:
    text = (Path(__file__).parents[1] / "docs" / "reference-manifest.md").read_text(encoding="utf-8")
    example = text.split("```toml\n")[1].split("```")[0]
    assert parse_manifest(example).categories[0].pixel_size == 4e-5

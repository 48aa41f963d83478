"""Wrong inputs: each gives exit code 2 and one line with what, where, rule and remedy, and leaves nothing behind."""

from __future__ import annotations

import os
import shlex
import shutil
import struct
import zlib
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.e2e.support import Result, call, picture, tree, write_pictures

BASE = """
seed = 0
snapshots = 4
size = { width = 64, height = 64 }

[categories.plate]
count = 8
source = { kind = "procedural", generator = "metal_nut", licence = "CC0-1.0" }
kind = "object"
foreground = "auto"
material = "steel"
native_size = [64, 64]
pixel_size = "200um"
severity = [0.25, 1.0]
defects = [{ family = "corrosion", scenario = "pit", weight = 1.0 }]
"""

MANIFESTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "unknown_key": ("count = 8", "count = 8\ncolour = 'red'", ("categories.plate", "unknown key 'colour'")),
    "near_key": ("count = 8", "cuont = 8", ("unknown key 'cuont'", "did you mean count")),
    "unknown_top_key": ("seed = 0", "sede = 0", ("unknown key 'sede'", "did you mean seed")),
    "no_count": ("count = 8", "", ("categories.plate", "'count' is missing", "add it")),
    "count_zero": ("count = 8", "count = 0", ("categories.plate.count", "0", "greater than or equal to 1")),
    "count_negative": ("count = 8", "count = -1", ("categories.plate.count", "-1")),
    "count_absurd": ("count = 8", "count = 1_000_000_000_000", ("categories.plate.count", "100000000")),
    "count_text": ("count = 8", "count = '8'", ("categories.plate.count", "'8'", "without quotes")),
    "count_fraction": ("count = 8", "count = 2.5", ("categories.plate.count", "2.5", "whole number")),
    "count_true": ("count = 8", "count = true", ("categories.plate.count", "True", "whole number")),
    "unit_unknown": ('"200um"', '"200 furlongs"', ("pixel_size", "'200 furlongs'", "nm, um, mm, cm or m", "50um")),
    "unit_missing": ('"200um"', "200", ("pixel_size", "200 m a pixel", "with its unit")),
    "pixel_negative": ('"200um"', "-2e-4", ("pixel_size", "-0.0002", "greater than 0")),
    "pixel_nan": ('"200um"', "nan", ("pixel_size", "nan", "finite number")),
    "name_capitals": ("[categories.plate]", "[categories.Plate-1]", ("'Plate-1'", "[a-z0-9_]+", "plate_1")),
    "name_long": ("[categories.plate]", f"[categories.{'a' * 65}]", ("64 characters",)),
    "name_doubled": ("seed = 0", "seed = 0\n[categories.plate]\ncount = 1\n", ("categories", "plate")),
    "name_key": ("count = 8", "count = 8\nname = 'other'", ("unknown key 'name'", "heading")),
    "path_leaves": (
        'kind = "procedural", generator = "metal_nut"',
        'kind = "mvtec_ad", path = "../../etc"',
        ("source.path", "'../../etc' leaves its root", "below the data root"),
    ),
    "path_absolute": (
        'kind = "procedural", generator = "metal_nut"',
        'kind = "mvtec_ad", path = "/etc"',
        ("source.path", "'/etc' leaves its root"),
    ),
    "path_missing": (
        'kind = "procedural", generator = "metal_nut"',
        'kind = "folder"',
        ("categories.plate.source", "'path' is missing", "kind = 'folder' needs path"),
    ),
    "folder_missing": (
        'kind = "procedural", generator = "metal_nut"',
        'kind = "folder", path = "nowhere"',
        ("source.path", "nowhere is not a folder", "existing folder"),
    ),
    "kind_unknown": (
        'kind = "procedural", generator',
        'kind = "procedual", generator',
        ("source.kind", "unknown substrate 'procedual'", "did you mean procedural"),
    ),
    "generator_unknown": (
        '"metal_nut"',
        '"metal_nutt"',
        ("categories.plate", "'metal_nutt'", "did you mean metal_nut"),
    ),
    "generator_missing": (', generator = "metal_nut"', "", ("source", "'generator' is missing")),
    "family_unknown": ('"corrosion"', '"corosion"', ("defects", "unknown defect family 'corosion'", "corrosion")),
    "scenario_unknown": ('"pit"', '"pitt"', ("defects", "unknown scenario 'pitt' of corrosion", "did you mean pit")),
    "material_unknown": ('"steel"', '"stel"', ("plate.material", "unknown material 'stel'", "did you mean steel")),
    "family_unsuited": ('"steel"', '"wood"', ("defects", "corrosion.pit does not suit material 'wood'", "leave the")),
    "parameter_unknown": (
        "weight = 1.0",
        "parameters = { lenght = [1e-3, 2e-3] }",
        ("defects", "unknown parameter 'lenght'"),
    ),
    "parameter_falls": ("weight = 1.0", "parameters = { ph = [2.0, 1.0] }", ("defects", "range must rise")),
    "weight_zero": ("weight = 1.0", "weight = 0", ("weight", "greater than 0")),
    "defects_empty": (
        'defects = [{ family = "corrosion", scenario = "pit", weight = 1.0 }]',
        "defects = []",
        ("plate.defects", "at least 1 item"),
    ),
    "severity_falls": ("[0.25, 1.0]", "[1.0, 0.25]", ("plate.severity", "range must rise")),
    "severity_beyond": ("[0.25, 1.0]", "[0.25, 1.5]", ("plate", "severity must lie in 0 .. 1")),
    "foreground_folder": ('"auto"', '"folder"', ("plate", "needs source.foreground_path")),
    "snapshots_nine": ("snapshots = 4", "snapshots = 9", ("snapshots", "9", "less than or equal to 8")),
    "seed_negative": ("seed = 0", "seed = -1", ("seed", "-1", "greater than or equal to 0")),
    "size_half": ("width = 64, height = 64", "width = 64", ("size", "both width and height")),
    "textures_missing": ("seed = 0", "seed = 0\ntextures = 'nowhere'", ("nowhere", "no picture found")),
    "no_categories": (BASE, "seed = 1\n", ("there are no categories", "[categories.NAME]")),
    "empty": (BASE, "", ("there are no categories",)),
    "not_tables": (BASE, "categories = 3\n", ("categories", "not a table of tables")),
    "not_toml": ("count = 8", "count == 8", ("not_toml.toml", "TOML")),
}
"""Manifest file by name: what is replaced in BASE, by what, and the words that the line must hold."""

OWN = "generate --images {w}/good --material steel --defects crack=1 --pixel-size 200um --count 4 --out {w}/out"
ONE = "simulate crack --scenario star"
SETS = "generate --categories bottle --per-category 1 --size 64 --out {w}/out"

FLAGS: dict[str, tuple[str, tuple[str, ...]]] = {
    # manifests as files
    "manifest missing": ("plan --manifest {w}/none.toml", ("none.toml", "cannot", "check")),
    "manifest is a folder": ("plan --manifest {w}/good", ("good", "cannot", "file")),
    "manifest is binary": ("plan --manifest {w}/good/000.png", ("000.png", "UTF-8")),
    "validate missing": ("categories validate {w}/none.toml", ("none.toml", "cannot")),
    # combinations
    "count with categories": (f"{SETS} --count 4", ("--count", "does not go with --categories", "--images")),
    "name with categories": (f"{SETS} --name x", ("--name", "does not go with --categories")),
    "material with categories": (f"{SETS} --material steel", ("--material", "does not go with --categories")),
    "defects with categories": (f"{SETS} --defects crack=1", ("--defects", "does not go with --categories")),
    "pixel size with categories": (f"{SETS} --pixel-size 1um", ("--pixel-size", "does not go with --categories")),
    "licence with categories": (f"{SETS} --licence MIT", ("--licence", "does not go with --categories")),
    "groups with categories": (f"{SETS} --groups x.csv", ("--groups", "does not go with --categories")),
    "regex with categories": (f"{SETS} --group-regex x", ("--group-regex", "does not go with --categories")),
    "foreground with categories": (f"{SETS} --foreground full", ("--foreground", "does not go with --categories")),
    "severity with categories": (f"{SETS} --severity 0..1", ("--severity", "does not go with --categories")),
    "categories with images": (f"{OWN} --categories all", ("--categories", "does not go with --images", "leave")),
    "manifest with images": (f"{OWN} --manifest m.toml", ("--manifest", "does not go with --images")),
    "per-category with images": (f"{OWN} --per-category 4", ("--per-category", "does not go with --images")),
    "data-root with images": (f"{OWN} --data-root {{w}}", ("--data-root", "does not go with --images")),
    "missing with images": (f"{OWN} --missing skip", ("--missing", "does not go with --images")),
    "groups with regex": (f"{OWN} --groups g.csv --group-regex x", ("--group-regex", "together with --groups", "keep")),
    "missing without data-root": (f"{SETS} --missing skip", ("--missing", "without --data-root", "add --data-root")),
    "images without material": (
        "generate --images {w}/good --defects crack=1 --out {w}/out",
        ("--material", "missing", "--material steel"),
    ),
    "images without defects": (
        "generate --images {w}/good --material steel --out {w}/out",
        ("--defects", "missing", "crack=1"),
    ),
    # values
    "category unknown": ("plan --categories botle", ("--categories", "unknown category 'botle'", "bottle")),
    "category empty": ("plan --categories ''", ("--categories", "unknown category ''")),
    "per-category 0": ("plan --per-category 0", ("--per-category", "0 samples", "from 1 to")),
    "per-category 1e12": ("plan --per-category 1000000000000", ("--per-category", "from 1 to 100,000,000")),
    "per-category text": ("plan --per-category many", ("--per-category", "'many'")),
    "count 0": (OWN.replace("--count 4", "--count 0"), ("--count", "0 samples", "from 1 to")),
    "count negative": (OWN.replace("--count 4", "--count -1"), ("--count", "-1 samples")),
    "count 1e12": (OWN.replace("--count 4", "--count 1000000000000"), ("--count", "from 1 to 100,000,000")),
    "size 0": (f"{OWN} --size 0", ("--size", "'0' is not a size", "32 to 16384", "640x480")),
    "size text": (f"{OWN} --size abc", ("--size", "'abc' is not a size")),
    "size 1x20000": (f"{OWN} --size 1x20000", ("--size", "'1x20000' is not a size")),
    "size negative": (f"{OWN} --size=-64", ("--size", "'-64' is not a size")),
    "fit unknown": (f"{OWN} --fit stretch", ("--fit", "'stretch'", "letterbox")),
    "snapshots 0": (f"{OWN} --snapshots 0", ("--snapshots", "0", "1<=x<=8")),
    "snapshots 9": (f"{OWN} --snapshots 9", ("--snapshots", "9", "1<=x<=8")),
    "stages unknown": (f"{OWN} --stages fine", ("--stages", "'fine'", "npcf++")),
    "pixel size without unit": (
        OWN.replace("200um", "50"),
        ("--pixel-size", "'50' is not a length", "unit", "write it as in 50um"),
    ),
    "pixel size absurd": (OWN.replace("200um", "2m"), ("--pixel-size", "2 m a pixel")),
    "severity falls": (f"{OWN} --severity 2..1", ("--severity", "'2..1'", "0.2..0.8")),
    "severity beyond": (f"{OWN} --severity 0..2", ("--severity", "'0..2'")),
    "severity text": (f"{OWN} --severity high", ("--severity", "'high'")),
    "maps nonsense": (f"{OWN} --maps dpth", ("--maps", "unknown map 'dpth'", "did you mean depth")),
    "layout unknown": (f"{OWN} --layout png", ("--layout", "'png'", "parquet")),
    "workers 0": (f"{OWN} --workers 0", ("--workers", "0")),
    "device cuda": (f"{OWN} --device cuda", ("--device cuda", "no CUDA device", "--device cpu")),
    "seed negative": (f"{OWN} --seed=-1", ("--seed", "-1", "greater than or equal to 0")),
    "seed huge": (f"{OWN} --seed 9223372036854775808", ("--seed", "9223372036854775808", "less than")),
    "seed text": (f"{OWN} --seed x", ("--seed", "'x'")),
    "material unknown": (OWN.replace("steel", "stel"), ("--material", "unknown material 'stel'", "steel")),
    "defects form": (OWN.replace("crack=1", "crack:1"), ("--defects", "'crack:1'", "crack=2,corrosion=1")),
    "defects weight": (OWN.replace("crack=1", "crack=0"), ("--defects", "'crack=0'", "positive weight")),
    "defects twice": (OWN.replace("crack=1", "crack=1,crack=2"), ("--defects", "comes twice", "add the weights")),
    "defects unknown": (OWN.replace("crack=1", "crak=1"), ("defects", "unknown defect family 'crak'", "crack")),
    "defects unsuited": (
        OWN.replace("steel", "glass").replace("crack=1", "corrosion=1"),
        ("defects", "corrosion does not suit material 'glass'", "leave the family out"),
    ),
    "name capitals": (f"{OWN} --name Good-1", ("--name", "'Good-1' is not a name", "good_1")),
    "name empty": (f"{OWN} --name ''", ("--name", "'' is not a name", "give --name")),
    "textures missing": (f"{OWN} --textures {{w}}/none", ("--textures", "no picture found", "check the path")),
    "foreground missing": (f"{OWN} --foreground {{w}}/none", ("foreground", "none", "folder")),
    "foreground empty": (f"{OWN} --foreground {{w}}/nothing", ("none of 3 pictures", "000.png", "foreground mask")),
    "unknown option": (f"{OWN} --colour red", ("--colour", "see 'maphc2f generate --help'")),
    "unknown command": ("generat", ("no command 'generat'", "did you mean generate", "maphc2f --help")),
    "missing out": ("generate --categories bottle", ("--out", "see 'maphc2f generate --help'")),
    "option without value": ("plan --categories", ("--categories", "requires an argument", "--help")),
    "extra argument": ("plan bottle", ("bottle", "see 'maphc2f plan --help'")),
    "list unknown": ("list parts", ("'parts'", "materials")),
    "preview ending": ("preview --out {w}/sheet.gif", ("--out", "'sheet.gif'", ".html or .png")),
    "preview samples": ("preview --samples 0 --out {w}/sheet.png", ("--samples", "0")),
    "preview unwritable": (
        OWN.replace("generate", "preview").replace("--count 4", "--samples 1").replace("{w}/out", "{w}/file.txt/x.png"),
        ("x.png", "cannot write", "--out"),
    ),
    # one simulation
    "simulate family": (f"{ONE.replace('crack', 'crak')} --out a.png", ("FAMILY", "'crak'", "did you mean crack")),
    "simulate scenario": (ONE.replace("star", "sta") + " --out a.png", ("--scenario", "'sta'", "did you mean star")),
    "simulate no scenario": ("simulate crack --out a.png", ("--scenario", "missing", "star")),
    "simulate material": (f"{ONE} --material glas --out a.png", ("--material", "'glas'", "did you mean glass")),
    "simulate unsuited": (
        "simulate crack --scenario craquelure --material glass --out a.png",
        ("--material", "glass lacks coating_thickness", "paint"),
    ),
    "simulate ending": (f"{ONE} --out a.jpg", ("--out", "'a.jpg'", ".npz, .png or .gif")),
    "simulate severity": (f"{ONE} --severity 1.5 --out a.png", ("--severity", "1.5", "0.16 to 1")),
    "simulate severity 0": (f"{ONE} --severity 0 --out a.png", ("--severity", "sizes from 0.16")),
    "simulate severity nan": (f"{ONE} --severity nan --out a.png", ("--severity", "nan")),
    "simulate size": (f"{ONE} --size 2m --out a.png", ("--size", "2000 mm", "0.8192 to 5.12 mm", "--pixel-size")),
    "simulate size without unit": (f"{ONE} --size 2 --out a.png", ("--size", "'2' is not a length")),
    "simulate size and severity": (f"{ONE} --size 2mm --severity 0.5 --out a.png", ("--size", "together with")),
    "simulate pixel size": (f"{ONE} --pixel-size 2m --out a.png", ("--pixel-size", "2 m a pixel")),
    "simulate set form": (f"{ONE} --set arms --out a.png", ("--set", "'arms' is not name=low..high", "list scenarios")),
    "simulate set name": (f"{ONE} --set arm=3 --out a.png", ("--set", "'arm' of crack.star", "did you mean arms")),
    "simulate set falls": (f"{ONE} --set arms=5..3 --out a.png", ("--set", "a range must rise", "3..6")),
    "simulate set negative": (f"{ONE} --set arms=-3 --out a.png", ("--set", "must be > 0", "3..6")),
    "simulate stages": (f"{ONE} --stages 0 --out a.png", ("--stages", "0")),
    "simulate unwritable": (f"{ONE} --out {{w}}/file.txt/a.png", ("a.png", "cannot write")),
    "list scenario": ("list scenarios crack.stra", ("unknown scenario 'crack.stra'", "did you mean crack.star")),
    "list name": ("list materials steel", ("'steel'", "leave the name out")),
    # specimens
    "groups missing": (f"{OWN} --groups {{w}}/none.csv", ("--groups", "none.csv", "cannot read", "file,group")),
    "groups folder": (f"{OWN} --groups {{w}}/good", ("--groups", "cannot read", "file,group")),
    "groups binary": (f"{OWN} --groups {{w}}/good/000.png", ("--groups", "cannot read")),
    "groups columns": (f"{OWN} --groups {{w}}/columns.csv", ("--groups", "found name, part", "columns file,group")),
    "groups empty": (f"{OWN} --groups {{w}}/empty.csv", ("--groups", "found no rows")),
    "groups hole": (f"{OWN} --groups {{w}}/hole.csv", ("--groups", "line 3", "empty file or group")),
    "groups doubled": (f"{OWN} --groups {{w}}/doubled.csv", ("--groups", "line 3", "second group")),
    "groups uncovered": (f"{OWN} --groups {{w}}/some.csv", ("--groups", "no specimen for 001.png", "add the missing")),
    "regex broken": (f"{OWN} --group-regex '('", ("--group-regex", "'('", "not a regular expression")),
    "regex uncovered": (f"{OWN} --group-regex '(part.)'", ("--group-regex", "no specimen for 000.png", "widen")),
    # places to write
    "out is a file": (OWN.replace("{w}/out", "{w}/file.txt"), ("--out", "file.txt", "not a folder", "choose another")),
    "out below a file": (OWN.replace("{w}/out", "{w}/file.txt/ds"), ("ds", "not a folder", "--out")),
    "out holds other files": (OWN.replace("{w}/out", "{w}/good"), ("--out", "holds other files", "choose another")),
    "out has another recipe": (
        OWN.replace("{w}/out", "{w}/dataset") + " --seed 7",
        ("--out", "another recipe (good)", "repeat the flags"),
    ),
    # data roots
    "data root missing": (f"{SETS} --data-root {{w}}/none", ("--data-root", "none", "--missing procedural")),
    "data root is a file": (f"{SETS} --data-root {{w}}/file.txt", ("--data-root", "file.txt")),
    "data root has only some": (
        f"{SETS.replace('bottle', 'bottle,wood')} --data-root {{w}}/mvtec",
        ("--data-root", "1 of 2", "wood", "--missing procedural or --missing skip"),
    ),
    "data root has none": (
        f"{SETS} --data-root {{w}}/good --missing skip",
        ("--data-root", "no category is left", "--missing procedural"),
    ),
    # pictures
    "images missing": (OWN.replace("{w}/good", "{w}/none"), ("--images", "none", "no such folder", "check the path")),
    "images is a file": (OWN.replace("{w}/good", "{w}/file.txt"), ("--images", "no such folder")),
    "images empty": (OWN.replace("{w}/good", "{w}/nothing"), ("--images", "no picture found", "PNG, JPEG")),
    **{
        f"pictures {kind}": (OWN.replace("{w}/good", f"{{w}}/{kind}"), (kind, *words))
        for kind, words in {
            "truncated": ("none of 1 pictures", "truncated", "restore the file"),
            "transparent": ("none of 1 pictures", "transparent pixels", "flatten"),
            "one_pixel": ("none of 1 pictures", "1 x 1 px is too small", "at least 32"),
            "bomb": ("none of 1 pictures", "Mpx", "shrink the picture"),
            "text": ("none of 1 pictures", "not a picture", "PNG, JPEG"),
            "floats": ("none of 1 pictures", "no safe conversion"),
            "several": ("none of 3 pictures", "truncated", "too small", "not a picture"),
        }.items()
    },
    # datasets
    "verify a folder": ("verify {w}/good", ("good", "not a dataset", "dataset.json", "check the path")),
    "verify nothing": ("verify {w}/none", ("none", "not a dataset")),
    "verify a file": ("verify {w}/file.txt", ("file.txt", "check the path")),
    "verify damaged": ("verify {w}/damaged", ("dataset.json", "damaged", "generate again")),
    "verify repair a folder": ("verify {w}/good --repair", ("good", "not a dataset")),
    "reproduce a folder": ("reproduce good-000000 --dataset {w}/good", ("good", "dataset")),
    "reproduce nothing": ("reproduce good-000000 --dataset {w}/none", ("none", "dataset")),
    "reproduce unknown": (
        "reproduce good-000999 --dataset {w}/dataset",
        ("dataset", "no sample 'good-000999'", "committed shard"),
    ),
    "reproduce no id": ("reproduce nonsense --dataset {w}/dataset", ("no sample 'nonsense'",)),
    "foreground nothing": ("foreground {w}/none --out {w}/out", ("none", "folder")),
    "foreground not empty": ("foreground {w}/good --out {w}/good", ("--out", "not empty", "choose another")),
    "foreground below a file": ("foreground {w}/good --out {w}/file.txt/m", ("m", "--out")),
}
"""Command line by name, and the words that the line must hold."""

Chunk = namedtuple("Chunk", "kind data")


def _bomb() -> bytes:
    """Return a PNG whose header claims 40,000 x 40,000 pixels."""
    header = Chunk(b"IHDR", struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0))
    chunks = (header, Chunk(b"IDAT", zlib.compress(b"")), Chunk(b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(c.data)) + c.kind + c.data + struct.pack(">I", zlib.crc32(c.kind + c.data))
        for c in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def _bad_pictures(root: Path) -> None:
    (root / "nothing").mkdir()
    whole = (root / "good" / "000.png").read_bytes()
    bad = {
        "truncated": ("half.png", whole[: len(whole) // 2]),
        "bomb": ("bomb.png", _bomb()),
        "text": ("letter.png", b"not a picture at all\n"),
    }
    for folder, (name, data) in bad.items():
        (root / folder).mkdir()
        (root / folder / name).write_bytes(data)
    for folder in ("transparent", "one_pixel", "floats", "several"):
        (root / folder).mkdir()
    clear = np.dstack([picture(0), np.zeros((64, 64), np.uint8)])
    Image.fromarray(clear).save(root / "transparent" / "clear.png")
    Image.new("RGB", (1, 1)).save(root / "one_pixel" / "dot.png")
    Image.fromarray(np.ones((64, 64), np.float32)).save(root / "floats" / "f.tiff")
    for source in ("truncated/half.png", "one_pixel/dot.png", "text/letter.png"):
        shutil.copy(root / source, root / "several")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with good and bad inputs of all kinds, which no test may change."""
    root = tmp_path_factory.mktemp("world")
    write_pictures(root / "good", 3)
    write_pictures(root / "mvtec" / "bottle" / "train" / "good", 2)
    _bad_pictures(root)
    (root / "file.txt").write_text("a file")
    (root / "columns.csv").write_text("name,part\n000.png,a\n")
    (root / "empty.csv").write_text("")
    (root / "hole.csv").write_text("file,group\n000.png,a\n001.png,\n")
    (root / "doubled.csv").write_text("file,group\n000.png,a\n000.png,b\n")
    (root / "some.csv").write_text("file,group\n000.png,a\n002.png,b\n")
    for name, (old, new, _) in MANIFESTS.items():
        assert BASE.count(old) == 1, f"{name}: '{old}' must be in the manifest once"
        (root / f"{name}.toml").write_text(BASE.replace(old, new))
    (root / "right.toml").write_text(BASE)
    made = call(*shlex.split(OWN.replace("{w}/out", "{w}/dataset").format(w=root)), "--workers", 1)
    assert made.code == 0, made.err
    (root / "damaged").mkdir()
    (root / "damaged" / "dataset.json").write_text("{}")
    return root


@pytest.fixture
def unchanged(world: Path) -> Iterator[Path]:
    """The world; afterwards nothing in it may have changed, appeared or gone."""
    before = tree(world)
    yield world
    after = tree(world)
    shutil.rmtree(world / "out", ignore_errors=True)
    assert {name for name in set(before) | set(after) if before.get(name) != after.get(name)} == set()


def check_refused(result: Result, words: tuple[str, ...]) -> None:
    """Check for exit code 2 and one line that holds all ``words``."""
    assert result.code == 2, result
    assert result.out == ""
    lines = result.err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    assert "Traceback" not in lines[0]
    missing = [word for word in words if word not in lines[0]]
    assert not missing, f"{missing} not in: {lines[0]}"


def test_the_base_is_right(world: Path) -> None:
    assert call("plan", "--manifest", world / "right.toml").code == 0


@pytest.mark.parametrize("name", MANIFESTS)
def test_wrong_manifest(name: str, unchanged: Path) -> None:
    result = call("generate", "--manifest", unchanged / f"{name}.toml", "--workers", 1, "--out", unchanged / "out")
    check_refused(result, MANIFESTS[name][2])


@pytest.mark.parametrize("name", FLAGS)
def test_wrong_flags(name: str, unchanged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(unchanged)
    line, words = FLAGS[name]
    if name == "device cuda":
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    check_refused(call(*shlex.split(line.format(w=unchanged))), words)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_folder(world: Path) -> None:
    folder = world / "locked"
    folder.mkdir(mode=0o500)
    try:
        check_refused(call(*shlex.split(OWN.replace("{w}/out", "{w}/locked/ds").format(w=world))), ("--out", "locked"))
        assert list(folder.iterdir()) == []
    finally:
        folder.rmdir()

"""Damage of all kinds: ``verify`` names file and row, ``--repair`` and another run give back the same digest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.e2e.support import call, content_digest, info, rows, tree

SHARD = "data/hide/train-00000-of-00001.parquet"
GOOD = "data/hide/good-00000-of-00001.parquet"
PICTURE = "images/hide/crack/hide-000002.png"
MASK = "masks/hide/crack/hide-000002.png"
ENTRY = "index/hide-train-00000-of-00001.json"

Damage = Callable[[Path], None]


def flip(name: str, where: float) -> Damage:
    """Flip one bit of a file at a share of its length."""

    def damage(root: Path) -> None:
        data = bytearray((root / name).read_bytes())
        data[int(where * len(data))] ^= 1
        (root / name).write_bytes(data)

    return damage


def flip_in_picture(sample: str) -> Damage:
    """Flip one bit within the compressed pixels of a sample's picture in its shard."""

    def damage(root: Path) -> None:
        picture = rows(root)[sample]["image"]["bytes"]
        data = bytearray((root / SHARD).read_bytes())
        start = data.find(picture)
        assert start > 0, "pictures must lie in the shard as they are"
        data[start + len(picture) // 2] ^= 1
        (root / SHARD).write_bytes(data)

    return damage


def truncate(name: str) -> Damage:
    def damage(root: Path) -> None:
        data = (root / name).read_bytes()
        (root / name).write_bytes(data[: len(data) // 2])

    return damage


def remove(name: str) -> Damage:
    return lambda root: (root / name).unlink()


def put(name: str, data: bytes = b"stray") -> Damage:
    def damage(root: Path) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)

    return damage


def set_json(name: str, key: str, value: object) -> Damage:
    def damage(root: Path) -> None:
        facts = json.loads((root / name).read_text())
        assert facts[key] != value
        (root / name).write_text(json.dumps({**facts, key: value}))

    return damage


def swap_pictures(root: Path) -> None:
    first, second = root / PICTURE, root / PICTURE.replace("02.png", "03.png")
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)


def rewrite_severity(root: Path) -> None:
    """Write a shard again with another severity, as a careless tool would."""
    table = pq.read_table(root / SHARD)
    at = table.schema.get_field_index("severity")
    values = [0.123, *table.column(at).to_pylist()[1:]]
    import pyarrow as pa

    field = table.schema.field(at)
    pq.write_table(table.set_column(at, field, pa.array(values, field.type)), root / SHARD)


CASES: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "bit of a picture in a shard": (
        flip_in_picture("hide-000002"),
        (f"{SHARD}: bytes are not those committed", f"{SHARD} row hide-000002: "),
    ),
    "bit in a shard's footer": (flip(SHARD, 0.995), (f"{SHARD}: ",)),
    "bit in a good shard": (flip(GOOD, 0.3), (f"{GOOD}: bytes are not those committed",)),
    "bit in a PNG file": (flip(PICTURE, 0.5), (f"{PICTURE} row hide-000002: image file differs from the shard",)),
    "bit in a mask file": (flip(MASK, 0.5), (f"{MASK} row hide-000002: mask file differs from the shard",)),
    "two PNG files swapped": (swap_pictures, (f"{PICTURE} row hide-000002: image file differs", "row hide-000003")),
    "truncated shard": (truncate(SHARD), (f"{SHARD}: has ", "truncated or altered")),
    "truncated good shard": (truncate(GOOD), (f"{GOOD}: has ", "good picture hide-good-")),
    "truncated PNG file": (truncate(PICTURE), (f"{PICTURE} row hide-000002",)),
    "missing shard": (remove(SHARD), (f"{SHARD}: missing",)),
    "missing good shard": (remove(GOOD), (f"{GOOD}: missing",)),
    "missing PNG file": (remove(PICTURE), (f"{PICTURE} row hide-000002: image file is missing",)),
    "missing mask file": (remove(MASK), (f"{MASK} row hide-000002: mask file is missing",)),
    "missing entry": (remove(ENTRY), (f"{SHARD}: shard of 8 samples is not committed", f"{SHARD}: stray file")),
    "value changed by a tool": (rewrite_severity, (f"{SHARD}: ", "row hide-000000: values are not those hashed")),
    "stray shard": (put("data/hide/extra.parquet"), ("data/hide/extra.parquet: stray file",)),
    "left by a killed writer": (put("data/hide/.x.parquet.7.part"), ("data/hide/.x.parquet.7.part: left by a killed",)),
    "stray picture": (put("images/hide/crack/other.png"), ("images/hide/crack/other.png: stray file",)),
    "picture of a wrong family": (
        put("images/hide/corrosion/hide-000002.png"),
        ("images/hide/corrosion/hide-000002.png: stray file",),
    ),
    "stray mask": (put("masks/note.txt"), ("masks/note.txt: stray file",)),
    "stray file": (put("notes.txt"), ("notes.txt: stray file",)),
    "stray entry": (put("index/other.txt"), ("index/other.txt: stray file",)),
    "damaged entry": (put(ENTRY, b"{"), (f"{ENTRY}: damaged index entry",)),
    "renamed entry": (set_json(ENTRY, "number", 3), (f"{ENTRY}: names another shard",)),
    "entry with other bytes": (set_json(ENTRY, "bytes", 3), (f"{SHARD}: has ", "committed were 3")),
    "entry with other hash": (set_json(ENTRY, "sha256", "0" * 64), (f"{SHARD}: bytes are not those committed",)),
    "entry with other rows": (set_json(ENTRY, "rows", 7), (f"{SHARD}: has 8 rows, committed were 7",)),
    "other content digest": (
        set_json("dataset.json", "content_digest", "0" * 64),
        ("dataset.json: content digest is not that of the shards",),
    ),
    "no content digest": (
        set_json("dataset.json", "content_digest", None),
        ("dataset.json: content digest is missing",),
    ),
    "damaged inventory": (truncate("inventory.parquet"), ("inventory.parquet: unreadable",)),
    "missing inventory": (remove("inventory.parquet"), ("inventory.parquet: unreadable",)),
    "damaged manifest": (put("manifest.toml", b"seed = = 1"), ("manifest.toml: unreadable",)),
    "missing manifest": (remove("manifest.toml"), ("manifest.toml: unreadable",)),
    "manifest of another recipe": (
        lambda root: (
            (root / "manifest.toml").write_text((root / "manifest.toml").read_text().replace("seed = 0", "seed = 9"))
            and None
        ),
        ("manifest.toml: recipe of hide is not the one in dataset.json",),
    ),
}
"""Damage by name, and the words that the findings must hold."""

STRANGERS = {"stray shard", "stray picture", "picture of a wrong family", "stray mask", "stray file"}
"""Files that the generator never made: nobody but their owner removes them."""


@pytest.mark.parametrize("name", CASES)
def test_damage_is_found_and_mended(name: str, copied: Path, manifest: Path) -> None:
    damage, words = CASES[name]
    expected, before = content_digest(copied), tree(copied)
    damage(copied)
    strange = {path for path, digest in tree(copied).items() if digest and path not in before}

    found = call("verify", copied)
    assert found.code == (3 if name == "no content digest" else 4), found
    missing = [word for word in words if word not in found.out]
    assert not missing, f"{missing} not in {found.out}"
    assert len(found.err.splitlines()) == 1
    assert found.err.startswith(f"error: {copied}: ")

    call("verify", copied, "--repair")
    again = call("generate", "--manifest", manifest, "--workers", 1, "--out", copied)
    assert again.code == 0, again
    assert again.digest == expected
    if name in STRANGERS:
        assert strange <= set(tree(copied)), "a file that may be somebody's was removed"
        for path in strange:
            (copied / path).unlink()
    final = call("verify", copied)
    assert final.code == 0, final
    changed = {p for p, digest in tree(copied).items() if digest and before.get(p) != digest}
    told = {"dataset.json", "events.jsonl", "inventory.parquet", "logs/generate.log", "manifest.toml", "plan.parquet"}
    assert changed <= told
    assert info(copied)["content_digest"] == expected


def test_damage_of_several_files_is_counted(copied: Path) -> None:
    for damage in (remove(PICTURE), remove(MASK), put("notes.txt")):
        damage(copied)
    result = call("verify", copied)
    assert result.code == 4
    assert "3 findings" in result.out
    assert "3 findings, listed above" in result.err


def test_repair_alone_mends_pictures(copied: Path) -> None:
    before = tree(copied)
    for damage in (remove(PICTURE), flip(MASK, 0.5)):
        damage(copied)
    result = call("verify", copied, "--repair")
    assert result.code == 0, result
    assert "hide-000002: files written again" in result.out
    assert tree(copied) == before


def test_incomplete_dataset_is_not_clean(copied: Path) -> None:
    (copied / ENTRY).unlink()
    (copied / SHARD).unlink()
    result = call("verify", copied)
    assert result.code == 3, result
    assert "run generate again to go on" in result.err
    assert f"{SHARD}: shard of 8 samples is not committed: run generate again" in result.out

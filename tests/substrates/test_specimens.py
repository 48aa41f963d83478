"""Naming the specimen of each picture by a table or by an expression."""

from __future__ import annotations

import pytest

from maphc2f.errors import PictureError
from maphc2f.substrates.specimens import Specimens

KEYS = ["000.jpg", "sub/001.jpg"]
PATHS = ["/data/tiles/train/good/000.jpg", "/data/tiles/train/good/sub/001.jpg"]


def table(tmp_path, text: str) -> Specimens:
    path = tmp_path / "GROUPS.csv"
    path.write_text(text, encoding="utf-8")
    return Specimens.from_csv(path)


@pytest.mark.parametrize(
    "lines",
    [
        "000.jpg,a\nsub/001.jpg,b",  # relative to the folder of pictures
        "./000.jpg,a\nsub\\001.jpg,b",  # as other systems write it
        "train/good/000.jpg,a\ntrain/good/sub/001.jpg,b\ntest/good/000.jpg,zz",  # relative to the set
        "old/place/000.jpg,a\n001.jpg,b",  # unique base names
    ],
)
def test_table_matches_by_path_end_then_base_name(tmp_path, lines):
    assert table(tmp_path, f"file,group\n{lines}\n").assign(KEYS, PATHS) == ("a", "b")


def test_extra_columns_and_byte_order_mark(tmp_path):
    specimens = table(tmp_path, "\ufefffile,exposure,group\n000.jpg,0,a\nsub/001.jpg,1,a\n")
    assert specimens.assign(KEYS, PATHS) == ("a", "a")


def test_key_wins_over_other_entries_of_the_same_name(tmp_path):
    specimens = table(tmp_path, "file,group\n000.jpg,a\nother/000.jpg,z\nsub/001.jpg,b\n")
    assert specimens.assign(KEYS, PATHS) == ("a", "b")


@pytest.mark.parametrize("entry", ["x/000.jpg,a\ny/000.jpg,b", "z/001.jpg,a"])
def test_ambiguous_or_missing_files_are_named(tmp_path, entry):
    specimens = table(tmp_path, f"file,group\n{entry}\n")
    with pytest.raises(PictureError, match=r"no specimen for .*000\.jpg.*add the missing"):
        specimens.assign(KEYS, PATHS)


def test_base_name_shared_by_two_pictures_is_ambiguous(tmp_path):
    specimens = table(tmp_path, "file,group\nelsewhere/1.png,a\n")
    with pytest.raises(PictureError, match="no specimen"):
        specimens.assign(["a/1.png", "b/1.png"], ["/p/a/1.png", "/p/b/1.png"])


def test_message_counts_the_rest(tmp_path):
    specimens = table(tmp_path, "file,group\nq.png,a\n")
    keys = [f"{n}.png" for n in range(8)]
    with pytest.raises(PictureError, match=r"0\.png, 1\.png, 2\.png and 5 more"):
        specimens.assign(keys, [f"/p/{k}" for k in keys])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no rows"),
        ("file,group\n", "no rows"),
        ("name,tile\na,b\n", "found name, tile"),
        ("file,group\n000.jpg,\n", "line 2"),
        ("file,group\n000.jpg,a\n000.jpg,b\n", "line 3 puts 000.jpg"),
    ],
)
def test_bad_tables(tmp_path, text, what):
    with pytest.raises(PictureError, match=what):
        table(tmp_path, text)


def test_unreadable_table(tmp_path):
    with pytest.raises(PictureError, match="cannot read"):
        Specimens.from_csv(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"file,group\n\xff.jpg,a\n")
    with pytest.raises(PictureError, match="cannot read"):
        Specimens.from_csv(tmp_path / "latin.csv")


@pytest.mark.parametrize(("pattern", "names"), [(r"tile(\d+)", ("1", "22")), (r"tile\d+", ("tile1", "tile22"))])
def test_regex_takes_group_or_whole_match(pattern, names):
    assert Specimens.from_regex(pattern).assign(["a/tile1_0.png", "tile22.png"], ["", ""]) == names


@pytest.mark.parametrize("pattern", [r"^(x)", r"^(tile)?", r"(z*)"])
def test_regex_without_a_name_is_an_error(pattern):
    with pytest.raises(PictureError, match="no specimen"):
        Specimens.from_regex(pattern).assign(["a.png"], [""])


def test_bad_regex():
    with pytest.raises(PictureError, match="not a regular expression"):
        Specimens.from_regex("(")

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from maphc2f.shards.index import IndexEntry
from maphc2f.shards.schema import DEFECT_COLUMNS, DEFECT_TYPE, GOOD_COLUMNS, TRANSFORM_TYPE
from tests.conftest import Made

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_format", DOCS / "make_format.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_format_is_current(page: ModuleType) -> None:
    assert (DOCS / "format.md").read_text(encoding="utf-8") == page.document(), "run python docs/make_format.py"


def test_every_column_and_field_is_described(page: ModuleType) -> None:
    text = page.document()
    for column in (*DEFECT_COLUMNS, *GOOD_COLUMNS):
        assert f"| `{column.name}` |" in text
    assert list(page.INDEX_FIELDS) == list(IndexEntry.model_fields)
    assert list(page.DEFECT_FIELDS) == [field.name for field in DEFECT_TYPE]
    named = [name for names in page.TRANSFORM_FIELDS for name in names.split(", ")]
    assert sorted(named) == sorted(field.name for field in TRANSFORM_TYPE)


def test_every_row_of_a_table_has_the_columns_of_its_head(page: ModuleType) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", page.document(), re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1, table
        assert "| |" not in table


def test_the_folder_holds_what_the_page_says_and_nothing_else(page: ModuleType, made: Made) -> None:
    for path in made.root.iterdir():
        assert path.name == ".lock" or path.name in page.HEAD
    shards = {path.stem for path in (made.root / "data").rglob("*.parquet")}
    assert all(re.fullmatch(r"(train|validation|good)-\d{5}-of-\d{5}", name) for name in shards)

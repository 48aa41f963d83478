from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from maphc2f.spec import CategorySpec, MaterialSpec

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def notation() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_notation", DOCS / "make_notation.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_notation_is_current(notation: ModuleType) -> None:
    assert (DOCS / "notation.md").read_text(encoding="utf-8") == notation.table(), "run python docs/make_notation.py"


def test_every_number_of_a_material_has_symbol_and_unit(notation: ModuleType) -> None:
    named = {row.name for row in notation.spec_rows(MaterialSpec, "")}
    assert set(MaterialSpec.model_fields) - named == {"name", "title", "source"}
    assert {row.name for row in notation.spec_rows(CategorySpec, "")} == {"pixel_size", "severity"}


def test_symbols_differ_within_materials_and_solvers(notation: ModuleType) -> None:
    rows = [*notation.spec_rows(MaterialSpec, ""), *notation.SOLVERS]
    symbols = [row.symbol for row in rows if row.symbol != "—"]
    assert len(symbols) == len(set(symbols))


def test_every_cell_says_something_and_keeps_the_table(notation: ModuleType) -> None:
    lines = [line for line in notation.table().splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") == 6 for line in lines)
    assert all(cell.strip() for line in lines for cell in line.replace("\\|", "").strip("|").split("|"))

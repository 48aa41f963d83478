"""The pages that show what is drawn: their table, their parameters and their pictures are those of the code."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from maphc2f.refine import npcf, npcf_plus
from maphc2f.render.window import Appearance

DOCS = Path(__file__).parents[2] / "docs"
RENDERING = DOCS / "methods" / "rendering.md"
GALLERY = DOCS / "methods" / "gallery.md"
REFINEMENT = DOCS / "methods" / "refinement.md"
LARGEST = 250_000


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look up the module that they are defined in.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def looks() -> ModuleType:
    return script("make_looks")


@pytest.fixture(scope="module")
def pictures() -> ModuleType:
    return script("make_pictures")


def test_ranges_are_current(looks: ModuleType) -> None:
    page = RENDERING.read_text(encoding="utf-8")
    assert page == looks.document(page), "run python docs/make_looks.py"


def test_a_page_without_marks_is_named(looks: ModuleType) -> None:
    with pytest.raises(ValueError, match="ranges: begin"):
        looks.document("# a page\n")


def test_every_parameter_of_an_appearance_is_explained() -> None:
    rows = re.findall(
        r"^\| (`\w+`(?:, `\w+`)*) \| [^|]+ \| [^|]+ \|$", RENDERING.read_text(encoding="utf-8"), re.MULTILINE
    )
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == {field.name for field in fields(Appearance)}


def test_every_row_of_a_sheet_has_its_line_in_the_gallery(pictures: ModuleType) -> None:
    text = GALLERY.read_text(encoding="utf-8")
    listed = re.findall(r"^\| (\w+), `(\w+)` \|", text, re.MULTILINE)
    shown = [row for rows in pictures.STAGES.values() for row in rows]
    assert [f"{category}={scenario}" for category, scenario in listed] == [re.sub(r"=\w+\.", "=", row) for row in shown]
    assert len({row.partition("=")[0] for row in shown}) >= 12


def test_sheets_are_there_and_small(pictures: ModuleType) -> None:
    for name, rows in pictures.STAGES.items():
        path = DOCS / "images" / f"stages-{name}.jpg"
        assert f"../images/{path.name}" in GALLERY.read_text(encoding="utf-8")
        assert path.stat().st_size <= LARGEST
        width, height = Image.open(path).size
        assert width == pictures.STAGES_WIDTH
        assert height == pytest.approx(width * len(rows) * 226 / 1024, rel=0.01)


def test_every_page_of_methods_is_in_the_index() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    for page in (DOCS / "methods").glob("*.md"):
        assert f"(methods/{page.name})" in index


def test_links_between_pages_lead_somewhere() -> None:
    for page in (DOCS / "index.md", DOCS.parent / "README.md", RENDERING, GALLERY, REFINEMENT):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_parameters_of_the_refinement_have_the_values_of_the_code() -> None:
    rows = re.findall(
        r"^\| `(npcf|npcf_plus)\.(\w+)` \| ([\d.]+) \|", REFINEMENT.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(rows) == 20
    for module, name, value in rows:
        assert getattr({"npcf": npcf, "npcf_plus": npcf_plus}[module], name) == float(value), name


def test_rows_of_the_picture_of_parameters_name_parameters() -> None:
    names = {field.name for field in fields(Appearance)}
    for _, name, values in script("make_appearance").ROWS:
        assert name in names
        assert list(values) == sorted(set(values))

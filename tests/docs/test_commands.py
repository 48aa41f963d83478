"""The pages of the documentation: every block says whether it is run, and the table of substitutions is in use."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "run_commands.py"


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_commands", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


commands = load_script()
PAGES = [*commands.pages(), ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md"]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "page.md"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_block_is_run_or_says_why_not(path: Path) -> None:
    assert list(commands.problems(commands.blocks(path))) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_fences_are_closed_and_begin_a_line(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("```") == 2 * len(commands.blocks(path))


def test_pages_outside_the_runner_hold_only_waived_commands() -> None:
    unrun = set(PAGES) - set(commands.pages())
    assert all(b.waiver for path in unrun for b in commands.blocks(path) if b.language in commands.RUN)


def test_an_unmarked_language_is_named(page: Path) -> None:
    page.write_text("```bash\nmaphc2f doctor\n```\n")
    assert list(commands.problems(commands.blocks(page))) == [
        "page.md:1: language 'bash'; it must be one of sh, python, text, toml, json, csv"
    ]


def test_a_waiver_holds_for_the_next_block_alone(page: Path) -> None:
    page.write_text("<!-- no-ci: needs a GPU -->\n```sh\none\n```\n\nText.\n\n```sh\ntwo\n```\n")
    assert [(b.text, b.waiver) for b in commands.blocks(page)] == [("one\n", "needs a GPU"), ("two\n", None)]


def test_a_waiver_without_a_reason_is_none(page: Path) -> None:
    page.write_text("<!-- no-ci: -->\n```sh\none\n```\n")
    assert [b.waiver for b in commands.blocks(page)] == [None]


def test_a_failing_block_is_counted(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "draw_pictures", lambda _: None)
    page.write_text("```sh\nfalse\ntrue\n```\n```sh\ntrue\n```\n```python\nassert 1 + 1 == 3\n```\n")
    assert commands.run_page(page) == 2


def test_substitutions_are_in_use() -> None:
    written = "".join(b.text for path in commands.pages() for b in commands.blocks(path))
    assert [old for old, _ in commands.SUBSTITUTIONS if old not in written] == []


@pytest.mark.parametrize("number", [1, 2])
def test_readme_commands_are_one_line_and_pinned(number: int) -> None:
    line = commands.headline(number)
    assert "\n" not in line
    assert "-c constraints.txt" in line


def test_the_script_prints_a_readme_command_with_the_standard_library_alone() -> None:
    printed = subprocess.run(
        [sys.executable, "-S", str(SCRIPT), "--show", "1"], capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == commands.headline(1)


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for path in PAGES:
        targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
        broken += [f"{path.name}: {target}" for target in targets if not (path.parent / target).exists()]
    assert broken == []


def test_constraints_pin_every_dependency() -> None:
    import tomllib

    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[a-z0-9.-]+==[0-9][a-z0-9.]*", line)] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    names = {re.split(r"[<>=!;\[ ]", requirement)[0].lower() for requirement in wanted}
    assert names - {pin.split("==")[0] for pin in pins} == set()

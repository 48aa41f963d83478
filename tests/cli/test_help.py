"""Help: every command says what it does, with an example and its exit codes, and says it at once."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from maphc2f import __version__
from maphc2f.cli.main import COMMANDS
from tests.e2e.support import call, command_line

SUBCOMMANDS = [("categories", "validate"), ("categories", "schema")]
HEAVY = ("torch", "numba", "dask", "distributed", "scipy", "cv2", "pyarrow", "pandas")


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_main_help(flag: str) -> None:
    result = call(flag)
    assert result.code == 0
    assert result.err == ""
    lines = [line.split() for line in result.out.splitlines()]
    assert all(any(words[:1] == [name] for words in lines) for name in COMMANDS)
    text = " ".join(result.out.split())
    for meaning in ("0 done", "1 a bug", "2 wrong input or a full disk", "3 the dataset is", "4 verification", "130"):
        assert meaning in text
    assert "maphc2f generate --categories all --per-category 8 --out ds" in text


@pytest.mark.parametrize("path", [*[(name,) for name in COMMANDS], *SUBCOMMANDS], ids=" ".join)
def test_command_help(path: tuple[str, ...]) -> None:
    result = call(*path, "--help")
    assert result.code == 0
    assert result.err == ""
    assert result.out.startswith(f"Usage: maphc2f {' '.join(path)} ")
    assert f"  maphc2f {' '.join(path)}" in result.out.split("Example", 1)[-1], "an example of this very command"


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_accepted(name: str) -> None:
    """Every option that an example names must exist."""
    result = call(name, "--help")
    usage, _, examples = result.out.partition("Example")
    used = {word for word in examples.replace("\\", " ").split() if word.startswith("--")}
    assert used <= {word.strip(",") for word in usage.split() if word.startswith("--")}


def test_every_option_is_explained() -> None:
    from maphc2f.cli.generate import command

    for option in command.params:
        assert getattr(option, "help", None), option.name


def test_version() -> None:
    assert call("--version").out == f"maphc2f, version {__version__}\n"


def test_bare_command_shows_help() -> None:
    result = call()
    assert "Usage: maphc2f" in result.out + result.err
    assert "Traceback" not in result.err


def test_help_is_fast_and_light() -> None:
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        done = subprocess.run(command_line("--help"), capture_output=True, text=True, check=False, timeout=60)
        times.append(time.perf_counter() - begin)
        assert done.returncode == 0
        assert done.stdout.startswith("Usage: maphc2f ")
    assert min(times) < 1.0, "the fastest of three says what help itself takes"


@pytest.mark.parametrize("arguments", ["--help", "generate --help", "plan --help", "--version"])
def test_help_loads_no_heavy_library(arguments: str) -> None:
    program = (
        "import sys; from maphc2f.cli.main import run; code = run(sys.argv[1:]);"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    line = [sys.executable, "-c", program, *arguments.split()]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert done.stderr == "[]\n"


CODES = {
    "done": (("list", "materials"), 0),
    "wrong input": (("list", "parts"), 2),
}


@pytest.mark.parametrize("name", CODES)
def test_exit_codes_of_the_installed_program(name: str) -> None:
    """Codes 3 and 4 are those of incomplete and damaged datasets, tested where those are made."""
    arguments, code = CODES[name]
    done = subprocess.run(command_line(*arguments), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code
    assert (done.stderr == "") == (code == 0)


def test_a_bug_is_not_dressed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors that nobody raised on purpose keep their trace-back, for the bug report."""

    def broken(*_: object) -> None:
        msg = "a bug"
        raise ZeroDivisionError(msg)

    monkeypatch.setattr("maphc2f.bundled.load_materials", broken)
    with pytest.raises(ZeroDivisionError):
        call("list", "materials")


def test_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("maphc2f.bundled.load_materials", interrupted)
    result = call("list", "materials")
    assert result.code == 130
    # An empty line first, for the ^C that a terminal shows.
    assert result.err.split("\n") == ["", "stopped; what was committed stays, run the same command to go on", ""]

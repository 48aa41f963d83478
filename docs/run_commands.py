"""Run the commands and Python examples of README.md and docs/*.md, so that they stay true.

* :func:`blocks` finds the fenced blocks of a page; :func:`problems` names those that do not say whether they are run.
* :func:`reduced` applies SUBSTITUTIONS, the only differences between what is written and what is run.
* :func:`run_page` runs a page's blocks in order in one scratch folder.

    python docs/run_commands.py               run all
    python docs/run_commands.py --show 1      print the README's command 1 as it stands there

A block that is not run here stands below a comment ``<!-- no-ci: reason -->``.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

SUBSTITUTIONS: tuple[tuple[str, str], ...] = (
    (".venv/bin/", ""),  # the environment that runs this script comes first on PATH
    ("--categories all --per-category 8", "--categories metal_nut,tile --per-category 2"),
    ("--per-category 100", "--per-category 4"),
    ("--count 2000", "--count 4"),
    ("--count 200", "--count 4"),
    ("maphc2f preview", "maphc2f preview --samples 2"),
)
"""What is written -> what is run: smaller counts, everything else as it stands."""

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
WAIVER = re.compile(r"<!-- no-ci: (?P<reason>[^>]+?) -->\s*\Z")
COMMAND = re.compile(r"command (?P<number>\d+)")
RUN = ("sh", "python")
QUIET = ("text", "toml", "json", "csv")
"""Languages that are not meant to be run."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, line, language and text, and why it is not run, if it is not."""

    page: str
    line: int
    language: str
    text: str
    waiver: str | None

    @property
    def place(self) -> str:
        """Page and line."""
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Return README.md and the pages of docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(ROOT).as_posix() if page.is_relative_to(ROOT) else page.name
    found = []
    for match in FENCE.finditer(text):
        waiver = WAIVER.search(text, 0, match.start())
        line = text.count("\n", 0, match.start()) + 1
        reason = waiver["reason"] if waiver else None
        found.append(Block(name, line, match["language"], match["body"], reason))
    return found


def problems(found: list[Block]) -> Iterator[str]:
    """Yield a line for each block whose language does not say whether it is run."""
    for block in found:
        if block.language not in RUN + QUIET:
            yield f"{block.place}: language '{block.language}'; it must be one of {', '.join(RUN + QUIET)}"


def reduced(text: str) -> str:
    """Return a block's text at the size it is run here."""
    for written, run in SUBSTITUTIONS:
        text = text.replace(written, run)
    return text


def headline(number: int) -> str:
    """Return the README's numbered command, which is waived here because `.ci/run` runs it as it stands.

    Raises:
        LookupError: There is not exactly one.
    """
    found = [
        block.text.strip()
        for block in blocks(ROOT / "README.md")
        if block.waiver and (match := COMMAND.match(block.waiver)) and int(match["number"]) == number
    ]
    if len(found) != 1:
        msg = f"README.md holds {len(found)} commands {number}"
        raise LookupError(msg)
    return found[0]


def draw_pictures(folder: Path) -> None:
    """Draw what the pages take for granted.

    ``good/`` with ``groups.csv`` are four parts, each taken twice; ``sets/`` is a corner of each benchmark set, in its
    published layout.
    """
    names = [f"part{part}_shot{shot}.png" for part in range(4) for shot in range(2)]
    for number, name in enumerate(names):
        _draw(folder / "good" / name, "metal_nut", number // 2)
        _draw(folder / "sets/mvtec_ad/metal_nut/train/good" / f"{number:03d}.png", "metal_nut", number)
        _draw(folder / "sets/VisA/pcb1/Data/Images/Normal" / f"{number:04d}.JPG", "pcb1", number)
        _draw(folder / "sets/BTech_Dataset_transformed/01/train/ok" / f"{number:04d}.bmp", "btad_01", number)
    rows = [f"{name},{name.split('_')[0]}\n" for name in names]
    (folder / "groups.csv").write_text("file,group\n" + "".join(rows), encoding="utf-8")
    table = folder / "sets/VisA/split_csv/1cls.csv"
    table.parent.mkdir()
    listed = [f"pcb1,train,normal,pcb1/Data/Images/Normal/{number:04d}.JPG,\n" for number in range(len(names))]
    table.write_text("object,split,label,image,mask\n" + "".join(listed), encoding="utf-8")


def _draw(path: Path, generator: str, number: int) -> None:
    import cv2

    from maphc2f.rng import stream
    from maphc2f.substrates.procedural.catalogue import render

    picture, _ = render(generator, (320, 320), stream(0, "docs", generator, number))
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two shots of one part differ by a little light, as real ones do.
    cv2.imwrite(str(path), cv2.convertScaleAbs(picture[:, :, ::-1], alpha=1 - 0.05 * len(list(path.parent.iterdir()))))


def run_block(block: Block, scratch: Path) -> bool:
    """Run one block, print what happened, and return whether it succeeded."""
    argv = [sys.executable, "-c", block.text]
    if block.language == "sh":
        argv = ["bash", "-euo", "pipefail", "-c", reduced(block.text)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    start = time.perf_counter()
    done = subprocess.run(  # noqa: S603  # the project's own documentation
        argv, cwd=scratch, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    print(
        f"{'ok' if done.returncode == 0 else 'FAILED':<7}{time.perf_counter() - start:6.1f} s  {block.place}",
        flush=True,
    )
    if done.returncode:
        print(f"{block.text}\n{done.stdout}\n{done.stderr}")
    return done.returncode == 0


def run_page(page: Path) -> int:
    """Run a page's blocks in order in one scratch folder; return how many failed."""
    found = [block for block in blocks(page) if block.language in RUN]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        if any(block.waiver is None for block in found):
            draw_pictures(Path(folder))
        for block in found:
            if block.waiver is None:
                failed += not run_block(block, Path(folder))
            else:
                print(f"{'not run':<7}         {block.place}: {block.waiver}")
    return failed


def main() -> int:
    """Run all pages, or show one command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--show", type=int, metavar="N", help="print the README's command N and stop")
    parser.add_argument("pages", nargs="*", type=Path, help="pages to run; default: all")
    options = parser.parse_args()
    if options.show is not None:
        print(headline(options.show))
        return 0
    chosen = [page.resolve() for page in options.pages] or pages()
    wrong = [line for page in chosen for line in problems(blocks(page))]
    print("\n".join(wrong), end="\n" if wrong else "")
    failed = sum(run_page(page) for page in chosen)
    print(f"{failed} blocks failed, {len(wrong)} not marked")
    return 1 if failed or wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Helpers of the end-to-end tests: a tiny manifest, the command line in this process or its own, pictures as files.

* :func:`call` runs the command line here, :func:`spawn` as a process of its own.
* :func:`write_manifest`, :data:`TINY`: a dataset of three small categories that covers all families.
* :func:`tree`, :func:`rows`, :func:`content_digest`: what is in a folder.
* :func:`write_pictures`, :func:`picture`: procedural pictures written as files.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from maphc2f.cli.main import run

TINY = {
    "steel_nut": """
source = { kind = "procedural", generator = "metal_nut", pool = 12, licence = "CC0-1.0" }
kind = "object"
foreground = "auto"
material = "steel"
native_size = [64, 64]
pixel_size = "200um"
severity = [0.8, 1.0]
defects = [
  { family = "corrosion", scenario = "rust_patch" },
  { family = "deformation", scenario = "dent" },
]
""",
    "hide": """
source = { kind = "procedural", generator = "leather", pool = 12, licence = "CC0-1.0" }
kind = "texture"
foreground = "full"
material = "leather"
native_size = [64, 64]
pixel_size = "200um"
severity = [0.8, 1.0]
substrate_symmetry = "dihedral"
defects = [{ family = "crack", scenario = "through_crack" }]
""",
    "cloth": """
source = { kind = "procedural", generator = "carpet", pool = 12, licence = "CC0-1.0" }
kind = "texture"
foreground = "full"
material = "textile"
native_size = [64, 64]
pixel_size = "200um"
severity = [0.8, 1.0]
defects = [{ family = "texture_overlay", scenario = "las" }]
""",
}
"""Stanzas of a dataset that is made in seconds: all families, an object and two textures."""

COUNTS = {"steel_nut": 8, "hide": 8, "cloth": 4}


@dataclass(frozen=True, slots=True)
class Result:
    """What a command said: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def digest(self) -> str | None:
        """The content digest that it printed."""
        lines = [line for line in self.out.splitlines() if line.startswith("content digest ")]
        return lines[-1].rsplit(" ", 1)[-1] if lines else None


def call(*arguments: object) -> Result:
    """Run the command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([str(argument) for argument in arguments])
    return Result(code, out.getvalue(), err.getvalue())


def command_line(*arguments: object) -> list[str]:
    """Return the command line of a process of its own."""
    return [sys.executable, "-m", "maphc2f.cli.main", *(str(argument) for argument in arguments)]


def hear_interrupts() -> None:
    """Undo what a shell does to commands in the background: they ignore Ctrl-C, and so do their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def spawn(*arguments: object) -> subprocess.Popen[str]:
    """Start the command line as a process that leads a group of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command_line(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment,
        preexec_fn=hear_interrupts,  # noqa: PLW1509  # no other thread holds a lock when tests start processes
    )


def wait(process: subprocess.Popen[str], timeout: float = 120.0) -> Result:
    """Wait for :func:`spawn`."""
    out, err = process.communicate(timeout=timeout)
    return Result(process.returncode, out, err)


def write_manifest(
    path: Path,
    counts: Mapping[str, int] = COUNTS,
    *,
    head: str = "",
    stanzas: Mapping[str, str] = TINY,
    snapshots: int = 4,
) -> Path:
    """Write a manifest of ``stanzas`` with the categories of ``counts`` in its order, at 64 x 64."""
    parts = [f"{head}\nsnapshots = {snapshots}\nsize = {{ width = 64, height = 64 }}\n"]
    parts += [f"[categories.{name}]\ncount = {count}{stanzas[name]}" for name, count in counts.items()]
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def tree(folder: Path) -> dict[str, str]:
    """Return every path below ``folder`` with the SHA-256 of its bytes; folders have none."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


def rows(dataset: Path, *, split: str | None = None) -> dict[str, dict[str, Any]]:
    """Return all defect rows of a dataset by sample id, read with pyarrow alone."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((dataset / "data").rglob(f"{split or '*'}-*.parquet")):
        if not path.name.startswith("good-"):
            for row in pq.read_table(path).to_pylist():
                assert row["sample_id"] not in found, f"{row['sample_id']} twice"
                found[row["sample_id"]] = row
    return found


def good_rows(dataset: Path) -> dict[str, dict[str, Any]]:
    """Return all good rows of a dataset by substrate id."""
    paths = sorted((dataset / "data").rglob("good-*.parquet"))
    return {row["substrate_id"]: row for path in paths for row in pq.read_table(path).to_pylist()}


def info(dataset: Path) -> dict[str, Any]:
    """Return ``dataset.json``."""
    return dict(json.loads((dataset / "dataset.json").read_text()))


def content_digest(dataset: Path) -> str:
    """Return the content digest that ``dataset.json`` states."""
    digest = info(dataset)["content_digest"]
    assert isinstance(digest, str)
    return digest


def leftovers(dataset: Path) -> list[str]:
    """Return the temporary files below ``dataset``."""
    return [name for name in tree(dataset) if name.endswith(".part")]


def picture(number: int, *, side: int = 64, width: int | None = None, colour: bool = True) -> NDArray[np.uint8]:
    """Return a good picture: smooth gray cast with fine grain, (H, W) or (H, W, 3), different for each number."""
    rng = np.random.default_rng([number, side])
    shape = (side, width or side)
    grain = cv2.GaussianBlur(rng.normal(size=shape), (0, 0), 1.0)
    cast = cv2.GaussianBlur(rng.normal(size=shape), (0, 0), side / 4)
    gray = 130 + 14 * grain / grain.std() + 10 * cast / max(cast.std(), 1e-9) + rng.normal(size=shape)
    eight = np.clip(gray, 0, 255).astype(np.uint8)
    return np.stack([eight, eight, (eight * 0.9).astype(np.uint8)], axis=-1) if colour else eight


def write_pictures(
    folder: Path, count: int, *, side: int = 64, width: int | None = None, mode: str = "rgb", first: int = 0
) -> list[Path]:
    """Write ``count`` PNG files ``000.png``, ... of ``mode`` gray, gray16 or rgb and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(first, first + count):
        pixels: Any = picture(number, side=side, width=width, colour=mode == "rgb")
        if mode == "gray16":
            pixels = pixels.astype(np.uint16) * 257
        paths.append(folder / f"{number:03d}.png")
        assert cv2.imwrite(str(paths[-1]), pixels)
    return paths


def own(images: Path, out: Path, *more: object, count: int = 8, defects: str = "crack.through_crack=1") -> Result:
    """Generate from a folder of pictures with the fewest flags."""
    flags: Sequence[object] = (
        *("--images", images, "--material", "steel", "--defects", defects, "--pixel-size", "200um"),
        *("--count", count, "--workers", 1, "--out", out),
    )
    return call("generate", *flags, *more)

"""Checks of an installation and its machine.

* :func:`examine` yields one :class:`Check` after the other.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch

from maphc2f.generate.single import synthesize
from maphc2f.rng import stream
from maphc2f.substrates.procedural.catalogue import render

LIBRARIES = (
    "numpy",
    "scipy",
    "numba",
    "torch",
    "opencv-python-headless",
    "pywavelets",
    "pyarrow",
    "dask",
    "distributed",
    "pydantic",
)
MIN_FREE_GB = 5.0
MIN_MEMORY_GB = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """One result: name, verdict, what was found, and what to do about it."""

    name: str
    verdict: Literal["ok", "note", "FAIL"]
    finding: str
    remedy: str = ""


def examine() -> Iterator[Check]:
    """Yield the checks: libraries, threads, processors, memory, disk, PNG encoder, GPU, and a sample made for real."""
    for check in (_python, _libraries, _processors, _threads, _memory, _disk, _encoder, _gpu, _sample):
        yield check()


def _python() -> Check:
    return Check("python", "ok", sys.version.split()[0])


def _libraries() -> Check:
    versions, missing = [], []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    opencv = [name for name in missing if name.startswith("opencv")]
    if set(missing) - set(opencv):
        return Check("libraries", "FAIL", f"missing: {', '.join(missing)}", "pip install maphc2f again")
    return Check("libraries", "ok", ", ".join(versions))


def _processors() -> Check:
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    usable = len(affinity(0)) if affinity else os.cpu_count() or 1
    return Check("processors", "ok", f"{usable} usable, so generate starts {usable} workers")


def _threads() -> Check:
    values = {name: os.environ.get(f"{name}_NUM_THREADS", "unset") for name in ("OMP", "MKL", "OPENBLAS", "NUMBA")}
    text = ", ".join(f"{name} {value}" for name, value in values.items())
    if any(value not in ("1", "unset") for value in values.values()):
        return Check("threads", "note", text, "one thread a worker is fastest: unset these variables")
    return Check("threads", "ok", f"{text}, torch {torch.get_num_threads()}, OpenCV {cv2.getNumThreads()}")


def _memory() -> Check:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):
        return Check("memory", "note", "unknown on this system")
    if total < MIN_MEMORY_GB:
        return Check(
            "memory", "FAIL", f"{total:.1f} GB", f"a worker needs about {MIN_MEMORY_GB / 2:.0f} GB; use --workers 1"
        )
    return Check("memory", "ok", f"{total:.1f} GB")


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    if free < MIN_FREE_GB:
        return Check("disk", "note", f"{free:.1f} GB free here", "the full dataset takes about 30 GB")
    return Check("disk", "ok", f"{free:.0f} GB free here")


def _encoder() -> Check:
    try:
        version = importlib.metadata.version("isal")
    except importlib.metadata.PackageNotFoundError:
        return Check(
            "png",
            "note",
            "isal is missing, zlib is used",
            "pip install isal: pictures are written about 3 times as fast",
        )
    return Check("png", "ok", f"isal {version}")


def _gpu() -> Check:
    if not torch.cuda.is_available():
        return Check("gpu", "note", f"none seen by torch {torch.__version__}; everything runs on the CPU")
    return Check("gpu", "ok", torch.cuda.get_device_name(0))


def _sample() -> Check:
    rng = stream(0, "doctor")
    image, foreground = render("metal_nut", (128, 128), rng)
    with tempfile.TemporaryDirectory() as folder:
        if not os.access(folder, os.W_OK):
            return Check("sample", "FAIL", "the temporary folder cannot be written", "set TMPDIR")
    sample = synthesize(image, foreground, "crack", "steel", 0.5, seed=0)
    share = float(np.mean(sample.mask > 0))
    return Check("sample", "ok", f"a crack was made, {share:.1%} of the picture, SQE {sample.row['sqe_score']:.2f}")

"""Fixtures that all folders share: a dataset made once a session, and its folder to damage."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from maphc2f.sample import MAPS
from maphc2f.spec import DatasetSpec

# The same examples on every machine, and no time limit: a busy machine is no failure.
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")


@dataclass(frozen=True)
class Made:
    """A dataset folder and the specification it was made from."""

    root: Path
    spec: DatasetSpec


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A complete dataset of 18 samples with all maps; read it, never write to it."""
    from maphc2f.generate.profile import RunProfile
    from maphc2f.generate.progress import SilentReporter
    from maphc2f.generate.run import generate
    from maphc2f.generate.sources import SourceOptions
    from tests.builders import tiny_dataset

    root, spec = tmp_path_factory.mktemp("made") / "ds", tiny_dataset()
    summary = generate(spec, root, RunProfile(maps=MAPS), SourceOptions(), SilentReporter())
    summary.require_complete()
    return Made(root, spec)


@pytest.fixture
def copied(made: Made, tmp_path: Path) -> Made:
    """A copy of the dataset that a test may damage."""
    root = tmp_path / "copy"
    shutil.copytree(made.root, root)
    return Made(root, made.spec)


@pytest.fixture
def refuse_writing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let every flush to disk fail with an errno."""
    import os

    def refuse(code: int) -> None:
        def fail(_: int) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "fsync", fail)

    return refuse

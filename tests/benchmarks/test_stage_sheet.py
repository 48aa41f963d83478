"""The sheet of stages: rows of one sample each, at the same place after every stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import stage_sheet
from maphc2f.bundled import BUNDLED, bundled_path
from maphc2f.manifest import load_manifest


def test_a_row_shows_one_sample_after_each_stage(tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    assert stage_sheet.main(["--out", str(out), "--categories", "pipe_fryum", "--rows", "1"]) == 0
    sheet = np.asarray(Image.open(out).convert("RGB")).astype(int)
    tile, gap = stage_sheet.TILE, 4
    top = stage_sheet.CAPTION + gap
    good, coarse, npcf, plus, mask = (
        sheet[top : top + tile, gap + k * (tile + gap) : gap + k * (tile + gap) + tile] for k in range(5)
    )
    shown = mask[:, :, 0] > 127
    assert shown.any()
    assert not shown.all()
    for stage in (coarse, npcf, plus):
        changed = np.abs(stage - good).max(axis=2)
        assert changed[shown].mean() > 4 * changed[~shown].mean()
    assert (coarse != plus).any()


def test_nothing_to_show_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_sheet, "stages_of", lambda *_: [])
    assert stage_sheet.main(["--out", str(tmp_path / "sheet.png"), "--categories", "leather"]) == 2
    assert not (tmp_path / "sheet.png").exists()


def test_a_scenario_behind_a_category_is_shown_alone() -> None:
    dataset = load_manifest(bundled_path(BUNDLED))
    own = stage_sheet.chosen(dataset, "leather")
    assert own.defects == dataset.category("leather").defects
    crease = stage_sheet.chosen(dataset, "leather=deformation.crease")
    assert crease.name == "leather"
    assert crease.defects == tuple(d for d in own.defects if d.scenario == "crease")
    added = stage_sheet.chosen(dataset, "btad_01=corrosion.rust_run")
    assert [(d.family, d.scenario) for d in added.defects] == [("corrosion", "rust_run")]
    assert added.source.kind == crease.source.kind == "procedural"

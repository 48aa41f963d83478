"""The examination of the quality estimator: counted right, and failing where it must."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import sqe
from maphc2f.generate.sqe_train import KEPT_OUT, default_categories
from maphc2f.quality.ranking import Material, v1_scores
from tests.quality.test_ranking import MATERIALS, QUICK, UNSEEN

NAMES = {"first": "halo", "second": "flat", "opposite": "sharp_edge"}


def renamed(material: Material) -> Material:
    """The toy faults under names that the examination knows."""
    families = tuple("crack" if k % 2 else "corrosion" for k in range(len(material.intact)))
    return replace(material, families=families, kinds=tuple(NAMES.get(kind, kind) for kind in material.kinds))


LEARNT, EXAMINED = [renamed(m) for m in MATERIALS], [renamed(m) for m in UNSEEN]


def knowing(vectors: np.ndarray) -> np.ndarray:
    """A score that knows which inputs the toy faults move."""
    return -np.asarray(vectors[:, 42] ** 2 + vectors[:, 55] ** 2)


def test_examination_counts_by_kind_family_and_category() -> None:
    found = sqe.examine(EXAMINED, knowing)
    assert found["pairs"] == 3 * 48
    assert found["all"] > 0.9
    assert {kind for kind in found["by_kind"] if kind in NAMES.values()} == set(NAMES.values())
    assert sum(count for _, count in found["by_family"].values()) == found["pairs"]
    assert found["by_category"]["unseen"] == (pytest.approx(found["all"]), found["pairs"])
    turned = sqe.examine(EXAMINED, lambda vectors: -knowing(vectors))
    assert turned["all"] == pytest.approx(1 - found["all"])
    assert turned["across"] == pytest.approx(1 - found["across"])


def test_left_out_kinds_are_not_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    whole = sqe.train

    def watched(materials, settings, without):  # type: ignore[no-untyped-def]
        asked.append(tuple(without))
        return whole(materials, settings, without)

    monkeypatch.setattr(sqe, "train", watched)
    shares = sqe.left_out(LEARNT, EXAMINED, ("halo", "mosaic"), replace(QUICK, epochs=5))
    assert asked == [("halo",), ("mosaic",)]
    assert set(shares) == {"halo"}, "what cannot be examined has no share"


def test_the_verdict_names_what_is_missed() -> None:
    good = sqe.examine(EXAMINED, knowing)
    assert sqe.verdict({**good, "all": 0.96}, {"halo": 0.9, "flat": 0.82}) == []
    missed = sqe.verdict({**good, "all": 0.94}, {"halo": 0.9, "flat": 0.7})
    assert [line[:6] for line in missed] == ["94.0 %", "80.0 %"]


def test_the_table_shows_all_three() -> None:
    text = sqe.table(sqe.examine(EXAMINED, knowing), sqe.examine(EXAMINED, v1_scores), {"halo": 0.875})
    row = next(line for line in text.splitlines() if line.split()[:1] == ["halo"])
    assert row.split()[1] == "48"
    assert row.split()[3] == "87.5"
    assert "crack" in text
    assert "unseen" in text


def test_what_is_examined_is_not_learnt() -> None:
    from maphc2f.bundled import BUNDLED, bundled_path
    from maphc2f.manifest import load_manifest

    names = [category.name for category in load_manifest(bundled_path(BUNDLED)).categories]
    assert set(KEPT_OUT) <= set(names)
    assert len(default_categories(names)) + len(KEPT_OUT) == len(names)
    for quick in (True, False):
        size = sqe.sizes(names, quick=quick)
        assert set(size.examined) <= set(KEPT_OUT)
        assert not set(size.examined) & set(size.learnt)


@pytest.mark.slow
def test_the_quick_run_passes_and_writes_its_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "numbers.json"
    assert sqe.main(["--quick", "--out", str(out)]) == 0
    assert "all spoiled" in capsys.readouterr().out
    assert json.loads(out.read_text())["bundled"]["all"] >= 0.95

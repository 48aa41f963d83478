"""Scoring from shards alone: the same as in process, whatever the workers, and a spoiled row scores lower."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import maphc2f
from maphc2f.errors import DatasetError
from maphc2f.features import load
from maphc2f.generate.compose import CategoryContext
from maphc2f.generate.judge import GoodPicture, good_of, judged_defects
from maphc2f.generate.pictures import Symmetry
from maphc2f.generate.score import Goods, score_dataset, score_row, score_shard
from maphc2f.generate.verify import verify
from maphc2f.quality.judged import judged_terms
from maphc2f.quality.model import DEFAULT, load_model
from maphc2f.shards.png import decode_png, encode_png
from maphc2f.shards.reader import committed, read_rows
from maphc2f.shards.scores import Scores, read_scores, scores_path, write_scores
from tests.builders import context_of, tiny_dataset
from tests.conftest import Made

MODEL = load_model(DEFAULT)
BACKBONE = load("scattering")


def rows(root: Path) -> list[dict[str, object]]:
    return [row for entry in committed(root) for row in read_rows(entry.key.data_path(root))]


def test_scores_are_written_for_every_sample(copied: Made) -> None:
    done: list[int] = []
    summary = score_dataset(copied.root, MODEL, 1, done.append)
    assert summary.path == scores_path(copied.root, MODEL.digest)
    found = read_scores(summary.path)
    assert set(found.values) == {row["sample_id"] for row in rows(copied.root)}
    assert sum(done) == 18
    assert all(0.0 <= value <= 1.0 for value in found.values.values())
    assert len(set(found.values.values())) > 12, "they differ"
    report = verify(copied.root)
    assert report.ok, report.findings
    assert found.content_digest == report.content_digest


def test_a_second_run_and_single_shards_give_the_same(copied: Made) -> None:
    first = score_dataset(copied.root, MODEL, 1)
    whole = first.path.read_bytes()
    singly: dict[str, float] = {}
    for entry in reversed(committed(copied.root)):
        singly |= score_shard(str(copied.root), entry.key, MODEL)
    assert singly == first.scores.values
    assert score_dataset(copied.root, MODEL, 1).path.read_bytes() == whole


@pytest.mark.slow
def test_workers_do_not_matter(copied: Made) -> None:
    alone = score_dataset(copied.root, MODEL, 1).path.read_bytes()
    assert score_dataset(copied.root, MODEL, 2).path.read_bytes() == alone


def test_a_spoiled_row_scores_lower(made: Made) -> None:
    better = 0
    for row in rows(made.root):
        goods = Goods(made.root, str(row["category"]))
        good = goods.get(str(row["substrate_id"]))
        mask = decode_png(row["mask"]["bytes"])  # type: ignore[index]
        spoiled = {**row, "mask": {"bytes": encode_png(np.roll(mask, (9, 9), (0, 1))), "path": None}}
        better += score_row(row, good, MODEL, BACKBONE) > score_row(spoiled, good, MODEL, BACKBONE)
    assert better >= 17


def test_stored_pixels_give_nearly_the_stored_terms(made: Made) -> None:
    """Read from eight bits and the hard mask, not from the fields: alike, not equal."""
    away = []
    for row in rows(made.root):
        good = Goods(made.root, str(row["category"])).get(str(row["substrate_id"]))
        image, mask = (decode_png(row[name]["bytes"]) for name in ("image", "mask"))  # type: ignore[index]
        terms = judged_terms(judged_defects(row, image, mask, good)[0])
        assert terms["physics"] == row["sqe_physics"]
        away += [abs(terms[name] - float(row[f"sqe_{name}"])) for name in ("agreement", "visibility", "placement")]
    assert np.median(away) < 0.02
    assert max(away) < 0.3


def test_goods_are_turned_as_the_row_says(made: Made) -> None:
    row = next(r for r in rows(made.root) if Symmetry.from_row(r["substrate_transform"]) != Symmetry())
    good = Goods(made.root, str(row["category"])).get(str(row["substrate_id"]))
    image, mask = (decode_png(row[name]["bytes"]) for name in ("image", "mask"))
    judged = judged_defects(row, image, mask, good)[0]
    far = judged.mask == 0
    assert (judged.change[far] == 0).all(axis=1).mean() > 0.8
    straight = judged_defects({**row, "substrate_transform": Symmetry().row()}, image, mask, good)[0]
    assert (straight.change[far] == 0).all(axis=1).mean() < 0.5


def test_defects_of_one_sample_are_judged_apart() -> None:
    side = 96
    context: CategoryContext = context_of(tiny_dataset(), "nut")
    original = np.full((side, side), 120, np.uint8)
    good = GoodPicture(original, np.ones((side, side), bool), context.pool.get(context.pool.accepted[0]).statistics)
    mask, image = np.zeros_like(original), original.copy()
    for top, left in ((10, 12), (60, 58)):
        mask[top : top + 16, left : left + 20] = 255
        image[top - 1 : top + 17, left - 1 : left + 21] = 60
    facts = [json.dumps({"change_radius": 2.0 + k, "is_line": bool(k)}) for k in range(2)]
    boxes = [[12, 10, 20, 16], [58, 60, 20, 16]]
    row = {
        "substrate_transform": Symmetry().row(),
        "sqe_physics": 0.9,
        "defects": [
            {"parameters": fact, "severity": 0.3 + 0.1 * k, "bbox": box}
            for k, (fact, box) in enumerate(zip(facts, boxes, strict=True))
        ],
    }
    first, second = judged_defects(row, image, mask, good)
    assert (first.mask.sum(), second.mask.sum()) == (320, 320)
    assert first.change[60:76, 58:78].any() == second.change[10:26, 12:32].any() == np.False_
    assert (first.change_radius, second.change_radius) == (2.0, 3.0)
    assert (first.is_line, second.is_line) == (False, True)
    touching = {**row, "defects": [{**defect, "bbox": [0, 0, side, side]} for defect in row["defects"]]}  # type: ignore[dict-item,attr-defined]
    whole = judged_defects(touching, image, mask, good)
    assert [item.mask.sum() for item in whole] == [640]


def test_a_missing_good_picture_is_told(made: Made) -> None:
    with pytest.raises(DatasetError, match="good picture nonsense is missing"):
        Goods(made.root, "nut").get("nonsense")


def test_no_samples_is_told(copied: Made) -> None:
    for path in (copied.root / "index").glob("*.json"):
        path.unlink()
    with pytest.raises(DatasetError, match="no samples"):
        score_dataset(copied.root, MODEL, 1)


def findings(root: Path) -> list[str]:
    return [str(finding) for finding in verify(root).findings]


def test_verify_knows_scores(copied: Made) -> None:
    path = score_dataset(copied.root, MODEL, 1).path
    scores, whole = read_scores(path), path.read_bytes()
    assert findings(copied.root) == []
    name = f"scores/{path.name}"

    path.write_bytes(whole[:-9])
    assert findings(copied.root) == [f"{name}: unreadable scores"]
    write_scores(copied.root, Scores(scores.model, "0" * 64, scores.values))
    assert findings(copied.root) == [f"{name}: scores are of another content of the dataset: run 'maphc2f score' again"]
    strange = {**scores.values, "zebra-000000": 0.5}
    write_scores(copied.root, Scores(scores.model, scores.content_digest, strange))
    assert findings(copied.root) == [f"{name} row zebra-000000: 1 scores are of samples that are not in the dataset"]

    fewer = dict(list(scores.values.items())[:-2])
    write_scores(copied.root, Scores(scores.model, scores.content_digest, fewer))
    assert findings(copied.root) == [f"{name}: 2 samples have no score: run 'maphc2f score' again"]
    assert verify(copied.root).unfinished, "nothing is damaged"

    path.write_bytes(whole)
    path.rename(path.with_name("b" * 64 + ".parquet"))
    assert findings(copied.root) == [
        f"scores/{'b' * 64}.parquet: scores are of another model than the file's name says"
    ]
    path.with_name("b" * 64 + ".parquet").unlink()
    (copied.root / "scores" / "notes.txt").write_text("mine")
    (copied.root / "scores" / f".{path.name}.1.part").write_text("half")
    assert findings(copied.root) == [
        f"scores/.{path.name}.1.part: left by a killed writer",
        "scores/notes.txt: stray file",
    ]


def test_scores_are_joined_when_read(copied: Made) -> None:
    summary = score_dataset(copied.root, MODEL, 1)
    row = maphc2f.open(copied.root, scores="only")[3]
    assert row["learned_score"] == np.float32(summary.scores.values[row["sample_id"]])


def test_good_of_a_row_has_its_statistics(made: Made) -> None:
    entry = committed(made.root, "good")[0]
    row = next(read_rows(entry.key.data_path(made.root)))
    good = good_of(row)
    assert good.image.shape[:2] == good.foreground.shape
    assert good.statistics.noise >= 0.0

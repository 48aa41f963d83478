"""The realism benchmark: windows, encoding, matching, classifier, distance, intervals, looks, and that it runs."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("sklearn", reason="the extra 'bench' is not installed")

from benchmarks import halves, realism, realism_calibrate, realism_crops, realism_looks, realism_run, realism_scores
from benchmarks.realism_crops import Crop, JpegHistory, View
from benchmarks.realism_scores import Points
from maphc2f import features
from maphc2f.rng import stream

Mask = NDArray[np.bool_]


def dot(shape: tuple[int, int], centre: tuple[int, int], radius: float = 4) -> Mask:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.asarray((y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2)


# --- windows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("centre", [(5, 5), (40, 60), (76, 90)])
def test_a_window_holds_the_defect_and_stays_in_the_picture(centre: tuple[int, int]) -> None:
    mask = dot((80, 96), centre)
    (box,) = realism_crops.defect_windows(mask, View(32), [(0, 0, 80, 96)], stream(0, "w"))
    top, left, height, width = box
    assert (height, width) == (32, 32)
    assert 0 <= top <= 80 - 32
    assert 0 <= left <= 96 - 32
    assert mask[top : top + 32, left : left + 32].sum() == mask.sum()


def test_windows_on_a_long_crack_lie_in_blocks_and_on_the_crack() -> None:
    mask = np.zeros((160, 240), bool)
    mask[76:80] = True
    view, blocks = View(40, per_picture=2, blocks=(2, 4)), realism_crops.blocks_of((160, 240), (2, 4))
    boxes = realism_crops.defect_windows(mask, view, blocks, stream(0, "w"))
    # The crack passes 3 px above the lower border of the upper blocks: not through the middle of any window there.
    assert boxes == []
    mask = np.roll(mask, -36, axis=0)
    boxes = realism_crops.defect_windows(mask, view, blocks, stream(0, "w"))
    assert len(boxes) == 2
    assert len({left // 60 for _, left, _, _ in boxes}) == 2
    for top, left, _, _ in boxes:
        assert top + 10 <= 41 <= top + 30
        assert left // 60 == (left + 39) // 60


def test_specks_make_no_window() -> None:
    mask = dot((64, 64), (30, 30), radius=1)
    assert realism_crops.defect_windows(mask, View(32), [(0, 0, 64, 64)], stream(0, "w")) == []


def test_the_sound_window_is_the_nearest_clear_one() -> None:
    mask = dot((64, 128), (32, 20))
    top, left, side, _ = realism_crops.sound_window(mask, (16, 4, 32, 32)) or pytest.fail("there is room")
    assert (top, side) == (16, 32)
    # The dot ends at column 24, and 6 px of clearance follow.
    assert left == 31
    assert realism_crops.sound_window(np.ones((64, 64), bool), (0, 0, 32, 32)) is None


# --- encoding ------------------------------------------------------------------------------------------------------


def noisy(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    smooth = cv2.GaussianBlur(stream(0, "noise", len(shape)).random(shape).astype(np.float32), (0, 0), 1.0)
    return np.asarray(np.clip(255 * smooth, 0, 255), np.uint8)


@pytest.mark.parametrize("shape", [(64, 80), (64, 80, 3)])
def test_history_is_that_of_the_file(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels, path = noisy(shape), tmp_path / "a.jpg"
    Image.fromarray(pixels).save(path, quality=61, subsampling=2 if len(shape) == 3 else -1)
    history = JpegHistory.of(path)
    decoded = np.asarray(Image.open(path).convert("RGB"))
    assert np.array_equal(history.encode(pixels), decoded)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    assert not np.array_equal(np.asarray(Image.open(buffer).convert("RGB")), decoded)


def test_a_file_without_tables_is_refused(tmp_path: Path) -> None:
    Image.fromarray(noisy((32, 32))).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="is no JPEG file"):
        JpegHistory.of(tmp_path / "a.png")


# --- features ------------------------------------------------------------------------------------------------------


def test_contrast_pooling_sees_the_defect_and_not_the_light() -> None:
    """A brighter picture of the same defect is as far as nothing; a darker defect is far; the window sees the light."""
    backbone, mask = features.load("scattering"), dot((64, 64), (32, 32), radius=8)
    ground = 90 + np.zeros((64, 64))

    def vector(light: float, depth: float, pooling: realism_scores.Pooling) -> NDArray[np.float64]:
        gray = np.repeat((ground + light - depth * mask)[:, :, None], 3, axis=2).astype(np.uint8)
        return np.asarray(realism_scores.features_of([gray], [mask], backbone, pooling)[0])

    def change(pooling: realism_scores.Pooling, light: float, depth: float) -> float:
        return float(np.abs(vector(light, depth, pooling) - vector(0, 30, pooling))[0])

    assert change("contrast", 40, 30) < 1e-3
    assert change("contrast", 0, 60) > 0.05
    assert change("window", 40, 30) > 0.1


def test_a_mask_that_fills_the_crop_has_features_too() -> None:
    full = np.ones((64, 64), bool)
    found = realism_scores.features_of([noisy((64, 64, 3))], [full], features.load("scattering"), "contrast")
    assert np.isfinite(found).all()


# --- matching and classifier ---------------------------------------------------------------------------------------


def points(count: int, *, shift: float = 0.0, per_specimen: int = 3, seed: int = 0, side: str = "r") -> Points:
    rng = stream(seed, "points", side, count)
    features = rng.standard_normal((count, 12)) + shift
    names = tuple(f"{side}{k // per_specimen}" for k in range(count))
    return Points(features, names, np.exp(rng.normal(5, 0.3, count)), rng.uniform(60, 160, count))


def test_pairs_have_like_area_and_then_like_brightness() -> None:
    real = replace(points(3), areas=np.array([100.0, 1000, 10]), brightness=np.array([50.0, 50, 50]))
    made = replace(
        points(4, side="s"), areas=np.array([900.0, 110, 5000, 110]), brightness=np.array([50.0, 200, 50, 60])
    )
    first, second = realism_scores.match(real, made)
    assert dict(zip(first.tolist(), second.tolist(), strict=True)) == {0: 3, 1: 0}


def test_the_classifier_tells_what_differs_and_not_what_does_not() -> None:
    same = [
        realism_scores.auroc(realism_scores.pair_scores(points(60, seed=k), points(60, seed=k, side="s")))
        for k in range(6)
    ]
    assert 0.4 < float(np.mean(same)) < 0.6
    told = realism_scores.auroc(realism_scores.pair_scores(points(60), points(60, side="s", shift=1.0)))
    assert told > 0.95
    assert realism_scores.auroc(realism_scores.pair_scores(points(60, shift=1.0), points(60, side="s"))) > 0.95


def test_a_specimen_is_never_trained_and_tested_on() -> None:
    """Points of a specimen are copies: folds by picture would tell them apart by heart, folds by specimen cannot."""

    def copied(side: str, seed: int) -> Points:
        base = points(10, side=side, per_specimen=1, seed=seed)
        return base.take(np.repeat(np.arange(10), 6))

    found = [
        realism_scores.auroc(realism_scores.pair_scores(copied("r", seed), copied("s", seed))) for seed in range(6)
    ]
    assert float(np.mean(found)) < 0.7


def test_auroc_weighs_specimens() -> None:
    scores = realism_scores.PairScores(np.array([[1.0, 0.0], [0.5, 0.0]]), np.ones((2, 2)), ("a", "b"), ("c", "d"))
    assert realism_scores.auroc(scores) == pytest.approx(0.375)
    assert realism_scores.auroc(scores, np.array([2.0, 0.0]), np.array([1.0, 0.0])) == pytest.approx(1.0)
    assert np.isnan(realism_scores.auroc(replace(scores, seen=np.zeros((2, 2)))))


# --- kernel distance -----------------------------------------------------------------------------------------------


def direct_distance(first: Points, second: Points, scale: realism_scores.Scale) -> float:
    """The estimator by loops over single points, one a specimen."""
    x, y = scale.apply(first), scale.apply(second)

    def kernel(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        return float((np.dot(a, b) / len(a) + 1) ** 3)

    n, m = len(x), len(y)
    within = [
        sum(kernel(z[i], z[j]) for i in range(k) for j in range(k) if i != j) / (k * (k - 1))
        for z, k in ((x, n), (y, m))
    ]
    return sum(within) - 2 * sum(kernel(a, b) for a in x for b in y) / (n * m)


def test_kernel_distance_is_the_unbiased_estimator() -> None:
    first, second = points(9, per_specimen=1), points(7, per_specimen=1, side="s", shift=0.4)
    scale = realism_scores.Scale.of(first)
    table = realism_scores.kernels(first, second, scale)
    assert realism_scores.kernel_distance(table) == pytest.approx(direct_distance(first, second, scale), rel=1e-10)


def test_photographing_a_specimen_again_changes_no_distance() -> None:
    first, second = points(9, per_specimen=1), points(7, per_specimen=1, side="s", shift=0.4)
    again = first.take(np.array([0, 0, 0, 1, 2, 3, 4, 4, 5, 6, 7, 8]))
    tables = [realism_scores.kernels(p, second, realism_scores.Scale.of(p)) for p in (first, again)]
    one, other = (realism_scores.kernel_distance(table) for table in tables)
    assert one == pytest.approx(other, rel=1e-10)


def test_kernel_distance_of_equal_distributions_has_no_bias() -> None:
    equal, shifted = [], []
    for seed in range(20):
        first = points(20, per_specimen=1, seed=seed)
        scale = realism_scores.Scale.of(first)
        for shift, out in ((0.0, equal), (0.6, shifted)):
            other = points(20, per_specimen=1, seed=seed, side="s", shift=shift)
            out.append(realism_scores.kernel_distance(realism_scores.kernels(first, other, scale)))
    assert abs(float(np.mean(equal))) < 0.1 * float(np.mean(shifted))


def test_pairs_of_one_specimen_do_not_count_across() -> None:
    both = points(8, per_specimen=1)
    table = realism_scores.kernels(both, both, realism_scores.Scale.of(both))
    off = ~np.eye(8, dtype=bool)
    expected = table.real[off].mean() + table.synthetic[off].mean() - 2 * table.across[off].mean()
    assert realism_scores.kernel_distance(table) == pytest.approx(expected, abs=1e-12)


def test_real_against_real_needs_four_specimens() -> None:
    few = points(9)
    scale = realism_scores.Scale.of(few)
    assert realism_scores.split_scores(few, 3, stream(0, "s")) == []
    assert realism_scores.split_distances(few, scale, 3, stream(0, "s")) == []
    many = points(60)
    assert 0.2 < float(np.mean(realism_scores.split_scores(many, 6, stream(0, "s")))) < 0.75
    distances = realism_scores.split_distances(many, realism_scores.Scale.of(many), 50, stream(0, "s"))
    assert abs(float(np.mean(distances))) < 0.3


# --- intervals -----------------------------------------------------------------------------------------------------


def drawn(shift: float, seed: int) -> realism_run.Drawn:
    real, made = points(24, seed=1), points(24, seed=seed, side="s", shift=shift)
    sides = [realism_run.Sampled((), p) for p in (made, real)]
    table = realism_scores.kernels(real, made, realism_scores.Scale.of(real))
    return realism_run.Drawn(realism_scores.pair_scores(real, made), table, *sides)


def test_the_bootstrap_is_about_the_estimate_and_the_same_for_all_rows() -> None:
    rows = {
        "npcf++": [drawn(0.3, 1), drawn(0.3, 2)],
        "twin": [drawn(0.3, 1), drawn(0.3, 2)],
        "far": [drawn(2.0, 3)] * 2,
    }
    found = realism_run.bootstrap(rows, 60, stream(0, "b"))
    assert np.array_equal(found["npcf++"], found["twin"], equal_nan=True)
    near = np.mean([realism_scores.auroc(d.pairs) for d in rows["npcf++"]])
    low, high = np.nanpercentile(found["npcf++"][:, 0], (5, 95))
    assert low < near < high
    assert np.nanmedian(found["far"][:, 0]) > 0.95
    assert np.nanmedian(found["far"][:, 1]) > 5 * np.nanmedian(found["npcf++"][:, 1])
    again = realism_run.bootstrap(rows, 60, stream(0, "b"))
    assert np.array_equal(found["far"], again["far"], equal_nan=True)


def outcome(aurocs: dict[str, float]) -> realism_run.Outcome:
    rows = {
        name: realism_run.Row(value, (0, 1), abs(value - 0.5), (0, 1), (0.5, 0.5), 9) for name, value in aurocs.items()
    }
    return realism_run.Outcome(
        "set", (9, 3), None, None, 0.6, rows, {"cut_paste": "family cut_paste is not registered"}
    )


def test_verdicts() -> None:
    good = outcome({"npcf++": 0.6, "npcf": 0.7, "coarse": 0.8, "npcf++ calibrated": 0.5})
    assert realism.verdict(good) == (
        "nearest by AUROC: npcf++, distance: npcf++; coarse > npcf > npcf++ by AUROC and distance"
    )
    bad = outcome({"npcf++": 0.35, "npcf": 0.6, "coarse": 0.9, "cut_paste": 0.51})
    assert realism.verdict(bad) == "nearest by AUROC: cut_paste, distance: cut_paste; coarse > npcf > npcf++ by neither"
    assert "left out: family cut_paste is not registered" in realism.table(good)


# --- looks ---------------------------------------------------------------------------------------------------------


def crop(mask: Mask, *, depth: float = 60, vertical: bool = True, blur: float = 0.0) -> Crop:
    """A dark defect on ground with lines."""
    lines = 6 * np.sin(np.arange(64) * 1.7)
    ground = 130 + (lines[None, :] if vertical else lines[:, None])
    soft = mask.astype(np.float64) if not blur else cv2.GaussianBlur(mask.astype(np.float64), (0, 0), blur)
    gray = np.clip(ground - depth * soft, 0, 255).astype(np.uint8)
    return Crop(np.repeat(gray[:, :, None], 3, axis=2), mask, None, "a", "a")


BAR = np.zeros((64, 64), bool)
BAR[16:48, 30:34] = True


def test_looks_measure_what_they_say() -> None:
    dark, faint = realism_looks.looks(crop(BAR)), realism_looks.looks(crop(BAR, depth=20))
    assert dark["contrast"] < faint["contrast"] < 0
    assert dark["black level"] == pytest.approx(64, abs=3)
    assert dark["width"] == pytest.approx(4.0, rel=0.25)
    assert dark["across the texture"] < 0.1
    assert realism_looks.looks(crop(BAR, vertical=False))["across the texture"] > 0.99
    assert realism_looks.looks(crop(BAR, blur=2.0))["edge steepness"] < 0.7 * dark["edge steepness"]
    assert realism_looks.looks(crop(BAR, blur=2.0))["shade beyond the mask"] < dark["shade beyond the mask"] - 0.5
    assert dark["colour change"] < 0.05


def test_the_easiest_look_comes_first() -> None:
    real = [crop(dot((64, 64), (32, 20 + k)), depth=40) for k in range(8)]
    made = [crop(dot((64, 64), (32, 20 + k)), depth=90) for k in range(8)]
    found = realism_looks.ranked(real, made)
    assert abs(found[0].auroc - 0.5) == pytest.approx(0.5)
    table = {look.name: look for look in found}
    assert table["contrast"].auroc == 0.0
    assert 0.4 <= table["width"].auroc <= 0.6
    gaps = [abs(look.auroc - 0.5) for look in found]
    assert gaps == sorted(gaps, reverse=True)


# --- all of it -----------------------------------------------------------------------------------------------------

MANIFEST = """
name = "small"
version = "1.0.0"
seed = 0
snapshots = 1
[categories.magnetic_tile_blowhole]
count = 10
severity = [0.5, 1.0]
source = { kind = "folder", path = "magnetic_tile" }
kind = "texture"
foreground = "full"
material = "ferrite"
native_size = [128, 112]
pixel_size = "100um"
defects = [{ family = "corrosion", scenario = "pit" }]
"""


def tiles(folder: Path) -> None:
    """A set of drawn tiles: ground lines, some with a dark hole; specimens are those of the committed list."""
    root, rows = folder / "magnetic_tile", [("file", "mask", "tile_group")]
    development = halves.committed()["magnetic_tile"]
    for kind, stratum in (("blowhole", "blowhole"), ("good", "free")):
        (root / "test" / kind).mkdir(parents=True)
        (root / "ground_truth" / kind).mkdir(parents=True)
        for number, specimen in enumerate(development[stratum]["development"][:6]):
            for exposure in range(2):
                name = f"{number}{exposure}"
                rng = stream(0, "tile", kind, number)
                mask = dot((112, 128), tuple(rng.integers(30, 80, 2)), radius=float(rng.uniform(4, 9)))
                ground = 110 + 20 * exposure + 10 * rng.standard_normal((1, 128)) + 5 * rng.standard_normal((112, 128))
                gray = ground - (70 * mask if kind == "blowhole" else 0)
                picture = f"test/{kind}/{name}.jpg"
                Image.fromarray(np.clip(gray, 0, 255).astype(np.uint8)).save(root / picture, quality=80)
                truth = f"ground_truth/{kind}/{name}_mask.png" if kind == "blowhole" else ""
                if truth:
                    Image.fromarray(mask.astype(np.uint8) * 255).save(root / truth)
                rows.append((picture, truth, specimen))
    with (root / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def test_examples_take_as_many_specimens_as_there_are(tmp_path: Path) -> None:
    tiles(tmp_path)
    chosen = realism_calibrate.examples(tmp_path, "magnetic_tile_blowhole")
    assert len({row["tile_group"] for row in chosen}) == len(chosen) == 5
    assert len(realism_calibrate.examples(tmp_path, "magnetic_tile_blowhole", count=8)) == 8


def test_it_runs_and_gives_the_same_numbers_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiles(tmp_path)
    (tmp_path / "small.toml").write_text(MANIFEST, encoding="utf-8")
    arguments = ["--data", str(tmp_path), "--samples", "10", "--draws", "1", "--only", "magnetic_tile_blowhole"]
    arguments += ["--manifest", str(tmp_path / "small.toml"), "--out", str(tmp_path / "out.json"), "--looks"]
    arguments += ["--backbone", "scattering", "--sources", "npcf++", "npcf++ calibrated", "cut_paste"]
    arguments += ["--replicates", "20", "--sheets", str(tmp_path / "sheets")]
    texts = []
    for _ in range(2):
        assert realism.main(arguments) == 0
        texts.append((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert texts[0] == texts[1]
    report = json.loads(texts[0])
    assert report["backbone"] == {"name": "scattering", "digest": "scattering-1"}
    result = report["sets"][0]
    assert result["real"] == [12, 6]
    assert {"npcf++", "npcf++ calibrated"} <= set(result["rows"]) | set(result["left_out"])
    for row in result["rows"].values():
        assert 0 <= row["auroc"] <= 1
        assert row["pairs"] >= 2
    printed = capsys.readouterr().out
    assert "grounds alone" in printed
    assert "edge steepness" in printed
    assert (tmp_path / "sheets" / "magnetic_tile_blowhole.png").stat().st_size > 1000


def test_every_row_and_set_is_known() -> None:
    assert tuple(realism_run.SOURCES) == realism.SOURCES
    assert set(realism.SETS) == set(realism_crops.VIEWS)

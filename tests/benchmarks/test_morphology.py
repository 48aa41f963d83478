"""The shape benchmark: halves, metrics on shapes whose values are known, distances, rivals, and that it runs."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import energy_distance, halves, shape_metrics, skeletons
from benchmarks import morphology_sets as sets
from benchmarks.energy_distance import Cloud, Comparison, Protocol, compare, worth
from benchmarks.morphology import KINDS, OURS, SETS, Result, judge, main, summaries
from benchmarks.rivals_shape import REGION_RIVALS, Size, ellipse, random_walk, tapered_arc

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
"""The real sets, if they lie where the other tests look for them."""

Mask = NDArray[np.bool_]


def polyline(*points: tuple[int, int], width: int = 1, shape: tuple[int, int] = (96, 128)) -> Mask:
    mask = np.zeros(shape, np.uint8)
    for (y0, x0), (y1, x1) in pairwise(points):
        cv2.line(mask, (x0, y0), (x1, y1), 1, width)
    return mask > 0


def disc(radius: float, shape: tuple[int, int] = (96, 128)) -> Mask:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.asarray((y - 47.5) ** 2 + (x - 63.5) ** 2 <= radius**2)


# --- halves --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(halves.SETS))
def test_the_committed_list_follows_its_rule(name: str) -> None:
    for stratum, lists in halves.committed()[name].items():
        members = [specimen for half in halves.HALVES for specimen in lists[half]]
        assert halves.divide(name, members) == lists, stratum
        assert 0 <= len(lists["development"]) - len(lists["report"]) <= 1


@pytest.mark.parametrize("name", list(halves.SETS))
def test_no_specimen_is_in_both_halves(name: str) -> None:
    assert not halves.specimens(name, "development") & halves.specimens(name, "report")
    strata = halves.committed()[name].values()
    listed = [specimen for lists in strata for half in halves.HALVES for specimen in lists[half]]
    assert len(listed) == len(set(listed))


def test_half_of_a_specimen() -> None:
    assert halves.half_of("magnetic_tile", "797") == "development"
    assert halves.half_of("magnetic_tile", "85602") == "report"
    with pytest.raises(KeyError, match="'nowhere' of crackforest is in neither half"):
        halves.half_of("crackforest", "nowhere")


def test_a_tile_with_several_kinds_counts_as_the_rarest(tmp_path: Path) -> None:
    rows = [("1", "MT_Break"), ("1", "MT_Crack"), ("2", "MT_Blowhole"), ("2", "MT_Uneven"), ("3", "MT_Free")]
    (tmp_path / "magnetic_tile").mkdir()
    with (tmp_path / "magnetic_tile" / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("tile_group", "source_class"), *rows])
    assert halves.read_specimens(tmp_path, "magnetic_tile") == {"1": "crack", "2": "blowhole", "3": "free"}


# --- metrics -------------------------------------------------------------------------------------------------------


def test_a_straight_crack() -> None:
    mask = np.zeros((96, 128), bool)
    mask[39:42, 14:114] = True
    metrics = shape_metrics.crack_metrics(mask)
    # The skeleton ends short of the blunt ends, by up to the half width at each.
    assert metrics["skeleton_length_rel"] == pytest.approx(99 / 128, abs=4 / 128)
    assert metrics["mean_width_px"] == pytest.approx(3.0, rel=0.05)
    assert metrics["width_cv"] < 0.08
    assert metrics["tortuosity"] == pytest.approx(1.0, abs=1e-6)
    assert metrics["branch_points_per_100px"] == 0
    # Few scales fit: shorter than the grid of boxes leaves room for, a line comes out below 1.
    assert metrics["fractal_dim_skeleton"] == pytest.approx(0.95, abs=0.06)
    assert metrics["components"] == 1


def test_a_diagonal_is_as_long_as_it_is() -> None:
    skeleton = skeletons.thin(polyline((10, 10), (80, 80)))
    assert skeletons.length(skeleton) == pytest.approx(70 * math.sqrt(2), rel=0.001)


def test_a_bent_crack_is_longer_than_its_chord() -> None:
    metrics = shape_metrics.crack_metrics(polyline((80, 20), (20, 60), (80, 100), width=3))
    assert metrics["tortuosity"] == pytest.approx(2 * math.hypot(60, 40) / 80, rel=0.08)


def test_a_cross_has_one_branch_point_and_a_spur_none() -> None:
    cross = polyline((48, 14), (48, 113)) | polyline((10, 64), (86, 64))
    assert skeletons.branch_points(shape_metrics.pruned_skeleton(cross)) == 1
    spur = polyline((48, 14), (48, 113)) | polyline((48, 64), (45, 64))
    assert skeletons.branch_points(skeletons.thin(spur)) == 1
    assert skeletons.branch_points(shape_metrics.pruned_skeleton(spur)) == 0


def test_pruning_a_fork_leaves_its_longer_prong() -> None:
    fork = polyline((48, 14), (48, 80)) | polyline((48, 80), (44, 84)) | polyline((48, 80), (53, 85))
    path = skeletons.longest_path(skeletons.prune(skeletons.thin(fork), 9.0))
    assert {tuple(path[0]), tuple(path[-1])} == {(48, 14), (53, 85)}


def test_parts_of_a_crack_are_counted_and_specks_are_not() -> None:
    mask = polyline((20, 20), (20, 60)) | polyline((60, 20), (60, 90))
    mask[80, 80:85] = True
    assert shape_metrics.crack_metrics(mask)["components"] == 2


def test_a_speck_is_no_crack() -> None:
    with pytest.raises(ValueError, match="10 px"):
        shape_metrics.crack_metrics(polyline((20, 20), (20, 25)))


@pytest.mark.parametrize("radius", [8.0, 20.0, 40.0])
def test_a_disc(radius: float) -> None:
    metrics = shape_metrics.region_metrics(disc(radius))
    assert metrics["equiv_diameter_px"] == pytest.approx(2 * radius, rel=0.02)
    assert metrics["circularity"] == pytest.approx(1.0, abs=0.06)
    assert metrics["solidity"] > 0.95
    assert metrics["eccentricity"] < 0.05
    assert metrics["area_fraction"] == pytest.approx(math.pi * radius**2 / (96 * 128), rel=0.04)


def test_an_oblong_and_a_cross() -> None:
    oblong = np.zeros((96, 128), bool)
    oblong[40:50, 20:60] = True
    metrics = shape_metrics.region_metrics(oblong)
    assert metrics["eccentricity"] == pytest.approx(math.sqrt(1 - (10 / 40) ** 2), abs=1e-6)
    assert metrics["solidity"] == 1
    cross = oblong.copy()
    cross[25:65, 35:45] = True
    # The hull of the cross cuts its four corners: an octagon of 1600 - 4 x 15 x 15 / 2 px².
    assert shape_metrics.region_metrics(cross)["solidity"] == pytest.approx(700 / 1150, rel=0.03)


def test_a_ragged_outline_has_the_greater_dimension() -> None:
    rng = np.random.default_rng(5)
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    radius = 30 * (1 + 0.25 * rng.standard_normal(200))
    points = np.stack([64 + radius * np.cos(angle), 48 + radius * np.sin(angle)], axis=1)
    ragged = cv2.fillPoly(np.zeros((96, 128), np.uint8), [np.rint(points).astype(np.int32)], 1) > 0
    smooth = shape_metrics.region_metrics(disc(30.0))["fractal_dim_boundary"]
    assert smooth == pytest.approx(1.0, abs=0.1)
    assert shape_metrics.region_metrics(ragged)["fractal_dim_boundary"] > smooth + 0.15


def test_a_blot_too_small_for_a_dimension() -> None:
    assert math.isnan(shape_metrics.region_metrics(disc(4.0))["fractal_dim_boundary"])
    with pytest.raises(ValueError, match="empty"):
        shape_metrics.region_metrics(np.zeros((8, 8), bool))


# --- distances -----------------------------------------------------------------------------------------------------


def test_energy_distance_of_two_points() -> None:
    distances = np.array([[0.0, 3.0], [3.0, 0.0]])
    # 2 E|X - Y| = 6 and nothing to take off.
    assert energy_distance.energy_distance(distances, np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 6.0
    assert energy_distance.energy_distance(distances, np.array([0.5, 0.5]), np.array([0.5, 0.5])) == 0.0


def test_energy_distance_of_shifted_uniforms() -> None:
    points = np.linspace(0, 1, 400)
    both = np.concatenate([points, points + 0.5])
    first = np.repeat([1 / 400, 0.0], 400)
    # ℰ = 2 ∫ (F - G)² dx = 2 (1/24 + 1/8 + 1/24) for a shift by half the width.
    value = energy_distance.energy_distance(np.abs(both[:, None] - both), first, first[::-1])
    assert value == pytest.approx(5 / 12, rel=0.01)


def test_copies_in_a_cluster_are_worth_one_point() -> None:
    points = np.repeat(np.arange(6.0), 5)[:, None]
    distances = np.abs(points - points.T)
    between = float(distances[np.ix_(range(0, 30, 5), range(0, 30, 5))].sum() / 30)
    assert worth(distances, np.full(30, 1 / 30), between) == 6


def test_points_that_are_not_alike_are_worth_all() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(60, 3))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    between = float(distances.sum() / (60 * 59))
    assert worth(distances, np.full(60, 1 / 60), between) == 60


def clusters(rng: np.random.Generator, shift: float = 0.0) -> Cloud:
    centres = rng.normal(size=(12, 3)) + shift
    points = np.repeat(centres, 4, axis=0) + 0.05 * rng.normal(size=(48, 3))
    return Cloud(points, tuple(f"{i // 4:02d}" for i in range(48)))


def test_a_sample_of_the_real_kind_comes_out_at_the_floor() -> None:
    rng = np.random.default_rng(7)
    ratios = []
    for _ in range(6):
        synthetic = {"same": rng.normal(size=(60, 3)), "other": rng.normal(size=(60, 3)) + 1.5}
        floor, rows = compare(clusters(rng), synthetic, Protocol(60, 40), rng)
        ratios.append((rows["same"].matched / floor, rows["other"].matched / floor))
        assert rows["other"].distance > rows["same"].distance
        assert rows["other"].beaten_by > 0.95
        low, high = rows["same"].interval
        assert low < high < rows["other"].distance
    same, other = np.mean(ratios, axis=0)
    assert 0.7 < same < 1.3
    assert other > 2


def test_one_specimen_cannot_be_split() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="two clusters"):
        compare(Cloud(np.zeros((3, 2)), ("a", "a", "a")), {"x": np.zeros((4, 2))}, Protocol(2, 2), rng)


# --- rivals --------------------------------------------------------------------------------------------------------


def test_rivals_of_a_crack_have_its_size() -> None:
    size = Size(120.0, 4.0, (200, 240))
    for rival in (tapered_arc, random_walk):
        drawn = [shape_metrics.crack_metrics(rival(size, np.random.default_rng(i))) for i in range(20)]
        assert np.median([m["skeleton_length_rel"] for m in drawn]) * 240 == pytest.approx(120, rel=0.12)
        assert np.median([m["mean_width_px"] for m in drawn]) == pytest.approx(4.0, rel=0.15)
    widths = [
        shape_metrics.crack_metrics(f(size, np.random.default_rng(1)))["width_cv"] for f in (tapered_arc, random_walk)
    ]
    assert widths[0] > 2 * widths[1]


def test_rivals_of_a_pit_have_its_area() -> None:
    size = Size.of_region({"equiv_diameter_px": 24.0, "eccentricity": 0.8}, (160, 200))
    for name, rival in REGION_RIVALS.items():
        drawn = [shape_metrics.region_metrics(rival(size, np.random.default_rng(i))) for i in range(20)]
        assert np.median([m["equiv_diameter_px"] for m in drawn]) == pytest.approx(24, rel=0.12), name
    drawn = [shape_metrics.region_metrics(ellipse(size, np.random.default_rng(i))) for i in range(20)]
    assert np.median([m["eccentricity"] for m in drawn]) == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize("eccentricity", [0.4, 0.6, 0.8, 0.95])
def test_a_walk_is_as_long_as_the_pit_it_stands_against(eccentricity: float) -> None:
    """Curved tracks are a little rounder than straight ones, and pixels add their noise."""
    size = Size.of_region({"equiv_diameter_px": 24.0, "eccentricity": eccentricity}, (160, 200))
    drawn = [shape_metrics.region_metrics(random_walk(size, np.random.default_rng(i))) for i in range(40)]
    assert np.median([m["eccentricity"] for m in drawn]) == pytest.approx(eccentricity, abs=0.06)
    assert np.median([m["equiv_diameter_px"] for m in drawn]) == pytest.approx(24, rel=0.05)


# --- the sets ------------------------------------------------------------------------------------------------------


def shapes(values: list[float], specimens: str) -> sets.Shapes:
    rows = tuple({metric.name: value for metric in sets.CRACK_VECTOR} for value in values)
    return sets.Shapes(rows, tuple(specimens), tuple((10, 10) for _ in values))


def test_vectors_are_scaled_by_specimen_and_missing_values_are_neutral() -> None:
    # Specimen a was photographed three times and weighs as much as b.
    development = shapes([1.0, 1.0, 1.0, 3.0], "aaab")
    scale = sets.scales(development, sets.CRACK_VECTOR)
    names = [metric.name for metric in sets.CRACK_VECTOR]
    assert scale[names.index("tortuosity")] == pytest.approx(1.0)
    assert scale[names.index("mean_width_px")] == pytest.approx(math.log(3) / 2)
    neutral = sets.vectors(shapes([math.nan], "a"), sets.CRACK_VECTOR, scale)[0]
    assert neutral[names.index("tortuosity")] == pytest.approx(1.0)
    assert neutral[names.index("branch_points_per_100px")] == 0


def test_a_scale_is_never_below_the_measurement() -> None:
    scale = sets.scales(shapes([2.0, 2.0], "ab"), sets.CRACK_VECTOR)
    assert scale.tolist() == [metric.least_scale for metric in sets.CRACK_VECTOR]


def test_the_verdict_names_a_rival_that_lies_nearer() -> None:
    rng = np.random.default_rng(3)
    real = shapes(list(np.exp(0.2 * rng.normal(size=20))), "abcdefghijklmnopqrst")
    near = shapes(list(np.exp(0.2 * rng.normal(size=30))), "x" * 30)
    far = shapes(list(np.exp(2 + 0.2 * rng.normal(size=30))), "x" * 30)
    good = judge("crackforest", real, real, {OURS: near, "toy": far}, Protocol(100, 20))
    bad = judge("crackforest", real, real, {OURS: far, "toy": near}, Protocol(100, 20))
    assert replace(good, floor=good.rows[OURS].matched / 1.49).verdict == "goal met; below every rival"
    assert replace(good, floor=good.rows[OURS].matched / 1.51).verdict == "FALLS SHORT of the goal; below every rival"
    assert bad.verdict == "FALLS SHORT of the goal; NOT below toy"
    assert set(good.marginal) == {metric.name for metric in sets.CRACK_VECTOR}


def result(name: str, floor: float, **distances: float) -> Result:
    rows = {key: Comparison(distance, (0.0, 9.0), 9.0, 0.5) for key, distance in distances.items()}
    return Result(name, (4, 4), 6, floor, rows, {}, {})


def test_means_of_a_kind_count_each_set_by_its_own_floor() -> None:
    pits = [
        result("magnetic_tile_blowhole", 0.5, maphc2f=0.4, walk=0.2, ellipse=0.9),
        result("ball_screw_pitting", 2.0, maphc2f=0.4, walk=2.4, arc=0.1),
    ]
    (summary,) = summaries(pits)
    # 0.4 / 0.5 and 0.4 / 2; rivals of one set alone are left out, though one of them is nearer there.
    assert summary.means == pytest.approx({OURS: 0.5, "walk": 0.8})
    assert summary.ours_least
    assert str(summary) == (
        "pits, mean distance / floor of magnetic_tile_blowhole and ball_screw_pitting: "
        "maphc2f 0.50, walk 0.80; ours is the least"
    )


def test_a_nearer_rival_makes_ours_not_the_least() -> None:
    names = KINDS["cracks"]
    far, even = ([result(name, 1.0, maphc2f=0.5, walk=walk) for name in names] for walk in (0.4, 0.5))
    assert not summaries(far)[0].ours_least
    assert "NOT the least" in str(summaries(far)[0])
    assert not summaries(even)[0].ours_least


def test_a_kind_of_which_a_set_was_not_run_has_no_mean() -> None:
    others = [result(name, 1.0, maphc2f=0.5) for name in ("crackforest", "magnetic_tile_break", "ball_screw_pitting")]
    assert summaries(others) == []
    cracks = summaries([*others, result("magnetic_tile_crack", 1.0, maphc2f=0.5)])
    assert [summary.kind for summary in cracks] == ["cracks"]


def road(folder: Path) -> None:
    """Write a road set of four pictures whose cracks leave the lower half sound."""
    (folder / "crackforest" / "test").mkdir(parents=True)
    (folder / "crackforest" / "truth").mkdir()
    rows = [("file", "mask", "source_stem")]
    for number, stem in enumerate(sorted(halves.specimens("crackforest", "development"))[:4]):
        mask = polyline((20 + number, 10), (12, 70), (22, 150 + 5 * number), width=2, shape=(160, 192))
        noise = np.random.default_rng(number).integers(90, 140, (160, 192, 3), dtype=np.uint8)
        picture, truth = f"test/{stem}.png", f"ground_truth/crack/{stem}.png"
        (folder / "crackforest" / truth).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "crackforest" / picture), noise)
        cv2.imwrite(str(folder / "crackforest" / truth), mask.astype(np.uint8) * 255)
        rows.append((picture, truth, stem))
    with (folder / "crackforest" / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


MANIFEST = """
name = "small"
version = "1.0.0"
seed = 0
snapshots = 1
[categories.crackforest]
count = 10
source = { kind = "folder", path = "crackforest" }
kind = "texture"
foreground = "full"
material = "asphalt"
native_size = [192, 160]
pixel_size = "1mm"
defects = [{ family = "crack", scenario = "through_crack" }]
"""


def test_sound_ground_shows_no_mask(tmp_path: Path) -> None:
    road(tmp_path)
    source = sets.good_source(tmp_path, "crackforest", "development")
    pictures = source.inventory()
    assert len(pictures) == 4
    loaded = source.load(pictures[0]).image
    original = cv2.imread(str(tmp_path / "crackforest" / pictures[0].key))
    assert original is not None
    original = original[:, :, ::-1]
    assert loaded.shape == original.shape
    # Every row of the original that is used lies 24 px below the crack or lower.
    rows = {row.tobytes()[:30] for row in loaded[:, :64]}
    assert not rows & {row.tobytes()[:30] for row in original[:40, :64]}


def test_it_runs_and_gives_the_same_numbers_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    road(tmp_path)
    (tmp_path / "small.toml").write_text(MANIFEST, encoding="utf-8")
    arguments = ["--data", str(tmp_path), "--samples", "6", "--only", "crackforest", "--details"]
    arguments += ["--manifest", str(tmp_path / "small.toml"), "--out", str(tmp_path / "out.json")]
    texts = []
    for _ in range(2):
        assert main(arguments) == 0
        texts.append((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert texts[0] == texts[1]
    report = json.loads(texts[0])
    found = report["sets"][0]
    assert report["kinds"] == {}
    assert found["real"] == [4, 4]
    assert found["samples"] == 6
    assert found["floor"] > 0
    assert set(found["rows"]) == {"maphc2f", "tapered arc", "random walk"}
    printed = capsys.readouterr().out
    assert "real split-half distance" in printed
    assert "fractal_dim_skeleton" in printed
    assert "mean distance / floor" not in printed


def test_every_set_has_a_category() -> None:
    dataset = sets.load_dataset(Path())
    assert {category.name for category in dataset.categories} == set(SETS) == set(sets.REAL_SETS)


# --- the real masks ------------------------------------------------------------------------------------------------

LOOSE = {
    "branch_points_per_100px": 0.15,
    "width_cv": 0.03,
    "fractal_dim_skeleton": 0.03,
    "mean_width_px": 0.25,
    "longest_path_px": 6.0,
    "skeleton_length_rel": 0.02,
    "tortuosity": 0.02,
}
"""Skeletons are thinned and pruned in more than one way; other metrics are defined to the last digit."""


@pytest.mark.skipif(not (REAL / "real_morphology.json").is_file(), reason="needs ../shared/data")
@pytest.mark.parametrize("name", list(sets.REAL_SETS))
def test_the_published_summary_is_reproduced(name: str) -> None:
    published = json.loads((REAL / "real_morphology.json").read_text(encoding="utf-8"))["sets"][name]
    table = sets.real_shapes(REAL, name)
    assert len(table) == published["n"]
    for metric in table.metrics[0]:
        values = np.array([row[metric] for row in table.metrics])
        expected = published["metrics"][metric]
        assert np.isfinite(values).sum() == expected["n"]
        tolerance = LOOSE.get(metric, 0.005)
        assert np.nanmean(values) == pytest.approx(expected["mean"], abs=tolerance), metric
        assert np.nanmedian(values) == pytest.approx(expected["p50"], abs=tolerance), metric


@pytest.mark.skipif(not (REAL / "magnetic_tile").is_dir(), reason="needs ../shared/data")
def test_the_committed_list_covers_the_real_sets() -> None:
    assert halves.listing(REAL) == halves.LIST.read_text(encoding="utf-8")

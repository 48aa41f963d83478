"""The detector benchmark: areas under curves, intervals, features, head, memory of patches, and that it runs."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from benchmarks import downstream_head as heads
from benchmarks import downstream_patchcore as patchcore
from benchmarks import downstream_scores as scores
from benchmarks.downstream import main, make_table
from benchmarks.downstream_features import Maps, Standard, extract, pixel_vectors, standard
from benchmarks.downstream_halves import HALVES, open_pool, take_half
from benchmarks.downstream_run import Scale, open_bench, row_names, run_row
from benchmarks.downstream_scores import Labels, Scored
from benchmarks.downstream_sets import CLOSE_KINDS, SIZES, prepared_example, problem_of
from benchmarks.downstream_sources import make_samples, sources_of
from benchmarks.halves import specimens
from maphc2f.manifest import parse_manifest
from maphc2f.spec import SizeSpec
from maphc2f.substrates.files import FileSubstrate
from maphc2f.substrates.procedural.catalogue import render

SIDE = 64


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def simple_backbone(pictures: Tensor) -> list[Tensor]:
    """Return means and deviations at strides 4, 8 and 16: all that a dark blot needs."""
    gray = pictures.mean(1, keepdim=True)
    levels = [(functional.avg_pool2d(gray, s), functional.avg_pool2d(gray**2, s)) for s in (4, 8, 16)]
    return [torch.cat([mean, (square - mean**2).clamp_min(0).sqrt()], 1) for mean, square in levels]


def random_maps(pictures: int, seed: int = 0) -> Maps:
    generator = rng(seed)
    shapes = ((3, 16, 16), (5, 8, 8), (7, 4, 4))
    return Maps(
        tuple(
            torch.from_numpy(generator.standard_normal((pictures, *shape)).astype(np.float32)).half()
            for shape in shapes
        )
    )


# --- scores --------------------------------------------------------------------------------------------------------


def test_the_area_counts_pairs_and_halves_ties() -> None:
    assert scores.auroc(np.array([2.0, 1.0]), np.array([1.0, 0.0])) == pytest.approx((1 + 1 + 0.5 + 1) / 4)


def exact_ap(values: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    order = np.argsort(-values, kind="stable")
    hits = labels[order]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


def test_counted_areas_are_those_of_the_pixels() -> None:
    generator = rng(1)
    labels = generator.random((3, 80, 80)) < 0.05
    maps = [(generator.standard_normal((80, 80)) + 2 * mask).astype(np.float32) for mask in labels]
    everywhere = [np.ones((80, 80), np.bool_)] * 3
    result = scores.scored(maps, list(labels), everywhere)
    area, precision = scores.curve_areas(result.inside.sum(0), result.outside.sum(0))
    smooth = [scores.smoothed(m, whole) for m, whole in zip(maps, everywhere, strict=True)]
    values, flat = np.concatenate([m.ravel() for m in smooth]).astype(np.float64), labels.ravel()
    assert float(area) == pytest.approx(scores.auroc(values[flat], values[~flat]), abs=1e-3)
    assert float(precision) == pytest.approx(exact_ap(values, flat), abs=5e-3)


def test_ties_within_a_class_count_half() -> None:
    inside, outside = np.array([1.0, 2.0, 0.0]), np.array([2.0, 1.0, 1.0])
    area, precision = scores.curve_areas(inside, outside)
    assert float(area) == pytest.approx((1 * 1 + 2 * 2.5) / (3 * 4))
    assert float(precision) == pytest.approx(2 / 3 * 2 / 4 + 1 / 3 * 3 / 7)


def test_padding_neither_counts_nor_alarms() -> None:
    part = np.zeros((20, 20), np.bool_)
    part[5:15] = True
    loud = np.where(part, 0.5, 9.0).astype(np.float32)
    result = scores.scored([loud], [np.zeros((20, 20), np.bool_)], [part])
    assert result.picture[0] == pytest.approx(0.5, abs=1e-5)
    assert result.outside.sum() == part.sum()


def labels_of(good: int, crack: int, specimens_each: int) -> Labels:
    names = [f"g{i % specimens_each}" for i in range(good)] + [f"c{i % specimens_each}" for i in range(crack)]
    return Labels(("good",) * good + ("crack",) * crack, tuple(names))


def test_specimens_are_resampled_whole_within_their_kind() -> None:
    labels = labels_of(12, 9, 3)
    weights = scores.specimen_weights(labels, 50, rng())
    assert np.all(weights[:, :12].sum(1) == 12)
    assert np.all(weights[:, 12:].sum(1) == 9)
    assert np.array_equal(weights[:, 0], weights[:, 3])
    assert np.ptp(weights) > 0


def random_scored(labels: Labels, shift: float, seed: int) -> Scored:
    generator = rng(seed)
    pictures = [kind != "good" for kind in labels.kinds]
    masks = [generator.random((16, 16)) < 0.2 * defect for defect in pictures]
    maps = [(generator.standard_normal((16, 16)) + shift * mask).astype(np.float32) for mask in masks]
    return scores.scored(maps, masks, [np.ones((16, 16), np.bool_)] * len(masks))


def alike_within_specimens(labels: Labels, draw: int) -> Scored:
    """Return scores that differ between specimens and hardly within one."""
    step = {name: i for i, name in enumerate(sorted(set(labels.specimens)))}
    spread = len(step) / 2
    offsets = np.array([(step[name] % spread) / spread for name in labels.specimens])
    defect = np.array([kind != "good" for kind in labels.kinds])
    picture = offsets + 0.2 * defect + 1e-3 * rng(draw).standard_normal(len(offsets))
    some = np.ones((len(picture), scores.BINS))
    return Scored(picture, some, some)


def test_the_interval_holds_the_mean_and_widens_with_fewer_specimens() -> None:
    widths = []
    for each in (2, 20):
        labels = labels_of(20, 20, each)
        draws = [alike_within_specimens(labels, draw) for draw in range(3)]
        found = scores.estimate(scores.resampled(draws, labels, 400, 0)["crack"])["image_auroc"]
        single = [scores.auroc(d.picture[20:], d.picture[:20]) for d in draws]
        assert found.mean == pytest.approx(np.mean(single))
        assert found.low <= found.mean <= found.high
        widths.append(found.high - found.low)
    assert widths[0] > 1.5 * widths[1]


def test_one_specimen_and_one_draw_have_no_interval() -> None:
    labels = labels_of(6, 6, 1)
    found = scores.estimate(scores.resampled([random_scored(labels, 1.0, 0)], labels, 50, 0)["crack"])
    assert found["pixel_auroc"].low == pytest.approx(found["pixel_auroc"].high)


def test_equal_seeds_resample_the_same_specimens() -> None:
    labels = labels_of(20, 20, 4)
    one = scores.resampled([random_scored(labels, 1.0, 0)], labels, 30, 0)["crack"]
    assert np.array_equal(one, scores.resampled([random_scored(labels, 1.0, 0)], labels, 30, 0)["crack"])


# --- features ------------------------------------------------------------------------------------------------------


def joined(maps: Maps) -> Tensor:
    """Return all maps upsampled to the finest: the plain way."""
    parts = [
        functional.interpolate(level.float(), maps.grid, mode="bilinear", align_corners=False) for level in maps.levels
    ]
    return torch.cat(parts, 1)


def test_vectors_are_those_of_the_upsampled_maps() -> None:
    maps = random_maps(2)
    cells = np.argwhere(np.ones(maps.grid, np.bool_))
    found = pixel_vectors(maps, 1, cells)
    torch.testing.assert_close(found, joined(maps)[1].flatten(1).T, rtol=1e-4, atol=1e-4)


def test_features_do_not_depend_on_the_batch() -> None:
    pictures = [rng(i).integers(0, 256, (SIDE, SIDE), np.uint8) for i in range(9)]
    together, alone = extract(simple_backbone, pictures), extract(simple_backbone, pictures[8:])
    for level, single in zip(together.levels, alone.levels, strict=True):
        assert torch.equal(level[8:], single)


# --- head ----------------------------------------------------------------------------------------------------------


def test_a_hairline_marks_every_cell_that_it_crosses() -> None:
    mask = np.zeros((64, 64), np.bool_)
    mask[30] = True
    assert np.array_equal(np.argwhere(heads.touched(mask, (16, 16)).any(1)).ravel(), [7])
    assert heads.touched(mask, (16, 16))[7].all()


def test_scores_are_those_of_the_perceptron_on_joined_maps() -> None:
    maps, generator = random_maps(2), torch.Generator().manual_seed(0)
    first, bias = torch.randn(6, 15, generator=generator), torch.randn(6, generator=generator)
    second, last = torch.randn(6, generator=generator), torch.randn((), generator=generator)
    head = heads.Head(first, bias, second, last)
    hidden = functional.relu(torch.einsum("hc,ncxy->nhxy", first, joined(maps)) + bias[None, :, None, None])
    plain = torch.einsum("h,nhxy->nxy", second, hidden) + last
    found = torch.from_numpy(np.stack(heads.score_maps(head, maps, maps.grid)))
    torch.testing.assert_close(found, plain, rtol=1e-4, atol=1e-4)


def blotted(count: int, seed: int) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.bool_]]]:
    generator = rng(seed)
    pictures, masks = [], []
    for _ in range(count):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        y, x = (int(v) for v in generator.integers(16, 48, 2))
        cv2.circle(mask, (x, y), 8, 1, -1)
        noise = generator.normal(150, 6, (SIDE, SIDE)) - 60 * mask
        pictures.append(np.clip(noise, 0, 255).astype(np.uint8))
        masks.append(mask > 0)
    return pictures, masks


def trained(seed: int) -> tuple[heads.Head, list[NDArray[np.bool_]], Maps]:
    pictures, masks = blotted(10, 0)
    clean = [rng(50 + i).normal(150, 6, (SIDE, SIDE)).astype(np.uint8) for i in range(10)]
    good, everywhere = extract(simple_backbone, clean), [np.ones((SIDE, SIDE), np.bool_)] * 10
    held_out = np.arange(10) % 5 == 4
    defects = extract(simple_backbone, pictures)
    training = heads.Training(defects, masks, good, (everywhere, everywhere), (held_out, held_out))
    budget = heads.Budget(hidden=8, steps=60, batch=256)
    head = heads.train_head(training, standard(good), budget, rng(seed))
    unseen, theirs = blotted(4, 9)
    return head, theirs, extract(simple_backbone, unseen)


def test_the_head_finds_blots_that_it_never_saw() -> None:
    head, masks, maps = trained(0)
    for scored, mask in zip(heads.score_maps(head, maps, (SIDE, SIDE)), masks, strict=True):
        assert scores.auroc(scored[mask].astype(np.float64), scored[~mask].astype(np.float64)) > 0.97


def test_the_same_stream_trains_the_same_head() -> None:
    assert torch.equal(trained(3)[0].first, trained(3)[0].first)
    assert not torch.equal(trained(3)[0].first, trained(4)[0].first)


# --- memory of patches ---------------------------------------------------------------------------------------------


def test_the_greedy_choice_takes_the_farthest_each_time() -> None:
    points = torch.tensor([[0.0], [1.0], [10.0], [4.0], [10.5]])
    assert patchcore.farthest_first(points, 4, 0).tolist() == [0, 4, 3, 1]


def test_a_coreset_covers_better_than_chance() -> None:
    points = torch.from_numpy(rng().standard_normal((400, 8)).astype(np.float32))
    chosen = patchcore.farthest_first(points, 40, 0)
    by_chance = torch.from_numpy(rng(1).choice(400, 40, replace=False))
    reach = [float(torch.cdist(points, points[some]).amin(1).max()) for some in (chosen, by_chance)]
    assert reach[0] < 0.9 * reach[1]
    assert len(set(chosen.tolist())) == 40


def test_a_patch_of_the_memory_has_no_distance() -> None:
    maps = random_maps(3)
    plain = Standard(tuple((torch.zeros(level.shape[1]), torch.ones(level.shape[1])) for level in maps.levels))
    bank = patchcore.random_bank(maps, plain, 10_000, rng())
    assert bank.shape == (3 * 8 * 8, 12)
    known = list(patchcore.patch_maps(bank, plain, maps, (64, 64)))
    assert max(float(scored.max()) for scored in known) < 0.02
    strange = next(iter(patchcore.patch_maps(bank, plain, random_maps(1, 7), (64, 64))))
    assert float(strange.mean()) > 0.5


# --- sets and sources ----------------------------------------------------------------------------------------------


def test_a_hairline_outlives_the_shrinking_of_its_mask() -> None:
    mask = np.zeros((300, 200), np.bool_)
    mask[150, 20:180] = True
    image = np.full((300, 200), 90, np.uint8)
    example = prepared_example(image, mask, SizeSpec(width=128, height=128))
    x = np.flatnonzero(example.mask.any(0))
    assert example.mask.any(0)[x[0] : x[-1] + 1].all()
    assert np.ptp(x) + 1 == pytest.approx(160 * 128 / 300, abs=2)
    assert example.part.sum() == 128 * round(200 * 128 / 300)


MANIFEST = """
name = "toy"
version = "1.0.0"
snapshots = 1
[categories.toy]
count = 4
source = { kind = "folder", path = "." }
kind = "texture"
foreground = "full"
material = "ferrite"
native_size = [64, 64]
pixel_size = "100um"
defects = [
  { family = "crack", scenario = "chip" },
  { family = "corrosion", scenario = "pit" },
]
"""


def tile(seed: int) -> NDArray[np.uint8]:
    picture, _ = render("tile", (SIDE, SIDE), rng(seed))
    return picture


@pytest.fixture
def toy(tmp_path: Path):
    for i in range(5):
        cv2.imwrite(str(tmp_path / f"{i}.png"), tile(i)[:, :, ::-1])
    dataset = parse_manifest(MANIFEST, where="toy", base=tmp_path)
    dataset = dataset.model_copy(update={"size": SizeSpec(width=SIDE, height=SIDE)})
    source = FileSubstrate(tmp_path.resolve(), "", "texture", "", "full")
    test = [(tile(20 + i), None) for i in range(4)]
    for i in range(4):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        cv2.circle(mask, (20 + 6 * i, 30), 7, 1, -1)
        dark = np.where(mask[:, :, None] > 0, tile(30 + i) // 3, tile(30 + i)).astype(np.uint8)
        test.append((dark, mask > 0))
    labels = Labels(("good",) * 4 + ("blot",) * 4, tuple("abcdefgh"))
    return problem_of(dataset, source, test, labels, ("blot",))


SMALL = Scale(draws=2, samples=5, coreset=50, bank=200, budget=heads.Budget(hidden=8, steps=20, batch=128))


def test_samples_come_from_the_good_pictures_of_their_split(toy) -> None:
    drawn = make_samples(toy, sources_of(toy.dataset.categories[0])["npcf++"], 5, 0)
    assert len(drawn.samples) + drawn.failed == 5
    assert set(drawn.good_keys) <= set(toy.good_keys)
    assert not set(np.array(drawn.good_keys)[drawn.held_out]) & set(np.array(drawn.good_keys)[~drawn.held_out])


def test_sources_alone_are_the_scenarios_of_the_mix(toy) -> None:
    category = toy.dataset.categories[0]
    names = sources_of(category)
    rivals = {"perlin", "cut_paste", "nsa", "las"}
    assert rivals | {"coarse", "npcf", "npcf++", "ours+cut_paste", "only:chip", "only:pit"} == set(names)
    assert [d.scenario for d in names["only:chip"].defects(category)] == ["chip"]
    assert [d.family for d in names["las"].defects(category)] == ["texture_overlay"]


def test_a_rival_beside_ours_takes_half(toy) -> None:
    source = sources_of(toy.dataset.categories[0])["ours+cut_paste"]
    drawn = make_samples(toy, source, 8, 0)
    shown = [sample.row["defect_family"] for sample in drawn.samples]
    assert drawn.failed == 0
    assert shown.count("cut_paste") == 4
    assert set(shown) == {"crack", "corrosion", "cut_paste"}


def test_halves_of_a_pool_share_no_sample_and_are_compared(toy) -> None:
    bench = open_bench(toy, simple_backbone)
    names = ["sqe:best", "sqe:worst"]
    assert set(names) <= set(row_names(toy))
    scale = replace(SMALL, samples=20)
    table = make_table(bench, names, scale, lambda _: None)
    assert set(bench.pools) == {(40, 0), (40, 1)}
    found = bench.pools[40, 0]
    best, worst = (take_half(found, HALVES[name]) for name in names)
    identities = [{sample.row["sample_id"] for sample in half.samples} for half in (best, worst)]
    assert not identities[0] & identities[1]
    assert len(identities[0]) == len(identities[1]) == len(found.pairs) > 2
    assert np.array_equal(np.sort(best.held_out), np.sort(worst.held_out))
    means = [table.rows[HALVES[name].title]["blot"]["pixel_ap"].mean for name in names]
    contest = "SQE, best less worst"
    assert table.rows[contest]["blot"]["pixel_ap"].mean == pytest.approx(means[0] - means[1])
    assert table.balances[contest]["better_score"] > table.balances[contest]["worse_score"]
    with pytest.raises(ValueError, match="--samples"):
        open_pool(toy, 3, 0)


def test_the_table_holds_every_row_and_repeats_itself(toy, capsys) -> None:
    bench = open_bench(toy, simple_backbone)
    rows = ["patchcore", "random", "las"]
    assert set(rows) <= set(row_names(toy))
    notes: list[str] = []
    table = make_table(bench, rows, SMALL, notes.append)
    assert len(notes) == 3
    assert all(0 <= row["blot"]["image_auroc"].mean <= 1 for row in table.rows.values())
    assert table.rows["PatchCore, coreset"]["blot"]["pixel_auroc"].mean > 0.8
    table.print()
    assert "image AUROC" in capsys.readouterr().out
    again = run_row(bench, "las", SMALL).estimates(("blot",))
    assert again == table.rows["LAS (GLASS)"]["blot"]


def write_set(root: Path) -> None:
    """Write a set in the layout of the magnetic tiles, of procedural pictures."""
    half = sorted(specimens("magnetic_tile", "development"))
    rows = [(f"train/good/{i:03}.png", "", half[i]) for i in range(6)]
    rows += [(f"test/good/{i:03}.png", "", half[10 + i]) for i in range(3)]
    rows += [(f"test/break/{i:03}.png", f"ground_truth/break/{i:03}_mask.png", half[20 + i]) for i in range(3)]
    rows.append(("test/break/003.png", "ground_truth/break/003_mask.png", min(specimens("magnetic_tile", "report"))))
    for number, (name, mask, _) in enumerate(rows):
        for path in filter(None, (name, mask)):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
        picture = cv2.cvtColor(tile(number), cv2.COLOR_RGB2GRAY)
        if mask:
            picture[:20, :30] = 20
            shown = np.zeros_like(picture)
            shown[:20, :30] = 255
            cv2.imwrite(str(root / mask), shown)
        cv2.imwrite(str(root / name), picture)
    with (root / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "mask", "tile_group"])
        writer.writerows(rows)


def test_the_command_reads_one_half_and_writes_its_numbers(tmp_path: Path, monkeypatch, capsys) -> None:
    write_set(tmp_path / "magnetic_tile")
    monkeypatch.setitem(SIZES, "magnetic_tile", SizeSpec(width=SIDE, height=SIDE))
    monkeypatch.setitem(CLOSE_KINDS, "magnetic_tile", ("break",))
    out = tmp_path / "numbers.json"
    arguments = ["--data", str(tmp_path), "--only", "magnetic_tile", "--rows", "random", "--draws", "1"]
    assert main([*arguments, "--backbone", "scattering", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "development half" in printed
    assert "break 3, good 3" in printed
    numbers = json.loads(out.read_text())
    assert numbers["sets"]["magnetic_tile"]["rows"]["PatchCore, random bank"]["break"]["pixel_auroc"]["mean"] > 0.5

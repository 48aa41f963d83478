"""The whole chain: bits, exactness, hairlines, and what each stage promises."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from maphc2f.refine import pipeline
from maphc2f.refine.pipeline import synthesise
from maphc2f.refine.stages import optical_half_width
from maphc2f.render.window import WindowResult
from maphc2f.sample import PlacedFields
from tests.refine.fields import PIXEL_SIZE, all_kinds, line_fields, region_fields, window

STAGES = ("coarse", "npcf", "npcf++")


@pytest.fixture(autouse=True)
def one_thread() -> object:
    """The promise on bits is made for one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def same(a: WindowResult, b: WindowResult) -> bool:
    arrays = all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("picture", "soft_mask", "coarse_mask"))
    return arrays and a.residuals == b.residuals and a.visible_width == b.visible_width


@pytest.mark.parametrize("size", [64, 100])
@pytest.mark.parametrize("stage", STAGES)
def test_bits_do_not_depend_on_the_batch(stage: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "CHUNK_PIXELS", 32 * 128 * 128)
    kinds = all_kinds(size, channels=3)
    windows = [replace(kinds[i % len(kinds)], noise=np.roll(kinds[i % len(kinds)].noise, i, 0)) for i in range(32)]
    together = synthesise(windows, stage)
    assert all(same(synthesise([w], stage)[0], r) for w, r in zip(windows, together, strict=True))


def test_chunks_do_not_change_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = all_kinds(64)
    before = synthesise(windows, "npcf++")
    monkeypatch.setattr(pipeline, "CHUNK_PIXELS", 64 * 64)
    assert all(same(a, b) for a, b in zip(before, synthesise(windows, "npcf++"), strict=True))


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("channels", [1, 3])
def test_nothing_changes_outside_the_support(stage: str, channels: int) -> None:
    part = np.ones((64, 64), np.float32)
    part[:20] = 0
    for item in [replace(whole, foreground=part) for whole in all_kinds(64, channels)]:
        result = synthesise([item], stage)[0]
        outside = ~item.fields.support | (part == 0)
        assert np.array_equal(result.picture[outside], item.picture[outside])
        assert result.soft_mask[part == 0].max() == 0
        assert result.picture.min() >= 0
        assert result.picture.max() <= 1
        assert np.isfinite(result.picture).all()
        assert not np.array_equal(result.picture, item.picture)


def hairline(width: float) -> PlacedFields:
    """An elastic opening of ``width`` px, constant along the line but for its ends."""
    fields = line_fields(96, opening=1.0)
    return replace(fields, opening=np.where(fields.opening > 0.05, width * PIXEL_SIZE, 0).astype(np.float32))


@pytest.mark.parametrize("width", [0.3, 0.7, 1.0, 1.5])
@pytest.mark.parametrize("stage", STAGES)
def test_hairlines_keep_their_length(width: float, stage: str) -> None:
    item = window(hairline(width), edge_width=1e-9, contrast=1.0)
    result = synthesise([item], stage)[0]
    centre = (item.fields.distance < 0.5) & (item.fields.opening > 0)
    assert (result.soft_mask[centre] >= 0.5).mean() >= 0.95
    seen = (item.picture - result.picture)[..., 0][centre] > 0
    assert seen.mean() >= 0.95


@pytest.mark.parametrize("stage", STAGES)
def test_residuals_say_which_stages_ran(stage: str) -> None:
    for item in (window(line_fields(64)), window(region_fields(64), family="corrosion")):
        residuals = synthesise([item], stage)[0].residuals
        assert set(residuals) == {"relaxation", "composition"}
        assert all((value > 0) == (stage != "coarse") for value in residuals.values())
        assert all(value < 0.6 for value in residuals.values())


def test_soft_mask_of_a_line_is_its_optical_footprint() -> None:
    item = window(line_fields(96), edge_width=2e-4)
    result = synthesise([item], "coarse")[0]
    near = (item.fields.distance < 0.5) & (item.fields.opening > 0)
    assert result.soft_mask[near].min() == 1.0
    beyond = item.fields.distance > 0.85 * 2e-4 / PIXEL_SIZE + optical_half_width(0.8) + 1
    assert result.soft_mask[beyond].max() == 0.0
    assert 0.2 * 2e-4 < result.visible_width < 1.7 * 2e-4


def test_soft_mask_of_a_region_is_its_signed_distance() -> None:
    item = window(region_fields(64), family="corrosion")
    result = synthesise([item], "coarse")[0]
    assert np.allclose(result.soft_mask, np.clip(0.5 - item.fields.distance, 0, 1), atol=1e-6)
    assert result.visible_width == 0.0


def test_refined_contours_stay_within_a_pixel() -> None:
    item = window(region_fields(96), family="corrosion")
    coarse, fine = (synthesise([item], s)[0].soft_mask >= 0.5 for s in ("coarse", "npcf++"))
    moved = coarse != fine
    assert moved.sum() < 0.1 * coarse.sum()
    assert np.abs(item.fields.distance[moved]).max() < 1.5


def test_stages_differ_and_are_reproducible() -> None:
    item = window(region_fields(64), family="corrosion")
    results = {stage: synthesise([item], stage)[0] for stage in STAGES}
    assert not np.array_equal(results["coarse"].picture, results["npcf"].picture)
    assert not np.array_equal(results["npcf"].picture, results["npcf++"].picture)
    assert all(same(synthesise([item], stage)[0], r) for stage, r in results.items())
    assert all(np.array_equal(r.coarse_mask, results["coarse"].soft_mask) for r in results.values())


@pytest.mark.parametrize("stage", ["npcf", "npcf++"])
@pytest.mark.parametrize("kind", range(8))
def test_the_strongest_part_keeps_its_contrast(kind: int, stage: str) -> None:
    """The peak (fourth-power mean) of the change inside the mask, against the coarse one: within 6 %."""
    item = all_kinds(96)[kind]
    inside = item.fields.distance < (1.0 if item.fields.is_line else -0.5)
    peaks = [
        float(np.mean((synthesise([item], s)[0].picture - item.picture)[inside] ** 4) ** 0.25)
        for s in ("coarse", stage)
    ]
    assert peaks[1] == pytest.approx(peaks[0], rel=0.06)


@pytest.mark.parametrize("kind", range(4))
def test_refinement_draws_no_line_beside_a_defect(kind: int) -> None:
    """Just outside the mask the picture is not on the other side of the good one by more than it was, and noise."""
    item = all_kinds(96)[kind]
    pictures = {stage: synthesise([item], stage)[0] for stage in STAGES}
    mask = pictures["npcf++"].soft_mask >= 0.5
    beside = (cv2.dilate(mask.astype(np.uint8), np.ones((7, 7))) > 0) & ~mask
    sign = np.sign(np.mean((pictures["coarse"].picture - item.picture)[mask]))
    beyond = {s: -sign * (r.picture - item.picture)[..., 0][beside] for s, r in pictures.items()}
    least = max(float(beyond["coarse"].max()), 0.0)
    assert float(beyond["npcf++"].max()) < least + 4 * item.statistics.noise


def test_windows_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        synthesise([window(line_fields(64)), window(line_fields(96))], "coarse")
    assert synthesise([], "npcf++") == []


def test_a_device_by_name_gives_the_same_bits() -> None:
    """Tensors made on the host and moved there; on this processor nothing may change."""
    for item in all_kinds(64, channels=3):
        assert same(synthesise([item], "npcf++", device="cpu")[0], synthesise([item], "npcf++")[0])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_agrees() -> None:
    """At most 0.1 % of the mask's pixels and 1/255 of the picture may differ."""
    for item in all_kinds(64, channels=3):
        ours, other = (synthesise([item], "npcf++", device=d)[0] for d in ("cpu", "cuda"))
        assert ((ours.soft_mask >= 0.5) != (other.soft_mask >= 0.5)).mean() <= 1e-3
        assert np.abs(ours.picture - other.picture).max() <= 1 / 255 + 1e-6

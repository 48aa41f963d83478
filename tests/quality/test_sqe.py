"""Terms and score: intact samples above spoiled ones, each term moved by what it asks for."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from maphc2f.quality.sqe import (
    WEIGHTS,
    ScoredWindow,
    boundary_term,
    physics_term,
    placement_term,
    sqe_score,
    sqe_terms,
    texture_term,
    upper_quartile,
    visibility_term,
)
from maphc2f.refine.pipeline import synthesise
from maphc2f.render.window import WindowInputs
from tests.refine.fields import line_fields, region_fields, window

SIZE = 96


def scored(item: WindowInputs) -> ScoredWindow:
    result = synthesise([item], "npcf++")[0]
    return ScoredWindow(
        original=item.picture,
        picture=result.picture,
        soft_mask=result.soft_mask,
        foreground=item.foreground,
        statistics=item.statistics,
        residuals=result.residuals,
        solver_residual=0.01,
        change_radius=result.change_radius,
        severity=0.6,
        is_line=item.fields.is_line,
    )


def samples(kind: str, count: int = 4) -> list[ScoredWindow]:
    if kind == "crack":
        return [scored(window(line_fields(SIZE, tilt=0.4 * k), k)) for k in range(count)]
    product = 1e-5 if kind == "rust" else 0.0
    regions = [region_fields(SIZE, radius=0.12 + 0.02 * k, product=product) for k in range(count)]
    return [scored(window(f, k, family="corrosion")) for k, f in enumerate(regions)]


def rolled(sample: ScoredWindow) -> ScoredWindow:
    return replace(sample, soft_mask=np.roll(sample.soft_mask, (9, 7), (0, 1)))


def haloed(sample: ScoredWindow) -> ScoredWindow:
    """A bright band beside the defect, as careless pasting leaves."""
    hard = (sample.soft_mask >= 0.5).astype(np.uint8)
    distance = cv2.distanceTransform(1 - hard, cv2.DIST_L2, 5)
    band = 0.15 * np.exp(-((distance - 5) ** 2) / 4)
    return replace(sample, picture=np.clip(sample.picture + band[:, :, None], 0, 1).astype(np.float32))


def hardened(sample: ScoredWindow) -> ScoredWindow:
    """A flat paste with an edge of no width."""
    hard = (sample.soft_mask >= 0.5)[:, :, None]
    change = float((sample.picture - sample.original)[sample.soft_mask > 0.9].mean())
    return replace(sample, picture=np.where(hard, sample.original.mean() + change, sample.original).astype(np.float32))


def softened(sample: ScoredWindow) -> ScoredWindow:
    change = cv2.GaussianBlur(sample.picture - sample.original, (0, 0), 5.0).reshape(sample.picture.shape)
    return replace(sample, picture=(sample.original + change).astype(np.float32))


def faded(sample: ScoredWindow) -> ScoredWindow:
    return replace(sample, picture=sample.original + 0.08 * (sample.picture - sample.original))


@pytest.mark.parametrize("spoil", [rolled, haloed, hardened, softened, faded])
@pytest.mark.parametrize("kind", ["crack", "pit", "rust"])
def test_intact_scores_above_spoiled(kind: str, spoil: object) -> None:
    for sample in samples(kind):
        assert sqe_score(sqe_terms(sample)) > sqe_score(sqe_terms(spoil(sample))) + 0.01


@pytest.mark.parametrize("kind", ["crack", "pit", "rust"])
def test_intact_samples_score_high_in_every_term(kind: str) -> None:
    for sample in samples(kind):
        terms = sqe_terms(sample)
        assert set(terms) == set(WEIGHTS)
        assert all(0 <= value <= 1 for value in terms.values())
        assert min(terms.values()) > 0.6, terms


def test_physics_falls_with_every_residual() -> None:
    sample = samples("pit", 1)[0]
    best = physics_term(replace(sample, residuals={"a": 0.0, "b": 0.0}, solver_residual=0.0))
    assert best == 1.0
    assert physics_term(replace(sample, residuals={"a": 1.0, "b": 0.0}, solver_residual=0.0)) < 0.95
    assert physics_term(replace(sample, residuals={"a": 0.0, "b": 0.0}, solver_residual=0.1)) < 0.9


def test_boundary_dislikes_sharp_edges_and_shifted_masks() -> None:
    sample = samples("pit", 1)[0]
    assert boundary_term(sample) > 1.3 * boundary_term(hardened(sample))
    assert boundary_term(replace(sample, picture=sample.original)) == 0.0


def test_texture_dislikes_smooth_and_noisy_patches() -> None:
    sample = samples("pit", 1)[0]
    inside = (sample.soft_mask >= 0.5)[:, :, None]
    noisy = sample.picture + inside * np.random.default_rng(0).normal(0, 0.15, sample.picture.shape)
    assert texture_term(sample) > 1.2 * texture_term(hardened(sample))
    assert texture_term(sample) > 1.5 * texture_term(replace(sample, picture=noisy.astype(np.float32)))


def test_visibility_rises_and_falls_with_contrast() -> None:
    sample = samples("pit", 1)[0]
    hard = (sample.soft_mask >= 0.5)[:, :, None]

    def at(contrast: float) -> float:
        picture = (sample.original - contrast * sample.statistics.local_std * hard).astype(np.float32)
        return visibility_term(replace(sample, picture=picture))

    assert at(0.2) == 0.0
    assert 0 < at(1.0) < 1
    assert at(4.0) == 1.0
    assert at(14.0) < 0.8
    severe = replace(sample, picture=(sample.original - 0.04 * hard).astype(np.float32), severity=1.0)
    assert visibility_term(severe) < visibility_term(replace(severe, severity=0.1))


def test_placement_counts_the_part_only() -> None:
    sample = samples("pit", 1)[0]
    part = sample.foreground.copy()
    part[: SIZE // 2] = 0
    assert placement_term(sample) == 1.0
    assert placement_term(replace(sample, foreground=part)) == pytest.approx(0.5, abs=0.05)
    tiny_part = replace(sample, part_area=float(sample.soft_mask.sum()))
    assert placement_term(tiny_part) == pytest.approx(0.5)


def test_an_empty_mask_scores_nothing() -> None:
    sample = replace(samples("pit", 1)[0], soft_mask=np.zeros((SIZE, SIZE), np.float32))
    terms = sqe_terms(sample)
    assert all(terms[name] == 0 for name in ("boundary", "visibility", "placement", "agreement"))


def test_score_is_the_weighted_geometric_mean() -> None:
    assert sqe_score(dict.fromkeys(WEIGHTS, 1.0)) == 1.0
    assert sqe_score(dict.fromkeys(WEIGHTS, 0.5)) == pytest.approx(0.5)
    one_bad = {**dict.fromkeys(WEIGHTS, 1.0), "agreement": 0.25}
    assert sqe_score(one_bad) == pytest.approx(0.25 ** (WEIGHTS["agreement"] / sum(WEIGHTS.values())))
    assert sqe_score(dict.fromkeys(WEIGHTS, 0.0)) == pytest.approx(0.02)


def test_score_needs_all_terms() -> None:
    with pytest.raises(ValueError, match="terms must be"):
        sqe_score({"physics": 1.0})


def test_upper_quartile_is_that_of_numpy() -> None:
    rng = np.random.default_rng(6)
    for count in (*range(1, 12), 100, 333):
        values = rng.random(count, dtype=np.float32)
        assert upper_quartile(values) == float(np.quantile(values, 0.75))

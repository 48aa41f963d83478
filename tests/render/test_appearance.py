"""Draws stay in their documented ranges, follow severity, and never hide a defect in the dark."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maphc2f.render.appearance import LOOKS, appearance_parameters, draw_appearance, looks_of
from maphc2f.render.contrast import contrast_unit
from maphc2f.spec import MaterialSpec
from tests.refine.fields import statistics

STEEL = MaterialSpec(
    name="steel",
    title="",
    source="",
    youngs_modulus=2e11,
    poisson_ratio=0.3,
    density=7800,
    fracture_energy=1e4,
    tensile_strength=5e8,
    edge_width=(3e-5, 2e-4),
    product_colours=((0.5, 0.3, 0.1), (0.2, 0.1, 0.05)),
)


def draws(family: str, scenario: str = "", severity: float = 0.5, n: int = 300, **changes: object) -> list:
    rng = np.random.default_rng(3)
    return [draw_appearance(family, scenario, STEEL, severity, replace(statistics(), **changes), rng) for _ in range(n)]


@pytest.mark.parametrize("name", sorted(LOOKS))
def test_ranges(name: str) -> None:
    family, _, scenario = name.partition("/")
    looks = looks_of(family, scenario)
    for found in draws(family, scenario):
        low, high = looks.contrast
        if looks.darkening is not None:
            low, high = (share * statistics().mean[0] / contrast_unit(statistics()) for share in looks.darkening)
        assert low - 1e-9 <= found.contrast <= high + 1e-9
        assert looks.tint[0] <= found.tint <= looks.tint[1]
        assert looks.albedo_share[0] <= found.albedo_share <= looks.albedo_share[1]
        assert looks.gloss_loss[0] <= found.gloss_loss <= looks.gloss_loss[1]
        assert found.polarity in {-1.0, 1.0}
        assert (found.edge_width > 0) == (family == "crack" and not looks.broken_face)


@pytest.mark.parametrize(("name", "share"), [("crack", 0.0), ("corrosion", 0.0), ("deformation/scratch", 0.5)])
def test_share_of_bright_defects(name: str, share: float) -> None:
    family, _, scenario = name.partition("/")
    bright = np.mean([a.polarity > 0 for a in draws(family, scenario, n=2000)])
    assert bright == pytest.approx(share, abs=0.03)


def test_edge_width_is_log_uniform_in_the_material_range() -> None:
    widths = np.log([a.edge_width for a in draws("crack", n=2000)])
    low, high = np.log(STEEL.edge_width)
    assert widths.min() >= low
    assert widths.max() <= high
    assert widths.mean() == pytest.approx((low + high) / 2, abs=0.06)


def test_severity_raises_contrast() -> None:
    mild, severe = (np.mean([a.contrast for a in draws("crack", severity=s)]) for s in (0.1, 1.0))
    assert severe > 1.2 * mild


def test_contrast_has_a_floor_of_five_gray_levels() -> None:
    assert all(a.contrast * 0.002 >= 5 / 255 - 1e-9 for a in draws("crack", local_std=0.002, texture_std=0.002))


def test_dark_surfaces_get_bright_defects_and_the_reverse() -> None:
    assert all(a.polarity > 0 for a in draws("crack", mean=(0.05,)))
    assert all(a.polarity < 0 for a in draws("crack", mean=(0.95,)))


def test_row_parameters_are_plain_numbers() -> None:
    row = appearance_parameters(draws("corrosion")[0])
    assert row["appearance_contrast"] > 0
    for value in row.values():
        assert isinstance(value, (float, tuple))
        assert all(type(v) is float for v in np.atleast_1d(np.array(value, dtype=object)))


def test_dull_materials_show_no_white_cracks_and_crushed_ones_do() -> None:
    rng = np.random.default_rng(4)
    shares = []
    for brightness in ((0.2, 0.7), (1.4, 2.0)):
        material = STEEL.model_copy(update={"fracture_brightness": brightness})
        drawn = [draw_appearance("crack", "", material, 0.5, statistics(), rng) for _ in range(500)]
        shares.append(np.mean([a.polarity > 0 for a in drawn]))
    assert shares[0] == 0.0
    assert 0.2 < shares[1] < 0.5


@pytest.mark.parametrize(("cv", "grain", "most"), [(0.4, 5e-3, 1.0), (0.2, 5e-3, 0.25), (0.4, 2e-5, 0.1)])
def test_grains_as_large_as_the_mouth_bridge_it_in_an_uneven_material(cv: float, grain: float, most: float) -> None:
    changes = {"toughness_cv": cv, "grain_size": grain, "toughness_correlation": 1e-6}
    material, rng = STEEL.model_copy(update=changes), np.random.default_rng(5)
    drawn = [draw_appearance("crack", "", material, 0.5, statistics(), rng).bridging for _ in range(300)]
    low, high = LOOKS["crack"].bridging
    assert most * low <= min(drawn) < max(drawn) <= most * high
    assert max(drawn) > 0.95 * most * high


def test_darkening_is_a_share_of_the_surface_whatever_its_texture() -> None:
    for changes in ({"texture_std": 0.01, "local_std": 0.01}, {"texture_std": 0.06, "local_std": 0.06}):
        unit = max(changes.values())
        shares = [a.contrast * unit / 0.5 for a in draws("corrosion", **changes)]
        low, high = LOOKS["corrosion"].darkening or (0, 0)
        assert low - 1e-9 <= min(shares) < 1.3 * low
        assert 0.8 * high < max(shares) <= high + 1e-9


def test_pores_of_an_oxide_are_smoother_than_attacked_metal() -> None:
    rng = [np.random.default_rng(4) for _ in range(2)]
    oxide, metal = (
        draw_appearance(
            "corrosion", "pit", STEEL.model_copy(update={"solid_concentration": c}), 0.5, statistics(), rng[k]
        ).facets
        for k, c in enumerate((5.5e4, 1.4e5))
    )
    assert 0 < oxide < 0.5 * metal
    assert draws("deformation", "dent")[0].facets == 0

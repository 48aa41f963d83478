"""Measured looks in place of a family's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maphc2f.bundled import load_materials
from maphc2f.render.appearance import LOOKS, draw_appearance, looks_of
from maphc2f.render.calibration import (
    calibrated_looks,
    calibrated_material,
    calibration_for,
    default_ranges,
    follows,
    is_line,
)
from maphc2f.render.statistics import estimate_statistics
from maphc2f.spec import CalibrationSpec

MEASURED = CalibrationSpec(
    contrast=(2.5, 2.6), bright=1.0, width=(3e-4, 3.1e-4), roughness=(0.7, 0.71), edge=(1e-4, 1.1e-4), size=(1e-3, 2e-3)
)
PIXEL = 5e-5


def surface() -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.clip(0.5 + 0.02 * rng.standard_normal((96, 96, 1)), 0, 1).astype(np.float32)


def test_a_scenario_named_wins_over_its_family_and_own_looks_need_to_be_named() -> None:
    other = CalibrationSpec(contrast=(1.0, 2.0))
    both = {"crack": MEASURED, "crack.star": other}
    assert calibration_for(both, "crack", "star") is other
    assert calibration_for(both, "crack", "edge_crack") is MEASURED
    assert "crack/chip" in LOOKS
    assert calibration_for(both, "crack", "chip") is None
    assert calibration_for({"crack.chip": other}, "crack", "chip") is other
    assert calibration_for(both, "corrosion", "pit") is None


def test_only_cracks_that_are_no_chips_are_lines() -> None:
    assert is_line("crack", None)
    assert is_line("crack", "edge_crack")
    assert not is_line("crack", "chip")
    assert not is_line("corrosion", "pit")


def test_every_measured_range_is_drawn_from() -> None:
    statistics = estimate_statistics(surface(), np.ones((96, 96), bool))
    material = calibrated_material(load_materials()["ferrite"], MEASURED)
    for family, scenario in (("crack", "edge_crack"), ("corrosion", "pit")):
        looks = calibrated_looks(looks_of(family, scenario), MEASURED, PIXEL)
        for seed in range(20):
            drawn = draw_appearance(family, scenario, material, 0.5, statistics, np.random.default_rng(seed), looks)
            assert 2.5 <= drawn.contrast <= 2.6
            assert drawn.polarity == 1.0
            assert 0.7 <= drawn.roughness <= 0.71
            assert 2.0 <= drawn.edge_sigma <= 2.2, "1e-4 m at 5e-5 m a pixel"
            assert family != "crack" or 3e-4 <= drawn.edge_width <= 3.1e-4


@pytest.mark.parametrize("cell", sorted(LOOKS))
def test_the_defaults_in_terms_of_a_calibration_change_nothing(cell: str) -> None:
    family, _, scenario = cell.partition("/")
    looks, material = looks_of(family, scenario), load_materials()["ferrite"]
    ranges = {name: span for name, span in default_ranges(looks, material, PIXEL).items() if name != "darkening"}
    if looks.darkening is not None:
        ranges["darkening"] = looks.darkening
    spec = CalibrationSpec(**ranges)  # type: ignore[arg-type]  # every key is a range
    again = calibrated_looks(looks, spec, PIXEL)
    assert again.albedo_share == pytest.approx(looks.albedo_share)
    assert again.edge_sigma == pytest.approx(looks.edge_sigma)
    assert replace(again, albedo_share=looks.albedo_share, edge_sigma=looks.edge_sigma) == looks
    assert calibrated_material(material, spec) == material
    assert set(ranges) | {"darkening", "bright", "size"} == set(CalibrationSpec.model_fields), (
        "every look has a default"
    )


def test_a_contrast_goes_before_the_darkening_by_default() -> None:
    looks = replace(looks_of("corrosion", "pit"), darkening=(0.3, 0.6))
    assert calibrated_looks(looks, CalibrationSpec(contrast=(2.0, 3.0)), PIXEL).darkening is None
    assert calibrated_looks(looks, CalibrationSpec(darkening=(0.1, 0.2)), PIXEL).darkening == (0.1, 0.2)
    assert calibrated_looks(looks, CalibrationSpec(edge=(0.0, 1e-4)), PIXEL).darkening == (0.3, 0.6)


def test_scenarios_with_looks_of_their_own_follow_no_family() -> None:
    assert follows("corrosion", "pit")
    assert not follows("corrosion", "stain")


def test_what_was_not_measured_keeps_its_range() -> None:
    looks = looks_of("corrosion", "pit")
    assert calibrated_looks(looks, CalibrationSpec(), PIXEL) == looks
    material = load_materials()["ferrite"]
    assert calibrated_material(material, CalibrationSpec()) is material


def test_a_measured_share_of_bright_cracks_is_taken_as_it_is() -> None:
    """The default is raised where fracture faces are bright; a share that was counted holds those already."""
    statistics = estimate_statistics(surface(), np.ones((96, 96), bool))
    shining = load_materials()["ferrite"].model_copy(update={"fracture_brightness": (3.0, 3.0)})
    never = calibrated_looks(looks_of("crack", "star"), CalibrationSpec(bright=0.0), PIXEL)

    def bright(looks: object) -> float:
        draws = [
            draw_appearance("crack", "star", shining, 0.5, statistics, np.random.default_rng(seed), looks)  # type: ignore[arg-type]
            for seed in range(60)
        ]
        return float(np.mean([drawn.polarity > 0 for drawn in draws]))

    assert bright(never) == 0.0
    assert bright(None) == pytest.approx(0.5, abs=0.2)

"""How strong a defect is drawn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maphc2f.render import contrast
from maphc2f.render.window import WindowInputs
from tests.refine.fields import region_fields, window


def item(**statistics: float) -> WindowInputs:
    base = window(region_fields(64), family="corrosion", contrast=5.0)
    return replace(base, statistics=replace(base.statistics, **statistics))


def test_outlines_of_the_part_do_not_raise_contrast() -> None:
    smooth = replace(item().statistics, texture_std=0.01, local_std=0.25)
    assert contrast.contrast_unit(smooth) == contrast.STRUCTURE_LIMIT
    assert contrast.target_amplitude(item(texture_std=0.01, local_std=0.25)) == pytest.approx(0.3)


def test_texture_raises_the_least_contrast() -> None:
    assert contrast.amplitude_floor(item(texture_std=0.001, noise=0.001)) == pytest.approx(5 / 255)
    assert contrast.amplitude_floor(item(texture_std=0.001, noise=0.01)) == pytest.approx(0.05)
    assert contrast.amplitude_floor(item(texture_std=0.1)) == pytest.approx(0.22)
    assert contrast.amplitude_floor(item(texture_std=0.3)) == contrast.MAX_MASKING
    assert contrast.noise_floor(item(texture_std=0.3, noise=0.01)) == pytest.approx(0.05)


def test_contrast_has_a_ceiling() -> None:
    assert contrast.target_amplitude(item(texture_std=0.12, local_std=0.2)) == contrast.MAX_AMPLITUDE


def test_roughness_is_limited_and_streaks_follow_the_contrast() -> None:
    plain = item(texture_std=0.2)
    assert contrast.rough_amplitude(plain) == contrast.ROUGH_LIMIT
    scratch = replace(plain, appearance=replace(plain.appearance, streak=1.0, roughness=1.0))
    expected = contrast.STREAK_SHARE * contrast.target_amplitude(scratch)
    assert contrast.rough_amplitude(scratch) == pytest.approx(expected)


def test_mean_luminance_of_gray_and_colour() -> None:
    assert contrast.mean_luminance((0.3,)) == 0.3
    assert contrast.mean_luminance((0.4, 0.4, 0.4)) == pytest.approx(0.4)
    assert contrast.mean_luminance((0.0, 1.0, 0.0)) == pytest.approx(0.7152)

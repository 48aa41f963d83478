"""Scratches with streaks along them, stains that fade with thickness, polarity with room."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from maphc2f.refine.pipeline import synthesise
from maphc2f.render.batch import stack
from maphc2f.render.line import polarity_at
from maphc2f.render.relief import TIDE_PLACE, principal_axis, streaks
from tests.refine.fields import line_fields, region_fields, window


def ellipse(angle: float, size: int = 96) -> torch.Tensor:
    y, x = np.mgrid[0:size, 0:size] - (size - 1) / 2
    along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    return torch.tensor(((along / 30) ** 2 + (across / 6) ** 2 < 1).astype(np.float32))[None, None]


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2, math.pi / 2, 2.0, 2.9])
def test_principal_axis_of_an_ellipse(angle: float) -> None:
    y, x = principal_axis(ellipse(angle))
    found = math.atan2(float(y), float(x))
    assert math.cos(2 * (found - angle)) > 0.999


@pytest.mark.parametrize("angle", [0.0, 0.7, 2.2])
def test_streaks_run_along_the_axis(angle: float) -> None:
    noise = torch.randn(1, 1, 128, 128, generator=torch.Generator().manual_seed(1))
    axis = torch.full((1, 1, 1, 1), math.sin(angle)), torch.full((1, 1, 1, 1), math.cos(angle))
    drawn = streaks(noise, axis)[0, 0].numpy()
    gy, gx = np.gradient(drawn[8:-8, 8:-8])
    along, across = gx * math.cos(angle) + gy * math.sin(angle), gy * math.cos(angle) - gx * math.sin(angle)
    assert (along**2).mean() < 0.1 * (across**2).mean()
    assert 0.75 < drawn.std() < 1.25


def test_texture_of_a_scratch_is_directed_only_if_asked() -> None:
    fields = replace(region_fields(96), distance=np.where(ellipse(0.6)[0, 0].numpy() > 0, -3.0, 3.0).astype(np.float32))
    fields = replace(fields, depth=(-5e-5 * ellipse(0.6)[0, 0].numpy()).astype(np.float32))
    plain, scratch = (
        synthesise([window(fields, family="deformation", roughness=1.0, streak=s)], "coarse")[0].picture
        for s in (0.0, 0.9)
    )
    assert not np.array_equal(plain, scratch)


@pytest.mark.parametrize("channels", [1, 3])
def test_stain_fades_with_its_thickness(channels: int) -> None:
    """Product ten times thinner at one end: the darkening falls along it, and is still seen there."""
    base = region_fields(96, radius=0.3, depth=0.0, product=1.0)
    ramp = np.logspace(-5, -6, 96, dtype=np.float32)[None]
    item = window(
        replace(base, product=np.where(base.support, ramp, 0).astype(np.float32)),
        1,
        channels,
        family="corrosion",
        gloss_loss=0.0,
        albedo_share=0.9,
        product_thin_colour=(0.5, 0.22, 0.05),
    )
    picture = synthesise([item], "npcf++")[0].picture
    change, darkening = np.abs(picture - item.picture).max(2), (item.picture - picture).mean(2)
    inside = item.fields.distance < -3
    columns = [darkening[:, k : k + 12][inside[:, k : k + 12]].mean() for k in (24, 42, 60)]
    assert columns[0] > 1.25 * columns[2]
    assert columns[2] > 2 / 255
    assert change[item.fields.distance > 4].max() < 2 / 255


def test_a_stain_dries_in_a_tide_line() -> None:
    item = window(region_fields(96, radius=0.3, depth=0.0, product=1e-5), 1, 1, family="corrosion", gloss_loss=0.0)
    change = np.abs(synthesise([item], "coarse")[0].picture - item.picture)[..., 0]
    distance = item.fields.distance
    line, middle = (change[np.abs(distance - place) < 1].mean() for place in (TIDE_PLACE, TIDE_PLACE - 10.0))
    assert line > 1.1 * middle


def test_product_on_white_parts_of_a_dark_picture_does_not_glow() -> None:
    """What is white on a dark board is lit like the board: product there is no brighter than its own reflectance."""
    item = window(
        region_fields(96, radius=0.3, depth=0.0, product=1e-4),
        1,
        3,
        family="corrosion",
        gloss_loss=0.0,
        contrast=12.0,
        product_colour=(0.3, 0.3, 0.3),
        product_thin_colour=(0.3, 0.3, 0.3),
    )
    dark = replace(item.statistics, mean=(0.2, 0.2, 0.2))
    white = np.full_like(item.picture, 0.9)
    picture = synthesise([replace(item, picture=white, statistics=dark)], "coarse")[0].picture
    inside = item.fields.distance < -6
    assert picture[inside].mean() < 0.8


@pytest.mark.parametrize(("level", "drawn", "expected"), [(0.5, -1.0, -1.0), (0.05, -1.0, 1.0), (0.97, 1.0, -1.0)])
def test_polarity_needs_room(level: float, drawn: float, expected: float) -> None:
    batch = stack([window(region_fields(64), family="corrosion", polarity=drawn)])
    assert polarity_at(batch.scalars, torch.full((1, 1, 1, 1), level)).item() == expected


@pytest.mark.parametrize("brightness", [0.2, 1.5])
def test_wide_cracks_show_their_faces(brightness: float) -> None:
    looks = {"edge_width": 6e-4, "contrast": 12.0, "lip": 0.0, "core_share": 1.0}
    item = window(line_fields(96), fracture_brightness=brightness, **looks)
    darkest = np.quantile(synthesise([item], "coarse")[0].picture[item.fields.distance < 1], 0.05)
    assert (darkest > 0.22) == (brightness > 1)

"""CutPaste: the paper's areas, shapes, scars and colours; growth of the stages."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from maphc2f.bundled import find_material
from maphc2f.defects.cut_paste import FAMILY, Jitter, draw_aspect, draw_jitter, jitter_colour
from maphc2f.defects.layers import Rectangle, rectangle_snapshot
from maphc2f.rng import stream
from maphc2f.sample import SimulationRequest, Snapshot

VIEW, PIXEL = 25.6e-3, 1e-4
EVERYWHERE = np.ones((6, 8), bool)


def request(scenario: str, size: float = VIEW, stages: tuple[float, ...] = (1.0,)) -> SimulationRequest:
    return SimulationRequest(scenario, find_material("steel"), size, stages, VIEW, PIXEL)


def area_share(snapshot: Snapshot) -> float:
    return float(np.count_nonzero(snapshot.extent >= snapshot.threshold)) * (snapshot.spacing / VIEW) ** 2


def single_stages(scenario: str, count: int) -> list[tuple[Snapshot, dict[str, float]]]:
    """Samples as a dataset of one snapshot a simulation has them: the stage is uniform in 0.4 .. 1."""
    found = []
    for k in range(count):
        rng = stream(k, "single")
        simulation = FAMILY.simulate(request(scenario, VIEW * rng.uniform(0.4, 1.0)), rng)
        found.append((simulation.snapshots[0], dict(simulation.parameters)))
    return found


def test_areas_of_patches_are_uniform_over_the_range_of_the_paper() -> None:
    """Mean of U(0.02, 0.15) 0.085 with a scatter of 0.0375 / √200 = 0.0027 for its mean; every area on the grid."""
    drawn = single_stages("patch", 200)
    areas = np.array([area_share(snapshot) for snapshot, _ in drawn])
    assert areas == pytest.approx([parameters["area_share"] for _, parameters in drawn], rel=0.02)
    assert areas.mean() == pytest.approx(0.085, abs=0.008)
    assert areas.std() == pytest.approx(0.0375, abs=0.005)
    assert areas.min() > 0.019
    assert areas.max() < 0.153


def test_scars_are_as_wide_as_long_and_as_turned_as_in_the_paper() -> None:
    """2 .. 16 by 10 .. 25 px of 256, -45 .. 45 degrees: means 9, 17.5 and 0."""
    drawn = [parameters for _, parameters in single_stages("scar", 300)]
    widths, lengths, turns = (
        scale * np.array([p[name] for p in drawn])
        for name, scale in (("scar_width", 256), ("scar_length", 256), ("scar_rotation", 180 / math.pi))
    )
    for values, low, high in ((widths, 2, 16), (lengths, 10, 25), (turns, -45, 45)):
        assert low <= values.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < values.max() <= high
        assert values.mean() == pytest.approx((low + high) / 2, abs=0.07 * (high - low))


def test_four_stages_spread_over_the_range() -> None:
    simulation = FAMILY.simulate(request("patch", stages=(0.4, 0.6, 0.8, 1.0)), stream(1, "patch"))
    areas = [area_share(snapshot) for snapshot in simulation.snapshots]
    assert areas == pytest.approx([0.02, 0.0633, 0.1067, 0.15], rel=0.03)
    scar = FAMILY.simulate(request("scar", stages=(0.4, 0.6, 0.8, 1.0)), stream(1, "scar"))
    lengths = [max(s.measures["length"], s.measures["width"]) for s in scar.snapshots]
    assert lengths[-1] == pytest.approx(VIEW * 25 / 256)
    assert all(small <= large for small, large in itertools.pairwise(lengths))


@pytest.mark.parametrize("scenario", ["patch", "scar"])
def test_stages_are_nested_and_shrink_to_nothing(scenario: str) -> None:
    simulation = FAMILY.simulate(request(scenario, stages=(0.05, 0.2, 0.4, 1.0)), stream(3, scenario))
    areas = [area_share(snapshot) for snapshot in simulation.snapshots]
    assert all(small < large for small, large in itertools.pairwise(areas))
    heights = [np.ptp(np.flatnonzero((s.extent >= 0.5).any(1))) * s.spacing for s in simulation.snapshots]
    widths = [np.ptp(np.flatnonzero((s.extent >= 0.5).any(0))) * s.spacing for s in simulation.snapshots]
    for sides in (heights, widths):
        assert all(small <= large + 1.5 * PIXEL for small, large in itertools.pairwise(sides))


def test_aspects_are_below_and_above_one_equally_often() -> None:
    rng = stream(0, "aspect")
    aspects = np.array([draw_aspect((0.3, 3.3), rng) for _ in range(1000)])
    assert aspects.min() >= 0.3
    assert aspects.max() <= 3.3
    assert np.mean(aspects < 1) == pytest.approx(0.5, abs=0.05)
    assert aspects[aspects < 1].mean() == pytest.approx(0.65, abs=0.03)
    assert aspects[aspects > 1].mean() == pytest.approx(2.15, abs=0.1)


def test_a_wide_patch_is_wide() -> None:
    asked = replace(request("patch"), parameters={"aspect": (3.0, 3.0), "area_share": (0.12, 0.12)})
    hard = FAMILY.simulate(asked, stream(0, "wide")).snapshots[0].extent >= 0.5
    height, width = hard.any(1).sum(), hard.any(0).sum()
    assert width / height == pytest.approx(3.0, rel=0.05)


def test_a_turned_rectangle_lies_along_its_direction() -> None:
    """Its long side along (sin, cos) of its angle from the x axis in (y, x); its area is that of the rectangle."""
    angle = 0.6
    snapshot = rectangle_snapshot(Rectangle(8 * PIXEL, 60 * PIXEL, angle), VIEW, PIXEL)
    y, x = (
        o + snapshot.spacing * i
        for o, i in zip(snapshot.origin, np.nonzero(snapshot.extent >= snapshot.threshold), strict=True)
    )
    axes = np.linalg.eigh(np.cov(np.stack([y, x])))[1][:, -1]
    assert abs(axes @ [math.sin(angle), math.cos(angle)]) > 0.9999
    assert len(y) * snapshot.spacing**2 == pytest.approx(480 * PIXEL**2, rel=0.02)
    assert (y.mean(), x.mean()) == pytest.approx((0, 0), abs=0.1 * PIXEL)


def test_colours_change_by_at_most_a_tenth() -> None:
    drawn = [draw_jitter(stream(k, "jitter")) for k in range(400)]
    for name, middle in (("brightness", 1), ("contrast", 1), ("saturation", 1), ("hue", 0)):
        values = np.array([getattr(jitter, name) for jitter in drawn]) - middle
        assert np.abs(values).max() <= 0.1
        assert values.std() == pytest.approx(0.2 / math.sqrt(12), abs=0.006)


def colours(channels: int = 3) -> NDArray[np.float32]:
    return stream(5, "colours").uniform(0.3, 0.7, (6, 8, channels)).astype(np.float32)


def test_no_jitter_changes_nothing() -> None:
    np.testing.assert_allclose(jitter_colour(colours(), Jitter(1, 1, 1, 0), EVERYWHERE), colours(), atol=2e-6)


def test_each_jitter_does_its_part() -> None:
    before = colours()
    brighter = jitter_colour(before, Jitter(1.1, 1, 1, 0), EVERYWHERE)
    np.testing.assert_allclose(brighter, 1.1 * before, atol=1e-5)
    stronger = jitter_colour(before, Jitter(1, 1.1, 1, 0), EVERYWHERE)
    np.testing.assert_allclose(stronger - stronger.mean(), 1.1 * (before - before.mean()), atol=2e-2)
    assert stronger.std() == pytest.approx(1.1 * before.std(), rel=1e-3)
    gray = jitter_colour(before, Jitter(1, 1, 0, 0), EVERYWHERE)
    np.testing.assert_allclose(gray, np.repeat((before @ [0.299, 0.587, 0.114])[..., None], 3, 2), atol=1e-5)
    turned = jitter_colour(before, Jitter(1, 1, 1, 1 / 3), EVERYWHERE)
    np.testing.assert_allclose(turned, before[..., [2, 0, 1]], atol=1e-5)


def test_gray_has_neither_saturation_nor_hue() -> None:
    first, second = (jitter_colour(colours(1), Jitter(1.05, 0.9, s, h), EVERYWHERE) for s, h in ((1, 0), (0.5, 0.1)))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (6, 8, 1)

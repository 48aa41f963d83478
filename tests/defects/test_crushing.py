"""Crushed edges: geometry, growth, agreement with finer steps, materials."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from maphc2f.bundled import load_materials
from maphc2f.defects import FAMILIES, crushing
from maphc2f.defects.crushing import PROFILES, draw_profile
from maphc2f.errors import SimulationRejected
from maphc2f.rng import stream
from maphc2f.sample import Simulation, SimulationRequest

PIXEL = 5e-5
VIEW = 256 * PIXEL
STAGES = (0.4, 0.6, 0.8, 1.0)
MATERIALS = load_materials()


def crush(material: str = "steel", seed: int = 0, *, size: float = 0.12 * VIEW, **ranges) -> Simulation:
    parameters = {name: (value, value) for name, value in ranges.items()}
    request = SimulationRequest("edge_dent", MATERIALS[material], size, STAGES, VIEW, PIXEL, parameters)
    return FAMILIES["deformation"].simulate(request, stream(seed, "crushing"))


@pytest.mark.parametrize("material", ["steel", "abs", "wax"])
@pytest.mark.parametrize("seed", range(3))
def test_the_notch_is_at_the_anchor_inside_the_mask_and_grows(material, seed):
    simulation = crush(material, seed)
    areas = []
    for snapshot, stage in zip(simulation.snapshots, STAGES, strict=True):
        inside = snapshot.origin[0] + snapshot.spacing * np.arange(snapshot.extent.shape[0])[:, None] > 0
        gone, mask = (snapshot.removed > 0.5) & inside, snapshot.extent >= snapshot.threshold
        rows, columns = np.nonzero(gone)
        y = snapshot.origin[0] + snapshot.spacing * rows
        x = snapshot.origin[1] + snapshot.spacing * columns
        assert snapshot.removed.min() >= 0
        assert snapshot.removed.max() <= 1
        assert not (mask & ~inside).any()
        assert abs(0.5 * (x.min() + x.max())) < 0.3 * snapshot.size
        assert y.max() == pytest.approx(snapshot.measures["depth"], abs=2 * snapshot.spacing)
        # Slivers of less than a pixel beside the mouth are gone but not seen.
        assert (mask & gone).sum() > 0.9 * gone.sum()
        assert cv2.connectedComponents(mask.astype(np.uint8))[0] == 2
        assert snapshot.size == pytest.approx(stage * simulation.snapshots[-1].size, rel=0.3)
        areas.append(gone.sum() * snapshot.spacing**2)
    assert all(b > a for a, b in itertools.pairwise(areas))


def test_the_hole_goes_on_beyond_the_edge_as_it_is_there():
    """The blur of the old outline lies beyond it: a hole that ended at the edge would leave a line in the air."""
    snapshot = crush(seed=1).snapshots[-1]
    first = int(np.argmax(snapshot.origin[0] + snapshot.spacing * np.arange(snapshot.extent.shape[0]) > 0))
    cells = round(snapshot.size / snapshot.spacing / 18.0)
    assert np.array_equal(snapshot.removed[first - 3 * cells], snapshot.removed[first])
    assert not snapshot.removed[0].any()


def test_what_is_gone_was_displaced_from_beyond_the_edge():
    snapshot = crush(seed=1).snapshots[-1]
    y = snapshot.origin[0] + snapshot.spacing * np.arange(snapshot.extent.shape[0])[:, None]
    source = y - snapshot.displacement[0]
    deep = (snapshot.removed > 0.99) & (y > 0)
    assert deep.any()
    assert source[deep].max() < 0.5 * snapshot.spacing
    kept = (snapshot.removed == 0) & (y > 0)
    assert source[kept].min() > -0.5 * snapshot.spacing


def test_the_last_stage_has_the_size_asked_for():
    simulation = crush(seed=2)
    assert simulation.snapshots[-1].measures["width"] == pytest.approx(0.12 * VIEW)
    assert simulation.snapshots[-1].size == pytest.approx(0.12 * VIEW)


def test_the_face_rises_where_it_is_crushed():
    """A plate that is compressed in its plane gets thicker, the more so the thicker it is."""
    thin, thick = (crush(seed=4, thickness_ratio=ratio).snapshots[-1].depth for ratio in (0.2, 0.6))
    assert thin.max() > 5 * abs(thin.min())
    assert thick.max() > 1.3 * thin.max()


def test_force_goes_with_the_yield_stress():
    """Materials of one shape differ by σ_y: what mimics stiff metals must not enter the force."""
    steel, aluminium = (crush(material, 3) for material in ("steel", "aluminium"))
    ratio = MATERIALS["steel"].yield_stress / MATERIALS["aluminium"].yield_stress
    measured = float(steel.parameters["load"]) / float(aluminium.parameters["load"])
    assert measured == pytest.approx(ratio, rel=0.35)


@pytest.mark.parametrize("kind", PROFILES)
def test_bodies_open_outwards_from_their_foremost_point(kind):
    x = np.linspace(-4, 4, 161)
    for seed in range(20):
        height = PROFILES[kind](x, stream(seed, kind))
        height = height - height.min()
        lowest = int(height.argmin())
        assert abs(x[lowest]) < 1.6
        assert height[[0, -1]].min() > height[np.abs(x) < 1].max() * 0.9


def test_all_kinds_are_drawn():
    x = np.linspace(-4, 4, 41)
    kinds = [draw_profile(x, stream(seed, "kinds"))[0] for seed in range(60)]
    assert set(kinds) == set(PROFILES)


@pytest.mark.parametrize("material", ["steel", "abs"])
def test_the_production_setting_agrees_with_slow_loading(material, monkeypatch):
    """Ten times the steps: what is drawn must stay what it is."""
    quick = [crush(material, seed).snapshots for seed in range(3)]
    monkeypatch.setattr(crushing, "LOADING_STEPS", 10 * crushing.LOADING_STEPS)
    monkeypatch.setattr(crushing, "REBOUND_STEPS", 10 * crushing.REBOUND_STEPS)
    slow = [crush(material, seed).snapshots for seed in range(3)]
    for name, tolerance in (("depth", 0.06), ("area", 0.12)):
        errors = [measure(a[-1], name) / measure(b[-1], name) - 1 for a, b in zip(quick, slow, strict=True)]
        assert np.abs(errors).mean() < tolerance, (name, errors)


def measure(snapshot, name: str) -> float:
    if name == "area":
        return float((snapshot.extent >= snapshot.threshold).sum()) * snapshot.spacing**2
    return float(snapshot.measures[name])


def test_a_tiny_dent_is_rejected_with_a_reason():
    with pytest.raises(SimulationRejected, match="too small to be seen"):
        crush("abs", size=6 * PIXEL, depth_ratio=0.1)


def test_only_materials_that_yield_before_they_break_are_crushed():
    scenario = FAMILIES["deformation"].scenarios["edge_dent"]
    assert all(scenario.suits(MATERIALS[name]) for name in ("steel", "aluminium", "copper", "abs", "gelatin", "wax"))
    hard = ("glass", "ferrite", "porcelain", "epoxy", "tablet", "marble", "wood", "textile", "leather")
    assert not any(scenario.suits(MATERIALS[name]) for name in hard if name in MATERIALS)

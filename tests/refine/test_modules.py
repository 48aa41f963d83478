"""Modules store arguments and give what the pure functions give."""

from __future__ import annotations

import pytest
import torch

from maphc2f.refine import npcf
from maphc2f.refine.modules import NpcF, NpcFPlus, ScreenedComposition
from maphc2f.refine.stages import State, initial_state, npcf_plus_stage, npcf_stage
from maphc2f.render.batch import WindowBatch, stack
from maphc2f.render.coarse import render_coarse
from maphc2f.render.line import Rendered
from tests.refine.fields import line_fields, region_fields, window


def rendered(kind: str) -> tuple[WindowBatch, Rendered]:
    fields = line_fields(64) if kind == "line" else region_fields(64)
    batch = stack([window(fields, family="crack" if kind == "line" else "corrosion")])
    return batch, render_coarse(batch)


def equal(a: State, b: State) -> bool:
    names = ("picture", "level", "half_width", "relaxation", "composition")
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in names)


@pytest.mark.parametrize("kind", ["line", "region"])
def test_modules_equal_functions(kind: str) -> None:
    batch, coarse = rendered(kind)
    first = NpcF()(batch, initial_state(coarse))
    assert equal(first, npcf_stage(batch, initial_state(coarse)))
    assert equal(NpcFPlus()(batch, coarse, first), npcf_plus_stage(batch, coarse, first))


def test_arguments_reach_the_functions() -> None:
    batch, coarse = rendered("region")
    start = initial_state(coarse)
    assert equal(NpcF(2, 3)(batch, start), npcf_stage(batch, start, 2, 3))
    assert not equal(NpcF(2, 3)(batch, start), NpcF()(batch, start))
    once, twice = NpcFPlus(1)(batch, coarse, start), NpcFPlus(2)(batch, coarse, start)
    assert not torch.equal(once.picture, twice.picture)


def test_composition_module_equals_its_function() -> None:
    generator = torch.Generator().manual_seed(3)
    change, weight = torch.rand(2, 1, 2, 32, 32, generator=generator)[:, 0].reshape(2, 2, 1, 32, 32)
    free = torch.ones_like(change)
    ours, residual = ScreenedComposition(5)(change, weight, free)
    other, _ = npcf.compose_screened(change, weight, free, 5)
    assert torch.equal(ours, other)
    assert residual.shape == (2,)


def test_representation_names_the_arguments() -> None:
    assert "relax_steps=2, compose_steps=3" in repr(NpcF(2, 3))
    assert "synergy_steps=1" in repr(NpcFPlus(1))
    assert "steps=4" in repr(ScreenedComposition(4))


@pytest.mark.parametrize(
    ("module", "steps"), [(NpcF, (0,)), (NpcF, (1, -1)), (NpcFPlus, (0,)), (ScreenedComposition, (0,))]
)
def test_steps_must_be_positive(module: type, steps: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        module(*steps)

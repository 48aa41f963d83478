"""The learned estimator's file and formula: what it refuses, and what its form guarantees whatever was learnt."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maphc2f.errors import UserError
from maphc2f.quality import model as module
from maphc2f.quality.judged import INPUTS
from maphc2f.quality.model import (
    DEFAULT,
    LOG_TERMS,
    PHYSICS_ENOUGH,
    SqeModel,
    compress,
    from_bytes,
    load_model,
    read_model,
    to_bytes,
)

WIDTH, UNITS = len(INPUTS) - 1, 5


def drawn(seed: int = 0) -> SqeModel:
    rng = np.random.default_rng(seed)
    return SqeModel(
        mean=rng.standard_normal(WIDTH),
        scale=rng.uniform(0.5, 2.0, WIDTH),
        directions=rng.standard_normal((WIDTH, UNITS)) / 14,
        strengths=rng.uniform(0.1, 1.0, UNITS),
        term_weights=rng.uniform(0.1, 1.0, 5),
        calibration=np.array([-3.0, 0.7]),
        card={"title": "test", "training": {"licences": ["CC0-1.0"]}},
    )


def vector(seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(100 + seed).standard_normal(len(INPUTS))
    values[0], values[LOG_TERMS] = 0.9, -0.3
    return values


def test_a_file_gives_the_model_back() -> None:
    model = drawn()
    content = to_bytes(model)
    back = from_bytes(content)
    assert to_bytes(back) == content
    assert back.logit(vector()) == pytest.approx(model.logit(vector()), rel=1e-4)
    assert back.card["training"] == {"licences": ["CC0-1.0"]}
    assert len(back.digest) == 64
    assert back.parameters == WIDTH * UNITS + UNITS + 5 + 2


def test_equal_models_give_equal_bytes() -> None:
    assert {to_bytes(drawn()) for _ in range(5)} == {to_bytes(drawn())}
    assert to_bytes(drawn()) != to_bytes(drawn(1))


def test_the_formula() -> None:
    model, x = drawn(), vector()
    z = 2 * np.arcsinh((x[1:] - model.mean) / (2 * model.scale))
    away = sum(
        a * (np.sqrt(1 + float(z @ w) ** 2) - 1) for a, w in zip(model.strengths, model.directions.T, strict=True)
    )
    expected = 0.7 * (float(x[LOG_TERMS] @ model.term_weights) - away + 3.0)
    assert model.logit(x) == pytest.approx(expected, rel=1e-12)
    assert model.score(x) == pytest.approx(1 / (1 + np.exp(-expected)), rel=1e-12)


def test_a_sample_loses_whichever_side_it_is_off() -> None:
    """Along every direction the intact mean is best, and both sides lose alike."""
    model = replace(drawn(), term_weights=np.zeros(5))
    middle = np.concatenate([[0.9], model.mean])
    for step in np.random.default_rng(3).standard_normal((20, WIDTH)):
        moved = np.concatenate([[0.0], step * model.scale])
        assert model.logit(middle + moved) < model.logit(middle)
        assert model.logit(middle + moved) == pytest.approx(model.logit(middle - moved), rel=1e-9)
        assert model.logit(middle + 2 * moved) < model.logit(middle + moved)


def test_physics_takes_away_only_below_what_is_enough() -> None:
    model, x = drawn(), vector()

    def at(physics: float) -> float:
        return model.logit(np.concatenate([[physics], x[1:]]))

    assert at(1.0) == at(PHYSICS_ENOUGH)
    assert at(PHYSICS_ENOUGH / 2) == pytest.approx(at(1.0) - np.log(2))
    assert np.isfinite(at(0.0))


def test_a_sample_does_not_depend_on_its_neighbours() -> None:
    model, many = drawn(), np.stack([vector(k) for k in range(32)])
    assert model.logits(many).tolist() == [model.logits(one[None])[0] for one in many]


def test_scores_stay_in_their_range() -> None:
    model = drawn()
    assert 0.0 <= model.score(vector() * 1e6) < 1e-6
    assert model.score(np.concatenate([[1.0], model.mean])) <= 1.0


def test_compression_keeps_small_values_and_order() -> None:
    values = np.linspace(-50, 50, 101)
    out = compress(values, np.zeros(101), np.ones(101))
    assert (np.diff(out) > 0).all()
    assert out[51] == pytest.approx(1.0, abs=0.05)
    assert out[-1] < 10


def damaged(content: bytes, change: Callable[[dict[str, object]], None]) -> bytes:
    """Rewrite the card of a file."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    card = json.loads(header["__metadata__"]["card"])
    change(card)
    header["__metadata__"]["card"] = json.dumps(card)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def wrong_shape() -> bytes:
    return to_bytes(replace(drawn(), mean=np.zeros(3)))


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "not a model"),
    "text": (lambda: b"hello, this is no model at all", "not a model"),
    "other format": (lambda: damaged(to_bytes(drawn()), lambda c: c.update(format="x")), "format maphc2f-sqe"),
    "other version": (lambda: damaged(to_bytes(drawn()), lambda c: c.update(version=99)), "version 99"),
    "other inputs": (lambda: damaged(to_bytes(drawn()), lambda c: c.update(inputs="0")), "other inputs"),
    "truncated": (lambda: to_bytes(drawn())[:-100], "damaged"),
    "wrong shape": (wrong_shape, "its shape"),
    "not finite": (lambda: to_bytes(replace(drawn(), strengths=np.full(UNITS, np.nan))), "finite"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_model_is_refused_in_one_line(name: str) -> None:
    make, words = REFUSED[name]
    with pytest.raises(UserError) as caught:
        from_bytes(make(), "file.safetensors")
    assert words in str(caught.value)
    assert "file.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_model(tmp_path / "none.safetensors")


def test_the_shipped_model_is_small_and_may_be_passed_on() -> None:
    content = read_model(DEFAULT)
    model = load_model(DEFAULT)
    assert len(content) <= 200_000
    assert module.to_bytes(model) == content
    training = model.card["training"]
    assert training["licences"] == ["CC0-1.0"]
    assert training["sources"] == ["procedural"]
    assert 1_000 <= model.parameters <= 10_000
    assert len(model.card["spoilings"]) >= 8
    assert model.card["accuracy_on_left_out"]["all"] >= 0.95


def test_the_shipped_model_was_not_shown_what_it_is_examined_on() -> None:
    from maphc2f.generate.sqe_train import KEPT_OUT

    assert not set(load_model(DEFAULT).card["training"]["categories"]) & set(KEPT_OUT)

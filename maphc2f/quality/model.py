"""The learned estimator: a small network on frozen features, mask and terms, in one file with its model card.

* :class:`SqeModel` scores vectors of :func:`~maphc2f.quality.judged.observe`.
* :func:`to_bytes` and :func:`from_bytes` write and read ``.safetensors``; :func:`inputs_digest` says what must agree.
* :func:`load_model` opens a file or the shipped one, :func:`read_model` gives its bytes.
* :func:`compress` standardises inputs as training and scoring both do.

With x the inputs without physics, μ and s their mean and standard deviation over intact samples,

    z = 2 asinh((x - μ) / 2 s),
    f = Σⱼ βⱼ ln tⱼ - Σₖ αₖ (√(1 + (wₖ·z)²) - 1),    α, β >= 0,
    logit = γ (f - f₀) + min(0, ln(t_physics / p₀)),    score = 1 / (1 + exp(-logit)).

Each unit measures how far a sample is from the intact ones along a learned direction, and a sample loses whichever
side it is off: a fault that was never shown is told by being unlike, and no fault can earn what its opposite loses. The
terms can only help. Physics is not to be seen in a picture and the same for both of a pair, so nothing is learnt of it:
it takes away where it falls below p₀ = PHYSICS_ENOUGH, what a converged solver and refinement reach. Above that it says
which stages ran rather than how well.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maphc2f.errors import UserError
from maphc2f.features.scattering import VERSION as FEATURES
from maphc2f.quality.judged import INPUTS, READ_TERMS
from maphc2f.quality.sqe import TERM_FLOOR

Float64 = NDArray[np.float64]

FORMAT = "maphc2f-sqe"
VERSION = 1
"""Raised with every change of what the tensors mean."""

SHIPPED = "sqe.safetensors"
DEFAULT = "default"
LOG_TERMS = slice(1 + len(READ_TERMS), 1 + 2 * len(READ_TERMS))
"""Where the logarithms of the terms stand among the inputs; physics is the first of them."""

LEAST_SCALE = 1e-2
PHYSICS_ENOUGH = 0.75
WHERE = "--model"


def inputs_digest() -> str:
    """Return what a model's inputs must agree with: the features' version and the names of all inputs."""
    return hashlib.sha256("\n".join((FEATURES, *INPUTS)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, eq=False)
class SqeModel:
    """A trained estimator.

    Attributes:
        mean: μ, (inputs - 1,).
        scale: s, the same, at least LEAST_SCALE.
        directions: w, (inputs - 1, units).
        strengths: α, (units,), not negative.
        term_weights: β, (terms,), not negative.
        calibration: (f₀, γ).
        card: The model card; JSON.
        digest: SHA-256 of the file, or empty for one that was never written.
    """

    mean: Float64
    scale: Float64
    directions: Float64
    strengths: Float64
    term_weights: Float64
    calibration: Float64
    card: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""

    def with_card(self, card: Mapping[str, Any]) -> SqeModel:
        """Return the model with another card."""
        return replace(self, card=card)

    @property
    def parameters(self) -> int:
        """How many numbers were learnt."""
        return int(self.directions.size + self.strengths.size + self.term_weights.size + self.calibration.size)

    def logit(self, vector: Float64) -> float:
        """Return the logit of one vector of inputs, (len(INPUTS),)."""
        z = compress(vector[1:], self.mean, self.scale)
        away = float((np.sqrt(1.0 + (z @ self.directions) ** 2) - 1.0) @ self.strengths)
        plain = float(vector[LOG_TERMS] @ self.term_weights) - away
        physics = min(0.0, math.log(max(float(vector[0]), TERM_FLOOR) / PHYSICS_ENOUGH))
        return float(self.calibration[1]) * (plain - float(self.calibration[0])) + physics

    def logits(self, vectors: Float64) -> Float64:
        """Return the logits of vectors (n, len(INPUTS)), one by one: no sample's bits depend on another."""
        return np.array([self.logit(vector) for vector in vectors], np.float64)

    def score(self, vector: Float64) -> float:
        """Return the score of one vector in [0, 1]; higher is better."""
        return 1.0 / (1.0 + math.exp(-min(max(self.logit(vector), -50.0), 50.0)))


def compress(values: Float64, mean: Float64, scale: Float64) -> Float64:
    """Return z = 2 asinh((x - μ) / 2 s): standardised, and far values drawn in."""
    return np.asarray(2.0 * np.arcsinh((values - mean) / (2.0 * scale)), np.float64)


_TENSORS = ("mean", "scale", "directions", "strengths", "term_weights", "calibration")


def _shapes(units: int) -> dict[str, tuple[int, ...]]:
    width = len(INPUTS) - 1
    return {
        "mean": (width,),
        "scale": (width,),
        "directions": (width, units),
        "strengths": (units,),
        "term_weights": (len(READ_TERMS),),
        "calibration": (2,),
    }


def to_bytes(model: SqeModel) -> bytes:
    """Return the file of a model: float32 tensors, and the card as the one entry of the metadata.

    A single entry, because the format keeps no order among several and equal models must give equal bytes.
    """
    from safetensors.numpy import save

    card = {**model.card, "format": FORMAT, "version": VERSION, "inputs": inputs_digest()}
    tensors = {name: np.asarray(getattr(model, name), np.float32) for name in _TENSORS}
    return bytes(save(tensors, metadata={"card": json.dumps(card, sort_keys=True, ensure_ascii=False)}))


def _refusal(what: str, name: str, rule: str) -> UserError:
    return UserError(
        f"{name}: {what}",
        where=WHERE,
        rule=rule,
        remedy="give a file that 'maphc2f sqe train' of this version made, or 'default'",
    )


def _card(content: bytes, name: str) -> dict[str, Any]:
    """Return the card of a file.

    Raises:
        UserError: It has none.
    """
    try:
        length = int.from_bytes(content[:8], "little")
        card = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["card"])
    except (ValueError, KeyError, TypeError) as error:
        raise _refusal("not a model of the quality estimator", name, "it must be .safetensors with a card") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise _refusal("not a model of the quality estimator", name, f"its card must say format {FORMAT}")
    return card


def from_bytes(content: bytes, name: str = "model") -> SqeModel:
    """Return the model of a file's content; nothing in it is run.

    Raises:
        UserError: It is no such model, of another version, made for other inputs, or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    card = _card(content, name)
    if card.get("version") != VERSION:
        raise _refusal(f"version {card.get('version')}", name, f"this program reads version {VERSION}")
    if card.get("inputs") != inputs_digest():
        raise _refusal("made for other inputs", name, "features and inputs must be those of this program")
    try:
        tensors = {key: value.astype(np.float64) for key, value in load(content).items()}
        expected = _shapes(len(tensors["strengths"]))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise _refusal("damaged", name, "every tensor must be there") from error
    if {key: value.shape for key, value in tensors.items()} != expected:
        raise _refusal("damaged", name, "every tensor must have its shape")
    if not all(np.isfinite(value).all() for value in tensors.values()):
        raise _refusal("damaged", name, "every number must be finite")
    return SqeModel(**tensors, card=card, digest=hashlib.sha256(content).hexdigest())


def read_model(name: str | Path) -> bytes:
    """Return the content of a model's file, unchecked.

    Args:
        name: A file, or ``default`` for the shipped one.

    Raises:
        UserError: There is no such file.
    """
    try:
        if str(name) == DEFAULT:
            return resources.files("maphc2f.quality").joinpath(SHIPPED).read_bytes()
        return Path(name).read_bytes()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise _refusal(f"cannot be read ({why})", str(name), "the file must be there") from error


def load_model(name: str | Path) -> SqeModel:
    """Open a model; see :func:`read_model`.

    Raises:
        UserError: There is no such file, or it is not a model.
    """
    return from_bytes(read_model(name), str(name))

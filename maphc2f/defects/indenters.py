"""Shapes of the bodies that press into a part, and the ranges that their numbers are drawn from.

* :class:`Ranges` draws numbers from a scenario's ranges and remembers them.
* :func:`draw_tool` draws a local indenter (ball, corner, edge, punch, stone) as a height over the plane.
* :func:`draw_ridge` draws a line-shaped indenter, bent along its length.

A shape is the height f >= 0 of the indenter's surface above its lowest point, over coordinates in units of the contact
radius (ridge: of half its length).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maphc2f.sample import Scenario, SimulationRequest

Float64 = NDArray[np.float64]
Shape = Callable[[Float64, Float64, np.random.Generator], Float64]


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ranges of named numbers; each draw is kept, so that a simulation can say what it was made from.

    Attributes:
        bounds: Lower and upper end by name, SI units or ratios.
        drawn: What was drawn so far.
    """

    bounds: Mapping[str, tuple[float, float]]
    drawn: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, scenario: Scenario, request: SimulationRequest) -> Ranges:
        """Return the scenario's ranges with the request's overrides."""
        return cls({**scenario.parameters, **request.parameters})

    def uniform(self, name: str, rng: np.random.Generator) -> float:
        """Draw ``name`` uniformly."""
        self.drawn[name] = float(rng.uniform(*self.bounds[name]))
        return float(self.drawn[name])

    def log_uniform(self, name: str, rng: np.random.Generator) -> float:
        """Draw ``name`` uniformly in its logarithm; both ends must be positive."""
        low, high = self.bounds[name]
        self.drawn[name] = math.exp(float(rng.uniform(math.log(low), math.log(high))))
        return float(self.drawn[name])


def smooth_noise(y: Float64, x: Float64, rng: np.random.Generator, *, waves: float, modes: int = 8) -> Float64:
    """Return a sum of random plane waves of unit variance with up to ``waves`` periods per unit length."""
    angle, phase = rng.uniform(0, 2 * math.pi, (2, modes))
    number = 2 * math.pi * waves * rng.uniform(0.3, 1.0, modes)
    amplitude = rng.normal(size=modes)
    amplitude *= math.sqrt(2 / float((amplitude**2).sum()))
    total = np.zeros_like(y)
    for a, k, t, p in zip(amplitude, number, angle, phase, strict=True):
        total += a * np.cos(k * (math.cos(t) * x + math.sin(t) * y) + p)
    return total


def turned(y: Float64, x: Float64, angle: float) -> tuple[Float64, Float64]:
    """Return coordinates in axes turned by ``angle``."""
    c, s = math.cos(angle), math.sin(angle)
    return c * y - s * x, s * y + c * x


def _ball(y: Float64, x: Float64, rng: np.random.Generator) -> Float64:
    ratio = rng.uniform(1.0, 1.6)
    v, u = turned(y, x, rng.uniform(0, math.pi))
    return np.asarray(0.5 * (ratio * v**2 + u**2 / ratio))


def _corner(y: Float64, x: Float64, rng: np.random.Generator) -> Float64:
    sides, start = int(rng.integers(3, 5)), rng.uniform(0, 2 * math.pi)
    tip = rng.uniform(0.05, 0.25)
    angles = start + 2 * math.pi * np.arange(sides) / sides + rng.uniform(-0.25, 0.25, sides)
    slopes = rng.uniform(0.6, 1.4, sides)
    faces = [slope * (math.cos(t) * x + math.sin(t) * y) for t, slope in zip(angles, slopes, strict=True)]
    # A soft maximum rounds the edges between the faces by the tip's radius.
    return np.asarray(tip * np.log(np.sum(np.exp(np.stack(faces) / tip), axis=0)))


def _edge(y: Float64, x: Float64, rng: np.random.Generator) -> Float64:
    tip, bend = rng.uniform(0.05, 0.2), rng.uniform(0.1, 0.35)
    lean, skew = rng.uniform(-0.4, 0.4, 2)
    v, u = turned(y, x, rng.uniform(0, math.pi))
    return np.asarray(np.sqrt(v**2 + tip**2) + lean * v + bend * u**2 + 0.2 * skew * u)


def _punch(y: Float64, x: Float64, rng: np.random.Generator) -> Float64:
    ratio, power = rng.uniform(1.0, 1.8), rng.uniform(2.0, 5.0)
    flank = rng.uniform(3.0, 6.0)
    v, u = turned(y, x, rng.uniform(0, math.pi))
    radius = (np.abs(v * math.sqrt(ratio)) ** power + np.abs(u / math.sqrt(ratio)) ** power) ** (1 / power)
    return np.asarray(np.logaddexp(0, flank * (radius - 0.75)) / flank + 0.05 * radius**2)


def _stone(y: Float64, x: Float64, rng: np.random.Generator) -> Float64:
    return _ball(y, x, rng) + 0.12 * smooth_noise(y, x, rng, waves=0.9)


TOOLS: Mapping[str, Shape] = {"ball": _ball, "corner": _corner, "edge": _edge, "punch": _punch, "stone": _stone}


def draw_tool(y: Float64, x: Float64, rng: np.random.Generator) -> tuple[str, Float64]:
    """Draw an indenter, pressed in obliquely, and return its kind and its height above its lowest point.

    Args:
        y: Coordinates in units of the contact radius, (ny, nx).
        x: Likewise.
        rng: Source of kind, proportions, orientation and tilt.
    """
    kind = list(TOOLS)[int(rng.integers(len(TOOLS)))]
    height = TOOLS[kind](y, x, rng)
    tilt, towards = rng.uniform(0, 0.25), rng.uniform(0, 2 * math.pi)
    height = height + tilt * (math.cos(towards) * x + math.sin(towards) * y)
    return kind, np.asarray(height - height.min())


def draw_ridge(y: Float64, x: Float64, rng: np.random.Generator, *, sharpness: float) -> Float64:
    """Draw a rounded edge along x that is bent in the plane and bowed over its length.

    Args:
        y: Coordinates in units of half the final length, (ny, nx).
        x: Likewise.
        rng: Source of bend, bow and unevenness.
        sharpness: Height over distance of the flanks, in units of the bow's height at the ends.
    """
    bend, sway, phase = rng.uniform(-0.22, 0.22), rng.uniform(-0.05, 0.05), rng.uniform(0, 2 * math.pi)
    centre = bend * (x**2 - 0.3) + sway * np.sin(3.0 * x + phase)
    lean, tip = rng.uniform(-0.35, 0.35), rng.uniform(0.03, 0.07)
    across = np.sqrt((y - centre) ** 2 + tip**2) - tip + lean * (y - centre)
    uneven = 0.1 * np.sin(rng.uniform(4, 9) * x + rng.uniform(0, 2 * math.pi))
    height = sharpness * across + x**2 + rng.uniform(-0.2, 0.2) * x + uneven
    return np.asarray(height - height.min())


def level_of_area(height: Float64, area: float) -> float:
    """Return the level below which ``height`` has ``area`` cells."""
    ranked = np.sort(height, axis=None)
    position = min(max(area, 1.0), ranked.size - 1.0)
    return float(np.interp(position, np.arange(ranked.size), ranked))

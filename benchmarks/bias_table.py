"""How a production result differs from the converged one, over several draws.

* :class:`Variant` pairs a scenario with its converged setting; :func:`rows_of` measures one.
* :class:`Bias` is a row; :func:`table` prints rows.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.scenario_mix import Case
from maphc2f.errors import SimulationRejected

TOLERANCE = 0.10
"""Goal: mean error of the production setting."""

Pairs = dict[str, tuple[float, float]]
"""Production and converged value by quantity."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A scenario and what it is compared with.

    Attributes:
        against: The converged setting, in words.
        measure: Runs both on the same random fields for a case and a seed.
    """

    against: str
    measure: Callable[[Case, str, int], Pairs]


@dataclass(frozen=True, slots=True)
class Bias:
    """One quantity of one scenario.

    Attributes:
        ratio: Mean of the production values over the mean of the converged ones.
        spread: Standard deviation of a single production value about ratio x converged, over the converged mean.
        seeds: Draws that grew in both settings.
    """

    scenario: str
    quantity: str
    ratio: float
    spread: float
    seeds: int

    @property
    def error(self) -> float:
        """Standard error of the ratio."""
        return self.spread / math.sqrt(self.seeds) if self.seeds else math.nan

    @property
    def verdict(self) -> str:
        """Whether the mean is within the goal."""
        return "within 10 %" if abs(self.ratio - 1) <= TOLERANCE else "FALLS SHORT"


def summarise(scenario: str, found: Sequence[Pairs]) -> list[Bias]:
    """Return a row for each quantity."""
    rows = []
    for quantity in found[0] if found else ():
        pairs = [pairs[quantity] for pairs in found]
        converged = statistics.mean(c for _, c in pairs)
        ratio = statistics.mean(p for p, _ in pairs) / converged if converged else math.nan
        scatter = [(p - ratio * c) / converged for p, c in pairs] if converged else [math.nan]
        spread = math.sqrt(sum(x * x for x in scatter) / max(len(scatter) - 1, 1))
        rows.append(Bias(scenario, quantity, ratio, spread, len(pairs)))
    return rows


def rows_of(scenario: str, variant: Variant, cases: Sequence[tuple[int, Case]], seeds: int) -> list[Bias]:
    """Measure one scenario on the first ``seeds`` cases that grow in both settings."""
    found: list[Pairs] = []
    for seed, case in cases:
        if len(found) == seeds:
            break
        try:
            found.append(variant.measure(case, scenario, seed))
        except SimulationRejected:
            continue
    return summarise(scenario, found)


HEAD = ("scenario", "quantity", "production / converged", "standard deviation", "seeds", "verdict")
WIDTHS = (24, 34, 22, 18, 5, 11)


def table(rows: Sequence[Bias], *, head: bool = True) -> str:
    """Return rows as a Markdown table with columns of constant width."""
    lines: list[Sequence[str]] = [HEAD, ["-" * width for width in WIDTHS]] if head else []
    for row in rows:
        ratio = f"{row.ratio:.3f} ± {row.error:.3f}"
        lines.append((row.scenario, row.quantity, ratio, f"{row.spread:.3f}", str(row.seeds), row.verdict))
    return "\n".join(
        "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(line, WIDTHS, strict=True)) + " |" for line in lines
    )

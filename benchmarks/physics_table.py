"""Rows of the physics benchmark and the table they make.

* :class:`Row` is one quantity beside its reference; :class:`Case` names a function that measures some.
* :func:`table` prints rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Kernel = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One quantity.

    Attributes:
        quantity: What is measured, with its setting.
        kernel: The production function that was called; prints as its module and name.
        reference: The value it must have, and where that is from is said in the case's docstring.
        ours: The value measured.
        tolerance: Largest error that passes.
        relative: Whether the error is ``ours / reference - 1`` rather than ``ours - reference``.
    """

    quantity: str
    kernel: Kernel
    reference: float
    ours: float
    tolerance: float
    relative: bool = True

    @property
    def error(self) -> float:
        """Signed error."""
        return self.ours / self.reference - 1 if self.relative else self.ours - self.reference

    @property
    def passes(self) -> bool:
        """Whether the error is finite and within the tolerance."""
        return math.isfinite(self.error) and abs(self.error) <= self.tolerance

    def cells(self) -> tuple[str, ...]:
        """Return the row as text."""
        scale, unit = (100, " %") if self.relative else (1, "")
        return (
            self.quantity,
            kernel_name(self.kernel),
            f"{self.reference:.5g}",
            f"{self.ours:.5g}",
            f"{scale * self.error:+.2g}{unit}",
            f"{scale * self.tolerance:.2g}{unit}",
            "PASS" if self.passes else "FALLS SHORT",
        )


@dataclass(frozen=True, slots=True)
class Case:
    """A benchmark.

    Attributes:
        name: For ``--only``.
        kernels: Production functions without which it cannot run.
        measure: Returns its rows; True asks for the full setting.
    """

    name: str
    kernels: tuple[Kernel, ...]
    measure: Callable[[bool], Sequence[Row]]


HEAD = ("quantity", "production kernel", "reference", "ours", "error", "tolerance", "verdict")


def kernel_name(kernel: Kernel) -> str:
    """Return module and name below the package."""
    return f"{kernel.__module__}.{kernel.__name__}".removeprefix("maphc2f.")


def table(rows: Sequence[Row], *, head: bool = True) -> str:
    """Return rows as a Markdown table with columns of constant width."""
    lines = [row.cells() for row in rows]
    return "\n".join(_line(cells) for cells in ([HEAD, tuple("-" * w for w in WIDTHS)] if head else []) + lines)


WIDTHS = (60, 32, 10, 10, 10, 9, 11)


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=True)) + " |"

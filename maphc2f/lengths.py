"""Lengths with a unit.

* :func:`parse_length` reads ``"50um"`` into metres.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

from maphc2f.errors import UserError

_UNITS = {"nm": -9, "um": -6, "µm": -6, "mm": -3, "cm": -2, "m": 0}
_LENGTH = re.compile(r"\s*([0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]{1,3})?)\s*([a-zµ]*)\s*")


def parse_length(text: str, *, where: str) -> float:
    """Return a length such as ``"50um"`` or ``"0.05mm"`` in metres.

    Raises:
        UserError: No unit, an unknown unit, or not a positive number.
    """
    match = _LENGTH.fullmatch(text)
    # Decimal, so that 50um, 0.05mm and 5e-05m are one number and make one digest.
    metres = float(Decimal(match[1]).scaleb(_UNITS[match[2]])) if match and match[2] in _UNITS else 0.0
    if not 0 < metres < math.inf:
        raise UserError(
            f"'{text}' is not a length",
            where=where,
            rule="a positive number with a unit of nm, um, mm, cm or m",
            remedy="write it as in 50um",
        )
    return metres

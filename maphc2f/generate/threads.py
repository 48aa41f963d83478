"""Thread settings that must stand in the environment before the numeric libraries load.

* :func:`set_thread_variables` gives every library one thread.
"""

from __future__ import annotations

import os

VARIABLES = ("OMP", "MKL", "OPENBLAS", "NUMBA", "BLIS", "VECLIB_MAXIMUM", "NUMEXPR")


def set_thread_variables() -> None:
    """Give every library one thread: one worker is one core. Values that are set already stay; children inherit."""
    for name in VARIABLES:
        os.environ.setdefault(f"{name}_NUM_THREADS", "1")

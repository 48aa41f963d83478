"""Thread settings of the command line: those of :mod:`maphc2f.generate.threads`."""

from __future__ import annotations

from maphc2f.generate.threads import VARIABLES, set_thread_variables

__all__ = ["VARIABLES", "set_thread_variables"]

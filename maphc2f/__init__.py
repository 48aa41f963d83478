"""maphc2f makes synthetic industrial defects from good pictures alone.

* :func:`synthesize` makes one sample in memory.
* :func:`open` gives a dataset folder as a map-style dataset.

Both load their heavy parts on first use: importing the package loads neither torch, numba nor dask.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "open", "synthesize"]

if TYPE_CHECKING:
    from maphc2f.generate.single import synthesize
    from maphc2f.shards.dataset import open  # noqa: A004  # the public name mirrors the builtin on purpose


def __getattr__(name: str) -> Any:
    homes = {"synthesize": "maphc2f.generate.single", "open": "maphc2f.shards.dataset"}
    if name not in homes:
        msg = f"module 'maphc2f' has no attribute '{name}'"
        raise AttributeError(msg)
    return getattr(import_module(homes[name]), name)

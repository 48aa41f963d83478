"""Random streams keyed by name: the only place that creates generators.

* :func:`stream` gives a generator for a seed and a path of names.
* :func:`key64` gives a 64-bit key for hashing decisions (splits, choice of pictures).

A draw depends on the names alone, never on the order of calls, the worker or the batch, so a sample can be made
again by itself.
"""

from __future__ import annotations

import hashlib

import numpy as np

Name = str | int


def _digest(seed: int, names: tuple[Name, ...]) -> bytes:
    if not names:
        msg = "a stream needs at least one name besides its seed"
        raise ValueError(msg)
    # The type letter and the length keep ("a", 1), ("a", "1") and ("a1",) apart.
    parts = [f"i{seed}"] + [f"{'i' if isinstance(name, int) else 's'}{len(str(name))}:{name}" for name in names]
    return hashlib.sha256("\x1f".join(parts).encode()).digest()


def stream(seed: int, *names: Name) -> np.random.Generator:
    """Return the generator of the stream ``names`` under ``seed``.

    Args:
        seed: Any integer; 0 is a seed like any other.
        names: The path of the stream, e.g. ``("bottle", 17, "place", 0)``. ``1`` and ``"1"`` are different names.

    Returns:
        A Philox generator keyed by the SHA-256 of seed and names (Salmon et al. 2011, doi 10.1145/2063384.2063405).
    """
    key = np.frombuffer(_digest(seed, names)[:16], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def key64(seed: int, *names: Name) -> int:
    """Return a uniform 64-bit key for ``names`` under ``seed``."""
    return int.from_bytes(_digest(seed, names)[16:24], "little")

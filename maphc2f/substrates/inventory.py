"""Pure decisions about an inventory: which split a picture belongs to, and which picture a sample takes.

* :func:`assign_splits` puts whole specimens into train or validation.
* :func:`ranked` orders pictures for one sample by rendezvous hashing; :func:`picture_hashes` is its fast input.

Both depend on names and hashes alone, never on order or number: adding a picture moves no other picture to another
split, and changes only the samples that now choose it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from maphc2f.rng import key64
from maphc2f.spec import Split
from maphc2f.substrates.base import SourcePicture

VALIDATION_SHARE = 0.1

UInt64 = NDArray[np.uint64]


def assign_splits(pictures: Sequence[SourcePicture], seed: int, category: str) -> dict[str, Split]:
    """Return the split of each accepted picture by its SHA-256.

    A specimen s is in validation if u(s) = key64(seed, category, "specimen", s) / 2**64 < 0.1. If validation would be
    empty, the specimen with the lowest u is moved there; if train would be, the one with the highest u. A source
    with a single specimen cannot be shared without a leak, so all of it is train and there is no validation split.

    Args:
        pictures: The inventory; refused pictures are skipped.
        seed: Seed of the dataset.
        category: Name of the category.
    """
    accepted = [picture for picture in pictures if picture.accepted]
    keys = {p.specimen: key64(seed, category, "specimen", p.specimen) for p in accepted}
    chosen = _validation_specimens(keys)
    return {p.sha256: "validation" if p.specimen in chosen else "train" for p in accepted}


def splits_present(splits: Mapping[str, Split]) -> tuple[Split, ...]:
    """Return the splits that hold at least one picture, train first."""
    held = set(splits.values())
    both: tuple[Split, Split] = ("train", "validation")
    return tuple(split for split in both if split in held)


def picture_hashes(sha256: Sequence[str]) -> UInt64:
    """Return the first 64 bits of each hexadecimal SHA-256, uint64 (n,)."""
    return np.array([int(text[:16], 16) for text in sha256], dtype=np.uint64)


def ranked(pictures_sha256: Sequence[str] | UInt64, seed: int, category: str, index: int) -> NDArray[np.intp]:
    """Return the order in which sample ``index`` would take the pictures, best first.

    Highest-random-weight hashing (Thaler and Ravishankar 1998, doi 10.1109/90.663936): the weight of picture p is
    mix(key64(seed, category, "picture", index) xor p) with the SplitMix64 finaliser (Steele et al. 2014,
    doi 10.1145/2714064.2660195), so the relative order of two pictures never depends on a third.

    Args:
        pictures_sha256: Hexadecimal hashes of the split's pictures, or :func:`picture_hashes` of them.
        seed: Seed of the dataset.
        category: Name of the category.
        index: Index of the sample in its category.

    Returns:
        Positions into ``pictures_sha256``, intp (n,).
    """
    if isinstance(pictures_sha256, np.ndarray):
        heads: UInt64 = pictures_sha256
    else:
        heads = picture_hashes(pictures_sha256)
    weights = _mix(heads ^ np.uint64(key64(seed, category, "picture", int(index))))
    return np.lexsort((heads, ~weights))


def _validation_specimens(keys: Mapping[str, int]) -> set[str]:
    order = sorted(keys, key=lambda specimen: (keys[specimen], specimen))
    if len(order) < 2:
        return set()
    chosen = {specimen for specimen in order if keys[specimen] < VALIDATION_SHARE * 2**64}
    if not chosen:
        return {order[0]}
    if len(chosen) == len(order):
        return chosen - {order[-1]}
    return chosen


def _mix(value: UInt64) -> UInt64:
    # Wrapping multiplication is what SplitMix64 means; NumPy does it silently on arrays.
    z = value + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))

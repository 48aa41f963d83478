"""Golden values of the streams: datasets already published, ``reproduce`` and every stored digest rely on them.

If one of them changes, all samples change: raise ``maphc2f.spec.ALGORITHM_VERSION`` and say so in the changelog.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maphc2f.rng import key64, stream

NAMES = st.lists(st.one_of(st.integers(-(2**70), 2**70), st.text(max_size=12)), min_size=1, max_size=4).map(tuple)

GOLDEN_INTEGERS = [
    5_528_072_193_554_148_825,
    7_705_814_184_841_497_145,
    3_217_829_351_097_507_196,
    3_986_132_808_249_847_269,
]
GOLDEN_FLOATS = [0.07578025480839434, 0.8180458055048826, 0.1565278236026728]
GOLDEN_NORMALS = [0.8899502531784962, -0.8543233425681722]
GOLDEN_KEYS = [18_429_735_027_103_584_540, 8_273_000_654_381_485_098, 9_470_634_890_667_576_239]


def test_golden_stream() -> None:
    """Pins Philox, its keying by SHA-256, and NumPy's conversion to floats and normals."""
    assert stream(0, "bottle", 17, "place", 0).integers(0, 2**63, 4).tolist() == GOLDEN_INTEGERS
    assert stream(7, "capsule", "simulation", 3, 0).random(3).tolist() == GOLDEN_FLOATS
    assert stream(7, "capsule", "simulation", 3, 0).standard_normal(2).tolist() == GOLDEN_NORMALS


def test_golden_key() -> None:
    """Pins the keys behind splits and the choice of pictures."""
    assert [key64(0, "bottle", "split"), key64(1, "bottle", "split"), key64(0, 1)] == GOLDEN_KEYS


def test_same_names_same_numbers_in_another_process() -> None:
    code = "from maphc2f.rng import stream; print(stream(3, 'a', 1).integers(2**62))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(printed) == stream(3, "a", 1).integers(2**62)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("a", 1), ("a", "1")),
        (("a", 1), ("a1",)),
        (("a", "b"), ("ab",)),
        (("a", "b"), ("b", "a")),
        (("a\x1fs1:b",), ("a", "b")),
        ((0,), (1,)),
        ((1, 23), (12, 3)),
    ],
)
def test_different_names_are_different_streams(left: tuple[str | int, ...], right: tuple[str | int, ...]) -> None:
    assert key64(0, *left) != key64(0, *right)
    assert stream(0, *left).integers(2**62) != stream(0, *right).integers(2**62)


@given(NAMES, NAMES)
def test_names_never_collide(left: tuple[str | int, ...], right: tuple[str | int, ...]) -> None:
    assert (key64(0, *left) == key64(0, *right)) == (left == right)


def test_seeds_are_different_streams_and_zero_is_a_seed() -> None:
    draws = {int(stream(seed, "a").integers(2**62)) for seed in (0, 1, -1, 2**80)}
    assert len(draws) == 4


def test_a_stream_needs_a_name() -> None:
    with pytest.raises(ValueError, match="at least one name"):
        stream(0)


def test_keys_are_uniform_in_64_bits() -> None:
    """The mean of n uniforms has standard deviation 1/sqrt(12 n): 0.0065 for 2,000; five of them are allowed."""
    fractions = np.array([key64(0, "uniform", i) for i in range(2000)]) / 2.0**64
    assert abs(fractions.mean() - 0.5) < 5 * 0.0065
    assert abs((fractions < 0.1).mean() - 0.1) < 5 * 0.0067

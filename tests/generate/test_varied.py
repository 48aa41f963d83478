"""Changed good pictures: which are changed, how, and always the same."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from maphc2f.generate.varied import VariedPictures, smoother
from maphc2f.substrates.base import LoadedPicture

GRAIN = np.random.default_rng(0).integers(60, 200, (48, 64, 3)).astype(np.uint8)


@dataclass(frozen=True)
class One:
    """A source whose every picture is the same."""

    image: NDArray[np.uint8]

    def inventory(self):
        return (SimpleNamespace(key="a"),)

    def load(self, picture) -> LoadedPicture:
        assert picture.key
        return LoadedPicture(self.image, None, scale=2.0)


def loaded(share: float, count: int = 200, seed: int = 1) -> list[LoadedPicture]:
    source = VariedPictures(One(GRAIN), share, seed)
    return [source.load(SimpleNamespace(key=f"{k}")) for k in range(count)]


def test_a_share_is_changed_and_the_rest_is_not() -> None:
    changed = sum(not np.array_equal(picture.image, GRAIN) for picture in loaded(0.5))
    assert 75 < changed < 125
    assert all(np.array_equal(picture.image, GRAIN) for picture in loaded(0.0, 20))


def test_changed_pictures_are_smoother_keep_their_mean_and_all_else() -> None:
    for picture in loaded(1.0, 20):
        assert picture.image.dtype == np.uint8
        assert picture.image.shape == GRAIN.shape
        assert picture.scale == 2.0
        assert picture.image.std() < 0.8 * GRAIN.std()
        assert picture.image.mean((0, 1)) == pytest.approx(GRAIN.mean((0, 1)), abs=1.5)
    # The pictures differ: not one setting for all.
    assert np.ptp([picture.image.std() for picture in loaded(1.0, 20)]) > 2.0


def test_the_seed_and_the_key_decide() -> None:
    one, same, other = (loaded(0.5, 10, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a.image, b.image) for a, b in zip(one, other, strict=True))


def test_gain_draws_in_towards_the_mean_and_deep_pictures_keep_their_depth() -> None:
    ramp = np.repeat(np.linspace(1000, 60000, 64)[None], 48, axis=0).astype(np.uint16)
    made = smoother(ramp, 0.5, 0.5)
    assert made.dtype == np.uint16
    middle = slice(8, -8)
    expected = 30500 + 0.5 * (ramp[:, middle].astype(float) - 30500)
    assert made[:, middle] == pytest.approx(expected, abs=3)

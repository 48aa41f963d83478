"""What every source of good pictures promises, for all registered kinds."""

from __future__ import annotations

import csv
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maphc2f.rng import stream
from maphc2f.spec import CategorySpec, SizeSpec, SourceSpec
from maphc2f.substrates import SUBSTRATES
from maphc2f.substrates.base import Substrate, open_substrate
from tests.builders import category

NAME = "leather"
NUMBER = 4


def write(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number in range(NUMBER):
        pixels = stream(number, "contract").integers(60, 200, (48, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")


def visa(root: Path) -> None:
    write(root / NAME / "Data" / "Images" / "Normal")
    (root / "split_csv").mkdir()
    with (root / "split_csv" / "1cls.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["object", "split", "label", "image", "mask"])
        for number in range(NUMBER):
            table.writerow([NAME, "train", "normal", f"{NAME}/Data/Images/Normal/{number:03d}.png", ""])


LAYOUTS: dict[str, Callable[[Path], None]] = {
    "folder": lambda root: write(root / NAME),
    "mvtec_ad": lambda root: write(root / NAME / "train" / "good"),
    "btad": lambda root: write(root / NAME / "train" / "ok"),
    "visa": visa,
    "procedural": lambda root: root.mkdir(exist_ok=True),
}
"""How the pictures lie; a registered kind that is not here is opened on a plain folder."""


@pytest.fixture(params=list(SUBSTRATES))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Substrate, CategorySpec]:
    kind, root = request.param, tmp_path / "root"
    LAYOUTS.get(kind, LAYOUTS["folder"])(root)
    source = SourceSpec(kind=kind, path=None if kind == "procedural" else NAME, pool=NUMBER)
    stanza = category(NAME, source=source)
    return open_substrate(stanza, root=root, seed=3, size=SizeSpec(width=64, height=64)), stanza


Opened = tuple[Substrate, CategorySpec]


def test_the_inventory_is_sorted_unique_and_the_same_again(opened: Opened) -> None:
    inventory = opened[0].inventory()
    assert len(inventory) == NUMBER
    assert all(picture.accepted and not picture.reason for picture in inventory)
    keys = [picture.key for picture in inventory]
    assert keys == sorted(set(keys))
    assert all("\\" not in key and not key.startswith("/") for key in keys)
    assert len({picture.sha256 for picture in inventory}) == NUMBER
    assert all(len(picture.sha256) == 64 for picture in inventory)
    assert all(picture.specimen and picture.licence for picture in inventory)
    assert opened[0].inventory() == inventory


def test_pictures_are_what_the_inventory_says(opened: Opened) -> None:
    for picture in opened[0].inventory():
        loaded = opened[0].load(picture)
        assert loaded.image.shape[:2] == (picture.height, picture.width)
        assert (loaded.image.ndim == 3) == (picture.mode == "rgb")
        assert 8 * loaded.image.dtype.itemsize == picture.bit_depth
        assert loaded.scale > 0
        mask = loaded.foreground
        assert mask is None or (mask.dtype == np.bool_ and mask.shape == loaded.image.shape[:2] and mask.any())


def test_loading_twice_or_from_a_pickle_gives_the_same_pixels(opened: Opened) -> None:
    substrate = opened[0]
    again = pickle.loads(pickle.dumps(substrate))  # noqa: S301  # our own bytes
    for picture in reversed(substrate.inventory()):
        first = substrate.load(picture)
        for other in (substrate.load(picture), again.load(picture)):
            assert first.image.tobytes() == other.image.tobytes()
            assert first.scale == other.scale
            assert (first.foreground is None) == (other.foreground is None)
            assert first.foreground is None or np.array_equal(first.foreground, other.foreground)


def test_paths_stay_below_the_root_or_are_empty(opened: Opened, tmp_path: Path) -> None:
    for picture in opened[0].inventory():
        assert picture.path == "" or Path(picture.path).resolve().is_relative_to(tmp_path)

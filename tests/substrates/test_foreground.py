"""The automatic foreground finds parts, not their shadows, and gives up on pictures without a clear part."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from maphc2f.errors import PictureError
from maphc2f.rng import stream
from maphc2f.substrates.foreground import find_mask, foreground_auto, foreground_folder
from maphc2f.substrates.procedural import render


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


OBJECTS = (
    "bottle", "btad_01", "btad_03", "candle", "capsule", "capsules", "cashew", "chewinggum", "fryum", "hazelnut",
    "macaroni1", "macaroni2", "metal_nut", "pcb1", "pcb2", "pcb3", "pill", "pipe_fryum", "toothbrush", "zipper",
)  # fmt: skip


@pytest.mark.parametrize("name", OBJECTS)
def test_parts_are_found(name):
    image, truth = render(name, (256, 256), stream(1, name))
    found = foreground_auto(image, "object")
    assert found.shape == truth.shape
    assert iou(found, truth) > 0.95


@pytest.mark.parametrize("name", ["cable", "screw", "transistor", "pcb4"])
def test_difficult_parts_are_found_roughly(name):
    image, truth = render(name, (256, 256), stream(1, name))
    assert iou(foreground_auto(image, "object"), truth) > 0.85


@pytest.mark.parametrize("name", ["carpet", "grid", "leather", "tile", "wood", "btad_02"])
def test_pictures_without_a_part_are_taken_whole(name):
    image, _ = render(name, (256, 256), stream(1, name))
    assert foreground_auto(image, "object").all()
    assert foreground_auto(image, "texture").all()


def shaded_disc(strength: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A red disc on a gray table, with a soft shadow to its lower right; also the disc and the shadow alone."""
    y, x = np.mgrid[:256, :256].astype(np.float32)
    disc = (x - 110) ** 2 + (y - 110) ** 2 < 60**2
    cast = ((x - 140) ** 2 + (y - 140) ** 2 < 60**2).astype(np.float32)
    cast = cv2.GaussianBlur(cast, (0, 0), 5)
    table = 170 * (1 - strength * cast)[..., None] * np.ones(3)
    image = np.where(disc[..., None], [180.0, 60.0, 50.0], table) + stream(0, "n").normal(0, 2, (256, 256, 3))
    return np.clip(image, 0, 255).astype(np.uint8), disc, (cast > 0.5) & ~disc


@pytest.mark.parametrize("strength", [0.1, 0.2, 0.3, 0.4])
def test_shadow_is_not_the_part(strength):
    image, disc, shadow = shaded_disc(strength)
    found = foreground_auto(image, "object")
    assert iou(found, disc) > 0.95
    assert (found & shadow).sum() < 0.05 * shadow.sum()


def test_holes_that_show_the_background_stay_and_specks_are_filled():
    y, x = np.mgrid[:200, :200]
    r = np.hypot(x - 100, y - 100)
    part = (r < 70) & (r > 25)
    image = np.where(part, 60, 200).astype(np.uint8)
    image[48:51, 98:101] = 200
    found = foreground_auto(image, "object")
    assert not found[95:105, 95:105].any()
    assert found[46:53, 96:103].all()


@pytest.mark.parametrize("gradient", [0.0, 0.4])
def test_sixteen_bit_and_uneven_light(gradient):
    y, x = np.mgrid[:120, :300].astype(np.float32)
    part = (np.abs(x - 150) < 60) & (np.abs(y - 60) < 30)
    light = 1 + gradient * (x / 300 - 0.5)
    scene = np.where(part, 900.0, 3000.0) * light + stream(0, "u").normal(0, 15, part.shape)
    assert iou(foreground_auto(scene.astype(np.uint16), "object"), part) > 0.95


def test_outline_is_as_accurate_in_large_pictures():
    y, x = np.mgrid[:900, :1100]
    part = (x - 500) ** 2 + (y - 450) ** 2 < 300**2
    image = np.where(part, 220, 40).astype(np.uint8)
    # One pixel of the working size is about six here: an error of half of it along the outline is 2 %.
    assert iou(foreground_auto(image, "object"), part) > 0.98


def test_same_picture_same_mask_whatever_was_done_before():
    image, _ = render("hazelnut", (256, 256), stream(3, "hazelnut"))
    first = foreground_auto(image, "object")
    cv2.setRNGSeed(12345)
    foreground_auto(image[::-1].copy(), "object")
    assert np.array_equal(first, foreground_auto(image, "object"))


@pytest.mark.parametrize("value", [0, 128, 255])
def test_blank_pictures_are_taken_whole(value):
    assert foreground_auto(np.full((64, 80, 3), value, np.uint8), "object").all()


def test_a_bright_strip_along_one_side_is_no_part():
    image = stream(0, "strip").normal(120, 4, (200, 160))
    image[:130, 145:] = 230
    assert foreground_auto(np.clip(image, 0, 255).astype(np.uint8), "object").all()


def test_smallest_pictures():
    image = np.full((32, 32), 200, np.uint8)
    image[10:22, 10:22] = 30
    assert foreground_auto(image, "object").any()


def test_mask_files(tmp_path):
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 20:50] = 255
    for name in ("a.png", "sub/b_mask.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(mask).save(tmp_path / name)
    assert find_mask(tmp_path, "train/a.jpg") == tmp_path / "a.png"
    assert find_mask(tmp_path, "sub/b.png") == tmp_path / "sub" / "b_mask.png"
    assert find_mask(tmp_path, "c.png") is None
    assert np.array_equal(foreground_folder(tmp_path / "a.png", (40, 60)), mask > 0)
    assert foreground_folder(tmp_path / "a.png", (80, 120)).sum() == 4 * (mask > 0).sum()


def test_masks_of_zero_and_one_count(tmp_path):
    mask = np.zeros((40, 40), np.uint8)
    mask[5:] = 1
    Image.fromarray(mask).save(tmp_path / "a.png")
    assert np.array_equal(foreground_folder(tmp_path / "a.png", (40, 40)), mask > 0)


@pytest.mark.parametrize("mask", [np.zeros((40, 40), np.uint8), np.ones((40, 60), np.uint8)])
def test_unfit_mask_files(tmp_path, mask):
    Image.fromarray(mask).save(tmp_path / "a.png")
    with pytest.raises(PictureError, match=r"empty|does not fit"):
        foreground_folder(tmp_path / "a.png", (40, 40))


def test_unreadable_mask_file(tmp_path):
    (tmp_path / "a.png").write_text("no")
    with pytest.raises(PictureError, match="not a picture"):
        foreground_folder(tmp_path / "a.png", (40, 40))


def test_links_out_of_the_mask_folder_are_ignored(tmp_path):
    (tmp_path / "masks").mkdir()
    Image.new("L", (40, 40), 255).save(tmp_path / "a.png")
    (tmp_path / "masks" / "a.png").symlink_to(tmp_path / "a.png")
    assert find_mask(tmp_path / "masks", "a.png") is None

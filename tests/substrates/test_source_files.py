"""Taking the inventory of folders: nothing unusable aborts it, everything refused has its reason."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maphc2f.errors import PictureError, UserError
from maphc2f.spec import SizeSpec
from maphc2f.substrates import SUBSTRATES
from maphc2f.substrates.base import open_substrate, require_accepted
from maphc2f.substrates.locate import find_category_root
from maphc2f.substrates.specimens import Specimens


def rows(substrate):
    return {p.key: p for p in substrate.inventory()}


def with_source(category, **source):
    return category.model_copy(update={"source": category.source.model_copy(update=source)})


def test_inventory_lists_sorted_and_load_returns_the_pixels(tmp_path, make_category, write_picture):
    for number, name in enumerate(["b.png", "sub dir/a.v1.png", "a ü.png"]):
        write_picture(tmp_path / name, number)
    source = open_substrate(make_category(path=str(tmp_path)))
    found = source.inventory()
    assert [p.key for p in found] == ["a ü.png", "b.png", "sub dir/a.v1.png"]
    assert all(p.accepted and p.specimen == p.sha256 and (p.width, p.height) == (48, 40) for p in found)
    loaded = source.load(found[1])
    assert np.array_equal(loaded.image, np.asarray(Image.open(tmp_path / "b.png")))
    assert loaded.foreground is None
    assert pickle.loads(pickle.dumps(source)).inventory() == found  # noqa: S301  # our own object


def test_bad_pictures_never_abort(tmp_path, make_category, write_picture):
    write_picture(tmp_path / "good.png")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:200])
    (tmp_path / "movie.mp4").write_bytes(b"\0" * 50)
    Image.new("L", (1, 1)).save(tmp_path / "dot.png")
    for ignored in (".DS_Store", "._good.png", "GROUPS.csv", "notes.txt"):
        (tmp_path / ignored).write_text("x")
    write_picture(tmp_path / ".cache" / "thumb.png", 3)
    found = rows(open_substrate(make_category(path=str(tmp_path))))
    assert {key for key, p in found.items() if p.accepted} == {"good.png"}
    assert set(found) == {"good.png", "text.png", "cut.png", "movie.mp4", "dot.png"}
    assert "damaged" in found["cut.png"].reason
    assert "too small" in found["dot.png"].reason
    assert found["text.png"].sha256
    assert not found["text.png"].specimen


def test_equal_bytes_are_used_once(tmp_path, make_category, write_picture):
    write_picture(tmp_path / "a.png")
    (tmp_path / "z.png").write_bytes((tmp_path / "a.png").read_bytes())
    found = rows(open_substrate(make_category(path=str(tmp_path))))
    assert found["a.png"].accepted
    assert not found["z.png"].accepted
    assert "same bytes as a.png" in found["z.png"].reason


def test_links_pipes_and_odd_names(tmp_path, make_category, write_picture):
    inside, outside = tmp_path / "in", tmp_path / "out"
    write_picture(inside / "a.png", 1)
    write_picture(inside / "line\nbreak.png", 2)
    write_picture(outside / "b.png", 3)
    write_picture(outside / "deep" / "c.png", 4)
    (inside / "link_out.png").symlink_to(outside / "b.png")
    (inside / "link_in.png").symlink_to(inside / "a.png")
    (inside / "broken.png").symlink_to(inside / "nowhere.png")
    (inside / "loop.png").symlink_to(inside / "loop.png")
    (inside / "linked_dir").symlink_to(outside / "deep")
    os.mkfifo(inside / "pipe.png")
    Path(os.fsdecode(os.fsencode(inside) + b"/\xff.png")).write_bytes((outside / "b.png").read_bytes())
    found = rows(open_substrate(make_category(path=str(inside))))
    reasons = {key: p.reason for key, p in found.items() if not p.accepted}
    assert {key for key, p in found.items() if p.accepted} == {"a.png"}
    assert "leaves the folder" in reasons["link_out.png"]
    assert "same bytes" in reasons["link_in.png"]
    assert "cannot be read" in reasons["broken.png"]
    assert "cannot be read" in reasons["loop.png"]
    assert "not a regular file" in reasons["pipe.png"]
    assert "control characters" in reasons["line\nbreak.png"]
    assert "not valid UTF-8" in reasons["\\xff.png"]
    assert not any("linked_dir" in key for key in found)
    for key in found:
        key.encode()  # every key can be stored


def test_a_link_as_root_is_followed(tmp_path, make_category, write_picture):
    write_picture(tmp_path / "real" / "a.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    source = open_substrate(make_category(path=str(tmp_path / "link")))
    (picture,) = require_accepted(source.inventory(), where="--images")
    assert source.load(picture).image.shape == (40, 48, 3)


@pytest.mark.parametrize("change", ["edit", "remove"])
def test_changed_file_is_an_error_and_restoring_heals(tmp_path, make_category, write_picture, change):
    path = write_picture(tmp_path / "a.png")
    source = open_substrate(make_category(path=str(tmp_path)))
    (picture,) = source.inventory()
    before = path.read_bytes()
    if change == "edit":
        write_picture(path, 9)
    else:
        path.unlink()
    with pytest.raises(PictureError, match=r"a\.png.*restore"):
        source.load(picture)
    path.write_bytes(before)
    assert source.load(picture).image.shape == (40, 48, 3)


def test_no_usable_picture_is_a_user_error_that_gives_the_reasons(tmp_path, make_category):
    (tmp_path / "x.png").write_text("no")
    source = open_substrate(make_category(path=str(tmp_path)))
    with pytest.raises(PictureError, match=r"x\.png: not a picture"):
        require_accepted(source.inventory(), where="--images")


@pytest.mark.parametrize("path", [None, "missing"])
def test_missing_folder(tmp_path, make_category, path):
    with pytest.raises(PictureError, match="folder"):
        open_substrate(make_category(path=path), root=tmp_path)


def test_unknown_kind_lists_near_names(make_category):
    with pytest.raises(UserError, match="mvtec_ad"):
        open_substrate(with_source(make_category(), kind="mvtec"))
    assert set(SUBSTRATES) >= {"folder", "mvtec_ad", "visa", "btad", "procedural"}


def test_specimens_reach_the_inventory(tmp_path, make_category, write_picture):
    for number in range(4):
        write_picture(tmp_path / f"tile{number // 2}_{number}.png", number)
    (tmp_path / "tile9_bad.png").write_text("refused pictures need no specimen")
    source = open_substrate(make_category(path=str(tmp_path)), specimens=Specimens.from_regex(r"^(tile[0-3])_"))
    assert [p.specimen for p in source.inventory() if p.accepted] == ["tile0", "tile0", "tile1", "tile1"]


def masked(tmp_path, write_picture, mask: np.ndarray, **sizes):
    write_picture(tmp_path / "a.png", **sizes)
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks" / "a.png")


def test_foreground_folder_is_read_and_its_hash_noted(tmp_path, make_category, write_picture):
    mask = np.zeros((40, 48), np.uint8)
    mask[10:20, 5:30] = 255
    masked(tmp_path / "set", write_picture, mask)
    category = make_category(path=str(tmp_path / "set"), foreground="folder", foreground_path="masks")
    source = open_substrate(category)
    found = rows(source)
    assert np.array_equal(source.load(found["a.png"]).foreground, mask > 0)
    assert "foreground a.png sha256" in found["a.png"].notes
    assert set(found) == {"a.png"}  # masks below the pictures are not pictures
    Image.fromarray(255 - mask).save(tmp_path / "set" / "masks" / "a.png")
    with pytest.raises(PictureError, match=r"mask a\.png that differs"):
        source.load(found["a.png"])


@pytest.mark.parametrize("mask", [np.zeros((40, 48), np.uint8), np.ones((40, 40), np.uint8)])
def test_unfit_masks_refuse_their_picture(tmp_path, make_category, write_picture, mask):
    masked(tmp_path / "set", write_picture, mask)
    category = make_category(path=str(tmp_path / "set"), foreground="folder", foreground_path="masks")
    assert not rows(open_substrate(category))["a.png"].accepted


# --- layouts of the benchmark sets -----------------------------------------------------------------------------------


@pytest.fixture
def mvtec(tmp_path, write_picture):
    root = tmp_path / "data" / "MVTec_AD"
    for number in range(3):
        write_picture(root / "bottle" / "train" / "good" / f"{number:03d}.png", number)
    write_picture(root / "bottle" / "test" / "good" / "000.png", 77)
    write_picture(root / "bottle" / "test" / "crack" / "000.png", 78)
    return root


@pytest.mark.parametrize("level", ["data", "data/MVTec_AD"])
def test_mvtec_takes_train_good_only(tmp_path, mvtec, make_category, level):
    category = with_source(make_category("bottle"), kind="mvtec_ad", path="bottle")
    assert find_category_root(tmp_path / level, category) == mvtec / "bottle"
    keys = [p.key for p in open_substrate(category, root=tmp_path / level).inventory()]
    assert keys == [f"train/good/{n:03d}.png" for n in range(3)]


def test_mvtec_uses_foreground_masks_beside_it(mvtec, make_category):
    mask = np.zeros((40, 48), np.uint8)
    mask[:, :20] = 255
    folder = mvtec / "fg_mask" / "bottle"
    folder.mkdir(parents=True)
    Image.fromarray(mask).save(folder / "001.png")
    category = with_source(make_category("bottle", foreground="auto"), kind="mvtec_ad", path="bottle")
    source = open_substrate(category, root=mvtec)
    found = rows(source)
    assert "sha256" in found["train/good/001.png"].notes
    assert np.array_equal(source.load(found["train/good/001.png"]).foreground, mask > 0)
    assert found["train/good/000.png"].notes == ""


def test_btad_takes_ok(tmp_path, make_category, write_picture):
    write_picture(tmp_path / "BTech_Dataset_transformed" / "01" / "train" / "ok" / "0000.bmp")
    write_picture(tmp_path / "BTech_Dataset_transformed" / "01" / "test" / "ko" / "0001.bmp", 1)
    category = with_source(make_category("btad_01"), kind="btad", path="01")
    assert [p.key for p in open_substrate(category, root=tmp_path).inventory()] == ["train/ok/0000.bmp"]


def visa_raw(root: Path, write_picture) -> None:
    lines = ["object,split,label,image,mask"]
    for number, (split, label) in enumerate([("train", "normal"), ("test", "normal"), ("test", "anomaly")]):
        name = f"candle/Data/Images/{'Normal' if label == 'normal' else 'Anomaly'}/{number:04d}.JPG"
        write_picture(root / name, number)
        lines.append(f"candle,{split},{label},{name},")
    lines += ["candle,train,normal,candle/../../secret.png,", "candle,train,normal,candle/Data/Images/Normal/9999.JPG,"]
    (root / "split_csv").mkdir()
    (root / "split_csv" / "1cls.csv").write_text("\n".join(lines) + "\n")


def test_visa_raw_follows_its_table_and_stays_inside(tmp_path, make_category, write_picture):
    root = tmp_path / "VisA"
    visa_raw(root, write_picture)
    write_picture(tmp_path / "secret.png", 5)
    category = with_source(make_category("candle"), kind="visa", path="candle")
    found = rows(open_substrate(category, root=tmp_path))
    assert {key for key, p in found.items() if p.accepted} == {"Data/Images/Normal/0000.JPG"}
    assert "cannot be read" in found["Data/Images/Normal/9999.JPG"].reason
    assert "leaves" in found["../../secret.png"].reason


def test_visa_without_its_table_is_not_found(tmp_path, make_category, write_picture):
    write_picture(tmp_path / "candle" / "Data" / "Images" / "Normal" / "0000.JPG")
    category = with_source(make_category("candle"), kind="visa", path="candle")
    assert find_category_root(tmp_path, category) is None


def test_visa_pytorch_inside_visa(tmp_path, make_category, write_picture):
    write_picture(tmp_path / "visa" / "visa_pytorch" / "candle" / "train" / "good" / "0000.JPG")
    category = with_source(make_category("candle"), kind="visa", path="candle")
    assert [p.key for p in open_substrate(category, root=tmp_path).inventory()] == ["train/good/0000.JPG"]


def test_visa_with_a_broken_table(tmp_path, make_category, write_picture):
    visa_raw(tmp_path, write_picture)
    (tmp_path / "split_csv" / "1cls.csv").write_text("object;split\ncandle;train\n")
    category = with_source(make_category("candle"), kind="visa", path="candle")
    with pytest.raises(PictureError, match="columns"):
        open_substrate(category, root=tmp_path)


@pytest.mark.parametrize("root", [None, "."])
def test_missing_set_names_the_remedy(tmp_path, make_category, root):
    category = with_source(make_category("bottle"), kind="mvtec_ad", path="bottle")
    with pytest.raises(PictureError, match="--missing procedural"):
        open_substrate(category, root=None if root is None else tmp_path)


def test_category_path_must_not_leave_the_set(tmp_path, mvtec, make_category, write_picture):
    write_picture(tmp_path / "data" / "bottle" / "train" / "good" / "0.png")
    category = with_source(make_category("bottle"), kind="mvtec_ad", path="../bottle")
    assert find_category_root(mvtec, category) is None


def test_size_does_not_change_a_file_inventory(tmp_path, make_category, write_picture):
    write_picture(tmp_path / "a.png")
    category = make_category(path=str(tmp_path))
    small = open_substrate(category, size=SizeSpec(width=64, height=64)).inventory()
    assert small == open_substrate(category).inventory()

"""Pictures from everywhere: benchmark layouts, plain folders of all depths, masks, specimens, sizes and fits."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.e2e.support import Result, call, good_rows, own, picture, rows, write_pictures


def decode(data: bytes) -> NDArray[np.generic]:
    """Return the pixels of a PNG as OpenCV sees them."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return np.asarray(pixels)


def assert_whole(result: Result, out: Path) -> None:
    """Check that a run finished and that ``verify`` agrees."""
    assert result.code == 0, result
    verified = call("verify", out)
    assert verified.code == 0, verified


# --- benchmark sets ------------------------------------------------------------------------------------------------


def mvtec_ad(root: Path) -> str:
    write_pictures(root / "mvtec_ad" / "tile" / "train" / "good", 3)
    write_pictures(root / "mvtec_ad" / "tile" / "test" / "crack", 1, first=50)
    return "tile"


def visa_raw(root: Path) -> str:
    normal = root / "VisA" / "cashew" / "Data" / "Images" / "Normal"
    write_pictures(normal, 4)
    lines = ["object,split,label,image,mask"]
    for number in range(4):
        split = "test" if number == 3 else "train"
        lines.append(f"cashew,{split},normal,cashew/Data/Images/Normal/{number:03d}.png,")
    (root / "VisA" / "split_csv").mkdir()
    (root / "VisA" / "split_csv" / "1cls.csv").write_text("\n".join(lines) + "\n")
    return "cashew"


def visa_pytorch(root: Path) -> str:
    write_pictures(root / "visa_pytorch" / "cashew" / "train" / "good", 3)
    write_pictures(root / "visa_pytorch" / "cashew" / "test" / "good", 1, first=50)
    return "cashew"


def btad(root: Path) -> str:
    write_pictures(root / "BTech_Dataset_transformed" / "02" / "train" / "ok", 3)
    write_pictures(root / "BTech_Dataset_transformed" / "02" / "test" / "ko", 1, first=50)
    return "btad_02"


@pytest.mark.parametrize("layout", [mvtec_ad, visa_raw, visa_pytorch, btad], ids=lambda f: f.__name__)
def test_benchmark_layouts(layout: Callable[[Path], str], tmp_path: Path) -> None:
    category = layout(tmp_path / "data")
    out = tmp_path / "ds"
    flags = ("--categories", category, "--per-category", 4, "--size", 96, "--workers", 1)
    result = call("generate", *flags, "--data-root", tmp_path / "data", "--out", out)
    assert_whole(result, out)
    goods = good_rows(out)
    assert sorted(Path(good["source"]).name for good in goods.values()) == ["000.png", "001.png", "002.png"]
    assert {row["substrate_id"] for row in rows(out).values()} <= set(goods)
    assert {(row["width"], row["height"], row["mode"]) for row in rows(out).values()} == {(96, 96, "rgb")}
    assert all(good["licence"] != "CC0-1.0" for good in goods.values())


def test_missing_sets(tmp_path: Path) -> None:
    mvtec_ad(tmp_path / "data")
    flags = ("--categories", "tile,carpet", "--per-category", 4, "--size", 64, "--workers", 1)
    flags = (*flags, "--data-root", tmp_path / "data")
    skipped = call("plan", *flags[:6], *flags[8:], "--missing", "skip")
    assert skipped.code == 0, skipped
    assert "tile" in skipped.out
    assert "carpet" not in skipped.out

    mixed = call("generate", *flags, "--missing", "procedural", "--out", tmp_path / "mixed")
    assert_whole(mixed, tmp_path / "mixed")
    licences = {(good["category"], good["licence"]) for good in good_rows(tmp_path / "mixed").values()}
    assert ("carpet", "CC0-1.0") in licences
    assert ("tile", "CC0-1.0") not in licences
    assert {row["category"] for row in rows(tmp_path / "mixed").values()} == {"tile", "carpet"}

    only = call("generate", *flags, "--missing", "skip", "--out", tmp_path / "only")
    assert_whole(only, tmp_path / "only")
    tiles = {name: row for name, row in rows(tmp_path / "mixed").items() if row["category"] == "tile"}
    assert rows(tmp_path / "only") == tiles, "what stands for other categories changes no row of this one"


def test_reproduce_finds_moved_sets(tmp_path: Path) -> None:
    mvtec_ad(tmp_path / "data")
    out = tmp_path / "ds"
    flags = ("--categories", "tile", "--per-category", 2, "--size", 64, "--workers", 1, "--out", out)
    assert call("generate", *flags, "--data-root", tmp_path / "data").code == 0
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    lost = call("reproduce", "tile-000000", "--dataset", out)
    assert lost.code == 2
    assert len(lost.err.splitlines()) == 1
    found = call("reproduce", "tile-000000", "--dataset", out, "--data-root", tmp_path / "elsewhere")
    assert found.code == 0, found


# --- folders -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "depth", "channels"), [("gray", 8, 1), ("gray16", 16, 1), ("rgb", 8, 3)])
def test_depths_and_colours(mode: str, depth: int, channels: int, tmp_path: Path) -> None:
    write_pictures(tmp_path / "good", 3, mode=mode)
    out = tmp_path / "ds"
    assert_whole(own(tmp_path / "good", out, count=4), out)
    for row in rows(out).values():
        image = decode(row["image"]["bytes"])
        assert image.dtype.itemsize * 8 == row["bit_depth"] == depth
        assert (1 if image.ndim == 2 else image.shape[2]) == channels
        assert row["mode"] == ("rgb" if channels == 3 else "gray")
        assert decode(row["mask"]["bytes"]).dtype == np.uint8
    for good in good_rows(out).values():
        name = tmp_path / "good" / good["source"]
        original = cv2.imread(str(name), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(decode(good["image"]["bytes"]), original), "a native good picture keeps its pixels"


def test_pictures_are_changed_only_where_the_mask_may_be(tmp_path: Path) -> None:
    write_pictures(tmp_path / "good", 3)
    out = tmp_path / "ds"
    assert_whole(own(tmp_path / "good", out, count=8), out)
    goods = good_rows(out)
    for row in rows(out).values():
        good, image = (decode(r["image"]["bytes"]).astype(int) for r in (goods[row["substrate_id"]], row))
        mask = decode(row["mask"]["bytes"]) > 0
        changed = np.abs(image - good).max(axis=2) > 0
        near = cv2.dilate(mask.astype(np.uint8), np.ones((31, 31), np.uint8)) > 0
        assert changed.any()
        assert not (changed & ~near).any()


def test_odd_files_are_converted_or_refused_with_a_reason(tmp_path: Path) -> None:
    good, out = tmp_path / "good", tmp_path / "ds"
    write_pictures(good, 2)
    shutil.copy(good / "000.png", good / "copy.png")
    Image.fromarray(picture(7)).convert("CMYK").save(good / "cmyk.jpg")
    opaque = np.dstack([picture(8), np.full((64, 64), 255, np.uint8)])
    Image.fromarray(opaque).save(good / "alpha.png")
    turned = Image.fromarray(picture(9, side=64, width=80))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(good / "turned.jpg", exif=exif)
    (good / "broken.png").write_bytes((good / "001.png").read_bytes()[:200])
    (good / "notes.txt").write_text("not a picture, and not taken for one")
    result = own(good, out, count=4)
    assert_whole(result, out)
    assert "2 of 7 pictures refused, reasons in inventory.parquet" in result.err
    inventory = {row["key"]: row for row in pq.read_table(out / "inventory.parquet").to_pylist()}
    assert set(inventory) == {"000.png", "001.png", "copy.png", "cmyk.jpg", "alpha.png", "turned.jpg", "broken.png"}
    refused = {key: row["reason"] for key, row in inventory.items() if not row["accepted"]}
    assert set(refused) == {"copy.png", "broken.png"}
    assert "same bytes as 000.png" in refused["copy.png"]
    assert "truncated or damaged" in refused["broken.png"]
    assert "CMYK" in inventory["cmyk.jpg"]["notes"]
    assert "opaque alpha dropped" in inventory["alpha.png"]["notes"]
    assert (inventory["turned.jpg"]["width"], inventory["turned.jpg"]["height"]) == (64, 80)


# --- foreground ----------------------------------------------------------------------------------------------------


def test_foreground_folder(tmp_path: Path) -> None:
    good, masks, out = tmp_path / "good", tmp_path / "masks", tmp_path / "ds"
    for path in write_pictures(good, 3):
        mask = np.zeros((64, 64), np.uint8)
        mask[8:56, 20:60] = 255
        masks.mkdir(exist_ok=True)
        assert cv2.imwrite(str(masks / path.name), mask)
    assert_whole(own(good, out, "--foreground", masks, count=8), out)
    for row in good_rows(out).values():
        assert np.array_equal(decode(row["foreground"]["bytes"]), mask)
    for row in rows(out).values():
        assert not decode(row["mask"]["bytes"])[mask == 0].any(), "a defect lies on the part"


def test_foreground_full(tmp_path: Path) -> None:
    write_pictures(tmp_path / "good", 2)
    out = tmp_path / "ds"
    assert_whole(own(tmp_path / "good", out, "--foreground", "full", count=4), out)
    assert all((decode(row["foreground"]["bytes"]) == 255).all() for row in good_rows(out).values())


def test_foreground_command_makes_masks_that_generate_takes(tmp_path: Path) -> None:
    good, masks, out = tmp_path / "good", tmp_path / "masks", tmp_path / "ds"
    for path in write_pictures(good, 3):
        pixels = np.full((96, 96, 3), 235, np.uint8)
        pixels[20:80, 24:72] = cv2.imread(str(path))[:60, :48] // 2
        assert cv2.imwrite(str(path), pixels)
    made = call("foreground", good, "--out", masks)
    assert made.code == 0, made
    assert made.out.startswith("3 masks in ")
    mask = cv2.imread(str(masks / "000.png"), cv2.IMREAD_UNCHANGED)
    part = np.zeros((96, 96), bool)
    part[20:80, 24:72] = True
    overlap = (part & (mask > 0)).sum() / (part | (mask > 0)).sum()
    assert overlap > 0.85
    assert_whole(own(good, out, "--foreground", masks, count=4), out)


# --- specimens -----------------------------------------------------------------------------------------------------


def split_specimens(out: Path) -> dict[str, set[str]]:
    """Return the specimens of the good pictures under the samples, by split of the samples."""
    goods = good_rows(out)
    found: dict[str, set[str]] = {"train": set(), "validation": set()}
    for row in rows(out).values():
        good = goods[row["substrate_id"]]
        assert good["split"] == row["split"]
        found[row["split"]].add(good["specimen"])
    return found


def test_specimens_by_table(tmp_path: Path) -> None:
    good, out = tmp_path / "good", tmp_path / "ds"
    paths = write_pictures(good, 8)
    table = tmp_path / "groups.csv"
    table.write_text("file,group\n" + "".join(f"{path.name},part{i // 2}\n" for i, path in enumerate(paths)))
    assert_whole(own(good, out, "--groups", table, count=48), out)
    splits = split_specimens(out)
    assert splits["train"]
    assert splits["validation"]
    assert not splits["train"] & splits["validation"]
    assert {row["specimen"] for row in good_rows(out).values()} == {f"part{i}" for i in range(4)}


def test_specimens_by_expression(tmp_path: Path) -> None:
    good, out = tmp_path / "good", tmp_path / "ds"
    for i, path in enumerate(write_pictures(good, 8)):
        path.rename(good / f"board{i // 4}_view{i % 4}.png")
    assert_whole(own(good, out, "--group-regex", r"^(board\d)_", count=48), out)
    splits = split_specimens(out)
    assert not splits["train"] & splits["validation"]
    assert splits["train"] | splits["validation"] == {"board0", "board1"}
    simulations = [
        {d["simulation_id"] for row in rows(out, split=split).values() for d in row["defects"]}
        for split in ("train", "validation")
    ]
    assert all(simulations)
    assert not simulations[0] & simulations[1]


# --- what a plan says of pictures ----------------------------------------------------------------------------------


def plan(images: Path, *more: object) -> Result:
    return call("plan", "--images", images, "--material", "steel", "--defects", "crack=1", "--count", 4, *more)


def with_part(folder: Path) -> None:
    folder.mkdir()
    for number in range(2):
        pixels = np.full((96, 96, 3), 20, np.uint8)
        pixels[24:72, 20:80] = picture(number, side=48, width=60)
        assert cv2.imwrite(str(folder / f"{number}.png"), pixels)


def test_plan_says_where_no_part_was_found(tmp_path: Path) -> None:
    write_pictures(tmp_path / "flat", 2)
    with_part(tmp_path / "parts")
    assert "no part found on its ground" in plan(tmp_path / "flat").err
    assert "no part found" not in plan(tmp_path / "flat", "--foreground", "full").err
    assert "no part found" not in plan(tmp_path / "parts").err


def test_plan_opens_the_pictures(tmp_path: Path) -> None:
    write_pictures(tmp_path / "good", 2)
    assert "no --pixel-size given" in plan(tmp_path / "good").err
    (tmp_path / "good" / "000.png").write_bytes(b"no picture")
    result = plan(tmp_path / "good", "--pixel-size", "50um")
    assert result.code == 0
    assert "1 of 2 pictures refused" in result.err
    (tmp_path / "good" / "001.png").write_bytes(b"no picture either")
    result = plan(tmp_path / "good")
    assert result.code == 2
    assert result.err.count("error:") == 1


# --- sizes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "shape", "scale"),
    [
        ((), (64, 96), 1.0),
        (("--size", "native"), (64, 96), 1.0),
        (("--size", "64"), (64, 64), 1.5),
        (("--size", "96x64"), (64, 96), 1.0),
        (("--size", "48x64"), (64, 48), 2.0),
        (("--size", "64", "--fit", "crop"), (64, 64), 1.0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) and value and isinstance(value[0], str) else None,
)
def test_sizes(flags: tuple[str, ...], shape: tuple[int, int], scale: float, tmp_path: Path) -> None:
    good, out = tmp_path / "good", tmp_path / "ds"
    write_pictures(good, 2, side=64, width=96)
    assert_whole(own(good, out, "--foreground", "full", *flags, count=4), out)
    for row in rows(out).values():
        assert decode(row["image"]["bytes"]).shape[:2] == (row["height"], row["width"]) == shape
        assert decode(row["mask"]["bytes"]).shape == shape
        assert row["pixel_size"] == pytest.approx(200e-6 * scale)
    for row in good_rows(out).values():
        part = decode(row["foreground"]["bytes"]) > 0
        assert part.mean() == pytest.approx(1.0 if "crop" in flags or scale == 1.0 else part.mean())
        if scale != 1.0 and "crop" not in flags:
            held = 96 / scale * 64 / scale / (shape[0] * shape[1])
            assert part.mean() == pytest.approx(held, abs=0.03), "the padding is not part of the piece"


# --- pictures that moved -------------------------------------------------------------------------------------------


def test_a_sample_is_reproduced_from_pictures_that_moved(tmp_path: Path) -> None:
    good, out = tmp_path / "good", tmp_path / "ds"
    with_part(good)
    masks = tmp_path / "masks"
    assert call("foreground", good, "--out", masks).code == 0
    assert own(good, out, "--foreground", masks, count=4).code == 0
    good.rename(tmp_path / "elsewhere")
    masks.rename(tmp_path / "other masks")
    assert call("reproduce", "good-000001", "--dataset", out).code == 2
    moved = ("--images", tmp_path / "elsewhere", "--foreground", tmp_path / "other masks")
    again = call("reproduce", "good-000001", "--dataset", out, *moved)
    assert again.code == 0, again
    assert "identical" in again.out

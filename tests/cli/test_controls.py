"""The controls from the command line: calibration, keep-out masks, several defects; recorded, checked, made again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.e2e.support import call, content_digest, good_rows, own, rows, write_pictures

MIX = "crack.through_crack=1,corrosion.pit=1"
SMALL = ("--severity", "0.2..0.4", "--snapshots", 2)


def decoded(cell: dict[str, Any]) -> Any:
    return cv2.imdecode(np.frombuffer(cell["bytes"], np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("controls") / "good"
    write_pictures(folder, 6, side=128, mode="gray")
    return folder


@pytest.fixture(scope="module")
def keep_out(images: Path) -> Path:
    """Return masks of the left half; one picture has none."""
    folder = images.parent / "keep"
    folder.mkdir()
    mask = np.zeros((128, 128), np.uint8)
    mask[:, :64] = 255
    for name in sorted(images.iterdir())[1:]:
        cv2.imwrite(str(folder / name.name), mask)
    return folder


@pytest.fixture(scope="module")
def guarded(images: Path, keep_out: Path) -> Path:
    out = images.parent / "guarded"
    assert own(images, out, "--keep-out", keep_out, *SMALL, defects=MIX, count=12).code == 0
    return out


def test_nothing_changes_where_it_is_kept_out(images: Path, guarded: Path) -> None:
    goods, free = good_rows(guarded), sorted(images.iterdir())[0].name
    seen = 0
    for row in rows(guarded).values():
        good = goods[row["substrate_id"]]
        part = decoded(good["foreground"]) > 0
        if good["source"] == free:
            assert part.all()
            continue
        seen += 1
        assert not part[:, :64].any()
        assert part[:, 64:].all()
        np.testing.assert_array_equal(decoded(row["image"])[:, :64], decoded(good["image"])[:, :64])
        assert not decoded(row["mask"])[:, :64].any()
    assert seen > 4
    assert call("verify", guarded).code == 0


def test_a_sample_is_made_again_with_its_keep_out_mask(images: Path, keep_out: Path, guarded: Path) -> None:
    assert call("reproduce", "good-000002", "--dataset", guarded).code == 0
    moved = images.parent / "moved"
    moved.mkdir()
    for path in keep_out.iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    assert call("reproduce", "good-000002", "--dataset", guarded, "--keep-out", moved).code == 0
    for path in moved.iterdir():
        cv2.imwrite(str(path), np.full((128, 128), 255, np.uint8))
    result = call("reproduce", "good-000002", "--dataset", guarded, "--keep-out", moved)
    assert result.code == 2
    assert "keep-out mask that differs" in result.err


def test_a_keep_out_folder_of_strangers_is_refused(images: Path, tmp_path: Path) -> None:
    strangers = tmp_path / "strangers"
    strangers.mkdir()
    cv2.imwrite(str(strangers / "other.png"), np.full((128, 128), 255, np.uint8))
    result = own(images, tmp_path / "ds", "--keep-out", strangers)
    assert result.code == 2
    assert "no mask there belongs to a picture" in result.err
    assert result.err.count("\n") == 1
    assert not (tmp_path / "ds").exists()


def test_several_defects_are_recorded_checked_and_made_again(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "several"
    flags = ("--combined", 0.5, "--per-sample", "1..3", *SMALL)
    assert own(images, out, *flags, defects=MIX, count=8).code == 0
    made = rows(out)
    assert {row["defect_family"] for row in made.values()} >= {"combined"}
    assert {len(row["defects"]) for row in made.values()} > {1}
    assert all((row["label"] == 5) == (row["defect_family"] == "combined") for row in made.values())
    assert call("verify", out).code == 0
    several = next(name for name, row in made.items() if len(row["defects"]) > 1)
    assert call("reproduce", several, "--dataset", out).code == 0
    again = tmp_path / "again"
    assert own(images, again, *flags, defects=MIX, count=8).code == 0
    assert content_digest(again) == content_digest(out)


@pytest.fixture(scope="module")
def calibrated(images: Path) -> Path:
    """Return a file fitted to the pits that the generator itself draws."""
    out = images.parent / "real"
    assert own(images, out, "--severity", "0.5..1", "--snapshots", 1, defects="corrosion.pit=1", count=6).code == 0
    folders = [str(out / kind / "good" / "corrosion") for kind in ("images", "masks")]
    file = images.parent / "pits.toml"
    flags = ("--family", "corrosion", "--pixel-size", "200um", "--out", file)
    result = call("calibrate", "--images", folders[0], "--masks", folders[1], *flags)
    assert result.code == 0, result.err
    assert "6 pictures measured" in result.out
    return file


def test_calibrated_looks_are_drawn_and_part_of_the_recipe(images: Path, calibrated: Path, tmp_path: Path) -> None:
    text = calibrated.read_text()
    narrow = tmp_path / "narrow.toml"
    lines = [line for line in text.splitlines() if not line.startswith(("contrast", "darkening"))]
    narrow.write_text("\n".join(lines).replace("[looks]", "[looks]\ncontrast = [6.0, 6.1]") + "\n")
    plain, fitted = tmp_path / "plain", tmp_path / "fitted"
    assert own(images, plain, *SMALL, defects="corrosion.pit=1", count=4).code == 0
    assert own(images, fitted, "--calibration", narrow, *SMALL, defects="corrosion.pit=1", count=4).code == 0
    digests = [next(iter(rows(out).values()))["recipe_digest"] for out in (plain, fitted)]
    assert digests[0] != digests[1]
    for row in rows(fitted).values():
        assert 6.0 <= json.loads(row["defects"][0]["parameters"])["appearance_contrast"] <= 6.1
    assert call("verify", fitted).code == 0
    assert call("reproduce", "good-000001", "--dataset", fitted).code == 0


def test_measured_sizes_are_kept_unless_a_severity_is_given(images: Path, calibrated: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.toml"
    lines = [line for line in calibrated.read_text().splitlines() if not line.startswith("size")]
    small.write_text("\n".join([*lines, "size = [1.0e-3, 1.2e-3]"]) + "\n")
    for extra, most in (((), 1.3e-3), (("--severity", "0.9..1"), 1.0)):
        out = tmp_path / f"ds{len(extra)}"
        flags = ("--calibration", small, "--snapshots", 1, *extra)
        assert own(images, out, *flags, defects="corrosion.pit=1", count=3).code == 0
        sizes = [row["defects"][0]["width_m"] for row in rows(out).values()]
        assert max(sizes) <= most
    assert max(sizes) > 1.3e-3


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--per-sample", "3..1"), "--per-sample: '3..1' is not a number of defects"),
        (("--combined", "1.5"), "--combined"),
        (("--combined", "0.5"), "--combined: given, but --defects names crack alone"),
        (("--keep-out", "nowhere"), "--keep-out: no such folder 'nowhere'"),
        (("--calibration", "nowhere.toml"), "--calibration nowhere.toml: cannot be read"),
    ],
)
def test_wrong_controls_are_refused_in_one_line(
    flags: tuple[str, ...], says: str, images: Path, tmp_path: Path
) -> None:
    result = own(images, tmp_path / "ds", *flags)
    assert result.code == 2
    assert says in result.err
    assert result.err.count("\n") == 1
    assert not (tmp_path / "ds").exists()


def test_a_calibration_of_what_is_not_made_is_refused(images: Path, calibrated: Path, tmp_path: Path) -> None:
    result = own(images, tmp_path / "ds", "--calibration", calibrated)
    assert result.code == 2
    assert "'corrosion', which is not in the mix" in result.err


def test_two_examples_are_too_few(images: Path, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    cv2.imwrite(str(masks / "000.png"), np.pad(np.full((9, 9), 255, np.uint8), ((50, 69), (50, 69))))
    flags = ("--family", "corrosion", "--out", tmp_path / "p.toml")
    result = call("calibrate", "--images", images, "--masks", masks, *flags)
    assert result.code == 2
    assert "at least 3" in result.err
    assert not (tmp_path / "p.toml").exists()

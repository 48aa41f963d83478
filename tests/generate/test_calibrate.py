"""Calibration from examples to the file: sizes, table, file, errors, and a run on pictures of the generator's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from maphc2f.errors import ManifestError, PictureError
from maphc2f.generate.calibrate import (
    CalibrationFile,
    calibration_text,
    check_cell,
    check_enough,
    fit_examples,
    load_calibration,
    load_calibrations,
    read_examples,
    size_range,
    table,
    write_calibration,
)
from maphc2f.generate.calibrate_loop import Row
from maphc2f.generate.calibrate_render import Trial, bench_of, default_material, measured_with, user_bench
from maphc2f.generate.calibrate_view import Measured
from maphc2f.spec import CalibrationSpec, DefectSpec


def disk_picture(radius: float = 14.0, middle: tuple[float, float] = (90.3, 101.6)) -> tuple[NDArray[Any], Any]:
    """Return a grained picture with a soft dark disk, uint8, and its mask."""
    y, x = np.mgrid[:192, :192].astype(float)
    distance = np.hypot(y - middle[0], x - middle[1]) - radius
    surface = 0.6 + 0.012 * np.random.default_rng(int(middle[0])).standard_normal((192, 192))
    picture = surface - 0.2 / (1.0 + np.exp(2.0 * distance))
    return np.rint(255 * picture).astype(np.uint8), distance < 0


# --- fitting -------------------------------------------------------------------------------------------------------


def test_the_range_of_sizes_is_found_again() -> None:
    drawn = np.exp(np.random.default_rng(7).uniform(np.log(20.0), np.log(80.0), 400))
    measured = [Measured(contrast=3.0, bright=False, size=float(size)) for size in drawn]
    assert size_range(measured, 1e-4) == pytest.approx((2e-3, 8e-3), rel=0.06)


def test_few_examples_do_not_make_a_range_far_beyond_them() -> None:
    outlying = [Measured(contrast=3.0, bright=True, size=size) for size in (3.0, 3.0, 3.0, 12.0)]
    low, high = size_range(outlying, 1.0)
    beyond = 4.0 ** (1 / 3)
    assert low >= 3.0 / beyond - 1e-3
    assert high <= 12.0 * beyond + 1e-3
    low, high = size_range([Measured(contrast=3.0, bright=True, size=5.0)] * 4, 1e-4)
    assert low < 5e-4 < high, "equal examples still leave a range"


def test_two_defects_are_too_few() -> None:
    with pytest.raises(PictureError, match=r"2 defects.*at least 3"):
        check_enough([Measured(contrast=3.0, bright=False, size=5.0)] * 2)


def test_the_table_says_what_was_done() -> None:
    rows = (
        Row("width", (1.0, 2.0, 3.0), (2.0, 4.0, 6.0), (1.0, 2.1, 3.0), (1e-4, 3e-4), (5e-5, 1.5e-4), ""),
        Row("shade", None, (0.1, 0.2, 0.3), (0.1, 0.2, 0.3), (0.0, 0.2), None, "the examples do not tell"),
        Row("bright", (0.0,), (0.1,), (0.05,), 0.1, 0.04, ""),
    )
    lines = table(rows, 5e-5).splitlines()
    assert len(lines) == 4
    assert " ".join(lines[1].split()) == "width, um 100 (50..150) 200 (100..300) 105 (50..150) 100..300 -> 50..150"
    assert lines[2].endswith("0..0.2 kept: the examples do not tell")
    assert " ".join(lines[3].split()) == "bright 0 0.1 0.05 0.1 -> 0.04"


# --- rendering -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with three pictures of pits and their masks."""
    root = tmp_path_factory.mktemp("examples")
    for kind in ("images", "masks"):
        (root / kind).mkdir()
    for number in range(3):
        image, mask = disk_picture(6.0 + number, (60.0 + 20 * number, 50.0 + 30 * number))
        cv2.imwrite(str(root / "images" / f"{number}.png"), image)
        cv2.imwrite(str(root / "masks" / f"{number}.png"), 255 * mask.astype(np.uint8))
    return root


def trial(root: Path, **changes: Any) -> Trial:
    values = {
        "cell": ("corrosion", "pit"),
        "images": root / "images",
        "masks": root / "masks",
        "material": "steel",
        "pixel_size": 5e-5,
    }
    return Trial(**{**values, **changes})


def test_defects_are_rendered_beside_the_real_ones(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maphc2f.generate.calibrate_render.RENDERED", 6)
    bench = user_bench(trial(folders), ("0.png", "1.png", "2.png"), (4e-4, 1e-3))
    assert len(bench.pool.accepted) == 3
    assert all(bench.pool.get(picture).keep_out is not None for picture in bench.pool.accepted)
    first, again = (measured_with(bench, CalibrationSpec()) for _ in range(2))
    assert first == again
    flat = [m for sample in first for m in sample]
    assert len(flat) >= 4
    sizes = [m.size * 5e-5 for m in flat]
    assert 1e-4 < float(np.median(sizes)) < 2e-3
    wide = measured_with(bench, CalibrationSpec(contrast=(9.0, 9.1)))
    faint = measured_with(bench, CalibrationSpec(contrast=(2.0, 2.1)))
    strong, weak = (float(np.median([m.contrast for s in side for m in s])) for side in (wide, faint))
    assert strong > 1.2 * weak
    cells = (("corrosion", "pit"), ("corrosion", "stain"), ("deformation", "dent"), ("corrosion", None))
    mix = tuple(DefectSpec(family=family, scenario=scenario) for family, scenario in cells)
    looks = {"deformation": CalibrationSpec(contrast=(2.0, 3.0))}
    mixed = bench.category.model_copy(update={"defects": mix, "calibration": looks})
    alone = bench_of(bench.dataset, mixed, bench.pool, "corrosion", line=False, count=0).category
    assert [d.scenario for d in alone.defects] == ["pit", None], "a stain has looks of its own"
    assert alone.calibration == {}


def test_examples_are_fitted(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maphc2f.generate.calibrate_render.RENDERED", 5)
    examples = read_examples(folders / "images", folders / "masks", line=False)
    first = fit_examples(examples, trial(folders))
    assert first.looks.size is not None
    assert first.looks.size[0] < 7.0 * 2 * 5e-5 < first.looks.size[1]
    assert {row.name for row in first.rows} >= {"edge", "relief", "bright"}
    for row in first.rows:
        assert (row.fitted is None) == bool(row.note)


def test_materials_must_suit(folders: Path) -> None:
    assert default_material("corrosion", "pit") == "steel"
    assert default_material("crack", "chip") != "steel", "steel dents where brittle parts chip"
    with pytest.raises(ManifestError, match=r"--material: corrosion.pit does not suit material 'glass'"):
        user_bench(trial(folders, material="glass"), ("0.png",), (1e-4, 1e-3))
    with pytest.raises(ManifestError, match="unobtainium"):
        user_bench(trial(folders, material="unobtainium"), ("0.png",), (1e-4, 1e-3))


# --- the file and its errors ---------------------------------------------------------------------------------------

LOOKS = CalibrationSpec(contrast=(2.0, 4.0), bright=0.1, width=(1e-5, 2e-4), size=(1e-3, 2e-2))
FILE = CalibrationFile(family="crack", pixel_size=4e-5, pictures=5, defects=7, looks=LOOKS)


def test_the_file_reads_back_and_explains_every_key(tmp_path: Path) -> None:
    path = tmp_path / "params.toml"
    write_calibration(path, FILE)
    assert load_calibration(path) == FILE
    assert load_calibrations([path]) == {"crack": LOOKS}
    lines = calibration_text(FILE).split("[looks]\n")[1].splitlines()
    assert [line.split(" = ")[0] for line in lines] == ["contrast", "bright", "width", "size"]
    assert all("  # " in line for line in lines)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("family = ", "cannot be read"),
        (calibration_text(FILE).replace("contrast = [2.0, 4.0]", "contrast = [4.0, 2.0]"), "must rise"),
        (calibration_text(FILE).replace("contrast =", "contrst ="), "unknown key 'contrst'"),
        (calibration_text(FILE).replace("size = [0.001", "size = [0.0"), "greater than 0"),
        (calibration_text(FILE).replace('"crack"', '"Crack"'), "must match"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "params.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError, match=says) as caught:
        load_calibration(path)
    assert "\n" not in str(caught.value)
    assert "--calibration" in str(caught.value)


def test_one_family_twice_and_missing_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "params.toml"
    write_calibration(path, FILE)
    with pytest.raises(ManifestError, match="comes twice"):
        load_calibrations([path, path])
    with pytest.raises(ManifestError, match="No such file"):
        load_calibration(tmp_path / "none.toml")


def test_families_are_looked_up() -> None:
    assert check_cell("crack") == ("crack", None)
    assert check_cell("crack.chip") == ("crack", "chip")
    with pytest.raises(ManifestError, match=r"unknown scenario 'chap'.*chip"):
        check_cell("crack.chap")


@pytest.mark.parametrize("family", ["texture_overlay", "perlin_overlay", "cut_paste.scar", "poisson_blend"])
def test_families_made_of_pictures_have_no_looks_to_fit(family: str) -> None:
    with pytest.raises(ManifestError, match="made of pictures") as refused:
        check_cell(family)
    assert "crack" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_folders_are_paired_by_name(tmp_path: Path) -> None:
    images, masks = tmp_path / "images", tmp_path / "masks"
    images.mkdir()
    masks.mkdir()
    image, mask = disk_picture()
    for name in ("a", "b", "alone"):
        cv2.imwrite(str(images / f"{name}.png"), image)
    for name in ("a", "b"):
        cv2.imwrite(str(masks / f"{name}.png"), 255 * mask.astype(np.uint8))
    examples = read_examples(images, masks, line=False)
    assert (examples.names, len(examples.measured)) == (("a.png", "b.png"), 2)
    assert len(examples.unusable) == 1
    assert examples.unusable[0].startswith("alone.png: no mask")
    with pytest.raises(PictureError, match="no such folder"):
        read_examples(images, tmp_path / "nowhere", line=False)

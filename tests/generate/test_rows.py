"""Rows: packed fields, labels, digests that read the same before writing and after reading."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from maphc2f.generate.rows import ZERO_CODE, digest_facts, encode_map, label_id, mode_of
from maphc2f.sample import LABELS
from maphc2f.shards.index import row_digest
from maphc2f.shards.png import decode_png, pixel_sha256
from maphc2f.shards.reader import committed, read_rows
from maphc2f.shards.schema import DEFECT_COLUMNS
from tests.conftest import Made

fields = arrays(np.float32, (5, 7), elements=st.floats(-(2.0**-10), 2.0**-10, width=32))


def all_rows(made: Made) -> list[dict[str, Any]]:
    return [row for entry in committed(made.root) for row in read_rows(entry.key.data_path(made.root))]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(fields)
def test_a_packed_field_comes_back_within_half_a_step(field: Any) -> None:
    packed = encode_map(field)
    assert packed.codes.dtype == np.uint16
    assert packed.scale > 0
    back = (packed.codes.astype(np.float64) - ZERO_CODE) * packed.scale
    assert np.abs(back - field).max() <= 0.501 * packed.scale
    peak = float(np.abs(field).max())
    assert packed.scale <= max(peak / (ZERO_CODE - 1) * (1 + 1e-6), 1e-12)
    assert np.all(packed.codes[field == 0] == ZERO_CODE)


@pytest.mark.parametrize("sign", [-1, 1])
def test_both_extremes_fit(sign: int) -> None:
    codes = encode_map(sign * np.array([[0, 1e-3]], np.float32)).codes
    assert codes.tolist() == [[ZERO_CODE, ZERO_CODE + sign * (ZERO_CODE - 1)]]


def test_labels() -> None:
    assert [label_id(name) for name in LABELS] == list(range(len(LABELS)))
    assert label_id("zeta", ["crack", "zeta", "alpha"]) == len(LABELS) + 1
    with pytest.raises(ValueError, match="unheard"):
        label_id("unheard", ["zeta"])


def test_modes() -> None:
    assert mode_of(np.zeros((2, 2))) == "gray"
    assert mode_of(np.zeros((2, 2, 3))) == "rgb"


def test_rows_have_every_column_with_a_value(made: Made) -> None:
    names = [column.name for column in DEFECT_COLUMNS]
    for row in all_rows(made):
        assert list(row) == names
        assert [name for name, value in row.items() if value is None] == []


def test_digests_of_written_rows_can_be_computed_again(made: Made) -> None:
    """The contract: SHA-256 over id, pixel hashes and parameters, from the file alone."""
    for row in all_rows(made):
        image, mask = decode_png(row["image"]["bytes"]), decode_png(row["mask"]["bytes"])
        assert (pixel_sha256(image), pixel_sha256(mask)) == (row["image_sha256"], row["mask_sha256"])
        again = row_digest(row["sample_id"], row["image_sha256"], row["mask_sha256"], digest_facts(row))
        assert again == row["content_digest"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("label", 7),
        ("split", "other"),
        ("severity", 0.123),
        ("sqe_score", 0.5),
        ("pixel_size", 1.0),
        ("substrate_id", "x"),
        ("area_fraction", 0.9),
    ],
)
def test_the_digest_sees_each_fact(column: str, value: Any, made: Made) -> None:
    row = all_rows(made)[0]
    assert digest_facts({**row, column: value}) != digest_facts(row)


@pytest.mark.parametrize("key", ["area_px", "snapshot", "parameters", "visible_width_m", "bbox"])
def test_the_digest_sees_each_fact_of_a_defect(key: str, made: Made) -> None:
    row = all_rows(made)[0]
    changed = {**row, "defects": [{**row["defects"][0], key: "changed"}]}
    assert digest_facts(changed) != digest_facts(row)


def test_facts_of_pictures_agree_with_the_pictures(made: Made) -> None:
    for row in all_rows(made):
        image, mask = decode_png(row["image"]["bytes"]), decode_png(row["mask"]["bytes"])
        assert (row["height"], row["width"]) == mask.shape == image.shape[:2]
        assert (row["mode"], row["bit_depth"]) == (mode_of(image), 8 * image.dtype.itemsize)
        defect = row["defects"][0]
        assert defect["area_px"] == (mask > 0).sum()
        assert row["area_fraction"] == pytest.approx(float((mask > 0).mean()))
        x, y, width, height = defect["bbox"]
        inside = np.zeros_like(mask, bool)
        inside[y : y + height, x : x + width] = True
        assert not mask[~inside].any()
        rim = mask[y, x : x + width], mask[y + height - 1, x : x + width], mask[y : y + height, x]
        assert all(side.any() for side in rim)
        np.testing.assert_array_equal(decode_png(row["soft_mask"]["bytes"]) >= 128, mask == 255)
        assert row["label"] == LABELS.index(row["defect_family"])


def test_physical_maps_lie_on_the_part_and_have_their_signs(made: Made) -> None:
    depths = {}
    for row in all_rows(made):
        depth = (decode_png(row["depth"]["bytes"]).astype(float) - ZERO_CODE) * row["depth_scale"]
        depths.setdefault(row["defect_family"], []).append(depth)
        assert row["displacement_scale"] > 0
    assert min(depth.min() for depth in depths["corrosion"] + depths["deformation"]) < -1e-6
    for depth in depths["corrosion"]:
        assert depth.max() <= 1e-3

"""Layers of the picture-level families: what is cut from where, what counts as seen, what a row records."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from maphc2f.defects import FAMILIES
from maphc2f.defects.layers import Rectangle, layer_of, rectangle_snapshot
from maphc2f.defects.perlin_overlay import draw_full_field
from maphc2f.defects.texture_overlay import perlin_snapshot
from maphc2f.generate.compose import CategoryContext, Order, Prepared, prepare_window
from maphc2f.generate.group import make_groups
from maphc2f.generate.layers import PAINTERS, LayerAsk, cut_out, draw_middle, placed_rotation, seen_region
from maphc2f.generate.overlay import TextureBank
from maphc2f.generate.pictures import PreparedPicture, to_unit
from maphc2f.generate.placement import draw_pose
from maphc2f.generate.plan import plan_groups
from maphc2f.generate.profile import Clock
from maphc2f.generate.simulate import simulate_group
from maphc2f.render.place import Pose, Window, place
from maphc2f.rng import stream
from maphc2f.sample import Sample
from maphc2f.spec import DefectSpec, SizeSpec, SourceSpec
from tests.builders import PIXEL, category, context_of, dataset, picture_of

RIVALS = ("perlin_overlay", "cut_paste", "poisson_blend")
WINDOW = Window(16, 24, 64, 64)
ANCHOR = (45.0, 52.0)


def grain(name: str = "grain", side: int = 128, channels: int = 0) -> NDArray[np.uint8]:
    shape = (side, side, channels) if channels else (side, side)
    noise = cv2.GaussianBlur(stream(2, name).standard_normal(shape), (0, 0), 1.5)
    return np.rint(128 + 160 * noise).clip(0, 255).astype(np.uint8)


def ask_for(
    picture: PreparedPicture, pose: Pose, patch: Rectangle, family: str = "cut_paste", **numbers: Any
) -> LayerAsk:
    layer = layer_of(FAMILIES[family])
    assert layer is not None
    snapshot = rectangle_snapshot(patch, 1e-3, PIXEL)
    rows, columns = slice(WINDOW.top, WINDOW.top + 64), slice(WINDOW.left, WINDOW.left + 64)
    return LayerAsk(
        layer=layer,
        parameters={"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.0, **numbers},
        snapshot=snapshot,
        pose=pose,
        window=WINDOW,
        unit=to_unit(picture.image[rows, columns]),
        foreground=picture.foreground[rows, columns].astype(np.float32),
        fields=place(snapshot, pose, WINDOW),
        picture=picture,
        textures=TextureBank(None, 0),
        other=lambda: picture_of(grain("other")),
        rng=stream(7, "layer"),
    )


def upright(flip: bool = False) -> Pose:
    return Pose(ANCHOR, 0.0, flip, PIXEL)


def test_physics_has_no_layer_and_every_layer_has_a_painter() -> None:
    layers = {name: layer_of(FAMILIES[name]) for name in FAMILIES}
    assert all(layers[name] is None for name in ("crack", "corrosion", "deformation"))
    found = {name: layer.source for name, layer in layers.items() if layer is not None}
    assert found == {
        "texture_overlay": "texture",
        "perlin_overlay": "texture",
        "cut_paste": "same_picture",
        "poisson_blend": "other_picture",
    }
    assert set(found.values()) == set(PAINTERS)


# -- cutting -----------------------------------------------------------------------------------------------------------


def test_an_upright_patch_is_an_exact_copy() -> None:
    """Pixel by pixel the values of the picture a whole number of pixels away."""
    picture = picture_of(grain())
    ask = ask_for(picture, upright(), Rectangle(20 * PIXEL, 30 * PIXEL))
    drawn = PAINTERS["same_picture"](ask)
    dy, dx = (round(drawn.parameters[name] - a) for name, a in zip(("layer_y", "layer_x"), ANCHOR, strict=True))
    assert (dy, dx) != (0, 0)
    inside = np.argwhere(ask.fields.distance < 0)
    assert len(inside) == pytest.approx(600, abs=60)
    for y, x in inside[::7]:
        source = picture.image[y + WINDOW.top + dy, x + WINDOW.left + dx]
        assert drawn.overlay[y, x, 0] == pytest.approx(source / 255, abs=1e-6)


def test_patches_are_cut_from_inside_the_picture_and_anywhere() -> None:
    snapshot = rectangle_snapshot(Rectangle(20 * PIXEL, 40 * PIXEL), 1e-3, PIXEL)
    middles = np.array(
        [draw_middle(snapshot, upright(), np.ones((100, 120), bool), stream(k, "m")) for k in range(300)]
    )
    for axis, (half, length) in enumerate(((10, 100), (20, 120))):
        assert half - 1 <= middles[:, axis].min() < half + 4
        assert length - half - 5 < middles[:, axis].max() <= length - half
    halved = np.array(
        [draw_middle(snapshot, upright(), np.ones((100, 120), bool), stream(k, "m"), 2.0) for k in range(300)]
    )
    assert halved[:, 1].min() < 14
    assert draw_middle(snapshot, upright(), np.ones((10, 10), bool), stream(0, "m")) == pytest.approx((4.5, 4.5))


def letterboxed(side: int = 128, top: int = 40, bottom: int = 96) -> PreparedPicture:
    """A picture padded with black above and below, as its foreground says."""
    mask = np.zeros((side, side), bool)
    mask[top:bottom] = True
    return picture_of(np.where(mask, grain(side=side), 0).astype(np.uint8), mask)


@pytest.mark.parametrize(("source", "family"), [("same_picture", "cut_paste"), ("other_picture", "poisson_blend")])
def test_padding_is_never_cut_out(source: Any, family: str) -> None:
    """Wherever a patch comes from, all of it lies on the part; it comes from many places there."""
    picture = letterboxed()
    middles = []
    for seed in range(40):
        patch = Rectangle(24 * PIXEL, 40 * PIXEL)
        ask = ask_for(picture, upright(), patch, family, scale=1.0, gradients="source")
        ask = replace(ask, other=letterboxed, rng=stream(seed, "layer"))
        drawn = PAINTERS[source](ask)
        y, x = drawn.parameters["layer_y"], drawn.parameters["layer_x"]
        assert 40 + 12 - 1 <= y <= 95 - 12 + 1
        assert 20 - 1 <= x <= 127 - 20 + 1
        if source == "same_picture":
            assert drawn.overlay[ask.fields.distance < -1].min() > 0.05, "the padding is black, the part is not"
        middles.append((round(y), round(x)))
    spread = np.ptp(np.array(middles), axis=0)
    assert spread[0] > 20
    assert spread[1] > 55
    assert len(set(middles)) > 30


def test_a_patch_too_large_for_the_part_shows_as_much_of_it_as_can_be() -> None:
    mask = letterboxed(top=60, bottom=80).foreground
    snapshot = rectangle_snapshot(Rectangle(40 * PIXEL, 30 * PIXEL), 1e-3, PIXEL)
    middles = np.array([draw_middle(snapshot, upright(), mask, stream(k, "m")) for k in range(60)])
    assert np.abs(middles[:, 0] - 69.5).max() < 13
    assert np.ptp(middles[:, 1]) > 70
    rows = np.abs(np.arange(128)[:, None] - middles[:, 0]) <= 20
    shown = (rows & mask.any(1)[:, None]).sum(0)
    assert shown.min() >= 0.85 * shown.max()


def test_a_turned_patch_turns_its_content() -> None:
    """A bar along the x axis of the picture lies along the patch after the turn."""
    pixels = np.full((128, 128), 60, np.uint8)
    pixels[62:67, 40:90] = 220
    picture = picture_of(pixels)
    for angle in (0.5, -0.4):
        ask = ask_for(picture, upright(), Rectangle(30 * PIXEL, 60 * PIXEL, angle), scar_rotation=angle)
        found = cut_out(ask, picture, (64.0, 65.0), rotation=placed_rotation(angle, ask.pose))[..., 0]
        bright = np.argwhere(found > 0.6) + (np.array([WINDOW.top, WINDOW.left]) - ANCHOR)
        axis = np.linalg.eigh(np.cov(bright.T))[1][:, -1]
        assert abs(axis @ [np.sin(angle), np.cos(angle)]) > 0.999


@pytest.mark.parametrize("flip", [False, True])
def test_the_turn_of_the_content_is_that_of_the_placed_rectangle(flip: bool) -> None:
    angle = 0.5
    ask = ask_for(picture_of(grain()), upright(flip), Rectangle(8 * PIXEL, 40 * PIXEL, angle))
    inside = np.argwhere(ask.fields.distance < 0).astype(float)
    axis = np.linalg.eigh(np.cov(inside.T))[1][:, -1]
    turned = placed_rotation(angle, ask.pose)
    assert turned == pytest.approx(-angle if flip else angle)
    assert abs(axis @ [np.sin(turned), np.cos(turned)]) > 0.999


def test_an_enlarged_patch_shows_less_of_the_picture() -> None:
    ramp = np.repeat(np.arange(128, dtype=np.uint8)[None], 128, 0)
    ask = ask_for(picture_of(grain()), upright(), Rectangle(20 * PIXEL, 20 * PIXEL))
    for scale in (0.7, 1.0, 1.3):
        found = cut_out(ask, picture_of(ramp), (60.0, 60.0), scale=scale)[20:40, 10:50, 0] * 255
        assert np.diff(found, axis=1).mean() == pytest.approx(1 / scale, rel=0.03)
        assert found[9, int(ANCHOR[1]) - WINDOW.left - 10] == pytest.approx(60, abs=0.6)


@pytest.mark.parametrize(("own", "other"), [(0, 3), (3, 0)])
def test_gray_and_colour_may_meet(own: int, other: int) -> None:
    ask = ask_for(picture_of(grain(channels=own)), upright(), Rectangle(20 * PIXEL, 20 * PIXEL))
    found = cut_out(ask, picture_of(grain("other", channels=other)), (60.0, 60.0))
    assert found.shape == ask.unit.shape
    assert found.std() > 0.05


# -- blending ----------------------------------------------------------------------------------------------------------


def test_a_blend_has_no_seam_and_its_mask_is_where_it_is_seen() -> None:
    ask = ask_for(
        picture_of(grain()),
        upright(),
        Rectangle(30 * PIXEL, 40 * PIXEL),
        "poisson_blend",
        scale=1.0,
        gradients="source",
    )
    drawn = PAINTERS["other_picture"](ask)
    patch = ask.fields.distance < 0
    assert drawn.blended
    np.testing.assert_array_equal(drawn.overlay[~patch], ask.unit[~patch])
    change = np.abs(drawn.overlay - ask.unit)[..., 0]
    eroded = cv2.erode(patch.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert change[patch & ~eroded].mean() < 0.6 * change[eroded].mean()
    seen = drawn.fields.distance < 0
    assert seen.any()
    assert change[seen].mean() > 5 * change[~seen].mean()
    assert drawn.parameters["layer_substrate_id"] == "part-good-0"


def test_nothing_is_seen_where_nothing_changes() -> None:
    good = to_unit(grain())
    assert (seen_region(good, good, 0.02) > 0).all()
    faint = good + np.float32(0.015)
    assert (seen_region(good, faint, 0.02) > 0).all()
    assert (seen_region(good, good + np.float32(0.03), 0.02) < 0).all()


def test_specks_and_pinholes_do_not_count() -> None:
    good = np.full((64, 64, 1), 0.5, np.float32)
    speck = good.copy()
    speck[30, 30] += 0.15
    assert (seen_region(good, speck, 0.005) > 0).all()
    plate = good.copy()
    plate[10:50, 10:50] += 0.1
    plate[30, 30] = 0.5
    plate[24:26, 24:26] = 0.5
    seen = seen_region(good, plate, 0.088) < 0
    assert seen[14:46, 14:46].all()
    assert not seen[:6].any()


# -- placing -----------------------------------------------------------------------------------------------------------


def test_a_mask_over_the_picture_lies_in_its_middle_in_eight_orientations() -> None:
    wide = picture_of(np.tile(grain(), (1, 2)))
    snapshot = perlin_snapshot(draw_full_field(64, stream(0, "field")).noise, 0.3, 64 * PIXEL, 2 * PIXEL)
    poses = [draw_pose(snapshot, "picture", wide, stream(k, "place")) for k in range(60)]
    assert None not in poses
    found = [pose for pose in poses if pose is not None]
    assert {pose.anchor[0] for pose in found} == {63.5}
    across = [pose.anchor[1] for pose in found]
    assert 63 <= min(across) < 80
    assert 175 < max(across) <= 192
    assert len({(round(pose.angle, 6), pose.flip) for pose in found}) == 8


def test_a_mask_over_the_picture_needs_a_tenth_of_it_on_the_part() -> None:
    part = np.zeros((128, 128), bool)
    snapshot = rectangle_snapshot(Rectangle(100 * PIXEL, 100 * PIXEL), 1e-2, PIXEL)
    for side, placed in ((40, True), (20, False)):
        part[:] = False
        part[40 : 40 + side, 40 : 40 + side] = True
        pose = draw_pose(snapshot, "picture", picture_of(grain(), part), stream(0, "place"))
        assert (pose is not None) == placed


# -- whole samples -----------------------------------------------------------------------------------------------------


def context_for(family: str, pool: int = 6, **changes: Any) -> CategoryContext:
    source = SourceSpec(kind="procedural", generator="leather", pool=pool, licence="CC0-1.0")
    stanza = category("part", count=8, source=source, defects=(DefectSpec(family=family),), **changes)
    return context_of(dataset(stanza, seed=5, snapshots=2), "part")


def made(context: CategoryContext) -> list[Sample]:
    samples, failures = make_groups(context, plan_groups(context.category, 2), Clock())
    assert failures == []
    return samples


def first_window(context: CategoryContext) -> Prepared:
    group = plan_groups(context.category, 2)[0]
    simulated = simulate_group(context.dataset, context.category, group)
    assert simulated is not None
    for attempt in range(12):
        prepared = prepare_window(context, Order(group, group.first, simulated, 1, attempt=attempt))
        if prepared is not None:
            return prepared
    pytest.fail("no place")


def parameters_of(sample: Sample) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sample.row["defects"][0]["parameters"])
    return found


def test_another_picture_of_the_same_split_is_taken_and_recorded() -> None:
    context = context_for("poisson_blend")
    by_id = {context.pool.get(p).substrate_id: context.pool.splits[p.sha256] for p in context.pool.accepted}
    for sample in made(context):
        other = parameters_of(sample)["layer_substrate_id"]
        assert other != sample.row["substrate_id"]
        assert by_id[other] == sample.row["split"]


def test_a_single_picture_serves_both() -> None:
    prepared = first_window(context_for("poisson_blend", pool=1))
    assert prepared.drawn["layer_substrate_id"] == prepared.picture.substrate_id


def test_one_more_picture_changes_only_the_choices_it_wins() -> None:
    """The orders of the others stay: each sample keeps its other picture or takes the new one."""
    few, more = (context_for("poisson_blend", pool=n).pool for n in (5, 6))
    new = {p.sha256 for p in more.accepted} - {p.sha256 for p in few.accepted}
    own = next(p for p in few.accepted if few.splits[p.sha256] == "train" == more.splits[p.sha256])
    kept = {p.sha256 for p in few.accepted if few.splits[p.sha256] == more.splits[p.sha256]}
    for index in range(20):
        before = few.choose_other(index, "train", 0, own).source.sha256
        after = more.choose_other(index, "train", 0, own).source.sha256
        assert after == before or after in new or after not in kept or before not in kept


@pytest.mark.parametrize("family", RIVALS)
def test_made_again_it_is_the_same_and_no_stage_changes_it(family: str) -> None:
    first, again = made(context_for(family)), made(context_for(family))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.image, two.image)
        assert parameters_of(one) == parameters_of(two)
    stanza = context_for(family).category
    coarse = context_of(dataset(stanza, seed=5, snapshots=2, stages="coarse"), "part")
    for one, two in zip(first, made(coarse), strict=True):
        np.testing.assert_array_equal(one.image, two.image)
        np.testing.assert_array_equal(one.mask, two.mask)


@pytest.mark.parametrize("family", RIVALS)
def test_the_picture_changes_where_the_mask_is(family: str) -> None:
    for sample in made(context_for(family)):
        assert 0 < sample.row["area_fraction"] < 0.6
        assert sample.row["sqe_agreement"] > 0.3


def test_a_patch_hides_the_picture_and_nothing_else_changes() -> None:
    """Inside the rim a pasted patch covers all; outside, beyond the blur of the rim, all is as it was."""
    prepared = first_window(context_for("cut_paste"))
    from maphc2f.refine.pipeline import synthesise

    result = synthesise([prepared.inputs], "npcf++")[0]
    assert prepared.inputs.overlay is not None
    assert prepared.pose.angle == 0.0
    deep, outside = prepared.inputs.fields.distance < -4, prepared.inputs.fields.distance > 4
    np.testing.assert_allclose(result.picture[deep], prepared.inputs.overlay[deep], atol=2e-4)
    np.testing.assert_array_equal(result.picture[outside], prepared.inputs.picture[outside])


@pytest.mark.parametrize(("family", "share"), [("cut_paste", 0.15), ("corrosion", None)])
def test_a_patch_has_its_share_of_a_picture_of_any_size(tmp_path: Path, family: str, share: float | None) -> None:
    """Physics keeps its metres, so it covers four times the share of a picture of half the size.

    A tenth of a patch may lie beyond the picture.
    """
    areas = []
    for side in (64, 128):
        folder = tmp_path / f"{side}"
        folder.mkdir()
        for k in range(3):
            cv2.imwrite(str(folder / f"{k}.png"), cv2.resize(grain(f"g{k}"), (side, side)))
        source = SourceSpec(kind="folder", path=str(folder), licence="CC0-1.0")
        ranges = {} if share is None else {"area_share": (0.1, 0.15)}
        defect = DefectSpec(family=family, scenario="patch" if share else "stain", parameters=ranges)
        stanza = category(
            "part",
            source=source,
            material="steel",
            native_size=(128, 128),
            defects=(defect,),
            severity=(1.0, 1.0) if share else (0.5, 0.5),
        )
        spec = dataset(stanza, seed=5, snapshots=2, size=SizeSpec(width=128, height=128, fit="crop"))
        context = context_of(spec, "part")
        prepared = first_window(context)
        shown = np.count_nonzero(prepared.inputs.fields.distance < 0) / 128**2
        areas.append(shown)
        frame = prepared.pose.pixel_size / prepared.picture.pixel_size
        assert frame == pytest.approx(1.0 if share is None else 128 / side)
    if share is None:
        assert areas[0] > 2 * areas[1]
    else:
        assert areas == pytest.approx([share, share], rel=0.11)


def test_a_blend_is_taken_as_it_is_beyond_its_mask() -> None:
    prepared = first_window(context_for("poisson_blend"))
    from maphc2f.refine.pipeline import synthesise

    result = synthesise([prepared.inputs], "npcf++")[0]
    np.testing.assert_allclose(result.picture, prepared.inputs.overlay, atol=2e-7)

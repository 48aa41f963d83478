"""Draw docs/images/refinement.png: what each block of npcF and npcF++ does to a defect, seen close and as differences.

* :func:`blocks` runs a window block by block; :func:`strip` draws its row; :func:`main` writes the picture.

Run ``python docs/make_refinement.py`` after a change of rendering or refinement that shows.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks.measurement import Bench, bench_dataset, load_mix
from benchmarks.stages import MIX, prepared_windows
from maphc2f.generate.plan import Group
from maphc2f.generate.worker import pin_threads
from maphc2f.manifest import select
from maphc2f.refine.stages import initial_state, npcf_plus_stage, npcf_stage
from maphc2f.render.batch import stack
from maphc2f.render.coarse import render_coarse
from maphc2f.render.window import WindowInputs
from maphc2f.spec import DefectSpec

IMAGE = Path(__file__).with_name("images") / "refinement.png"
SIDE = 40
"""Pixels of a window that are shown."""

ZOOM = 4
GAIN = 5.0
"""Amplification of the differences, drawn round middle gray."""

ROWS = (
    ("tile", "crack", "through_crack"),
    ("metal_nut", "corrosion", "pit"),
    ("grid", "deformation", "scratch"),
    ("bottle", "crack", "chip"),
)
TITLES = ("good", "coarse", "npcF", "+ wavelet block", "+ boundary synergy")
CHANGES = ("npcF - coarse", "wavelet block", "boundary synergy")
CAPTION = 18

Float32 = NDArray[np.float32]
RGB = NDArray[np.uint8]


def sample_window(category: str, family: str, scenario: str) -> WindowInputs:
    """Return the first window of a drawn category that finds its place."""
    mix = load_mix(MIX)
    dataset = select(bench_dataset(mix, None), [category])
    only = (DefectSpec(family=family, scenario=scenario),)
    alone = dataset.categories[0].model_copy(update={"defects": only})
    dataset = dataset.model_copy(update={"categories": (alone,), "snapshots": 1})
    context = Bench(dataset, mix.batch).context(category)
    for number in range(8):
        windows, _ = prepared_windows(context, [Group(number, family, "train", number, 1)], 1)
        if windows:
            return windows[0].inputs
    msg = f"{family}.{scenario} found no place on {category}"
    raise RuntimeError(msg)


def blocks(window: WindowInputs) -> list[Float32]:
    """Return the window's pictures after each of TITLES, (H, W, C)."""
    with torch.inference_mode():
        batch = stack([window])
        rendered = render_coarse(batch)
        coarse = initial_state(rendered)
        npcf = npcf_stage(batch, coarse)
        states = [coarse, npcf, npcf_plus_stage(batch, rendered, npcf, 0), npcf_plus_stage(batch, rendered, npcf)]
        return [window.picture, *(state.picture[0].permute(1, 2, 0).numpy() for state in states)]


def _shown(pixels: Float32, top: int, left: int) -> RGB:
    part = np.rint(255 * np.clip(pixels[top : top + SIDE, left : left + SIDE], 0, 1)).astype(np.uint8)
    colour = np.repeat(part, 3, axis=2) if part.shape[2] == 1 else part
    return np.asarray(cv2.resize(colour, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC), np.uint8)


def strip(window: WindowInputs) -> RGB:
    """Return the row of a window: its pictures, then the differences from block to block."""
    pictures = blocks(window)
    changed = np.abs(pictures[-1] - pictures[0]).mean(axis=2)
    weight = cv2.boxFilter(changed, -1, (SIDE // 2, SIDE // 2))
    y, x = np.unravel_index(int(weight.argmax()), weight.shape)
    top = int(np.clip(y - SIDE // 2, 0, changed.shape[0] - SIDE))
    left = int(np.clip(x - SIDE // 2, 0, changed.shape[1] - SIDE))
    steps = [0.5 + GAIN * (b - a) for a, b in pairwise(pictures[1:])]
    return np.concatenate([_shown(p, top, left) for p in [*pictures, *steps]], axis=1)


def main() -> None:
    """Draw the picture."""
    pin_threads()
    rows = np.concatenate([strip(sample_window(*row)) for row in ROWS])
    sheet = Image.new("RGB", (rows.shape[1], rows.shape[0] + CAPTION), (255, 255, 255))
    sheet.paste(Image.fromarray(rows), (0, CAPTION))
    titles = [*TITLES, *(f"{name}, x {GAIN:.0f}" for name in CHANGES)]
    for k, title in enumerate(titles):
        ImageDraw.Draw(sheet).text((k * SIDE * ZOOM + 3, 1), title, fill=(20, 20, 20), font=ImageFont.load_default(13))
    IMAGE.parent.mkdir(exist_ok=True)
    sheet.quantize(255).save(IMAGE, optimize=True)


if __name__ == "__main__":
    main()

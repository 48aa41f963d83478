"""Draw docs/images/appearance.jpg: one defect each with a parameter of its appearance small, middling and large.

* :func:`row` draws a parameter; :func:`main` writes the picture.

Run ``python docs/make_appearance.py`` after a change of rendering that shows.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from maphc2f.generate.worker import pin_threads
from maphc2f.refine.pipeline import synthesise
from maphc2f.render.window import Appearance, WindowInputs

IMAGE = Path(__file__).with_name("images") / "appearance.jpg"
SIDE = 36
"""Pixels of a window that are shown."""

ZOOM = 4
GAP = 4
CAPTION = 18
QUALITY = 86

Float32 = NDArray[np.float32]
RGB = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Defect:
    """What a row is drawn on.

    Attributes:
        category: A drawn one.
        family: Of the defect.
        scenario: Likewise.
        edge_width: Mouth of a crack, m, in place of the one that chance gave it; 0: that one.
    """

    category: str
    family: str
    scenario: str
    edge_width: float = 0.0

    def window(self, sample: Callable[[str, str, str], WindowInputs]) -> WindowInputs:
        """Return its window, as ``sample`` of make_refinement.py makes it."""
        window = sample(self.category, self.family, self.scenario)
        wide = replace(window.appearance, edge_width=self.edge_width or window.appearance.edge_width)
        return replace(window, appearance=wide)


CRACK = Defect("metal_nut", "crack", "through_crack")
WIDE = replace(CRACK, edge_width=8e-4)
"""What lies in a mouth shows in a wide one."""

PITS = Defect("metal_nut", "corrosion", "pit_cluster")
FACE = Defect("pill", "crack", "chip")
SCRATCH = Defect("metal_nut", "deformation", "scratch")

ROWS: tuple[tuple[Defect, str, tuple[float, float, float]], ...] = (
    (CRACK, "edge_width", (1e-4, 3e-4, 8e-4)),
    (PITS, "contrast", (3.0, 7.0, 15.0)),
    (WIDE, "core_share", (0.1, 0.4, 0.9)),
    (PITS, "facets", (0.0, 0.3, 0.8)),
    (WIDE, "mouth_darkness", (0.0, 0.3, 0.8)),
    (PITS, "rim_shadow", (0.0, 0.5, 1.5)),
    (WIDE, "shade", (0.0, 0.1, 0.3)),
    (PITS, "tint", (0.0, 0.4, 1.0)),
    (WIDE, "bridging", (0.0, 0.3, 0.8)),
    (FACE, "rim_shadow", (0.0, 1.0, 2.0)),
    (WIDE, "lip", (0.0, 0.4, 1.0)),
    (FACE, "albedo_share", (0.0, 0.4, 0.9)),
    (SCRATCH, "streak", (0.0, 0.5, 1.0)),
    (FACE, "roughness", (0.0, 1.5, 3.0)),
    (SCRATCH, "relief_gain", (0.3, 1.0, 4.0)),
    (SCRATCH, "gloss_loss", (0.0, 0.5, 1.0)),
)
"""Defect, parameter and its three values, somewhat beyond the range that is drawn so that the effect is plain."""

COLUMNS = 2


def sampler() -> Callable[[str, str, str], WindowInputs]:
    """Return the function of make_refinement.py that makes a window of a drawn category."""
    path = Path(__file__).with_name("make_refinement.py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        msg = f"cannot load {path}"
        raise ImportError(msg)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[str, str, str], WindowInputs] = module.sample_window
    return found


def shown(pixels: Float32, corner: tuple[int, int]) -> RGB:
    """Return the part of a picture at ``corner`` (y, x), enlarged, as RGB."""
    y, x = corner
    part = np.rint(255 * np.clip(pixels[y : y + SIDE, x : x + SIDE], 0, 1)).astype(np.uint8)
    colour = np.repeat(part, 3, axis=2) if part.shape[2] == 1 else part
    return np.asarray(cv2.resize(colour, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC), np.uint8)


def middle(window: WindowInputs, finished: Float32) -> tuple[int, int]:
    """Return the corner (y, x) of the square that holds most of the change."""
    change = np.abs(finished - window.picture).mean(axis=2)
    near = cv2.boxFilter(change, -1, (SIDE // 2, SIDE // 2))
    y, x = np.unravel_index(int(near.argmax()), near.shape)
    rows, columns = change.shape
    return int(np.clip(y - SIDE // 2, 0, rows - SIDE)), int(np.clip(x - SIDE // 2, 0, columns - SIDE))


def row(window: WindowInputs, name: str, values: tuple[float, float, float]) -> RGB:
    """Return the good picture and the defect with each value of the parameter, side by side under a line of text."""
    own = asdict(window.appearance)
    made = [replace(window, appearance=Appearance(**{**own, name: value})) for value in values]
    finished = [result.picture for result in synthesise(made, "npcf++")]
    corner = middle(window, finished[1])
    tiles = [shown(pixels, corner) for pixels in (window.picture, *finished)]
    strip = Image.new("RGB", (len(tiles) * (SIDE * ZOOM + GAP), SIDE * ZOOM + CAPTION + GAP), (255, 255, 255))
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default(13)
    for k, (tile, text) in enumerate(zip(tiles, (name, *(f"{value:g}" for value in values)), strict=True)):
        strip.paste(Image.fromarray(tile), (k * (SIDE * ZOOM + GAP), CAPTION))
        draw.text((k * (SIDE * ZOOM + GAP) + 3, 1), text, fill=(20, 20, 20), font=font)
    return np.asarray(strip)


def main() -> None:
    """Draw the picture."""
    pin_threads()
    sample = sampler()
    windows = {defect: defect.window(sample) for defect, _, _ in ROWS}
    rows = [row(windows[defect], name, values) for defect, name, values in ROWS]
    lines = [np.concatenate(rows[k : k + COLUMNS], axis=1) for k in range(0, len(rows), COLUMNS)]
    Image.fromarray(np.concatenate(lines)).save(IMAGE, quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()

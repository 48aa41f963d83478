"""Drawings of one simulation: its fields side by side, stage by stage.

* :func:`sheet` draws rows of fields and columns of stages; :func:`write_png` writes it.
* :func:`frames` draws one picture a stage with the fields side by side; :func:`write_gif` writes their sequence.

All stages share one window in metres and one colour range a field, so that growth is seen as growth. Stages on one grid
are drawn cell on cell; :func:`aligned` takes their anchors, which move, out of the way.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from maphc2f.generate.sheet import RGB
from maphc2f.generate.sheet import write_png as write_pixels
from maphc2f.generate.showcase import Shown, planes
from maphc2f.sample import Snapshot
from maphc2f.shards.files import write_atomic

Values = NDArray[np.float64]

TILE = 236
"""Longer side of a tile, px."""

GAP, TEXT, BAR, MARGIN = 8, 18, 104, 14
PAPER, INK, OUTSIDE = (255, 255, 255), (24, 24, 28), (226, 226, 228)
DARK = (22, 22, 28)
WIDEST = 7.0
"""Drawn width of the largest opening, px."""

FINER = 4
"""Oversampling of the drawn traces."""

ARROWS = 9
FRAME_MS, LAST_MS = 140, 1400
COLOURS = {"extent": cv2.COLORMAP_VIRIDIS, "product": cv2.COLORMAP_INFERNO, "displacement": cv2.COLORMAP_MAGMA}
TITLES = {
    "extent": "extent; the outline is drawn white",
    "depth": "depth; blue lies below the surface, red above",
    "displacement": "displacement; arrows show its direction",
    "product": "product thickness",
    "removed": "removed share",
    "trace": "crack opening, as width and colour",
}
_PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"), (1e-12, "p"))


@dataclass(frozen=True, slots=True)
class Window:
    """The drawn part of the frame: upper left corner (y, x), m, size of the tile in pixels and pixels a metre."""

    top: float
    left: float
    shape: tuple[int, int]
    scale: float

    def rows_columns(self, snapshot: Snapshot) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the grid's row of each row of the tile and the column of each column; outside is -1."""
        return tuple(  # type: ignore[return-value]
            _cells(edge + (np.arange(n) + 0.5) / self.scale, origin, snapshot.spacing, count)
            for edge, n, origin, count in zip(
                (self.top, self.left), self.shape, snapshot.origin, snapshot.extent.shape, strict=True
            )
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One field of all stages.

    Attributes:
        title: What it is, with its unit.
        draw: Makes the tile of one snapshot.
        bar: Colours of the bar from low to high, (n, 3), or None.
        ends: Texts at the bar's low and high end.
    """

    title: str
    draw: Callable[[Snapshot], RGB]
    bar: RGB | None = None
    ends: tuple[str, str] = ("", "")


def _cells(at: NDArray[np.floating[Any]], origin: float, spacing: float, count: int) -> NDArray[np.int64]:
    cell = np.floor((at - origin) / spacing + 0.5).astype(np.int64)
    return np.where((cell >= 0) & (cell < count), cell, -1)


def prefixed(value: float, unit: str) -> tuple[float, str]:
    """Return factor and name of the unit in which ``value`` lies within 1 .. 1000, e.g. (1e6, "um") for 4e-5 m."""
    factor, prefix = next((p for p in _PREFIXES if abs(value) >= p[0]), _PREFIXES[-1] if value else _PREFIXES[0])
    return 1 / factor, f"{prefix}{unit}"


def length(metres: float) -> str:
    """Return a length for people."""
    factor, unit = prefixed(metres, "m")
    return f"{metres * factor:.3g} {unit}"


def window_of(snapshots: Sequence[Snapshot]) -> Window:
    """Return the window that holds the grids of all snapshots."""
    boxes = np.array(
        [
            [(o - 0.5 * s.spacing, o + (n - 0.5) * s.spacing) for o, n in zip(s.origin, s.extent.shape, strict=True)]
            for s in snapshots
        ]
    )
    low, high = boxes[..., 0].min(axis=0), boxes[..., 1].max(axis=0)
    scale = TILE / float((high - low).max())
    height, width = (max(1, round(float(side) * scale)) for side in high - low)
    return Window(float(low[0]), float(low[1]), (height, width), scale)


def aligned(snapshots: Sequence[Snapshot]) -> tuple[Snapshot, ...]:
    """Return snapshots of one grid in the frame of the last: an anchor of its own would shift each of them."""
    last = snapshots[-1]
    return tuple(
        _moved(s, last.origin) if (s.extent.shape, s.spacing) == (last.extent.shape, last.spacing) else s
        for s in snapshots
    )


def _moved(snapshot: Snapshot, origin: tuple[float, float]) -> Snapshot:
    if snapshot.trace is None:
        return replace(snapshot, origin=origin)
    shift = np.array([*np.subtract(origin, snapshot.origin), 0.0], np.float32)
    return replace(snapshot, origin=origin, trace=snapshot.trace + shift)


def lut(colormap: int) -> RGB:
    """Return the 256 RGB colours of an OpenCV colour map."""
    ramp = np.arange(256, dtype=np.uint8)[None, :]
    return np.ascontiguousarray(cv2.applyColorMap(ramp, colormap)[0, :, ::-1])


def diverging() -> RGB:
    """Return 256 RGB colours from blue over white to red."""
    at = np.linspace(-1, 1, 256)[:, None]
    blue, red = np.array([33, 80, 165.0]), np.array([178, 34, 44.0])
    side = np.where(at < 0, blue, red)
    return np.asarray(np.rint(250 + (side - 250) * np.abs(at) ** 0.8), np.uint8)


def _tile(window: Window, snapshot: Snapshot, colours: RGB) -> RGB:
    """Return coloured cells (ny, nx, 3) on the tile, grey beyond the grid."""
    rows, columns = window.rows_columns(snapshot)
    tile = colours[rows[:, None], columns[None, :]]
    tile[(rows < 0)[:, None] | (columns < 0)[None, :]] = OUTSIDE
    return np.ascontiguousarray(tile)


def _coloured(values: Values, limits: tuple[float, float], colours: RGB) -> RGB:
    low, high = limits
    index = np.clip((values - low) / max(high - low, 1e-300) * 255, 0, 255)
    return colours[np.rint(index).astype(np.intp)]


def _outline(tile: RGB, window: Window, snapshot: Snapshot) -> RGB:
    rows, columns = window.rows_columns(snapshot)
    inside = snapshot.extent[rows[:, None], columns[None, :]] >= snapshot.threshold
    inside &= (rows >= 0)[:, None] & (columns >= 0)[None, :]
    contours, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(tile, contours, -1, (255, 255, 255), 1))


def _lit(depth: Values, spacing: float, steepest: float) -> RGB:
    """Return the surface lit from the upper left, its slopes exaggerated to about 45 degrees at the steepest."""
    along_y, along_x = np.gradient(depth / spacing) if min(depth.shape) > 1 else np.zeros((2, *depth.shape))
    gain = 1 / max(steepest, 1e-30)
    light = 1.0 + gain * (along_y + along_x) * 0.7
    shade = light / np.sqrt(1 + gain**2 * (along_x**2 + along_y**2)) / math.sqrt(2)
    grey = np.rint(np.clip(255 * shade, 0, 255)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _arrows(tile: RGB, window: Window, snapshot: Snapshot, longest: float) -> RGB:
    """Draw arrows of at most a grid step's length."""
    displacement = planes(snapshot)["displacement"]
    step = max(window.shape) / ARROWS
    rows, columns = window.rows_columns(snapshot)
    for y in np.arange(step / 2, window.shape[0], step).astype(int):
        for x in np.arange(step / 2, window.shape[1], step).astype(int):
            if rows[y] < 0 or columns[x] < 0:
                continue
            v, u = displacement[:, rows[y], columns[x]] * (0.9 * step / max(longest, 1e-300))
            if math.hypot(u, v) >= 2:
                end = (round(x + float(u)), round(y + float(v)))
                cv2.arrowedLine(tile, (int(x), int(y)), end, (255, 255, 255), 1, cv2.LINE_AA, tipLength=0.3)
    return tile


def _trace_tile(window: Window, snapshot: Snapshot, widest: float, colours: RGB) -> RGB:
    height, width = window.shape
    canvas = np.empty((height * FINER, width * FINER, 3), np.uint8)
    canvas[:] = DARK
    trace = planes(snapshot)["trace"]
    ends = (trace[:, :, :2] - np.array([window.top, window.left])) * (window.scale * FINER)
    share = trace[:, :, 2].mean(axis=1) / max(widest, 1e-300)
    # The narrowest are drawn first, so that wide ones lie on top where cracks meet.
    for k in np.argsort(share, kind="stable"):
        colour = tuple(int(c) for c in colours[70 + round(185 * float(np.clip(share[k], 0, 1)))])
        thickness = max(FINER // 2, round(WIDEST * FINER * float(share[k])))
        (y0, x0), (y1, x1) = np.rint(ends[k]).astype(int)
        cv2.line(canvas, (int(x0), int(y0)), (int(x1), int(y1)), colour, thickness, cv2.LINE_AA)
    return np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _ends(low: float, high: float, unit: str) -> tuple[str, str]:
    factor, name = prefixed(max(abs(low), abs(high)), unit) if unit else (1.0, "")
    return f"{low * factor:.3g} {name}".strip(), f"{high * factor:.3g} {name}".strip()


def _row_of(name: str, window: Window, values: list[Values]) -> Row:
    """Return the row of a plain field; displacement is shown by its magnitude."""
    title, unit = TITLES.get(name, name), "" if name in {"extent", "removed"} else "m"
    highest, lowest = max(float(v.max()) for v in values), min(float(v.min()) for v in values)
    limits, colours = (0.0, highest), lut(COLOURS.get(name, cv2.COLORMAP_CIVIDIS))
    if name in {"extent", "removed"}:
        limits = (0.0, 1.0)
    if lowest < 0 or name == "depth":
        top = max(highest, -lowest)
        limits, colours = (-top, top), diverging()

    def draw(snapshot: Snapshot) -> RGB:
        plane = planes(snapshot)[name].astype(np.float64)
        shown = np.hypot(*plane) if plane.ndim == 3 else plane
        tile = _tile(window, snapshot, _coloured(shown, limits, colours))
        if name == "extent":
            return _outline(tile, window, snapshot)
        return _arrows(tile, window, snapshot, limits[1]) if plane.ndim == 3 else tile

    return Row(title, draw, colours, _ends(*limits, unit))


def _lit_row(window: Window, depths: list[Values], spacings: list[float]) -> Row:
    slopes = [np.hypot(*np.gradient(d / s)) for d, s in zip(depths, spacings, strict=True) if min(d.shape) > 1]
    steepest = max((float(np.quantile(s, 0.995)) for s in slopes), default=1.0)

    def draw(snapshot: Snapshot) -> RGB:
        depth = planes(snapshot)["depth"].astype(np.float64)
        return _tile(window, snapshot, _lit(depth, snapshot.spacing, steepest))

    return Row(f"the surface, lit from the upper left; slopes x {1 / max(steepest, 1e-30):.2g}", draw)


def rows_of(snapshots: Sequence[Snapshot], window: Window) -> list[Row]:
    """Return a row for each field that the snapshots have, the trace of a crack first."""
    rows: list[Row] = []
    for name in planes(snapshots[0]):
        stack = [planes(snapshot)[name].astype(np.float64) for snapshot in snapshots]
        if name == "trace":
            widest, colours = max(float(trace[..., 2].max()) for trace in stack), lut(cv2.COLORMAP_PLASMA)
            rows.insert(
                0,
                Row(
                    TITLES[name],
                    lambda s, widest=widest, colours=colours: _trace_tile(window, s, widest, colours),  # type: ignore[misc]
                    colours[70:],
                    _ends(0.0, widest, "m"),
                ),
            )
            continue
        rows.append(_row_of(name, window, [np.hypot(*v) if v.ndim == 3 else v for v in stack]))
        if name == "depth":
            rows.append(_lit_row(window, stack, [snapshot.spacing for snapshot in snapshots]))
    return rows


def _font() -> Any:
    return ImageFont.load_default(13)


def _paper(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGB", (width, height), PAPER)
    return picture, ImageDraw.Draw(picture)


def nice_length(longest: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not above ``longest``."""
    power = 10.0 ** math.floor(math.log10(longest) + 1e-9)
    return max(step * power for step in (1, 2, 5) if step * power <= longest * (1 + 1e-9))


def _scale_bar(draw: ImageDraw.ImageDraw, at: tuple[int, int], window: Window) -> None:
    """Draw a scale bar from ``at`` (x, y) to the right, with its length in mm beside it."""
    metres = nice_length(0.4 * window.shape[1] / window.scale)
    pixels = round(metres * window.scale)
    x, y = at
    draw.line([(x, y), (x + pixels, y)], fill=INK, width=3)
    draw.text((x + pixels + 6, y - 8), f"{metres * 1e3:g} mm", fill=INK, font=_font())


def _bar(picture: Image.Image, draw: ImageDraw.ImageDraw, row: Row, at: tuple[int, int], height: int) -> None:
    if row.bar is None:
        return
    x, y = at
    tall = min(height, 150)
    index = np.linspace(len(row.bar) - 1, 0, tall).round().astype(int)
    picture.paste(Image.fromarray(np.repeat(row.bar[index][:, None], 14, axis=1)), (x, y))
    draw.text((x + 20, y - 2), row.ends[1], fill=INK, font=_font())
    draw.text((x + 20, y + tall - 14), row.ends[0], fill=INK, font=_font())


def _outer_edge(tile: RGB, window: Window, shown: Shown) -> Image.Image:
    """Draw the part's outline y = 0 of an edge defect, and a thin frame."""
    if shown.simulation.placement == "edge":
        y = round(-window.top * window.scale)
        if 0 <= y < tile.shape[0]:
            tile[y, ::2] = (220, 60, 60)
    return Image.fromarray(tile)


def headline(shown: Shown) -> str:
    """Return what is shown, in one line."""
    order, last = shown.order, shown.simulation.snapshots[-1]
    return (
        f"{order.family}.{order.scenario.name} in {order.request.material.name}, severity {order.severity:.2g}, "
        f"size {last.size * 1e3:.3g} mm, seed {order.seed}"
    )


def sheet(shown: Shown) -> RGB:
    """Return the sheet: a row for each field, a column for each stage, colour bars, a scale bar, captions."""
    snapshots = aligned(shown.simulation.snapshots)
    window = window_of(snapshots)
    rows = rows_of(snapshots, window)
    height, width = window.shape
    top = MARGIN + 3 * TEXT
    across = max(2 * MARGIN + len(snapshots) * (width + GAP) + BAR, 620)
    picture, draw = _paper(across, top + len(rows) * (height + TEXT + GAP) + TEXT + MARGIN)
    draw.text((MARGIN, MARGIN), headline(shown), fill=INK, font=_font())
    for k, snapshot in enumerate(snapshots):
        x = MARGIN + k * (width + GAP)
        text = f"stage {k + 1}: {length(snapshot.size)}"
        draw.text((x, MARGIN + 1.6 * TEXT), text, fill=INK, font=_font())
        for i, row in enumerate(rows):
            y = top + i * (height + TEXT + GAP) + TEXT
            picture.paste(_outer_edge(row.draw(snapshot), window, shown), (x, y))
    for i, row in enumerate(rows):
        y = top + i * (height + TEXT + GAP)
        draw.text((MARGIN, y), row.title, fill=INK, font=_font())
        _bar(picture, draw, row, (MARGIN + len(snapshots) * (width + GAP), y + TEXT), height)
    _scale_bar(draw, (MARGIN, picture.height - MARGIN - 2), window)
    return np.asarray(picture)


def frames(shown: Shown) -> list[RGB]:
    """Return a picture for each stage, its fields side by side."""
    snapshots = aligned(shown.simulation.snapshots)
    window = window_of(snapshots)
    rows = rows_of(snapshots, window)
    height, width = window.shape
    column = max(width, 150) + BAR
    out = []
    for k, snapshot in enumerate(snapshots):
        picture, draw = _paper(max(2 * MARGIN + len(rows) * column, 620), 2 * MARGIN + 4 * TEXT + max(height, 40))
        draw.text((MARGIN, MARGIN), headline(shown), fill=INK, font=_font())
        text = f"stage {k + 1} of {len(snapshots)}: {length(snapshot.size)}"
        draw.text((MARGIN, MARGIN + TEXT), text, fill=INK, font=_font())
        y = MARGIN + 3 * TEXT
        for i, row in enumerate(rows):
            x = MARGIN + i * column
            draw.text((x, y - TEXT), row.title.split(";")[0], fill=INK, font=_font())
            picture.paste(_outer_edge(row.draw(snapshot), window, shown), (x, y))
            _bar(picture, draw, row, (x + width + GAP, y), height)
        _scale_bar(draw, (MARGIN, picture.height - MARGIN - 2), window)
        out.append(np.asarray(picture))
    return out


def write_png(path: Path, shown: Shown) -> None:
    """Write :func:`sheet` as PNG."""
    write_pixels(path, sheet(shown))


def write_gif(path: Path, shown: Shown) -> None:
    """Write :func:`frames` as an endless GIF that rests on its last picture."""
    pictures = [Image.fromarray(frame).quantize(255) for frame in frames(shown)]
    buffer = io.BytesIO()
    pause = [FRAME_MS] * (len(pictures) - 1) + [LAST_MS]
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:], duration=pause, loop=0)
    write_atomic(path, lambda file: file.write(buffer.getvalue()))

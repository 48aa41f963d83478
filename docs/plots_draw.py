"""How the plots of the methods pages look: one function a figure, from the data of `docs/plots_data.py`.

* :func:`styled` is the context in which figures are drawn; :func:`save` writes one, the same bytes each time.
* :func:`draw_notched`, :func:`draw_fronts`, :func:`draw_pit`, :func:`draw_ball`, :func:`draw_hole`, :func:`draw_punch`,
  :func:`draw_plate`, :func:`draw_network` return figures.

Ours is blue or a picture, a reference is a black line, a published number is an orange cross.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from benchmarks.physics_notched import Pull
from benchmarks.physics_plane import hole_stress
from benchmarks.physics_punch import PRANDTL
from docs import plots_data as data

OURS = ("#1f5f99", "#5b9bd0", "#7a6bb0")
REFERENCE, PUBLISHED, QUIET = "#222222", "#c8551b", "#8a8a8a"
MAP = "Blues"
STYLE = {
    "axes.edgecolor": QUIET,
    "axes.grid": True,
    "axes.labelcolor": REFERENCE,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "svg.fonttype": "path",
    "svg.hashsalt": "maphc2f",
    "xtick.color": QUIET,
    "xtick.labelcolor": REFERENCE,
    "ytick.color": QUIET,
    "ytick.labelcolor": REFERENCE,
}
WIDTH = 7.2
"""Of a figure, inches: about 700 px on a page."""


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the one style, whatever the reader's own settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG without a date; twice the same figure is twice the same bytes."""
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _panels(height: float, *shares: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.subplots(1, len(shares), width_ratios=shares, squeeze=False)[0]
    return figure, list(axes)


def _label(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def _picture(
    axes: Axes, field: NDArray[np.floating], title: str, extent: tuple[float, float, float, float] | None = None
) -> None:
    """Show a field from 0 (white) to its largest value (blue)."""
    axes.imshow(field, cmap=MAP, vmin=0, vmax=float(field.max()), extent=extent, interpolation="nearest")
    axes.set_title(title)
    axes.grid(visible=False)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)


def _damage(axes: Axes, run: Pull, title: str) -> None:
    """Show a plate with its moved side, the last row, at the top."""
    ny, nx = run.damage.shape
    _picture(axes, run.damage[::-1], title)
    axes.plot([-0.5, nx / 2], [ny // 2, ny // 2], color=REFERENCE, linewidth=1.2)
    _bare(axes)


def draw_notched(runs: dict[str, Pull]) -> Figure:
    """Force over displacement with the published peaks, and the damage when a tenth of the force is lost."""
    figure, (plot, tension, shear) = _panels(2.7, 1.75, 1, 1)
    for color, (name, run) in zip(OURS, runs.items(), strict=True):
        plot.plot(1e3 * run.displacement, run.force, color=color, label=name)
    marks = np.array([mark for peaks in data.PUBLISHED_PEAKS.values() for mark in peaks])
    plot.plot(1e3 * marks[:, 0], marks[:, 1], "x", color=PUBLISHED, markersize=7, label="published peaks")
    _label(plot, "notched plates of 1 mm", "displacement, µm", "force, kN")
    plot.set_ylim(0.25, 0.95)
    plot.legend(loc="upper right", handlelength=1.4)
    _damage(tension, runs["tension, spectral split"], "damage, tension")
    _damage(shear, runs["shear, spectral split"], "damage, shear")
    return figure


def draw_fronts(wires: dict[float, data.Wire], crossover: data.Crossover) -> Figure:
    """Depth of wires under diffusion control, and through the crossover to it."""
    figure, (left, right) = _panels(2.9, 1, 1)
    for color, (saturation, wire) in zip(OURS, wires.items(), strict=True):
        end = np.array([0, wire.ours.x[-1]])
        left.plot(end, wire.rate * end, color=REFERENCE, linewidth=0.8, label="Stefan" if color == OURS[0] else None)
        some = slice(2, None, max(len(wire.ours.x) // 14, 1))
        left.plot(wire.ours.x[some], wire.ours.y[some], "o", color=color, label=f"Csat {saturation:g} mol/L")
    _label(left, "pencil electrode", "√time, √s", "depth, µm")
    left.legend(loc="lower right")
    right.loglog(*crossover.reference, color=REFERENCE, linewidth=0.8, label="front tracking")
    for color, (cells, line) in zip(OURS, crossover.ours.items(), strict=True):
        near = np.abs(np.subtract.outer(np.geomspace(line.x[0], line.x[-1], 12), line.x)).argmin(axis=1)
        right.plot(line.x[near], line.y[near], "o", color=color, label=f"crossover at {cells:g} cells")
    _label(
        right,
        "from reaction to diffusion control",
        "time over the crossover's",
        "depth over the crossover's",
    )
    right.minorticks_off()
    right.legend(loc="upper left")
    return figure


def draw_pit(ours: data.Growth, reference: data.Growth) -> Figure:
    """Outlines of a pit below an opening, ours on the left of its axis, and its depth over time."""
    figure, (picture, plot) = _panels(2.9, 1.35, 1)
    ny, nx = ours.outlines[0].shape
    x, y = (np.arange(nx) + 0.5) * ours.spacing, (np.arange(ny) + 0.5) * ours.spacing
    for mine, its in zip(ours.outlines, reference.outlines, strict=True):
        picture.contour(-x, y, mine, [0.5], colors=OURS[0], linewidths=1.5)
        picture.contour(x, y, its, [0.5], colors=REFERENCE, linewidths=0.8)
    wide = 1e6 * data.physics_corrosion.HALF_SLIT
    for side in (-1, 1):
        picture.plot([side * wide, side * nx * ours.spacing], [0, 0], color=QUIET, linewidth=3, solid_capstyle="butt")
    picture.set_aspect("equal")
    picture.set_xlim(-50, 50)
    picture.set_ylim(46, -2)
    picture.plot([], [], color=OURS[0], label="ours")
    picture.plot([], [], color=REFERENCE, linewidth=0.8, label="phase field (KKS)")
    picture.legend(loc="lower left", ncols=2, handlelength=1.2, bbox_to_anchor=(0, -0.02))
    _label(picture, "pit below an 8 µm opening of a tight film", "µm", "µm")
    plot.plot(*reference.depth, color=REFERENCE, linewidth=0.8, label="phase field (KKS)")
    plot.plot(*ours.depth, color=OURS[0], label="ours")
    _label(plot, "its growth", "time since the first outline, s", "depth, µm")
    plot.legend(loc="lower right")
    return figure


def draw_ball(profiles: dict[int, data.Curve]) -> Figure:
    """Pressure below a ball on two grids, and what it differs from Hertz by."""
    figure, (left, right) = _panels(2.7, 1.35, 1)
    r = np.linspace(0, 1.4, 400)
    left.plot(r, np.sqrt(np.maximum(1 - r**2, 0)), color=REFERENCE, linewidth=0.8, label="Hertz", zorder=3)
    for color, (n, line) in zip(reversed(OURS[:2]), profiles.items(), strict=True):
        left.plot(*line, ".", color=color, label=f"{n}² cells", markersize=3, rasterized=True)
        off = line.y - np.sqrt(np.maximum(1 - line.x**2, 0))
        right.plot(line.x, 100 * off, ".", color=color, markersize=3, rasterized=True)
    _label(left, "ball on an elastic half-space", "distance over contact radius", "pressure over p₀")
    _label(right, "difference from Hertz", "distance over contact radius", "% of p₀")
    left.legend()
    return figure


def draw_hole(hole: data.Hole) -> Figure:
    """Stress on the equator of a hole beside Kirsch, and the field."""
    figure, (plot, picture) = _panels(2.9, 1.35, 1)
    y = np.linspace(1, 6, 300)
    plot.plot(y, hole_stress(0 * y, y, 1.0), color=REFERENCE, linewidth=0.8, label="Kirsch", zorder=3)
    some = hole.equator.x > 1
    plot.plot(hole.equator.x[some], hole.equator.y[some], "o", color=OURS[0], markersize=3, label="ours")
    _label(plot, "stretched sheet with a hole, on the equator", "distance from the middle over a", "stress over S")
    plot.legend()
    near = round(3 * hole.radius)
    quarter = np.maximum(hole.stress[:near, :near], 0)
    _picture(
        picture, np.block([[quarter[::-1, ::-1], quarter[::-1]], [quarter[:, ::-1], quarter]]), "stress along the pull"
    )
    _bare(picture)
    return figure


def draw_punch(punches: data.Punches) -> Figure:
    """Load of a punch over the size of a cell, and where the metal has flowed."""
    figure, (plot, picture) = _panels(2.6, 1, 1.35)
    fine = punches.load.x[-2]
    slope = (punches.load.y[-2] - punches.limit) / fine
    plot.axhline(PRANDTL, color=REFERENCE, linewidth=0.8, label="2 + π (Prandtl)")
    plot.plot([0, fine], [punches.limit, punches.limit + slope * fine], "--", color=OURS[1], linewidth=1)
    plot.plot(*punches.load, "o", color=OURS[0], label="ours")
    plot.plot(0, punches.limit, "o", color="white", markeredgecolor=OURS[0], label="line to h = 0", clip_on=False)
    _label(plot, "load of a smooth punch of half width a", "h / a", "q / k")
    plot.set_ylim(4.95, 5.25)
    plot.legend(loc="upper right", ncols=1)
    ny, nx = punches.slip.shape
    cells = punches.cells
    shown = np.minimum(punches.slip, float(np.quantile(punches.slip, 0.98)))
    both = np.concatenate([shown[:, ::-1], shown], axis=1)
    _picture(picture, both, "plastic strain", (-nx / cells, nx / cells, ny / cells, 0))
    picture.add_patch(Rectangle((-1, -0.3), 2, 0.3, color=QUIET))
    picture.set_ylim(ny / cells, -0.3)
    picture.set_xlabel("distance from the axis over a")
    return figure


def draw_plate(ours: data.Curve, fibres: data.Curve, loaded: data.Curve) -> Figure:
    """Springback of strips, and the load that a plate carries."""
    figure, (left, right) = _panels(2.7, 1, 1)
    left.semilogx(*fibres, color=REFERENCE, linewidth=0.8, label="4000 fibres", zorder=3)
    left.plot(ours.x, ours.y, "o", color=OURS[0], label="ours")
    left.set_xticks([1, 2, 5, 10, 20], labels=["1", "2", "5", "10", "20"])
    left.minorticks_off()
    _label(left, "springback of a bent strip", "curvature over that of first yield", "share of it that stays")
    left.legend(loc="upper left")
    right.axhline(25, color=REFERENCE, linewidth=0.8, label="von Mises, 25")
    right.axhline(24, color=REFERENCE, linewidth=0.8, linestyle=":", label="yield lines, 24")
    right.plot(*loaded, color=OURS[0], label="ours")
    _label(right, "simply supported square plate", "deflection over that at 10 $M_p/a^2$", "load, $M_p/a^2$")
    right.set_ylim(0, 27)
    right.legend(loc="lower right")
    return figure


def draw_network(networks: data.Networks) -> Figure:
    """Directions of cracks beside an even share, and one network."""
    figure = Figure(figsize=(WIDTH, 3.0))
    rose = figure.add_subplot(1, 2, 1, projection="polar")
    edges = np.linspace(0, np.pi, 25)
    lengths, _ = np.histogram(networks.angles % np.pi, edges, weights=networks.lengths)
    share = np.tile(lengths / lengths.mean(), 2)
    middles = np.concatenate([edges[:-1], edges[:-1] + np.pi]) + 0.5 * edges[1]
    rose.bar(middles, share, width=edges[1], color=OURS[1], edgecolor="white", linewidth=0.4)
    rose.plot(np.linspace(0, 2 * np.pi, 200), np.ones(200), color=REFERENCE, linewidth=0.8)
    rose.set_yticks([0.5, 1], labels=["", ""])
    rose.set_xticks(np.arange(8) * np.pi / 4, labels=["0°", "45°", "90°", "135°", "", "", "", ""])
    rose.set_title(f"directions in {networks.count} networks")
    picture = figure.add_subplot(1, 2, 2)
    _picture(picture, networks.extent, "one of the networks, phase field")
    _bare(picture)
    return figure

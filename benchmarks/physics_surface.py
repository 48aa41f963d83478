"""Wrinkles and pile-up through the production solvers.

* :func:`onset_wavelength`, :func:`pile_up_volume` solve one problem each.
* :func:`wrinkle_rows`, :func:`pile_up_rows` are rows of the table.
"""

from __future__ import annotations

import numpy as np

from benchmarks.physics_table import Row
from maphc2f.rng import stream
from maphc2f.solvers.contact import pile_up
from maphc2f.solvers.wrinkle import amplitude, compression, make_film, relax


def onset_wavelength(cells: int, wavelength: float) -> float:
    """Return the strongest wave of a film just above buckling, grown from noise on a strip ``cells`` long."""
    noise = 0.1 * stream(2, "wrinkle").normal(size=(16, cells))
    v, _ = relax(make_film((16, cells), wavelength), noise, compression(np.full((16, cells), 1.05), 0.0, 0.0), 1500)
    return cells / int(np.argmax(np.abs(np.fft.rfft(v.mean(axis=0)))))


def settled_amplitude(overstrain: float) -> float:
    """Return the amplitude over the thickness of a wave of the onset's length, 12 cells; v = √12 w / t.

    It starts as that wave: from noise a neighbouring wavelength may win, whose amplitude is another.
    """
    wave = np.tile(0.1 * np.cos(2 * np.pi * np.arange(96) / 12), (16, 1))
    v, _ = relax(make_film((16, 96), 12.0), wave, compression(np.full((16, 96), overstrain), 0.0, 0.0), 1500)
    return float(2 * np.abs(np.fft.rfft(v.mean(axis=0)))[8] / (96 * np.sqrt(12)))


def pile_up_volume(n: int, share: float, tolerance: float) -> float:
    """Return the volume risen round an elliptic bowl over the volume dug."""
    y, x = np.mgrid[:n, :n] - 0.5 * (n - 1)
    bowl = (x**2 + 1.3 * y**2) / (14.0 * n / 72) ** 2 - 1
    height = pile_up(bowl, share=share, width=5.0 * n / 72, tolerance=tolerance).height
    return float(height[height > 0].sum() / -height[height < 0].sum())


def wrinkle_rows(full: bool) -> list[Row]:
    """D7: wavelength λ = 2π (D/k)^¼ at onset, and amplitude t √(2/3 (ε/ε_c - 1)) at equilibrium."""
    rows = [
        Row(f"wavelength of wrinkles at onset, λ = {length:g} h", relax, length, onset_wavelength(cells, length), 0.03)
        for cells, length in (((240, 12.0), (390, 13.0), (480, 16.0)) if full else ((240, 12.0),))
    ]
    known = amplitude(1.0, 1.5)
    return [*rows, Row("amplitude of wrinkles at 1.5 ε_c over t", relax, known, settled_amplitude(1.5), 0.03)]


def pile_up_rows(full: bool) -> list[Row]:
    """Risen volume over dug volume, at a tight and at the production's tolerance."""
    rows = []
    for share in (1.0, 0.4) if full else (1.0,):
        for tolerance, allowed in ((1e-7, 1e-4), (1e-4, 1e-2)):
            name = f"pile-up volume, share {share:g}, tolerance {tolerance:g}"
            rows.append(Row(name, pile_up, share, pile_up_volume(72, share, tolerance), allowed))
    return rows

"""How strong a defect is drawn, from its appearance and the good picture: plain numbers, no tensors.

* :func:`contrast_unit`: what contrasts are multiples of.
* :func:`noise_floor`, :func:`amplitude_floor`: least change of a defect's strongest part.
* :func:`target_amplitude`: the change that it should reach.
* :func:`rough_amplitude`: fine texture of exposed material.
* :func:`mean_luminance`: of a mean colour.
"""

from __future__ import annotations

from collections.abc import Sequence

from maphc2f.render.window import PictureStatistics, WindowInputs

LUMINANCE_WEIGHTS = (0.2126, 0.7152, 0.0722)
"""Rec. 709 luminance of linear RGB (ITU-R BT.709-6, item 3.2)."""

GRAY_FLOOR = 5.0 / 255.0
"""Least contrast of a rendered defect, display units: below it labels teach that stains are defects."""

NOISE_FLOOR = 5.0
"""Least contrast over the sensor noise: 2.5 times the threshold of 2 sigma at which a change counts as visible."""

MASKING = 2.2
"""Least contrast over the surface's own texture: below about two standard deviations people and detectors lose a defect
in it."""

MAX_MASKING = 0.3
"""Most that texture can ask for, display units."""

STRUCTURE_LIMIT = 0.06
"""Most that ``local_std`` counts for beside texture, display units: the rest is outlines and shading of the part."""

ROUGH_LIMIT = 0.03
"""Strongest fine texture of exposed material, standard deviation, display units: beyond it looks like noise."""

STREAK_SHARE = 0.2
"""Standard deviation of the streaks in a scratch over its contrast."""

MAX_AMPLITUDE = 0.35
"""Most contrast that a coarsely structured picture can ask for, display units: beyond it defects look painted."""


def noise_floor(window: WindowInputs) -> float:
    """Return the least change that sensor noise and quantisation ask for: max(5/255, 5 σ), display units."""
    return max(GRAY_FLOOR, NOISE_FLOOR * window.statistics.noise)


def amplitude_floor(window: WindowInputs) -> float:
    """Return the least change of a defect's strongest part, display units.

    A₀ = max(5/255, 5 σ, min(MASKING · texture_std, MAX_MASKING)): 2.5 times the threshold max(2/255, 2 σ) from which a
    change counts, so that tapering parts pass it too, and enough not to drown in the surface's own texture.
    """
    statistics = window.statistics
    masked = min(MASKING * statistics.texture_std, MAX_MASKING)
    return max(noise_floor(window), masked)


def contrast_unit(statistics: PictureStatistics) -> float:
    """Return what contrasts are multiples of, display units: max(texture_std, min(local_std, STRUCTURE_LIMIT))."""
    return max(statistics.texture_std, min(statistics.local_std, STRUCTURE_LIMIT))


def target_amplitude(window: WindowInputs) -> float:
    """Return the change that the strongest part of the defect should reach, display units.

    A = max(min(contrast · unit, MAX_AMPLITUDE), floor).
    """
    wanted = window.appearance.contrast * contrast_unit(window.statistics)
    return max(min(wanted, MAX_AMPLITUDE), amplitude_floor(window))


def rough_amplitude(window: WindowInputs) -> float:
    """Return the standard deviation of the fine texture inside, display units.

    Exposed material is about as rough as the surface; the tool that scratches leaves streaks whose contrast goes with
    the scratch's own.
    """
    own = min(window.appearance.roughness * window.statistics.texture_std, ROUGH_LIMIT)
    streaks = STREAK_SHARE * window.appearance.roughness * target_amplitude(window)
    return max(own, window.appearance.streak * streaks)


def mean_luminance(mean: Sequence[float]) -> float:
    """Return the luminance of a mean colour, display units."""
    if len(mean) == 1:
        return float(mean[0])
    return float(sum(weight * value for weight, value in zip(LUMINANCE_WEIGHTS, mean, strict=True)))

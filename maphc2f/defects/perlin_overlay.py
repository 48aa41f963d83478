"""Perlin overlay: DRÆM's anomaly simulator, a foreign texture shown through one thresholded Perlin field.

* :class:`PerlinOverlay` is the family with its scenario ``draem``, :data:`FAMILY` its instance.
* :func:`draw_full_field` draws the field of one mask.
* :func:`augment_source` applies three of ten random operations to a texture picture.

No physics: the picture-level baseline of Zavrtanik, Kristan and Skočaj, "DRÆM: a discriminatively trained
reconstruction embedding for surface anomaly detection", ICCV 2021, doi 10.1109/ICCV48922.2021.00822
(arXiv:2108.07610, section 3.3):

* noise of 2^i by 2^j lattice cells, i and j uniform in 0 .. 5, turned by -90 .. 90 degrees, cut at 0.5. The paper says
  that the threshold is random; 0.5 is that of the authors' released settings, which all comparisons use;
* the blend (1 - M) I + M (β I + (1 - β) A) of picture I and texture A below mask M, with the share of the good
  picture β uniform in 0 .. 0.8 (released settings; the paper gives its opposite, the opacity, 0.1 .. 1);
* three of ten operations on the texture: posterise, sharpness, solarise, equalise, brightness, colour and autocontrast
  of the paper, and gamma, inversion and rotation of the released settings.

The method takes textures from photographs (DTD): give some with ``--textures``. Stages grow as those of
:mod:`~maphc2f.defects.texture_overlay`, whose noise this is: the threshold sinks to 0.5, the area of the method itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.defects.layers import Layer, parameter_range
from maphc2f.defects.texture_overlay import (
    AUGMENTATIONS,
    MAX_LATTICE_EXPONENT,
    MAX_TRIES,
    MIN_CELLS,
    THRESHOLD,
    AugmentOperation,
    PerlinMask,
    perlin_cells,
    perlin_simulation,
)
from maphc2f.errors import SimulationRejected
from maphc2f.kernels.perlin import gradient_noise
from maphc2f.sample import Scenario, Simulation, SimulationRequest, UInt8

OPACITY = (0.0, 0.8)
OPERATIONS_EACH = 3


def draw_full_field(n: int, rng: np.random.Generator) -> PerlinMask:
    """Draw a Perlin field (n, n) until its mask at 0.5 is not empty.

    Raises:
        SimulationRejected: No mask in 64 tries.
    """
    for _ in range(MAX_TRIES):
        a, b = (2 ** int(k) for k in rng.integers(0, MAX_LATTICE_EXPONENT + 1, size=2))
        rotation = float(rng.uniform(-math.pi / 2, math.pi / 2))
        noise = gradient_noise(rng.uniform(0, 2 * math.pi, size=(a + 1, b + 1)), n, rotation)
        if np.count_nonzero(noise > THRESHOLD) >= MIN_CELLS:
            return PerlinMask(noise, "single", ((a, b),), (rotation,))
    msg = f"no Perlin mask in {MAX_TRIES} tries"
    raise SimulationRejected(msg)


@dataclass(frozen=True, slots=True)
class PerlinOverlay:
    """The DRÆM family with its scenario ``draem``.

    ``request.size`` over ``request.field_of_view`` is the share of the method's own area that the last stage reaches.
    """

    name: str = "perlin_overlay"
    min_visible_share: float = 0.0
    min_change_inside: float = 0.95

    @property
    def layer(self) -> Layer:
        """A texture after three of ten operations."""
        return _LAYER

    @property
    def scenarios(self) -> Mapping[str, Scenario]:
        """Scenarios by name."""
        return _SCENARIOS

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> Simulation:
        """Draw one mask on a square as large as the field of view, and its stages.

        Raises:
            SimulationRejected: No mask in 64 tries.
        """
        field = draw_full_field(perlin_cells(request), rng)
        opacity = float(rng.uniform(*parameter_range(request, "opacity", OPACITY)))
        return perlin_simulation(self.name, request, field, {"opacity": opacity})


def augment_source(texture: UInt8, rng: np.random.Generator) -> UInt8:
    """Apply three different ones of ten operations to a texture, in random order.

    Gamma, brightness, sharpness, hue and saturation, solarise, posterise, invert, autocontrast, equalise, rotate by up
    to 45 degrees (mirrored at the border, so that no black corners arise).

    Args:
        texture: RGB, uint8 (H, W, 3).
        rng: Source of the choice and of the strengths.

    Returns:
        uint8 (H, W, 3), a new array.

    Raises:
        ValueError: ``texture`` is not an RGB picture of 8 bits.
    """
    if texture.dtype != np.uint8 or texture.ndim != 3 or texture.shape[2] != 3:
        msg = f"texture must be uint8 (H, W, 3), got {texture.dtype} {texture.shape}"
        raise ValueError(msg)
    for index in rng.choice(len(OPERATIONS), size=OPERATIONS_EACH, replace=False):
        texture = OPERATIONS[int(index)](texture, rng)
    return np.array(texture, np.uint8, order="C")


def _through(table: NDArray[np.float64], texture: UInt8) -> UInt8:
    """Return the texture through a table of 256 values."""
    return np.asarray(np.rint(np.clip(table, 0, 255)).astype(np.uint8)[texture], np.uint8)


_CODES = np.arange(256, dtype=np.float64)


def _gamma(texture: UInt8, rng: np.random.Generator) -> UInt8:
    return _through(255 * (_CODES / 255) ** rng.uniform(0.5, 2.0), texture)


def _brightness(texture: UInt8, rng: np.random.Generator) -> UInt8:
    return _through(_CODES * rng.uniform(0.8, 1.2) + rng.uniform(-30, 30), texture)


def _sharpness(texture: UInt8, rng: np.random.Generator) -> UInt8:
    """Blend with the difference from a 3 x 3 mean: up to three times the contrast of the finest detail."""
    smooth = cv2.blur(texture, (3, 3), borderType=cv2.BORDER_REFLECT_101).astype(np.float32)
    sharper = smooth + np.float32(rng.uniform(0.0, 3.0)) * (texture - smooth)
    return np.rint(np.clip(sharper, 0, 255)).astype(np.uint8)


def _colour(texture: UInt8, rng: np.random.Generator) -> UInt8:
    """Shift hue and saturation by up to 50 of 255 steps."""
    hsv = cv2.cvtColor(texture.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + 360 * rng.uniform(-50, 50) / 255) % 360
    hsv[..., 1] = np.clip(hsv[..., 1] + rng.uniform(-50, 50) / 255, 0, 1)
    return np.rint(np.clip(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255, 0, 255)).astype(np.uint8)


def _solarise(texture: UInt8, rng: np.random.Generator) -> UInt8:
    """Invert what is brighter than a level in 32 .. 128."""
    return _through(np.where(rng.uniform(32, 128) > _CODES, _CODES, 255 - _CODES), texture)


def _posterise(texture: UInt8, rng: np.random.Generator) -> UInt8:
    """Keep the upper 1 .. 7 bits of each value."""
    step = 2 ** int(rng.integers(1, 8))
    return _through(_CODES // step * step, texture)


def _invert(texture: UInt8, _rng: np.random.Generator) -> UInt8:
    return (255 - texture).astype(np.uint8)


_SHARED: Mapping[str, AugmentOperation] = {operation.__name__.strip("_"): operation for operation in AUGMENTATIONS}

OPERATIONS: tuple[AugmentOperation, ...] = (
    _gamma,
    _brightness,
    _sharpness,
    _colour,
    _solarise,
    _posterise,
    _invert,
    _SHARED["autocontrast"],
    _SHARED["equalise"],
    _SHARED["rotate"],
)

_LAYER = Layer("texture", augment_source)

_SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "draem": Scenario(
            name="draem",
            title="Foreign texture blended in below one Perlin mask",
            size_range=(1.0, 1.0),
            parameters=MappingProxyType({"opacity": OPACITY}),
            placement="picture",
        )
    }
)

FAMILY = PerlinOverlay()

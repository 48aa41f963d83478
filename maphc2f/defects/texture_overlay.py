"""Texture overlay: the local anomaly synthesis (LAS) of GLASS, its Perlin masks and its texture augmentations.

* :func:`draw_mask` draws the combined Perlin field of one mask; :class:`PerlinMask` keeps it with its numbers.
* :func:`level_for_share` finds the threshold at which a mask has a share of its full area.
* :func:`draw_opacity` draws the transparency β.
* :func:`perlin_simulation` makes the stages of a field, :func:`perlin_snapshot` one of them.
* :func:`augment_texture` applies three of nine random operations to a texture picture.
* :class:`TextureOverlay` is the family, :data:`FAMILY` its instance.

This family is no physics: it is the picture-level baseline of Chen et al., "A unified anomaly synthesis strategy with
gradient ascent for industrial anomaly detection and localization", ECCV 2024, doi 10.1007/978-3-031-72855-6_3. All
snapshots of a simulation share one noise field; the stage raises the threshold from the method's 0.5, so that the
area grows in proportion to the size reached and is that of the method itself when the size equals the field of view.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.defects.layers import Layer
from maphc2f.errors import SimulationRejected
from maphc2f.kernels.perlin import gradient_noise
from maphc2f.sample import Float32, Scenario, Simulation, SimulationRequest, Snapshot, UInt8

THRESHOLD = 0.5
MAX_LATTICE_EXPONENT = 5
OPACITY_MEAN, OPACITY_STD, OPACITY_RANGE = 0.5, 0.1, (0.2, 0.8)
MAX_TRIES = 64
MIN_CELLS = 4
GRID_RANGE = (64, 256)

AugmentOperation = Callable[[UInt8, np.random.Generator], UInt8]


@dataclass(frozen=True, slots=True)
class PerlinMask:
    """A combined noise field and the numbers that made it.

    Attributes:
        noise: float32 (n, n); the mask is where it exceeds a threshold.
        combination: ``single``, ``union`` or ``intersection``.
        lattices: Lattice cells (y, x) of each noise field used.
        rotations: Rotation of each noise field used, rad.
    """

    noise: Float32
    combination: str
    lattices: tuple[tuple[int, int], ...]
    rotations: tuple[float, ...]


def _draw_noise(n: int, rng: np.random.Generator) -> tuple[Float32, tuple[int, int], float]:
    a, b = (2 ** int(k) for k in rng.integers(0, MAX_LATTICE_EXPONENT + 1, size=2))
    rotation = float(rng.uniform(-math.pi / 2, math.pi / 2))
    angles = rng.uniform(0, 2 * math.pi, size=(a + 1, b + 1))
    return gradient_noise(angles, n, rotation), (a, b), rotation


def draw_mask(n: int, rng: np.random.Generator) -> PerlinMask:
    """Draw one combined Perlin field: single, union (maximum) or intersection (minimum), a third each.

    Args:
        n: Cells along each side, >= 1.
        rng: Source of lattices, rotations, gradients and combination.

    Returns:
        The field; ``noise > 0.5`` is the mask, which may be empty.
    """
    first, lattice_1, rotation_1 = _draw_noise(n, rng)
    second, lattice_2, rotation_2 = _draw_noise(n, rng)
    t = rng.uniform()
    if t <= 1 / 3:
        return PerlinMask(first, "single", (lattice_1,), (rotation_1,))
    union = t > 2 / 3
    noise = np.maximum(first, second) if union else np.minimum(first, second)
    return PerlinMask(noise, "union" if union else "intersection", (lattice_1, lattice_2), (rotation_1, rotation_2))


def draw_full_mask(n: int, rng: np.random.Generator) -> PerlinMask:
    """Draw until the mask at the method's threshold is not empty.

    Raises:
        SimulationRejected: No mask in 64 tries.
    """
    for _ in range(MAX_TRIES):
        mask = draw_mask(n, rng)
        if np.count_nonzero(mask.noise > THRESHOLD) >= MIN_CELLS:
            return mask
    msg = f"no Perlin mask in {MAX_TRIES} tries"
    raise SimulationRejected(msg)


def level_for_share(noise: Float32, share: float) -> float:
    """Return the threshold >= 0.5 above which lies ``share`` of the cells that exceed 0.5.

    Args:
        noise: float32 (n, n) with at least one cell above 0.5.
        share: Share of the full area, 0 < share <= 1.
    """
    above = np.sort(noise[noise > THRESHOLD])[::-1]
    keep = max(MIN_CELLS, round(share * above.size))
    return THRESHOLD if keep >= above.size else float(0.5 * (above[keep - 1] + above[keep]))


def draw_opacity(rng: np.random.Generator) -> float:
    """Draw β ~ Normal(0.5, 0.1²) clipped to [0.2, 0.8]: the share of the good picture that shows through."""
    return float(np.clip(rng.normal(OPACITY_MEAN, OPACITY_STD), *OPACITY_RANGE))


def level_to_extent(noise: Float32, level: float) -> Float32:
    """Return a mask in [0, 1] whose edge is a ramp one cell wide: clip(½ + (n - level) / (h |∇n|), 0, 1)."""
    gy, gx = np.gradient(noise)
    ramp = (noise - np.float32(level)) / np.maximum(np.hypot(gy, gx), np.float32(1e-6))
    return np.clip(np.float32(0.5) + ramp, 0, 1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class TextureOverlay:
    """The texture overlay family with its scenario ``las``.

    ``request.size`` over ``request.field_of_view`` is the share of the method's own area that the last stage reaches.
    """

    name: str = "texture_overlay"
    min_visible_share: float = 0.0
    min_change_inside: float = 0.95

    @property
    def layer(self) -> Layer:
        """A texture after three of nine operations."""
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
        mask, opacity = draw_full_mask(perlin_cells(request), rng), draw_opacity(rng)
        return perlin_simulation(self.name, request, mask, {"combination": mask.combination, "opacity": opacity})


def perlin_cells(request: SimulationRequest) -> int:
    """Return the cells along each side of the field: one a pixel, within limits."""
    return int(np.clip(round(request.field_of_view / request.pixel_size), *GRID_RANGE))


def perlin_simulation(
    family: str, request: SimulationRequest, mask: PerlinMask, numbers: Mapping[str, Any]
) -> Simulation:
    """Return the stages of one Perlin field on a square as large as the field of view.

    Args:
        family: Whose simulation it is.
        request: What is asked for; its size over the field of view is the share of the full area at the last stage.
        mask: The field, not empty at the method's threshold.
        numbers: What the family drew besides; lattices, rotations and levels are added.
    """
    side = request.field_of_view
    levels = [level_for_share(mask.noise, min(1.0, s * request.size / side)) for s in request.stages]
    return Simulation(
        family=family,
        scenario=request.scenario,
        placement="picture",
        snapshots=tuple(
            perlin_snapshot(mask.noise, level, s * request.size, side / mask.noise.shape[0])
            for s, level in zip(request.stages, levels, strict=True)
        ),
        parameters={**numbers, **_lattices(mask), **{f"noise_level_{k}": level for k, level in enumerate(levels)}},
        iterations=1,
        residual=0.0,
    )


def perlin_snapshot(noise: Float32, level: float, size: float, spacing: float) -> Snapshot:
    """Return the stage of a Perlin field (n, n) at which the mask is what exceeds ``level``; lengths in m."""
    n = noise.shape[0]
    corner = -0.5 * (n - 1) * spacing
    extent = level_to_extent(noise, level)
    width = math.sqrt(float(np.count_nonzero(extent >= THRESHOLD))) * spacing
    return Snapshot(
        size=size,
        spacing=spacing,
        origin=(corner, corner),
        extent=extent,
        threshold=THRESHOLD,
        measures={"width": width},
    )


def _lattices(mask: PerlinMask) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for i, ((a, b), rotation) in enumerate(zip(mask.lattices, mask.rotations, strict=True), start=1):
        numbers |= {f"lattice_y_{i}": float(a), f"lattice_x_{i}": float(b), f"rotation_{i}": rotation}
    return numbers


def augment_texture(texture: UInt8, rng: np.random.Generator) -> UInt8:
    """Apply three different ones of nine operations to a texture, in random order.

    Contrast, brightness, saturation with hue, horizontal flip, vertical flip, gray, autocontrast, histogram
    equalisation, rotation by up to 45 degrees (mirrored at the border, so that no black corners arise).

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
    for index in rng.choice(len(AUGMENTATIONS), size=3, replace=False):
        texture = AUGMENTATIONS[int(index)](texture, rng)
    return np.ascontiguousarray(texture)


def _to_uint8(values: NDArray[Any]) -> UInt8:
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def _luma(texture: UInt8) -> UInt8:
    return np.asarray(cv2.cvtColor(texture, cv2.COLOR_RGB2GRAY), np.uint8)


def _contrast(texture: UInt8, rng: np.random.Generator) -> UInt8:
    mean = float(_luma(texture).mean())
    return _to_uint8(mean + (texture.astype(np.float32) - mean) * rng.uniform(0.8, 1.2))


def _brightness(texture: UInt8, rng: np.random.Generator) -> UInt8:
    return _to_uint8(texture.astype(np.float32) * rng.uniform(0.8, 1.2))


def _colour(texture: UInt8, rng: np.random.Generator) -> UInt8:
    hsv = cv2.cvtColor(texture.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.8, 1.2), 0, 1)
    hsv[..., 0] = (hsv[..., 0] + 360 * rng.uniform(-0.2, 0.2)) % 360
    return _to_uint8(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255)


def _flip_horizontal(texture: UInt8, _rng: np.random.Generator) -> UInt8:
    return texture[:, ::-1]


def _flip_vertical(texture: UInt8, _rng: np.random.Generator) -> UInt8:
    return texture[::-1]


def _gray(texture: UInt8, _rng: np.random.Generator) -> UInt8:
    return np.repeat(_luma(texture)[..., None], 3, axis=2)


def _autocontrast(texture: UInt8, _rng: np.random.Generator) -> UInt8:
    low = texture.min(axis=(0, 1)).astype(np.float32)
    span = texture.max(axis=(0, 1)).astype(np.float32) - low
    stretched = (texture - low) * (255 / np.maximum(span, 1))
    return np.where(span > 0, _to_uint8(stretched), texture)


def _equalise(texture: UInt8, _rng: np.random.Generator) -> UInt8:
    channels = [cv2.equalizeHist(np.ascontiguousarray(texture[..., c])) for c in range(3)]
    return np.stack(channels, axis=2).astype(np.uint8)


def _rotate(texture: UInt8, rng: np.random.Generator) -> UInt8:
    height, width = texture.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), rng.uniform(-45, 45), 1.0)
    turned = cv2.warpAffine(texture, turn, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(turned, np.uint8)


AUGMENTATIONS: tuple[AugmentOperation, ...] = (
    _contrast,
    _brightness,
    _colour,
    _flip_horizontal,
    _flip_vertical,
    _gray,
    _autocontrast,
    _equalise,
    _rotate,
)

_LAYER = Layer("texture", augment_texture)

_SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "las": Scenario(
            name="las",
            title="Texture blended in below a Perlin mask",
            size_range=(1.0, 1.0),
            placement="picture",
        )
    }
)

FAMILY = TextureOverlay()

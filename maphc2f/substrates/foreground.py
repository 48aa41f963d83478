"""Where the part is in a picture, without any learned weights.

* :func:`foreground_auto` finds it from colour, edges and the picture's border.
* :func:`foreground_folder` and :func:`find_mask` read masks that the user has.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from maphc2f.errors import PictureError
from maphc2f.spec import Kind
from maphc2f.substrates.base import Mask, Pixels
from maphc2f.substrates.decode import Refused, decode

WORK_SIDE = 192
"""Longer side at which the object is looked for, px."""

_MASK_SUFFIXES = (".png", "_mask.png", ".bmp", ".jpg")
_MAX_MASK_BYTES = 1 << 28

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _View:
    """The reduced picture as seen against its background.

    ``distance`` is the colour distance to the background in units of its own scatter, ``ratio`` the brightness
    relative to it, ``chroma`` the distance that a change of brightness cannot explain, ``edges`` the gradient.
    """

    rgb: NDArray[np.uint8]
    distance: Float32
    ratio: Float32
    chroma: Float32
    edges: Float32


def foreground_auto(image: Pixels, kind: Kind) -> Mask:
    """Return the mask of the part, or of the whole picture if it is a texture or shows no clear object.

    A smooth background is fitted to the border by iteratively reweighted least squares; Otsu's threshold (1979,
    doi 10.1109/TSMC.1979.4310076) on the colour distance to it gives a first mask. Shadows are taken out (see
    :func:`_shadow`). GrabCut (Rother et al. 2004, doi 10.1145/1015706.1015720) refines the outline. Small holes are
    filled; holes that show the background stay.

    Args:
        image: uint8 (H, W) or (H, W, 3), or uint16 (H, W).
        kind: Textures are foreground everywhere.

    Returns:
        bool (H, W), never empty.
    """
    whole = np.ones(image.shape[:2], np.bool_)
    if kind == "texture":
        return whole
    view = _view(image)
    first = _first_mask(view)
    if first is None:
        return whole
    mask = _cleaned(_refined(view, first, _shadow(view, first)), view)
    if not _is_object(mask, view):
        return whole
    return _upsampled(mask, (image.shape[1], image.shape[0]))


def foreground_folder(path: Path, shape: tuple[int, ...], *, may_be_empty: bool = False) -> Mask:
    """Read a foreground mask: any value above half of the largest is foreground.

    Args:
        path: Picture file with the height and width ``shape``, or the same aspect ratio.
        shape: (H, W) of the picture it belongs to.
        may_be_empty: Whether it may be black all over.

    Raises:
        PictureError: Unreadable, another aspect ratio, or empty.
    """
    try:
        if path.stat().st_size > _MAX_MASK_BYTES:
            raise _bad_mask(path, "it is too large")
        mask = decode(path.read_bytes()).image
    except (OSError, Refused) as error:
        raise _bad_mask(path, str(error)) from error
    gray = mask.max(axis=2) if mask.ndim == 3 else mask
    height, width = shape
    if abs(gray.shape[1] * height - gray.shape[0] * width) > max(height, width):
        raise _bad_mask(path, f"its size {gray.shape[1]} x {gray.shape[0]} does not fit {width} x {height}")
    found = gray > max(int(gray.max()) // 2, 0)
    if found.shape != (height, width):
        found = cv2.resize(found.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    if not (may_be_empty or found.any()):
        raise _bad_mask(path, "it is empty")
    return found


def find_mask(folder: Path, key: str) -> Path | None:
    """Return the mask for the picture ``key`` in ``folder``: by relative name, else by base name; None if absent."""
    name = PurePosixPath(key)
    for stem in (str(name.with_suffix("")), name.stem):
        for suffix in _MASK_SUFFIXES:
            path = folder / f"{stem}{suffix}"
            if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
                return path
    return None


def _bad_mask(path: Path, what: str) -> PictureError:
    return PictureError(
        what,
        where=str(path),
        rule="a foreground mask is a picture of the same size, not empty",
        remedy="correct the mask, or use foreground = 'auto'",
    )


def _view(image: Pixels) -> _View:
    scale = min(1.0, WORK_SIDE / max(image.shape[:2]))
    size = (max(8, round(image.shape[1] * scale)), max(8, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    small /= np.float32(np.iinfo(image.dtype).max)
    if image.dtype == np.uint16:
        # 16-bit sensors often use a fraction of their range.
        small /= max(float(np.percentile(small, 99.5)), 1e-6)
    rgb = np.clip(small if small.ndim == 3 else np.repeat(small[..., None], 3, axis=2), 0.0, 1.0)
    rgb = np.ascontiguousarray(rgb, np.float32)
    background = _background(rgb)
    # Brightness ratio and colour distortion (Horprasert et al. 1999): rgb = ratio * background + rest.
    energy = np.maximum((background**2).sum(axis=2), 1e-4)
    ratio = (rgb * background).sum(axis=2) / energy
    rest = rgb - ratio[..., None] * background
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab) - cv2.cvtColor(background, cv2.COLOR_RGB2Lab)
    distance = np.sqrt((lab**2).sum(axis=2))
    smooth = cv2.GaussianBlur(rgb, (0, 0), 1.0)
    gx, gy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.125)
    edges = np.sqrt((gx**2 + gy**2).max(axis=2))
    chroma = np.sqrt((rest**2).sum(axis=2) / energy)
    eight = np.rint(rgb * 255).astype(np.uint8)
    return _View(eight, distance.astype(np.float32), ratio.astype(np.float32), chroma.astype(np.float32), edges)


def _border(shape: tuple[int, ...]) -> Mask:
    height, width = shape[:2]
    ring = np.ones((height, width), np.bool_)
    thick = max(2, round(0.03 * min(height, width)))
    ring[thick:-thick, thick:-thick] = False
    return ring


def _background(rgb: Float32) -> Float32:
    """Fit a quadratic background to the border, each pixel weighted by how well it already fits (Cauchy weights)."""
    height, width = rgb.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=2)
    ring = _border(rgb.shape)
    design, values = terms[ring], rgb[ring].astype(np.float64)
    weight = np.ones(len(values))
    # Start from the median: a part that crosses the border must not tilt the first fit.
    residual = np.abs(values - np.median(values, axis=0)).max(axis=1)
    for _ in range(6):
        scale = max(1.5 * float(np.median(residual)), 0.01)
        weight = 1.0 / (1.0 + (residual / scale) ** 2)
        weighted = design * weight[:, None]
        ridge = 1e-3 * weight.sum() * np.diag([0.0, 1.0, 1.0, 1.0, 1.0, 1.0])
        coefficients = np.linalg.solve(design.T @ weighted + ridge, weighted.T @ values)
        residual = np.abs(values - design @ coefficients).max(axis=1)
    fitted = terms @ coefficients
    return np.asarray(np.clip(fitted, values.min(axis=0), values.max(axis=0)), np.float32)


def _first_mask(view: _View) -> Mask | None:
    """Threshold the distance; None if nothing stands out from the border's own scatter."""
    ring = _border(view.distance.shape)
    noise = float(np.median(view.distance[ring]))
    capped = np.minimum(view.distance, np.percentile(view.distance, 98))
    top = float(capped.max())
    if top < max(6.0, 3.0 * noise):
        return None
    # Square root: objects with bright and dark sides spread far, the background does not.
    coded = np.rint(255 * np.sqrt(capped / top)).astype(np.uint8)
    level, _ = cv2.threshold(coded, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    threshold = max((level / 255) ** 2 * top, 2.5 * noise)
    mask = view.distance > threshold
    return mask if mask.any() else None


def _darkened(view: _View) -> Mask:
    """Return where the picture could be the background under less light."""
    chroma_limit = max(0.05, 3.0 * float(np.median(view.chroma[_border(view.chroma.shape)])))
    return (view.ratio > 0.5) & (view.ratio < 1.03) & (view.chroma < chroma_limit)


def _shadow(view: _View, mask: Mask) -> Mask:
    """Return the part of ``mask`` that is shadow on the background rather than part.

    What only darkens the background may be either. The watershed of the picture (Meyer 1992, doi
    10.1016/0923-5965(94)90048-5), flooded from the background and from what cannot be shadow, gives it to the side
    from which it is reached across the weaker edges: a shadow ends softly in the background, sharply at the part.
    """
    doubtful = mask & _darkened(view)
    certain = cv2.morphologyEx((mask & ~doubtful).astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)) > 0
    # A part of the background's own hue cannot be told from a shadow by colour: then nothing is taken away.
    if certain.sum() < 0.5 * mask.sum():
        return np.zeros_like(mask)
    square = np.ones((3, 3), np.uint8)
    # The flood must start on its own side of an edge, which is some pixels wide.
    inner = cv2.erode(certain.astype(np.uint8), square, iterations=2) > 0
    markers = np.zeros(mask.shape, np.int32)
    markers[~mask] = 1
    markers[inner if inner.sum() > 0.5 * certain.sum() else certain] = 2
    flooded = cv2.watershed(cv2.GaussianBlur(view.rgb, (0, 0), 0.8), markers)
    shadow = (doubtful & (flooded == 1)).astype(np.uint8)
    # Thin lines are the part's own shaded rim. Watershed lines, marked -1, are given back to the shadow beside them.
    core = cv2.dilate(cv2.morphologyEx(shadow, cv2.MORPH_OPEN, square), square) > 0
    return core & doubtful


def _refined(view: _View, mask: Mask, shadow: Mask) -> Mask:
    """Refine the outline with GrabCut, kept from ever entering the shadow again."""
    radius = max(1, round(0.012 * max(mask.shape)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    closed = cv2.morphologyEx((mask & ~shadow).astype(np.uint8), cv2.MORPH_CLOSE, disc)
    sure = cv2.erode(closed, disc, iterations=2) > 0
    possible = cv2.dilate(closed, disc, iterations=2) > 0
    if not sure.any() or possible.all():
        return (closed > 0) & ~shadow
    trimap = np.full(mask.shape, cv2.GC_BGD, np.uint8)
    trimap[possible] = cv2.GC_PR_BGD
    trimap[closed > 0] = cv2.GC_PR_FGD
    trimap[sure] = cv2.GC_FGD
    trimap[shadow] = cv2.GC_BGD
    # GrabCut starts its colour clusters from OpenCV's generator; a fixed seed makes it a function of its input.
    cv2.setRNGSeed(0)
    outer, inner = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(view.rgb[..., ::-1].copy(), trimap, (0, 0, 1, 1), outer, inner, 1, cv2.GC_INIT_WITH_MASK)
    return np.asarray((trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD), np.bool_)


def _cleaned(mask: Mask, view: _View) -> Mask:
    """Open thin whiskers, keep the large components, fill holes that are small or do not show the background."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc)
    if not opened.any():
        opened = mask.astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    areas[0] = 0.0
    kept = areas >= max(0.05 * areas.max(initial=0.0), 9.0)
    solid = kept[labels]
    holes, hole_labels, hole_stats, _ = cv2.connectedComponentsWithStats((~solid).astype(np.uint8), connectivity=4)
    limit = float(np.median(view.distance[_border(mask.shape)])) * 2.5 + 2.0
    for hole in range(1, holes):
        x, y, w, h, area = hole_stats[hole]
        inner = x > 0 and y > 0 and x + w < mask.shape[1] and y + h < mask.shape[0]
        region = hole_labels == hole
        if inner and (area < 0.004 * solid.sum() or float(np.median(view.distance[region])) > limit):
            solid |= region
    return np.asarray(solid, np.bool_)


def _is_object(mask: Mask, view: _View) -> bool:
    """Whether the mask is plausible: neither a speck nor nearly everything, unlike its surroundings, sharply outlined.

    A part also takes less of the picture's border than of its area; a bright strip along one side is none. On pictures
    of ground tiles, screws and walls that fill the picture both ratios below stay under 4.3; on parts that lie before
    a background they reach 5.9 and more.
    """
    share, at_border = float(mask.mean()), float(mask[_border(mask.shape)].mean())
    if not 0.005 < share < 0.96 or at_border > min(0.6, share):
        return False
    inside, outside = float(np.median(view.distance[mask])), float(np.median(view.distance[~mask]))
    cross = np.ones((3, 3), np.uint8)
    outline = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, cross) > 0
    steepest = float(np.median(cv2.dilate(view.edges, cross)[outline]))
    return inside > 6.0 * (outside + 0.1) and steepest > 5.0 * (float(np.median(view.edges[~outline])) + 1e-3)


def _upsampled(mask: Mask, size: tuple[int, int]) -> Mask:
    """Enlarge by interpolating the smoothed indicator, so that the outline has no stairs."""
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8)
    large = cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR) >= 0.5
    if large.any():
        return large
    return cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0

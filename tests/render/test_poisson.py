"""Gradient blending against a sparse solve, and in cases whose result is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import lil_matrix
from scipy.sparse.linalg import spsolve

from maphc2f.render.poisson import poisson_blend
from maphc2f.rng import stream

SHAPE = (14, 17)


def picture(name: str, channels: int = 2) -> NDArray[np.float32]:
    return stream(0, name).uniform(0.35, 0.65, (*SHAPE, channels)).astype(np.float32)


def patch(*, holed: bool = False) -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, bool)
    mask[3:11, 4:15] = True
    if holed:
        mask[3:6, 4:8] = False
    return mask


def solved(
    own: NDArray[np.float32], layer: NDArray[np.float32], mask: NDArray[np.bool_], *, mixed: bool
) -> NDArray[np.float64]:
    """The same normal equations pixel by pixel: for every pixel of the rectangle, sum over its four neighbours."""
    box = {(y, x): k for k, (y, x) in enumerate((y, x) for y in range(3, 11) for x in range(4, 15))}
    out = own.astype(np.float64)
    for c in range(own.shape[2]):
        matrix, right = lil_matrix((len(box), len(box))), np.zeros(len(box))
        for (y, x), k in box.items():
            for q in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                present = float(own[y, x, c]) - float(own[q][c])
                wanted = float(layer[y, x, c]) - float(layer[q][c])
                if (mixed and abs(present) > abs(wanted)) or not (mask[y, x] or mask[q]):
                    wanted = present
                matrix[k, k] += 1
                right[k] += wanted
                if q in box:
                    matrix[k, box[q]] -= 1
                else:
                    right[k] += float(own[q][c])
        values = spsolve(matrix.tocsr(), right)
        for (y, x), k in box.items():
            out[y, x, c] = values[k]
    return np.clip(out, 0, 1)


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("holed", [False, True])
def test_the_blend_solves_the_normal_equations(mixed: bool, holed: bool) -> None:
    own, layer, mask = picture("own"), picture("layer"), patch(holed=holed)
    found = poisson_blend(own, layer, mask, mixed=mixed)
    np.testing.assert_allclose(found, solved(own, layer, mask, mixed=mixed), atol=2e-6)
    assert np.abs(found - own).max() > 0.05


def test_a_layer_that_differs_by_a_constant_changes_nothing() -> None:
    own = picture("own")
    np.testing.assert_allclose(poisson_blend(own, own + np.float32(0.2), patch()), own, atol=1e-6)


def test_a_harmonic_difference_vanishes_and_a_bump_stays() -> None:
    """x² - y² has no Laplacian, so the rim holds it down; a bump that is 0 on the rim comes through as it is."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    own = np.full((*SHAPE, 1), 0.5, np.float32)
    bump = np.where(patch(), 0.02 * (y - 2) * (11 - y) * (x - 3) * (15 - x) / 100, 0)[..., None].astype(np.float32)
    found = poisson_blend(own, own + bump, patch())
    np.testing.assert_allclose(found, own + bump, atol=1e-6)


def test_the_picture_outside_is_the_same_to_the_bit() -> None:
    own, mask = picture("own"), patch()
    found = poisson_blend(own, picture("layer"), mask)
    np.testing.assert_array_equal(found[~mask], own[~mask])
    assert found.dtype == np.float32


def test_a_patch_over_the_whole_window_keeps_its_border() -> None:
    own = picture("own")
    found = poisson_blend(own, picture("layer"), np.ones(SHAPE, bool))
    for side in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        np.testing.assert_array_equal(found[side], own[side])
    assert (found[1:-1, 1:-1] != own[1:-1, 1:-1]).any()


def test_no_patch_no_change() -> None:
    own = picture("own")
    np.testing.assert_array_equal(poisson_blend(own, picture("layer"), np.zeros(SHAPE, bool)), own)


def test_mixed_gradients_keep_the_stronger_texture() -> None:
    """A flat layer wipes a texture out; with mixed gradients the texture stays as it is."""
    own, flat = picture("own"), np.full((*SHAPE, 2), 0.5, np.float32)
    wiped = poisson_blend(own, flat, patch())
    assert wiped[5:9, 6:13].std() < 0.4 * own[5:9, 6:13].std()
    np.testing.assert_allclose(poisson_blend(own, flat, patch(), mixed=True), own, atol=1e-6)

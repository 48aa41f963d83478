"""The undecimated transform against PyWavelets, its inverse and its gradient."""

from __future__ import annotations

import numpy as np
import pytest
import pywt
import torch

from maphc2f.refine import wavelet

PARITY = 1e-5


def picture(height: int = 64, width: int = 48) -> np.ndarray:
    return np.random.default_rng(0).random((height, width), dtype=np.float32)


def test_filters_are_db2() -> None:
    bank = pywt.Wavelet("db2")
    assert np.allclose(wavelet.LOWPASS, bank.dec_lo, atol=1e-15)
    assert np.allclose(wavelet.HIGHPASS, bank.dec_hi, atol=1e-15)


def test_coefficients_are_those_of_swt2() -> None:
    x = picture()
    details, approximation = wavelet.forward(torch.from_numpy(x)[None, None])
    reference = pywt.swt2(x.astype(np.float64), "db2", 3)  # coarsest level first
    for level, bands in enumerate(details):
        for ours, theirs in zip(bands, reference[2 - level][1], strict=True):
            assert np.abs(ours[0, 0].numpy() - theirs).max() < PARITY
    assert np.abs(approximation[0, 0].numpy() - reference[0][0]).max() < PARITY


def test_inverse_is_that_of_iswt2() -> None:
    rng = np.random.default_rng(1)
    details, approximation = wavelet.forward(torch.from_numpy(picture())[None, None])
    gains = rng.uniform(0.5, 2.0, (3, 3))
    changed = [wavelet.Bands(*(float(g) * v for g, v in zip(gains[j], b, strict=True))) for j, b in enumerate(details)]
    ours = wavelet.inverse(changed, approximation)[0, 0].numpy()
    coefficients = [(approximation[0, 0].numpy(), tuple(band[0, 0].numpy() for band in changed[j])) for j in (2, 1, 0)]
    assert np.abs(ours - pywt.iswt2(coefficients, "db2")).max() < PARITY


@pytest.mark.parametrize("shape", [(32, 32), (40, 56), (17, 19)])
def test_reconstruction_is_exact(shape: tuple[int, int]) -> None:
    x = torch.from_numpy(picture(*shape))[None, None].double()
    assert float((wavelet.inverse(*wavelet.forward(x)) - x).abs().max()) < 1e-14


def test_white_noise_keeps_its_variance_in_every_band() -> None:
    x = torch.from_numpy(np.random.default_rng(2).standard_normal((1, 1, 128, 128)))
    for bands in wavelet.forward(x)[0]:
        assert all(float(band.var()) == pytest.approx(1.0, abs=0.15) for band in bands)


def test_small_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="3 levels need more than 16 px"):
        wavelet.forward(torch.zeros(1, 1, 16, 64))


def test_gradient() -> None:
    x = torch.rand(1, 1, 10, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()

    def halve_details(v: torch.Tensor) -> torch.Tensor:
        details, approximation = wavelet.forward(v, 2)
        return wavelet.inverse([wavelet.Bands(*(0.5 * band for band in b)) for b in details], approximation)

    assert torch.autograd.gradcheck(halve_details, (x,))

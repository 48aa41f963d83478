"""The compiled contact kernels against their NumPy twins."""

import numpy as np
import pytest

from maphc2f.kernels.contact import FAR, squeeze_out, squeeze_out_numpy, sweep_tool, sweep_tool_numpy


@pytest.mark.kernel
def test_sweep_agrees_with_its_twin():
    path = np.array([[6.0, 4.0 + 0.5 * k, 1.0, 0.1, 1.0 + 0.02 * k] for k in range(12)])
    asperities = np.array([[0.0, 0.0], [2.5, 0.4]])
    out, twin = np.empty((14, 18)), np.empty((14, 18))
    sweep_tool(path, asperities, 0.5, 0.2, 4.0, out)
    sweep_tool_numpy(path, asperities, 0.5, 0.2, 4.0, twin)
    np.testing.assert_allclose(out, twin, rtol=1e-13)
    assert out[6, 8] < 0
    assert out[0, 17] == FAR


@pytest.mark.kernel
def test_squeeze_out_agrees_with_its_twin():
    y, x = np.mgrid[:12, :15]
    surface = 0.1 * ((y - 5.5) ** 2 + (x - 7.0) ** 2) - 1.0
    phi, twin = np.zeros(surface.shape), np.zeros(surface.shape)
    last = squeeze_out(phi, surface, 0.8, 2.0, 1.5, 12)
    assert last == pytest.approx(squeeze_out_numpy(twin, surface, 0.8, 2.0, 1.5, 12), rel=1e-10)
    np.testing.assert_allclose(phi, twin, rtol=0, atol=1e-12)
    assert phi.max() > 0.5

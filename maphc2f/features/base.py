"""What every frozen backbone offers: feature maps of a batch of pictures, and their means.

* :class:`Backbone` wraps a network that returns a list of maps.
* :func:`means` averages maps under masks.
* :func:`frozen` puts a network into evaluation mode, without gradients.
* :func:`as_rgb` gives gray pictures three channels.
* :func:`read_weights` reads a file of tensors without running anything in it; :func:`digest_of` names its content.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from maphc2f.errors import UserError

WHERE = "backbone"
CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, eq=False)
class Backbone:
    """A frozen network and what its maps are.

    Attributes:
        name: As it was asked for.
        digest: SHA-256 of the weights, or the name of the algorithm where there are none.
        strides: Pixels per map point, one for each map.
        channels: Of each map.
        network: Maps a normalised picture (B, 3, H, W) to a list of maps.
        normalise: Brings a picture with values in [0, 1] to what the network was trained on.
        device: Where it runs.
    """

    name: str
    digest: str
    strides: tuple[int, ...]
    channels: tuple[int, ...]
    network: nn.Module
    normalise: Callable[[Tensor], Tensor]
    device: torch.device = CPU

    def to(self, device: str | torch.device) -> Backbone:
        """Return it on another device; the network moves along."""
        target = torch.device(device)
        return replace(self, network=self.network.to(target), device=target)

    @torch.no_grad()
    def maps(self, images: Tensor) -> list[Tensor]:
        """Return the feature maps of pictures.

        On the CPU pictures pass one by one: the library sums in another order for other batch sizes, and a picture's
        features must not depend on its neighbours. On CUDA the batch passes whole.

        Args:
            images: (B, 1, H, W) or (B, 3, H, W) in [0, 1], floating.

        Returns:
            Maps (B, channels[k], ceil(H / strides[k]), ceil(W / strides[k])), float32, without gradient.

        Raises:
            ValueError: Another shape, or an empty batch.
        """
        if images.ndim != 4 or images.shape[1] not in (1, 3) or not len(images):
            msg = (
                f"pictures of shape {tuple(images.shape)}: (B, 1, H, W) or (B, 3, H, W) with B of at least 1 is needed"
            )
            raise ValueError(msg)
        ready = self.normalise(as_rgb(images.to(self.device, torch.float32)))
        if self.device.type != "cpu":
            return list(self.network(ready))
        single: list[list[Tensor]] = [list(self.network(ready[k : k + 1])) for k in range(len(ready))]
        return [torch.cat(level) for level in zip(*single, strict=True)]

    def pooled(self, images: Tensor, masks: Tensor | None = None) -> Tensor:
        """Return the means of all maps, side by side, (B, sum of channels).

        Args:
            images: As for :meth:`maps`.
            masks: Weights (B, 1, H, W), not negative: the mean is theirs, each map point weighing as the mean of its
                pixels. None: all pixels alike.

        Raises:
            ValueError: A mask weighs nothing.
        """
        return means(self.maps(images), None if masks is None else masks.to(self.device, torch.float32))


def means(maps: Sequence[Tensor], masks: Tensor | None = None) -> Tensor:
    """Return the means of maps (B, C_k, h_k, w_k) side by side, (B, sum of C_k); see :meth:`Backbone.pooled`.

    Raises:
        ValueError: A mask weighs nothing.
    """
    if masks is None:
        return torch.cat([level.mean(dim=(2, 3)) for level in maps], dim=1)
    if not bool((masks.sum(dim=(1, 2, 3)) > 0).all()):
        msg = "a mask is empty: there is nothing to average"
        raise ValueError(msg)
    return torch.cat([_weighted_mean(level, masks) for level in maps], dim=1)


def _weighted_mean(level: Tensor, weights: Tensor) -> Tensor:
    height, width = level.shape[2:]
    coarse = functional.adaptive_avg_pool2d(weights, (height, width))
    return (level * coarse).sum(dim=(2, 3)) / coarse.sum(dim=(2, 3))


def as_rgb(images: Tensor) -> Tensor:
    """Return (B, 3, H, W); gray pictures are repeated."""
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images


def frozen(network: nn.Module) -> nn.Module:
    """Return the network in evaluation mode, its parameters without gradient."""
    return network.eval().requires_grad_(requires_grad=False)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        UserError: There is no such file.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror})",
            where=WHERE,
            rule="weights come from a file",
            remedy="give the path of the weights, or take the backbone 'scattering', which needs none",
        ) from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the named tensors of a ``.safetensors`` or PyTorch file; no code in it is run.

    Raises:
        UserError: The file is no table of tensors.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        table: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise not_weights(path, str(error).splitlines()[0]) from error
    return table


def not_weights(path: Path, why: str) -> UserError:
    """Return the error for a file that does not hold this network's weights."""
    return UserError(
        f"{path.name} does not hold this network's weights ({why})",
        where=WHERE,
        rule="every tensor must be there with its shape",
        remedy="give the file that belongs to the network",
    )

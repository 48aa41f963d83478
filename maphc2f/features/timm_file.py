"""Any network of the library timm, with weights from a local file; nothing is fetched.

* :func:`open_backbone` opens ``timm:MODEL``.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from maphc2f.errors import UserError
from maphc2f.features.base import WHERE, Backbone, digest_of, frozen, not_weights


def _library() -> Any:
    try:
        return import_module("timm")
    except ImportError as error:
        raise UserError(
            "the library timm is not installed",
            where=WHERE,
            rule="'timm:MODEL' needs it",
            remedy="pip install timm, or take 'efficientnet_lite0' or 'scattering'",
        ) from error


def open_backbone(name: str, weights: Path | None) -> Backbone:
    """Return a frozen network of timm.

    Args:
        name: ``timm:MODEL`` with a name that ``timm.create_model`` knows.
        weights: The model's ``.safetensors`` file: other formats can carry code.

    Raises:
        UserError: No model or file was named, timm is missing, or the file is another network's.
    """
    model = name.partition(":")[2]
    if not model or weights is None or weights.suffix != ".safetensors":
        raise UserError(
            f"'{name}' with weights {weights}",
            where=WHERE,
            rule="a model and a .safetensors file",
            remedy="write timm:resnet18 and give the path of its weights",
        )
    library, digest = _library(), digest_of(weights)
    try:
        overlay = {"file": str(weights)}
        network = library.create_model(model, pretrained=True, features_only=True, pretrained_cfg_overlay=overlay)
    except RuntimeError as error:
        raise not_weights(weights, str(error).splitlines()[0]) from error
    described = library.get_pretrained_cfg(model)
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (described.mean, described.std))

    def normalise(images: Tensor) -> Tensor:
        return (images - mean.to(images.device)) / deviation.to(images.device)

    info = network.feature_info
    return Backbone(name, digest, tuple(info.reduction()), tuple(info.channels()), frozen(network), normalise)

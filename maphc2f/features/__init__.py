"""Frozen feature extractors by name: what pictures look like to a network that was never trained here.

* :data:`BACKBONES` lists them without loading torch; :func:`load` opens one.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from maphc2f.registry import Registry

if TYPE_CHECKING:
    from maphc2f.features.base import Backbone

__all__ = ["BACKBONES", "load"]


class BackboneFactory(Protocol):
    """Opens a backbone."""

    def __call__(self, name: str, weights: Path | None) -> Backbone:
        """Return the backbone on the CPU; ``name`` may carry a variant after a colon."""
        ...


def _open(module: str) -> BackboneFactory:
    factory: BackboneFactory = import_module(f"maphc2f.features.{module}").open_backbone
    return factory


BACKBONES: Registry[BackboneFactory] = Registry(
    "backbone",
    {
        "efficientnet_lite0": lambda: _open("efficientnet"),
        "scattering": lambda: _open("scattering"),
        "timm": lambda: _open("timm_file"),
    },
    entry_point_group="maphc2f.backbones",
)
"""Third-party backbones join through the entry-point group ``maphc2f.backbones``."""


def load(name: str, *, weights: str | Path | None = None, device: str = "cpu") -> Backbone:
    """Open a backbone.

    Args:
        name: ``efficientnet_lite0``, ``scattering`` (needs no weights), or ``timm:MODEL``.
        weights: File of weights; None: those of the installed package. ``timm`` needs a ``.safetensors`` file.
        device: ``cpu`` or ``cuda``, as torch names it.

    Returns:
        The backbone, frozen and in evaluation mode.

    Raises:
        UserError: Unknown name, or weights that are missing or not this network's.
    """
    factory = BACKBONES.resolve(name.partition(":")[0], where="backbone")
    return factory(name, None if weights is None else Path(weights)).to(device)

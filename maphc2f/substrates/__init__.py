"""Good pictures and their foreground: a registry of the places they come from, loaded on first use."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from maphc2f.registry import Registry

if TYPE_CHECKING:
    from maphc2f.substrates.base import SubstrateFactory

__all__ = ["SUBSTRATES"]


def _loader(module: str, function: str) -> Callable[[], SubstrateFactory]:
    def load() -> SubstrateFactory:
        factory: SubstrateFactory = getattr(import_module(f"maphc2f.substrates.{module}"), function)
        return factory

    return load


SUBSTRATES: Registry[SubstrateFactory] = Registry(
    "substrate",
    {
        "folder": _loader("folder", "open_folder"),
        "mvtec_ad": _loader("mvtec_ad", "open_mvtec_ad"),
        "visa": _loader("visa", "open_visa"),
        "btad": _loader("btad", "open_btad"),
        "procedural": _loader("procedural.source", "open_procedural"),
    },
    entry_point_group="maphc2f.substrates",
)

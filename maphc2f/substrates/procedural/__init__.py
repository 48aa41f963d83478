"""Pictures of good parts drawn from scratch: textures and lit solids with their exact foreground."""

from __future__ import annotations

from maphc2f.substrates.procedural.catalogue import GENERATORS, render

__all__ = ["GENERATORS", "render"]

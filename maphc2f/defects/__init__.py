"""Defect families by name; each is one module that registers nothing by itself.

* :data:`FAMILIES` loads a family on first use, so that listing names costs no compiler.
"""

from __future__ import annotations

from importlib import import_module

from maphc2f.registry import Registry
from maphc2f.sample import DefectFamily


def _load(module: str) -> DefectFamily:
    family: DefectFamily = import_module(f"maphc2f.defects.{module}").FAMILY
    return family


FAMILIES: Registry[DefectFamily] = Registry(
    "defect family",
    {
        "crack": lambda: _load("crack"),
        "corrosion": lambda: _load("corrosion"),
        "deformation": lambda: _load("deformation"),
        "texture_overlay": lambda: _load("texture_overlay"),
        "perlin_overlay": lambda: _load("perlin_overlay"),
        "cut_paste": lambda: _load("cut_paste"),
        "poisson_blend": lambda: _load("poisson_blend"),
    },
    entry_point_group="maphc2f.families",
)
"""Third-party families join through the entry-point group ``maphc2f.families``."""

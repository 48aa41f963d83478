"""Material presets in SI units, by name.

* :func:`names` lists them; :func:`get` returns one, with a helpful error for a name that is not there.
* :func:`critical_length` relates strength, toughness and stiffness.

The numbers are data: ``manifests/materials.toml``, each stanza with its source.
"""

from __future__ import annotations

from maphc2f.bundled import find_material, load_materials
from maphc2f.spec import MaterialSpec

__all__ = ["critical_length", "get", "names"]


def names() -> tuple[str, ...]:
    """Return the names of the bundled materials, sorted."""
    return tuple(sorted(load_materials()))


def get(name: str, *, where: str = "--material") -> MaterialSpec:
    """Return a bundled material.

    Raises:
        ManifestError: There is none of that name; the message lists near names.
    """
    return find_material(name, where=where)


def critical_length(material: MaterialSpec) -> float:
    """Return the length scale of an AT1 phase field whose strength is the material's, in metres.

    ℓ = 3 E Gc / (8 σ_c²), the uniaxial strength of the AT1 model solved for its length scale (Tanné, Li, Bourdin,
    Marigo, Maurini, J. Mech. Phys. Solids 110 (2018) 80, doi 10.1016/j.jmps.2017.09.006).
    """
    return 3 * material.youngs_modulus * material.fracture_energy / (8 * material.tensile_strength**2)

from __future__ import annotations

import math

import pytest

from maphc2f import materials
from maphc2f.errors import ManifestError
from maphc2f.manifest import load_materials
from maphc2f.spec import MaterialSpec

ASKED_FOR = (
    "glass alumina ferrite steel aluminium copper brass pmma abs pet rubber wood leather textile asphalt paint glaze "
    "solder_resist silicon tablet food_shell wax epoxy marble"
)
METALS = {"steel", "aluminium", "copper", "brass"}
COATED = {"paint", "glaze", "solder_resist", "leather"}
ALL = pytest.mark.parametrize("material", [materials.get(name) for name in materials.names()], ids=lambda m: m.name)


def toughness(material: MaterialSpec) -> float:
    """K_Ic = √(E Gc) in plane stress, Pa m^0.5."""
    return math.sqrt(material.youngs_modulus * material.fracture_energy)


def test_all_are_there_and_sorted() -> None:
    assert set(ASKED_FOR.split()) <= set(materials.names())
    assert list(materials.names()) == sorted(materials.names())


def test_unknown_material_names_near_ones() -> None:
    with pytest.raises(ManifestError, match=r"--material: unknown material 'alumin'.*did you mean .*alumina"):
        materials.get("alumin")


def test_presets_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        load_materials()["gold"] = materials.get("steel")  # type: ignore[index]


@ALL
def test_stanza_names_its_source(material: MaterialSpec) -> None:
    assert len(material.source) > 60
    assert material.title


@ALL
def test_isotropic_constants_agree(material: MaterialSpec) -> None:
    """c66/c11 = (1 - ν) / 2 in plane stress; 3 % for rounding in the file."""
    if material.stiffness_ratio == 1:
        assert material.shear_ratio == pytest.approx((1 - material.poisson_ratio) / 2, rel=0.03)
    else:
        assert material.shear_ratio < (1 - material.poisson_ratio) / 2


@ALL
def test_hardness_follows_yield(material: MaterialSpec) -> None:
    """Tabor: hardness is about 3 times the yield stress; work hardening lifts soft metals to 4."""
    if material.yields:
        assert 2.7 <= material.hardness / material.yield_stress <= 4.2
        assert material.hardening_modulus > 0
        assert material.yield_stress < 0.06 * material.youngs_modulus, "yield strain"
    else:
        assert material.hardness > 0


@ALL
def test_toughness_is_in_the_order_of_its_class(material: MaterialSpec) -> None:
    """Ashby's chart: waxes, elastomers 0.1; glasses, ceramics, stone, polymers 0.5 - 5; metals above 20 MPa m^0.5."""
    low, high = (20e6, 100e6) if material.name in METALS else (0.09e6, 5e6)
    assert low < toughness(material) < high
    assert 1e-6 < materials.critical_length(material) < 0.2


@ALL
def test_corrosion_constants_come_together(material: MaterialSpec) -> None:
    fields = (
        material.solid_concentration,
        material.saturation_concentration,
        material.ion_diffusivity,
        material.reaction_rate,
        material.product_volume_ratio,
    )
    assert all(fields) == any(fields) == material.corrodes
    assert len(material.product_colours) == (3 if material.corrodes else 0)
    if material.corrodes:
        assert material.saturation_concentration < 0.05 * material.solid_concentration
        assert 3e-10 < material.ion_diffusivity < 1e-9
        assert material.product_volume_ratio > 1, "the product takes more room than the metal it came from"


def test_who_corrodes() -> None:
    corroding = {name for name in materials.names() if materials.get(name).corrodes}
    assert corroding == METALS | {"ferrite", "paint", "solder_resist"}


@pytest.mark.parametrize(
    ("name", "molar_mass", "ions"),
    [
        ("steel", 0.0552, 1),
        ("aluminium", 0.02698, 1),
        ("copper", 0.06355, 1),
        ("brass", 0.0642, 1),
        ("ferrite", 1.0617, 12),
    ],
)
def test_ions_in_the_solid_follow_from_its_density(name: str, molar_mass: float, ions: int) -> None:
    """c = n ρ / M; 2 % for alloying."""
    material = materials.get(name)
    assert material.solid_concentration == pytest.approx(ions * material.density / molar_mass, rel=0.02)


def test_steel_has_the_constants_of_the_pencil_electrode() -> None:
    steel = materials.get("steel")
    assert (steel.solid_concentration, steel.saturation_concentration, steel.ion_diffusivity) == (143e3, 5.1e3, 8.5e-10)


@pytest.mark.parametrize("name", ["steel", "paint"])
def test_rust_darkens_and_reddens(name: str) -> None:
    colours = materials.get(name).product_colours
    assert all(red > green > blue for red, green, blue in colours)
    assert [sum(colour) for colour in colours] == sorted((sum(colour) for colour in colours), reverse=True)


def test_patina_is_brown_when_thin_and_green_when_thick() -> None:
    for name in ("copper", "brass"):
        thin, _, thick = materials.get(name).product_colours
        assert thin[0] > thin[1] > thin[2]
        assert thick[1] > max(thick[0], thick[2])


def test_alumina_bloom_is_colourless_and_bright() -> None:
    for colour in materials.get("aluminium").product_colours:
        assert max(colour) - min(colour) < 0.03
        assert min(colour) > 0.35


@ALL
def test_films(material: MaterialSpec) -> None:
    assert (material.coating_thickness > 0) == (material.coating_shrinkage > 0) == (material.name in COATED)
    assert material.coating_thickness < 0.1 * material.sheet_thickness


def test_ferrite_bears_every_family() -> None:
    ferrite = materials.get("ferrite")
    assert ferrite.corrodes
    assert ferrite.yields
    assert 5e9 <= ferrite.hardness <= 6e9
    assert ferrite.yield_stress == pytest.approx(ferrite.hardness / 3)


def test_critical_length_of_a_hand_example() -> None:
    """3 * 72e9 * 8 / (8 * (45e6)²) = 1.0667e-4 m."""
    assert materials.critical_length(materials.get("glass")) == pytest.approx(1.0667e-4, rel=1e-4)

"""Frozen, validated models of what is made: materials, categories, datasets. All quantities are in SI units.

* :class:`MaterialSpec`, :class:`DefectSpec`, :class:`CalibrationSpec`, :class:`SourceSpec`, :class:`CategorySpec`,
  :class:`DatasetSpec`.
* :func:`si` gives a field its symbol and unit, from which docs/notation.md is made.
* :func:`canonical_digest` hashes any JSON-like value.

The models check form only; whether a family, scenario or substrate exists is checked through the registries when a
plan is made.
"""

# ruff: noqa: RUF001  # Greek letters are the symbols of physical fields
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

ALGORITHM_VERSION = 1
"""Raised whenever the same recipe makes other bytes than before."""

MAX_COUNT = 100_000_000
MAX_SNAPSHOTS = 8
MAX_PER_SAMPLE = 8
ALIGNMENTS = ("crack_alignment", "pit_alignment", "scratch_alignment")
SOFT_MODULUS = 1e9
"""Young's modulus in Pa below which a sheet counts as soft."""

Stage = Literal["coarse", "npcf", "npcf++"]
Kind = Literal["texture", "object"]
Foreground = Literal["auto", "full", "folder"]
Split = Literal["train", "validation"]


def _ordered(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        msg = f"a range must rise, got {value[0]} .. {value[1]}"
        raise ValueError(msg)
    return value


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Above = Annotated[tuple[Positive, Positive], AfterValidator(_ordered)]
NotBelow = Annotated[tuple[NonNegative, NonNegative], AfterValidator(_ordered)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Shares = Annotated[tuple[Fraction, Fraction], AfterValidator(_ordered)]
UnitAbove = Annotated[
    tuple[Annotated[float, Field(gt=0, le=1)], Annotated[float, Field(gt=0, le=1)]], AfterValidator(_ordered)
]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9_]+$", max_length=64)]
Alignment = Annotated[float, Field(ge=-1, le=1)]
Cell = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)?$", max_length=129)]


def si(symbol: str, unit: str) -> JsonDict:
    """Return the metadata of a physical field: its symbol and SI unit (``"1"`` if it has none)."""
    return {"symbol": symbol, "unit": unit}


def _alignment(symbol: str, description: str) -> Any:
    return Field(None, description=description, json_schema_extra=si(symbol, "1"))


class Frozen(BaseModel):
    """Base of all specs: immutable, no unknown keys, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class MaterialSpec(Frozen):
    """A material in SI units. Zero means "does not apply" where a field says so."""

    name: Slug
    title: str = Field(description="Name for people.")
    source: str = Field(description="Where the numbers come from.")
    youngs_modulus: Positive = Field(
        description="Young's modulus; along the stiff axis if orthotropic.", json_schema_extra=si("E", "Pa")
    )
    poisson_ratio: Annotated[float, Field(gt=-1, lt=0.5)] = Field(
        description="Poisson's ratio.", json_schema_extra=si("ν", "1")
    )
    density: Positive = Field(description="Mass density.", json_schema_extra=si("ρ", "kg/m³"))
    stiffness_ratio: Annotated[float, Field(gt=0, le=1)] = Field(
        1.0, description="Stiffness across over along; 1 is isotropic.", json_schema_extra=si("c₂₂/c₁₁", "1")
    )
    shear_ratio: Annotated[float, Field(gt=0, le=1)] = Field(
        0.375, description="Shear over axial stiffness; (1 - ν) / 2 if isotropic.", json_schema_extra=si("c₆₆/c₁₁", "1")
    )
    fracture_energy: Positive = Field(description="Critical energy release rate.", json_schema_extra=si("Gc", "J/m²"))
    toughness_cv: NonNegative = Field(
        0.3, description="Coefficient of variation of Gc in space.", json_schema_extra=si("cv(Gc)", "1")
    )
    toughness_correlation: Positive = Field(
        1e-4, description="Correlation length of Gc.", json_schema_extra=si("ξ", "m")
    )
    grain_size: NonNegative = Field(
        0.0,
        description="Mean grain diameter; 0: no grains that matter at this scale.",
        json_schema_extra=si("d_g", "m"),
    )
    grain_boundary_toughness: Annotated[float, Field(gt=0, le=1)] = Field(
        1.0, description="Gc on grain boundaries over that inside.", json_schema_extra=si("Gc,b/Gc", "1")
    )
    tensile_strength: Positive = Field(description="Tensile strength.", json_schema_extra=si("σ_c", "Pa"))
    yield_stress: NonNegative = Field(
        0.0, description="Yield or crushing stress; 0: breaks before it yields.", json_schema_extra=si("σ_y", "Pa")
    )
    hardening_modulus: NonNegative = Field(
        0.0, description="Plastic hardening modulus.", json_schema_extra=si("E_p", "Pa")
    )
    hardness: NonNegative = Field(0.0, description="Indentation hardness.", json_schema_extra=si("H_i", "Pa"))
    sheet_thickness: Positive = Field(
        1e-3, description="Wall or sheet thickness of usual parts.", json_schema_extra=si("t_w", "m")
    )
    coating_thickness: NonNegative = Field(
        0.0, description="Film that can crack or blister; 0: none.", json_schema_extra=si("t_f", "m")
    )
    coating_shrinkage: NonNegative = Field(
        0.0, description="Eigenstrain of that film when it cracks.", json_schema_extra=si("ε₀", "1")
    )
    solid_concentration: NonNegative = Field(
        0.0, description="Metal ions in the solid; 0: does not corrode.", json_schema_extra=si("c_solid", "mol/m³")
    )
    saturation_concentration: NonNegative = Field(
        0.0, description="Metal ions in saturated solution.", json_schema_extra=si("c_sat", "mol/m³")
    )
    ion_diffusivity: NonNegative = Field(
        0.0, description="Diffusivity of the metal ions in solution.", json_schema_extra=si("D", "m²/s")
    )
    reaction_rate: NonNegative = Field(
        0.0, description="Velocity of the dissolving wall under activation control.", json_schema_extra=si("v_a", "m/s")
    )
    product_volume_ratio: NonNegative = Field(
        0.0, description="Pilling-Bedworth ratio of the corrosion product.", json_schema_extra=si("R_PB", "1")
    )
    product_colours: tuple[tuple[Fraction, Fraction, Fraction], ...] = Field(
        (), description="Linear RGB reflectances of the product, thin to thick.", json_schema_extra=si("R_p", "1")
    )
    edge_width: Range = Field(
        (2e-5, 2e-4), description="Worn or spalled mouth of a crack.", json_schema_extra=si("w_e", "m")
    )
    fracture_brightness: Range = Field(
        (0.3, 1.0),
        description="Reflectance of a fresh fracture face over that of the surface.",
        json_schema_extra=si("R_f/R", "1"),
    )
    gloss: Fraction = Field(0.3, description="Specular share of the reflected light.", json_schema_extra=si("k_s", "1"))
    roughness: NonNegative = Field(
        1e-6, description="Mean height deviation of the surface.", json_schema_extra=si("Sa", "m")
    )
    crack_alignment: Alignment | None = _alignment(
        "a_c", "Cracks to a directed texture: 1 along, -1 across, 0 any way."
    )
    pit_alignment: Alignment | None = _alignment("a_p", "The same of drawn-out pits; None: strictly along.")
    scratch_alignment: Alignment | None = _alignment("a_s", "The same of scratches; None: strictly along.")

    @property
    def corrodes(self) -> bool:
        """Whether pits and product can form."""
        return self.solid_concentration > 0

    @property
    def has_grain(self) -> bool:
        """Whether it is stiffer along its fibres, and so splits along them."""
        return self.stiffness_ratio < 1

    @property
    def yields(self) -> bool:
        """Whether it deforms plastically before it breaks."""
        return self.yield_stress > 0

    @property
    def brittle(self) -> bool:
        """Whether it is hard and breaks before it yields, so that holes and sudden cooling or drying crack it."""
        return self.youngs_modulus >= SOFT_MODULUS and not 0 < self.yield_stress <= self.tensile_strength

    @property
    def chips(self) -> bool:
        """Whether pieces break out at its edges: brittle, and not along fibres, which splinter instead."""
        return self.brittle and not self.has_grain

    @property
    def crushes(self) -> bool:
        """Whether a blow leaves its edge dented: it yields before it breaks, and is no fabric or hide."""
        return self.yields and not self.brittle and not self.has_grain

    @property
    def wrinkles(self) -> bool:
        """Whether it has a skin that buckles rather than cracks: a yielding film on it, or a soft sheet."""
        return self.yields and (self.coating_thickness > 0 or self.youngs_modulus < SOFT_MODULUS)


class DefectSpec(Frozen):
    """A cell of a category's defect mix: one family, one scenario, its weight and parameter ranges.

    ``scenario`` None draws among all scenarios of the family that suit the material.
    """

    family: Slug
    scenario: Slug | None = None
    weight: Positive = 1.0
    parameters: dict[str, Range] = Field(default_factory=dict, description="Overrides of the scenario's ranges, SI.")
    size: Above | None = Field(None, description="Least and most final size, m, in place of the severity's range.")
    alignment: Alignment | None = Field(None, description="In place of the material's: 1 along a texture, -1 across.")


class CalibrationSpec(Frozen):
    """How real defects of a family look, as ``maphc2f calibrate`` measures them; None keeps the family's own range."""

    contrast: Above | None = Field(None, description="Change of the strongest part over the picture's contrast unit.")
    bright: Fraction | None = Field(None, description="Share of defects brighter than their surroundings.")
    width: Above | None = Field(None, description="Mouth of a crack as it is seen, m.")
    roughness: NotBelow | None = Field(None, description="Fine texture of exposed material over the surface's own.")
    edge: NotBelow | None = Field(None, description="Softness (sigma) of the rim of a region besides the lens, m.")
    darkening: UnitAbove | None = Field(None, description="Share of the surface's display value that a region loses.")
    shade: Shares | None = Field(None, description="Darkness of the dirt beside a crack over that of its core.")
    bridging: Shares | None = Field(None, description="Share of a crack that debris and grains bridge.")
    facets: Shares | None = Field(None, description="Spread of the light on facets of attacked metal.")
    tint: Shares | None = Field(None, description="How far thin product colours attacked metal.")
    relief: Shares | None = Field(None, description="Share of a region's contrast that is shape, not reflectance.")
    size: Above | None = Field(None, description="Length of a crack or diameter of a region, m.")


class SourceSpec(Frozen):
    """Where the good pictures come from.

    ``kind`` is a registered substrate. ``procedural`` sources need ``generator``; ``folder`` and the benchmark sets
    need a ``path`` (for the benchmark sets, a folder name below the data root).
    """

    kind: Slug
    path: str | None = None
    generator: Slug | None = None
    pool: Annotated[int, Field(ge=1, le=100_000)] = Field(200, description="Procedural pictures in the pool.")
    licence: str = Field("LicenseRef-unspecified", min_length=1, description="SPDX expression of the pictures.")
    foreground_path: str | None = Field(None, description="Folder of foreground masks, for foreground = 'folder'.")
    keep_out_path: str | None = Field(None, description="Folder of masks of what no defect may touch.")


class CategorySpec(Frozen):
    """One category: pictures, scale, material, defect mix. Its count is not part of its recipe."""

    name: Slug
    count: Annotated[int, Field(ge=1, le=MAX_COUNT)]
    source: SourceSpec
    dataset: str | None = Field(None, description="Benchmark set it belongs to: mvtec_ad, visa, btad.")
    kind: Kind
    material: Slug
    pixel_size: Positive = Field(
        description="Length that a pixel of the source pictures covers.", json_schema_extra=si("p", "m")
    )
    native_size: tuple[Annotated[int, Field(ge=16)], Annotated[int, Field(ge=16)]] = Field(
        description="Nominal width and height of the source pictures, px."
    )
    pixel_size_assumed: bool = False
    foreground: Foreground = "auto"
    defects: Annotated[tuple[DefectSpec, ...], Field(min_length=1)]
    severity: Range = Field(
        (0.25, 1.0),
        description="Range of the final size over the scenario's largest.",
        json_schema_extra=si("s", "1"),
    )
    substrate_symmetry: Literal["none", "flips", "dihedral"] = "none"
    hypothesis: Literal["manifold", "hypersphere"] = "manifold"
    min_visible_share: Fraction | None = Field(
        None, description="Overrides the family's default; 0 for detection limits."
    )
    combined: Fraction = Field(0.0, description="Share of samples that show two families of the mix at once.")
    per_sample: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(le=MAX_PER_SAMPLE)]] = Field(
        (1, 1), description="Least and most defects of a sample."
    )
    calibration: dict[Cell, CalibrationSpec] = Field(
        default_factory=dict, description="Measured looks, by family or family.scenario."
    )

    @property
    def field_of_view(self) -> float:
        """Nominal shorter side of a picture, m: defect sizes are drawn relative to it."""
        return self.pixel_size * min(self.native_size)

    @model_validator(mode="after")
    def _check(self) -> CategorySpec:
        low, high = self.severity
        if not 0 < high <= 1 or low < 0:
            msg = f"severity must lie in 0 .. 1, got {low} .. {high}"
            raise ValueError(msg)
        if self.foreground == "folder" and not self.source.foreground_path:
            msg = "foreground = 'folder' needs source.foreground_path"
            raise ValueError(msg)
        if self.per_sample[0] > self.per_sample[1]:
            msg = f"per_sample must rise, got {self.per_sample[0]} .. {self.per_sample[1]}"
            raise ValueError(msg)
        if self.combined > 0 and len({defect.family for defect in self.defects}) < 2:
            msg = "combined needs at least two families in the mix"
            raise ValueError(msg)
        return self


class SizeSpec(Frozen):
    """Size of the prepared pictures: native, or ``width`` x ``height`` reached without changing the aspect ratio."""

    width: Annotated[int, Field(ge=32, le=16384)] | None = None
    height: Annotated[int, Field(ge=32, le=16384)] | None = None
    fit: Literal["letterbox", "crop"] = "letterbox"

    @property
    def native(self) -> bool:
        """Whether pictures keep their size."""
        return self.width is None

    @model_validator(mode="after")
    def _both(self) -> SizeSpec:
        if (self.width is None) != (self.height is None):
            msg = "give both width and height, or neither"
            raise ValueError(msg)
        return self


class DatasetSpec(Frozen):
    """Everything that decides a dataset's content. How it runs (workers, layout) is not in here."""

    name: Slug = "maphc2f"
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")] = "1.0.0"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    size: SizeSpec = SizeSpec()
    snapshots: Annotated[int, Field(ge=1, le=MAX_SNAPSHOTS)] = 4
    stages: Stage = "npcf++"
    device: Literal["cpu", "cuda"] = "cpu"
    textures: str | None = Field(None, description="Folder of pictures for texture overlays; None: procedural ones.")
    textures_digest: str | None = Field(None, description="SHA-256 over that folder's names and bytes; set by a run.")
    categories: Annotated[tuple[CategorySpec, ...], Field(min_length=1)]
    materials: dict[Slug, MaterialSpec] = Field(description="Every material that a category uses, by name.")

    @model_validator(mode="after")
    def _check(self) -> DatasetSpec:
        names = [category.name for category in self.categories]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            msg = f"category names must differ, doubled: {', '.join(doubled)}"
            raise ValueError(msg)
        missing = sorted({c.material for c in self.categories} - set(self.materials))
        if missing:
            msg = f"unknown material {', '.join(missing)}"
            raise ValueError(msg)
        return self

    @property
    def total(self) -> int:
        """Number of defect samples."""
        return sum(category.count for category in self.categories)

    def category(self, name: str) -> CategorySpec:
        """Return the category ``name``; KeyError if absent."""
        for category in self.categories:
            if category.name == name:
                return category
        raise KeyError(name)


def canonical_digest(value: Any) -> str:
    """Return the SHA-256 (hex) of ``value`` as canonical JSON: sorted keys, no white space, shortest floats."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def recipe_digest(dataset: DatasetSpec, category: CategorySpec) -> str:
    """Return the digest of all that decides a sample of ``category``, which excludes its count and other categories.

    Paths of folders are left out: the same pictures elsewhere make the same samples (pictures enter by their SHA-256).
    Controls that are not used leave no trace, so that recipes from before there was one keep their digests.
    """
    paths = {"path", "foreground_path", "keep_out_path"}
    stanza = category.model_dump(mode="json", exclude={"count": True, "source": paths})
    for name in ("combined", "per_sample", "calibration"):
        if getattr(category, name) == CategorySpec.model_fields[name].get_default(call_default_factory=True):
            del stanza[name]
    stanza["defects"] = [_used(defect, "alignment") for defect in stanza["defects"]]
    if "calibration" in stanza:
        stanza["calibration"] = {key: _used(looks, *looks) for key, looks in stanza["calibration"].items()}
    if category.source.keep_out_path is not None:
        stanza["keep_out"] = True
    shared = dataset.model_dump(mode="json", include={"seed", "size", "snapshots", "stages"})
    if any(defect.family in ("texture_overlay", "perlin_overlay") for defect in category.defects):
        shared["textures"] = dataset.textures_digest
    material = _used(dataset.materials[category.material].model_dump(mode="json"), *ALIGNMENTS)
    return canonical_digest({"algorithm": ALGORITHM_VERSION, "category": stanza, "material": material, **shared})


def _used(stanza: Mapping[str, Any], *controls: str) -> dict[str, Any]:
    """Return ``stanza`` without those of the controls that are None."""
    return {key: value for key, value in stanza.items() if key not in controls or value is not None}


def manifest_digest(dataset: DatasetSpec) -> str:
    """Return the digest of the whole dataset: recipes and counts by category name, independent of their order."""
    rows = {c.name: [recipe_digest(dataset, c), c.count] for c in dataset.categories}
    return canonical_digest({"name": dataset.name, "version": dataset.version, "categories": rows})

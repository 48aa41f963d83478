"""Write docs/notation.md: one table of symbol, code name, unit and source.

* :func:`table` returns the text; :func:`main` writes it beside this script.

Rows of materials and categories come from the metadata of the spec fields; the rows of fields that only solvers,
images and the trainer know are listed here.
"""

# ruff: noqa: RUF001  # Greek letters are the symbols
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from maphc2f.spec import CategorySpec, MaterialSpec

OUTPUT = Path(__file__).with_name("notation.md")

AT = "Pham, Amor, Marigo, Maurini, Int. J. Damage Mech. 20 (2011) 618"
MAI = "Mai, Soghrati, Buchheit, Corros. Sci. 110 (2016) 157"
PLATE = "Timoshenko, Woinowsky-Krieger, Theory of Plates and Shells"
SIMO = "Simo, Hughes, Computational Inelasticity, ch. 2-3"
FOUNDATION = "Xia, Hutchinson, J. Mech. Phys. Solids 48 (2000) 1107"
GLASS = "GLASS, arXiv 2407.09359"
BISQAD = "BiSQAD, arXiv 2504.12970"
FORMAT = "format of this project"


class Row(NamedTuple):
    """One line of the table."""

    symbol: str
    name: str
    unit: str
    meaning: str
    source: str


SOLVERS = (
    Row("d", "phase_field", "1", "Phase field of a crack: 0 intact, 1 broken.", AT),
    Row("ℓ", "length_scale", "m", "Length of the phase field, γ = (α(d)/ℓ + ℓ|∇d|²)/c_w; the code may say `ell`.", AT),
    Row("g(d)", "degradation", "1", "Stiffness left, (1 - d)² + residual_stiffness.", AT),
    Row("α(d)", "crack_geometric", "1", "Crack geometric function: d in AT1, d² in AT2.", AT),
    Row("c_w", "c_w", "1", "Its normalisation: 8/3 in AT1, 2 in AT2.", AT),
    Row("γ", "crack_surface_density", "1/m", "Crack surface per volume.", AT),
    Row("ψ⁺", "psi_plus", "J/m³", "Tensile strain-energy density.", AT),
    Row("H", "history", "J/m³", "Largest ψ⁺ so far.", "Miehe, Hofacker, Welschinger, CMAME 199 (2010) 2765"),
    Row("u", "displacement", "m", "Displacement, order (y, x).", FORMAT),
    Row("ε", "strain", "1", "Tensorial strain, order xx, yy, xy.", FORMAT),
    Row("λ", "lame_lambda", "Pa", "First Lamé constant.", "textbook elasticity"),
    Row("μ", "lame_mu", "Pa", "Shear modulus.", "textbook elasticity"),
    Row("k", "foundation_stiffness", "Pa/m²", "Elastic foundation under a film of unit thickness.", FOUNDATION),
    Row("ℓ_s", "shear_lag_length", "m", "√(c₁₁/k): reach of the relief beside a channel crack.", FOUNDATION),
    Row("δ", "opening", "m", "Opening of a crack across its centreline.", FORMAT),
    Row("c", "concentration", "mol/m³", "Metal ions in solution.", MAI),
    Row("t", "exposure_time", "s", "Time in the corroding medium.", MAI),
    Row("D_p", "flexural_rigidity", "N·m", "E t_w³ / (12 (1 - ν²)).", PLATE),
    Row("w", "depth", "m", "Height change of the surface, negative into the part.", FORMAT),
    Row("κ", "curvature", "1/m", "Second derivatives of w.", PLATE),
    Row("ε_p", "eq_plastic_strain", "1", "Equivalent plastic strain.", SIMO),
    Row("—", "radial_return", "—", "Return of a trial stress to the yield surface.", SIMO),
    Row("h", "spacing", "m", "Grid spacing; h_y, h_x where they differ.", FORMAT),
)
PICTURES = (
    Row("ρ", "optical_half_width", "px", "Half width of the footprint of a hairline.", FORMAT),
    Row("α", "alpha", "1", "Compositing weight of a defect; not a label.", FORMAT),
    Row("—", "coarse_mask", "1", "Thresholded field of the physics, before refinement.", FORMAT),
    Row("—", "soft_mask", "1/255", "Optical footprint, 0 .. 255.", FORMAT),
    Row("—", "mask", "0, 255", "soft_mask >= 128.", FORMAT),
    Row("—", "sqe_score", "1", "Quality of a sample, 0 .. 1, higher is better.", BISQAD),
    Row("—", "inner_loss, outer_loss", "1", "Losses of the bi-level problem.", BISQAD),
    Row("—", "hypergradient", "1", "Gradient of the outer loss in the sample weights.", BISQAD),
    Row("—", "global_synthesis", "—", "Feature-level synthesis by gradient ascent.", GLASS),
    Row("—", "local_synthesis", "—", "Picture-level synthesis by texture overlay.", GLASS),
    Row("r₁, r₂", "truncated_projection", "1", "Shell that synthetic features are held in.", GLASS),
)


def spec_rows(model: type[BaseModel], source: str) -> Iterator[Row]:
    """Yield a row for each field of ``model`` that has a symbol."""
    for name, field in model.model_fields.items():
        metadata = _metadata(field)
        if "symbol" in metadata:
            yield Row(metadata["symbol"], name, metadata["unit"], field.description or "", source)


def table() -> str:
    """Return the whole document."""
    sections = {
        "Materials": spec_rows(MaterialSpec, "`[materials.NAME]`; each stanza names its own sources"),
        "Categories": spec_rows(CategorySpec, "`[categories.NAME]`"),
        "Solvers": iter(SOLVERS),
        "Pictures, scores, training": iter(PICTURES),
    }
    head = (
        "# Notation\n\nSI units before rendering, pixels only after it. Arrays are `[y, x]`. "
        "Made by `python docs/make_notation.py`; change the fields' metadata or that script, not this file.\n"
    )
    return head + "".join(_section(title, rows) for title, rows in sections.items())


def _section(title: str, rows: Iterator[Row]) -> str:
    lines = [f"| {row.symbol} | `{row.name}` | {row.unit} | {row.meaning} | {row.source} |" for row in rows]
    head = f"\n## {title}\n\n| symbol | code name | unit | meaning | source |\n|---|---|---|---|---|\n"
    return head + "\n".join(line.replace("|∇d|", "\\|∇d\\|") for line in lines) + "\n"


def _metadata(field: FieldInfo) -> dict[str, str]:
    extra = field.json_schema_extra
    return {key: str(value) for key, value in extra.items()} if isinstance(extra, dict) else {}


def main() -> None:
    """Write the document."""
    OUTPUT.write_text(table(), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Scenarios of the corrosion family and the ranges of their parameters.

* :data:`SCENARIOS` lists ``pit``, ``pit_cluster``, ``rust_patch``, ``stain``, ``rust_run`` and ``blister``.
* :func:`draw_numbers` draws one set of parameters.

Parameters are dimensionless unless said; "over the size" means over the final largest extent:

* ``pits``: film breakdowns at the start; ``scatter``: their spread over the size.
* ``potential``: factor on the material's reaction rate that the electrode potential makes (Tafel).
* ``heterogeneity``: standard deviation of the log of the local reaction rate; ``grain``: its correlation length over
  the size; ``banding``: ratio of that length along and across the working direction (x); ``inert``: share of the metal
  that stays passive; ``floor``: unevenness of the depth at which the attacked layer ends, see
  :mod:`maphc2f.defects.corrosion_surface`.
* ``elongation``: length over width of the susceptible inclusion band in which a pit grows (1: no band),
  and of the region where a leak starts.
* ``ragged``: how far the rim of the attack wanders along the working direction, standard deviation over the size, see
  :mod:`maphc2f.defects.corrosion_rim`.
* ``film``: openness of the passive film over undercut metal, away from its rim; ``repassivation``: concentration
  over saturation below which a bare wall grows its film again (typical value; it varies from place to place).
* ``boundary_layer``: still solution above the surface, over the size.
* ``breakdown``: mean film strength against the solution that pits release (small: many new pits); ``sites``: share of
  weak sites. Strength is in units of metal lost over the cube of the size for pits, of product-equivalent exposure over
  ``visible`` for stains.
* ``reach``, ``supply``: of ions and oxygen, over the size; ``demand``: see :class:`maphc2f.solvers.rust.WetLayer`;
  ``run``: Péclet number of the run-off towards +y over the size.
* ``wetness``: standard deviation of the log of the wet layer's thickness; ``rivulets``: length over width of its
  unevenness; ``high``: start above the middle, over the size.
* ``visible``: product thickness at the outline, m; ``retained``: share of the ions that settles where it meets oxygen
  (the rest is washed off).
* ``general_attack``: dissolution velocity below a stain over the reaction rate.

Of blisters:

* ``pits``: flaws of the film; ``lag``: mean time until one lets solution in, over the time to grow to the size;
  ``flaw``: how well it passes ions, in squares of the gap; ``permeability``: the same of the sound film over a cell.
* ``bond``: ions that break a bond over those in the gap; ``control``: distance over the size at which transport takes
  over from reaction.
* ``strain``: of the film by the pressure, see :func:`maphc2f.defects.blistering.skin_of`; ``softening``: modulus of the
  wet film over that of the dry one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from maphc2f.errors import UserError
from maphc2f.registry import near
from maphc2f.sample import Scenario

Numbers = Mapping[str, float]

_NEEDS = ("corrodes", "saturation_concentration", "ion_diffusivity", "reaction_rate")
_METAL = {"heterogeneity": (0.3, 1.2), "grain": (0.03, 0.12), "banding": (1.0, 3.0), "potential": (0.3, 4.0)}
_FILM = {"film": (0.1, 0.95), "boundary_layer": (0.02, 0.2), "repassivation": (0.0, 0.25)}
_LAYER = {"reach": (0.08, 0.2), "supply": (0.05, 0.3), "demand": (0.0, 30.0), "run": (0.0, 0.0), "wetness": (0.3, 0.9)}

SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        scenario.name: scenario
        for scenario in (
            Scenario(
                "pit",
                "Corrosion pits, single or grown together",
                (0.01, 0.09),
                weight=2.0,
                needs=_NEEDS,
                parameters={
                    **_METAL,
                    **_FILM,
                    "pits": (1.0, 6.0),
                    "scatter": (0.05, 0.2),
                    "elongation": (1.0, 4.0),
                    "inert": (0.0, 0.2),
                    "ragged": (0.0, 0.03),
                },
                min_pixels=5.0,
                orientation="texture",
            ),
            Scenario(
                "pit_cluster",
                "Ragged cluster of pits with sound metal between",
                (0.04, 0.25),
                weight=1.0,
                needs=_NEEDS,
                parameters={
                    **_METAL,
                    **_FILM,
                    "pits": (2.0, 5.0),
                    "scatter": (0.05, 0.15),
                    "banding": (1.5, 5.0),
                    "inert": (0.1, 0.35),
                    "floor": (0.6, 0.9),
                    "breakdown": (3e-4, 3e-3),
                    "sites": (0.02, 0.08),
                    "reach": (0.06, 0.15),
                    "wetness": (0.3, 0.9),
                    "ragged": (0.025, 0.06),
                },
                min_pixels=14.0,
                orientation="texture",
            ),
            Scenario(
                "rust_patch",
                "Pits with rust that spreads beyond them",
                (0.05, 0.35),
                weight=1.0,
                needs=(*_NEEDS, "product_volume_ratio"),
                parameters={
                    **_METAL,
                    **_FILM,
                    **_LAYER,
                    "pits": (1.0, 5.0),
                    "scatter": (0.05, 0.15),
                    "inert": (0.1, 0.4),
                    "breakdown": (3e-4, 3e-3),
                    "sites": (0.01, 0.05),
                    "visible": (1e-6, 4e-6),
                    "retained": (0.01, 0.1),
                    "reach": (0.1, 0.22),
                    "ragged": (0.01, 0.03),
                },
                min_pixels=10.0,
                orientation="texture",
            ),
            Scenario(
                "stain",
                "Rust stain without visible pits",
                (0.05, 0.35),
                weight=1.0,
                needs=(*_NEEDS, "product_volume_ratio"),
                parameters={
                    **_LAYER,
                    "pits": (1.0, 6.0),
                    "scatter": (0.05, 0.2),
                    "breakdown": (3.0, 15.0),
                    "sites": (0.1, 0.8),
                    "reach": (0.04, 0.1),
                    "demand": (0.0, 15.0),
                    "visible": (1e-6, 3e-6),
                    "general_attack": (1e-4, 1e-3),
                },
                min_pixels=10.0,
            ),
            Scenario(
                "rust_run",
                "Rust that ran down from a leak",
                (0.05, 0.35),
                weight=0.5,
                needs=(*_NEEDS, "product_volume_ratio"),
                parameters={
                    **_LAYER,
                    "pits": (1.0, 7.0),
                    "scatter": (0.02, 0.08),
                    "elongation": (1.0, 5.0),
                    "breakdown": (3.0, 15.0),
                    "sites": (0.0, 0.0),
                    "reach": (0.03, 0.07),
                    "demand": (0.0, 6.0),
                    "visible": (1e-6, 3e-6),
                    "general_attack": (1e-4, 1e-3),
                    "run": (80.0, 400.0),
                    "wetness": (0.3, 0.7),
                    "rivulets": (2.0, 6.0),
                    "high": (0.4, 0.4),
                },
                min_pixels=14.0,
                orientation="gravity",
            ),
            Scenario(
                "blister",
                "Blisters under a paint film",
                (0.03, 0.3),
                weight=1.0,
                needs=("coating_thickness", "yields"),
                parameters={
                    "pits": (1.0, 14.0),
                    "scatter": (0.1, 0.25),
                    "lag": (0.1, 0.8),
                    "flaw": (1.0, 8.0),
                    "permeability": (0.0, 0.02),
                    "bond": (8.0, 30.0),
                    "control": (0.05, 2.0),
                    "heterogeneity": (0.2, 0.6),
                    "grain": (0.08, 0.2),
                    "banding": (1.0, 1.0),
                    "inert": (0.0, 0.0),
                    "strain": (0.005, 0.06),
                    "softening": (0.05, 0.3),
                },
                min_pixels=10.0,
                # Seen by its flanks: a flat top keeps the look of the sound film.
                min_visible_share=0.4,
            ),
        )
    }
)


def draw_numbers(scenario: Scenario, overrides: Mapping[str, tuple[float, float]], rng: np.random.Generator) -> Numbers:
    """Draw each parameter in its range, in log scale where the range spans a factor of three or more.

    Args:
        scenario: Gives names and default ranges; the order of its parameters is the order of the draws.
        overrides: Ranges that replace defaults.
        rng: Source of the draws.

    Raises:
        UserError: An override names no parameter of the scenario.
    """
    for name in overrides:
        if name not in scenario.parameters:
            raise UserError(
                f"'{name}' is no parameter of {scenario.name}",
                where="parameters",
                rule="overrides must name parameters of the scenario",
                remedy=near(name, list(scenario.parameters)),
            )
    numbers = {}
    for name, (low, high) in {**scenario.parameters, **overrides}.items():
        if low > 0 and high / low >= 3:
            numbers[name] = float(math.exp(rng.uniform(math.log(low), math.log(high))))
        else:
            numbers[name] = float(rng.uniform(low, high))
    return numbers

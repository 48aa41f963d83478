"""Corrosion product: ions that leave pits spread in the surface's wet layer, meet oxygen and settle.

* :class:`WetLayer` states the layer; :class:`Rust` is the evolving state, made by :func:`dry`.
* :func:`spread` relaxes the fields; :func:`settle` spreads what was released in a step and books product and dose.
* :func:`peak_share` tells how unevenly it settles.

Fe²⁺ → Fe³⁺ → solid needs the oxygen that diffuses in from the air, so little product settles above a busy pit (Evans'
drop experiment): see :mod:`maphc2f.kernels.diffusion` for the equations. Ions diffuse across a patch in a small part of
the time in which a pit grows, hence the steady state in each step; what is released in a step settles in it, so product
and metal lost are in the proportion of the Pilling-Bedworth ratio, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from maphc2f.kernels.diffusion import relax_layer
from maphc2f.sample import Float32


@dataclass(frozen=True, slots=True)
class WetLayer:
    """The layer of solution on the surface.

    Attributes:
        reach: Distance that ions diffuse before they settle where oxygen is plenty, grid spacings.
        supply: Distance over which oxygen from the air makes up for what is used, grid spacings.
        demand: How strongly the ions of the whole patch use up oxygen; 0: never short of it.
        run: Péclet number of the run-off towards +y over a grid spacing; 0: level surface.
    """

    reach: float
    supply: float
    demand: float
    run: float = 0.0


@dataclass(slots=True)
class Rust:
    """Evolving state on a grid (ny, nx).

    Attributes:
        ions: Steady concentration for a unit total release.
        oxygen: Share of saturation.
        wet: Relative thickness of the layer.
        product: Amount settled, in the unit of the releases.
        dose: Attack on the film so far, in the unit of the releases.
        latest: What the last step added to the dose.
        residual: Of the last relaxation.
    """

    layer: WetLayer
    ions: Float32
    oxygen: Float32
    wet: Float32
    product: Float32
    dose: Float32
    latest: Float32
    residual: float = 0.0


def dry(layer: WetLayer, wet: Float32) -> Rust:
    """Return a surface without product under a layer of relative thickness ``wet``, (ny, nx), > 0."""
    zeros = [np.zeros_like(wet) for _ in range(4)]
    return Rust(
        layer, ions=zeros[0], oxygen=np.ones_like(wet), wet=wet, product=zeros[1], dose=zeros[2], latest=zeros[3]
    )


def spread(rust: Rust, source: Float32, sweeps: int) -> None:
    """Relax the steady fields of ions and oxygen for a source of any strength, (ny, nx), >= 0 and not all 0."""
    layer = rust.layer
    unit = source * np.float32(1.0 / float(source.sum()))
    rust.residual = relax_layer(
        rust.ions, rust.oxygen, unit, rust.wet, layer.reach, layer.supply, layer.demand, layer.run, sweeps
    )


def peak_share(rust: Rust) -> float:
    """Return the share of all that settles which settles in the busiest cell."""
    rate = rust.wet * rust.oxygen * rust.ions
    return float(rate.max()) / max(float(rate.sum()), 1e-30)


def settle(rust: Rust, released: Float32, sweeps: int) -> None:
    """Spread ``released`` (amount per cell, (ny, nx), >= 0) and add it, conserved, to product and dose.

    The dose is the exposure of the film to the solution, ∫ q dt, in the unit of the releases.
    """
    total = float(released.sum())
    if total <= 0.0:
        return
    spread(rust, released, sweeps)
    rate = rust.wet * rust.oxygen * rust.ions
    rust.product += rate * np.float32(total / max(float(rate.sum()), 1e-30))
    rust.latest = rust.ions * np.float32(total)
    rust.dose += rust.latest

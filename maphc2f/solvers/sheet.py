"""A sheet to be broken, and the units that link it to metres.

* :class:`Elasticity`, :class:`Sheet` say what is solved.
* :func:`onset_strain`, :func:`strain_unit`, :func:`opening_unit` link the dimensionless sheet to metres and strains.

Units inside: cell = 1, E (stiff axis) = 1, mean Gc = 1, rho = 1. With the real E, Gc and cell h, equal energies
``Gc = E e² h`` give strain e = e_sim sqrt(Gc / (E h)) and displacement u = u_sim sqrt(Gc h / E).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

Float32 = NDArray[np.float32]
CrackGeometric = Literal["AT1", "AT2"]
EnergySplit = Literal["none", "volumetric_deviatoric", "spectral"]


@dataclass(frozen=True, slots=True)
class Elasticity:
    """In-plane stiffness over E of the stiff axis x."""

    c11: float
    c22: float
    c12: float
    c66: float

    @classmethod
    def orthotropic(cls, poisson_ratio: float, stiffness_ratio: float = 1.0, shear_ratio: float = 0.375) -> Elasticity:
        """Return plane-stress C for nu12, E2 / E1 and c66 / c11 = ``shear_ratio``."""
        c11 = 1.0 / (1.0 - poisson_ratio**2 * stiffness_ratio)
        return cls(c11, stiffness_ratio * c11, poisson_ratio * stiffness_ratio * c11, shear_ratio * c11)

    @classmethod
    def plane_strain(cls, poisson_ratio: float) -> Elasticity:
        """Return the isotropic C of plane strain, nu < 0.5."""
        c11 = (1 - poisson_ratio) / ((1 + poisson_ratio) * (1 - 2 * poisson_ratio))
        c12 = poisson_ratio / ((1 + poisson_ratio) * (1 - 2 * poisson_ratio))
        return cls(c11, c11, c12, 0.5 / (1 + poisson_ratio))

    @property
    def bulk_modulus(self) -> float:
        """Modulus K of the compression split over E, that of a change of area: lambda + mu where isotropic."""
        return 0.25 * (self.c11 + self.c22 + 2 * self.c12)

    @property
    def isotropic(self) -> bool:
        """Whether c11 = c22 = c12 + 2 c66."""
        return math.isclose(self.c11, self.c22) and math.isclose(self.c11, self.c12 + 2 * self.c66)

    @property
    def tuple(self) -> tuple[float, float, float, float]:
        """(c11, c22, c12, c66)."""
        return self.c11, self.c22, self.c12, self.c66


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet to be broken; planes are float32 (ny, nx), lengths in cells.

    Attributes:
        gc: Toughness over its mean, > 0.
        eigen_x: Eigenstrain e0_xx at unit load (1 = tension), likewise ``eigen_y``.
        notch: bool; cells broken from the start.
        foundation_length: ls = 1 / sqrt(k); 0 for none (then no side may be all free).
        fixed: Whether the normal displacement of (top, bottom, left, right) is held at 0.
        ell: Length scale.
        nucleation: Factor on the AT1 threshold where no damage touches a cell. The numerical ell is longer than the
            material's, so AT1 alone is too weak in intact regions: 1 keeps AT1, more leaves growth to the notch.
        crack_geometric: The damage model; AT2 has no threshold, so that ``nucleation`` does nothing there.
        energy_split: What damage leaves intact: nothing, the resistance of the volume to compression, or (isotropic
            sheets only) that of the shortened principal directions.
        front: Depth per unit load of a front that runs in from the side y = 0, cells; 0: the eigenstrain keeps its
            shape and rises with the load. See :meth:`shape`.
    """

    elasticity: Elasticity
    gc: Float32
    eigen_x: Float32
    eigen_y: Float32
    notch: NDArray[np.bool_]
    foundation_length: float
    fixed: tuple[bool, bool, bool, bool] = (True, True, True, True)
    ell: float = 2.0
    nucleation: float = 1.0
    crack_geometric: CrackGeometric = "AT1"
    energy_split: EnergySplit = "volumetric_deviatoric"
    front: float = 0.0

    def factor(self, load: float) -> float:
        """Return what multiplies :meth:`shape`: the load, or 1 where a front carries the strain."""
        return 1.0 if self.front > 0 else load

    def shape(self, load: float) -> tuple[Float32, Float32]:
        """Return the eigenstrain (x, y) over :meth:`factor`, (ny, nx).

        Behind a front it is e0 erfc(y / 2 δ), δ = ``front`` * load: the surface, cooled or dried at once, keeps e0 and
        the strain diffuses inwards, δ = √(κ t) (half-space whose surface jumps in temperature; Carslaw, Jaeger,
        Conduction of Heat in Solids, 2nd ed. 1959, section 2.5).
        """
        if self.front == 0:
            return self.eigen_x, self.eigen_y
        depth = np.arange(self.gc.shape[0]) + 0.5
        share = erfc(depth / (2 * self.front * load)).astype(np.float32)[:, None]
        return share * self.eigen_x, share * self.eigen_y

    @property
    def stiffness(self) -> float:
        """Stiffness of the foundation, k = 1 / ls²."""
        return 0.0 if self.foundation_length == 0 else self.foundation_length**-2


def onset_strain(elasticity: Elasticity, ell: float, eigen: tuple[float, float] = (1.0, 1.0)) -> float:
    """Return the load s at which a uniform sheet of Gc = 1 begins to be damaged: e0 : C : e0 s² = 3 / (8 ell)."""
    x, y = eigen
    energy = elasticity.c11 * x * x + elasticity.c22 * y * y + 2 * elasticity.c12 * x * y
    return math.sqrt(0.375 / (ell * energy))


def strain_unit(youngs_modulus: float, fracture_energy: float, cell: float) -> float:
    """Return the strain that one unit stands for: sqrt(Gc / (E h)); E in Pa, Gc in J/m², h in m."""
    return math.sqrt(fracture_energy / (youngs_modulus * cell))


def opening_unit(youngs_modulus: float, fracture_energy: float, cell: float) -> float:
    """Return the metres that one unit of displacement stands for: sqrt(Gc h / E)."""
    return math.sqrt(fracture_energy * cell / youngs_modulus)

"""Natural synthetic anomalies (NSA): a patch of another good picture, resized and blended in by its gradients.

* :class:`PoissonBlend` is the family with its scenarios ``seamless`` and ``mixed``, :data:`FAMILY` its instance.
* :func:`draw_side` draws a side of the patch, :func:`draw_scale` by how much it is resized.

No physics: the picture-level baseline of Schlüter, Tan, Hou and Kainz, "Natural synthetic anomalies for self-supervised
anomaly detection and localization", ECCV 2022, doi 10.1007/978-3-031-19821-2_27 (arXiv:2109.15222, section 3). Its
numbers, sides in shares of the picture's:

* sides 0.06 + Gamma(shape 2, scale 0.1), each drawn by itself, cut at 0.8;
* the patch is resized before it is pasted by a factor Normal(1, 0.5²) cut to 0.7 .. 1.3;
* Poisson blending (Pérez, Gangnet and Blake 2003, doi 10.1145/882262.882269) with the gradients of the patch; with
  ``mixed`` the stronger of patch and picture at each pixel pair (their section 3), drawn one time in five;
* the label is where the change is seen: of 374 samples over 27 categories the mask holds at least 0.82 of the change
  (0.95 of all but one in a hundred) and at least 0.52 of the mask visibly changes (0.58 of all but one); the limits of
  0.8 and 0.4 lie just below.

The draw is the method's own at the middle of the stages (0.7): a patch has s / 0.7 of its area at stage s, so the
mean over the stages is the method's, but for the rare sides that would outgrow 0.8. One patch a defect, where the
method blends up to four. The patch is cut from where the other picture shows the part, wholly if it fits on it: the
method's own code too asks of objects that patch and place show them, and background blended into a part, or the border
of a letterbox, would be no anomaly of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from maphc2f.defects.layers import Layer, Rectangle, parameter_range, rectangle_snapshot
from maphc2f.sample import Scenario, Simulation, SimulationRequest

LEAST_SIDE, LARGEST_SIDE = 0.06, 0.8
GAMMA_SHAPE, GAMMA_SCALE = 2.0, 0.1
SCALE_STD, SCALE_RANGE = 0.5, (0.7, 1.3)
OWN_STAGE = 0.7
"""Stage at which a patch has the size that the method draws."""


def draw_side(rng: np.random.Generator) -> float:
    """Draw a side of a patch: min(0.06 + Gamma(2, 0.1), 0.8), share of the picture's."""
    return min(LEAST_SIDE + float(rng.gamma(GAMMA_SHAPE, GAMMA_SCALE)), LARGEST_SIDE)


def draw_scale(limits: tuple[float, float], rng: np.random.Generator) -> float:
    """Draw by how much a patch is resized: Normal(1, 0.5²) cut to ``limits``."""
    return float(np.clip(rng.normal(1.0, SCALE_STD), *limits))


@dataclass(frozen=True, slots=True)
class PoissonBlend:
    """The NSA family. ``request.size`` over ``request.field_of_view`` is the stage of the growth at the end."""

    name: str = "poisson_blend"
    min_visible_share: float = 0.4
    min_change_inside: float = 0.8
    layer: Layer = Layer("other_picture", poisson=True)  # noqa: RUF009  # frozen itself

    @property
    def scenarios(self) -> Mapping[str, Scenario]:
        """Scenarios by name."""
        return _SCENARIOS

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> Simulation:
        """Draw one patch and its growing stages."""
        height, width = draw_side(rng), draw_side(rng)
        scale = draw_scale(parameter_range(request, "scale", SCALE_RANGE), rng)
        view = request.field_of_view
        reached = [stage * request.size / view for stage in request.stages]
        patches = [_patch(height, width, r) for r in reached]
        snapshots = tuple(
            rectangle_snapshot(Rectangle(p.height * view, p.width * view), r * view, request.pixel_size)
            for p, r in zip(patches, reached, strict=True)
        )
        return Simulation(
            family=self.name,
            scenario=request.scenario,
            placement="interior",
            snapshots=snapshots,
            parameters={
                "scale": scale,
                "gradients": "mixed" if request.scenario == "mixed" else "source",
                "height_share": patches[-1].height,
                "width_share": patches[-1].width,
            },
            iterations=0,
            residual=0.0,
        )


def _patch(height: float, width: float, reached: float) -> Rectangle:
    """Return a patch of ``reached`` / 0.7 of its own area and of its aspect; less where a side would outgrow 0.8."""
    growth = min(math.sqrt(1.0 / OWN_STAGE), LARGEST_SIDE / max(height, width)) * math.sqrt(reached)
    return Rectangle(height * growth, width * growth)


_SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "seamless": Scenario(
            name="seamless",
            title="Rectangle of another good picture blended in by its gradients",
            size_range=(1.0, 1.0),
            parameters=MappingProxyType({"scale": SCALE_RANGE}),
            weight=1.0,
            orientation="upright",
        ),
        "mixed": Scenario(
            name="mixed",
            title="The same, the stronger gradient of patch and picture kept",
            size_range=(1.0, 1.0),
            parameters=MappingProxyType({"scale": SCALE_RANGE}),
            weight=0.25,
            orientation="upright",
        ),
    }
)

FAMILY = PoissonBlend()

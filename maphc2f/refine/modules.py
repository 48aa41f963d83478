"""The stages as modules: thin, without parameters to learn; they store arguments and call the pure functions.

* :class:`NpcF`: :func:`~maphc2f.refine.stages.npcf_stage`.
* :class:`NpcFPlus`: :func:`~maphc2f.refine.stages.npcf_plus_stage`.
* :class:`ScreenedComposition`: :func:`~maphc2f.refine.npcf.compose_screened`.
"""

from __future__ import annotations

from torch import Tensor, nn

from maphc2f.refine import npcf, npcf_plus
from maphc2f.refine.stages import State, npcf_plus_stage, npcf_stage
from maphc2f.render.batch import WindowBatch
from maphc2f.render.line import Rendered


class NpcF(nn.Module):
    """Global coherence: mask relaxation, then screened composition.

    Args:
        relax_steps: Steps of Allen-Cahn.
        compose_steps: Steps of the composition's solver.

    Raises:
        ValueError: A number of steps is not positive.
    """

    def __init__(self, relax_steps: int = npcf.RELAX_STEPS, compose_steps: int = npcf.COMPOSE_STEPS) -> None:
        super().__init__()
        self.relax_steps = _positive("relax_steps", relax_steps)
        self.compose_steps = _positive("compose_steps", compose_steps)

    def forward(self, batch: WindowBatch, state: State) -> State:
        """Return the state after npcF."""
        return npcf_stage(batch, state, self.relax_steps, self.compose_steps)

    def extra_repr(self) -> str:
        """Name the arguments in the module's representation."""
        return f"relax_steps={self.relax_steps}, compose_steps={self.compose_steps}"


class NpcFPlus(nn.Module):
    """Local fidelity: wavelet block, then boundary synergy.

    Args:
        synergy_steps: Moves of the contour in the boundary synergy.

    Raises:
        ValueError: The number of moves is not positive.
    """

    def __init__(self, synergy_steps: int = npcf_plus.SYNERGY_STEPS) -> None:
        super().__init__()
        self.synergy_steps = _positive("synergy_steps", synergy_steps)

    def forward(self, batch: WindowBatch, rendered: Rendered, state: State) -> State:
        """Return the state after npcF++."""
        return npcf_plus_stage(batch, rendered, state, self.synergy_steps)

    def extra_repr(self) -> str:
        """Name the arguments in the module's representation."""
        return f"synergy_steps={self.synergy_steps}"


class ScreenedComposition(nn.Module):
    """Correction of a pasted change by a screened Poisson equation.

    Args:
        steps: Steps of the Chebyshev iteration.

    Raises:
        ValueError: The number of steps is not positive.
    """

    def __init__(self, steps: int = npcf.COMPOSE_STEPS) -> None:
        super().__init__()
        self.steps = _positive("steps", steps)

    def forward(self, change: Tensor, weight: Tensor, free: Tensor) -> tuple[Tensor, Tensor]:
        """Return the correction (B, 1, H, W) and the relative residual (B,)."""
        return npcf.compose_screened(change, weight, free, self.steps)

    def extra_repr(self) -> str:
        """Name the arguments in the module's representation."""
        return f"steps={self.steps}"


def _positive(name: str, value: int) -> int:
    if value < 1:
        msg = f"{name}={value} must be at least 1"
        raise ValueError(msg)
    return value

"""How a run went.

* :class:`Summary` is what :func:`maphc2f.generate.run.generate` and ``finish`` return.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from maphc2f.errors import IncompleteDatasetError
from maphc2f.generate.shares import Share


@dataclass(slots=True)
class Summary:
    """How a run went.

    Attributes:
        root: The dataset folder.
        samples: Planned; for a share of a job array, in that share.
        share: The share; None: the whole folder.
        committed: Rows committed now and before.
        made: Rows committed by this run.
        seconds: Wall time.
        stages: Worker seconds by stage.
        failed: Ids of samples that found no valid form.
        lost: One line for each shard that could not be made.
        left: Shards that were not begun: the time was up, or they are other tasks'.
        stopped: The flag that set the time, if it was up.
        content_digest: Of the whole folder; None unless complete.
        redrawn_simulations: Simulations that were rejected and drawn again, over all committed shards.
        redrawn_placements: Places, pictures and sizes drawn again.
    """

    root: Path
    samples: int
    share: Share | None = None
    committed: int = 0
    made: int = 0
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    stopped: str | None = None
    content_digest: str | None = None
    redrawn_simulations: int = 0
    redrawn_placements: int = 0

    @property
    def complete(self) -> bool:
        """Whether every planned sample is committed and nothing is left to do."""
        return self.committed == self.samples and not self.lost and not self.left

    def require_complete(self) -> None:
        """Raise unless complete.

        Raises:
            IncompleteDatasetError: Says what is missing, and how to go on if the time was up.
        """
        if self.complete:
            return
        part = "" if self.share is None else f" of share {self.share}"
        done = f"{self.root}: {self.committed} of {self.samples} samples{part} committed"
        if self.stopped is not None:
            raise IncompleteDatasetError(f"{done}; the time is up ({self.stopped}): run the same command to go on")
        reasons = [
            *self.lost[:3],
            f"{len(self.failed)} samples failed" if self.failed else "",
            f"{len(self.left)} shards are missing, the first is {self.left[0]}: run their tasks again, then finish"
            if self.left
            else "",
        ]
        raise IncompleteDatasetError(f"{done}; " + "; ".join(filter(None, reasons)))

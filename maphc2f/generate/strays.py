"""What a verification finds, and files in a dataset folder that nothing there asks for.

* :class:`Finding` and :class:`Report` are the result of a verification.
* :func:`check_strays` names stray files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from maphc2f.generate.plan import PlannedShard, sample_id
from maphc2f.shards.files import TEMPORARY_SUFFIX
from maphc2f.shards.index import IndexEntry

TOP_LEVEL = {
    "dataset.json",
    "manifest.toml",
    "inventory.parquet",
    "plan.parquet",
    "data",
    "images",
    "masks",
    "index",
    "scores",
    "report",
    "events.jsonl",
    ".lock",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        file: Path below the dataset folder.
        row: Sample or substrate id, empty if the file as a whole.
        problem: What is wrong.
        missing: Whether nothing is damaged: a run that was stopped would go on and mend it.
    """

    file: str
    row: str
    problem: str
    missing: bool = False

    def __str__(self) -> str:
        """One line."""
        return f"{self.file}{' row ' + self.row if self.row else ''}: {self.problem}"


@dataclass(slots=True)
class Report:
    """Result of a verification."""

    samples: int = 0
    goods: int = 0
    findings: list[Finding] = field(default_factory=list)
    content_digest: str | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def unfinished(self) -> bool:
        """Whether all that is wrong is that samples are still to be made."""
        return not self.ok and all(finding.missing for finding in self.findings)

    def add(self, file: Path | str, row: str, problem: str, *, missing: bool = False) -> None:
        """Record a finding."""
        self.findings.append(Finding(str(file), row, problem, missing))


def check_strays(
    root: Path, planned: Sequence[PlannedShard] | None, entries: Sequence[IndexEntry], report: Report
) -> None:
    """Add files to ``report`` that no part of the dataset accounts for.

    Args:
        root: The dataset folder.
        planned: The plan, or None if it cannot be known: then PNG files are not judged.
        entries: The committed shards.
        report: Is added to.
    """
    for path in sorted(root.iterdir()):
        if path.name not in TOP_LEVEL:
            report.add(path.name, "", "stray file")
    known = {entry.key.data_path(root) for entry in entries}
    for path in sorted((root / "data").rglob("*")):
        if path.is_file() and path not in known:
            kind = "left by a killed writer" if path.name.endswith(TEMPORARY_SUFFIX) else "stray file"
            report.add(path.relative_to(root), "", kind)
    known_entries = {entry.key.entry_path(root) for entry in entries}
    reported = {finding.file for finding in report.findings}
    for path in sorted((root / "index").rglob("*")):
        if path.is_file() and path not in known_entries and str(path.relative_to(root)) not in reported:
            report.add(path.relative_to(root), "", "stray file")
    if planned is not None:
        _check_stray_pictures(root, planned, report)


def _check_stray_pictures(root: Path, planned: Sequence[PlannedShard], report: Report) -> None:
    places = {
        f"{shard.key.category}/{group.family}/{sample_id(shard.key.category, index)}.png"
        for shard in planned
        for group in shard.groups
        for index in range(group.first, group.first + group.count)
    }
    for tree in ("images", "masks"):
        for path in sorted((root / tree).rglob("*")):
            if path.is_file() and path.relative_to(root / tree).as_posix() not in places:
                report.add(path.relative_to(root), "", "stray file")

"""What a verification finds, and files in a dataset folder that nothing there asks for.

* :class:`Finding` and :class:`Report` are the result of a verification.
* :func:`check_strays` names stray files; :func:`check_scores` checks learned scores against the samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from maphc2f.errors import DatasetError
from maphc2f.generate.plan import PlannedShard, sample_id
from maphc2f.shards.files import TEMPORARY_SUFFIX
from maphc2f.shards.index import IndexEntry, content_digest
from maphc2f.shards.reader import digest_pairs
from maphc2f.shards.scores import DIGEST, FOLDER, read_scores

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
    "logs",
    ".leases",
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


def check_scores(root: Path, entries: Sequence[IndexEntry], report: Report) -> None:
    """Add to ``report`` what is wrong with files of learned scores.

    Scores of a dataset that grew are unfinished, not wrong.

    Args:
        root: The dataset folder.
        entries: The committed shards.
        report: Is added to.
    """
    files = sorted(path for path in (root / FOLDER).rglob("*") if path.is_file())
    if not files:
        return
    shards = [entry for entry in entries if entry.config == "default"]
    try:
        digests = list(digest_pairs(root, shards))
    except DatasetError:
        # The damaged shard has its own finding; without its samples scores cannot be judged.
        return
    content, samples = content_digest(digests), {name for name, _ in digests}
    for path in files:
        name = path.relative_to(root)
        if path.name.endswith(TEMPORARY_SUFFIX):
            report.add(name, "", "left by a killed writer")
        elif path.parent != root / FOLDER or path.suffix != ".parquet" or not DIGEST.fullmatch(path.stem):
            report.add(name, "", "stray file")
        else:
            _check_scores_file(path, root, (content, samples), report)


def _check_scores_file(path: Path, root: Path, found: tuple[str, set[str]], report: Report) -> None:
    name, (content, samples) = path.relative_to(root), found
    try:
        scores = read_scores(path)
    except DatasetError as error:
        report.add(name, "", error.what)
        return
    if scores.model != path.stem:
        report.add(name, "", "scores are of another model than the file's name says")
    strangers = sorted(set(scores.values) - samples)
    if strangers:
        report.add(name, strangers[0], f"{len(strangers)} scores are of samples that are not in the dataset")
    elif len(scores.values) < len(samples):
        lacking = len(samples) - len(scores.values)
        report.add(name, "", f"{lacking} samples have no score: run 'maphc2f score' again", missing=True)
    elif scores.content_digest != content:
        report.add(name, "", "scores are of another content of the dataset: run 'maphc2f score' again")


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

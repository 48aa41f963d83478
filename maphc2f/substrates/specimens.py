"""Which physical part a picture shows, so that one part never lies in two splits.

* :class:`Specimens` maps pictures to specimen keys by a CSV table or by a regular expression on their names.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from maphc2f.errors import PictureError

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Specimens:
    """A rule from picture to specimen: exactly one of ``groups`` and ``pattern`` is set.

    Attributes:
        groups: File name, as written in the table with forward slashes, to specimen.
        pattern: Regular expression searched in the picture's key; group 1, or else the whole match, is the specimen.
        origin: Where the rule came from, for messages.
    """

    groups: Mapping[str, str] | None
    pattern: str | None
    origin: str

    @classmethod
    def from_csv(cls, path: Path) -> Specimens:
        """Read a table with the columns ``file`` and ``group``; others are ignored.

        Raises:
            PictureError: Unreadable, a column is missing, an empty group, or one file in two groups.
        """
        origin = f"--groups {path}"
        try:
            with path.open(newline="", encoding="utf-8-sig") as stream:
                rows = list(csv.DictReader(stream))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise _refusal(f"cannot read it ({error})", origin) from error
        if not rows or not {"file", "group"} <= set(rows[0]):
            found = ", ".join(str(name) for name in rows[0]) if rows else "no rows"
            raise _refusal(f"found {found}", origin)
        return cls(_table(rows, origin), None, origin)

    @classmethod
    def from_regex(cls, pattern: str) -> Specimens:
        """Take the specimen from the picture's key by a regular expression.

        Raises:
            PictureError: Not a regular expression.
        """
        origin = "--group-regex"
        try:
            re.compile(pattern)
        except re.error as error:
            raise PictureError(
                f"'{pattern}' is not a regular expression ({error})",
                where=origin,
                rule="a Python regular expression whose group 1, or whole match, is the specimen",
                remedy=r"e.g. '^(tile\d+)_'",
            ) from error
        return cls(None, pattern, origin)

    def assign(self, keys: Sequence[str], paths: Sequence[str]) -> tuple[str, ...]:
        """Return the specimen of each picture.

        A table's ``file`` is matched with the key, else with the end of the absolute path (the longest entry wins),
        else with the base name if it is unique in the table and among the pictures.

        Args:
            keys: Names relative to the source's root.
            paths: Absolute paths, as many.

        Raises:
            PictureError: Some pictures are not covered; the first few are named.
        """
        if self.pattern is not None:
            found = [_searched(self.pattern, key) for key in keys]
        else:
            found = _looked_up(self.groups or {}, keys, paths)
        lost = [key for key, specimen in zip(keys, found, strict=True) if not specimen]
        if lost:
            more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
            raise PictureError(
                f"no specimen for {', '.join(lost[:_SHOWN])}{more}",
                where=self.origin,
                rule="every accepted picture needs one, or a part could lie in two splits",
                remedy="add the missing files to the table, widen the expression, or remove the pictures",
            )
        return tuple(specimen for specimen in found if specimen)


def _table(rows: Sequence[Mapping[str, str | None]], origin: str) -> dict[str, str]:
    groups: dict[str, str] = {}
    for number, row in enumerate(rows, start=2):
        file = (row["file"] or "").strip().replace("\\", "/").removeprefix("./")
        group = (row["group"] or "").strip()
        if not file or not group:
            raise _refusal(f"line {number} has an empty file or group", origin)
        if groups.setdefault(file, group) != group:
            raise _refusal(f"line {number} puts {file} into a second group", origin)
    return groups


def _refusal(what: str, origin: str) -> PictureError:
    return PictureError(
        what,
        where=origin,
        rule="a UTF-8 CSV file with the columns file,group, each file in one group",
        remedy="write one line for each picture, e.g. 000.jpg,tile17",
    )


def _searched(pattern: str, key: str) -> str | None:
    match = re.search(pattern, key)
    if match is None:
        return None
    return match[1] if match.re.groups else match[0]


def _looked_up(groups: Mapping[str, str], keys: Sequence[str], paths: Sequence[str]) -> list[str | None]:
    entries = _by_base_name(groups)
    base_names = [key.rsplit("/", 1)[-1] for key in keys]
    found: list[str | None] = []
    for key, path, base in zip(keys, paths, base_names, strict=True):
        if key in groups:
            found.append(groups[key])
            continue
        candidates = entries.get(base, [])
        ends = [file for file in candidates if "/" in file and path.replace("\\", "/").endswith("/" + file)]
        if ends:
            found.append(groups[max(ends, key=len)])
        elif len(candidates) == 1 and base_names.count(base) == 1:
            found.append(groups[candidates[0]])
        else:
            found.append(None)
    return found


def _by_base_name(groups: Mapping[str, str]) -> dict[str, list[str]]:
    entries: dict[str, list[str]] = defaultdict(list)
    for file in groups:
        entries[file.rsplit("/", 1)[-1]].append(file)
    return entries

"""The error hierarchy: every error a user can cause says what, where, the rule and the remedy.

* :class:`Maphc2fError` is the root; each class carries the exit code the command line returns.
* :class:`UserError` is for input that a user can correct.
* :class:`SimulationRejected` tells the generator to redraw a simulation; it never reaches a user.
"""

from __future__ import annotations


class Maphc2fError(Exception):
    """Root of all errors raised on purpose."""

    exit_code: int = 1


class UserError(Maphc2fError):
    """Wrong input, reported in one line.

    Args:
        what: The value or thing that is wrong, e.g. ``unknown material 'stel'``.
        where: The flag, file or field it came from, e.g. ``--material``.
        rule: What would have been right.
        remedy: What to do about it.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str, rule: str, remedy: str) -> None:
        self.what, self.where, self.rule, self.remedy = what, where, rule, remedy
        super().__init__(one_line(f"{where}: {what}; {rule}; {remedy}"))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by keyword, so that the error crosses process borders intact."""
        return _rebuild, (type(self), self.what, self.where, self.rule, self.remedy)


class ManifestError(UserError):
    """A manifest, category stanza or flag breaks its schema."""


class PictureError(UserError):
    """A source picture cannot be used."""


class DatasetError(UserError):
    """A dataset folder is not what it should be."""


class OutOfSpaceError(UserError):
    """The disk is, or would become, full."""


class IncompleteDatasetError(Maphc2fError):
    """Some samples failed or some shards are missing; the dataset stays incomplete."""

    exit_code = 3


class VerificationError(Maphc2fError):
    """``verify`` or ``reproduce`` found differences."""

    exit_code = 4


class SimulationRejected(Maphc2fError):  # noqa: N818  # an outcome that the caller expects, not a fault
    """A simulation failed, did not grow, or is empty: it is redrawn with the next attempt number."""


def one_line(text: str) -> str:
    """Collapse all white space, so that a message stays on one line."""
    return " ".join(text.split())


def _rebuild(cls: type[UserError], what: str, where: str, rule: str, remedy: str) -> UserError:
    return cls(what, where=where, rule=rule, remedy=remedy)

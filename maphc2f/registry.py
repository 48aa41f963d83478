"""Name to plug-in, with a helpful error for a name that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from maphc2f.errors import UserError

T = TypeVar("T")


def near(name: str, known: list[str]) -> str:
    """Return a remedy that names the entries nearest to ``name``, or all of them."""
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {', '.join(close)}?" if close else f"choose one of {', '.join(sorted(known))}"


class Registry(Mapping[str, T], Generic[T]):
    """A read-only mapping of lazily loaded plug-ins.

    Args:
        kind: What the entries are, for messages: ``"defect family"``.
        loaders: Name to a function that imports and returns the plug-in.
        entry_point_group: Group of third-party entry points, or None. Built-in names win.
    """

    def __init__(
        self, kind: str, loaders: Mapping[str, Callable[[], T]], *, entry_point_group: str | None = None
    ) -> None:
        self._kind = kind
        self._loaders = dict(loaders)
        if entry_point_group:
            for point in sorted(entry_points(group=entry_point_group), key=lambda p: p.name):
                self._loaders.setdefault(point.name, point.load)
        self._loaded: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._loaders:
            raise KeyError(name)
        if name not in self._loaded:
            self._loaded[name] = self._loaders[name]()
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaders)

    def __len__(self) -> int:
        return len(self._loaders)

    def resolve(self, name: str, *, where: str) -> T:
        """Return the plug-in ``name``.

        Raises:
            UserError: The name is not registered; the message lists near names.
        """
        if name not in self._loaders:
            raise UserError(
                f"unknown {self._kind} '{name}'",
                where=where,
                rule="it must be a registered name",
                remedy=near(name, list(self._loaders)),
            )
        return self[name]

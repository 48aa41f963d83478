"""The options that say where generate runs, which share of a job array, and until when.

* :func:`control_options` decorates a command with them; :func:`take_control` reads their values.
* :func:`stopped_by_termination` lets a termination signal end a run as Ctrl-C does.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from maphc2f.errors import ManifestError

if TYPE_CHECKING:
    from maphc2f.generate.job import Control

F = TypeVar("F", bound=Callable[..., Any])


def _file(flag: str, text: str) -> Callable[[F], F]:
    return click.option(flag, type=click.Path(path_type=Path), metavar="FILE", help=text)


_OPTIONS = [
    click.option("--shard", metavar="I/N", help="Task I of a job array of N; then 'maphc2f finish DS'."),
    click.option("--scheduler", metavar="ADDRESS", help="Existing Dask cluster, as in tcp://host:8786."),
    _file("--scheduler-file", "The same, from the file that its scheduler wrote."),
    _file("--tls-ca", "Certificate authority of a tls:// scheduler."),
    _file("--tls-cert", "Certificate to show it."),
    _file("--tls-key", "Key of that certificate."),
    click.option("--until", metavar="TIME", help="Begin no shard after this time, as in 06:00 or 2026-03-01T06:00."),
    click.option("--max-hours", type=float, metavar="H", help="Begin no shard after this many hours, as in 3.5."),
]


def control_options(function: F) -> F:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def take_control(values: dict[str, Any], workers: int | None) -> Control:
    """Take the options' values out of a command's arguments.

    Raises:
        ManifestError: A flag is wrong, or two do not go together.
    """
    from maphc2f.generate.cluster import parse_cluster
    from maphc2f.generate.deadline import earlier, parse_until, within_hours
    from maphc2f.generate.job import Control
    from maphc2f.generate.shares import parse_share

    shard, until, hours = (values.pop(name) for name in ("shard", "until", "max_hours"))
    ca, cert, key = (values.pop(name) for name in ("tls_ca", "tls_cert", "tls_key"))
    cluster = parse_cluster(values.pop("scheduler"), values.pop("scheduler_file"), (ca, cert, key))
    if cluster is not None and workers is not None:
        raise ManifestError(
            f"does not go with {cluster}",
            where="--workers",
            rule="an existing cluster brings its own workers",
            remedy="leave one of them out",
        )
    now = datetime.now()
    deadline = earlier(
        None if until is None else parse_until(until, now), None if hours is None else within_hours(hours, now)
    )
    return Control(None if shard is None else parse_share(shard), cluster, deadline)


@contextlib.contextmanager
def stopped_by_termination() -> Iterator[None]:
    """Let SIGTERM, which batch systems send before they kill, end the block as Ctrl-C does."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

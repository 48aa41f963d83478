"""Running tasks in this process or on a local Dask cluster, results as they come.

* :class:`WorkerPool` yields one :class:`Outcome` a :class:`Task`, in any order; :func:`execute` does so for one batch.
"""

from __future__ import annotations

import contextlib
import itertools
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from maphc2f.errors import Maphc2fError

TASKS_AHEAD = 3
"""Tasks queued for each worker: enough to keep it busy, few enough to keep memory bounded."""

RETRIES = 3
"""Times that a task is given to another worker after its worker died."""

SETTINGS = {
    "distributed.scheduler.allowed-failures": RETRIES,
    "distributed.admin.large-graph-warning-threshold": "1GB",
    # A worker's memory is bounded by its batch: spilling and pausing would only hide a leak.
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.target": False,
    "distributed.comm.timeouts.connect": "60s",
    "distributed.worker.preload": [__name__],
}


@dataclass(frozen=True, slots=True)
class Task:
    """A call to make in a worker: everything in it can be pickled.

    Attributes:
        name: For messages.
        function: Called with ``arguments``.
        arguments: Its arguments.
        weight: Samples in it, for progress.
    """

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    weight: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished task: its result, or the error it raised on purpose."""

    task: Task
    result: Any = None
    error: Maphc2fError | None = None


class WorkerPool:
    """Workers of one run: this process, or a local cluster that starts with the first tasks and serves all of them.

    Args:
        workers: 1 or less runs here, one task after the other; more start as many single-threaded processes.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._stack = contextlib.ExitStack()
        self._client: Any = None

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def execute(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Run ``tasks`` and yield their outcomes.

        Raises:
            Exception: Whatever a task raises that is not a Maphc2fError: that is a bug, and ends the run.
        """
        if self._workers <= 1 or not tasks:
            yield from map(run_here, tasks)
            return
        if self._client is None:
            self._client = self._start()
        yield from _on_cluster(self._client, tasks, self._workers * TASKS_AHEAD)

    def _start(self) -> Any:
        import dask
        from distributed import Client, LocalCluster

        self._stack.enter_context(dask.config.set(SETTINGS))
        cluster = LocalCluster(
            n_workers=self._workers,
            threads_per_worker=1,
            processes=True,
            # Port 0: any free one on this machine; the default one would be fought over by two runs.
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
            memory_limit=0,
        )
        return self._stack.enter_context(Client(self._stack.enter_context(cluster)))


def execute(tasks: Sequence[Task], workers: int) -> Iterator[Outcome]:
    """Run ``tasks`` with a processes of their own and yield their outcomes; see :meth:`WorkerPool.execute`."""
    with WorkerPool(min(workers, len(tasks))) as processes:
        yield from processes.execute(tasks)


def run_here(task: Task) -> Outcome:
    """Run one task in this process."""
    try:
        return Outcome(task, task.function(*task.arguments))
    except Maphc2fError as error:
        return Outcome(task, error=error)


def dask_setup(worker: object) -> None:
    """Let a worker ignore Ctrl-C, which a terminal sends to all processes: the driver ends its workers."""
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _on_cluster(client: Any, tasks: Sequence[Task], ahead: int) -> Iterator[Outcome]:
    """Keep ``ahead`` tasks queued and yield outcomes as they come."""
    from distributed import as_completed

    futures = (client.submit(run_here, task, key=task.name, pure=False) for task in tasks)
    queue = as_completed(list(itertools.islice(futures, ahead)))
    for future in queue:
        yield future.result()
        future.release()
        queue.update(itertools.islice(futures, 1))

"""Running tasks in this process or on a local Dask cluster, results as they come.

* :func:`execute` yields one :class:`Outcome` a task, in any order.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from maphc2f.errors import Maphc2fError

TASKS_AHEAD = 3
"""Tasks queued for each worker: enough to keep it busy, few enough to keep memory bounded."""

RETRIES = 3
"""Times that a task is given to another worker after its worker died."""


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


def execute(tasks: Sequence[Task], workers: int) -> Iterator[Outcome]:
    """Run ``tasks`` and yield their outcomes.

    Args:
        tasks: What to run.
        workers: 1 runs here, one after the other; more start a local cluster of single-threaded processes.

    Raises:
        Exception: Whatever a task raises that is not a Maphc2fError: that is a bug, and ends the run.
    """
    if not tasks:
        return
    if workers == 1:
        for task in tasks:
            yield run_here(task)
        return
    yield from _on_cluster(tasks, min(workers, len(tasks)))


def run_here(task: Task) -> Outcome:
    """Run one task in this process."""
    try:
        return Outcome(task, task.function(*task.arguments))
    except Maphc2fError as error:
        return Outcome(task, error=error)


def _on_cluster(tasks: Sequence[Task], workers: int) -> Iterator[Outcome]:
    import dask
    from distributed import Client, LocalCluster, as_completed

    settings = {
        "distributed.scheduler.allowed-failures": RETRIES,
        "distributed.admin.large-graph-warning-threshold": "1GB",
        # A worker's memory is bounded by its batch: spilling and pausing would only hide a leak.
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.target": False,
        "distributed.comm.timeouts.connect": "60s",
    }
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(settings))
        cluster = stack.enter_context(
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                silence_logs=50,
                memory_limit=0,
            )
        )
        client = stack.enter_context(Client(cluster))
        waiting = iter(tasks)
        names: dict[str, Task] = {}

        def submit(task: Task) -> Any:
            future = client.submit(run_here, task, key=f"{task.name}", pure=False)
            names[future.key] = task
            return future

        first = [submit(task) for _, task in zip(range(workers * TASKS_AHEAD), waiting, strict=False)]
        queue = as_completed(first)
        for future in queue:
            yield future.result()
            future.release()
            del names[future.key]
            following = next(waiting, None)
            if following is not None:
                queue.add(submit(following))

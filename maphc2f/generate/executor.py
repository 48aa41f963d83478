"""Running tasks in this process, on a local Dask cluster or on an existing one, results as they come.

* :class:`WorkerPool` yields one :class:`Outcome` a :class:`Task`, in any order; :func:`execute` does so for one batch.
* :class:`PoolOptions` say where and until when.
"""

from __future__ import annotations

import contextlib
import signal
import uuid
from asyncio import CancelledError as AsyncCancelledError
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maphc2f.errors import IncompleteDatasetError, Maphc2fError
from maphc2f.generate.cluster import ClusterAddress, connect, take_turn
from maphc2f.generate.deadline import Deadline

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
    """A finished task: its result, or the error it raised on purpose; neither if the time was up before it began."""

    task: Task
    result: Any = None
    error: Maphc2fError | None = None
    skipped: bool = False


class WorkerLostError(IncompleteDatasetError):
    """The workers that were given a task died of it, one after the other."""


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Where tasks run and until when.

    Attributes:
        cluster: An existing cluster; None: this machine.
        deadline: When to begin no more tasks.
        root: The dataset folder, which the workers of an existing cluster must see.
        note: Told lines for people.
        watch: Told the names of the tasks handed out and not back yet, oldest first, and the number of workers.
    """

    cluster: ClusterAddress | None = None
    deadline: Deadline | None = None
    root: Path | None = None
    note: Callable[[str], None] = lambda _: None
    watch: Callable[[Sequence[str], int], None] = lambda _names, _workers: None


class WorkerPool:
    """Workers of one run: this process, a local cluster that starts with the first tasks, or an existing one.

    Args:
        workers: 1 or less runs here, one task after the other; more start as many single-threaded processes. Without
            meaning for an existing cluster.
        options: Where and until when.
    """

    def __init__(self, workers: int, options: PoolOptions | None = None) -> None:
        self._workers = workers
        self._options = options or PoolOptions()
        self._stack = contextlib.ExitStack()
        self._client: Any = None

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def execute(self, tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
        """Run ``tasks`` and yield their outcomes.

        Raises:
            IncompleteDatasetError: The existing cluster is gone.
            UserError: It cannot be reached, or its workers cannot work for this run.
            Exception: Whatever a task raises that is not a Maphc2fError: that is a bug, and ends the run.
        """
        options = self._options
        if not tasks:
            return
        if options.cluster is None and self._workers <= 1:
            for task in tasks:
                options.watch([task.name], 1)
                yield run_here(task, options.deadline)
            options.watch([], 1)
            return
        if self._client is None:
            self._client = self._start()
        window = _Window(self._client, tasks, options, None if options.cluster else self._workers)
        with contextlib.closing(window.outcomes()) as outcomes:
            yield from outcomes

    def _start(self) -> Any:
        import dask
        import distributed  # noqa: F401  # its defaults must be in the settings before some are changed for a time

        self._stack.enter_context(dask.config.set(SETTINGS))
        if self._options.cluster is not None:
            client = self._stack.enter_context(connect(self._options.cluster, self._options.root, self._options.note))
        else:
            client = self._stack.enter_context(self._local())
        if client.dashboard_link:
            self._options.note(f"dashboard {client.dashboard_link}")
        return client

    def _local(self) -> Any:
        from distributed import Client, LocalCluster

        cluster = LocalCluster(
            n_workers=self._workers,
            threads_per_worker=1,
            processes=True,
            # Port 0: any free one on this machine; the default one would be fought over by two runs.
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
            memory_limit=0,
        )
        return Client(self._stack.enter_context(cluster))


def execute(tasks: Sequence[Task], workers: int) -> Iterator[Outcome]:
    """Run ``tasks`` with a processes of their own and yield their outcomes; see :meth:`WorkerPool.execute`."""
    with WorkerPool(min(workers, len(tasks))) as processes:
        yield from processes.execute(tasks)


def run_here(task: Task, deadline: Deadline | None = None) -> Outcome:
    """Run one task in this process, unless the time is up."""
    if deadline is not None and deadline.passed:
        return Outcome(task, skipped=True)
    try:
        return Outcome(task, task.function(*task.arguments))
    except Maphc2fError as error:
        return Outcome(task, error=error)


def run_in_worker(task: Task, deadline: Deadline | None) -> Outcome:
    """Run one task in a worker, which may have several threads: one task a process at a time."""
    with take_turn():
        return run_here(task, deadline)


def dask_setup(worker: object) -> None:
    """Let a worker ignore Ctrl-C, which a terminal sends to all processes: the driver ends its workers."""
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Window:
    """Tasks on a cluster: a few for each worker are handed out, however many there are.

    Args:
        client: Of the cluster.
        tasks: What to do.
        options: Until when, and whom to tell.
        workers: Their number; None: as many as the cluster has at each moment.
    """

    def __init__(self, client: Any, tasks: Sequence[Task], options: PoolOptions, workers: int | None) -> None:
        self._client, self._options, self._workers = client, options, workers
        self._waiting = deque(tasks)
        self._given: dict[str, Task] = {}
        self._losses: Counter[str] = Counter()

    def outcomes(self) -> Generator[Outcome, None, None]:
        """Yield the outcomes as they come."""
        from distributed import as_completed

        futures = as_completed(self._fill(), loop=self._client.loop)
        try:
            for future in futures:
                outcome = self._receive(future)
                futures.update(self._fill())
                if outcome is not None:
                    yield outcome
        finally:
            if self._given:
                # What was not begun when a run is stopped shall not be begun after it.
                with contextlib.suppress(Exception):
                    self._client.cancel(list(self._given))

    def _fill(self) -> list[Any]:
        workers = self._workers or max(1, len(self._client.nthreads()))
        submitted = []
        while self._waiting and len(self._given) < workers * TASKS_AHEAD:
            task = self._waiting.popleft()
            # Two runs on one cluster may have shards of the same name.
            key = f"{task.name}-{uuid.uuid4().hex}"
            submitted.append(self._client.submit(run_in_worker, task, self._options.deadline, key=key, pure=False))
            self._given[key] = task
        self._options.watch([task.name for task in self._given.values()], workers)
        return submitted

    def _receive(self, future: Any) -> Outcome | None:
        """Return the outcome of a finished future; None if its task died with its worker and waits again."""
        from distributed.scheduler import KilledWorker

        task = self._given.pop(future.key)
        try:
            outcome: Outcome = future.result()
        except KilledWorker as error:
            return self._lost(task, error.allowed_failures + 1)
        except (CancelledError, AsyncCancelledError) as error:
            raise IncompleteDatasetError(
                f"{self._options.cluster or 'local cluster'}: the scheduler is gone ({type(error).__name__}); what was "
                "committed stays, run the same command to go on"
            ) from error
        finally:
            future.release()
        return outcome

    def _lost(self, task: Task, times: int) -> Outcome | None:
        """Hand a task out again unless it has cost too many workers: then it is the task that kills them."""
        self._losses[task.name] += times
        if self._losses[task.name] <= RETRIES:
            self._waiting.appendleft(task)
            return None
        cause = f"{self._losses[task.name]} workers died of it, for want of memory perhaps"
        return Outcome(task, error=WorkerLostError(cause))

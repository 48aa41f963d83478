"""Running tasks here and on a local cluster."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from maphc2f.errors import PictureError
from maphc2f.generate.deadline import Deadline
from maphc2f.generate.executor import TASKS_AHEAD, Outcome, PoolOptions, Task, WorkerPool, run_here


def square(value: int) -> tuple[int, int]:
    return value * value, os.getpid()


def refuse(name: str) -> None:
    raise PictureError("changed", where=name, rule="a rule", remedy="a remedy")


def crash() -> None:
    msg = "a bug"
    raise ZeroDivisionError(msg)


def tasks(count: int) -> list[Task]:
    return [Task(f"t{i}", square, (i,), 1) for i in range(count)]


def execute(some: list[Task], workers: int) -> Iterator[Outcome]:
    with WorkerPool(workers) as processes:
        yield from processes.execute(some)


def test_one_worker_runs_here_and_in_order() -> None:
    outcomes = list(execute(tasks(5), 1))
    assert [outcome.result for outcome in outcomes] == [(i * i, os.getpid()) for i in range(5)]
    assert [outcome.task.name for outcome in outcomes] == [f"t{i}" for i in range(5)]


def test_nothing_to_do_starts_nothing() -> None:
    assert list(execute([], 8)) == []


def test_results_come_as_they_are_made() -> None:
    stream = execute(tasks(3), 1)
    assert next(stream).result[0] == 0
    stream.close()


def test_no_task_is_begun_when_the_time_is_up() -> None:
    past, future = (Deadline(time.time() + seconds, "--until 06:00") for seconds in (-1, 3600))
    with WorkerPool(1, PoolOptions(deadline=past)) as processes:
        outcomes = list(processes.execute(tasks(3)))
    assert [(o.task.name, o.skipped, o.result) for o in outcomes] == [(f"t{i}", True, None) for i in range(3)]
    with WorkerPool(1, PoolOptions(deadline=future)) as processes:
        assert [o.skipped for o in processes.execute(tasks(3))] == [False] * 3


def test_who_watches_sees_each_task_come_and_go() -> None:
    seen: list[tuple[tuple[str, ...], int]] = []
    options = PoolOptions(watch=lambda names, workers: seen.append((tuple(names), workers)))
    with WorkerPool(1, options) as processes:
        list(processes.execute(tasks(2)))
    assert seen == [(("t0",), 1), (("t1",), 1), ((), 1)]


def test_an_error_for_users_is_an_outcome() -> None:
    outcome = run_here(Task("bad", refuse, ("x.png",), 4))
    assert outcome.result is None
    assert isinstance(outcome.error, PictureError)
    assert outcome.error.where == "x.png"


def test_a_bug_ends_the_run() -> None:
    with pytest.raises(ZeroDivisionError, match="a bug"):
        list(execute([Task("bug", crash, (), 1)], 1))


def test_a_cluster_gives_the_same_results_and_errors_and_serves_twice() -> None:
    some = [*tasks(9), Task("bad", refuse, ("x.png",), 4)]
    given: list[int] = []
    notes: list[str] = []
    options = PoolOptions(note=notes.append, watch=lambda names, _: given.append(len(names)))
    with WorkerPool(2, options) as processes:
        assert list(processes.execute([])) == []
        outcomes = {outcome.task.name: outcome for outcome in processes.execute(some)}
        again = list(processes.execute([Task("more", square, (7,), 1)]))
    assert set(outcomes) == {task.name for task in some}
    assert [outcomes[f"t{i}"].result[0] for i in range(9)] == [i * i for i in range(9)]
    assert again[0].result[0] == 49
    assert max(given) == 2 * TASKS_AHEAD < len(some), "a few tasks a worker, not all"
    assert given[-1] == 0
    assert all(note.startswith("dashboard http") for note in notes)
    workers = {outcomes[f"t{i}"].result[1] for i in range(9)}
    assert os.getpid() not in workers
    assert again[0].result[1] in workers or len(workers) == 1, "one cluster serves all"
    error = outcomes["bad"].error
    assert isinstance(error, PictureError)
    assert (error.where, error.rule, error.remedy) == ("x.png", "a rule", "a remedy")

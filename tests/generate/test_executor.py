"""Running tasks here and on a local cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from maphc2f.errors import PictureError
from maphc2f.generate.executor import Outcome, Task, WorkerPool, run_here


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
    with WorkerPool(2) as processes:
        assert list(processes.execute([])) == []
        outcomes = {outcome.task.name: outcome for outcome in processes.execute(some)}
        again = list(processes.execute([Task("more", square, (7,), 1)]))
    assert set(outcomes) == {task.name for task in some}
    assert [outcomes[f"t{i}"].result[0] for i in range(9)] == [i * i for i in range(9)]
    assert again[0].result[0] == 49
    workers = {outcomes[f"t{i}"].result[1] for i in range(9)}
    assert os.getpid() not in workers
    assert again[0].result[1] in workers or len(workers) == 1, "one cluster serves all"
    error = outcomes["bad"].error
    assert isinstance(error, PictureError)
    assert (error.where, error.rule, error.remedy) == ("x.png", "a rule", "a remedy")

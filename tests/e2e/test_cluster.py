"""An existing Dask cluster of separate processes: same bytes, whatever dies; bounded queue; clear refusals."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from maphc2f.errors import UserError
from maphc2f.generate.cluster import ClusterAddress
from maphc2f.generate.executor import RETRIES, TASKS_AHEAD, PoolOptions, Task, WorkerLostError, WorkerPool
from tests.e2e.support import Result, call, content_digest, info, leftovers, write_manifest

pytestmark = pytest.mark.slow

LONG = {"steel_nut": 16, "hide": 32, "cloth": 8}


@dataclass
class Cluster:
    """A scheduler and its workers, each a process of its own."""

    file: Path
    stack: ExitStack
    flags: tuple[str, ...] = ()
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, program: str, *flags: object) -> subprocess.Popen[bytes]:
        unset = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
        line = [sys.executable, "-m", f"distributed.cli.{program}", "--scheduler-file", str(self.file), *self.flags]
        log = self.stack.enter_context((self.file.parent / f"{program}-{len(self.workers)}.log").open("wb"))
        process = subprocess.Popen([*line, *map(str, flags)], env=unset, stdout=log, stderr=log, cwd=self.file.parent)
        self.stack.callback(process.wait, 30)
        self.stack.callback(process.kill)
        return process

    def add_worker(self, *flags: object) -> subprocess.Popen[bytes]:
        self.workers.append(self.start("dask_worker", "--no-nanny", "--no-dashboard", *(flags or ("--nthreads", 1))))
        return self.workers[-1]


@contextmanager
def cluster_in(folder: Path, *flags: str) -> Iterator[Cluster]:
    with ExitStack() as stack:
        cluster = Cluster(folder / "cluster.json", stack, flags)
        secure = "--protocol tls" if flags else ""
        scheduler = cluster.start(
            "dask_scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", *secure.split()
        )
        end = time.monotonic() + 60
        while not cluster.file.exists():
            assert scheduler.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        cluster.start_of_scheduler = scheduler  # type: ignore[attr-defined]
        yield cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with cluster_in(tmp_path) as made:
        yield made


def when(reached: Callable[[], bool], act: Callable[[], object]) -> threading.Thread:
    """Call ``act`` once as soon as ``reached`` holds."""

    def watch() -> None:
        end = time.monotonic() + 90
        while not reached() and time.monotonic() < end:
            time.sleep(0.005)
        act()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def committed(out: Path) -> int:
    return len(list((out / "index").glob("*-train-*.json")))


def make(manifest: Path, out: Path, *flags: object) -> Result:
    return call("generate", "--manifest", manifest, "--out", out, *flags)


def test_three_workers_one_killed_give_the_same_digest(
    cluster: Cluster, tmp_path: Path, small_shards: Callable[[int], None]
) -> None:
    small_shards(4)
    manifest = write_manifest(tmp_path / "m.toml", LONG)
    plain = make(manifest, tmp_path / "plain", "--workers", 1)
    for _ in range(3):
        cluster.add_worker()
    out = tmp_path / "ds"
    thread = when(lambda: committed(out) >= 2, cluster.workers[1].kill)
    result = make(manifest, out, "--scheduler-file", cluster.file)
    thread.join()
    assert cluster.workers[1].wait() != 0
    assert result.code == 0, result
    assert result.digest == plain.digest
    assert leftovers(out) == []
    assert call("verify", out).code == 0


def test_a_scheduler_that_goes_ends_the_run_in_one_line(
    cluster: Cluster, tmp_path: Path, small_shards: Callable[[int], None]
) -> None:
    small_shards(4)
    manifest = write_manifest(tmp_path / "m.toml", LONG)
    cluster.add_worker()
    out = tmp_path / "ds"
    scheduler: subprocess.Popen[bytes] = cluster.start_of_scheduler  # type: ignore[attr-defined]
    thread = when(lambda: committed(out) >= 1, scheduler.kill)
    result = make(manifest, out, "--scheduler-file", cluster.file)
    thread.join()
    assert result.code == 3, result
    assert "the scheduler is gone" in result.err.splitlines()[-1]
    assert "Traceback" not in result.err
    again = make(manifest, out, "--workers", 1)
    assert again.code == 0
    assert again.digest == make(manifest, tmp_path / "plain", "--workers", 1).digest


def facts() -> tuple[str | None, int]:
    import torch

    from maphc2f.generate.worker import pin_threads

    pin_threads()
    return os.environ.get("OPENBLAS_NUM_THREADS"), torch.get_num_threads()


def overlap(folder: str) -> int:
    """Return how many tasks run in this process at once."""
    mine = Path(folder) / f"{os.getpid()}-{threading.get_ident()}"
    mine.touch()
    time.sleep(0.2)
    count = len(list(Path(folder).glob(f"{os.getpid()}-*")))
    mine.unlink()
    return count


def die() -> None:
    os.kill(os.getpid(), 9)


def test_workers_are_pinned_one_task_at_a_time_and_the_queue_is_short(cluster: Cluster, tmp_path: Path) -> None:
    cluster.add_worker("--nthreads", 4)
    (tmp_path / "turns").mkdir()
    notes: list[str] = []
    queued: list[int] = []
    options = PoolOptions(
        ClusterAddress(scheduler_file=cluster.file),
        note=notes.append,
        watch=lambda names, workers: queued.append(len(names) * (workers == 1)),
    )
    with WorkerPool(1, options) as pool:
        found = [outcome.result for outcome in pool.execute([Task(f"t{i}", facts, (), 1) for i in range(20)])]
        turns = Task("turn", overlap, (str(tmp_path / "turns"),), 1)
        most = [outcome.result for outcome in pool.execute([turns] * 6)]
    assert found == [("1", 1)] * 20
    assert most == [1] * 6
    assert max(queued) == TASKS_AHEAD
    assert any("1 of them have several threads" in note for note in notes)


def test_a_task_that_kills_its_workers_is_given_up(cluster: Cluster) -> None:
    for _ in range(RETRIES + 2):
        cluster.add_worker()
    with WorkerPool(1, PoolOptions(ClusterAddress(scheduler_file=cluster.file))) as pool:
        outcomes = {o.task.name: o for o in pool.execute([Task("bad", die, (), 1), Task("good", facts, (), 1)])}
    assert outcomes["good"].result == ("1", 1)
    error = outcomes["bad"].error
    assert isinstance(error, WorkerLostError)
    assert f"{RETRIES + 1} workers died of it" in str(error)


def test_no_scheduler_no_worker_and_no_folder_are_said(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maphc2f.generate.cluster.CONNECT_SECONDS", 2)
    address = ClusterAddress(scheduler_file=cluster.file)
    task = Task("t", facts, (), 1)
    with pytest.raises(UserError, match="no worker came"), WorkerPool(1, PoolOptions(address)) as pool:
        list(pool.execute([task]))
    cluster.add_worker()
    monkeypatch.setattr("maphc2f.generate.cluster.CONNECT_SECONDS", 30)
    options = PoolOptions(address, root=tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"does not find .*nowhere"), WorkerPool(1, options) as pool:
        list(pool.execute([task]))
    monkeypatch.setattr("maphc2f.generate.cluster.CONNECT_SECONDS", 2)
    nobody = ClusterAddress("tcp://127.0.0.1:9")
    with (
        pytest.raises(UserError, match=r"--scheduler tcp://127.0.0.1:9: no answer"),
        WorkerPool(1, PoolOptions(nobody)) as pool,
    ):
        list(pool.execute([task]))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_an_encrypted_cluster(tmp_path: Path, reference: Path, manifest: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    request = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject)
    subprocess.run([*request, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    files = ("--tls-ca-file", str(cert), "--tls-cert", str(cert), "--tls-key", str(key))
    with cluster_in(tmp_path, *files) as cluster:
        cluster.add_worker()
        address = json.loads(cluster.file.read_text())["address"]
        assert address.startswith("tls://")
        flags = ("--tls-ca", cert, "--tls-cert", cert, "--tls-key", key)
        result = make(manifest, tmp_path / "ds", "--scheduler", address, *flags)
    assert result.code == 0, result
    assert result.digest == content_digest(reference) == info(tmp_path / "ds")["content_digest"]

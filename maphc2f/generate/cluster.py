"""An existing Dask cluster: how to reach it, and whether its workers can work for a run.

* :class:`ClusterAddress` names it; :func:`parse_cluster` checks what was typed.
* :func:`connect` joins it, pins its workers' threads and refuses workers that lack the program or the folder.
* :func:`take_turn` lets one task a process run at a time.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from maphc2f import __version__
from maphc2f.errors import ManifestError, UserError, one_line
from maphc2f.generate.threads import set_thread_variables

CONNECT_SECONDS = 30
"""Time for a scheduler to answer, and then for a first worker to be there."""

_TURN = threading.Lock()
"""A worker with several threads is one process with one set of opened pictures, which no two tasks may use at once."""


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """Where an existing scheduler is.

    Attributes:
        address: As in ``tcp://host:8786``; None if a file says it.
        scheduler_file: JSON that the scheduler wrote.
        tls: Files of the authority, the certificate and its key; None without encryption.
    """

    address: str | None = None
    scheduler_file: Path | None = None
    tls: tuple[Path, Path, Path] | None = None

    def __str__(self) -> str:
        """As it is typed."""
        return f"--scheduler {self.address}" if self.address else f"--scheduler-file {self.scheduler_file}"


def parse_cluster(
    address: str | None, scheduler_file: Path | None, tls: tuple[Path | None, Path | None, Path | None]
) -> ClusterAddress | None:
    """Return the cluster of the flags; None if none is named.

    Args:
        address: ``--scheduler``.
        scheduler_file: ``--scheduler-file``.
        tls: ``--tls-ca``, ``--tls-cert``, ``--tls-key``.

    Raises:
        ManifestError: Flags contradict or lack one another, or a file is not there.
    """
    _check_files(scheduler_file, tls)
    if address is None and scheduler_file is None:
        if any(tls):
            raise _refused("--tls-ca", "given without a scheduler", "it protects the way to one", "add --scheduler")
        return None
    if address is not None and scheduler_file is not None:
        rule = "one of them names the cluster"
        raise _refused("--scheduler", "given together with --scheduler-file", rule, "keep one")
    where = f"--scheduler {address}" if address else f"--scheduler-file {scheduler_file}"
    found = address or _address_in(scheduler_file, where)
    _check_address(found, where, encrypted=all(tls))
    ca, cert, key = tls
    return ClusterAddress(address, scheduler_file, (ca, cert, key) if ca and cert and key else None)


def _check_files(scheduler_file: Path | None, tls: tuple[Path | None, Path | None, Path | None]) -> None:
    flags = dict(zip(("--tls-ca", "--tls-cert", "--tls-key"), tls, strict=True))
    missing = [flag for flag, path in flags.items() if path is None]
    if missing and len(missing) < len(flags):
        rule = "authority, certificate and key go together"
        raise _refused(missing[0], "missing", rule, f"add {missing[0]} FILE")
    for flag, path in {"--scheduler-file": scheduler_file, **flags}.items():
        if path is not None and not path.is_file():
            raise _refused(f"{flag} {path}", "no such file", "a file that can be read", "check the path")


def _address_in(path: Path | None, where: str) -> str:
    try:
        return str(json.loads((path or Path()).read_bytes())["address"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        rule = "the JSON that 'dask scheduler --scheduler-file' writes"
        raise _refused(where, "names no scheduler", rule, "start the scheduler first") from error


def _check_address(address: str, where: str, *, encrypted: bool) -> None:
    scheme, _, place = address.partition("://")
    host, _, port = place.rpartition(":")
    if scheme not in {"tcp", "tls"} or not host or not port.isdigit():
        rule = "an address as in tcp://host:8786 or tls://host:8786"
        raise _refused(where, f"'{address}' is not an address", rule, "write protocol, host and port")
    if (scheme == "tls") != encrypted:
        flags = "--tls-ca, --tls-cert and --tls-key"
        rule, remedy = ("tls:// needs", f"add {flags}") if scheme == "tls" else ("only tls:// takes", "write tls://")
        raise _refused(where, f"a {scheme}:// address", f"{rule} {flags}", remedy)


def _refused(where: str, what: str, rule: str, remedy: str) -> ManifestError:
    return ManifestError(what, where=where, rule=rule, remedy=remedy)


@contextlib.contextmanager
def connect(cluster: ClusterAddress, root: Path | None, note: Callable[[str], None]) -> Iterator[Any]:
    """Join an existing cluster, and leave it as it was.

    Args:
        cluster: Where it is.
        root: The dataset folder, which all workers must see; None if tasks need none.
        note: Told what a user should know of the workers.

    Raises:
        UserError: It does not answer, has no worker, or a worker lacks the program or the folder.
    """
    with _client(cluster) as client:
        plugin = _worker_setup()
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
            client.register_plugin(plugin)
        except TimeoutError as error:
            raise _trouble(cluster, "no worker came", "the cluster must have workers", "start some") from error
        except Exception as error:
            raise _trouble(
                cluster,
                f"a worker cannot load maphc2f ({one_line(str(error))[:200]})",
                "every worker runs in an environment with the same maphc2f",
                "install it there",
            ) from error
        _check_workers(client, cluster, root, note)
        try:
            yield client
        finally:
            with contextlib.suppress(Exception):
                client.unregister_worker_plugin(plugin.name)


@contextlib.contextmanager
def _client(cluster: ClusterAddress) -> Iterator[Any]:
    from distributed import Client
    from distributed.security import Security

    security = None
    if cluster.tls is not None:
        ca, cert, key = (str(path) for path in cluster.tls)
        security = Security(tls_ca_file=ca, tls_client_cert=cert, tls_client_key=key, require_encryption=True)
    address = cluster.address or _address_in(cluster.scheduler_file, str(cluster))
    try:
        client = Client(address, security=security, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, RuntimeError) as error:  # time-outs are OSErrors, a wrong key is an SSLError
        raise _trouble(
            cluster,
            f"no answer from {address} within {CONNECT_SECONDS} s ({type(error).__name__})",
            "a running scheduler of a compatible version of Dask",
            "check address, network and, for tls://, the certificates",
        ) from error
    with client:
        yield client


def _trouble(cluster: ClusterAddress, what: str, rule: str, remedy: str) -> UserError:
    return UserError(what, where=str(cluster), rule=rule, remedy=remedy)


def _worker_setup() -> Any:
    """Return the plugin that pins the threads of present and future workers before their numeric libraries load."""
    from distributed import WorkerPlugin

    class Setup(WorkerPlugin):  # type: ignore[misc]  # distributed has no types
        """Pins threads."""

        name = f"maphc2f-{uuid.uuid4().hex}"

        def setup(self, worker: object) -> None:
            """Give every library of the process one thread."""
            del worker
            set_thread_variables()

    return Setup()


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What a worker is.

    Attributes:
        version: Of maphc2f there.
        processor: Its model.
        sees: Whether it finds the dataset folder.
    """

    version: str
    processor: str
    sees: bool


def worker_facts(root: str | None) -> WorkerFacts:
    """Return the facts of the process that this is called in; ``root`` is the dataset folder."""
    return WorkerFacts(__version__, _processor(), root is None or os.path.isfile(os.path.join(root, "manifest.toml")))


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _check_workers(client: Any, cluster: ClusterAddress, root: Path | None, note: Callable[[str], None]) -> None:
    ask = partial(worker_facts, None if root is None else str(root.absolute()))
    found: dict[str, Any] = client.run(ask, on_error="return")
    for address, facts in found.items():
        if not isinstance(facts, WorkerFacts) or facts.version != __version__:
            have = facts.version if isinstance(facts, WorkerFacts) else one_line(str(facts))[:200]
            rule = f"every worker runs maphc2f {__version__}, as this process does"
            raise _trouble(cluster, f"worker {address} has another maphc2f ({have})", rule, "install the same there")
        if not facts.sees:
            rule = "all workers see the dataset folder under the same path"
            remedy = "put it on a file system that all machines share, or use --shard on each"
            raise _trouble(cluster, f"worker {address} does not find {root}", rule, remedy)
    _note_workers(client.nthreads(), {facts.processor for facts in found.values()}, note)


def _note_workers(threads: dict[str, int], processors: set[str], note: Callable[[str], None]) -> None:
    note(f"{len(threads)} workers on the cluster")
    several = sum(count > 1 for count in threads.values())
    if several:
        note(f"{several} of them have several threads, and use one: start workers with --nthreads 1 to use all")
    if len(processors) > 1:
        kinds = ", ".join(sorted(processors))
        note(f"warning: workers have different processors ({kinds}): equal bytes are promised on one type only")


def take_turn() -> threading.Lock:
    """Return the lock that a task holds while it runs."""
    return _TURN

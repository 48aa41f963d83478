"""The scripts of pipelines/: what they call, when a task is queued again. Programs are stand-ins that note calls."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "pipelines"
SCRIPTS = sorted([*ROOT.rglob("*.sh"), *ROOT.rglob("*.sbatch")])

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


def stand_in(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f'#!/usr/bin/env bash\necho "{name} $*" >> "{folder}/calls"\n{body}\n')
    path.chmod(0o755)


def calls(folder: Path) -> list[str]:
    path = folder / "calls"
    return path.read_text().splitlines() if path.exists() else []


def start(folder: Path, script: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    variables = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", **environment}
    line = ["bash", str(ROOT / script), *arguments]
    return subprocess.Popen(line, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)


def task(folder: Path, generate: str, *arguments: str, **environment: str) -> int:
    """Run a task of the array whose ``maphc2f`` does ``generate``; return its exit code."""
    stand_in(folder, "maphc2f", generate)
    stand_in(folder, "scontrol", "")
    slurm = {
        "SLURM_JOB_ID": "77",
        "SLURM_ARRAY_TASK_ID": "3",
        "SLURM_ARRAY_TASK_COUNT": "4",
        "SLURM_ARRAY_TASK_MIN": "1",
        "SLURM_ARRAY_TASK_MAX": "4",
        "SLURM_CPUS_PER_TASK": "2",
    }
    process = start(folder, "slurm/generate.sbatch", *(arguments or ("ds", "--seed", "5")), **{**slurm, **environment})
    process.communicate(timeout=60)
    return process.returncode


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_whole_executable_and_say_how_to_use_them(script: Path) -> None:
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)
    done = subprocess.run(["bash", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


def test_a_task_makes_its_share(tmp_path: Path) -> None:
    assert task(tmp_path, "exit 0") == 0
    assert calls(tmp_path) == ["maphc2f generate --out ds --shard 3/4 --workers 2 --max-hours 3.75 --seed 5"]


@pytest.mark.parametrize(
    ("code", "hours", "restarts", "again"),
    [
        (130, "3.75", "0", True),
        (143, "3.75", "0", True),
        (143, "3.75", "20", False),
        (3, "0", "0", True),
        (3, "3.75", "0", False),
        (2, "0", "0", False),
        (1, "0", "0", False),
    ],
)
def test_what_was_stopped_is_queued_again(code: int, hours: str, restarts: str, again: bool, tmp_path: Path) -> None:
    assert task(tmp_path, f"exit {code}", HOURS=hours, SLURM_RESTART_COUNT=restarts) == code
    assert ("scontrol requeue 77" in calls(tmp_path)) == again


def test_a_signal_reaches_the_run_and_its_code_counts(tmp_path: Path) -> None:
    stand_in(tmp_path, "maphc2f", 'trap "sleep 0.3; echo ended >> calls; exit 130" TERM\ntouch up\nsleep 30 & wait $!')
    stand_in(tmp_path, "scontrol", "")
    process = start(tmp_path, "slurm/generate.sbatch", "ds", SLURM_JOB_ID="77")
    end = time.monotonic() + 30
    while not (tmp_path / "up").exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    assert process.returncode == 130
    assert calls(tmp_path)[-2:] == ["ended", "scontrol requeue 77"]


def test_an_array_with_gaps_is_refused(tmp_path: Path) -> None:
    assert task(tmp_path, "exit 0", SLURM_ARRAY_TASK_MAX="9") == 2
    assert calls(tmp_path) == []


def test_the_local_script_stops_at_the_first_failure(tmp_path: Path) -> None:
    stand_in(tmp_path, "maphc2f", "[[ $1 == verify ]] && exit 4; exit 0")
    process = start(tmp_path, "local.sh", "ds")
    process.communicate(timeout=30)
    assert process.returncode == 4
    assert calls(tmp_path) == ["maphc2f generate --out ds --categories all", "maphc2f verify ds"]


def test_the_cluster_script_ends_what_it_started(tmp_path: Path) -> None:
    begin = '[[ $1 == scheduler ]] && echo {} > "$3"\necho $$ >> pids\n'
    body = begin + 'trap "echo gone >> calls; exit 0" TERM\nsleep 30 & wait $!'
    stand_in(tmp_path, "dask", body)
    process = start(tmp_path, "dask/workers.sh", "cluster.json", "3")
    end = time.monotonic() + 30
    while not (tmp_path / "pids").exists() or len((tmp_path / "pids").read_text().split()) < 2:
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert calls(tmp_path)[0] == "dask scheduler --scheduler-file cluster.json --port 0"
    assert calls(tmp_path)[1].startswith("dask worker --scheduler-file cluster.json --nworkers 3 --nthreads 1")
    assert calls(tmp_path)[2:] == ["gone", "gone"]

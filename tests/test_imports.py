"""Light imports: the package and its help load no heavy library, and importing has no side effects."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

HEAVY = ("torch", "numba", "dask", "distributed", "pyarrow", "cv2", "scipy", "pandas", "datasets")

PROBE = """
import json, sys
{code}
print(json.dumps(sorted(set(sys.modules) & set({heavy}))))
"""


def loaded_by(code: str) -> list[str]:
    command = [sys.executable, "-c", PROBE.format(code=code, heavy=HEAVY)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout.splitlines()[-1]))


def test_the_probe_sees_a_heavy_library() -> None:
    assert "pyarrow" in loaded_by("import maphc2f.shards.schema")


@pytest.mark.parametrize(
    "code",
    [
        "import maphc2f",
        "import maphc2f.cli.main",
        "from maphc2f.cli.main import run\nassert run(['--help']) == 0",
        "from maphc2f.cli.main import run\nassert run(['--version']) == 0",
        "import maphc2f.errors, maphc2f.rng, maphc2f.registry, maphc2f.spec, maphc2f.sample, maphc2f.manifest",
        "from maphc2f.defects import FAMILIES\nassert list(FAMILIES)",
        "from maphc2f.substrates import SUBSTRATES\nassert list(SUBSTRATES)",
    ],
    ids=["package", "command line", "help", "version", "core", "families", "substrates"],
)
def test_light_things_load_nothing_heavy(code: str) -> None:
    assert loaded_by(code) == []


def test_reading_a_dataset_loads_neither_torch_nor_numba(made) -> None:
    found = loaded_by(f"import maphc2f\nassert len(maphc2f.open({str(made.root)!r})) == 18")
    assert not {"torch", "numba", "dask", "distributed"} & set(found)


def test_help_answers_within_a_second() -> None:
    """The best of three: a busy machine is not what is tested."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "maphc2f.cli.main", "--help"], capture_output=True, check=True)
        seconds.append(time.perf_counter() - start)
        if seconds[-1] < 1:
            break
    assert min(seconds) < 1


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    import maphc2f

    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = maphc2f.nonsense

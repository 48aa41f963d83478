"""The same simulations have the same bits with one thread and with two."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import hashlib
import numpy as np
from maphc2f.defects import FAMILIES
from maphc2f.generate.showcase import Wish, arrays, run, settle

for family in FAMILIES:
    for scenario in FAMILIES[family].scenarios:
        digest = hashlib.sha256()
        for name, values in arrays(run(settle(Wish(family, scenario, stages=2)))).items():
            digest.update(name.encode() + np.ascontiguousarray(values).tobytes())
        print(family, scenario, digest.hexdigest())
"""
VARIABLES = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def digests(threads: int) -> list[str]:
    environment = {**os.environ, **dict.fromkeys(VARIABLES, str(threads))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_one_thread_and_two_give_the_same_bits() -> None:
    from maphc2f.defects import FAMILIES

    one, two = digests(1), digests(2)
    assert len(one) == sum(len(family.scenarios) for family in FAMILIES.values())
    assert len({line.split()[-1] for line in one}) == len(one), "the digests do not tell the scenarios apart"
    assert one == two

"""A fixed recipe makes what it made before.

If the algorithm was changed on purpose: raise ``ALGORITHM_VERSION`` once a release with the old one is out, run
``python -m tests.golden.digests`` and say so in the changelog. If not, this is a bug: resumed datasets would mix.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from maphc2f.spec import ALGORITHM_VERSION
from tests.golden import digests


@pytest.fixture(scope="module")
def pinned() -> dict[str, Any]:
    return dict(json.loads(digests.PINNED.read_text(encoding="utf-8")))


def test_the_file_is_of_this_algorithm(pinned: dict[str, Any]) -> None:
    assert pinned["algorithm_version"] == ALGORITHM_VERSION


def test_plan_and_choices_are_the_same_everywhere(pinned: dict[str, Any]) -> None:
    assert digests.plan_facts() == pinned["plan"]


def test_samples_are_the_same_on_the_same_machine(pinned: dict[str, Any]) -> None:
    here = digests.machine()
    other = {name: (pinned["machine"][name], here[name]) for name in here if pinned["machine"][name] != here[name]}
    if other:
        pytest.skip(f"pinned with other {', '.join(other)}")
    assert digests.sample_facts() == pinned["samples"]


def test_samples_are_the_same_twice() -> None:
    assert digests.sample_facts() == digests.sample_facts()

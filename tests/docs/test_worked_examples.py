"""The worked examples of docs/methods run and their assertions hold."""

import re
from pathlib import Path

import pytest

METHODS = Path(__file__).resolve().parents[2] / "docs" / "methods"


@pytest.mark.parametrize("page", ["deformation.md"])
def test_a_worked_example_runs(page):
    blocks = re.findall(r"^```python\n(.*?)^```$", (METHODS / page).read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        assert "assert" in block
        exec(compile(block, page, "exec"), {})  # noqa: S102  # the page's own code is what is tested

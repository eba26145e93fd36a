"""What docs/sweeps.md shows is what its code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("torch")

PAGE = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_blocks_run_in_order():
    assert len(BLOCKS) == PAGE.count("```python") >= 5
    assert sum(program.count("assert ") for program in BLOCKS) >= 12
    names: dict[str, object] = {}
    for program in BLOCKS:
        exec(compile(program, "sweeps.md", "exec"), names)

"""What docs/attribution.md shows is what its code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("torch")

PAGE = (Path(__file__).parents[2] / "docs" / "attribution.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_blocks_run_in_order():
    assert len(BLOCKS) == PAGE.count("```python") >= 6
    assert sum(program.count("assert ") for program in BLOCKS) >= 15
    names: dict[str, object] = {}
    for program in BLOCKS:
        exec(compile(program, "attribution.md", "exec"), names)


def test_every_measure_says_what_it_does_not_say():
    assert len(re.findall(r"not say:\*", PAGE)) >= 6

"""What docs/interventions.md shows is what its code does."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

pytest.importorskip("torch")

PAGE = (Path(__file__).parents[2] / "docs" / "interventions.md").read_text(encoding="utf-8")
# A block of Python, with what it prints where that is shown.
BLOCKS = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", PAGE, re.DOTALL)


def test_the_blocks_run_in_order_and_print_what_is_shown():
    assert len(BLOCKS) == PAGE.count("```python") >= 6
    names: dict[str, object] = {}
    for program, output in BLOCKS:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(program, "interventions.md", "exec"), names)
        assert printed.getvalue() == output


def test_the_examples_make_claims():
    assert sum(program.count("assert ") for program, _ in BLOCKS) >= 6

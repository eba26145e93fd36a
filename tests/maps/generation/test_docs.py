"""What docs/generation.md shows is what its code does."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

pytest.importorskip("transformers")
pytest.importorskip("tokenizers")

PAGE = (Path(__file__).parents[3] / "docs" / "generation.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_blocks_run_in_order():
    from transformers.utils import logging

    before = logging.get_verbosity()
    names: dict[str, object] = {}
    try:
        for program in BLOCKS:
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                exec(compile(program, "generation.md", "exec"), names)
            assert not printed.getvalue()
    finally:
        logging.set_verbosity(before)


def test_the_examples_make_claims():
    assert len(BLOCKS) >= 7
    assert sum(len(re.findall(r"assert[ _]", program)) for program in BLOCKS) >= 10

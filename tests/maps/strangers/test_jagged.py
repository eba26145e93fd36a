"""Nested tensors: read or refused by name, and the process lives."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.maps.strangers.jagged import FORMS
from tests.maps.strangers.judge import MODES

ROOT = Path(__file__).parents[3]


@cache
def run(mode: str) -> tuple[int, dict[str, str], str]:
    """Exit status, what was said of each form, and standard error."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.maps.strangers.jagged", mode],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *sys.path])},
    )
    lines = [line.split("\t", 1) for line in process.stdout.splitlines()]
    return process.returncode, {line[0]: line[1] for line in lines}, process.stderr[-2000:]


@pytest.mark.parametrize("mode", MODES)
def test_the_process_lives(mode):
    status, _, errors = run(mode)
    assert status == 0, errors


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", FORMS)
def test_nested_tensors_are_read_or_refused(form, mode):
    _, verdicts, errors = run(mode)
    answer = verdicts.get(form, f"ended the process: {errors}")
    if answer.startswith("skipped"):
        pytest.skip(answer)
    assert answer in ("right", "refused")

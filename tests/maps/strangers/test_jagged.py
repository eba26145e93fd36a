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
def run() -> tuple[int, dict[tuple[str, str], str], str]:
    """Return the exit status, the verdict for each mode and form, and standard error.

    One process for all of them: most of its time goes into importing PyTorch.
    """
    process = subprocess.run(
        [sys.executable, "-m", "tests.maps.strangers.jagged"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *sys.path])},
    )
    lines = [line.split("\t", 2) for line in process.stdout.splitlines()]
    verdicts = {(mode, form): verdict for mode, form, verdict in lines}
    return process.returncode, verdicts, process.stderr[-2000:]


def test_the_process_lives():
    status, _, errors = run()
    assert status == 0, errors


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", FORMS)
def test_nested_tensors_are_read_or_refused(form, mode):
    _, verdicts, errors = run()
    answer = verdicts.get((mode, form), f"ended the process: {errors}")
    if answer.startswith("skipped"):
        pytest.skip(answer)
    assert answer in ("right", "refused")

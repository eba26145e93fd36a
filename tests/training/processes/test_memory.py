"""Memory that a step frees is there for the next one, without a page fault."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = """
import resource
import torch
from clearhead.training.processes.memory import keep_memory

def faults() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        torch.ones(40 << 20, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

torch.set_num_threads(1)
faults()
first = faults()
assert keep_memory()
for _ in range(4):  # until the heap has grown
    faults()
print(first, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc here is not glibc's")
def test_what_was_freed_is_there_again_without_a_page_fault() -> None:
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    before, after = map(int, process.stdout.split())
    if before < 10_000:
        pytest.skip("this C library keeps them by itself")
    assert after < before / 2

"""OpenBLAS's kernel sets, which a process chooses when it loads the library."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

# Kernel set -> the instructions that a processor needs for it.
KERNELS = {
    "Nehalem": {"sse4_2"},
    "Sandybridge": {"avx"},
    "Haswell": {"avx2", "fma"},
    "Zen": {"avx2", "fma"},
    "SkylakeX": {"avx512f", "avx512vl"},
    "Cooperlake": {"avx512f", "avx512_bf16"},
    "SapphireRapids": {"avx512f", "amx_bf16"},
    "": set(),  # what the library chooses for itself
}


@cache
def processor_flags() -> frozenset[str]:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return frozenset(next((line.split() for line in lines if line.startswith("flags")), ()))


def skip_without(kernels: str) -> None:
    """Skip a test where the processor cannot run a kernel set."""
    lacking = KERNELS[kernels] - processor_flags()
    if lacking:
        pytest.skip(f"this processor lacks {', '.join(sorted(lacking))}")


def run(code: str, kernels: str, threads: int = 1) -> str:
    """Run a program with a kernel set and a number of BLAS threads, and return its output."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads)}
    environment.pop("OPENBLAS_CORETYPE", None)
    environment.pop("OMP_NUM_THREADS", None)
    if kernels:
        environment["OPENBLAS_CORETYPE"] = kernels
    outcome = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout

"""What a timing was taken on, and how fast that machine multiplies matrices."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = ("numpy", "torch", "transformers", "ctranslate2", "tokenizers")
QUIET_LOAD = 0.3  # processors


def processor() -> str:
    """Return the processor's model, with the instruction sets that decide here."""
    name, flags, family = platform.processor() or platform.machine(), "", ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        fields = dict(
            line.split("\t", 1)[0:2] for line in info.read_text().splitlines() if "\t" in line
        )
        fields = {key.strip(): value.strip("\t :") for key, value in fields.items()}
        name = fields.get("model name", name)
        family = f" (family {fields['cpu family']}, model {fields['model']})" * (
            "cpu family" in fields
        )
        flags = fields.get("flags", "")
    notable_flags = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16")
    flags_here = [flag for flag in notable_flags if flag in flags.split()]
    return name + family + (f", {', '.join(flags_here)}" if flags_here else "")


def matrix_kernels() -> str | None:
    """Return NumPy's BLAS library, and which of its kernel sets runs on this processor.

    OpenBLAS chooses by the processor, or by OPENBLAS_CORETYPE in the environment; tables of
    different kernel sets cannot be compared.
    """
    try:
        from threadpoolctl import threadpool_info
    except ModuleNotFoundError:
        return None
    import numpy  # noqa: F401 - loads the library that is asked about

    from clearhead.engine.products import method

    for library in threadpool_info():
        if library["user_api"] == "blas" and "numpy" in library["filepath"]:
            kernels = f", {library['architecture']} kernels" if "architecture" in library else ""
            name = f"{library['internal_api']} {library['version']}{kernels}"
            if method() == "whole":
                return f"{name}; scores may depend on the batch in their last bits"
            return f"{name}; scores do not depend on the batch, by {method()}"
    return None


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def installed(package: str) -> str | None:
    """Return a package's version, or None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def busy_processors(seconds: float = 2.0) -> float | None:
    """Return how many processors were at work on average while this process waited.

    The load average would do, but it remembers for minutes what ended before, such as the
    benchmark that ran just now.
    """
    stat = Path("/proc/stat")
    if not stat.exists():
        return os.getloadavg()[0] if hasattr(os, "getloadavg") else None

    def idle() -> float:
        fields = stat.read_text().splitlines()[0].split()
        return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")

    before, start = idle(), time.monotonic()
    time.sleep(seconds)
    everyone = os.cpu_count() or 1
    return max(0.0, everyone - (idle() - before) / (time.monotonic() - start))


def peak_memory() -> int:
    """Return the most memory that this process has held, in bytes.

    On Linux from its own status: what getrusage tells there is at least what the process that
    started this one held, because a program inherits it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024
    import resource

    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def machine() -> dict[str, Any]:
    """Return processor, cores, versions, and how busy the machine was before measuring."""
    load = busy_processors()
    return {
        "processor": processor(),
        "cores": cores(),
        "kernels": matrix_kernels(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "libraries": {name: installed(name) for name in LIBRARIES if installed(name)},
        "load_before": load,
        "quiet": load is None or load < QUIET_LOAD,
    }


def describe(facts: dict[str, Any]) -> list[str]:
    """Describe the machine in a few lines, with a warning where others were using it."""
    libraries = ", ".join(f"{name} {number}" for name, number in facts["libraries"].items())
    lines = [
        f"{facts['processor']}, {facts['cores']} cores",
        f"{facts['system']}; {libraries}",
    ]
    if facts.get("kernels"):
        lines.append(f"NumPy's products: {facts['kernels']}")
    if not facts["quiet"]:
        lines.append(
            f"NOT A QUIET MACHINE: {facts['load_before']:.1f} processors busy before the start. "
            f"Others slow every row, and not equally; the table is no evidence."
        )
    return lines


def matmul_ceiling(threads: int, dtype_name: str, size: int = 2048, seconds: float = 0.6) -> float:
    """Return the fastest of repeated products of two square matrices with PyTorch, in FLOP/s."""
    import torch

    torch.set_num_threads(threads)
    dtype = getattr(torch, dtype_name)
    a, b = (torch.randn(size, size).to(dtype) for _ in range(2))
    a @ b
    fastest, end = float("inf"), time.perf_counter() + seconds
    while fastest == float("inf") or time.perf_counter() < end:
        start = time.perf_counter()
        a @ b
        fastest = min(fastest, time.perf_counter() - start)
    return 2 * size**3 / fastest

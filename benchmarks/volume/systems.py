"""What translates a file: commands in processes of their own, timed from start to end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from ..paths import ROOT, search_path


@dataclass(frozen=True)
class PlainSetting:
    """How the plain script calls CTranslate2.

    Attributes:
        workers, threads: ``inter_threads`` and ``intra_threads``.
        kind, size: ``batch_type`` and ``max_batch_size``.
    """

    workers: int
    threads: int
    kind: str
    size: int

    def __str__(self) -> str:
        return f"{self.workers} x {self.threads} threads, batches of {self.size} {self.kind}"


def plain_settings(cores: int) -> list[PlainSetting]:
    """Return the settings of which the plain script gets the best one."""
    batches = [("examples", 32), ("tokens", 512), ("tokens", 1024), ("tokens", 2048)]
    settings = [PlainSetting(cores, 1, kind, size) for kind, size in batches]
    if cores > 1:
        settings.append(PlainSetting(1, cores, "tokens", 1024))
    return settings


def plain_command(
    folder: Path, compute: str, setting: PlainSetting, beam: int, tokenizer: Path
) -> list[str]:
    """Return the command of the plain script, without its files."""
    numbers = (setting.workers, setting.threads, setting.kind, setting.size, beam)
    module = [sys.executable, "-m", "benchmarks.volume.plain"]
    return [*module, str(folder), compute, *map(str, numbers), str(tokenizer)]


def our_command(model: str, engine: str, compute: str, beam: int, stop: str = "exact") -> list[str]:
    """Return the command of clearhead, without its files."""
    module = [sys.executable, "-m", "clearhead", "translate", "--model", model, "--quiet"]
    rule = [] if stop == "exact" else ["--stop", stop]
    return [*module, *rule, "--engine", engine, "--compute", compute, "--beam-size", str(beam)]


@dataclass(frozen=True)
class Run:
    """One run of a command.

    Attributes:
        seconds: from the start of the process to its end.
        processor_seconds: of all its threads.
        peak: bytes of memory that it has held at most.
    """

    seconds: float
    processor_seconds: float
    peak: int


def run(command: list[str], source: Path, target: Path, *, plain: bool) -> Run:
    """Run a command that translates a file to another.

    Raises:
        RuntimeError: it failed; what it said is in the message.
    """
    files = [str(source), str(target)] if plain else ["-i", str(source), "-o", str(target)]
    environment = {**os.environ, "PYTHONPATH": search_path()}
    start = time.perf_counter()
    process = subprocess.Popen(
        [*command, *files], cwd=ROOT, env=environment, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    words = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {words[-2000:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)

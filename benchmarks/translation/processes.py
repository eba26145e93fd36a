"""The processes of the systems that translate: started, asked and ended."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from clearhead.config import TransformerConfig

from ..paths import ROOT, search_path
from ..report import progress
from .systems import OURS, random_weights


class Process:
    """One system at one number of threads."""

    def __init__(self, system: str, threads: int, folder: Path) -> None:
        self.system, self.threads = system, threads
        # Our threads each work on a batch of their own, beside a BLAS library of one thread.
        inner = 1 if system == OURS else threads
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        self._process = subprocess.Popen(
            command(system, threads, folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": search_path(), **dict.fromkeys(names, str(inner))},
        )
        self._receive()

    def _receive(self) -> Any:
        line = self._process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise RuntimeError(
                f"The process of {self.system} ended with status {self._process.wait()}. Run it "
                f"alone to see why: python -m benchmarks.translation.systems"
            )
        return json.loads(line)

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return self._receive()

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()


def command(system: str, threads: int, folder: Path) -> list[str]:
    """Return the command line of one system's process."""
    module = "benchmarks.translation.systems"
    return [sys.executable, "-m", module, system, str(threads), str(folder)]


def prepare(folder: Path, config: TransformerConfig) -> None:
    """Write the weights that all systems read."""
    from safetensors.numpy import save_file

    (folder / "config.json").write_text(config.to_json())
    save_file(random_weights(config), folder / "model.safetensors")


@contextlib.contextmanager
def processes(
    names: Sequence[str], threads: Sequence[int], config: TransformerConfig
) -> Iterator[list[Process]]:
    """Start all systems at all numbers of threads; they are loaded and wait."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        prepare(folder, config)
        if any(system.startswith("CTranslate2") for system in names):
            progress("Converting the model for CTranslate2 ...")
            subprocess.run(
                command("convert", 1, folder),
                check=True,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": search_path()},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        running = []
        for system in names:
            for number in threads:
                progress(f"Starting {system} with {number} threads ...")
                process = Process(system, number, folder)
                stack.callback(process.close)
                running.append(process)
        yield running

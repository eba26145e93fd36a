"""The systems that generate, each in a process of its own with its own number of threads.

    python -m benchmarks.pretrained.systems SYSTEM THREADS SHAPE FOLDER

reads one request a line from standard input ({"calls": 1}) and answers each with one line: wall
and processor seconds of every call, and the tokens of the last one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..paths import ROOT, search_path
from .folders import TASK

INPUT_TOKENS, NEW_TOKENS = 20, 20
OURS, THEIRS, THEIRS_BF16 = "clearhead", "transformers", "transformers bfloat16"
SYSTEMS = (OURS, THEIRS, THEIRS_BF16)
INPUT = [5 + 7 * i for i in range(INPUT_TOKENS)]
Generate = Callable[[], list[int]]


class Process:
    """One system at one number of threads."""

    def __init__(self, system: str, threads: int, shape: str, folder: Path) -> None:
        self.system, self.threads = system, threads
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        arguments = (system, str(threads), shape, str(folder))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.pretrained.systems", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": search_path(),
                **dict.fromkeys(names, str(threads)),
            },
        )
        self._receive()

    def _receive(self) -> Any:
        line = self._process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise RuntimeError(
                f"The process of {self.system} ended with status {self._process.wait()}. Run it "
                f"alone to see why: python -m benchmarks.pretrained.systems"
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


def clearhead(shape: str, folder: Path) -> Generate:
    """Load a folder as `clearhead.load` does."""
    import clearhead as ch

    model = ch.load(folder)

    def generate() -> list[int]:
        return model.generate_ids(
            INPUT, num_beams=1, do_sample=False, min_new_tokens=NEW_TOKENS,
            max_new_tokens=NEW_TOKENS,
        )  # fmt: skip

    return generate


def transformers(shape: str, folder: Path, threads: int, dtype: str) -> Generate:
    """Load a folder with transformers, with the faster of its attention kernels."""
    import torch
    import transformers as library

    library.logging.set_verbosity_error()
    torch.set_num_threads(threads)
    loader = getattr(library, TASK[shape])
    model = loader.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()
    ids = torch.tensor([INPUT])

    def generate() -> list[int]:
        with torch.inference_mode():
            tokens = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                num_beams=1,
                do_sample=False,
                min_new_tokens=NEW_TOKENS,
                max_new_tokens=NEW_TOKENS,
                use_cache=True,
            )
        return tokens[0, -NEW_TOKENS:].tolist()

    def seconds(kind: str) -> float:
        model.set_attn_implementation(kind)
        generate()
        start = time.process_time()  # which others on the machine disturb less
        generate()
        return time.process_time() - start

    model.set_attn_implementation(min(("sdpa", "eager"), key=seconds))
    return generate


def make(system: str, shape: str, folder: Path, threads: int) -> Generate:
    """Load a system by its name."""
    if system == OURS:
        return clearhead(shape, folder)
    dtype = "bfloat16" if system == THEIRS_BF16 else "float32"
    return transformers(shape, folder, threads, dtype)


def answer(generate: Generate, calls: int) -> dict[str, Any]:
    """Time so many calls."""
    wall: list[float] = []
    processor: list[float] = []
    tokens: list[int] = []
    for _ in range(calls):
        start, processor_start = time.perf_counter(), time.process_time()
        tokens = generate()
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - processor_start)
    return {"wall": wall, "processor": processor, "tokens": tokens}


def serve(arguments: Sequence[str]) -> None:
    """Answer requests in a process of its own; standard output belongs to the answers alone."""
    system, threads, shape, folder = arguments
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    generate = make(system, shape, Path(folder), int(threads))
    generate()
    print(json.dumps("ready"), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(generate, json.loads(line)["calls"])), file=answers, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1:])

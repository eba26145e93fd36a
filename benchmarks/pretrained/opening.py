"""How long a folder takes from nothing to its first logits, and how much memory.

    python -m benchmarks.pretrained.opening FOLDER

measures it in a process of its own, from before anything is imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ..paths import ROOT, search_path

PROMPT = list(range(5, 15))


def open_folder(folder: Path) -> dict[str, Any]:
    """Return seconds to the first logits, and bytes, of a process that opens a folder."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    output = subprocess.run(
        [sys.executable, "-m", "benchmarks.pretrained.opening", str(folder)],
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": search_path(), **dict.fromkeys(names, "1")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ).stdout
    result: dict[str, Any] = json.loads(output)
    return result


def main(folder: str) -> None:
    """Open a folder, and print what it took."""
    start, processor_start = time.perf_counter(), time.process_time()
    import numpy as np

    import clearhead as ch

    model = ch.load(folder)
    ids = np.array([PROMPT])
    logits = model.logits(ids, ids) if model.config.encoder_layers else model.logits(ids)
    seconds = time.perf_counter() - start
    processor = time.process_time() - processor_start
    assert np.isfinite(logits).all()
    # After the clock: these are the benchmark's own.
    from ..machine import peak_memory

    weights = sum(array.nbytes for array in model.engine.model.weights.values())
    print(
        json.dumps(
            {
                "seconds": seconds,
                "processor_seconds": processor,
                "peak": peak_memory(),
                "weights": weights,
                "torch": "torch" in sys.modules,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])

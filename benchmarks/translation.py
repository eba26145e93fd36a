"""Translation speed of the default engine beside transformers' `generate` and CTranslate2.

    python -m benchmarks.translation [--quick] [--json]

All systems have the same weights and make 20 target tokens from 20 source tokens. Each system at
each number of threads is a process of its own (a BLAS library reads the number once); they are
asked in turn, A B C A B C, and each is judged at its best number of threads.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from clearhead.config import TransformerConfig

from . import translation_systems as systems
from .machine import cores, installed, machine
from .report import add_arguments, progress, publish, verdict
from .translation_systems import MARIAN, OURS, TARGET_TOKENS

ROOT = Path(__file__).parent.parent
CASES = (  # batch, beam, target ratio to transformers
    (1, 1, 3.0),
    (32, 1, 1.5),
    (1, 4, 1.5),
    (32, 4, 1.5),
)
SETTLE = 0.25  # seconds: threads of an OpenMP pool spin for up to 0.2 s after their last work


def model_config(quick: bool, heads: int) -> TransformerConfig:
    """The shape: what Marian can also compute."""
    small = {"d_model": 16, "num_heads": 2, "feed_forward_dim": 32} if quick else {}
    return TransformerConfig.from_dict(
        {
            "vocab_size": 300 if quick else 8000,
            "num_heads": heads,
            "encoder_layers": 1 if quick else 3,
            "decoder_layers": 1 if quick else 3,
            "norm_place": "after",
            "max_length": 64,
            **small,
        }
    )


def prepare(folder: Path, config: TransformerConfig) -> None:
    """Write the weights that all systems read."""
    from safetensors.numpy import save_file

    (folder / "config.json").write_text(config.to_json())
    save_file(systems.random_weights(config), folder / "model.safetensors")


def available() -> tuple[list[str], list[str]]:
    """Systems whose packages are installed, and sentences about the others."""
    found, notes = [], []
    for name, packages in systems.NEEDS.items():
        missing = [package for package in packages if not installed(package)]
        if missing:
            notes.append(f"{name} was left out: pip install {' '.join(missing)}")
        else:
            found.append(name)
    return found, notes


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
                f"alone to see why: python -m benchmarks.translation_systems"
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


def search_path() -> str:
    """Where a child process finds clearhead, installed or not."""
    import clearhead

    here = [str(Path(clearhead.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(filter(None, here))


def command(system: str, threads: int, folder: Path) -> list[str]:
    """The command line of one system's process."""
    module = "benchmarks.translation_systems"
    return [sys.executable, "-m", module, system, str(threads), str(folder)]


@contextlib.contextmanager
def processes(
    names: Sequence[str], threads: Sequence[int], config: TransformerConfig
) -> Iterator[list[Process]]:
    """All systems at all numbers of threads, loaded and waiting."""
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
        found = []
        for system in names:
            for number in threads:
                progress(f"Starting {system} with {number} threads ...")
                process = Process(system, number, folder)
                stack.callback(process.close)
                found.append(process)
        yield found


def same_tokens(ours: list[list[int]], theirs: list[list[int]]) -> float:
    """Share of targets that begin with the same tokens (our last one is the end token)."""
    length = TARGET_TOKENS - 1
    pairs = list(zip(ours, theirs, strict=True))
    return sum(a[:length] == b[:length] for a, b in pairs) / len(pairs)


def measure(
    running: Sequence[Process], batch: int, beam: int, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """One row for each process: the median of all calls of all rounds."""
    times: list[list[float]] = [[] for _ in running]
    tokens: list[list[list[int]]] = [[] for _ in running]
    for round_ in range(options.rounds):
        for i, process in enumerate(running):
            warm_up = options.warm_up if round_ == 0 else 0
            reply = process.ask(batch=batch, beam=beam, warm_up=warm_up, seconds=options.seconds)
            times[i] += reply["times"]
            tokens[i] = reply["tokens"]
            if process.threads > 1:
                time.sleep(options.settle)
    ours = next(
        found for found, process in zip(tokens, running, strict=True) if process.system == OURS
    )
    return [
        {
            "batch": batch,
            "beam": beam,
            "system": process.system,
            "threads": process.threads,
            "tokens_per_second": batch * TARGET_TOKENS / statistics.median(taken),
            "calls": len(taken),
            "same_tokens": same_tokens(ours, found),
        }
        for process, taken, found in zip(running, times, tokens, strict=True)
    ]


def best_rows(rows: Sequence[dict[str, Any]]) -> dict[tuple[int, int, str], dict[str, Any]]:
    """For each case and system the row of its best number of threads."""
    best: dict[tuple[int, int, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["batch"], row["beam"], row["system"])
        if key not in best or row["tokens_per_second"] > best[key]["tokens_per_second"]:
            best[key] = row
    return best


def case_name(batch: int, beam: int) -> str:
    """``batch 1, greedy``."""
    return f"batch {batch}, " + ("greedy" if beam == 1 else f"beam {beam}")


def result_of(
    config: TransformerConfig,
    rows: list[dict[str, Any]],
    facts: dict[str, Any],
    notes: Sequence[str],
) -> dict[str, Any]:
    """The result as `report.publish` takes it."""
    best, tables, verdicts, against = best_rows(rows), [], [], []
    names = list(dict.fromkeys(row["system"] for row in rows))
    for batch, beam, target in CASES:
        if (batch, beam, OURS) not in best:
            continue
        ours = best[batch, beam, OURS]["tokens_per_second"]
        body = []
        for row in (row for row in rows if (row["batch"], row["beam"]) == (batch, beam)):
            mark = " *" if best[batch, beam, row["system"]] is row else ""
            speed = row["tokens_per_second"]
            body.append(
                [
                    row["system"] + mark,
                    str(row["threads"]),
                    f"{speed:,.0f}",
                    f"{ours / speed:.2f}",
                    f"{row['same_tokens']:.0%}",
                ]
            )
        tables.append(
            {
                "title": case_name(batch, beam),
                "header": [
                    "system",
                    "threads",
                    "target tokens/s",
                    "clearhead's best to it",
                    "same tokens",
                ],
                "rows": body,
            }
        )
        for name in names:
            if name != OURS:
                ratio = ours / best[batch, beam, name]["tokens_per_second"]
                against.append({"batch": batch, "beam": beam, "against": name, "ratio": ratio})
                what = f"{case_name(batch, beam)}: clearhead to {name}"
                verdicts.append(
                    verdict(what, ratio, target) if name == MARIAN else f"{what}: {ratio:.2f} times"
                )
    verdicts += [
        "Each at its best number of threads (marked *). Weights: random, the same for all. "
        f"{systems.SOURCE_TOKENS} source tokens; exactly {TARGET_TOKENS} target tokens, in "
        f"{TARGET_TOKENS} decoder steps (our last token is a forced end token). Same tokens: "
        "targets equal to ours in all other places; int8 and bfloat16 round otherwise.",
        *notes,
    ]
    shape = (
        f"d_model {config.d_model}, {config.encoder_layers}+{config.decoder_layers} layers, "
        f"{config.num_heads} heads, vocabulary {config.vocab_size:,}"
    )
    return {
        "name": "translation",
        "title": f"Translation speed: {shape}",
        "machine": facts,
        "config": config.to_dict(),
        "rows": rows,
        "ratios": against,
        "tables": tables,
        "verdicts": verdicts,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="benchmarks.translation", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.25, help="of a system in each round")
    parser.add_argument("--systems", nargs="+", choices=list(systems.NEEDS), metavar="NAME")
    parser.add_argument(
        "--threads", type=int, nargs="+", default=sorted({1, min(2, cores())}), metavar="N"
    )
    options = parser.parse_args(arguments)
    options.warm_up, options.settle = 2, SETTLE
    cases: Sequence[tuple[int, int, float]] = CASES
    if options.quick:
        options.rounds, options.seconds, options.warm_up, options.settle = 1, 0.0, 0, 0.0
        cases = [case for case in CASES if case[:2] in ((1, 1), (1, 4))]
    facts, (names, notes) = machine(), available()
    if options.systems:
        names = [name for name in names if name in options.systems or name == OURS]
    config = model_config(options.quick, options.heads)
    rows: list[dict[str, Any]] = []
    with processes(names, options.threads, config) as running:
        for batch, beam, _ in cases:
            progress(f"{case_name(batch, beam)} ...")
            rows += measure(running, batch, beam, options)
    publish(result_of(config, rows, facts, notes), options)


if __name__ == "__main__":
    main()

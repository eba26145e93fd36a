"""Translation speed of the default engine beside transformers' `generate` and CTranslate2.

    python -m benchmarks.translation [--quick] [--json]

All systems have the same weights and make 20 target tokens from 20 source tokens. Each system at
each number of threads is a process of its own (a BLAS library reads the number once); they are
asked in turn, A B C A B C, and each is judged at its best number of threads.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from typing import Any

from clearhead.config import TransformerConfig

from ..machine import cores, installed, machine
from ..report import add_arguments, progress, publish
from .processes import Process, processes
from .result import CASES, case_name, result_of
from .systems import NEEDS, OURS, TARGET_TOKENS

SETTLE = 0.25  # seconds: threads of an OpenMP pool spin for up to 0.2 s after their last work


def model_config(quick: bool, heads: int) -> TransformerConfig:
    """Return a shape that Marian can also compute."""
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


def available() -> tuple[list[str], list[str]]:
    """Return the systems whose packages are installed, and sentences about the others."""
    names, notes = [], []
    for name, packages in NEEDS.items():
        missing = [package for package in packages if not installed(package)]
        if missing:
            notes.append(f"{name} was left out: pip install {' '.join(missing)}")
        else:
            names.append(name)
    return names, notes


def same_tokens(ours: list[list[int]], theirs: list[list[int]]) -> float:
    """Return the share of equal targets, but for the last token (ours is the end token)."""
    length = TARGET_TOKENS - 1
    pairs = list(zip(ours, theirs, strict=True))
    return sum(a[:length] == b[:length] for a, b in pairs) / len(pairs)


def measure(
    running: Sequence[Process], batch: int, beam: int, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Return a row for each process: the median of all calls of all rounds."""
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
        targets for targets, process in zip(tokens, running, strict=True) if process.system == OURS
    )
    return [
        {
            "batch": batch,
            "beam": beam,
            "system": process.system,
            "threads": process.threads,
            "tokens_per_second": batch * TARGET_TOKENS / statistics.median(seconds),
            "calls": len(seconds),
            "same_tokens": same_tokens(ours, targets),
        }
        for process, seconds, targets in zip(running, times, tokens, strict=True)
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.translation", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.25, help="of a system in each round")
    parser.add_argument("--systems", nargs="+", choices=list(NEEDS), metavar="NAME")
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

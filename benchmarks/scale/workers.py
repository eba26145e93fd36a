"""Measured runs: one process and two at one corpus, and what a job costs beside translating."""

from __future__ import annotations

import gzip
import os
import random
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from clearhead.batch.job.durable_files import write_durably
from clearhead.batch.job.lines import survey
from clearhead.translation.translator import Translator

WORDS = (
    *("the", "a", "old", "young", "cat", "dog", "house", "station", "water", "bread", "my", "your"),
    *("his", "friend", "sees", "eats", "likes", "wants", "is", "was", "not", "never", "today"),
    *("here", "very", "I", "you", "we", "they", "red", "small", "where", "why", "when", "good"),
)


@dataclass(frozen=True)
class Run:
    """One run of all shards at the same time.

    Attributes:
        workers: processes.
        seconds: from the start of the first to the end of the last.
        lines, source_tokens, target_tokens: of the whole corpus.
        output: the parts, one after the other.
    """

    workers: int
    seconds: float
    lines: int
    source_tokens: int
    target_tokens: int
    output: bytes


def write_corpus(path: Path, lines: int) -> None:
    """Write lines of random words, of one to twelve, each another one."""
    generator = random.Random(7)
    with path.open("w", encoding="utf-8") as file:
        for number in range(lines):
            words = generator.choices(WORDS, k=generator.randint(1, 12))
            file.write(f"{' '.join(words).capitalize()} {number}.\n")


def run_shards(
    source: Path, folder: Path, workers: int, translator: Translator, options: list[str]
) -> Run:
    """Translate a corpus with so many processes of `clearhead translate --shard`.

    Raises:
        CalledProcessError: one of them failed.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    start = time.perf_counter()
    processes = [
        subprocess.Popen(
            [
                sys.executable, "-m", "clearhead", "translate", "--shard", f"{number}/{workers}",
                "--input", str(source), "--output", str(folder), "--quiet", *options,
            ],
            env=environment,
        )
        for number in range(1, workers + 1)
    ]  # fmt: skip
    for process in processes:
        if process.wait():
            raise subprocess.CalledProcessError(process.returncode, process.args)
    seconds = time.perf_counter() - start
    output = b"".join(path.read_bytes() for path in sorted(folder.glob("part-*.txt")))
    tokenizer = translator.tokenizer
    texts = source.read_text("utf-8").splitlines()
    translations = output.decode("utf-8").split("\n")[:-1]
    source_tokens, target_tokens = (
        sum(map(len, tokenizer.encode_batch(lines))) for lines in (texts, translations)
    )
    return Run(workers, seconds, len(texts), source_tokens, target_tokens, output)


def survey_rates(folder: Path, size: int) -> dict[str, float]:
    """Return how many bytes of text a second are surveyed, of a plain file and of a packed one.

    Args:
        folder: to write the files to.
        size: of the text in bytes, about.
    """
    write_corpus(folder / "large.txt", size // 36)
    content = (folder / "large.txt").read_bytes()
    (folder / "large.txt.gz").write_bytes(gzip.compress(content, 6))
    rates = {}
    for name, path in (("plain", "large.txt"), (".gz", "large.txt.gz")):
        start = time.perf_counter()
        survey(folder / path)
        rates[name] = len(content) / (time.perf_counter() - start)
    return rates


def write_time(folder: Path, rounds: int) -> float:
    """Return the seconds that a whole file of a window's size takes to reach the disk; the median.

    A window's end costs about as much: two files are synced, where this is a file and a folder.
    """
    times = []
    for number in range(rounds):
        start = time.perf_counter()
        write_durably(folder / f"window-{number}", b"x" * 30_000)
        times.append(time.perf_counter() - start)
    return statistics.median(times)

"""Hours of work: do memory and open files stay flat?

    python -m benchmarks.soak --minutes 60                  three hours: library, page, recording
    python -m benchmarks.soak --minutes 60 --together       the same in one hour, side by side
    python -m benchmarks.soak --minutes 60 --only page
    python -m benchmarks.soak --minutes 60 --picture docs/images/soak.png

Each works in a process of its own, whose resident memory, open files and threads are read from
/proc every few seconds. "Flat" compares the last quarter of the time with the second: what is
remembered on purpose (tokenised pieces, answers of the page) has grown to its bound by then.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from .explorer.crowd import Crowd, crowd
from .machine import machine
from .report import add_arguments, progress, publish

CLIENTS = 50
MOST_GROWTH = 1.02  # of resident memory, and 2 MB beside it, which the allocator may hold
MOST_REFUSED = 0.1
_TEXT = "the old house stands by a river and nobody knows how long it has been empty"
_WORDS = _TEXT.split()
PARTS = ("library", "page", "recording")
_COLOURS = ("#0072b2", "#d55e00", "#009e73")
_SHARES = 10  # rows of the table


class Sample(NamedTuple):
    """What a process holds at a time.

    Attributes:
        seconds: since the beginning.
        bytes: of resident memory.
        files: that are open.
        threads: of it.
    """

    seconds: float
    bytes: int
    files: int
    threads: int


def sample(process: int, begin: float) -> Sample | None:
    """Read what a process holds; None when it has ended, or where there is no /proc."""
    folder = Path(f"/proc/{process}")
    try:
        fields = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        files = len(os.listdir(folder / "fd"))
        resident = int(fields["VmRSS"].split()[0]) * 1024
        return Sample(time.monotonic() - begin, resident, files, int(fields["Threads"]))
    except (OSError, KeyError):
        return None


class Watch:
    """Samples of a process, taken by a thread until the block ends."""

    def __init__(self, process: int, every: float) -> None:
        self.samples: list[Sample] = []
        self._process, self._every = process, every
        self._begin, self._end = time.monotonic(), threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(self._every):
            row = sample(self._process, self._begin)
            if row is not None:
                self.samples.append(row)


def is_flat(samples: Sequence[Sample]) -> tuple[bool, str]:
    """Compare the last quarter of samples with the second, and say it in a sentence."""
    quarter = len(samples) // 4
    if not quarter:
        return False, "too few samples to say"
    second, last = samples[quarter : 2 * quarter], samples[-quarter:]
    before, after = (statistics.median(row.bytes for row in part) for part in (second, last))
    files = [max(row.files for row in part) for part in (second, last)]
    flat = after <= before * MOST_GROWTH + 2e6 and files[1] <= files[0] + 2
    return flat, (
        f"{before / 1e6:.0f} MB in the second quarter and {after / 1e6:.0f} MB in the last, "
        f"{files[0]} and {files[1]} open files at most"
    )


def texts() -> Iterator[str]:
    """Yield sentences without an end, no two of the first thousands alike."""
    for number in itertools.count():
        length = 3 + number % 12
        words = [_WORDS[(number * (k + 1) + k) % len(_WORDS)] for k in range(length)]
        yield f"{' '.join(words)}, said number {number}."


def translate(seconds: float) -> int:
    """Translate through the library for so long; return how many sentences."""
    import clearhead

    translator = clearhead.Translator.load("en-fr")
    end, count, source = time.monotonic() + seconds, 0, texts()
    while time.monotonic() < end:
        count += len(translator.translate(list(itertools.islice(source, 8))))
    return count


def record(seconds: float) -> int:
    """Record a model of PyTorch, save and read the recording, for so long; return how often."""
    import torch

    import clearhead

    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
    model = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
    end, count = time.monotonic() + seconds, 0
    with tempfile.TemporaryDirectory() as name, torch.no_grad():
        while time.monotonic() < end:
            with clearhead.record(model) as recording:
                model(torch.randn(2, 5 + count % 60, 64))
            path = recording.save(Path(name) / "recording.safetensors")
            for _, one in clearhead.load_recording(path).items():
                one.entropy()
            count += 1
    return count


WORKS = {"library": translate, "recording": record}


def watch_work(name: str, seconds: float, every: float) -> tuple[list[Sample], str]:
    """Let a process of its own do a work; return its samples, and what it did in words."""
    command = [sys.executable, "-m", "benchmarks.soak", "--work", name, "--seconds", str(seconds)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        Watch(process.pid, every) as watch,
    ):
        assert process.stdout is not None
        words = process.stdout.read().strip()
        if process.wait():
            raise RuntimeError(f"{name} ended with status {process.returncode}")
    return watch.samples, words


@contextlib.contextmanager
def page(model: str | None) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start the page's server; give its process and its port."""
    command = [sys.executable, "-m", "clearhead", "explore", "--no-browser", "--port", "0"]
    command += ["--token", "", *(() if model is None else ("--model", model))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = next(x for x in process.stdout if "http://127.0.0.1:" in x)
            yield process, int(line.split("http://127.0.0.1:")[1].split("/")[0].strip())
        finally:
            process.terminate()


def watch_page(seconds: float, every: float, model: str | None) -> tuple[list[Sample], Crowd]:
    """Let a crowd ask the page for so long; return the server's samples, and the answers."""
    sentences = list(itertools.islice(texts(), 200))
    with page(model) as (process, port), Watch(process.pid, every) as watch:
        return watch.samples, crowd(port, CLIENTS, seconds, sentences)


def rows_of(samples: Sequence[Sample]) -> list[list[str]]:
    """Return the table's rows: the medians of each tenth of the time."""
    size = max(1, len(samples) // _SHARES)
    parts = [samples[i : i + size] for i in range(0, len(samples), size)][:_SHARES]
    return [
        [
            f"{part[-1].seconds / 60:.1f}",
            f"{statistics.median(row.bytes for row in part) / 1e6:.0f}",
            f"{max(row.files for row in part)}",
            f"{max(row.threads for row in part)}",
        ]
        for part in parts
    ]


def draw(series: dict[str, Sequence[Sample]], path: Path) -> None:
    """Draw memory and open files over time as a picture."""
    from matplotlib.figure import Figure

    # White behind all of it, so that it reads the same on a dark page.
    figure = Figure(figsize=(8, 3.2), layout="constrained", facecolor="white")
    memory, files = figure.subplots(1, 2)
    for (name, samples), colour in zip(series.items(), _COLOURS, strict=False):
        minutes = [row.seconds / 60 for row in samples]
        for axes, values in (
            (memory, [row.bytes / 1e6 for row in samples]),
            (files, [row.files for row in samples]),
        ):
            axes.plot(minutes, values, label=name, color=colour, linewidth=1.5)
    for axes, title in ((memory, "Resident memory, MB"), (files, "Open files")):
        axes.set(xlabel="minutes", title=title, xlim=(0, None), ylim=(0, None))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#dddddd")
    figure.legend(
        *memory.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False
    )
    figure.savefig(path, dpi=110)


def soak(name: str, seconds: float, every: float, model: str | None) -> tuple[list[Sample], str]:
    """Do one of the works for so long; return its samples, and in words what was done."""
    progress(f"{name}: {seconds / 60:g} minutes ...")
    if name != "page":
        return watch_work(name, seconds, every)
    samples, answers = watch_page(seconds, every, model)
    total = sum(answers.statuses.values())
    refused = (answers.statuses[429] + answers.statuses[503]) / max(1, total)
    return samples, (
        f"{CLIENTS} clients asked {total:,} questions; {refused:.1%} were refused (at most "
        f"{MOST_REFUSED:.0%}: {'reached' if refused <= MOST_REFUSED else 'MISSED'}), "
        f"{len(answers.broken)} were not answered"
    )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Do the works, and return the result."""
    seconds, every = options.minutes * 60, min(5.0, options.minutes * 60 / 40)
    names = [name for name in PARTS if options.only in (None, name)]
    with ThreadPoolExecutor(len(names) if options.together else 1) as threads:
        results = threads.map(lambda name: soak(name, seconds, every, options.model), names)
        outcomes = dict(zip(names, results, strict=True))
    series = {name: samples for name, (samples, _) in outcomes.items()}
    verdicts = []
    for name, (samples, words) in outcomes.items():
        flat, sentence = is_flat(samples)
        verdicts.append(f"{name}: {words}; {sentence} ({'flat' if flat else 'NOT FLAT'})")
    if options.picture:
        draw(series, options.picture)
    together = ", side by side" if options.together else ""
    return {
        "name": "soak",
        "title": f"Soak: {options.minutes:g} minutes of each{together}",
        "machine": machine(),
        "samples": {name: [list(row) for row in rows] for name, rows in series.items()},
        "tables": [
            {
                "title": name,
                "header": ["minutes", "resident MB", "open files", "threads"],
                "rows": rows_of(rows),
            }
            for name, rows in series.items()
        ],
        "verdicts": verdicts,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.soak", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--minutes", type=float, default=60.0, help="of each work")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--together", action="store_true", help="all of them at the same time")
    parser.add_argument("--model", help="that the page shows [the bundled one]")
    parser.add_argument("--picture", type=Path, help="a file for the graph")
    parser.add_argument("--work", choices=WORKS, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.work:
        print(f"{WORKS[options.work](options.seconds):,} times")
        return
    publish(measure(options), options)


if __name__ == "__main__":
    main()

"""How long a person waits before anything happens.

    python -m benchmarks.startup [--model FOLDER] [--quick] [--json]

Each figure is the median wall time of whole processes, started anew every time, with files
already in the page cache; a bare `python -c pass` is measured beside them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from .machine import machine
from .paths import ROOT, search_path
from .report import add_arguments, progress, publish

IMPORT_LIMIT, TRANSLATE_LIMIT = 0.15, 0.6
SENTENCE = "I would like a cup of tea."
HEAVY = ("torch", "matplotlib", "transformers")
PYTHON, IMPORT, TRANSLATE = "python -c pass", "import clearhead", "clearhead translate"
CHECK = (
    "import sys, clearhead; "
    f"loaded = [name for name in {HEAVY!r} if name in sys.modules]; "
    "sys.exit(f'import clearhead loads {loaded}' if loaded else 0)"
)


def commands(model: str | None) -> dict[str, list[str]]:
    """Return the commands that are started, by name."""
    python = sys.executable
    translate = [python, "-m", "clearhead", "translate", *(["--model", model] if model else [])]
    return {
        PYTHON: [python, "-c", "pass"],
        IMPORT: [python, "-c", "import clearhead"],
        TRANSLATE: [*translate, "--", SENTENCE],
    }


def seconds_of(command: Sequence[str]) -> float:
    """Return the wall time of a process from its start to its end.

    Raises:
        RuntimeError: it failed; the message is its own words.
    """
    environment = {**os.environ, "PYTHONPATH": search_path()}
    start = time.perf_counter()
    child = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if child.returncode:
        raise RuntimeError(child.stderr.strip()[-500:] or f"It ended with {child.returncode}.")
    return seconds


def measure(model: str | None, rounds: int) -> tuple[dict[str, float], list[str]]:
    """Return median seconds by name, in interleaved rounds, and notes on what is missing."""
    notes: list[str] = []
    seconds_of([sys.executable, "-c", CHECK])
    command_lines = commands(model)
    try:
        seconds_of(command_lines[TRANSLATE])
    except RuntimeError as error:
        notes.append(f"{TRANSLATE} was left out; it says: {error}")
        del command_lines[TRANSLATE]
    times: dict[str, list[float]] = {name: [] for name in command_lines}
    for _ in range(rounds):
        for name, command in command_lines.items():
            times[name].append(seconds_of(command))
    return {name: statistics.median(values) for name, values in times.items()}, notes


def result_of(
    seconds: dict[str, float], notes: Sequence[str], facts: dict[str, Any]
) -> dict[str, Any]:
    """Return the result as `report.publish` takes it."""
    python_start = seconds[PYTHON]
    # The limit on the import is for the import; Python's own start is not ours to shorten.
    judged = {IMPORT: (seconds[IMPORT] - python_start, IMPORT_LIMIT, "beyond Python's own start")}
    if TRANSLATE in seconds:
        judged[TRANSLATE] = (seconds[TRANSLATE], TRANSLATE_LIMIT, "in all")
    verdicts = [
        f"{name}: {value:.3f} s {which} (limit {limit:g} s: "
        f"{'kept' if value < limit else 'MISSED'})"
        for name, (value, limit, which) in judged.items()
    ]
    header = ["process", "seconds", "beyond python's own"]
    rows = [
        [name, f"{value:.3f}", f"{value - python_start:.3f}"] for name, value in seconds.items()
    ]
    return {
        "name": "startup",
        "title": "Start-up: wall time of a whole process",
        "machine": facts,
        "seconds": seconds,
        "tables": [{"title": "Median of warm starts", "header": header, "rows": rows}],
        "verdicts": [*verdicts, "import clearhead loads none of: " + ", ".join(HEAVY), *notes],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.startup", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--model", help="a model's name or folder [the command's default]")
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds = 1
    facts = machine()
    progress(f"Starting each process {options.rounds} times ...")
    seconds, notes = measure(options.model, options.rounds)
    publish(result_of(seconds, notes, facts), options)


if __name__ == "__main__":
    main()

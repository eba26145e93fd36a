"""The explorer as a reader meets it, and as a crowd does.

    python -m benchmarks.explorer [--model NAME] [--clients 50] [--seconds 60] [--quick] [--json]

Everything is asked of the real server in a process of its own, over HTTP on this machine: how
long until the first view, a sentence's walk and a what-if; how large the page is; and what many
clients at once meet, while the server's memory is watched.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ..machine import machine
from ..paths import ROOT, search_path
from ..report import add_arguments, progress, publish
from .crowd import HEADERS, TIMEOUT, Crowd, crowd, resident, warm_up

FIRST_VIEW, WALK, WHAT_IF = 2.0, 0.1, 0.5  # seconds
PAGE_BYTES, OFFLINE_BYTES, GROWTH = 400_000, 3_000_000, 1.15
TEXTS = (
    "I would like a cup of tea.",
    "The old house by the river was sold last summer.",
    "She said that the train would leave at nine, but nobody had seen it.",
)
EDITS = (
    {"kind": "ablate_head", "part": "cross", "layer": 0, "head": 0},
    {"kind": "mask_token", "position": 1},
    {"kind": "output_temperature", "value": 2.0},
)
FIRST_HTML, FIRST_RUN = "the page arrives", "the first sentence is walked"
ADDRESS = "the server says its address"
IMPORTS = (
    "import time; start = time.perf_counter(); import {modules}; print(time.perf_counter() - start)"
)
LOADING = (
    "import time, clearhead.explorer.explorer, clearhead.translation.checkpoint as checkpoint; "
    "start = time.perf_counter(); "
    "clearhead.explorer.explorer.Explorer(checkpoint.read_checkpoint({model!r})); "
    "print(time.perf_counter() - start)"
)


@contextlib.contextmanager
def server(model: str) -> Iterator[tuple[int, int]]:
    """Start an explorer, and give its port and its process id."""
    command = [sys.executable, "-m", "clearhead", "explore", "--model", model, "--port", "0"]
    process = subprocess.Popen(
        [*command, "--no-browser", "--token", ""],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": search_path()},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        match = re.search(r"http://[^:]+:(\d+)", process.stdout.readline())
        if match is None:
            raise RuntimeError("The explorer did not start; its words are above.")
        yield int(match[1]), process.pid
    finally:
        process.terminate()
        process.wait()


def fetch(port: int, path: str, params: dict[str, Any] | None = None) -> bytes:
    """Return one answer, over a connection of its own.

    Raises:
        RuntimeError: it is an error.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    if params is None:
        connection.request("GET", path)
    else:
        connection.request("POST", path, json.dumps(params), HEADERS)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    if response.status != 200:
        raise RuntimeError(f"{path} was answered with {response.status}: {content[:300]!r}")
    return content


def first_view(model: str, rounds: int) -> dict[str, float]:
    """Return median seconds since the command, for each thing that a reader waits for."""
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        start = time.perf_counter()
        with server(model) as (port, _):
            for name, path, params in (
                (ADDRESS, None, None),
                (FIRST_HTML, "/", None),
                (FIRST_RUN, "/api/run", {"text": TEXTS[0]}),
            ):
                if path is not None:
                    fetch(port, path, params)
                times.setdefault(name, []).append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def start_up_parts(model: str, rounds: int) -> dict[str, float]:
    """Return median seconds of the parts of the start, each alone in its own process."""
    code = {
        "importing the server (starlette, uvicorn)": IMPORTS.format(
            modules="starlette.applications, uvicorn"
        ),
        "importing the explorer": IMPORTS.format(modules="clearhead.explorer.explorer"),
        "reading the model": LOADING.format(model=model),
    }
    environment = {**os.environ, "PYTHONPATH": search_path(), "OPENBLAS_NUM_THREADS": "1"}
    times: dict[str, list[float]] = {name: [] for name in code}
    for _ in range(rounds):
        for name, source in code.items():
            child = subprocess.run(
                [sys.executable, "-c", source],
                cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
            )  # fmt: skip
            times[name].append(float(child.stdout))
    return {name: statistics.median(values) for name, values in times.items()}


def sentences(port: int, rounds: int) -> dict[str, float]:
    """Return median seconds of questions about sentences that are new to the server."""
    times: dict[str, list[float]] = {}

    def timed(name: str, question: str, params: dict[str, Any]) -> dict[str, Any]:
        start = time.perf_counter()
        content = fetch(port, f"/api/{question}", params)
        times.setdefault(name, []).append(time.perf_counter() - start)
        return json.loads(content) if content.startswith(b"{") else {}

    for number in range(rounds):
        for text in TEXTS:
            # A number of its own makes it another sentence, so that nothing is remembered.
            run = {"text": text.replace(" ", f" {number + 2} ", 1)}
            answer = timed("a sentence: translated, traced, checked", "run", run)
            for part, seconds in answer["seconds"].items():
                times.setdefault(f"... of which {part}", []).append(seconds)
            for edit in EDITS:
                timed("a what-if", "run", {**run, "edits": [edit]})
            timed("all heads of a part", "overview", {"run": run, "part": "encoder"})
            head = {"part": "cross", "layer": 0, "head": 0, "query": 1}
            timed("weight, contribution and effect", "effects", {"run": run, **head})
    return {name: statistics.median(values) for name, values in times.items()}


def sizes(port: int) -> dict[str, int]:
    """Return the bytes of the page's own files, compressed, and of a sentence's HTML file."""
    files = ("/", "/explorer.js", "/explorer.css", "/icon.svg")
    page = sum(len(gzip.compress(fetch(port, path), 9)) for path in files)
    run = {"text": TEXTS[0]}
    return {"page": page, "offline": len(fetch(port, "/api/offline", {"run": run, "state": ""}))}


def crowd_and_memory(
    port: int, process: int, clients: int, seconds: float
) -> tuple[Crowd, list[int]]:
    """Return a crowd's answers, and the server's memory: before, warm, and at the end."""
    texts = [f"{text[:-1]}, {number}." for number in range(200) for text in TEXTS]
    memory = [resident(process)]
    memory.append(warm_up(port, process, clients, seconds / 6, texts))
    answers = crowd(port, clients, seconds, texts)
    memory.append(resident(process))
    return answers, memory


def result_of(
    waits: dict[str, float],
    parts: dict[str, float],
    questions: dict[str, float],
    size: dict[str, int],
    crowd_answers: Crowd,
    memory: Sequence[int],
    facts: dict[str, Any],
) -> dict[str, Any]:
    """Return the result as `report.publish` takes it."""

    def seconds(values: dict[str, float]) -> list[list[str]]:
        return [[name, f"{value:.3f}"] for name, value in values.items()]

    answers = []
    for status in sorted(crowd_answers.statuses):
        latencies = sorted(crowd_answers.seconds[status])
        middle, late = statistics.median(latencies), latencies[int(0.95 * (len(latencies) - 1))]
        answers.append([str(status), str(len(latencies)), f"{middle:.3f}", f"{late:.3f}"])
    stages = ("before", "once it stopped growing", "after the crowd")
    memory_rows = [[name, f"{value / 1e6:.0f}"] for name, value in zip(stages, memory, strict=True)]
    return {
        "name": "explorer",
        "title": "The explorer: what a reader waits for, and what a crowd meets",
        "machine": facts,
        "first_view": waits,
        "start_up": parts,
        "questions": questions,
        "bytes": size,
        "crowd": dict(crowd_answers.statuses),
        "memory": list(memory),
        "tables": [
            {"title": "Since the command", "header": ["until", "seconds"], "rows": seconds(waits)},
            {"title": "Start-up, each part alone", "header": ["part", "seconds"],
             "rows": seconds(parts)},
            {"title": "Questions, over HTTP", "header": ["question", "seconds"],
             "rows": seconds(questions)},
            {"title": "Answers to the crowd",
             "header": ["status", "answers", "median seconds", "95 %"], "rows": answers},
            {"title": "The server's memory", "header": ["when", "MB"], "rows": memory_rows},
        ],
        "verdicts": verdicts(waits, questions, size, crowd_answers, memory),
    }  # fmt: skip


def verdicts(
    waits: dict[str, float],
    questions: dict[str, float],
    size: dict[str, int],
    crowd_answers: Crowd,
    memory: Sequence[int],
) -> list[str]:
    """Return each limit, and whether it was kept."""
    judged = [
        ("first view", waits[FIRST_HTML], FIRST_VIEW, "s"),
        ("a sentence's walk", questions["... of which trace"], WALK, "s"),
        ("a what-if", questions["a what-if"], WHAT_IF, "s"),
        ("the page's own files, compressed", size["page"] / 1000, PAGE_BYTES / 1000, "kB"),
        ("a sentence's HTML file", size["offline"] / 1000, OFFLINE_BYTES / 1000, "kB"),
        ("answers that were none, or without words", len(crowd_answers.broken), 0, "in all"),
    ]
    if memory[1]:
        judged.append(("memory at the end", memory[2] / memory[1], GROWTH, "of what it was warm"))
    return [
        f"{name}: {value:.4g} {unit} (limit {limit:g}: {'kept' if value <= limit else 'MISSED'})"
        for name, value, limit, unit in judged
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.explorer", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--model", default="en-fr", help="a model's name or folder [en-fr]")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the crowd asks")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.clients, options.seconds = 1, 4, 1.0
    facts = machine()
    progress(f"Starting the explorer {options.rounds} times ...")
    waits = first_view(options.model, options.rounds)
    parts = start_up_parts(options.model, options.rounds)
    with server(options.model) as (port, process):
        progress("Asking about sentences ...")
        questions = sentences(port, options.rounds)
        size = sizes(port)
    with server(options.model) as (port, process):
        progress(f"{options.clients} clients for {options.seconds:g} seconds, once warmed up ...")
        crowd_answers, memory = crowd_and_memory(port, process, options.clients, options.seconds)
    publish(result_of(waits, parts, questions, size, crowd_answers, memory, facts), options)


if __name__ == "__main__":
    main()

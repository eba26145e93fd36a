"""What a thousand machines would take: measured with 1 and 2 workers, computed and simulated.

    python -m benchmarks.scale [--lines 2000] [--price 0.04] [--json]

The corpus is made of random words, so that nobody's text is needed; rates are of its tokens. The
arithmetic takes the rate of one of two workers, and says what else it takes. The price is an
assumption: give your own.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clearhead.batch.job.line_translator import WINDOW
from clearhead.translation.translator import Translator

from ..machine import machine
from ..report import add_arguments, progress, publish
from . import stragglers
from .simulation import Cluster, simulate
from .workers import run_shards, survey_rates, write_corpus, write_time

MACHINES, CORES = 1000, 16
PARTS_PER_WORKER = (1, 4, 16, 64)
HOURS_BETWEEN_FAILURES = (math.inf, 100.0, 4.0)
BILLION = 1e9


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return what was measured on this machine."""
    translator = Translator.load(options.model)
    assert isinstance(translator, Translator)
    arguments = ["--model", options.model, "--beam-size", str(options.beam_size)]
    arguments += options.translate.split()
    runs = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for workers in (1, 2):
            progress(f"{workers} workers")
            source = place / f"in-{workers}.txt"
            write_corpus(source, options.lines * workers)  # each has as much to do
            runs.append(run_shards(source, place / str(workers), workers, translator, arguments))
        progress("the same corpus again, with one worker")
        again = run_shards(source, place / "again", 1, translator, arguments)
        rates = survey_rates(place, options.survey_bytes)
        seconds = write_time(place, 31)
        progress("stragglers")
        races = stragglers.measure(place / "in-2.txt", place, options.model, options.beam_size)
    return {
        "runs": [
            {
                "workers": run.workers, "seconds": run.seconds, "lines": run.lines,
                "source_tokens": run.source_tokens, "target_tokens": run.target_tokens,
                "bytes": len(run.output),
            }
            for run in runs
        ],
        "same_bytes": again.output == runs[1].output,
        "survey_bytes_per_second": rates,
        "write_seconds": seconds,
        "races": races,
    }  # fmt: skip


def arithmetic(measured: dict[str, Any], price: float) -> dict[str, float]:
    """Return what a billion source tokens take, from the run with two workers.

    Args:
        measured: of `measure`.
        price: of an hour of a core.
    """
    run = measured["runs"][1]
    rate = run["source_tokens"] / run["seconds"] / run["workers"]  # of a core
    hours = BILLION / rate / 3600
    cores = MACHINES * CORES
    bytes_per_token = 2 * run["bytes"] / run["source_tokens"]  # read and written, about as much
    return {
        "tokens_per_second_and_core": rate,
        "core_hours": hours,
        "price": hours * price,
        "minutes_on_all": hours * 60 / cores,
        "disk_bytes_per_second": cores * rate * bytes_per_token,
        "syncs_per_second": cores * rate / (run["source_tokens"] / run["lines"]) / WINDOW * 2,
        "window_seconds": WINDOW * run["source_tokens"] / run["lines"] / rate,
    }


def simulated_rows(window_time: float, machines: int) -> list[list[str]]:
    """Return the rows of the simulation: parts a worker, and how often one fails."""
    rows = []
    for hours in HOURS_BETWEEN_FAILURES:
        for parts in PARTS_PER_WORKER:
            cluster = Cluster(
                machines, machines * parts, 3600 / parts, failure_time=hours * 3600,
                window_time=window_time,
            )  # fmt: skip
            outcome = simulate(cluster)
            rows.append(
                [
                    f"{parts}", "never" if hours == math.inf else f"{hours:g} h",
                    f"{outcome.failures:,}", f"{outcome.time / 60:.1f}",
                    f"{outcome.efficiency:.0%}",
                    f"{outcome.repeated_time / (machines * 3600):.2%}",
                ]
            )  # fmt: skip
    return rows


def result_of(measured: dict[str, Any], price: float, facts: Any, machines: int) -> dict[str, Any]:
    """Return what is published."""
    first, second = measured["runs"]
    terms = arithmetic(measured, price)
    share = (second["lines"] / second["seconds"]) / (2 * first["lines"] / first["seconds"])
    rates = measured["survey_bytes_per_second"]
    return {
        "name": "scale",
        "title": "Scale: a corpus in parts",
        "machine": facts,
        "measured": measured,
        "arithmetic": terms,
        "tables": [
            {
                "title": "Measured: each worker with as many lines",
                "header": ["workers", "lines", "seconds", "lines/s", "source tokens/s", "a core"],
                "rows": [
                    [
                        f"{run['workers']}", f"{run['lines']:,}", f"{run['seconds']:.1f}",
                        f"{run['lines'] / run['seconds']:.1f}",
                        f"{run['source_tokens'] / run['seconds']:,.0f}",
                        f"{run['source_tokens'] / run['seconds'] / run['workers']:,.0f}",
                    ]
                    for run in (first, second)
                ],
            },
            {
                "title": f"Computed: a billion source tokens, and {MACHINES:,} machines of "
                f"{CORES} cores",
                "header": ["what", "how much"],
                "rows": [
                    ["core hours of a billion tokens", f"{terms['core_hours']:,.0f}"],
                    [f"their price at {price:g} a core hour", f"{terms['price']:,.2f}"],
                    ["minutes of all cores", f"{terms['minutes_on_all']:.1f}"],
                    ["MB/s read and written", f"{terms['disk_bytes_per_second'] / 1e6:,.0f}"],
                    ["syncs a second", f"{terms['syncs_per_second']:,.0f}"],
                    ["MB/s that a survey reads, plain", f"{rates['plain'] / 1e6:,.0f}"],
                    ["MB/s of text that a survey reads, .gz", f"{rates['.gz'] / 1e6:,.0f}"],
                    ["ms until the disk has a window", f"{measured['write_seconds'] * 1e3:.2f}"],
                    ["seconds of a window", f"{terms['window_seconds']:.1f}"],
                ],
            },
            {
                "title": f"The simulation beside measured runs of {stragglers.PARTS} parts",
                "header": ["workers", "seconds", "simulated", "measured of simulated"],
                "rows": [
                    [
                        f"{row['workers']}" + ", of which one is three times slower" * row["slow"],
                        f"{row['measured']:.1f}", f"{row['simulated']:.1f}",
                        f"{row['measured'] / row['simulated']:.2f}",
                    ]
                    for row in measured["races"]
                ],
            },
            {
                "title": f"Simulated: an hour's work for each of {machines:,} workers, 5% of them "
                f"three times slower",
                "header": [
                    "parts a worker", "a worker fails every", "failures", "minutes",
                    "of the shortest", "done twice",
                ],
                "rows": simulated_rows(terms["window_seconds"], machines),
            },
        ],
        "verdicts": [
            f"two workers give {2 * share:.2f} times what one gives",
            "the output of two workers is that of one, byte for byte"
            if measured["same_bytes"]
            else "MISSED: the output of two workers is another one than that of one",
        ],
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.scale", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--model", default="en-fr", help="a model's name or folder [en-fr]")
    parser.add_argument("--lines", type=int, default=2000, help="for each worker [2000]")
    parser.add_argument("--beam-size", type=int, default=4)
    parser.add_argument("--translate", default="", help="more options of clearhead translate")
    parser.add_argument("--price", type=float, default=0.04, help="of a core hour [0.04]")
    parser.add_argument("--survey-bytes", type=int, default=64_000_000)
    options = parser.parse_args(arguments)
    machines = MACHINES
    if options.quick:
        options.lines, options.survey_bytes, machines = 20, 100_000, 10
    facts = machine()
    publish(result_of(measure(options), options.price, facts, machines), options)


if __name__ == "__main__":
    main()

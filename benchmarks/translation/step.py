"""Where the time of one step of decoding goes, beside what this machine can do at most.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.translation.step [--quick] [--json]

The parts of a step are timed within a search, where each finds in the processor's caches what the
others have left there; a part that is repeated alone has its weights there already, and is up to
twice as fast. Searches and ceilings are timed in turn (A B C A B C), and each figure is the median
over the rounds of the quickest of some runs. A product cannot take less than its multiply-adds at
the speed of a large matrix product, nor less than it takes to read its weights once, as fast as
the weights of a whole step can be read over and over: the larger of the two is its floor.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from clearhead.config import TransformerConfig
from clearhead.engine.products import by_weight
from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.engine.source_decoding import SourceDecoding
from clearhead.reference import OFF
from clearhead.reference.softmax import log_softmax_in_place
from clearhead.search.search import search
from clearhead.search.settings import SearchSettings
from clearhead.shapes import Array

from ..machine import machine
from ..report import add_arguments, progress, publish
from .__main__ import model_config
from .result import CASES, case_name
from .systems import TARGET_TOKENS, random_sources, random_weights

HEADER = ["part", "us", "share", "multiply-adds, millions", "weights, MB", "floor, us"]
ENCODER, LAYERS, OUTPUT, SUMS = "encoder", "decoder layers", "output matrix", "log-probabilities"
SEARCH, ALONE = "search, and the rest", "of the layers: their products, repeated alone"
Time = Callable[[], Any]


def shapes(config: TransformerConfig) -> list[tuple[int, int]]:
    """Return the weights of a decoder layer that a step multiplies by, (out, in) each."""
    width, inner = config.d_model, config.feed_forward_dim
    attentions = [(3 * width, width), (width, width), (width, width), (width, width)]
    return [*attentions, (inner, width), (width, inner)]


def quickest(function: Time, calls: int) -> float:
    """Return the microseconds of the quickest of some calls."""
    best = float("inf")
    for _ in range(calls):
        start = time.perf_counter_ns()
        function()
        best = min(best, time.perf_counter_ns() - start)
    return best / 1000


def weight_bytes(config: TransformerConfig) -> int:
    """Return the bytes of all weights that a step reads."""
    entries = sum(out * inner for out, inner in shapes(config)) * config.decoder_layers
    return 4 * (entries + config.vocab_size * config.d_model)


def ceilings(config: TransformerConfig, quick: bool) -> dict[str, tuple[Time, float]]:
    """Return what is timed to learn the machine's ceilings, and how much each does.

    Returns:
        a function, and its multiply-adds in millions, its megabytes, or 1 for one call.
    """
    rng = np.random.default_rng(0)
    size = 64 if quick else 1024
    square = rng.random((size, size), np.float32)
    weights = np.ones(weight_bytes(config) // 4, np.float32)
    few = np.zeros(8, np.float32)
    return {
        "product": (lambda: square @ square, size**3 / 1e6),
        # Quicker than the library's matrix-vector product.
        "reading": (lambda: weights.max(), weights.nbytes / 1e6),
        "call": (lambda: np.add(few, few, out=few), 1.0),
    }


class TimedEngine:
    """An engine whose decodings note how long their parts take; see `TimedDecoding`.

    Args:
        engine: that does the work.
    """

    def __init__(self, engine: ReferenceEngine) -> None:
        self._engine, self.vocab_size = engine, engine.vocab_size
        self.us = dict.fromkeys((ENCODER, LAYERS, OUTPUT, SUMS), 0.0)

    def begin(self, sources: Sequence[Sequence[int]]) -> TimedDecoding:
        """Encode sources."""
        start = time.perf_counter_ns()
        decoding = self._engine.begin(sources)
        assert isinstance(decoding, SourceDecoding)
        self.us[ENCODER] += (time.perf_counter_ns() - start) / 1000
        return TimedDecoding(decoding, self._engine, self.us)


class TimedDecoding:
    """What `SourceDecoding.advance` does, with the clock read between its parts."""

    def __init__(
        self, decoding: SourceDecoding, engine: ReferenceEngine, us: dict[str, float]
    ) -> None:
        self._decoding, self._model, self._us = decoding, engine.model, us

    def advance(self, tokens: Array, parents: Array) -> Array:
        """Append a token to each row."""
        times = [time.perf_counter_ns()]
        hidden = self._decoding.hidden(tokens, parents)
        times.append(time.perf_counter_ns())
        logits = self._model.logits(hidden)[:, 0]
        times.append(time.perf_counter_ns())
        scores = log_softmax_in_place(logits)
        times.append(time.perf_counter_ns())
        for part, before, after in zip((LAYERS, OUTPUT, SUMS), times, times[1:], strict=False):
            self._us[part] += (after - before) / 1000
        return scores


def one_search(engine: ReferenceEngine, batch: int, beam: int) -> dict[str, float]:
    """Return the microseconds of a search and of its parts."""
    length = TARGET_TOKENS - 1
    settings = SearchSettings(beam_size=beam, min_length=length, max_length=length)
    timed, sources = TimedEngine(engine), random_sources(engine.vocab_size, batch)
    start = time.perf_counter_ns()
    search(timed, sources, settings)
    return {**timed.us, "all": (time.perf_counter_ns() - start) / 1000}


def products_alone(config: TransformerConfig, dtype: Any, rows: int) -> Time:
    """Return a function that multiplies rows by the weights of one decoder layer."""
    products = [by_weight(np.ones(shape, dtype)) for shape in shapes(config)]
    inputs = {width: np.ones((rows, width), dtype) for _, width in shapes(config)}

    def alone() -> None:
        for product, (_, width) in zip(products, shapes(config), strict=True):
            product.rows(inputs[width])

    return alone


def python_calls(engine: ReferenceEngine, lean: bool) -> int:
    """Return how many functions of Python a step of one row calls."""
    source = random_sources(engine.model.config.vocab_size, 1)
    decoding = engine.begin(source) if lean else SourceDecoding(engine.model, source, lambda _: OFF)
    decoding.advance(np.array([5]), np.array([0]))
    count = 0

    def watch(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(watch)
    decoding.advance(np.array([5]), np.array([0]))
    sys.setprofile(None)
    return count


def measure(
    engine: ReferenceEngine, batch: int, beam: int, top: dict[str, Time], rounds: int, calls: int
) -> dict[str, float]:
    """Return the microseconds of a search, of its parts, and of what gives the ceilings."""
    alone = products_alone(engine.model.config, engine.model.dtype, batch * beam)
    functions = top | {ALONE: alone}
    searches: list[dict[str, float]] = []
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        searches.append(min((one_search(engine, batch, beam) for _ in range(calls)), key=_whole))
        for name, function in functions.items():
            times[name].append(quickest(function, calls))
    # The parts of one search, so that they add up to it.
    middle = sorted(searches, key=_whole)[rounds // 2]
    return middle | {name: statistics.median(values) for name, values in times.items()}


def _whole(us: dict[str, float]) -> float:
    return us["all"]


def step_rows(
    config: TransformerConfig, rows: int, us: dict[str, float], limits: dict[str, float]
) -> list[list[str]]:
    """Return the rows of a table: the parts of one step, and how far each is from its floor.

    Args:
        config: of the model.
        rows: of the step.
        us: of the parts.
        limits: multiply-adds and bytes, in millions a microsecond.
    """
    whole = (us["all"] - us[ENCODER]) / TARGET_TOKENS
    entries = sum(out * inner for out, inner in shapes(config))
    us = {name: us[name] / TARGET_TOKENS for name in (LAYERS, OUTPUT, SUMS)} | {
        ALONE: us[ALONE] * config.decoder_layers
    }
    us[SEARCH] = whole - us[LAYERS] - us[OUTPUT] - us[SUMS]
    weights = {ALONE: entries * config.decoder_layers, OUTPUT: config.vocab_size * config.d_model}
    table = []
    for name in (LAYERS, ALONE, OUTPUT, SUMS, SEARCH):
        line = [name, f"{us[name]:,.0f}", f"{us[name] / whole:.0%}"]
        if name in weights:
            adds, megabytes = weights[name] * rows / 1e6, weights[name] * 4 / 1e6
            floor = max(adds / limits["product"], megabytes / limits["reading"])
            line += [f"{adds:,.1f}", f"{megabytes:.1f}", f"{floor:,.0f}"]
        table.append([*line, *[""] * (len(HEADER) - len(line))])
    return [*table, ["one step", f"{whole:,.0f}", "100%", "", "", ""]]


def ceiling_sentence(row: dict[str, Any]) -> str:
    """Return in words what the machine could do while a case was measured."""
    us, limits = row["us"], row["limits"]
    return (
        f"{case_name(row['batch'], row['beam'])}: a large product {2000 * limits['product']:.0f} "
        f"GFLOP/s, reading {1000 * limits['reading']:.0f} GB/s, a small call of NumPy "
        f"{us['call']:.2f} us; encoding the sources took {us[ENCODER] / 1000:.2f} ms."
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.translation.step", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=10)
    options = parser.parse_args(arguments)
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        parser.error(
            "The ceilings are those of one thread, and the library reads their number when it is "
            "loaded: set OPENBLAS_NUM_THREADS=1 before the command."
        )
    rounds, calls = (1, 1) if options.quick else (options.rounds, options.calls)
    facts, config = machine(), model_config(options.quick, 2 if options.quick else 4)
    engine = ReferenceEngine.build(config, random_weights(config))
    top = ceilings(config, options.quick)
    tables: list[dict[str, Any]] = []
    numbers: list[dict[str, Any]] = []
    for batch, beam, _ in CASES[:1] if options.quick else CASES:
        progress(f"{case_name(batch, beam)} ...")
        timed = {name: function for name, (function, _) in top.items()}
        us = measure(engine, batch, beam, timed, rounds, calls)
        limits = {name: amount / us[name] for name, (_, amount) in top.items()}
        rows = step_rows(config, batch * beam, us, limits)
        tables.append({"title": case_name(batch, beam), "header": HEADER, "rows": rows})
        numbers.append({"batch": batch, "beam": beam, "us": us, "limits": limits})
    calls_of = {"layers": python_calls(engine, False), "step": python_calls(engine, True)}
    sentences = [ceiling_sentence(row) for row in numbers]
    sentences.append(
        f"Functions of Python that a step of one row calls: {calls_of['layers']} by the layers, "
        f"{calls_of['step']} by the step that nobody watches."
    )
    publish(
        {
            "name": "translation_step",
            "title": "Where a step of decoding takes its time, one thread",
            "machine": facts,
            "config": config.to_dict(),
            "numbers": numbers,
            "python_calls": calls_of,
            "tables": tables,
            "verdicts": sentences,
        },
        options,
    )


if __name__ == "__main__":
    main()

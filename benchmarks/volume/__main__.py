"""Lines a second of `clearhead translate` with CTranslate2, beside a plain script of CTranslate2.

    python -m benchmarks.volume PAIRS.tsv.gz [--lines 100000] [--quick] [--json]

Two files are translated: lines of the pairs as they come, with those that come several times, and
as many lines of which no two are alike. The plain script gets the best of several settings, found
on some of the lines. Both are timed as a user sees them, from the start of the process to its end,
in turn, A B A B. A third table compares the engines on some lines, with BLEU against the pairs.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clearhead.translation.checkpoint import find_model
from clearhead.translation.translator import Translator

from ..machine import cores, machine
from ..report import add_arguments, progress, publish
from .lines import pairs_of, with_repeats, without_repeats, write
from .result import result_of
from .systems import (
    PlainSetting,
    Run,
    our_command,
    plain_command,
    plain_settings,
    run,
)

ENGINES = (
    ("numpy", "float32"),
    ("torch", "float32"),
    ("torch", "bfloat16"),
    ("ctranslate2", "float32"),
    ("ctranslate2", "int8"),
)


class Bench:
    """The model and the folder that all runs share."""

    def __init__(self, options: argparse.Namespace, scratch: Path) -> None:
        self.options, self.scratch = options, scratch
        self.tokenizer = find_model(options.model) / "tokenizer.json"
        translator = Translator.load(options.model)
        if not isinstance(translator, Translator):
            raise SystemExit(f"{options.model} is no model of clearhead.")
        progress("writing the models for CTranslate2 ...")
        self.folders = {name: translator.engines.folder(name) for name in ("float32", "int8")}

    def plain(self, setting: PlainSetting, source: Path) -> Run:
        """Run the plain script on a file."""
        compute, beam = self.options.compute, self.options.beam
        command = plain_command(self.folders[compute], compute, setting, beam, self.tokenizer)
        return run(command, source, self.scratch / "plain.txt", plain=True)

    def ours(self, engine: str, compute: str, source: Path, stop: str = "exact") -> Run:
        """Run clearhead on a file."""
        command = our_command(self.options.model, engine, compute, self.options.beam, stop)
        return run(command, source, self.scratch / "ours.txt", plain=False)

    def best_setting(self, source: Path) -> tuple[PlainSetting, dict[str, float]]:
        """Return the setting with which the plain script is fastest, and the time of each."""
        settings = plain_settings(cores())
        times = {}
        for setting in settings:
            times[setting] = self.plain(setting, source).seconds
            progress(f"plain script, {setting}: {times[setting]:.1f} s")
        best = min(settings, key=lambda setting: times[setting])
        return best, {str(setting): seconds for setting, seconds in times.items()}

    def compare(self, name: str, source: Path, setting: PlainSetting) -> list[dict[str, Any]]:
        """Return a row for the plain script and one for clearhead, asked in turn."""
        runs: dict[str, list[Run]] = {"plain script": [], "clearhead": []}
        for round_ in range(self.options.rounds):
            runs["plain script"].append(self.plain(setting, source))
            # By the rule that stops the plain script's search.
            ours = self.ours("ctranslate2", self.options.compute, source, stop="first")
            runs["clearhead"].append(ours)
            progress(f"{name}: round {round_ + 1} of {self.options.rounds}")
        return [
            {
                "file": name,
                "system": system,
                "seconds": statistics.median(one.seconds for one in of_system),
                "processor_seconds": statistics.median(one.processor_seconds for one in of_system),
                "peak": max(one.peak for one in of_system),
                "runs": [dataclasses.asdict(one) for one in of_system],
            }
            for system, of_system in runs.items()
        ]

    def engine_rows(self, pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """Return a row for each engine: its time on some lines, their BLEU, and what differs."""
        from clearhead.translation.score import scores

        source = write(self.scratch / "engines.txt", [source for source, _ in pairs])
        rows: list[dict[str, Any]] = []
        own: list[str] = []
        for engine, compute in ENGINES:
            once = self.ours(engine, compute, source)
            outputs = (self.scratch / "ours.txt").read_text("utf-8").split("\n")[:-1]
            own = own or outputs
            bleu = scores(outputs, [target for _, target in pairs])[0]
            rows.append(
                {
                    "engine": engine,
                    "compute": compute,
                    "lines_per_second": len(pairs) / once.seconds,
                    "processor_seconds": once.processor_seconds,
                    "bleu": bleu.value,
                    "signature": bleu.signature,
                    "same_lines": sum(map(str.__eq__, outputs, own)) / len(own),
                }
            )
            progress(f"{engine} {compute}: BLEU {bleu.value:.2f}")
        return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.volume", description=__doc__)
    add_arguments(parser)
    parser.add_argument("pairs", help="source, tab, target on each line (.gz too)")
    parser.add_argument("--model", default="en-fr")
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--compute", default="int8", choices=["float32", "int8"])
    parser.add_argument("--beam", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--tuned-on", type=int, default=2000, help="lines that settings are tried on"
    )
    parser.add_argument("--quality-lines", type=int, default=2000, help="lines of the third table")
    options = parser.parse_args(arguments)
    if options.quick:
        options.lines, options.rounds = min(options.lines, 40), 1
        options.tuned_on, options.quality_lines, options.beam = 8, 8, 1
    facts = machine()
    pairs = pairs_of(options.pairs)
    sources = [source for source, _ in pairs]
    files = {
        "as they come": with_repeats(sources, options.lines),
        "no line twice": without_repeats(sources, options.lines),
    }
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        bench = Bench(options, scratch)
        sample = write(scratch / "sample.txt", sources[: options.tuned_on])
        best, times = bench.best_setting(sample)
        rows = []
        for name, lines in files.items():
            rows += bench.compare(name, write(scratch / "lines.txt", lines), best)
        engines = bench.engine_rows(pairs[: options.quality_lines])
    repeats = {name: 1 - len(set(lines)) / len(lines) for name, lines in files.items()}
    publish(result_of(facts, options, str(best), times, repeats, rows, engines), options)


if __name__ == "__main__":
    main()

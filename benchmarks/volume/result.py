"""Tables and sentences of the benchmark of many lines."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from ..report import verdict

TARGET = 1.2


def result_of(
    facts: dict[str, Any],
    options: argparse.Namespace,
    setting: str,
    times: Mapping[str, float],
    repeats: Mapping[str, float],
    rows: Sequence[dict[str, Any]],
    engines: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Return what is printed and kept.

    Args:
        facts: of the machine.
        options: of the command.
        setting: the best one of the plain script.
        times: seconds of each of its settings on the sample.
        repeats: of each file the share of lines that stand in it before.
        rows: of each file and system.
        engines: a row for each engine.
    """
    seconds = {(row["file"], row["system"]): row["seconds"] for row in rows}
    ratios = {name: seconds[name, "plain script"] / seconds[name, "clearhead"] for name in repeats}
    speed_table = {
        "title": f"{options.lines:,} lines, {options.compute}, beam of {options.beam}",
        "header": ["file", "system", "lines a second", "seconds", "processor s", "peak MB"],
        "rows": [
            [
                row["file"],
                row["system"],
                f"{options.lines / row['seconds']:,.0f}",
                f"{row['seconds']:.1f}",
                f"{row['processor_seconds']:.1f}",
                f"{row['peak'] / 1e6:.0f}",
            ]
            for row in rows
        ],
    }
    setting_table = {
        "title": f"settings of the plain script, {options.tuned_on:,} lines",
        "header": ["setting", "seconds"],
        "rows": [[name, f"{value:.1f}"] for name, value in times.items()],
    }
    engine_table = {
        "title": f"engines, {options.quality_lines:,} lines, with the start of the process",
        "header": ["engine", "computes in", "lines a second", "processor s", "BLEU", "same lines"],
        "rows": [
            [
                row["engine"],
                row["compute"],
                f"{row['lines_per_second']:,.0f}",
                f"{row['processor_seconds']:.1f}",
                f"{row['bleu']:.2f}",
                f"{row['same_lines']:.2%}",
            ]
            for row in engines
        ],
    }
    all_repeats, none = repeats
    return {
        "name": "volume",
        "title": "Many lines: clearhead translate beside a plain script of CTranslate2",
        "machine": facts,
        "tables": [speed_table, setting_table, engine_table],
        "verdicts": [
            verdict(
                f"Lines as they come, {repeats[all_repeats]:.0%} of them repeats, beside the plain "
                f"script at its best ({setting})",
                ratios[all_repeats],
                TARGET,
            ),
            f"Without repeats: {ratios[none]:.2f} times. Of the ratio above, "
            f"{ratios[all_repeats] / ratios[none]:.2f} is that what comes again is translated "
            f"once.",
            "clearhead also cuts lines into sentences, keeps placeholders, tags and numbers, and "
            "reads and writes as it goes; the plain script holds all lines in memory.",
            f"BLEU: {engines[0]['signature']}" if engines else "No engines were compared.",
        ],
        "ratios": ratios,
        "repeats": dict(repeats),
        "setting": setting,
        "rows": list(rows),
        "engines": list(engines),
    }

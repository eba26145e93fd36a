"""What the benchmark of other people's models measured, as tables and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..report import verdict
from .systems import INPUT_TOKENS, NEW_TOKENS, OURS

Row = dict[str, Any]
SPEED_TARGET, OPENING_TARGET, MEMORY_TARGET = 1.0, 1.0, 1.3
HEADER = [
    "system", "threads", "tokens/s", "best ms a token", "processor ms a token",
    "of memory's speed", "clearhead's best to it", "same tokens",
]  # fmt: skip
OPENING_HEADER = [
    "folder", "MB of weights in float32", "seconds", "least", "processor seconds",
    "peak memory, MB", "of the weights",
]  # fmt: skip


def best_rows(rows: Sequence[Row]) -> dict[tuple[str, str], Row]:
    """Return for each shape and system the row of its best number of threads."""
    best: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = (row["shape"], row["system"])
        if key not in best or row["tokens_per_second"] > best[key]["tokens_per_second"]:
            best[key] = row
    return best


def ratios(rows: Sequence[Row]) -> list[Row]:
    """Return for each shape our speed to that of each other system, each at its best threads.

    ``ratio`` is of the medians, ``ratio_of_bests`` of the fastest calls, ``ratio_of_processor``
    of the least processor time of any number of threads.
    """
    best, results = best_rows(rows), []
    for (shape, system), theirs in best.items():
        if system == OURS:
            continue
        ours = best[shape, OURS]
        results.append(
            {
                "shape": shape,
                "against": system,
                "ratio": ours["tokens_per_second"] / theirs["tokens_per_second"],
                "ratio_of_bests": _least(rows, shape, system, "best_seconds")
                / _least(rows, shape, OURS, "best_seconds"),
                "ratio_of_processor": _least(rows, shape, system, "processor_seconds")
                / _least(rows, shape, OURS, "processor_seconds"),
            }
        )
    return results


def _least(rows: Sequence[Row], shape: str, system: str, key: str) -> float:
    return min(row[key] for row in rows if (row["shape"], row["system"]) == (shape, system))


def result_of(
    rows: Sequence[Row], openings: Sequence[Row], facts: dict[str, Any], notes: Sequence[str]
) -> dict[str, Any]:
    """Return the result as `report.publish` takes it."""
    best, comparisons = best_rows(rows), ratios(rows)
    shapes = list(dict.fromkeys(row["shape"] for row in rows))
    return {
        "name": "pretrained",
        "title": "Other people's models: batch 1, greedy",
        "machine": facts,
        "rows": list(rows),
        "ratios": comparisons,
        "openings": list(openings),
        "tables": [
            *(_speed_table(shape, rows, best) for shape in shapes),
            {
                "title": "From nothing to the first logits of 10 tokens",
                "header": OPENING_HEADER,
                "rows": [_opening_cells(row) for row in openings],
            },
        ],
        "verdicts": [*_verdicts(comparisons, best, openings), *notes],
    }


def _speed_table(shape: str, rows: Sequence[Row], best: dict[tuple[str, str], Row]) -> Row:
    ours = best[shape, OURS]["tokens_per_second"]
    body = []
    for row in (row for row in rows if row["shape"] == shape):
        mark = " *" if best[shape, row["system"]] is row else ""
        ceiling = row["ceiling_share"]
        body.append(
            [
                row["system"] + mark,
                str(row["threads"]),
                f"{row['tokens_per_second']:.1f}",
                f"{1e3 * row['best_seconds'] / NEW_TOKENS:.1f}",
                f"{1e3 * row['processor_seconds'] / NEW_TOKENS:.1f}",
                f"{ceiling:.0%}" if ceiling is not None else "",
                f"{ours / row['tokens_per_second']:.2f}",
                f"{row['same_tokens']:.0%}",
            ]
        )
    title = f"{shape}: {best[shape, OURS]['step_bytes'] / 1e6:,.0f} MB of float32 a step"
    return {"title": title, "header": HEADER, "rows": body}


def _opening_cells(row: Row) -> list[str]:
    return [
        row["folder"],
        f"{row['weights'] / 1e6:,.0f}",
        f"{row['seconds']:.2f}",
        f"{row['least_seconds']:.2f}",
        f"{row['processor_seconds']:.2f}",
        f"{row['peak'] / 1e6:,.0f}",
        f"{row['peak'] / row['weights']:.2f}",
    ]


def _verdicts(
    comparisons: Sequence[Row], best: dict[tuple[str, str], Row], openings: Sequence[Row]
) -> list[str]:
    sentences = []
    for row in comparisons:
        what = f"{row['shape']}: clearhead to {row['against']}"
        sentences.append(
            f"{verdict(what, row['ratio'], SPEED_TARGET)}; by the fastest calls "
            f"{row['ratio_of_bests']:.2f}, by processor time {row['ratio_of_processor']:.2f}"
        )
    for row in openings:
        sentences.append(_at_most(f"{row['folder']}: seconds", row["seconds"], OPENING_TARGET))
        share = row["peak"] / row["weights"]
        sentences.append(_at_most(f"{row['folder']}: peak memory to weights", share, MEMORY_TARGET))
        if row["torch"]:
            sentences.append(f"{row['folder']}: PyTorch WAS IMPORTED")
    speeds = ", ".join(
        f"{speed / 1e9:.1f} GB/s by {threads}"
        for threads, speed in next(iter(best.values()))["memory_speeds"].items()
    )
    return [
        *sentences,
        f"Each at its best number of threads (marked *). Weights: random, the same for all. "
        f"{INPUT_TOKENS} tokens are read and exactly {NEW_TOKENS} generated; reading them is part "
        f"of the time.",
        f"Of memory's speed: a step reads every weight of the decoder once; the time that takes, "
        f"at the speed at which threads sum an array here ({speeds}), to our fastest call.",
    ]


def _at_most(what: str, number: float, limit: float) -> str:
    word = "reached" if number <= limit else "MISSED"
    return f"{what}: {number:.2f} (target at most {limit:g}: {word})"

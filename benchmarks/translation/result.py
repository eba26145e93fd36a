"""What the translation benchmark measured, as tables and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clearhead.config import TransformerConfig

from ..report import verdict
from .systems import CT2_INT8, MARIAN, OURS, SOURCE_TOKENS, TARGET_TOKENS

CASES = (  # batch, beam, target ratio to transformers
    (1, 1, 4.0),
    (32, 1, 2.0),
    (1, 4, 5.0),
    (32, 4, 2.5),
)
TO_INT8 = {(1, 1): 0.5}  # (batch, beam) -> target ratio to CTranslate2 in int8
HEADER = ["system", "threads", "target tokens/s", "clearhead's best to it", "same tokens"]
Row = dict[str, Any]


def best_rows(rows: Sequence[Row]) -> dict[tuple[int, int, str], Row]:
    """Return for each case and system the row of its best number of threads."""
    best: dict[tuple[int, int, str], Row] = {}
    for row in rows:
        key = (row["batch"], row["beam"], row["system"])
        if key not in best or row["tokens_per_second"] > best[key]["tokens_per_second"]:
            best[key] = row
    return best


def case_name(batch: int, beam: int) -> str:
    """Return a case in words: ``batch 1, greedy``."""
    return f"batch {batch}, " + ("greedy" if beam == 1 else f"beam {beam}")


def result_of(
    config: TransformerConfig, rows: list[Row], facts: dict[str, Any], notes: Sequence[str]
) -> dict[str, Any]:
    """Return the result as `report.publish` takes it."""
    best = best_rows(rows)
    cases = [(batch, beam) for batch, beam, _ in CASES if (batch, beam, OURS) in best]
    shape = (
        f"d_model {config.d_model}, {config.encoder_layers}+{config.decoder_layers} layers, "
        f"{config.num_heads} heads, vocabulary {config.vocab_size:,}"
    )
    comparisons = ratios(best)
    return {
        "name": "translation",
        "title": f"Translation speed: {shape}",
        "machine": facts,
        "config": config.to_dict(),
        "rows": rows,
        "ratios": comparisons,
        "tables": [_table(batch, beam, rows, best) for batch, beam in cases],
        "verdicts": [*_verdicts(comparisons), *notes],
    }


def ratios(best: dict[tuple[int, int, str], Row]) -> list[Row]:
    """Return for each case our best speed to that of each other system."""
    return [
        {
            "batch": batch,
            "beam": beam,
            "against": name,
            "ratio": best[batch, beam, OURS]["tokens_per_second"] / row["tokens_per_second"],
        }
        for batch, beam, _ in CASES
        for (*case, name), row in best.items()
        if case == [batch, beam] and name != OURS
    ]


def _table(
    batch: int, beam: int, rows: Sequence[Row], best: dict[tuple[int, int, str], Row]
) -> dict[str, Any]:
    """Return the table of one case; a system's best number of threads is marked."""
    ours = best[batch, beam, OURS]["tokens_per_second"]
    body = []
    for row in (row for row in rows if (row["batch"], row["beam"]) == (batch, beam)):
        mark = " *" if best[batch, beam, row["system"]] is row else ""
        speed = row["tokens_per_second"]
        body.append(
            [
                row["system"] + mark,
                str(row["threads"]),
                f"{speed:,.0f}",
                f"{ours / speed:.2f}",
                f"{row['same_tokens']:.0%}",
            ]
        )
    return {"title": case_name(batch, beam), "header": HEADER, "rows": body}


def _verdicts(comparisons: Sequence[Row]) -> list[str]:
    """Return a sentence for each ratio, and one on how they were measured."""
    targets = {(batch, beam): target for batch, beam, target in CASES}
    sentences = []
    for row in comparisons:
        case = row["batch"], row["beam"]
        what = f"{case_name(*case)}: clearhead to {row['against']}"
        if row["against"] == MARIAN:
            sentences.append(verdict(what, row["ratio"], targets[case]))
        elif row["against"] == CT2_INT8 and case in TO_INT8:
            sentences.append(verdict(what, row["ratio"], TO_INT8[case]))
        else:
            sentences.append(f"{what}: {row['ratio']:.2f} times")
    return [
        *sentences,
        "Each at its best number of threads (marked *). Weights: random, the same for all. "
        f"{SOURCE_TOKENS} source tokens; exactly {TARGET_TOKENS} target tokens, in "
        f"{TARGET_TOKENS} decoder steps (our last token is a forced end token). Same tokens: "
        "targets equal to ours in all other places; int8 and bfloat16 round otherwise.",
    ]

"""The page of a survey: kinds of heads over all texts of a corpus, and their variation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...head_kinds import KINDS
from ...shapes import Array
from ...surveys.stacks import Stack, stacks_of
from ..terminal.heatmap import Paper, fit, number_format, width_of
from ..terminal.paragraphs import bold, heading, prose
from ._heads import kind_table, kind_title
from ._page import bar, layer_table, title_line

if TYPE_CHECKING:
    from ...maps.heads.kinds import HeadRow as HeadKindRow
    from ...surveys.statistics import HeadStatistics
    from ...surveys.tables import HeadRow

MEANING = {
    "entropy": "how widely a query spreads, in nats",
    "sink": "the weight on the first token, where heads park what they do not use",
    "distance": "how far away a query looks, in tokens",
}
CAUTION = (
    "Kinds and their scores are over all queries of all texts; entropy, sink and distance are "
    "means over texts, and a text's own number is the mean over its queries. A kind says where a "
    "head reads from, not what the model uses it for. clearhead.head_kinds has the formulas."
)
SPARKS = "▁▂▃▄▅▆▇█"
_COLUMNS = 16  # of a small histogram


def survey_page(
    model: str, statistics: HeadStatistics, rejects: int, files: Sequence[Path], paper: Paper,
    top: int,
) -> Iterator[str]:  # fmt: skip
    """Yield the whole page in pieces."""
    from ...surveys.tables import head_rows

    yield bold(f"Heads of {model} over a corpus", paper)
    amount = f"{statistics.texts:,} texts, {statistics.tokens:,} tokens"
    if statistics.target_tokens:
        amount += f" to {statistics.target_tokens:,}"
    yield prose(f"{amount}; {rejects:,} lines rejected", paper)
    rows = list(head_rows(statistics))
    for stack in stacks_of(statistics):
        of_stack = [row for row in rows if row.stack.pattern == stack.pattern]
        of_stack = [row for row in of_stack if row.stack.attention == stack.attention]
        yield heading(stack.pattern or "(the model)", paper)
        yield prose(_about(stack), paper)
        labels = {layer.title: layer.label for layer in stack.layers}
        yield title_line("kinds of heads", "by what most of their weight is on", paper)
        yield kind_table([_as_row(row) for row in of_stack], labels, paper)
        yield from _by_kind(of_stack, paper, top)
        yield from _means(stack, list(labels.values()), paper)
    yield ""
    for note in [*_notes(statistics, rejects), CAUTION]:
        yield prose(note, paper)
    yield prose(f"Written: {', '.join(map(str, files))}", paper)


def _about(stack: Stack) -> str:
    what = {"self": "Self-attention", "cross": "Cross-attention"}[stack.attention]
    heads = sorted({layer.statistics.heads for layer in stack.layers})
    kernels = sorted({one for layer in stack.layers for one in layer.statistics.kernels})
    return f"{what} of {' or '.join(map(str, heads))} heads, computed by {' and '.join(kernels)}."


def _as_row(row: HeadRow) -> HeadKindRow:
    """Return a head in the form that tables of kinds use."""
    from ...maps.heads import kinds

    return kinds.HeadRow(row.layer.title, row.head, row.stack.attention, *row.scored)


def _by_kind(rows: Sequence[HeadRow], paper: Paper, top: int) -> Iterator[str]:
    """Yield the number of heads of each kind, and the clearest of those that have a share."""
    counts = Counter(row.scored.kind for row in rows)
    side = max(width_of(row.layer.label) for row in rows)
    for kind in KINDS:
        if not counts[kind]:
            continue
        yield kind_title(kind, counts[kind], paper)
        of_kind = [row for row in rows if row.scored.kind == kind and kind in row.scored.scores]
        of_kind.sort(key=lambda row: -row.scored.scores[row.scored.kind or ""])
        for row in of_kind[:top]:
            yield _line(row, kind, side, paper)
        if len(of_kind) > top:
            yield f"and {len(of_kind) - top} more"
    if counts[None]:
        yield title_line("-", f"{counts[None]}: fewer than three queries have a choice", paper)


def _line(row: HeadRow, kind: str, side: int, paper: Paper) -> str:
    """Return a line for a head of a kind: score, variation between texts, and frequency."""
    score = row.scored.scores[kind]
    one = row.layer.statistics.measures[kind]
    spread = ""
    if paper.unicode and one.counts[row.head]:
        spread = f"  0 {_sparks(one.histogram[row.head])} 1"
    share = "" if math.isnan(row.share) else f"  so in {row.share:4.0%} of texts"
    return (
        f"{score:.3f} {fit(bar(score, paper), 10)}  layer "
        f"{fit(row.layer.label, side, right=True)}  head {row.head:>3}{spread}{share}"
    )


def _sparks(histogram: Array) -> str:
    """Return a histogram as a line of small bars; a bin with any value is visible."""
    sums = histogram.reshape(_COLUMNS, -1).sum(1)
    levels = np.ceil(sums / max(int(sums.max()), 1) * len(SPARKS)).astype(int)
    return "".join(SPARKS[level - 1] if level else " " for level in levels)


def _means(stack: Stack, labels: Sequence[str], paper: Paper) -> Iterator[str]:
    """Yield the tables of means over texts."""
    heads = max(layer.statistics.heads for layer in stack.layers)
    for measure, meaning in MEANING.items():
        values = np.full((len(stack.layers), heads), np.nan)
        for place, layer in enumerate(stack.layers):
            one = layer.statistics.measures.get(measure)
            for head, mean in enumerate([] if one is None else one.means):
                values[place, head] = np.nan if mean is None else mean
        if np.isnan(values).all():
            continue  # positions in a target do not correspond to those in the source
        most = 1.0 if measure == "sink" else float(np.nanmax(values)) or 1.0
        pattern = "{:.2f}"
        if measure == "distance":
            pattern = number_format(values, 3).replace(":", ":,")
        yield title_line(measure, f"{meaning}; the mean over texts", paper)
        yield layer_table(values, labels, values / most, paper, pattern)


def _notes(statistics: HeadStatistics, rejects: int) -> Iterator[str]:
    """Yield notes on how to read the numbers."""
    if not statistics.texts:
        what = f"all {rejects:,} lines were rejected" if rejects else "there is no line"
        yield f"No text was read: {what}. There is no head in the files, and no picture."
    elif not statistics.layers:
        yield "No attention could be read, so there is no head in the files, and no picture."
    for (name, why), count in statistics.refusals.items():
        yield f"Not read in {count:,} of {statistics.texts:,} texts: {name or 'the model'}: {why}."
    if statistics.cut_targets:
        yield (
            f"The target of {statistics.cut_targets:,} texts is the beginning of what the model "
            "writes, at most 128 tokens; give --target-column for others."
        )

"""The page of an inspection: the text, measures by layer and head, the strongest links."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from ...shapes import Array
from ...surveys.text_model import Model, Tokens
from ..terminal.heatmap import Paper, fit, number_format, width_of
from ..terminal.heatmap import heated as heated
from ..terminal.paragraphs import bold, heading, prose
from ._findings import StackFindings, sides

MEANING = {
    "entropy": "how widely a query spreads, in nats: 0 is one key, {even} all alike",
    "sink": "the weight on the first token, where heads park what they do not use",
    "distance": "how far away a query looks, in tokens",
}
# A weight shows where a head attends, not why the model predicts what it does (arXiv 1902.10186).
CAUTION = (
    "Numbers are means over the queries. A weight says where a head reads from, not how much that "
    "counts for what the model does."
)
TEXT_MOST = 600  # characters of the text that are shown
LINK_TOKEN = 18  # columns of a token in the table of links
BAR = 10


def page(
    model: Model,
    stacks: Sequence[StackFindings],
    source: Tokens,
    target: Tokens | None,
    paper: Paper,
    *,
    top: int,
    notes: Sequence[str],
) -> Iterator[str]:
    """Yield the whole page in pieces."""
    yield from opening(model, source, target, paper)
    for stack in stacks:
        yield heading(stack.pattern, paper)
        first = stack.layers[0]
        yield prose(about(first.kind, first.shape, first.kernel), paper)
        yield from _tables(stack, paper)
        queries, keys = sides(stack.layers[0], source, target)
        yield from _links(stack, queries, keys, paper, top)
        yield from _most_attended(stack, keys, paper, top)
    yield ""
    for note in [*notes, CAUTION]:
        yield prose(note, paper)


def opening(model: Model, source: Tokens, target: Tokens | None, paper: Paper) -> Iterator[str]:
    """Yield the names of the model and the text."""
    lengths = f"{len(source.ids):,} tokens"
    if target is not None:
        lengths += f" to {len(target.ids):,}"
    name = type(model.model).__name__
    yield bold(f"{name} of {model.name}", paper)
    yield prose(f"{lengths}, {model.dtype} on {model.device}", paper)
    yield f"\n{text_of(source, paper)}"
    if target is not None:
        yield f"\n{text_of(target, paper)}"


def about(kind: str, shape: tuple[int, int, int, int], kernel: str) -> str:
    """Return a line that describes the layers of a stack.

    Args:
        kind: self or cross.
        shape: (batch, heads, query_len, key_len).
        kernel: the kernel that computed them.
    """
    _, heads, queries, keys = shape
    what = {"self": "Self-attention", "cross": "Cross-attention"}.get(kind, kind)
    return f"{what} of {heads} heads, {queries:,} queries on {keys:,} keys, computed by {kernel}."


def text_of(tokens: Tokens, paper: Paper) -> str:
    """Return a text as its tokens; a long one is shortened in the middle."""
    text = " ".join(tokens.labels)
    if len(text) > TEXT_MOST:
        dots = "…" if paper.unicode else "..."
        text = (
            f"{text[: TEXT_MOST * 2 // 3].rsplit(' ', 1)[0]} {dots} "
            + (text[-TEXT_MOST // 3 :].partition(" ")[2])
        )
    return prose(text, paper)


def layer_table(
    values: Array,
    labels: Sequence[str],
    levels: Array,
    paper: Paper,
    pattern: str,
    column: str = "head",
) -> str:
    """Return layers by heads, tinted by `levels` (0 to 1), in blocks of heads that fit the paper.

    Args:
        values: Float["layers heads"], the numbers to print; NaN for a head that does not exist.
        labels: of the layers.
        levels: Float["layers heads"], from 0 to 1.
        paper: the paper to print on.
        pattern: the format of a number.
        column: the name of the columns.
    """
    cells = [["" if np.isnan(v) else pattern.format(v) for v in row] for row in values]
    # One column for the gap, and one for the shade if there is no colour.
    width = max(len(cell) for row in cells for cell in row) + 2
    side = max(width_of("layer"), *map(width_of, labels))
    heads = values.shape[1]
    most = max(1, (paper.width - side - 1) // width)
    count = math.ceil(heads / math.ceil(heads / most))
    blocks = []
    for start in range(0, heads, count):
        span = range(start, min(start + count, heads))
        names = [str(j) for j in span]
        if width >= len(first := f"{column} {names[0]}"):
            names[0] = first
        lines = [f"{fit('layer', side)} " + "".join(fit(name, width, right=True) for name in names)]
        for i, label in enumerate(labels):
            cells_text = "".join(
                heated(fit(cells[i][j], width, right=True), float(levels[i, j]), paper)
                for j in span
            )
            lines.append(f"{fit(label, side, right=True)} {cells_text}".rstrip())
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _tables(stack: StackFindings, paper: Paper) -> Iterator[str]:
    labels = [layer.label for layer in stack.layers]
    keys = stack.layers[0].shape[3]
    even = math.log(keys) if keys > 1 else 0.0
    for measure, meaning in MEANING.items():
        if measure == "distance" and stack.kind == "cross":
            continue  # positions in a target do not correspond to those in the source
        values = stack.table(measure)
        # A head with even attention in both directions has a mean distance of a third of the
        # length.
        most = {"entropy": even, "sink": 1.0, "distance": keys / 3}[measure]
        pattern = "{:.2f}"
        if measure == "distance":
            pattern = number_format(values, 3).replace(":", ":,")
        yield title_line(measure, meaning.format(even=f"{even:.2f}"), paper)
        yield layer_table(values, labels, values / (most or 1.0), paper, pattern)


def _links(
    stack: StackFindings, queries: Tokens, keys: Tokens, paper: Paper, top: int
) -> Iterator[str]:
    strongest = stack.strongest(top)
    if not strongest:
        return
    dull = "special tokens"
    if stack.kind == "self":
        dull += ", the first token or itself"
    yield title_line("strongest links", f"one a head, none to {dull}", paper)
    places = [
        max(len(f"{position:,}") for position in column)
        for column in zip(*((link.query, link.key) for _, link in strongest), strict=True)
    ]
    token_pairs = [(queries.labels[link.query], keys.labels[link.key]) for _, link in strongest]
    wide = [min(LINK_TOKEN, max(width_of(pair[i]) for pair in token_pairs)) for i in (0, 1)]
    arrow = "→" if paper.unicode else "->"
    side = max(len("layer"), *(width_of(layer.label) for layer, _ in strongest))
    yield (
        f"{'weight':<{BAR + 7}}{fit('query', places[0] + wide[0] + 4 + len(arrow))}"
        f"{fit('key', places[1] + wide[1] + 3)}{fit('layer', side)}  head"
    )
    for (layer, link), (query, key) in zip(strongest, token_pairs, strict=True):
        yield (
            f"{link.weight:.3f} {fit(bar(link.weight, paper), BAR)} "
            f"{link.query:>{places[0]},} {fit(query, wide[0])}  {arrow} "
            f"{link.key:>{places[1]},} {fit(key, wide[1])}  "
            f"{fit(layer.label, side, right=True)}  {link.head:>4}"
        )


def _most_attended(stack: StackFindings, keys: Tokens, paper: Paper, top: int) -> Iterator[str]:
    shares = stack.received_shares()
    best = np.argsort(-shares, kind="stable")[:top]
    yield title_line("most attended", "the share of all attention that falls on a token", paper)
    place = len(f"{int(best.max()):,}")
    wide = min(LINK_TOKEN, max(width_of(keys.labels[int(key)]) for key in best))
    for key in map(int, best):
        share = float(shares[key])
        share_bar = fit(bar(share / max(float(shares[best[0]]), 1e-30), paper), BAR)
        yield f"{share:5.1%} {share_bar} {key:>{place},} {fit(keys.labels[key], wide)}".rstrip()


def bar(share: float, paper: Paper) -> str:
    """Return a share of 1 as a bar of at most ten columns."""
    return ("█" if paper.unicode else "#") * round(min(share, 1.0) * BAR)


def title_line(name: str, meaning: str, paper: Paper) -> str:
    """Return a highlighted name, followed by its meaning."""
    lines = prose(f"{name}  {meaning}", paper)
    return f"\n{bold(name, paper)}{lines[len(name) :]}"

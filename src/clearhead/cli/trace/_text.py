"""A traced translation as text that someone meeting attention for the first time can follow.

Every step shows its formula, its matrix with tokens as labels, and the arithmetic of one cell, the
same cell throughout: the query that was chosen, and the key to which it gives most weight.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from clearhead.reference.tracing.step import Step

from ..heatmap import Paper, draw_matrix, fit, width_of
from ._head import Head

Array = np.ndarray[Any, Any]

VECTOR_COLUMNS = 8

# What each step is for, in a sentence. A weight routes; it does not explain (arXiv 1902.10186).
MEANING = {
    "query": "What each row's token looks for: its vector times the query matrix of this head.",
    "key": "What each column's token can be found by: its vector times the key matrix.",
    "value": "What each column's token has to give: its vector times the value matrix.",
    "scores": "How well each query fits each key: the sum of the products of their numbers.",
    "scaled": "Longer vectors give larger sums; dividing by sqrt(head_dim) takes that out again.",
    "bias": "What the distance between two positions adds to their score.",
    "masked": "Where looking is forbidden (padding, or words still to come) the score is -inf.",
    "weights": "Each row becomes shares of 1: how much of each value flows to the query.",
    "contributions": "What flows: each value times its weight.",
    "output": "The contributions of a row added up: what this head hands on for each query.",
}


def prose(text: str, paper: Paper) -> str:
    """A sentence, broken where the paper ends."""
    return textwrap.fill(text, paper.width)


def heading(text: str, paper: Paper) -> str:
    """A section's title, bold in a terminal, underlined elsewhere."""
    if paper.colour:
        return f"\n\x1b[1m{text}\x1b[0m"
    return f"\n{text}\n{('─' if paper.unicode else '-') * width_of(text)}"


def tell_tokens(
    text: str,
    translation: str,
    source: Sequence[str],
    target: Sequence[str],
    predicted: Sequence[str],
    probabilities: Sequence[float],
    paper: Paper,
    *,
    read: str,
) -> Iterator[str]:
    """The two texts as tokens, and how sure the model was of each word."""
    yield f"{text}\n{translation}"
    if read != text:
        yield prose(f"The model does not read the text as it is typed, but: {read}", paper)
    yield heading("Tokens", paper)
    yield prose("The model reads and writes pieces of words; ▁ stands for a space.", paper)
    yield prose(f"It reads     {' '.join(source)}", paper)
    yield prose("At each position the decoder reads one token and predicts the next:", paper)
    width = max(width_of(token) for token in (*target, "reads"))
    wide = max(width_of(token) for token in (*predicted, "predicts"))
    yield f"     {fit('reads', width)}  {fit('predicts', wide)}  probability"
    for i, (token, after, share) in enumerate(zip(target, predicted, probabilities, strict=True)):
        yield f"{i:3d}  {fit(token, width)}  {fit(after, wide)}  {share:11.4f}"


def tell_step(step: Step, paper: Paper) -> str:
    """Any step: its path, axes and formula, and its numbers, shortened where they are many."""
    sizes = zip(step.shape, step.axes, strict=True) if step.axes else ()
    shape = " x ".join(f"{size} {axis}" for size, axis in sizes) or str(step.shape)
    numbers = np.array2string(
        step.value, max_line_width=paper.width, precision=4, threshold=200, suppress_small=True
    )
    title = f"\x1b[1m{step.path}\x1b[0m" if paper.colour else step.path
    return f"{title} = {step.formula}   [{shape}]\n{numbers}\n"


def tell_head(head: Head, row: int, paper: Paper, *, layers: int, heads: int) -> Iterator[str]:
    """The steps of one head, a section each.

    Args:
        head: what to tell.
        row: the query whose arithmetic is spelled out.
        paper: what it is printed on.
        layers, heads: how many there are to choose from.
    """
    values, column = head.values, int(head.values["weights"][row].argmax())
    query, key = head.queries[row], head.keys[column]
    yield heading(f"Head {head.number} of {head.path}", paper)
    yield prose(
        f"One of {layers} layers (--layer) with {heads} heads each (--head). --part shows the "
        "encoder's attention, the decoder's, or the decoder's to the encoder (cross).",
        paper,
    )
    yield prose(
        f"Rows are queries, columns are keys. The sums are spelled out for the query {query!r} "
        f"(row {row}) and the key {key!r} (column {column}).",
        paper,
    )
    for name, labels in (("query", head.queries), ("key", head.keys), ("value", head.keys)):
        yield _title(head.steps[name], values[name], paper)
        yield vectors(values[name], labels, paper)
    for name in ("scores", "scaled", "bias", "masked"):
        if name not in values:
            continue
        yield _title(head.steps[name], values[name], paper)
        masked = head.masked if name == "masked" else None
        yield draw_matrix(values[name], head.queries, head.keys, paper, masked=masked)
        yield prose(_sum_of(name, head, row, column), paper)
    yield _title(head.steps["weights"], values["weights"], paper)
    yield draw_matrix(
        values["weights"], head.queries, head.keys, paper,
        pattern="{:.2f}", masked=head.masked, heat=True,
    )  # fmt: skip
    yield prose(_sum_of("weights", head, row, column), paper)
    yield _title(head.steps["contributions"], values["contributions"], paper)
    yield contributions(head, row, paper)
    yield _title(head.steps["output"], values["output"], paper)
    yield vectors(values["output"], head.queries, paper)


def _title(step: Step, value: Array, paper: Paper) -> str:
    """A step's name, formula and the shape of the part that is shown."""
    axes = step.axes[-value.ndim :]
    shape = " x ".join(f"{size} {axis}" for size, axis in zip(value.shape, axes, strict=True))
    name = f"\x1b[1m{step.name}\x1b[0m" if paper.colour else step.name
    title = f"{name} = {step.formula}"
    # Escape codes take no room, so the width is that of the plain title.
    apart = "\n" if width_of(f"{step.name} = {step.formula}   [{shape}]") > paper.width else "   "
    return f"\n{title}{apart}[{shape}]\n{prose(MEANING[step.name], paper)}"


def vectors(values: Array, labels: Sequence[str], paper: Paper) -> str:
    """One vector a row, the first few of its numbers, and how many are not shown."""
    shown = min(VECTOR_COLUMNS, values.shape[1])
    text = draw_matrix(values[:, :shown], labels, [str(j) for j in range(shown)], paper)
    more = values.shape[1] - shown
    return f"{text}\n{'…' if paper.unicode else '...'} and {more} more columns" if more else text


def contributions(head: Head, row: int, paper: Paper) -> str:
    """What each key gives to one query: its weight, its value's size, and their product.

    A large weight on a small value carries little, which the weight alone does not tell.
    """
    parts, weights = head.values["contributions"][row], head.values["weights"][row]
    sizes = np.linalg.norm(head.values["value"], axis=-1)
    given = np.linalg.norm(parts, axis=-1)
    shown = min(VECTOR_COLUMNS - 3, parts.shape[-1])
    columns = ["weight", "|value|", "|given|", *map(str, range(shown))]
    table = np.column_stack([weights, sizes, given, parts[:, :shown]])
    total = parts.sum(axis=0)
    last = [weights.sum(), np.nan, np.linalg.norm(total), *total[:shown]]
    masked = np.zeros((len(table) + 1, len(columns)), dtype=bool)
    masked[:-1] = head.masked[row][:, None]
    text = draw_matrix(
        np.vstack([table, last]), [*head.keys, "sum"], columns, paper,
        pattern="{:.3f}", masked=masked,
    )  # fmt: skip
    words = (
        f"For the query {head.queries[row]!r}: each key gives weight times value, and the sum "
        f"is row {row} of the output. |value| and |given| are the lengths of the vectors."
    )
    return f"{prose(words, paper)}\n{text}"


def _sum_of(name: str, head: Head, row: int, column: int) -> str:
    """The arithmetic of one cell, in numbers that can be checked by hand."""
    values = head.values
    cell = {key: float(values[key][row, column]) for key in ("scores", "scaled", "masked")}
    if name == "scores":
        query, key = values["query"][row], values["key"][column]
        first = " ".join(
            f"{'+' if q * k >= 0 else '-'} {abs(q):.3f} * {abs(k):.3f}"
            for q, k in zip(query[:2], key[:2], strict=True)
        )
        first = first[2:] if first[0] == "+" else f"-{first[2:]}"
        more = f" and {len(query) - 2} more products" if len(query) > 2 else ""
        return f"Row {row}, column {column}: {first}{more} = {cell['scores']:.3f}"
    if name == "scaled":
        factor = values["query"].shape[-1]
        return (
            f"Row {row}, column {column}: {cell['scores']:.3f} / sqrt({factor}) = "
            f"{cell['scores']:.3f} / {factor**0.5:.3f} = {cell['scaled']:.3f}"
        )
    if name == "bias":
        return f"Row {row}, column {column}: {values['bias'][row, column]:.3f}"
    if name == "masked":
        hidden = int(head.masked[row].sum())
        if "bias" in values:
            bias = float(values["bias"][row, column])
            return (
                f"Row {row}, column {column}: {cell['scaled']:.3f} {'+' if bias >= 0 else '-'} "
                f"{abs(bias):.3f} = {cell['masked']:.3f}"
            )
        if not hidden:
            return f"Row {row} may attend to every key, so nothing changes."
        return f"Row {row} may not attend to {hidden} of the {len(head.keys)} keys, shown as ///."
    return _softmax_of(values["masked"][row], values["weights"][row], row, column)


def _softmax_of(masked: Array, weights: Array, row: int, column: int) -> str:
    if not np.isfinite(masked).any():
        return f"Row {row} may attend to no key: all weights are 0."
    powers = np.exp(masked - masked.max())
    return (
        f"Row {row}, column {column}: exp({masked[column]:.3f}) divided by the sum of exp over the "
        f"row = {np.exp(masked[column]):.4g} / {np.exp(masked.max()) * powers.sum():.4g} = "
        f"{weights[column]:.3f}; the row sums to {weights.sum():.3f}."
    )


def tell_next(
    pieces: Sequence[str], probabilities: Sequence[float], taken: str, paper: Paper
) -> str:
    """The likeliest next tokens, with bars of their probabilities and a mark at the one taken."""
    label = max(width_of(piece) for piece in pieces)
    room = max(10, min(40, paper.width - label - 16))
    block = "█" if paper.unicode else "#"
    lines = []
    for rank, (piece, share) in enumerate(zip(pieces, probabilities, strict=True), start=1):
        bar = block * round(share * room)
        mark = "  <- taken" if piece == taken else ""
        lines.append(f"{rank:3d}  {fit(piece, label)}  {share:7.4f}  {bar}{mark}".rstrip())
    return "\n".join(lines)

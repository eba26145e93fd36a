"""Explains a traced translation as text for readers who are new to attention.

Every step shows its formula, its purpose, its matrix labelled with tokens, and the arithmetic of
one cell. It is the same cell throughout: one query, and the key with its largest weight. Formulas
and purposes are those declared in `clearhead.reference.tracing.steps`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from clearhead.reference.tracing.step import Step
from clearhead.reference.tracing.step_kind import StepKind
from clearhead.reference.tracing.steps import kind_of
from clearhead.reference.tracing.steps.attention import SCALED_BY_NUMBER
from clearhead.shapes import Array

from ..terminal.heatmap import Paper, draw_matrix, fit, width_of
from ..terminal.paragraphs import bold, heading, prose
from ._head import Head

VECTOR_COLUMNS = 8


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
    """Yield the two texts as tokens, and the model's probability of each word."""
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


def tell_prompt(
    text: str,
    tokens: Sequence[str],
    predicted: Sequence[str],
    probabilities: Sequence[float],
    paper: Paper,
    *,
    writes: bool,
) -> Iterator[str]:
    """Yield a text as tokens, and the model's prediction at each position.

    Args:
        text, tokens: the model's input.
        predicted: the next token at each position, and the likeliest after the last one; for an
            encoder, the likeliest at each position.
        probabilities: of these.
        paper: the paper to print on.
        writes: whether the model predicts the next token; otherwise the token at each position.
    """
    yield text
    yield heading("Tokens", paper)
    yield prose("The model reads pieces of words; ▁ stands for a space.", paper)
    if writes:
        yield prose("At each position it predicts the token that comes next:", paper)
    else:
        yield prose("In each place it says which token belongs there:", paper)
    width = max(width_of(token) for token in (*tokens, "reads"))
    wide = max(width_of(token) for token in (*predicted, "predicts"))
    yield f"     {fit('reads', width)}  {fit('predicts', wide)}  probability"
    for i, (token, after, share) in enumerate(zip(tokens, predicted, probabilities, strict=True)):
        yield f"{i:3d}  {fit(token, width)}  {fit(after, wide)}  {share:11.4f}"


def tell_step(step: Step, paper: Paper) -> str:
    """Return a step's path, formula, axes and numbers; a large array is shortened."""
    sizes = zip(step.shape, step.axes, strict=True) if step.axes else ()
    shape = " x ".join(f"{size} {axis}" for size, axis in sizes) or str(step.shape)
    numbers = np.array2string(
        step.value, max_line_width=paper.width, precision=4, threshold=200, suppress_small=True
    )
    return f"{bold(step.path, paper)} = {step.formula}   [{shape}]\n{numbers}\n"


def tell_head(
    head: Head, row: int, paper: Paper, *, layers: int, heads: int, parts: Sequence[str]
) -> Iterator[str]:
    """Yield the steps of one head, one section for each.

    Args:
        head: the head.
        row: the query whose arithmetic is shown in full.
        paper: the paper to print on.
        layers, heads: the numbers of layers and heads to choose from.
        parts: the parts of the model to choose from.
    """
    values, column = head.values, int(head.values["weights"][row].argmax())
    query, key = head.queries[row], head.keys[column]
    yield heading(f"Head {head.number} of {head.path}", paper)
    choice = f"One of {layers} layers (--layer) with {heads} heads each (--head)."
    if len(parts) > 1:
        choice += (
            " --part shows the encoder's attention, the decoder's, or the decoder's to the "
            "encoder (cross)."
        )
    yield prose(choice, paper)
    yield prose(
        f"Rows are queries, columns are keys. The sums are spelled out for the query {query!r} "
        f"(row {row}) and the key {key!r} (column {column}).",
        paper,
    )
    for name, labels in (("query", head.queries), ("key", head.keys), ("value", head.keys)):
        yield _title(head.steps[name], values[name], paper)
        yield vectors(values[name], labels, paper)
    for name in ("scores", "scaled", "capped", "bias", "masked"):
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
    """Return a step's name, formula, the shape of the printed part, and the step's purpose."""
    axes = step.axes[-value.ndim :]
    shape = " x ".join(f"{size} {axis}" for size, axis in zip(value.shape, axes, strict=True))
    title = f"{bold(step.name, paper)} = {step.formula}"
    # Escape codes have no width, so the width is that of the plain title.
    apart = "\n" if width_of(f"{step.name} = {step.formula}   [{shape}]") > paper.width else "   "
    return f"\n{title}{apart}[{shape}]\n{prose(_kind(step).meaning, paper)}"


def _kind(step: Step) -> StepKind:
    kind = kind_of(step.path, step.formula)
    assert kind is not None  # the steps of a head are the reference's own
    return kind


def vectors(values: Array, labels: Sequence[str], paper: Paper) -> str:
    """Return one vector a row: its first few numbers, and how many more there are."""
    columns = min(VECTOR_COLUMNS, values.shape[1])
    text = draw_matrix(values[:, :columns], labels, [str(j) for j in range(columns)], paper)
    more = values.shape[1] - columns
    return f"{text}\n{'…' if paper.unicode else '...'} and {more} more columns" if more else text


def contributions(head: Head, row: int, paper: Paper) -> str:
    """Return each key's contribution to one query: weight, norm of the value, and their product.

    A large weight on a small value contributes little, which the weight alone does not show.
    """
    parts, weights = head.values["contributions"][row], head.values["weights"][row]
    sizes = np.linalg.norm(head.values["value"], axis=-1)
    products = np.linalg.norm(parts, axis=-1)
    entries = min(VECTOR_COLUMNS - 3, parts.shape[-1])
    columns = ["weight", "|value|", "|given|", *map(str, range(entries))]
    table = np.column_stack([weights, sizes, products, parts[:, :entries]])
    total = parts.sum(axis=0)
    last = [weights.sum(), np.nan, np.linalg.norm(total), *total[:entries]]
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
    """Return the arithmetic of one cell, with numbers that can be checked by hand."""
    values, place = head.values, f"Row {row}, column {column}:"
    if name == "weights":
        return _softmax_of(values["masked"][row], values["weights"][row], row, column)
    result = f"{values[name][row, column]:.3f}"
    if name == "scores":
        return f"{place} {_products(values['query'][row], values['key'][column])} = {result}"
    if name == "bias":
        return f"{place} {result}"
    if name == "capped" or head.steps[name].formula == SCALED_BY_NUMBER.formula:
        before = values["scaled" if name == "capped" else "scores"][row, column]
        return f"{place} {before:.3f} becomes {result}"
    if name == "masked" and "bias" not in values:
        hidden = int(head.masked[row].sum())
        if not hidden:
            return f"Row {row} may attend to every key, so nothing changes."
        return f"Row {row} may not attend to {hidden} of the {len(head.keys)} keys, shown as ///."
    kind, width = _kind(head.steps[name]), values["query"].shape[-1]
    numbers = {"head_dim": str(width)}
    for source in ("scores", "scaled", "capped", "bias"):
        if source in values:
            numbers[source] = f"{values[source][row, column]:.3f}"
    text = _with_numbers(kind, numbers)
    if name == "scaled":
        text += f" = {numbers['scores']} / {width**0.5:.3f}"
    return f"{place} {text} = {result}"


def _with_numbers(kind: StepKind, numbers: Mapping[str, str]) -> str:
    """Return the expression of a kind with numbers instead of its symbols.

    Args:
        kind: of the step.
        numbers: the number for each step and constant in the expression.
    """
    (rule,) = kind.rules
    texts = {
        operand.symbol: numbers[operand.constant or operand.path.removeprefix("{scope}.")]
        for operand in rule.operands
    }
    text = re.sub(r"\w+", lambda match: texts.get(match[0], match[0]), rule.expression)
    return text.replace("np.", "").replace("+ -", "- ")


def _products(query: Array, key: Array) -> str:
    """Return the first products of a query and a key, entry by entry, and how many more follow."""
    first = " ".join(
        f"{'+' if q * k >= 0 else '-'} {abs(q):.3f} * {abs(k):.3f}"
        for q, k in zip(query[:2], key[:2], strict=True)
    )
    first = first[2:] if first[0] == "+" else f"-{first[2:]}"
    return f"{first} and {len(query) - 2} more products" if len(query) > 2 else first


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
    pieces: Sequence[str], probabilities: Sequence[float], choice: str, paper: Paper
) -> str:
    """Return the likeliest next tokens with bars of their probabilities, ``choice`` marked."""
    label = max(width_of(piece) for piece in pieces)
    room = max(10, min(40, paper.width - label - 16))
    block = "█" if paper.unicode else "#"
    lines = []
    for rank, (piece, share) in enumerate(zip(pieces, probabilities, strict=True), start=1):
        bar = block * round(share * room)
        mark = "  <- taken" if piece == choice else ""
        lines.append(f"{rank:3d}  {fit(piece, label)}  {share:7.4f}  {bar}{mark}".rstrip())
    return "\n".join(lines)

"""What an exact shortlist of the output vocabulary could save, and what it cannot.

    python -m benchmarks.translation.shortlist [--model en-fr] [--source FILE] [--json]

A word is left out exactly if a bound says that its logit is below that of another word. The bounds
here are all of one kind: a few numbers of each word are multiplied by as many of the hidden state,
and Cauchy and Schwarz bound the rest. They differ in the coordinates in which they are taken. The
hidden states are those of greedy and of beam search over sentences; half of the sentences are there
to learn from, the other half is judged.

A score needs the logarithm of the sum over all words besides. Words that are left out are bounded
from below, too, and the last table has how wide an interval that leaves for it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from clearhead.engine.source_decoding import SourceDecoding
from clearhead.translation.translator import Translator

from ..machine import machine
from ..paths import ROOT
from ..report import add_arguments, progress, publish

LEAST_VARIANCE = 0.02  # of the mean variance: what few hidden states never showed may still come
ROUNDING = 1e-3  # of a logit, more than single precision can do to one of these models
SHORT = 512  # words that are worth to be multiplied one by one
KINDS = ("singular vectors", "balanced")
Array = np.ndarray


class Coordinates(NamedTuple):
    """h.w = x.y + c + a number that is the same for all words.

    Attributes:
        x: of the hidden states, ``[states, d_model]``.
        y: of the words, ``[vocab, d_model]``.
        c: of the words.
    """

    x: Array
    y: Array
    c: Array


def prose(folder: Path) -> list[str]:
    """Return the sentences of the pages in a folder, code and tables left out."""
    sentences: list[str] = []
    for page in sorted(folder.rglob("*.md")):
        text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
        blocks = [block for block in text.split("\n\n") if re.match(r"[A-Z]", block)]
        plain = re.sub(r"[`*]|\[(.*?)\]\(.*?\)", r"\1", "\n\n".join(blocks)).replace("\n", " ")
        sentences += [s for s in re.findall(r"[A-Z][^.|]{20,160}\.", plain) if s.isascii()]
    return sentences


def hidden_states(translator: Translator, texts: Sequence[str], beam: int) -> Array:
    """Return the hidden states of all steps of a search."""
    states: list[Array] = []
    original = SourceDecoding.hidden

    def hidden(decoding: SourceDecoding, *arguments: Any, **options: Any) -> Array:
        states.append(original(decoding, *arguments, **options)[:, 0].copy())
        return states[-1][:, None]

    SourceDecoding.hidden = hidden  # type: ignore[method-assign]
    try:
        translator.translate(list(texts), beam_size=beam)
    finally:
        SourceDecoding.hidden = original  # type: ignore[method-assign]
    return np.concatenate(states).astype(np.float64)


def coordinates(kind: str, words: Array, seen: Array, states: Array) -> Coordinates:
    """Return coordinates of hidden states and words, the weightiest first.

    Args:
        kind: ``singular vectors`` of the words about their mean; or ``balanced``, in which the
            states that were seen and the words have the same, diagonal covariance (Moore 1981).
        words: the output matrix.
        seen: hidden states to learn from.
        states: those to return the coordinates of.
    """
    mean, words_about_mean = seen.mean(axis=0), words - words.mean(axis=0)
    of_words = words_about_mean.T @ words_about_mean / len(words)
    if kind == "singular vectors":
        axes = np.linalg.eigh(of_words)[1][:, ::-1]
        return Coordinates((states - mean) @ axes, words_about_mean @ axes, words @ mean)
    of_states = np.cov(seen.T, bias=True)
    of_states += np.eye(len(of_states)) * np.trace(of_states) / len(of_states) * LEAST_VARIANCE
    values, vectors = np.linalg.eigh(of_states)
    root = (vectors * np.sqrt(values)) @ vectors.T
    inverse = (vectors / np.sqrt(values)) @ vectors.T
    squares, axes = np.linalg.eigh(root @ of_words @ root)
    squares, axes = np.maximum(squares[::-1], squares[-1] * 1e-12), axes[:, ::-1]
    x = (states - mean) @ (inverse @ axes * squares**0.25)
    return Coordinates(x, words_about_mean @ (root @ axes * squares**-0.25), words @ mean)


def bounds(of: Coordinates, numbers: int) -> tuple[Array, Array]:
    """Return the middle of the interval in which each logit lies, and half its width."""
    middle = of.x[:, :numbers] @ of.y[:, :numbers].T + of.c
    lengths = (np.linalg.norm(part[:, numbers:], axis=1) for part in (of.x, of.y))
    return middle, np.multiply.outer(*lengths)


def words_left(of: Coordinates, numbers: int) -> Array:
    """Return for each state how many words may be the likeliest, if that word's logit is known."""
    middle, half = bounds(of, numbers)
    best = (of.x @ of.y.T + of.c).max(axis=1, keepdims=True)
    return (middle + half >= best - ROUNDING).sum(axis=1)


def width_of_sum(of: Coordinates, numbers: int, computed: int) -> Array:
    """Return how wide an interval is left for the logarithm of the sum of all words.

    Args:
        of: coordinates.
        numbers: of each word that are multiplied.
        computed: words with the highest bounds, whose logits are computed.
    """
    middle, half = bounds(of, numbers)
    exact = of.x @ of.y.T + of.c
    highest = exact.max(axis=1, keepdims=True)
    is_computed = np.zeros(middle.shape, np.bool_)
    best = np.argpartition(-(middle + half), computed, axis=1)[:, :computed]
    np.put_along_axis(is_computed, best, True, axis=1)
    ends = (np.where(is_computed, exact, middle + sign * half) for sign in (1, -1))
    upper, lower = (np.log(np.exp(end - highest).sum(axis=1)) for end in ends)
    return upper - lower


def block_words_left(of: Coordinates, blocks: int, rounds: int = 5) -> Array:
    """Return how many words are left by bounds of blocks: a centre and a radius (k-means) each."""
    rng = np.random.default_rng(0)
    centres = of.y[rng.choice(len(of.y), blocks, replace=False)]
    for _ in range(rounds):
        block = np.argmin((centres**2).sum(axis=1) - 2 * of.y @ centres.T, axis=1)
        sizes = np.bincount(block, minlength=blocks)
        sums = np.zeros_like(centres)
        np.add.at(sums, block, of.y)
        centres = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
    radii, constants = np.zeros(blocks), np.full(blocks, -np.inf)
    np.maximum.at(radii, block, np.linalg.norm(of.y - centres[block], axis=1))
    np.maximum.at(constants, block, of.c)
    upper = of.x @ centres.T + np.linalg.norm(of.x, axis=1)[:, None] * radii + constants
    best = (of.x @ of.y.T + of.c).max(axis=1, keepdims=True)
    return ((upper >= best - ROUNDING) * sizes).sum(axis=1)


def tables_of(words: Array, seen: Array, greedy: Array, beam: Array) -> list[dict[str, Any]]:
    """Return the tables: words that are left, and the interval of the sum."""
    vocab, width = words.shape
    left = []

    def row(name: str, share: float, counts: Array) -> list[str]:
        decided = (counts <= SHORT).mean()
        return [name, f"{share:.0%}", f"{np.median(counts):,.0f}", f"{counts.mean():,.0f}",
                f"{decided:.0%}"]  # fmt: skip

    for kind in KINDS:
        of = coordinates(kind, words, seen, greedy)
        for numbers in (width // 4, 3 * width // 8, width // 2):
            name = f"{kind}, {numbers} of {width} numbers"
            left.append(row(name, numbers / width, words_left(of, numbers)))
    blocks = vocab // 10
    counts = block_words_left(of, blocks)
    left.append(row(f"{blocks:,} blocks of words, balanced", blocks / vocab, counts))
    of = coordinates("balanced", words, seen, beam)
    sums = []
    for numbers in (width // 2, 3 * width // 4):
        for computed in (vocab // 20, vocab // 5):
            widths = width_of_sum(of, numbers, computed)
            name = f"{numbers} of {width} numbers, {computed:,} words computed"
            quantile = f"{np.quantile(widths, 0.9):.3f}"
            sums.append([name, f"{np.median(widths):.3f}", quantile])
    header = ["bound", "multiply-adds", "words left, median", "mean", f"at most {SHORT} left"]
    return [
        {"title": "Words that may be the likeliest (greedy)", "header": header, "rows": left},
        {
            "title": "The interval of the log-sum (beam 4), nats",
            "header": ["bound", "median", "90 %"],
            "rows": sums,
        },
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.translation.shortlist", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--model", default="en-fr")
    parser.add_argument("--source", type=Path, help="sentences, one a line [docs/**/*.md]")
    parser.add_argument("--sentences", type=int, default=300)
    options = parser.parse_args(arguments)
    facts, translator = machine(), Translator.load(options.model)
    source = options.source
    every = source.read_text("utf-8").splitlines() if source else prose(ROOT / "docs")
    texts = np.random.default_rng(0).permutation(every)[
        : 12 if options.quick else options.sentences
    ]
    half = len(texts) // 2
    progress("Translating ...")
    seen, greedy = (
        hidden_states(translator, part.tolist(), 1) for part in (texts[:half], texts[half:])
    )
    beam = hidden_states(translator, texts[half : half + 30].tolist(), 4)[::4]
    model = translator.engine.model
    progress("Bounding ...")
    words = model.weights[f"{model.config.output_name}.weight"].astype(np.float64)
    most = 50 if options.quick else 600
    result = {
        "name": "translation_shortlist",
        "title": f"An exact shortlist of {len(words):,} words: {options.model}",
        "machine": facts,
        "tables": tables_of(words, seen, greedy[:most], beam[:most]),
        "verdicts": [
            f"{len(seen):,} hidden states to learn from, {len(greedy[:most]):,} of greedy search "
            f"and {len(beam[:most]):,} of a beam to judge; the logit of the likeliest word is "
            "taken as known, which is the best that a list of candidates can give."
        ],
    }
    publish(result, options)


if __name__ == "__main__":
    main()

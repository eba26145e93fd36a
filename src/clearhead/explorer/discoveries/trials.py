"""Trials: the same text with one change in each row of a batch, and the cost of each.

A trial is a forward pass over the text that the model has generated; it measures how likely that
text is under the change. All trials of a kind are rows of one batch in float32. They only rank the
changes; results shown for the best are computed separately.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...shapes import Array, Bool, Float
from ..answers.run import Run
from ..contract.base_edit import Change
from ..contract.edits import MaskToken
from ..contract.first_screen.answers import Word
from ..contract.parts import Part, attention_path, heads_of, layers_of, parts_of
from ..contract.stopping import check
from ..passes.edited_engine import Editor
from ..passes.rows import batches, hidden_rows, memories_of, word_log_probabilities
from .words import Tokens

# Multiply-adds of all trials of a kind: under half a second on one core of a laptop. For a larger
# model, the fewest trials are made even if they cost more.
MOST_PRODUCTS = 6_000_000_000
FEWEST, MOST = 12, 96  # trials


@dataclass(frozen=True, eq=False)
class HiddenWords:
    """The cost of hiding each word that the model is given.

    Attributes:
        words: the hidden words, in the order of the text.
        count: the number of all words that could be hidden.
        places: positions whose predicted tokens count.
        before: log-probabilities of the predicted tokens, Float["places"].
        after: the same with each word hidden, Float["words places"].
    """

    words: tuple[Word, ...]
    count: int
    places: tuple[int, ...]
    before: Float[Array, "places"]
    after: Float[Array, "words places"]

    @cached_property
    def drops(self) -> Float[Array, "words"]:
        """The decrease of the text's log-probability for each word."""
        drops: Array = (self.before - self.after).sum(axis=-1)
        return drops

    @property
    def costs(self) -> Float[Array, "words places"]:
        """The decrease of each predicted token's probability; 0 where it increases.

        The prediction difference of Li et al. 2019, On the Word Alignment from Neural Machine
        Translation; but the word is hidden from attention instead of zeroing its embedding.
        """
        return np.maximum(np.exp(self.before) - np.exp(self.after), 0)

    @property
    def nbytes(self) -> int:
        """Its memory in bytes."""
        return self.before.nbytes + self.after.nbytes


def hide_each_word(run: Run) -> HiddenWords:
    """Hide each word that the model is given, and measure how likely its text still is.

    For a model that predicts nothing, there are no words and no places.
    """
    words = given_words(run)
    places = run.passage.scored_positions if run.models.predicts else ()
    order = _by_attention(run, words)[: affordable(run)] if places else []
    order.sort()
    hidden = tuple(words[number] for number in order)
    before = run.log_probabilities[list(places)] if places else np.zeros(0)
    after = [np.zeros((0, len(places)))]
    paths = MaskToken(position=0).paths(run.config)
    longest = max(len(run.source), len(run.target))
    for batch in batches(len(hidden), run.config, _most_heads(run), longest):
        after.append(_rows(run, {path: _hide(hidden[batch]) for path in paths}, len(hidden[batch])))
    return HiddenWords(hidden, len(words), tuple(places), before, np.concatenate(after))


def given_words(run: Run) -> list[Word]:
    """Return the words that the model is given: those of the source, or of the prompt."""
    models = run.models
    if run.source:
        return Tokens(models.tokens(run.source), models.decode).words()
    tokens = models.tokens(run.target)
    return Tokens(tokens[: run.passage.prompt], models.decode, signs=tokens).words()


@dataclass(frozen=True)
class Head:
    """An attention head."""

    part: Part
    layer: int
    head: int


@dataclass(frozen=True, eq=False)
class SilentHeads:
    """The cost of switching off each head.

    Attributes:
        heads: the heads that were switched off.
        count: the number of all heads.
        drops: the decrease of the text's log-probability, Float["heads"].
    """

    heads: tuple[Head, ...]
    count: int
    drops: Float[Array, "heads"]


def silence_each_head(run: Run) -> SilentHeads:
    """Switch off one head in each row; if not all fit, those nearest to the output come first."""
    stacks = [part for part in ("cross", "decoder", "encoder") if part in parts_of(run.config)]
    every = [
        Head(part, layer, head)
        for part in stacks
        for layer in reversed(range(layers_of(part, run.config)))
        for head in range(heads_of(part, run.config))
    ]
    heads = tuple(every[: affordable(run)])
    both = bool(run.config.encoder_layers and run.config.decoder_layers)
    # The decoder's heads do not affect the encoder, so it runs once for all of them.
    behind = [head for head in heads if both and head.part != "encoder"]
    others = [head for head in heads if head not in behind]
    before = float(run.log_probabilities[list(run.passage.scored_positions)].sum())
    longest = max(len(run.source), len(run.target))
    drops: list[Array] = []
    for group, shared in ((behind, True), (others, False)):
        for batch in batches(len(group), run.config, _most_heads(run), longest):
            rows = _rows(run, _silence(group[batch]), len(group[batch]), shared_source=shared)
            drops.append(before - rows.sum(axis=-1))
    return SilentHeads((*behind, *others), len(every), np.concatenate(drops))


def affordable(run: Run) -> int:
    """Return the number of trials for a text; the cost of a row is counted, not measured."""
    weights = run.models.weights
    stacks = {"encoder.": len(run.source), "decoder.": len(run.target)}
    products = sum(
        weight.size * tokens
        for name, weight in weights.items()
        for prefix, tokens in stacks.items()
        if name.startswith(prefix)
    )
    products += run.config.vocab_size * run.config.d_model * len(run.predicted)
    return int(min(max(MOST_PRODUCTS // products, FEWEST), MOST))


def _most_heads(run: Run) -> int:
    return max(heads_of(part, run.config) for part in parts_of(run.config))


def _by_attention(run: Run, words: Sequence[Word]) -> list[int]:
    """Return indices of words, those with the most attention in the last layer first."""
    part = parts_of(run.config)[-1]
    path = attention_path(part, layers_of(part, run.config) - 1)
    attention = run.trace[f"{path}.weights"].value[0].sum(axis=(0, 1))
    sums = [attention[word["start"] : word["stop"]].sum() for word in words]
    return [int(number) for number in np.argsort(-np.array(sums), kind="stable")]


def _hide(words: Sequence[Word]) -> Change:
    rows = [row for row, word in enumerate(words) for _ in range(word["start"], word["stop"])]
    keys = [key for word in words for key in range(word["start"], word["stop"])]

    def change(value: Array, position: int | None) -> Array:
        value[rows, ..., keys] = -np.inf
        return value

    return change


def _silence(heads: Sequence[Head]) -> dict[str, Change]:
    changes: dict[str, Change] = {}
    for head in heads:
        path = attention_path(head.part, head.layer)
        mask: Bool[Array, "rows"] = np.array(
            [(one.part, one.layer) == (head.part, head.layer) for one in heads]
        )
        rows = np.flatnonzero(mask)
        numbers = [heads[int(row)].head for row in rows]

        def change(
            value: Array, position: int | None, rows: Array = rows, numbers: list[int] = numbers
        ) -> Array:
            value[rows, numbers] = 0
            return value

        changes[f"{path}.output"] = change
    return changes


def _rows(
    run: Run, changes: dict[str, Change], rows: int, *, shared_source: bool = False
) -> Float[Array, "rows places"]:
    """Return the log-probabilities of the run's own words in each row."""
    check()
    own = {path: list(all_changes) for path, all_changes in run.changes.items()}
    for path, change in changes.items():
        own[path] = [*own.get(path, ()), change]
    editor, model = Editor(own), run.models.fast.model
    memories = memories_of(model, run.source, editor) if shared_source else None
    hidden = hidden_rows(model, run.source, run.target, editor, rows, memories)
    places = list(run.passage.scored_positions)
    words = [run.predicted[place] for place in places]
    return word_log_probabilities(model, hidden, places, words, editor)

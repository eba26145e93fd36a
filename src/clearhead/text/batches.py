"""Batches of rows of similar length, in an order that depends only on seed and epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ..errors import ConfigError
from .token_store import TokenStore, store_lengths
from .tokenizer import Tokenizer

Ids = Sequence[int] | np.ndarray


@dataclass(frozen=True)
class Batch:
    """Token ids of several rows, padded at the end with the pad id.

    Attributes:
        source: the encoder's input, ``tokens </s>``, Int64["batch source_len"]; for plain texts it
            has no columns.
        target_input: the decoder's input, ``<s> tokens``, Int64["batch target_len"]; for labelled
            texts it has no columns.
        target_output: the labels of predictions, ``tokens </s>``, Int64["batch target_len"]; for
            labelled texts the number of the label, Int64["batch 1"].
        padding: the value in ``target_output`` where nothing is predicted.
    """

    source: np.ndarray
    target_input: np.ndarray
    target_output: np.ndarray
    padding: int = Tokenizer.pad_id

    @property
    def target_tokens(self) -> int:
        """Number of predictions: target positions that are not padding, including end tokens."""
        return int((self.target_output != self.padding).sum())

    def first(self, count: int) -> Batch:
        """Return the first rows."""
        return replace(
            self,
            source=self.source[:count],
            target_input=self.target_input[:count],
            target_output=self.target_output[:count],
        )


def pad(rows: Sequence[Ids]) -> np.ndarray:
    """Return rows of token ids as one array, padded at the end, Int64["rows longest"]."""
    ids = np.full((len(rows), max(map(len, rows))), Tokenizer.pad_id, dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
    return ids


def make_batch(sources: Sequence[Ids], targets: Sequence[Ids]) -> Batch:
    """Return pairs without special tokens as a batch with them."""
    start, end = [Tokenizer.start_id], [Tokenizer.end_id]
    return Batch(
        pad([np.concatenate((row, end)) for row in sources]),
        pad([np.concatenate((start, row)) for row in targets]),
        pad([np.concatenate((row, end)) for row in targets]),
    )


def make_text_batch(sources: Sequence[Ids], targets: Sequence[Ids]) -> Batch:
    """Return windows of text as a batch: each token is predicted from those before it.

    The first token of a window is predicted from the start token, so that a model learns
    beginnings.
    """
    start = [Tokenizer.start_id]
    return Batch(
        np.zeros((len(sources), 0), dtype=np.int64),
        pad([np.concatenate((start, row[:-1])) for row in targets]),
        pad(targets),
    )


def make_label_batch(sources: Sequence[Ids], targets: Sequence[Ids]) -> Batch:
    """Return labelled texts as a batch, ``<s> tokens </s>`` and the number of the label."""
    start, end = [Tokenizer.start_id], [Tokenizer.end_id]
    return Batch(
        pad([np.concatenate((start, row, end)) for row in sources]),
        np.zeros((len(sources), 0), dtype=np.int64),
        np.array([row[:1] for row in targets], dtype=np.int64),
        padding=-1,
    )


class BatchForm(NamedTuple):
    """How rows of a store become a batch.

    Attributes:
        make: of sources and targets without special tokens.
        source_specials, target_specials: how many special tokens each side gets.
    """

    make: Callable[[Sequence[Ids], Sequence[Ids]], Batch]
    source_specials: int
    target_specials: int


PAIR_BATCHES = BatchForm(make_batch, 1, 1)
TEXT_BATCHES = BatchForm(make_text_batch, 0, 0)
LABEL_BATCHES = BatchForm(make_label_batch, 2, 0)


def _batch_ends(longest: list[int], batch_tokens: int) -> list[int]:
    """Return where each batch ends, for pairs in the order of their lengths.

    Rows come in multiples of eight where there are more: matrix libraries compile a kernel for
    each new shape, and few shapes mean few compilations.
    """
    ends, first = [], 0
    while first < len(longest):
        width, end = longest[first], first + 1
        while end < len(longest):
            width = max(width, longest[end])
            if (end + 1 - first) * width > batch_tokens:
                break
            end += 1
        if end < len(longest) and end - first > 8:
            end -= (end - first) % 8
        ends.append(end)
        first = end
    return ends


class Corpus:
    """Several stores as one, and the batches of each epoch.

    Args:
        stores: tokenised corpora.
        passes: how many times an epoch goes through each; with 0.25 an epoch takes a quarter and
            the next one the next quarter, in an order that is reshuffled for each full pass.
        seed: of every random choice here.
        from_epochs: the first epoch that uses each store; without it, all are used from the start.
        form: how rows become a batch.
    """

    def __init__(
        self,
        stores: Sequence[TokenStore],
        passes: Sequence[float],
        seed: int,
        *,
        from_epochs: Sequence[int] | None = None,
        form: BatchForm = PAIR_BATCHES,
    ) -> None:
        if len(stores) != len(passes) or not all(0 < share < math.inf for share in passes):
            raise ConfigError(f"Each corpus needs a positive number of passes; got {passes}.")
        self.stores = list(stores)
        self.passes = list(passes)
        self.from_epochs = list(from_epochs or [0] * len(stores))
        self.seed = seed
        self.form = form
        self.source_lengths, self.target_lengths = store_lengths(self.stores)
        self._starts = np.cumsum([0] + [len(store) for store in self.stores])

    def _epoch_indices(self, number: int, epoch: int) -> np.ndarray:
        """Return an epoch's rows of one store: a window of its endless shuffled passes."""
        size = len(self.stores[number])
        first = round(epoch * self.passes[number] * size)
        last = max(round((epoch + 1) * self.passes[number] * size), first + 1)
        parts = []
        for which in range(first // size, (last - 1) // size + 1):
            order = np.random.default_rng((self.seed, number, which)).permutation(size)
            parts.append(order[max(first - which * size, 0) : last - which * size])
        return np.concatenate(parts) + self._starts[number]

    def epoch(self, epoch: int, batch_tokens: int) -> list[np.ndarray]:
        """Return the indices of the pairs of each batch of an epoch.

        Args:
            epoch: counted from 0.
            batch_tokens: the most rows times longest side of a batch (a longer pair is a batch of
                its own).
        """
        taking = [i for i, first in enumerate(self.from_epochs) if epoch >= first]
        pairs = np.concatenate([self._epoch_indices(i, epoch) for i in taking])
        rng = np.random.default_rng((self.seed, 1 << 20, epoch))
        rng.shuffle(pairs)
        order = np.lexsort((self.source_lengths[pairs], self.target_lengths[pairs]))
        pairs = pairs[order]
        longest = np.maximum(
            self.source_lengths[pairs] + self.form.source_specials,
            self.target_lengths[pairs] + self.form.target_specials,
        )
        ends = _batch_ends(longest.tolist(), batch_tokens)
        batches = np.split(pairs, ends[:-1])
        return [batches[i] for i in rng.permutation(len(batches))]

    def batch(self, indices: np.ndarray, recut: Callable[[Ids], Ids] | None = None) -> Batch:
        """Return the pairs of one batch; ``recut`` changes the tokens of every text of them."""
        places = np.searchsorted(self._starts, indices, side="right") - 1
        local = indices - self._starts[places]
        where = list(zip(places.tolist(), local.tolist(), strict=True))
        sources: list[Ids] = [self.stores[place].source(i) for place, i in where]
        targets: list[Ids] = [self.stores[place].target(i) for place, i in where]
        if recut is not None:
            sources = [recut(row) for row in sources]
            targets = targets if self.form is LABEL_BATCHES else [recut(row) for row in targets]
        return self.form.make(sources, targets)

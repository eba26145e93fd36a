"""Random pairs, and batches of them."""

from __future__ import annotations

import dataclasses

import numpy as np

from clearhead.text.batches import Batch, Corpus

from .systems import Shape


class RandomStore:
    """Pairs of random tokens whose lengths are spread as everyday sentences' are."""

    def __init__(self, pairs: int, vocab_size: int, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        lengths = self._rng.lognormal(mean=2.3, sigma=0.5, size=pairs)
        ratio = self._rng.lognormal(mean=0.1, sigma=0.2, size=pairs)
        self.source_lengths = np.clip(lengths, 2, 99).astype(np.int32)
        self.target_lengths = np.clip(lengths * ratio, 2, 99).astype(np.int32)
        self._vocab_size = vocab_size

    def __len__(self) -> int:
        return len(self.source_lengths)

    def source(self, index: int) -> np.ndarray:
        """Return random token ids, without special ones."""
        return self._rng.integers(3, self._vocab_size, self.source_lengths[index])

    def target(self, index: int) -> np.ndarray:
        """Return random token ids, without special ones."""
        return self._rng.integers(3, self._vocab_size, self.target_lengths[index])


def even_batches(shape: Shape, rows: int, length: int, count: int) -> list[Batch]:
    """Return batches without padding, source and target of one length."""
    rng = np.random.default_rng(0)
    ids = rng.integers(3, shape.vocab_size, (count, 3, rows, length))
    return [Batch(*three) for three in ids]


def varied_batches(shape: Shape, tokens: int, count: int) -> list[Batch]:
    """Return batches as `clearhead train` makes them: of like lengths, of limited tokens a side."""
    corpus = varied_corpus(shape, tokens)
    plan = corpus.epoch(0, tokens)
    return [corpus.batch(indices) for indices in plan[:count]]


def varied_corpus(shape: Shape, tokens: int) -> Corpus:
    """Return twenty times as many pairs as a batch of limited tokens has tokens."""
    return Corpus([RandomStore(20 * tokens, shape.vocab_size)], [1.0], seed=0)  # type: ignore[list-item]


def part_of(batch: Batch, number: int, count: int) -> Batch:
    """Return one of several parts of a batch's rows, as a process of several takes them."""
    rows = slice(number, None, count)
    source, target = batch.source[rows], batch.target_output[rows]
    width = (source != batch.padding).sum(1).max(), (target != batch.padding).sum(1).max()
    return dataclasses.replace(
        batch,
        source=source[:, : width[0]],
        target_input=batch.target_input[rows][:, : width[1]],
        target_output=target[:, : width[1]],
    )

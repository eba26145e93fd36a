"""Seconds of training until the development loss falls below a given value.

The corpus is made here: words of Zipf's frequencies; the "translation" of a word is another word,
and each two neighbours change places. All systems begin with weights of the same sizes, take the
same pairs in their own batches, of as many target tokens, and follow the same learning rate.
Only steps are timed, all systems' in turn, in one process and one thread.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import torch

from clearhead.text.batches import Batch, Corpus

from ..report import progress
from .batching import batchings
from .systems import Shape, System

SHAPE = Shape(vocab_size=2000, d_model=128, num_heads=4, layers=2, feed_forward_dim=512)
PEAK, WARMUP, MEASURE_EVERY, MOST_STEPS = 2e-3, 100, 20, 600


class SwappedWords:
    """Pairs whose target is the source, word by word, with neighbours swapped."""

    def __init__(self, pairs: int, vocab_size: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        words = np.arange(3, vocab_size)
        frequencies = 1 / np.arange(1, len(words) + 1)
        self.source_lengths = np.clip(rng.lognormal(2.3, 0.5, pairs), 2, 40).astype(np.int32)
        self.target_lengths = self.source_lengths
        self._ids = [
            rng.choice(words, size, p=frequencies / frequencies.sum())
            for size in self.source_lengths
        ]
        self._translation = np.random.default_rng(0).permutation(words)

    def __len__(self) -> int:
        return len(self._ids)

    def source(self, index: int) -> np.ndarray:
        """Return the words of a source."""
        return self._ids[index]

    def target(self, index: int) -> np.ndarray:
        """Return the words of its target."""
        words = self._translation[self._ids[index] - 3]
        even = len(words) // 2 * 2
        swapped = words[:even].reshape(-1, 2)[:, ::-1].reshape(-1)
        return np.concatenate((swapped, words[even:]))


def until_loss(
    systems: Mapping[str, System],
    ways: Mapping[str, str],
    *,
    loss: float,
    tokens: int,
    most: int = MOST_STEPS,
    vocab_size: int = SHAPE.vocab_size,
) -> list[dict]:
    """Train every system until its loss is below a value.

    Args:
        systems: by name.
        ways: of batching, by the name of a system.
        loss: nats to a prediction.
        tokens: of a batch.
        most: steps, after which a system has not arrived.
        vocab_size: of the corpus.

    Returns:
        Of each system its name, batching, seconds, steps and last loss.
    """
    corpus = Corpus([SwappedWords(200 * tokens // 12, vocab_size, 1)], [1.0], seed=0)  # type: ignore[list-item]
    held_out = Corpus([SwappedWords(200, vocab_size, 2)], [1.0], seed=0)  # type: ignore[list-item]
    development = [held_out.batch(rows) for rows in held_out.epoch(0, tokens)]
    count = min(len(corpus.epoch(0, tokens)) // 2, 100)
    batches: dict[str, list[Batch]] = {}
    for way, batching in batchings(corpus, tokens, count).items():
        order = np.random.default_rng(0).permutation(count)
        batches[way] = [batching.batches[i] for i in order]
    rows = {
        name: {"system": name, "batching": ways[name], "seconds": 0.0, "steps": 0, "loss": np.inf}
        for name in systems
    }
    while any(_goes_on(row, loss, most) for row in rows.values()):
        for name, row in rows.items():
            if _goes_on(row, loss, most):
                _train(systems[name], row, batches[ways[name]])
                row["loss"] = systems[name].nats(development)
        losses = ", ".join(f"{row['loss']:.3f}" for row in rows.values())
        progress(f"step {max(row['steps'] for row in rows.values())}: losses {losses}")
    return list(rows.values())


def _goes_on(row: Mapping, loss: float, most: int) -> bool:
    return bool(row["loss"] >= loss and row["steps"] < most)


def _train(system: System, row: dict, batches: list[Batch]) -> None:
    """Take some steps, and add them and their time to a row."""
    torch.manual_seed(row["steps"])
    for _ in range(MEASURE_EVERY):
        row["steps"] += 1
        system.rate = PEAK * min(row["steps"] / WARMUP, (WARMUP / row["steps"]) ** 0.5)
        batch = batches[row["steps"] % len(batches)]
        start = time.perf_counter()
        system(batch)
        row["seconds"] += time.perf_counter() - start

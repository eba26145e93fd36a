"""Engines made of tables: search can be checked against them by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

PAD, START, END = 0, 1, 2


class FunctionEngine:
    """Answers from a function of source and prefix; counts the rows that it was asked for."""

    def __init__(self, vocab_size: int, function: Callable[..., np.ndarray]) -> None:
        self.vocab_size = vocab_size
        self.function = function
        self.rows: list[int] = []

    def begin(self, sources: Sequence[Sequence[int]]) -> FunctionDecoding:
        return FunctionDecoding(self, [tuple(source) for source in sources])


class FunctionDecoding:
    def __init__(self, engine: FunctionEngine, sources: list[tuple[int, ...]]) -> None:
        self.engine = engine
        self.state = [(source, ()) for source in sources]
        self.has_begun = False

    def advance(self, tokens: np.ndarray, parents: np.ndarray) -> np.ndarray:
        grown = []
        for token, parent in zip(tokens.tolist(), parents.tolist(), strict=True):
            source, prefix = self.state[parent]
            if not self.has_begun:
                assert token == START
                grown.append((source, ()))
            else:
                grown.append((source, (*prefix, token)))
        self.has_begun = True
        self.state = grown
        self.engine.rows.append(len(grown))
        return np.stack([self.engine.function(source, prefix) for source, prefix in grown])


def table(vocab_size: int, tables: Mapping[int, Mapping[tuple, Mapping[int, float]]]):
    """An engine of probabilities by first source token and prefix; a prefix not named ends."""

    def function(source: tuple[int, ...], prefix: tuple[int, ...]) -> np.ndarray:
        probabilities = np.zeros(vocab_size, dtype=np.float32)
        for token, value in tables[source[0]].get(prefix, {END: 1.0}).items():
            probabilities[token] = value
        with np.errstate(divide="ignore"):
            return np.log(probabilities)

    return FunctionEngine(vocab_size, function)


def arbitrary(vocab_size: int, sharpness: float = 2.0):
    """An engine of random log-probabilities, fixed by source and prefix alone."""

    def function(source: tuple[int, ...], prefix: tuple[int, ...]) -> np.ndarray:
        generator = np.random.default_rng([7, *source, 5, *prefix[-3:], len(prefix)])
        scores = generator.normal(size=vocab_size) * sharpness
        return (scores - np.log(np.exp(scores).sum())).astype(np.float32)

    return FunctionEngine(vocab_size, function)


@pytest.fixture
def table_engine() -> Callable[..., FunctionEngine]:
    return table


@pytest.fixture
def arbitrary_engine() -> Callable[..., FunctionEngine]:
    return arbitrary

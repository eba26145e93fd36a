"""What a model says at each position: its likeliest words, and how likely the one there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...reference.softmax import log_softmax, softmax
from ...shapes import Array
from ...translation.walkthrough import Likeliest, likeliest_tokens
from ..contract.stopping import check
from ..passes.passage import FastRows

NUMBERS = 2**20  # logits that are looked at together: 8 MB


@dataclass(frozen=True)
class Prediction:
    """What the model says at one position.

    Attributes:
        likeliest: the likeliest tokens, and the one that is there.
        log_probability: of the one that is there.
    """

    likeliest: Likeliest
    log_probability: float


def predictions(
    logits: Callable[[slice], Array],
    width: int,
    predicted: Sequence[int],
    vocab_size: int,
    fast: FastRows,
) -> tuple[tuple[Prediction, ...], float]:
    """Return the prediction at each position, and how far the fast engine is from them.

    The vocabulary is the widest axis by far: some positions are looked at at a time.

    Args:
        logits: gives those of the reference at some positions, Float["rows vocab"].
        width: of the vocabulary.
        predicted: the token at each position.
        vocab_size: ids that the tokenizer has.
        fast: gives the log-probabilities of the fast engine.

    Returns:
        the predictions, and the largest difference of any log-probability.
    """
    positions = len(predicted)
    some = max(1, NUMBERS // width)
    result: list[Prediction] = []
    largest = 0.0
    for start in range(0, positions, some):
        check()
        window = slice(start, min(start + some, positions))
        rows = logits(window)
        log_probabilities = log_softmax(rows)
        largest = max(largest, float(np.abs(fast(window) - log_probabilities).max()))
        for row, values, token in zip(
            softmax(rows), log_probabilities, predicted[window], strict=True
        ):
            # A model may have written an id that has no name.
            likeliest = likeliest_tokens(row, token, max(vocab_size, token + 1))
            result.append(Prediction(likeliest, float(values[token])))
    return tuple(result), largest

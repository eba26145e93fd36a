"""A model's prediction at each position: its likeliest tokens, and the actual token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...reference.softmax import log_softmax, softmax
from ...shapes import Array
from ...translation.walkthrough import Likeliest, likeliest_tokens
from ..contract.stopping import check
from ..passes.passage import FastRows

NUMBERS = 2**20  # logits processed together: 8 MB


@dataclass(frozen=True)
class Prediction:
    """A model's prediction at one position.

    Attributes:
        likeliest: the likeliest tokens, and the actual one.
        log_probability: of the actual token.
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
    """Return the predictions, and the fast engine's largest deviation from them.

    The vocabulary is by far the widest axis, so positions are processed in groups.

    Args:
        logits: returns the reference's logits at some positions, Float["rows vocab"].
        width: the width of the logits.
        predicted: the actual token at each position.
        vocab_size: the number of ids that the tokenizer has.
        fast: returns the log-probabilities of the fast engine.

    Returns:
        the predictions, and the largest absolute difference of any log-probability.
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
            # A model may have generated an id without a token.
            likeliest = likeliest_tokens(row, token, max(vocab_size, token + 1))
            result.append(Prediction(likeliest, float(values[token])))
    return tuple(result), largest

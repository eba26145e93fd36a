"""The running prefixes of a search, as a chain of the engine's calls."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..engine.protocols import FloatArray, IntArray
from .hypothesis import Hypothesis


@dataclass(frozen=True)
class SearchStep:
    """The input of one call of the engine, Int["rows"] each; the chain of parents gives a prefix.

    Attributes:
        tokens: appended to each prefix; the start token in the first step.
        parents: the row of the step before that each row continues.
        log_probs: of each prefix with its token, from the start.
    """

    tokens: IntArray
    parents: IntArray
    log_probs: FloatArray


def prefix_of(steps: Sequence[SearchStep], row: int) -> list[int]:
    """Return the tokens of a running prefix, without the start token."""
    tokens = []
    for step in reversed(steps[1:]):
        tokens.append(int(step.tokens[row]))
        row = int(step.parents[row])
    return tokens[::-1]


def hypothesis_of(
    steps: Sequence[SearchStep], row: int, log_prob: float | None, penalty: Callable[[int], float]
) -> Hypothesis:
    """Return a running prefix with the end token, at this log-probability.

    Args:
        steps: all so far.
        row: of the prefix, in the last step.
        log_prob: of the prefix with its end token; None for the prefix without one.
        penalty: the length penalty for a number of tokens.
    """
    # Back from the last token to the start token, whose total is 0.
    tokens: list[int] = []
    totals = [] if log_prob is None else [log_prob]
    for step in reversed(steps):
        tokens.append(int(step.tokens[row]))
        totals.append(float(step.log_probs[row]))
        row = int(step.parents[row])
    # The difference that each token made to the total is its log-probability.
    parts = tuple(after - before for after, before in itertools.pairwise(totals))[::-1]
    score = totals[0] / penalty(max(1, len(parts)))
    return Hypothesis(tuple(tokens[-2::-1]), score, totals[0], parts, log_prob is not None)

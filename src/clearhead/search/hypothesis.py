"""A finished target of one source, in token ids, and the length penalties that rank targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import ConfigError


@dataclass(frozen=True)
class Hypothesis:
    """One possible target.

    Attributes:
        tokens: token ids, without start and end token.
        score: ``log_prob`` divided by the length penalty, by which hypotheses are ranked.
        log_prob: natural logarithm of the probability of the tokens (and of the end token,
            when ``ended``) given the source.
        token_log_probs: its summands, one for each token, and one for the end token.
        ended: whether the end token was reached; False only if no token was possible.
    """

    tokens: tuple[int, ...]
    score: float
    log_prob: float
    token_log_probs: tuple[float, ...]
    ended: bool = True


def divide_by_length(length: int, alpha: float) -> float:
    """Return ``length ** alpha``: with alpha 1, scores are means of a token; with 0, sums."""
    return float(length**alpha)


def gnmt_penalty(length: int, alpha: float) -> float:
    """Return ``((5 + length) / 6) ** alpha`` (Wu et al. 2016, arXiv 1609.08144, equation 14)."""
    return float(((5.0 + length) / 6.0) ** alpha)


PENALTIES: dict[str, Callable[[int, float], float]] = {
    "length": divide_by_length,
    "gnmt": gnmt_penalty,
    "none": lambda length, alpha: 1.0,
}


def length_penalty(kind: str) -> Callable[[int, float], float]:
    """Return the length penalty of this name, which divides log-probabilities.

    ``length`` counts the tokens of a hypothesis with its end token.

    Raises:
        ConfigError: there is no such penalty.
    """
    try:
        return PENALTIES[kind]
    except KeyError:
        raise ConfigError(
            f"normalization must be one of {', '.join(PENALTIES)}; it is {kind!r}."
        ) from None

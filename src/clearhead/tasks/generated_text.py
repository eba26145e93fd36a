"""A text that a model wrote, with its tokens and their probabilities."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GeneratedText:
    """What a model wrote after a prompt, or for a source.

    Attributes:
        prompt: the text that came.
        text: what was generated, without special tokens.
        ids: its tokens, the end token included where one came.
        tokens: the same, each as it can be printed.
        token_log_probs: natural logarithm of each token's probability.
        score: what the sequences of a beam are ranked by; otherwise the sum of these.
        reason: ``end`` where an end token came, ``length`` where no more tokens were allowed.
        alternatives: all sequences, this one first, where more than one was asked for.
    """

    prompt: str
    text: str
    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    token_log_probs: tuple[float, ...]
    score: float
    reason: str
    alternatives: tuple[GeneratedText, ...] = ()

    def __str__(self) -> str:
        return self.text

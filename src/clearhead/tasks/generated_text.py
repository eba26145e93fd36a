"""A generated text, with its tokens and their probabilities."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GeneratedText:
    """The text that a model generated for a prompt or a source.

    Attributes:
        prompt: the input text.
        text: the generated text, without special tokens.
        ids: the generated token ids, including the end token if there is one.
        tokens: the same tokens in printable form.
        token_log_probs: natural logarithm of each token's probability.
        score: with a beam, the score that ranks its sequences; otherwise the sum of
            ``token_log_probs``.
        reason: ``end`` if an end token was generated, ``length`` if the limit of tokens was
            reached.
        alternatives: all sequences, this one first, if more than one was requested.
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

"""The result of generation: the tokens of one sequence, with their log-probabilities."""

from __future__ import annotations

from dataclasses import dataclass

END, LENGTH = "end", "length"


@dataclass(frozen=True)
class GeneratedToken:
    """One token, as it comes.

    Attributes:
        id: of the token.
        log_prob: natural logarithm of its probability, as the model gives it: before any setting
            forbids, forces or reweighs tokens.
        reason: why it is the last: ``end`` (it is an end token) or ``length`` (the limit is
            reached); None if more follows.
    """

    id: int
    log_prob: float
    reason: str | None


@dataclass(frozen=True)
class Generation:
    """One sequence that was generated for an input.

    Attributes:
        ids: the generated tokens, including the end token if there is one, without the prompt or
            the decoder's first tokens.
        token_log_probs: natural logarithm of each token's probability, as the model gives it:
            before any setting forbids, forces or reweighs tokens.
        score: the score by which a beam ranks sequences; in greedy search and sampling, the sum of
            ``token_log_probs``.
        reason: ``end`` if an end token came, ``length`` if the limit was reached.
    """

    ids: tuple[int, ...]
    token_log_probs: tuple[float, ...]
    score: float
    reason: str

    @property
    def log_prob(self) -> float:
        """The sum of ``token_log_probs``: of the whole sequence, given its input."""
        return sum(self.token_log_probs)

    @property
    def content(self) -> tuple[int, ...]:
        """The tokens without the end token, to be decoded into text."""
        return self.ids[:-1] if self.reason == END else self.ids

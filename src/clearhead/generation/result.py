"""What generation gives: the tokens of one sequence, and what is known of them."""

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
        reason: why nothing follows: ``end`` (it is an end token), ``length`` (no more may come);
            None where more follows.
    """

    id: int
    log_prob: float
    reason: str | None


@dataclass(frozen=True)
class Generation:
    """One sequence that was generated for an input.

    Attributes:
        ids: the tokens that were generated, the end token included where one came; without the
            prompt or the decoder's first tokens.
        token_log_probs: natural logarithm of each token's probability, as the model gives it:
            before any setting forbids, forces or reweighs tokens.
        score: what the sequences of a beam are ranked by; of greedy search and sampling, the sum
            of ``token_log_probs``.
        reason: ``end`` where an end token came, ``length`` where no more tokens were allowed.
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
        """The tokens without the end token: what is to be decoded into text."""
        return self.ids[:-1] if self.reason == END else self.ids

"""The finished sequences of a beam, and when no better one can come, as in transformers.

All arithmetic is in float32, as there, so that ties there are ties here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..engine.protocols import BoolArray, FloatArray, IntArray
from ..search.loop import Candidates
from .settings import GenerationSettings

NEVER = np.float32(-1e9)
"""The score of what does not exist, and what is added to the score of what must not be taken."""


def running_totals(candidates: Candidates, is_end: BoolArray) -> FloatArray:
    """Return the log-probability of each candidate as a prefix that continues."""
    return candidates.log_probs + is_end * NEVER


@dataclass
class FinishedBeams:
    """The best finished sequences of each source still searched for, arrays ``[sources, beam]``.

    Attributes:
        scores: the scores by which they are ranked, best first; `NEVER` if there is none yet.
        is_finished: whether there is one.
        is_possible: whether nothing forbids it. If a beam has too few prefixes to continue,
            transformers continues sequences that have ended, with the score `NEVER`; such sequences
            fill the beam, but are no results.
        rounds, rows: the round in which each ended, and the row that it continued there.
        tokens, own_log_probs: the token with which it ended, and that token's log-probability.
    """

    scores: FloatArray
    is_finished: BoolArray
    is_possible: BoolArray
    rounds: IntArray
    rows: IntArray
    tokens: IntArray
    own_log_probs: FloatArray

    @classmethod
    def empty(cls, sources: int, beam: int) -> FinishedBeams:
        """Return room for the sequences of a number of sources."""
        shape = (sources, beam)
        rounds, rows, tokens = (np.zeros(shape, np.int64) for _ in range(3))
        return cls(
            scores=np.full(shape, NEVER),
            is_finished=np.zeros(shape, np.bool_),
            is_possible=np.zeros(shape, np.bool_),
            rounds=rounds,
            rows=rows,
            tokens=tokens,
            own_log_probs=np.zeros(shape, np.float32),
        )

    def add(
        self, candidates: Candidates, own_log_probs: FloatArray, is_end: BoolArray,
        round_number: int, alpha: float,
    ) -> None:  # fmt: skip
        """Add the continuations that end, and keep the best.

        Args:
            candidates: of the round, best first.
            own_log_probs: of the token of each.
            is_end: which of them end. Only those in the first ``beam`` places count; worse ones
                are dropped.
            round_number: from 0: the number of generated tokens minus one.
            alpha: the exponent of the length by which totals are divided.
        """
        beam = self.scores.shape[1]
        is_new = is_end.copy()
        is_new[:, beam:] = False
        with np.errstate(over="ignore"):  # the lowest number, which stands for an invalid score
            scores = candidates.log_probs / np.float32((round_number + 1) ** alpha)
        scores[~is_new] += NEVER
        order = np.argsort(-np.hstack((self.scores, scores)), axis=1, kind="stable")[:, :beam]
        rounds = np.full_like(candidates.rows, round_number)
        for name, new in (
            ("scores", scores),
            ("is_finished", is_new),
            ("is_possible", candidates.log_probs > NEVER / 2),
            ("rounds", rounds),
            ("rows", candidates.rows),
            ("tokens", candidates.tokens),
            ("own_log_probs", own_log_probs),
        ):
            merged = np.hstack((getattr(self, name), new))
            setattr(self, name, np.take_along_axis(merged, order, axis=1))

    def keep(self, goes_on: BoolArray) -> None:
        """Forget the finished sources."""
        for name, value in vars(self).items():
            setattr(self, name, value[goes_on])

    def is_closed(
        self, candidates: Candidates, is_end: BoolArray, generated: int, limits: IntArray,
        settings: GenerationSettings,
    ) -> BoolArray:  # fmt: skip
        """Return which sources need no more sequences, ``[sources]``.

        Args:
            candidates: of the round.
            is_end: which of them end.
            generated: tokens of each candidate that were generated.
            limits: the most that may be generated for each source.
            settings: ``early_stopping`` and ``length_penalty``.
        """
        running = running_totals(candidates, is_end)
        alpha = settings.length_penalty
        # A positive exponent favours long sequences: then the longest possible one is compared.
        reaches_limit = settings.early_stopping == "never" and alpha > 0
        lengths = limits if reaches_limit else np.full_like(limits, generated)
        divisors = np.array([float(length) ** alpha for length in lengths.tolist()], np.float32)
        best_possible = running.max(axis=1) / divisors
        worst = np.where(self.is_finished, self.scores.min(axis=1, keepdims=True), NEVER)
        can_improve = (best_possible[:, None] > worst).any(axis=1)
        is_full = self.is_finished.all(axis=1) & (settings.early_stopping is True)
        return ~can_improve | is_full | is_end.all(axis=1)

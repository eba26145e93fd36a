"""The hypotheses of each source, and when its search ends: the rules named by `stop`.

``first`` and ``patience`` count: a source is done when a number of hypotheses have ended, however
good they are. ``first`` is fairseq's rule, one for each place of the beam; ``patience`` (Kasai et
al. 2022, arXiv 2204.05424) waits for a multiple of it. Both count only ends among the ``beam_size``
best continuations of a step, since a count is filled by bad ends as well as by good ones.

``exact`` compares: a source is done when no running prefix can become better than the hypotheses
that it has. A log-probability only falls as a prefix grows. Without a length penalty, the
log-probability of a prefix is therefore an upper bound of all its continuations. A length penalty
divides by a number that grows with the length (``length ** alpha`` or ``((5 + length) / 6) **
alpha``, alpha at least 0), which raises a negative number, so the bound is the log-probability of
the prefix divided by the penalty of the longest target that its source may have. Everything else
that lowers log-probabilities or excludes tokens (sibling diversity, forced prefixes, a minimum
length, n-grams that must not repeat) keeps that bound valid. Every end among the continuations of a
step counts, whatever its rank; a better one replaces the worst.
"""

from __future__ import annotations

import bisect
import math
from abc import ABC, abstractmethod

import numpy as np

from ..engine.protocols import BoolArray, FloatArray, IntArray
from .hypothesis import Hypothesis, length_penalty
from .settings import SearchSettings


class Endings(ABC):
    """The hypotheses of each source of a batch, and whether there are enough of them.

    Attributes:
        hypotheses: those of each source.
    """

    def __init__(self, sources: int) -> None:
        self.hypotheses: list[list[Hypothesis]] = [[] for _ in range(sources)]

    @staticmethod
    def of(settings: SearchSettings, limits: IntArray) -> Endings:
        """Return the rule that these settings name.

        Args:
            settings: of the search. Greedy search and samples end with their first end token.
            limits: Int["sources"], the most tokens that the target of each may have.
        """
        beam, count = settings.beam_size, len(limits)
        if settings.sample or beam == 1:
            return CountedEndings(count, places=1, enough=1)
        if settings.stop == "first":
            return CountedEndings(count, places=beam, enough=beam)
        if settings.stop == "patience":
            # The rounding of a product such as 1.1 * 10 must not add a hypothesis.
            enough = math.ceil(settings.patience_factor * beam - 1e-9)
            return CountedEndings(count, places=beam, enough=enough)
        penalty = length_penalty(settings.normalization)
        # The longest target, with its end token.
        penalties = [penalty(limit + 1, settings.length_penalty) for limit in limits.tolist()]
        return BestEndings(np.array(penalties), size=beam, n_best=settings.n_best)

    @abstractmethod
    def counts(self, active: IntArray, scores: FloatArray, is_end: BoolArray) -> BoolArray:
        """Return which continuations are hypotheses to be added, ``[active K]``.

        Args:
            active: numbers of the sources still searched for.
            scores: of each continuation if it ends here, ``[active K]``, best first.
            is_end: which of them end, ``[active K]``.
        """

    @abstractmethod
    def add(self, source: int, hypothesis: Hypothesis) -> None:
        """Add one hypothesis of a source, unless it has enough that are as good."""

    @abstractmethod
    def are_enough(self, active: IntArray, best_running: FloatArray) -> BoolArray:
        """Return which sources are done, ``[active]``.

        Args:
            active: numbers of the sources still searched for.
            best_running: Float["active"], the log-probability of the best prefix of each that
                goes on; minus infinity where none does.
        """


class CountedEndings(Endings):
    """The first ``enough`` that end in the first ``places`` of a step."""

    def __init__(self, sources: int, *, places: int, enough: int) -> None:
        super().__init__(sources)
        self.places, self.enough = places, enough
        self.is_full: BoolArray = np.zeros(sources, np.bool_)

    def counts(self, active: IntArray, scores: FloatArray, is_end: BoolArray) -> BoolArray:
        is_counted = is_end.copy()
        is_counted[:, self.places :] = False
        return is_counted

    def add(self, source: int, hypothesis: Hypothesis) -> None:
        hypotheses = self.hypotheses[source]
        if len(hypotheses) < self.enough:
            hypotheses.append(hypothesis)
        self.is_full[source] = len(hypotheses) == self.enough

    def are_enough(self, active: IntArray, best_running: FloatArray) -> BoolArray:
        return self.is_full[active]


class BestEndings(Endings):
    """The best of all that end, best first.

    Args:
        longest_penalties: Float["sources"], what the log-probability of the longest target of each
            source is divided by.
        size: the most that a source has.
        n_best: the number that must certainly be the best; those behind them have merely ended.
    """

    def __init__(self, longest_penalties: FloatArray, *, size: int, n_best: int) -> None:
        count = len(longest_penalties)
        super().__init__(count)
        self.longest_penalties, self.size, self.n_best = longest_penalties, size, n_best
        # The worst of all, and of the n best, once there are as many.
        self.worst_scores = np.full(count, -np.inf)
        self.n_best_scores = np.full(count, -np.inf)

    def counts(self, active: IntArray, scores: FloatArray, is_end: BoolArray) -> BoolArray:
        is_better: BoolArray = scores > self.worst_scores[active, None]
        return is_end & is_better

    def add(self, source: int, hypothesis: Hypothesis) -> None:
        hypotheses = self.hypotheses[source]
        # Among equal scores the one that ended first stays in front.
        bisect.insort_right(hypotheses, hypothesis, key=lambda one: -one.score)
        del hypotheses[self.size :]
        if len(hypotheses) == self.size:
            self.worst_scores[source] = hypotheses[-1].score
        if len(hypotheses) >= self.n_best:
            self.n_best_scores[source] = hypotheses[self.n_best - 1].score

    def are_enough(self, active: IntArray, best_running: FloatArray) -> BoolArray:
        most: FloatArray = best_running / self.longest_penalties[active]
        return most <= self.n_best_scores[active]

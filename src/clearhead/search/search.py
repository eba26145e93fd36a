"""The search that translates: greedy, beam and sampling are the same few steps.

`clearhead.search.loop` has the rounds; here are the rules of translation. A beam continues as in
fairseq: with the ``beam_size`` best of the ``2 * beam_size`` best continuations of a source that do
not end. `clearhead.search.endings` decides which of those that end are hypotheses, and when a
source is finished.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from ..engine.protocols import BoolArray, Engine, FloatArray, IntArray
from . import constraints
from .checks import check_search
from .endings import Endings
from .hypothesis import Hypothesis, length_penalty
from .loop import Candidates, SearchLoop
from .prefixes import SearchStep, hypothesis_of, prefix_of
from .sampling import draw, generators
from .settings import SearchSettings
from .special_tokens import SpecialTokens


def search(
    engine: Engine,
    sources: Sequence[Sequence[int]],
    settings: SearchSettings | None = None,
    *,
    special: SpecialTokens | None = None,
    prefixes: Sequence[Sequence[int]] | None = None,
    spares: bool = False,
) -> list[list[Hypothesis]]:
    """Return the best targets of each source of one batch.

    Args:
        engine: the model.
        sources: token ids, end token included.
        settings: of the search.
        special: ids of the special tokens.
        prefixes: tokens that each source's target must begin with; empty for a free target.
        spares: return up to ``beam_size`` hypotheses. The search is the same; those after the
            ``n_best`` had ended when it was over, and better ones may exist.

    Returns:
        for each source its hypotheses, best first: ``n_best`` of them, or fewer where no more
        were found, and at least one.

    Raises:
        ConfigError: the beam is wider than the vocabulary, or a prefix cannot be followed.
    """
    settings = settings or SearchSettings()
    special = special or SpecialTokens()
    if not sources:
        return []
    prefixes = list(prefixes) if prefixes is not None else [()] * len(sources)
    check_search(engine, sources, settings, special, prefixes)
    # Each sample of a source is a search of its own, with one prefix at a time.
    copies = settings.beam_size if settings.sample else 1
    hypotheses = _Search(
        engine,
        [source for source in sources for _ in range(copies)],
        settings,
        special,
        [prefix for prefix in prefixes for _ in range(copies)],
        generators(sources, copies, settings.seed) if settings.sample else [],
    ).run()
    # Collect the samples of each source again and rank them.
    return [
        sorted(
            itertools.chain.from_iterable(hypotheses[first : first + copies]),
            key=lambda hypothesis: -hypothesis.score,
        )[: settings.beam_size if spares else settings.n_best]
        for first in range(0, len(hypotheses), copies)
    ]


class _Search(SearchLoop):
    """One batch of sources that are translated."""

    def __init__(
        self,
        engine: Engine,
        sources: Sequence[Sequence[int]],
        settings: SearchSettings,
        special: SpecialTokens,
        prefixes: Sequence[Sequence[int]],
        random: list[np.random.Generator],
    ) -> None:
        count = len(sources)
        beam = 1 if settings.sample else settings.beam_size
        first = SearchStep(np.full(count, special.start_id), np.arange(count), np.zeros(count))
        super().__init__(engine.begin(sources), beam, 2 * beam, first, special.start_id)
        self.settings, self.special = settings, special
        self.sibling_penalty = settings.sibling_diversity
        self.penalty = length_penalty(settings.normalization)
        self.random = random
        self.prefixes = prefixes
        self.longest_prefix = max(map(len, prefixes))
        self.limits: IntArray = np.array([settings.limit(len(source)) for source in sources])
        self.least_limit = int(self.limits.min())
        self.endings = Endings.of(settings, self.limits)

    def run(self) -> list[list[Hypothesis]]:
        """Return the finished hypotheses of each source."""
        for _ in self.rounds():
            pass
        return self.endings.hypotheses

    def constrain(self, log_probs: FloatArray) -> FloatArray:
        """Set the log-probabilities of forbidden tokens to minus infinity."""
        special, settings = self.special, self.settings
        # Never padding or a second start; no end before the target is long enough.
        constraints.forbid_tokens(log_probs, (special.pad_id, special.start_id))
        if self.length < settings.min_length:
            constraints.forbid_tokens(log_probs, (special.end_id,))
        # While a prefix forces the next token, n-grams may repeat.
        forced = self.forced_tokens()
        if settings.no_repeat_ngram_size:
            for row in range(len(log_probs)):
                if row not in forced:
                    prefix = prefix_of(self.steps, row)
                    constraints.forbid_repeats(
                        log_probs, row, prefix, settings.no_repeat_ngram_size
                    )
        if forced:
            rows, tokens = np.array(list(forced)), np.array(list(forced.values()))
            constraints.only_token(log_probs, rows, tokens)
        # A target at its source's limit must end now, whatever the other rules.
        if self.length >= self.least_limit:
            full_rows = np.flatnonzero(np.repeat(self.limits <= self.length, self.width))
            constraints.only_token(log_probs, full_rows, special.end_id)
        return log_probs

    def forced_tokens(self) -> dict[int, int]:
        """Return the forced next token by row, where a prefix still forces one."""
        if self.length >= self.longest_prefix:
            return {}
        return {
            row: self.prefixes[source][self.length]
            for row, source in enumerate(np.repeat(self.active, self.width).tolist())
            if self.length < len(self.prefixes[source])
        }

    def expand(self, log_probs: FloatArray) -> Candidates:
        """Return the best continuations of each source (or the one that is drawn for it)."""
        if self.settings.sample:
            uniforms = np.array([self.random[source].random() for source in self.active])
            return self.one_each(log_probs, draw(log_probs, uniforms, self.settings))
        if self.beam == 1:
            return self.one_each(log_probs, log_probs.argmax(axis=1))
        return self.best_of_beam(log_probs)

    def ends(self, candidates: Candidates) -> BoolArray:
        """Return which continuations are the end token."""
        return candidates.tokens == self.special.end_id

    def finish(self, candidates: Candidates, is_end: BoolArray) -> BoolArray:
        """Keep the continuations that end.

        Returns:
            which sources are finished, ``[sources]``.
        """
        is_possible = candidates.log_probs > -np.inf
        best_running = candidates.log_probs[:, 0]
        if is_end.any():
            self.add_ends(candidates, is_end & is_possible)
            best_running = np.where(is_end, -np.inf, candidates.log_probs).max(axis=1)
        is_finished = self.endings.are_enough(self.active, best_running)
        # A source is finished if no token is possible, or its target is at its limit.
        is_finished |= ~is_possible[:, 0]
        if self.length >= self.least_limit:
            is_finished |= self.limits <= self.length
        if is_finished.any():
            self.close(is_finished)
        return is_finished

    def add_ends(self, candidates: Candidates, is_end: BoolArray) -> None:
        """Keep the hypotheses among these continuations that end."""
        scores = candidates.log_probs / self.penalty_of(self.length + 1)
        is_hypothesis = self.endings.counts(self.active, scores, is_end)
        for place, column in zip(*np.nonzero(is_hypothesis), strict=True):
            row = int(candidates.rows[place, column])
            log_prob = float(candidates.log_probs[place, column])
            self.endings.add(int(self.active[place]), self.hypothesis(row, log_prob))

    def close(self, is_finished: BoolArray) -> None:
        """If a finished source has no hypothesis (no token was possible), make its prefix one."""
        for place in np.flatnonzero(is_finished):
            hypotheses = self.endings.hypotheses[self.active[place]]
            if not hypotheses:
                hypotheses.append(self.hypothesis(int(place) * self.width, None))

    def drop(self, goes_on: BoolArray) -> None:
        """Forget the finished sources, and their limits."""
        super().drop(goes_on)
        self.limits = self.limits[goes_on]
        if goes_on.any():
            self.least_limit = int(self.limits.min())

    def penalty_of(self, length: int) -> float:
        """Return the length penalty for a number of tokens, including the end token."""
        return self.penalty(length, self.settings.length_penalty)

    def hypothesis(self, row: int, log_prob: float | None) -> Hypothesis:
        """Return a running prefix as a hypothesis; see `hypothesis_of`."""
        return hypothesis_of(self.steps, row, log_prob, self.penalty_of)

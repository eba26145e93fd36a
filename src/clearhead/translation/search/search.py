"""One search over any engine: greedy, beam and sampling are the same few steps.

Each round asks the engine what may follow each prefix, and then constrains (what may not
follow), expands (the best continuations of each source), finishes (those that end) and prunes
(those to go on with). Sources that are finished leave the batch.

A beam follows fairseq's rules: among the ``2 * beam_size`` best continuations of a source those
in the first ``beam_size`` places that end are finished; the ``beam_size`` best that do not end
go on; a source is finished when ``beam_size`` hypotheses are.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...engine.protocols import BoolArray, Engine, FloatArray, IntArray
from . import constraints
from .checks import check_search
from .choose import top_tokens
from .hypothesis import Hypothesis, length_penalty
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
) -> list[list[Hypothesis]]:
    """Return the best targets of each source of one batch.

    Args:
        engine: what is asked for log-probabilities.
        sources: token ids, end token included.
        settings: what is looked for.
        special: ids of the special tokens.
        prefixes: tokens that each source's target must begin with; empty for a free target.

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
    # Put the samples of each source together again and rank them.
    return [
        sorted(
            itertools.chain.from_iterable(hypotheses[first : first + copies]),
            key=lambda hypothesis: -hypothesis.score,
        )[: settings.n_best]
        for first in range(0, len(hypotheses), copies)
    ]


@dataclass(frozen=True)
class _Candidates:
    """Continuations of each source still searched for, best first: arrays ``[sources, K]``."""

    log_probs: FloatArray  # of the prefix with the token, from the start
    tokens: IntArray
    rows: IntArray  # the row of the engine's state that each continues


@dataclass(frozen=True)
class _Step:
    """The input of one call of the engine, Int["rows"] each; the chain of parents spells a prefix.

    Attributes:
        tokens: appended to each prefix; the start token in the first step.
        parents: the row of the step before that each row continues.
        log_probs: of each prefix with its token, from the start.
    """

    tokens: IntArray
    parents: IntArray
    log_probs: FloatArray


class _Search:
    """The state between two rounds; rows of one source stand together, best first."""

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
        self.settings, self.special = settings, special
        self.beam = 1 if settings.sample else settings.beam_size
        self.penalty = length_penalty(settings.normalization)
        self.random = random
        self.prefixes = prefixes
        self.longest_prefix = max(map(len, prefixes))
        self.decoding = engine.begin(sources)
        self.steps: list[_Step] = []
        self.hypotheses: list[list[Hypothesis]] = [[] for _ in range(count)]  # that have ended
        self.active: IntArray = np.arange(count)  # numbers of the sources still searched for
        self.limits: IntArray = np.array([settings.limit(len(source)) for source in sources])
        self.least_limit = int(self.limits.min())
        self.width = 1  # rows of each active source; beam_size after the first round
        self.next = _Step(np.full(count, special.start_id), self.active, np.zeros(count))

    @property
    def length(self) -> int:
        """Tokens of each running prefix, the start token not counted."""
        return len(self.steps) - 1

    def run(self) -> list[list[Hypothesis]]:
        """Return the finished hypotheses of each source."""
        while len(self.active):
            log_probs = self.decoding.advance(self.next.tokens, self.next.parents)
            self.steps.append(self.next)
            self.constrain(log_probs)
            candidates = self.expand(log_probs)
            is_finished = self.finish(candidates)
            self.prune(candidates, is_finished)
        return self.hypotheses

    def constrain(self, log_probs: FloatArray) -> None:
        """Set the log-probabilities of what may not follow to minus infinity."""
        special, settings = self.special, self.settings
        # Never padding or a second start; no end before the target is long enough.
        constraints.forbid_tokens(log_probs, (special.pad_id, special.start_id))
        if self.length < settings.min_length:
            constraints.forbid_tokens(log_probs, (special.end_id,))
        # Where a prefix says what comes next, an n-gram may well come again.
        forced = self.forced_tokens()
        if settings.no_repeat_ngram_size:
            for row in range(len(log_probs)):
                if row not in forced:
                    prefix = self.prefix(row)
                    constraints.forbid_repeats(
                        log_probs, row, prefix, settings.no_repeat_ngram_size
                    )
        if forced:
            rows, tokens = np.array(list(forced)), np.array(list(forced.values()))
            constraints.only_token(log_probs, rows, tokens)
        # A target that is as long as its source allows must end now, whatever else was said.
        if self.length >= self.least_limit:
            full_rows = np.flatnonzero(np.repeat(self.limits <= self.length, self.width))
            constraints.only_token(log_probs, full_rows, special.end_id)

    def forced_tokens(self) -> dict[int, int]:
        """Return the token that must come next, by row, where a prefix still says so."""
        if self.length >= self.longest_prefix:
            return {}
        return {
            row: self.prefixes[source][self.length]
            for row, source in enumerate(np.repeat(self.active, self.width).tolist())
            if self.length < len(self.prefixes[source])
        }

    def expand(self, log_probs: FloatArray) -> _Candidates:
        """Return the best continuations of each source (or the one that is drawn for it)."""
        if self.settings.sample:
            uniforms = np.array([self.random[source].random() for source in self.active])
            return self.one_each(log_probs, draw(log_probs, uniforms, self.settings))
        if self.beam == 1:
            return self.one_each(log_probs, log_probs.argmax(axis=1))
        return self.best_of_beam(log_probs)

    def one_each(self, log_probs: FloatArray, tokens: IntArray) -> _Candidates:
        """Return one continuation of each source, by this token."""
        rows = np.arange(len(tokens))
        totals = self.next.log_probs + log_probs[rows, tokens]
        return _Candidates(totals[:, None], tokens[:, None], rows[:, None])

    def best_of_beam(self, log_probs: FloatArray) -> _Candidates:
        """Return the ``2 * beam_size`` best continuations of each source.

        These are so many that enough are left to go on with when every prefix may end.
        """
        # The best of each row: no more than these of a row can be among the best of its source.
        count = 2 * self.beam
        each = min(count, log_probs.shape[1])
        values, tokens = top_tokens(log_probs, each)
        totals = self.next.log_probs[:, None] + values
        if self.settings.sibling_diversity and self.length > 0:
            totals -= self.settings.sibling_diversity * np.arange(1, each + 1)
        # The best of all rows of a source; of equal ones that of the better prefix.
        sources = len(self.active)
        totals = totals.reshape(sources, -1)
        order = np.argsort(-totals, axis=1, kind="stable")[:, :count]
        rows = order // each + np.arange(sources)[:, None] * self.width
        tokens = np.take_along_axis(tokens.reshape(sources, -1), order, axis=1)
        totals = np.take_along_axis(totals, order, axis=1)
        # A row holds at most vocab continuations; what is missing in a first round of a small
        # vocabulary is filled with impossible ones, so that arrays stay rectangular.
        missing = max(0, count - totals.shape[1])
        if missing:
            pad = ((0, 0), (0, missing))
            totals = np.pad(totals, pad, constant_values=-np.inf)
            tokens = np.pad(tokens, pad, constant_values=self.special.start_id)
            rows = np.pad(rows, pad, mode="edge")
        return _Candidates(totals, tokens, rows)

    def finish(self, candidates: _Candidates) -> BoolArray:
        """Keep the continuations that end.

        Returns:
            which sources are finished, ``[sources]``.
        """
        # Only an end in the first beam_size places counts; worse ones are dropped.
        is_possible = candidates.log_probs > -np.inf
        is_end = candidates.tokens[:, : self.beam] == self.special.end_id
        is_end &= is_possible[:, : self.beam]
        # Nothing goes on where nothing is possible, or the target is as long as it may be.
        is_finished = ~is_possible[:, 0]
        if self.length >= self.least_limit:
            is_finished |= self.limits <= self.length
        if is_end.any():
            for place, column in zip(*np.nonzero(is_end), strict=True):
                hypotheses = self.hypotheses[self.active[place]]
                if len(hypotheses) < self.beam:
                    row = int(candidates.rows[place, column])
                    log_prob = float(candidates.log_probs[place, column])
                    hypotheses.append(self.hypothesis(row, log_prob))
                is_finished[place] |= len(hypotheses) == self.beam
        if is_finished.any():
            self.close(is_finished)
        return is_finished

    def close(self, is_finished: BoolArray) -> None:
        """Give a finished source without a hypothesis (nothing was possible) its prefix as one."""
        for place in np.flatnonzero(is_finished):
            hypotheses = self.hypotheses[self.active[place]]
            if not hypotheses:
                hypotheses.append(self.hypothesis(int(place) * self.width, None))

    def prune(self, candidates: _Candidates, is_finished: BoolArray) -> None:
        """Choose the continuations to go on with, and drop the sources that are finished."""
        log_probs, tokens, rows = candidates.log_probs, candidates.tokens, candidates.rows
        # The beam_size best that do not end: stable, so that the rest stays in falling order.
        if self.beam > 1:
            is_end = tokens == self.special.end_id
            order = np.argsort(is_end, axis=1, kind="stable")[:, : self.beam]
            log_probs = np.take_along_axis(log_probs, order, axis=1)
            tokens = np.take_along_axis(tokens, order, axis=1)
            rows = np.take_along_axis(rows, order, axis=1)
        if is_finished.any():
            goes_on = ~is_finished
            self.active, self.limits = self.active[goes_on], self.limits[goes_on]
            if goes_on.any():
                self.least_limit = int(self.limits.min())
            log_probs, tokens, rows = log_probs[goes_on], tokens[goes_on], rows[goes_on]
        self.width = self.beam
        self.next = _Step(tokens.ravel(), rows.ravel(), log_probs.ravel())

    def prefix(self, row: int) -> list[int]:
        """Return the tokens of a running prefix, without the start token."""
        tokens = []
        for step in reversed(self.steps[1:]):
            tokens.append(int(step.tokens[row]))
            row = int(step.parents[row])
        return tokens[::-1]

    def hypothesis(self, row: int, log_prob: float | None) -> Hypothesis:
        """Return a running prefix with the end token, at this log-probability.

        Args:
            row: of the prefix.
            log_prob: of the prefix with its end token; None for the prefix as it stands.
        """
        # Back from the last token to the start token, whose total is 0.
        tokens: list[int] = []
        totals = [] if log_prob is None else [log_prob]
        for step in reversed(self.steps):
            tokens.append(int(step.tokens[row]))
            totals.append(float(step.log_probs[row]))
            row = int(step.parents[row])
        # What each token added to the total is its own log-probability.
        parts = tuple(after - before for after, before in itertools.pairwise(totals))[::-1]
        score = totals[0] / self.penalty(max(1, len(parts)), self.settings.length_penalty)
        return Hypothesis(tuple(tokens[-2::-1]), score, totals[0], parts, log_prob is not None)

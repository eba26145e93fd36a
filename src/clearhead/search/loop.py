"""The rounds of any search over prefixes, whatever rules it follows.

Each round asks the engine for the next token of each prefix, and then constrains (forbids tokens,
or changes their log-probabilities), expands (to the best continuations of each source), finishes
(those that end) and prunes (to those that continue). Finished sources leave the batch.

A kind of search defines its constraints, what ends, and when a source is finished;
`clearhead.search.search` has the rules of translation, `clearhead.generation.search` those of
transformers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..engine.protocols import BoolArray, Decoding, FloatArray, IntArray
from .choose import top_tokens
from .prefixes import SearchStep


@dataclass(frozen=True)
class Candidates:
    """Continuations of each source still searched for, best first: arrays ``[sources, K]``."""

    log_probs: FloatArray  # log-probabilities of prefix and token, from the start
    tokens: IntArray
    rows: IntArray  # the row of the engine's state that each one continues


class SearchLoop(ABC):
    """The state between two rounds; rows of one source are neighbours, best first.

    Args:
        decoding: the engine's state.
        beam: prefixes of each source that continue after a round.
        candidates: continuations of each source that are considered, at least ``2 * beam`` in a
            beam, so that enough remain even if every prefix can end.
        first: the input of the first round, a row for each source. Totals are added in the
            precision of its log-probabilities.
    """

    sibling_penalty = 0.0  # subtracted from a continuation for each better one of the same prefix

    def __init__(
        self, decoding: Decoding, beam: int, candidates: int, first: SearchStep, filler: int = 0
    ) -> None:
        self.decoding, self.beam, self.candidates, self.filler = decoding, beam, candidates, filler
        self.steps: list[SearchStep] = []
        self.active: IntArray = np.arange(len(first.tokens))  # numbers of the sources still open
        self.width = 1  # rows of each active source; `beam` after the first round
        self.next = first

    @property
    def length(self) -> int:
        """Tokens of each running prefix, without that of the first round."""
        return len(self.steps) - 1

    def rounds(self) -> Iterator[None]:
        """Search until every source is finished, with a pause after each round."""
        while len(self.active):
            scores = self.ask()
            self.steps.append(self.next)
            candidates = self.expand(self.constrain(scores))
            is_end = self.ends(candidates)
            self.prune(candidates, is_end, self.finish(candidates, is_end))
            yield

    def ask(self) -> FloatArray:
        """Return the engine's log-probabilities, Float["rows vocab"]."""
        return self.decoding.advance(self.next.tokens, self.next.parents)

    @abstractmethod
    def constrain(self, scores: FloatArray) -> FloatArray:
        """Return the log-probabilities to search with, Float["rows vocab"]."""

    @abstractmethod
    def expand(self, log_probs: FloatArray) -> Candidates:
        """Return the continuations of each source to consider."""

    @abstractmethod
    def ends(self, candidates: Candidates) -> BoolArray:
        """Return which continuations end, ``[sources, K]``."""

    @abstractmethod
    def finish(self, candidates: Candidates, is_end: BoolArray) -> BoolArray:
        """Keep the continuations that end, and return which sources are finished, ``[sources]``."""

    def one_each(self, log_probs: FloatArray, tokens: IntArray) -> Candidates:
        """Return one continuation of each source, by this token."""
        rows = np.arange(len(tokens))
        totals = self.next.log_probs + log_probs[rows, tokens]
        return Candidates(totals[:, None], tokens[:, None], rows[:, None])

    def best_of_beam(self, log_probs: FloatArray) -> Candidates:
        """Return the best continuations of each source."""
        # The best of each row: no more than these of a row can be among the best of its source.
        count = self.candidates
        each = min(count, log_probs.shape[1])
        values, tokens = top_tokens(log_probs, each)
        totals = self.next.log_probs[:, None] + values
        if self.sibling_penalty and self.length > 0:
            totals -= self.sibling_penalty * np.arange(1, each + 1)
        # The best of all rows of a source; among equals, that of the better prefix.
        sources = len(self.active)
        totals = totals.reshape(sources, -1)
        order = np.argsort(-totals, axis=1, kind="stable")[:, :count]
        places = np.arange(sources)[:, None]
        rows = order // each + places * self.width
        tokens = tokens.reshape(sources, -1)[places, order]
        totals = totals[places, order]
        # A row has at most vocab continuations; in a first round with a small vocabulary the rest
        # is filled with impossible ones, so that arrays stay rectangular.
        missing = max(0, count - totals.shape[1])
        if missing:
            pad = ((0, 0), (0, missing))
            totals = np.pad(totals, pad, constant_values=-np.inf)
            tokens = np.pad(tokens, pad, constant_values=self.filler)
            rows = np.pad(rows, pad, mode="edge")
        return Candidates(totals, tokens, rows)

    def running_order(self, candidates: Candidates, is_end: BoolArray) -> IntArray:
        """Return the indices of the continuations to keep, best first, ``[sources, beam]``."""
        # Stable, so that those that do not end stay in descending order.
        return np.argsort(is_end, axis=1, kind="stable")[:, : self.beam]

    def prune(self, candidates: Candidates, is_end: BoolArray, is_finished: BoolArray) -> None:
        """Choose the continuations to keep, and drop the finished sources."""
        log_probs, tokens, rows = candidates.log_probs, candidates.tokens, candidates.rows
        if self.beam > 1:
            places = np.arange(len(tokens))[:, None], self.running_order(candidates, is_end)
            log_probs, tokens, rows = log_probs[places], tokens[places], rows[places]
        if is_finished.any():
            goes_on = ~is_finished
            self.drop(goes_on)
            log_probs, tokens, rows = log_probs[goes_on], tokens[goes_on], rows[goes_on]
        self.width = self.beam
        self.next = SearchStep(tokens.ravel(), rows.ravel(), log_probs.ravel())

    def drop(self, goes_on: BoolArray) -> None:
        """Forget the finished sources."""
        self.active = self.active[goes_on]

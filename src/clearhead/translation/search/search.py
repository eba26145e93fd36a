"""One search over any engine: greedy, beam and sampling are the same few steps.

Each round asks the engine what may follow each prefix, and then constrains (what may not
follow), expands (the best continuations of each source), finishes (those that end) and prunes
(those to go on with). Sources that are finished leave the batch.

A beam follows fairseq's rules: among the ``2 * beam_size`` best continuations of a source those
in the first ``beam_size`` places that end are finished; the ``beam_size`` best that do not end
go on; a source is done when ``beam_size`` hypotheses are finished.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...config import TransformerConfig
from ...engine.protocols import BoolArray, Engine, FloatArray, IntArray
from ...errors import ConfigError
from . import constraints
from .choose import top_tokens
from .hypothesis import Hypothesis, length_penalty
from .sampling import draw, generators
from .settings import SearchSettings


@dataclass(frozen=True)
class SpecialTokens:
    """The ids that search itself must know."""

    pad_id: int = 0
    start_id: int = 1
    end_id: int = 2

    @classmethod
    def of(cls, config: TransformerConfig) -> SpecialTokens:
        """Those of a model."""
        return cls(config.pad_id, config.start_id, config.end_id)


def search(
    engine: Engine,
    sources: Sequence[Sequence[int]],
    settings: SearchSettings | None = None,
    *,
    special: SpecialTokens | None = None,
    prefixes: Sequence[Sequence[int]] | None = None,
) -> list[list[Hypothesis]]:
    """The best targets of each source of one batch.

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
    forced = list(prefixes) if prefixes is not None else [()] * len(sources)
    _check(engine, sources, settings, special, forced)
    copies = settings.beam_size if settings.sample else 1
    found = _Search(
        engine,
        [source for source in sources for _ in range(copies)],
        settings,
        special,
        [prefix for prefix in forced for _ in range(copies)],
        generators(sources, copies, settings.seed) if settings.sample else [],
    ).run()
    return [
        sorted(
            (hypothesis for finished in found[first : first + copies] for hypothesis in finished),
            key=lambda hypothesis: -hypothesis.score,
        )[: settings.n_best]
        for first in range(0, len(found), copies)
    ]


def _check(
    engine: Engine,
    sources: Sequence[Sequence[int]],
    settings: SearchSettings,
    special: SpecialTokens,
    prefixes: Sequence[Sequence[int]],
) -> None:
    if settings.beam_size >= engine.vocab_size:
        raise ConfigError(
            f"beam_size must be below the vocabulary's size ({engine.vocab_size}); "
            f"it is {settings.beam_size}."
        )
    if len(prefixes) != len(sources):
        raise ConfigError(
            f"One prefix is needed for each source; {len(prefixes)} prefixes came for "
            f"{len(sources)} sources."
        )
    reserved = {special.pad_id, special.start_id, special.end_id}
    for source, prefix in zip(sources, prefixes, strict=True):
        if reserved & set(prefix):
            raise ConfigError("A prefix must not hold the pad, start or end token.")
        if any(not 0 <= token < engine.vocab_size for token in prefix):
            raise ConfigError(f"A prefix holds an id outside of 0 to {engine.vocab_size - 1}.")
        if len(prefix) > settings.limit(len(source)):
            raise ConfigError(
                f"A prefix of {len(prefix)} tokens is longer than the longest target allowed, "
                f"{settings.limit(len(source))} tokens."
            )


@dataclass(frozen=True)
class _Candidates:
    """Continuations of each source still searched for, best first: arrays ``[sources, K]``."""

    log_probs: FloatArray  # of the prefix with the token, from the start
    tokens: IntArray
    rows: IntArray  # the row of the engine's state that each continues


@dataclass(frozen=True)
class _Step:
    """What one call gave the engine, ``[rows]`` each; the chain of parents spells a prefix."""

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
        self.finished: list[list[Hypothesis]] = [[] for _ in range(count)]
        self.active: IntArray = np.arange(count)
        self.limits: IntArray = np.array([settings.limit(len(source)) for source in sources])
        self.least_limit = int(self.limits.min())
        self.width = 1  # rows of each active source; beam_size after the first round
        self.next = _Step(np.full(count, special.start_id), self.active, np.zeros(count))

    @property
    def length(self) -> int:
        """Tokens of each running prefix, the start token not counted."""
        return len(self.steps) - 1

    def run(self) -> list[list[Hypothesis]]:
        while len(self.active):
            log_probs = self.decoding.advance(self.next.tokens, self.next.parents)
            self.steps.append(self.next)
            self.constrain(log_probs)
            candidates = self.expand(log_probs)
            done = self.finish(candidates)
            self.prune(candidates, done)
        return self.finished

    def constrain(self, log_probs: FloatArray) -> None:
        """Set to minus infinity what may not follow."""
        special, settings = self.special, self.settings
        constraints.forbid_tokens(log_probs, (special.pad_id, special.start_id))
        if self.length < settings.min_length:
            constraints.forbid_tokens(log_probs, (special.end_id,))
        forced = self.forced_rows()
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
        if self.length >= self.least_limit:
            full = np.flatnonzero(np.repeat(self.limits <= self.length, self.width))
            constraints.only_token(log_probs, full, special.end_id)

    def forced_rows(self) -> dict[int, int]:
        """The token that must come next, by row, where a prefix still says so."""
        if self.length >= self.longest_prefix:
            return {}
        return {
            row: self.prefixes[source][self.length]
            for row, source in enumerate(np.repeat(self.active, self.width).tolist())
            if self.length < len(self.prefixes[source])
        }

    def expand(self, log_probs: FloatArray) -> _Candidates:
        """The best continuations of each source (or the one that is drawn for it)."""
        if self.settings.sample:
            uniforms = np.array([self.random[source].random() for source in self.active])
            return self.one_each(log_probs, draw(log_probs, uniforms, self.settings))
        if self.beam == 1:
            return self.one_each(log_probs, log_probs.argmax(axis=1))
        return self.best_of_beam(log_probs)

    def one_each(self, log_probs: FloatArray, tokens: IntArray) -> _Candidates:
        rows = np.arange(len(tokens))
        reached = self.next.log_probs + log_probs[rows, tokens]
        return _Candidates(reached[:, None], tokens[:, None], rows[:, None])

    def best_of_beam(self, log_probs: FloatArray) -> _Candidates:
        """The ``2 * beam_size`` best: so many that enough are left when all prefixes may end."""
        wanted = 2 * self.beam
        each = min(wanted, log_probs.shape[1])
        values, tokens = top_tokens(log_probs, each)
        reached = self.next.log_probs[:, None] + values
        if self.settings.sibling_diversity and self.length > 0:
            reached -= self.settings.sibling_diversity * np.arange(1, each + 1)
        sources = len(self.active)
        reached = reached.reshape(sources, -1)
        # A row holds at most vocab continuations; what is missing in a first round of a small
        # vocabulary is filled with impossible ones, so that arrays stay rectangular.
        missing = max(0, wanted - reached.shape[1])
        order = np.argsort(-reached, axis=1, kind="stable")[:, :wanted]
        rows = order // each + np.arange(sources)[:, None] * self.width
        tokens = np.take_along_axis(tokens.reshape(sources, -1), order, axis=1)
        reached = np.take_along_axis(reached, order, axis=1)
        if missing:
            pad = ((0, 0), (0, missing))
            reached = np.pad(reached, pad, constant_values=-np.inf)
            tokens = np.pad(tokens, pad, constant_values=self.special.start_id)
            rows = np.pad(rows, pad, mode="edge")
        return _Candidates(reached, tokens, rows)

    def finish(self, candidates: _Candidates) -> BoolArray:
        """Keep the continuations that end; say which sources are done, ``[sources]`` of bool."""
        possible = candidates.log_probs > -np.inf
        ended = candidates.tokens[:, : self.beam] == self.special.end_id
        ended &= possible[:, : self.beam]
        done = ~possible[:, 0]
        if self.length >= self.least_limit:
            done |= self.limits <= self.length
        if ended.any():
            for place, column in zip(*np.nonzero(ended), strict=True):
                finished = self.finished[self.active[place]]
                if len(finished) < self.beam:
                    finished.append(
                        self.hypothesis(
                            int(candidates.rows[place, column]),
                            float(candidates.log_probs[place, column]),
                        )
                    )
                done[place] |= len(finished) == self.beam
        if done.any():
            self.close(done)
        return done

    def close(self, done: BoolArray) -> None:
        """A source that is done without a hypothesis (nothing was possible) gives its prefix."""
        for place in np.flatnonzero(done):
            finished = self.finished[self.active[place]]
            if not finished:
                finished.append(self.hypothesis(int(place) * self.width, None))

    def prune(self, candidates: _Candidates, done: BoolArray) -> None:
        """Choose the continuations to go on with and drop the sources that are done."""
        log_probs, tokens, rows = candidates.log_probs, candidates.tokens, candidates.rows
        if self.beam > 1:
            ends = tokens == self.special.end_id
            order = np.argsort(ends, axis=1, kind="stable")[:, : self.beam]
            log_probs = np.take_along_axis(log_probs, order, axis=1)
            tokens = np.take_along_axis(tokens, order, axis=1)
            rows = np.take_along_axis(rows, order, axis=1)
        if done.any():
            going = ~done
            self.active, self.limits = self.active[going], self.limits[going]
            if going.any():
                self.least_limit = int(self.limits.min())
            log_probs, tokens, rows = log_probs[going], tokens[going], rows[going]
        self.width = self.beam
        self.next = _Step(tokens.ravel(), rows.ravel(), log_probs.ravel())

    def prefix(self, row: int) -> list[int]:
        """The tokens of a running prefix, without the start token."""
        tokens = []
        for step in reversed(self.steps[1:]):
            tokens.append(int(step.tokens[row]))
            row = int(step.parents[row])
        return tokens[::-1]

    def hypothesis(self, row: int, log_prob: float | None) -> Hypothesis:
        """A running prefix as it stands, or with the end token, at this log-probability."""
        tokens: list[int] = []
        reached = [] if log_prob is None else [log_prob]
        for step in reversed(self.steps):
            tokens.append(int(step.tokens[row]))
            reached.append(float(step.log_probs[row]))
            row = int(step.parents[row])
        parts = tuple(after - before for after, before in itertools.pairwise(reached))[::-1]
        score = reached[0] / self.penalty(max(1, len(parts)), self.settings.length_penalty)
        return Hypothesis(tuple(tokens[-2::-1]), score, reached[0], parts, log_prob is not None)

"""The search of transformers' ``generate``: greedy, sampling, beam, and sampling in a beam.

`clearhead.search.loop` has the rounds; here are the rules of transformers 5. Whatever
the precision of the model, tokens are chosen in float32. A beam looks at ``1 + end tokens`` times
``num_beams`` continuations of each input (at least twice), of which those among the first
``num_beams`` that end are finished; `clearhead.generation.beam` decides which are kept, and when
the search ends. Greedy search and sampling read logits, a beam log-probabilities.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from ..engine.protocols import BoolArray, Decoding, FloatArray, IntArray
from ..search.loop import Candidates, SearchLoop
from ..search.prefixes import SearchStep, prefix_of
from .beam import FinishedBeams, running_totals
from .checks import check_decoding, check_possible
from .normalize import log_normalizers, log_softmax_in_place, softmax
from .processors import Prefixes, processors_of, renormalize
from .result import END, LENGTH, GeneratedToken, Generation
from .settings import GenerationSettings
from .torch_random import TorchRandom, exponential, fastest
from .truncation import truncations_of

OnToken = Callable[[int, GeneratedToken], None]


class GenerationSearch(SearchLoop):
    """One batch of inputs; every sample of an input is a source of its own.

    Args:
        decoding: the state after each input and its start tokens but the last.
        starts: the first tokens of each sequence, one or more.
        limits: the most tokens of each whole sequence, Int["inputs"].
        settings: what is looked for.
        vocab_size: number of token ids.
        seed: of the draws.
        on_token: called with the number of the source and each token as it comes, unless there
            is a beam, which knows its tokens only at the end.
    """

    def __init__(
        self, decoding: Decoding, starts: Sequence[Sequence[int]], limits: Sequence[int],
        settings: GenerationSettings, vocab_size: int, seed: int, on_token: OnToken | None = None,
    ) -> None:  # fmt: skip
        check_decoding(decoding, settings)
        beam = settings.num_beams
        # In a beam the sequences of an input come from one search.
        self.samples = settings.num_return_sequences if beam == 1 else 1
        inputs = np.repeat(np.arange(len(starts)), self.samples)
        tokens = np.array([starts[number][-1] for number in inputs.tolist()], np.int64)
        first = SearchStep(tokens, inputs, np.zeros(len(inputs), np.float32))
        wide = max(2, 1 + len(settings.eos_token_id)) * beam if beam > 1 else 1
        super().__init__(decoding, beam, wide, first)
        self.settings, self.vocab_size, self.on_token = settings, vocab_size, on_token
        self.starts = starts
        self.start_lengths = np.array([len(starts[number]) for number in inputs.tolist()])
        self.limits = np.array(limits, np.int64)[inputs]
        self.processors = processors_of(settings)
        if settings.do_sample:
            self.processors += truncations_of(settings)
        if settings.renormalize_logits:
            self.processors.append(renormalize)
        self.random = TorchRandom(seed)
        self.is_end_id = np.zeros(vocab_size, np.bool_)
        self.is_end_id[[token for token in settings.eos_token_id if token < vocab_size]] = True
        self.sequences = FinishedBeams.empty(len(inputs), beam)
        self.buffer = np.empty((0, vocab_size), np.float32)  # of processors, round after round
        # Logits, where the engine gives them.
        self.advance = getattr(decoding, "advance_logits", decoding.advance)
        self.own_log_probs = [first.log_probs]  # of the token of each row, round by round
        self.results: list[list[Generation]] = [[] for _ in inputs]

    def run(self) -> list[list[Generation]]:
        """Return the sequences of each input, best first."""
        for _ in self.rounds():
            pass
        firsts = range(0, len(self.results), self.samples)
        groups = [self.results[first : first + self.samples] for first in firsts]
        return [list(itertools.chain.from_iterable(group)) for group in groups]

    def ask(self) -> FloatArray:
        """Return logits, where the engine gives them, or log-probabilities; in float32."""
        scores = self.advance(self.next.tokens, self.next.parents)
        return scores.astype(np.float32, copy=False)

    def constrain(self, scores: FloatArray) -> FloatArray:
        """Return the scores after all processors."""
        self.raw = log_softmax_in_place(scores) if self.beam > 1 else scores
        if self.beam == 1:
            self.normalizers = log_normalizers(scores)
        if not self.processors:
            return self.raw
        if len(self.raw) > len(self.buffer):
            self.buffer = np.empty_like(self.raw)
        processed = self.buffer[: len(self.raw)]
        processed[:] = self.raw
        sources = np.repeat(self.active, self.width)
        prefixes = Prefixes(
            self.start_lengths[sources],
            self.limits[sources],
            self.length,
            lambda row: [*self.starts[sources[row] // self.samples], *prefix_of(self.steps, row)],
        )
        for process in self.processors:
            process(processed, prefixes)
        return processed

    def expand(self, log_probs: FloatArray) -> Candidates:
        """Return the best continuations of each source (or those that are drawn for it)."""
        draws = self.settings.do_sample
        if self.beam > 1:
            with np.errstate(over="ignore"):  # the lowest number, for an invalid score
                candidates = self.draw_beam(log_probs) if draws else self.best_of_beam(log_probs)
            check_possible(candidates.log_probs.max(axis=1))
            return candidates
        tokens = self.draw(log_probs) if draws else log_probs.argmax(axis=1)
        rows = np.arange(len(tokens))
        check_possible(log_probs[rows, tokens])
        totals = self.next.log_probs + self.own(rows, tokens)
        return Candidates(totals[:, None], tokens[:, None], rows[:, None])

    def draw(self, scores: FloatArray) -> IntArray:
        """Draw a token for each row, by an exponential race between the possible ones."""
        # Every input has the same random stream, as if it were alone, divided among its samples.
        words = self.random.words(self.samples * self.vocab_size)
        tokens = np.zeros(len(scores), np.int64)
        for row, number in enumerate((self.active % self.samples).tolist()):
            columns = np.flatnonzero(scores[row] > -np.inf)
            values = scores[row].take(columns)
            check_possible(values.max(initial=-np.inf, keepdims=True))
            own_words = words.take(number * self.vocab_size + columns, axis=0)
            tokens[row] = columns[fastest(softmax(values), own_words)]
        return tokens

    def draw_beam(self, log_probs: FloatArray) -> Candidates:
        """Draw continuations of each source, in proportion to the probability of each whole."""
        sources, count = len(self.active), self.candidates
        totals = (self.next.log_probs[:, None] + log_probs).reshape(sources, -1)
        words = self.random.words(self.beam * self.vocab_size)
        choices = np.zeros((sources, count), np.int64)
        values = np.full((sources, count), -np.inf, np.float32)
        for number, row in enumerate(totals):
            columns = np.flatnonzero(row > -np.inf)
            check_possible(row[columns].max(initial=-np.inf, keepdims=True))
            variates = exponential(words[columns]).astype(np.float32)
            with np.errstate(divide="ignore", invalid="ignore"):  # a variate may be 0
                speeds = softmax(row[columns]) / variates
            places = columns[np.argsort(-speeds, kind="stable")[:count]]
            choices[number, : len(places)] = places
            values[number, : len(places)] = row[places]
        rows = choices // self.vocab_size + np.arange(sources)[:, None] * self.width
        return Candidates(values, choices % self.vocab_size, rows)

    def running_order(self, candidates: Candidates, is_end: BoolArray) -> IntArray:
        """Return the indices of the continuations to keep, best first."""
        return np.argsort(-candidates.log_probs, axis=1, kind="stable")[:, : self.beam]

    def ends(self, candidates: Candidates) -> BoolArray:
        """Return which continuations are end tokens, or at their limit."""
        lengths = self.start_lengths[self.active] + self.length + 1
        return self.is_end_id[candidates.tokens] | (lengths >= self.limits[self.active])[:, None]

    def finish(self, candidates: Candidates, is_end: BoolArray) -> BoolArray:
        """Keep the continuations that end, and return which sources are finished."""
        if self.beam == 1:
            return self.finish_single(candidates, is_end[:, 0])
        settings, sequences = self.settings, self.sequences
        own = self.own(candidates.rows, candidates.tokens)
        sequences.add(candidates, own, is_end, self.length, settings.length_penalty)
        limits = self.limits[self.active] - self.start_lengths[self.active]
        is_closed = sequences.is_closed(candidates, is_end, self.length + 1, limits, settings)
        for place in np.flatnonzero(is_closed):
            results = self.results[self.active[place]]
            is_result = sequences.is_finished[place] & sequences.is_possible[place]
            numbers = np.flatnonzero(is_result)[: settings.num_return_sequences]
            results += [self.beam_result(int(place), number) for number in numbers.tolist()]
        return is_closed

    def finish_single(self, candidates: Candidates, is_end: BoolArray) -> BoolArray:
        """Report the token of each source, and finish the sources that end with it."""
        tokens = candidates.tokens[:, 0]
        own = self.own(candidates.rows[:, 0], tokens)
        for row in range(len(tokens)) if self.on_token else np.flatnonzero(is_end).tolist():
            token = int(tokens[row])
            reason = self.reason(token) if is_end[row] else None
            source = int(self.active[row])
            if self.on_token:
                self.on_token(source, GeneratedToken(token, float(own[row]), reason))
            if reason:
                score = float(candidates.log_probs[row, 0])
                self.results[source].append(self.result(self.length, row, token, own[row], score))
        return is_end

    def beam_result(self, place: int, number: int) -> Generation:
        """Return one of the finished sequences of a source."""
        sequences = self.sequences
        return self.result(
            int(sequences.rounds[place, number]),
            int(sequences.rows[place, number]),
            int(sequences.tokens[place, number]),
            sequences.own_log_probs[place, number],
            float(sequences.scores[place, number]),
        )

    def result(
        self, round_number: int, row: int, token: int, own_log_prob: float, score: float
    ) -> Generation:
        """Return the sequence that continues a row of a round by a token."""
        tokens, log_probs = [token], [float(own_log_prob)]
        for number in range(round_number, 0, -1):
            tokens.append(int(self.steps[number].tokens[row]))
            log_probs.append(float(self.own_log_probs[number][row]))
            row = int(self.steps[number].parents[row])
        return Generation(tuple(tokens[::-1]), tuple(log_probs[::-1]), score, self.reason(token))

    def reason(self, token: int) -> str:
        """Return why a sequence ends with this token."""
        return END if self.is_end_id[token] else LENGTH

    def own(self, rows: IntArray, tokens: IntArray) -> FloatArray:
        """Return the model's own log-probabilities of tokens after rows."""
        values = self.raw[rows, tokens]
        if self.beam > 1:
            return values
        maxima, logarithms = self.normalizers
        return values - maxima[rows, 0] - logarithms[rows, 0]

    def prune(self, candidates: Candidates, is_end: BoolArray, is_finished: BoolArray) -> None:
        """Choose the continuations to keep, and drop the finished sources."""
        if self.beam > 1:
            # An ended sequence continues only if nothing else is left, and never becomes a result.
            totals = running_totals(candidates, is_end)
            candidates = Candidates(totals, candidates.tokens, candidates.rows)
        super().prune(candidates, is_end, is_finished)
        self.own_log_probs.append(self.own(self.next.parents, self.next.tokens))

    def drop(self, goes_on: BoolArray) -> None:
        """Forget the finished sources and their sequences."""
        super().drop(goes_on)
        self.sequences.keep(goes_on)

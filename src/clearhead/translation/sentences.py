"""Sentences to their translations: batches for the search, and what must be kept, checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..config import TransformerConfig
from ..engine.protocols import Engine, FloatArray
from ..text.tokenizer import Tokenizer
from .protected import Attempt, as_fragment, attempts
from .rules.characters import plain_characters
from .rules.final_mark import add_final_mark
from .rules.links import Links, link_words
from .rules.reading import Reader, Reading
from .search.batches import search_batches
from .search.hypothesis import Hypothesis
from .search.search import SpecialTokens
from .search.settings import SearchSettings
from .segments import Piece
from .translation import Segment, Translation

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Attention of targets to sources: (source ids, target ids, layer) -> [target_len, source_len].
Aligner = Callable[[Sequence[int], Sequence[int], int, str], FloatArray]


@dataclass(frozen=True)
class Request:
    """One sentence to translate, with the tokens that its translation must begin with."""

    sentence: str
    prefix: tuple[int, ...] = ()


@dataclass(frozen=True)
class Options:
    """How a call wants its sentences translated; see `Translator.translate`."""

    settings: SearchSettings
    batch_tokens: int
    threads: int = 1
    protect: bool = True
    adapt: bool = True
    alignment_layer: int | None = None
    alignment_rows: str = "output"
    on_progress: Callable[[int], None] | None = None


class Sentences:
    """Translates sentences with an engine, its tokenizer, and an aligner where there is one."""

    def __init__(
        self, engine: Engine, tokenizer: Tokenizer, config: TransformerConfig, align: Aligner | None
    ) -> None:
        self.engine, self.tokenizer, self.align = engine, tokenizer, align
        self.reader = Reader(tokenizer)
        self.special = SpecialTokens.of(config)
        self._longest = config.max_length

    def encode(self, sentence: str) -> list[int]:
        """Token ids of a sentence as the model reads it, by no rule but that of characters."""
        return self.tokenizer.encode(plain_characters(sentence))

    def read(self, request: Request, options: Options) -> Reading:
        """Return a sentence as the model reads it."""
        if options.adapt and not request.prefix:
            return self.reader.read(request.sentence)
        return Reading(request.sentence, plain_characters(request.sentence))

    def translate(
        self, requests: list[Request], options: Options
    ) -> dict[Request, list[tuple[Segment, ...]]]:
        """For each sentence its n best translations, each a row of segments.

        Round by round, every sentence that has no acceptable translation yet is tried in the
        next of the ways that `attempts` names.
        """
        done: dict[Request, list[tuple[Segment, ...]]] = {}
        readings = {request: self.read(request, options) for request in requests}
        waiting = {
            request: _ways(request, readings[request].text, options.protect) for request in requests
        }
        while waiting:
            tried = {request: next(ways) for request, ways in waiting.items()}
            questions = dict.fromkeys(
                _question(request, attempt, piece, options.adapt)
                for request, attempt in tried.items()
                for piece in attempt.pieces
                if piece.translate
            )
            answers = self._decode(list(questions), options)
            for request, attempt in tried.items():
                results = self._results(request, readings[request], attempt, answers, options)
                if results:
                    done[request] = results
                    del waiting[request]
            if options.on_progress:
                options.on_progress(len(done))
        return done

    def _results(
        self,
        request: Request,
        reading: Reading,
        attempt: Attempt,
        answers: Mapping[Request, list[Hypothesis]],
        options: Options,
    ) -> list[tuple[Segment, ...]]:
        """What an attempt gave: the n best that keep what they must; empty when none does."""
        wanted = options.settings.n_best
        if not attempt.whole:
            return self._joined_results(request, reading, attempt, answers, options)
        source = attempt.pieces[0].text
        results: list[tuple[Segment, ...]] = []
        for hypothesis in answers[Request(source, request.prefix)]:
            text = attempt.result(reading.text, self._text(hypothesis))
            if text is not None:
                text = reading.restore(text, self._linker(reading))
                segment = self._segment(request.sentence, source, text, hypothesis, options)
                results.append((replace(segment, read=reading.text, actions=reading.actions),))
            if len(results) == wanted:
                break
        return results

    def _joined_results(
        self,
        request: Request,
        reading: Reading,
        attempt: Attempt,
        answers: Mapping[Request, list[Hypothesis]],
        options: Options,
    ) -> list[tuple[Segment, ...]]:
        """The n best of a sentence that was translated in pieces."""
        pieces = attempt.pieces
        keys = [_question(request, attempt, p, options.adapt) for p in pieces if p.translate]
        ranks = max((len(answers[key]) for key in keys), default=1)
        results: list[tuple[Segment, ...]] = []
        for rank in range(min(ranks, options.settings.n_best)):
            row = tuple(self._fragment(request, attempt, p, answers, rank, options) for p in pieces)
            text = "".join(segment.text for segment in row)
            if attempt.result(reading.text, text) is None:
                continue
            if reading.is_plain and reading.text == request.sentence:
                results.append(row)
                continue
            text = reading.restore(text, self._linker(reading))
            results.append((_merged(row, request.sentence, text, reading),))
        return results

    def _linker(self, reading: Reading) -> Callable[[str], Links]:
        def link(translation: str) -> Links:
            source, target = self.encode(reading.text), self.tokenizer.encode(translation)
            fits = 0 < len(source) < self._longest and 0 < len(target) < self._longest
            if self.align is None or not fits:
                return link_words(reading.text, translation, None)
            weights = self.align(source, target, -1, "output")
            ends = self._token_ends
            return link_words(reading.text, translation, weights, ends(source), ends(target))

        return link

    def _token_ends(self, ids: Sequence[int]) -> list[int]:
        """Where each token ends in the text of all."""
        return [len(self.tokenizer.decode(ids[: count + 1])) for count in range(len(ids))]

    def _fragment(
        self,
        request: Request,
        attempt: Attempt,
        piece: Piece,
        answers: Mapping[Request, list[Hypothesis]],
        rank: int,
        options: Options,
    ) -> Segment:
        if not piece.translate:
            return Segment(piece.text, piece.text)
        hypotheses = answers[_question(request, attempt, piece, options.adapt)]
        hypothesis = hypotheses[min(rank, len(hypotheses) - 1)]
        text = as_fragment(piece.text, self._text(hypothesis))
        return self._segment(piece.text, piece.text, text, hypothesis, options)

    def _text(self, hypothesis: Hypothesis) -> str:
        return _UNPRINTABLE.sub(" ", self.tokenizer.decode(hypothesis.tokens)).strip()

    def _segment(
        self, sentence: str, source: str, text: str, hypothesis: Hypothesis, options: Options
    ) -> Segment:
        ids = self.encode(source)
        aligned = None
        if options.alignment_layer is not None and self.align is not None:
            layer, rows = options.alignment_layer, options.alignment_rows
            aligned = self.align(ids, hypothesis.tokens, layer, rows)
        return Segment(
            source=sentence,
            text=text,
            log_prob=hypothesis.log_prob,
            source_tokens=tuple(self.tokenizer.pieces(ids)),
            tokens=tuple(self.tokenizer.pieces(hypothesis.tokens)),
            token_log_probs=hypothesis.token_log_probs,
            alignment=aligned,
        )

    def _decode(self, requests: list[Request], options: Options) -> dict[Request, list[Hypothesis]]:
        """Search for all requests, alike lengths together: all hypotheses of the beam."""
        sources = [[*self.encode(request.sentence), self.special.end_id] for request in requests]
        settings = SearchSettings.of(options.settings, n_best=options.settings.beam_size)
        found = search_batches(
            self.engine,
            sources,
            settings,
            batch_tokens=options.batch_tokens,
            threads=options.threads,
            special=self.special,
            prefixes=[request.prefix for request in requests],
            on_progress=options.on_progress,
        )
        return dict(zip(requests, found, strict=True))


def _ways(request: Request, text: str, protect: bool) -> Iterator[Attempt]:
    if request.prefix or not protect:
        return iter([Attempt((Piece(text, True),), last=True)])
    return attempts(text)


def _question(request: Request, attempt: Attempt, piece: Piece, adapt: bool) -> Request:
    """What the model is asked for a piece of an attempt."""
    if attempt.whole:
        return Request(piece.text, request.prefix)
    return Request(add_final_mark(piece.text) if adapt else piece.text)


def _merged(row: tuple[Segment, ...], sentence: str, text: str, reading: Reading) -> Segment:
    """The segments of a sentence that was translated in pieces, as one."""
    asked = [segment for segment in row if not segment.kept]
    return Segment(
        source=sentence,
        text=text,
        log_prob=sum(segment.log_prob for segment in asked),
        source_tokens=tuple(token for segment in asked for token in segment.source_tokens),
        tokens=tuple(token for segment in asked for token in segment.tokens),
        token_log_probs=tuple(p for segment in asked for p in segment.token_log_probs),
        alignment=Translation(sentence, row).alignment,
        read=reading.text,
        actions=reading.actions,
    )

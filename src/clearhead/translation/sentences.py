"""Sentences to their translations: batches for the search, and what must be kept, checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..config import TransformerConfig
from ..text.tokenizer import Tokenizer
from .batches import search_batches
from .engine import Engine, FloatArray
from .hypothesis import Hypothesis
from .protected import Attempt, as_fragment, attempts
from .search import SpecialTokens
from .segments import Piece
from .settings import SearchSettings
from .translation import Segment

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SPACES = re.compile(r"\s+")
_PLAIN_QUOTES = str.maketrans("‘’ʼ“”", "'''\"\"")

# Attention of targets to sources: (source ids, target ids, layer) -> [target_len, source_len].
Aligner = Callable[[Sequence[int], Sequence[int], int, str], FloatArray]


def as_read(sentence: str) -> str:
    """A sentence as models are given it: spaces and quotation marks in their plain forms.

    They are trained with each run of spaces as one plain space, and hardly ever see a curled
    apostrophe: as typed, "don’t" would be another and unknown word.
    """
    return _SPACES.sub(" ", sentence).translate(_PLAIN_QUOTES)


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
    alignment_layer: int | None = None
    alignment_rows: str = "output"
    on_progress: Callable[[int], None] | None = None


class Sentences:
    """Translates sentences with an engine, its tokenizer, and an aligner where there is one."""

    def __init__(
        self, engine: Engine, tokenizer: Tokenizer, config: TransformerConfig, align: Aligner | None
    ) -> None:
        self.engine, self.tokenizer, self.align = engine, tokenizer, align
        self.special = SpecialTokens.of(config)

    def encode(self, sentence: str) -> list[int]:
        """Token ids of a sentence as the model reads it."""
        return self.tokenizer.encode(as_read(sentence))

    def translate(
        self, requests: list[Request], options: Options
    ) -> dict[Request, list[tuple[Segment, ...]]]:
        """For each sentence its n best translations, each a row of segments.

        Round by round, every sentence that has no acceptable translation yet is tried in the
        next of the ways that `attempts` names.
        """
        done: dict[Request, list[tuple[Segment, ...]]] = {}
        waiting = {request: _ways(request, options.protect) for request in requests}
        while waiting:
            tried = {request: next(ways) for request, ways in waiting.items()}
            asked = dict.fromkeys(
                Request(piece.text, request.prefix)
                for request, attempt in tried.items()
                for piece in attempt.pieces
                if piece.translate
            )
            answers = self._decode(list(asked), options)
            for request, attempt in tried.items():
                results = self._results(request, attempt, answers, options)
                if results:
                    done[request] = results
                    del waiting[request]
            if options.on_progress:
                options.on_progress(len(done))
        return done

    def _results(
        self,
        request: Request,
        attempt: Attempt,
        answers: Mapping[Request, list[Hypothesis]],
        options: Options,
    ) -> list[tuple[Segment, ...]]:
        """What an attempt gave: the n best that keep what they must; empty when none does."""
        wanted = options.settings.n_best
        if not attempt.whole:
            ranks = max(
                (len(answers[Request(p.text)]) for p in attempt.pieces if p.translate), default=1
            )
            rows = [
                tuple(self._fragment(piece, answers, rank, options) for piece in attempt.pieces)
                for rank in range(min(ranks, wanted))
            ]
            joined = ["".join(segment.text for segment in row) for row in rows]
            return [
                row
                for row, text in zip(rows, joined, strict=True)
                if attempt.result(request.sentence, text) is not None
            ]
        source = attempt.pieces[0].text
        results: list[tuple[Segment, ...]] = []
        for hypothesis in answers[Request(source, request.prefix)]:
            output = self._text(hypothesis)
            text = attempt.result(request.sentence, output)
            if text is not None:
                results.append(
                    (self._segment(request.sentence, source, text, hypothesis, options),)
                )
            if len(results) == wanted:
                break
        return results

    def _fragment(
        self,
        piece: Piece,
        answers: Mapping[Request, list[Hypothesis]],
        rank: int,
        options: Options,
    ) -> Segment:
        if not piece.translate:
            return Segment(piece.text, piece.text)
        hypotheses = answers[Request(piece.text)]
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


def _ways(request: Request, protect: bool) -> Iterator[Attempt]:
    if request.prefix or not protect:
        return iter([Attempt((Piece(request.sentence, True),), last=True)])
    return attempts(request.sentence)

"""Translates sentences: batches them for the search, and checks what must be kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...config import TransformerConfig
from ...engine.protocols import Engine, FloatArray
from ...search.batches import search_batches
from ...search.hypothesis import Hypothesis
from ...search.settings import SearchSettings
from ...search.special_tokens import SpecialTokens
from ...text.tokenizer import Tokenizer
from ..directions.languages import Languages
from ..directions.register import with_tags
from ..rules.characters import plain_characters
from ..rules.final_mark import add_final_mark
from ..rules.languages.choice import source_and_target
from ..rules.languages.typography import write_marks
from ..rules.links import ELIDED_WORD, WORD, Links, link_words
from ..rules.reading import Reader
from ..translation import Segment, Translation
from .attempts import as_fragment, attempts, complete
from .segments import Piece
from .sentence import Sentence

if TYPE_CHECKING:
    from ...volume.engines import BatchSearch

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Attention Float["target_len source_len"], of (source ids, target ids, layer, rows).
Aligner = Callable[[Sequence[int], Sequence[int], int, str], FloatArray]
# The input of the search: the ids of a source, and those that its target must begin with.
Question = tuple[tuple[int, ...], tuple[int, ...]]
Answers = Mapping[Question, Sequence[Hypothesis]]
# One translation of a sentence: a segment, or several if its parts were translated.
Row = tuple[Segment, ...]


@dataclass(frozen=True)
class TranslationOptions:
    """The options of a call; see `Translator.translate`."""

    settings: SearchSettings
    batch_tokens: int
    threads: int = 1
    protect: bool = True
    adapt: bool = True
    alignment_layer: int | None = None
    alignment_rows: str = "output"
    on_progress: Callable[[int], None] | None = None
    search: BatchSearch | None = None  # of another engine than ours
    tags: tuple[int, ...] = ()  # token ids in front of every source


class SentenceTranslator:
    """Translates sentences with an engine, its tokenizer, and perhaps an aligner."""

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        config: TransformerConfig,
        align: Aligner | None,
        languages: Languages | None = None,
    ) -> None:
        self.engine, self.tokenizer, self.align = engine, tokenizer, align
        self.language, self.target = source_and_target(languages)
        self.reader = Reader(tokenizer, self.language, self.target)
        self.special = SpecialTokens.of(config)
        self._longest = config.max_length

    def in_target(self, marks: str) -> str:
        """Return marks around or before a sentence as the target language has them."""
        return write_marks(marks, self.language, self.target)

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the token ids of a text, after only the rule of characters."""
        return tuple(self.tokenizer.encode(plain_characters(text)))

    def sentence(self, piece: Piece, prefix: tuple[int, ...] = (), adapt: bool = True) -> Sentence:
        """Return a piece of a text as a sentence: as the model reads it, with its token ids."""
        plain_text = plain_characters(piece.text)
        read = self.reader.read if adapt and not prefix else self.reader.plain
        reading = read(piece.text)
        # Splitting has encoded the piece as typed, which is mostly what the model reads.
        is_encoded = piece.ids and plain_characters(reading.text) == plain_text
        ids = piece.ids if is_encoded else self.encode(reading.text)
        return Sentence(piece.text, reading, prefix, (Piece(reading.text, True, ids=ids),))

    def translate(
        self, sentences: Iterable[Sentence], options: TranslationOptions
    ) -> dict[Sentence, list[Row]]:
        """Return the n best translations of each sentence.

        Round by round, every sentence that has no acceptable translation yet is tried in the
        next of the ways that `attempts` names.
        """
        translations: dict[Sentence, list[Row]] = {}
        ways = {sentence: _ways(sentence, options) for sentence in sentences}
        while ways:
            # The next way of each remaining sentence, and its inputs for the search.
            attempts_now = {
                sentence: self._encode_parts(next(remaining), options)
                for sentence, remaining in ways.items()
            }
            questions = dict.fromkeys(
                _question(attempt, part)
                for attempt in attempts_now.values()
                for part in attempt.parts
                if part.translate
            )
            answers = self._search(list(questions), options)
            # Results that keep all spans are translations; the other sentences try their next way.
            for sentence, attempt in attempts_now.items():
                rows = self._rows(sentence, attempt, answers, options)
                if rows:
                    translations[sentence] = rows
                    del ways[sentence]
            if options.on_progress:
                options.on_progress(len(translations))
        return translations

    def _encode_parts(self, attempt: Sentence, options: TranslationOptions) -> Sentence:
        """Return an attempt with the token ids of all parts to translate."""
        if all(part.ids for part in attempt.parts if part.translate):
            return attempt
        add_mark = options.adapt and not attempt.is_whole
        parts = tuple(
            replace(part, ids=self.encode(self._marked(part.text) if add_mark else part.text))
            if part.translate
            else part
            for part in attempt.parts
        )
        return replace(attempt, parts=parts)

    def _search(
        self, questions: list[Question], options: TranslationOptions
    ) -> dict[Question, list[Hypothesis]]:
        """Search for all inputs, batched by similar length: the best results, then spares."""
        sources = [[*options.tags, *ids, self.special.end_id] for ids, _ in questions]
        prefixes = [prefix for _, prefix in questions]
        if options.search is not None:
            hypotheses = options.search(sources, options.settings, prefixes, options.on_progress)
        else:
            hypotheses = search_batches(
                self.engine,
                sources,
                options.settings,
                batch_tokens=options.batch_tokens,
                threads=options.threads,
                special=self.special,
                prefixes=prefixes,
                spares=True,  # if the best loses a span, another may keep it
                on_progress=options.on_progress,
            )
        return dict(zip(questions, hypotheses, strict=True))

    def _rows(
        self, sentence: Sentence, attempt: Sentence, answers: Answers, options: TranslationOptions
    ) -> list[Row]:
        """Return the n best results of an attempt that keep all spans; none if none does."""
        if not attempt.is_whole:
            return self._rows_of_parts(sentence, attempt, answers, options)
        rows: list[Row] = []
        (part,) = attempt.parts
        reading = sentence.reading
        for hypothesis in answers[_question(attempt, part)]:
            text = complete(attempt, self._decode(hypothesis))
            if text is not None:
                text = reading.restore(text, self._linker(sentence, options.tags))
                segment = self._segment(sentence.text, part.ids, text, hypothesis, options)
                rows.append((replace(segment, read=reading.text, actions=reading.actions),))
            if len(rows) == options.settings.n_best:
                break
        return rows

    def _rows_of_parts(
        self, sentence: Sentence, attempt: Sentence, answers: Answers, options: TranslationOptions
    ) -> list[Row]:
        """Return the n best results of a sentence that was translated part by part."""
        reading = sentence.reading
        questions = [_question(attempt, part) for part in attempt.parts if part.translate]
        ranks = max((len(answers[question]) for question in questions), default=1)
        rows: list[Row] = []
        for rank in range(min(ranks, options.settings.n_best)):
            row = tuple(
                self._fragment(part, answers[_question(attempt, part)], rank, options)
                if part.translate
                else Segment(part.text, part.text)
                for part in attempt.parts
            )
            text = "".join(segment.text for segment in row)
            if complete(attempt, text) is None:
                continue
            if reading.is_plain and reading.text == sentence.text:
                rows.append(row)
                continue
            text = reading.restore(text, self._linker(sentence, options.tags))
            rows.append((_merge(row, sentence, text),))
        return rows

    def _fragment(
        self,
        part: Piece,
        hypotheses: Sequence[Hypothesis],
        rank: int,
        options: TranslationOptions,
    ) -> Segment:
        """Return one part of a sentence with its translation of this rank."""
        hypothesis = hypotheses[min(rank, len(hypotheses) - 1)]
        text = as_fragment(part.text, self._decode(hypothesis), self.language)
        # The final mark that was added to a part for the model is not its own.
        has_mark_added = options.adapt and self._marked(part.text) != part.text
        ids = self.encode(part.text) if has_mark_added else part.ids
        return self._segment(part.text, ids, text, hypothesis, options)

    def _marked(self, text: str) -> str:
        return add_final_mark(text, self.language)

    def _segment(
        self,
        source: str,
        ids: Sequence[int],
        text: str,
        hypothesis: Hypothesis,
        options: TranslationOptions,
    ) -> Segment:
        """Return a sentence or a part of one, with these ids, and its translation."""
        ids, alignment = (*options.tags, *ids), None
        if options.alignment_layer is not None and self.align is not None:
            layer, rows = options.alignment_layer, options.alignment_rows
            alignment = self.align(ids, hypothesis.tokens, layer, rows)
        return Segment(
            source=source,
            text=text,
            log_prob=hypothesis.log_prob,
            source_tokens=tuple(with_tags(self.tokenizer.pieces(ids), ids)),
            tokens=tuple(self.tokenizer.pieces(hypothesis.tokens)),
            token_log_probs=hypothesis.token_log_probs,
            alignment=alignment,
        )

    def _decode(self, hypothesis: Hypothesis) -> str:
        """Return the text of a hypothesis, on one line."""
        return _UNPRINTABLE.sub(" ", self.tokenizer.decode(hypothesis.tokens)).strip()

    def _linker(self, sentence: Sentence, tags: tuple[int, ...]) -> Callable[[str], Links]:
        """Return a function that links the words of a sentence and of a translation."""

        word = ELIDED_WORD if self.language.has_elision else WORD

        def link(translation: str) -> Links:
            text, source = sentence.reading.text, sentence.parts[0].ids
            target = self.tokenizer.encode(translation)
            fits = 0 < len(source) < self._longest - len(tags) and 0 < len(target) < self._longest
            if self.align is None or not fits:
                return link_words(text, translation, None, source_word=word)
            # A tag is a token that covers no characters, so it is part of no word.
            weights = self.align((*tags, *source), target, -1, "output")[:, len(tags) :]
            ends = self._token_ends
            return link_words(
                text, translation, weights, ends(source), ends(target), source_word=word
            )

        return link

    def _token_ends(self, ids: Sequence[int]) -> list[int]:
        """Return where each token ends in the text of all."""
        return [len(self.tokenizer.decode(ids[: count + 1])) for count in range(len(ids))]


def _ways(sentence: Sentence, options: TranslationOptions) -> Iterator[Sentence]:
    """Return the ways to translate a sentence; only one if it is not to be checked."""
    if sentence.prefix or not options.protect:
        return iter([sentence])
    return attempts(sentence)


def _question(attempt: Sentence, part: Piece) -> Question:
    return part.ids, attempt.prefix


def _merge(row: Row, sentence: Sentence, text: str) -> Segment:
    """Return the segments of a sentence that was translated part by part, as one."""
    translated_segments = [segment for segment in row if not segment.kept]
    return Segment(
        source=sentence.text,
        text=text,
        log_prob=sum(segment.log_prob for segment in translated_segments),
        source_tokens=tuple(t for segment in translated_segments for t in segment.source_tokens),
        tokens=tuple(token for segment in translated_segments for token in segment.tokens),
        token_log_probs=tuple(
            p for segment in translated_segments for p in segment.token_log_probs
        ),
        alignment=Translation(sentence.text, row).alignment,
        read=sentence.reading.text,
        actions=sentence.reading.actions,
    )

"""The ways to translate a sentence that holds protected spans, one after the other.

A small model was never trained on placeholders, and may drop or change them. So a sentence with
protected spans is translated in several ways, and the first result in which each span occurs
exactly as often as in the source is used:

1. *Stand-ins*: each placeholder, address or symbol is replaced by a word that models copy well
   (a short first name, or a number for a counter), and put back afterwards.
2. *Directly*, with the spans in the sentence; lower-ranked hypotheses count too.
3. *In pieces*: the text between the spans is translated piece by piece. This always works.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace

from ..rules.final_mark import add_final_mark, drop_final_mark
from ..rules.languages.english import ENGLISH
from ..rules.languages.language import Language
from ..rules.protected import Span, numbers, preserves, spans
from .segments import Piece
from .sentence import Sentence

# First names that begin with a consonant (no French elision) and are the same in many
# languages; numbers of two digits that no other number contains.
_NAMES = ("Tom", "Paul", "Max", "Bob", "Sam", "Jim")
_COUNTS = ("24", "37", "58", "69", "83", "95")
_COUNTER = re.compile(r"%.*[diuoxXeEfFgG]\Z|\{+\s*\$?(?:n|num|count|number|total|\d+)\b", re.I)


def attempts(sentence: Sentence) -> Iterator[Sentence]:
    """Yield the ways to translate a sentence, best first; the last always keeps every span.

    Args:
        sentence: as created, with one part.

    Yields:
        the same sentence with other parts, which are not encoded yet; without protected spans and
        numbers, the sentence itself.
    """
    text = sentence.reading.text
    strict_spans, number_spans = spans(text), numbers(text, sentence.reading.language)
    if not (strict_spans or number_spans):
        yield sentence
        return
    replaceable = [span for span in strict_spans if span.kind != "tag"]
    if replaceable:
        yield from _with_stand_ins(sentence, replaceable)
    yield replace(sentence, last=False)
    if number_spans and not strict_spans:
        yield from _with_stand_ins(sentence, number_spans)
    if strict_spans and number_spans:
        yield replace(sentence, parts=_parts_between(text, strict_spans), last=False)
    every_span = sorted(strict_spans + number_spans, key=lambda span: span.start)
    yield replace(sentence, parts=_parts_between(text, every_span), last=True)


def complete(sentence: Sentence, output: str) -> str | None:
    """Return a translation with its spans put back; None if it does not keep all of them.

    Args:
        sentence: the sentence in the way that was translated.
        output: the translations of its parts, joined.
    """
    for stand_in, _ in sentence.stand_ins:
        if len(re.findall(rf"(?<!\w){stand_in}(?!\w)", output)) != 1:
            return None
    if sentence.stand_ins:
        span_of = dict(sentence.stand_ins)
        any_stand_in = re.compile(rf"(?<!\w)(?:{'|'.join(span_of)})(?!\w)")
        output = any_stand_in.sub(lambda match: span_of[match[0]], output)
    reading = sentence.reading
    if sentence.last or preserves(reading.text, output, reading.language):
        return output
    return None


def _with_stand_ins(sentence: Sentence, protected_spans: list[Span]) -> Iterator[Sentence]:
    """Yield a sentence with stand-in words for its spans, for several choices of words."""
    text, size = sentence.reading.text, len(protected_spans)
    names = [name for name in _NAMES if name not in text]
    counts = [count for count in _COUNTS if count not in text]
    if min(len(names), len(counts)) < size:
        return
    mixed = tuple(
        counts[place] if span.kind == "number" or _COUNTER.match(span.text) else names[place]
        for place, span in enumerate(protected_spans)
    )
    choices = [mixed, tuple(names[:size]), tuple(counts[:size])]
    if all(span.kind == "number" for span in protected_spans):
        choices = [mixed]
    for words in dict.fromkeys(choices):
        parts, start = [], 0
        for span, word in zip(protected_spans, words, strict=True):
            parts += [text[start : span.start], word]
            start = span.end
        changed_text = "".join([*parts, text[start:]])
        if all(len(re.findall(rf"(?<!\w){word}(?!\w)", changed_text)) == 1 for word in words):
            stand_ins = tuple(zip(words, (span.text for span in protected_spans), strict=True))
            part = Piece(changed_text, True)
            yield replace(sentence, parts=(part,), stand_ins=stand_ins, last=False)


def _parts_between(text: str, protected_spans: list[Span]) -> tuple[Piece, ...]:
    """Return the spans, to be kept, and the text between them, to be translated."""
    pieces: list[Piece] = []
    edges = [0, *itertools.chain.from_iterable((span.start, span.end) for span in protected_spans)]
    for place, (start, end) in enumerate(itertools.pairwise([*edges, len(text)])):
        stretch = text[start:end]
        if place % 2 or not re.search(r"[^\W\d_]{2}", stretch):
            pieces.append(Piece(stretch, False))
            continue
        core = stretch.strip()
        first = stretch.index(core)
        pieces += [
            Piece(stretch[:first], False),
            Piece(core, True),
            Piece(stretch[first + len(core) :], False),
        ]
    return tuple(piece for piece in pieces if piece.text)


def as_fragment(source: str, output: str, language: Language = ENGLISH) -> str:
    """Return the translation of a part with the case and the final mark that its source has.

    Models end what they write with a full stop and begin it with a capital letter, even when
    they are given a part of a sentence.
    """
    output = output.strip()
    if add_final_mark(source, language) != source:
        output = drop_final_mark(output)
    if source[:1].islower() and output[:1].isupper() and not output[1:2].isupper():
        output = output[:1].lower() + output[1:]
    return output

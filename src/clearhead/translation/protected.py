"""What must come through a translation unchanged: placeholders, tags, addresses, numbers.

A small model was never taught placeholders, and may drop or change them. So a sentence that
holds protected spans is translated in one of several ways, and the first result in which each
span stands exactly as often as in the source is taken:

1. *Stand-ins*: each placeholder, address or symbol is replaced by a word that models copy well
   (a short first name, or a number for a counter), and put back afterwards.
2. *Directly*, with the spans in the sentence; lower-ranked hypotheses count too.
3. *In pieces*: the text between the spans is translated piece by piece. This always works.

Numbers keep their digits; only the separators of thousands and decimals may follow the target
language (1,234.5 may become 1 234,5). A time of 3 p.m. therefore never becomes 15 h. Digits may
appear where the source has words (two, 2), unless the source has that number in digits too.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from .rules.final_mark import add_final_mark, drop_final_mark
from .rules.symbols import SYMBOLS
from .segments import Piece

_PATTERNS = (
    ("address", r"\b(?:https?|ftp)://[^\s<>\"“”«»]*[^\s<>\"“”«».,;:!?)\]}'’]"),
    ("address", r"\bwww\.[^\s<>\"“”«»]*[\w/]"),
    ("address", r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"),
    ("code", r"`[^`]+`"),
    ("placeholder", r"\{\{[^{}]*\}\}|\$?\{[^{}\s]*\}|%\(\w+\)[#+-]?\d*(?:\.\d+)?[a-zA-Z]"),
    (
        "placeholder",
        r"(?<![\d%])%(?:\d+\$)?[-+0#]*\d*(?:\.\d+)?(?:hh?|ll?|[Lzjt])?[diouxXeEfFgGcrsa@](?![a-zA-Z])",
    ),
    ("tag", r"</?[A-Za-z][^<>]*>|<!--[^<>]*-->|&(?:[a-zA-Z]+|#\d+|#x[0-9a-fA-F]+);"),
    ("path", r"(?<![\w/.<])(?:~|\.{1,2})?(?:/[\w.-]*\w){2,}/?|(?<!\w)[A-Za-z]:(?:\\[\w.-]*\w)+"),
    ("option", r"(?<![\w-])--[a-z][a-z0-9-]*(?:=[^\s,;]*\w)?"),
    ("handle", r"(?<![\w&])[@#][^\W\d]\w*"),
    ("symbol", rf"{SYMBOLS}+"),
)
_SPAN = re.compile("|".join(f"({pattern})" for _, pattern in _PATTERNS))
_KINDS = [kind for kind, _ in _PATTERNS]
_SPACES = " \u00a0\u202f\u2009"
_NUMBER = re.compile(rf"\d+(?:[.,'’]\d+)*(?:[{_SPACES}]\d{{3}}(?!\d))*(?:[.,]\d+)?")
_PLAIN_NUMBER = re.compile(r"\d+(?:[.,'’]\d+)*")

# First names that begin with a consonant (no French elision) and are the same in many
# languages; numbers of two digits that no other number contains.
_NAMES = ("Tom", "Paul", "Max", "Bob", "Sam", "Jim")
_COUNTS = ("24", "37", "58", "69", "83", "95")
_COUNTER = re.compile(r"%.*[diuoxXeEfFgG]\Z|\{+\s*\$?(?:n|num|count|number|total|\d+)\b", re.I)


@dataclass(frozen=True)
class Span:
    """A protected stretch of a sentence."""

    start: int
    end: int
    text: str
    kind: str


def spans(sentence: str) -> list[Span]:
    """The protected spans of a sentence other than its numbers, from left to right."""
    return [
        Span(match.start(), match.end(), match[0], _KINDS[(match.lastindex or 1) - 1])
        for match in _SPAN.finditer(sentence)
    ]


def has_words(sentence: str) -> bool:
    """Whether there is a letter outside of the protected spans."""
    return any(map(str.isalpha, _SPAN.sub(" ", sentence)))


def numbers(sentence: str) -> list[Span]:
    """The numbers outside of other spans."""
    blank = _SPAN.sub(lambda match: " " * len(match[0]), sentence)
    return [
        Span(match.start(), match.end(), match[0], "number")
        for match in _PLAIN_NUMBER.finditer(blank)
    ]


def preserves(source: str, output: str) -> bool:
    """Whether an output has every protected span and number of its source, equally often."""
    wanted = Counter(span.text for span in spans(source))
    there = Counter(span.text for span in spans(output))
    if any(there[text] != count for text, count in wanted.items()):
        return False
    for text in sorted(wanted, key=len, reverse=True):
        output = output.replace(text, " | ")
    needed = Counter(_digits(span.text) for span in numbers(source))
    return any(
        all(found[digits] == count for digits, count in needed.items())
        for found in (_numbers_of(output, _PLAIN_NUMBER), _numbers_of(output, _NUMBER))
    )


@dataclass(frozen=True)
class Attempt:
    """One way to translate a sentence.

    Attributes:
        pieces: what to translate and what to keep, to be joined.
        restore: stand-ins and the spans to put in their place.
        last: whether there is no other way, so that its result is taken as it is.
    """

    pieces: tuple[Piece, ...]
    restore: tuple[tuple[str, str], ...] = ()
    last: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is one sentence, so that lower-ranked hypotheses may be tried."""
        return len(self.pieces) == 1 and self.pieces[0].translate

    def result(self, source: str, output: str) -> str | None:
        """The output with spans put back, or None when it does not keep what it must."""
        for stand_in, _ in self.restore:
            if len(re.findall(rf"(?<!\w){stand_in}(?!\w)", output)) != 1:
                return None
        if self.restore:
            back = dict(self.restore)
            either = re.compile(rf"(?<!\w)(?:{'|'.join(back)})(?!\w)")
            output = either.sub(lambda match: back[match[0]], output)
        return output if self.last or preserves(source, output) else None


def attempts(sentence: str) -> Iterator[Attempt]:
    """The ways to translate a sentence, best first; the last always keeps every span."""
    strict = spans(sentence)
    counted = numbers(sentence)
    if any(span.kind != "tag" for span in strict):
        yield from _stand_ins(sentence, [span for span in strict if span.kind != "tag"])
    yield Attempt((Piece(sentence, True),), last=not (strict or counted))
    if counted and not strict:
        yield from _stand_ins(sentence, counted)
    if strict or counted:
        if strict and counted:
            yield Attempt(_in_pieces(sentence, strict))
        every = sorted(strict + counted, key=lambda span: span.start)
        yield Attempt(_in_pieces(sentence, every), last=True)


def _stand_ins(sentence: str, replaced: list[Span]) -> Iterator[Attempt]:
    if len(replaced) > len(_NAMES):
        return
    names = [name for name in _NAMES if name not in sentence]
    counts = [count for count in _COUNTS if count not in sentence]
    if len(names) < len(replaced) or len(counts) < len(replaced):
        return
    counters = [span.kind == "number" or bool(_COUNTER.match(span.text)) for span in replaced]
    mixed = tuple(counts[i] if counter else names[i] for i, counter in enumerate(counters))
    choices = [mixed, tuple(names[: len(replaced)]), tuple(counts[: len(replaced)])]
    if all(span.kind == "number" for span in replaced):
        choices = [mixed]
    for words in dict.fromkeys(choices):
        parts, start = [], 0
        for span, word in zip(replaced, words, strict=True):
            parts += [sentence[start : span.start], word]
            start = span.end
        text = "".join([*parts, sentence[start:]])
        restore = tuple(zip(words, (span.text for span in replaced), strict=True))
        if all(len(re.findall(rf"(?<!\w){word}(?!\w)", text)) == 1 for word in words):
            yield Attempt((Piece(text, True),), restore)


def _in_pieces(sentence: str, kept: list[Span]) -> tuple[Piece, ...]:
    """The spans as they are, and the text between them translated piece by piece."""
    pieces: list[Piece] = []
    edges = [0, *itertools.chain.from_iterable((span.start, span.end) for span in kept)]
    for place, (start, end) in enumerate(itertools.pairwise([*edges, len(sentence)])):
        text = sentence[start:end]
        if place % 2 or not re.search(r"[^\W\d_]{2}", text):
            pieces.append(Piece(text, False))
            continue
        core = text.strip()
        first = text.index(core)
        pieces += [
            Piece(text[:first], False),
            Piece(core, True),
            Piece(text[first + len(core) :], False),
        ]
    return tuple(piece for piece in pieces if piece.text)


def as_fragment(source: str, output: str) -> str:
    """A piece's translation with the case and the final mark that its source has.

    Models end what they write with a full stop and begin it with a capital letter, even when
    they are given a part of a sentence.
    """
    output = output.strip()
    if add_final_mark(source) != source:
        output = drop_final_mark(output)
    if source[:1].islower() and output[:1].isupper() and not output[1:2].isupper():
        output = output[:1].lower() + output[1:]
    return output


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)


def _numbers_of(text: str, pattern: re.Pattern[str]) -> Counter[str]:
    return Counter(_digits(match[0]) for match in pattern.finditer(text))

"""Protected spans, which a translation must keep: placeholders, tags, addresses, numbers.

Such a stretch is a protected span: `spans` and `numbers` name them in a sentence, and `preserves`
says whether a translation has each exactly as often as its source.
`clearhead.translation.sentences.attempts` describes how a sentence with spans is translated.

Numbers keep their digits; only the separators of thousands and decimals may follow the target
language (1,234.5 may become 1 234,5). A time of 3 p.m. therefore never becomes 15 h. Digits may
appear where the source has words (two, 2), unless the source has that number in digits too.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from .languages.english import ENGLISH
from .languages.language import Language
from .symbols import SYMBOLS

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
_GROUPED_NUMBER = re.compile(
    rf"\d{{1,3}}(?:[{_SPACES}]\d{{3}})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,'’]\d+)*"
)
_PLAIN_NUMBER = re.compile(r"\d+(?:[.,'’]\d+)*")


@dataclass(frozen=True)
class Span:
    """A protected stretch of a sentence."""

    start: int
    end: int
    text: str
    kind: str


def spans(sentence: str) -> list[Span]:
    """Return the protected spans of a sentence but its numbers, from left to right."""
    return [
        Span(match.start(), match.end(), match[0], _KINDS[(match.lastindex or 1) - 1])
        for match in _SPAN.finditer(sentence)
    ]


def has_words(sentence: str) -> bool:
    """Return whether there is a letter outside of the protected spans."""
    return any(map(str.isalpha, _SPAN.sub(" ", sentence)))


def numbers(sentence: str, language: Language = ENGLISH) -> list[Span]:
    """Return the numbers outside of other spans, from left to right."""
    pattern = _GROUPED_NUMBER if language.has_spaced_thousands else _PLAIN_NUMBER
    blank = _SPAN.sub(lambda match: " " * len(match[0]), sentence)
    return [
        Span(match.start(), match.end(), match[0], "number") for match in pattern.finditer(blank)
    ]


def preserves(source: str, output: str, language: Language = ENGLISH) -> bool:
    """Return whether an output has every protected span and number of its source, as often.

    Args:
        source: a sentence.
        output: its translation.
        language: of the sentence.
    """
    source_spans = Counter(span.text for span in spans(source))
    output_spans = Counter(span.text for span in spans(output))
    if any(output_spans[text] != count for text, count in source_spans.items()):
        return False
    # Numbers are counted outside of the spans; longer spans are removed first, as they may contain
    # others.
    for text in sorted(source_spans, key=len, reverse=True):
        output = output.replace(text, " | ")
    # "1 234" may be one number or two; it counts as what the other side has.
    source_counts = [
        Counter(_digits(span.text) for span in numbers(source, either))
        for either in dict.fromkeys((language, ENGLISH))
    ]
    output_counts = [_count_numbers(output, pattern) for pattern in (_PLAIN_NUMBER, _NUMBER)]
    return any(
        all(output_numbers[digits] == count for digits, count in source_numbers.items())
        for source_numbers in source_counts
        for output_numbers in output_counts
    )


def _digits(number: str) -> str:
    """Return a number without its separators."""
    return re.sub(r"\D", "", number)


def _count_numbers(text: str, pattern: re.Pattern[str]) -> Counter[str]:
    """Return how often each number stands in a text."""
    return Counter(_digits(match[0]) for match in pattern.finditer(text))

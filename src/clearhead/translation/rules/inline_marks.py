"""Marks within a sentence: tags, Markdown, quotes, brackets, emoji, dashes and dots of a pause.

The sentence is translated without them, and each is put back at the translation of the words that
it was at. No mark is lost or doubled, and pairs never cross, whatever the links between words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .characters import has_letter
from .languages.english import ENGLISH
from .languages.language import Language, word_set
from .links import Links
from .protected import Span, spans
from .symbols import SYMBOLS

_TAG = r"<(?P<close>/?)(?P<name>[A-Za-z][\w:-]*)(?:\s[^<>]*)?(?P<void>/?)>|<!--.*?-->"
_SYMBOL = rf"{SYMBOLS}+"
# Two hyphens that touch a word on one side only are an option of a command.
_DASH = r"(?:—|(?<=\s)–(?=\s)|(?<=\s)-{2,3}(?=\s)|(?<=\w)-{2,3}(?=\w))"
_PAUSE = rf"(?:{_DASH}|(?<![.…])(?:…|\.(?: ?\.)+)(?![.…]))"
_POINTS = re.compile(rf"{_SYMBOL}|(?P<pause>{_PAUSE})|(?<!\w)\"(?=\w)|(?<=[\w.,!?])\"(?!\w)")
_LINK = r"\[(?P<text>[^\[\]]+)\](?P<target>\([^()\s]+\))"
_EMPHASIS = re.compile(
    r"(?<!\w)(?P<mark>\*\*\*|\*\*|\*|~~|==|__|_)(?=[^\s*_~=])"
    r"(?P<inner>[^*_~=]*?[^\s*_~=])(?P=mark)(?!\w)"
)
_QUOTED = re.compile(
    r"(?<!\w)\"(?=\S)[^\"]*?\S\"(?!\w)|“[^“”]*”|«[^«»]*»|(?<!\w)‘[^‘’]*’(?!\w)"
    r"|(?<!\w)'(?=\w)[^']*?[\w.,!?]'(?!\w)"
)
_SPACED_QUOTES = re.compile(r"«\s[^«»]*\S\s»")
_BRACKETED = re.compile(r"\([^()\[\].!?]{1,40}\)|\[[^()\[\].!?]{1,40}\]")
_VOID = word_set(
    """
    area base br col embed hr img input link meta source track wbr
    """
)
_PUNCTUATION = re.compile(r"\s?[,.!?;:…]+")


@dataclass(frozen=True)
class Mark:
    """A mark that was removed from a sentence.

    Attributes:
        start, end: the characters of the plain sentence that it encloses; equal for a mark at a
            single place.
        opening: the text before them; all of a mark at a single place.
        closing: the text after them.
        space_before, space_after: whether a mark at one place had a space there.
    """

    start: int
    end: int
    opening: str
    closing: str = ""
    space_before: bool = False
    space_after: bool = False

    @property
    def is_pair(self) -> bool:
        """Whether it encloses something."""
        return bool(self.closing)


class _Edge(NamedTuple):
    """A stretch of a sentence: one half of a mark, or all of a mark at a single place."""

    start: int
    end: int
    number: int  # of the mark; both halves of a pair have the same
    role: str  # "open", "close" or "point"


def take_out(sentence: str, language: Language = ENGLISH) -> tuple[str, tuple[Mark, ...]]:
    """Return a sentence without its marks, and the marks in the order of their places."""
    edges = _find_edges(sentence, language)
    if not edges:
        return sentence, ()
    parts: list[str] = []  # of the plain sentence, so far ``length`` characters
    length, place = 0, 0
    open_places: dict[int, tuple[int, str]] = {}
    marks: list[Mark] = []
    for start, end, number, role in edges:
        parts.append(sentence[place:start])
        length += len(parts[-1])
        text = sentence[start:end]
        place = end
        if role == "open":
            open_places[number] = (length, text)
        elif role == "close":
            first, opening = open_places[number]
            marks.append(Mark(first, length, opening, text))
        else:
            before = start == 0 or sentence[start - 1].isspace()
            after = end < len(sentence) and sentence[end].isspace()
            if before and after and length:
                place = end + 1  # one of the two spaces goes with the mark
            elif before and length and parts[-1].endswith(" "):
                parts[-1] = parts[-1][:-1]
                length -= 1
            joins = sentence[start - 1 : start].isalnum() and sentence[end : end + 1].isalnum()
            if joins:
                before = text[0] in "—-"
            marks.append(
                Mark(length, length, text, "", before and length > 0, after and start == 0)
            )
            if joins:  # "tea—and", two words without it
                parts.append(" ")
                length += 1
    parts.append(sentence[place:])
    plain = "".join(parts)
    if not has_letter(plain):
        return sentence, ()
    return plain, tuple(sorted(marks, key=lambda mark: (mark.start, -mark.end)))


class _Edges:
    """The edges of marks in a sentence; a character belongs to the first mark that claims it."""

    def __init__(self, sentence: str) -> None:
        self.edges: list[_Edge] = []
        self._protected = [
            (span.start, span.end) for span in spans(sentence) if span.kind not in ("tag", "symbol")
        ]

    def is_free(self, start: int, end: int) -> bool:
        """Return whether a stretch is in no protected span and no edge."""
        return not any(a < end and start < b for a, b in self._protected) and not any(
            edge.start < end and start < edge.end for edge in self.edges
        )

    def add_pair(self, start: int, inner: int, after: int, end: int) -> None:
        """Add a pair around inner to after, if both halves are free and it crosses no other."""
        is_free = self.is_free(start, inner) and self.is_free(after, end)
        if is_free and not self._crosses(inner, after):
            number = len(self.edges)
            self.edges.append(_Edge(start, inner, number, "open"))
            self.edges.append(_Edge(after, end, number, "close"))

    def _crosses(self, start: int, end: int) -> bool:
        """Return whether a pair around start to end would hold one half of another pair."""
        inside = [
            edge.number
            for edge in self.edges
            if edge.role != "point" and start <= edge.start and edge.end <= end
        ]
        return any(inside.count(number) == 1 for number in inside)


def _find_edges(sentence: str, language: Language) -> list[_Edge]:
    """Return the edges of all marks, from left to right."""
    marks = _Edges(sentence)
    for match in re.finditer(_LINK, sentence):
        # The address in its closing half is protected by going with it.
        if marks.is_free(match.start(), match.end("text")):
            number = len(marks.edges)
            marks.edges.append(_Edge(match.start(), match.start("text"), number, "open"))
            marks.edges.append(_Edge(match.end("text"), match.end(), number, "close"))
    marks.edges += _find_tags(sentence, marks)
    for match in _EMPHASIS.finditer(sentence):
        size = len(match["mark"])
        marks.add_pair(match.start(), match.start() + size, match.end() - size, match.end())
    for pattern in (_QUOTED, _BRACKETED):
        for match in pattern.finditer(sentence):
            start, end = match.span()
            # The spaces of « oui » are its quotes'.
            is_spaced = language.has_spaced_marks and _SPACED_QUOTES.fullmatch(match[0])
            width = 2 if is_spaced else 1
            marks.add_pair(start, start + width, end - width, end)
    last_letter = max((place for place, c in enumerate(sentence) if c.isalpha()), default=-1)
    for match in _POINTS.finditer(sentence):
        if match["pause"] and match.end() > last_letter:
            continue  # dots that no word follows are the sentence's final mark
        if marks.is_free(*match.span()):
            marks.edges.append(_Edge(*match.span(), len(marks.edges), "point"))
    return sorted(marks.edges)


def _find_tags(sentence: str, marks: _Edges) -> list[_Edge]:
    """Return the edges of tags: pairs where an end closes the last start of its name."""
    open_tags: list[tuple[str, int, int]] = []  # name, place in ``tags``, number
    tags: list[_Edge] = []
    for number, match in enumerate(re.finditer(_TAG, sentence), 1000):
        start, end = match.span()
        if not marks.is_free(start, end):
            continue
        name = (match["name"] or "").lower()
        if name and not match["close"] and not match["void"] and name not in _VOID:
            # It stands at one place until an end of its name is met.
            open_tags.append((name, len(tags), number))
            tags.append(_Edge(start, end, number, "point"))
        elif match["close"] and any(name == other for other, _, _ in open_tags):
            # Tags within it that were never closed stay at one place.
            while True:
                other, place, first_number = open_tags.pop()
                if other == name:
                    break
            tags[place] = tags[place]._replace(role="open")
            tags.append(_Edge(start, end, first_number, "close"))
        else:
            tags.append(_Edge(start, end, number, "point"))
    return tags


def put_back(translation: str, marks: Sequence[Mark], links: Links) -> str:
    """Return a translation with the marks of its source at the corresponding words."""
    protected = spans(translation)
    stretches = _nest(
        [_around_spans(_stretch_of(translation, mark, links), protected) for mark in marks], marks
    )
    text = translation
    # Place, order at one place, number, and what is put there. At one place inner pairs close
    # before outer ones, marks at one place follow, and outer pairs open before inner ones.
    insertions: list[tuple[int, int, int, str]] = []
    for number, (mark, (start, end)) in enumerate(zip(marks, stretches, strict=True)):
        if not mark.is_pair:
            before = " " if mark.space_before and start and text[start - 1] != " " else ""
            after = " " if mark.space_after and text[start : start + 1] not in ("", " ") else ""
            insertions.append((start, 1, number, before + mark.opening + after))
        elif start == end:
            insertions.append((start, 1, number, mark.opening + mark.closing))
        else:
            insertions.append((start, 2, number, mark.opening))
            insertions.append((end, 0, -number, mark.closing))
    shift = 0
    for place, _, _, insertion in sorted(insertions):
        text = text[: place + shift] + insertion + text[place + shift :]
        shift += len(insertion)
    return text


def _around_spans(stretch: tuple[int, int], protected: Sequence[Span]) -> tuple[int, int]:
    """Return a stretch that begins and ends within no protected span, such as ``{name}``."""
    start, end = stretch
    is_point = start == end
    for span in protected:
        if span.start < end < span.end:
            end = span.end
        if span.start < start < span.end:
            start = span.start
    return (end, end) if is_point else (start, end)


def _stretch_of(translation: str, mark: Mark, links: Links) -> tuple[int, int]:
    """Return where a mark goes: around the words linked to its words, or after a word."""
    if mark.is_pair:
        words = links.targets_of(mark.start, mark.end)
        if not words:
            place = _place_behind(mark.start, links)
            return place, place
        first, last = links.target[min(words)][0], links.target[max(words)][1]
        source_words = [b for a, b in links.source if a < mark.end and mark.start < b]
        if source_words and mark.end > max(source_words):
            tail = _PUNCTUATION.match(translation, last)
            last = tail.end() if tail else last
        return first, last
    place = _place_behind(mark.start, links)
    last_word = max((b for _, b in links.source if b <= mark.start), default=0)
    if mark.start > last_word and place == max((b for _, b in links.target), default=0):
        tail = _PUNCTUATION.match(translation, place)
        place = tail.end() if tail else place
    return place, place


def _place_behind(place: int, links: Links) -> int:
    """Return the end of the translation of the last source word that ends before a place."""
    for number in range(len(links.source) - 1, -1, -1):
        start, end = links.source[number]
        if end > place:
            continue
        words = links.targets_of(start, end)
        if words:
            return links.target[max(words)][1]
    return 0


def _nest(stretches: list[tuple[int, int]], marks: Sequence[Mark]) -> list[tuple[int, int]]:
    """Return the stretches of marks, changed so that no two pairs cross."""
    nested = list(stretches)
    pairs = [number for number, mark in enumerate(marks) if mark.is_pair]
    # A pair that stands within another in the source: the outer one is widened around it.
    for number in reversed(pairs):
        outer = marks[number]
        for inner in pairs:
            if (
                inner > number
                and marks[inner].end <= outer.end
                and marks[inner].start >= outer.start
            ):
                start, end = nested[number]
                if start == end:
                    nested[number] = nested[inner]
                elif nested[inner][0] < nested[inner][1]:
                    nested[number] = min(start, nested[inner][0]), max(end, nested[inner][1])
    # Pairs that stand side by side in the source, or would cross: the second one gives way.
    for place, number in enumerate(pairs):
        for other in pairs[place + 1 :]:
            a, b = nested[number], nested[other]
            if marks[other].start >= marks[number].end or a[0] < b[0] < a[1] < b[1]:
                nested[other] = _part_outside(a, b)
            elif b[0] < a[0] < b[1] < a[1]:
                nested[other] = b[0], a[0]
    return nested


def _part_outside(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    """Return the second of two stretches without what it shares with the first."""
    start, end = second
    if end <= first[0] or start >= first[1]:
        return second
    if start < first[0]:
        return start, first[0]
    return (first[1], end) if end > first[1] else (first[1], first[1])

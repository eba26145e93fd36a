"""Marks within a sentence: tags, Markdown, quotes, brackets, emoji, dashes and dots of a pause.

The sentence is translated without them, and each is put back where the words that it stood at have
gone. Nothing is lost or doubled, and pairs never cross, whatever the links between words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..protected import spans
from ..sentence_ends import word_set
from .characters import has_letter
from .links import Links
from .symbols import SYMBOLS

_TAG = r"<(?P<close>/?)(?P<name>[A-Za-z][\w:-]*)(?:\s[^<>]*)?(?P<void>/?)>|<!--.*?-->"
_SYMBOL = rf"{SYMBOLS}+"
# Two hyphens that touch a word on one side alone are an option of a command.
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
_BRACKETED = re.compile(r"\([^()\[\].!?]{1,40}\)|\[[^()\[\].!?]{1,40}\]")
_VOID = word_set(
    """
    area base br col embed hr img input link meta source track wbr
    """
)
_PUNCTUATION = re.compile(r"\s?[,.!?;:…]+")


@dataclass(frozen=True)
class Mark:
    """A mark that was taken out of a sentence.

    Attributes:
        start, end: the characters of the plain sentence that it stands around; equal for a mark
            that stands at one place.
        opening: what stands before them; the whole of a mark at one place.
        closing: what stands after them.
        space_before, space_after: whether a mark at one place had a space there.
    """

    start: int
    end: int
    opening: str
    closing: str = ""
    space_before: bool = False
    space_after: bool = False

    @property
    def paired(self) -> bool:
        """Whether it stands around something."""
        return bool(self.closing)


def take_out(sentence: str) -> tuple[str, tuple[Mark, ...]]:
    """Return a sentence without its marks, and these in the order of their places."""
    cuts = _cuts(sentence)
    if not cuts:
        return sentence, ()
    parts: list[str] = []
    length, place = 0, 0
    open_places: dict[int, tuple[int, str]] = {}
    marks: list[Mark] = []
    for start, end, number, role in cuts:
        kept = sentence[place:start]
        parts.append(kept)
        length += len(kept)
        text = sentence[start:end]
        place = end
        if role == "open":
            open_places[number] = (length, text)
        elif role == "close":
            begun, opening = open_places[number]
            marks.append(Mark(begun, length, opening, text))
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


def _cuts(sentence: str) -> list[tuple[int, int, int, str]]:
    """Start, end, number of the mark, and ``open``, ``close`` or ``point``, from left to right."""
    protected = [
        (span.start, span.end) for span in spans(sentence) if span.kind not in ("tag", "symbol")
    ]
    cuts: list[tuple[int, int, int, str]] = []

    def is_free(start: int, end: int) -> bool:
        return not any(a < end and start < b for a, b in protected) and not any(
            cut[0] < end and start < cut[1] for cut in cuts
        )

    def add_pair(start: int, inner: int, after: int, end: int) -> None:
        if is_free(start, inner) and is_free(after, end) and not _crosses(cuts, inner, after):
            number = len(cuts)
            cuts.append((start, inner, number, "open"))
            cuts.append((after, end, number, "close"))

    for match in re.finditer(_LINK, sentence):
        # The address in its closing half is protected by going with it.
        if is_free(match.start(), match.end("text")):
            cuts.append((match.start(), match.start("text"), len(cuts), "open"))
            cuts.append((match.end("text"), match.end(), len(cuts) - 1, "close"))
    _add_tags(sentence, cuts, is_free)
    for match in _EMPHASIS.finditer(sentence):
        size = len(match["mark"])
        add_pair(match.start(), match.start() + size, match.end() - size, match.end())
    for pattern in (_QUOTED, _BRACKETED):
        for match in pattern.finditer(sentence):
            add_pair(match.start(), match.start() + 1, match.end() - 1, match.end())
    last_letter = max((place for place, c in enumerate(sentence) if c.isalpha()), default=-1)
    for match in _POINTS.finditer(sentence):
        if match["pause"] and match.end() > last_letter:
            continue  # dots that no word follows are the sentence's final mark
        if is_free(*match.span()):
            cuts.append((*match.span(), len(cuts), "point"))
    return sorted(cuts)


def _add_tags(sentence: str, cuts: list[tuple[int, int, int, str]], is_free: object) -> None:
    assert callable(is_free)
    waiting: list[tuple[str, int, int]] = []
    tags: list[tuple[int, int, int, str]] = []
    for number, match in enumerate(re.finditer(_TAG, sentence), 1000):
        start, end = match.span()
        if not is_free(start, end):
            continue
        name = (match["name"] or "").lower()
        if name and not match["close"] and not match["void"] and name not in _VOID:
            waiting.append((name, len(tags), number))
            tags.append((start, end, number, "point"))
            continue
        if match["close"] and any(name == other for other, _, _ in waiting):
            while True:
                other, place, opened = waiting.pop()
                if other == name:
                    break
            tags[place] = (*tags[place][:3], "open")
            tags.append((start, end, opened, "close"))
            continue
        tags.append((start, end, number, "point"))
    cuts += tags


def _crosses(cuts: Sequence[tuple[int, int, int, str]], start: int, end: int) -> bool:
    """Whether a pair around start to end would hold one half of another pair."""
    inside = [cut[2] for cut in cuts if cut[3] != "point" and start <= cut[0] and cut[1] <= end]
    return any(inside.count(number) == 1 for number in inside)


def put_back(translation: str, marks: Sequence[Mark], links: Links) -> str:
    """Return a translation with the marks of its source at the words that draw on theirs."""
    placed = _well_nested([_placed(translation, mark, links) for mark in marks], marks)
    text, shift = translation, 0
    events: list[tuple[int, int, int, str]] = []
    for number, (mark, (start, end)) in enumerate(zip(marks, placed, strict=True)):
        if not mark.paired:
            before = " " if mark.space_before and start and text[start - 1] != " " else ""
            after = " " if mark.space_after and text[start : start + 1] not in ("", " ") else ""
            events.append((start, 1, number, before + mark.opening + after))
        elif start == end:
            events.append((start, 1, number, mark.opening + mark.closing))
        else:
            # At one place inner pairs close before outer ones, and outer ones open before inner.
            events.append((start, 2, number, mark.opening))
            events.append((end, 0, -number, mark.closing))
    for place, _, _, inserted in sorted(events):
        text = text[: place + shift] + inserted + text[place + shift :]
        shift += len(inserted)
    return text


def _placed(translation: str, mark: Mark, links: Links) -> tuple[int, int]:
    """Where a mark goes: around the words that draw on what it stood around, or behind one."""
    if mark.paired:
        words = links.targets_of(mark.start, mark.end)
        if not words:
            place = _behind(mark.start, links)
            return place, place
        first, last = links.target[min(words)][0], links.target[max(words)][1]
        source_words = [b for a, b in links.source if a < mark.end and mark.start < b]
        if source_words and mark.end > max(source_words):
            tail = _PUNCTUATION.match(translation, last)
            last = tail.end() if tail else last
        return first, last
    place = _behind(mark.start, links)
    last_word = max((b for _, b in links.source if b <= mark.start), default=0)
    if mark.start > last_word and place == max((b for _, b in links.target), default=0):
        tail = _PUNCTUATION.match(translation, place)
        place = tail.end() if tail else place
    return place, place


def _behind(place: int, links: Links) -> int:
    """Behind the translation of the last source word that ends before a place."""
    for number in range(len(links.source) - 1, -1, -1):
        start, end = links.source[number]
        if end > place:
            continue
        words = links.targets_of(start, end)
        if words:
            return links.target[max(words)][1]
    return 0


def _well_nested(placed: list[tuple[int, int]], marks: Sequence[Mark]) -> list[tuple[int, int]]:
    """The places of pairs, widened around what is inside of them and cut where they would cross."""
    result = list(placed)
    pairs = [number for number, mark in enumerate(marks) if mark.paired]
    for number in reversed(pairs):
        outer = marks[number]
        for inner in pairs:
            if (
                inner > number
                and marks[inner].end <= outer.end
                and marks[inner].start >= outer.start
            ):
                start, end = result[number]
                if start == end:
                    result[number] = result[inner]
                elif result[inner][0] < result[inner][1]:
                    result[number] = min(start, result[inner][0]), max(end, result[inner][1])
    for place, number in enumerate(pairs):
        for other in pairs[place + 1 :]:
            a, b = result[number], result[other]
            if marks[other].start >= marks[number].end or a[0] < b[0] < a[1] < b[1]:
                result[other] = _apart(a, b)
            elif b[0] < a[0] < b[1] < a[1]:
                result[other] = b[0], a[0]
    return result


def _apart(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    """The second of two stretches without what the first has of it."""
    start, end = second
    if end <= first[0] or start >= first[1]:
        return second
    if start < first[0]:
        return start, first[0]
    return (first[1], end) if end > first[1] else (first[1], first[1])

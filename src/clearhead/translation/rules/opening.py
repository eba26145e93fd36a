"""Openings that are no part of a sentence: a time, a note in brackets, a speaker, a label.

Times and speakers' names are kept; notes and labels are translated separately, and the sentence
after them as if it were alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from .characters import has_letter
from .languages.english import ENGLISH
from .languages.language import Language

_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?"


class _Patterns(NamedTuple):
    time: re.Pattern[str]
    note: re.Pattern[str]
    label: re.Pattern[str]
    dashed: re.Pattern[str]
    name_word: re.Pattern[str]


@cache
def _patterns(language: Language) -> _Patterns:
    """Return the patterns of what a sentence of a language opens with."""
    capital, space = rf"[{language.capitals}]", r"\s?" if language.has_spaced_marks else ""
    # What begins the sentence behind an opening, after quotes and marks of emphasis.
    beginning = rf"(?=(?:«{space})?[\"'“‘«(\[*_~{{]*[^\W\d_{language.small_letters}])"
    title_word = rf"{capital}[\w.'’-]*"
    return _Patterns(
        re.compile(rf"(?:\[{_CLOCK}\]|\({_CLOCK}\)|{_CLOCK}(?:\s+[-–—]+)?)\s+{beginning}"),
        re.compile(rf"([(\[])([^()\[\].!?]{{1,40}})([)\]]\s+){beginning}"),
        re.compile(
            rf"({capital}[^:.!?\"“”«»()\[\]{{}}<>/@\d]{{0,40}}?)"
            rf"(?:(\s*[(\[])([^()\[\]:]{{1,30}})([)\]]))?({space}:\s+){beginning}"
        ),
        re.compile(rf"({title_word}(?: {title_word}){{0,2}})(\s+[-–—]{{1,2}}\s+){beginning}"),
        re.compile(rf"{title_word}\Z"),
    )


@dataclass(frozen=True)
class OpeningPart:
    """A stretch before a sentence.

    Attributes:
        text: the stretch.
        translate: whether it is translated by itself.
        rule: ``time``, ``note``, ``speaker`` or ``label``.
    """

    text: str
    translate: bool
    rule: str


def opening(sentence: str, language: Language = ENGLISH) -> list[OpeningPart]:
    """Return the opening of a sentence, without the sentence; empty if there is none.

    For "Tom: Come in." this is the speaker "Tom: ". What follows may have an opening of its own.
    """
    time = _patterns(language).time.match(sentence)
    if time:
        return _stretch(time[0], "time") if has_letter(sentence[time.end() :]) else []
    parts = _note(sentence, language)
    if not parts and language.labels is not None:
        parts = _label(sentence, language) or _dash_label(sentence, language)
    return parts if has_letter(sentence[sum(len(part.text) for part in parts) :]) else []


def is_name(words: str, language: Language = ENGLISH) -> bool:
    """Return whether words before a colon look like a speaker's name.

    None do in a language without a list of labels, which would be taken for names.
    """
    parts, labels = words.split(), language.labels
    return (
        labels is not None
        and 0 < len(parts) <= 3
        and all(_patterns(language).name_word.match(word) for word in parts)
        and parts[0].lower() not in language.starters | labels
        and parts[-1].lower() not in labels
    )


def _note(sentence: str, language: Language) -> list[OpeningPart]:
    """Return the note in brackets that a sentence opens with: who speaks, or how."""
    match = _patterns(language).note.match(sentence)
    if match is None:
        return []
    if is_name(match[2], language) or not has_letter(match[2]):
        return _stretch(match[0], "speaker")
    return [OpeningPart(match[1], False, "note"), OpeningPart(match[2], True, "note"),
            OpeningPart(match[3], False, "note")]  # fmt: skip


def _label(sentence: str, language: Language) -> list[OpeningPart]:
    """Return the words before a colon, with a note in brackets where there is one."""
    match = _patterns(language).label.match(sentence)
    if match is None:
        return []
    words, open_bracket, note, close_bracket, colon = match.groups()
    is_speaker = is_name(words, language)
    rule = "speaker" if is_speaker else "label"
    between = [OpeningPart(words, not is_speaker, rule)]
    if note is not None:
        note_parts = [
            OpeningPart(open_bracket, False, "note"),
            OpeningPart(note, has_letter(note), "note"),
            OpeningPart(close_bracket, False, "note"),
        ]
        return [*between, *note_parts, OpeningPart(colon, False, rule)]
    return (
        _stretch(words + colon, rule) if is_speaker else [*between, OpeningPart(colon, False, rule)]
    )


def _dash_label(sentence: str, language: Language) -> list[OpeningPart]:
    """Return the capitalised words and the dash before a sentence: a name, or a heading."""
    match = _patterns(language).dashed.match(sentence)
    is_sentence = match is not None and re.search(r"[.!?]\W*\Z", sentence[-20:])
    if match is None or not is_sentence or match[1].split()[0].lower() in language.starters:
        return []
    return [OpeningPart(match[1], True, "label"), OpeningPart(match[2], False, "label")]


def _stretch(text: str, rule: str) -> list[OpeningPart]:
    """Return a stretch that stays as it is, by this rule."""
    return [OpeningPart(text, False, rule)]

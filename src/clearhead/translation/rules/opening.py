"""What a sentence opens with and is no part of: a time, a note in brackets, a speaker, a label.

Times and speakers' names stay as they are; notes and labels are translated by themselves, and the
sentence behind them as if it stood alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .characters import has_letter
from .sentence_ends import STARTERS, word_set

# What begins the sentence behind an opening, after quotes and marks of emphasis.
_BEGINNING = r"(?=[\"'“‘«(\[*_~{]*[^\W\d_a-z])"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?"
_TIME = re.compile(rf"(?:\[{_CLOCK}\]|\({_CLOCK}\)|{_CLOCK}(?:\s+[-–—]+)?)\s+{_BEGINNING}")
_NOTE = re.compile(rf"([(\[])([^()\[\].!?]{{1,40}})([)\]]\s+){_BEGINNING}")
_LABEL = re.compile(
    r"([A-Z][^:.!?\"“”«»()\[\]{}<>/@\d]{0,40}?)"
    rf"(?:(\s*[(\[])([^()\[\]:]{{1,30}})([)\]]))?(:\s+){_BEGINNING}"
)
_TITLE_WORD = r"[A-Z][\w.'’-]*"
_DASHED = re.compile(rf"({_TITLE_WORD}(?: {_TITLE_WORD}){{0,2}})(\s+[-–—]{{1,2}}\s+){_BEGINNING}")
_NAME_WORD = re.compile(rf"{_TITLE_WORD}\Z")
# Words that are no speaker's name before a colon. Other capitalised words are taken for names.
LABELS = word_set(
    """
    note notes warning caution attention important tip tips hint example examples question
    questions answer answers problem problems solution solutions remember result results reason
    reasons summary conclusion conclusions introduction subject title date time place address
    phone email name names price total today tomorrow yesterday monday tuesday wednesday thursday
    friday saturday sunday breakfast lunch dinner step ingredients directions instructions news
    update error success message reply re ps update first second third finally also rule rules
    idea translation meaning definition chapter section part page figure table contents source
    advice
    """
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


def opening(sentence: str) -> list[OpeningPart]:
    """Return what a sentence opens with, without the sentence; empty where there is nothing.

    For "Tom: Come in." this is the speaker "Tom: ". What follows may have an opening of its own.
    """
    time = _TIME.match(sentence)
    if time:
        return _stretch(time[0], "time") if has_letter(sentence[time.end() :]) else []
    parts = _note(sentence) or _label(sentence) or _dash_label(sentence)
    return parts if has_letter(sentence[sum(len(part.text) for part in parts) :]) else []


def is_name(words: str) -> bool:
    """Return whether words before a colon look like a speaker's name."""
    parts = words.split()
    return (
        0 < len(parts) <= 3
        and all(_NAME_WORD.match(word) for word in parts)
        and parts[0].lower() not in STARTERS | LABELS
        and parts[-1].lower() not in LABELS
    )


def _note(sentence: str) -> list[OpeningPart]:
    """Return the note in brackets that a sentence opens with: who speaks, or how."""
    match = _NOTE.match(sentence)
    if match is None:
        return []
    if is_name(match[2]) or not has_letter(match[2]):
        return _stretch(match[0], "speaker")
    return [OpeningPart(match[1], False, "note"), OpeningPart(match[2], True, "note"),
            OpeningPart(match[3], False, "note")]  # fmt: skip


def _label(sentence: str) -> list[OpeningPart]:
    """Return the words before a colon, with a note in brackets where there is one."""
    match = _LABEL.match(sentence)
    if match is None:
        return []
    words, open_bracket, note, close_bracket, colon = match.groups()
    is_speaker = is_name(words)
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


def _dash_label(sentence: str) -> list[OpeningPart]:
    """Return the capitalised words and the dash before a sentence: a name, or a heading."""
    match = _DASHED.match(sentence)
    is_sentence = match is not None and re.search(r"[.!?]\W*\Z", sentence[-20:])
    if match is None or not is_sentence or match[1].split()[0].lower() in STARTERS:
        return []
    return [OpeningPart(match[1], True, "label"), OpeningPart(match[2], False, "label")]


def _stretch(text: str, rule: str) -> list[OpeningPart]:
    """Return a stretch that stays as it is, by this rule."""
    return [OpeningPart(text, False, rule)]

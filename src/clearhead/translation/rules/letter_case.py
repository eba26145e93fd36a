"""Sentences IN CAPITALS, In Title Case or without a first capital, read in ordinary case.

What is given back: capitals to a sentence in capitals; to one without a first capital letter a
small one; a title keeps one capital, as French titles have.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .protected import spans
from .sentence_ends import TITLES, word_set

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SMALL = word_set(
    """
    a an the of and or but in on at to for from by with as is are be it its into not
    """
)

# How many pieces a model writes a word with: the fewer, the better it knows this spelling.
CountPieces = Callable[[str], int]


def kind_of_case(sentence: str) -> str:
    """Name a sentence's case: ``capitals``, ``title``, ``small`` or, as usual, ``sentence``."""
    places = _word_places(sentence)
    every = [sentence[start:end] for start, end in places]
    words = [word for word in every if len(word) > 1]
    if not words:
        return "sentence"
    if all(map(str.isupper, words)):
        long = [word for word in words if len(word) > 3]
        return "capitals" if len(words) > 1 and long else "sentence"
    if every[0][:1].islower():
        begins = not any(map(str.isalnum, sentence[: places[0][0]]))
        return "small" if len(every) > 1 and begins else "sentence"
    following = every[1:]
    capital = [word for word in following if word[0].isupper() and word[1:].islower()]
    small = [word for word in following if word.islower()]
    if len(capital) >= 2 and all(word.lower() in _SMALL for word in small):
        ordinary = [word for word in capital if word.lower() in _SMALL]
        if ordinary or not re.search(r"[.!?]\W*\Z", sentence[-20:]):
            return "title"
    return "sentence"


def ordinary_case(sentence: str, kind: str, count_pieces: CountPieces) -> str:
    """Return a sentence in the case that it would have in a running text."""
    if kind == "sentence":
        return sentence
    words = _word_places(sentence)
    if kind == "small":
        first = words[0][0]
        return sentence[:first] + sentence[first].upper() + sentence[first + 1 :]
    parts: list[str] = []
    place = 0
    for number, (start, end) in enumerate(words):
        is_titled = sentence[place:start] == ". " and parts[-1].lower() in TITLES
        word = _ordinary_word(sentence[start:end], number == 0 or is_titled, count_pieces)
        parts += [sentence[place:start], word]
        place = end
    return "".join([*parts, sentence[place:]])


def _ordinary_word(word: str, is_first: bool, count_pieces: CountPieces) -> str:
    lower = word.lower()
    if lower == "i" or lower.startswith("i'"):
        return "I" + lower[1:]
    capital = lower[:1].upper() + lower[1:]
    if is_first:
        return capital
    # A name or an acronym is spelled with fewer pieces in its own case than in small letters.
    forms = [lower, capital, word] if word.isupper() else [lower, capital]
    return min(forms, key=count_pieces)


def give_back_case(translation: str, kind: str) -> str:
    """Return a translation in the case of its source, of the same length."""
    if kind == "capitals":
        parts, place = [], 0
        for span in spans(translation):
            parts += [_upper(translation[place : span.start]), span.text]
            place = span.end
        return "".join([*parts, _upper(translation[place:])])
    words = _word_places(translation)
    if kind == "small" and words:
        start, end = words[0]
        word = translation[start:end]
        if word == word.capitalize() and not any(map(str.isalnum, translation[:start])):
            return translation[:start] + word[0].lower() + translation[start + 1 :]
    return translation


def _word_places(text: str) -> list[tuple[int, int]]:
    """Return start and end of each word outside of placeholders, addresses and the like."""
    protected = [(span.start, span.end) for span in spans(text)]
    return [
        match.span()
        for match in _WORD.finditer(text)
        if not any(start < match.end() and match.start() < end for start, end in protected)
    ]


def _upper(text: str) -> str:
    # A letter whose capital is two letters keeps its place and stays small.
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in text)

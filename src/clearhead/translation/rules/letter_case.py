"""Sentences IN CAPITALS, In Title Case or without a first capital, read in ordinary case.

The translation gets the case of its source: capitals, or a small first letter; a title gets one
capital, as in French, or the capitals of an English title.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .languages.english import ENGLISH
from .languages.language import NEUTRAL, Language
from .protected import spans

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# Where words lose their last vowel before an apostrophe, each side of it has a case of its own.
_ELIDED_WORD = re.compile(r"(?i:aujourd['’]hui)|[^\W\d_]+")

# The number of pieces in which a model spells a word: the fewer, the better it knows this spelling.
CountPieces = Callable[[str], int]


def kind_of_case(sentence: str, language: Language = ENGLISH) -> str:
    """Name a sentence's case: ``capitals``, ``title``, ``small`` or, as usual, ``sentence``."""
    places = _word_places(sentence, language)
    every = [sentence[start:end] for start, end in places]
    words = [word for word in every if len(word) > 1]
    if not words:
        return "sentence"
    if all(map(str.isupper, words)):
        whole_words = _WORD.findall(sentence) if language.has_elision else words
        long = [word for word in whole_words if len(word) > 3]
        return "capitals" if len(words) > 1 and long else "sentence"
    if every[0][:1].islower():
        begins = not any(map(str.isalnum, sentence[: places[0][0]]))
        return "small" if len(every) > 1 and begins else "sentence"
    following = every[1:]
    capital = [word for word in following if word[0].isupper() and word[1:].islower()]
    small = [word for word in following if word.islower()]
    small_words = language.small_words
    if small_words is None:
        return "sentence"
    if len(capital) >= 2 and all(word.lower() in small_words for word in small):
        ordinary = [w for w in capital if w.lower() in small_words - language.name_words]
        if ordinary or not re.search(r"[.!?]\W*\Z", sentence[-20:]):
            return "title"
    return "sentence"


def ordinary_case(
    sentence: str, kind: str, count_pieces: CountPieces, language: Language = ENGLISH
) -> str:
    """Return a sentence in the case that it would have in running text."""
    if kind == "sentence":
        return sentence
    words = _word_places(sentence, language)
    if kind == "small":
        first = words[0][0]
        return sentence[:first] + sentence[first].upper() + sentence[first + 1 :]
    parts: list[str] = []
    place = 0
    for number, (start, end) in enumerate(words):
        is_titled = sentence[place:start] == ". " and parts[-1].lower() in language.titles
        is_first = number == 0 or is_titled
        word = _ordinary_word(sentence[start:end], is_first, count_pieces, language)
        parts += [sentence[place:start], word]
        place = end
    return "".join([*parts, sentence[place:]])


def _ordinary_word(word: str, is_first: bool, count_pieces: CountPieces, language: Language) -> str:
    lower = word.lower()
    if _is_pronoun(lower, language):
        return lower[:1].upper() + lower[1:]
    capital = lower[:1].upper() + lower[1:]
    if is_first:
        return capital
    # A name or an acronym is spelled with fewer pieces in its own case than in small letters.
    forms = [lower, capital, word] if word.isupper() else [lower, capital]
    return min(forms, key=count_pieces)


def _is_pronoun(word: str, language: Language) -> bool:
    """Return whether a word, in lower case, is always capitalised: "i", "i'm"."""
    return bool(language.pronoun) and word.partition("'")[0] == language.pronoun


def give_back_case(translation: str, kind: str, language: Language = NEUTRAL) -> str:
    """Return a translation in the case of its source, of the same length.

    Args:
        translation: of a sentence that was read in ordinary case.
        kind: its case, as `kind_of_case` names it.
        language: of the translation.
    """
    if kind == "capitals":
        parts, place = [], 0
        for span in spans(translation):
            parts += [_upper(translation[place : span.start]), span.text]
            place = span.end
        return "".join([*parts, _upper(translation[place:])])
    words = _word_places(translation)
    if kind == "title" and language.title_words is not None:
        return _capital_title(translation, words, language.title_words)
    if kind == "small" and words:
        start, end = words[0]
        word = translation[start:end]
        is_capital = word == word.capitalize() and not _is_pronoun(word.lower(), language)
        if is_capital and not any(map(str.isalnum, translation[:start])):
            return translation[:start] + word[0].lower() + translation[start + 1 :]
    return translation


def _capital_title(
    translation: str, words: list[tuple[int, int]], small_words: frozenset[str]
) -> str:
    """Return a title with a capital letter at each word but the small ones within it."""
    letters = list(translation)
    for number, (start, end) in enumerate(words):
        is_small = translation[start:end] in small_words
        if number in (0, len(words) - 1) or not is_small:
            letters[start] = _upper(letters[start])
    return "".join(letters)


def _word_places(text: str, language: Language = NEUTRAL) -> list[tuple[int, int]]:
    """Return start and end of each word outside of placeholders, addresses and the like."""
    pattern = _ELIDED_WORD if language.has_elision else _WORD
    protected = [(span.start, span.end) for span in spans(text)]
    return [
        match.span()
        for match in pattern.finditer(text)
        if not any(start < match.end() and match.start() < end for start, end in protected)
    ]


def _upper(text: str) -> str:
    # A letter whose capital is two letters keeps its place and stays small.
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in text)

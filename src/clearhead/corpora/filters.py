"""Rules that drop useless or wrong pairs; the name of a rule is the reported reason.

The source is English and the target French. The rules are cheap: they check characters and the most
frequent words, and keep doubtful pairs. The scores of a model can find bad pairs that the rules
miss.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..text.corpus import Pair
from ..translation.rules.languages.language import word_set

EMPTY = "empty side"
NEAR_DOUBLE = "near double"
DOUBLE = "double"
TOO_MANY_WORDS = "too many words"

# "l'homme" is two words, "l'" and "homme"; so is "don't".
_WORD = re.compile(r"[^\W\d_]+'?")
_DIGIT = re.compile(r"\d")
_OTHER_FORM = re.compile(
    r"\bp\. ?100\b|\b\d{1,2} ?(?:heures?|h)\b(?: ?\d\d\b)?|\b\d{1,2}(?:[:.]\d\d)? ?[ap]\.? ?m\b"
)
_NOT_LETTERS = re.compile(r"[\W\d_]+")

# Frequent words of only one language: not "a", "on", "me", "as", "or", "an", "son" or "main", which
# both have. Elided words keep their apostrophe.
_ENGLISH = word_set(
    """
    about and are at be because been but by can could did didn' do does doesn' don' for from had has
    have he her him his how i i' if in is isn' it it' its just know like my no not of she should
    that that' the their them there they they' this to was we were what when where which who why
    will with would you your
    """
)
_FRENCH = word_set(
    """
    au aussi aux avec ce ces cette c' chez d' dans de des du elle elles en est et il ils j' je l' la
    le les leur lui mais mes moi m' ne nous n' où par pas peut plus pour que qui quoi qu' sa sans se
    ses si sont suis sur s' toi tu très un une vous votre y à ça été être
    """
)
_MOST_COPIED = 0.6
_FEWEST_COPIED = 4
_LONG = 60  # characters


class Candidate(NamedTuple):
    """A pair with its words in lower case.

    Attributes:
        pair: English and French.
        english_words, french_words: in order; an elided word keeps its apostrophe.
        is_sentence: whether the pair should be whole sentences. A term may be a symbol without
            words, and may be much longer in one language.
    """

    pair: Pair
    english_words: list[str]
    french_words: list[str]
    is_sentence: bool

    @classmethod
    def of(cls, pair: Pair, *, is_sentence: bool) -> Candidate:
        """Return a pair with its words."""
        english, french = (_WORD.findall(text.lower()) for text in pair)
        return cls(pair, english, french, is_sentence)


def has_no_words(candidate: Candidate) -> bool:
    """Return whether a side that should be a sentence has no words."""
    words = candidate.english_words and candidate.french_words
    return candidate.is_sentence and not words


def is_same_text(candidate: Candidate) -> bool:
    """Return whether both sides are the same text of more than three words."""
    pair = candidate.pair
    return pair.source == pair.target and len(candidate.english_words) > 3


def is_unequal(candidate: Candidate) -> bool:
    """Return whether one side is far too long to be a translation of the other."""
    english, french = map(len, candidate.pair)
    if candidate.is_sentence and (french > 3 * english + 12 or english > 2.2 * french + 12):
        return True
    return max(english, french) > _LONG and not 0.6 * english < french < 2.2 * english + 20


def is_wrong_language(candidate: Candidate) -> bool:
    """Return whether a side seems to be in the other language.

    That is so if it has at least two frequent words of that language, and more than of its own.
    """
    return _is_of(candidate.french_words, _ENGLISH, _FRENCH) or _is_of(
        candidate.english_words, _FRENCH, _ENGLISH
    )


def _is_of(words: Sequence[str], other: frozenset[str], own: frozenset[str]) -> bool:
    foreign = sum(word in other for word in words)
    return foreign >= 2 and foreign > sum(word in own for word in words)


def is_copied(candidate: Candidate) -> bool:
    """Return whether most words of a sentence are on both sides, not counting names."""
    english, french = set(candidate.english_words), set(candidate.french_words)
    if not _is_mostly_in(english, french):
        return False
    words = _WORD.findall(candidate.pair.source)
    small = {word for word in words if word.islower() and len(word) > 1}
    return len(small) >= _FEWEST_COPIED and _is_mostly_in(small, french)


def _is_mostly_in(words: set[str], others: set[str]) -> bool:
    return len(words & others) > _MOST_COPIED * min(len(words), len(others))


def has_other_numbers(candidate: Candidate) -> bool:
    """Return whether the sides differ in more than two digits; a number may be written in words.

    Hours and percentages do not count: "2 p.m." is "14 heures", and "5%" is "5 p. 100".
    """
    return _differ(*candidate.pair) and _differ(
        *(_OTHER_FORM.sub("", text) for text in candidate.pair)
    )


def _differ(english: str, french: str) -> bool:
    digits = Counter(_DIGIT.findall(english))
    digits.subtract(_DIGIT.findall(french))
    return sum(map(abs, digits.values())) > 2


def is_stage_direction(candidate: Candidate) -> bool:
    """Return whether a side begins with a bracket, like notes in transcripts of speeches."""
    return any(text.startswith(("(", "[")) for text in candidate.pair)


Rule = Callable[[Candidate], bool]

ALWAYS: dict[str, Rule] = {
    "no words": has_no_words,
    "same text": is_same_text,
    "unequal length": is_unequal,
    "wrong language": is_wrong_language,
    "copied text": is_copied,
}
"""The rules that apply to every corpus, by their reasons."""

EXTRA: dict[str, Rule] = {
    "numbers differ": has_other_numbers,
    "stage direction": is_stage_direction,
}
"""The optional rules. `NEAR_DOUBLE` is another one, which needs to see other pairs."""


def rules_of(extra: Sequence[str], most_words: int | None = None) -> dict[str, Rule]:
    """Return the rules of a corpus with some extra ones.

    Args:
        extra: reasons of the extra rules.
        most_words: of the English text, separated by spaces; None for any number.
    """
    rules = ALWAYS | {name: rule for name, rule in EXTRA.items() if name in extra}
    if most_words is not None:
        rules[TOO_MANY_WORDS] = lambda candidate: len(candidate.pair.source.split()) > most_words
    return rules


def reason_to_drop(pair: Pair, rules: dict[str, Rule], *, is_sentence: bool) -> str | None:
    """Return the first reason to drop a clean pair; None to keep it."""
    if not pair.source or not pair.target:
        return EMPTY
    candidate = Candidate.of(pair, is_sentence=is_sentence)
    return next((name for name, rule in rules.items() if rule(candidate)), None)


def letters_of(pair: Pair) -> tuple[str, str]:
    """Return the letters of both sides in lower case, which are equal for near doubles."""
    english, french = (_NOT_LETTERS.sub("", text.lower()) for text in pair)
    return english, french

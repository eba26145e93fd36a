"""The data that the rules need about a language; its defaults are neutral."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NO_WORDS: frozenset[str] = frozenset()


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text, as the rules write their data."""
    return frozenset(text.split())


@dataclass(frozen=True, eq=False)
class Language:
    """The rules' data for one language. Words are in lower case unless stated otherwise.

    Attributes:
        name: in English, for messages.
        titles: abbreviations before a name, written with a capital letter: "Mr. Smith".
        before_numbers: abbreviations before a number: "No. 5", "Jan. 3".
        days, months: abbreviations, and full names of months; with a capital letter before a date.
        never_last: abbreviations within a sentence, whatever follows: "e.g. London".
        may_be_last: abbreviations that end a sentence as often as not: a capital letter after
            them begins the next one.
        degrees: abbreviations after a name, last only before a word that begins sentences.
        countries: abbreviations that may stand before ``institutions``: "the U.S. Army".
        institutions: what a country's abbreviation qualifies.
        starters: words that begin sentences, and are no names.
        letter_words: words of one letter, as they are written, which a sentence may end with.
        opening_time: a time with a full stop at its end that a sentence may open with.
        question: the beginning of a question, typed without its mark; None: no sentence is a
            question.
        exclamation: the beginning of what looks like a question but is none.
        labels: words before a colon that are no speaker's name; None if names cannot be told from
            labels, so that text before a colon is not separated.
        small_words: words that a Title Keeps Small; None for a language without such titles.
        name_words: those of ``small_words`` that are capitalised in names: "La Rochelle".
        pronoun: a word that has its capital letter everywhere: "i".
        capitals, small_letters: of the alphabet, as within brackets of a pattern.
        has_elision: whether words lose their last vowel before an apostrophe: "l'ami".
        has_spaced_marks: whether a space stands before "! ? ; :" and inside of « ».
        has_spaced_thousands: whether a space groups digits: "12 500".
        quotes: what « » of a source become in a translation; None: they are kept.
        title_words: the words in lower case where Titles Have Capitals; None: titles have one
            capital.
    """

    name: str
    titles: frozenset[str] = _NO_WORDS
    before_numbers: frozenset[str] = _NO_WORDS
    days: frozenset[str] = _NO_WORDS
    months: frozenset[str] = _NO_WORDS
    never_last: frozenset[str] = _NO_WORDS
    may_be_last: frozenset[str] = _NO_WORDS
    degrees: frozenset[str] = _NO_WORDS
    countries: frozenset[str] = _NO_WORDS
    institutions: frozenset[str] = _NO_WORDS
    starters: frozenset[str] = _NO_WORDS
    letter_words: frozenset[str] = _NO_WORDS
    opening_time: re.Pattern[str] | None = None
    question: re.Pattern[str] | None = None
    exclamation: re.Pattern[str] | None = None
    labels: frozenset[str] | None = None
    small_words: frozenset[str] | None = None
    name_words: frozenset[str] = _NO_WORDS
    pronoun: str = ""
    capitals: str = "A-Z"
    small_letters: str = "a-z"
    has_elision: bool = False
    has_spaced_marks: bool = False
    has_spaced_thousands: bool = False
    quotes: tuple[str, str] | None = None
    title_words: frozenset[str] | None = None

    @property
    def space_before_mark(self) -> str:
        """What stands before a question mark or an exclamation mark."""
        return " " if self.has_spaced_marks else ""


NEUTRAL = Language("a language without rules")

"""Each reason to leave a pair out, and pairs that have none."""

from __future__ import annotations

import pytest

from clearhead.corpora.filters import ALWAYS, EXTRA, letters_of, reason_to_drop, rules_of
from clearhead.text.corpus import Pair

EVERY = rules_of(tuple(EXTRA))


def reason(english: str, french: str, *, is_sentence: bool = True) -> str | None:
    return reason_to_drop(Pair(english, french), EVERY, is_sentence=is_sentence)


@pytest.mark.parametrize(
    ("english", "french", "expected"),
    [
        ("", "Oui.", "empty side"),
        ("Yes.", "", "empty side"),
        ("12 + 3", "douze", "no words"),
        ("We sell old red bicycles", "We sell old red bicycles", "same text"),
        ("No.", "Non, je ne pense pas que ce soit une bonne idée.", "unequal length"),
        ("The cat that we saw by the river has come back again.", "Le chat.", "unequal length"),
        ("The river is very wide.", "The river is wide.", "wrong language"),
        ("La rivière est très large.", "La rivière est large.", "wrong language"),
        (
            "Okay, go boston haha, fav food?",
            "Ok, allez boston haha, fav food ?",
            "copied text",
        ),
        ("It was built in 1931.", "Il a été construit en 1847.", "numbers differ"),
        ("(Applause)", "(Applaudissements)", "stage direction"),
    ],
)
def test_reasons(english: str, french: str, expected: str) -> None:
    assert reason(english, french) == expected


@pytest.mark.parametrize(
    ("english", "french"),
    [
        ("Stop!", "Stop !"),
        ("On a son tour, Tom saw me.", "On a vu Tom, as-tu son ami ?"),
        ("As on me, or an a.", "Tu me dis si on a un ami."),
        ("I like the film The Lord of the Rings.", "J'aime Le Seigneur des anneaux."),
        ("She told him c'est la vie and that was it.", "Elle lui a dit c'est la vie."),
        ("Tom reads the New York Times.", "Tom lit le New York Times."),
        ("I guess a walk would help.", "Je pense que ce serait une bonne idée de me promener."),
        ("At 2:15 p.m. it was 40%.", "À 14 h 15, c'était 40 p. 100."),
        ("I have 3 cats.", "J'ai trois chats."),
        ("I have 12 dogs.", "J'ai douze chiens."),
    ],
)
def test_good_pairs_have_none(english: str, french: str) -> None:
    assert reason(english, french) is None


def test_terms_may_be_signs_and_of_other_length() -> None:
    assert reason("+", "plus", is_sentence=False) is None
    assert reason("ox", "animal de trait de la famille des bovins", is_sentence=False) is None
    assert reason("ox", "animal de trait de la famille des bovins") == "unequal length"


def test_extra_rules_are_asked_for() -> None:
    assert rules_of(()) == ALWAYS
    assert list(rules_of(("stage direction",))) == [*ALWAYS, "stage direction"]


def test_the_most_words_of_an_english_text() -> None:
    rules = rules_of((), most_words=2)
    short, long = Pair("don't go", "ne pars pas d'ici"), Pair("to let go", "lâcher")
    assert reason_to_drop(short, rules, is_sentence=False) is None
    assert reason_to_drop(long, rules, is_sentence=False) == "too many words"


def test_near_doubles_have_the_same_letters() -> None:
    first, second = Pair("No. 12, sir!", "N° 12 !"), Pair("no. 7 sir", "N° 7.")
    assert letters_of(first) == letters_of(second) != letters_of(Pair("no", "n"))

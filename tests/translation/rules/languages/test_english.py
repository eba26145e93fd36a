"""English is what the rules knew first: their own tests say what it knows."""

from __future__ import annotations

from clearhead.translation.rules.languages.english import ENGLISH
from clearhead.translation.rules.letter_case import give_back_case
from clearhead.translation.rules.reading import Reading

TITLE = "The old man and the sea"


def test_an_english_title_has_capital_letters():
    assert give_back_case(TITLE, "title", ENGLISH) == "The Old Man and the Sea"
    assert give_back_case("What are you waiting for", "title", ENGLISH) == (
        "What Are You Waiting For"
    )
    assert give_back_case("Open {name} now", "title", ENGLISH) == "Open {name} Now"
    assert give_back_case(TITLE, "title") == TITLE


def test_i_keeps_its_capital_letter():
    assert give_back_case("I'm here.", "small", ENGLISH) == "I'm here."
    assert give_back_case("I see.", "small", ENGLISH) == "I see."
    assert give_back_case("It is here.", "small", ENGLISH) == "it is here."


def test_a_reading_gives_back_what_the_target_has():
    reading = Reading("x", "x", case="title", target=ENGLISH)
    assert reading.restore(TITLE, lambda _: None) == "The Old Man and the Sea"


def test_days_and_months_are_apart_from_other_abbreviations():
    assert ENGLISH.days & ENGLISH.titles == set()
    assert ENGLISH.never_last & ENGLISH.starters == set()
